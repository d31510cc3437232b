/* osmand: positions in the form of OsmAnd's online tracking, which Traccar's client posts too:
 * everything in the query, the courier's token as the device's id, the time in Unix seconds. The
 * answer is 200 without a body, which is all that these clients look at. */
#include "notifier/core.h"

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

void
osmand_open(struct notifier *n, const struct event *ev, struct outbox *out)
{
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
