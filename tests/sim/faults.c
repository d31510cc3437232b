/* faults: what breaks, how often, and when. */
#include "world.h"

enum { FREEZE_MS = 6000, STALL_MS = 9000, REDIS_DOWN_MS = 3000 };

void
faults_choose(struct sim *s)
{
    struct rng *r = &s->rng;

    s->faults = (struct faults){
        .lose_percent = (unsigned)rng_below(r, 6),
        .double_percent = (unsigned)rng_below(r, 6),
        .slow_percent = (unsigned)rng_below(r, 6),
        .slow_redis_percent = (unsigned)rng_below(r, 3),
        .worst_percent = (unsigned)rng_below(r, 4),
        .kills = (unsigned)rng_below(r, 12),
        .stops = (unsigned)rng_below(r, 4),
        .freezes = (unsigned)rng_below(r, 6),
        .stalls = (unsigned)rng_below(r, 6),
        .redis_kills = (unsigned)rng_below(r, 4),
        .cuts = (unsigned)rng_below(r, 30),
    };
}

/* any_node: one that is in this seed; routers more often, as they have the most to lose. */
static enum node_id
any_node(struct sim *s)
{
    if (rng_chance(&s->rng, 20))
        return node_of(s, NODE_ROUTER);
    for (;;) {
        enum node_id id = (enum node_id)rng_below(&s->rng, NODE_N);
        if (s->nodes[id].service != NULL)
            return id;
    }
}

static void
fault_kill(struct sim *s, void *arg)
{
    (void)arg;
    node_kill(s, any_node(s));
}

static void
fault_stop(struct sim *s, void *arg)
{
    (void)arg;
    node_stop(s, any_node(s));
}

static void
fault_freeze(struct sim *s, void *arg)
{
    enum node_id id = any_node(s);
    int64_t for_ms = rng_between(&s->rng, 100, FREEZE_MS);

    (void)arg;
    sim_log(s, "%s: frozen for %.3f s", s->nodes[id].service->name, (double)for_ms / 1000);
    node_freeze(s, id, for_ms);
}

static void
fault_stall(struct sim *s, void *arg)
{
    enum node_id id = rng_chance(&s->rng, 40) ? node_of(s, NODE_ROUTER) : any_node(s);
    int64_t for_ms = rng_between(&s->rng, 100, STALL_MS);

    (void)arg;
    sim_log(s, "%s: Redis hears it %.3f s later", s->nodes[id].service->name,
            (double)for_ms / 1000);
    commands_stall(s, id, for_ms);
}

static void
fault_redis(struct sim *s, void *arg)
{
    (void)arg;
    sim_log(s, "Redis is killed");
    redis_kill(s, rng_between(&s->rng, 50, REDIS_DOWN_MS));
}

static void
fault_cut(struct sim *s, void *arg)
{
    size_t n = sim_conn_count(s);

    (void)arg;
    if (rng_chance(&s->rng, 50))
        commands_cut(s, any_node(s));
    else if (n > 0)
        sim_cut(s, sim_conn_at(s, rng_below(&s->rng, n)));
}

void
faults_schedule(struct sim *s)
{
    const struct {
        unsigned n;
        void (*happens)(struct sim *, void *);
    } kinds[] = {
        {s->faults.kills, fault_kill},        {s->faults.stops, fault_stop},
        {s->faults.freezes, fault_freeze},    {s->faults.stalls, fault_stall},
        {s->faults.redis_kills, fault_redis}, {s->faults.cuts, fault_cut},
    };

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (unsigned i = 0; i < kinds[k].n; i++)
            sim_later(s, rng_between(&s->rng, 0, s->calm_ms - s->now_ms), kinds[k].happens, NULL);
}
