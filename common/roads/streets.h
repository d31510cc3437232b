/* streets: how robots ride (lcctl robots, lc-city): along a map's streets, or straight on without
 * one. */
#ifndef LC_ROADS_STREETS_H
#define LC_ROADS_STREETS_H

#include "base/geo.h"
#include "roads/roads.h"

struct streets {
    struct roads *roads; /* NULL: none */
    struct roads_travel travel;
};

/* streets_open: a map made by `lcctl roads build`. LC_EINVAL, LC_EIO and LC_ENOMEM with the reason
 * in error (ROADS_ERROR_MAX). */
LC_MUST_CHECK enum lc_err streets_open(struct streets *s, const char *path, char *error);
void streets_close(struct streets *s);

/* course: points of a ride, and how far each is from the first. */
struct course {
    struct latlng *point; /* owned */
    double *m;            /* owned */
    size_t n;
    bool on_streets;
};

/* streets_ride: the way and how many seconds it takes; straight on, by the estimate, where no
 * street leads there. What *c held before is freed. LC_ENOMEM; LC_EINVAL: a place is not on Earth.
 */
LC_MUST_CHECK enum lc_err streets_ride(const struct streets *s, enum travel_mode mode,
                                       struct latlng from, struct latlng to, struct course *c,
                                       uint32_t *seconds);

/* course_at: where one is after `part` of `whole`; at an even pace. */
struct latlng course_at(const struct course *c, int64_t part, int64_t whole);
void course_free(struct course *c);

#endif
