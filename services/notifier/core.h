/* core: what the files of the notifier share. Nobody else includes this. */
#ifndef LC_NOTIFIER_CORE_H
#define LC_NOTIFIER_CORE_H

#include "base/catalogue.h"
#include "base/id.h"
#include "base/map.h"
#include "base/personal.h"
#include "base/primary.h"
#include "base/record.h"
#include "base/secret.h"
#include "base/step.h"
#include "base/wire.h"
#include "notifier/ops_state.h"
#include "notifier/ways_state.h"

#include "notice.pb-c.h"

enum {
    TICK_MS = 100,              /* while something waits for an answer or to be passed on */
    BUSY_TICK_MS = 20,          /* at most so often while pushes wait for their turn */
    IDLE_MS = 1000,             /* at least so often */
    ACTION_RETRY_MS = 500,      /* a courier's action is sent to the router again */
    ACTION_PATIENCE_MS = 10000, /* then the phone is told to repeat it */
    ACTIONS_A_PHONE = 32,       /* that wait for an answer; the router queues no more either */
    EVENTS_A_READ = 200,
    TOLD_ANEW = 1000,        /* events, after a fail-over */
    HOOK_ROWS_A_CALL = 1000, /* webhook_enqueue takes no more */
    REVOKED_MS = 500,        /* how often couriers' tokens are looked at again */
    BEAT_MS = 15000,         /* a customer's stream hears at least so often that it still runs */
    FORGET_MS = 1000,        /* how often positions that are too old are looked for */
    HOOK_CURSOR_MS = 1000, /* how often the webhook cursor moves when there is nothing to enqueue */
    HOOK_TIMEOUT_MS = 10000,
    HOOK_VISIBILITY_MS = 30000,
    HOOKS_AT_ONCE = 64,
    HOOKS_A_CHAIN = HOOKS_AT_ONCE / 2, /* of one chain ... */
    HOOKS_HANGING = 4,                 /* ... that does not answer */
    HOOK_SLOW_MS = 1000,               /* a call that takes longer hangs */
    TRIM_MS = 10000,
    ANSWER_MS = 15000,       /* a batch that takes longer was lost: begin again */
    WATCHERS_AN_ORDER = 32,  /* connections behind one tracking link */
    MESSAGE_MAX = 16 * 1024, /* from a phone or a screen */
};

/* What a Redis reply is for: the upper byte of its tag; the rest is a number of the kind's own. */
enum call_kind {
    CALL_CURSOR = 1, /* where to begin */
    CALL_EVENTS,
    CALL_HOOK_ORDERS,
    CALL_HOOK_ENQUEUE,
    CALL_HOOK_CLAIM,
    CALL_HOOK_DONE,
    CALL_HOOK_CHAIN,
    CALL_ROUTES,
    CALL_ROUTE_ORDERS,
    CALL_TICKET_IDS,
    CALL_TICKET_ORDERS,
    CALL_TICKET_ONE,
    CALL_TRACKING,
    CALL_TRIM,
    CALL_ASK, /* of one person, see struct ask */
    CALL_ACCESS,
    CALL_OPS_IDS,
    CALL_OPS_ORDERS,
    CALL_OPS_SHIFTS,
    CALL_OPS_ROUTES,
    CALL_OPS_POSITIONS,
    CALL_OPS_COURIERS, /* who there is */
    CALL_OPS_SHELVES,
    CALL_PRIMARY, /* which Redis it is */
    CALL_WAY,     /* of one courier: shift, route, position */
    CALL_CATALOGUE = 0x7f,
};

static inline uint64_t
call_tag(enum call_kind kind, uint64_t number)
{
    return (uint64_t)kind << 56 | (number & 0xffffffffffffff);
}

static inline uint64_t
call_number(uint64_t tag)
{
    return tag & 0xffffffffffffff;
}

/* What couriers are paid, in minor units; currency "" = nothing is said about it. */
struct pay {
    char currency[4];
    int64_t delivery; /* for each */
    int64_t km;       /* and for each kilometre from the store to the customer */
    int64_t way_back; /* for goods brought back */
};

/* A courier's phone. One per courier: a newer connection takes the place of an older one. */
struct session {
    uint64_t conn;
    uint32_t courier;
    uint32_t version; /* of the route pushed last, or named in hello */
    bool greeted;     /* hello came */
    bool welcome_due; /* the welcome waits for the route to be read */
    bool dirty;       /* the route must be read */
    uint64_t job;     /* that reads it, or has read it and not pushed it yet; 0 = none */
    bool protobuf;
    unsigned waiting;             /* its actions that have no answer yet */
    struct known_order *known;    /* owned; of the orders on the route pushed last */
    char token[SECRET_HASH_TEXT]; /* the hash of the one it came with */
    UT_hash_handle by_conn;
};

/* An action that waits for the router's answer. */
struct action {
    uint64_t tag;
    uint64_t conn;
    int64_t sent_ms;
    int64_t until_ms;
    char *packed; /* CourierReport */
    size_t packed_n;
    UT_hash_handle hh;
};

/* A store's screen, and all screens of one store. */
/* A ticket found by the scan: where its JSON stands in the screen's snapshot. */
struct piece {
    struct uuid order;
    size_t at;
    size_t n; /* 0: the order was read again, and is another piece or none */
};

struct screen {
    uint64_t conn;
    uint32_t store;
    uint32_t chain;
    char key_hash[SECRET_HASH_TEXT]; /* of the API key that let it in */
    bool greeted;
    bool snapshot_due;   /* waits for a scan of open orders: */
    bool late;           /* for the next one, not for the one under way */
    struct buf snapshot; /* tickets found so far, JSON, one behind the other */
    struct piece *pieces;
    size_t n_pieces;
    size_t cap_pieces;
    struct screen *next; /* of the same store */
    UT_hash_handle hh;
};

struct store_screens {
    uint32_t store;
    struct screen *first;
    UT_hash_handle hh;
};

/* One walk through all open orders for every screen that waits for its first tickets. */
struct ticket_scan {
    struct uuid *ids;
    size_t n;
    size_t cap;
    size_t next;  /* not asked for yet */
    size_t first; /* behind these come those that have changed meanwhile: read again, perhaps */
};

/* A customer who watches an order, or asked once. */
struct watcher {
    uint64_t conn;
    struct uuid order;
    bool stream; /* Server-Sent Events; otherwise one answer */
    bool begun;
    struct watcher *next; /* of the same order */
};

struct watched {
    struct uuid order;
    struct watcher *first;
    uint32_t courier; /* who delivers to them now; 0 = nobody */
    int64_t told_ms;  /* when its streams last heard something */
    bool reading;
    bool again;      /* read once more when this read is done */
    uint64_t number; /* of the read under way */
    UT_hash_handle hh;
    UT_hash_handle by_number;
};

struct position {
    uint32_t courier;
    struct latlng at;
    int64_t time_ms; /* as the phone says, where that can be */
    int64_t came_ms; /* by our clock */
    bool fresh;      /* not told to the router yet */
    UT_hash_handle hh;
};

/* What one person asked for that waits for one answer of Redis. */
enum ask_kind {
    ASK_CANCEL, /* a customer: cancels the order */
    ASK_RATE,   /* a customer: stars */
    ASK_ACCESS, /* is this token good? */
    ASK_STEP,   /* a store or an operator: ready, collected, cancel */
    ASK_BUSY_LOOK,
    ASK_BUSY_PUT,
    ASK_SOLD_OUT,
    ASK_STORE_LOOK, /* a store: is this order ours? then ASK_STEP */
    ASK_ORDER,      /* an operator: one order in full */
    ASK_HISTORY,
    ASK_DECISION,
    ASK_RATING,
    ASK_DISPATCH, /* ... why this courier, why then */
    ASK_SHELF,    /* ... what a store is out of */
    ASK_FIND,
    ASK_ZONE,
    ASK_PROOF,   /* a courier: keeps a picture */
    ASK_PROOFS,  /* an operator: which pictures there are */
    ASK_SHOW,    /* an operator: one of them; wanted = which */
    ASK_WORK,    /* a courier: what the shift has come to */
    ASK_RULE,    /* an operator over the plan's head */
    ASK_RULING,  /* ... what holds of an order */
    ASK_FROZEN,  /* ... of the courier in `store` */
    ASK_CONFIRM, /* an operator: the order goes here */
    ASK_GONE,    /* a courier, `store`: why is it not on the route any more? */
};

struct ask {
    uint64_t number; /* call_tag(CALL_ASK, number) */
    enum ask_kind kind;
    uint64_t conn; /* 0 = it is gone */
    struct uuid order;
    char text[SECRET_HASH_TEXT]; /* ASK_ACCESS: the token's hash; else the asker's id of it */
    int wanted; /* ASK_ACCESS: what kind; ASK_BUSY_*: what mode; ASK_RULE: which courier */
    uint32_t store;
    uint32_t delay_s;
    UT_hash_handle hh;
};

/* Something that a chain's webhook should hear. */
struct hook_row {
    uint64_t event;
    uint32_t part; /* within the event */
    struct uuid order;
    bool eta_only; /* nothing has changed but when it is expected */
    char head[RECORD_HEAD];
};

struct hook_call {
    uint64_t tag;
    char *id; /* of the webhook */
    uint32_t chain;
    uint64_t url; /* fingerprint64 of where it went */
    struct uuid order;
    struct traceparent trace;
    uint32_t store;
    int64_t created_ms;
    int64_t began_ms;
    UT_hash_handle hh;
};

/* What is known of a chain's address. */
struct hook_peer {
    uint32_t chain;
    bool silent; /* its last call got no answer */
    UT_hash_handle hh;
};

enum {
    COUNT_EVENTS,
    COUNT_GAPS,
    COUNT_SESSIONS,
    COUNT_SCREENS,
    COUNT_WATCHERS,
    COUNT_PUSHES,
    COUNT_ACTIONS,
    COUNT_ACTIONS_LOST,
    COUNT_BAD_MESSAGES,
    COUNT_DENIED,
    COUNT_POSITIONS,
    COUNT_HOOKS_QUEUED,
    COUNT_HOOKS_SENT,
    COUNT_HOOKS_FAILED,
    COUNT_HOOKS_DEFERRED,
    COUNT_HOOKS_GIVEN_UP,
    COUNT_WAY_LEGS,
    COUNT_WAY_LEGS_STRAIGHT,
    COUNT_WAY_LEGS_KEPT,
    COUNT_WAYS_REFUSED,
    COUNT_N
};

/* What is timed. */
enum { TOOK_PUSH, TOOK_WEBHOOK, NOTIFIER_TIMES };

enum follow { FOLLOW_DOWN, FOLLOW_IDLE, FOLLOW_CURSOR, FOLLOW_READING, FOLLOW_HOOKS };

struct notifier {
    struct catalogue *catalogue;
    struct mint mint;
    char city[32];
    struct city_secret secret;
    struct personal_master personal; /* made of it */
    int64_t events_kept;
    int64_t proof_room;  /* bytes for pictures in Redis */
    struct web_map *map; /* the city's, or NULL */
    struct pay pay;
    struct chance chance; /* for keys */
    struct counter counters[COUNT_N];
    struct histogram took[NOTIFIER_TIMES];

    /* the events stream */
    enum follow follow;
    int64_t poll_every_ms; /* without a doorbell */
    uint64_t seen;         /* fanned out up to here */
    bool begun;            /* seen counts */
    bool again;            /* perhaps another Redis: what was seen may have been undone */
    bool moved;            /* another one for sure */
    char primary[PRIMARY_MAX];
    uint64_t hooked;    /* cursor:webhook as we know it */
    uint64_t batch_end; /* the read under way ends here */
    int64_t poll_ms;
    int64_t asked_ms; /* when the last of its calls was made */
    int64_t hooked_ms;
    int64_t trim_ms;
    struct hook_row *rows;
    size_t n_rows;
    size_t cap_rows;
    bool rows_lost; /* memory ran out for a row: the batch must be read again */

    /* webhooks to send */
    struct hook_call *calls;
    struct hook_peer *hook_peers;
    int64_t claim_ms;
    bool claiming;
    int64_t ticked_ms; /* when all that is due was looked at */
    int64_t beat_ms;   /* when streams that heard nothing are looked for again */

    /* couriers */
    struct session *by_conn;
    struct session **of_courier; /* by number, of_courier_n of them; NULL = not here */
    uint32_t of_courier_n;
    struct action *actions;
    struct push_job *jobs;
    struct push_job *ready, *last_ready; /* of them, those that were read: a queue */
    struct known_order *known;
    struct buf dirty;   /* u32 couriers whose routes must be read; `failed`: look at all sessions */
    int64_t revoked_ms; /* when tokens were looked at last */
    bool tokens_changed; /* a courier's record came since */
    struct position *positions;
    bool any_position;
    int64_t position_ms; /* so long one is kept */
    int64_t speedup;     /* simulations alone: the city's time passes so much faster */
    int64_t forgot_ms;   /* when older ones were looked for */

    /* stores and customers */
    struct screen *screens;
    struct store_screens *by_store;
    struct ticket_scan *scan; /* under way, or NULL */
    bool scan_wanted;
    struct watched *watched;
    struct watched *tracking_reads; /* those being read */
    struct watcher_conn *watcher_conns;
    struct ask *asks;
    struct ops ops;
    struct ways ways;

    uint64_t next_number; /* of jobs, actions, calls */
    bool stopping;
};

/* count: adds n to a counter (or sets a gauge with count_set). */
static inline void
count(struct notifier *n, int which, uint64_t by)
{
    n->counters[which].value += by;
}

static inline void
count_set(struct notifier *n, int which, uint64_t value)
{
    n->counters[which].value = value;
}

/* redis_key: "{city}:name" in the arena. */
struct slice redis_key(const struct notifier *n, struct arena *a, const char *name);
struct slice redis_number(struct arena *a, int64_t v);
/* order_key: "{city}:order:<uuid>". */
struct slice order_key(const struct notifier *n, struct arena *a, struct uuid order);

/* ask_orders: MGET of order records; the reply comes with the tag. */
void ask_orders(const struct notifier *n, const struct event *ev, struct outbox *out, uint64_t tag,
                const struct uuid *orders, size_t count);

/* ask_whole_orders: the same with what is sealed behind each record, for read_whole_order. Only for
 * who may see who an order is for: the courier that brings it, and operators. */
void ask_whole_orders(const struct notifier *n, const struct event *ev, struct outbox *out,
                      uint64_t tag, const struct uuid *orders, size_t count);
/* read_whole_order: NULL also without memory for what is sealed. */
const Lifecircle__V1__Order *read_whole_order(const struct notifier *n, const struct reply *pair,
                                              struct arena *a, struct record *r);

/* read_order: a record's head into *r and its Order in the arena; NULL when there is none or it is
 * unreadable. */
const Lifecircle__V1__Order *read_order(struct slice record, struct arena *a, struct record *r);

/* refuse: a problem answer. */
void refuse(const struct event *ev, struct outbox *out, int status, const char *code,
            const char *detail);

/* header_value: the value of the first header of that name; empty when there is none. */
struct slice header_value(const struct http_event *http, const char *name);

/* bearer: the token of an upgrade or request: Authorization: Bearer, X-Api-Key, a subprotocol
 * "lifecircle.token.TOKEN" (for browsers), or ?token=. Empty when there is none. */
struct slice bearer(const struct event *ev);
/* show_out: a browser's WebSocket with a token that is none: browsers do not tell a page why a
 * handshake was refused, so it is accepted and closed with 4003. False: not a browser's. */
bool show_out(const struct event *ev, struct outbox *out);
/* query_value: the (not decoded) value of a query field; empty when absent. */
struct slice query_value(struct slice query, const char *name);

/* ask.c: one question, one answer */
/* ask_redis: a copy of *question waits for the answer to this command. False without memory. */
bool ask_redis(struct notifier *n, struct outbox *out, const struct ask *question,
               const struct slice *argv, size_t argc);
void ask_reply(struct notifier *n, const struct event *ev, struct outbox *out);
void ask_close(struct notifier *n);
/* step_outcome: what order_step answered for its one order; STEP_LOST when that is not known. */
enum step_outcome { STEP_LOST, STEP_DONE, STEP_ALREADY, STEP_NOT_ALLOWED, STEP_UNKNOWN };
enum step_outcome step_outcome(const struct reply *r);
/* ask_step: order_step with one order, as ask_redis. */
bool ask_step(struct notifier *n, const struct event *ev, struct outbox *out,
              const struct ask *question, const char *action, unsigned reason, const char *who,
              struct slice words);
/* say_json: a whole JSON answer that nobody keeps. */
void say_json(const struct event *ev, struct outbox *out, uint64_t conn, int status,
              struct slice json);
/* unsaid: what was asked cannot be answered now. */
void unsaid(struct outbox *out, uint64_t conn, int status, const char *code);

/* customer.c: what customers may do; a POST to /t/TOKEN/WHAT, and the picture of a code */
void customer_post(struct notifier *n, const struct event *ev, struct outbox *out);
void customer_code(struct notifier *n, const struct event *ev, struct outbox *out,
                   struct uuid order);
void customer_answer(struct notifier *n, const struct ask *a, const struct event *ev,
                     struct outbox *out);

/* follow.c: the events stream */
void follow_redis_up(struct notifier *n, const struct event *ev, struct outbox *out);
void follow_poll(struct notifier *n, const struct event *ev, struct outbox *out);
void follow_reply(struct notifier *n, const struct event *ev, struct outbox *out);
/* follow_next: the batch is done with: read on when there was much. */
void follow_batch_done(struct notifier *n, const struct event *ev, struct outbox *out);
/* event_number: the n of the id "1-n"; 0 when it is none. */
uint64_t event_number(struct slice id);

/* hooks.c: webhooks, from events to rows */
void hooks_event(struct notifier *n, uint64_t event, uint32_t part, struct uuid order,
                 struct slice head, bool eta_only);
void hooks_batch(struct notifier *n, const struct event *ev, struct outbox *out);
void hooks_reply(struct notifier *n, const struct event *ev, struct outbox *out);
void hooks_close(struct notifier *n);
/* the chain, when it wants webhooks; else NULL */
const Lifecircle__V1__Chain *hooks_listening(const struct notifier *n, uint32_t number);

/* hook_calls.c: webhooks, from rows to chains */
void hooks_tick(struct notifier *n, const struct event *ev, struct outbox *out);
void hooks_claimed(struct notifier *n, const struct event *ev, struct outbox *out);
void hooks_called(struct notifier *n, const struct event *ev, struct outbox *out);
void hook_calls_close(struct notifier *n);

/* sessions.c: who is connected */
struct session *session_by_conn(struct notifier *n, uint64_t conn);
struct session *session_by_courier(struct notifier *n, uint32_t courier);
/* session_add: the courier has none. NULL without memory. */
struct session *session_add(struct notifier *n, uint64_t conn, uint32_t courier, bool protobuf);
void session_gone(struct notifier *n, struct session *s);

/* phones.c: what couriers do */
/* phones_courier: whose token it is; 0 = nobody's, or revoked. */
uint32_t phones_courier(const struct notifier *n, struct slice token);
/* phones_position: where a courier is, as of time_ms (0 = now); the newest counts. */
void phones_position(struct notifier *n, const struct event *ev, struct outbox *out,
                     uint32_t courier, struct latlng at, int64_t time_ms);
/* proof.c: photos and signatures of a hand-over, sealed like what is known of the customer */
/* proof_post: POST /v1/courier/proof/ORDER/photo or /signature. */
void proof_post(struct notifier *n, const struct event *ev, struct outbox *out);
void proof_answer(struct notifier *n, const struct ask *a, const struct event *ev,
                  struct outbox *out);
/* proof_list, proof_show: which there are, and one, told to an operator's page. kind: 0 photo, 1
 * signature. */
void proof_list(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
                struct uuid order);
void proof_show(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
                struct uuid order, int kind);
/* work.c: what a shift has come to */
/* work_pay_read: the currency and the rates. LC_EINVAL and a note when one is malformed. */
enum lc_err work_pay_read(struct pay *pay, const struct config *config, struct outbox *out);
/* work_pay: what the order earns its courier once it is delivered, or brought back when not, in
 * minor units; the only place that says so. *metres: from the store to the customer. */
int64_t work_pay(const struct notifier *n, const struct record *r,
                 const Lifecircle__V1__Order *order, bool delivered, uint32_t *metres);
void work_ask(struct notifier *n, const struct event *ev, struct outbox *out,
              const struct session *s);
void work_answer(struct notifier *n, const struct ask *a, const struct event *ev,
                 struct outbox *out);
/* gone.c: why an order is not on a courier's route any more; answered to who had it alone */
void gone_ask(struct notifier *n, const struct event *ev, struct outbox *out,
              const struct session *s, const Lifecircle__V1__CourierGoneAsk *m);
void gone_answer(struct notifier *n, const struct ask *a, const struct event *ev,
                 struct outbox *out);
/* osmand.c: positions as Traccar's client and other trackers post them */
void osmand_open(struct notifier *n, const struct event *ev, struct outbox *out);
void phones_open(struct notifier *n, const struct event *ev, struct outbox *out);
void phones_message(struct notifier *n, struct session *s, const struct event *ev,
                    struct outbox *out);
void phones_answer(struct notifier *n, const struct event *ev, struct outbox *out);
void phones_tick(struct notifier *n, const struct event *ev, struct outbox *out);
/* phones_trouble: `error` on a phone. */
void phones_trouble(struct outbox *out, struct arena *a, const struct session *s, const char *code,
                    const char *detail);
void phones_close(struct notifier *n);

/* push.c: reading and pushing routes */
void push_dirty(struct notifier *n, uint32_t courier);
void push_turn_end(struct notifier *n, const struct event *ev, struct outbox *out);
void push_reply(struct notifier *n, const struct event *ev, struct outbox *out);
/* push_tick: what was asked and never answered, as without memory for the question, is asked anew.
 */
void push_tick(struct notifier *n, int64_t now_ms);
/* push_waits: are there pushes for the next turn? */
bool push_waits(const struct notifier *n);
void push_close(struct notifier *n);

/* frames.c: what phones say and hear, in both subprotocols */
/* frames_read: a phone's message as a CourierSocket in the arena, whatever the subprotocol. NULL
 * with *trouble saying what is wrong, and in which action if that could be read. */
const Lifecircle__V1__CourierSocket *frames_read(struct arena *a, bool protobuf,
                                                 const struct event *ev,
                                                 Lifecircle__V1__CourierTrouble *trouble);
void frames_send(struct outbox *out, struct arena *a, const struct session *s,
                 const Lifecircle__V1__CourierSocket *message);

/* tickets.c: stores' screens */
void tickets_open(struct notifier *n, const struct event *ev, struct outbox *out);
void tickets_message(struct notifier *n, struct screen *s, const struct event *ev,
                     struct outbox *out);
void tickets_event(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t event,
                   struct uuid order, struct slice head);
void tickets_let_in(struct notifier *n, struct outbox *out, uint64_t conn, uint32_t store);
/* tickets_store: the store itself changed: its screens hear it. */
void tickets_store(struct notifier *n, struct outbox *out, uint32_t store);
void tickets_tick(struct notifier *n, struct outbox *out); /* cuts those whose key was revoked */
void tickets_turn_end(struct notifier *n, const struct event *ev, struct outbox *out);
void tickets_reply(struct notifier *n, const struct event *ev, struct outbox *out);
void tickets_gone(struct notifier *n, struct screen *s);
struct screen *screen_by_conn(struct notifier *n, uint64_t conn);
void tickets_close(struct notifier *n);

/* screen.c: what screens say; screen_looked: the order's store was read */
void screen_looked(struct notifier *n, const struct ask *a, const struct event *ev,
                   struct outbox *out);

/* tracking.c: customers */
void tracking_open(struct notifier *n, const struct event *ev, struct outbox *out);
void tracking_event(struct notifier *n, const struct event *ev, struct outbox *out,
                    struct uuid order);
void tracking_position(struct notifier *n, const struct event *ev, struct outbox *out,
                       uint32_t courier);
/* tracking_redis_up: reads every watched order, as answers may have been lost. */
void tracking_redis_up(struct notifier *n, const struct event *ev, struct outbox *out);
void tracking_reply(struct notifier *n, const struct event *ev, struct outbox *out);
bool tracking_gone(struct notifier *n, uint64_t conn);
/* tracking_tick: a stream that heard nothing for BEAT_MS is sent a comment: whoever waits at its
 * other end, or passes it on, would take it for dead. */
void tracking_tick(struct notifier *n, int64_t now_ms, struct outbox *out);
/* tracking_stop: ends the streams that run; one that begins later ends with its first event. */
void tracking_stop(struct notifier *n, struct outbox *out);
void tracking_close(struct notifier *n);

#endif
