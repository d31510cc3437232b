/* The city in the words of docs/api.md. */
#include "city_internal.h"

#include "base/json_out.h"

static void
position(struct json_out *w, const char *key, struct latlng p)
{
    json_out_array(w, key);
    json_out_e7(w, NULL, p.lng_e7);
    json_out_e7(w, NULL, p.lat_e7);
    json_out_end(w);
}

static void
zone(struct json_out *w, const struct city_store *s)
{
    bool open = false;

    json_out_object(w, "zone");
    json_out_cstr(w, "type", "MultiPolygon");
    json_out_array(w, "coordinates");
    for (uint32_t i = 0; i < s->ring_n; i++) {
        if (!s->ring[i].hole) {
            if (open)
                json_out_end(w);
            json_out_array(w, NULL);
            open = true;
        }
        json_out_array(w, NULL);
        for (uint32_t k = 0; k < s->ring[i].n; k++)
            position(w, NULL, s->ring[i].point[k]);
        json_out_end(w);
    }
    if (open)
        json_out_end(w);
    json_out_end(w);
    json_out_end(w);
}

static void
clock_time(struct json_out *w, uint32_t minute)
{
    char text[8] = {(char)('0' + minute / 600), (char)('0' + minute / 60 % 10), ':',
                    (char)('0' + minute % 60 / 10), (char)('0' + minute % 10)};

    json_out_cstr(w, NULL, text);
}

/* The span of the day that opens next at or after the minute; NULL: none. */
static const struct city_span *
next_span(const struct city_store *s, uint32_t day, uint32_t minute)
{
    const struct city_span *next = NULL;

    for (uint32_t i = 0; i < s->span_n; i++) {
        const struct city_span *p = &s->span[i];

        if (p->weekday == day && p->open_min >= minute &&
            (next == NULL || p->open_min < next->open_min))
            next = p;
    }
    return next;
}

static void
hours(struct json_out *w, const struct city_store *s)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

    json_out_object(w, "hours");
    for (uint32_t d = 0; d < 7; d++) {
        const struct city_span *p = next_span(s, d, 0);

        if (p == NULL)
            continue;
        json_out_array(w, days[d]);
        for (; p != NULL; p = next_span(s, d, p->open_min + 1u)) {
            json_out_array(w, NULL);
            clock_time(w, p->open_min);
            clock_time(w, p->close_min);
            json_out_end(w);
        }
        json_out_end(w);
    }
    json_out_end(w);
}

static void
feature(struct json_out *w, const struct city_store *s)
{
    json_out_object(w, NULL);
    json_out_cstr(w, "type", "Feature");
    json_out_object(w, "geometry");
    json_out_cstr(w, "type", "Point");
    position(w, "coordinates", s->at);
    json_out_end(w);
    json_out_object(w, "properties");
    json_out_cstr(w, "store_id", s->id);
    json_out_cstr(w, "name", s->name);
    json_out_cstr(w, "address", s->address);
    zone(w, s);
    if (!s->always_open)
        hours(w, s);
    json_out_uint(w, "prep_seconds", s->prep_s);
    json_out_uint(w, "prep_per_item_seconds", s->prep_per_item_s);
    json_out_uint(w, "capacity", s->capacity);
    json_out_bool(w, "delivers", true);
    json_out_bool(w, "collects", s->collects);
    json_out_bool(w, "age_check", s->age_check);
    json_out_uint(w, "safety_stock", s->safety_stock);
    json_out_end(w);
    json_out_end(w);
}

void
city_store_feature_json(const struct city *c, const struct city_store *s, struct buf *b)
{
    struct json_out w = json_out_to(b);

    (void)c;
    feature(&w, s);
}

void
city_chain_features_json(const struct city *c, const struct city_chain *chain, struct buf *b)
{
    struct json_out w = json_out_to(b);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "FeatureCollection");
    json_out_array(&w, "features");
    for (uint32_t i = 0; i < chain->store_n; i++)
        feature(&w, &c->store[chain->store_first + i]);
    json_out_end(&w);
    json_out_end(&w);
}

void
city_stock_ndjson(const struct city *c, const struct city_store *s, struct buf *b)
{
    for (uint32_t i = 0; i < s->sku_n; i++) {
        const struct city_sku *sku = &c->chain[s->chain].sku[s->sku_first + i];
        struct json_out w = json_out_to(b);

        json_out_object(&w, NULL);
        json_out_cstr(&w, "store_id", s->id);
        json_out_cstr(&w, "sku", sku->code);
        json_out_uint(&w, "quantity", s->stock[i]);
        json_out_uint(&w, "price", city_price_cents(c, s, s->sku_first + i));
        json_out_cstr(&w, "name", sku->name);
        json_out_uint(&w, "weight_g", sku->weight_g);
        json_out_uint(&w, "volume_ml", sku->volume_ml);
        json_out_bool(&w, "age_restricted", sku->age_restricted);
        json_out_end(&w);
        buf_char(b, '\n');
    }
}

void
city_stock_csv(const struct city *c, const struct city_store *s, struct buf *b)
{
    buf_str(b, "store_id,sku,quantity,price,name,weight_g,volume_ml,age_restricted\n");
    for (uint32_t i = 0; i < s->sku_n; i++) {
        const struct city_sku *sku = &c->chain[s->chain].sku[s->sku_first + i];

        buf_printf(b, "%s,%s,%u,%u,\"%s\",%u,%u,%s\n", s->id, sku->code, s->stock[i],
                   city_price_cents(c, s, s->sku_first + i), sku->name, sku->weight_g,
                   sku->volume_ml, sku->age_restricted ? "true" : "false");
    }
}

static void
dropoff(struct json_out *w, const struct city_order *o)
{
    json_out_object(w, "dropoff");
    if (!o->by_address) {
        json_out_e7(w, "lat", o->dropoff.lat_e7);
        json_out_e7(w, "lng", o->dropoff.lng_e7);
    }
    json_out_cstr(w, "address", o->address);
    json_out_cstr(w, "instructions", o->instructions);
    json_out_end(w);
}

static void
customer(struct json_out *w, const struct city_order *o)
{
    char phone[] = "+14105550100";

    phone[10] = (char)('0' + o->phone / 10);
    phone[11] = (char)('0' + o->phone % 10);
    json_out_object(w, "customer");
    json_out_cstr(w, "name", o->customer);
    json_out_cstr(w, "phone", phone);
    json_out_end(w);
}

static void
lines(struct json_out *w, const struct city_chain *chain, const struct city_order *o)
{
    json_out_array(w, "lines");
    for (uint32_t i = 0; i < o->line_n; i++) {
        const struct city_sku *sku = &chain->sku[o->line[i].sku];

        json_out_object(w, NULL);
        json_out_cstr(w, "sku", sku->code);
        json_out_uint(w, "quantity", o->line[i].quantity);
        json_out_uint(w, "unit_price", sku->price_cents);
        if (o->shortage == CITY_SUBSTITUTE && sku->instead != o->line[i].sku) {
            json_out_array(w, "substitutes");
            json_out_cstr(w, NULL, chain->sku[sku->instead].code);
            json_out_end(w);
        }
        json_out_end(w);
    }
    json_out_end(w);
}

void
city_order_json(const struct city *c, const struct city_order *o, int64_t start_ms, struct buf *b)
{
    static const char *const shortages[] = {"hold", "reject", "partial", "substitute"};
    const struct city_chain *chain = &c->chain[o->chain];
    struct json_out w = json_out_to(b);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "external_order_id", o->external_id);
    json_out_cstr(&w, "fulfilment", o->collection ? "collection" : "delivery");
    dropoff(&w, o);
    customer(&w, o);
    lines(&w, chain, o);
    json_out_cstr(&w, "currency", "USD");
    if (o->end_ms > 0) {
        json_out_object(&w, "window");
        json_out_time(&w, "start", start_ms + o->start_ms);
        json_out_time(&w, "end", start_ms + o->end_ms);
        json_out_end(&w);
    }
    json_out_cstr(&w, "shortage", shortages[o->shortage]);
    json_out_cstr(&w, "price_policy", chain->prices_differ ? "take" : "refuse");
    if (o->only_store >= 0)
        json_out_cstr(&w, "store_id", c->store[o->only_store].id);
    if (o->cold)
        json_out_bool(&w, "cold", true);
    json_out_bool(&w, "simulated", true);
    json_out_end(&w);
}
