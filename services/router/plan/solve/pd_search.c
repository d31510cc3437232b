/* One search: ruin, recreate, take it or leave it; by turns for fewer vehicles and for less cost.
 */
#include "router/plan/solve/pd_own.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_KNOWN = 1 << 22,
    PERCENT_FLEET = 12,
    PERCENT_AGAIN = 8,
    ROAM =
        32, /* windows of WINDOW iterations without a complete plan until completing comes first, */
    REPAIR = 16, /* and then until the best plan is taken up again */
    WINDOW = 256
};

static const struct pd_tuning for_fleets = {3, 320, 8, 10, 0};
/* One vehicle: there are no other routes to go to, so that finer changes pay. */
static const struct pd_tuning for_one = {4, 60, 8, 50, 100};

static int64_t
penalties(const struct pd_search *s)
{
    int64_t sum = 0;

    for (int32_t k = 0; k < s->n_left; k++) {
        int64_t price = s->m->terms[s->left[k]].unserved;
        sum += price > 0 ? price : s->penalty;
    }
    return sum;
}

static uint64_t
absences(const struct pd_search *s, const int32_t *left, int32_t n)
{
    uint64_t sum = 0;

    for (int32_t k = 0; k < n; k++)
        sum += s->absent[left[k]];
    return sum;
}

/* Annealing: worse by how much is good enough this time? */
static int64_t
grace(struct pd_search *s)
{
    int32_t chance = s->m->chances[pd_next(&s->rng) >> 54];

    return (int64_t)(((pd_u128)(uint64_t)s->heat * (pd_u128)(uint64_t)chance) >> 16);
}

/* A route goes: the one whose requests were left out least often, that is, the easiest to place. */
static void
drop_route(struct pd_search *s)
{
    const struct pd_model *m = s->m;
    int32_t worst = -1;
    uint64_t least = UINT64_MAX;

    for (int32_t k = 0; k < s->n_live; k++) {
        int32_t car = s->live[k];
        const struct pd_route *r = &s->routes[car];
        uint64_t sum = 0;
        bool bound = m->cars[car].n_fixed > 0;
        for (int32_t i = 1; i < r->n - 1; i++) {
            sum += s->absent[r->at[i].stop / 2];
            bound |= m->terms[r->at[i].stop / 2].vehicle >= 0;
        }
        if (!bound && (sum < least || (sum == least && car < worst))) {
            least = sum;
            worst = car;
        }
    }
    if (worst < 0) {
        s->least = true;
        return;
    }
    pd_begin(s);
    const struct pd_route *r = &s->routes[worst];
    int32_t before = s->n_moved;
    for (int32_t i = 1; i < r->n - 1; i++)
        if (!s->gone[r->at[i].stop / 2])
            pd_leave_out(s, r->at[i].stop / 2);
    pd_drop_gone(s, worst);
    for (int32_t k = before; k < s->n_moved; k++) {
        s->gone[s->moved[k].request] = false;
        s->car_of[s->moved[k].request] = -1;
    }
    pd_accept(s);
    s->max_live = s->best.used - 1;
}

static void
begin_fleet(struct pd_search *s, uint64_t length)
{
    pd_best_load(s);
    s->phase = PD_FLEET;
    s->repair = false;
    s->lost = 0;
    s->from = s->done;
    s->to = s->done + length;
    s->heat = s->arc;
    if (s->best.must == 0)
        drop_route(s);
}

static void
begin_cost(struct pd_search *s, uint64_t length)
{
    pd_best_load(s);
    s->phase = PD_COST;
    s->repair = false;
    s->lost = 0;
    s->from = s->done;
    s->to = s->done + length;
    s->max_live = s->fewest && s->best.must == 0 ? s->best.used : s->m->n_cars;
}

static void
next_phase(struct pd_search *s)
{
    uint64_t rest = s->horizon > s->done ? s->horizon - s->done : s->horizon / 8 + 1000;

    s->turn++;
    if (s->fewest && !s->least && s->turn % 2 == 1) {
        uint64_t share = s->turn == 1 ? PERCENT_FLEET : PERCENT_AGAIN;
        begin_fleet(s, s->turn == 1 ? s->horizon * share / 100 : rest * share / 100);
        return;
    }
    uint64_t cycle = s->turn / 2;
    begin_cost(s, cycle < s->tuning.cycles ? rest / (s->tuning.cycles + 1 - cycle) : rest);
}

static void
cool(struct pd_search *s)
{
    uint64_t length = s->to - s->from;
    uint64_t part = ((s->done - s->from) << 16) / (length + 1);
    int64_t hot = s->arc * s->tuning.hot / 100 + 1;
    int64_t cold = s->arc * s->tuning.cold / 100 + 1;
    uint64_t fall = (uint64_t)(pd_log2((uint64_t)hot) - pd_log2((uint64_t)cold));

    s->heat = pd_scale(hot, pd_exp2_minus((fall * part) >> 16));
    /* Complete plans about half of the time, while the heat allows for it. */
    int64_t low = 3 * s->heat > s->arc * 2 ? 3 * s->heat : s->arc * 2;
    int64_t high = s->arc * 100;
    if (s->seen_incomplete * 2 > s->seen && s->penalty < high)
        s->penalty += s->penalty / 16;
    else if (s->seen_incomplete * 3 < s->seen && s->penalty > low)
        s->penalty -= s->penalty / 32;
    bool incomplete = s->seen_incomplete == s->seen && pd_must_left(s) > 0;
    s->lost = incomplete ? s->lost + 1 : 0;
    uint32_t roam = part > 3 << 14 ? 1 : ROAM;
    if (s->best.must == 0 && s->lost >= roam + REPAIR) {
        pd_best_load(s);
        s->lost = 0;
    }
    s->repair = s->lost >= roam;
    s->seen = 0;
    s->seen_incomplete = 0;
}

/* Ruin and recreate for a plan with fewer left out: taken when those left out were left out less
 * often so far (absence counters, Christiaens and Vanden Berghe 2020). True: taken. */
static bool
step_absence(struct pd_search *s)
{
    int64_t before = s->cost + penalties(s);

    pd_begin(s);
    pd_ruin(s);
    pd_recreate(s, true);
    uint64_t was = absences(s, s->left_old, s->n_left_old);
    uint64_t is = absences(s, s->left, s->n_left);
    bool take =
        is < was || s->n_left < s->n_left_old ||
        (is == was && s->n_left == s->n_left_old && s->cost + penalties(s) < before + grace(s));
    for (int32_t k = 0; k < s->n_left; k++)
        s->absent[s->left[k]]++;
    if (take && !s->stuck)
        pd_accept(s);
    else
        pd_undo(s);
    return take && !s->stuck;
}

static void
step_fleet(struct pd_search *s)
{
    if (!step_absence(s) || !pd_better(s))
        return;
    pd_best_keep(s);
    if (s->best.must == 0) {
        drop_route(s);
        uint64_t more = s->done + s->horizon * PERCENT_FLEET / 100;
        if (more < s->horizon / 2 && more > s->to)
            s->to = more;
    }
}

static void
step_cost(struct pd_search *s)
{
    bool taken;

    if (s->repair) {
        taken = step_absence(s);
        s->repair = pd_must_left(s) > 0;
    } else {
        int64_t before = s->cost + penalties(s);
        pd_begin(s);
        pd_ruin(s);
        pd_recreate(s, true);
        taken = !s->stuck && s->cost + penalties(s) < before + grace(s);
        if (taken)
            pd_accept(s);
        else
            pd_undo(s);
    }
    if (taken && pd_better(s))
        pd_best_keep(s);
    s->seen++;
    s->seen_incomplete += pd_must_left(s) > 0;
}

void
pd_search_run(struct pd_search *s, uint64_t iterations)
{
    for (uint64_t k = 0; k < iterations && !s->failed; k++) {
        if (s->done >= s->to || (s->phase == PD_FLEET && s->least))
            next_phase(s);
        if (s->phase == PD_COST && (s->done - s->from) % WINDOW == 0)
            cool(s);
        if (s->phase == PD_FLEET)
            step_fleet(s);
        else
            step_cost(s);
        s->done++;
    }
}

/* pd_search_restart: the best plan came from elsewhere and has fewer vehicles or fewer left out:
 * the phase goes on from it. */
void
pd_search_restart(struct pd_search *s)
{
    uint64_t from = s->from;
    uint64_t to = s->to;

    if (s->turn == 0)
        return;
    if (s->phase == PD_FLEET)
        begin_fleet(s, 0);
    else
        begin_cost(s, 0);
    s->from = from;
    s->to = to;
}

/* The routes as they are today; what is no valid proposal is left out. */
static void
load_steps(struct pd_search *s)
{
    const struct pd_model *m = s->m;

    for (int32_t r = 0; r < m->n_requests; r++)
        s->car_of[r] = -1;
    for (int32_t v = 0; v < m->n_cars; v++) {
        const int32_t *stops = m->steps + m->first_step[v];
        int32_t n = m->first_step[v + 1] - m->first_step[v];
        pd_route_set(s, v, stops, n);
        const struct pd_route *r = &s->routes[v];
        bool valid = true;
        for (int32_t k = m->cars[v].n_fixed + 1; k < r->n; k++)
            valid = valid && r->at[k].start <= r->at[k].close &&
                    !pd_overloaded(m->cars[v].room, r->at[k].load) &&
                    (r->at[k].stop >= m->n_stops || pd_allowed(m, r->at[k].stop / 2, v));
        if (!valid)
            pd_route_set(s, v, stops, n = m->cars[v].n_fixed);
        for (int32_t k = 0; k < n; k++)
            if (stops[k] % 2 == 1)
                s->car_of[stops[k] / 2] = v;
        s->routes[v].dirty = true;
    }
    for (int32_t r = 0; r < m->n_requests; r++)
        if (s->car_of[r] < 0)
            s->left[s->n_left++] = r;
}

void
pd_search_free(struct pd_search *s)
{
    if (s == NULL)
        return;
    for (int32_t v = 0; s->routes != NULL && v < s->m->n_cars; v++) {
        free(s->routes[v].at);
        free(s->routes[v].old);
    }
    pd_best_free(s->m, &s->best);
    free(s->routes);
    free(s->live);
    free(s->car_of);
    free(s->left);
    free(s->left_old);
    free(s->moved);
    free(s->touched);
    free(s->keys);
    free(s->asked);
    free(s->known);
    free(s->seeds);
    free(s->gaps);
    free(s->stamp);
    free(s->gone);
    free(s->absent);
    free(s);
}

static bool
allocate(struct pd_search *s)
{
    size_t n = (size_t)s->m->n_requests + 1;
    size_t cars = (size_t)s->m->n_cars;

    s->routes = calloc(cars, sizeof *s->routes);
    s->live = calloc(cars, sizeof *s->live);
    s->touched = calloc(cars, sizeof *s->touched);
    s->stamp = calloc(cars, sizeof *s->stamp);
    s->asked = calloc(cars, sizeof *s->asked);
    s->car_of = calloc(n, sizeof *s->car_of);
    s->left = calloc(n, sizeof *s->left);
    s->left_old = calloc(n, sizeof *s->left_old);
    s->moved = calloc(2 * n, sizeof *s->moved);
    s->keys = calloc(n, sizeof *s->keys);
    s->seeds = calloc(2 * n, sizeof *s->seeds);
    s->gone = calloc(n, sizeof *s->gone);
    s->absent = calloc(n, sizeof *s->absent);
    s->gaps = calloc(2 * (2 * n + 4), sizeof *s->gaps);
    if (cars > 1 && n * cars <= MOST_KNOWN) {
        s->known = calloc(n * cars, sizeof *s->known);
        if (s->known == NULL)
            return false;
    }
    return s->routes && s->live && s->touched && s->stamp && s->asked && s->car_of && s->left &&
           s->left_old && s->moved && s->keys && s->seeds && s->gone && s->absent && s->gaps &&
           pd_best_init(s->m, &s->best);
}

static int64_t
mean_arc(const struct pd_search *s)
{
    int64_t sum = 0;
    int64_t n = 1;

    for (int32_t k = 0; k < s->n_live; k++) {
        const struct pd_route *r = &s->routes[s->live[k]];
        for (int32_t i = 0; i < r->n - 1; i++)
            sum += r->at[i].cost;
        n += r->n - 1;
    }
    return sum / n + 1;
}

struct pd_search *
pd_search_new(const struct pd_model *m, const struct pd_options *o, uint64_t seed)
{
    struct pd_search *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->m = m;
    if (!allocate(s)) {
        pd_search_free(s);
        return NULL;
    }
    s->rng.state = seed * 0x9e3779b97f4a7c15u + 1;
    s->tuning = m->n_cars == 1 ? for_one : for_fleets;
    s->fewest = o->fewest_vehicles;
    s->horizon = o->iterations;
    s->max_live = m->n_cars;
    s->now = 1;
    for (int32_t v = 0; v < m->n_cars; v++)
        s->routes[v].live = -1;
    for (int32_t r = 0; r < m->n_requests; r++) {
        if (m->terms[r].fixed)
            continue;
        if (!m->terms[r].half)
            s->seeds[s->n_seeds++] = 2 * r;
        s->seeds[s->n_seeds++] = 2 * r + 1;
    }
    load_steps(s);
    pd_begin(s);
    pd_recreate(s, false);
    pd_accept(s);
    s->arc = mean_arc(s);
    s->penalty = s->arc * 20;
    for (int32_t v = 0; v < m->n_cars; v++)
        s->routes[v].dirty = true;
    pd_best_keep(s);
    if (s->failed) {
        pd_search_free(s);
        return NULL;
    }
    return s;
}
