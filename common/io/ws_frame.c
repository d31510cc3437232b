#include "io/ws_frame.h"

#include "base/utf8.h"

enum { FIN = 0x80, RESERVED = 0x70, MASKED = 0x80, SHORT = 125, LENGTH_16 = 126, LENGTH_64 = 127 };

static uint64_t
big_endian(const unsigned char *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* 8 bytes at a time: most of what a phone's frame costs. */
static void
unmask(char *p, size_t n, const unsigned char mask[4])
{
    uint64_t wide;
    size_t i = 0;

    memcpy(&wide, mask, 4);
    memcpy((char *)&wide + 4, mask, 4);
    for (; n - i >= 8; i += 8) {
        uint64_t v;
        memcpy(&v, p + i, sizeof v);
        v ^= wide;
        memcpy(p + i, &v, sizeof v);
    }
    for (; i < n; i++)
        p[i] = (char)((unsigned char)p[i] ^ mask[i % 4]);
}

static bool
is_control(unsigned opcode)
{
    return opcode >= WS_FRAME_CLOSE;
}

/* first_bytes_ok: what the first two bytes alone can break. */
static bool
first_bytes_ok(unsigned char first, unsigned char second)
{
    unsigned opcode = first & 15;
    bool known = opcode <= WS_FRAME_BINARY || (opcode >= WS_FRAME_CLOSE && opcode <= WS_FRAME_PONG);

    if (!known || (first & RESERVED) != 0 || (second & MASKED) == 0)
        return false;
    return !is_control(opcode) || ((first & FIN) != 0 && (second & 127) <= SHORT);
}

enum ws_frame_found
ws_frame_read(char *data, size_t n, size_t most, struct ws_frame *out, uint16_t *code)
{
    const unsigned char *p = (const unsigned char *)data;
    size_t head = 2;

    *code = WS_CODE_PROTOCOL;
    if (n < head)
        return WS_FRAME_PART;
    if (!first_bytes_ok(p[0], p[1]))
        return WS_FRAME_BROKEN;
    uint64_t length = p[1] & 127;
    if (length > SHORT) {
        size_t wide = length == LENGTH_16 ? 2 : 8;
        uint64_t least = length == LENGTH_16 ? LENGTH_16 : 65536;
        if (n < head + wide)
            return WS_FRAME_PART;
        length = big_endian(p + head, wide);
        if (length < least || length > INT64_MAX)
            return WS_FRAME_BROKEN;
        head += wide;
    }
    if (length > most && !is_control(p[0] & 15)) {
        *code = WS_CODE_TOO_BIG;
        return WS_FRAME_BROKEN;
    }
    if (n < head + 4 || n - head - 4 < length)
        return WS_FRAME_PART;
    *out = (struct ws_frame){.opcode = (enum ws_frame_opcode)(p[0] & 15),
                             .fin = (p[0] & FIN) != 0,
                             .payload = slice_of(data + head + 4, (size_t)length),
                             .whole = head + 4 + (size_t)length};
    unmask(data + head + 4, (size_t)length, p + head);
    return WS_FRAME_WHOLE;
}

size_t
ws_frame_head(char *head, enum ws_frame_opcode opcode, size_t n)
{
    size_t wide = n <= SHORT ? 0 : n <= UINT16_MAX ? 2 : 8;

    head[0] = (char)(FIN | (unsigned)opcode);
    head[1] = (char)(wide == 0 ? n : wide == 2 ? LENGTH_16 : LENGTH_64);
    for (size_t i = 0; i < wide; i++)
        head[2 + i] = (char)((uint64_t)n >> 8 * (wide - 1 - i));
    return 2 + wide;
}

bool
ws_text_ok(struct slice text)
{
    while (text.n > 0) {
        const char *nul = memchr(text.p, '\0', text.n);
        size_t n = nul == NULL ? text.n : (size_t)(nul - text.p);
        if (!utf8_valid(slice_of(text.p, n)))
            return false;
        n += nul != NULL;
        text = slice_of(text.p + n, text.n - n);
    }
    return true;
}

/* Those of RFC 6455, 7.4.1 and IANA's list that may be sent, and those left to applications. */
static bool
code_ok(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

bool
ws_close_ok(struct slice payload, uint16_t *code)
{
    *code = 0;
    if (payload.n == 0)
        return true;
    *code = WS_CODE_PROTOCOL;
    if (payload.n == 1)
        return false;
    uint16_t said = (uint16_t)big_endian((const unsigned char *)payload.p, 2);
    if (!code_ok(said))
        return false;
    *code = WS_CODE_NOT_UTF8;
    if (!ws_text_ok(slice_of(payload.p + 2, payload.n - 2)))
        return false;
    *code = said;
    return true;
}
