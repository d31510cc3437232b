/* core: what the files of the router share. See router.h.
 *
 * Every order and courier is as Redis is known to have it (`orders`, `couriers`), except while a
 * commit of the courier is under way; the plan has, beside that, the free orders. A courier has at
 * most one commit under way. */
#ifndef LC_ROUTER_CORE_H
#define LC_ROUTER_CORE_H

#include "base/catalogue.h"
#include "base/id.h"
#include "base/map.h"
#include "base/record.h"
#include "base/secret.h"
#include "base/speeds.h"
#include "base/step.h"
#include "base/wire.h"
#include "router/plan/plan.h"
#include "router/rides.h"

#include "courier.pb-c.h"
#include "order.pb-c.h"

/* The generated names are long. */
#define OUTCOME(x) LIFECIRCLE__V1__COURIER_REPLY__OUTCOME__##x
#define STATE(x) LIFECIRCLE__V1__ORDER_STATE__##x
#define REASON(x) LIFECIRCLE__V1__REASON__##x
#define REPORT(x) LIFECIRCLE__V1__REPORT_KIND__##x

enum {
    LEASE_TTL_MS = 3000,
    TICK_MS = 1000,
    SEEN_MS = 2000,    /* positions are written this often */
    LOOK_MS = 20,      /* between two looks at what could be offered */
    ANSWER_MS = 10000, /* a call without an answer for so long: something was lost, start again */
    CLAIM_LIMIT = 256,
    CLAIM_VISIBLE_MS = 15000,
    MGET_CHUNK = 200,
    WANT_MAX = 2000,
    BATCH_ENTRIES = 64,
    BATCH_STEPS = 2000, /* plan_commit takes no more */
    QUEUE_MAX = 32,     /* reports of one courier */
    SEEN_MAX = 16,      /* reports of one courier that are remembered */
    ACTION_MAX = 64,
    PIN_TRIES = 5,
    WORDS_MAX = 200,
    WAITS_PLANNED = UINT8_MAX,
};

/* --learn-speeds: nothing; rides are counted and shown; and travel times follow them. */
enum learn { LEARN_OFF, LEARN_WATCH, LEARN_ON };

struct settings {
    char city[32];
    bool has_secret;
    struct city_secret secret;
    int64_t offer_ttl_ms;
    int64_t offer_lead_ms; /* slack and acceptance */
    int64_t vanish_ms;
    int64_t position_ms;
    int64_t ban_ms;
    int64_t rest_ms;
    int64_t pin_lock_ms;
    int64_t poll_ms;
    uint32_t pickup_s;
    uint32_t dropoff_s;
    int64_t bundle_ms;
    int64_t eta_change_ms;
    uint32_t speedup;
    int64_t resequence_ms; /* what customers must gain; 0 = accepted routes stay as they are */
    uint32_t improve_iterations; /* a slice; 0 = no slices */
    uint32_t improve_couriers;   /* the same */
    enum learn learn;
    uint32_t learn_least;
    int64_t learn_every_ms;
};

struct uuids {
    struct uuid *list; /* owned */
    size_t n;
    size_t room;
};

/* ---- orders ---- */

struct order {
    struct uuid id;
    struct traceparent trace;
    uint8_t state;
    uint32_t version;
    uint32_t courier; /* 0 = nobody */
    uint32_t store;
    bool ready;
    uint8_t waits_for;    /* what was told of why it waits: the verdict + 1, or WAITS_PLANNED, */
    uint32_t planned_for; /* for this courier, */
    int64_t told_ms;      /* then */
    bool noted;           /* that nobody can take it is said once */
    int64_t placed_ms;    /* 0 once it was offered */
    int64_t live_eta_ms;  /* as written */
    struct plan_order task;
    UT_hash_handle hh;
};

struct pin_tries {
    struct uuid order;
    unsigned wrong;
    int64_t locked_until_ms;
    UT_hash_handle hh;
};

/* ---- couriers ---- */

struct shift {
    Lifecircle__V1__Vehicle vehicle;
    struct plan_load capacity;
    bool cold_box;
    bool on;
    int64_t start_ms;
    int64_t end_ms;
    struct latlng at;
};

struct halt {
    enum plan_stop_kind kind;
    struct uuid order;
    uint32_t store;
    struct latlng at;
    bool accepted;
    bool arrived;
    int64_t eta_ms;
    int64_t ready_ms;
    int64_t window_end_ms;
};

struct route {
    size_t n;
    struct halt *halts;       /* owned */
    int64_t offer_expires_ms; /* 0 = nothing is offered */
};

/* A report that waits for its turn, or for its commit. */
struct report {
    struct report *next;
    uint64_t link;
    uint8_t envelope_id[16];
    char traceparent[TRACEPARENT_TEXT];
    int64_t deadline_ms;
    uint32_t courier;
    Lifecircle__V1__ReportKind kind;
    uint32_t route_version;
    bool has_order;
    struct uuid order;
    Lifecircle__V1__Reason reason;
    bool has_shift;
    struct shift shift;
    int64_t time_ms;  /* as the phone says; 0 = it does not */
    int64_t taken_ms; /* when it came */
    uint64_t tag;
    unsigned refusals; /* of its commit */
    char pin[16];
    char action_id[ACTION_MAX + 1];
};

struct seen {
    uint64_t fingerprint; /* of the action id; 0 = none */
    Lifecircle__V1__CourierReply__Outcome outcome;
    uint8_t state;
};

struct courier {
    uint32_t number;
    uint32_t shift_version; /* 0 = none was ever written */
    struct shift shift;
    uint32_t route_version;
    struct route route;
    uint32_t offer_version;    /* the first version that has the present offer */
    uint32_t accepted_version; /* the last one that was accepted, as named */
    bool frozen;               /* a person wants its route left alone */
    bool planned;              /* the plan knows it */
    bool open;                 /* as the plan has it */
    struct latlng at;
    int64_t at_ms;
    int64_t came_ms; /* when that came, by our clock */
    int64_t heard_ms;
    bool moved;         /* since its position was written */
    bool shown;         /* its position is in Redis */
    int64_t arrived_ms; /* at the first stop, when it is there */
    bool vanished;
    unsigned silent_offers;
    int64_t rest_until_ms;
    int64_t calm_until_ms; /* its stops keep their sequence */
    struct commit *commit; /* under way */
    bool reading;          /* its shift, route and orders are being read again, */
    bool shift_read;       /* the shift has been */
    struct uuids doubt;    /* orders to be read with it */
    bool asking;           /* the first report waits for a record */
    int64_t asked_ms;      /* since when it is read or asked */
    struct report *queue;
    struct report **queue_end;
    size_t queued;
    struct seen seen[SEEN_MAX];
    size_t next_seen;
    struct ride ride;
    int64_t rides_hour; /* of Unix time, in which it had */
    unsigned rides_n;   /* so many rides that counted */
    UT_hash_handle hh;
};

/* ---- commits ---- */

enum act {
    ACT_ASSIGN,
    ACT_UNASSIGN,
    ACT_CONFIRM,
    ACT_ENROUTE_PICKUP,
    ACT_ARRIVE_PICKUP,
    ACT_PICKUP,
    ACT_ENROUTE_DROPOFF,
    ACT_ARRIVE_DROPOFF,
    ACT_DELIVER,
    ACT_RETURNING,
    ACT_RETURNED,
    ACT_ETA
};

struct step {
    struct uuid order;
    enum act act;
    Lifecircle__V1__Reason reason;
    int64_t live_eta_ms; /* 0 = leave it */
    char words[WORDS_MAX + 1];
};

struct commit {
    struct commit *next;
    uint64_t batch; /* 0 = not sent yet */
    size_t index;   /* in its batch */
    int64_t sent_ms;
    struct courier *courier; /* NULL: only steps of nobody's orders */
    bool has_route;
    struct route route;
    bool has_shift;
    struct shift shift;
    bool offers;          /* route holds a new offer */
    int64_t ban_until_ms; /* unassigned orders do not come back before */
    size_t n_steps;
    size_t room_steps;
    struct step *steps; /* owned */
    bool answers;       /* the courier's first report */
};

/* ---- the whole ---- */

enum phase {
    PHASE_WAITING, /* no lease */
    PHASE_LOADING,
    PHASE_ACTIVE
};

enum call_kind { /* the low byte of a tag; the catalogue has CATALOGUE_TAG.. */
                 CALL_LEASE = 64,
                 CALL_TIP,
                 CALL_SHIFTS,
                 CALL_ROUTES,
                 CALL_DUE,
                 CALL_PLACES, /* positions of couriers */
                 CALL_LOAD,   /* records for the load */
                 CALL_ORDERS, /* records that were wanted */
                 CALL_CLAIM,
                 CALL_FOLLOW,
                 CALL_COMMIT,
                 CALL_REREAD, /* a courier's route and shift; seq = its number */
                 CALL_REREAD_ORDERS,
                 CALL_ASKED,   /* the record a report names; seq = courier */
                 CALL_CANCEL,  /* a report ends an order; seq = courier */
                 CALL_RULINGS, /* what people said of orders, */
                 CALL_FROZEN,  /* and of couriers */
                 CALL_SLICE,   /* EVENT_WORK: a part of the plan, improved */
                 CALL_SPEEDS,  /* what was learnt: loaded, */
                 CALL_LEARNT,  /* read again, */
                 CALL_LEARN,   /* and written */
                 CALL_SEEN,    /* nothing to be done with the answer */
};
enum { CATALOGUE_TAG = 16 };

/* how long things took, for /metrics */
enum took {
    TOOK_DISPATCH, /* from placed to the first offer */
    TOOK_MARGIN,   /* from delivered to the promise's end */
    TOOK_OVERRUN,  /* from the promise's end to a late delivery */
    TOOK,
};

enum tally {
    T_WAITING,
    T_ON_SHIFT,
    T_BUSY,
    T_OWNER,
    T_OFFERED,
    T_ACCEPTED,
    T_DECLINED,
    T_EXPIRED,
    T_VANISHED,
    T_REPORTS,
    T_WRONG_PINS,
    T_COMMITS,
    T_REFUSED,
    T_FENCED,
    T_REBUILDS,
    T_AT_RISK,
    T_KEPT,
    T_MISSED,
    T_BY_ROADS,
    T_BY_ESTIMATE,
    T_SLICES,
    T_SLICE_MOVES,
    T_SLICE_REFUSED,
    T_RESEQUENCED,
    T_RIDE,                          /* by enum ride_end */
    T_HOURS = T_RIDE + RIDE_ENDS,    /* by enum travel_mode */
    T_PACE = T_HOURS + TRAVEL_MODES, /* the same */
    TALLIES = T_PACE + TRAVEL_MODES
};

struct router {
    struct settings set;
    struct mint mint;
    char owner[40];
    int64_t now_ms;
    struct outbox *out;  /* of the step that runs */
    struct arena *arena; /* the same */

    bool redis_up;
    uint64_t epoch; /* 0 = no lease */
    int64_t lease_until_ms;
    int64_t lease_asked_ms; /* 0 = no answer is awaited */
    int64_t next_tick_ms;
    int64_t next_poll_ms;
    int64_t next_seen_ms;
    int64_t looked_ms; /* at what could be offered */
    bool look;         /* something has changed since */
    bool stopping;

    enum phase phase;
    bool rebuild; /* as soon as this step ends */
    uint64_t generation;
    uint64_t seq;
    int64_t loading_ms; /* since when */
    int64_t rebuilt_ms; /* the last time */
    size_t load_left;   /* answers to come */
    bool load_done;     /* all answers are there; the catalogue may be missing */

    struct catalogue *catalogue;
    const struct travel *map;      /* NULL = none */
    struct travel_paced paced;     /* over it: what couriers need in this hour, */
    struct travel_faster travel;   /* faster in simulations alone: the plan borrows it, */
    struct travel_faster estimate; /* and this for what it has no answer for */
    struct plan *plan;
    struct order *orders;     /* owned */
    struct courier *couriers; /* owned */
    struct pin_tries *pins;   /* owned */
    struct commit *commits;   /* owned, oldest first; sent ones too */
    struct commit **commits_end;
    uint64_t slice_asked; /* the slice that is under way; 0 = none */
    int64_t slice_asked_ms;
    uint32_t resequenced; /* the courier who was looked at last */
    uint64_t slice_seed;
    uint64_t slice_changes; /* of the plan, when slices last began to be in vain, */
    uint64_t slice_vain;    /* so many in a row, */
    int64_t slice_rest_ms;  /* until then */
    struct uuids want;      /* records to be read */
    struct uuids later;     /* the same, not now: a commit is in the way */
    uint64_t last_event;    /* of the stream */
    int64_t follow_asked_ms;
    bool follow_again;
    int64_t claim_asked_ms;

    uint64_t tally[TALLIES];
    struct counter counters[TALLIES];
    struct histogram took[TOOK];

    struct tz *tz;        /* owned; NULL = UTC */
    struct speeds speeds; /* what was learnt, */
    struct speeds_profile profile;
    uint64_t speeds_generation; /* as Redis calls it, */
    uint64_t speeds_epoch;      /* the lease's when it was read, */
    int64_t learn_ms;           /* and when it is looked at and written next */
    bool learn_told;            /* since then, what people are shown was */
    uint8_t pace[TRAVEL_MODES]; /* percent of the map's time, as planned by */
    int64_t pace_until_ms;      /* the end of this hour */
};

/* router.c: a rebuild is wanted; everything but the lease, PIN tries and reports is forgotten. */
void router_rebuild(struct router *r, const char *why);
void router_fenced(struct router *r); /* Redis says that the lease is another's */
uint64_t router_tag(struct router *r, enum call_kind kind, uint64_t seq);
bool router_acts(const struct router *r);               /* active, and the lease holds */
const char *key_of(struct router *r, const char *name); /* in the event's arena */
struct slice text_of(struct router *r, int64_t v);      /* the same */

/* figures.c */
const struct counter *router_counters(const void *core, size_t *n);
const struct histogram *router_histograms(const void *core, size_t *n);
void router_histograms_init(struct router *r);

/* lease.c */
void lease_ask(struct router *r);
void lease_release(struct router *r); /* and takes nothing new */
void lease_answer(struct router *r, const struct reply *reply);

/* load.c */
bool number_in(struct slice s, uint32_t *out); /* 1.. in decimal; false: it is none */
void load_start(struct router *r);
void load_answer(struct router *r, enum call_kind kind, const struct reply *reply);
void load_finish(struct router *r); /* once the catalogue is there */
void reread_start(struct router *r, struct courier *c);
void reread_answer(struct router *r, struct courier *c, enum call_kind kind,
                   const struct reply *reply);

/* orders.c */
struct order *order_find(struct router *r, struct uuid id);
void order_forget(struct router *r, struct order *o);
/* note_order: for the log (outbox_order). */
void note_order(struct router *r, const struct order *o, const char *event, const char *key,
                const char *value);
/* order_learn: the order of a record, new or as it is now. NULL: not one for couriers, or not
 * readable. */
struct order *order_learn(struct router *r, struct slice record, struct record *head);
/* order_observe: a record as Redis has it: does what is to be done about it. */
void order_observe(struct router *r, struct slice record);
/* order_locate: fills in where it is picked up; false when its store is not known (yet). */
bool order_locate(struct router *r, struct order *o);
void order_place(struct router *r, struct order *o); /* into the plan, when it is nobody's */
void order_ended(struct router *r, struct order *o); /* forgets it, its plan and its PIN */
void orders_want(struct router *r, struct uuid id);
/* orders_ask: MGETs of list[0..n); how many calls. */
size_t orders_ask(struct router *r, enum call_kind kind, uint64_t seq, const struct uuid *list,
                  size_t n);
void orders_fetch(struct router *r);
void orders_take(struct router *r, const struct reply *reply);
void orders_claim(struct router *r);
void orders_claimed(struct router *r, const struct reply *reply);
void orders_retry(struct router *r); /* those that nobody could take */
void orders_tick(struct router *r);
bool state_open(unsigned state);      /* has a courier to do with it? */
bool state_unstarted(unsigned state); /* may still go to another courier */
bool state_carried(unsigned state);
bool uuids_add(struct uuids *u, struct uuid id);

/* follow.c */
void follow_ask(struct router *r);
void follow_answer(struct router *r, const struct reply *reply);

/* couriers.c */
struct courier *courier_find(struct router *r, uint32_t number);
struct courier *courier_get(struct router *r,
                            uint32_t number); /* adds it; NULL: out of memory, rebuild */
void courier_free(struct router *r, struct courier *c);
bool courier_take_shift(struct router *r, struct courier *c, struct slice bytes);
bool courier_take_route(struct router *r, struct courier *c, struct slice bytes);
void courier_adopt(struct router *r,
                   struct courier *c); /* its route into the plan, from the orders known */
void courier_update(struct router *r,
                    struct courier *c);                /* the plan's courier from shift and life */
void courier_fix(struct router *r, struct courier *c); /* where it is driving to */
void courier_heard(struct router *r, struct courier *c);
void courier_moved(struct router *r, struct courier *c, struct latlng at, int64_t at_ms);
bool courier_free_to_act(const struct courier *c);
bool courier_has_offer(const struct courier *c);
/* courier_schedule: its stops as planned, in the event's arena; *n of them. */
const struct plan_stop *courier_schedule(struct router *r, const struct courier *c, size_t *n);
bool courier_has_unstarted(struct router *r, const struct courier *c);
/* courier_gone: its position is kept no longer. */
void courier_gone(struct router *r, struct courier *c);
/* courier_revoked: `lcctl courier revoke`: lets the phone in no more. courier_shut_out: ends the
 * shift of such a one, as signing off does. */
bool courier_revoked(const struct router *r, const struct courier *c);
void courier_shut_out(struct router *r, struct courier *c);
void couriers_tick(struct router *r);
void couriers_write_seen(struct router *r);
void positions_take(struct router *r, const Lifecircle__V1__CourierPositions *m);
void forecast_publish(struct router *r);

/* routes.c: what is written of a courier */
void route_free(struct route *route);
bool route_copy(struct route *to, const struct route *from);
void route_drop(struct route *route, struct uuid order);
void route_drop_halt(struct route *route, size_t at);
struct halt *route_next(struct route *route,
                        struct uuid order); /* the order's next stop, or NULL */
struct halt *route_to_front(struct route *route,
                            struct uuid order); /* the same, moved to the front */
bool route_has(const struct route *route, struct uuid order);
void route_estimate(struct router *r, struct courier *c,
                    struct route *route); /* fills the ETAs in */
struct slice route_pack(struct router *r, const struct courier *c, const struct route *route);
struct slice shift_pack(struct router *r, const struct courier *c, const struct shift *s);

/* commit.c */
struct commit *commit_new(struct router *r, struct courier *c); /* NULL: out of memory, rebuild */
const char *act_name(enum act act);                             /* as plan_commit has it */
struct step *commit_step(struct router *r, struct commit *m, struct uuid order, enum act act,
                         Lifecircle__V1__Reason reason); /* NULL: out of memory, rebuild */
void commit_drop(struct router *r, struct commit *m);    /* was not sent */
bool commit_route(struct router *r, struct commit *m);   /* starts from the courier's route */
/* commit_apply (apply.c): it is on disk. */
void commit_apply(struct router *r, struct commit *m);
void commits_flush(struct router *r);
void commits_answer(struct router *r, uint64_t batch, const struct reply *reply);
void commits_forget(struct router *r);
void commits_tick(struct router *r);
void router_ring(struct router *r); /* the stream has grown */

/* offers.c */
void offers_tick(struct router *r);
/* offer_ms: the latest moment at which the offer of this free pickup must be on its way: the goods
 * are not to wait for the courier, who is to need no detour for having heard of them late. */
int64_t offer_ms(const struct router *r, const struct plan_stop *s);
/* give_back: takes orders away from the commit's courier; how many. */
enum give_kind { GIVE_OFFERED, GIVE_NOT_DRIVING, GIVE_UNSTARTED };
size_t give_back(struct router *r, struct commit *m, enum give_kind what,
                 Lifecircle__V1__Reason reason);
void trim_start(struct router *r, struct courier *c); /* its route without orders that have ended */
void etas_tick(struct router *r);

/* route_as_planned: the commit's route, in the plan's sequence: what is binding already, and what
 * its steps offer now. False: the core is to be rebuilt. */
bool route_as_planned(struct router *r, struct commit *m, const struct plan_stop *stops, size_t n);

/* resequence.c: better sequences of what couriers have accepted. */
void resequence_tick(struct router *r);

/* why.c */
/* WAITS_PLANNED: the plan has it with somebody who was not asked yet. why_offered: keeps why the
 * order of this pickup goes to the courier now. Its words go into the step. */
void why_offered(struct router *r, const struct courier *c, const struct plan_stop *pickup,
                 bool bundled, struct step *s);
void why_tick(struct router *r); /* of those that wait */

/* reports.c */
void report_take(struct router *r, const struct event *ev);
void report_try_again(struct router *r, struct courier *c, unsigned state); /* or give up */
void reports_go_on(struct router *r, struct courier *c);
void report_answer(struct router *r, struct courier *c,
                   Lifecircle__V1__CourierReply__Outcome outcome, unsigned state,
                   const char *detail); /* the first of the queue */
/* report_committed: the commit of the first report is on disk. */
void report_committed(struct router *r, struct courier *c);
/* report_refused: it was not written, the courier is read again: then the report is looked at
 * afresh. */
void report_refused(struct router *r, struct courier *c);
void report_asked(struct router *r, struct courier *c, const struct reply *reply);
void report_cancelled(struct router *r, struct courier *c, const struct reply *reply);
void reports_tick(struct router *r);
void reports_unavailable(struct router *r); /* all that wait */

/* improve.c: the plan improves beside the loop */
void improve_ask(struct router *r);
void improve_answer(struct router *r, const struct event *ev);

/* rulings.c: what people decide over the plan's head */
/* rulings_load: HGETALL of rulings or frozen. */
void rulings_load(struct router *r, enum call_kind kind, const struct reply *reply);
/* ruling_event: field `d` or `f` of the stream: applies it. */
void ruling_event(struct router *r, bool of_courier, struct slice value);
/* rulings_enforce: takes what is against a ruling away from a courier who can be without it. */
void rulings_enforce(struct router *r, struct courier *c);

/* pin.c. pin_check: DONE, WRONG_PIN or TOO_MANY_TRIES; *left = tries that are left. */
Lifecircle__V1__CourierReply__Outcome pin_check(struct router *r, struct uuid order,
                                                const char *pin, unsigned *left);
/* report_decide (decide.c): what the first report means. Either answers it, or starts a commit or a
 * question. */
void report_decide(struct router *r, struct courier *c, struct report *rep);

#endif
