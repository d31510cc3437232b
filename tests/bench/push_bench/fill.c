#include "push.h"

#include "base/id.h"
#include "base/personal.h"
#include "base/record.h"
#include "base/secret.h"

#include "courier.pb-c.h"
#include "stock.pb-c.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

enum { IN_FLIGHT = 64 };

struct filler {
    redisContext *redis;
    const char *city;
    size_t flying;
    struct personal_master master;
    struct chance chance;
};

void
push_token(uint32_t courier, char out[PUSH_TOKEN])
{
    uint8_t random[SECRET_RANDOM];

    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(courier >> 8 * (i % 4));
    (void)secret_token_format(SECRET_COURIER, courier, random, out);
}

void
push_order_id(uint32_t courier, uint32_t k, char out[37])
{
    snprintf(out, 37, "01930000-0000-7000-8000-%04x%08x", k, courier);
}

static void
take_reply(struct filler *f)
{
    redisReply *r;

    if (redisGetReply(f->redis, (void **)&r) != REDIS_OK || r->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "bench_push: %s\n", f->redis->err != 0 ? f->redis->errstr : r->str);
        exit(EXIT_FAILURE);
    }
    freeReplyObject(r);
    f->flying--;
}

static void
sent(struct filler *f, int status)
{
    if (status != REDIS_OK)
        die("memory");
    if (++f->flying >= IN_FLIGHT)
        take_reply(f);
}

static void *
pack(const ProtobufCMessage *m, const char *before, size_t before_n, size_t *n)
{
    size_t size = protobuf_c_message_get_packed_size(m);
    char *p = malloc(before_n + size + 1);

    if (p == NULL)
        die("memory");
    memcpy(p, before, before_n);
    *n = before_n + protobuf_c_message_pack(m, (uint8_t *)p + before_n);
    return p;
}

static void
put_courier(struct filler *f, uint32_t i)
{
    Lifecircle__V1__Courier m = LIFECIRCLE__V1__COURIER__INIT;
    char id[24], name[32], token[PUSH_TOKEN], hash[SECRET_HASH_TEXT];
    size_t n;

    snprintf(id, sizeof id, "courier-%u", i);
    snprintf(name, sizeof name, "Courier %u", i);
    push_token(i, token);
    secret_hash(slice_str(token), hash);
    m.courier_id = id;
    m.name = name;
    m.token_hash = hash;
    char *bytes = pack(&m.base, "", 0, &n);
    sent(f, redisAppendCommand(f->redis, "FCALL courier_put 1 {%s} 1 0 %b", f->city, bytes, n));
    free(bytes);
}

/* put_shift: as the router would have written it. */
static void
put_shift(struct filler *f, uint32_t i)
{
    Lifecircle__V1__Shift shift = LIFECIRCLE__V1__SHIFT__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    const char version[4] = {1};
    size_t n;

    at.lat_e7 = 392800000 + (int32_t)i;
    at.lng_e7 = -765900000;
    shift.courier = i;
    shift.vehicle = LIFECIRCLE__V1__VEHICLE__BICYCLE;
    shift.capacity_items = 10;
    shift.on = true;
    shift.at = &at;
    char *bytes = pack(&shift.base, version, sizeof version, &n);
    sent(f, redisAppendCommand(f->redis, "HSET {%s}:shifts %u %b", f->city, i, bytes, n));
    free(bytes);
}

/* put_sealed: who the order is for. */
static void
put_sealed(struct filler *f, const char *id, const Lifecircle__V1__Personal *p)
{
    struct buf sealed = {0};
    struct uuid order;

    if (uuid_parse(slice_str(id), &order) != LC_OK)
        die(id);
    for (uint64_t i = 0; i < CHANCE_ENOUGH; i++)
        chance_stir(&f->chance, i); /* these keys guard nothing */
    if (personal_seal(&f->master, &f->chance, order, p, &sealed) != LC_OK)
        die("memory");
    sent(f, redisAppendCommand(f->redis, "HSET {%s}:keys %s %b", f->city, id, sealed.p,
                               (size_t)PERSONAL_KEY));
    sent(f, redisAppendCommand(f->redis, "HSET {%s}:personal %s %b", f->city, id,
                               sealed.p + PERSONAL_KEY, sealed.n - PERSONAL_KEY));
    buf_free(&sealed);
}

/* put_order: courier i's order k, as inventory would have written it. */
static void
put_order(struct filler *f, uint32_t i, uint32_t k)
{
    Lifecircle__V1__Order order = LIFECIRCLE__V1__ORDER__INIT;
    Lifecircle__V1__Personal personal = LIFECIRCLE__V1__PERSONAL__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    Lifecircle__V1__Contact customer = LIFECIRCLE__V1__CONTACT__INIT;
    char id[37], external[24], head[RECORD_HEAD] = {1, LIFECIRCLE__V1__ORDER_STATE__CONFIRMED};
    size_t n;

    at.lat_e7 = 392800000 + (int32_t)i;
    at.lng_e7 = -765900000;
    push_order_id(i, k, id);
    snprintf(external, sizeof external, "bench-%u", i);
    customer.name = (char *)(uintptr_t) "Grace Hopper";
    customer.phone = (char *)(uintptr_t) "+14105550123";
    order.order_id = id;
    order.external_order_id = external;
    order.address = (char *)(uintptr_t) "3000 Fait Avenue, Baltimore";
    order.instructions = (char *)(uintptr_t) "second floor, the bell is broken";
    order.customer = &customer;
    order.dropoff = &at;
    order.items = 3;
    head[4] = 1;
    personal_take(&order, &personal);
    put_sealed(f, id, &personal);
    char *bytes = pack(&order.base, head, sizeof head, &n);
    sent(f, redisAppendCommand(f->redis, "SET {%s}:order:%s %b", f->city, id, bytes, n));
    free(bytes);
}

/* put_store: number 1, where every pick-up is. */
static void
put_store(struct filler *f)
{
    Lifecircle__V1__Store m = LIFECIRCLE__V1__STORE__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    size_t n;

    at.lat_e7 = 392847000;
    at.lng_e7 = -765921000;
    m.chain = 1;
    m.store_id = (char *)(uintptr_t) "fait-ave";
    m.name = (char *)(uintptr_t) "Corner Shop, Fait Ave";
    m.address = (char *)(uintptr_t) "2400 Fait Avenue, Baltimore";
    m.at = &at;
    m.delivers = true;
    char *bytes = pack(&m.base, "", 0, &n);
    sent(f,
         redisAppendCommand(f->redis, "FCALL store_put 1 {%s} 1 1 1 fait-ave %b 39.2847 -76.5921 1",
                            f->city, bytes, n));
    free(bytes);
}

int
push_fill(const char *socket, const char *city, uint32_t couriers)
{
    struct filler f = {.redis = redisConnectUnix(socket), .city = city};
    const char *text = getenv("LIFECIRCLE_CITY_SECRET");
    struct city_secret secret;

    if (f.redis == NULL || f.redis->err != 0)
        die(socket);
    if (text == NULL || city_secret_parse(slice_str(text), &secret) != LC_OK)
        die("LIFECIRCLE_CITY_SECRET: expected 64 hex digits");
    personal_master_of(&secret, &f.master);
    put_store(&f);
    for (uint32_t i = 1; i <= couriers; i++)
        put_courier(&f, i);
    for (uint32_t i = 1; i <= couriers; i++)
        put_shift(&f, i);
    for (uint32_t i = 1; i <= couriers; i++)
        for (uint32_t k = 0; k < PUSH_ORDERS; k++)
            put_order(&f, i, k);
    while (f.flying > 0)
        take_reply(&f);
    redisFree(f.redis);
    return EXIT_SUCCESS;
}
