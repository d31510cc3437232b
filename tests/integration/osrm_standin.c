/* osrm_standin: answers as OSRM (table, route) and Valhalla (sources_to_targets) do, on made-up
 * roads, and misbehaves on demand. The forms of answers and errors are those of OSRM's docs/http.md
 * and of Valhalla's docs/docs/api/matrix.md and src/exceptions.cc; heads as osrm-routed 6.0.0 was
 * seen to send them: HTTP/1.0 that keeps the connection all the same, for 513 answers.
 *
 *   osrm_standin [PORT]          listens on 127.0.0.1, on a free port without one; prints the port
 *   GET /_/fault/NAME            misbehaves so from the next request on; "none" behaves again
 *   GET /_/requests              how many questions came so far
 *
 * Roads: every way is 1.4 times the straight line, at 3.5 m/s on foot or bicycle and 9 m/s else,
 * and who crosses the canal at 76.6 W rides 1500 m round by the bridge. North of 39.5 lies an
 * island without a ferry; south of 39.0 there is no street at all. At most 100 x 100 cells at a
 * time.
 *
 * Faults: slow (answers after 5 s), drip (a byte every 100 ms), cut (hangs up half-way through the
 * answer), stale (a connection is good for one request, and does not say so), counts (a row is
 * missing), short (a column is), nan, negative, zero (all 0), fast (a tenth of a second each), text
 * ("12" for 12), long (Valhalla's long form, as servers give it that do not know verbose), huge
 * (8 MiB), html (502 of a proxy), query (400 InvalidQuery), small (TooBig above 20 places), noseg
 * (400 NoSegment), novalue (a table without distances). */
#include "base/bytes.h"
#include "base/geo.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { OSRM_ANSWERS = 513, PLACES_MAX = 1000, HEAD_MAX = 65536, HUGE_BYTES = 8 << 20 };

struct link {
    struct bufferevent *bev;
    struct event *timer;
    struct buf answer; /* what drips, or waits */
    unsigned requests;
    bool osrm; /* the last question was in its form */
};

static struct event_base *base;
static char fault[16] = "none";
static unsigned long requests;

static bool
is(const char *name)
{
    return strcmp(fault, name) == 0;
}

/* ---- roads ---- */

struct places {
    size_t n;
    struct latlng at[PLACES_MAX];
};

struct question {
    struct places all;
    size_t from_n, to_n;
    size_t from[PLACES_MAX], to[PLACES_MAX];
    double m_s;
};

static bool
on_island(struct latlng p)
{
    return p.lat_e7 > 395000000;
}

static bool
in_the_sea(struct latlng p)
{
    return p.lat_e7 < 390000000;
}

static double
way_m(struct latlng a, struct latlng b)
{
    bool crosses = (a.lng_e7 < -766000000) != (b.lng_e7 < -766000000);

    return 1.4 * geo_distance_m(a, b) + (crosses ? 1500 : 0);
}

static double
tenths(double v)
{
    return round(v * 10) / 10;
}

/* A table in units of `each`; seconds when m_s is not 0. */
static json_t *
table(const struct question *q, double m_s, double each)
{
    json_t *rows = json_array();
    size_t from_n = q->from_n - (is("counts") ? 1 : 0), to_n = q->to_n - (is("short") ? 1 : 0);

    for (size_t i = 0; i < from_n; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < to_n; j++) {
            struct latlng a = q->all.at[q->from[i]], b = q->all.at[q->to[j]];
            double v = way_m(a, b) / (m_s > 0 ? m_s : each);
            json_t *cell = on_island(a) != on_island(b) ? json_null()
                           : is("zero")                 ? json_integer(0)
                           : is("negative")             ? json_real(-tenths(v))
                           : is("fast") && m_s > 0      ? json_real(0.1)
                           : is("text")                 ? json_string("12")
                           : each == 1                  ? json_real(tenths(v))
                                                        : json_real(round(v * 1000) / 1000);
            json_array_append_new(row, cell);
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

/* ---- answers ---- */

static void
send_now(struct link *l)
{
    bufferevent_write(l->bev, l->answer.p, l->answer.n);
    buf_reset(&l->answer);
}

static void
on_time(evutil_socket_t fd, short what, void *ctx)
{
    struct link *l = ctx;
    struct timeval tenth = {0, 100000};

    (void)fd, (void)what;
    if (!is("drip")) {
        send_now(l);
    } else if (l->answer.n > 0) {
        bufferevent_write(l->bev, l->answer.p, 1);
        buf_consume(&l->answer, 1);
        event_add(l->timer, &tenth);
    }
}

static void
hang_up(struct link *l)
{
    bufferevent_free(l->bev);
    event_free(l->timer);
    buf_free(&l->answer);
    free(l);
}

static void
answer(struct link *l, int status, const char *type, struct slice body)
{
    struct timeval tenth = {0, 100000}, long_time = {5, 0};

    buf_reset(&l->answer);
    buf_printf(&l->answer,
               "HTTP/1.%d %d %s\r\nContent-Type: %s\r\nConnection: keep-alive\r\n"
               "%sContent-Length: %zu\r\n\r\n",
               l->osrm ? 0 : 1, status, status == 200 ? "OK" : "Bad Request", type,
               l->osrm ? "Keep-Alive: timeout=5, max=512\r\n" : "", body.n);
    buf_append(&l->answer, body.p, is("cut") ? body.n / 2 : body.n);
    if (is("drip") || is("slow"))
        event_add(l->timer, is("drip") ? &tenth : &long_time);
    else
        send_now(l);
}

static void
answer_json(struct link *l, int status, json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT);
    char *at;

    if (is("nan") && (at = strstr(text, "[[")) != NULL && strlen(at) > 6)
        memcpy(at + 2, "NaN", 3); /* as printf writes what is no number */
    answer(l, status, "application/json; charset=UTF-8", slice_str(text));
    free(text);
    json_decref(o);
}

static void
refuse(struct link *l, const char *code, const char *message)
{
    answer_json(l, 400, json_pack("{s:s,s:s}", "message", message, "code", code));
}

static void
refuse_valhalla(struct link *l, int code, const char *message)
{
    answer_json(l, 400,
                json_pack("{s:i,s:s,s:i,s:s}", "error_code", code, "error", message, "status_code",
                          400, "status", "Bad Request"));
}

/* True when the fault has answered in the place of any server. */
static bool
any_fault(struct link *l)
{
    if (is("html")) {
        answer(l, 502, "text/html", SLICE_LIT("<html><h1>502 Bad Gateway</h1></html>"));
    } else if (is("huge")) {
        char *text = malloc(HUGE_BYTES);
        memset(text, ' ', HUGE_BYTES);
        answer(l, 200, "application/json", slice_of(text, HUGE_BYTES));
        free(text);
    } else {
        return false;
    }
    return true;
}

/* What is wrong with the places, as OSRM says it; NULL for nothing. */
static const char *
cannot(const struct question *q)
{
    if (q->from_n * q->to_n > 10000 || (is("small") && q->from_n + q->to_n > 20))
        return "TooBig";
    for (size_t i = 0; i < q->all.n; i++)
        if (in_the_sea(q->all.at[i]) || is("noseg"))
            return "NoSegment";
    return is("query") ? "InvalidQuery" : NULL;
}

/* ---- OSRM ---- */

/* "lng,lat;lng,lat..." */
static bool
read_places(const char *text, size_t n, struct places *p)
{
    const char *end = text + n;

    for (p->n = 0; text < end && p->n < PLACES_MAX; p->n++) {
        char *stop;
        double lng = strtod(text, &stop);
        if (*stop != ',')
            return false;
        double lat = strtod(stop + 1, &stop);
        p->at[p->n] = (struct latlng){(int32_t)lround(lat * 1e7), (int32_t)lround(lng * 1e7)};
        if (fabs(lat) > 90 || fabs(lng) > 180 || (stop < end && *stop != ';'))
            return false;
        text = stop + 1;
    }
    return p->n > 0;
}

/* The list of numbers behind name=; all of them without it. How many, or 0 for a bad one. */
static size_t
read_list(const char *query, const char *name, size_t most, size_t *list)
{
    const char *at = strstr(query, name);
    size_t n = 0;

    if (at == NULL) {
        for (; n < most; n++)
            list[n] = n;
        return n;
    }
    for (at += strlen(name); n < PLACES_MAX; at++) {
        char *stop;
        list[n] = strtoul(at, &stop, 10);
        if (stop == at || list[n] >= most)
            return 0;
        n++;
        at = stop;
        if (*at != ';')
            break;
    }
    return n;
}

static json_t *
waypoints(const struct question *q, const size_t *list, size_t n)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, json_pack("{s:s,s:[f,f],s:f}", "name", "Light Street",
                                             "location", q->all.at[list[i]].lng_e7 / 1e7,
                                             q->all.at[list[i]].lat_e7 / 1e7, "distance", 3.2));
    return out;
}

static void
answer_table(struct link *l, const struct question *q)
{
    json_t *o = json_object();

    json_object_set_new(o, "code", json_string("Ok"));
    json_object_set_new(o, "sources", waypoints(q, q->from, q->from_n));
    json_object_set_new(o, "destinations", waypoints(q, q->to, q->to_n));
    json_object_set_new(o, "durations", table(q, q->m_s, 1));
    if (!is("novalue"))
        json_object_set_new(o, "distances", table(q, 0, 1));
    answer_json(l, 200, o);
}

static void
encode(struct buf *b, int64_t v)
{
    uint64_t bits = v < 0 ? ~((uint64_t)v << 1) : (uint64_t)v << 1;

    for (; bits >= 32; bits >>= 5)
        buf_char(b, (char)((bits & 31) + 95));
    buf_char(b, (char)(bits + 63));
}

static void
answer_route(struct link *l, const struct question *q)
{
    struct buf line = {0};
    int64_t lat = 0, lng = 0;
    double m = way_m(q->all.at[0], q->all.at[1]);

    for (size_t i = 0; i < 2; i++) {
        struct latlng p = q->all.at[is("zero") ? 0 : i];
        encode(&line, p.lat_e7 / 100 - lat);
        encode(&line, p.lng_e7 / 100 - lng);
        lat = p.lat_e7 / 100;
        lng = p.lng_e7 / 100;
    }
    buf_char(&line, '\0');
    answer_json(l, 200,
                json_pack("{s:s,s:[{s:f,s:f,s:s}],s:[]}", "code", "Ok", "routes", "duration",
                          tenths(m / q->m_s), "distance", tenths(m), "geometry", line.p,
                          "waypoints"));
    buf_free(&line);
}

/* rest: "bike/lng,lat;...?query" */
static void
osrm(struct link *l, bool wants_table, const char *rest, struct question *q)
{
    const char *slash = strchr(rest, '/');
    const char *mark = strchr(rest, '?');
    const char *query = mark == NULL ? "" : mark;
    size_t radius[PLACES_MAX];

    if (slash == NULL || (mark != NULL && mark < slash)) {
        refuse(l, "InvalidUrl", "URL string malformed close to position 1");
        return;
    }
    size_t n = mark == NULL ? strlen(slash + 1) : (size_t)(mark - slash) - 1;
    q->m_s = strncmp(rest, "car/", 4) == 0 ? 9 : 3.5;
    if (!read_places(slash + 1, n, &q->all)) {
        refuse(l, "InvalidQuery", "Query string malformed close to position 1");
        return;
    }
    q->from_n = read_list(query, "sources=", q->all.n, q->from);
    q->to_n = read_list(query, "destinations=", q->all.n, q->to);
    const char *code = cannot(q);
    if (q->from_n == 0 || q->to_n == 0 || strstr(query, "radiuses=") == NULL ||
        read_list(query, "radiuses=", SIZE_MAX, radius) != q->all.n)
        code = "InvalidOptions";
    if (code != NULL)
        refuse(l, code, "Could not find a matching segment for coordinate 0");
    else if (wants_table)
        answer_table(l, q);
    else if (q->all.n == 2 && on_island(q->all.at[0]) == on_island(q->all.at[1]))
        answer_route(l, q);
    else
        refuse(l, "NoRoute", "Impossible route between points");
}

/* ---- Valhalla ---- */

static bool
read_json_places(const json_t *list, struct question *q, size_t *index, size_t *n)
{
    size_t i;
    json_t *one;

    json_array_foreach(list, i, one)
    {
        double lat = json_number_value(json_object_get(one, "lat"));
        double lon = json_number_value(json_object_get(one, "lon"));
        if (q->all.n == PLACES_MAX)
            return false;
        index[(*n)++] = q->all.n;
        q->all.at[q->all.n++] =
            (struct latlng){(int32_t)lround(lat * 1e7), (int32_t)lround(lon * 1e7)};
    }
    return *n > 0;
}

/* The long form. */
static json_t *
rows_of(const struct question *q)
{
    json_t *seconds = table(q, q->m_s, 1), *km = table(q, 0, 1000), *rows = json_array();

    for (size_t i = 0; i < json_array_size(seconds); i++) {
        json_t *row = json_array(), *s = json_array_get(seconds, i), *m = json_array_get(km, i);
        for (size_t j = 0; j < json_array_size(s); j++)
            json_array_append_new(row, json_pack("{s:i,s:i,s:O,s:O}", "from_index", (int)i,
                                                 "to_index", (int)j, "time", json_array_get(s, j),
                                                 "distance", json_array_get(m, j)));
        json_array_append_new(rows, row);
    }
    json_decref(seconds);
    json_decref(km);
    return rows;
}

static void
valhalla(struct link *l, struct slice body, struct question *q)
{
    json_t *o = json_loadb(body.p, body.n, 0, NULL);
    const char *costing = json_string_value(json_object_get(o, "costing"));

    q->m_s = costing != NULL && strcmp(costing, "auto") == 0 ? 9 : 3.5;
    bool ok = read_json_places(json_object_get(o, "sources"), q, q->from, &q->from_n) &&
              read_json_places(json_object_get(o, "targets"), q, q->to, &q->to_n);
    const char *code = ok ? cannot(q) : NULL;
    if (!ok || costing == NULL)
        refuse_valhalla(l, 112, "Insufficiently specified required parameter");
    else if (code != NULL && strcmp(code, "TooBig") == 0)
        refuse_valhalla(l, 150, "Exceeded max locations:50.");
    else if (code != NULL && strcmp(code, "NoSegment") == 0)
        refuse_valhalla(l, 171, "No suitable edges near location");
    else if (code != NULL)
        refuse_valhalla(l, 125, "No costing method found");
    else if (json_is_false(json_object_get(o, "verbose")) && !is("long"))
        answer_json(l, 200,
                    json_pack("{s:s,s:s,s:{s:o,s:o}}", "algorithm", "costmatrix", "units",
                              "kilometers", "sources_to_targets", "durations", table(q, q->m_s, 1),
                              "distances", table(q, 0, 1000)));
    else
        answer_json(
            l, 200,
            json_pack("{s:s,s:o}", "units", "kilometers", "sources_to_targets", rows_of(q)));
    json_decref(o);
}

/* ---- requests ---- */

static bool
control(struct link *l, const char *path)
{
    char text[32];

    if (strncmp(path, "/_/fault/", 9) == 0)
        snprintf(fault, sizeof fault, "%s", path + 9);
    else if (strncmp(path, "/_/requests", 11) != 0)
        return false;
    snprintf(text, sizeof text, "%lu\n", requests);
    buf_reset(&l->answer);
    buf_printf(&l->answer, "HTTP/1.0 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(text), text);
    send_now(l);
    return true;
}

/* True when the link is gone. */
static bool
handle(struct link *l, char *path, struct slice body)
{
    struct question *q;

    if (control(l, path))
        return false;
    requests++;
    l->osrm = strcmp(path, "/sources_to_targets") != 0;
    if (l->requests++ > 0 && is("stale")) {
        hang_up(l);
        return true;
    }
    if (any_fault(l))
        return false;
    q = calloc(1, sizeof *q);
    if (strncmp(path, "/table/v1/", 10) == 0)
        osrm(l, true, path + 10, q);
    else if (strncmp(path, "/route/v1/", 10) == 0)
        osrm(l, false, path + 10, q);
    else if (strcmp(path, "/sources_to_targets") == 0)
        valhalla(l, body, q);
    else
        refuse(l, "InvalidService", "Service not found!");
    free(q);
    return false;
}

static void
on_read(struct bufferevent *bev, void *ctx)
{
    struct link *l = ctx;
    struct evbuffer *in = bufferevent_get_input(bev);
    bool gone = false;

    while (!gone) {
        struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
        if (end.pos < 0 || end.pos > HEAD_MAX)
            return;
        size_t head_n = (size_t)end.pos + 4;
        char *head = calloc(1, head_n + 1);
        evbuffer_copyout(in, head, head_n);
        const char *length = strstr(head, "Content-Length: ");
        size_t body_n = length == NULL ? 0 : strtoul(length + 16, NULL, 10);
        if (evbuffer_get_length(in) < head_n + body_n) {
            free(head);
            return;
        }
        evbuffer_drain(in, head_n);
        char *body = calloc(1, body_n + 1);
        evbuffer_remove(in, body, body_n);
        char *path = strchr(head, ' ');
        char *stop = path == NULL ? NULL : strchr(path + 1, ' ');
        if (stop == NULL) {
            hang_up(l);
            gone = true;
        } else {
            *stop = '\0';
            gone = handle(l, path + 1, slice_of(body, body_n));
        }
        free(head);
        free(body);
    }
}

static void
on_written(struct bufferevent *bev, void *ctx)
{
    const struct link *l = ctx;

    (void)bev;
    if ((is("cut") && l->requests > 0) || (l->osrm && l->requests >= OSRM_ANSWERS))
        hang_up(ctx);
}

static void
on_event(struct bufferevent *bev, short what, void *ctx)
{
    (void)bev;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        hang_up(ctx);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa, int n,
          void *ctx)
{
    struct link *l = calloc(1, sizeof *l);

    (void)listener, (void)sa, (void)n, (void)ctx;
    l->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    l->timer = evtimer_new(base, on_time, l);
    bufferevent_setcb(l->bev, on_read, on_written, on_event, l);
    bufferevent_enable(l->bev, EV_READ | EV_WRITE);
}

int
main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;

    at.sin_port = htons((uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0));
    base = event_base_new();
    struct evconnlistener *listener =
        evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
                                64, (struct sockaddr *)&at, sizeof at);
    if (listener == NULL ||
        getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&at, &n) != 0) {
        fprintf(stderr, "osrm_standin: cannot listen\n");
        return EXIT_FAILURE;
    }
    printf("%u\n", ntohs(at.sin_port));
    fflush(stdout);
    return event_base_dispatch(base) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
