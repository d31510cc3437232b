/* Which simulated orders name an address alone, and whether those can be found in the city's own
 * index: houses nearly all where they are, streets alone never. */
#include "city_load.h"
#include "player/doors.h"

#include "addresses/addresses.h"
#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

enum { ORDERS = 2000, PERCENT = 15 };

static struct city *city;
static const struct city_order *order;
static uint32_t orders;

static void
test_door_of_takes_a_share_and_a_few_streets(void)
{
    struct city_params params = {.seed = 3, .orders = ORDERS, .sku_max = 20};
    char why[CITY_WHY_MAX];
    unsigned n[3] = {0};
    char text[DOOR_TEXT];

    CU_ASSERT_EQUAL_FATAL(city_load(LC_CITY_DATA, &params, &city, why), LC_OK);
    order = city_orders(city, &orders);
    for (uint32_t i = 0; i < orders; i++) {
        n[door_of(order[i].external_id, PERCENT)]++;
        CU_ASSERT_EQUAL(door_of(order[i].external_id, 0), DOOR_PLACE);
        CU_ASSERT_NOT_EQUAL(door_of(order[i].external_id, 100), DOOR_PLACE);
    }
    CU_ASSERT(n[DOOR_ADDRESS] + n[DOOR_STREET] > ORDERS * (PERCENT - 3) / 100);
    CU_ASSERT(n[DOOR_ADDRESS] + n[DOOR_STREET] < ORDERS * (PERCENT + 3) / 100);
    CU_ASSERT(n[DOOR_STREET] > 10 && n[DOOR_STREET] < 60);
    CU_ASSERT_STRING_EQUAL(door_text("1702 Fleet Street, Baltimore", DOOR_PLACE, text),
                           "1702 Fleet Street, Baltimore");
    CU_ASSERT_STRING_EQUAL(door_text("1702 Fleet Street, Baltimore", DOOR_ADDRESS, text),
                           "1702 Fleet Street");
    CU_ASSERT_STRING_EQUAL(door_text("1702 Fleet Street, Baltimore", DOOR_STREET, text),
                           "Fleet Street");
}

static void
test_door_text_is_found_as_well_as_it_says(void)
{
    char path[] = "/tmp/lc-doors-XXXXXX", error[ROADS_ERROR_MAX];
    struct addresses *index;
    struct address_found found;
    unsigned sure = 0, none = 0;
    char text[DOOR_TEXT];
    int fd = mkstemp(path);

    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    CU_ASSERT_EQUAL_FATAL(
        addresses_build_file(LC_CITY_DATA "/baltimore.osm.pbf", path, NULL, error), LC_OK);
    CU_ASSERT_EQUAL_FATAL(addresses_open(path, &index, error), LC_OK);
    const struct address_book *book = addresses_book(index);
    for (uint32_t i = 0; i < orders; i++) {
        (void)door_text(order[i].address, DOOR_ADDRESS, text);
        CU_ASSERT_EQUAL(book->find(book, slice_str(text), &found), LC_OK);
        CU_ASSERT_NOT_EQUAL(found.precision, ADDRESS_NONE); /* it would be refused */
        if (address_sure(found.precision)) {
            sure++;
            CU_ASSERT(city_metres(found.at, order[i].dropoff) <= 300);
        }
        (void)door_text(order[i].address, DOOR_STREET, text);
        CU_ASSERT_EQUAL(book->find(book, slice_str(text), &found), LC_OK);
        CU_ASSERT_FALSE(address_sure(found.precision));
        if (found.precision == ADDRESS_NONE && none++ < 5)
            printf("\n    nothing: %s", text);
    }
    CU_ASSERT_EQUAL(none, 0);
    CU_ASSERT(sure > orders * 97 / 100);
    addresses_close(index);
    unlink(path);
}

static void
test_city_order_json_leaves_the_place_out_when_it_is_by_address(void)
{
    struct city_order by = order[0];
    struct buf b = {0};

    by.by_address = true;
    city_order_json(city, &by, 0, &b);
    buf_char(&b, '\0');
    CU_ASSERT_PTR_NULL(strstr(b.p, "\"lat\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(b.p, "\"dropoff\":{\"address\":"));
    buf_free(&b);
    city_destroy(city);
}

UNIT_MAIN("doors", UNIT(test_door_of_takes_a_share_and_a_few_streets),
          UNIT(test_door_text_is_found_as_well_as_it_says),
          UNIT(test_city_order_json_leaves_the_place_out_when_it_is_by_address))
