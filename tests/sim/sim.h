/* sim: the whole of Lifecircle in one process, from a seed.
 *
 * The five real cores, the real Redis Functions in a private redis-server, a virtual clock, and a
 * network that loses, doubles, delays and reorders. Nodes and Redis are killed, stopped and frozen
 * at any step. What comes in from outside (chains, phones, stores) is simulated by actors that
 * behave as the documents say clients should: they repeat what was not answered.
 *
 * Everything that happens is an item in one queue ordered by (virtual time, number), so the same
 * seed gives the same bytes. */
#ifndef LC_SIM_SIM_H
#define LC_SIM_SIM_H

#include "base/replay.h"
#include "base/secret.h"
#include "base/step.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

/* ---- chance ---- */

struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *r);
/* rng_below: 0 .. n-1. rng_between: low .. high. rng_chance: true in `percent` of 100 cases. */
uint64_t rng_below(struct rng *r, uint64_t n);
int64_t rng_between(struct rng *r, int64_t low, int64_t high);
bool rng_chance(struct rng *r, unsigned percent);

/* ---- nodes ---- */

/* The second of a kind is there in some seeds only. */
enum node_id {
    NODE_INTAKE,
    NODE_MATCHER,
    NODE_INVENTORY,
    NODE_ROUTER,
    NODE_NOTIFIER,
    NODE_MATCHER_2,
    NODE_INVENTORY_2,
    NODE_ROUTER_2,
    NODE_NOTIFIER_2,
    NODE_N
};

struct node {
    const struct service *service; /* NULL = not in this seed */
    struct stepper *stepper;       /* NULL while dead */
    uint32_t life;                 /* incarnation, 1.. */
    bool redis_up;                 /* its connection */
    uint32_t redis_life;           /* of its connection */
    int64_t redis_next_ms;         /* its commands run in order */
    int64_t reply_next_ms;         /* and are answered in order */
    int64_t wake_ms;               /* INT64_MAX = no wish */
    int64_t frozen_ms;             /* it hears nothing before */
    bool in_turn;                  /* events were fed since the last turn end */
    struct buf recording;          /* of this life */
};

/* A life that is over: its recording is kept in case the run fails. */
struct past_life {
    enum node_id node;
    uint32_t life;
    struct buf recording;
    struct past_life *next;
};

/* ---- the outside ---- */

/* answer: what a node sent on a client's connection; kind 0: the connection is broken. */
struct answer {
    enum effect_kind kind;
    int status;
    struct slice type;
    struct slice extra;
    struct slice bytes;
    bool text; /* EFFECT_SOCKET_SEND */
};

/* client: something outside that holds connections. */
struct sim;
struct client {
    void (*answered)(struct sim *s, struct client *c, uint64_t conn, const struct answer *a);
};

/* ---- the run ---- */

struct faults {
    unsigned lose_percent; /* of messages between daemons */
    unsigned double_percent;
    unsigned slow_percent;       /* delayed by up to 2 s, which also reorders */
    unsigned slow_redis_percent; /* of commands, and of answers: by up to 300 ms */
    unsigned worst_percent;      /* of writes: on their way for seconds, the connection cut */
    unsigned kills;              /* of nodes, over the run */
    unsigned stops;              /* SIGTERM instead */
    unsigned freezes;            /* a node hears nothing for up to 6 s, then everything */
    unsigned stalls;             /* its commands reach Redis up to 9 s later */
    unsigned redis_kills;
    unsigned cuts; /* of single Redis connections and of clients' connections */
};

struct options {
    uint64_t seed;
    unsigned orders;
    const char *broken; /* deliberate breakage, NULL = none */
    const char *keep;   /* folder for recordings, NULL = only on failure */
    bool verbose;
};

struct item;

enum { EPOCHS_MAX = 4096 };

struct sim {
    struct options options;
    struct faults faults;
    struct rng rng;       /* decides faults and latencies */
    struct rng world_rng; /* decides what the world does */
    int64_t now_ms;
    int64_t start_ms;
    int64_t calm_ms; /* no faults after this */
    uint64_t number; /* of items */
    struct item **heap;
    size_t n_items;
    size_t cap_items;
    struct node nodes[NODE_N];
    struct past_life *past;
    redisContext *redis; /* NULL while it is dead */
    int redis_pid;
    char folder[64]; /* scratch: socket, append-only file */
    uint64_t digest; /* over every effect */
    uint64_t steps;
    uint64_t commands;                 /* to Redis */
    uint64_t epoch_writer[EPOCHS_MAX]; /* which node's life wrote under an epoch; 0 = none */
    uint64_t next_conn;
    struct open_conn *conns;
    struct config_item config[20];
    size_t n_config;
    struct city_secret secret;
    unsigned failures;
    char first_failure[1024];
    struct world *world;
};

/* sim_fail: an invariant does not hold; the first one is kept and printed with the seed. */
void sim_fail(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* sim_log: to standard error, with the virtual time, when --verbose. */
void sim_log(const struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- engine.c ---- */
/* sim_open: everything stands, nothing has happened yet. False: first_failure says why. */
bool sim_open(struct sim *s, const struct options *o);
void sim_close(struct sim *s);
/* sim_run: until nothing is left to do, something failed, `done` says so, or until_ms. */
void sim_run(struct sim *s, int64_t until_ms, bool (*done)(struct sim *));

/* ---- queue.c ---- */
/* sim_later: calls fn(s, arg) at now + delay_ms. */
void sim_later(struct sim *s, int64_t delay_ms, void (*fn)(struct sim *, void *), void *arg);
/* sim_later_owned: the same with an arg that fn frees, or drop when the run ends before. */
void sim_later_owned(struct sim *s, int64_t delay_ms, void (*fn)(struct sim *, void *), void *arg,
                     void (*drop)(void *));
/* sim_arrive: the same for what reaches a node, which may be frozen until later. */
void sim_arrive(struct sim *s, enum node_id id, int64_t delay_ms, void (*fn)(struct sim *, void *),
                void *arg, void (*drop)(void *));
void sim_digest(struct sim *s, struct slice bytes);

/* ---- nodes.c ---- */
/* node_feed: one event. */
void node_feed(struct sim *s, enum node_id id, struct event *ev);
void node_birth(struct sim *s, enum node_id id);
/* node_kill: kill -9; it is born again after a while. node_stop: SIGTERM, then the same.
 * node_freeze: nothing reaches it for so long; then everything does, in order. */
void node_kill(struct sim *s, enum node_id id);
void node_stop(struct sim *s, enum node_id id);
void node_freeze(struct sim *s, enum node_id id, int64_t for_ms);
/* node_of: one of a kind, by chance, dead or alive. */
enum node_id node_of(struct sim *s, enum node_id first);
/* node_called: EVENT_CALLED for an outgoing HTTP call of this life. */
void node_called(struct sim *s, enum node_id id, uint32_t life, uint64_t tag, int status,
                 int64_t delay_ms);
/* node_check_recording: what it did so far, replayed, is the same to the byte. */
void node_check_recording(struct sim *s, enum node_id id);
/* nodes_write_recordings: every life of every node as DIR/<service>.<life>.steps. */
bool nodes_write_recordings(const struct sim *s, const char *dir);

/* ---- roads.c ---- */
/* roads_here: do this seed's matchers have a routing server? */
bool roads_here(const struct sim *s);

/* ---- commands.c: Redis from the nodes' side ---- */
/* commands_redis_died: the server is gone until back_ms. commands_cut: one node's connection
 * breaks. commands_orphan: the node died; what it had sent may still be run. */
void commands_redis_died(struct sim *s, int64_t back_ms);
void commands_cut(struct sim *s, enum node_id id);
/* commands_stall: what the node says from now on reaches the server only after so long. */
void commands_stall(struct sim *s, enum node_id id, int64_t for_ms);
void commands_orphan(struct sim *s, enum node_id id);

/* ---- outside.c: connections between clients and nodes ---- */
/* sim_request: a client's HTTP request to a node; the connection's number. Headers: lines "Name:
 * value\n". */
uint64_t sim_request(struct sim *s, struct client *c, enum node_id to, const char *method,
                     const char *target, const char *headers, struct slice body);
/* sim_socket: a WebSocket upgrade. Messages on it go with sim_say. */
uint64_t sim_socket(struct sim *s, struct client *c, enum node_id to, const char *target,
                    const char *headers);
/* sim_frame: an Envelope on a ZeroMQ socket; the answer comes as EFFECT_ANSWER. */
uint64_t sim_frame(struct sim *s, struct client *c, enum node_id to, struct slice frame);
void sim_say(struct sim *s, uint64_t conn, bool text, struct slice message);
/* sim_hang_up: the client leaves; the node hears EVENT_GONE. */
void sim_hang_up(struct sim *s, uint64_t conn);
/* sim_cut: the network breaks the connection: both sides hear it. */
void sim_cut(struct sim *s, uint64_t conn);
size_t sim_conn_count(const struct sim *s);
uint64_t sim_conn_at(const struct sim *s, size_t i);
/* used by nodes.c */
void outside_close(struct sim *s);
void outside_effect(struct sim *s, enum node_id from, const struct effect *e);
void outside_node_died(struct sim *s, enum node_id id);

/* ---- redis.c: the private server ---- */
bool redis_start(struct sim *s);
/* redis_kill: kill -9, then a start on the same files after down_ms; every node's connection
 * breaks. */
void redis_kill(struct sim *s, int64_t down_ms);
void redis_stop(struct sim *s);
/* redis_do: one command, now; NULL when the server is dead. The caller frees it. */
redisReply *redis_do(struct sim *s, size_t argc, const struct slice *argv);
redisReply *redis_ask(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- breakages.c ---- */
/* breakage_at: the name of the i-th breakage; NULL behind the last. */
const char *breakage_at(size_t i);
/* breakage_plant: changes the functions' source, if that is where it belongs. Exits when its place
 * is gone. breakage_core: the core to run in the place of this one: mostly itself. */
void breakage_plant(const char *name, struct buf *code);
const struct service *breakage_core(const char *name, const struct service *real);

/* ---- world.c ---- */
bool world_open(struct sim *s);
void world_close(struct sim *s);
bool world_done(struct sim *s);

/* ---- check.c: what must hold ---- */
void check_now(struct sim *s); /* at any moment */
bool check_all_ended(struct sim *s);
void check_end(struct sim *s); /* when all is done */

#endif
