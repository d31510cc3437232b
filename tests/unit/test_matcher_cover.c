/* What a zone says of a whole neighbourhood, against its answer for single points. */
#include "unit.h"

#include "matcher/cover.h"

#include <math.h>

static uint64_t random_state = 42;

static uint32_t
below(uint32_t n)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((random_state >> 33) % n);
}

static const struct latlng middle = {392900000, -765900000};

/* A star around the middle, every other time with a square hole. */
static void
put_star(struct zone_set *zs, bool with_hole)
{
    struct latlng outer[21], hole[5];
    struct zone_ring rings[2] = {{outer, 0, false}, {hole, 5, true}};
    size_t n = 3 + below(17);

    for (size_t i = 0; i <= n; i++) {
        double turn = 2 * M_PI * (double)(i % n) / (double)n;
        double r = 60000 + below(60000);
        outer[i] = (struct latlng){middle.lat_e7 + (int32_t)(r * sin(turn)),
                                   middle.lng_e7 + (int32_t)(r * cos(turn))};
    }
    outer[n] = outer[0];
    rings[0].n = n + 1;
    for (size_t i = 0; i < 5; i++)
        hole[i] = (struct latlng){middle.lat_e7 + (i == 2 || i == 3 ? 9000 : -9000),
                                  middle.lng_e7 + (i == 1 || i == 2 ? 9000 : -9000)};
    CU_ASSERT_EQUAL_FATAL(zone_set_put(zs, 1, rings, with_hole ? 2 : 1, NULL, NULL), LC_OK);
}

static void
test_cover_agrees_with_every_point(void)
{
    struct zone_set *zs = zone_set_new();
    unsigned seen[3] = {0}, wrong = 0;

    for (unsigned round = 0; round < 400; round++) {
        put_star(zs, round % 2 == 0);
        for (unsigned i = 0; i < 50; i++) {
            struct latlng sw = {middle.lat_e7 - 130000 + (int32_t)below(260000),
                                middle.lng_e7 - 130000 + (int32_t)below(260000)};
            int32_t size = (int32_t)below(14000);
            struct match_box box = {sw.lat_e7, sw.lat_e7 + size, sw.lng_e7, sw.lng_e7 + size};
            enum match_cover c = match_cover_of(zone_shape(zs, 1), &box);
            seen[c]++;
            for (unsigned k = 0; k < 20; k++) {
                struct latlng p = {sw.lat_e7 + (int32_t)below((uint32_t)size + 1),
                                   sw.lng_e7 + (int32_t)below((uint32_t)size + 1)};
                bool in = zone_covers(zs, 1, p);
                wrong += (c == MATCH_COVER_ALL && !in) || (c == MATCH_COVER_NONE && in);
            }
        }
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(seen[MATCH_COVER_ASK] > 1000);
    CU_ASSERT(seen[MATCH_COVER_ALL] > 1000);
    CU_ASSERT(seen[MATCH_COVER_NONE] > 1000);
    zone_set_destroy(zs);
}

static void
test_cover_of_a_square_at_its_edges(void)
{
    static const struct {
        struct match_box box; /* beside the middle */
        enum match_cover cover;
    } table[] = {
        {{-999, 999, -999, 999}, MATCH_COVER_ALL},
        {{-1000, 0, -1000, 0}, MATCH_COVER_ASK},       /* the zone's own corner */
        {{1001, 2000, -1000, 1000}, MATCH_COVER_NONE}, /* beside it */
        {{1000, 2000, -1000, 1000}, MATCH_COVER_ASK},  /* touches it */
        {{-2000, 2000, -2000, 2000}, MATCH_COVER_ASK}, /* around all of it */
        {{-100, 100, -2000, 2000}, MATCH_COVER_ASK},   /* across */
        {{1001, 1001, 1001, 1001}, MATCH_COVER_NONE},  /* a point */
    };
    struct zone_set *zs = zone_set_new();
    const int32_t s = middle.lat_e7 - 1000, n = middle.lat_e7 + 1000;
    const int32_t w = middle.lng_e7 - 1000, e = middle.lng_e7 + 1000;
    const struct latlng square[] = {{s, w}, {s, e}, {n, e}, {n, w}, {s, w}};
    const struct zone_ring ring = {square, 5, false};

    CU_ASSERT_EQUAL_FATAL(zone_set_put(zs, 1, &ring, 1, NULL, NULL), LC_OK);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct match_box b = table[i].box;
        b.south_e7 += middle.lat_e7;
        b.north_e7 += middle.lat_e7;
        b.west_e7 += middle.lng_e7;
        b.east_e7 += middle.lng_e7;
        CU_ASSERT_EQUAL(match_cover_of(zone_shape(zs, 1), &b), table[i].cover);
    }
    zone_set_destroy(zs);
}

UNIT_MAIN("matcher cover", UNIT(test_cover_agrees_with_every_point),
          UNIT(test_cover_of_a_square_at_its_edges))
