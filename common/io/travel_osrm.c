/* OSRM's HTTP interface, version v1: docs/http.md of its repository. */
#include "io/travel_remote_own.h"

static const char *
profile_of(enum travel_mode mode)
{
    switch (mode) {
    case TRAVEL_FOOT:
        return "foot";
    case TRAVEL_BICYCLE:
    case TRAVEL_EBIKE:
        return "bike";
    case TRAVEL_SCOOTER:
    case TRAVEL_CAR:
    case TRAVEL_VAN:
        break;
    }
    return "car";
}

static void
put_places(struct buf *url, const struct latlng *p, size_t n, bool first)
{
    for (size_t i = 0; i < n; i++) {
        if (!first || i > 0)
            buf_char(url, ';');
        travel_put_degrees(url, p[i].lng_e7);
        buf_char(url, ',');
        travel_put_degrees(url, p[i].lat_e7);
    }
}

static void
put_head(struct buf *url, const struct travel_server *s, const struct travel_grid *g,
         const char *what)
{
    struct slice profile = s->profile.n > 0 ? s->profile : slice_str(profile_of(g->mode));

    buf_append(url, s->url.p, s->url.n);
    buf_str(url, what);
    buf_append(url, profile.p, profile.n);
    buf_char(url, '/');
    put_places(url, g->from, g->from_n, true);
    put_places(url, g->to, g->to_n, false);
    buf_str(url, "?generate_hints=false&radiuses=");
    for (size_t i = 0; i < g->from_n + g->to_n; i++) {
        if (i > 0)
            buf_char(url, ';');
        travel_put_count(url, g->radius_m);
    }
}

static void
put_indexes(struct buf *url, const char *name, size_t first, size_t n)
{
    buf_str(url, name);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_char(url, ';');
        travel_put_count(url, first + i);
    }
}

void
osrm_table_url(struct buf *url, const struct travel_server *s, const struct travel_grid *g)
{
    put_head(url, s, g, "/table/v1/");
    put_indexes(url, "&sources=", 0, g->from_n);
    put_indexes(url, "&destinations=", g->from_n, g->to_n);
    buf_str(url, "&annotations=duration,distance");
}

void
osrm_route_url(struct buf *url, const struct travel_server *s, const struct travel_grid *g)
{
    put_head(url, s, g, "/route/v1/");
    buf_str(url, "&overview=full&geometries=polyline&steps=false&alternatives=false");
}

/* `code` is "Ok", or says what is wrong; the HTTP status is then 400. */
static enum travel_word
word_of(struct arena *a, int status, const struct json_value *o, const char **detail)
{
    static const struct {
        const char *code;
        enum travel_word word;
    } words[] = {
        {"Ok", WORD_OK},      {"NoSegment", WORD_NO},   {"NoRoute", WORD_NO},
        {"NoTable", WORD_NO}, {"TooBig", WORD_TOO_BIG}, {"DisabledDataset", WORD_DOWN},
    };
    const struct json_value *code = json_value_get(o, "code");

    if (code == NULL || code->kind != JSON_KIND_STRING)
        return travel_word_of_status(status, detail);
    *detail = travel_text(a, code);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_eq_str(json_value_string(code), words[i].code))
            return words[i].word == WORD_OK && status != 200 ? WORD_LIE : words[i].word;
    return status >= 500 ? WORD_DOWN : WORD_WRONG;
}

enum travel_word
osrm_table_read(struct arena *a, int status, struct slice body, const struct travel_grid *g,
                const char **detail)
{
    const struct json_value *o = travel_json(a, body);

    if (o == NULL)
        return travel_word_of_status(status, detail);
    enum travel_word word = word_of(a, status, o, detail);
    if (word != WORD_OK)
        return word;
    return travel_take_tables(g, json_value_get(o, "durations"), json_value_get(o, "distances"), 1)
               ? WORD_OK
               : WORD_LIE;
}

enum travel_word
osrm_route_read(struct arena *a, int status, struct slice body, const struct travel_grid *g,
                struct slice *polyline, const char **detail)
{
    const struct json_value *o = travel_json(a, body);

    if (o == NULL)
        return travel_word_of_status(status, detail);
    enum travel_word word = word_of(a, status, o, detail);
    if (word != WORD_OK)
        return word;
    const struct json_value *routes = json_value_get(o, "routes");
    if (routes == NULL || routes->kind != JSON_KIND_ARRAY || routes->n == 0)
        return WORD_LIE;
    const struct json_value *route = routes->item[0];
    const struct json_value *line = json_value_get(route, "geometry");
    if (line == NULL || line->kind != JSON_KIND_STRING ||
        !travel_take(g, 0, 0, json_value_get(route, "duration"), json_value_get(route, "distance"),
                     1) ||
        g->out[0].seconds == TRAVEL_UNREACHABLE)
        return WORD_LIE;
    *polyline = json_value_string(line);
    return travel_polyline_ok(*polyline, g->from[0], g->to[0], g->radius_m + 10.0) ? WORD_OK
                                                                                   : WORD_LIE;
}
