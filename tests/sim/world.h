/* world: what the simulator's actors know, and who they are: set-up and faults (world.c, faults.c),
 * chains' orders (chains.c, submit.c), their stock feeds (supply.c), webhook receivers
 * (webhooks.c), couriers' phones (riders.c, rider_wire.c), store screens and customers (screens.c).
 */
#ifndef LC_SIM_WORLD_H
#define LC_SIM_WORLD_H

#include "base/geo.h"
#include "base/id.h"
#include "base/wire.h"
#include "sim.h"

#include "notice.pb-c.h"

enum {
    CHAINS = 2,
    STORES_MAX = 12,
    SKUS = 12,
    PHONES_MAX = 10,
    ORDERS_MAX = 400,
    FEEDS_MAX = 64,
    SCREENS = 3,
    VERSIONS_MAX = 64 /* of one order */
};

struct sim_chain {
    uint32_t number;
    char key[SECRET_TOKEN_TEXT];
    char auth[SECRET_TOKEN_TEXT + 32]; /* the header line */
    struct webhook_secret webhook;
    uint64_t feeds;     /* names given to feeds so far */
    int set_up;         /* steps done */
    uint32_t sku[SKUS]; /* the numbers of SKU-0.. */
};

struct sim_store {
    unsigned chain;
    char id[16];
    uint32_t number;
    struct latlng at;
    uint32_t safety;
    int64_t initial[SKUS];
    int64_t price[SKUS];
};

/* A stock feed of one store: what changed on its shelf, or what was counted there. */
struct sim_feed {
    struct client client; /* first: the engine hands this back */
    unsigned store;
    bool snapshot;
    uint64_t name; /* its sequence, or its as_of for chains that name feeds so */
    int64_t as_of_ms;
    bool has[SKUS];
    int64_t quantity[SKUS];
    int64_t found[SKUS]; /* this count found so many that no feed had told of */
    char *body;
    uint64_t conn;
    unsigned tries;
    unsigned repeats; /* still to send though it was answered */
    bool answered;
};

enum via { VIA_SINGLE, VIA_BATCH, VIA_ZMQ };

/* What follows once an order is acknowledged. */
enum follow_up {
    FOLLOW_NONE,
    FOLLOW_REPEAT,
    FOLLOW_CONTRADICT,
    FOLLOW_READ,
    FOLLOW_QUOTE,
    FOLLOW_CANCEL,
    FOLLOW_READY,
    FOLLOW_COLLECTED
};

/* A customer that follows an order. */
struct customer {
    struct client client;
    uint64_t conn;
    bool follows;
    char status[24]; /* heard last */
};

/* An order as its chain knows it. */
struct sim_order {
    struct client client;
    struct customer customer;
    unsigned index;
    unsigned chain;
    enum via via;
    char external[24];
    char *body;    /* JSON */
    uint64_t conn; /* of the request under way, 0 = none */
    unsigned tries;
    bool known;   /* acknowledged with 201 or 202, or as rejected */
    bool refused; /* price_changed: nothing is kept */
    bool price_refuses;
    char order_id[UUID_TEXT];
    char *answer; /* the first 201, to compare the repeats with */
    bool collection;
    enum follow_up follow_up;       /* under way */
    unsigned left;                  /* 1 << follow_up: still to do */
    uint8_t told[VERSIONS_MAX];     /* state of each version, by webhook; 0 = not told */
    uint64_t told_by[VERSIONS_MAX]; /* and the webhook's id, as a fingerprint */
};

/* What a phone understood of a message, in either subprotocol. */
enum heard_kind { HEARD_NOTHING, HEARD_WELCOME, HEARD_ROUTE, HEARD_DONE, HEARD_ERROR };
struct heard {
    enum heard_kind kind;
    bool on_shift;
    uint32_t version;
    bool offered;
    bool has_stop; /* accepted: the first of them */
    char stop_order[UUID_TEXT];
    Lifecircle__V1__Stop__Kind stop_kind;
    bool stop_arrived;
    char action_id[24];
    Lifecircle__V1__CourierReply__Outcome outcome;
};

/* What a phone does that must be answered. */
struct action {
    Lifecircle__V1__ReportKind kind; /* 0 = none is unanswered */
    char id[24];
    uint32_t version;
    char order[UUID_TEXT];
    char pin[PIN_TEXT];
    Lifecircle__V1__Reason reason;
    int64_t said_ms; /* last */
};

struct phone {
    struct client client;
    unsigned index;
    uint32_t courier;
    char token[SECRET_TOKEN_TEXT];
    bool protobuf;
    uint64_t conn;
    bool open;
    int64_t asleep_ms; /* switched off until then */
    bool on_shift;
    bool leaves;      /* signs off, with or without work */
    uint32_t seen;    /* highest version ever shown */
    uint32_t shown;   /* on this connection */
    uint32_t decided; /* version whose offer was accepted, declined or ignored */
    struct heard route;
    char enroute[UUID_TEXT + 2]; /* the stop that `enroute` was said for */
    struct latlng at;
    struct action action;
    unsigned actions;
};

/* A store's screen: the tickets it shows. */
struct screen {
    struct client client;
    unsigned store;
    uint64_t conn;
    bool open;
    bool filled;                 /* the first tickets came */
    int64_t filled_ms;           /* when */
    char status[ORDERS_MAX][24]; /* "" = not shown */
};

struct world {
    struct sim_chain chains[CHAINS];
    struct sim_store stores[STORES_MAX];
    unsigned n_stores;
    struct sim_order orders[ORDERS_MAX];
    unsigned n_orders;
    struct phone phones[PHONES_MAX];
    unsigned n_phones;
    struct sim_feed feeds[FEEDS_MAX];
    unsigned n_feeds;
    unsigned feeds_to_come;
    unsigned final_counts; /* still to do; 0 from the start: counts find nothing */
    unsigned pauses;
    struct screen screens[SCREENS];
    unsigned webhooks_under_way;
    struct client setup;
    uint64_t setup_conn;
    unsigned setup_chain;
    bool ready;
    int64_t looked_ms; /* whether all is done */
    int64_t quiet_ms;  /* since when it is; 0 = it is not */
    unsigned answered_201;
    unsigned answered_202;
    unsigned answered_4xx;
    unsigned pushes;
    unsigned webhooks;
    unsigned tickets;
    unsigned feeds_repeated;
    unsigned feeds_late;
    unsigned ended[17]; /* orders, by state */
};

/* world_place: a random one in the little city. */
struct latlng world_place(struct sim *s);
/* world_call: a function, now; the integer it answers. */
int64_t world_call(struct sim *s, const char *function, size_t n, const struct slice *args);

void faults_choose(struct sim *s);
void faults_schedule(struct sim *s);

void chains_open(struct sim *s);
void chains_close(struct sim *s);
/* chains_settled: has every order been answered and every follow-up done? */
bool chains_settled(const struct sim *s);
/* chains_headers: authorisation and content type. */
void chains_headers(const struct sim *s, unsigned chain, const char *type, char *to, size_t size);
struct sim_order *chains_order(struct sim *s, const char *order_id);
/* chains_submit: the order as protobuf over ZeroMQ; the connection. submit_read: what came back. */
uint64_t chains_submit(struct sim *s, struct sim_order *o);

void supply_open(struct sim *s);
void supply_close(struct sim *s);
bool supply_settled(const struct sim *s);
/* supply_told: what was fed to a store and SKU by deltas and finds up to a time, beside the initial
 * count. */
int64_t supply_told(const struct sim *s, unsigned store, unsigned sku, int64_t until_ms);

/* webhooks_called: EFFECT_CALL. */
void webhooks_called(struct sim *s, enum node_id from, const struct effect *e);

void riders_open(struct sim *s);
/* rider_hello .. rider_position: what a phone says, in its subprotocol. */
void rider_hello(struct sim *s, const struct phone *p);
void rider_report(struct sim *s, const struct phone *p);
void rider_position(struct sim *s, const struct phone *p);
/* rider_hear: what it was told. */
void rider_hear(struct sim *s, const struct phone *p, const struct answer *a, struct heard *out);

void screens_open(struct sim *s);
/* customer_follow: watches the order's tracking. */
void customer_follow(struct sim *s, struct sim_order *o, const char *tracking_url);

/* ---- the checks' parts ---- */

/* shelf_gone: what has left store and SKU for good by then, by the orders' own records; indexed by
 * store number - 1 and the chain's SKU number. */
struct shelf {
    int64_t gone[STORES_MAX][SKUS];
    int64_t reserved[STORES_MAX][SKUS];
};
void check_read_shelf(struct sim *s, int64_t until_ms, struct shelf *out);

#endif
