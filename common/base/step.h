/* step: the shape of every service core.
 *
 * A core is open / step / close. step(core, event, outbox) never blocks, logs, reads a clock or
 * touches a socket: time, chance and Redis replies come in as events; messages, Redis calls and
 * timer wishes leave through the outbox. The same cores run in the daemons (common/io/service.h),
 * in the simulator (tests/sim) and in `lcctl replay`.
 *
 * Pure: no I/O, no clock, no globals. */
#ifndef LC_BASE_STEP_H
#define LC_BASE_STEP_H

#include "base/address.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/histogram.h"
#include "base/traceparent.h"
#include "base/travel_ask.h"

#include "envelope.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- what a core is told ---- */

enum event_kind {
    EVENT_START = 1, /* first, once: config and seed are set; Redis and the bus may not be up yet */
    EVENT_WAKE,      /* the time last wished for with outbox_wake has come */
    EVENT_TURN_END,  /* all input of this loop turn was given: send what has gathered (batches) */
    EVENT_MESSAGE,  /* a peer's envelope; ref = link to answer on, 0 = an answer or news from one of
                       our peers */
    EVENT_REDIS,    /* the answer to a redis effect; ref = its tag */
    EVENT_REDIS_UP, /* (re)connected and the function library is loaded, or the time to repeat what
                       was answered with REPLY_LOST: nothing older waits any more */
    EVENT_HTTP,     /* a request, head and whole body; ref = connection. With `streaming` the body
                       follows */
    EVENT_HTTP_BODY, /* a piece of a streaming body */
    EVENT_HTTP_END,  /* the streaming body is complete */
    EVENT_GONE,      /* the connection `ref` (HTTP, SSE or WebSocket) is gone; do not answer it */
    EVENT_SOCKET,    /* a WebSocket message on `ref`; `text` tells its kind */
    EVENT_CALLED, /* an outgoing HTTP call ended; ref = its tag, status 0 = no answer; bytes = why,
                     a word */
    EVENT_STOP,   /* drain: finish what was claimed, take nothing new */
    EVENT_TRAVEL, /* the answer to a travel effect; ref = its tag, status = enum travel_end, bytes =
                     the cells when it was answered (base/travel_ask.h) */
    EVENT_ROADS,  /* from now on the travel times of this process are `travel`; when the step has
                     succeeded the ones before are gone. bytes = the map's file, ref = its checksum;
                     no bytes: there is no map any more, `travel` is NULL */
    EVENT_WORK,   /* a work effect is done; ref = its tag, status = what service.work returned (0 =
                     done), bytes = what it wrote */
    EVENT_ADDRESSES /* the same for `addresses`, the index of addresses */
};

/* reply: Redis' answer as a tree in the event's arena. */
enum reply_kind {
    REPLY_NIL = 0,
    REPLY_INT,
    REPLY_STRING, /* bulk or status */
    REPLY_ARRAY,
    REPLY_ERROR, /* str = Redis' words */
    REPLY_LOST   /* the outcome is unknown, or too few replicas have it: it does not count as done;
                    repeat the same idempotent call after EVENT_REDIS_UP, or some time later */
};

struct reply {
    enum reply_kind kind;
    int64_t integer;
    struct slice str;
    size_t n;
    const struct reply *items;
};

struct header_field {
    struct slice name; /* as received; compare without case */
    struct slice value;
};

struct http_event {
    struct slice method;
    struct slice path;  /* not decoded */
    struct slice query; /* behind '?', not decoded */
    const struct header_field *headers;
    size_t n_headers;
    struct slice peer; /* address in words */
    bool streaming;    /* body follows as EVENT_HTTP_BODY ... EVENT_HTTP_END */
    bool upgrade;      /* asks for a WebSocket: answer with outbox_socket_accept or outbox_http */
};

/* event: borrows everything it points to until step returns. */
struct event {
    enum event_kind kind;
    int64_t now_ms;     /* Unix ms; never goes back between the events of one core */
    uint64_t entropy;   /* 64 fresh random bits */
    uint64_t ref;       /* see kind */
    struct slice bytes; /* HTTP body (piece), socket message, message frame as received */
    bool text;          /* EVENT_SOCKET */
    int status;         /* EVENT_CALLED, EVENT_TRAVEL, EVENT_WORK */
    const Lifecircle__V1__Envelope *envelope; /* EVENT_MESSAGE: decoded and checked by stepper */
    const struct reply *reply;                /* EVENT_REDIS */
    const struct http_event *http;            /* EVENT_HTTP */
    const struct config *config;              /* EVENT_START */
    const struct travel *travel; /* EVENT_ROADS: stays until the next one; not in a trace, whoever
                                    replays has to find the map again */
    const struct address_book *addresses; /* EVENT_ADDRESSES: as travel */
    struct arena *arena;                  /* scratch until step returns */
};

/* config: what the shell read from flags, environment and file, as names and values. Always there:
 * `city`, `timezone`, and `tzif`: the content of that zone's file (empty = UTC); `city-secret` (64
 * hex digits) where tokens are made or checked. */
struct config_item {
    struct slice name;
    struct slice value;
};

struct config {
    const struct config_item *items;
    size_t n;
};

/* config_get: the value of name ('-' and '_' are the same), or the empty slice. config_int: as a
 * number, or fallback when absent or malformed. */
struct slice config_get(const struct config *c, const char *name);
int64_t config_int(const struct config *c, const char *name, int64_t fallback);

/* ---- what a core wants done ---- */

enum effect_kind {
    EFFECT_SEND = 1, /* an envelope to any one peer of a role that has credit; dropped and counted
                        without one */
    EFFECT_ANSWER,   /* an envelope back on the link `ref` */
    EFFECT_NEWS,     /* an envelope to all subscribers */
    EFFECT_REDIS, /* a command; its reply comes as EVENT_REDIS with tag `ref` (0 = no reply wanted)
                   */
    EFFECT_HTTP,  /* a whole answer on connection `ref` */
    EFFECT_HTTP_BEGIN, /* the head of a streamed answer (NDJSON, SSE) */
    EFFECT_HTTP_CHUNK,
    EFFECT_HTTP_DONE,
    EFFECT_HTTP_PAUSE, /* stop / go on reading the streaming body of `ref` */
    EFFECT_HTTP_RESUME,
    EFFECT_SOCKET_ACCEPT, /* name = subprotocol */
    EFFECT_SOCKET_SEND,
    EFFECT_SOCKET_CLOSE, /* status = code, name = reason */
    EFFECT_CALL, /* POST bytes to url `name` with header lines `extra`; EVENT_CALLED with tag `ref`
                  */
    EFFECT_WAKE, /* at_ms: the earliest wish wins */
    EFFECT_NOTE, /* something the operator may want in the log: name = event, bytes = key=value
                  * pairs; ref = NOTE_ORDER when it is about an order
                  */
    EFFECT_TRAVEL, /* bytes = a travel_ask; EVENT_TRAVEL with tag `ref` follows by at_ms, unless the
                     process dies */
    EFFECT_WORK /* bytes = a job for service.work, which runs beside the loop; EVENT_WORK with tag
                   `ref` follows, unless the process dies */
};

enum role { ROLE_MATCHER = 1, ROLE_INVENTORY, ROLE_ROUTER };

struct effect {
    enum effect_kind kind;
    uint64_t ref;
    int status;               /* HTTP status or close code */
    enum role role;           /* EFFECT_SEND */
    bool text;                /* EFFECT_SOCKET_SEND */
    int64_t at_ms;            /* EFFECT_WAKE; EFFECT_CALL, EFFECT_SEND, EFFECT_TRAVEL: deadline */
    struct slice name;        /* content type, subprotocol, URL, event name */
    struct slice extra;       /* further header lines, each ending in CRLF */
    struct slice bytes;       /* body, frame, chunk, packed envelope */
    const struct slice *argv; /* EFFECT_REDIS */
    size_t argc;
};

/* outbox: what a step wants done, in order. Everything is copied in. When memory runs out the
 * outbox is `failed`. Of a step that failed the stepper lets nothing stand but its notes, which
 * say why. */
struct outbox;

struct outbox *outbox_new(size_t cap);
void outbox_destroy(struct outbox *o);
void outbox_reset(struct outbox *o);
bool outbox_failed(const struct outbox *o);
size_t outbox_count(const struct outbox *o);
const struct effect *outbox_at(const struct outbox *o, size_t i);

struct outbox_mark {
    size_t count;
    struct arena_mark memory;
};
struct outbox_mark outbox_mark(const struct outbox *o);
void outbox_rewind(struct outbox *o,
                   struct outbox_mark mark); /* forgets what came after, clears `failed` */
/* outbox_rewind_to_notes: forgets what came after but its notes, which say why; not those of
 * orders, to which nothing happened then. All of it when memory had run out. */
void outbox_rewind_to_notes(struct outbox *o, struct outbox_mark mark);

/* The envelope is packed at once; env may be on the stack. See wire.h for envelope_init. */
void outbox_send(struct outbox *o, enum role role, const Lifecircle__V1__Envelope *env);
void outbox_answer(struct outbox *o, uint64_t link, const Lifecircle__V1__Envelope *env);
void outbox_news(struct outbox *o, const Lifecircle__V1__Envelope *env);
void outbox_redis(struct outbox *o, uint64_t tag, const struct slice *argv, size_t argc);
void outbox_http(struct outbox *o, uint64_t conn, int status, const char *type, const char *extra,
                 struct slice body);
void outbox_http_begin(struct outbox *o, uint64_t conn, int status, const char *type,
                       const char *extra);
void outbox_http_chunk(struct outbox *o, uint64_t conn, struct slice piece);
void outbox_http_done(struct outbox *o, uint64_t conn);
void outbox_http_pause(struct outbox *o, uint64_t conn, bool paused);
void outbox_socket_accept(struct outbox *o, uint64_t conn, const char *subprotocol);
void outbox_socket_send(struct outbox *o, uint64_t conn, bool text, struct slice message);
void outbox_socket_close(struct outbox *o, uint64_t conn, int code, const char *reason);
void outbox_call(struct outbox *o, uint64_t tag, struct slice url, struct slice headers,
                 struct slice body, int64_t deadline_ms);
void outbox_wake(struct outbox *o, int64_t at_ms);
void outbox_travel(struct outbox *o, uint64_t tag, const struct travel_ask *ask,
                   int64_t deadline_ms);
void outbox_work(struct outbox *o, uint64_t tag, struct slice job);
/* outbox_refuse: the note config_refused: the option of this name is not what was expected (no
 * spaces). Returns LC_EINVAL, for the step that starts a core. */
enum lc_err outbox_refuse(struct outbox *o, const char *name, const char *expected);
void outbox_note(struct outbox *o, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* outbox_order: a note of what happened to an order. Every such line has the same fields, so that
 * `lcctl trace` and whoever searches logs finds all of an order by any of them:
 *
 *   order=<uuid> trace=<trace id> store=12 courier=0 [ms=3] [<key>=<value>]
 *
 * The hot path makes several an order: it is cheap, and when there is no room for it, it is left
 * out and the step goes on. */
enum { NOTE_PLAIN, NOTE_ORDER };
#define NOTE_UNSAID UINT32_MAX /* as store or courier: the field is left out */

struct order_note {
    struct uuid order;
    struct traceparent trace;
    uint32_t store;   /* 0 = none yet */
    uint32_t courier; /* the same */
    int64_t ms;       /* how long that took; below 0 = not said */
    const char *key;  /* what else is said, NULL = nothing: a word of [a-z_] */
    const char *value;
};

void outbox_order(struct outbox *o, const char *event, const struct order_note *note);

/* ---- a core ---- */

/* counters: numbers a core keeps for /metrics; names are static, Prometheus style without the
 * lifecircle_ prefix. */
struct counter {
    const char *name; /* e.g. "orders_total{outcome=\"placed\"}" */
    const char *help;
    uint64_t value;
    bool gauge;
};

/* service: one per daemon, a constant. */
struct service {
    const char *name;
    /* open: an empty core; NULL without memory. */
    void *(*open)(void);
    /* step: takes one event. LC_OK, or an error that is counted and logged: then the step's effects
     * are dropped and the core is as it was before. */
    enum lc_err (*step)(void *core, const struct event *ev, struct outbox *out);
    void (*close)(void *core);
    /* counters: the core's counters, valid until the next step. */
    const struct counter *(*counters)(const void *core, size_t *n);
    /* histograms: the same of how long things took. May be NULL. */
    const struct histogram *(*histograms)(const void *core, size_t *n);
    /* ready: takes orders now? For /readyz. */
    bool (*ready)(const void *core);
    /* work: what takes too long for a step: makes the bytes of the answer from the job's bytes and
     * the process's map alone (NULL: there is none). Runs on another thread, one job at a time,
     * while the core goes on: it never touches the core. LC_OK, or an error: then nothing of *out
     * counts. NULL when the core has no EFFECT_WORK. */
    enum lc_err (*work)(const struct travel *travel, struct slice job, struct buf *out);
    /* streams: wants the body of this HTTP request as it comes? May be NULL. */
    bool (*streams)(struct slice method, struct slice path);
};

/* ---- driving a core: one way for daemon, simulator and replay ---- */

/* stepper: decodes, steps, rolls back what failed, records. Owns the core, the arena and the
 * outbox. */
struct stepper;

/* stepper_new: an opened core. NULL without memory. The effects of one turn may take up to 64 MiB.
 */
struct stepper *stepper_new(const struct service *service);
void stepper_destroy(struct stepper *s);

/* stepper_arena: where the shell builds what the next event points to (headers, reply trees);
 * stepper_feed gives it to the core as ev->arena and empties it before it returns. */
struct arena *stepper_arena(struct stepper *s);

/* stepper_feed: one event through the core. EVENT_MESSAGE: bytes is decoded into ev->envelope here;
 * a frame that breaks the wire's limits, is of another city than the config's `city`, or is an
 * answer or news from somebody who may only ask (ref is not 0), is counted and never reaches the
 * core (LC_EINVAL, LC_ETOOBIG, LC_ENOMEM). ev->now_ms is raised to that of the event before.
 * Effects gather in the outbox until stepper_flushed. When a step fails, or its effects do not fit,
 * its effects are dropped and the error is returned. */
enum lc_err stepper_feed(struct stepper *s, struct event *ev);

/* stepper_outbox: the effects to carry out now. stepper_flushed: they are; forgets them. */
struct outbox *stepper_outbox(struct stepper *s);
void stepper_flushed(struct stepper *s);

void *stepper_core(struct stepper *s);
uint64_t stepper_bad_frames(const struct stepper *s);
uint64_t stepper_failed_steps(const struct stepper *s);

/* stepper_record: from now on record(ctx, bytes) gets every step as one piece: event, outcome,
 * effects (see replay.h). Only whole recordings, from before EVENT_START, can be replayed. NULL
 * ends it. The bytes hold secrets: config and customers as they came. */
void stepper_record(struct stepper *s, void (*record)(void *ctx, struct slice bytes), void *ctx);

/* trace: an event and the effects it caused as bytes, for --record and replay (layout in trace.c).
 * The effects are those from index `from` on. */
void trace_put_event(struct buf *b, const struct event *ev);
void trace_put_effects(struct buf *b, const struct outbox *o, size_t from);
/* trace_get_event: rebuilds the event; lists go into the arena, bytes are borrowed from the cursor.
 *   LC_EINVAL  the bytes are not a trace
 *   LC_ENOMEM  over the arena's cap */
LC_MUST_CHECK enum lc_err trace_get_event(struct cursor *c, struct arena *a, struct event *ev);
/* trace_print_effects: what trace_put_effects wrote, one line an effect, for people. LC_EINVAL. */
LC_MUST_CHECK enum lc_err trace_print_effects(struct buf *b, struct slice effects);
/* event_name / effect_name: of a kind, for people; "?" when unknown. */
const char *event_name(enum event_kind kind);
const char *effect_name(enum effect_kind kind);

#endif
