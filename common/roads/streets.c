#include "roads/streets.h"

#include <stdio.h>
#include <stdlib.h>

enum lc_err
streets_open(struct streets *s, const char *path, char *error)
{
    enum lc_err err = roads_open(path, &s->roads, error);

    if (err != LC_OK)
        return err;
    err = roads_travel_init(&s->travel, s->roads, ROADS_SNAP_M);
    if (err != LC_OK) {
        snprintf(error, ROADS_ERROR_MAX, "%s", lc_strerror(err));
        roads_close(s->roads);
        s->roads = NULL;
    }
    return err;
}

void
streets_close(struct streets *s)
{
    if (s->roads == NULL)
        return;
    roads_travel_free(&s->travel);
    roads_close(s->roads);
    s->roads = NULL;
}

void
course_free(struct course *c)
{
    free(c->point);
    free(c->m);
    *c = (struct course){0};
}

static bool
add_point(struct course *c, size_t *room, struct latlng p)
{
    if (c->n == *room) {
        size_t more = *room == 0 ? 64 : *room * 2;
        struct latlng *point = realloc(c->point, more * sizeof *point);
        if (point == NULL)
            return false;
        c->point = point;
        double *m = realloc(c->m, more * sizeof *m);
        if (m == NULL)
            return false;
        c->m = m;
        *room = more;
    }
    c->m[c->n] = c->n == 0 ? 0 : c->m[c->n - 1] + geo_distance_m(c->point[c->n - 1], p);
    c->point[c->n++] = p;
    return true;
}

/* A number of an encoded polyline: five bits a character, the sign in the lowest. */
static int32_t
next_number(struct slice *line)
{
    uint32_t v = 0;

    for (unsigned shift = 0; line->n > 0 && shift < 32; shift += 5) {
        uint32_t bits = (uint32_t)(unsigned char)*line->p - 63;
        line->p++;
        line->n--;
        v |= (bits & 31) << shift;
        if ((bits & 32) == 0)
            break;
    }
    return (int32_t)(v >> 1) ^ -(int32_t)(v & 1);
}

/* Five decimals there, seven here. */
static bool
add_line(struct course *c, size_t *room, struct slice line)
{
    struct latlng at = {0, 0};

    while (line.n > 0) {
        at.lat_e7 += 100 * next_number(&line);
        at.lng_e7 += 100 * next_number(&line);
        if (!add_point(c, room, at))
            return false;
    }
    return true;
}

static enum lc_err
along_streets(const struct streets *s, enum travel_mode mode, struct latlng from, struct latlng to,
              struct course *c, size_t *room)
{
    struct roads_spot a, b;
    struct roads_course way = {0};
    enum lc_err err = roads_snap(s->roads, mode, from, ROADS_SNAP_M, &a);

    if (err == LC_OK)
        err = roads_snap(s->roads, mode, to, ROADS_SNAP_M, &b);
    if (err == LC_OK)
        err = roads_directions(s->travel.search, mode, &a, &b, &way);
    if (err == LC_OK && !(add_point(c, room, from) && add_line(c, room, buf_slice(&way.polyline)) &&
                          add_point(c, room, to)))
        err = LC_ENOMEM;
    roads_course_free(&way);
    return err;
}

enum lc_err
streets_ride(const struct streets *s, enum travel_mode mode, struct latlng from, struct latlng to,
             struct course *c, uint32_t *seconds)
{
    const struct travel *t = s->roads == NULL ? travel_estimate() : &s->travel.travel;
    struct travel_cell cell = {TRAVEL_UNREACHABLE, 0};
    enum travel_quality quality;
    size_t room = 0;

    course_free(c);
    if (!geo_valid(from) || !geo_valid(to))
        return LC_EINVAL;
    enum lc_err err = t->matrix(t, &from, 1, &to, 1, mode, 0, &cell, &quality);
    c->on_streets = s->roads != NULL && err == LC_OK && cell.seconds != TRAVEL_UNREACHABLE;
    if (c->on_streets) {
        *seconds = cell.seconds;
        return along_streets(s, mode, from, to, c, &room);
    }
    t = travel_estimate();
    err = t->matrix(t, &from, 1, &to, 1, mode, 0, &cell, &quality);
    *seconds = cell.seconds;
    if (err == LC_OK && !(add_point(c, &room, from) && add_point(c, &room, to)))
        err = LC_ENOMEM;
    return err;
}

struct latlng
course_at(const struct course *c, int64_t part, int64_t whole)
{
    size_t low = 0, high = c->n - 1;

    if (part <= 0 || whole <= 0)
        return part <= 0 && whole > 0 ? c->point[0] : c->point[high];
    double m = c->m[high] * (double)part / (double)whole;
    if (m >= c->m[high])
        return c->point[high];
    while (high - low > 1) { /* m[low] <= m < m[high] */
        size_t middle = (low + high) / 2;
        if (c->m[middle] <= m)
            low = middle;
        else
            high = middle;
    }
    double share = (m - c->m[low]) / (c->m[high] - c->m[low]);
    struct latlng a = c->point[low], b = c->point[high];
    return (struct latlng){(int32_t)(a.lat_e7 + ((double)b.lat_e7 - a.lat_e7) * share),
                           (int32_t)(a.lng_e7 + ((double)b.lng_e7 - a.lng_e7) * share)};
}
