/* fill: brings the city into Redis through the functions, or writes it for the peer's COPY, columns
 * separated by |.
 *
 *     bench_fill redis SOCKET CITY SEED STORES SKUS     the chains are there already, numbered 1,
 * 2, .. bench_fill stores|stock - - SEED STORES SKUS      to the standard output */
#include "load.h"

#include "base/record.h"

#include "stock.pb-c.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { IN_FLIGHT = 64, ARGS_MAX = 4096, STORES_A_CALL = 50 };

struct filler {
    struct bench_city city;
    redisContext *redis;
    char tag[64];
    char now[24];
    int64_t now_ms;
    struct buf bytes;
    size_t ends[ARGS_MAX];
    size_t argc;
    size_t flying;
};

/* ---- calls ---- */

static void
end(struct filler *f)
{
    if (f->argc == ARGS_MAX)
        die("too many arguments");
    f->ends[f->argc++] = f->bytes.n;
}

static void
text(struct filler *f, const char *s)
{
    buf_str(&f->bytes, s);
    end(f);
}

static void
number(struct filler *f, uint64_t v)
{
    buf_printf(&f->bytes, "%llu", (unsigned long long)v);
    end(f);
}

static void
message(struct filler *f, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    char *p = buf_reserve(&f->bytes, n + 1);

    if (p == NULL)
        die("memory");
    f->bytes.n += protobuf_c_message_pack(m, (uint8_t *)p);
    end(f);
}

static void
begin(struct filler *f, const char *function)
{
    buf_reset(&f->bytes);
    f->argc = 0;
    text(f, "FCALL");
    text(f, function);
    text(f, "1");
    text(f, f->tag);
    text(f, f->now);
}

static void
take_reply(struct filler *f)
{
    redisReply *r;

    if (redisGetReply(f->redis, (void **)&r) != REDIS_OK || r->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "bench_fill: %s\n", f->redis->err != 0 ? f->redis->errstr : r->str);
        exit(EXIT_FAILURE);
    }
    freeReplyObject(r);
    f->flying--;
}

static void
send_call(struct filler *f)
{
    const char *argv[ARGS_MAX];
    size_t lengths[ARGS_MAX];

    for (size_t i = 0, at = 0; i < f->argc; at = f->ends[i++]) {
        argv[i] = f->bytes.p + at;
        lengths[i] = f->ends[i] - at;
    }
    if (f->bytes.failed ||
        redisAppendCommandArgv(f->redis, (int)f->argc, argv, lengths) != REDIS_OK)
        die("memory");
    if (++f->flying >= IN_FLIGHT)
        take_reply(f);
}

static void
settle(struct filler *f)
{
    while (f->flying > 0)
        take_reply(f);
}

/* ---- the city ---- */

static void
put_skus(struct filler *f, uint32_t chain)
{
    begin(f, "sku_put");
    number(f, chain + 1);
    number(f, f->city.skus);
    for (uint32_t i = 0; i < f->city.skus; i++) {
        Lifecircle__V1__Sku sku = LIFECIRCLE__V1__SKU__INIT;
        char code[CITY_SKU_CODE], name[32];
        city_sku_code(i, code);
        snprintf(name, sizeof name, "Article %u", i);
        sku.sku = code;
        sku.name = name;
        sku.weight_g = 200 + i;
        sku.volume_ml = 300 + i;
        text(f, code);
        message(f, &sku.base);
    }
    send_call(f);
}

static void
put_store(struct filler *f, uint32_t i)
{
    Lifecircle__V1__Store m = LIFECIRCLE__V1__STORE__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    Lifecircle__V1__Ring ring = LIFECIRCLE__V1__RING__INIT, *rings[] = {&ring};
    Lifecircle__V1__Interval day[7], *days[7];
    struct bench_store s;
    int32_t e7[2 * (CITY_CORNERS + 1)];
    char id[24], name[32], degrees[24];

    city_store(&f->city, i, &s);
    snprintf(id, sizeof id, "store-%05u", i);
    snprintf(name, sizeof name, "Shop %u", i);
    for (size_t k = 0; k <= CITY_CORNERS; k++) {
        e7[2 * k] = s.zone[k].lat_e7;
        e7[2 * k + 1] = s.zone[k].lng_e7;
    }
    ring.n_e7 = sizeof e7 / sizeof *e7;
    ring.e7 = e7;
    at.lat_e7 = s.at.lat_e7;
    at.lng_e7 = s.at.lng_e7;
    for (uint32_t d = 0; d < 7; d++) { /* around the clock, or open for a minute of the week */
        lifecircle__v1__interval__init(&day[d]);
        day[d].weekday = d;
        day[d].close_minute = s.shut ? 1 : 1440;
        days[d] = &day[d];
    }
    m.chain = s.chain + 1;
    m.store_id = id;
    m.name = name;
    m.address = (char *)(uintptr_t) "1 Benchmark Street";
    m.at = &at;
    m.n_zone = 1;
    m.zone = rings;
    m.n_hours = s.shut ? 1 : 7;
    m.hours = days;
    m.prep_s = s.prep_s;
    m.prep_per_item_s = 20;
    m.busy = s.paused ? LIFECIRCLE__V1__BUSY_MODE__PAUSED
             : s.busy ? LIFECIRCLE__V1__BUSY_MODE__BUSY
                      : LIFECIRCLE__V1__BUSY_MODE__OPEN;
    m.busy_delay_s = s.busy ? 600 : 0;
    m.delivers = m.age_check = m.cold = true;
    number(f, s.chain + 1);
    text(f, id);
    message(f, &m.base);
    snprintf(degrees, sizeof degrees, "%.7f", s.at.lat_e7 / 1e7);
    text(f, degrees);
    snprintf(degrees, sizeof degrees, "%.7f", s.at.lng_e7 / 1e7);
    text(f, degrees);
    text(f, s.paused ? "0" : "1");
}

static void
put_stock(struct filler *f, uint32_t i)
{
    struct bench_store s;
    char feed[40];

    city_store(&f->city, i, &s);
    begin(f, "stock_apply");
    number(f, i + 1); /* the first store gets number 1, and so on */
    text(f, "0");
    number(f, (uint64_t)f->now_ms);
    text(f, "1");
    text(f, "0");
    text(f, "0");
    snprintf(feed, sizeof feed, "feeds%020u.%010u", 1u, 0u);
    text(f, feed);
    for (uint32_t sku = 0; sku < f->city.skus; sku++)
        feed_line(&f->bytes, sku, true, (int32_t)city_stock(&f->city, i, sku), true,
                  city_price_cents(&f->city, s.chain, sku));
    end(f);
    send_call(f);
}

static int
fill_redis(struct filler *f, const char *socket, const char *city)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    f->now_ms = (int64_t)t.tv_sec * 1000;
    snprintf(f->now, sizeof f->now, "%lld", (long long)f->now_ms);
    snprintf(f->tag, sizeof f->tag, "{%s}", city);
    f->redis = redisConnectUnix(socket);
    if (f->redis == NULL || f->redis->err != 0)
        die(socket);
    for (uint32_t chain = 0; chain < CITY_CHAINS; chain++)
        put_skus(f, chain);
    for (uint32_t i = 0; i < f->city.stores; i += STORES_A_CALL) {
        uint32_t n = f->city.stores - i < STORES_A_CALL ? f->city.stores - i : STORES_A_CALL;
        begin(f, "store_put");
        number(f, n);
        for (uint32_t k = 0; k < n; k++)
            put_store(f, i + k);
        send_call(f);
    }
    settle(f);
    for (uint32_t i = 0; i < f->city.stores; i++)
        put_stock(f, i);
    settle(f);
    redisFree(f->redis);
    buf_free(&f->bytes);
    return EXIT_SUCCESS;
}

/* ---- for COPY ---- */

static int
print_stores(const struct bench_city *c)
{
    for (uint32_t i = 0; i < c->stores; i++) {
        struct bench_store s;
        city_store(c, i, &s);
        printf("%u|%u|%u|SRID=4326;POINT(%.7f %.7f)|SRID=4326;POLYGON((", i + 1, s.chain + 1,
               !s.shut && !s.paused, s.at.lng_e7 / 1e7, s.at.lat_e7 / 1e7);
        for (size_t k = 0; k <= CITY_CORNERS; k++)
            printf("%s%.7f %.7f", k == 0 ? "" : ",", s.zone[k].lng_e7 / 1e7,
                   s.zone[k].lat_e7 / 1e7);
        puts("))");
    }
    return EXIT_SUCCESS;
}

static int
print_stock(const struct bench_city *c)
{
    for (uint32_t i = 0; i < c->stores; i++)
        for (uint32_t sku = 0; sku < c->skus; sku++)
            printf("%u|%u|%u|%u\n", i + 1, sku, city_stock(c, i, sku),
                   city_price_cents(c, i % CITY_CHAINS, sku));
    return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    static struct filler f;

    if (argc != 7) {
        fputs("usage: bench_fill redis|stores|stock SOCKET CITY SEED STORES SKUS\n", stderr);
        return 2;
    }
    f.city.seed = strtoull(argv[4], NULL, 10);
    f.city.stores = (uint32_t)strtoul(argv[5], NULL, 10);
    f.city.skus = (uint32_t)strtoul(argv[6], NULL, 10);
    if (strcmp(argv[1], "stores") == 0)
        return print_stores(&f.city);
    if (strcmp(argv[1], "stock") == 0)
        return print_stock(&f.city);
    return fill_redis(&f, argv[2], argv[3]);
}
