#include "city_load.h"

#include "base/zone.h"
#include "unit.h"

#include <jansson.h>
#include <stdio.h>

static struct city *
load(struct city_params params)
{
    struct city *c = NULL;
    char why[CITY_WHY_MAX];

    CU_ASSERT_EQUAL_FATAL(city_load(LC_CITY_DATA, &params, &c, why), LC_OK);
    return c;
}

/* Everything that the writers say about a city. */
static struct buf
text_of(const struct city *c)
{
    struct buf b = {0};
    uint32_t n;
    const struct city_chain *chain = city_chains(c, &n);

    for (uint32_t i = 0; i < n; i++)
        city_chain_features_json(c, &chain[i], &b);
    const struct city_store *store = city_stores(c, &n);

    for (uint32_t i = 0; i < n; i++)
        city_stock_ndjson(c, &store[i], &b);
    const struct city_order *order = city_orders(c, &n);

    for (uint32_t i = 0; i < n; i++)
        city_order_json(c, &order[i], 1795360000000, &b);
    const struct city_courier *courier = city_couriers(c, &n);

    for (uint32_t i = 0; i < n; i++)
        buf_printf(&b, "%s %d %d %u %u", courier[i].id, courier[i].home.lat_e7,
                   courier[i].home.lng_e7, courier[i].start_ms, courier[i].end_ms);
    return b;
}

static void
test_city_new_gives_the_same_bytes_for_the_same_seed(void)
{
    struct city *a = load((struct city_params){.seed = 7}),
                *b = load((struct city_params){.seed = 7});
    struct buf x = text_of(a), y = text_of(b);

    CU_ASSERT_FALSE(x.failed);
    CU_ASSERT_TRUE(slice_eq(buf_slice(&x), buf_slice(&y)));
    buf_free(&x);
    buf_free(&y);
    city_destroy(a);
    city_destroy(b);
}

static void
test_city_new_gives_another_city_for_another_seed(void)
{
    struct city *a = load((struct city_params){.seed = 7}),
                *b = load((struct city_params){.seed = 8});
    struct buf x = text_of(a), y = text_of(b);

    CU_ASSERT_FALSE(slice_eq(buf_slice(&x), buf_slice(&y)));
    buf_free(&x);
    buf_free(&y);
    city_destroy(a);
    city_destroy(b);
}

/* Frozen on purpose: a changed sum means that every machine's demo changed. */
static void
test_city_new_gives_the_bytes_it_always_gave(void)
{
    struct city *c = load((struct city_params){.seed = 1, .orders = 100, .couriers = 10});
    struct buf b = text_of(c);
    uint64_t sum = 14695981039346656037u; /* FNV-1a */

    for (size_t i = 0; i < b.n; i++)
        sum = (sum ^ (unsigned char)b.p[i]) * 1099511628211u;
    CU_ASSERT_EQUAL(sum, 2117432253503214954u);
    if (sum != 2117432253503214954u)
        printf("sum %llu\n", (unsigned long long)sum);
    buf_free(&b);
    city_destroy(c);
}

static void
test_city_chains_have_200_to_2000_skus_with_codes_of_their_own(void)
{
    struct city *c = load((struct city_params){.seed = 3, .orders = 1});
    uint32_t n, repeated = 0;
    const struct city_chain *chain = city_chains(c, &n);

    CU_ASSERT(n >= 15);
    for (uint32_t i = 0; i < n; i++) {
        json_t *codes = json_object();

        CU_ASSERT(chain[i].sku_n >= 200 && chain[i].sku_n <= 2000);
        for (uint32_t k = 0; k < chain[i].sku_n; k++) {
            repeated += json_object_get(codes, chain[i].sku[k].code) != NULL;
            json_object_set_new(codes, chain[i].sku[k].code, json_true());
            CU_ASSERT(chain[i].sku[k].price_cents > 0 && chain[i].sku[k].instead < chain[i].sku_n);
        }
        json_decref(codes);
    }
    CU_ASSERT_EQUAL(repeated, 0);
    city_destroy(c);
}

static void
test_city_chains_stay_under_sku_max(void)
{
    struct city *c = load((struct city_params){.seed = 3, .orders = 1, .sku_max = 30});
    uint32_t n;
    const struct city_chain *chain = city_chains(c, &n);

    for (uint32_t i = 0; i < n; i++)
        CU_ASSERT(chain[i].sku_n > 0 && chain[i].sku_n <= 30);
    city_destroy(c);
}

static void
test_city_stores_are_scarce_as_shops_are(void)
{
    struct city *c = load((struct city_params){.seed = 5, .orders = 1});
    uint32_t n, none = 0, one = 0, all = 0, most = 0;
    const struct city_store *s = city_stores(c, &n);

    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < s[i].sku_n; k++) {
            none += s[i].stock[k] == 0;
            one += s[i].stock[k] == 1;
            most = s[i].stock[k] > most ? s[i].stock[k] : most;
            all++;
        }
    }
    CU_ASSERT(none * 1000 >= all * 70 && none * 1000 <= all * 90);
    CU_ASSERT(one * 1000 >= all * 90 && one * 1000 <= all * 110);
    CU_ASSERT_EQUAL(most, 60);
    city_destroy(c);
}

/* Does the product's own judge take the zone as it is, without repair? */
static bool
zone_is_valid(struct zone_set *zones, const struct city_store *s)
{
    struct zone_ring ring[64];
    enum zone_repair repair = ZONE_REPAIRED;

    for (uint32_t i = 0; i < s->ring_n && i < 64; i++)
        ring[i] = (struct zone_ring){s->ring[i].point, s->ring[i].n, s->ring[i].hole};
    return s->ring_n <= 64 && zone_set_put(zones, 1, ring, s->ring_n, &repair, NULL) == LC_OK &&
           repair == ZONE_UNCHANGED;
}

static void
test_city_stores_have_valid_zones_some_with_holes_or_pieces(void)
{
    struct city *c = load((struct city_params){.seed = 2, .orders = 1, .sku_max = 20});
    struct zone_set *zones = zone_set_new();
    uint32_t n, invalid = 0, holes = 0, pieces = 0, outside = 0;
    const struct city_store *s = city_stores(c, &n);

    for (uint32_t i = 0; i < n; i++) {
        uint32_t outer = 0;

        for (uint32_t k = 0; k < s[i].ring_n; k++)
            outer += !s[i].ring[k].hole;
        invalid += !zone_is_valid(zones, &s[i]);
        holes += outer < s[i].ring_n;
        pieces += outer > 1;
        outside += !city_covers(&s[i], s[i].at);
    }
    CU_ASSERT_EQUAL(invalid, 0);
    CU_ASSERT(holes >= 5 && holes <= n / 2);
    CU_ASSERT(pieces >= 5 && pieces <= n / 2);
    CU_ASSERT(outside <= n / 50); /* a ship or a pier */
    zone_set_destroy(zones);
    city_destroy(c);
}

static void
test_city_covers_agrees_with_zone_covers(void)
{
    struct city *c = load((struct city_params){.seed = 6, .sku_max = 20});
    struct zone_set *zones = zone_set_new();
    uint32_t n, order_n, differ = 0;
    const struct city_store *s = city_stores(c, &n);
    const struct city_order *o = city_orders(c, &order_n);

    for (uint32_t i = 0; i < n; i += 10) {
        CU_ASSERT_TRUE_FATAL(zone_is_valid(zones, &s[i]));
        for (uint32_t k = 0; k < order_n; k++)
            differ += city_covers(&s[i], o[k].dropoff) != zone_covers(zones, 1, o[k].dropoff);
    }
    CU_ASSERT_EQUAL(differ, 0);
    zone_set_destroy(zones);
    city_destroy(c);
}

static void
test_city_stores_do_not_deliver_onto_the_harbour(void)
{
    static const struct latlng middle = {392723000, -765786000}; /* Northwest Harbor */
    struct city *c = load((struct city_params){.seed = 2, .orders = 1, .sku_max = 20});
    uint32_t n, wet = 0;
    const struct city_store *s = city_stores(c, &n);

    for (uint32_t i = 0; i < n; i++)
        wet += city_covers(&s[i], middle);
    CU_ASSERT_EQUAL(wet, 0);
    city_destroy(c);
}

static void
test_city_open_at_moves_with_the_lunch_minute(void)
{
    static const uint32_t lunch[] = {0, 720, 3 * 1440 + 200, 6 * 1440 + 1439, 5 * 1440 + 1};

    for (size_t i = 0; i < sizeof lunch / sizeof *lunch; i++) {
        struct city *c = load(
            (struct city_params){.seed = 2, .orders = 1, .sku_max = 20, .lunch_minute = lunch[i]});
        uint32_t n, open = 0, at_night = 0, minute = lunch[i] == 0 ? 720 : lunch[i];
        const struct city_store *s = city_stores(c, &n);

        for (uint32_t k = 0; k < n; k++) {
            open += city_open_at(&s[k], minute);
            at_night += city_open_at(&s[k], minute + 15 * 60);
        }
        CU_ASSERT(open * 100 >= n * 85);
        CU_ASSERT(open < n);
        CU_ASSERT(at_night * 100 <= n * 30);
        city_destroy(c);
    }
}

/* A city of one shop, with the given opening_hours. */
static enum lc_err
one_shop(const char *feature, struct city **out, char *why)
{
    static const char address[] =
        "{\"features\":[{\"properties\":{\"housenumber\":\"1\",\"street\":\"Pratt Street\"},"
        "\"geometry\":{\"coordinates\":[-76.59,39.29]}}]}";
    struct buf shops = {0};
    struct city_params params = {.seed = 1, .orders = 5, .couriers = 2, .sku_max = 20};
    enum lc_err err;

    buf_printf(&shops, "{\"features\":[%s]}", feature);
    err = city_new(&(struct city_sources){buf_slice(&shops), SLICE_LIT(address),
                                          SLICE_LIT("{\"features\":[]}")},
                   &params, out, why);
    buf_free(&shops);
    return err;
}

static void
test_city_new_reads_simple_opening_hours(void)
{
    enum { MO = 0, SA = 5 * 1440, SU = 6 * 1440, H = 60 };
    static const struct {
        const char *tag;
        uint32_t minute;
        bool open;
    } cases[] = {
        {"24/7", 3 * H, true},
        {"06:15-06:45", MO + 6 * H + 15, true},
        {"06:15-06:45", MO + 6 * H + 45, false},
        {"Mo-Fr 08:00-22:00; Sa 10:00-18:00", SA + 9 * H, false},
        {"Mo-Fr 08:00-22:00; Sa 10:00-18:00", SA + 17 * H, true},
        {"Mo-Fr 08:00-22:00; Sa 10:00-18:00", SU + 12 * H, false},
        {"Sa-Su 10:00-02:00", MO + 1 * H, true}, /* Sunday's night */
        {"Sa-Su 10:00-02:00", MO + 2 * H, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char feature[300], why[CITY_WHY_MAX];
        struct city *c = NULL;
        uint32_t n;

        snprintf(feature, sizeof feature,
                 "{\"id\":\"n1\",\"properties\":{\"kind\":\"cafe\",\"opening_hours\":\"%s\"},"
                 "\"geometry\":{\"coordinates\":[-76.59,39.29]}}",
                 cases[i].tag);
        CU_ASSERT_EQUAL_FATAL(one_shop(feature, &c, why), LC_OK);
        CU_ASSERT_EQUAL(city_open_at(city_stores(c, &n), cases[i].minute), cases[i].open);
        city_destroy(c);
    }
}

static void
test_city_new_names_what_is_wrong_with_a_source(void)
{
    static const char *const cases[][2] = {
        {"", "shops: feature 0: expected at least one"},
        {"{", "shops: line 1"},
        {"{}", "expected an id"},
        {"{\"id\":\"n1\",\"properties\":{\"kind\":\"bank\"}}", "unknown kind"},
        {"{\"id\":\"n1\",\"properties\":{\"kind\":\"cafe\"}}", "expected a point"},
        {"{\"id\":\"n1\",\"properties\":{\"kind\":\"cafe\"},\"geometry\":{\"coordinates\":[-76,391]"
         "}}",
         "expected a point"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[CITY_WHY_MAX];
        struct city *c = NULL;

        CU_ASSERT_EQUAL(one_shop(cases[i][0], &c, why), LC_EINVAL);
        CU_ASSERT_PTR_NULL(c);
        CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i][1]));
    }
}

static void
test_city_load_names_the_missing_file(void)
{
    struct city *c = NULL;
    char why[CITY_WHY_MAX];

    CU_ASSERT_EQUAL(city_load("/nowhere", &(struct city_params){.seed = 1}, &c, why), LC_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "shops.geojson"));
    CU_ASSERT_PTR_NULL(c);
}

/* Is there an open store of the order's chain that delivers there and sells all lines? */
static bool
someone_may_serve(const struct city *c, const struct city_order *o)
{
    uint32_t n;
    const struct city_chain *chain = &city_chains(c, &n)[o->chain];
    const struct city_store *s = &city_stores(c, &n)[chain->store_first];

    for (uint32_t i = 0; i < chain->store_n; i++, s++) {
        bool sells = true;

        for (uint32_t k = 0; k < o->line_n; k++)
            sells = sells && o->line[k].sku - s->sku_first < s->sku_n;
        if (sells && city_covers(s, o->dropoff) && city_open_at(s, 720 + o->at_ms / 60000))
            return true;
    }
    return false;
}

static void
test_city_orders_mostly_come_from_within_reach(void)
{
    struct city *c = load((struct city_params){.seed = 4, .orders = 3000, .sku_max = 200});
    uint32_t n, lost = 0, labelled = 0;
    const struct city_order *o = city_orders(c, &n);

    CU_ASSERT_EQUAL(n, 3000);
    for (uint32_t i = 0; i < n; i++) {
        bool served = someone_may_serve(c, &o[i]);

        lost += !served;
        labelled += o[i].out_of_reach;
        CU_ASSERT(served || o[i].out_of_reach);
    }
    CU_ASSERT(lost * 1000 >= n * 10 && lost * 1000 <= n * 30);
    CU_ASSERT(lost <= labelled);
    city_destroy(c);
}

static void
test_city_orders_are_within_the_limits_of_the_interface(void)
{
    struct city *c = load((struct city_params){.seed = 4, .length_s = 600});
    uint32_t n, chains, stores, last_ms = 0, collected = 0, scheduled = 0;
    const struct city_order *o = city_orders(c, &n);
    const struct city_chain *chain = city_chains(c, &chains);
    const struct city_store *store = city_stores(c, &stores);

    for (uint32_t i = 0; i < n; i++) {
        CU_ASSERT(o[i].chain < chains && o[i].line_n >= 1 && o[i].line_n <= CITY_LINES_MAX);
        for (uint32_t k = 0; k < o[i].line_n && k < CITY_LINES_MAX; k++)
            CU_ASSERT(o[i].line[k].sku < chain[o[i].chain].sku_n && o[i].line[k].quantity >= 1);
        CU_ASSERT(o[i].at_ms >= last_ms && o[i].at_ms < 600000);
        CU_ASSERT(o[i].end_ms == 0 || o[i].end_ms >= o[i].start_ms + 300000);
        CU_ASSERT(o[i].only_store < (int32_t)stores);
        CU_ASSERT(o[i].only_store < 0 || store[o[i].only_store].chain == o[i].chain);
        last_ms = o[i].at_ms;
        collected += o[i].collection;
        scheduled += o[i].end_ms > 0;
    }
    CU_ASSERT(collected > n / 50 && collected < n / 8);
    CU_ASSERT(scheduled > n / 50 && scheduled < n / 8);
    city_destroy(c);
}

static void
test_city_price_cents_differs_only_where_the_chain_says_so(void)
{
    struct city *c = load((struct city_params){.seed = 1});
    uint32_t n, dearer = 0;
    const struct city_store *s = city_stores(c, &n);

    for (uint32_t i = 0; i < n; i++) {
        const struct city_chain *chain = &city_chains(c, &(uint32_t){0})[s[i].chain];
        bool differs =
            city_price_cents(c, &s[i], s[i].sku_first) != chain->sku[s[i].sku_first].price_cents;

        CU_ASSERT(!differs || chain->prices_differ);
        dearer += differs;
    }
    CU_ASSERT(dearer > 0);
    city_destroy(c);
}

static void
test_city_order_json_says_that_it_is_simulated(void)
{
    struct city *c = load((struct city_params){.seed = 1});
    uint32_t n;
    const struct city_order *o = city_orders(c, &n);
    struct buf b = {0};

    for (uint32_t i = 0; i < n; i++) {
        json_t *order;

        buf_reset(&b);
        city_order_json(c, &o[i], 1795360000000, &b);
        order = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(order);
        CU_ASSERT_TRUE(json_is_true(json_object_get(order, "simulated")));
        CU_ASSERT_EQUAL(json_array_size(json_object_get(order, "lines")), o[i].line_n);
        CU_ASSERT_PTR_NULL(memchr(b.p, '\n', b.n));
        json_decref(order);
    }
    buf_free(&b);
    city_destroy(c);
}

static void
test_city_store_feature_json_is_a_feature_with_a_closed_zone(void)
{
    struct city *c = load((struct city_params){.seed = 1});
    uint32_t n;
    const struct city_store *s = city_stores(c, &n);
    struct buf b = {0};

    for (uint32_t i = 0; i < n; i++) {
        json_t *feature, *rings;
        size_t k, count = 0;

        buf_reset(&b);
        city_store_feature_json(c, &s[i], &b);
        feature = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(feature);
        json_t *properties = json_object_get(feature, "properties");

        json_array_foreach(json_object_get(json_object_get(properties, "zone"), "coordinates"), k,
                           rings)
        {
            json_t *ring;
            size_t r;

            json_array_foreach(rings, r, ring)
            {
                CU_ASSERT(json_equal(json_array_get(ring, 0),
                                     json_array_get(ring, json_array_size(ring) - 1)));
                count++;
            }
        }
        CU_ASSERT_EQUAL(count, s[i].ring_n);
        CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(properties, "store_id")), s[i].id);
        CU_ASSERT_EQUAL(json_object_get(properties, "hours") == NULL, s[i].always_open);
        json_decref(feature);
    }
    buf_free(&b);
    city_destroy(c);
}

static uint32_t
count_lines(const struct buf *b)
{
    uint32_t n = 0;

    for (size_t i = 0; i < b->n; i++)
        n += b->p[i] == '\n';
    return n;
}

static void
test_city_stock_says_the_same_as_ndjson_and_as_csv(void)
{
    struct city *c = load((struct city_params){.seed = 1});
    uint32_t n;
    const struct city_store *s = city_stores(c, &n);
    struct buf json = {0}, csv = {0};
    char start[200];

    city_stock_ndjson(c, s, &json);
    city_stock_csv(c, s, &csv);
    CU_ASSERT_EQUAL(count_lines(&json), s->sku_n);
    CU_ASSERT_EQUAL(count_lines(&csv), s->sku_n + 1);
    snprintf(start, sizeof start, "%s,%s,%u,", s->id,
             city_chains(c, &n)[s->chain].sku[s->sku_first].code, s->stock[0]);
    CU_ASSERT_EQUAL(strncmp(strchr(csv.p, '\n') + 1, start, strlen(start)), 0);
    buf_free(&json);
    buf_free(&csv);
    city_destroy(c);
}

static void
test_city_couriers_have_a_shift_and_room(void)
{
    struct city *c =
        load((struct city_params){.seed = 1, .couriers = 500, .orders = 1, .sku_max = 20});
    uint32_t n, kinds[CITY_VEHICLES] = {0};
    const struct city_courier *k = city_couriers(c, &n);

    CU_ASSERT_EQUAL(n, 500);
    for (uint32_t i = 0; i < n; i++) {
        CU_ASSERT(k[i].end_ms >= k[i].start_ms + 20 * 60000);
        CU_ASSERT(k[i].capacity_items >= 12 && k[i].capacity_g >= 8000);
        kinds[k[i].vehicle]++;
    }
    for (uint32_t v = 0; v < CITY_VEHICLES; v++)
        CU_ASSERT(kinds[v] > 10);
    city_destroy(c);
}

static void
test_city_metres_agrees_with_the_great_circle(void)
{
    static const struct latlng a = {392586000, -766081000}, b = {393065000, -765288000};

    CU_ASSERT_EQUAL(city_metres(a, a), 0);
    CU_ASSERT(city_metres(a, b) >= 8658 - 43 && city_metres(a, b) <= 8658 + 43);
    CU_ASSERT_EQUAL(city_metres(a, b), city_metres(b, a));
}

UNIT_MAIN("city", UNIT(test_city_new_gives_the_same_bytes_for_the_same_seed),
          UNIT(test_city_new_gives_another_city_for_another_seed),
          UNIT(test_city_new_gives_the_bytes_it_always_gave),
          UNIT(test_city_chains_have_200_to_2000_skus_with_codes_of_their_own),
          UNIT(test_city_chains_stay_under_sku_max), UNIT(test_city_stores_are_scarce_as_shops_are),
          UNIT(test_city_stores_have_valid_zones_some_with_holes_or_pieces),
          UNIT(test_city_covers_agrees_with_zone_covers),
          UNIT(test_city_stores_do_not_deliver_onto_the_harbour),
          UNIT(test_city_open_at_moves_with_the_lunch_minute),
          UNIT(test_city_new_reads_simple_opening_hours),
          UNIT(test_city_new_names_what_is_wrong_with_a_source),
          UNIT(test_city_load_names_the_missing_file),
          UNIT(test_city_orders_mostly_come_from_within_reach),
          UNIT(test_city_orders_are_within_the_limits_of_the_interface),
          UNIT(test_city_price_cents_differs_only_where_the_chain_says_so),
          UNIT(test_city_order_json_says_that_it_is_simulated),
          UNIT(test_city_store_feature_json_is_a_feature_with_a_closed_zone),
          UNIT(test_city_stock_says_the_same_as_ndjson_and_as_csv),
          UNIT(test_city_couriers_have_a_shift_and_room),
          UNIT(test_city_metres_agrees_with_the_great_circle))
