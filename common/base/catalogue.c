#include "base/catalogue_own.h"

#include "base/date.h"
#include "base/secret.h"
#include "base/wire.h"

#include <stdlib.h>

/* Numbers come from counters that start at 1: a larger one is a broken record, not a large city. */
enum { NUMBER_MAX = 4 * 1024 * 1024 };

/* ---- names ---- */

uint64_t
catalogue_hash(uint64_t seed, struct slice s)
{
    uint64_t h = 0xcbf29ce484222325U ^ seed * 0x9e3779b97f4a7c15U; /* FNV-1a */

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3U;
    return h ^ h >> 29;
}

bool
catalogue_names_reserve(struct names *t, uint64_t (*hash_of)(const void *, uint32_t),
                        const void *ctx)
{
    if ((t->n + 1) * 4 <= t->room * 3)
        return true;

    size_t room = t->room == 0 ? 16 : t->room * 2;
    uint32_t *slot = calloc(room, sizeof *slot);
    if (slot == NULL)
        return false;
    for (size_t i = 0; i < t->room; i++) {
        if (t->slot[i] == 0)
            continue;
        size_t at = hash_of(ctx, t->slot[i] - 1) & (room - 1);
        while (slot[at] != 0)
            at = (at + 1) & (room - 1);
        slot[at] = t->slot[i];
    }
    free(t->slot);
    t->slot = slot;
    t->room = room;
    return true;
}

void
catalogue_names_add(struct names *t, uint64_t hash, uint32_t value)
{
    size_t at = hash & (t->room - 1);

    while (t->slot[at] != 0)
        at = (at + 1) & (t->room - 1);
    t->slot[at] = value + 1;
    t->n++;
}

/* ---- life ---- */

struct catalogue *
catalogue_new(const struct catalogue_options *options)
{
    struct catalogue *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->options = *options;
    c->city = malloc(options->city.n + 1);
    if (c->city == NULL) {
        free(c);
        return NULL;
    }
    if (options->city.n > 0)
        memcpy(c->city, options->city.p, options->city.n);
    c->city[options->city.n] = '\0';
    c->options.city = slice_of(c->city, options->city.n);
    if (c->options.poll_ms <= 0)
        c->options.poll_ms = CATALOGUE_POLL_MS;
    c->load.next_ms = INT64_MAX;
    return c;
}

void
catalogue_destroy(struct catalogue *c)
{
    if (c == NULL)
        return;
    for (uint32_t i = 0; i < c->store_end; i++)
        free(c->store[i]);
    for (uint32_t i = 0; i < c->chain_end; i++) {
        struct chain_row *row = &c->chain[i];
        if (row->chain != NULL)
            lifecircle__v1__chain__free_unpacked(row->chain, NULL);
        free(row->sku);
        free(row->codes.slot);
        buf_free(&row->text);
    }
    for (uint32_t i = 0; i < c->courier_end; i++)
        if (c->courier[i] != NULL)
            lifecircle__v1__courier__free_unpacked(c->courier[i], NULL);
    for (size_t k = 0; k < KINDS; k++)
        free(c->load.changed[k].list);
    free(c->store);
    free(c->chain);
    free(c->courier);
    free(c->store_ids.slot);
    free(c->city);
    free(c);
}

enum lc_err
catalogue_reach(void **list, uint32_t *end, uint32_t number, size_t item)
{
    if (number == 0 || number >= NUMBER_MAX)
        return LC_EINVAL;
    if (number < *end)
        return LC_OK;

    uint32_t want = *end == 0 ? 16 : *end;
    while (want <= number)
        want *= 2;
    char *p = realloc(*list, want * item);
    if (p == NULL)
        return LC_ENOMEM;
    memset(p + *end * item, 0, (want - *end) * item);
    *list = p;
    *end = want;
    return LC_OK;
}

/* ---- stores ---- */

static uint64_t
store_hash(const void *ctx, uint32_t store)
{
    const struct catalogue *c = ctx;
    const struct catalogue_store *s = c->store[store];

    return catalogue_hash(s->chain, slice_str(s->store_id));
}

static struct catalogue_store *
store_of(const Lifecircle__V1__Store *full)
{
    size_t id_n = strlen(full->store_id) + 1;
    size_t name_n = strlen(full->name) + 1;
    size_t address_n = strlen(full->address) + 1;
    struct catalogue_store *s = malloc(sizeof *s + id_n + name_n + address_n);

    if (s == NULL)
        return NULL;
    char *text = (char *)(s + 1);
    *s = (struct catalogue_store){
        .store = full->store,
        .chain = full->chain,
        .at = full->at == NULL ? (struct latlng){0, 0}
                               : (struct latlng){full->at->lat_e7, full->at->lng_e7},
        .prep_s = full->prep_s,
        .prep_per_item_s = full->prep_per_item_s,
        .capacity = full->capacity,
        .busy_delay_s = full->busy_delay_s,
        .safety_stock = full->safety_stock,
        .busy = full->busy,
        .delivers = full->delivers,
        .collects = full->collects,
        .age_check = full->age_check,
        .cold = full->cold,
        .store_id = memcpy(text, full->store_id, id_n),
        .name = memcpy(text + id_n, full->name, name_n),
        .address = memcpy(text + id_n + name_n, full->address, address_n),
    };
    return s;
}

enum lc_err
catalogue_put_store(struct catalogue *c, const Lifecircle__V1__Store *full)
{
    if (full->store_id[0] == '\0')
        return LC_EINVAL;
    enum lc_err err =
        catalogue_reach((void **)&c->store, &c->store_end, full->store, sizeof *c->store);
    if (err != LC_OK)
        return err;

    struct catalogue_store *old = c->store[full->store];
    if (old != NULL && (old->chain != full->chain || strcmp(old->store_id, full->store_id) != 0))
        return LC_EINVAL; /* a number means one store for ever */
    if (old == NULL && !catalogue_names_reserve(&c->store_ids, store_hash, c))
        return LC_ENOMEM;
    struct catalogue_store *s = store_of(full);
    if (s == NULL)
        return LC_ENOMEM;
    c->store[full->store] = s;
    if (old == NULL) {
        catalogue_names_add(&c->store_ids, store_hash(c, full->store), full->store);
        c->store_n++;
    }
    free(old);
    if (c->options.watch != NULL && c->options.watch->store != NULL)
        c->options.watch->store(c->options.ctx, s, full);
    return LC_OK;
}

enum lc_err
catalogue_take_store(struct catalogue *c, struct arena *scratch, struct slice packed)
{
    struct arena_mark mark = arena_mark(scratch);
    const Lifecircle__V1__Store *full =
        wire_unpack(&lifecircle__v1__store__descriptor, scratch, packed);
    enum lc_err err = full != NULL ? catalogue_put_store(c, full) : LC_ENOMEM;

    if (full == NULL && wire_check(&lifecircle__v1__store__descriptor, packed) != LC_OK)
        err = LC_EINVAL;

    arena_rewind(scratch, mark);
    return err;
}

const struct catalogue_store *
catalogue_store(const struct catalogue *c, uint32_t store)
{
    return store < c->store_end ? c->store[store] : NULL;
}

const struct catalogue_store *
catalogue_store_by_id(const struct catalogue *c, uint32_t chain, struct slice store_id)
{
    const struct names *t = &c->store_ids;

    if (t->room == 0)
        return NULL;
    size_t at = catalogue_hash(chain, store_id) & (t->room - 1);
    for (; t->slot[at] != 0; at = (at + 1) & (t->room - 1)) {
        const struct catalogue_store *s = c->store[t->slot[at] - 1];
        if (s->chain == chain && slice_eq_str(store_id, s->store_id))
            return s;
    }
    return NULL;
}

uint32_t
catalogue_store_end(const struct catalogue *c)
{
    return c->store_end;
}

size_t
catalogue_store_count(const struct catalogue *c)
{
    return c->store_n;
}

/* ---- chains and couriers ---- */

enum lc_err
catalogue_put_chain(struct catalogue *c, struct slice packed)
{
    if (wire_check(&lifecircle__v1__chain__descriptor, packed) != LC_OK)
        return LC_EINVAL;
    Lifecircle__V1__Chain *chain =
        lifecircle__v1__chain__unpack(NULL, packed.n, (const uint8_t *)packed.p);
    if (chain == NULL)
        return LC_ENOMEM;
    enum lc_err err =
        catalogue_reach((void **)&c->chain, &c->chain_end, chain->chain, sizeof *c->chain);
    if (err != LC_OK) {
        lifecircle__v1__chain__free_unpacked(chain, NULL);
        return err;
    }
    struct chain_row *row = &c->chain[chain->chain];
    if (row->chain != NULL)
        lifecircle__v1__chain__free_unpacked(row->chain, NULL);
    row->chain = chain;
    if (c->options.watch != NULL && c->options.watch->chain != NULL)
        c->options.watch->chain(c->options.ctx, chain);
    return LC_OK;
}

const Lifecircle__V1__Chain *
catalogue_chain(const struct catalogue *c, uint32_t chain)
{
    return chain < c->chain_end ? c->chain[chain].chain : NULL;
}

uint32_t
catalogue_chain_end(const struct catalogue *c)
{
    return c->chain_end;
}

enum lc_err
catalogue_chain_by_key(const struct catalogue *c, struct slice key,
                       const Lifecircle__V1__Chain **chain, size_t *index)
{
    enum secret_kind kind;
    uint32_t number;
    char hash[SECRET_HASH_TEXT];

    if (secret_token_parse(key, &kind, &number) != LC_OK || kind != SECRET_CHAIN)
        return LC_EDENIED;
    const Lifecircle__V1__Chain *owner = catalogue_chain(c, number);
    if (owner == NULL)
        return LC_EDENIED;
    secret_hash(key, hash);
    for (size_t i = 0; i < owner->n_keys; i++) {
        const Lifecircle__V1__ApiKey *k = owner->keys[i];
        if (!secret_equal(slice_str(k->hash), slice_str(hash)))
            continue;
        if (k->revoked)
            return LC_EDENIED;
        *chain = owner;
        if (index != NULL)
            *index = i;
        return LC_OK;
    }
    return LC_EDENIED;
}

bool
catalogue_key_lives(const struct catalogue *c, uint32_t chain, const char *hash)
{
    const Lifecircle__V1__Chain *owner = catalogue_chain(c, chain);

    for (size_t i = 0; owner != NULL && i < owner->n_keys; i++)
        if (secret_equal(slice_str(owner->keys[i]->hash), slice_str(hash)))
            return !owner->keys[i]->revoked;
    return false;
}

enum lc_err
catalogue_put_courier(struct catalogue *c, struct slice packed)
{
    if (wire_check(&lifecircle__v1__courier__descriptor, packed) != LC_OK)
        return LC_EINVAL;
    Lifecircle__V1__Courier *courier =
        lifecircle__v1__courier__unpack(NULL, packed.n, (const uint8_t *)packed.p);
    if (courier == NULL)
        return LC_ENOMEM;
    enum lc_err err = catalogue_reach((void **)&c->courier, &c->courier_end, courier->courier,
                                      sizeof *c->courier);
    if (err != LC_OK) {
        lifecircle__v1__courier__free_unpacked(courier, NULL);
        return err;
    }
    if (c->courier[courier->courier] != NULL)
        lifecircle__v1__courier__free_unpacked(c->courier[courier->courier], NULL);
    c->courier[courier->courier] = courier;
    if (c->options.watch != NULL && c->options.watch->courier != NULL)
        c->options.watch->courier(c->options.ctx, courier);
    return LC_OK;
}

const Lifecircle__V1__Courier *
catalogue_courier(const struct catalogue *c, uint32_t courier)
{
    return courier < c->courier_end ? c->courier[courier] : NULL;
}

/* ---- hours ---- */

static bool
add_span(struct hours_day *day, const Lifecircle__V1__Interval *i)
{
    if (day->n == HOURS_SPAN_MAX || i->open_minute > HOURS_MINUTE_MAX ||
        i->close_minute > HOURS_MINUTE_MAX)
        return false;
    day->span[day->n++] = (struct hours_span){(uint16_t)i->open_minute, (uint16_t)i->close_minute};
    return true;
}

static bool
convert_hours(const Lifecircle__V1__Store *full, struct hours *out)
{
    if (full->n_exceptions > HOURS_EXCEPTION_MAX)
        return false;
    for (size_t i = 0; i < full->n_hours; i++)
        if (full->hours[i]->weekday > 6 ||
            !add_span(&out->week[full->hours[i]->weekday], full->hours[i]))
            return false;
    for (size_t i = 0; i < full->n_exceptions; i++) {
        const Lifecircle__V1__HoursException *e = full->exceptions[i];
        struct hours_exception *to = &out->exception[out->exception_n++];
        to->date = date_of((struct civil){
            (int32_t)(e->date / 10000), (int32_t)(e->date / 100 % 100), (int32_t)(e->date % 100)});
        for (size_t k = 0; k < e->n_hours; k++)
            if (!add_span(&to->day, e->hours[k]))
                return false;
    }
    return hours_check(out, NULL) == LC_OK;
}

enum lc_err
catalogue_hours(const Lifecircle__V1__Store *full, struct hours *out)
{
    *out = (struct hours){0};
    if (convert_hours(full, out))
        return LC_OK;
    *out = (struct hours){0};
    return LC_EINVAL;
}
