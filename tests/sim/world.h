/* world: what the simulator's actors know. Chains and stores (world.c), orders (orders.c), phones
 * (phones.c). */
#ifndef LC_SIM_WORLD_H
#define LC_SIM_WORLD_H

#include "base/geo.h"
#include "base/id.h"
#include "base/wire.h"
#include "sim.h"

enum { CHAINS = 2, STORES_MAX = 16, SKUS = 12, PHONES_MAX = 12, ORDERS_MAX = 400 };

struct sim_chain {
    uint32_t number;
    char key[SECRET_TOKEN_TEXT];
    char auth[SECRET_TOKEN_TEXT + 32]; /* the header line */
    uint64_t sequence[STORES_MAX];
    int set_up; /* steps done */
};

struct sim_store {
    unsigned chain;
    char id[16];
    struct latlng at;
};

enum via { VIA_SINGLE, VIA_BATCH, VIA_ZMQ };

/* An order as its chain knows it. */
struct sim_order {
    struct client client; /* first: the engine hands this back */
    unsigned index;
    unsigned chain;
    enum via via;
    char external[24];
    char *body;    /* JSON */
    uint64_t conn; /* of the request under way, 0 = none */
    unsigned tries;
    bool known;   /* acknowledged with 201 or 202 */
    bool refused; /* answered 4xx: nothing will happen */
    char order_id[UUID_TEXT];
    char *answer; /* the first 201, to compare the repeats with */
    bool collection;
    bool cancels;
    bool repeats;
    bool contradicts; /* sends the same id with another body later */
    int follow_up; /* 0 none, 1 repeat, 2 contradict, 3 cancel, 4 ready, 5 collected: under way */
    int left;      /* follow-ups still to do */
};

struct phone {
    struct client client;
    unsigned index;
    uint32_t courier;
    char token[SECRET_TOKEN_TEXT];
    uint64_t conn;
    bool open;
    bool on_shift;
    uint32_t seen;    /* highest version ever shown */
    uint32_t shown;   /* on this connection */
    uint32_t decided; /* version whose offer was accepted, declined or ignored */
    bool offered;
    char stop_order[UUID_TEXT];
    char stop_kind[12];
    bool stop_arrived;
    bool stop_accepted;
    char enroute[64]; /* the stop that `enroute` was said for */
    struct latlng at;
    char *action; /* unanswered, NULL = none */
    char action_id[24];
    int64_t action_ms; /* when it was said last */
    unsigned actions;
};

struct world {
    struct sim_chain chains[CHAINS];
    struct sim_store stores[STORES_MAX];
    unsigned n_stores;
    struct sim_order orders[ORDERS_MAX];
    unsigned n_orders;
    struct phone phones[PHONES_MAX];
    unsigned n_phones;
    struct client setup;
    uint64_t setup_conn;
    unsigned setup_chain;
    bool ready;
    int64_t done_checked_ms;
    unsigned answered_201;
    unsigned answered_202;
    unsigned answered_4xx;
    unsigned pushes;
};

void chains_open(struct sim *s);
void chains_close(struct sim *s);
/* chains_settled: has every order been answered and every follow-up done? */
bool chains_settled(const struct sim *s);
void riders_open(struct sim *s);
void riders_close(struct sim *s);
/* place: a random one in the little city. */
struct latlng world_place(struct sim *s);

#endif
