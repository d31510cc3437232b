/* A job's bytes as a plan of its own. */
#include "router/plan/slice/slice_own.h"

#include <stdlib.h>

static struct latlng
get_at(struct cursor *c)
{
    uint32_t lat = cursor_u32(c), lng = cursor_u32(c);

    return (struct latlng){(int32_t)lat, (int32_t)lng};
}

static struct plan_load
get_load(struct cursor *c)
{
    uint32_t items = cursor_u32(c), g = cursor_u32(c), ml = cursor_u32(c);

    return (struct plan_load){items, g, ml};
}

static enum lc_err
read_rule(struct search_slice *s, struct cursor *c, struct uuid order)
{
    struct plan_ruling ruling = {.pinned = cursor_u32(c)};
    uint32_t banned[256];

    ruling.n_banned = cursor_u32(c);
    ruling.banned = banned;
    if (c->failed || ruling.n_banned > sizeof banned / sizeof *banned)
        return LC_EINVAL;
    for (size_t i = 0; i < ruling.n_banned; i++)
        banned[i] = cursor_u32(c);
    return plan_rule(s->plan, order, &ruling);
}

static enum lc_err
read_order(struct search_slice *s, struct cursor *c)
{
    struct plan_order o = {.ready_ms = 0};
    struct slice id = cursor_take(c, sizeof o.id.b);

    if (c->failed)
        return LC_EINVAL;
    memcpy(o.id.b, id.p, sizeof o.id.b);
    o.pickup = get_at(c);
    o.dropoff = get_at(c);
    o.ready_ms = (int64_t)cursor_u64(c);
    o.promise_ms = (int64_t)cursor_u64(c);
    o.load = get_load(c);
    o.pickup_s = cursor_u32(c);
    o.dropoff_s = cursor_u32(c);
    uint8_t flags = cursor_u8(c);
    o.age_check = (flags & 1) != 0;
    o.cold = (flags & 2) != 0;
    o.priority = flags >> 4;
    enum lc_err err = read_rule(s, c, o.id);
    struct task *t = NULL;
    if (err == LC_OK && !c->failed)
        err = task_add(s->plan, &o, &t);
    if (err != LC_OK || t == NULL)
        return err == LC_EEXIST || err == LC_OK ? LC_EINVAL : err;
    t->locked = (flags & 4) != 0;
    t->carried = (flags & 8) != 0;
    t->slot = (uint32_t)s->n_movers;
    s->movers[s->n_movers++].task = t; /* all for now: the couriers' stops name them by number */
    slice_travel_add(&s->travel, o.pickup);
    slice_travel_add(&s->travel, o.dropoff);
    return LC_OK;
}

static enum lc_err
read_stops(struct search_slice *s, struct cursor *c, struct runner *r, uint32_t n)
{
    if (!route_reserve(r, n + 1))
        return LC_ENOMEM;
    for (uint32_t k = 0; k < n; k++) {
        uint8_t kind = cursor_u8(c);
        uint32_t order = cursor_u32(c);
        if (c->failed || kind > PLAN_RETURN || order >= s->n_movers)
            return LC_EINVAL;
        struct task *t = s->movers[order].task;
        if (t->runner != NULL && t->runner != r)
            return LC_EINVAL;
        if (t->runner == NULL) {
            t->runner = r;
            s->plan->pool--;
            if (t->carried)
                task_take_along(t);
        }
        r->stops[r->n++] = (struct stop){.task = t, .kind = (enum plan_stop_kind)kind};
        r->stops[k].at = stop_at(&r->stops[k]);
    }
    return LC_OK;
}

static enum lc_err
read_courier(struct search_slice *s, struct cursor *c, uint32_t index)
{
    struct plan_courier in = {.courier = cursor_u32(c)};
    uint8_t mode = cursor_u8(c), flags = cursor_u8(c);

    in.mode = (enum travel_mode)mode;
    in.adult_trained = (flags & 1) != 0;
    in.cold_box = (flags & 2) != 0;
    in.open = (flags & 4) != 0;
    in.frozen = (flags & 8) != 0;
    in.capacity = get_load(c);
    in.shift_end_ms = (int64_t)cursor_u64(c);
    in.at = get_at(c);
    in.at_ms = (int64_t)cursor_u64(c);
    int64_t arrived_ms = (int64_t)cursor_u64(c);
    uint32_t fixed = cursor_u32(c);
    s->versions[index] = cursor_u64(c);
    uint32_t n = cursor_u32(c);
    if (c->failed || n > SLICE_STOPS_MAX || fixed > n || s->plan->n_runners != index)
        return LC_EINVAL;
    enum lc_err err = plan_courier_put(s->plan, &in);
    struct runner *r = runner_find(s->plan, in.courier);
    if (err != LC_OK || r == NULL || s->plan->runners[index] != r)
        return err == LC_OK ? LC_EINVAL : err;
    slice_travel_add(&s->travel, in.at);
    err = read_stops(s, c, r, n);
    r->fixed = fixed;
    r->arrived_ms = arrived_ms;
    return err;
}

/* Movers are the free ones alone from here on. */
static void
keep_movers(struct search_slice *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_movers; i++)
        if (!s->movers[i].task->locked)
            s->movers[n++] = s->movers[i];
    s->n_movers = n;
    for (size_t i = 0; i < s->plan->n_runners; i++)
        s->plan->runners[i]->slot = (uint32_t)i;
}

static enum lc_err
reserve(struct search_slice *s, const struct travel *travel, const struct travel *estimate,
        uint32_t couriers, uint32_t orders)
{
    s->versions = calloc(couriers + 1, sizeof *s->versions);
    s->before = calloc(couriers + 1, sizeof *s->before);
    s->best = calloc(couriers + 1, sizeof *s->best);
    s->movers = calloc(orders + 1, sizeof *s->movers);
    s->memory_mask = 63;
    while (s->memory_mask + 1 < SLICE_MEMORY_MAX && s->memory_mask < 64 * (uint64_t)s->iterations)
        s->memory_mask = 2 * s->memory_mask + 1;
    s->memory = calloc(s->memory_mask + 1, sizeof *s->memory);
    s->hashes = calloc(couriers + 1, sizeof *s->hashes);
    s->hashed = calloc(couriers + 1, sizeof *s->hashed);
    if (s->versions == NULL || s->before == NULL || s->best == NULL || s->movers == NULL ||
        s->memory == NULL || s->hashes == NULL || s->hashed == NULL)
        return LC_ENOMEM;
    enum lc_err err =
        slice_travel_init(&s->travel, travel, estimate, 2 * (size_t)orders + couriers);
    if (err != LC_OK)
        return err;
    s->plan = calloc(1, sizeof *s->plan); /* without what plan_new prepares for large cities */
    if (s->plan == NULL)
        return LC_ENOMEM;
    s->plan->travel = s->plan->by = &s->travel.travel;
    s->plan->estimate = estimate;
    return LC_OK;
}

enum lc_err
slice_read(struct search_slice *s, const struct travel *travel, const struct travel *estimate,
           struct slice job)
{
    struct cursor c = {job.p, job.n, false};

    *s = (struct search_slice){.plan = NULL};
    if (cursor_u32(&c) != SLICE_JOB)
        return LC_EINVAL;
    s->rng.state = cursor_u64(&c);
    s->iterations = cursor_u32(&c);
    int64_t now_ms = (int64_t)cursor_u64(&c);
    uint32_t couriers = cursor_u32(&c), orders = cursor_u32(&c);
    if (c.failed || couriers > SLICE_COURIERS_MAX || orders > SLICE_ORDERS_MAX)
        return LC_EINVAL;
    s->n_runners = couriers;
    enum lc_err err = reserve(s, travel, estimate, couriers, orders);
    if (err != LC_OK)
        return err;
    plan_time(s->plan, now_ms);
    for (uint32_t i = 0; i < orders && err == LC_OK; i++)
        err = read_order(s, &c);
    for (uint32_t i = 0; i < couriers && err == LC_OK; i++)
        err = read_courier(s, &c, i);
    if (err != LC_OK || c.failed || c.n != 0)
        return err == LC_OK ? LC_EINVAL : err;
    for (size_t i = 0; i < s->plan->n_runners; i++)
        route_legs(s->plan, s->plan->runners[i]);
    keep_movers(s);
    return LC_OK;
}

void
slice_close(struct search_slice *s)
{
    for (size_t i = 0; i < s->n_runners; i++) {
        if (s->before != NULL)
            free(s->before[i].stops);
        if (s->best != NULL)
            free(s->best[i].stops);
    }
    free(s->before);
    free(s->best);
    free(s->versions);
    free(s->movers);
    free(s->memory);
    free(s->hashes);
    free(s->hashed);
    plan_destroy(s->plan);
    slice_travel_free(&s->travel);
}
