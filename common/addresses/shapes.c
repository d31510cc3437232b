/* Where the gathered things are: the middle of a way, the pieces of an interpolation, points along
 * a street. */
#include "addresses/gather.h"

#include <math.h>
#include <stdlib.h>

/* node_of: a way's node; SIZE_MAX when the file lacks it. */
static size_t
node_of(const struct gather *g, int64_t id)
{
    size_t low = 0, high = g->ids;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (g->id[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->ids && g->id[low] == id && g->seen[low] ? low : SIZE_MAX;
}

static struct latlng
near(struct latlng origin, double lat_e7, double lng_e7)
{
    return (struct latlng){origin.lat_e7 + (int32_t)lround(lat_e7),
                           origin.lng_e7 + (int32_t)lround(lng_e7)};
}

/* middle: of a closed way the centre of its area, else of its nodes. False when the file has none
 * of them. */
static bool
middle(struct gather *g, const struct raw_way *w, struct latlng *out)
{
    double area = 0, y = 0, x = 0, sum_y = 0, sum_x = 0, far = 0;
    struct latlng first = {0, 0}, last = {0, 0};
    size_t n = 0, lost = 0;
    bool closed = w->n > 3 && g->ref[w->first] == g->ref[w->first + w->n - 1];

    for (size_t i = 0; i < w->n; i++) {
        size_t at = node_of(g, g->ref[w->first + i]);
        if (at == SIZE_MAX) {
            lost++;
            continue;
        }
        struct latlng p = g->at[at];
        if (n++ == 0)
            first = last = p;
        double ay = last.lat_e7 - first.lat_e7, ax = last.lng_e7 - first.lng_e7;
        double by = p.lat_e7 - first.lat_e7, bx = p.lng_e7 - first.lng_e7;
        double cross = ax * by - bx * ay;
        far = fmax(far, fmax(fabs(by), fabs(bx)));
        area += cross;
        y += (ay + by) * cross;
        x += (ax + bx) * cross;
        if (!closed || i + 1 < w->n) {
            sum_y += by;
            sum_x += bx;
        }
        last = p;
    }
    g->missing += lost;
    if (n == 0)
        return false;
    double count = (double)(closed && n > 1 && lost == 0 ? n - 1 : n);
    bool sound = closed && lost == 0 && fabs(area) > 1 && fabs(y) <= 3 * far * fabs(area) &&
                 fabs(x) <= 3 * far * fabs(area); /* a shape that crosses itself has no middle */
    if (sound)
        *out = near(first, y / (3 * area), x / (3 * area));
    else
        *out = near(first, sum_y / count, sum_x / count);
    return true;
}

/* radius_m: from the middle to the farthest node. */
static uint32_t
radius_m(const struct gather *g, const struct raw_way *w, struct latlng centre)
{
    double far = 0;

    for (size_t i = 0; i < w->n; i++) {
        size_t at = node_of(g, g->ref[w->first + i]);
        if (at != SIZE_MAX)
            far = fmax(far, geo_distance_m(centre, g->at[at]));
    }
    return (uint32_t)lround(far);
}

/* add_houses: one for each number of a list: "500;502", "12, 14". */
static bool
add_houses(struct gather *g, const struct raw *raw, struct latlng at, uint32_t radius)
{
    struct words w;
    size_t before = g->houses;

    if (raw->street == 0 || raw->numbers == 0) {
        g->unread++;
        return true;
    }
    words_read(&w, slice_str(g->text + raw->numbers));
    for (size_t i = 0; i < w.n;) {
        struct got_house h = {raw->street, raw->city, raw->postcode, {0}, at, radius};
        size_t n = number_read(&w.w[i], w.n - i, true, &h.number);
        if (n == 0)
            n = number_read(&w.w[i], w.n - i, false, &h.number);
        bool whole = n > 0 && (i + n == w.n || w.w[i + n].part != w.w[i].part);
        i += n > 0 ? n : 1;
        if (!whole)
            continue;
        if (!roads_grow(&g->house, &g->houses_cap, g->houses + 1, sizeof *g->house))
            return false;
        g->house[g->houses++] = h;
    }
    g->unread += g->houses == before;
    return true;
}

/* ---- interpolation ---- */

static int
by_node(const void *a, const void *b)
{
    const struct raw_node *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static struct raw_node *
address_of(const struct gather *g, int64_t id)
{
    const struct raw_node key = {.id = id};

    return g->nodes == 0 ? NULL : bsearch(&key, g->node, g->nodes, sizeof *g->node, by_node);
}

static bool
number_of(const struct gather *g, const struct raw_node *n, uint32_t *out)
{
    struct words w;
    struct house_number h;

    words_read(&w, slice_str(g->text + n->raw.numbers));
    if (w.n == 0 || number_read(w.w, w.n, false, &h) == 0)
        return false;
    *out = h.number;
    return true;
}

static bool
add_point(struct gather *g, struct latlng p)
{
    if (!roads_grow(&g->point, &g->points_cap, g->points + 1, sizeof *g->point))
        return false;
    g->point[g->points++] = p;
    return true;
}

/* end_span: the points from `first` on lie between two numbers. */
static bool
end_span(struct gather *g, const struct raw_way *w, const struct raw *raw, size_t first,
         uint32_t from, uint32_t to)
{
    struct got_span s = {raw->street, raw->city, raw->postcode,   from,
                         to,          w->step,   (uint32_t)first, (uint32_t)(g->points - first)};

    if (from == to || s.n < 2 || raw->street == 0)
        return true;
    if (from > to) {
        s.low = to;
        s.high = from;
        for (size_t i = 0; i < s.n / 2; i++) {
            struct latlng swap = g->point[first + i];
            g->point[first + i] = g->point[first + s.n - 1 - i];
            g->point[first + s.n - 1 - i] = swap;
        }
    }
    if (!roads_grow(&g->span, &g->spans_cap, g->spans + 1, sizeof *g->span))
        return false;
    g->span[g->spans++] = s;
    return true;
}

/* add_spans: the pieces between the nodes that have numbers. Those nodes are houses of the street,
 * too, if they do not say another. */
static bool
add_spans(struct gather *g, const struct raw_way *w)
{
    struct raw raw = w->raw;
    uint32_t from = 0, to = 0;
    bool begun = false;
    size_t first = g->points;

    for (size_t i = 0; i < w->n; i++) {
        const struct raw_node *n = address_of(g, g->ref[w->first + i]);
        if (n != NULL && raw.street == 0)
            raw = n->raw;
    }
    for (size_t i = 0; i < w->n; i++) {
        struct raw_node *n = address_of(g, g->ref[w->first + i]);
        size_t at = node_of(g, g->ref[w->first + i]);
        if (at == SIZE_MAX) {
            g->missing++;
            begun = false;
            continue;
        }
        if (n != NULL && n->raw.street == 0)
            n->raw.street = raw.street;
        bool numbered = n != NULL && number_of(g, n, &to);
        if (begun && !add_point(g, g->at[at]))
            return false;
        if (!numbered)
            continue;
        if (begun && !end_span(g, w, &raw, first, from, to))
            return false;
        begun = true;
        from = to;
        first = g->points;
        if (!add_point(g, g->at[at]))
            return false;
    }
    return true;
}

/* ---- streets ---- */

static bool
add_sample(struct gather *g, uint32_t street, struct latlng p)
{
    if (!roads_grow(&g->sample, &g->samples_cap, g->samples + 1, sizeof *g->sample))
        return false;
    g->sample[g->samples++] = (struct got_sample){street, p};
    return true;
}

static bool
add_road(struct gather *g, const struct raw_way *w)
{
    struct latlng last = {0, 0};
    bool begun = false;

    for (size_t i = 0; i < w->n; i++) {
        size_t at = node_of(g, g->ref[w->first + i]);
        if (at == SIZE_MAX) {
            begun = false;
            continue;
        }
        struct latlng p = g->at[at];
        double m = begun ? geo_distance_m(last, p) : 0;
        size_t pieces = m > 50000 ? 1 : (size_t)(m / SAMPLE_M) + 1;
        for (size_t k = 1; k <= pieces; k++) {
            double part = (double)k / (double)pieces;
            struct latlng q = p;
            if (begun && k < pieces)
                q = near(last, part * ((double)p.lat_e7 - last.lat_e7),
                         part * ((double)p.lng_e7 - last.lng_e7));
            if (!add_sample(g, w->raw.street, q))
                return false;
        }
        last = p;
        begun = true;
    }
    return true;
}

enum lc_err
gather_shapes(struct gather *g)
{
    struct latlng at;
    bool ok = true;

    if (g->nodes > 0)
        qsort(g->node, g->nodes, sizeof *g->node, by_node);
    for (size_t i = 0; ok && i < g->ways; i++) {
        const struct raw_way *w = &g->way[i];
        switch (w->kind) {
        case RAW_HOUSE:
            if (middle(g, w, &at))
                ok = add_houses(g, &w->raw, at, radius_m(g, w, at));
            break;
        case RAW_SPAN:
            ok = add_spans(g, w);
            break;
        case RAW_ROAD:
            ok = add_road(g, w);
            break;
        }
    }
    for (size_t i = 0; ok && i < g->nodes; i++)
        ok = add_houses(g, &g->node[i].raw, g->node[i].at, 0);
    return ok ? LC_OK : LC_ENOMEM;
}
