#include "inventory/ledger_fold.h"

#include "base/map.h"
#include "base/record.h"

#include <stdlib.h>

/* sums: of one SKU: of pickups and returns, and of all else. */
struct sums {
    int64_t available[2];
    int64_t on_hand[2];
};

enum { REST, MOVED };
enum { ENTRY_HEAD = 44, ENTRY_CHANGE = 12 }; /* docs/redis.md, the ledger */

struct shop {
    uint32_t store;
    bool changed;
    struct sums *skus;
    size_t n;
    UT_hash_handle hh;
};

struct ledger_fold {
    struct shop *shops;
    struct buf value;
};

struct ledger_fold *
ledger_fold_new(void)
{
    return calloc(1, sizeof(struct ledger_fold));
}

void
ledger_fold_free(struct ledger_fold *f)
{
    if (f == NULL)
        return;
    struct shop *s = f->shops;
    HASH_CLEAR(hh, f->shops); /* the table; the shops are still linked */
    while (s != NULL) {
        struct shop *next = s->hh.next;
        free(s->skus);
        free(s);
        s = next;
    }
    buf_free(&f->value);
    free(f);
}

static struct shop *
shop_find(const struct ledger_fold *f, uint32_t store)
{
    struct shop *s;

    HASH_FIND(hh, f->shops, &store, sizeof store, s);
    return s;
}

bool
ledger_fold_knows(const struct ledger_fold *f, uint32_t store)
{
    return shop_find(f, store) != NULL;
}

static struct sums *
sums_of(struct shop *s, uint32_t sku)
{
    if (sku >= s->n) {
        size_t n = s->n * 2 > (size_t)sku + 1 ? s->n * 2 : (size_t)sku + 1;
        struct sums *skus = realloc(s->skus, n * sizeof *skus);
        if (skus == NULL)
            return NULL;
        memset(skus + s->n, 0, (n - s->n) * sizeof *skus);
        s->skus = skus;
        s->n = n;
    }
    return &s->skus[sku];
}

/* add: orders may not take what was not there, but only entries of the stream say when. */
static enum lc_err
add(struct shop *s, const struct ledger_entry *e, bool carried)
{
    int kind = e->cause == LEDGER_COMMIT || e->cause == LEDGER_RETURN ? MOVED : REST;

    for (size_t i = 0; i < e->n; i++) {
        struct ledger_change c = ledger_change_at(e, i);
        struct sums *sums = c.sku_index > RECORD_SKU_MAX ? NULL : sums_of(s, c.sku_index);
        if (sums == NULL)
            return c.sku_index > RECORD_SKU_MAX ? LC_EINVAL : LC_ENOMEM;
        sums->available[kind] += c.available;
        sums->on_hand[kind] += c.on_hand;
        if (!carried && e->cause == LEDGER_RESERVE &&
            sums->available[REST] + sums->available[MOVED] < 0)
            return LC_ESTATE;
    }
    return LC_OK;
}

enum lc_err
ledger_fold_base(struct ledger_fold *f, uint32_t store, struct slice value)
{
    struct cursor c = {.p = value.p, .n = value.n};
    struct ledger_entry e;
    bool map_failed = false;
    enum lc_err err;

    if (ledger_fold_knows(f, store))
        return LC_EEXIST;
    struct shop *s = calloc(1, sizeof *s);
    if (s == NULL)
        return LC_ENOMEM;
    s->store = store;
    HASH_ADD(hh, f->shops, store, sizeof s->store, s);
    if (map_failed) {
        free(s);
        return LC_ENOMEM;
    }
    while ((err = ledger_next(&c, &e)) == LC_OK) {
        err = e.store == store ? add(s, &e, true) : LC_EINVAL;
        if (err != LC_OK)
            return err;
    }
    return err == LC_EAGAIN ? LC_OK : err;
}

enum lc_err
ledger_fold_entries(struct ledger_fold *f, struct slice field)
{
    struct cursor c = {.p = field.p, .n = field.n};
    struct ledger_entry e;
    enum lc_err err;

    while ((err = ledger_next(&c, &e)) == LC_OK) {
        struct shop *s = shop_find(f, e.store);
        err = s == NULL ? LC_EINVAL : add(s, &e, false);
        if (err != LC_OK)
            return err;
        s->changed = true;
    }
    return err == LC_EAGAIN ? LC_OK : err;
}

static bool
fits(int64_t v)
{
    return v >= INT32_MIN && v <= INT32_MAX;
}

/* close_entry: writes how many changes the entry that begins at `head` has; none: it goes. */
static void
close_entry(struct buf *b, size_t head)
{
    size_t n = (b->n - head - ENTRY_HEAD) / ENTRY_CHANGE;

    if (b->failed)
        return;
    if (n == 0)
        b->n = head;
    else
        memcpy(b->p + head + ENTRY_HEAD - 2, (const uint8_t[]){(uint8_t)n, (uint8_t)(n >> 8)}, 2);
}

static size_t
open_entry(struct buf *b, uint32_t store, int kind)
{
    size_t head = b->n;

    buf_str(b, "feed carried                        ");
    buf_u32(b, store);
    buf_u8(b, kind == MOVED ? LEDGER_COMMIT : LEDGER_FEED);
    buf_u8(b, 0);
    buf_u16(b, 0);
    return head;
}

/* put: all SKUs with a sum of this kind; false without memory, or when one does not fit. */
static bool
put(struct buf *b, const struct shop *s, int kind)
{
    size_t head = open_entry(b, s->store, kind);

    for (size_t sku = 0; sku < s->n && !b->failed; sku++) {
        const struct sums *v = &s->skus[sku];
        if (v->available[kind] == 0 && v->on_hand[kind] == 0)
            continue;
        if (!fits(v->available[kind]) || !fits(v->on_hand[kind]))
            return false;
        if (b->n - head == ENTRY_HEAD + (size_t)UINT16_MAX * ENTRY_CHANGE) {
            close_entry(b, head);
            head = open_entry(b, s->store, kind);
        }
        buf_u32(b, (uint32_t)sku);
        buf_u32(b, (uint32_t)v->available[kind]);
        buf_u32(b, (uint32_t)v->on_hand[kind]);
    }
    close_entry(b, head);
    return !b->failed;
}

bool
ledger_fold_each(struct ledger_fold *f, bool (*one)(void *ctx, uint32_t store, struct slice value),
                 void *ctx)
{
    for (const struct shop *s = f->shops; s != NULL; s = s->hh.next) {
        buf_reset(&f->value);
        if (s->changed && (!put(&f->value, s, REST) || !put(&f->value, s, MOVED) ||
                           !one(ctx, s->store, buf_slice(&f->value))))
            return false;
    }
    return true;
}
