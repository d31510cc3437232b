/* osmand: positions in the form of OsmAnd's online tracking, which Traccar's client posts up to 8:
 * everything in the query, the courier's token as the device's id, the time in Unix seconds; and in
 * the JSON that it posts from 9 on. The answer is 200 without a body, which is all that these
 * clients look at. */
#include "notifier/core.h"

#include "base/json_in.h"

#include <stdlib.h>

/* read_degrees: "39.2847": a plain number. */
static bool
read_degrees(struct arena *a, struct slice text, double *out)
{
    const char *copy = text.n == 0 || text.n > 32 ? NULL : arena_copy(a, text.p, text.n);
    char *end = NULL;

    if (copy == NULL)
        return false;
    *out = strtod(copy, &end);
    return end != copy && *end == '\0';
}

/* read_when: Unix seconds or milliseconds; 0 = now, also for what is neither. */
static int64_t
read_when(struct arena *a, struct slice text)
{
    const int64_t first_ms = 100000000000; /* 1973 in ms, the year 5138 in s */
    double v = 0;

    if (!read_degrees(a, text, &v) || !(v > 0 && v < 1e14))
        return 0;
    return v < (double)first_ms ? (int64_t)(v * 1000) : (int64_t)v;
}

/* take: a position whose form is good. */
static void
take(struct notifier *n, const struct event *ev, struct outbox *out, struct slice token,
     struct latlng at, int64_t time_ms)
{
    uint32_t courier = phones_courier(n, token);

    if (courier == 0) {
        count(n, COUNT_DENIED, 1);
        refuse(ev, out, 401, "bad_token", "device_id: expected a courier's token");
        return;
    }
    phones_position(n, ev, out, courier, at, time_ms);
    outbox_http(out, ev->ref, 200, NULL, "Cache-Control: no-store\r\n", slice_of(NULL, 0));
}

/* json_open: {"location": {"timestamp": …, "coords": {"latitude": …, "longitude": …, …}, …},
 * "device_id": …}; what else there is (speed, battery, activity) is passed over. */
static void
json_open(struct notifier *n, const struct event *ev, struct outbox *out)
{
    const struct json_limits limits = {MESSAGE_MAX, 8};
    struct slice token = slice_of("", 0);
    struct latlng at = {0};
    struct json_in in;
    int64_t time_ms = 0;
    double lat = 0;
    double lng = 0;

    if (json_in_parse(&in, ev->arena, ev->bytes, &limits) == LC_OK) {
        struct json_at root = json_in_root(&in);
        struct json_at location;
        struct json_at coords;
        json_in_string(&in, &root, "device_id", JSON_REQUIRED, 1, 200, &token);
        json_in_object(&in, &root, "location", JSON_REQUIRED, &location);
        json_in_time(&in, &location, "timestamp", JSON_OPTIONAL, &time_ms);
        json_in_object(&in, &location, "coords", JSON_REQUIRED, &coords);
        json_in_number(&in, &coords, "latitude", JSON_REQUIRED, -90, 90, &lat);
        json_in_number(&in, &coords, "longitude", JSON_REQUIRED, -180, 180, &lng);
    }
    if (in.error_n > 0 || !geo_of_degrees(lat, lng, &at))
        refuse(ev, out, 400, "bad_position",
               in.error_n == 0
                   ? "expected a place on Earth"
                   : arena_printf(ev->arena, "%s%s%s", in.error[0].field,
                                  *in.error[0].field == '\0' ? "" : ": ", in.error[0].error));
    else
        take(n, ev, out, token, at, time_ms);
    json_in_close(&in);
}

void
osmand_open(struct notifier *n, const struct event *ev, struct outbox *out)
{
    if (ev->bytes.n > 0 && ev->bytes.p[0] == '{') {
        json_open(n, ev, out);
        return;
    }
    struct slice query = ev->http->query.n > 0 ? ev->http->query : ev->bytes;
    struct slice token = query_value(query, "id");
    struct latlng at;
    double lat = 0;
    double lng = 0;

    if (token.n == 0)
        token = query_value(query, "deviceid");
    uint32_t courier = phones_courier(n, token);
    if (courier == 0) {
        count(n, COUNT_DENIED, 1);
        refuse(ev, out, 401, "bad_token", "id: expected a courier's token");
    } else if (!read_degrees(ev->arena, query_value(query, "lat"), &lat) ||
               !read_degrees(ev->arena, query_value(query, "lon"), &lng) ||
               !geo_of_degrees(lat, lng, &at)) {
        refuse(ev, out, 400, "bad_position", "lat, lon: expected degrees");
    } else {
        phones_position(n, ev, out, courier, at,
                        read_when(ev->arena, query_value(query, "timestamp")));
        outbox_http(out, ev->ref, 200, NULL, "Cache-Control: no-store\r\n", slice_of(NULL, 0));
    }
}
