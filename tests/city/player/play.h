/* play: a lunch hour played into a running Lifecircle by robots: chains, couriers, customers. They
 * use the public interfaces alone (docs/api.md, docs/couriers.md) and, to register, lcctl.
 *
 * An hour of the city passes in an hour / speed. The daemons run on the real clock, so everything
 * that takes time in the city is divided instead: preparation, travel, promises, the pauses of the
 * robots. "City time" below is undivided, counted from the start of the lunch hour.
 *
 * One process, one thread, one loop. A robot that has no memory left gives up with all others. */
#ifndef LC_PLAYER_PLAY_H
#define LC_PLAYER_PLAY_H

#include "base/arena.h"
#include "base/id.h"
#include "base/json_value.h"
#include "base/map.h"
#include "city.h"
#include "player/caller.h"
#include "player/doors.h"
#include "roads/streets.h"

#include <stdio.h>

struct event_base;

/* ---- parameters ---- */

struct wishes {
    const char *lcctl; /* path of the program */
    const char *redis; /* for lcctl */
    const char *city;
    const char *timezone;
    const char *intake;     /* host:port */
    const char *intake_zmq; /* endpoint */
    const char *notifier;   /* host:port */
    const char *data;       /* folder of the city's files */
    const char *roads;      /* compiled map; NULL = none */
    const char *sign;       /* file to make when the hour begins; NULL = none */
    const char *keep;       /* file to leave addresses and tokens in; NULL = the city goes away */
    uint32_t orders;
    uint32_t couriers; /* 0 = the city's default */
    uint32_t speed;
    uint32_t by_address; /* percent of the orders for delivery that name an address alone */
    uint32_t hours;      /* the lunch hour is stretched to so many */
    const char *log;     /* file for what was said, a JSON line each; NULL = none */
    uint64_t seed;
};

/* ---- orders ---- */

enum way { WAY_HTTP, WAY_BATCH, WAY_ZMQ }; /* how a chain sends its orders */

enum asked {
    ASKED_NOTHING, /* not sent yet */
    ASKED_SENT,    /* or to be repeated: nobody has answered yet */
    ASKED_TAKEN,   /* 201 or 202: durable */
    ASKED_KEPT,    /* rejected at once, with an id */
    ASKED_REFUSED  /* nothing was kept */
};

struct order {
    const struct city_order *of;
    uint32_t chain;
    enum asked asked;
    char id[UUID_TEXT];
    char track[48];   /* the token of its tracking link; "" = not known yet */
    char pin[8];      /* or the code of a collection; "" = not known yet */
    char *body;       /* as sent, for repeats; owned */
    char store[65];   /* where it was placed */
    const char *why;  /* of a refusal: its problem code; in the arena */
    int64_t first_ms; /* sent first, Unix */
    int64_t again_ms; /* to be sent, or sent again, at this time; 0 = not */
    unsigned tries;
    int64_t cancel_ms;  /* its customer will change her mind; 0 = no */
    int64_t look_ms;    /* to be asked about; 0 = not yet */
    int64_t collect_ms; /* the next step of a collection; 0 = none */
    unsigned collect_step;
    unsigned delivered_n; /* couriers that were told: done */
    bool picked;
    bool looking;
    enum door door;
    bool found;         /* where its address is; never, when the chain gave the place */
    bool not_found;     /* held until it was confirmed */
    bool confirmed;     /* and was */
    uint32_t off_m;     /* from where it really is */
    int64_t confirm_ms; /* the chain says where it is; 0 = nobody has asked */
    bool follows;       /* its customer listens to the events, */
    bool heard_end;     /* and has heard the last one; */
    int64_t listen_ms;  /* else it listens again then; 0 = it does, or never did */
    /* as the chain saw it last */
    unsigned state; /* OrderState; 0 = never asked */
    char reason[32];
    int64_t created_ms;
    int64_t ended_ms;
    int64_t window_start_ms;
    int64_t window_end_ms;
    bool gone;         /* taken, and later not known: lost */
    UT_hash_handle hh; /* by id */
};

/* ---- chains ---- */

struct chain {
    const struct city_chain *of;
    char key[64];
    char number[12];
    enum way way;
    int64_t batch_ms; /* when the next batch leaves */
    bool batch_open;  /* one is under way */
    uint32_t *batch;  /* orders to be sent with the next; owned */
    uint32_t batch_n;
};

/* ---- figures ---- */

struct series {
    int64_t *v; /* owned */
    size_t n;
    size_t room;
};

enum { OUTCOMES = 9 };

struct tally {
    unsigned sent, answers, retries, repeats, differing, batches, zmq;
    unsigned positions, accepted, declined, ignored, reconnects, cuts, actions, actions_again;
    unsigned rides, rides_on_streets;
    unsigned offers, routes, versions_back, twice;
    unsigned cancels, cancels_late, followers, tracking_events, undeliverable;
    unsigned feeds, feeds_failed, shops_changed, collected, errors;
    unsigned outcome[OUTCOMES]; /* of actions: see outcome_names */
    struct series took_us;      /* POST to answer, one by one */
};

struct phone; /* phones.c */
struct feed;  /* submit.c */

struct play {
    struct wishes wish;
    struct event_base *base;
    struct arena *arena; /* for the whole play */
    struct arena *now;   /* for one answer */
    struct city *city;
    const struct city_chain *chains;
    const struct city_store *stores;
    const struct city_courier *couriers;
    uint32_t chain_n, store_n, courier_n, order_n;
    struct chain *chain;
    struct order *order;
    struct order *by_id;
    struct phone *phone;
    struct feed *feed;
    struct streets streets;
    struct caller *to_intake;
    struct caller *to_notifier;
    struct caller *to_follow; /* customers that listen: one connection each */
    int64_t start_ms;         /* of the lunch hour, Unix */
    uint32_t next_order;
    uint64_t chance;
    struct tally tally;
    FILE *log; /* NULL = none */
    bool stop;
};

/* ---- small things (main.c) ---- */

int64_t clock_us(void); /* CLOCK_MONOTONIC */
int64_t clock_ms(void); /* Unix */

/* needed: p, unless it is NULL: then there is no memory and the play ends. */
void *needed(void *p);
_Noreturn void give_up(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* city_ms: the city's time now. real_ms: how long a time of the city lasts. at_ms: when it is,
 * Unix. */
int64_t city_ms(const struct play *p);
int64_t real_ms(const struct play *p, int64_t city_ms);
int64_t at_ms(const struct play *p, int64_t city_ms);

/* chance: one of [0, n). chance_of: true `permille` times of 1000. */
uint32_t chance(struct play *p, uint32_t n);
bool chance_of(struct play *p, uint32_t permille);

/* play_log: one line into the log, if there is one: the time and these members of an object. */
void play_log(struct play *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void series_add(struct series *s, int64_t v);
/* series_at: the value that `permille` of them do not exceed; 0 without values. Sorts them. */
int64_t series_at(struct series *s, unsigned permille);

/* json_of: parses into p->now, which is emptied first; NULL when it is not JSON. */
const struct json_value *json_of(struct play *p, struct slice text);
/* text_at: a member's string as a copy of at most cap - 1 bytes; false when there is none. */
bool text_at(const struct json_value *v, const char *key, char *to, size_t cap);
int64_t time_at(const struct json_value *v, const char *key); /* Unix ms, 0 = none */
int64_t int_at(const struct json_value *v, const char *key, int64_t fallback);

/* ---- setup.c ---- */

/* set_up: registers everybody, sends stores and stock. Exits when that fails. */
void set_up(struct play *p);

/* run_lcctl: its last line of output into `last`; the exit status, 255 when it could not be run. */
int run_lcctl(const struct play *p, const char *const *words, char *last, size_t cap, FILE *all);

/* ---- chains.c ---- */

void chains_start(struct play *p);
void chains_tick(struct play *p);
struct order *order_by_id(struct play *p, const char *id);
/* order_settled: the answer to a submission: status as HTTP's, v the order or the problem; NULL =
 * no answer. */
void order_settled(struct play *p, struct order *o, int status, const struct json_value *v);
/* order_named: the order is durable and this is its id. */
void order_named(struct play *p, struct order *o, const char *id, bool placed);
/* order_log: what its chain has just been told. */
void order_log(struct play *p, const struct order *o, int status);
/* order_look: asks intake how the order is. */
void order_look(struct play *p, struct order *o);
bool state_ended(unsigned state);

/* ---- submit.c: protobuf over ZeroMQ ---- */

struct feed *feed_new(struct play *p);
void feed_free(struct feed *f);
void feed_send(struct feed *f, struct order *o);

/* ---- confirm.c: orders by address alone ---- */

/* confirm_learn: what an answer or a look says of where the order goes. confirm_tick: says where
 * that is, when it is time. */
void confirm_learn(struct play *p, struct order *o, const struct json_value *v);
void confirm_tick(struct play *p, struct order *o);

/* ---- shops.c: what happens in the shops during the hour ---- */

void shops_tick(struct play *p);

/* ---- customers.c ---- */

void customers_tick(struct play *p);
/* customer_taken: an order was taken: decides what its customer will do. */
void customer_taken(struct play *p, struct order *o);
/* customer_pin: asks the customer for the PIN; o->pin is set some time after. */
void customer_pin(struct play *p, struct order *o);

/* ---- phones.c ---- */

void phones_start(struct play *p, const char (*tokens)[64]);
void phones_tick(struct play *p);
void phones_stop(struct play *p);
unsigned phones_busy(const struct play *p);
unsigned phones_on_shift(const struct play *p);
/* phone_courier: the first courier's token, for people who want to look themselves. */
const char *phone_token(const struct play *p, uint32_t i);

extern const char *const outcome_names[OUTCOMES];

/* ---- screen.c ---- */

void screen_line(struct play *p, bool last);
/* screen_end: the last screen; the play's exit status. */
int screen_end(struct play *p);

#endif
