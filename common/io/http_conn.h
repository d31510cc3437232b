/* http_conn: what http_server's files share; nobody else includes this.
 *
 *   http_server.c  listeners, connection table, deadlines, drain
 *   http_conn.c    one connection's bytes and phases: read, write, end
 *   http_parse.c   bytes to requests, and what is refused
 *   http_answer.c  answers to bytes
 *   websocket.c    frames after the upgrade
 *
 * Life of a connection:
 *
 *   IDLE -> HEAD -> BODY -> PENDING -> IDLE ...      (BODY is skipped without a body)
 *                              `-> WEBSOCKET
 *   any -> CLOSING: the last answer is being written; nothing more is parsed
 *   CLOSING -> LINGER: our side is shut; what the peer still says is thrown away, so that the
 * kernel does not reset the connection before the peer has read the answer any -> DEAD: freed by
 * the next flush. Only the flush frees, so no pointer dies under a caller. */
#ifndef LC_IO_HTTP_CONN_H
#define LC_IO_HTTP_CONN_H

#include "io/http_limit.h"
#include "io/http_server.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <http_parser.h>

#define HTTP_READ_BYTES 65536u
#define HTTP_SLOT_BITS 20u
#define HTTP_MAX_LISTENERS 8u

enum conn_phase {
    CONN_IDLE,
    CONN_HEAD,
    CONN_BODY,
    CONN_PENDING,
    CONN_WEBSOCKET,
    CONN_CLOSING,
    CONN_LINGER,
    CONN_DEAD
};

enum conn_answer { ANSWER_NONE, ANSWER_BEGUN };

/* http_span: a header's place in the message; offsets outlive a buffer that moves. */
struct http_span {
    uint32_t name, name_n;
    uint32_t value, value_n;
};

struct ws; /* websocket.c */

struct http_conn {
    struct http_server *server;
    uint64_t id;
    uint32_t slot;
    int fd;
    enum conn_phase phase;
    enum conn_answer answer;

    bool delivered; /* on_request was called and nobody was told the end yet */
    bool streaming;
    bool upgrade;
    bool keep_alive; /* may go on after this answer */
    bool http10;
    bool head;      /* the method is HEAD: answers carry no body */
    bool chunked;   /* the begun answer is chunked (1.0 gets plain bytes and a close) */
    bool bodiless;  /* the begun answer may not have a body */
    bool complete;  /* the parser saw the message's end */
    bool expect;    /* owes the peer a 100 Continue */
    bool paused;    /* by http_pause */
    bool throttled; /* too much waits to be sent */
    bool eof;       /* the peer shut its side; the answer may still reach it */
    bool linger;    /* bytes may still come: shut and drain instead of closing at once */
    bool overflow;  /* the backlog cap was passed: cut at the next flush */
    bool read_on, write_on;
    bool dirty;

    /* 0 means none. What in_deadline means depends on the phase. */
    uint64_t in_deadline_ms;
    uint64_t out_deadline_ms;

    struct http_parser parser;
    char *base;      /* the message's first byte while the parser runs */
    size_t parsed;   /* bytes of the message the parser has seen */
    size_t head_n;   /* bytes of the message before the body, once known */
    size_t body_end; /* chunked: where the joined body ends so far */
    size_t body_n;   /* of a streamed body: since its deadline was last moved */
    uint32_t target, target_n;
    uint32_t fields;
    bool in_value;
    bool in_trailer;
    enum http_refusal refusal;
    struct http_span *spans; /* NULL, or those of a half-read message (owned) */
    char ws_key[24];

    struct buf in;  /* what was read and is not done with */
    struct buf out; /* from out_off: what waits to be sent */
    size_t out_off;
    struct ws *ws; /* owned */
    struct http_conn *next_dirty;
    struct event read_ev, write_ev;
    char peer[48];

    struct ip ip; /* of the peer; meant only when has_ip */
    bool has_ip;  /* not unix */
    bool proxy;   /* it asks for others */
    uint32_t
        held; /* what http_limit_open gave: for the connection, or of a proxy for the request */
};

struct http_listener {
    struct http_server *server;
    int fd;
    bool resting; /* no descriptors left; tried again by the tick */
    struct event ev;
    char *unix_path; /* NULL, or owned: removed at the end */
};

struct http_server {
    struct event_base *base;
    struct http_limits limits;
    struct http_handlers on;
    void *ctx;
    uint64_t serial;
    uint64_t now_ms; /* monotonic; renewed whenever the loop calls */
    bool draining, drained_told;
    bool held; /* bound, not listening yet */
    bool flush_active, flush_assigned;

    struct http_conn **slots;
    uint32_t slots_n; /* high-water mark */
    uint32_t *free_slots;
    uint32_t free_n;
    uint32_t open;

    struct http_conn *dirty;
    struct event flush_ev;
    struct event *tick_ev;
    struct http_listener listeners[HTTP_MAX_LISTENERS];
    size_t listeners_n;
    struct http_limit *limit; /* NULL: addresses are not limited */

    struct http_span *spans;     /* limits.header_count; the head being parsed */
    struct http_header *headers; /* the same as slices, for the handler */
    time_t date_s;
    char date[48];
    size_t date_n;
    char scratch[HTTP_READ_BYTES];
};

static inline size_t
conn_waiting(const struct http_conn *c)
{
    return c->out.n - c->out_off;
}

/* http_server.c */
void http_server_touch(struct http_server *s);
/* http_server_stop_listening (http_listen.c): nobody comes in any more; files of sockets go. */
void http_server_stop_listening(struct http_server *s);
struct http_conn *http_server_find(struct http_server *s, uint64_t conn_id);
uint64_t http_server_next_id(struct http_server *s, uint32_t slot);
void http_server_forget(struct http_conn *c);
/* http_server_admits: the request of this head; a proxy's is counted until http_server_done. */
enum http_refusal http_server_admits(struct http_conn *c, const struct http_request *req);
void http_server_done(struct http_conn *c); /* a proxy's request is over */

/* http_conn.c */
struct http_conn *conn_new(struct http_server *s, int fd, uint32_t slot, const char *peer);
void conn_free(struct http_conn *c);
void conn_mark(struct http_conn *c);  /* look at it at the turn's end */
void conn_kill(struct http_conn *c);  /* DEAD; the flush does the rest */
void conn_flush(struct http_conn *c); /* input left over, output, then what follows; may free c */
void conn_next(struct http_conn *c);  /* the answer is complete */
void conn_refuse(struct http_conn *c, enum http_refusal why);
void conn_gone(struct http_conn *c); /* tells on_gone, once */
void conn_deadline(struct http_conn *c);

/* http_parse.c: takes what it can from data[0..*n); returns how many leading bytes are done with
 * and may shorten *n (a chunked body is joined in place). */
size_t http_parse(struct http_conn *c, char *data, size_t *n);

/* http_answer.c */
struct refusal_text {
    int status; /* 0: no answer, the connection is cut */
    const char *code;
    const char *detail;
};
void http_answer_continue(struct http_conn *c); /* when it is still owed */
const struct refusal_text *http_refusal_text(enum http_refusal why);
void http_answer_problem(struct buf *out, struct http_server *s, enum http_refusal why,
                         bool no_body);

/* websocket.c */
/* ws_input: takes whole frames from data[0..n), unmasked there; returns how many bytes are done
 * with. What is left is the beginning of a frame: it is given again with more behind it. */
size_t ws_input(struct http_conn *c, char *data, size_t n);
void ws_tick(struct http_conn *c);
void ws_say_close(struct http_conn *c, uint16_t code, const char *reason);
void ws_free(struct ws *w);

#endif
