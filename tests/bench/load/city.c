#include "city.h"

#include <math.h>
#include <stdio.h>

static const double middle_lat = 39.29, middle_lng = -76.58;
static const double m_per_degree = 111194.9;

/* splitmix64 (Steele, Lea, Flood 2014): any number of independent draws from a seed and a name. */
static uint64_t
mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

enum what { STORE = 1, LEVEL, PRICE, ORDER };

static uint64_t
draw(const struct bench_city *c, enum what what, uint64_t number)
{
    return mix(mix(c->seed + (uint64_t)what * UINT64_C(0xd1342543de82ef95)) ^ mix(number));
}

/* next: a further draw of the same thing, below `below`. */
static uint32_t
next(uint64_t *state, uint32_t below)
{
    *state = mix(*state);
    return (uint32_t)(((*state >> 32) * below) >> 32);
}

/* offset: the point x metres east and y north of the city's south-west corner. */
static struct latlng
offset(double x, double y)
{
    double lat = middle_lat + (y - CITY_SPAN_M / 2.0) / m_per_degree;
    double lng =
        middle_lng + (x - CITY_SPAN_M / 2.0) / (m_per_degree * cos(middle_lat * M_PI / 180));

    return (struct latlng){(int32_t)lround(lat * 1e7), (int32_t)lround(lng * 1e7)};
}

void
city_store(const struct bench_city *c, uint32_t i, struct bench_store *out)
{
    uint64_t s = draw(c, STORE, i);
    double x = next(&s, CITY_SPAN_M), y = next(&s, CITY_SPAN_M);

    out->chain = i % CITY_CHAINS;
    out->at = offset(x, y);
    for (uint32_t k = 0; k < CITY_CORNERS; k++) {
        double r = 2500 + next(&s, 1000), angle = 2 * M_PI * k / CITY_CORNERS;
        out->zone[k] = offset(x + r * cos(angle), y + r * sin(angle));
    }
    out->zone[CITY_CORNERS] = out->zone[0];
    out->prep_s = 240 + next(&s, 360);
    uint32_t luck = next(&s, 300);
    out->shut = luck < 15;
    out->busy = luck >= 15 && luck < 25;
    out->paused = luck >= 25 && luck < 28;
}

uint32_t
city_stock(const struct bench_city *c, uint32_t store, uint32_t sku)
{
    uint64_t s = draw(c, LEVEL, (uint64_t)store << 20 | sku);
    uint32_t luck = next(&s, 100);

    if (luck < 10)
        return 0;
    return luck < 15 ? 1 + next(&s, 3) : 200 + next(&s, 800);
}

uint32_t
city_price_cents(const struct bench_city *c, uint32_t chain, uint32_t sku)
{
    uint64_t s = draw(c, PRICE, (uint64_t)chain << 20 | sku);

    return 99 + next(&s, 1900);
}

uint32_t
city_order_chain(const struct bench_city *c, uint64_t n)
{
    return (uint32_t)(draw(c, ORDER, n) % CITY_CHAINS);
}

void
city_order(const struct bench_city *c, uint64_t n, struct bench_order *out)
{
    uint64_t s = draw(c, ORDER, n);

    out->chain = (uint32_t)(s % CITY_CHAINS);
    double x = CITY_EDGE_M + next(&s, CITY_SPAN_M - 2 * CITY_EDGE_M);
    double y = CITY_EDGE_M + next(&s, CITY_SPAN_M - 2 * CITY_EDGE_M);
    out->at = offset(x, y);
    uint32_t sku = next(&s, c->skus), step = c->skus / CITY_LINES;
    for (size_t i = 0; i < CITY_LINES; i++) {
        sku = (sku + 1 + next(&s, step - 1)) % c->skus;
        out->line[i].sku = sku;
        out->line[i].quantity = next(&s, 5) == 0 ? 2 : 1;
        out->line[i].price_cents = city_price_cents(c, out->chain, sku);
    }
}

void
city_sku_code(uint32_t sku, char code[CITY_SKU_CODE])
{
    snprintf(code, CITY_SKU_CODE, "S%05u", sku % 100000);
}

/* ---- JSON; by hand, as the generator shares two cores with what it measures ---- */

static void
put_number(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t n = sizeof digits;

    do
        digits[--n] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    buf_append(b, digits + n, sizeof digits - n);
}

static void
put_degrees(struct buf *b, int32_t e7)
{
    uint32_t v = (uint32_t)(e7 < 0 ? -e7 : e7), part = v % 10000000;
    char digits[8] = ".0000000";

    if (e7 < 0)
        buf_char(b, '-');
    put_number(b, v / 10000000);
    for (size_t i = 7; i > 0; i--, part /= 10)
        digits[i] = (char)('0' + part % 10);
    buf_append(b, digits, sizeof digits);
}

#define PUT(b, text) buf_append(b, text, sizeof(text) - 1)

void
city_order_json(const struct bench_order *o, const char *tag, uint64_t n, struct buf *b)
{
    char code[CITY_SKU_CODE] = "S00000";

    PUT(b, "{\"external_order_id\":\"");
    buf_str(b, tag);
    put_number(b, n);
    PUT(b, "\",\"dropoff\":{\"lat\":");
    put_degrees(b, o->at.lat_e7);
    PUT(b, ",\"lng\":");
    put_degrees(b, o->at.lng_e7);
    PUT(b, ",\"address\":\"2400 Fait Ave, Baltimore\",\"instructions\":\"second floor\"},"
           "\"customer\":{\"name\":\"Ada L.\",\"phone\":\"+14105550123\"},\"lines\":[");
    for (size_t i = 0; i < CITY_LINES; i++) {
        uint32_t sku = o->line[i].sku;
        for (size_t k = 5; k > 0; k--, sku /= 10)
            code[k] = (char)('0' + sku % 10);
        if (i > 0)
            buf_char(b, ',');
        PUT(b, "{\"sku\":\"");
        buf_append(b, code, 6);
        PUT(b, "\",\"quantity\":");
        put_number(b, o->line[i].quantity);
        PUT(b, ",\"unit_price\":");
        put_number(b, o->line[i].price_cents);
        buf_char(b, '}');
    }
    PUT(b, "],\"currency\":\"USD\",\"simulated\":true}");
}
