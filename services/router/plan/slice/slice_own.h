/* slice_own: what the files of slices share. */
#ifndef LC_ROUTER_PLAN_SLICE_OWN_H
#define LC_ROUTER_PLAN_SLICE_OWN_H

#include "router/plan/plan_own.h"
#include "router/plan/slice/slice.h"
#include "router/plan/solve/pd_num.h"

enum { SLICE_JOB = 0x31534c50, SLICE_RESULT = 0x31524c50, SLICE_NEAR = 12, SLICE_OUT_MAX = 48 };
enum { SLICE_MEMORY_MAX = 1 << 15 };

/* slice_travel.c: travel times between the slice's points, each asked for once. */
struct slice_travel {
    struct travel travel; /* this is the provider */
    const struct travel *of;
    const struct travel *estimate; /* when that has no answer */
    struct latlng *points;         /* owned */
    size_t n;
    uint32_t *slots; /* owned: hash of a point -> its index + 1 */
    size_t mask;
    struct travel_cell *cells[TRAVEL_MODES]; /* owned; NULL = not asked for yet */
};
/* slice_travel_init: room for so many points. */
LC_MUST_CHECK enum lc_err slice_travel_init(struct slice_travel *t, const struct travel *of,
                                            const struct travel *estimate, size_t room);
void slice_travel_add(struct slice_travel *t, struct latlng at);
void slice_travel_free(struct slice_travel *t);

/* A route as it was before the iteration that is under way, or as it is best. */
struct kept {
    struct stop *stops; /* owned */
    size_t n;
    size_t room;
    size_t fixed;
    int64_t arrived_ms;
    uint64_t version;
    int64_t cost;
    uint64_t iteration; /* that kept it */
};

struct mover {
    struct task *task;
    bool placed;               /* at first: it must not end in the pool */
    bool on_time;              /* at first: it must not end late */
    uint32_t near[SLICE_NEAR]; /* movers to whom it has to do, nearest first */
    size_t n_near;
};

/* A mover's cheapest place on a route with these stops. */
struct memo {
    uint64_t key; /* of mover and stops; 0 = nothing is known */
    struct place best;
};

/* The search over one slice. */
struct search_slice {
    struct plan *plan; /* owned: the slice alone */
    struct slice_travel travel;
    struct pd_rng rng;
    uint32_t iterations;
    uint64_t iteration;
    uint64_t *versions;   /* owned; by runner: of the plan the job was made of */
    size_t n_runners;     /* plan->runners */
    struct kept *before;  /* owned, by runner */
    struct kept *best;    /* owned, by runner */
    struct mover *movers; /* owned */
    size_t n_movers;
    struct memo *memory; /* owned */
    size_t memory_mask;
    uint64_t *hashes; /* owned, by runner: of its stops, */
    uint64_t *hashed; /* owned: as they were at this version */
    size_t touched[SLICE_COURIERS_MAX];
    size_t n_touched;
    struct {
        uint32_t mover;
        struct runner *was;
    } out[SLICE_OUT_MAX];
    size_t n_out;
    int64_t late_ms[SLICE_ORDERS_MAX];  /* of each order at first, by its slot, */
    int64_t leave_ms[SLICE_ORDERS_MAX]; /* and when its drop-off was to be left; 0 = pooled */
    int32_t chances[PD_CHANCES];
    bool failed; /* out of memory */
};

/* slice_read.c: the job as a plan of its own. */
LC_MUST_CHECK enum lc_err slice_read(struct search_slice *s, const struct travel *travel,
                                     const struct travel *estimate, struct slice job);
void slice_close(struct search_slice *s);

/* slice_ruin.c: takes orders out, into s->out. */
void slice_ruin(struct search_slice *s);
bool slice_take_out(struct search_slice *s, uint32_t mover);
/* slice_touch: keeps the route as it is, once an iteration. */
bool slice_touch(struct search_slice *s, struct runner *r);

#endif
