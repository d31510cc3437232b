/* ops_shelves: how much of what a store sells is sold out, for operators' pages: of all stores in
 * turn, so many a second, while somebody looks; and which articles, when one is opened. */
#include "notifier/ops.h"

#include <stdlib.h>

enum {
    SHELF_MS = 1000,
    ARTICLES_A_READ = 50000, /* 400 KB, however many a store sells; one store at least */
    SOLD_OUT_SHOWN = 60,
    LEVEL = 8 /* bytes an article: available, big-endian, and its price; see docs/redis.md */
};

static uint32_t
big_u32(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;

    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* is_sold_out: of an article that is sold here (it has a price): 1; else 0, and -1 when it is not
 * sold here at all. */
static int
is_sold_out(const char *level)
{
    if (big_u32(level + 4) == 0)
        return -1;
    return (int32_t)big_u32(level) <= 0;
}

static struct slice
shelf_key(struct notifier *n, struct arena *a, uint32_t store)
{
    return redis_key(n, a, arena_printf(a, "stock:%u", store));
}

/* ---- all, in turn ---- */

void
ops_shelves_tick(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct ops *o = &n->ops;
    uint32_t end = catalogue_store_end(n->catalogue);
    struct slice argv[1 + OPS_SHELVES_A_READ] = {SLICE_LIT("MGET")};
    size_t argc = 1;
    size_t articles = 0;

    if (o->reading_shelves || ev->now_ms < o->shelves_ms)
        return;
    o->shelves_ms = ev->now_ms + SHELF_MS;
    for (uint32_t looked = 1; looked < end && argc <= OPS_SHELVES_A_READ; looked++) {
        uint32_t number = o->shelf_next + 1 < end ? o->shelf_next + 1 : 1;
        const struct catalogue_store *store = catalogue_store(n->catalogue, number);
        articles += store == NULL ? 0 : catalogue_sku_count(n->catalogue, store->chain);
        if (argc > 1 && articles > ARTICLES_A_READ)
            break; /* its turn is in a second */
        o->shelf_next = number;
        if (store == NULL)
            continue;
        o->shelves[argc - 1] = o->shelf_next;
        argv[argc++] = shelf_key(n, ev->arena, o->shelf_next);
    }
    o->n_shelves = argc - 1;
    o->reading_shelves = argc > 1;
    if (argc > 1)
        outbox_redis(out, call_tag(CALL_OPS_SHELVES, 0), argv, argc);
}

void
ops_shelves_reply(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct ops *o = &n->ops;
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    o->reading_shelves = false;
    if (ev->reply->kind != REPLY_ARRAY)
        return; /* they are read again in a second */
    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "shelves");
    json_out_array(&w, "shelves");
    for (size_t i = 0; i < ev->reply->n && i < o->n_shelves; i++) {
        struct slice s = ev->reply->items[i].str;
        unsigned sold = 0;
        unsigned sold_out = 0;
        for (size_t at = 0; at + LEVEL <= s.n; at += LEVEL) {
            int gone = is_sold_out(s.p + at);
            sold += gone >= 0;
            sold_out += gone == 1;
        }
        json_out_array(&w, NULL);
        json_out_uint(&w, NULL, o->shelves[i]);
        json_out_uint(&w, NULL, sold_out);
        json_out_uint(&w, NULL, sold);
        json_out_end(&w);
    }
    json_out_end(&w);
    json_out_end(&w);
    ops_tell(n, out, 0, &b);
}

/* ---- one ---- */

void
ops_shelf(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
          uint32_t store)
{
    struct ask a = {.kind = ASK_SHELF, .conn = conn, .store = store};
    struct slice argv[] = {SLICE_LIT("GET"), shelf_key(n, ev->arena, store)};

    (void)ask_redis(n, out, &a, argv, 2);
}

void
ops_shelf_answer(struct notifier *n, const struct ask *a, const struct event *ev,
                 struct outbox *out)
{
    const struct catalogue_store *store = catalogue_store(n->catalogue, a->store);
    struct slice s = ev->reply->str;
    struct buf b = {0};
    struct json_out w = json_out_to(&b);
    unsigned shown = 0;

    if (a->conn == 0 || store == NULL || ev->reply->kind == REPLY_LOST ||
        ev->reply->kind == REPLY_ERROR)
        return; /* the page asks again */
    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "shelf");
    json_out_uint(&w, "store", a->store);
    json_out_array(&w, "sold_out");
    for (size_t i = 0; ev->reply->kind == REPLY_STRING && (i + 1) * LEVEL <= s.n; i++) {
        struct catalogue_sku sku = {0};
        if (is_sold_out(s.p + i * LEVEL) != 1 || shown++ >= SOLD_OUT_SHOWN ||
            !catalogue_sku(n->catalogue, store->chain, (uint32_t)i, &sku))
            continue;
        json_out_cstr(&w, NULL, sku.sku);
    }
    json_out_end(&w);
    json_out_end(&w);
    ops_tell(n, out, a->conn, &b);
}
