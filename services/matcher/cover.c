#include "matcher/cover.h"

/* > 0 to the left of the way from a to b. The products of a world-wide zone pass 64 bits. */
static int
side(struct latlng a, struct latlng b, int32_t lat_e7, int32_t lng_e7)
{
    __int128 left = (__int128)((int64_t)b.lng_e7 - a.lng_e7) * ((int64_t)lat_e7 - a.lat_e7);
    __int128 right = (__int128)((int64_t)b.lat_e7 - a.lat_e7) * ((int64_t)lng_e7 - a.lng_e7);

    return (left > right) - (left < right);
}

static bool
apart(int32_t a, int32_t b, int32_t low, int32_t high)
{
    return (a < low && b < low) || (a > high && b > high);
}

/* Two convex shapes are apart when a line along a side of one of them parts them. */
static bool
meets(struct latlng a, struct latlng b, const struct match_box *box)
{
    if (apart(a.lat_e7, b.lat_e7, box->south_e7, box->north_e7) ||
        apart(a.lng_e7, b.lng_e7, box->west_e7, box->east_e7))
        return false;
    int sum = side(a, b, box->south_e7, box->west_e7) + side(a, b, box->south_e7, box->east_e7) +
              side(a, b, box->north_e7, box->west_e7) + side(a, b, box->north_e7, box->east_e7);
    return sum != 4 && sum != -4;
}

enum match_cover
match_cover_of(const struct zone_shape *s, const struct match_box *box)
{
    struct latlng corner = {box->south_e7, box->west_e7};
    uint32_t start = 0;

    if (s->max.lat_e7 < box->south_e7 || s->min.lat_e7 > box->north_e7 ||
        s->max.lng_e7 < box->west_e7 || s->min.lng_e7 > box->east_e7)
        return MATCH_COVER_NONE;
    for (uint32_t r = 0; r < s->rings; r++) {
        struct latlng before = s->point[s->ring_end[r] - 1];
        for (uint32_t i = start; i < s->ring_end[r]; i++) {
            if (meets(before, s->point[i], box))
                return MATCH_COVER_ASK;
            before = s->point[i];
        }
        start = s->ring_end[r];
    }
    return zone_shape_covers(s, corner) ? MATCH_COVER_ALL : MATCH_COVER_NONE;
}
