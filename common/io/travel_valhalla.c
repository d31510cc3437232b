/* Valhalla's matrix service: docs/docs/api/matrix.md of its repository. */
#include "io/travel_remote_own.h"

#include <stdio.h>

static const char *
costing_of(enum travel_mode mode)
{
    switch (mode) {
    case TRAVEL_FOOT:
        return "pedestrian";
    case TRAVEL_BICYCLE:
    case TRAVEL_EBIKE:
        return "bicycle";
    case TRAVEL_SCOOTER:
        return "motor_scooter";
    case TRAVEL_CAR:
    case TRAVEL_VAN:
        break;
    }
    return "auto";
}

void
valhalla_url(struct buf *url, const struct travel_server *s)
{
    buf_append(url, s->url.p, s->url.n);
    buf_str(url, "/sources_to_targets");
}

static void
put_places(struct buf *body, const char *name, const struct latlng *p, size_t n, uint32_t radius_m)
{
    buf_printf(body, "\"%s\":[", name);
    for (size_t i = 0; i < n; i++) {
        buf_str(body, i == 0 ? "{\"lat\":" : ",{\"lat\":");
        travel_put_degrees(body, p[i].lat_e7);
        buf_str(body, ",\"lon\":");
        travel_put_degrees(body, p[i].lng_e7);
        buf_str(body, ",\"search_cutoff\":");
        travel_put_count(body, radius_m);
        buf_char(body, '}');
    }
    buf_str(body, "],");
}

void
valhalla_body(struct buf *body, const struct travel_server *s, const struct travel_grid *g)
{
    struct slice costing = s->profile.n > 0 ? s->profile : slice_str(costing_of(g->mode));

    buf_char(body, '{');
    put_places(body, "sources", g->from, g->from_n, g->radius_m);
    put_places(body, "targets", g->to, g->to_n, g->radius_m);
    if (g->mode == TRAVEL_EBIKE && s->profile.n == 0) /* a pedelec's motor helps up to 25 km/h */
        buf_str(body, "\"costing_options\":{\"bicycle\":{\"cycling_speed\":25}},");
    buf_str(body, "\"units\":\"kilometers\",\"verbose\":false,\"costing\":\"");
    buf_append(body, costing.p, costing.n);
    buf_str(body, "\"}");
}

static enum travel_word
word_of(struct arena *a, int status, const struct json_value *o, const char **detail)
{
    const struct json_value *code = json_value_get(o, "error_code");
    char *text = arena_alloc(a, 24);

    if (code == NULL || code->kind != JSON_KIND_INT || text == NULL)
        return travel_word_of_status(status, detail);
    snprintf(text, 24, "error_%d", (int)(code->integer % 1000000));
    *detail = text;
    switch (code->integer) {
    case 150: /* too many locations */
        return WORD_TOO_BIG;
    case 154: /* further apart than the server goes */
    case 170: /* unconnected regions */
    case 171: /* no street near */
    case 441: /* unreachable */
    case 442: /* no path */
        return WORD_NO;
    default:
        return status >= 500 || status == 429 ? WORD_DOWN : WORD_WRONG;
    }
}

/* The long form, which servers that do not know `verbose` give: rows of objects. */
static bool
take_rows(const struct travel_grid *g, const struct json_value *rows)
{
    if (rows->n != g->from_n)
        return false;
    for (size_t i = 0; i < g->from_n; i++) {
        const struct json_value *row = rows->item[i];
        if (row->kind != JSON_KIND_ARRAY || row->n != g->to_n)
            return false;
        for (size_t j = 0; j < g->to_n; j++)
            if (!travel_take(g, i, j, json_value_get(row->item[j], "time"),
                             json_value_get(row->item[j], "distance"), 1000))
                return false;
    }
    return true;
}

enum travel_word
valhalla_read(struct arena *a, int status, struct slice body, const struct travel_grid *g,
              const char **detail)
{
    const struct json_value *o = travel_json(a, body);
    const struct json_value *table = json_value_get(o, "sources_to_targets");
    const struct json_value *units = json_value_get(o, "units");
    bool taken = false;

    if (o == NULL || status != 200)
        return o == NULL ? travel_word_of_status(status, detail) : word_of(a, status, o, detail);
    *detail = "Ok";
    if (units != NULL && units->kind == JSON_KIND_STRING &&
        !slice_eq_str(json_value_string(units), "kilometers") &&
        !slice_eq_str(json_value_string(units), "km"))
        return WORD_LIE;
    if (table != NULL && table->kind == JSON_KIND_ARRAY)
        taken = take_rows(g, table);
    else
        taken = travel_take_tables(g, json_value_get(table, "durations"),
                                   json_value_get(table, "distances"), 1000);
    return taken ? WORD_OK : WORD_LIE;
}
