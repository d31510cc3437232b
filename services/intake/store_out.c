/* A shop as the GeoJSON feature that store_in.c reads. */
#include "core.h"

#include <stdio.h>

static const char *const day_name[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

const char *
busy_name(Lifecircle__V1__BusyMode busy)
{
    switch (busy) {
    case LIFECIRCLE__V1__BUSY_MODE__OPEN:
        return "open";
    case LIFECIRCLE__V1__BUSY_MODE__BUSY:
        return "busy";
    case LIFECIRCLE__V1__BUSY_MODE__PAUSED:
        return "paused";
    case _LIFECIRCLE__V1__BUSY_MODE_IS_INT_SIZE:
        break;
    }
    return "open";
}

static void
put_minute(struct json_out *w, uint32_t minute)
{
    char text[16];

    snprintf(text, sizeof text, "%02u:%02u", minute / 60 % 100, minute % 60);
    json_out_cstr(w, NULL, text);
}

static void
put_span(struct json_out *w, const Lifecircle__V1__Interval *i)
{
    json_out_array(w, NULL);
    put_minute(w, i->open_minute);
    put_minute(w, i->close_minute);
    json_out_end(w);
}

static void
put_hours(struct json_out *w, const Lifecircle__V1__Store *s)
{
    json_out_object(w, "hours");
    for (uint32_t d = 0; d < 7; d++) {
        bool any = false;
        for (size_t i = 0; i < s->n_hours; i++) {
            if (s->hours[i]->weekday != d)
                continue;
            if (!any)
                json_out_array(w, day_name[d]);
            any = true;
            put_span(w, s->hours[i]);
        }
        if (any)
            json_out_end(w);
    }
    json_out_end(w);
    if (s->n_exceptions == 0)
        return;
    json_out_object(w, "exceptions");
    for (size_t i = 0; i < s->n_exceptions; i++) {
        const Lifecircle__V1__HoursException *e = s->exceptions[i];
        char date[32];
        snprintf(date, sizeof date, "%04u-%02u-%02u", e->date / 10000, e->date / 100 % 100,
                 e->date % 100);
        json_out_array(w, date);
        for (size_t k = 0; k < e->n_hours; k++)
            put_span(w, e->hours[k]);
        json_out_end(w);
    }
    json_out_end(w);
}

static void
put_position(struct json_out *w, int32_t lat_e7, int32_t lng_e7)
{
    json_out_array(w, NULL);
    json_out_e7(w, NULL, lng_e7);
    json_out_e7(w, NULL, lat_e7);
    json_out_end(w);
}

static void
put_ring(struct json_out *w, const Lifecircle__V1__Ring *r)
{
    json_out_array(w, NULL);
    for (size_t i = 0; i + 1 < r->n_e7; i += 2)
        put_position(w, r->e7[i], r->e7[i + 1]);
    json_out_end(w);
}

/* Always a MultiPolygon: an outer ring and the holes behind it are one polygon. */
static void
put_zone(struct json_out *w, const Lifecircle__V1__Store *s)
{
    if (s->n_zone == 0)
        return;
    json_out_object(w, "zone");
    json_out_cstr(w, "type", "MultiPolygon");
    json_out_array(w, "coordinates");
    for (size_t i = 0; i < s->n_zone;) {
        json_out_array(w, NULL);
        do
            put_ring(w, s->zone[i++]);
        while (i < s->n_zone && s->zone[i]->hole);
        json_out_end(w);
    }
    json_out_end(w);
    json_out_end(w);
}

void
store_render(struct json_out *w, const Lifecircle__V1__Store *s)
{
    json_out_object(w, NULL);
    json_out_cstr(w, "type", "Feature");
    json_out_object(w, "geometry");
    json_out_cstr(w, "type", "Point");
    json_out_array(w, "coordinates");
    json_out_e7(w, NULL, s->at == NULL ? 0 : s->at->lng_e7);
    json_out_e7(w, NULL, s->at == NULL ? 0 : s->at->lat_e7);
    json_out_end(w);
    json_out_end(w);
    json_out_object(w, "properties");
    json_out_cstr(w, "store_id", s->store_id);
    json_out_cstr(w, "name", s->name);
    if (s->address[0] != '\0')
        json_out_cstr(w, "address", s->address);
    put_zone(w, s);
    put_hours(w, s);
    json_out_uint(w, "prep_seconds", s->prep_s);
    json_out_uint(w, "prep_per_item_seconds", s->prep_per_item_s);
    json_out_uint(w, "capacity", s->capacity);
    json_out_cstr(w, "busy", busy_name(s->busy));
    json_out_uint(w, "busy_delay_seconds", s->busy_delay_s);
    json_out_bool(w, "delivers", s->delivers);
    json_out_bool(w, "collects", s->collects);
    json_out_bool(w, "age_check", s->age_check);
    json_out_bool(w, "cold", s->cold);
    json_out_uint(w, "safety_stock", s->safety_stock);
    json_out_end(w);
    json_out_end(w);
}
