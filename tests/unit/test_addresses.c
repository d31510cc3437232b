/* Addresses on a little map made by hand: spellings, precision, and what must never be guessed. */
#include "roads_rig.h"
#include "unit.h"

#include "addresses/addresses.h"

#define E7(x) ((int32_t)((x)*1e7))
#define AT(lat, lng)                                                                               \
    {                                                                                              \
        E7(lat), E7(lng)                                                                           \
    }

static char error[ROADS_ERROR_MAX];

/* Fleet Street runs east along 39.2840 in Baltimore, 0.0001 degrees (8.6 m) a number. */
static const struct rig_node nodes[] = {
    {1, AT(39.2840, -76.6000), NULL},
    {2, AT(39.2840, -76.5900), NULL},
    {10, AT(39.2841, -76.5990),
     "addr:housenumber=100|addr:street=Fleet Street|addr:city=Baltimore|addr:postcode=21231"},
    {11, AT(39.2841, -76.5980), "addr:housenumber=110|addr:street=Fleet Street"},
    {12, AT(39.2841, -76.5970), "addr:housenumber=120A|addr:street=Fleet St."},
    {13, AT(39.2839, -76.5990), "addr:housenumber=101-105|addr:street=Fleet Street"},
    {14, AT(39.2841, -76.5960), "addr:housenumber=130;132|addr:street=Fleet Street"},
    {15, AT(39.2841, -76.5950), "addr:housenumber=226 1/2|addr:street=Fleet Street"},
    /* one building's four corners; its middle is 39.2842, -76.5941 */
    {20, AT(39.2841, -76.5942), NULL},
    {21, AT(39.2841, -76.5940), NULL},
    {22, AT(39.2843, -76.5940), NULL},
    {23, AT(39.2843, -76.5942), NULL},
    /* an interpolation around a corner, 201 to 209 */
    {30, AT(39.2839, -76.5980), "addr:housenumber=201"},
    {31, AT(39.2839, -76.5970), NULL},
    {32, AT(39.2829, -76.5970), "addr:housenumber=209"},
    /* Bond Street, north and south */
    {40, AT(39.2860, -76.5930), "addr:housenumber=226|addr:street=North Bond Street"},
    {41, AT(39.2820, -76.5930), "addr:housenumber=226|addr:street=South Bond Street"},
    {42, AT(39.2821, -76.5930), "addr:housenumber=230|addr:street=South Bond Street"},
    /* Main Street in two towns */
    {50, AT(39.3840, -76.6000), "addr:housenumber=7|addr:street=Main Street|addr:city=Northtown"},
    {51, AT(39.1840, -76.6000), "addr:housenumber=7|addr:street=Main Street|addr:city=Southtown"},
    {52, AT(39.1842, -76.6000), "addr:housenumber=9|addr:street=Main Street|addr:city=Southtown"},
    /* spellings */
    {60, AT(39.2850, -76.5900), "addr:housenumber=5|addr:street=Saint Helena Avenue"},
    {61, AT(39.2851, -76.5900), "addr:housenumber=3|addr:street=O'Donnell Street"},
    {62, AT(39.2852, -76.5900),
     "addr:housenumber=12a|addr:street=M\xc3\xbcllerstra\xc3\x9f"
     "e"},
    {63, AT(39.2853, -76.5900), "addr:housenumber=500|addr:street=45th Street"},
    {64, AT(39.2854, -76.5900), "addr:housenumber=8|addr:street=Boulevard de la Libert\xc3\xa9"},
    {65, AT(39.2855, -76.5900), "addr:housenumber=4|addr:street=E Street"},
    {66, AT(39.2856, -76.5900), "addr:housenumber=9|addr:street=Second Avenue"},
    {67, AT(39.2857, -76.5900), "addr:housenumber=21|addr:place=Rose Hill"},
    {68, AT(39.2858, -76.5900), "addr:housenumber=77"}, /* of Relation Road, says a relation */
};
static const int64_t fleet[] = {1, 2};
static const int64_t house[] = {20, 21, 22, 23, 20};
static const int64_t interpolation[] = {30, 31, 32};
static const struct rig_way ways[] = {
    {1, "highway=residential|name=Fleet Street", fleet, 2},
    {2, "building=yes|addr:housenumber=300|addr:street=Fleet Street", house, 5},
    {3, "addr:interpolation=odd|addr:street=Fleet Street", interpolation, 3},
    {4, "building=part", house, 5},
    {5, "highway=proposed|name=Dream Street", fleet, 2},
};
static const struct rig_member outline[] = {{4, "outer", 1}};
static const struct rig_member member[] = {{68, "house", 0}};
static const struct rig_relation relations[] = {
    {1, "type=multipolygon|addr:housenumber=400|addr:street=Fleet Street", outline, 1},
    {2, "type=associatedStreet|name=Relation Road", member, 1},
};
#define COUNT_OF(a) (sizeof(a) / sizeof *(a))
static const struct rig_map little = {nodes,          COUNT_OF(nodes), ways,
                                      COUNT_OF(ways), relations,       COUNT_OF(relations)};

static struct buf
compiled(const struct rig_style *style)
{
    struct buf file = {0}, out = {0};

    rig_write(&little, style, &file);
    CU_ASSERT_EQUAL_FATAL(addresses_build(buf_slice(&file), &out, NULL, error), LC_OK);
    buf_free(&file);
    return out;
}

static struct address_found
ask(const struct addresses *a, const char *text)
{
    const struct address_book *b = addresses_book(a);
    struct address_found f;

    CU_ASSERT_EQUAL(b->find(b, slice_str(text), &f), LC_OK);
    return f;
}

struct row {
    const char *text;
    enum address_precision precision;
    struct latlng at;
};

static void
expect(const struct row *row, size_t n)
{
    struct buf out = compiled(&(struct rig_style){0});
    struct addresses *a;

    CU_ASSERT_EQUAL_FATAL(addresses_view(buf_slice(&out), &a, error), LC_OK);
    for (size_t i = 0; i < n; i++) {
        struct address_found f = ask(a, row[i].text);
        bool ok = f.precision == row[i].precision &&
                  (row[i].at.lat_e7 == 0 || geo_distance_m(f.at, row[i].at) < 2);
        CU_ASSERT_TRUE(ok);
        if (!ok)
            printf("'%s': %s at %d,%d error %u m\n", row[i].text,
                   address_precision_name(f.precision), f.at.lat_e7, f.at.lng_e7, f.error_m);
    }
    addresses_close(a);
    buf_free(&out);
}

#define HUNDRED AT(39.2841, -76.5990)

static void
test_addresses_find_every_spelling(void)
{
    static const struct row rows[] = {
        {"100 Fleet Street", ADDRESS_EXACT, HUNDRED},
        {"100 fleet st", ADDRESS_EXACT, HUNDRED},
        {"100 FLEET ST.", ADDRESS_EXACT, HUNDRED},
        {"Fleet St 100", ADDRESS_EXACT, HUNDRED},
        {"Fleet St, 100", ADDRESS_EXACT, HUNDRED},
        {"100, Fleet St", ADDRESS_EXACT, HUNDRED},
        {"100 Fleet", ADDRESS_EXACT, HUNDRED},
        {"100 Fleet St, Baltimore, MD 21231", ADDRESS_EXACT, HUNDRED},
        {"100 Fleet St, Baltimore, MD 21231-1234, USA", ADDRESS_EXACT, HUNDRED},
        {"100 Fleet St Baltimore MD 21231", ADDRESS_EXACT, HUNDRED},
        {"Fleet St 100\n21231 Baltimore", ADDRESS_EXACT, HUNDRED},
        {"100 Fleet St Apt 4B", ADDRESS_EXACT, HUNDRED},
        {"100 Fleet St #3, Baltimore", ADDRESS_EXACT, HUNDRED},
        {"100 Fleet St, Suite 200, Baltimore, MD", ADDRESS_EXACT, HUNDRED},
        {"100 Fleet St, 2nd Floor", ADDRESS_EXACT, HUNDRED},
        {"Apt 7, 100 Fleet St", ADDRESS_EXACT, HUNDRED},
        {"Joe's Diner, 100 Fleet Street", ADDRESS_EXACT, HUNDRED},
        {"120A Fleet St", ADDRESS_EXACT, AT(39.2841, -76.5970)},
        {"120 a Fleet St", ADDRESS_EXACT, AT(39.2841, -76.5970)},
        {"103 Fleet St", ADDRESS_EXACT, AT(39.2839, -76.5990)},
        {"101-105 Fleet St", ADDRESS_EXACT, AT(39.2839, -76.5990)},
        {"132 Fleet St", ADDRESS_EXACT, AT(39.2841, -76.5960)},
        {"226 1/2 Fleet St", ADDRESS_EXACT, AT(39.2841, -76.5950)},
        {"226\xc2\xbd Fleet St", ADDRESS_EXACT, AT(39.2841, -76.5950)},
        {"300 Fleet St", ADDRESS_EXACT, AT(39.2842, -76.5941)},
        {"400 Fleet St", ADDRESS_EXACT, AT(39.2842, -76.5941)},
        {"226 N Bond St", ADDRESS_EXACT, AT(39.2860, -76.5930)},
        {"226 South Bond", ADDRESS_EXACT, AT(39.2820, -76.5930)},
        {"5 St Helena Ave", ADDRESS_EXACT, AT(39.2850, -76.5900)},
        {"5 Saint Helena Av", ADDRESS_EXACT, AT(39.2850, -76.5900)},
        {"3 ODonnell St", ADDRESS_EXACT, AT(39.2851, -76.5900)},
        {"3 O\xe2\x80\x99"
         "Donnell Street",
         ADDRESS_EXACT, AT(39.2851, -76.5900)},
        {"M\xc3\xbcllerstr. 12a", ADDRESS_EXACT, AT(39.2852, -76.5900)},
        {"Mu\xcc\x88llerstr.12 A", ADDRESS_EXACT, AT(39.2852, -76.5900)},
        {"Muellerstrasse 12a", ADDRESS_EXACT, AT(39.2852, -76.5900)},
        {"M\xc3\x9cLLER STRASSE 12A", ADDRESS_EXACT, AT(39.2852, -76.5900)},
        {"500 45th St", ADDRESS_EXACT, AT(39.2853, -76.5900)},
        {"8 Blvd de la Liberte", ADDRESS_EXACT, AT(39.2854, -76.5900)},
        {"4 E St", ADDRESS_EXACT, AT(39.2855, -76.5900)},
        {"9 2nd Ave", ADDRESS_EXACT, AT(39.2856, -76.5900)},
        {"Rose Hill 21", ADDRESS_EXACT, AT(39.2857, -76.5900)},
        {"77 Relation Rd", ADDRESS_EXACT, AT(39.2858, -76.5900)},
        {"7 Main St, Northtown", ADDRESS_EXACT, AT(39.3840, -76.6000)},
        {"7 Main St, Southtown", ADDRESS_EXACT, AT(39.1840, -76.6000)},
    };

    expect(rows, COUNT_OF(rows));
}

static void
test_addresses_say_how_sure_they_are(void)
{
    static const struct row rows[] = {
        {"104 Fleet St", ADDRESS_INTERPOLATED, AT(39.2841, -76.5986)},
        {"120 Fleet St", ADDRESS_INTERPOLATED, AT(39.2841, -76.5970)},
        {"100B Fleet St", ADDRESS_INTERPOLATED, HUNDRED},
        /* 201 to 209: 86 m east, then 111 m south; 205 is 98.6 m on, 12.6 m behind the corner */
        {"205 Fleet St", ADDRESS_INTERPOLATED, AT(39.283787, -76.5970)},
        {"500 Fleet St", ADDRESS_STREET, {0, 0}},
        {"Fleet Street", ADDRESS_STREET, {0, 0}},
        {"9999 Fleet Street", ADDRESS_STREET, {0, 0}},
        {"Fleet Street, Baltimore", ADDRESS_STREET, {0, 0}},
        {"100 Fleet St, Washington, DC 20001", ADDRESS_STREET, {0, 0}},
        {"100 Fleet St, 99999", ADDRESS_STREET, {0, 0}},
        {"7 Main St", ADDRESS_AMBIGUOUS, {0, 0}},
        {"Main St", ADDRESS_AMBIGUOUS, {0, 0}},
        {"8 Main St", ADDRESS_AMBIGUOUS, {0, 0}},
        {"226 Bond St", ADDRESS_AMBIGUOUS, {0, 0}},
        {"228 South Bond St", ADDRESS_INTERPOLATED, AT(39.28205, -76.5930)},
        {"100 N Fleet St", ADDRESS_STREET, {0, 0}},
        {"230 North Bond St", ADDRESS_STREET, {0, 0}},
        {"230 West Bond St", ADDRESS_NONE, {0, 0}},
        {"100 Fleet Avenue", ADDRESS_NONE, {0, 0}},
        {"100 Dream Street", ADDRESS_NONE, {0, 0}},
        {"100 Nowhere Road, Baltimore", ADDRESS_NONE, {0, 0}},
        {"Baltimore, MD 21231", ADDRESS_NONE, {0, 0}},
        {"21231", ADDRESS_NONE, {0, 0}},
        {"", ADDRESS_NONE, {0, 0}},
        {" ,;#/- ", ADDRESS_NONE, {0, 0}},
    };

    expect(rows, COUNT_OF(rows));
}

static void
test_addresses_say_how_far_off_they_may_be(void)
{
    struct buf out = compiled(&(struct rig_style){0});
    struct addresses *a;

    CU_ASSERT_EQUAL_FATAL(addresses_view(buf_slice(&out), &a, error), LC_OK);
    struct address_found f = ask(a, "100 Fleet St");
    CU_ASSERT_TRUE(f.error_m > 0 && f.error_m <= 15);
    CU_ASSERT_EQUAL(f.places, 1);
    CU_ASSERT_STRING_EQUAL(f.street, "Fleet Street");
    f = ask(a, "104 Fleet St"); /* neighbours 86 m apart */
    CU_ASSERT_TRUE(f.error_m > 15 && f.error_m < 60);
    f = ask(a, "Fleet St"); /* 860 m */
    CU_ASSERT_TRUE(f.extent_m > 850 && f.extent_m < 900);
    CU_ASSERT_EQUAL(f.error_m, f.extent_m / 2);
    f = ask(a, "7 Main St"); /* 22 km from each other */
    CU_ASSERT_TRUE(f.extent_m > 22000 && f.extent_m < 23000);
    CU_ASSERT_EQUAL(f.places, 2);
    CU_ASSERT_TRUE(ask(a, "100 Fleet St, Washington").elsewhere);
    addresses_close(a);
    buf_free(&out);
}

static void
test_addresses_refuse_what_is_no_text(void)
{
    struct buf out = compiled(&(struct rig_style){0});
    char text[ADDRESS_TEXT_MAX + 2];
    struct address_found f;
    struct addresses *a;

    CU_ASSERT_EQUAL_FATAL(addresses_view(buf_slice(&out), &a, error), LC_OK);
    const struct address_book *b = addresses_book(a);
    memset(text, 'x', sizeof text);
    CU_ASSERT_EQUAL(b->find(b, slice_of(text, ADDRESS_TEXT_MAX), &f), LC_OK);
    CU_ASSERT_EQUAL(b->find(b, slice_of(text, ADDRESS_TEXT_MAX + 1), &f), LC_ETOOBIG);
    CU_ASSERT_EQUAL(b->find(b, SLICE_LIT("100 Fleet\xff St"), &f), LC_EINVAL);
    CU_ASSERT_EQUAL(b->find(b, SLICE_LIT("100 Fleet\0 St"), &f), LC_EINVAL);
    addresses_close(a);
    buf_free(&out);
}

static void
test_addresses_are_the_same_in_every_style(void)
{
    static const struct rig_style styles[] = {
        {.dense = true, .zlib = true},
        {.backwards = true, .per_block = 3},
        {.backwards = true, .dense = true, .zlib = true, .per_block = 1},
    };

    for (size_t i = 0; i < COUNT_OF(styles); i++) {
        struct buf file = {0}, out = {0};
        struct addresses_report r;
        struct addresses *a;
        rig_write(&little, &styles[i], &file);
        CU_ASSERT_EQUAL_FATAL(addresses_build(buf_slice(&file), &out, &r, error), LC_OK);
        CU_ASSERT_EQUAL(r.houses, 26);
        CU_ASSERT_EQUAL(r.spans, 1);
        CU_ASSERT_EQUAL(r.unread, 0);
        CU_ASSERT_EQUAL_FATAL(addresses_view(buf_slice(&out), &a, error), LC_OK);
        CU_ASSERT_EQUAL(ask(a, "77 Relation Road").precision, ADDRESS_EXACT);
        CU_ASSERT_EQUAL(ask(a, "400 Fleet Street").precision, ADDRESS_EXACT);
        CU_ASSERT_EQUAL(ask(a, "205 Fleet Street").precision, ADDRESS_INTERPOLATED);
        addresses_close(a);
        buf_free(&out);
        buf_free(&file);
    }
}

static void
test_addresses_refuse_a_map_without_any(void)
{
    static const struct rig_way none[] = {{1, "highway=residential", fleet, 2}};
    const struct rig_map bare = {nodes, 2, none, 1, NULL, 0};
    struct buf file = {0}, out = {0};

    rig_write(&bare, &(struct rig_style){0}, &file);
    buf_str(&out, "before");
    CU_ASSERT_EQUAL(addresses_build(buf_slice(&file), &out, NULL, error), LC_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "neither addresses nor named streets"));
    CU_ASSERT_EQUAL(addresses_build(SLICE_LIT("no map"), &out, NULL, error), LC_EINVAL);
    CU_ASSERT_EQUAL(out.n, 6);
    buf_free(&file);
    buf_free(&out);
}

static void
test_addresses_refuse_a_damaged_index(void)
{
    struct buf out = compiled(&(struct rig_style){0});
    uint64_t z = 7;
    struct addresses *a;

    for (size_t n = 0; n < out.n; n += 61) {
        CU_ASSERT_EQUAL(addresses_view(slice_of(out.p, n), &a, error), LC_EINVAL);
    }
    for (int i = 0; i < 2000; i++) {
        z = z * 6364136223846793005U + 1442695040888963407U;
        size_t at = (z >> 33) % out.n;
        char was = out.p[at];
        out.p[at] = (char)(was ^ (char)(1 << (z >> 20) % 8));
        CU_ASSERT_EQUAL(addresses_view(buf_slice(&out), &a, error), LC_EINVAL);
        out.p[at] = was;
    }
    buf_free(&out);
}

static void
test_addresses_survive_changed_maps(void)
{
    static const struct rig_style styles[] = {{0}, {.dense = true}};
    uint64_t z = 5;

    for (size_t i = 0; i < COUNT_OF(styles); i++) {
        struct buf file = {0};
        rig_write(&little, &styles[i], &file);
        for (int k = 0; k < 1000; k++) {
            struct buf out = {0}, changed = {0};
            struct addresses *a;
            buf_append(&changed, file.p, file.n);
            for (int c = 0; c <= k % 3; c++) {
                z = z * 6364136223846793005U + 1442695040888963407U;
                changed.p[(z >> 33) % changed.n] = (char)(z >> 20);
            }
            enum lc_err err = addresses_build(buf_slice(&changed), &out, NULL, error);
            CU_ASSERT_TRUE(err == LC_OK || (err == LC_EINVAL && error[0] != '\0'));
            if (err == LC_OK) {
                CU_ASSERT_EQUAL_FATAL(addresses_view(buf_slice(&out), &a, error), LC_OK);
                (void)ask(a, "205 Fleet St, Baltimore");
                (void)ask(a, "7 Main St");
                addresses_close(a);
            }
            buf_free(&changed);
            buf_free(&out);
        }
        buf_free(&file);
    }
}

UNIT_MAIN("addresses", UNIT(test_addresses_find_every_spelling),
          UNIT(test_addresses_say_how_sure_they_are),
          UNIT(test_addresses_say_how_far_off_they_may_be),
          UNIT(test_addresses_refuse_what_is_no_text),
          UNIT(test_addresses_are_the_same_in_every_style),
          UNIT(test_addresses_refuse_a_map_without_any),
          UNIT(test_addresses_refuse_a_damaged_index), UNIT(test_addresses_survive_changed_maps))
