/* pd_own: what the solver's own files share. See docs/routing.md for the whole picture. */
#ifndef LC_ROUTER_PD_OWN_H
#define LC_ROUTER_PD_OWN_H

#include "router/plan/solve/pd.h"
#include "router/plan/solve/pd_num.h"

/* Three loads in one word, 21 bits each, the top one free: a sum is over capacity in any dimension
 * when capacity + PD_GUARD - sum has lost a guard bit. */
#define PD_GUARD ((uint64_t)1 << 20 | (uint64_t)1 << 41 | (uint64_t)1 << 62)

static inline bool
pd_overloaded(uint64_t capacity_and_guard, uint64_t load)
{
    return ((capacity_and_guard - load) & PD_GUARD) != PD_GUARD;
}

#define PD_INFINITE (INT64_MAX / 4)

/* ---- the problem as the search reads it; never changes ---- */

/* Stop 2r is request r's pickup, 2r + 1 its drop-off; behind them each vehicle's start and end. */
struct pd_stop {
    int64_t open;
    int64_t close; /* hard */
    uint64_t load; /* the request's */
    int32_t node;
    int32_t service;
};

struct pd_terms {     /* of a request */
    int64_t unserved; /* 0 = must be served */
    int64_t late;
    int64_t wait;
    int64_t promise; /* lateness and ... */
    int64_t ready;   /* ... waiting count from here */
    uint64_t skills;
    int32_t vehicle;
    int32_t window; /* rank by length of its windows, for an order of insertion */
    int32_t reach;  /* rank by distance */
    bool half;      /* only its drop-off is to be planned */
    bool fixed;     /* drop-off and all is committed: never moves */
};

struct pd_class { /* a matrix and its transpose; equal pointers where they agree */
    int32_t *time;
    int32_t *time_to; /* [to][from] */
    int32_t *cost;
    int32_t *cost_to;
    bool metric;
};

struct pd_car {
    int64_t shift_start;
    int64_t fixed;
    uint64_t skills;
    uint64_t room;   /* capacity + PD_GUARD */
    uint64_t aboard; /* at the start */
    int32_t matrix;
    int32_t type;    /* vehicles of one type are alike while they are empty */
    int32_t n_fixed; /* steps that stay first */
};

struct pd_model {
    int32_t n_requests;
    int32_t n_stops; /* of requests: 2 x n_requests */
    int32_t n_nodes; /* with a last one from and to which all is 0: the end of open routes */
    int32_t n_cars;
    int32_t n_classes;
    int32_t n_types;
    int32_t n_near;
    int32_t n_free; /* requests that may move */
    bool priced;    /* some lateness or waiting has a price */
    bool dearer;    /* a stop more makes no route cheaper */
    struct pd_stop *stops;
    struct pd_terms *terms;
    struct pd_class *classes;
    struct pd_car *cars;
    int32_t *near[2];  /* n_stops x n_near: movable stops, itself first, the next by way or by fit;
                          -1  ends a shorter list */
    uint64_t *allowed; /* n_requests x allowed_words, or NULL: everything */
    int32_t allowed_words;
    int32_t *by_type; /* cars, by type: type t's from first_of[t] on */
    int32_t *first_of;
    int32_t *steps; /* what the vehicles are to do now, by stop: car v's from first_step[v] on */
    int32_t *first_step;
    int32_t chances[PD_CHANCES];
};

static inline bool
pd_allowed(const struct pd_model *m, int32_t request, int32_t car)
{
    return m->allowed == NULL ||
           (m->allowed[(size_t)request * (size_t)m->allowed_words + (size_t)car / 64] >>
                (car % 64) &
            1);
}

enum lc_err pd_check(const struct pd_problem *p, const struct pd_options *o, struct pd_error *e);
struct pd_model *pd_model_new(const struct pd_problem *p);
void pd_model_free(struct pd_model *m);
bool pd_fill_near(struct pd_model *m);
struct pd_model *pd_model_empty(size_t n_requests, size_t n_cars, size_t n_classes, size_t n_steps);

/* ---- routes ---- */

struct pd_pos {    /* one cache line */
    int64_t start; /* earliest start of serving */
    int64_t late;  /* latest start that keeps all behind it in time */
    int64_t open;
    int64_t close;
    uint64_t load; /* behind it */
    int32_t node;
    int32_t stop;
    int32_t cost; /* to the next; of an empty route: less what using the vehicle costs */
    int32_t travel;
    int32_t service;
    int32_t spare;
};

struct pd_route {
    struct pd_pos *at; /* at[0] is the start, at[n-1] the end */
    struct pd_pos *old;
    int32_t n;
    int32_t n_old;
    int32_t room;
    int32_t room_old;
    int64_t cost;
    int64_t cost_old;
    uint64_t saved;   /* in which iteration */
    uint32_t version; /* equal: the same stops */
    uint32_t version_old;
    int32_t live; /* index among the routes in use, -1 = empty */
    bool dirty;   /* differs from the best plan's */
};

struct pd_spot { /* where a request may go: the pickup behind at[i], the drop-off behind at[j] of
                    the route as it is */
    int64_t cost;
    int32_t car; /* -1 = nowhere */
    int32_t i;
    int32_t j;
};

/* What is known of a request's cheapest place in a route. */
struct pd_known {
    int64_t cost;
    uint32_t version; /* of the route */
    int16_t i;        /* -1: it costs at least that much */
    int16_t j;
};

struct pd_moved {
    int32_t request;
    int32_t car; /* where it was, -1 = left out */
};

enum pd_phase { PD_FLEET, PD_COST };

struct pd_best {
    int32_t **stops; /* by car, without start and end */
    int32_t *n;
    int32_t *room;
    int32_t *left; /* requests left out */
    int32_t n_left;
    int32_t must; /* of them, those that must be served */
    int32_t used;
    int64_t cost; /* without penalties for those that must be served */
};

struct pd_tuning {
    uint32_t cycles;  /* of cooling down, each from the best plan */
    int32_t hot;      /* a cycle's first temperature ... */
    int32_t cold;     /* ... and its last, in hundredths of an arc */
    int32_t dearest;  /* arcs that leaving out a request that must be served costs at most */
    uint32_t blinks;  /* per mille of places overlooked */
    uint32_t related; /* percent of ruins that take related requests, not strings */
    uint32_t first;   /* percent of the time for fewer vehicles at first, and after each success, */
    uint32_t again;   /* percent of the time left between cycles; */
    bool by_work;     /* that time in gaps looked at, not in iterations; half as much after each
                         search that found none */
    uint32_t detour;  /* twelfths of a cycle with a vehicle more, 0 = none, ... */
    uint32_t every;   /* in every so manieth cycle, ... */
    int32_t few;      /* with so many vehicles at most; */
    uint32_t soft;    /* in which twelfth all must fit again */
    uint32_t squeeze; /* percent of a cycle in which all must fit again, 0 = no such limit */
};

struct pd_search {
    const struct pd_model *m;
    struct pd_tuning tuning;
    struct pd_rng rng;
    bool fewest;
    bool failed; /* out of memory */
    bool stuck;  /* goods aboard found no place, or a route is late: such a plan is not taken */

    struct pd_route *routes;
    int32_t *live; /* routes in use */
    int32_t n_live;
    int32_t max_live;
    int32_t *car_of; /* of each request, -1 = left out */
    int32_t *left;   /* requests left out now */
    int32_t n_left;
    int32_t *left_old;
    int32_t n_left_old;
    struct pd_moved *moved;
    int32_t n_moved;
    int32_t *touched;
    int32_t n_touched;
    int64_t *keys;
    struct pd_known *known; /* n_requests x n_cars, or NULL: too many */
    uint32_t version;       /* the last one given to a route */
    int32_t *seeds;         /* stops around which to ruin */
    int32_t n_seeds;
    int64_t *gaps; /* scratch: cost of the drop-off in each gap, and the least from there on */
    int32_t n_gaps;
    int64_t cost;    /* of the routes */
    uint64_t now;    /* iteration, as a stamp */
    uint64_t *asked; /* of each route: for whom it was last looked at */
    uint64_t asks;
    uint64_t *stamp; /* of each route: ruined in which iteration */
    bool *gone;      /* request leaves its route in this ruin */

    /* the search's course */
    uint64_t done;
    uint64_t horizon;
    uint64_t from;      /* this phase began then ... */
    uint64_t to;        /* ... and lasts until then */
    uint32_t parts;     /* of the plan of which this is one */
    uint64_t turn;      /* phases so far */
    uint64_t work;      /* gaps looked at, a measure of time that every machine agrees on */
    uint64_t work_to;   /* the search for fewer vehicles lasts until then, or the next success */
    uint64_t cost_work; /* gaps looked at ... */
    uint64_t cost_done; /* ... in so many iterations for less cost */
    uint64_t cool_from; /* where in a cycle of cooling `from` and ... */
    uint64_t cool_to;   /* ... `to` are, Q16: 0 and 1, but for parts and when pd_expect came */
    enum pd_phase phase;
    bool detour;      /* for now, a vehicle more than the best plan has */
    bool soft;        /* it had; who does not fit stays out for now */
    bool squeezed;    /* it had, and all must fit again, but do not yet: */
    uint64_t warm;    /* where in its cycle of cooling it was when that began */
    uint64_t fit_to;  /* so many gaps looked at until the best plan is taken up again */
    bool least;       /* no vehicle can be spared */
    int32_t used;     /* vehicles of the best plan when the phase began */
    uint64_t *absent; /* how often each request was left out */
    int64_t penalty;  /* of a request that must be served */
    int64_t arc;      /* mean cost of the first plan's arcs: the unit of heat and penalty */
    int64_t heat;     /* temperature */
    uint32_t seen;    /* plans since the penalty was last adapted, */
    uint32_t seen_incomplete;
    uint32_t lost; /* how long there was none complete */
    bool repair;   /* so long that completing comes before cost */
    struct pd_best best;
};

/* What leaving a request out costs. */
static inline int64_t
pd_penalty(const struct pd_search *s, int32_t request)
{
    int64_t price = s->m->terms[request].unserved;

    return price > 0 ? price : s->penalty;
}

/* pd_route.c */
int64_t pd_price(const struct pd_model *m, int32_t stop, int64_t start);
void pd_route_set(struct pd_search *s, int32_t car, const int32_t *stops, int32_t n);
void pd_touch(struct pd_search *s, int32_t car);
void pd_put(struct pd_search *s, int32_t request, const struct pd_spot *spot);
void pd_drop_gone(struct pd_search *s, int32_t car);
bool pd_in_time(const struct pd_search *s, int32_t car);
void pd_begin(struct pd_search *s);
void pd_undo(struct pd_search *s);
void pd_accept(struct pd_search *s);
void pd_leave_out(struct pd_search *s, int32_t request);

/* pd_insert.c */
void pd_seek(struct pd_search *s, int32_t request, int32_t car, bool blink, struct pd_spot *best);

/* pd_ruin.c */
void pd_ruin(struct pd_search *s);

/* pd_recreate.c */
void pd_recreate(struct pd_search *s, bool blink, const uint64_t *hopeless, int64_t most);

/* pd_best.c */
bool pd_best_init(const struct pd_model *m, struct pd_best *b);
void pd_best_free(const struct pd_model *m, struct pd_best *b);
void pd_best_keep(struct pd_search *s);
void pd_best_load(struct pd_search *s);
void pd_best_adopt(struct pd_search *s, const struct pd_best *from);
bool pd_best_less(const struct pd_best *a, const struct pd_best *b, bool fewest);
bool pd_better(const struct pd_search *s);
int32_t pd_must_left(const struct pd_search *s);

/* pd_search.c */
void pd_search_run(struct pd_search *s, uint64_t iterations);
bool pd_search_over(const struct pd_search *s);
void pd_search_next_phase(struct pd_search *s);
void pd_search_complete(struct pd_search *s);
void pd_search_squeeze(struct pd_search *s);
void pd_search_expect(struct pd_search *s, uint64_t iterations);
uint64_t pd_search_cooled(const struct pd_search *s, uint64_t done);
uint64_t pd_search_span(const struct pd_search *s);
void pd_search_steps(struct pd_search *s, uint64_t iterations);
void pd_search_follow(struct pd_search *s, const struct pd_search *leader);
void pd_search_exchange(struct pd_search **all, int n);

/* pd_setup.c */
struct pd_search *pd_search_new(const struct pd_model *m, bool fewest, uint64_t horizon,
                                uint64_t seed, int32_t max_live);
void pd_search_inherit(struct pd_search *s, const struct pd_search *whole, const int32_t *requests,
                       uint64_t length, uint64_t round, uint32_t parts);
void pd_search_free(struct pd_search *s);

/* pd_part.c */
struct pd_part {
    int32_t *requests; /* of the whole, by the part's numbers */
    int32_t n_requests;
    int32_t *cars;
    int32_t n_cars;
    struct pd_model *m;
    struct pd_search *search;
    uint64_t length; /* iterations it gets */
    uint64_t done;
};
bool pd_part_begin(struct pd_part *p, const struct pd_search *s, uint64_t seed, int32_t spare,
                   uint64_t round, uint32_t parts);
void pd_part_free(struct pd_part *p);
void pd_part_give(struct pd_search *s, struct pd_part *p, bool best, int32_t *scratch);

/* pd_rounds.c */
/* Requests that may move: from so many on the time for fewer vehicles is measured, and from so many
 * on plans are searched in parts. */
enum { PD_MIDDLE = 80, PD_LARGE = 150 };
struct pd_rounds;
struct pd_rounds *pd_rounds_new(struct pd_search **search, int threads, uint64_t seed);
void pd_rounds_free(struct pd_rounds *r);
bool pd_rounds_run(struct pd_rounds *r, uint64_t iterations);

#endif
