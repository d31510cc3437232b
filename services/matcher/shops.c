#include "matcher/shops.h"

#include <math.h>
#include <stdlib.h>

enum { PAUSED = LIFECIRCLE__V1__BUSY_MODE__PAUSED };

static const struct match_box nowhere = {1, 0, 1, 0};

enum lc_err
match_shops_init(struct match_shops *s)
{
    *s = (struct match_shops){.generation = 1, .least_prep_s = UINT32_MAX, .around = nowhere};
    s->zones = zone_set_new();
    return s->zones == NULL ? LC_ENOMEM : LC_OK;
}

void
match_shops_free(struct match_shops *s)
{
    zone_set_destroy(s->zones);
    timezone_destroy(s->tz);
    free(s->shop);
    free(s->hours);
    free(s->member);
    free(s->paused);
    free(s->scratch);
    *s = (struct match_shops){0};
}

enum lc_err
match_shops_timezone(struct match_shops *s, struct slice tzif)
{
    struct tz *tz = NULL;

    if (tzif.n == 0)
        return LC_OK;
    enum lc_err err = timezone_new(tzif, &tz);
    if (err != LC_OK)
        return err;
    timezone_destroy(s->tz);
    s->tz = tz;
    return LC_OK;
}

static enum lc_err
make_room(struct match_shops *s, uint32_t store)
{
    uint32_t room = s->room == 0 ? 256 : s->room;

    if (store >= MATCH_STORES_MAX)
        return LC_ETOOBIG;
    while (room <= store)
        room *= 2;
    if (room != s->room) {
        struct match_shop *shop = realloc(s->shop, room * sizeof *shop);
        if (shop == NULL)
            return LC_ENOMEM;
        s->shop = shop;
        struct hours *hours = realloc(s->hours, room * sizeof *hours);
        if (hours == NULL)
            return LC_ENOMEM;
        s->hours = hours;
        s->room = room;
    }
    for (; s->end <= store; s->end++) {
        s->shop[s->end] = (struct match_shop){.box = nowhere};
        s->hours[s->end] = (struct hours){0};
    }
    return LC_OK;
}

static struct match_box
box_of(const struct latlng *p, size_t n)
{
    struct match_box b = nowhere;

    for (size_t i = 0; i < n; i++) {
        if (i == 0)
            b = (struct match_box){p->lat_e7, p->lat_e7, p->lng_e7, p->lng_e7};
        b.south_e7 = p[i].lat_e7 < b.south_e7 ? p[i].lat_e7 : b.south_e7;
        b.north_e7 = p[i].lat_e7 > b.north_e7 ? p[i].lat_e7 : b.north_e7;
        b.west_e7 = p[i].lng_e7 < b.west_e7 ? p[i].lng_e7 : b.west_e7;
        b.east_e7 = p[i].lng_e7 > b.east_e7 ? p[i].lng_e7 : b.east_e7;
    }
    return b;
}

/* The zone as zone.h takes it; *box is around all points, so around what a repair leaves of it too.
 */
static enum lc_err
put_zone(struct match_shops *s, uint32_t store, const Lifecircle__V1__Store *full,
         struct match_box *box)
{
    enum lc_err err = LC_ENOMEM;
    size_t points = 0;

    *box = nowhere;
    if (full->n_zone == 0) {
        zone_set_remove(s->zones, store);
        return LC_OK;
    }
    for (size_t r = 0; r < full->n_zone; r++)
        points += full->zone[r]->n_e7 / 2;
    struct latlng *point = calloc(points + 1, sizeof *point);
    struct zone_ring *ring = calloc(full->n_zone, sizeof *ring);
    if (point == NULL || ring == NULL)
        goto out;
    size_t used = 0;
    for (size_t r = 0; r < full->n_zone; r++) {
        const Lifecircle__V1__Ring *from = full->zone[r];
        ring[r] = (struct zone_ring){point + used, from->n_e7 / 2, from->hole};
        for (size_t i = 0; i + 1 < from->n_e7; i += 2)
            point[used++] = (struct latlng){from->e7[i], from->e7[i + 1]};
    }
    err = zone_set_put(s->zones, store, ring, full->n_zone, NULL, NULL);
    if (err == LC_OK)
        *box = box_of(point, used);
    else if (err != LC_ENOMEM) {
        s->bad_zones++;
        zone_set_remove(s->zones, store);
        err = LC_OK;
    }
out:
    free(point);
    free(ring);
    return err;
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
    return (h ^ v) * 0x100000001b3U; /* FNV-1a, by numbers in the place of bytes */
}

/* Tells whether the zone is another, so that neighbourhoods have to look again. */
static uint64_t
hash_zone(const Lifecircle__V1__Store *full)
{
    uint64_t h = 0xcbf29ce484222325U;

    for (size_t r = 0; r < full->n_zone; r++) {
        h = mix(h, full->zone[r]->n_e7 * 2 + (full->zone[r]->hole ? 1 : 0));
        for (size_t i = 0; i < full->zone[r]->n_e7; i++)
            h = mix(h, (uint32_t)full->zone[r]->e7[i]);
    }
    return h;
}

static bool
same_place(const struct match_shop *a, const struct match_shop *b)
{
    return a->chain == b->chain && a->at.lat_e7 == b->at.lat_e7 && a->at.lng_e7 == b->at.lng_e7 &&
           a->zone_hash == b->zone_hash;
}

static void
widen(struct match_box *b, struct latlng p)
{
    if (b->south_e7 > b->north_e7)
        *b = (struct match_box){p.lat_e7, p.lat_e7, p.lng_e7, p.lng_e7};
    b->south_e7 = p.lat_e7 < b->south_e7 ? p.lat_e7 : b->south_e7;
    b->north_e7 = p.lat_e7 > b->north_e7 ? p.lat_e7 : b->north_e7;
    b->west_e7 = p.lng_e7 < b->west_e7 ? p.lng_e7 : b->west_e7;
    b->east_e7 = p.lng_e7 > b->east_e7 ? p.lng_e7 : b->east_e7;
}

static uint32_t
largest_reach(const struct match_shops *s)
{
    uint32_t most = 0;

    for (uint32_t i = 1; i < s->end; i++)
        if (s->shop[i].chain != 0 && s->shop[i].reach_m > most)
            most = s->shop[i].reach_m;
    return most;
}

enum lc_err
match_shops_put(struct match_shops *s, const struct catalogue_store *store,
                const Lifecircle__V1__Store *full, struct match_change *change)
{
    struct match_box box;
    enum lc_err err = make_room(s, store->store);

    if (err == LC_OK)
        err = put_zone(s, store->store, full, &box);
    if (err != LC_OK)
        return err;

    struct match_shop *old = &s->shop[store->store];
    struct match_shop fresh = {
        .chain = store->chain,
        .at = store->at,
        .box = box,
        .zone_hash = hash_zone(full),
        .shape = zone_shape(s->zones, store->store),
        .reach_m = (uint32_t)ceil(zone_reach_m(s->zones, store->store, store->at)),
        .prep_s = store->prep_s,
        .prep_per_item_s = store->prep_per_item_s,
        .busy_delay_s = store->busy_delay_s,
        .capacity = store->capacity,
        .load = old->load,
        .busy = (uint8_t)store->busy,
        .delivers = store->delivers,
        .collects = store->collects,
        .age_check = store->age_check,
        .cold = store->cold,
    };
    /* A pause changes no list: paused stores stay in them, judged as such. Its end does: Redis may
     * have been asked before it, at a time when we did not know of the pause yet. */
    *change = (struct match_change){
        .lists = !same_place(old, &fresh) || (old->busy == PAUSED && fresh.busy != PAUSED),
        .was = old->chain == 0 ? fresh.at : old->at,
        .is = fresh.at,
    };
    bool shrunk = old->reach_m == s->reach_m && fresh.reach_m < old->reach_m;
    if (old->chain == 0)
        s->count++;
    if (old->chain != fresh.chain)
        s->n_members = 0;
    s->paused_known = false;
    widen(&s->around, fresh.at);
    *old = fresh;
    if (shrunk)
        s->reach_m = largest_reach(s);
    if (fresh.reach_m > s->reach_m) {
        s->reach_m = fresh.reach_m;
        s->generation++;
    }
    if (fresh.prep_s < s->least_prep_s)
        s->least_prep_s = fresh.prep_s;
    if (catalogue_hours(full, &s->hours[store->store]) != LC_OK)
        s->hours[store->store] = (struct hours){0};
    return LC_OK;
}

static int
by_chain(const void *a, const void *b)
{
    const struct match_member *x = a, *y = b;

    if (x->chain != y->chain)
        return x->chain < y->chain ? -1 : 1;
    return x->store < y->store ? -1 : x->store > y->store;
}

static void
list_members(struct match_shops *s)
{
    struct match_member *m = realloc(s->member, (s->count + 1U) * sizeof *m);

    if (m == NULL)
        return;
    s->member = m;
    for (uint32_t store = 1; store < s->end; store++)
        if (s->shop[store].chain != 0)
            m[s->n_members++] = (struct match_member){s->shop[store].chain, store};
    qsort(m, s->n_members, sizeof *m, by_chain);
}

/* The first member of this chain or a later one. */
static size_t
first_of(const struct match_shops *s, uint64_t chain)
{
    size_t low = 0, high = s->n_members;

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (s->member[mid].chain < chain)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct match_member *
match_shops_of(struct match_shops *s, uint32_t chain, size_t *n)
{
    if (s->n_members == 0 && s->count > 0)
        list_members(s);
    size_t first = first_of(s, chain);
    *n = first_of(s, (uint64_t)chain + 1) - first;
    return s->member + first;
}

const uint32_t *
match_shops_paused(struct match_shops *s, size_t *n)
{
    if (!s->paused_known) {
        uint32_t *list = realloc(s->paused, (s->count + 1U) * sizeof *list);
        s->n_paused = 0;
        if (list != NULL) {
            s->paused = list;
            s->paused_known = true;
        }
        for (uint32_t store = 1; list != NULL && store < s->end; store++)
            if (s->shop[store].chain != 0 && s->shop[store].busy == PAUSED)
                list[s->n_paused++] = store;
    }
    *n = s->n_paused;
    return s->paused;
}

double
match_shops_near_m(const struct match_shops *s, uint32_t wanted)
{
    const double m_per_degree = 111194.9;
    const struct match_box *b = &s->around;

    if (s->count == 0 || b->south_e7 > b->north_e7)
        return 0;
    double middle = ((double)b->south_e7 + b->north_e7) / 2e7;
    double high = ((double)b->north_e7 - b->south_e7) / 1e7 * m_per_degree;
    double wide = ((double)b->east_e7 - b->west_e7) / 1e7 * m_per_degree * cos(middle * M_PI / 180);

    return sqrt(high * wide * wanted / (M_PI * s->count));
}

bool
match_number(struct slice s, uint32_t *out)
{
    uint64_t v = 0;

    if (s.n == 0 || s.n > 10)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    *out = (uint32_t)v;
    return v <= UINT32_MAX;
}

static uint32_t
big_endian_at(const char *bytes)
{
    const unsigned char *p = (const unsigned char *)bytes;

    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void
match_shops_load(struct match_shops *s, const struct reply *reply)
{
    size_t n = reply->kind == REPLY_STRING ? reply->str.n / 4 : 0;

    if (reply->kind != REPLY_STRING && reply->kind != REPLY_NIL)
        return;
    for (uint32_t i = 1; i < s->end; i++)
        s->shop[i].load = i < n ? big_endian_at(reply->str.p + 4 * (size_t)i) : 0;
}

bool
match_shop_open(struct match_shops *s, uint32_t store, int64_t ms, int64_t *until_ms)
{
    struct match_shop *shop = &s->shop[store];

    if (ms < shop->span_from_ms || ms >= shop->span_to_ms) {
        const struct hours *h = &s->hours[store];
        shop->span_open = hours_open_at(h, s->tz, ms);
        shop->span_from_ms = ms;
        if (shop->span_open)
            shop->span_to_ms = hours_closes_ms(h, s->tz, ms);
        else
            shop->span_to_ms = hours_next_open_ms(h, s->tz, ms, MATCH_HOURS_DAYS);
        if (shop->span_to_ms <=
            ms) /* never within the days looked at; asked again at the next instant */
            shop->span_to_ms = ms + 1;
    }
    if (until_ms != NULL)
        *until_ms = shop->span_to_ms > shop->span_from_ms + 1 ? shop->span_to_ms : INT64_MAX;
    return shop->span_open;
}
