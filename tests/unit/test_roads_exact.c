/* The compiled map answers what plain Dijkstra answers: 10,000 random pairs a mode on Baltimore,
 * turn costs and restrictions included. */
#include "roads_dijkstra.h"
#include "roads_rig.h"
#include "unit.h"

#include "roads/memory.h"

#include <geos_c.h>

#ifdef __SANITIZE_ADDRESS__
enum { STARTS = 10, ENDS = 100 }; /* the checks are what counts there, and they are slow */
#else
enum { STARTS = 100, ENDS = 100 };
#endif

static struct buf pbf, compiled;
static struct roads *map;
static struct roads_search *search;
static uint64_t seed = 4;

static uint64_t
next(void)
{
    uint64_t z = seed += 0x9E3779B97F4A7C15;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static struct roads_spot
any_spot(enum travel_mode mode)
{
    struct latlng low, high;
    struct roads_spot spot;

    roads_bounds(map, &low, &high);
    do {
        struct latlng p = {
            low.lat_e7 + (int32_t)(next() % (uint64_t)(high.lat_e7 - low.lat_e7)),
            low.lng_e7 + (int32_t)(next() % (uint64_t)(high.lng_e7 - low.lng_e7)),
        };
        if (roads_snap(map, mode, p, 2000, &spot) != LC_OK)
            spot.edges = 0;
    } while (spot.edges == 0);
    return spot;
}

static void
compare_row(struct dijkstra *d, enum travel_mode mode, const struct roads_spot *from,
            const struct roads_spot *to, const struct roads_trip *row)
{
    static struct roads_trip reached[ENDS];
    size_t wrong = 0;

    dijkstra_from(d, from);
    CU_ASSERT_EQUAL(roads_reach(search, mode, from, UINT32_MAX - 1, to, ENDS, reached), LC_OK);
    for (size_t j = 0; j < ENDS; j++) {
        uint32_t ms, w = dijkstra_to(d, from, &to[j], &ms);
        struct roads_trip one = {0};
        if (roads_route(search, mode, from, &to[j], &one, NULL, NULL) != LC_OK)
            wrong++;
        wrong += row[j].weight_ms != w || row[j].ms != ms;
        wrong += memcmp(&one, &row[j], sizeof one) != 0;
        wrong += reached[j].weight_ms != w || reached[j].ms != ms;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void
compare_mode(enum travel_mode mode)
{
    static struct roads_spot from[STARTS], to[ENDS];
    static struct roads_trip table[STARTS * ENDS];
    struct dijkstra d;

    CU_ASSERT_TRUE_FATAL(dijkstra_open(&d, buf_slice(&pbf), mode));
    for (size_t i = 0; i < STARTS; i++)
        from[i] = any_spot(mode);
    for (size_t j = 0; j < ENDS; j++)
        to[j] = any_spot(mode);
    to[7] = from[7]; /* the same spot, and spots before and behind it */
    CU_ASSERT_EQUAL_FATAL(roads_table(search, mode, from, STARTS, to, ENDS, table), LC_OK);
    for (size_t i = 0; i < STARTS; i++)
        compare_row(&d, mode, &from[i], to, table + i * ENDS);
    dijkstra_close(&d);
}

static void
test_roads_table_is_dijkstra(void)
{
    for (unsigned k = 0; k < TRAVEL_MODES; k++)
        compare_mode((enum travel_mode)k);
}

/* Two spots on one road, in every order and distance: along, back, and round the block. */
static void
test_roads_route_along_one_road(void)
{
    struct dijkstra d;

    CU_ASSERT_TRUE_FATAL(dijkstra_open(&d, buf_slice(&pbf), TRAVEL_CAR));
    for (int i = 0; i < 300; i++) {
        struct roads_spot a = any_spot(TRAVEL_CAR), b = a;
        struct roads_trip t = {0};
        uint32_t ms;
        for (uint32_t e = 0; e < a.edges; e++) {
            uint32_t twin = e + 1 < a.edges && a.edge[e + 1].edge == (a.edge[e].edge ^ 1);
            b.edge[e].behind = (uint32_t)(next() % 1000001);
            if (twin) {
                b.edge[e + 1].behind = 1000000 - b.edge[e].behind;
                e++;
            }
        }
        dijkstra_from(&d, &a);
        uint32_t w = dijkstra_to(&d, &a, &b, &ms);
        CU_ASSERT_EQUAL(roads_route(search, TRAVEL_CAR, &a, &b, &t, NULL, NULL), LC_OK);
        CU_ASSERT_EQUAL(t.weight_ms, w);
        CU_ASSERT_EQUAL(t.ms, ms);
    }
    dijkstra_close(&d);
}

/* The edges of a path follow one another, and their lengths and times add up to the answer. */
static void
test_roads_route_path_adds_up(void)
{
    struct dijkstra d;
    int found = 0;

    CU_ASSERT_TRUE_FATAL(dijkstra_open(&d, buf_slice(&pbf), TRAVEL_BICYCLE));
    for (int i = 0; i < 200; i++) {
        struct roads_spot a = any_spot(TRAVEL_BICYCLE), b = any_spot(TRAVEL_BICYCLE);
        struct roads_trip t;
        const uint32_t *path;
        uint64_t cm = 0, w = 0;
        size_t n, gaps = 0;
        CU_ASSERT_EQUAL(roads_route(search, TRAVEL_BICYCLE, &a, &b, &t, &path, &n), LC_OK);
        if (t.ms == ROADS_UNREACHABLE)
            continue; /* the other side of the harbour */
        CU_ASSERT_TRUE_FATAL(n > 0);
        found++;
        for (size_t k = 0; k < n; k++) {
            uint32_t s = d.g.state_of[path[k]], turn = UINT32_MAX;
            cm += d.net.road[path[k] >> 1].cm;
            w += d.g.w[s];
            if (k + 1 == n)
                break;
            for (uint32_t x = d.g.first[s]; x < d.g.first[s + 1]; x++)
                if (d.g.turn[x].to == d.g.state_of[path[k + 1]])
                    turn = d.g.turn[x].w;
            gaps += turn == UINT32_MAX;
            w += turn;
        }
        CU_ASSERT_EQUAL(gaps, 0);
        CU_ASSERT_TRUE(cm >= t.cm && w >= t.weight_ms);
        uint32_t ends = d.g.w[d.g.state_of[path[0]]] + d.g.w[d.g.state_of[path[n - 1]]];
        CU_ASSERT_TRUE(w - t.weight_ms <= ends);
    }
    CU_ASSERT_TRUE(found > 100);
    dijkstra_close(&d);
}

static void
test_roads_travel_never_beats_its_bound(void)
{
    struct roads_travel t;
    struct latlng p[40];
    static struct travel_cell cell[40 * 40];
    enum travel_quality quality;

    CU_ASSERT_EQUAL_FATAL(roads_travel_init(&t, map, 1000), LC_OK);
    for (unsigned k = 0; k < TRAVEL_MODES; k++) {
        size_t wrong = 0;
        for (size_t i = 0; i < 40; i++)
            p[i] = any_spot((enum travel_mode)k).at;
        CU_ASSERT_EQUAL_FATAL(
            t.travel.matrix(&t.travel, p, 40, p, 40, (enum travel_mode)k, 0, cell, &quality),
            LC_OK);
        CU_ASSERT_EQUAL(quality, TRAVEL_ROAD);
        for (size_t i = 0; i < 1600; i++)
            wrong += t.travel.lower_bound_s(&t.travel, p[i / 40], p[i % 40], (enum travel_mode)k) >
                     cell[i].seconds;
        CU_ASSERT_EQUAL(wrong, 0);
    }
    roads_travel_free(&t);
}

/* A provider that has been asked before, and has forgotten most of it, answers as a new one, also
 * when places come twice. */
static void
test_roads_travel_remembers_without_changing_an_answer(void)
{
    enum { FROM = 23, TO = 17 };
    struct roads_travel old, fresh;
    struct latlng from[FROM], to[TO];
    struct travel_cell a[FROM * TO], b[FROM * TO];
    enum travel_quality quality;
    size_t wrong = 0, reached = 0;

    CU_ASSERT_EQUAL_FATAL(roads_travel_init(&old, map, 1000), LC_OK);
    old.memory->most = 300000;
    for (unsigned round = 0; round < 60; round++) {
        enum travel_mode mode = (enum travel_mode)(round % TRAVEL_MODES);
        size_t from_n = round % 2 == 0 ? FROM : 3, to_n = round % 5 == 0 ? 2 : TO;
        for (size_t i = 0; i < FROM; i++)
            from[i] = i > 0 && next() % 3 == 0 ? from[next() % i] : any_spot(mode).at;
        for (size_t j = 0; j < TO; j++)
            to[j] = next() % 3 == 0 ? from[next() % FROM] : any_spot(mode).at;
        CU_ASSERT_EQUAL_FATAL(roads_travel_init(&fresh, map, 1000), LC_OK);
        CU_ASSERT_EQUAL(
            old.travel.matrix(&old.travel, from, from_n, to, to_n, mode, 0, a, &quality), LC_OK);
        for (size_t i = 0; i < from_n; i++)
            for (size_t j = 0; j < to_n; j++)
                CU_ASSERT_EQUAL(fresh.travel.matrix(&fresh.travel, &from[i], 1, &to[j], 1, mode, 0,
                                                    &b[i * to_n + j], &quality),
                                LC_OK);
        for (size_t k = 0; k < from_n * to_n; k++) {
            wrong += a[k].seconds != b[k].seconds || a[k].metres != b[k].metres;
            reached += a[k].seconds != TRAVEL_UNREACHABLE;
        }
        CU_ASSERT(old.memory->bytes <= 300000);
        roads_travel_free(&fresh);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(reached > 1000);
    roads_travel_free(&old);
}

/* The area is a valid shape that covers what is reached in time, and not what takes twice as long.
 */
static void
test_roads_area_covers_what_is_reached(void)
{
    static struct roads_spot to[ENDS];
    static struct roads_trip trip[ENDS];
    const uint32_t bound_ms = 480000;
    struct roads_spot from = any_spot(TRAVEL_BICYCLE);
    struct buf json = {0};
    size_t wrong = 0, beyond = 0, beyond_covered = 0;
    GEOSContextHandle_t geos = GEOS_init_r();
    GEOSGeoJSONReader *reader = GEOSGeoJSONReader_create_r(geos);

    for (size_t j = 0; j < ENDS; j++)
        to[j] = any_spot(TRAVEL_BICYCLE);
    CU_ASSERT_EQUAL(roads_reach(search, TRAVEL_BICYCLE, &from, UINT32_MAX - 1, to, ENDS, trip),
                    LC_OK);
    CU_ASSERT_EQUAL_FATAL(roads_area(search, TRAVEL_BICYCLE, &from, bound_ms, 60, &json), LC_OK);
    buf_char(&json, '\0');
    GEOSGeometry *shape = GEOSGeoJSONReader_readGeometry_r(geos, reader, json.p);
    CU_ASSERT_PTR_NOT_NULL_FATAL(shape);
    CU_ASSERT_EQUAL(GEOSisValid_r(geos, shape), 1);
    for (size_t j = 0; j < ENDS; j++) {
        GEOSGeometry *point =
            GEOSGeom_createPointFromXY_r(geos, to[j].at.lng_e7 * 1e-7, to[j].at.lat_e7 * 1e-7);
        bool covered = GEOSCovers_r(geos, shape, point) == 1;
        GEOSGeom_destroy_r(geos, point);
        wrong += trip[j].ms <= bound_ms && !covered;
        beyond += trip[j].ms > 2 * bound_ms;
        beyond_covered += trip[j].ms > 2 * bound_ms && covered;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_TRUE(beyond > 10);
    CU_ASSERT_EQUAL(beyond_covered, 0);
    GEOSGeom_destroy_r(geos, shape);
    GEOSGeoJSONReader_destroy_r(geos, reader);
    GEOS_finish_r(geos);
    buf_free(&json);
}

static void
test_roads_build_same_file_same_bytes(void)
{
    struct buf again = {0};
    char error[ROADS_ERROR_MAX];

    CU_ASSERT_EQUAL(roads_build(buf_slice(&pbf), ROADS_ALL_MODES, &again, NULL, error), LC_OK);
    CU_ASSERT_EQUAL(again.n, compiled.n);
    CU_ASSERT_TRUE(again.n == compiled.n && memcmp(again.p, compiled.p, again.n) == 0);
    buf_free(&again);
}

static void
prepare(void)
{
    char error[ROADS_ERROR_MAX] = "";

    pbf = rig_file(LC_CITY_DATA "/baltimore.osm.pbf");
    CU_ASSERT_EQUAL_FATAL(roads_build(buf_slice(&pbf), ROADS_ALL_MODES, &compiled, NULL, error),
                          LC_OK);
    CU_ASSERT_EQUAL_FATAL(roads_view(buf_slice(&compiled), &map, error), LC_OK);
    search = roads_search_new(map);
    CU_ASSERT_PTR_NOT_NULL_FATAL(search);
}

static void
clean_up(void)
{
    roads_search_free(search);
    roads_close(map);
    buf_free(&compiled);
    buf_free(&pbf);
    CU_ASSERT_PTR_NULL(compiled.p);
}

UNIT_MAIN("roads_exact", UNIT(prepare), UNIT(test_roads_table_is_dijkstra),
          UNIT(test_roads_route_along_one_road), UNIT(test_roads_route_path_adds_up),
          UNIT(test_roads_travel_never_beats_its_bound),
          UNIT(test_roads_travel_remembers_without_changing_an_answer),
          UNIT(test_roads_area_covers_what_is_reached), UNIT(test_roads_build_same_file_same_bytes),
          UNIT(clean_up))
