#include "inventory/ledger_fold.h"

#include "base/map.h"
#include "base/record.h"

#include <stdlib.h>

enum kind { OVERSOLD, REST, MOVED, KINDS };
enum { ENTRY_HEAD = 44 }; /* docs/redis.md, the ledger */

/* sums: of one SKU: of pickups and returns, and of all else; and what was taken that was not there.
 */
struct sums {
    int64_t available[KINDS]; /* of OVERSOLD: not a change, only what it came to */
    int64_t on_hand[KINDS];
};

struct block {
    uint64_t key;
    bool changed;
    struct sums skus[LEDGER_BLOCK];
    UT_hash_handle hh;
};

struct ledger_fold {
    struct block *blocks;
    uint64_t oversold;
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
    struct block *b = f->blocks;
    HASH_CLEAR(hh, f->blocks); /* the table; the blocks are still linked */
    while (b != NULL) {
        struct block *next = b->hh.next;
        free(b);
        b = next;
    }
    buf_free(&f->value);
    free(f);
}

static struct block *
block_find(const struct ledger_fold *f, uint32_t store, uint32_t block)
{
    uint64_t key = (uint64_t)store << 32 | block;
    struct block *b;

    HASH_FIND(hh, f->blocks, &key, sizeof key, b);
    return b;
}

/* block_new: NULL without memory. */
static struct block *
block_new(struct ledger_fold *f, uint32_t store, uint32_t block)
{
    struct block *b = calloc(1, sizeof *b);
    bool map_failed = false;

    if (b == NULL)
        return NULL;
    b->key = (uint64_t)store << 32 | block;
    HASH_ADD(hh, f->blocks, key, sizeof b->key, b);
    if (map_failed) {
        free(b);
        return NULL;
    }
    return b;
}

bool
ledger_fold_knows(const struct ledger_fold *f, uint32_t store, uint32_t block)
{
    return block_find(f, store, block) != NULL;
}

/* ---- in ---- */

/* carry: a change of a base. */
static void
carry(struct block *b, const struct ledger_entry *e, const struct ledger_change *c)
{
    struct sums *s = &b->skus[c->sku_index % LEDGER_BLOCK];
    enum kind kind = e->cause == LEDGER_COMMIT || e->cause == LEDGER_RETURN ? MOVED : REST;

    s->available[kind] += c->available;
    s->on_hand[kind] += c->on_hand;
    if (e->cause == LEDGER_RESERVE)
        s->available[OVERSOLD] += c->available;
}

/* add: a change of the stream; it alone can tell that what was taken was not there (as audit.c). */
static void
add(struct ledger_fold *f, struct block *b, const struct ledger_entry *e,
    const struct ledger_change *c)
{
    struct sums *s = &b->skus[c->sku_index % LEDGER_BLOCK];
    enum kind kind = e->cause == LEDGER_COMMIT || e->cause == LEDGER_RETURN ? MOVED : REST;

    s->available[kind] += c->available;
    s->on_hand[kind] += c->on_hand;
    b->changed = true;
    int64_t left = s->available[REST] + s->available[MOVED];
    if (e->cause == LEDGER_RESERVE && left < 0) {
        int64_t beyond = left > c->available ? left : c->available;
        s->available[OVERSOLD] += beyond;
        f->oversold -= (uint64_t)beyond;
    }
}

enum lc_err
ledger_fold_base(struct ledger_fold *f, uint32_t store, uint32_t block, struct slice value)
{
    struct cursor c = {.p = value.p, .n = value.n};
    struct ledger_entry e;
    enum lc_err err;

    if (block_find(f, store, block) != NULL)
        return LC_EEXIST;
    struct block *b = block_new(f, store, block);
    if (b == NULL)
        return LC_ENOMEM;
    while ((err = ledger_next(&c, &e)) == LC_OK) {
        for (size_t i = 0; i < e.n; i++) {
            struct ledger_change change = ledger_change_at(&e, i);
            if (e.store != store || change.sku_index / LEDGER_BLOCK != block)
                return LC_EINVAL;
            carry(b, &e, &change);
        }
    }
    return err == LC_EAGAIN ? LC_OK : err;
}

enum lc_err
ledger_fold_whole(struct ledger_fold *f, uint32_t store, struct slice value)
{
    struct cursor c = {.p = value.p, .n = value.n};
    struct ledger_entry e;
    enum lc_err err;

    while ((err = ledger_next(&c, &e)) == LC_OK) {
        for (size_t i = 0; i < e.n; i++) {
            struct ledger_change change = ledger_change_at(&e, i);
            if (e.store != store || change.sku_index > RECORD_SKU_MAX)
                return LC_EINVAL;
            uint32_t block = change.sku_index / LEDGER_BLOCK;
            struct block *b = block_find(f, store, block);
            if (b == NULL)
                b = block_new(f, store, block);
            if (b == NULL)
                return LC_ENOMEM;
            carry(b, &e, &change);
            b->changed = true;
        }
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
        for (size_t i = 0; i < e.n; i++) {
            struct ledger_change change = ledger_change_at(&e, i);
            struct block *b = block_find(f, e.store, change.sku_index / LEDGER_BLOCK);
            if (b == NULL || change.sku_index > RECORD_SKU_MAX)
                return LC_EINVAL;
            add(f, b, &e, &change);
        }
    }
    return err == LC_EAGAIN ? LC_OK : err;
}

uint64_t
ledger_fold_oversold(const struct ledger_fold *f)
{
    return f->oversold;
}

/* ---- out ---- */

static bool
fits(int64_t v)
{
    return v >= INT32_MIN && v <= INT32_MAX;
}

/* put: an entry of all SKUs with a sum of this kind; false without memory, or when one does not
 * fit. */
static bool
put(struct buf *out, const struct block *b, enum kind kind)
{
    static const uint8_t causes[KINDS] = {
        [OVERSOLD] = LEDGER_RESERVE, [REST] = LEDGER_FEED, [MOVED] = LEDGER_COMMIT};
    size_t head = out->n;
    uint16_t n = 0;

    buf_str(out, "feed carried                        ");
    buf_u32(out, (uint32_t)(b->key >> 32));
    buf_u8(out, causes[kind]);
    buf_u8(out, 0);
    buf_u16(out, 0);
    for (uint32_t i = 0; i < LEDGER_BLOCK; i++) {
        const struct sums *s = &b->skus[i];
        int64_t available = s->available[kind] - (kind == REST ? s->available[OVERSOLD] : 0);
        if (available == 0 && s->on_hand[kind] == 0)
            continue;
        if (!fits(available) || !fits(s->on_hand[kind]))
            return false;
        buf_u32(out, (uint32_t)b->key * LEDGER_BLOCK + i);
        buf_u32(out, (uint32_t)available);
        buf_u32(out, (uint32_t)s->on_hand[kind]);
        n++;
    }
    if (out->failed)
        return false;
    if (n == 0)
        out->n = head;
    else
        memcpy(out->p + head + ENTRY_HEAD - 2, (const uint8_t[]){(uint8_t)n, (uint8_t)(n >> 8)}, 2);
    return true;
}

bool
ledger_fold_each(struct ledger_fold *f,
                 bool (*one)(void *ctx, uint32_t store, uint32_t block, struct slice value),
                 void *ctx)
{
    for (const struct block *b = f->blocks; b != NULL; b = b->hh.next) {
        buf_reset(&f->value);
        if (b->changed &&
            (!put(&f->value, b, OVERSOLD) || !put(&f->value, b, REST) ||
             !put(&f->value, b, MOVED) ||
             !one(ctx, (uint32_t)(b->key >> 32), (uint32_t)b->key, buf_slice(&f->value))))
            return false;
    }
    return true;
}
