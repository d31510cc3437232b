/* Addresses of south-east Baltimore: what the index says of each against where the same map's own
 * list of addresses has it; and how far off it is when it has to guess. */
#include "roads_rig.h"
#include "unit.h"

#include "addresses/addresses.h"

#include <jansson.h>
#include <math.h>

static char error[ROADS_ERROR_MAX];

/* place: one address of addresses.geojson. */
struct place {
    char text[160];
    char tags[160];
    struct latlng at;
};

static struct place place[2000];
static size_t places;

static void
read_places(void)
{
    json_t *root = json_load_file(LC_CITY_DATA "/addresses.geojson", 0, NULL);
    json_t *feature;
    size_t i;

    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    places = 0;
    json_array_foreach(json_object_get(root, "features"), i, feature)
    {
        const char *number, *street;
        double lng, lat;
        struct place *p = &place[places++];
        CU_ASSERT_EQUAL_FATAL(json_unpack(feature, "{s:{s:s,s:s},s:{s:[F,F]}}", "properties",
                                          "housenumber", &number, "street", &street, "geometry",
                                          "coordinates", &lng, &lat),
                              0);
        snprintf(p->text, sizeof p->text, "%s %s", number, street);
        snprintf(p->tags, sizeof p->tags, "addr:housenumber=%s|addr:street=%s", number, street);
        CU_ASSERT_TRUE_FATAL(geo_of_degrees(lat, lng, &p->at));
    }
    json_decref(root);
    CU_ASSERT_EQUAL_FATAL(places, 1322);
}

static struct address_found
ask(const struct addresses *a, const char *text)
{
    const struct address_book *b = addresses_book(a);
    struct address_found f;

    CU_ASSERT_EQUAL(b->find(b, slice_str(text), &f), LC_OK);
    return f;
}

/* twice: is the same address in the list again, more than 300 m away? */
static bool
twice(size_t i)
{
    for (size_t k = 0; k < places; k++)
        if (strcmp(place[k].text, place[i].text) == 0 &&
            geo_distance_m(place[k].at, place[i].at) > 300)
            return true;
    return false;
}

/* shorten: as people write it. */
static void
shorten(const char *text, char out[200])
{
    static const char *const pairs[][2] = {
        {" Street", " St"},   {" Avenue", " Ave."}, {" East ", " E "},
        {" South ", " S "},   {" North ", " n. "},  {" Road", " Rd"},
        {" Highway", " Hwy"}, {" Drive", " Dr"},    {" Saint ", " St. "}};
    char word[200];

    snprintf(out, 200, "%s", text);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *at = strstr(out, pairs[i][0]);
        if (at == NULL)
            continue;
        snprintf(word, sizeof word, "%s", at + strlen(pairs[i][0]));
        *at = '\0';
        size_t n = strlen(out);
        snprintf(out + n, 200 - n, "%s%s", pairs[i][1], word);
    }
}

static void
test_addresses_find_all_of_a_city(void)
{
    struct buf map = rig_file(LC_CITY_DATA "/baltimore.osm.pbf"), out = {0};
    struct addresses *a;
    size_t exact = 0, shortened = 0, repeated = 0, vast = 0;
    double worst = 0;
    char text[200];

    read_places();
    CU_ASSERT_EQUAL_FATAL(addresses_build(buf_slice(&map), &out, NULL, error), LC_OK);
    CU_ASSERT_EQUAL_FATAL(addresses_view(buf_slice(&out), &a, error), LC_OK);
    for (size_t i = 0; i < places; i++) {
        struct address_found f = ask(a, place[i].text);
        double m = geo_distance_m(f.at, place[i].at);
        bool again = twice(i);
        repeated += again;
        vast += f.precision == ADDRESS_STREET && m < f.error_m;
        if (!again && (f.precision != ADDRESS_EXACT || m > f.error_m))
            printf("  '%s': %s, %.1f m\n", place[i].text, address_precision_name(f.precision), m);
        if (f.precision == ADDRESS_EXACT && m <= f.error_m) {
            exact++;
            worst = fmax(worst, m);
        }
        shorten(place[i].text, text);
        struct address_found g = ask(a, text);
        if (g.precision != f.precision || memcmp(&g.at, &f.at, sizeof f.at) != 0)
            printf("  '%s' is not '%s'\n", text, place[i].text);
        else
            shortened++;
    }
    printf("  %zu of %zu exact, %.1f m off at most; %zu are there twice\n", exact, places, worst,
           repeated);
    CU_ASSERT_EQUAL(repeated, 0);
    CU_ASSERT_TRUE(vast <= 3); /* a cruise terminal */
    CU_ASSERT_EQUAL(exact,
                    places - 1 - vast); /* "6800 E", Baltimore Street, reads 6800, East ... */
    CU_ASSERT_EQUAL(shortened, places);
    addresses_close(a);
    buf_free(&out);
    buf_free(&map);
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Ten times, a tenth of the addresses is taken away and asked for. */
static void
test_addresses_know_how_well_they_guess(void)
{
    static double off[2000];
    size_t guessed = 0, within = 0, street = 0, none = 0;

    read_places();
    for (size_t fold = 0; fold < 10; fold++) {
        static struct rig_node node[2000];
        struct rig_map map = {.node = node};
        struct buf file = {0}, out = {0};
        struct addresses *a;
        for (size_t i = 0; i < places; i++)
            if (i % 10 != fold)
                node[map.nodes++] = (struct rig_node){(int64_t)i, place[i].at, place[i].tags};
        rig_write(&map, &(struct rig_style){.dense = true}, &file);
        CU_ASSERT_EQUAL_FATAL(addresses_build(buf_slice(&file), &out, NULL, error), LC_OK);
        CU_ASSERT_EQUAL_FATAL(addresses_view(buf_slice(&out), &a, error), LC_OK);
        for (size_t i = fold; i < places; i += 10) {
            struct address_found f = ask(a, place[i].text);
            street += f.precision == ADDRESS_STREET || f.precision == ADDRESS_AMBIGUOUS;
            none += f.precision == ADDRESS_NONE;
            if (f.precision != ADDRESS_INTERPOLATED)
                continue;
            off[guessed] = geo_distance_m(f.at, place[i].at);
            within += off[guessed++] <= f.error_m;
        }
        addresses_close(a);
        buf_free(&out);
        buf_free(&file);
    }
    qsort(off, guessed, sizeof *off, by_size);
    printf("  of %zu left out: %zu interpolated (median %.1f m off, 9 of 10 within %.1f m, worst "
           "%.1f m; %.1f %% within the error said), %zu on their street, %zu not found\n",
           places, guessed, off[guessed / 2], off[guessed * 9 / 10], off[guessed - 1],
           100.0 * (double)within / (double)guessed, street, none);
    CU_ASSERT_TRUE(guessed > places / 2);
    CU_ASSERT_TRUE(off[guessed / 2] < 8);
    CU_ASSERT_TRUE(off[guessed * 9 / 10] < 40);
    CU_ASSERT_TRUE(within * 10 >= guessed * 9);
}

UNIT_MAIN("addresses_city", UNIT(test_addresses_find_all_of_a_city),
          UNIT(test_addresses_know_how_well_they_guess))
