#include "matcher/cells.h"

#include "matcher/wide.h"

#include "base/map.h"

#include <math.h>
#include <stdlib.h>

static const uint64_t collection_bit = (uint64_t)1
                                       << 51; /* above a geo_cell, of which a city's have 50 bits */

/* Redis reckons with 6372797.560856 m of Earth radius where geo.h has the mean one, and keeps
 * places to 0.6 m. */
static const double redis_earth = 1.0003;
static const double redis_place_m = 2;
static const double m_per_degree = 111194.9; /* of latitude, on geo.h's sphere */
enum { REDIS_LAT_MAX_E7 = 850500000 };       /* it refuses questions from nearer to a pole */

struct run {
    uint32_t chain;
    uint32_t first;
    bool cut;
    uint16_t cut_s;
};

static const uint64_t STALE = UINT64_MAX;

struct match_cell {
    uint64_t key;
    struct latlng centre;
    double own_m;        /* no point of it is further from its centre */
    uint64_t generation; /* of the answer; 0 = none */
    uint64_t asked;      /* for which generation; 0 = not; STALE: the answer will not do */
    int64_t asked_ms;
    uint32_t radius_m; /* of the question asked last */
    uint32_t most;     /* kept of a chain that may serve */
    bool narrow;       /* stores beyond it may serve the cell */
    uint16_t cut_s;    /* narrow: no store beyond it reaches a customer in less */
    struct match_job *waiting;
    uint32_t n;
    uint32_t n_runs;
    struct run
        *runs; /* one allocation: n_runs + 1 runs, n stores, n bounds; the last run is the end */
    size_t bytes;
    struct match_cell *newer, *older; /* by use */
    UT_hash_handle hh;
};

struct match_cells {
    struct match_cell *by_key;
    struct match_cell *newest, *oldest;
    size_t bytes;
    size_t most;
};

struct match_cells *
match_cells_new(size_t bytes)
{
    struct match_cells *c = calloc(1, sizeof *c);

    if (c != NULL)
        c->most = bytes;
    return c;
}

static void
unlink_used(struct match_cells *c, struct match_cell *cell)
{
    *(cell->newer == NULL ? &c->newest : &cell->newer->older) = cell->older;
    *(cell->older == NULL ? &c->oldest : &cell->older->newer) = cell->newer;
}

static void
link_newest(struct match_cells *c, struct match_cell *cell)
{
    cell->newer = NULL;
    cell->older = c->newest;
    *(c->newest == NULL ? &c->oldest : &c->newest->newer) = cell;
    c->newest = cell;
}

static void
drop(struct match_cells *c, struct match_cell *cell)
{
    HASH_DELETE(hh, c->by_key, cell);
    unlink_used(c, cell);
    c->bytes -= cell->bytes;
    free(cell->runs);
    free(cell);
}

void
match_cells_destroy(struct match_cells *c)
{
    if (c == NULL)
        return;
    while (c->newest != NULL)
        drop(c, c->newest);
    free(c);
}

uint64_t
match_cell_key(struct latlng p, bool collection)
{
    return geo_cell(p) | (collection ? collection_bit : 0);
}

struct match_cell *
match_cells_find(struct match_cells *c, uint64_t key)
{
    struct match_cell *cell = NULL;

    HASH_FIND(hh, c->by_key, &key, sizeof key, cell);
    if (cell != NULL && cell != c->newest) {
        unlink_used(c, cell);
        link_newest(c, cell);
    }
    return cell;
}

struct match_cell *
match_cells_add(struct match_cells *c, uint64_t key)
{
    bool map_failed = false;
    struct match_cell *cell = calloc(1, sizeof *cell);

    if (cell == NULL)
        return NULL;
    cell->key = key;
    cell->centre = geo_cell_centre(key & ~collection_bit);
    cell->own_m = geo_cell_radius_m(key & ~collection_bit) + 1;
    HASH_ADD(hh, c->by_key, key, sizeof key, cell);
    if (map_failed) {
        free(cell);
        return NULL;
    }
    link_newest(c, cell);
    cell->bytes = sizeof *cell;
    c->bytes += cell->bytes;
    return cell;
}

bool
match_cell_fresh(const struct match_cell *cell, const struct match_shops *shops)
{
    return cell->generation == shops->generation;
}

bool
match_cell_asked(const struct match_cell *cell, int64_t now_ms)
{
    return cell->asked != 0 && now_ms - cell->asked_ms < MATCH_ASK_AGAIN_MS;
}

void
match_cell_unask(struct match_cell *cell)
{
    cell->asked = 0;
}

struct latlng
match_cell_centre(const struct match_cell *cell)
{
    return cell->centre;
}

struct latlng
match_cell_from(const struct match_cell *cell)
{
    struct latlng at = cell->centre;

    if (at.lat_e7 > REDIS_LAT_MAX_E7)
        at.lat_e7 = REDIS_LAT_MAX_E7;
    if (at.lat_e7 < -REDIS_LAT_MAX_E7)
        at.lat_e7 = -REDIS_LAT_MAX_E7;
    return at;
}

static bool
for_collection(const struct match_cell *cell)
{
    return (cell->key & collection_bit) != 0;
}

uint32_t
match_cell_ask(struct match_cell *cell, const struct match_view *v)
{
    double reach_m = for_collection(cell) ? (double)v->policy->collect_radius_m : v->shops->reach_m;
    double near_m = match_shops_near_m(v->shops, (uint32_t)v->policy->near_stores);

    cell->asked = v->shops->generation;
    cell->asked_ms = v->now_ms;
    cell->narrow = near_m < reach_m;
    if (cell->narrow)
        reach_m = near_m;
    /* ways along streets go further beyond their bounds than estimates */
    cell->most = 1 + (uint32_t)v->policy->near_stores / (v->travel == v->estimate ? 4 : 2);
    reach_m += cell->own_m + geo_distance_m(cell->centre, match_cell_from(cell));
    cell->radius_m = (uint32_t)ceil(reach_m * redis_earth + redis_place_m);
    return cell->radius_m;
}

static void
touch(struct match_cell *cell)
{
    cell->generation = 0;
    if (cell->asked != 0)
        cell->asked = STALE;
}

void
match_cells_touch_all(struct match_cells *c)
{
    for (struct match_cell *cell = c->newest; cell != NULL; cell = cell->older)
        touch(cell);
}

void
match_cells_touch(struct match_cells *c, struct latlng p)
{
    const double at_most_m = 300; /* a cell's radius, and then some */

    for (struct match_cell *cell = c->newest; cell != NULL; cell = cell->older) {
        double radius_m = at_most_m + cell->radius_m;
        struct latlng at = match_cell_centre(cell);
        if (fabs((double)at.lat_e7 - p.lat_e7) / 1e7 * m_per_degree > radius_m ||
            geo_distance_m(at, p) > radius_m)
            continue;
        touch(cell);
    }
}

struct match_job **
match_cell_waiting(struct match_cell *cell)
{
    return &cell->waiting;
}

static struct match_box
cell_box(const struct match_cell *cell)
{
    struct latlng sw, ne;

    geo_cell_corners(cell->key & ~collection_bit, &sw, &ne);
    return (struct match_box){sw.lat_e7, ne.lat_e7, sw.lng_e7, ne.lng_e7};
}

uint16_t
match_bound_s(const struct match_view *v, enum travel_mode mode, struct latlng at, double m)
{
    struct latlng away = at;
    const struct travel *e = v->estimate;
    double step = floor(m / m_per_degree * 1e7) - 1;

    if (step <= 0)
        return 0;
    away.lat_e7 += (int32_t)(at.lat_e7 > 0 ? -step : step);
    uint32_t s = v->travel->lower_bound_s(v->travel, at, away, mode);
    uint32_t by_estimate = e->lower_bound_s(e, at, away, mode);
    if (by_estimate < s)
        s = by_estimate;
    if (v->policy->remote_modes != 0 && travel_crow_s(at, away, mode) / v->policy->speedup < s)
        s = (uint32_t)(travel_crow_s(at, away, mode) / v->policy->speedup);
    return s < UINT16_MAX ? (uint16_t)s : UINT16_MAX;
}

static uint16_t
bound_s(const struct match_cell *cell, const struct match_view *v, double m)
{
    return match_bound_s(v,
                         for_collection(cell) ? v->policy->customer_mode : v->policy->courier_mode,
                         match_cell_centre(cell), m);
}

int
match_near_order(const void *a, const void *b)
{
    const struct match_near *x = a, *y = b;

    if (x->chain != y->chain)
        return x->chain < y->chain ? -1 : 1;
    if (x->m != y->m)
        return x->m < y->m ? -1 : 1;
    return x->store < y->store ? -1 : x->store > y->store;
}

static struct match_near
near_of(const struct match_cell *cell, const struct match_view *v, uint32_t store,
        const struct match_box *box)
{
    const struct match_shop *shop = &v->shops->shop[store];
    double m = geo_distance_m(match_cell_centre(cell), shop->at);
    double own_m = cell->own_m, radius_m = (double)v->policy->collect_radius_m;
    enum match_cover cover = MATCH_COVER_NONE;

    if (for_collection(cell))
        cover = m + own_m < radius_m   ? MATCH_COVER_ALL
                : m - own_m > radius_m ? MATCH_COVER_NONE
                                       : MATCH_COVER_ASK;
    else if (shop->shape != NULL)
        cover = match_cover_of(shop->shape, box);
    return (struct match_near){shop->chain, store, m, cover};
}

/* Redis' answer and the paused stores, of which those far away are left out; sorted. */
static size_t
gather(const struct match_cell *cell, const struct match_view *v, const struct reply *reply,
       struct match_near *out)
{
    struct match_box box = cell_box(cell);
    size_t n = 0, n_paused;
    const uint32_t *paused = match_shops_paused(v->shops, &n_paused);

    for (size_t i = 0; i < reply->n; i++) {
        uint32_t store;
        const struct match_shop *shop =
            match_number(reply->items[i].str, &store) ? match_shop_get(v->shops, store) : NULL;
        /* one that is not known yet comes with the catalogue's next change; paused ones follow
         * below */
        if (shop != NULL && shop->busy != LIFECIRCLE__V1__BUSY_MODE__PAUSED)
            out[n++] = near_of(cell, v, store, &box);
    }
    for (size_t i = 0; i < n_paused; i++) {
        struct match_near one = near_of(cell, v, paused[i], &box);
        if (one.m <= cell->radius_m)
            out[n++] = one;
    }
    qsort(out, n, sizeof *out, match_near_order);
    return n;
}

/* Leaves the nearest that may serve and the nearest others of each chain. Of those that may serve
 * but are left out the nearest stays, behind the others: it says where the list is cut. Returns how
 * many, and how many chains. */
static size_t
thin(struct match_near *list, size_t n, size_t most, size_t *chains)
{
    size_t kept = 0, serve = 0, others = 0;
    uint32_t chain = 0;

    *chains = 0;
    for (size_t i = 0; i < n; i++) {
        if (*chains == 0 || list[i].chain != chain) {
            chain = list[i].chain;
            serve = others = 0;
            ++*chains;
        }
        if (serve <= most &&
            (list[i].cover != MATCH_COVER_NONE ? serve++ <= most : others++ < MATCH_OTHERS))
            list[kept++] = list[i];
    }
    return kept;
}

static uint32_t *
stores_of(const struct match_cell *cell)
{
    return (uint32_t *)(cell->runs + cell->n_runs + 1);
}

static uint16_t *
bounds_of(const struct match_cell *cell)
{
    return (uint16_t *)(stores_of(cell) + cell->n);
}

static uint8_t *
covers_of(const struct match_cell *cell)
{
    return (uint8_t *)(bounds_of(cell) + cell->n);
}

static void
write_lists(struct match_cell *cell, const struct match_view *v, const struct match_near *list)
{
    double own_m = cell->own_m;
    uint32_t run = 0, serve = 0, n = 0;

    for (uint32_t i = 0; i < cell->n; i++) {
        uint16_t bound = bound_s(cell, v, list[i].m - own_m);
        if (i == 0 || list[i].chain != list[i - 1].chain) {
            cell->runs[run++] = (struct run){list[i].chain, n, cell->narrow, cell->cut_s};
            serve = 0;
        }
        serve += list[i].cover != MATCH_COVER_NONE;
        if (serve > cell->most) {
            cell->runs[run - 1].cut = true;
            cell->runs[run - 1].cut_s = bound;
            continue;
        }
        stores_of(cell)[n] = list[i].store;
        covers_of(cell)[n] = (uint8_t)list[i].cover;
        bounds_of(cell)[n++] = bound;
    }
    cell->runs[run] = (struct run){UINT32_MAX, n, false, 0};
}

static void
evict(struct match_cells *c, const struct match_cell *but)
{
    struct match_cell *cell = c->oldest;

    while (cell != NULL && c->bytes > c->most) {
        struct match_cell *next = cell->newer;
        if (cell != but && cell->asked == 0 && cell->waiting == NULL)
            drop(c, cell);
        cell = next;
    }
}

enum lc_err
match_cells_fill(struct match_cells *c, struct match_cell *cell, const struct match_view *v,
                 const struct reply *reply, struct arena *scratch)
{
    size_t chains, most = reply->n + v->shops->count;
    uint64_t generation = cell->asked;

    if (generation == 0)
        return LC_OK;
    cell->asked = 0;
    struct match_near *list = arena_alloc(scratch, (most + 1) * sizeof *list);
    if (list == NULL)
        return LC_ENOMEM;
    size_t n = thin(list, gather(cell, v, reply, list), cell->most, &chains);
    size_t bytes =
        (chains + 1) * sizeof(struct run) + n * (sizeof(uint32_t) + sizeof(uint16_t) + 1);
    struct run *runs = malloc(bytes);
    if (runs == NULL)
        return LC_ENOMEM;
    free(cell->runs);
    c->bytes += bytes + sizeof *cell - cell->bytes;
    cell->bytes = bytes + sizeof *cell;
    cell->runs = runs;
    cell->n = (uint32_t)n;
    cell->n_runs = (uint32_t)chains;
    cell->generation = generation;
    /* what Redis did not name is further away than it was asked for */
    cell->cut_s = bound_s(cell, v, (cell->radius_m - redis_place_m) / redis_earth - cell->own_m);
    write_lists(cell, v, list);
    evict(c, cell);
    return LC_OK;
}

struct match_list
match_cell_list(const struct match_cell *cell, uint32_t chain)
{
    struct match_list none = {.cut = cell->narrow, .cut_s = cell->cut_s};
    size_t low = 0, high = cell->n_runs;

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (cell->runs[mid].chain < chain)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == cell->n_runs || cell->runs[low].chain != chain)
        return none;
    const struct run *run = &cell->runs[low];
    return (struct match_list){
        .n = run[1].first - run->first,
        .store = stores_of(cell) + run->first,
        .bound_s = bounds_of(cell) + run->first,
        .cover = covers_of(cell) + run->first,
        .cut = run->cut,
        .cut_s = run->cut_s,
    };
}

size_t
match_cells_bytes(const struct match_cells *c)
{
    return c->bytes;
}

size_t
match_cells_count(const struct match_cells *c)
{
    return HASH_COUNT(c->by_key);
}
