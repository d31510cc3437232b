/* A random workload against a plain model: after every step Redis and model have the same levels
 * and states, and the books add up. LC_SEED and LC_STEPS choose another run; the seed is printed
 * with a failure. */
#include "ask.h"
#include "rules.h"
#include "unit.h"

#include <stdio.h>

enum { STORES = 3, SKUS = 6, ORDERS = 400, LEFT_MAX = 4000, COURIERS = 4 };

#define S(name) RULE_STATE(name)

static struct kit kit, *const k = &kit;

/* ---- the model ---- */

struct sku {
    long on_hand, reserved, safety;
    bool listed; /* has a price */
};

struct order {
    struct ask ask;
    unsigned state;
    uint32_t store, courier, version;
    long want[SKUS], taken[SKUS];
    bool holds; /* stock is reserved */
};

/* left: what left the shelf, or came back (negative), and when. */
struct left {
    int64_t time;
    uint32_t store, sku;
    long quantity;
};

static struct sku stock[STORES + 1][SKUS];
static struct order orders[ORDERS + 1];
static uint32_t n_orders;
static struct left left[LEFT_MAX];
static size_t n_left;
static uint64_t newest_feed[STORES + 1], sequence;
static struct ask_feed last_feed;
static int64_t now;
static uint64_t seed;

static uint32_t
draw(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 20) % below);
}

static long
available(uint32_t store, uint32_t sku)
{
    const struct sku *s = &stock[store][sku];

    return s->on_hand - s->reserved - s->safety;
}

static long
can_give(uint32_t store, uint32_t sku)
{
    long a = stock[store][sku].listed ? available(store, sku) : 0;

    return a > 0 ? a : 0;
}

static bool
has_all(const struct order *o, uint32_t store)
{
    for (uint32_t sku = 0; sku < SKUS; sku++)
        if (o->want[sku] > can_give(store, sku))
            return false;
    return true;
}

static bool
has_some(const struct order *o, uint32_t store)
{
    for (uint32_t sku = 0; sku < SKUS; sku++)
        if (o->want[sku] > 0 && can_give(store, sku) > 0)
            return true;
    return false;
}

static void
reserve(struct order *o, uint32_t store)
{
    o->store = store;
    o->state = S(PLACED);
    o->holds = true;
    for (uint32_t sku = 0; sku < SKUS; sku++) {
        long there = can_give(store, sku);
        o->taken[sku] = o->want[sku] < there ? o->want[sku] : there;
        stock[store][sku].reserved += o->taken[sku];
    }
}

/* model_place: what order_place should answer. */
static int
model_place(struct order *o)
{
    if (o->state != 0 && o->state != S(HELD) && o->state != S(CREATED))
        return 4;
    for (size_t c = 0; c < o->ask.n_stores; c++)
        if (has_all(o, o->ask.stores[c])) {
            reserve(o, o->ask.stores[c]);
            o->version++;
            return 1;
        }
    for (size_t c = 0; c < o->ask.n_stores; c++)
        if (o->ask.shortage == LIFECIRCLE__V1__SHORTAGE__SHORTAGE_PARTIAL &&
            has_some(o, o->ask.stores[c])) {
            reserve(o, o->ask.stores[c]);
            o->version++;
            return 1;
        }
    unsigned to =
        o->ask.shortage == LIFECIRCLE__V1__SHORTAGE__SHORTAGE_REJECT ? S(REJECTED) : S(HELD);
    o->version += o->state != to;
    o->state = to;
    return 2;
}

static void
note_left(const struct order *o, long sign)
{
    for (uint32_t sku = 0; sku < SKUS; sku++) {
        stock[o->store][sku].on_hand -= sign * o->taken[sku];
        if (n_left < LEFT_MAX)
            left[n_left++] = (struct left){now, o->store, sku, sign * o->taken[sku]};
    }
}

static void
release(struct order *o)
{
    for (uint32_t sku = 0; o->holds && sku < SKUS; sku++)
        stock[o->store][sku].reserved -= o->taken[sku];
    o->holds = false;
}

/* model_step: the state after an action that is done. */
static void
model_step(struct order *o, const struct rule *r, uint32_t courier)
{
    if (r->to == S(PICKED_UP) || r->to == S(COLLECTED)) {
        note_left(o, 1);
        release(o);
    }
    if (r->to == S(CANCELLED))
        release(o);
    if (r->to == S(RETURNED))
        note_left(o, -1);
    if (strcmp(r->action, "assign") == 0)
        o->courier = courier;
    if (strcmp(r->action, "unassign") == 0)
        o->courier = 0;
    o->state = r->to;
    o->version++;
}

/* ---- steps of both ---- */

static void
new_order(struct order *o)
{
    struct ask *a = &o->ask;

    *o = (struct order){0};
    a->number = n_orders;
    a->n_lines = 1 + draw(4);
    for (size_t i = 0; i < a->n_lines; i++) { /* the same SKU may come twice */
        a->lines[i] = (struct ask_line){.sku = draw(SKUS), .quantity = 1 + draw(3)};
        o->want[a->lines[i].sku] += a->lines[i].quantity;
    }
    a->n_stores = 1 + draw(STORES);
    uint32_t first = draw(STORES);
    for (uint32_t i = 0; i < a->n_stores; i++)
        a->stores[i] = 1 + (first + i) % STORES;
    a->collection = draw(4) == 0;
    a->shortage = (Lifecircle__V1__Shortage)draw(3);
    a->hold_until_ms = NOW + 1000000000000;
    a->mode.retry_ms = now + 5000;
}

static void
play_place(void)
{
    struct ask asks[6];
    struct order *of[6];
    size_t n = 1 + draw(6);

    for (size_t i = 0; i < n; i++) {
        bool old = n_orders > 0 && (draw(4) == 0 || n_orders == ORDERS);
        if (!old)
            n_orders++;
        of[i] = old ? &orders[1 + draw(n_orders)] : &orders[n_orders];
        if (!old)
            new_order(of[i]);
        asks[i] = of[i]->ask;
    }
    redisReply *r = ask_place(k, now, asks, n);
    for (size_t i = 0; i < n; i++)
        CU_ASSERT_EQUAL_FATAL(got_outcome(r, i), model_place(of[i]));
    freeReplyObject(r);
}

static void
play_order_step(void)
{
    struct order *o = &orders[1 + draw(n_orders)];
    const struct rule *rule = &ORDER_RULES[draw(ORDER_RULES_N)];
    char c = rule->allowed[o->state - 1];

    if (rule->to == S(COLLECTED)) /* a collection from placed, too; never a delivery */
        c = !o->ask.collection ? '-' : o->state == S(PLACED) ? 'd' : c;
    CU_ASSERT_EQUAL_FATAL(ask_step(k, now, o->ask.number, rule->action, 0), c == 'd'   ? 1
                                                                            : c == 'a' ? 2
                                                                                       : 3);
    if (c == 'd')
        model_step(o, rule, 0);
}

static void
play_plan(void)
{
    struct order *o = &orders[1 + draw(n_orders)];
    const struct rule *rule = &PLAN_RULES[draw(PLAN_RULES_N)];
    uint32_t courier = o->courier != 0 && draw(8) != 0 ? o->courier : 1 + draw(COURIERS);
    char c = rule->allowed[o->state - 1];
    bool assign = strcmp(rule->action, "assign") == 0;

    if (o->ask.collection || (o->courier != 0 && o->courier != courier))
        c = '-';
    else if (o->state == S(PLACED) && o->courier != 0) /* offered */
        c = assign ? 'a' : rule->to == S(CONFIRMED) || rule->to == S(PLACED) ? 'd' : c;
    CU_ASSERT_EQUAL_FATAL(ask_plan(k, now, 1, courier, o->ask.number, rule->action),
                          c == '-' ? 2 : 1);
    if (c == 'd')
        model_step(o, rule, courier);
}

static long
left_since(uint32_t store, uint32_t sku, int64_t as_of)
{
    long sum = 0;

    for (size_t i = 0; i < n_left; i++)
        if (left[i].store == store && left[i].sku == sku && left[i].time > as_of)
            sum += left[i].quantity;
    return sum;
}

static void
play_feed(void)
{
    struct ask_feed f = {.store = 1 + draw(STORES),
                         .delta = draw(2) == 0,
                         .as_of = now - (int64_t)draw(20000),
                         .sequence = ++sequence,
                         .safety = (int32_t)draw(3)};

    for (uint32_t sku = draw(3); sku < SKUS; sku += 1 + draw(3))
        f.lines[f.n++] = (struct ask_stock){
            .sku = sku, .quantity = (int32_t)draw(12) - (f.delta ? 4 : 0), .price = 100};
    CU_ASSERT_EQUAL_FATAL(ask_feed(k, now, &f, NULL, NULL), 1);
    for (size_t i = 0; i < f.n; i++) {
        struct sku *s = &stock[f.store][f.lines[i].sku];
        s->on_hand = f.delta ? s->on_hand + f.lines[i].quantity
                             : f.lines[i].quantity - left_since(f.store, f.lines[i].sku, f.as_of);
        s->safety = f.safety;
        s->listed = true;
    }
    newest_feed[f.store] = f.sequence;
    last_feed = f;
}

/* A feed again is known as such; an older snapshot is too late. Neither changes anything. */
static void
play_stale_feed(void)
{
    struct ask_feed f = last_feed;

    if (f.store == 0)
        return;
    CU_ASSERT_EQUAL_FATAL(ask_feed(k, now, &f, NULL, NULL), 2);
    f.delta = false;
    f.sequence = 1;
    f.chunk = 7;
    if (newest_feed[f.store] > 1)
        CU_ASSERT_EQUAL_FATAL(ask_feed(k, now, &f, NULL, NULL), 3);
}

/* ---- comparison ---- */

static void
compare_levels(void)
{
    for (uint32_t store = 1; store <= STORES; store++)
        for (uint32_t sku = 0; sku < SKUS; sku++) {
            struct stock_level l = ask_level(k, store, sku);
            CU_ASSERT_EQUAL_FATAL(l.on_hand, stock[store][sku].on_hand);
            CU_ASSERT_EQUAL_FATAL(l.available, available(store, sku));
        }
}

static void
compare_orders(void)
{
    long load[STORES + 1] = {0};
    long dispatch = 0, expire = 0, held = 0;

    for (uint32_t i = 1; i <= n_orders; i++) {
        struct record r;
        const struct order *o = &orders[i];
        CU_ASSERT_TRUE_FATAL(ask_record(k, i, &r));
        CU_ASSERT_EQUAL_FATAL(r.state, o->state);
        CU_ASSERT_EQUAL_FATAL(r.version, o->version);
        CU_ASSERT_EQUAL_FATAL(r.courier, o->courier);
        bool open = o->state >= S(PLACED) && !record_is_end(o->state);
        load[o->store] += o->holds;
        dispatch += open && !o->ask.collection;
        expire += open && o->ask.collection;
        held += o->state == S(HELD);
    }
    for (uint32_t store = 1; store <= STORES; store++) {
        CU_ASSERT_EQUAL_FATAL(ask_load(k, store), load[store]);
    }
    CU_ASSERT_EQUAL_FATAL(ask_int(k, "ZCARD {t}:due:dispatch"), dispatch);
    CU_ASSERT_EQUAL_FATAL(ask_int(k, "ZCARD {t}:due:expire"), expire);
    CU_ASSERT_EQUAL_FATAL(ask_int(k, "ZCARD {t}:due:held"), held);
    CU_ASSERT_EQUAL_FATAL(ask_faults(k), 0);
}

static void
play(unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        uint32_t dice = n_orders == 0 ? 0 : draw(100);
        now += 1 + draw(3000);
        if (dice < 20)
            play_place();
        else if (dice < 40)
            play_order_step();
        else if (dice < 88)
            play_plan();
        else if (dice < 96)
            play_feed();
        else
            play_stale_feed();
        compare_levels();
        if (i % 250 == 0)
            compare_orders();
    }
    compare_orders();
}

static void
start_over(uint64_t from)
{
    freeReplyObject(kit_do(k, "FLUSHALL"));
    memset(stock, 0, sizeof stock);
    memset(newest_feed, 0, sizeof newest_feed);
    n_orders = 0;
    n_left = 0;
    sequence = 10;
    last_feed.store = 0;
    now = NOW;
    seed = from * 2654435761u + 88172645463325252u;
    ask_stores(k, STORES);
    kit_call(k, "lease_take");
    kit_int(k, now);
    kit_text(k, "r");
    kit_int(k, 3600000);
    freeReplyObject(kit_reply(k));
}

static long
from_environment(const char *name, long fallback)
{
    const char *s = getenv(name);

    return s == NULL ? fallback : atol(s);
}

static void
test_random_workload_agrees_with_the_model(void)
{
    long first = from_environment("LC_SEED", 1), steps = from_environment("LC_STEPS", 1500);

    for (long s = first; s < first + 4; s++) {
        unsigned before = CU_get_number_of_failures();
        start_over((uint64_t)s);
        fprintf(stderr, "LC_SEED=%ld\n", s);
        play((unsigned)steps);
        if (CU_get_number_of_failures() != before)
            return;
    }
}

int
main(void)
{
    static const struct unit_test tests[] = {UNIT(test_random_workload_agrees_with_the_model)};

    kit_start(k, false);
    int status = unit_main("random", tests, sizeof tests / sizeof *tests);
    kit_stop(k);
    return status;
}
