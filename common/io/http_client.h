/* http_client: outgoing requests (webhooks; questions to servers of the operator's) with libcurl on
 * the caller's libevent loop.
 *
 * Shell; not thread-safe: one loop, one thread. Names are resolved on curl's own threads. The
 * targets are other people's words, so: http and https only, no redirects, no user:password in the
 * address, no proxy from the environment, certificates checked, and no connection to an address
 * that is not public. That is checked on the address itself, after resolving, for every connection
 * made. The answer's body is thrown away; after body_bytes of it the connection is dropped and the
 * status counts all the same. For a server that the operator names, see any_address and on_answer.
 *
 * Connections are kept and used again. One that the server had closed meanwhile is noticed before
 * the first byte of an answer, and the request sent once more on another. */
#ifndef LC_IO_HTTP_CLIENT_H
#define LC_IO_HTTP_CLIENT_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct sockaddr;
struct http_client; /* opaque, owned by whoever called http_client_new */

enum http_client_error {
    HTTP_CLIENT_OK = 0,     /* there is a status, whatever it is */
    HTTP_CLIENT_BAD_URL,    /* not http(s), cannot be read, or carries a password */
    HTTP_CLIENT_RESOLVE,    /* no such name, or the name server failed */
    HTTP_CLIENT_NOT_PUBLIC, /* the address is loopback, private, link-local, multicast ... */
    HTTP_CLIENT_CONNECT,    /* refused or unreachable */
    HTTP_CLIENT_TLS,        /* no trust in the certificate, or no common protocol */
    HTTP_CLIENT_DEADLINE,   /* no whole answer in time; the request may have arrived */
    HTTP_CLIENT_BROKEN,     /* cut, or not HTTP; the request may have arrived */
    HTTP_CLIENT_MEMORY,
    HTTP_CLIENT_TOO_BIG, /* with on_answer: the body is longer than body_bytes */
    HTTP_CLIENT_ERROR_COUNT
};

/* Called in place of http_client_done when somebody wants the body, which is borrowed; empty unless
 * err is HTTP_CLIENT_OK. */
typedef void http_client_answer(void *ctx, uint64_t tag, int status, enum http_client_error err,
                                struct slice body);

/* http_client_options: 0 means the default written beside the field. */
struct http_client_options {
    size_t in_flight;       /* 32 at a time; the others wait in order */
    size_t queue;           /* 4096 may wait */
    size_t body_bytes;      /* 64 KiB of an answer are read */
    bool allow_loopback;    /* 127.0.0.0/8 and ::1 too: tests and the demo */
    bool allow_private;     /* RFC 1918 and fc00::/7 too: receivers inside one's own network */
    bool any_address;       /* wherever the name leads: the operator's own servers */
    const char *user_agent; /* "lifecircle"; copied */
    http_client_answer *on_answer; /* NULL: bodies are thrown away */
};

/* Called once for every http_post that returned LC_OK, never from inside it; may call http_post.
 * status is 0 unless err is HTTP_CLIENT_OK. */
typedef void http_client_done(void *ctx, uint64_t tag, int status, enum http_client_error err);

/* http_client_new: options may be NULL and are copied; base and ctx are borrowed. on_done may be
 * NULL when the options have on_answer. NULL without memory. */
struct http_client *http_client_new(struct event_base *base,
                                    const struct http_client_options *options,
                                    http_client_done *on_done, void *ctx);

/* http_client_destroy: drops what is queued and in flight without calling on_done. NULL is allowed;
 * not from inside on_done. */
void http_client_destroy(struct http_client *c);

/* http_post: sends body to url, when its turn comes. headers are complete lines ended by CRLF, or
 * empty (Content-Type belongs there). deadline_ms counts from now, waiting included. All is copied.
 * tag comes back in on_done and may be any number.
 *   LC_EINVAL  headers are not lines, or url is empty or over 4 KiB
 *   LC_EAGAIN  the queue is full
 *   LC_ENOMEM  out of memory */
LC_MUST_CHECK enum lc_err http_post(struct http_client *c, uint64_t tag, struct slice url,
                                    struct slice headers, struct slice body, uint32_t deadline_ms);

/* http_get: the same without a body. */
LC_MUST_CHECK enum lc_err http_get(struct http_client *c, uint64_t tag, struct slice url,
                                   struct slice headers, uint32_t deadline_ms);

/* http_client_pending: queued and in flight. */
size_t http_client_pending(const struct http_client *c);

/* http_client_error_name: "ok", "bad_url" ...; for logs and metrics. Static storage. */
const char *http_client_error_name(enum http_client_error err);

/* http_address_allowed: may a connection go there? By IANA's registries of special-purpose IPv4 and
 * IPv6 addresses; what is embedded in a mapped, 6to4 or NAT64 address is judged as the IPv4 address
 * it is. */
bool http_address_allowed(const struct sockaddr *sa, bool allow_loopback, bool allow_private);

#endif
