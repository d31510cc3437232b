#include "base/catalogue_own.h"

#include "base/wire.h"

#include <stdlib.h>

enum { SKU_MAX = 1024 * 1024 };

static struct slice
sku_code(const struct chain_row *row, uint32_t index)
{
    return slice_of(row->text.p + row->sku[index].text, row->sku[index].code_n);
}

static uint64_t
sku_hash(const void *ctx, uint32_t index)
{
    return catalogue_hash(0, sku_code(ctx, index));
}

static enum lc_err
sku_reach(struct chain_row *row, uint32_t index)
{
    if (index >= SKU_MAX)
        return LC_EINVAL;
    if (index >= row->sku_room) {
        uint32_t room = row->sku_room == 0 ? 64 : row->sku_room;
        while (room <= index)
            room *= 2;
        struct sku_row *p = realloc(row->sku, room * sizeof *p);
        if (p == NULL)
            return LC_ENOMEM;
        memset(p + row->sku_room, 0, (room - row->sku_room) * sizeof *p);
        row->sku = p;
        row->sku_room = room;
    }
    return catalogue_names_reserve(&row->codes, sku_hash, row) ? LC_OK : LC_ENOMEM;
}

enum lc_err
catalogue_put_sku(struct catalogue *c, uint32_t chain, const Lifecircle__V1__Sku *sku)
{
    enum { CODE_MAX = 255, TEXT_MAX = 1000 };
    const char *name = (c->options.kinds & CATALOGUE_SKU_NAMES) != 0 ? sku->name : "";
    size_t code_n = strlen(sku->sku);
    size_t name_n = strlen(name);

    if (code_n == 0 || code_n > CODE_MAX || name_n > TEXT_MAX)
        return LC_EINVAL;
    enum lc_err err = catalogue_reach((void **)&c->chain, &c->chain_end, chain, sizeof *c->chain);
    if (err != LC_OK)
        return err;
    struct chain_row *row = &c->chain[chain];
    err = sku_reach(row, sku->sku_index);
    if (err != LC_OK)
        return err;

    struct sku_row *s = &row->sku[sku->sku_index];
    bool fresh = s->code_n == 0;
    if (!fresh && !slice_eq_str(sku_code(row, sku->sku_index), sku->sku))
        return LC_EINVAL; /* an index means one SKU for ever */
    if (fresh || strcmp(row->text.p + s->text + s->name, name) != 0) {
        /* an old name stays behind in the text: names hardly ever change */
        size_t text = row->text.n;
        if (text > UINT32_MAX / 2 || buf_reserve(&row->text, code_n + name_n + 2) == NULL) {
            row->text.failed = false;
            return LC_ENOMEM;
        }
        buf_append(&row->text, sku->sku, code_n + 1);
        buf_append(&row->text, name, name_n + 1);
        s->text = (uint32_t)text;
        s->name = (uint16_t)(code_n + 1);
        s->code_n = (uint8_t)code_n;
    }
    s->weight_g = sku->weight_g;
    s->volume_ml = sku->volume_ml;
    s->age_restricted = sku->age_restricted;
    if (fresh)
        catalogue_names_add(&row->codes, sku_hash(row, sku->sku_index), sku->sku_index);
    if (sku->sku_index >= row->sku_n)
        row->sku_n = sku->sku_index + 1;
    return LC_OK;
}

enum lc_err
catalogue_take_sku(struct catalogue *c, uint32_t chain, struct arena *scratch, struct slice packed)
{
    struct arena_mark mark = arena_mark(scratch);
    const Lifecircle__V1__Sku *sku = wire_unpack(&lifecircle__v1__sku__descriptor, scratch, packed);
    enum lc_err err = sku != NULL ? catalogue_put_sku(c, chain, sku) : LC_ENOMEM;

    if (sku == NULL && wire_check(&lifecircle__v1__sku__descriptor, packed) != LC_OK)
        err = LC_EINVAL;

    arena_rewind(scratch, mark);
    return err;
}

uint32_t
catalogue_sku_index(const struct catalogue *c, uint32_t chain, struct slice sku)
{
    if (chain >= c->chain_end || c->chain[chain].codes.room == 0)
        return CATALOGUE_NO_SKU;

    const struct chain_row *row = &c->chain[chain];
    const struct names *t = &row->codes;
    size_t at = catalogue_hash(0, sku) & (t->room - 1);
    for (; t->slot[at] != 0; at = (at + 1) & (t->room - 1))
        if (slice_eq(sku_code(row, t->slot[at] - 1), sku))
            return t->slot[at] - 1;
    return CATALOGUE_NO_SKU;
}

bool
catalogue_sku(const struct catalogue *c, uint32_t chain, uint32_t index, struct catalogue_sku *out)
{
    if (chain >= c->chain_end || index >= c->chain[chain].sku_n)
        return false;

    const struct chain_row *row = &c->chain[chain];
    const struct sku_row *s = &row->sku[index];
    if (s->code_n == 0)
        return false;
    *out = (struct catalogue_sku){
        .index = index,
        .weight_g = s->weight_g,
        .volume_ml = s->volume_ml,
        .age_restricted = s->age_restricted,
        .sku = row->text.p + s->text,
        .name = row->text.p + s->text + s->name,
    };
    return true;
}

uint32_t
catalogue_sku_count(const struct catalogue *c, uint32_t chain)
{
    return chain < c->chain_end ? c->chain[chain].sku_n : 0;
}
