/* check: is Redis what the answers said? Reads every order record and every stock level, and
 * reckons anew.
 *
 *     bench_check SOCKET CITY SEED STORES SKUS
 *
 * Prints how many orders there are in which state, how many levels are below zero (oversold), and
 * how many differ from the city's stock less what the records took. */
#include "load.h"

#include "base/record.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 500 };

struct check {
    struct bench_city city;
    redisContext *redis;
    const char *name;
    int32_t *left; /* by store and SKU: what should be available */
    uint64_t in_state[RECORD_STATES + 1];
    uint64_t orders, unreadable, oversold, wrong;
};

static redisReply *
reply(struct check *k)
{
    redisReply *r;

    if (redisGetReply(k->redis, (void **)&r) != REDIS_OK || r->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "bench_check: %s\n", k->redis->err != 0 ? k->redis->errstr : r->str);
        exit(EXIT_FAILURE);
    }
    return r;
}

static void
take_order(struct check *k, const redisReply *value)
{
    struct record r;
    struct record_line line;

    k->orders++;
    if (value->type != REDIS_REPLY_STRING ||
        record_read(slice_of(value->str, value->len), &r) != LC_OK) {
        k->unreadable++;
        return;
    }
    k->in_state[r.state]++;
    for (size_t i = 0; r.store != 0 && record_line_at(&r, i, &line); i++) {
        uint32_t sku = line.substitute != 0 ? line.substitute - 1 : line.sku_index;
        if (r.store > k->city.stores || sku >= k->city.skus)
            k->unreadable++;
        else
            k->left[(size_t)(r.store - 1) * k->city.skus + sku] -= line.taken;
    }
}

static void
take_page(struct check *k, const redisReply *keys)
{
    for (size_t i = 0; i < keys->elements; i++)
        redisAppendCommand(k->redis, "GET %b", keys->element[i]->str, keys->element[i]->len);
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *value = reply(k);
        take_order(k, value);
        freeReplyObject(value);
    }
}

/* SCAN names a key twice only while the table grows or shrinks, and nobody writes now. */
static void
take_orders(struct check *k)
{
    char cursor[32] = "0";

    do {
        redisAppendCommand(k->redis, "SCAN %s MATCH {%s}:order:* COUNT %d", cursor, k->name, BATCH);
        redisReply *page = reply(k);
        snprintf(cursor, sizeof cursor, "%s", page->element[0]->str);
        take_page(k, page->element[1]);
        freeReplyObject(page);
    } while (strcmp(cursor, "0") != 0);
}

static void
take_levels(struct check *k, uint32_t store, const redisReply *stock)
{
    struct slice bytes = slice_of(stock->str, stock->len);

    for (uint32_t sku = 0; sku < k->city.skus; sku++) {
        struct stock_level l = stock_level_at(bytes, slice_of(NULL, 0), sku);
        k->oversold += l.available < 0;
        k->wrong += l.available != k->left[(size_t)store * k->city.skus + sku];
    }
}

static void
compare(struct check *k)
{
    for (uint32_t store = 0; store < k->city.stores; store++) {
        redisAppendCommand(k->redis, "GET {%s}:stock:%u", k->name, store + 1);
        redisReply *r = reply(k);
        take_levels(k, store, r);
        freeReplyObject(r);
    }
}

int
main(int argc, char **argv)
{
    static struct check k;

    if (argc != 6) {
        fputs("usage: bench_check SOCKET CITY SEED STORES SKUS\n", stderr);
        return 2;
    }
    k.name = argv[2];
    k.city.seed = strtoull(argv[3], NULL, 10);
    k.city.stores = (uint32_t)strtoul(argv[4], NULL, 10);
    k.city.skus = (uint32_t)strtoul(argv[5], NULL, 10);
    k.redis = redisConnectUnix(argv[1]);
    k.left = malloc((size_t)k.city.stores * k.city.skus * sizeof *k.left);
    if (k.redis == NULL || k.redis->err != 0 || k.left == NULL)
        die(argv[1]);
    for (uint32_t store = 0; store < k.city.stores; store++)
        for (uint32_t sku = 0; sku < k.city.skus; sku++)
            k.left[(size_t)store * k.city.skus + sku] = (int32_t)city_stock(&k.city, store, sku);
    take_orders(&k);
    compare(&k);
    printf("orders=%llu created=%llu held=%llu placed=%llu rejected=%llu unreadable=%llu "
           "oversold=%llu wrong_levels=%llu\n",
           (unsigned long long)k.orders,
           (unsigned long long)k.in_state[LIFECIRCLE__V1__ORDER_STATE__CREATED],
           (unsigned long long)k.in_state[LIFECIRCLE__V1__ORDER_STATE__HELD],
           (unsigned long long)k.in_state[LIFECIRCLE__V1__ORDER_STATE__PLACED],
           (unsigned long long)k.in_state[LIFECIRCLE__V1__ORDER_STATE__REJECTED],
           (unsigned long long)k.unreadable, (unsigned long long)k.oversold,
           (unsigned long long)k.wrong);
    redisFree(k.redis);
    free(k.left);
    return k.unreadable + k.oversold + k.wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
