/* seeds FOLDER: writes what the targets begin with, FOLDER/TARGET/NAME: a small town in every way
 * the format allows, the map and the index made of it, and little texts. */
#include "roads_rig.h"

#include "addresses/addresses.h"

#include <sys/stat.h>

static const struct rig_node nodes[] = {
    {1, {392840000, -766000000}, NULL},
    {2, {392840000, -765900000}, "highway=traffic_signals"},
    {3, {392900000, -765900000}, NULL},
    {4, {392900000, -766000000}, "barrier=bollard"},
    {5,
     {392870000, -765950000},
     "addr:housenumber=100|addr:street=Fleet Street|addr:city=Baltimore"},
    {6, {392841000, -765980000}, "addr:housenumber=201"},
    {7, {392841000, -765920000}, "addr:housenumber=209"},
};
static const int64_t fleet[] = {1, 2, 3}, bond[] = {3, 4, 1}, short_cut[] = {1, 3}, odd[] = {6, 7};
static const struct rig_way ways[] = {
    {1, "highway=residential|name=Fleet Street|maxspeed=25 mph", fleet, 3},
    {2, "highway=primary|name=Bond Street|oneway=yes", bond, 3},
    {3, "highway=footway|surface=gravel", short_cut, 2},
    {4, "addr:interpolation=odd|addr:street=Fleet Street", odd, 2},
};
static const struct rig_member turn[] = {
    {1, "from", OSMPBF__RELATION__MEMBER_TYPE__WAY},
    {3, "via", OSMPBF__RELATION__MEMBER_TYPE__NODE},
    {2, "to", OSMPBF__RELATION__MEMBER_TYPE__WAY},
};
static const struct rig_relation relations[] = {
    {1, "type=restriction|restriction=no_left_turn|except=bicycle", turn, 3},
};
static const struct rig_map town = {
    nodes, sizeof nodes / sizeof *nodes, ways, sizeof ways / sizeof *ways, relations, 1};

static const struct {
    const char *target, *name, *text;
} texts[] = {
    {"fuzz_json", "order",
     "{\"name\":\"caf\\u00e9\",\"time\":\"2026-02-03T04:05:06Z\",\"n\":[1,-2.5e3,"
     "true,null],\"at\":{\"type\":\"Point\",\"coordinates\":[-76.6,39.28]}}"},
    {"fuzz_json", "zone",
     "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[1,0],[1,1],[0,0]]]]}"},
    {"fuzz_json", "zone-in",
     "{\"zone\":{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,1],"
     "[0,0]]]}}"},
    {"fuzz_csv", "rows", "\3sku,name,price\r\n1,\"a \"\"b\"\"\nc\",2\r\n\r\n2,x,3"},
    {"fuzz_csv", "bad",
     "\1\xef\xbb\xbf"
     "a,b\"c\n\"d\"e,f\n,\n\"open"},
};

static void
save(const char *folder, const char *target, const char *name, struct slice bytes)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", folder, target);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%s/%s", folder, target, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(bytes.p, 1, bytes.n, f) != bytes.n || fclose(f) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

static void
save_town(const char *folder)
{
    static const struct rig_style styles[] = {
        {0}, {.dense = true}, {.backwards = true, .per_block = 2}, {.dense = true, .zlib = true}};
    char error[ROADS_ERROR_MAX], name[16];
    struct buf pbf = {0}, map = {0}, index = {0};

    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++) {
        pbf.n = 0;
        rig_write(&town, &styles[i], &pbf);
        snprintf(name, sizeof name, "town-%zu", i);
        save(folder, "fuzz_pbf", name, buf_slice(&pbf));
    }
    if (roads_build(buf_slice(&pbf), 1U << TRAVEL_FOOT | 1U << TRAVEL_CAR, &map, NULL, error) !=
            LC_OK ||
        addresses_build(buf_slice(&pbf), &index, NULL, error) != LC_OK) {
        fprintf(stderr, "seeds: %s\n", error);
        exit(EXIT_FAILURE);
    }
    save(folder, "fuzz_map", "town", buf_slice(&map));
    buf_str(&index, "203 Fleet St");
    save(folder, "fuzz_addresses", "town", buf_slice(&index));
    buf_free(&pbf);
    buf_free(&map);
    buf_free(&index);
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "use: seeds FOLDER\n");
        return EXIT_FAILURE;
    }
    mkdir(argv[1], 0755);
    save_town(argv[1]);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        save(argv[1], texts[i].target, texts[i].name, slice_str(texts[i].text));
    return EXIT_SUCCESS;
}
