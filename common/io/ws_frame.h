/* ws_frame: RFC 6455, 5.2: one frame from a client, and the head of one to a client.
 *
 * Pure: bytes in, bytes out; no memory of its own, so that a connection between two frames needs
 * none. Lengths in bytes. */
#ifndef LC_IO_WS_FRAME_H
#define LC_IO_WS_FRAME_H

#include "base/bytes.h"

enum ws_frame_opcode {
    WS_FRAME_CONTINUATION = 0,
    WS_FRAME_TEXT = 1,
    WS_FRAME_BINARY = 2,
    WS_FRAME_CLOSE = 8,
    WS_FRAME_PING = 9,
    WS_FRAME_PONG = 10
};

/* What a close frame may say about it (RFC 6455, 7.4.1). */
enum {
    WS_CODE_GOING_AWAY = 1001,
    WS_CODE_PROTOCOL = 1002,
    WS_CODE_NOT_UTF8 = 1007,
    WS_CODE_TOO_BIG = 1009,
};

enum { WS_FRAME_HEAD = 10, WS_CONTROL_MAX = 125 };

struct ws_frame {
    enum ws_frame_opcode opcode;
    bool fin;
    struct slice payload; /* in the bytes that were given, unmasked there */
    size_t whole;         /* head and payload: how much of the bytes it took */
};

enum ws_frame_found { WS_FRAME_PART, WS_FRAME_WHOLE, WS_FRAME_BROKEN };

/* ws_frame_read: the frame that data[0..n) begins with. Nothing is changed until it is whole; then
 * its payload is unmasked where it stands, so read it once. most: longest payload of a data frame.
 *   WS_FRAME_PART    more bytes are needed
 *   WS_FRAME_WHOLE   *out is filled in
 *   WS_FRAME_BROKEN  *code is what to close with: a reserved bit or opcode, a frame without mask, a
 *                    control frame in parts or over 125 bytes, a length in a longer form than it
 *                    needs (1002); longer than most (1009). Said as soon as the head shows it. */
enum ws_frame_found ws_frame_read(char *data, size_t n, size_t most, struct ws_frame *out,
                                  uint16_t *code);

/* ws_frame_head: the head of a whole message of n bytes, unmasked as servers send it, into
 * head[WS_FRAME_HEAD]; returns its length. */
size_t ws_frame_head(char *head, enum ws_frame_opcode opcode, size_t n);

/* ws_text_ok: is it UTF-8? U+0000 is (which base/utf8.h does not let pass). */
bool ws_text_ok(struct slice text);

/* ws_close_ok: may a close frame have this payload? *code is what to answer: what it says, 0 when
 * it says nothing, 1002 or 1007 when it may not. */
bool ws_close_ok(struct slice payload, uint16_t *code);

#endif
