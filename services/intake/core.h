/* core: what the files of intake share. Nobody else includes this. */
#ifndef LC_INTAKE_CORE_H
#define LC_INTAKE_CORE_H

#include "base/catalogue.h"
#include "base/id.h"
#include "base/json_in.h"
#include "base/json_out.h"
#include "base/map.h"
#include "base/personal.h"
#include "base/problem.h"
#include "base/record.h"
#include "base/secret.h"
#include "base/step.h"
#include "base/wire.h"

enum {
    ORDERS_A_MESSAGE = 64, /* in one MatchRequest, and in one order_accept */
    LINES_MAX = RECORD_LINES_MAX,
    QUANTITY_MAX = 999,
    EXTERNAL_ID_BYTES_MAX = 64,
    IDEMPOTENCY_BYTES_MAX = 128,
    SKU_BYTES_MAX = 64,
    STORE_ID_BYTES_MAX = 64,
    NAME_BYTES_MAX = 100,
    PHONE_BYTES_MAX = 16,
    ADDRESS_BYTES_MAX = 200,
    INSTRUCTIONS_BYTES_MAX = 500,
    SUBSTITUTES_MAX = 5,
    PRIORITY_MAX = 4,
    SUBMIT_MAX = 500,            /* orders in one SubmitRequest */
    LINE_BYTES_MAX = 256 * 1024, /* of NDJSON */
    STORES_A_REQUEST = 1000,
    RETRY_MS = 250,   /* a call that Redis lost is made again */
    QUOTE_MS = 1000,  /* quotes and nearby: then 503 */
    STREAMS_MAX = 64, /* batches and feeds at once */
    STREAMS_A_CHAIN = 8,
    LOOKED_SLOTS = 256, /* a power of two */
    TRACED_HEADER = TRACEPARENT_TEXT + 20,
};

/* Call tags: the upper byte says whose; the rest counts. */
#define TAG_CATALOGUE (UINT64_C(1) << 56)
#define TAG_CALL (UINT64_C(2) << 56)

/* ---- counters ---- */

enum count {
    COUNT_PLACED,
    COUNT_ACCEPTED,
    COUNT_HELD,
    COUNT_REJECTED,
    COUNT_REPEATED,
    COUNT_CONFLICT,
    COUNT_PRICE_CHANGED,
    COUNT_INVALID,
    COUNT_UNAVAILABLE,
    COUNT_FALLBACK,
    COUNT_QUOTES,
    COUNT_2XX,
    COUNT_4XX,
    COUNT_5XX,
    COUNT_BATCH_LINES,
    COUNT_FEED_LINES,
    COUNT_FEED_REFUSED,
    COUNT_STORES_OUTSIDE,
    COUNT_SUBMITS,
    COUNT_ADDRESS_SURE,
    COUNT_ADDRESS_UNSURE,
    COUNT_ADDRESS_NONE,
    COUNT_TRACE_TAKEN,
    COUNT_TRACE_NONE,
    COUNT_TRACE_REFUSED,
    COUNT_PENDING,
    COUNT_STREAMS,
    COUNT_CALLS,
    COUNT_ROUTE_0,
    COUNT_ROUTE_LAST = COUNT_ROUTE_0 + 21,
    COUNT_CODE_0,
    COUNT_CODE_LAST = COUNT_CODE_0 + 25,
    COUNTS
};

/* ---- what is wrong with an order ---- */

struct faults {
    struct arena *arena;
    size_t n;
    size_t more;    /* those beyond the list */
    bool only_late; /* nothing is wrong but that its time is over: it may be a repeat of what is
                       known */
    struct field_error list[JSON_ERRORS_MAX];
};

void fault(struct faults *f, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* fault_twice: is a parameter, whose bit this is, there again? Notes it in seen. */
void fault_twice(struct faults *f, unsigned *seen, unsigned bit, const char *field);

/* ---- orders under way ---- */

struct intake;

enum origin_kind { ORIGIN_HTTP, ORIGIN_BATCH, ORIGIN_SUBMIT };

/* Who waits for the answer. It may be gone by then: refs are never used twice. */
struct origin {
    enum origin_kind kind;
    uint64_t ref;  /* connection, or submission */
    uint64_t line; /* of the batch, from 1; or place in the submission */
};

/* located: how a drop-off is known. PLACE_GIVEN: lat and lng came with the order, and nothing is
 * said of it. */
struct located {
    Lifecircle__V1__AddressPrecision precision;
    struct latlng at;
    uint32_t error_m;
};
extern const struct located located_given;

/* What became of an order, as told to its origin. */
struct verdict {
    int status;         /* as HTTP */
    const char *code;   /* of the problem, when status >= 400 */
    const char *detail; /* may be NULL */
    const struct field_error *errors;
    size_t error_n;
    const char *external_id;         /* "" = unknown */
    const struct record *record;     /* NULL: nothing is known of it */
    const struct uuid *id;           /* with record */
    const struct traceparent *trace; /* NULL: it is not an order yet */
    uint32_t chain;
    const Lifecircle__V1__MatchResult *quote; /* 200 of a quote */
    struct located place;
};

enum pending_step {
    PENDING_GATHERED,  /* leaves for the matcher at the end of this turn */
    PENDING_MATCHING,  /* due_ms: then accept */
    PENDING_ACCEPT,    /* goes to order_accept at the end of this turn */
    PENDING_ACCEPTING, /* its call is under way */
    PENDING_READING,   /* its record is read: how its place is known was said when it came first */
    PENDING_BEHIND,    /* another one with the same id is under way: it goes after that */
};

/* Each waits its own time, so that each list is sorted by time. Nobody stands and waits for one
 * line of a bulk: when all is slow, writing its orders twice would make it slower. */
enum due_list { DUE_SINGLE, DUE_BULK, DUE_QUOTE, DUE_LISTS };

struct pending {
    struct uuid id;
    struct traceparent trace;
    enum pending_step step;
    bool quote;
    struct origin origin;
    uint32_t chain;
    uint64_t fingerprint;
    struct located place;
    int64_t since_ms;
    int64_t due_ms;
    struct pending *next_gathered;
    struct pending *behind;              /* the next one with the same id */
    struct pending *older, *newer;       /* all of them, by arrival */
    struct pending *due_prev, *due_next; /* PENDING_MATCHING, by due_ms */
    UT_hash_handle hh;                   /* by id; those behind are not in it */
    struct slice packed;                 /* Order, behind a protobuf length */
    struct slice order;                  /* the same without the length */
    const char *external_id;
    char bytes[];
};

/* ---- calls to Redis ---- */

struct call;
/* reply is NULL when Redis gave no answer in time. The call and its data are freed afterwards. */
typedef void call_done(struct intake *in, struct call *c, const struct event *ev,
                       const struct reply *reply, struct outbox *out);

struct call {
    uint64_t tag;
    call_done *done;
    void *data; /* owned */
    void (*release)(void *data);
    int64_t give_up_ms;
    bool lost; /* to be made again */
    size_t argc;
    UT_hash_handle hh;
    struct slice argv[];
};

/* ---- requests ---- */

struct request {
    const struct event *ev;
    struct outbox *out;
    uint64_t conn;
    const Lifecircle__V1__Chain *chain;
    struct slice param; /* the path's one variable part, decoded */
};

/* What was found out of a request already, when it runs again (held.c). */
struct held_marks {
    bool looked;    /* its key is not in the catalogue, but was looked up */
    bool paid;      /* counted against its limits */
    bool signature; /* is genuine, and was not used before */
};

/* What became of the question: true = the request goes on; false = it was answered. */
typedef bool held_answer(struct intake *in, const struct event *ev, uint64_t conn,
                         struct held_marks *marks, const struct reply *reply, struct outbox *out);

struct held;
struct nearby;
struct batch;
struct feed;
struct submission;
struct bucket;

struct intake {
    char city[32];
    char key[40]; /* "{city}", the key of every function */
    struct city_secret secret;
    struct personal_master personal; /* made of it */
    struct chance chance;
    struct mint mint;
    struct catalogue *catalogue;
    const struct address_book *addresses; /* NULL: there is none; the shell's */
    bool stopping;
    int64_t match_ms, bulk_match_ms, answer_ms;
    int64_t min_window_ms, hold_margin_ms;
    bool webhooks_http; /* webhooks may go unencrypted */
    uint64_t pending_max;
    uint32_t batch_window;

    struct pending *pending; /* by id */
    size_t pending_n;        /* also those behind */
    struct pending *oldest, *newest;
    struct due {
        struct pending *first, *last; /* PENDING_MATCHING, by due_ms */
    } due[DUE_LISTS];
    struct pending *gathered, **gathered_end;
    struct pending *accepts, **accepts_end;
    struct nearby *nearby; /* by tag */

    struct call *calls; /* by tag */
    uint64_t call_n;
    size_t calls_lost;
    int64_t calls_retry_ms; /* INT64_MAX: none is lost */
    size_t streams_n;       /* batches and feeds */
    uint64_t number;        /* counts submissions, nearby queries, feeds' chunks */
    uint64_t ids;           /* counts what needs a random id */

    struct batch *batches; /* by connection */
    struct feed *feeds;    /* by connection */
    struct submission *submissions;
    struct looked {
        uint32_t chain;
        int64_t at_ms;
    } looked[LOOKED_SLOTS]; /* for whom Redis was asked of a key */
    int64_t looks_since_ms;
    unsigned looks;
    struct held *held;
    const struct held_marks *marks; /* of the request that runs now; never NULL */
    struct bucket *buckets;

    int64_t wished_ms; /* the wake wished for; INT64_MAX = none */
    struct buf text;   /* scratch for answers */
    struct counter counts[COUNTS];
    struct histogram answer; /* of orders */
};

static inline void
count_up(struct intake *in, enum count c)
{
    in->counts[c].value++;
}

/* counts.c */
void counts_init(struct intake *in);
void count_code(struct intake *in, const char *code);
void count_route(struct intake *in, size_t route);
extern const char *const count_route_names[COUNT_ROUTE_LAST - COUNT_ROUTE_0 + 1];

/* http.c: answers */
void answer_json(struct intake *in, struct outbox *out, uint64_t conn, int status,
                 struct slice body);
void answer_problem(struct intake *in, struct outbox *out, uint64_t conn, const struct problem *p);
void answer_error(struct intake *in, struct outbox *out, uint64_t conn, int status,
                  const char *code, const char *detail);
void answer_faults(struct intake *in, struct outbox *out, uint64_t conn, const char *code,
                   const struct field_error *list, size_t n);
void answer_limited(struct intake *in, struct outbox *out, uint64_t conn, const char *code,
                    int64_t retry_s);
void answer_not_allowed(struct intake *in, struct outbox *out, uint64_t conn, const char *allow);
void answer_unavailable(struct intake *in, struct outbox *out, uint64_t conn);
/* answer_json_errors: 400 malformed_json, 413, or 422 code with the fields. */
void answer_json_errors(struct intake *in, struct outbox *out, uint64_t conn, enum lc_err parse,
                        const struct json_in *json, const char *code);
struct slice header(const struct http_event *http, const char *name);
bool media_type_is(const struct event *ev, const char *type);
/* query_next: the next name=value of a query, decoded in the arena; false at the end. *bad on wrong
 * escapes. */
bool query_next(struct arena *a, struct slice *query, struct slice *name, struct slice *value,
                bool *bad);
bool percent_decode(struct arena *a, struct slice in, bool plus, struct slice *out);
/* route.c */
void route_request(struct intake *in, const struct event *ev, struct outbox *out);
bool route_streams(struct slice method, struct slice path);

/* auth.c: 401, 429 and 503 are answered here; NULL then. */
const Lifecircle__V1__Chain *authenticate(struct intake *in, const struct event *ev,
                                          struct outbox *out);
/* auth_hash: the hash of the request's key, for catalogue_key_lives. */
void auth_hash(const struct event *ev, char out[SECRET_HASH_TEXT]);
/* auth_key: the same for a key; when NULL, status 401, 429 (retry_s), or 503: without memory. */
const Lifecircle__V1__Chain *auth_key(struct intake *in, struct slice key, int64_t now_ms,
                                      int *status, int64_t *retry_s);
/* auth_look: is the chain in Redis newer than in the catalogue? Then the request runs again; paid =
 * it was counted against its limits. False: that was asked lately, or too much is asked. */
bool auth_look(struct intake *in, const struct event *ev, struct outbox *out, uint32_t chain,
               bool paid);
void auth_close(struct intake *in);

/* signed.c: may the request go on as far as its signature is concerned? false: it was answered, or
 * will be. */
bool signature_passes(struct intake *in, const struct event *ev, struct outbox *out,
                      const Lifecircle__V1__Chain *chain);

/* held.c */
/* held_begin: the request waits for the answer to this command. False: too many do, or no memory;
 * it is still the caller's to answer. */
bool held_begin(struct intake *in, const struct event *ev, struct outbox *out,
                const struct held_marks *marks, const struct slice *argv, size_t argc,
                held_answer *answer);
/* held_body: a piece of the body of a request that waits? */
bool held_body(struct intake *in, const struct event *ev);
void held_gone(struct intake *in, uint64_t conn);
void held_close(struct intake *in);

/* calls.c: call_start takes data (freed on failure too). LC_ENOMEM: nothing was begun. call_owning:
 * data is given to release instead of free. */
LC_MUST_CHECK enum lc_err call_start(struct intake *in, const struct event *ev, struct outbox *out,
                                     const struct slice *argv, size_t argc, call_done *done,
                                     void *data);
LC_MUST_CHECK enum lc_err call_owning(struct intake *in, const struct event *ev, struct outbox *out,
                                      const struct slice *argv, size_t argc, call_done *done,
                                      void *data, void (*release)(void *data));
bool calls_reply(struct intake *in, const struct event *ev, struct outbox *out);
void calls_up(struct intake *in, struct outbox *out);
void calls_wake(struct intake *in, const struct event *ev, struct outbox *out);
int64_t calls_wake_ms(const struct intake *in);
void calls_close(struct intake *in);

/* order_in.c */
void order_read(struct json_in *json, const struct json_at *at, bool quote,
                Lifecircle__V1__OrderSubmission *s);

/* order_check.c: judges a submission and makes an Order of it in the arena. Faults are noted in f.
 */
struct checked {
    Lifecircle__V1__Order order; /* points into the submission and the arena */
    Lifecircle__V1__Point dropoff;
    struct uuid id;
    char id_text[UUID_TEXT];
    uint64_t fingerprint;
};
LC_MUST_CHECK enum lc_err order_check(struct intake *in, const Lifecircle__V1__Chain *chain,
                                      const struct event *ev, bool quote,
                                      const Lifecircle__V1__OrderSubmission *s, struct faults *f,
                                      struct checked *out);

/* place.c */
/* located_waits: is it known too badly to send somebody there? */
bool located_waits(const struct located *l);
struct located located_of(const Lifecircle__V1__Order *o);
struct located located_of_record(const struct event *ev, const struct record *r);
/* located_render: the member `dropoff`; nothing where lat and lng were given. */
void located_render(struct json_out *w, const struct located *l);

/* order_out.c */
void order_render(struct intake *in, struct json_out *w, const struct verdict *v);
void order_render_full(struct intake *in, struct json_out *w, struct uuid id,
                       const struct record *r, const Lifecircle__V1__Order *order);
void verdict_problem(struct intake *in, struct buf *b, const struct verdict *v);

/* orders.c */
/* order_begin: takes a checked order on its way; LC_ENOMEM: nothing was begun. LC_EAGAIN: too many
 * are pending. */
LC_MUST_CHECK enum lc_err order_begin(struct intake *in, const struct event *ev,
                                      const struct checked *order, bool quote,
                                      struct origin origin);
void orders_reply(struct intake *in, const struct event *ev, struct outbox *out);
void orders_turn_end(struct intake *in, const struct event *ev, struct outbox *out);
void orders_wake(struct intake *in, const struct event *ev, struct outbox *out);
int64_t orders_wake_ms(const struct intake *in);
void orders_close(struct intake *in);
/* pending_finish: the verdict, completed, goes to p's origin; p is freed, and who stands behind it
 * takes its place. pending_to_accept: order_accept writes it at the end of this turn. */
struct pending *pending_find(const struct intake *in, struct uuid id);
void pending_finish(struct intake *in, const struct event *ev, struct pending *p, struct verdict *v,
                    struct outbox *out);
void pending_to_accept(struct intake *in, struct pending *p);
/* pending_to_read: waits for its record alone. */
void pending_to_read(struct intake *in, struct pending *p);

/* order_settle.c */
void pending_unavailable(struct intake *in, const struct event *ev, struct pending *p,
                         struct outbox *out);
void accepts_send(struct intake *in, const struct event *ev, struct outbox *out);
/* same_submission: is the record of this one? Of an erased order nobody can tell any more: it is.
 */
bool same_submission(const struct record *r, uint64_t fingerprint);
/* verdict_of_record: status, code and record of what is stored, whoever stored it. */
void verdict_of_record(const struct record *r, struct verdict *v);

/* traced.c: W3C trace context */
/* traced_read: Order.traceparent of what this request brings: what it says, or empty; in the arena.
 * Counted. */
char *traced_read(struct intake *in, const struct event *ev);
/* traced_header: the header line that tells a chain which trace its order is in. */
void traced_header(const struct verdict *v, char out[TRACED_HEADER]);
/* traced_answer: notes that an order was answered. */
void traced_answer(const struct pending *p, const struct verdict *v, int64_t now_ms,
                   struct outbox *out);
/* traced_orders: this message is about n orders from p on: if they are of one trace, so is it. */
void traced_orders(struct intake *in, Lifecircle__V1__Envelope *env, const struct pending *p,
                   size_t n);
/* traced_broken: notes that an order's record cannot be read. */
void traced_broken(struct outbox *out, struct uuid id, const struct record *r);
/* traced_step: notes what a chain or store did to an order. */
void traced_step(struct outbox *out, struct uuid id, const struct record *r,
                 const Lifecircle__V1__Order *o, const char *action);

/* order_take.c */
/* order_take: f may have faults of form already. Whatever comes of it is delivered, now or later.
 */
void order_take(struct intake *in, const struct event *ev, struct outbox *out,
                const Lifecircle__V1__Chain *chain, const Lifecircle__V1__OrderSubmission *s,
                struct faults *f, bool quote, struct origin origin);
void order_take_json(struct intake *in, const struct event *ev, struct outbox *out,
                     const Lifecircle__V1__Chain *chain, struct slice text, struct slice key,
                     bool quote, struct origin origin);
/* deliver: tells the origin. */
void deliver(struct intake *in, const struct event *ev, struct origin origin,
             const struct verdict *v, struct outbox *out);

/* batch.c */
/* batch_traceparent: as traced_read read it when the batch began; "" = none. */
const char *batch_traceparent(const struct intake *in, uint64_t conn);
void batch_deliver(struct intake *in, struct origin origin, const struct verdict *v);
void batch_body(struct intake *in, const struct event *ev, struct outbox *out);
void batch_gone(struct intake *in, uint64_t conn);
void batches_turn_end(struct intake *in, const struct event *ev, struct outbox *out);
void batches_close(struct intake *in);

/* submit.c: orders as protobuf */
/* submission_traceparent: as batch_traceparent. */
const char *submission_traceparent(const struct intake *in, uint64_t number);
void submit(struct intake *in, const struct event *ev, struct outbox *out);
void submit_deliver(struct intake *in, const struct event *ev, struct origin origin,
                    const struct verdict *v, struct outbox *out);
void submissions_close(struct intake *in);

/* store_in.c: one GeoJSON feature as a Store in json->arena; what is wrong is noted in json. *note:
 * something the chain should know although nothing is wrong. *zones is for checking only: made when
 * it is first needed, the caller's to destroy. */
struct zone_set;
struct store_note {
    const char *text; /* "" = nothing */
    bool outside;     /* the store lies outside its own zone */
};
void store_read(struct json_in *json, const struct json_at *feature, struct zone_set **zones,
                Lifecircle__V1__Store *out, struct store_note *note);
/* store_read_busy: the fields busy and busy_delay_seconds of `at`. */
void store_read_busy(struct json_in *json, const struct json_at *at, enum json_need need,
                     Lifecircle__V1__Store *s);

/* stores.c: the stored bytes of one store, with another busy mode, are written again. */
struct store_query {
    uint64_t conn;
    uint32_t chain;
    bool change; /* busy */
    Lifecircle__V1__BusyMode busy;
    int64_t delay_s; /* -1 = as it is */
};
void store_change_busy(struct intake *in, const struct event *ev, const struct store_query *q,
                       struct slice packed, struct outbox *out);

/* store_out.c */
void store_render(struct json_out *w, const Lifecircle__V1__Store *s);
const char *busy_name(Lifecircle__V1__BusyMode busy);

/* nearby.c */
void nearby_reply(struct intake *in, const struct event *ev, struct outbox *out);
void nearby_turn_end(struct intake *in, const struct event *ev, struct outbox *out);
void nearby_wake(struct intake *in, const struct event *ev, struct outbox *out);
int64_t nearby_wake_ms(const struct intake *in);
void nearby_close(struct intake *in);

/* stock.c: feeds */
void feed_body(struct intake *in, const struct event *ev, struct outbox *out);
void feed_gone(struct intake *in, uint64_t conn);
void feeds_reply(struct intake *in, const struct event *ev, struct outbox *out);
void feeds_turn_end(struct intake *in, const struct event *ev, struct outbox *out);
int64_t feeds_wake_ms(const struct intake *in);
void feeds_close(struct intake *in);

/* routes */
void post_order(struct intake *in, const struct request *rq);
void post_quote(struct intake *in, const struct request *rq);
void post_batch(struct intake *in, const struct request *rq);
void get_order(struct intake *in, const struct request *rq);
void get_orders(struct intake *in, const struct request *rq);
void post_cancel(struct intake *in, const struct request *rq);
void post_confirm(struct intake *in, const struct request *rq);
void post_ready(struct intake *in, const struct request *rq);
void post_collected(struct intake *in, const struct request *rq);
void delete_personal(struct intake *in, const struct request *rq);
void get_proofs(struct intake *in, const struct request *rq);
void get_photo(struct intake *in, const struct request *rq);
void get_signature(struct intake *in, const struct request *rq);
void put_stores(struct intake *in, const struct request *rq);
void get_store(struct intake *in, const struct request *rq);
void post_busy(struct intake *in, const struct request *rq);
void get_nearby(struct intake *in, const struct request *rq);
void post_stock(struct intake *in, const struct request *rq);
void get_webhook(struct intake *in, const struct request *rq);
void put_webhook(struct intake *in, const struct request *rq);
void delete_webhook(struct intake *in, const struct request *rq);

#endif
