/* cover: what a delivery zone says of a whole neighbourhood, so that most of its customers need no
 * test of their own. Pure.
 */
#ifndef LC_MATCHER_COVER_H
#define LC_MATCHER_COVER_H

#include "base/zone_shape.h"

/* A rectangle in latitude and longitude; empty when south > north. Its edges are inside. */
struct match_box {
    int32_t south_e7;
    int32_t north_e7;
    int32_t west_e7;
    int32_t east_e7;
};

enum match_cover {
    MATCH_COVER_ASK,  /* some points may be inside, some outside: ask for each */
    MATCH_COVER_ALL,  /* every point is inside */
    MATCH_COVER_NONE, /* no point is */
};

/* match_cover_of: exact, but that a zone whose boundary only touches the box may say ASK. */
enum match_cover match_cover_of(const struct zone_shape *shape, const struct match_box *box);

#endif
