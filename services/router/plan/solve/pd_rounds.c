/* Large plans: cut into parts of near routes, each searched on its own for a while, put together
 * again, cut elsewhere. On several threads the parts of a round are searched side by side. */
#include "router/plan/solve/pd_own.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    PART_REQUESTS = 100, /* of a part, about */
    PART_ROUTES = 8,     /* at least */
    PART_TURN = 20000,   /* iterations of a part in a round at most ... */
    PART_LEAST = 1000,   /* ... and at least: cutting takes as long as some hundred, */
    ROUNDS = 24,         /* while a phase is cut into about so many rounds */
    FLEET_TURN = 256,    /* iterations for fewer vehicles between looks at how long they take */
    PATIENCE = 6,      /* rounds without a complete plan until completing comes before cost, for */
    COMPLETING = 4608, /* iterations */
    MIXED = 4,         /* every so many rounds by chance */
    PART_NEAR = 12     /* near stops that say which routes belong together */
};

struct pd_rounds {
    struct pd_search **search; /* of each thread; the first holds the plan */
    int threads;
    struct pd_part *parts;
    int32_t n_parts; /* 0 = every thread searches the whole plan */
    uint64_t at;     /* iterations of this round, a thread */
    uint64_t length;
    uint64_t number; /* of rounds */
    int lost;        /* of them, how many there was no complete plan */
    bool alone;      /* only the first thread has something to do */
    uint64_t seed;
    int64_t *score; /* of each route: how near to the part that grows */
    int32_t *part_of;
    int32_t *scratch;
};

void
pd_rounds_free(struct pd_rounds *r)
{
    if (r == NULL)
        return;
    for (int32_t k = 0; k < r->n_parts; k++)
        pd_part_free(&r->parts[k]);
    free(r->parts);
    free(r->score);
    free(r->part_of);
    free(r->scratch);
    free(r);
}

struct pd_rounds *
pd_rounds_new(struct pd_search **search, int threads, uint64_t seed)
{
    const struct pd_model *m = search[0]->m;
    struct pd_rounds *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->search = search;
    r->threads = threads;
    r->seed = seed;
    r->parts = calloc((size_t)m->n_requests / PART_REQUESTS + 1, sizeof *r->parts);
    r->score = calloc((size_t)m->n_cars, sizeof *r->score);
    r->part_of = calloc((size_t)m->n_cars, sizeof *r->part_of);
    r->scratch = calloc((size_t)m->n_stops + 1, sizeof *r->scratch);
    if (r->parts == NULL || r->score == NULL || r->part_of == NULL || r->scratch == NULL) {
        pd_rounds_free(r);
        return NULL;
    }
    return r;
}

/* ---- which routes belong together ---- */

static void
add_scores(struct pd_rounds *r, int32_t car)
{
    const struct pd_search *s = r->search[0];
    const struct pd_route *route = &s->routes[car];

    for (int32_t k = 1; k < route->n - 1; k++) {
        for (int which = 0; which < 2; which++) {
            const int32_t *near =
                s->m->near[which] + (size_t)route->at[k].stop * (size_t)s->m->n_near;
            for (int32_t i = 0; i < PART_NEAR && i < s->m->n_near && near[i] >= 0; i++)
                if (s->car_of[near[i] / 2] >= 0)
                    r->score[s->car_of[near[i] / 2]]++;
        }
    }
}

/* The route in no part yet that is nearest to the one that grows; a first one by chance. */
static int32_t
next_route(const struct pd_rounds *r, struct pd_rng *rng, bool first)
{
    const struct pd_search *s = r->search[0];
    int32_t found = -1;
    int32_t free_ones = 0;

    for (int32_t k = 0; k < s->n_live; k++) {
        int32_t car = s->live[k];
        if (r->part_of[car] >= 0)
            continue;
        free_ones++;
        if (first ? pd_below(rng, (uint32_t)free_ones) == 0
                  : found < 0 || r->score[car] > r->score[found])
            found = car;
    }
    return found;
}

/* Each route in use gets its part: mostly with those near it; now and then by chance, so that
 * routes far from each other meet, too. */
static void
group(struct pd_rounds *r, int32_t n_parts, struct pd_rng *rng)
{
    const struct pd_search *s = r->search[0];
    int32_t stops = 0;
    bool near = r->number % MIXED != 0;

    for (int32_t v = 0; v < s->m->n_cars; v++)
        r->part_of[v] = -1;
    for (int32_t k = 0; k < s->n_live; k++)
        stops += s->routes[s->live[k]].n - 2;
    for (int32_t p = 0; p < n_parts; p++) {
        int32_t wanted = stops / (n_parts - p);
        int32_t has = 0;
        for (int32_t v = 0; v < s->m->n_cars; v++)
            r->score[v] = 0;
        for (;;) {
            int32_t car = next_route(r, rng, has == 0 || !near);
            int32_t more = car < 0 ? 0 : s->routes[car].n - 2;
            if (car < 0 || (has > 0 && p < n_parts - 1 && has + more / 2 > wanted))
                break;
            r->part_of[car] = p;
            has += more;
            if (near)
                add_scores(r, car);
        }
        stops -= has;
    }
}

/* Those left out go to the part of the nearest stop's route. */
static int32_t
part_for(const struct pd_rounds *r, int32_t request)
{
    const struct pd_search *s = r->search[0];
    const int32_t *near = s->m->near[1] + (size_t)(2 * request + 1) * (size_t)s->m->n_near;

    if (s->m->terms[request].vehicle >= 0)
        return r->part_of[s->m->terms[request].vehicle];
    for (int32_t k = 0; k < s->m->n_near && near[k] >= 0; k++) {
        int32_t car = s->car_of[near[k] / 2];
        if (car >= 0 && pd_allowed(s->m, request, car))
            return r->part_of[car];
    }
    return 0;
}

/* ---- a round ---- */

/* Vehicles that are not in use yet: as many as may come into use, of every type, by turns. */
static void
deal_spare(struct pd_rounds *r, int32_t n_parts, int32_t *spare)
{
    const struct pd_search *s = r->search[0];
    int32_t may = s->max_live - s->n_live;

    for (int32_t p = 0; p < n_parts; p++)
        spare[p] = 0;
    for (int32_t k = 0, p = 0; k < s->m->n_cars && may > 0; k++) {
        int32_t car = s->m->by_type[k];
        if (s->routes[car].n > 2)
            continue;
        r->part_of[car] = p;
        spare[p]++;
        may--;
        p = (p + 1) % n_parts;
    }
}

static bool
fill_part(struct pd_rounds *r, int32_t p)
{
    const struct pd_search *s = r->search[0];
    const struct pd_model *m = s->m;
    struct pd_part *part = &r->parts[p];

    part->requests = malloc(((size_t)m->n_requests + 1) * sizeof *part->requests);
    part->cars = malloc((size_t)m->n_cars * sizeof *part->cars);
    if (part->requests == NULL || part->cars == NULL)
        return false;
    for (int32_t v = 0; v < m->n_cars; v++) {
        if (r->part_of[v] != p)
            continue;
        part->cars[part->n_cars++] = v;
        for (int32_t k = 1; k < s->routes[v].n - 1; k++)
            if (s->routes[v].at[k].stop % 2 == 1)
                part->requests[part->n_requests++] = s->routes[v].at[k].stop / 2;
    }
    for (int32_t k = 0; k < s->n_left; k++)
        if (part_for(r, s->left[k]) == p)
            part->requests[part->n_requests++] = s->left[k];
    return true;
}

static int32_t
parts_wanted(const struct pd_search *s)
{
    int32_t by_size = (s->m->n_free + PART_REQUESTS / 2) / PART_REQUESTS;
    int32_t by_routes = s->n_live / PART_ROUTES;

    return by_size < by_routes ? by_size : by_routes;
}

static bool
cut(struct pd_rounds *r, int32_t n_parts)
{
    struct pd_search *s = r->search[0];
    struct pd_rng rng = {r->seed * 0x9e3779b97f4a7c15u + r->number};
    int32_t lanes = r->threads < n_parts ? r->threads : n_parts;
    uint64_t most = (uint64_t)PART_TURN * (uint64_t)((n_parts + lanes - 1) / lanes);
    int32_t *spare = calloc((size_t)n_parts, sizeof *spare);
    bool ok = spare != NULL;

    r->length = r->length < most ? r->length : most;
    if (ok) {
        group(r, n_parts, &rng);
        deal_spare(r, n_parts, spare);
    }
    r->n_parts = n_parts;
    for (int32_t p = 0; ok && p < n_parts; p++) {
        uint64_t shared = (uint64_t)((n_parts - p % r->threads + r->threads - 1) / r->threads);
        uint64_t turn = (uint64_t)(p / r->threads);
        /* of a thread's parts, the first end where the next begin */
        r->parts[p].length = r->length * (turn + 1) / shared - r->length * turn / shared;
        ok = fill_part(r, p) &&
             pd_part_begin(&r->parts[p], s, pd_next(&rng), spare[p], r->length, (uint32_t)n_parts);
    }
    free(spare);
    return ok;
}

/* When all must fit, a part that lacks somebody at the end goes back to its best plan, if nobody is
 * missing there: of the parts of a large plan one or another nearly always lacks somebody. */
static bool
must_go_back(const struct pd_search *s, const struct pd_part *p)
{
    return s->tuning.squeeze > 0 && !s->detour && !s->soft && p->search->best.must == 0 &&
           pd_must_left(p->search) > 0;
}

/* The parts' best plans make one that may be the best; the search goes on from what they have now.
 */
static void
join(struct pd_rounds *r)
{
    struct pd_search *s = r->search[0];
    int64_t mean = 0;
    int64_t most = 0;
    bool complete = true;

    for (int round = 0; round < 2; round++) {
        int32_t kept = 0;
        pd_begin(s);
        for (int32_t k = 0; k < s->n_left; k++) { /* in no part */
            int32_t p = part_for(r, s->left[k]);
            if (p < 0)
                s->left[kept++] = s->left[k];
        }
        s->n_left = kept;
        for (int32_t p = 0; p < r->n_parts; p++)
            pd_part_give(s, &r->parts[p], round == 0 || must_go_back(s, &r->parts[p]), r->scratch);
        if (pd_better(s))
            pd_best_keep(s);
    }
    for (int32_t p = 0; p < r->n_parts; p++) {
        struct pd_part *part = &r->parts[p];
        mean += part->search->penalty / r->n_parts;
        most = part->search->penalty > most ? part->search->penalty : most;
        complete = complete && pd_must_left(part->search) == 0;
        for (int32_t k = 0; k < part->n_requests; k++)
            s->absent[part->requests[k]] = part->search->absent[k];
        s->cost_work += part->search->cost_work;
        s->cost_done += part->search->cost_done;
        s->failed |= part->search->failed;
        pd_part_free(part);
    }
    s->penalty = complete ? mean : most; /* who lacks somebody decides */
    r->n_parts = 0;
}

/* ---- several threads ---- */

struct lane {
    struct pd_rounds *rounds;
    int number;
    uint64_t iterations;
};

/* A thread's iterations: on the whole plan, or on its parts, one after the other. */
static void *
run_lane(void *arg)
{
    const struct lane *lane = arg;
    struct pd_rounds *r = lane->rounds;
    uint64_t rest = lane->iterations;

    if (r->alone && lane->number > 0)
        return NULL;
    if (r->n_parts == 0) {
        pd_search_steps(r->search[lane->number], rest);
        return NULL;
    }
    for (int32_t p = lane->number; p < r->n_parts && rest > 0; p += r->threads) {
        struct pd_part *part = &r->parts[p];
        uint64_t n = part->length - part->done < rest ? part->length - part->done : rest;
        pd_search_steps(part->search, n);
        part->done += n;
        rest -= n;
    }
    return NULL;
}

static void
run_lanes(struct pd_rounds *r, uint64_t iterations)
{
    struct lane lane[PD_THREADS] = {{r, 0, iterations}};
    pthread_t thread[PD_THREADS];
    int started = 1;

    for (int i = 0; i < r->threads; i++)
        lane[i] = (struct lane){r, i, iterations};
    while (started < r->threads &&
           pthread_create(&thread[started], NULL, run_lane, &lane[started]) == 0)
        started++;
    run_lane(&lane[0]);
    for (int i = 1; i < started; i++)
        pthread_join(thread[i], NULL);
    for (int i = started; i < r->threads; i++) /* one after the other, then: the same, later */
        run_lane(&lane[i]);
    for (int i = 0; i < r->threads && r->n_parts > 0; i++)
        r->search[i]->done += i < r->n_parts ? iterations : 0;
}

static void
end_round(struct pd_rounds *r)
{
    if (r->n_parts > 0)
        join(r);
    else if (r->threads > 1)
        pd_search_exchange(r->search, r->threads);
    r->lost = pd_must_left(r->search[0]) > 0 ? r->lost + 1 : 0;
    r->number++;
}

static bool
begin_round(struct pd_rounds *r)
{
    struct pd_search *s = r->search[0];

    if (pd_search_over(s)) {
        pd_search_next_phase(s);
        for (int i = 1; i < r->threads; i++)
            pd_search_follow(r->search[i], s);
        r->lost = 0;
    }
    if (s->phase == PD_COST)
        pd_search_squeeze(s);
    uint64_t rest = s->to > s->done ? s->to - s->done : 1;
    int32_t n_parts = s->phase == PD_COST ? parts_wanted(s) : 0;
    uint64_t least = (uint64_t)PART_LEAST * (uint64_t)(n_parts / r->threads + 1);
    uint64_t round = pd_search_span(s) / ROUNDS > least ? pd_search_span(s) / ROUNDS : least;
    if (s->phase == PD_FLEET)
        round = FLEET_TURN;
    r->at = 0;
    r->alone = false;
    r->length = rest < round ? rest : round;
    if (n_parts >= 2 && s->squeezed) {
        r->lost = 0;
        r->alone = true;
        r->length = rest < FLEET_TURN ? rest : FLEET_TURN;
        return true;
    }
    if (s->detour || s->soft)
        r->lost = 0;
    bool lost = n_parts >= 2 && s->best.must == 0 && r->lost >= PATIENCE;
    if (lost && pd_search_cooled(s, s->done) > 3 << 14) { /* too cold to mend it */
        pd_best_load(s);
        r->lost = 0;
    } else if (lost) {
        r->lost = 0;
        r->alone = true;
        r->length = rest < COMPLETING ? rest : COMPLETING;
        pd_search_complete(s);
        return true;
    }
    return n_parts < 2 || cut(r, n_parts);
}

/* pd_rounds_run: so many iterations a thread; how they are cut into calls does not matter. */
bool
pd_rounds_run(struct pd_rounds *r, uint64_t iterations)
{
    while (iterations > 0) {
        if (r->at >= r->length && !begin_round(r))
            return false;
        uint64_t n = r->length - r->at < iterations ? r->length - r->at : iterations;
        run_lanes(r, n);
        r->at += n;
        iterations -= n;
        if (r->at >= r->length)
            end_round(r);
        for (int i = 0; i < r->threads; i++)
            if (r->search[i]->failed)
                return false;
    }
    return true;
}
