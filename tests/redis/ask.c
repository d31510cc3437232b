#include "ask.h"

#include "inventory/audit.h"

#include <CUnit/CUnit.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ORDER_ARGS = 6 }; /* of order_place */

const char *
ask_id(uint32_t number)
{
    static char text[8][40];
    static unsigned next;
    char *to = text[next++ % 8];

    snprintf(to, sizeof text[0], "%08x-0000-8000-8000-00000000abcd", number);
    return to;
}

struct order_parts {
    Lifecircle__V1__Order order;
    Lifecircle__V1__OrderLine lines[ASK_LINES];
    Lifecircle__V1__OrderLine *list[ASK_LINES];
};

static void
make_order(const struct ask *a, struct order_parts *p)
{
    Lifecircle__V1__Order *o = &p->order;

    *o = (Lifecircle__V1__Order)LIFECIRCLE__V1__ORDER__INIT;
    o->order_id = (char *)ask_id(a->number);
    o->chain = 1;
    o->idempotency_key = (char *)(a->idem == NULL ? "" : a->idem);
    o->fingerprint = a->fingerprint == 0 ? a->number : a->fingerprint;
    o->shortage = a->shortage;
    o->price_policy = a->refuse_price ? LIFECIRCLE__V1__PRICE_POLICY__PRICE_REFUSE
                                      : LIFECIRCLE__V1__PRICE_POLICY__PRICE_TAKE;
    o->fulfilment = a->collection ? LIFECIRCLE__V1__FULFILMENT__COLLECTION
                                  : LIFECIRCLE__V1__FULFILMENT__DELIVERY;
    o->window_start_ms = NOW;
    o->window_end_ms = NOW + 3600000;
    o->hold_until_ms = a->hold_until_ms == 0 ? NOW + 3000000 : a->hold_until_ms;
    o->lines = p->list;
    o->n_lines = a->n_lines;
    for (size_t i = 0; i < a->n_lines; i++) {
        const struct ask_line *l = &a->lines[i];
        p->lines[i] = (Lifecircle__V1__OrderLine)LIFECIRCLE__V1__ORDER_LINE__INIT;
        p->lines[i].sku_index = l->sku;
        p->lines[i].quantity = l->quantity;
        p->lines[i].unit_price_cents = l->price == 0 ? -1 : l->price == -1 ? 0 : l->price;
        p->lines[i].substitute_indexes = (uint32_t *)l->subs;
        p->lines[i].n_substitute_indexes = l->n_subs;
        p->list[i] = &p->lines[i];
    }
}

static void
put_order(struct kit *k, int64_t now, const struct ask *a, bool accept)
{
    struct place_candidate candidates[ASK_STORES];
    size_t n = accept ? 0 : a->n_stores;
    struct order_parts p;
    struct place_mode mode = a->mode;

    make_order(a, &p);
    if (mode.retry_ms == 0)
        mode.retry_ms = NOW + 60000;
    for (size_t i = 0; i < n; i++)
        candidates[i] = (struct place_candidate){a->stores[i], 300, NOW + 600000, NOW + 1500000};
    kit_text(k, p.order.order_id);
    place_idem(&k->bytes, &p.order);
    kit_end(k);
    place_plan(&k->bytes, &p.order, &mode, candidates, n);
    kit_end(k);
    size_t at = k->bytes.n;
    place_record(&k->bytes, &p.order, n == 0 ? NULL : candidates);
    place_stamp(k->bytes.p + at, now);
    buf_append(&k->bytes, a->order.n > 0 ? a->order.p : "order", a->order.n > 0 ? a->order.n : 5);
    kit_end(k);
    if (!accept) {
        place_explain(&k->bytes, SLICE_LIT("\x08\x05"));
        kit_end(k);
    }
    kit_bytes(k, a->sealed);
}

void
ask_put(struct kit *k, const struct ask *a)
{
    put_order(k, NOW, a, false);
}

/* complete: an answer of four bytes that says no more than which candidate: head and lines as
 * asked, behind it. `first` is the first of the order's arguments in the call. */
static void
complete(const struct kit *k, redisReply *one, size_t first)
{
    struct buf b = {0};

    if (one->len != 4 || one->str[0] != 1)
        return;
    buf_append(&b, one->str, 4);
    CU_ASSERT_EQUAL_FATAL(place_as_asked(&b, kit_arg(k, first + 2), kit_arg(k, first + 3),
                                         (unsigned char)one->str[1]),
                          LC_OK);
    char *longer = realloc(one->str, b.n + 1);
    if (longer == NULL)
        exit(EXIT_FAILURE);
    memcpy(longer, b.p, b.n);
    one->str = longer;
    one->len = b.n;
    buf_free(&b);
}

static redisReply *
ask_orders(struct kit *k, int64_t now, const struct ask *asks, size_t n, bool accept)
{
    kit_call(k, accept ? "order_accept" : "order_place");
    kit_int(k, now);
    kit_int(k, (int64_t)n);
    for (size_t i = 0; i < n; i++)
        put_order(k, now, &asks[i], accept);
    redisReply *r = kit_reply(k);
    for (size_t i = 0; !accept && r->type == REDIS_REPLY_ARRAY && i < r->elements; i++)
        complete(k, r->element[i], 6 + ORDER_ARGS * i);
    if (r->type != REDIS_REPLY_ARRAY || r->elements != n) {
        fprintf(stderr, "order_place: %s\n", r->type == REDIS_REPLY_ERROR ? r->str : "no array");
        exit(EXIT_FAILURE);
    }
    return r;
}

redisReply *
ask_place(struct kit *k, int64_t now, const struct ask *asks, size_t n)
{
    return ask_orders(k, now, asks, n, false);
}

redisReply *
ask_accept(struct kit *k, int64_t now, const struct ask *asks, size_t n)
{
    return ask_orders(k, now, asks, n, true);
}

/* keep: the last answer, so that a record may point into it. */
static redisReply *kept;

static redisReply *
keep(redisReply *r)
{
    if (kept != NULL)
        freeReplyObject(kept);
    kept = r;
    return r;
}

int
ask_one(struct kit *k, int64_t now, const struct ask *a, struct record *r)
{
    redisReply *reply = keep(ask_place(k, now, a, 1));

    if (r != NULL)
        *r = got_record(reply, 0);
    return got_outcome(reply, 0);
}

int
got_outcome(const redisReply *r, size_t i)
{
    return r->element[i]->str[0];
}

struct record
got_record(const redisReply *r, size_t i)
{
    struct record record = {0};
    const redisReply *s = r->element[i];

    if (s->len > 4 && record_read(slice_of(s->str + 4, s->len - 4), &record) != LC_OK)
        CU_FAIL("not a record");
    return record;
}

bool
ask_record(struct kit *k, uint32_t number, struct record *r)
{
    redisReply *reply = keep(kit_do(k, "GET {t}:order:%s", ask_id(number)));

    return reply->type == REDIS_REPLY_STRING &&
           record_read(slice_of(reply->str, reply->len), r) == LC_OK;
}

int
ask_step(struct kit *k, int64_t now, uint32_t number, const char *action, int reason)
{
    kit_call(k, "order_step");
    kit_int(k, now);
    kit_int(k, 1);
    kit_text(k, ask_id(number));
    kit_text(k, action);
    kit_int(k, reason);
    kit_text(k, "chain");
    kit_text(k, "");
    redisReply *r = keep(kit_reply(k));
    return r->type == REDIS_REPLY_ARRAY ? got_outcome(r, 0) : -1;
}

int
ask_plan(struct kit *k, int64_t now, int64_t epoch, uint32_t courier, uint32_t number,
         const char *action)
{
    kit_call(k, "plan_commit");
    kit_int(k, now);
    kit_int(k, epoch);
    kit_int(k, 1);
    kit_int(k, courier);
    kit_int(k, 0);
    kit_text(k, "");
    kit_int(k, 0);
    kit_text(k, "");
    kit_int(k, 1);
    kit_text(k, ask_id(number));
    kit_text(k, action);
    kit_int(k, 0);
    kit_text(k, "");
    kit_text(k, "");
    redisReply *r = keep(kit_reply(k));
    return r->type == REDIS_REPLY_ARRAY ? (int)r->element[0]->integer : 0;
}

void
ask_stores(struct kit *k, size_t n)
{
    kit_call(k, "store_put");
    kit_int(k, NOW);
    kit_int(k, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        kit_int(k, 1);
        kit_int(k, (int64_t)i);
        kit_bytes(k, slice_of("\x10\x01", 2));
        kit_text(k, "39.28");
        kit_text(k, "-76.6");
        kit_int(k, 1);
    }
    freeReplyObject(kit_reply(k));
}

void
ask_put_feed(struct kit *k, int64_t now, const struct ask_feed *f)
{
    kit_call(k, "stock_apply");
    kit_int(k, now);
    kit_int(k, f->store);
    kit_int(k, f->delta);
    kit_int(k, f->as_of);
    kit_int(k, (int64_t)f->sequence);
    kit_int(k, f->chunk);
    kit_int(k, f->safety);
    kit_text(k, "feed-of-the-tests...................");
    for (size_t i = 0; i < f->n; i++)
        feed_line(&k->bytes, f->lines[i].sku, !f->lines[i].no_quantity, f->lines[i].quantity,
                  f->lines[i].price != 0, f->lines[i].price);
    kit_end(k);
}

int
ask_feed(struct kit *k, int64_t now, const struct ask_feed *f, uint32_t *changed, bool *back)
{
    ask_put_feed(k, now, f);
    redisReply *r = keep(kit_reply(k));
    if (r->type != REDIS_REPLY_STRING || r->len != 8)
        return -1;
    if (back != NULL)
        *back = r->str[1] != 0;
    if (changed != NULL)
        *changed = bytes_u32(r->str + 4);
    return r->str[0];
}

void
ask_stock(struct kit *k, uint32_t store, uint32_t sku, int32_t quantity)
{
    static uint64_t sequence = 1000000;
    struct ask_feed f = {.store = store,
                         .as_of = NOW,
                         .sequence = ++sequence,
                         .lines = {{.sku = sku, .quantity = quantity, .price = 100}},
                         .n = 1};

    CU_ASSERT_EQUAL_FATAL(ask_feed(k, NOW, &f, NULL, NULL), 1);
}

struct stock_level
ask_level(struct kit *k, uint32_t store, uint32_t sku)
{
    redisReply *a = kit_do(k, "GET {t}:stock:%u", store);
    redisReply *b = kit_do(k, "GET {t}:shelf:%u", store);
    struct stock_level l = stock_level_at(slice_of(a->str, a->len), slice_of(b->str, b->len), sku);

    freeReplyObject(a);
    freeReplyObject(b);
    return l;
}

long long
ask_int(struct kit *k, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    redisReply *r = redisvCommand(k->redis, format, ap);
    va_end(ap);
    long long v = r->type == REDIS_REPLY_INTEGER  ? r->integer
                  : r->type == REDIS_REPLY_STRING ? atoll(r->str)
                                                  : -1;
    freeReplyObject(r);
    return v;
}

long long
ask_load(struct kit *k, uint32_t store)
{
    redisReply *r = kit_do(k, "BITFIELD_RO {t}:load GET u32 #%u", store);
    long long n = r->element[0]->integer;

    freeReplyObject(r);
    return n;
}

static void
print_fault(void *ctx, const struct audit_fault *f)
{
    (void)ctx;
    fprintf(stderr, "audit: check %d store %u sku %u: expected %lld, found %lld\n", f->check,
            f->store, f->sku_index, (long long)f->expected, (long long)f->found);
}

static void
feed_ledger(struct kit *k, struct audit *a)
{
    redisReply *r = kit_do(k, "XRANGE {t}:ledger - +");

    for (size_t i = 0; i < r->elements; i++) {
        redisReply *fields = r->element[i]->element[1];
        for (size_t f = 1; f < fields->elements; f += 2)
            CU_ASSERT_EQUAL(
                audit_ledger(a, slice_of(fields->element[f]->str, fields->element[f]->len)), LC_OK);
    }
    freeReplyObject(r);
}

static void
feed_levels(struct kit *k, struct audit *a)
{
    redisReply *r = kit_do(k, "HKEYS {t}:stores");

    for (size_t i = 0; i < r->elements; i++) {
        redisReply *stock = kit_do(k, "GET {t}:stock:%s", r->element[i]->str);
        redisReply *shelf = kit_do(k, "GET {t}:shelf:%s", r->element[i]->str);
        CU_ASSERT_EQUAL(audit_levels(a, (uint32_t)atoi(r->element[i]->str),
                                     slice_of(stock->str, stock->len),
                                     slice_of(shelf->str, shelf->len)),
                        LC_OK);
        freeReplyObject(stock);
        freeReplyObject(shelf);
    }
    freeReplyObject(r);
}

size_t
ask_faults(struct kit *k)
{
    struct audit *a = audit_new();
    redisReply *r = kit_do(k, "KEYS {t}:order:*");

    feed_ledger(k, a);
    feed_levels(k, a);
    for (size_t i = 0; i < r->elements; i++) {
        redisReply *order = kit_do(k, "GET %s", r->element[i]->str);
        CU_ASSERT_EQUAL(audit_order(a, slice_of(order->str, order->len)), LC_OK);
        freeReplyObject(order);
    }
    freeReplyObject(r);
    size_t faults = audit_check(a, print_fault, NULL);
    audit_free(a);
    return faults;
}

void
ask_digest(struct kit *k, char out[64])
{
    redisReply *r = kit_do(k, "DEBUG DIGEST");

    snprintf(out, 64, "%s", r->str);
    freeReplyObject(r);
}
