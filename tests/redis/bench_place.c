/* bench_place: what an order costs inside order_place. Orders of 5 lines at 11,000 stores of 500
 * SKUs, 64 a call, 4 calls in flight, records of everyday size, fsync at every turn.
 *
 *     bench_place [orders] [stores] [batch] [candidates] [durable 0|1] [percent of SKUs sold out]
 *                 [sealed bytes; 0 = personal data in the Order, as before they were kept apart]
 */
#include "base/record.h"
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    SKUS = 500,
    LINES = 5,
    IN_FLIGHT = 4,
    ORDER_BYTES = 250,
    PERSONAL_BYTES = 80,
    EXPLAIN_BYTES = 420
};
enum { CANDIDATES_MAX = 64 };

static const int64_t NOW = 1795348800000;

static struct kit kit;
static uint64_t seed = 88172645463325252u;
static size_t stores = 11000, batch = 64, candidates = 10, sold_out = 0, sealed = 200;

static uint64_t
draw(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Redis' own CPU time so far, from INFO. */
static double
cpu(void)
{
    redisReply *r = kit_do(&kit, "INFO cpu");
    double sum = 0;

    for (const char *p = r->str; (p = strstr(p, "\nused_cpu_")) != NULL; p++)
        if (strncmp(p, "\nused_cpu_sys:", 14) == 0 || strncmp(p, "\nused_cpu_user:", 15) == 0)
            sum += atof(strchr(p, ':') + 1);
    freeReplyObject(r);
    return sum;
}

static void
fill_stores(void)
{
    struct buf levels = {0};

    for (size_t store = 1; store <= stores; store++) {
        buf_reset(&levels);
        for (size_t i = 0; i < SKUS; i++) {
            bool none = draw(100) < sold_out;
            buf_append(&levels, none ? "\0\0\0\0\0\0\1\x90" : "\0\0\x40\0\0\0\1\x90", 8);
        }
        redisAppendCommand(kit.redis, "SET {t}:stock:%u %b", (unsigned)store, levels.p, levels.n);
        freeReplyObject(kit_wait(&kit));
    }
    buf_free(&levels);
}

static void
draw_lines(Lifecircle__V1__Order *o)
{
    static Lifecircle__V1__OrderLine lines[LINES];
    static Lifecircle__V1__OrderLine *list[LINES];
    uint32_t sku = 0;

    for (size_t i = 0; i < LINES; i++) {
        sku += 1 + (uint32_t)draw(SKUS / LINES - 1);
        lines[i] = (Lifecircle__V1__OrderLine)LIFECIRCLE__V1__ORDER_LINE__INIT;
        lines[i].sku_index = sku;
        lines[i].quantity = 1;
        lines[i].unit_price_cents = 400;
        list[i] = &lines[i];
    }
    o->lines = list;
    o->n_lines = LINES;
}

static void
put_order(uint64_t number)
{
    static char filler[1024];
    Lifecircle__V1__Order o = LIFECIRCLE__V1__ORDER__INIT;
    struct place_mode mode = {.retry_ms = NOW + 60000};
    struct place_candidate list[CANDIDATES_MAX];

    draw_lines(&o);
    o.chain = 1;
    o.window_start_ms = NOW;
    o.fingerprint = number;
    o.window_end_ms = NOW + 3600000;
    o.hold_until_ms = NOW + 3000000;
    o.price_policy = LIFECIRCLE__V1__PRICE_POLICY__PRICE_REFUSE;
    buf_printf(&kit.bytes, "%08llx-0000-8000-8000-%012llx",
               (unsigned long long)(number & 0xffffffff), (unsigned long long)draw(1ull << 48));
    kit_end(&kit);
    buf_printf(&kit.bytes, "1:key-%llu", (unsigned long long)number);
    kit_end(&kit);
    for (size_t i = 0; i < candidates; i++)
        list[i] =
            (struct place_candidate){1 + (uint32_t)draw(stores), 300, NOW + 900000, NOW + 1800000};
    place_plan(&kit.bytes, &o, &mode, list, candidates);
    kit_end(&kit);
    place_record(&kit.bytes, &o, list);
    buf_append(&kit.bytes, filler, ORDER_BYTES + (sealed == 0 ? PERSONAL_BYTES : 0));
    kit_end(&kit);
    place_explain(&kit.bytes, slice_of(filler, EXPLAIN_BYTES));
    kit_end(&kit);
    if (sealed > 0)
        kit_bytes(&kit, slice_of(filler, sealed));
}

static size_t
drain(size_t *placed)
{
    redisReply *r = kit_wait(&kit);

    if (r->type != REDIS_REPLY_ARRAY) {
        fprintf(stderr, "%s\n", r->str);
        exit(EXIT_FAILURE);
    }
    size_t n = r->elements;
    for (size_t i = 0; i < n; i++)
        *placed += r->element[i]->str[0] == 1;
    freeReplyObject(r);
    return n;
}

static size_t
place(size_t orders)
{
    size_t sent = 0, done = 0, placed = 0, flying = 0;

    while (done < orders) {
        while (flying < IN_FLIGHT && sent < orders) {
            kit_call(&kit, "order_place");
            kit_int(&kit, NOW);
            kit_int(&kit, (int64_t)batch);
            for (size_t i = 0; i < batch; i++)
                put_order(++sent);
            kit_send(&kit);
            flying++;
        }
        done += drain(&placed);
        flying--;
    }
    return placed;
}

int
main(int argc, char **argv)
{
    size_t given[] = {100000, stores, batch, candidates, 1, 0, sealed};

    for (int i = 1; i < argc && i <= 7; i++)
        given[i - 1] = (size_t)atol(argv[i]);
    stores = given[1];
    batch = given[2];
    candidates = given[3] < CANDIDATES_MAX ? given[3] : CANDIDATES_MAX;
    sold_out = given[5];
    sealed = given[6];
    size_t orders = given[0] / batch * batch;
    kit_start(&kit, given[4] != 0);
    freeReplyObject(kit_do(&kit, "CONFIG SET auto-aof-rewrite-percentage 0 appendfsync no"));
    fill_stores();
    freeReplyObject(kit_do(&kit, "CONFIG SET appendfsync always"));
    double wall = seconds(), used = cpu();
    size_t placed = place(orders);
    wall = seconds() - wall;
    used = cpu() - used;
    printf("orders=%zu placed=%zu batch=%zu wall_us=%.1f redis_cpu_us=%.1f orders_per_s=%.0f\n",
           orders, placed, batch, 1e6 * wall / (double)orders, 1e6 * used / (double)orders,
           (double)orders / wall);
    kit_stop(&kit);
    return EXIT_SUCCESS;
}
