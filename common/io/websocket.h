/* websocket: RFC 6455, the server's side, on a connection that began in io/http_server.h.
 *
 * Shell; same loop, same thread, same conn_ids as the HTTP server. Frames: io/ws_frame.h; no
 * extensions. Messages arrive by on_ws_message, the end of every connection by on_gone, whoever
 * wanted it. A peer that breaks the protocol is closed with 1002 (also for an unmasked frame), 1007
 * (text that is not UTF-8) or 1009 (more than ws_message_bytes); one that answers two pings in a
 * row with silence is cut; one that lets more than backlog_bytes pile up is closed with 1013 and
 * cut after linger_ms. All are counted by on_refused. */
#ifndef LC_IO_WEBSOCKET_H
#define LC_IO_WEBSOCKET_H

#include "io/http_server.h"

/* http_upgrade: answers a request with upgrade == true by 101; conn_id is a WebSocket from here on.
 * subprotocol is one of those the client offered (Sec-WebSocket-Protocol), or NULL for none;
 * copied.
 *   LC_ENOTFOUND  no such request
 *   LC_ESTATE     not a handshake, or already answered
 *   LC_ENOMEM     out of memory; the request can still be refused */
enum lc_err http_upgrade(struct http_server *s, uint64_t conn_id, const char *subprotocol);

/* ws_offers: does the handshake offer this subprotocol? Compared as sent, with case (RFC
 * 6455, 11.3.4). */
bool ws_offers(const struct http_request *req, const char *subprotocol);

/* ws_send: one message; it leaves at once, or is copied behind what waits already. Text must be
 * UTF-8.
 *   LC_ENOTFOUND  no such connection, or it is closing
 *   LC_ESTATE     not a WebSocket
 *   LC_ETOOBIG    too much waits already: the peer is cut, on_gone follows
 *   LC_ENOMEM     out of memory: the connection is cut, on_gone follows */
enum lc_err ws_send(struct http_server *s, uint64_t conn_id, enum ws_opcode opcode,
                    struct slice message);

/* ws_close: says why, waits for the peer's close up to linger_ms, then on_gone. No message arrives
 * in between. code as RFC 6455, 7.4 (1000, 1001, 1008, 1011..1013, 3000..4999); reason is at most
 * 120 bytes of UTF-8, longer ones are left out. Errors as ws_send. */
enum lc_err ws_close(struct http_server *s, uint64_t conn_id, uint16_t code, const char *reason);

#endif
