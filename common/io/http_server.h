/* http_server: HTTP/1.1 on one libevent loop, built for callers that turn requests into events.
 *
 * Shell: sockets and clocks. Not thread-safe: everything happens on the loop's thread. HTTP/1.0
 * and 1.1, keep-alive, pipelining, Content-Length and chunked bodies, `Expect: 100-continue`;
 * WebSocket connections start here and go on in io/websocket.h. TLS is the proxy's business.
 *
 * A request is named by a conn_id. It is never used twice, not even on one connection, so an answer
 * that comes too late finds nobody (LC_ENOTFOUND) instead of the next request. 0 is never a
 * conn_id.
 *
 * Answers leave in the order of the requests: a connection's next request is not looked at while
 * one is unanswered. Whatever was answered in one turn of the loop leaves with one write per
 * connection at the turn's end. No handler is ever called from inside the functions below; what
 * they find out (a connection to be cut) is reported later in the turn. Handlers may call all of
 * them except http_server_destroy.
 *
 * Requests that break the protocol (RFC 9110, 9112) or a limit never reach on_request, save a
 * streamed body that turns bad half-way: that one ends with on_gone. They are answered with
 * application/problem+json (RFC 9457) with a `code`, counted by on_refused, and their connection is
 * closed. */
#ifndef LC_IO_HTTP_SERVER_H
#define LC_IO_HTTP_SERVER_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct http_server; /* opaque, owned by whoever called http_server_new */

/* http_limits: 0 means the default written beside the field. */
struct http_limits {
    size_t header_bytes;    /* 16 KiB: request line and headers; at most 64 KiB */
    size_t header_count;    /* 64: at most 256 */
    size_t target_bytes;    /* 2 KiB: path and query */
    size_t body_bytes;      /* 1 MiB: a body that is not streamed, chunks joined */
    size_t connections;     /* 4096: at most 2^20; more are answered 503 at once */
    size_t out_pause_bytes; /* 256 KiB waiting to be sent: the connection is not read further */
    size_t backlog_bytes;   /* 1 MiB waiting on a WebSocket or event stream: it is cut */
    size_t stream_backlog_bytes; /* 8 MiB waiting on the answer to a streamed body: it is cut */
    size_t ws_message_bytes;     /* 64 KiB: one WebSocket message, fragments joined */
    size_t body_idle_bytes;      /* 64: what a streamed body must bring in body_idle_ms */
    uint32_t request_ms;   /* 10 s from the first byte to the last of headers and body; also from
                            * the connection to its first byte */
    uint32_t body_idle_ms; /* 10 s in which less of a streamed body came (while it is being read) */
    uint32_t keep_alive_ms;  /* 60 s from an answer to the next request's first byte */
    uint32_t answer_ms;      /* 30 s from a whole request to the start of its answer, then 504 */
    uint32_t write_stall_ms; /* 30 s without the peer taking a byte of what waits: it is cut */
    uint32_t linger_ms;      /* 2 s: after a refusal, how long the peer may go on talking unheard */
    uint32_t ws_ping_ms;     /* 20 s between pings; cut when two in a row were not answered */
};

/* http_address_rules: what one address may do here; /64 networks of IPv6 count as one. 0 = any
 * number. Who connects over a unix socket is not limited. */
struct http_address_rules {
    uint32_t connections; /* at once; behind a proxy: requests and WebSockets under way */
    uint32_t per_s;       /* requests */
    uint32_t burst;       /* requests at once after a quiet time; 0 = 10 s' worth */
    /* addresses and networks, separated by commas; empty = none */
    const char
        *proxies;       /* who asks for others: their X-Forwarded-For is believed, from the right */
    const char *exempt; /* not limited */
};

struct http_header {
    struct slice name; /* as sent; compare with http_header */
    struct slice value;
};

/* http_request: every slice is borrowed and gone when the handler returns. */
struct http_request {
    struct slice method; /* upper case, a registered method */
    struct slice path;   /* as sent, still percent-encoded; starts with '/', or is "*" */
    struct slice query;  /* behind the '?', as sent; may be empty */
    struct slice body;   /* whole; empty when streaming */
    const struct http_header *headers;
    size_t header_count;
    const char *peer; /* "203.0.113.7", "2001:db8::1" or "unix" */
    bool streaming;   /* the body follows by on_body and ends with on_body_end */
    bool upgrade; /* a well-formed WebSocket handshake: answer with http_upgrade, or refuse it */
};

/* http_refusal: why the server itself turned something away; for counting. */
enum http_refusal {
    HTTP_REFUSED_NONE = 0,
    HTTP_REFUSED_SYNTAX,    /* 400 bad_request */
    HTTP_REFUSED_LENGTH,    /* 400 bad_length: two lengths, length and chunks, not a number */
    HTTP_REFUSED_HOST,      /* 400 bad_host */
    HTTP_REFUSED_TWICE,     /* 400 repeated_header: two readers might each take another of them */
    HTTP_REFUSED_TRUNCATED, /* 400 truncated: the peer stopped sending half-way */
    HTTP_REFUSED_HANDSHAKE, /* 400 bad_handshake: WebSocket */
    HTTP_REFUSED_SLOW,      /* 408 request_timeout */
    HTTP_REFUSED_BODY,      /* 413 body_too_large */
    HTTP_REFUSED_TARGET,    /* 414 target_too_long */
    HTTP_REFUSED_CODING,    /* 415 coding_unknown: a Content-Encoding */
    HTTP_REFUSED_EXPECT,    /* 417 expectation_failed */
    HTTP_REFUSED_ADDRESS_OPEN, /* 429 too_many_connections_of_address */
    HTTP_REFUSED_ADDRESS_RATE, /* 429 too_many_requests_of_address */
    HTTP_REFUSED_HEADERS,      /* 431 headers_too_large */
    HTTP_REFUSED_METHOD,       /* 501 method_unknown */
    HTTP_REFUSED_ENCODING,     /* 501 encoding_unknown: a transfer coding other than chunked */
    HTTP_REFUSED_CONNECTIONS,  /* 503 too_many_connections */
    HTTP_REFUSED_MEMORY,       /* 503 out_of_memory */
    HTTP_REFUSED_NO_ANSWER,    /* 504 no_answer: the handler's owner did not answer in answer_ms */
    HTTP_REFUSED_VERSION,      /* 505 version_unknown */
    HTTP_REFUSED_STALLED,      /* cut: took nothing for write_stall_ms */
    HTTP_REFUSED_BACKLOG,      /* cut: slow consumer (WebSocket: close code 1013) */
    HTTP_REFUSED_NO_PONG,      /* cut: WebSocket peer silent */
    HTTP_REFUSED_WS_PROTOCOL,  /* WebSocket close code 1002 */
    HTTP_REFUSED_WS_UTF8,      /* WebSocket close code 1007 */
    HTTP_REFUSED_WS_SIZE,      /* WebSocket close code 1009 */
    HTTP_REFUSED_COUNT
};

enum ws_opcode { WS_TEXT = 1, WS_BINARY = 2 };

/* http_handlers: ctx is what http_server_new was given. Only on_request is required. */
struct http_handlers {
    /* Asked at the end of the headers: true when the body is to be streamed, however long it is. */
    bool (*stream)(void *ctx, struct slice method, struct slice path);
    /* One request, complete (or with its headers complete, when req->streaming). To be answered,
     * now or later, by one http_respond, or http_respond_begin ... http_respond_end, or
     * http_upgrade. */
    void (*on_request)(void *ctx, uint64_t conn_id, const struct http_request *req);
    /* The next bytes of a streamed body; borrowed. */
    void (*on_body)(void *ctx, uint64_t conn_id, struct slice part);
    void (*on_body_end)(void *ctx, uint64_t conn_id);
    /* The peer is gone, or was cut, before the answer was finished; conn_id is invalid from here
     * on. Every upgraded connection ends with this, whoever closed it. */
    void (*on_gone)(void *ctx, uint64_t conn_id);
    void (*on_refused)(void *ctx, uint64_t conn_id, enum http_refusal why);
    /* One whole message; text is valid UTF-8. Borrowed. */
    void (*on_ws_message)(void *ctx, uint64_t conn_id, enum ws_opcode opcode, struct slice message);
    /* After http_server_drain: the last connection is closed. */
    void (*on_drained)(void *ctx);
};

/* http_server_new: a server without a listener. limits may be NULL (all defaults); limits and
 * handlers are copied, base and ctx are borrowed and must outlive the server. NULL when out of
 * memory. */
struct http_server *http_server_new(struct event_base *base, const struct http_limits *limits,
                                    const struct http_handlers *handlers, void *ctx);

/* http_server_destroy: closes every listener and connection without a word and calls no handler.
 * NULL is allowed. Not from inside a handler. */
void http_server_destroy(struct http_server *s);

/* http_server_listen: listens on "host:port", "[v6]:port", ":port" (all addresses) or "unix:/path";
 * port 0 takes a free one. *port (may be NULL) is set to the port in use, 0 for unix. A stale unix
 * socket is replaced, one that answers is not. At most 8 listeners. Resolves a name, so call it
 * while starting up.
 *   LC_EINVAL   the address cannot be read
 *   LC_EEXIST   somebody listens there
 *   LC_ETOOBIG  more than 8 listeners, or a path longer than a unix address may be
 *   LC_EIO      anything else the system refused; errno tells */
LC_MUST_CHECK enum lc_err http_server_listen(struct http_server *s, const char *address,
                                             uint16_t *port);

/* http_server_hold: what http_server_listen names from now on is taken, but whoever connects is
 * refused until http_server_open, which fails as http_server_listen does. */
void http_server_hold(struct http_server *s);
LC_MUST_CHECK enum lc_err http_server_open(struct http_server *s);

/* http_server_limit_addresses: limits from now on; copied. Before it nothing is limited.
 *   LC_EINVAL  *why says what was expected; the rules before stay
 *   LC_ENOMEM  the same */
LC_MUST_CHECK enum lc_err http_server_limit_addresses(struct http_server *s,
                                                      const struct http_address_rules *rules,
                                                      const char **why);

/* http_server_drain: stops listening, closes idle connections, says `Connection: close` on every
 * answer from now on and 1001 to every WebSocket; on_drained when nothing is left. Long event
 * streams are the caller's to end. */
void http_server_drain(struct http_server *s);

/* http_server_connections: open now, those being closed included. */
size_t http_server_connections(const struct http_server *s);

/* http_header: the value of the first header of that name (compared without case), or an empty
 * slice with p == NULL when there is none. */
struct slice http_header(const struct http_request *req, const char *name);

/* http_refusal_name: "bad_request", "slow_consumer" and so on: the `code` where there is an answer;
 * for metrics. Static storage. */
const char *http_refusal_name(enum http_refusal why);

/* http_respond: the whole answer. extra is complete header lines, each ended by CRLF, or empty; do
 * not put Content-Length, Date or Connection there. content_type may be NULL. Everything is copied.
 * A body given to HEAD, 204 or 304 is left out as HTTP demands. Answering a streamed request before
 * its body's end closes the connection after the answer.
 *   LC_ENOTFOUND  no such request (answered, or its peer gone): nothing happened
 *   LC_ESTATE     the answer has already begun, or the connection is a WebSocket by now
 *   LC_EINVAL     status outside 200..599, or extra is not header lines: nothing happened */
enum lc_err http_respond(struct http_server *s, uint64_t conn_id, int status,
                         const char *content_type, struct slice extra, struct slice body);

/* http_respond_begin / _chunk / _end: an answer in parts, for streams and Server-Sent Events. Each
 * chunk leaves with its turn of the loop. Empty chunks are left out. Errors as http_respond; _chunk
 * and _end give LC_ESTATE without a begin. _chunk gives LC_ETOOBIG when the peer is too slow for
 * what waits already (backlog_bytes; stream_backlog_bytes for a streamed request): it is cut and
 * on_gone follows. */
enum lc_err http_respond_begin(struct http_server *s, uint64_t conn_id, int status,
                               const char *content_type, struct slice extra);
enum lc_err http_respond_chunk(struct http_server *s, uint64_t conn_id, struct slice part);
enum lc_err http_respond_end(struct http_server *s, uint64_t conn_id);

/* http_pause / http_resume: stops and restarts the reading of a streamed body; up to 64 KiB already
 * read may still come by on_body. The idle deadline rests meanwhile. Besides, reading rests by
 * itself while more than out_pause_bytes of the answer wait to be sent. LC_ENOTFOUND as above. */
enum lc_err http_pause(struct http_server *s, uint64_t conn_id);
enum lc_err http_resume(struct http_server *s, uint64_t conn_id);

#endif
