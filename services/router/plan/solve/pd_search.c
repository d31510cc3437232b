/* One search: ruin, recreate, take it or leave it; by turns for fewer vehicles and for less cost.
 */
#include "router/plan/solve/pd_own.h"

enum {
    WINDOW = 256, /* iterations between looks at temperature and penalty */
    ROAM = 32,    /* windows without a complete plan until completing comes before cost, */
    REPAIR = 16,  /* and so many more until the best plan is taken up again */
    PILOT = 64    /* a first cycle of cooling takes one part in so many of the time */
};

static int64_t
penalties(const struct pd_search *s)
{
    int64_t sum = 0;

    for (int32_t k = 0; k < s->n_left; k++)
        sum += pd_penalty(s, s->left[k]);
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
}

static void
begin_fleet(struct pd_search *s, uint64_t length)
{
    pd_best_load(s);
    s->phase = PD_FLEET;
    s->repair = false;
    s->squeezed = false;
    s->soft = false;
    s->lost = 0;
    s->from = s->done;
    s->to = s->done + length;
    s->heat = s->arc;
    if (s->best.must == 0) {
        drop_route(s);
        s->max_live = s->best.used - 1;
    }
}

static void
begin_cost(struct pd_search *s, uint64_t length)
{
    pd_best_load(s);
    s->phase = PD_COST;
    s->cool_from = 0;
    s->cool_to = 1 << 16;
    s->repair = false;
    s->squeezed = false;
    s->soft = false;
    s->lost = 0;
    s->from = s->done;
    s->to = s->done + length;
    bool bound = s->fewest && s->best.must == 0;
    s->max_live = bound ? s->best.used : s->m->n_cars;
    s->detour = bound && !s->least && s->tuning.detour > 0 && s->turn > 0 &&
                s->turn % (2 * (uint64_t)s->tuning.every) == 0 && s->best.used <= s->tuning.few &&
                s->best.used < s->m->n_cars;
    if (s->detour)
        s->max_live++;
}

/* Gaps looked at in so many iterations for less cost. */
static uint64_t
gaps_in(const struct pd_search *s, uint64_t iterations)
{
    return s->cost_done == 0 ? 0 : (uint64_t)((pd_u128)iterations * s->cost_work / s->cost_done);
}

/* pd_search_cooled: where in its cycle of cooling is the search after so many iterations? Q16. */
uint64_t
pd_search_cooled(const struct pd_search *s, uint64_t done)
{
    return s->cool_from + (s->cool_to - s->cool_from) * (done - s->from) / (s->to - s->from + 1);
}

/* pd_search_span: how long is the whole cycle, at the pace at which it goes now? */
uint64_t
pd_search_span(const struct pd_search *s)
{
    return ((s->to - s->from) << 16) / (s->cool_to - s->cool_from);
}

/* pd_search_expect: so many iterations are still to come. */
void
pd_search_expect(struct pd_search *s, uint64_t iterations)
{
    uint64_t before = s->horizon > s->done ? s->horizon - s->done : 0;

    s->horizon = s->done + iterations;
    if (before == 0 || before == iterations || s->to <= s->done)
        return;
    uint64_t rest = (uint64_t)((pd_u128)(s->to - s->done) * iterations / before);
    if (s->phase == PD_COST) {
        s->cool_from = pd_search_cooled(s, s->done);
        s->from = s->done;
    }
    s->to = s->done + rest + 1;
}

/* pd_search_complete: completing comes before cost from here on. */
void
pd_search_complete(struct pd_search *s)
{
    s->lost = ROAM;
    s->repair = true;
}

/* The detour is over: a route goes. Who was on it stays out at the penalty for now. */
static void
end_detour(struct pd_search *s)
{
    s->detour = false;
    s->max_live = s->best.used;
    while (s->n_live > s->best.used && !s->least)
        drop_route(s);
    if (s->n_live > s->best.used) /* none can go */
        pd_best_load(s);
    s->least = false;
    s->lost = 0;
    s->soft = s->tuning.squeeze > 0;
}

/* pd_search_squeeze: ends the detour by a vehicle more when it is time to, and later the time in
 * which not all must fit. */
void
pd_search_squeeze(struct pd_search *s)
{
    uint64_t twelfths = (pd_search_cooled(s, s->done) * 12) >> 16;

    if (s->detour && twelfths >= s->tuning.detour)
        end_detour(s);
    if (s->soft && twelfths >= s->tuning.soft) {
        s->soft = false;
        s->squeezed = true;
        s->warm = pd_search_cooled(s, s->done);
        s->fit_to = s->work + gaps_in(s, pd_search_span(s) * s->tuning.squeeze / 100);
        pd_search_complete(s);
    }
}

/* Do all fit after the detour, or will they not? */
static void
look_whether_fit(struct pd_search *s)
{
    bool all = pd_must_left(s) == 0;

    if (!all && s->work < s->fit_to)
        return;
    if (!all)
        pd_best_load(s);
    if (s->to > s->done) { /* the heat has stood still meanwhile */
        s->cool_from = s->warm;
        s->from = s->done;
    }
    s->squeezed = false;
    s->repair = false;
    s->lost = 0;
}

/* pd_search_next_phase: the next search for fewer vehicles, or cycle of cooling, from the best
 * plan.
 */
void
pd_search_next_phase(struct pd_search *s)
{
    uint64_t rest = s->horizon > s->done ? s->horizon - s->done : s->horizon / 8 + 1000;

    if (s->tuning.by_work && s->fewest && s->cost_done == 0) {
        begin_cost(s, s->horizon / PILOT + 1); /* a first look: how long does an iteration take? */
        return;
    }
    s->turn++;
    if (s->tuning.by_work && s->turn > 2 && s->turn % 2 == 0 && s->best.used == s->used)
        s->tuning.again /= 2; /* the last search for fewer found none */
    s->used = s->best.used;
    if (s->fewest && !s->least && s->turn % 2 == 1) {
        uint64_t share = s->turn == 1 ? s->tuning.first : s->tuning.again;
        uint64_t length = (s->turn == 1 ? s->horizon : rest) * share / 100;
        begin_fleet(s, length);
        s->work_to = s->work + gaps_in(s, length);
        return;
    }
    uint64_t cycle = s->turn / 2;
    begin_cost(s, cycle < s->tuning.cycles ? rest / (s->tuning.cycles + 1 - cycle) : rest);
}

static void
cool(struct pd_search *s)
{
    uint64_t part = pd_search_cooled(s, s->done);
    int64_t hot = s->arc * s->tuning.hot / 100 + 1;
    int64_t cold = s->arc * s->tuning.cold / 100 + 1;
    uint64_t fall = (uint64_t)(pd_log2((uint64_t)hot) - pd_log2((uint64_t)cold));

    s->heat = pd_scale(hot, pd_exp2_minus((fall * part) >> 16));
    /* Complete plans about half of the time, while the heat allows for it; parts more often, so
     * that there are times when all are. */
    int64_t low = 3 * s->heat > s->arc * 2 ? 3 * s->heat : s->arc * 2;
    int64_t high = s->arc * s->tuning.dearest;
    if (s->seen_incomplete * 2 * s->parts > s->seen && s->penalty < high)
        s->penalty += s->penalty / 16;
    else if (s->seen_incomplete * 3 * s->parts < s->seen && s->penalty > low)
        s->penalty -= s->penalty / 32;
    bool incomplete = s->seen_incomplete == s->seen && pd_must_left(s) > 0;
    s->lost = incomplete ? s->lost + 1 : 0;
    uint32_t roam = part > 3 << 14 ? 1 : ROAM;
    if (!s->squeezed && !s->soft && s->best.must == 0 && s->lost >= roam + REPAIR) {
        pd_best_load(s);
        s->lost = 0;
    }
    s->repair = s->squeezed || (!s->soft && s->lost >= roam);
    s->seen = 0;
    s->seen_incomplete = 0;
}

/* Ruin and recreate for a plan with fewer left out: taken when those left out were left out less
 * often so far (absence counters, Christiaens and Vanden Berghe 2020). True: taken. */
static bool
step_absence(struct pd_search *s)
{
    int64_t before = s->cost + penalties(s);

    uint64_t was = absences(s, s->left, s->n_left);
    pd_begin(s);
    pd_ruin(s);
    pd_recreate(s, true, &was, PD_INFINITE);
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

/* A vehicle less: the search for the next gets as long as the first, up to half of the time. */
static void
more_time(struct pd_search *s)
{
    uint64_t length = s->horizon * s->tuning.first / 100;
    uint64_t work_to = s->work + gaps_in(s, length);

    if (s->done + length < s->horizon / 2 && s->done + length > s->to)
        s->to = s->done + length;
    if (work_to < gaps_in(s, s->horizon / 2))
        s->work_to = work_to;
}

static void
step_fleet(struct pd_search *s)
{
    if (!step_absence(s) || !pd_better(s))
        return;
    pd_best_keep(s);
    if (s->best.must == 0) {
        drop_route(s);
        s->max_live = s->best.used - 1;
        more_time(s);
    }
}

static void
step_cost(struct pd_search *s)
{
    uint64_t work = s->work;
    bool taken;

    if (s->repair) {
        taken = step_absence(s);
        s->repair = pd_must_left(s) > 0;
    } else {
        int64_t most = s->cost + penalties(s) + grace(s);
        struct pd_rng next = {pd_next(&s->rng)}; /* wherever this one ends */
        pd_begin(s);
        pd_ruin(s);
        pd_recreate(s, true, NULL, s->m->dearer ? most : PD_INFINITE);
        s->rng = next;
        taken = !s->stuck && s->cost + penalties(s) < most;
        if (taken)
            pd_accept(s);
        else
            pd_undo(s);
    }
    if (taken && pd_better(s))
        pd_best_keep(s);
    s->seen++;
    s->seen_incomplete += pd_must_left(s) > 0;
    if (!s->squeezed) {
        s->cost_work += s->work - work;
        s->cost_done++;
    }
}

/* pd_search_over: is the phase at its end? */
bool
pd_search_over(const struct pd_search *s)
{
    return s->done >= s->to ||
           (s->phase == PD_FLEET && (s->least || (s->tuning.by_work && s->work >= s->work_to)));
}

/* pd_search_steps: so many iterations of this phase. */
void
pd_search_steps(struct pd_search *s, uint64_t iterations)
{
    for (uint64_t k = 0; k < iterations && !s->failed; k++) {
        if (s->phase == PD_FLEET && s->least)
            return;
        if (s->phase == PD_COST && (s->done - s->from) % WINDOW == 0)
            cool(s);
        if (s->phase == PD_COST && (s->detour || s->soft))
            pd_search_squeeze(s);
        if (s->phase == PD_COST && s->squeezed)
            look_whether_fit(s);
        if (s->phase == PD_FLEET)
            step_fleet(s);
        else
            step_cost(s);
        s->done++;
    }
}

/* pd_search_run: so many iterations, phase after phase. */
void
pd_search_run(struct pd_search *s, uint64_t iterations)
{
    for (uint64_t k = 0; k < iterations && !s->failed;) {
        if (pd_search_over(s))
            pd_search_next_phase(s);
        uint64_t before = s->done;
        uint64_t rest = s->to > before ? s->to - before : 1;
        if (s->phase == PD_FLEET && s->tuning.by_work)
            rest = 1; /* it may be over after each, wherever the calls are cut */
        pd_search_steps(s, rest < iterations - k ? rest : iterations - k);
        k += s->done - before;
    }
}

/* The best plan came from elsewhere and has fewer vehicles or fewer left out: the phase goes on
 * from it. */
static void
restart(struct pd_search *s)
{
    uint64_t from = s->from;
    uint64_t to = s->to;
    uint64_t cool_from = s->cool_from;

    if (s->phase == PD_FLEET)
        begin_fleet(s, 0);
    else
        begin_cost(s, 0);
    s->from = from;
    s->to = to;
    s->cool_from = cool_from;
}

/* pd_search_follow: begins the phase that the leader has just begun, from the leader's best plan.
 */
void
pd_search_follow(struct pd_search *s, const struct pd_search *leader)
{
    pd_best_adopt(s, &leader->best);
    s->turn = leader->turn;
    s->phase = leader->phase;
    s->least = leader->least;
    s->from = s->done;
    s->to = s->done + (leader->to - leader->from);
    s->cool_from = leader->cool_from;
    restart(s);
}

/* pd_search_exchange: everybody gets the best plan: as the one to beat and to come back to at the
 * next turn; at once when it has fewer vehicles than one's own. */
void
pd_search_exchange(struct pd_search **all, int n)
{
    const struct pd_best *best = &all[0]->best;
    bool fewest = all[0]->fewest;

    for (int i = 1; i < n; i++)
        if (pd_best_less(&all[i]->best, best, fewest))
            best = &all[i]->best;
    for (int i = 0; i < n; i++) {
        struct pd_search *to = all[i];
        if (&to->best == best || !pd_best_less(best, &to->best, fewest))
            continue;
        bool again = best->must < to->best.must || (fewest && best->used < to->best.used);
        pd_best_adopt(to, best);
        if (again && !to->failed && to->to > 0)
            restart(to);
    }
}
