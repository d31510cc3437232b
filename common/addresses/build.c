/* From what was gathered to the compiled index. */
#include "addresses/book.h"
#include "addresses/gather.h"

#include "roads/osm_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Points of one name in the same cell or in cells side by side are one street. */
#define CELL_LAT_E7 45000 /* 500 m */

struct key_of {
    uint32_t name; /* as the map writes it */
    uint32_t full, loose, bare;
};

enum what { WHAT_ROAD, WHAT_HOUSE, WHAT_SPAN };

/* mark: something of a street, somewhere. */
struct mark {
    const char *key; /* full; for sorting */
    struct key_of of;
    int32_t row, column;
    struct latlng at;
    enum what what;
    uint32_t index;
    uint32_t street; /* found */
};

struct build {
    struct gather g;
    struct key_of *key; /* of each name, sorted by name */
    size_t keys;
    struct mark *mark;
    size_t marks;
    double narrow; /* a degree of longitude over one of latitude, in the middle of the file */
    struct street *street;
    size_t streets, streets_cap;
    struct house *house;
    struct span *span;
    struct latlng *point;
    uint32_t *index; /* scratch for the sorted sections */
    size_t names;
};

/* ---- names ---- */

static int
by_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* sort_unique: how many are left. */
static size_t
sort_unique(uint32_t *v, size_t n)
{
    size_t out = 0;

    qsort(v, n, sizeof *v, by_u32);
    for (size_t i = 0; i < n; i++)
        if (out == 0 || v[out - 1] != v[i])
            v[out++] = v[i];
    return out;
}

static enum lc_err
make_key(struct gather *g, struct key_of *k)
{
    struct words w;
    struct street_key key;

    words_read(&w, slice_str(g->text + k->name));
    if (w.n == 0 || !street_key_make(w.w, w.n, &key))
        return LC_OK; /* a name without a letter: full stays 0 */
    return gather_text(g, slice_str(key.full), &k->full) &&
                   gather_text(g, slice_str(key.loose), &k->loose) &&
                   gather_text(g, slice_str(key.bare), &k->bare)
               ? LC_OK
               : LC_ENOMEM;
}

static enum lc_err
make_keys(struct build *b)
{
    struct gather *g = &b->g;
    size_t all = g->houses + g->spans + g->samples, n = 0;
    uint32_t *name = malloc((all + 1) * sizeof *name);
    enum lc_err err = LC_OK;

    if (name == NULL)
        return LC_ENOMEM;
    for (size_t i = 0; i < g->houses; i++)
        name[n++] = g->house[i].street;
    for (size_t i = 0; i < g->spans; i++)
        name[n++] = g->span[i].street;
    for (size_t i = 0; i < g->samples; i++)
        name[n++] = g->sample[i].street;
    b->keys = sort_unique(name, n);
    b->key = calloc(b->keys + 1, sizeof *b->key);
    if (b->key == NULL)
        err = LC_ENOMEM;
    for (size_t i = 0; err == LC_OK && i < b->keys; i++) {
        b->key[i].name = name[i];
        err = make_key(g, &b->key[i]);
    }
    free(name);
    return err;
}

static const struct key_of *
key_of(const struct build *b, uint32_t name)
{
    size_t low = 0, high = b->keys;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (b->key[middle].name < name)
            low = middle + 1;
        else
            high = middle;
    }
    return &b->key[low];
}

/* ---- streets ---- */

static void
put_mark(struct build *b, uint32_t name, struct latlng at, enum what what, size_t index)
{
    const struct key_of *k = key_of(b, name);
    int32_t row = (int32_t)floor((double)at.lat_e7 / CELL_LAT_E7);
    int32_t column = (int32_t)floor(at.lng_e7 * b->narrow / CELL_LAT_E7);

    if (k->full == 0) {
        b->g.unread += what == WHAT_HOUSE;
        return;
    }
    b->mark[b->marks++] =
        (struct mark){b->g.text + k->full, *k, row, column, at, what, (uint32_t)index, UINT32_MAX};
}

static int
by_key_and_cell(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    int c = x->of.full == y->of.full ? 0 : strcmp(x->key, y->key);

    if (c != 0)
        return c;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    if (x->what != y->what)
        return x->what < y->what ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* narrow_of: cells are as wide as high in the middle of the file, and about so elsewhere. */
static double
narrow_of(const struct gather *g)
{
    int32_t low = INT32_MAX, high = INT32_MIN;

    for (size_t i = 0; i < g->samples + g->houses; i++) {
        int32_t lat = i < g->samples ? g->sample[i].at.lat_e7 : g->house[i - g->samples].at.lat_e7;
        low = lat < low ? lat : low;
        high = lat > high ? lat : high;
    }
    double narrow = cos(((double)low + high) / 2 * 1e-7 * M_PI / 180);
    return narrow < 0.01 ? 0.01 : narrow;
}

static bool
place_marks(struct build *b)
{
    struct gather *g = &b->g;

    b->narrow = narrow_of(g);

    b->mark = malloc((g->houses + g->spans + g->samples + 1) * sizeof *b->mark);
    if (b->mark == NULL)
        return false;
    for (size_t i = 0; i < g->samples; i++)
        put_mark(b, g->sample[i].street, g->sample[i].at, WHAT_ROAD, i);
    for (size_t i = 0; i < g->houses; i++)
        put_mark(b, g->house[i].street, g->house[i].at, WHAT_HOUSE, i);
    for (size_t i = 0; i < g->spans; i++)
        put_mark(b, g->span[i].street, g->point[g->span[i].first], WHAT_SPAN, i);
    qsort(b->mark, b->marks, sizeof *b->mark, by_key_and_cell);
    return true;
}

/* first_at: the first mark of m[0..n), all of one name, at or behind that cell. */
static size_t
first_at(const struct mark *m, size_t n, int32_t row, int32_t column)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (m[middle].row < row || (m[middle].row == row && m[middle].column < column))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* spread: gives the street to all marks that hang together with m[from], the first of its cell;
 * `stack` holds n. One mark of each cell is put there, once. */
static void
spread(struct mark *m, size_t n, size_t from, uint32_t street, uint32_t *stack)
{
    size_t depth = 0;

    m[from].street = street;
    stack[depth++] = (uint32_t)from;
    while (depth > 0) {
        const struct mark at = m[stack[--depth]];
        for (int32_t row = at.row - 1; row <= at.row + 1; row++)
            for (size_t i = first_at(m, n, row, at.column - 1);
                 i < n && m[i].row == row && m[i].column <= at.column + 1; i++)
                if (m[i].street == UINT32_MAX) {
                    m[i].street = street;
                    if (i == 0 || m[i - 1].row != row || m[i - 1].column != m[i].column)
                        stack[depth++] = (uint32_t)i;
                }
    }
}

/* describe: a new street, all of whose marks are known. */
static void
describe(const struct mark *m, size_t n, size_t first, struct street *s)
{
    const struct key_of *k = &m[first].of;
    struct latlng low = m[first].at, high = low;
    double best = INFINITY;

    for (size_t i = first; i < n; i++) {
        if (m[i].street != m[first].street)
            continue;
        low.lat_e7 = m[i].at.lat_e7 < low.lat_e7 ? m[i].at.lat_e7 : low.lat_e7;
        low.lng_e7 = m[i].at.lng_e7 < low.lng_e7 ? m[i].at.lng_e7 : low.lng_e7;
        high.lat_e7 = m[i].at.lat_e7 > high.lat_e7 ? m[i].at.lat_e7 : high.lat_e7;
        high.lng_e7 = m[i].at.lng_e7 > high.lng_e7 ? m[i].at.lng_e7 : high.lng_e7;
    }
    const struct latlng centre = {(int32_t)(((int64_t)low.lat_e7 + high.lat_e7) / 2),
                                  (int32_t)(((int64_t)low.lng_e7 + high.lng_e7) / 2)};
    *s = (struct street){.key = k->full,
                         .loose = k->loose,
                         .bare = k->bare,
                         .name = k->name,
                         .extent_m = (uint32_t)lround(geo_distance_m(low, high))};
    bool road = false; /* a point of the road itself, if there is one */
    for (size_t i = first; i < n; i++) {
        double away = geo_distance_m(centre, m[i].at);
        bool is_road = m[i].what == WHAT_ROAD;
        if (m[i].street == m[first].street && is_road >= road && (is_road > road || away < best)) {
            best = away;
            road = is_road;
            s->at = m[i].at;
        }
    }
}

static bool
make_streets(struct build *b)
{
    uint32_t *stack = malloc((b->marks + 1) * sizeof *stack);

    for (size_t from = 0, end; stack != NULL && from < b->marks; from = end) {
        for (end = from; end < b->marks && b->mark[end].of.full == b->mark[from].of.full;)
            end++;
        b->names++;
        for (size_t i = from; i < end; i++) {
            if (b->mark[i].street != UINT32_MAX)
                continue;
            if (!roads_grow(&b->street, &b->streets_cap, b->streets + 1, sizeof *b->street)) {
                free(stack);
                return false;
            }
            spread(b->mark + from, end - from, i - from, (uint32_t)b->streets, stack);
            describe(b->mark + from, end - from, i - from, &b->street[b->streets++]);
        }
    }
    free(stack);
    return stack != NULL;
}

/* ---- houses and spans ---- */

static int
by_street_then_order(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;

    if (x->street != y->street)
        return x->street < y->street ? -1 : 1;
    if (x->what != y->what)
        return x->what < y->what ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int
by_number(const void *a, const void *b)
{
    const struct house *x = a, *y = b;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    int c = memcmp(x->suffix, y->suffix, sizeof x->suffix);
    if (c != 0)
        return c;
    if (x->to != y->to)
        return x->to < y->to ? -1 : 1;
    if (x->at.lat_e7 != y->at.lat_e7)
        return x->at.lat_e7 < y->at.lat_e7 ? -1 : 1;
    return (x->at.lng_e7 > y->at.lng_e7) - (x->at.lng_e7 < y->at.lng_e7);
}

static bool
lay_out(struct build *b, size_t *houses, size_t *spans, size_t *points)
{
    const struct gather *g = &b->g;
    size_t h = 0, s = 0, p = 0;

    b->house = calloc(g->houses + 1, sizeof *b->house);
    b->span = calloc(g->spans + 1, sizeof *b->span);
    b->point = calloc(g->points + 1, sizeof *b->point);
    if (b->house == NULL || b->span == NULL || b->point == NULL)
        return false;
    qsort(b->mark, b->marks, sizeof *b->mark, by_street_then_order);
    for (size_t i = 0; i < b->marks; i++) {
        const struct mark *m = &b->mark[i];
        struct street *street = &b->street[m->street];
        if (m->what == WHAT_HOUSE) {
            const struct got_house *x = &g->house[m->index];
            if (street->houses++ == 0)
                street->first_house = (uint32_t)h;
            b->house[h] = (struct house){.number = x->number.number,
                                         .to = x->number.to,
                                         .at = x->at,
                                         .radius_m = x->radius_m,
                                         .city = x->city,
                                         .postcode = x->postcode};
            memcpy(b->house[h++].suffix, x->number.suffix, sizeof x->number.suffix);
        } else if (m->what == WHAT_SPAN) {
            const struct got_span *x = &g->span[m->index];
            if (street->spans++ == 0)
                street->first_span = (uint32_t)s;
            b->span[s++] =
                (struct span){x->low, x->high, x->step, (uint32_t)p, x->n, x->city, x->postcode};
            memcpy(b->point + p, g->point + x->first, x->n * sizeof *b->point);
            p += x->n;
        }
    }
    for (size_t i = 0; i < b->streets; i++)
        qsort(b->house + b->street[i].first_house, b->street[i].houses, sizeof *b->house,
              by_number);
    *houses = h;
    *spans = s;
    *points = p;
    return true;
}

/* ---- the file ---- */

struct named {
    const char *text;
    uint32_t value;
};

static int
by_text(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int c = strcmp(x->text, y->text);

    return c != 0 ? c : (x->value > y->value) - (x->value < y->value);
}

/* sort_named: values by their texts, into the scratch index. */
static bool
sort_named(uint32_t *out, const struct named *from, size_t n)
{
    struct named *copy = malloc((n + 1) * sizeof *copy);

    if (copy == NULL)
        return false;
    memcpy(copy, from, n * sizeof *copy);
    qsort(copy, n, sizeof *copy, by_text);
    for (size_t i = 0; i < n; i++)
        out[i] = copy[i].value;
    free(copy);
    return true;
}

static void
add_section(struct buf *out, size_t start, struct book_header *h, enum book_section s,
            const void *p, size_t n)
{
    static const char zero[8];

    buf_append(out, zero, (8 - (out->n - start) % 8) % 8);
    h->section[s].offset = out->n - start;
    h->section[s].n = n;
    if (n > 0)
        buf_append(out, p, n * book_size(s));
}

/* add_streets_by: the streets sorted by another key. */
static bool
add_streets_by(struct build *b, struct buf *out, size_t start, struct book_header *h,
               enum book_section s)
{
    struct named *n = malloc((b->streets + 1) * sizeof *n);
    bool ok = n != NULL;

    for (size_t i = 0; ok && i < b->streets; i++) {
        uint32_t key = s == SEC_LOOSE ? b->street[i].loose : b->street[i].bare;
        n[i] = (struct named){b->g.text + key, (uint32_t)i};
    }
    ok = ok && sort_named(b->index, n, b->streets);
    if (ok)
        add_section(out, start, h, s, b->index, b->streets);
    free(n);
    return ok;
}

/* add_places: the towns or postcodes of all houses, each once. */
static bool
add_places(struct build *b, size_t houses, struct buf *out, size_t start, struct book_header *h,
           enum book_section s)
{
    size_t n = 0;

    for (size_t i = 0; i < houses; i++) {
        uint32_t v = s == SEC_CITY ? b->house[i].city : b->house[i].postcode;
        if (v != 0)
            b->index[n++] = v;
    }
    n = sort_unique(b->index, n);
    struct named *named = malloc((n + 1) * sizeof *named);
    bool ok = named != NULL;
    for (size_t i = 0; ok && i < n; i++)
        named[i] = (struct named){b->g.text + b->index[i], b->index[i]};
    ok = ok && sort_named(b->index, named, n);
    if (ok)
        add_section(out, start, h, s, b->index, n);
    free(named);
    return ok;
}

static enum lc_err
write_book(struct build *b, struct buf *out, struct addresses_report *report)
{
    struct book_header h = {.version = BOOK_VERSION, .endian = BOOK_ENDIAN};
    size_t start = out->n, houses, spans, points;

    if (!lay_out(b, &houses, &spans, &points))
        return LC_ENOMEM;
    b->index = malloc((houses + b->streets + 1) * sizeof *b->index);
    if (b->index == NULL)
        return LC_ENOMEM;
    memcpy(h.magic, BOOK_MAGIC, sizeof h.magic);
    h.names = (uint32_t)b->names;
    h.unread = (uint32_t)b->g.unread;
    h.missing = (uint32_t)b->g.missing;
    buf_append(out, &h, sizeof h);
    add_section(out, start, &h, SEC_TEXT, b->g.text, b->g.texts);
    add_section(out, start, &h, SEC_STREET, b->street, b->streets);
    add_section(out, start, &h, SEC_HOUSE, b->house, houses);
    add_section(out, start, &h, SEC_SPAN, b->span, spans);
    add_section(out, start, &h, SEC_POINT, b->point, points);
    bool ok = add_streets_by(b, out, start, &h, SEC_LOOSE) &&
              add_streets_by(b, out, start, &h, SEC_BARE) &&
              add_places(b, houses, out, start, &h, SEC_CITY) &&
              add_places(b, houses, out, start, &h, SEC_POSTCODE);
    if (!ok || out->failed) {
        out->n = start;
        return LC_ENOMEM;
    }
    h.bytes = out->n - start;
    memcpy(out->p + start, &h, sizeof h);
    h.checksum = book_checksum(out->p + start, h.bytes);
    memcpy(out->p + start, &h, sizeof h);
    *report = (struct addresses_report){.houses = houses,
                                        .streets = b->streets,
                                        .names = b->names,
                                        .spans = spans,
                                        .unread = b->g.unread,
                                        .missing = b->g.missing};
    return LC_OK;
}

static enum lc_err
build(struct build *b, struct slice pbf, struct buf *out, struct addresses_report *report,
      char *error)
{
    enum lc_err err = gather_read(&b->g, pbf, error);

    if (err == LC_OK)
        err = make_keys(b);
    if (err == LC_OK && !place_marks(b))
        err = LC_ENOMEM;
    if (err == LC_OK && b->marks == 0) {
        snprintf(error, ROADS_ERROR_MAX, "the file has neither addresses nor named streets");
        return LC_EINVAL;
    }
    if (err == LC_OK && !make_streets(b))
        err = LC_ENOMEM;
    return err == LC_OK ? write_book(b, out, report) : err;
}

enum lc_err
addresses_build(struct slice pbf, struct buf *out, struct addresses_report *report, char *error)
{
    struct build b = {0};
    struct addresses_report unasked;

    enum lc_err err = build(&b, pbf, out, report == NULL ? &unasked : report, error);
    if (err == LC_ENOMEM && error[0] == '\0')
        snprintf(error, ROADS_ERROR_MAX, "%s", lc_strerror(err));
    gather_free(&b.g);
    free(b.key);
    free(b.mark);
    free(b.street);
    free(b.house);
    free(b.span);
    free(b.point);
    free(b.index);
    return err;
}

static enum lc_err
make_book(void *ctx, struct slice pbf, struct buf *out, char *error)
{
    return addresses_build(pbf, out, ctx, error);
}

enum lc_err
addresses_build_file(const char *pbf_path, const char *to_path, struct addresses_report *report,
                     char *error)
{
    return osm_file_make(pbf_path, to_path, make_book, report, error);
}
