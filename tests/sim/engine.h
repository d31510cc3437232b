/* engine: what queue.c, engine.c, nodes.c and commands.c share. Nobody else includes this. */
#ifndef LC_SIM_ENGINE_H
#define LC_SIM_ENGINE_H

#include "sim.h"

enum item_kind {
    ITEM_EVENT = 1, /* reaches a node */
    ITEM_WAKE,
    ITEM_REDIS_RUN,   /* a node's command reaches the server */
    ITEM_REDIS_REPLY, /* and its answer the node */
    ITEM_REDIS_UP,
    ITEM_ARRIVAL, /* something from outside reaches a node */
    ITEM_BIRTH,
    ITEM_DEATH, /* after a stop */
    ITEM_CALL   /* something outside happens */
};

/* item: something that happens at a time. */
struct item {
    int64_t at_ms;
    uint64_t number; /* of two at one time the lower is first */
    enum item_kind kind;
    enum node_id node;
    uint32_t life;       /* of the node; another one does not get it */
    uint32_t redis_life; /* of its connection */
    bool orphan;         /* ITEM_REDIS_RUN: nobody waits for the answer any more */
    enum event_kind event;
    uint64_t ref;
    int status;                         /* EVENT_CALLED, EVENT_TRAVEL, EVENT_WORK */
    struct buf bytes;                   /* ITEM_EVENT: frame; ITEM_REDIS_RUN: argv as blobs */
    redisReply *reply;                  /* ITEM_REDIS_REPLY */
    void (*call)(struct sim *, void *); /* ITEM_CALL, ITEM_ARRIVAL */
    void *arg;
    void (*drop)(void *); /* frees arg when the run ends before; NULL = nothing to free */
};

/* queue_push: a new item, owned by the queue. queue_push_node: for a node as it is now. */
struct item *queue_push(struct sim *s, int64_t at_ms, enum item_kind kind);
struct item *queue_push_node(struct sim *s, enum node_id id, int64_t at_ms, enum item_kind kind);
/* queue_pop: the first; the caller frees it with queue_free or gives it back with queue_put. */
struct item *queue_pop(struct sim *s);
void queue_put(struct sim *s, struct item *it);
void queue_free(struct item *it);

/* node_end_turn: as the shell does when the loop has handed out everything there was. */
void node_end_turn(struct sim *s, enum node_id id);
/* node_death: without another birth being planned. */
void node_death(struct sim *s, enum node_id id);

/* roads.c: EFFECT_TRAVEL. */
void roads_asked(struct sim *s, enum node_id id, const struct effect *e);

/* roads.c: EFFECT_WORK. */
void work_asked(struct sim *s, enum node_id id, const struct effect *e);

/* commands.c */
void commands_send(struct sim *s, enum node_id id, const struct effect *e);
void commands_run(struct sim *s, struct item *it);
void commands_reply(struct sim *s, const struct item *it);
void commands_up(struct sim *s, const struct item *it);

#endif
