/* How late and how dear an order is with a courier at least, by straight lines. */
#include "router/plan/near_own.h"

#include <math.h>

static const double E7_M = 0.0111195; /* metres a 1e-7 degree of latitude */
enum { HALF_TURN_E7 = 1800000000 };
enum { ROUND_MS = TRAVEL_ROUND_MS }; /* so much may be lost on each way */

static uint32_t
least(const struct travel *t, double metres, enum travel_mode mode)
{
    struct latlng a = {0, 0}, b = {(int32_t)(metres / E7_M), 0};

    return t->lower_bound_s(t, a, b, mode);
}

/* Bounds grow with the distance: a table of them saves a great circle a stop. */
void
near_init(struct plan *p)
{
    for (int mode = 0; mode < TRAVEL_MODES; mode++)
        for (int k = 1; k < PLAN_CROW_STEPS; k++) {
            uint32_t own = least(p->travel, k * PLAN_CROW_M, (enum travel_mode)mode);
            uint32_t e = least(p->estimate, k * PLAN_CROW_M, (enum travel_mode)mode);
            p->crow_s[0][mode][k] = own < e ? own : e; /* single legs are estimated */
            p->crow_s[1][mode][k] = e;
        }
}

static struct near_plane
plane_at(struct latlng at)
{
    double degrees = fmin(90, fabs(at.lat_e7 / 1e7) + 0.5);

    return (struct near_plane){at, E7_M * cos(degrees * 0.017453292519943295)};
}

/* Metres in a straight line, rather too few: beyond half a degree of latitude by latitude alone. */
static double
length_m(double lat_e7, double lng_e7, double lng_m)
{
    double y = lat_e7 * E7_M, x = lng_e7 * lng_m;

    return y < 50000 && x < 200000 ? 0.99 * sqrt(x * x + y * y) : 0.99 * y;
}

static double
line_m(const struct near_plane *q, struct latlng at)
{
    return length_m(fabs((double)at.lat_e7 - q->at.lat_e7), fabs((double)at.lng_e7 - q->at.lng_e7),
                    q->lng);
}

static double
beyond(double x, double low, double high)
{
    return x < low ? low - x : x > high ? x - high : 0;
}

static double
box_m(const struct near_plane *q, const struct sight *s)
{
    bool round = (double)s->east - s->west > HALF_TURN_E7; /* it may lie on either side */

    return length_m(beyond(q->at.lat_e7, s->south, s->north),
                    round ? 0 : beyond(q->at.lng_e7, s->west, s->east), q->lng);
}

static uint32_t
crow_s(const struct plan *p, double metres, enum travel_mode mode)
{
    size_t step = (size_t)(metres * (1.0 / PLAN_CROW_M));

    return p->crow_s[p->by != p->travel][mode][step < PLAN_CROW_STEPS ? step : PLAN_CROW_STEPS - 1];
}

static int64_t
crow_ms(const struct near_query *q, double metres, enum travel_mode mode)
{
    return 1000 * (int64_t)crow_s(q->p, metres, mode);
}

static struct travel_cell
line(const struct plan *p, const struct near_plane *end, struct latlng at, enum travel_mode mode)
{
    double m = line_m(end, at);

    return (struct travel_cell){crow_s(p, m, mode), (uint32_t)m};
}

static int64_t
cell_cost(struct travel_cell c)
{
    return 1000 * (int64_t)c.seconds * PLAN_COST_TRAVEL + (int64_t)c.metres * PLAN_COST_METRE;
}

static int64_t
least_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
most_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

struct near_query
near_ask(struct plan *p, const struct task *t)
{
    struct near_query q = {
        .p = p, .t = t, .pickup = plane_at(t->in.pickup), .dropoff = plane_at(t->in.dropoff)};

    q.across_m = line_m(&q.pickup, t->in.dropoff);
    for (int mode = 0; mode < TRAVEL_MODES; mode++)
        q.across_ms[mode] = crow_ms(&q, q.across_m, (enum travel_mode)mode);
    return q;
}

/* ---- roughly ---- */

static void
widen(struct sight *s, struct latlng at)
{
    s->south = at.lat_e7 < s->south ? at.lat_e7 : s->south;
    s->north = at.lat_e7 > s->north ? at.lat_e7 : s->north;
    s->west = at.lng_e7 < s->west ? at.lng_e7 : s->west;
    s->east = at.lng_e7 > s->east ? at.lng_e7 : s->east;
}

/* Node 0 is the courier's position, node k its stop k - 1. */
static struct latlng
node_at(const struct runner *r, size_t k)
{
    return k == 0 ? r->in.at : r->stops[k - 1].at;
}

/* The places between which something new may come. */
static void
look(struct plan *p, struct runner *r)
{
    struct sight *s = &r->sight;

    route_compute(p, r);
    struct latlng at = node_at(r, r->fixed);
    *s = (struct sight){.south = at.lat_e7,
                        .north = at.lat_e7,
                        .west = at.lng_e7,
                        .east = at.lng_e7,
                        .last = r->n == 0 ? r->in.at : r->stops[r->n - 1].at,
                        .seen = true};
    for (size_t k = r->fixed; k < r->n; k++) {
        widen(s, r->stops[k].at);
        struct near_plane end = plane_at(node_at(r, k));
        struct travel_cell way = {r->stops[k].leg_s, r->stops[k].leg_m};
        struct travel_cell least = line(p, &end, r->stops[k].at, r->in.mode);
        s->excess = most_i64(s->excess, cell_cost(way) - cell_cost(least));
        s->excess_ms = most_i64(s->excess_ms, 1000 * ((int64_t)way.seconds - least.seconds));
        s->longest_s = r->stops[k].leg_s > s->longest_s ? r->stops[k].leg_s : s->longest_s;
        s->longest_m = r->stops[k].leg_m > s->longest_m ? r->stops[k].leg_m : s->longest_m;
    }
    s->first_ms = r->fixed == 0 ? 0 : r->stops[r->fixed - 1].leave_ms;
    s->last_ms = r->n == 0 ? 0 : r->stops[r->n - 1].leave_ms;
}

/* Arriving there at this time, having driven so much more. */
static int64_t
cost_of(const struct near_query *q, int64_t door_ms, int64_t way_ms, double way_m)
{
    return (door_ms - q->p->now_ms) * PLAN_COST_DOOR * task_weight(q->t) +
           way_ms * PLAN_COST_TRAVEL + (int64_t)floor(way_m * PLAN_COST_METRE);
}

static enum plan_verdict
shift_miss(const struct near_query *q, const struct runner *r, int64_t door_ms)
{
    bool over = door_ms + 1000 * (int64_t)q->t->in.dropoff_s > r->in.shift_end_ms;

    return over ? PLAN_SHIFT : PLAN_FITS;
}

/* Behind all other stops. */
static struct bound
bound_last(const struct near_query *q, const struct runner *r, int64_t idle_ms)
{
    const struct plan_order *o = &q->t->in;
    const struct sight *s = &r->sight;
    int64_t across_ms = q->across_ms[r->in.mode];
    double m = line_m(&q->pickup, s->last);
    int64_t ms = crow_ms(q, m, r->in.mode);
    int64_t there_ms = most_i64(most_i64(s->last_ms, r->n == 0 ? idle_ms : 0) + ms, o->ready_ms);
    int64_t door_ms = there_ms + 1000 * (int64_t)o->pickup_s + across_ms;

    return (struct bound){.late_ms = most_i64(0, door_ms - o->promise_ms),
                          .cost = cost_of(q, door_ms, ms + across_ms, m + q->across_m - 2),
                          .miss = shift_miss(q, r, door_ms)};
}

/* From the pickup to the drop-off by whatever way, this courier's stops in between. */
static int64_t
across_least_ms(const struct near_query *q, const struct runner *r)
{
    int64_t legs = (int64_t)(r->n - r->fixed) + 2;

    return most_i64(0, q->across_ms[r->in.mode] - legs * ROUND_MS);
}

/* Between them: the pickup's detour, and the drop-off's in the same gap, in a later one, or at the
 * end. Late or early stops behind are left out of account: nobody is later for a detour that is
 * none, but then there is no saying how much earlier, and the bound says nothing. */
static struct bound
bound_between(const struct near_query *q, const struct runner *r, int64_t idle_ms)
{
    const struct plan_order *o = &q->t->in;
    const struct sight *s = &r->sight;
    double p_m = box_m(&q->pickup, s), d_m = box_m(&q->dropoff, s);
    int64_t p_ms = crow_ms(q, p_m, r->in.mode), d_ms = crow_ms(q, d_m, r->in.mode);
    int64_t longest_ms = 1000 * (int64_t)s->longest_s, across_ms = q->across_ms[r->in.mode];
    int64_t aside_ms = 2 * p_ms - longest_ms, on_ms = 2 * d_ms - longest_ms;

    int64_t there_ms =
        most_i64(most_i64(s->first_ms, r->fixed == 0 ? idle_ms : 0) + p_ms, o->ready_ms) +
        1000 * (int64_t)o->pickup_s;
    int64_t door_ms = there_ms + across_least_ms(q, r);
    enum plan_verdict miss = shift_miss(q, r, door_ms);
    if (aside_ms + 1000 * (int64_t)o->pickup_s < 0 || on_ms + 1000 * (int64_t)o->dropoff_s < 0)
        return (struct bound){.cost = INT64_MIN, .miss = miss};
    int64_t same = cost_of(q, door_ms, p_ms + across_ms + d_ms - longest_ms,
                           p_m + q->across_m + d_m - s->longest_m - 2);
    int64_t later = cost_of(q, door_ms, aside_ms + least_i64(d_ms, on_ms),
                            2 * p_m - s->longest_m + fmin(d_m, 2 * d_m - s->longest_m) - 2);
    return (struct bound){.late_ms = most_i64(0, door_ms - o->promise_ms),
                          .cost = least_i64(same, later),
                          .miss = miss};
}

struct bound
near_box(const struct near_query *q, struct runner *r)
{
    int64_t idle_ms = most_i64(q->p->now_ms, r->in.at_ms);

    if (r->stale || !r->sight.seen)
        look(q->p, r);
    struct bound last = bound_last(q, r, idle_ms), between;
    if (r->fixed == r->n)
        return last;
    between = bound_between(q, r, idle_ms);
    return (struct bound){.late_ms = least_i64(last.late_ms, between.late_ms),
                          .cost = least_i64(last.cost, between.cost),
                          .miss = last.miss == PLAN_FITS ? PLAN_FITS : between.miss};
}

/* ---- by straight lines ---- */

/* Those behind stop x come so much later: what their customers say to it, at least. */
static int64_t
delay_cost(const struct runner *r, size_t x, int64_t delay_ms)
{
    int64_t sum = 0;

    for (; x < r->n && delay_ms > 0; x++)
        if (r->stops[x].kind == PLAN_DROPOFF)
            sum += delay_ms * PLAN_COST_DOOR;
        else
            delay_ms -= r->stops[x].start_ms - r->stops[x].arrive_ms;
    return sum;
}

/* Before stop i or behind the last, at least: whatever gap the drop-off goes into, it makes no way
 * shorter but for the excess of the longest. Times of the route are as they were computed last: now
 * they are as late, or later by what has passed. False: there is no saying. */
static bool
bound_gap(const struct near_query *q, const struct runner *r, size_t i,
          const struct travel_cell *from_p, struct bound *out)
{
    const struct plan_order *o = &q->t->in;
    struct travel_cell round = {ROUND_MS / 1000, 1}, across = {0, (uint32_t)q->across_m};
    int64_t idle_ms = most_i64(q->p->now_ms, r->in.at_ms), across_ms = q->across_ms[r->in.mode];
    int64_t t = (i == 0 ? idle_ms : r->stops[i - 1].leave_ms) + 1000 * (int64_t)from_p[i].seconds;
    int64_t door_ms, cost = cell_cost(from_p[i]);

    t = most_i64(t, o->ready_ms) + 1000 * (int64_t)o->pickup_s;
    if (i == r->n) {
        door_ms = t + across_ms;
        cost += across_ms * PLAN_COST_TRAVEL + cell_cost(across);
    } else {
        const struct stop *next = &r->stops[i];
        int64_t delay_ms = t + 1000 * (int64_t)from_p[i + 1].seconds - next->arrive_ms -
                           (q->p->now_ms - r->computed_ms);
        if (delay_ms < 0)
            return false;
        door_ms = t + across_least_ms(q, r);
        cost += cell_cost(from_p[i + 1]) -
                cell_cost((struct travel_cell){next->leg_s, next->leg_m}) - r->sight.excess -
                2 * cell_cost(round) + delay_cost(r, i, delay_ms);
    }
    *out = (struct bound){.late_ms = most_i64(0, door_ms - o->promise_ms),
                          .cost =
                              cost + (door_ms - q->p->now_ms) * PLAN_COST_DOOR * task_weight(q->t)};
    return true;
}

/* No gap can be better than that place: seen without a look at drop-offs. */
static bool
hopeless(const struct near_query *q, const struct runner *r, const struct travel_cell *from_p,
         const struct place *than)
{
    struct bound b;

    if (than == NULL || than->runner == NULL ||
        1000 * (int64_t)q->t->in.dropoff_s < r->sight.excess_ms + 2 * ROUND_MS)
        return false; /* those behind might be better off */
    for (size_t i = r->fixed; i <= r->n; i++)
        if (!bound_gap(q, r, i, from_p, &b) || b.late_ms < than->late_ms ||
            (b.late_ms == than->late_ms && b.cost <= than->cost))
            return false;
    return true;
}

struct bound
near_lines(struct near_query *q, uint32_t index, const struct place *than)
{
    struct plan *p = q->p;
    struct runner *r = p->runners[index];
    struct place best = {.runner = NULL};
    struct bound nobody = {INT64_MAX, INT64_MAX, index, PLAN_FITS};

    if (!place_reserve(p, r->n + 2)) {
        q->failed = true;
        return nobody;
    }
    struct travel_cell *to = p->cells, *from_p = to + 2 * (r->n + 1), *from_d = from_p + r->n + 1;
    for (size_t k = r->fixed; k <= r->n; k++)
        from_p[k] = to[2 * k] = line(p, &q->pickup, node_at(r, k), r->in.mode);
    if (hopeless(q, r, from_p, than))
        return nobody;
    for (size_t k = r->fixed; k <= r->n; k++)
        from_d[k] = to[2 * k + 1] = line(p, &q->dropoff, node_at(r, k), r->in.mode);
    struct place_legs legs = {to,
                              from_p,
                              from_d,
                              {(uint32_t)(q->across_ms[r->in.mode] / 1000), (uint32_t)q->across_m},
                              across_least_ms(q, r)};
    if (than != NULL && than->runner != NULL) {
        best = *than;
        best.cost++; /* who is as good may have the lower number */
    }
    enum plan_verdict v = place_try(p, q->t, r, &legs, &best);
    if (best.runner == NULL)
        nobody.miss = v;
    return best.runner != r ? nobody : (struct bound){best.late_ms, best.cost, index, PLAN_FITS};
}
