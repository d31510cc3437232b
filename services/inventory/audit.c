#include "inventory/audit.h"

#include "base/map.h"
#include "base/record.h"

#include <stdlib.h>

/* sums: of one SKU at one store. */
struct sums {
    int64_t available;
    int64_t on_hand;
    int64_t reserved;
    int64_t oversold;
};

struct shop {
    uint32_t store;
    bool has_levels;
    struct sums *skus;
    size_t n;
    struct buf stock; /* copies of the two strings */
    struct buf shelf;
    UT_hash_handle hh;
};

struct audit {
    struct shop *shops; /* by store, in the order in which they came up */
    struct audit_totals totals;
};

struct audit *
audit_new(void)
{
    return calloc(1, sizeof(struct audit));
}

void
audit_free(struct audit *a)
{
    if (a == NULL)
        return;
    struct shop *s = a->shops;
    HASH_CLEAR(hh, a->shops); /* the table; the shops are still linked */
    while (s != NULL) {
        struct shop *next = s->hh.next;
        buf_free(&s->stock);
        buf_free(&s->shelf);
        free(s->skus);
        free(s);
        s = next;
    }
    free(a);
}

static struct shop *
shop_of(struct audit *a, uint32_t store)
{
    bool map_failed = false;
    struct shop *s;

    HASH_FIND(hh, a->shops, &store, sizeof store, s);
    if (s != NULL)
        return s;
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->store = store;
    HASH_ADD(hh, a->shops, store, sizeof s->store, s);
    if (map_failed) {
        free(s);
        return NULL;
    }
    return s;
}

static struct sums *
sums_of(struct shop *s, uint32_t sku)
{
    if (sku > RECORD_SKU_MAX)
        return NULL;
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

static enum lc_err
add_entry(struct audit *a, const struct ledger_entry *e)
{
    struct shop *s = shop_of(a, e->store);

    if (s == NULL)
        return LC_ENOMEM;
    a->totals.ledger_entries++;
    for (size_t i = 0; i < e->n; i++) {
        struct ledger_change c = ledger_change_at(e, i);
        if (c.sku_index > RECORD_SKU_MAX)
            return LC_EINVAL;
        struct sums *sums = sums_of(s, c.sku_index);
        if (sums == NULL)
            return LC_ENOMEM;
        sums->available += c.available;
        sums->on_hand += c.on_hand;
        if (e->cause == LEDGER_RESERVE && sums->available < 0)
            sums->oversold += -(sums->available > c.available ? sums->available : c.available);
        if (e->cause == LEDGER_COMMIT || e->cause == LEDGER_RETURN)
            a->totals.sold -= (uint64_t)(int64_t)c.on_hand;
    }
    return LC_OK;
}

enum lc_err
audit_ledger(struct audit *a, struct slice field)
{
    struct cursor c = {.p = field.p, .n = field.n};
    struct ledger_entry e;
    enum lc_err err;

    while ((err = ledger_next(&c, &e)) == LC_OK) {
        err = add_entry(a, &e);
        if (err != LC_OK)
            return err;
    }
    return err == LC_EAGAIN ? LC_OK : err;
}

enum lc_err
audit_levels(struct audit *a, uint32_t store, struct slice stock, struct slice shelf)
{
    struct shop *s = shop_of(a, store);

    if (s == NULL)
        return LC_ENOMEM;
    if (stock.n % 8 != 0 || shelf.n % 8 != 0)
        return LC_EINVAL;
    if (s->has_levels)
        return LC_EEXIST;
    buf_append(&s->stock, stock.p, stock.n);
    buf_append(&s->shelf, shelf.p, shelf.n);
    s->has_levels = true;
    return s->stock.failed || s->shelf.failed ? LC_ENOMEM : LC_OK;
}

enum lc_err
audit_order(struct audit *a, struct slice record)
{
    struct record r;
    struct record_line l;

    if (record_read(record, &r) != LC_OK)
        return LC_EINVAL;
    a->totals.orders++;
    if ((r.flags & RECORD_TAKEN) == 0 || (r.flags & RECORD_COMMITTED) != 0)
        return LC_OK;
    struct shop *s = shop_of(a, r.store);
    if (s == NULL)
        return LC_ENOMEM;
    for (size_t i = 0; record_line_at(&r, i, &l); i++) {
        uint32_t sku = l.substitute > 0 ? l.substitute - 1 : l.sku_index;
        if (sku > RECORD_SKU_MAX)
            return LC_EINVAL;
        struct sums *sums = sums_of(s, sku);
        if (sums == NULL)
            return LC_ENOMEM;
        sums->reserved += l.taken;
        a->totals.reserved += l.taken;
    }
    return LC_OK;
}

struct checking {
    struct audit *audit;
    void (*report)(void *ctx, const struct audit_fault *fault);
    void *ctx;
    size_t faults;
};

static void
compare(struct checking *c, enum audit_check check, const struct shop *s, uint32_t sku,
        int64_t expected, int64_t found)
{
    struct audit_fault f = {check, s->store, sku, expected, found};

    if (expected == found)
        return;
    c->faults++;
    if (c->report != NULL)
        c->report(c->ctx, &f);
}

static void
check_sku(struct checking *c, const struct shop *s, uint32_t sku)
{
    struct stock_level l = stock_level_at(buf_slice(&s->stock), buf_slice(&s->shelf), sku);
    struct sums sums = sku < s->n ? s->skus[sku] : (struct sums){0};
    struct audit_totals *t = &c->audit->totals;

    compare(c, AUDIT_AVAILABLE, s, sku, sums.available, l.available);
    compare(c, AUDIT_ON_HAND, s, sku, sums.on_hand, l.on_hand);
    compare(c, AUDIT_RESERVED, s, sku, sums.reserved,
            (int64_t)l.on_hand - l.available - (int64_t)l.safety);
    compare(c, AUDIT_OVERSOLD, s, sku, 0, sums.oversold);
    t->oversold += (uint64_t)sums.oversold;
    t->levels++;
    if (l.on_hand > 0)
        t->on_hand += (uint64_t)l.on_hand;
    int64_t beyond = sums.reserved - (l.on_hand > 0 ? l.on_hand : 0);
    if (beyond > 0)
        t->withdrawn += (uint64_t)beyond;
}

size_t
audit_check(struct audit *a, void (*report)(void *ctx, const struct audit_fault *fault), void *ctx)
{
    struct checking c = {.audit = a, .report = report, .ctx = ctx};

    a->totals.stores = a->totals.levels = a->totals.on_hand = 0;
    a->totals.oversold = a->totals.withdrawn = 0;
    for (const struct shop *s = a->shops; s != NULL; s = s->hh.next) {
        size_t n = s->n;
        if (s->stock.n / 8 > n)
            n = s->stock.n / 8;
        if (s->shelf.n / 8 > n)
            n = s->shelf.n / 8;
        a->totals.stores++;
        for (size_t sku = 0; sku < n; sku++)
            check_sku(&c, s, (uint32_t)sku);
    }
    return c.faults;
}

struct audit_totals
audit_sum(const struct audit *a)
{
    return a->totals;
}
