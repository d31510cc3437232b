/* What an order costs the matcher: decode, judge, rank, explain, ask inventory, answer. A dense
 * city of 11,000 stores of one chain, five lines an order, everything in one process; what plays
 * Redis and inventory is not counted.
 *
 *     match [orders] [stores] [batch] [FILE.roads|-] [couriers]
 *
 * With a map, stores and customers are on it, and ranked along its streets. With couriers (500 at
 * most), all of whom are elsewhere then, a forecast comes with every 1,000 orders, which is every
 * second at 1,000 orders a second. Prints the CPU time of the core's steps for an order, by step.
 */
#include "matcher_world.h"

#include "roads/roads.h"

#include <time.h>

enum { COURIERS_MAX = 500, FORECAST_EVERY = 1000 };
enum { LINES = 5, SPREAD_M = 15000, CUSTOMERS_M = 5000 };

static struct latlng middle = {407500000, -739900000};
static uint32_t spread_m = SPREAD_M, customers_m = CUSTOMERS_M;
static uint64_t random_state = 1;

static uint32_t
below(uint32_t n)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((random_state >> 33) % n);
}

static int64_t
cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct latlng
within(uint32_t m)
{
    uint32_t side = 2 * m * 90;
    int32_t north = (int32_t)(below(side) - side / 2), east = (int32_t)(below(side) - side / 2);

    return (struct latlng){middle.lat_e7 + north, middle.lng_e7 + (int32_t)(east * 1.32)};
}

/* A zone of 16 corners, 1 to 2.5 km around the store. */
static void
put_store(struct world *w, uint32_t number)
{
    static struct world_shop shop;
    static int32_t e7[34];
    Lifecircle__V1__Store *s = world_store(&shop, number, within(spread_m), 1000);
    double r = 90 * (1000 + below(1500));

    for (size_t i = 0; i <= 16; i++) {
        double turn = 2 * M_PI * (double)(i % 16) / 16;
        e7[2 * i] = s->at->lat_e7 + (int32_t)(r * sin(turn));
        e7[2 * i + 1] = s->at->lng_e7 + (int32_t)(1.32 * r * cos(turn));
    }
    shop.ring.e7 = e7;
    shop.ring.n_e7 = 34;
    s->prep_s = 180 + below(420);
    world_put_store(w, s);
}

struct batch {
    Lifecircle__V1__Order order[64], *orders[64];
    Lifecircle__V1__Point at[64];
    Lifecircle__V1__Contact customer;
    Lifecircle__V1__OrderLine line[LINES], *lines[LINES];
    char id[64][UUID_TEXT];
    char sku[LINES][24];
};

static void
fill(struct batch *b, const struct world *w, size_t n, unsigned first)
{
    lifecircle__v1__contact__init(&b->customer);
    b->customer.name = (char *)(uintptr_t) "Ada Lovelace";
    b->customer.phone = (char *)(uintptr_t) "+14105550123";
    for (size_t i = 0; i < LINES; i++) {
        lifecircle__v1__order_line__init(&b->line[i]);
        snprintf(b->sku[i], sizeof b->sku[i], "SKU-%05zu", i * 97);
        b->line[i].sku = b->sku[i];
        b->line[i].sku_index = (uint32_t)i * 97;
        b->line[i].quantity = 1 + (uint32_t)i % 3;
        b->lines[i] = &b->line[i];
    }
    for (size_t i = 0; i < n; i++) {
        struct world_order one;
        Lifecircle__V1__Order *o = &b->order[i];
        *o = *world_order(&one, w, first + (unsigned)i, within(customers_m));
        b->at[i] = one.at;
        memcpy(b->id[i], one.id, sizeof b->id[i]);
        o->order_id = b->id[i];
        o->dropoff = &b->at[i];
        o->lines = b->lines;
        o->n_lines = LINES;
        o->items = 9;
        o->external_order_id = b->id[i];
        o->address = (char *)(uintptr_t) "2400 Fait Avenue, Baltimore, MD 21224";
        o->customer = &b->customer;
        o->currency = (char *)(uintptr_t) "USD";
        b->orders[i] = o;
    }
}

struct cost {
    int64_t forecast_ns, take_ns, judge_ns, placed_ns, answer_ns;
    size_t explain_bytes;
};

static int64_t
timed(struct world *w, struct event *ev)
{
    int64_t before = cpu_ns();

    world_feed(w, ev);
    return cpu_ns() - before;
}

/* The answer to each PlaceRequest in the outbox: all at the first candidate. */
static size_t
answers(struct world *w, struct slice *frames, struct cost *c)
{
    const struct outbox *o = stepper_outbox(w->stepper);
    size_t n = 0;

    for (size_t i = 0; i < outbox_count(o); i++) {
        const struct effect *e = outbox_at(o, i);
        const Lifecircle__V1__Envelope *env;
        if (e->kind != EFFECT_SEND || wire_decode(w->arena, e->bytes, &env) != LC_OK)
            continue;
        Lifecircle__V1__Envelope reply = LIFECIRCLE__V1__ENVELOPE__INIT;
        Lifecircle__V1__PlaceReply places = LIFECIRCLE__V1__PLACE_REPLY__INIT;
        Lifecircle__V1__PlaceResult one[64], *list[64];
        struct buf head[64] = {{0}};
        for (size_t k = 0; k < env->place_request->n_orders; k++) {
            const Lifecircle__V1__PlaceOrder *p = env->place_request->orders[k];
            char lines[LINES * RECORD_LINE] = {0};
            lifecircle__v1__place_result__init(&one[k]);
            one[k].order_id = p->order->order_id;
            one[k].outcome = LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__PLACED_AT;
            list[k] = &one[k];
            c->explain_bytes += p->explain.len;
            if (p->n_candidates == 0) { /* beyond all zones */
                one[k].outcome = LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__UNAVAILABLE;
                continue;
            }
            world_record(&head[k], p->order, LIFECIRCLE__V1__ORDER_STATE__PLACED,
                         p->candidates[0]->store, 0, p->candidates[0]);
            head[k].p[28] = LINES;
            buf_append(&head[k], lines, sizeof lines);
            one[k].head = (ProtobufCBinaryData){head[k].n, (uint8_t *)head[k].p};
        }
        places.n_results = env->place_request->n_orders;
        places.results = list;
        reply.id = env->id;
        reply.city = env->city;
        reply.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_PLACE_REPLY;
        reply.place_reply = &places;
        size_t size = lifecircle__v1__envelope__get_packed_size(&reply);
        char *p = arena_alloc(w->arena, size);
        lifecircle__v1__envelope__pack(&reply, (uint8_t *)p);
        frames[n++] = slice_of(p, size);
        for (size_t k = 0; k < places.n_results; k++)
            buf_free(&head[k]);
    }
    return n;
}

static int64_t
send_forecast(struct world *w, size_t n)
{
    static Lifecircle__V1__SupplyForecast__Cell cell[COURIERS_MAX], *cells[COURIERS_MAX];
    static Lifecircle__V1__Point at[COURIERS_MAX];
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__SupplyForecast f = LIFECIRCLE__V1__SUPPLY_FORECAST__INIT;

    for (size_t i = 0; i < n; i++) {
        struct latlng p = within(spread_m);
        lifecircle__v1__supply_forecast__cell__init(&cell[i]);
        lifecircle__v1__point__init(&at[i]);
        at[i].lat_e7 = p.lat_e7;
        at[i].lng_e7 = p.lng_e7;
        cell[i].at = &at[i];
        cell[i].free_in_s = i % 3 == 0 ? 0 : below(1800);
        cell[i].vehicle = LIFECIRCLE__V1__VEHICLE__BICYCLE;
        cells[i] = &cell[i];
    }
    f.on_shift = (uint32_t)n;
    f.n_couriers = n;
    f.couriers = cells;
    env.city = (char *)(uintptr_t) "bal";
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_SUPPLY_FORECAST;
    env.supply_forecast = &f;
    size_t size = lifecircle__v1__envelope__get_packed_size(&env);
    char *p = arena_alloc(w->arena, size);
    lifecircle__v1__envelope__pack(&env, (uint8_t *)p);
    struct event ev = {.kind = EVENT_MESSAGE, .bytes = slice_of(p, size)};
    return timed(w, &ev);
}

static void
run(struct world *w, unsigned orders, size_t batch, size_t couriers, struct cost *c)
{
    static struct batch b;
    struct event end = {.kind = EVENT_TURN_END};

    for (unsigned done = 0; done < orders; done += (unsigned)batch) {
        Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
        Lifecircle__V1__MatchRequest m = LIFECIRCLE__V1__MATCH_REQUEST__INIT;
        uint8_t id[16] = {1};
        if (couriers > 0 && done % FORECAST_EVERY < batch)
            c->forecast_ns += send_forecast(w, couriers);
        struct slice frames[8];
        fill(&b, w, batch, done);
        m.n_orders = batch;
        m.orders = b.orders;
        env.id = (ProtobufCBinaryData){sizeof id, id};
        env.city = (char *)(uintptr_t) "bal";
        env.deadline_ms = w->now_ms + 250;
        env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REQUEST;
        env.match_request = &m;
        size_t size = lifecircle__v1__envelope__get_packed_size(&env);
        char *p = arena_alloc(w->arena, size);
        lifecircle__v1__envelope__pack(&env, (uint8_t *)p);
        struct event ev = {.kind = EVENT_MESSAGE, .ref = 7, .bytes = slice_of(p, size)};
        c->take_ns += timed(w, &ev);
        c->judge_ns += timed(w, &end);
        size_t n = answers(w, frames, c);
        for (size_t i = 0; i < n; i++) {
            struct event reply = {.kind = EVENT_MESSAGE, .bytes = frames[i]};
            c->placed_ns += timed(w, &reply);
        }
        c->answer_ns += timed(w, &end);
        stepper_flushed(w->stepper);
        arena_reset(w->arena);
    }
}

/* Every neighbourhood once, so that what is measured is the memory and not what plays Redis. */
static void
warm_up(struct world *w, unsigned orders)
{
    for (unsigned i = 0; i < orders; i++) {
        struct world_order o;
        world_ask(w, world_order(&o, w, i, within(customers_m)), false);
    }
}

/* On the map: two thirds of it, so that few are off its streets. */
static bool
use_map(struct world *w, const char *path)
{
    static struct roads_travel travel;
    struct roads *map;
    struct latlng sw, ne;
    char error[ROADS_ERROR_MAX];

    if (roads_open(path, &map, error) != LC_OK ||
        roads_travel_init(&travel, map, ROADS_SNAP_M) != LC_OK) {
        fprintf(stderr, "%s: %s\n", path, error);
        return false;
    }
    roads_bounds(map, &sw, &ne);
    middle = (struct latlng){sw.lat_e7 / 2 + ne.lat_e7 / 2, sw.lng_e7 / 2 + ne.lng_e7 / 2};
    spread_m = customers_m = (uint32_t)((ne.lat_e7 - sw.lat_e7) / 270);
    struct event ev = {.kind = EVENT_ROADS, .bytes = slice_str(path), .travel = &travel.travel};
    return world_feed(w, &ev), true;
}

int
main(int argc, char **argv)
{
    unsigned orders = argc > 1 ? (unsigned)atoi(argv[1]) : 100000;
    uint32_t stores = argc > 2 ? (uint32_t)atoi(argv[2]) : 11000;
    size_t batch = argc > 3 ? (size_t)atoi(argv[3]) : 32;
    size_t couriers = argc > 5 ? (size_t)atoi(argv[5]) : 0;
    struct world w;
    struct cost c = {0};
    size_t n;

    if (batch < 1 || batch > 64 || stores < 1 || stores >= WORLD_STORES || couriers > COURIERS_MAX)
        return EXIT_FAILURE;
    world_open(&w, NULL, 0);
    if (argc > 4 && strcmp(argv[4], "-") != 0 && !use_map(&w, argv[4]))
        return EXIT_FAILURE;
    for (uint32_t i = 1; i <= stores; i++)
        put_store(&w, i);
    world_up(&w);
    warm_up(&w, 40000);
    const struct counter *counts = matcher_service.counters(world_core(&w), &n);
    uint64_t judged = counts[COUNT_JUDGED].value, misses = counts[COUNT_CELL_MISS].value;
    run(&w, orders, batch, couriers, &c);
    counts = matcher_service.counters(world_core(&w), &n);
    double per = 1000.0 * orders;
    printf("stores %u orders %u batch %zu: %.2f us an order (forecasts %.2f take %.2f judge %.2f "
           "placed "
           "%.2f answer %.2f), %.0f stores judged, explanation %zu B, misses %llu\n",
           stores, orders, batch,
           (double)(c.forecast_ns + c.take_ns + c.judge_ns + c.placed_ns + c.answer_ns) / per,
           (double)c.forecast_ns / per, (double)c.take_ns / per, (double)c.judge_ns / per,
           (double)c.placed_ns / per, (double)c.answer_ns / per,
           (double)(counts[COUNT_JUDGED].value - judged) / orders, c.explain_bytes / orders,
           (unsigned long long)(counts[COUNT_CELL_MISS].value - misses));
    printf("by roads %llu, by estimate %llu; ", (unsigned long long)counts[COUNT_BY_ROADS].value,
           (unsigned long long)counts[COUNT_BY_ESTIMATE].value);
    printf("placed %llu, neighbourhoods %llu in %.1f MB\n",
           (unsigned long long)counts[COUNT_PLACED].value,
           (unsigned long long)counts[COUNT_CELLS].value,
           (double)counts[COUNT_CELL_BYTES].value / 1e6);
    world_close(&w);
    return EXIT_SUCCESS;
}
