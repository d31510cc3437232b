/* The way behind a travel time, for struct travel: its line and its streets. */
#include "roads/memory.h"

#include <stdlib.h>

/* keep_streets: metres by street, one after the other. */
static enum lc_err
keep_streets(const struct roads_course *c, struct travel_course *out)
{
    out->street = calloc(c->legs + 1, sizeof *out->street);
    if (out->street == NULL)
        return LC_ENOMEM;
    for (size_t i = 0; i < c->legs; i++)
        out->street[i] =
            (struct travel_street){c->leg[i].street, (uint32_t)((c->leg[i].cm + 50) / 100)};
    out->streets = c->legs;
    return LC_OK;
}

enum lc_err
travel_of_roads_course(const struct travel *travel, struct latlng from, struct latlng to,
                       enum travel_mode mode, int64_t depart_ms, struct travel_course *out)
{
    const struct roads_travel *t = (const struct roads_travel *)travel;
    struct roads_spot start, end;
    struct roads_course c = {0};
    enum travel_quality quality;

    if (!geo_valid(from) || !geo_valid(to))
        return LC_EINVAL;
    if (!roads_has(t->roads, mode))
        return LC_ENOTFOUND;
    enum lc_err err = roads_snap(t->roads, mode, from, t->snap_m, &start);
    if (err == LC_OK)
        err = roads_snap(t->roads, mode, to, t->snap_m, &end);
    if (err == LC_OK)
        err = roads_directions(t->search, mode, &start, &end, &c);
    /* so that what is shown is what was planned by, the ways to and from the road included */
    if (err == LC_OK)
        err = travel->matrix(travel, &from, 1, &to, 1, mode, depart_ms, &out->cell, &quality);
    if (err == LC_OK)
        err = keep_streets(&c, out);
    if (err == LC_OK) {
        out->line = c.polyline;
        c.polyline = (struct buf){0};
    }
    roads_course_free(&c);
    return err;
}
