/* core: what the files of this core share. Not for others. */
#ifndef LC_INVENTORY_CORE_H
#define LC_INVENTORY_CORE_H

#include "base/step.h"
#include "base/wire.h"

enum {
    RETRY_MS = 1000,
    DEADLINE_DEFAULT_MS = 5000, /* for requests that name none */
    CITY_KEY_MAX = 40,
    SINGLES_MAX = 256, /* checks and feeds in flight; more are answered unavailable */
    CALL_ORDERS_MAX = 128,
    QUEUES = 5, /* match, held, dispatch, expire, webhook */
};

/* Tags of the reads of queues.c; those of calls count up from 1. */
#define TAG_QUEUES (UINT64_C(1) << 62)

enum count {
    COUNT_PLACED,
    COUNT_HELD,
    COUNT_CREATED,
    COUNT_REJECTED,
    COUNT_EXHAUSTED,
    COUNT_DUPLICATE,
    COUNT_CONFLICT,
    COUNT_PRICE_DIFFERS,
    COUNT_MALFORMED,
    COUNT_UNAVAILABLE,
    COUNT_CALLS,
    COUNT_CALL_ORDERS,
    COUNT_CALL_FULL,
    COUNT_REPEATED,
    COUNT_FUNCTION_ERRORS,
    COUNT_FEED_APPLIED,
    COUNT_FEED_REPEATED,
    COUNT_FEED_LATE,
    COUNT_FEED_UNKNOWN_STORE,
    COUNT_FEED_MALFORMED,
    COUNT_FEED_UNAVAILABLE,
    COUNT_FEED_CHANGED,
    COUNT_CHECKS,
    COUNT_CHECKS_REFUSED,
    COUNT_EXPIRED,
    COUNT_ANSWERS_DROPPED,
    COUNT_IGNORED,
    GAUGE_QUEUED,
    GAUGE_IN_FLIGHT,
    GAUGE_REDIS_USED,
    GAUGE_REDIS_MOST,
    GAUGE_REDIS_REPLICAS,
    GAUGE_REDIS_DISK,
    GAUGE_DUE_ROWS,
    GAUGE_DUE_AGE = GAUGE_DUE_ROWS + QUEUES,
    COUNTS = GAUGE_DUE_AGE + QUEUES
};

/* asker: who waits for an answer, and for how long it is of use. */
struct asker {
    uint64_t link;
    int64_t came_ms;
    int64_t deadline_ms;
    uint8_t id[16];
    size_t id_n;
    char traceparent[TRACEPARENT_TEXT];
};

/* args: a list of byte strings, kept for as long as a call may have to be repeated. */
struct args {
    struct buf bytes;
    struct buf ends; /* uint32_t each: where argument i ends */
};

/* item: an order on its way. */
struct item {
    struct item *next; /* in the queue */
    struct request *request;
    size_t first; /* of its arguments */
    bool done;
    bool repeated; /* sent before, without an answer */
    bool alone;    /* a call with it was refused: next time by itself */
    uint8_t outcome;
    uint8_t candidate;
    struct uuid order;
    struct traceparent trace;
    size_t head_at; /* in request->heads */
    size_t head_n;
};

/* request: one PlaceRequest; answered when all its items are done. */
struct request {
    struct asker asker;
    struct args args;
    struct buf heads;
    size_t waiting;
    size_t n;
    struct item items[];
};

enum call_kind { CALL_PLACE = 1, CALL_CHECK, CALL_FEED, CALL_CLAIM, CALL_SWEEP, CALL_EXPIRE };

/* shape: of one item of a CheckRequest. */
struct shape {
    uint64_t tag;
    uint32_t stores; /* 0: refused */
    uint32_t skus;
};

/* call: one FCALL in flight. */
struct call {
    struct call *next;
    uint64_t tag;
    enum call_kind kind;
    /* CALL_CHECK, CALL_FEED */
    struct asker asker;
    struct args args;
    uint64_t echo; /* the StockRequest's tag */
    struct shape *shapes;
    /* CALL_PLACE: items; CALL_CHECK: shapes; CALL_CLAIM, CALL_EXPIRE: orders asked for */
    size_t n;
    struct item *items[];
};

struct inventory {
    struct mint mint;
    char key[CITY_KEY_MAX]; /* "{bal}" */
    size_t place_calls;
    size_t place_batch;
    size_t place_queue;
    int64_t expire_slack_ms;
    int64_t expire_every_ms;

    bool up;
    int64_t retry_ms; /* when to try again although nobody said that Redis is back; 0 = never */
    bool stopping;
    struct item *head; /* the queue of orders, oldest first */
    struct item **tail;
    size_t queued;
    struct call *calls;   /* in flight */
    size_t placing;       /* of these CALL_PLACE */
    size_t singles;       /* of these CALL_CHECK and CALL_FEED */
    struct call *waiting; /* singles to be repeated once Redis is up */
    size_t expiring;      /* claim, sweep and expire calls in flight */
    int64_t sweep_from;   /* where the next sweep goes on */
    int64_t next_expiry_ms;
    uint64_t next_tag;
    int64_t queues_every_ms; /* 0 = never */
    int64_t next_queues_ms;
    struct histogram placed; /* how long PlaceRequests took */
    struct counter counters[COUNTS];
};

/* count: raises a counter. */
void count(struct inventory *inv, enum count which, uint64_t by);

/* ---- arguments and calls (call.c) ---- */

void args_add(struct args *a, struct slice s);
void args_end(struct args *a); /* what was appended to bytes since is one argument */
bool args_failed(const struct args *a);
size_t args_count(const struct args *a);
struct slice args_at(const struct args *a, size_t i);
char *args_edit(struct args *a, size_t i); /* where argument i begins, to be written over */
void args_free(struct args *a);

/* call_new: an empty call with room for n items; NULL without memory. call_free gives it and what
 * it owns back. */
struct call *call_new(struct inventory *inv, enum call_kind kind, size_t n);
void call_free(struct call *c);

/* call_send: FCALL function 1 {city} leading… args…; the call is then in flight. False when the
 * outbox is full: nothing was sent. */
bool call_send(struct inventory *inv, const struct event *ev, struct outbox *out, struct call *c,
               const char *function, const struct slice *argv, size_t argc);

/* call_take: the call that a reply belongs to, taken out of those in flight; NULL when there is
 * none. */
struct call *call_take(struct inventory *inv, uint64_t tag);

/* int_slice: v as decimal text in the event's arena; an empty slice without memory. */
struct slice int_slice(const struct event *ev, int64_t v);

/* ---- answers (answer.c) ---- */

void asker_init(struct asker *a, const struct event *ev);

/* answer: completes and sends an envelope to the asker: the caller set body and body_case. Dropped
 * and counted when the outbox has no room: whoever asked asks again. */
void answer(struct inventory *inv, const struct event *ev, struct outbox *out,
            const struct asker *a, Lifecircle__V1__Envelope *env);

/* ring: a doorbell. */
void ring(struct inventory *inv, const struct event *ev, struct outbox *out,
          Lifecircle__V1__News__Topic topic);

/* wake: as outbox_wake, but a full outbox only loses the wish. */
void wake(struct outbox *out, int64_t at_ms);

/* function_error: counts and notes that a function answered with an error, or with what it never
 * answers. */
void function_error(struct inventory *inv, const struct event *ev, struct outbox *out,
                    const char *function);

/* ---- the three kinds of work ---- */

enum lc_err place_take(struct inventory *inv, const struct event *ev, struct outbox *out);
void place_send(struct inventory *inv, const struct event *ev, struct outbox *out);
void place_replied(struct inventory *inv, const struct event *ev, struct outbox *out,
                   struct call *c);
void place_overdue(struct inventory *inv, const struct event *ev, struct outbox *out);
void place_close(struct inventory *inv);

enum lc_err check_take(struct inventory *inv, const struct event *ev, struct outbox *out);
enum lc_err feed_take(struct inventory *inv, const struct event *ev, struct outbox *out);
void single_replied(struct inventory *inv, const struct event *ev, struct outbox *out,
                    struct call *c);
void single_resend(struct inventory *inv, const struct event *ev, struct outbox *out);
void single_overdue(struct inventory *inv, const struct event *ev, struct outbox *out);

void expiry_look(struct inventory *inv, const struct event *ev, struct outbox *out);
void expiry_replied(struct inventory *inv, const struct event *ev, struct outbox *out,
                    struct call *c);

/* ---- what is due (queues.c) ---- */

void queues_look(struct inventory *inv, const struct event *ev, struct outbox *out);
void queues_replied(struct inventory *inv, const struct event *ev);

#endif
