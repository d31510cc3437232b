/* What else happens in the shops at noon: deliveries, counts, and more customers than hands. */
#include "play.h"

#include "base/json_out.h"

#include <stdlib.h>

enum {
    EVERY_MIN = 3,
    SHELF_LINES = 25,
    RESTOCK = 12,
    PAUSE_MIN = 20,
    PAUSED_MIN = 8,
    BUSY_MIN = 30,
    BUSY_FOR_MIN = 12
};

static void
feed_done(void *ctx, uint64_t tag, int status, struct slice body, int64_t took_us)
{
    struct play *p = ctx;
    const struct json_value *v = json_of(p, body);

    (void)tag;
    (void)took_us;
    if (status == 200 && int_at(v, "refused", 1) == 0)
        p->tally.feeds++;
    else
        p->tally.feeds_failed++;
}

static void
send_feed(struct play *p, const struct city_store *s, const char *mode, struct buf *body)
{
    char path[64];

    snprintf(path, sizeof path, "/v1/stock?mode=%s", mode);
    const struct caller_request r = {.method = "POST",
                                     .path = path,
                                     .token = p->chain[s->chain].key,
                                     .type = "application/x-ndjson",
                                     .body = buf_slice(body),
                                     .done = feed_done,
                                     .ctx = p};
    if (body->failed)
        give_up("out of memory");
    caller_send(p->to_intake, &r);
    buf_free(body);
}

static void
put_line(struct play *p, const struct city_store *s, uint32_t sku, uint32_t quantity, struct buf *b)
{
    struct json_out w = json_out_to(b);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "store_id", s->id);
    json_out_cstr(&w, "sku", p->chains[s->chain].sku[sku].code);
    json_out_uint(&w, "quantity", quantity);
    json_out_end(&w);
    buf_char(b, '\n');
}

/* The van has come: some of what was sold out in the morning is there again. */
static void
restock(struct play *p, const struct city_store *s)
{
    struct buf b = {0};
    unsigned n = 0;

    for (uint32_t i = 0; i < s->sku_n && n < SHELF_LINES; i++)
        if (s->stock[i] <= 1) {
            put_line(p, s, s->sku_first + i, 1 + chance(p, RESTOCK), &b);
            n++;
        }
    if (n > 0)
        send_feed(p, s, "delta", &b);
    buf_free(&b);
}

static bool
asked_for(const struct play *p, uint32_t chain, uint32_t sku)
{
    for (uint32_t i = 0; i < p->order_n; i++)
        if (p->order[i].chain == chain)
            for (uint32_t k = 0; k < p->order[i].of->line_n; k++) {
                uint32_t one = p->order[i].of->line[k].sku;
                if (one == sku || p->chains[chain].sku[one].instead == sku)
                    return true;
            }
    return false;
}

/* Somebody counts a shelf that nobody buys from today: it can only be as it was, or a little more.
 */
static void
count_shelf(struct play *p, const struct city_store *s)
{
    struct buf b = {0};
    unsigned n = 0;

    for (uint32_t i = s->sku_n; i-- > 0 && n < SHELF_LINES;)
        if (s->stock[i] > 1 && !asked_for(p, s->chain, s->sku_first + i)) {
            put_line(p, s, s->sku_first + i, s->stock[i] + chance(p, 2), &b);
            n++;
        }
    if (n > 0)
        send_feed(p, s, "snapshot", &b);
    buf_free(&b);
}

static void
mode_done(void *ctx, uint64_t tag, int status, struct slice body, int64_t took_us)
{
    struct play *p = ctx;

    (void)tag;
    (void)body;
    (void)took_us;
    if (status == 200)
        p->tally.shops_changed++;
    else
        p->tally.feeds_failed++;
}

static void
set_mode(struct play *p, const struct city_store *s, const char *busy)
{
    char path[128], body[32];

    snprintf(path, sizeof path, "/v1/stores/%s/busy", s->id);
    snprintf(body, sizeof body, "{\"busy\":\"%s\"}", busy);
    const struct caller_request r = {.method = "POST",
                                     .path = path,
                                     .token = p->chain[s->chain].key,
                                     .type = "application/json",
                                     .body = slice_str(body),
                                     .done = mode_done,
                                     .ctx = p};
    caller_send(p->to_intake, &r);
}

/* One minute of the city begins. */
static void
minute(struct play *p, int64_t now_min)
{
    const struct city_store *one = &p->stores[p->wish.seed % p->store_n];
    const struct city_store *other = &p->stores[(p->wish.seed + p->store_n / 2) % p->store_n];

    if (now_min % EVERY_MIN == 1)
        restock(p, &p->stores[chance(p, p->store_n)]);
    if (now_min % EVERY_MIN == 2)
        count_shelf(p, &p->stores[chance(p, p->store_n)]);
    if (now_min == PAUSE_MIN)
        set_mode(p, one, "paused");
    if (now_min == PAUSE_MIN + PAUSED_MIN)
        set_mode(p, one, "open");
    if (now_min == BUSY_MIN)
        set_mode(p, other, "busy");
    if (now_min == BUSY_MIN + BUSY_FOR_MIN)
        set_mode(p, other, "open");
}

void
shops_tick(struct play *p)
{
    static int64_t last_min = -1;
    int64_t now_min = city_ms(p) / 60000;

    while (last_min < now_min && last_min < 60)
        minute(p, ++last_min);
}
