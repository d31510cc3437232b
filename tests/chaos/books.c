/* The ledger by orders: what each took, and what of it left the store. */
#include "check.h"

#include "base/record.h"

#include <stdio.h>

enum { PAGE = 500 };

#define STATE(name) LIFECIRCLE__V1__ORDER_STATE__##name

/* move: pieces of a SKU of a store. The weight is splitmix64's last steps. */
static void
move(struct moved *m, uint32_t store, uint32_t sku, int64_t pieces)
{
    uint64_t w = ((uint64_t)store << 32) + sku + 1;

    w = (w ^ (w >> 30)) * 0xbf58476d1ce4e5b9u;
    w = (w ^ (w >> 27)) * 0x94d049bb133111ebu;
    m->pieces += pieces;
    m->weighed += (w ^ (w >> 31)) * (uint64_t)pieces;
}

static void
take_entry(const struct ledger_entry *e)
{
    struct order *o = NULL;

    if (e->cause == LEDGER_FEED)
        return;
    HASH_FIND(by_id, t.ids, e->cause_id.p, e->cause_id.n, o);
    if (o == NULL) {
        wrong("%.*s took goods, and no chain was told of it", (int)e->cause_id.n, e->cause_id.p);
        return;
    }
    for (size_t i = 0; i < e->n; i++) {
        struct ledger_change change = ledger_change_at(e, i);
        move(&o->available, e->store, change.sku_index, change.available);
        move(&o->on_hand, e->store, change.sku_index, change.on_hand);
    }
}

static void
take_field(const char *entry, const redisReply *value)
{
    struct cursor c = {.p = value->str, .n = value->len};
    struct ledger_entry e;
    enum lc_err err;

    while ((err = ledger_next(&c, &e)) == LC_OK)
        take_entry(&e);
    if (err != LC_EAGAIN)
        wrong("ledger entry %s cannot be read", entry);
}

void
books_read(void)
{
    char from[64] = "-";
    size_t n;

    do {
        redisReply *page = ask("XRANGE {%s}:ledger %s + COUNT %d", t.city, from, PAGE);
        n = page->elements;
        for (size_t i = 0; i < n; i++) {
            const char *id = page->element[i]->element[0]->str;
            const redisReply *fields = page->element[i]->element[1];
            for (size_t f = 0; f + 1 < fields->elements; f += 2)
                if (fields->element[f]->str[0] == 'l')
                    take_field(id, fields->element[f + 1]);
            snprintf(from, sizeof from, "(%s", id);
        }
        freeReplyObject(page);
    } while (n == PAGE);
}

static bool
same(struct moved a, struct moved b)
{
    return a.pieces == b.pieces && a.weighed == b.weighed;
}

void
books_check(const struct order *o, const struct record *r)
{
    bool sold = r->state == STATE(DELIVERED) || r->state == STATE(COLLECTED);
    struct moved want = {0};
    struct record_line line;

    for (size_t i = 0; sold && record_line_at(r, i, &line); i++)
        move(&want, r->store, line.substitute > 0 ? line.substitute - 1 : line.sku_index,
             -(int64_t)line.taken);
    if (sold && want.pieces == 0)
        wrong("%s (%s) is %s without goods", o->external, o->id, record_state_name(r->state));
    if (!same(o->available, want))
        wrong("%s (%s) is %s: by the ledger %lld pieces were reserved for it and are not free "
              "again, expected its lines' %lld",
              o->external, o->id, record_state_name(r->state), -(long long)o->available.pieces,
              -(long long)want.pieces);
    if (!same(o->on_hand, want))
        wrong("%s (%s) is %s: by the ledger %lld pieces of it left the store, expected its lines' "
              "%lld",
              o->external, o->id, record_state_name(r->state), -(long long)o->on_hand.pieces,
              -(long long)want.pieces);
}
