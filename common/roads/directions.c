/* A route to draw and to follow. */
#include "base/polyline.h"
#include "roads/search.h"

#include <stdlib.h>

struct pen {
    const struct roads *r;
    struct roads_course *c;
    struct polyline line;
    size_t leg_cap;
    uint64_t ms; /* of the edges alone */
    bool failed;
};

/* add_leg: to the leg of that street, or a new one. */
static void
add_leg(struct pen *p, uint32_t edge, uint32_t ms, uint32_t cm)
{
    struct roads_course *c = p->c;
    const char *street = roads_name(p->r, edge);

    /* Equal names are one string in the file. */
    if (c->legs == 0 || c->leg[c->legs - 1].street != street) {
        if (!roads_grow(&c->leg, &p->leg_cap, c->legs + 1, sizeof *c->leg)) {
            p->failed = true;
            return;
        }
        c->leg[c->legs++] = (struct roads_leg){.street = street};
    }
    c->leg[c->legs - 1].ms += ms;
    c->leg[c->legs - 1].cm += cm;
    p->ms += ms;
}

/* draw_edge: the part between two shares (ppm) of its length. */
static void
draw_edge(struct pen *p, uint32_t edge, uint32_t from, uint32_t to)
{
    const struct road *r = &p->r->road[edge >> 1];
    const struct latlng *point = p->r->point + r->point;
    double whole = 0, along = 0;

    for (uint32_t i = 1; i < r->points; i++)
        whole += geo_distance_m(point[i - 1], point[i]);
    double start = whole * from / 1e6, end = whole * to / 1e6;
    for (uint32_t i = 1; i < r->points; i++) {
        bool back = (edge & 1) != 0;
        struct latlng a = point[back ? r->points - i : i - 1];
        struct latlng b = point[back ? r->points - 1 - i : i];
        double length = geo_distance_m(a, b), next = along + length;
        if (next >= start && along <= end) {
            double s = length > 0 && start > along ? (start - along) / length : 0;
            double e = length > 0 && end < next ? (end - along) / length : 1;
            polyline_put(&p->line, point_between(a, b, s));
            polyline_put(&p->line, point_between(a, b, e));
        }
        along = next;
    }
}

/* share_of_edge: where a spot lies on an edge; `otherwise` when it does not. */
static uint32_t
share_of_edge(const struct roads_spot *spot, uint32_t edge, uint32_t otherwise)
{
    for (uint32_t i = 0; i < spot->edges; i++)
        if (spot->edge[i].edge == edge)
            return spot->edge[i].behind;
    return otherwise;
}

/* share_out: what the turns cost, over the legs by their time; the last takes what is left over. */
static void
share_out(struct pen *p)
{
    struct roads_course *c = p->c;
    uint64_t left = c->trip.ms;

    for (size_t i = 0; i < c->legs; i++) {
        uint64_t ms = p->ms == 0 ? 0 : c->leg[i].ms * (uint64_t)c->trip.ms / p->ms;
        if (i + 1 == c->legs || ms > left)
            ms = left;
        c->leg[i].ms = (uint32_t)ms;
        left -= ms;
    }
}

enum lc_err
roads_directions(struct roads_search *s, enum travel_mode mode, const struct roads_spot *from,
                 const struct roads_spot *to, struct roads_course *out)
{
    const struct roads *r = s->r;
    struct pen p = {.r = r, .c = out, .line = {.out = &out->polyline}};
    const uint32_t *path;
    size_t n;

    *out = (struct roads_course){0};
    enum lc_err err = roads_route(s, mode, from, to, &out->trip, &path, &n);
    if (err != LC_OK)
        return err;
    if (out->trip.ms == ROADS_UNREACHABLE)
        return LC_ENOTFOUND;
    for (size_t i = 0; i < n; i++) {
        uint32_t start = i == 0 ? share_of_edge(from, path[i], 0) : 0;
        uint32_t end = i + 1 == n ? share_of_edge(to, path[i], 1000000) : 1000000;
        uint32_t cm = r->road[path[i] >> 1].cm;
        uint64_t part = end > start ? end - start : 0;
        uint32_t ms = edge_cost_ms(cm, r->mode[mode].slot[s->path_slot[i]].speed);
        add_leg(&p, path[i], (uint32_t)(ms * part / 1000000), (uint32_t)(cm * part / 1000000));
        draw_edge(&p, path[i], start, end > start ? end : start);
    }
    share_out(&p);
    return p.failed || out->polyline.failed ? LC_ENOMEM : LC_OK;
}

void
roads_course_free(struct roads_course *c)
{
    buf_free(&c->polyline);
    free(c->leg);
    *c = (struct roads_course){0};
}
