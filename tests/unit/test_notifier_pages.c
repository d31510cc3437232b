/* What the notifier gives to browsers: pages, their files, and what customers may do. */
#include "unit/notifier_rig.h"

#include "notifier/pages.h"

#define TOKEN "lc_courier_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* ask: a request with these headers ("Name: value", up to 3, NULL ends) and body. */
static const struct rig_sent *
ask_for(struct rig *r, uint64_t conn, const char *method, const char *path,
        const char *const *headers, const char *body)
{
    struct header_field fields[4];
    struct http_event http = {
        .method = slice_str(method), .path = slice_str(path), .headers = fields};
    struct event ev = {.kind = EVENT_HTTP, .ref = conn, .http = &http, .bytes = slice_str(body)};

    for (; headers != NULL && headers[http.n_headers] != NULL; http.n_headers++) {
        const char *line = headers[http.n_headers];
        const char *colon = strstr(line, ": ");
        fields[http.n_headers].name = slice_of(line, (size_t)(colon - line));
        fields[http.n_headers].value = slice_str(colon + 2);
    }
    rig_feed(r, &ev);
    return rig_last(r, EFFECT_HTTP, conn);
}

static void
test_page_is_served_with_its_type_and_a_policy(void)
{
    static const char *const pages[][2] = {
        {"/", "text/html; charset=utf-8"},
        {"/courier", "text/html; charset=utf-8"},
        {"/sw.js", "text/javascript; charset=utf-8"},
        {"/web/base.css", "text/css; charset=utf-8"},
        {"/web/icon.svg", "image/svg+xml"},
        {"/web/courier.webmanifest", "application/manifest+json"}};
    struct rig *r = rig_new();

    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        const struct rig_sent *s = ask_for(r, 10 + i, "GET", pages[i][0], NULL, "");
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        CU_ASSERT_EQUAL(s->e.status, 200);
        CU_ASSERT_STRING_EQUAL(s->name, pages[i][1]);
        CU_ASSERT_PTR_NOT_NULL(strstr(s->extra, "Content-Security-Policy: default-src 'none'"));
        CU_ASSERT_PTR_NULL(strstr(s->extra, "unsafe"));
        CU_ASSERT_PTR_NULL(strstr(s->extra, "Content-Encoding"));
    }
    rig_free(r);
}

static void
test_page_is_compressed_for_who_takes_it(void)
{
    static const char *const headers[] = {"Accept-Encoding: br, gzip", NULL};
    struct rig *r = rig_new();
    const struct rig_sent *s = ask_for(r, 10, "GET", "/web/base.css", headers, "");

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_PTR_NOT_NULL(strstr(s->extra, "Content-Encoding: gzip\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(s->extra, "Vary: Accept, Accept-Encoding\r\n"));
    CU_ASSERT_EQUAL((unsigned char)s->bytes[0], 0x1f);
    rig_free(r);
}

static void
test_page_that_is_known_is_not_sent_again(void)
{
    struct rig *r = rig_new();
    const struct rig_sent *s = ask_for(r, 10, "GET", "/web/base.css", NULL, "");
    const char *at = s == NULL ? NULL : strstr(s->extra, "ETag: ");
    char match[64];

    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    snprintf(match, sizeof match, "If-None-Match: %.18s", at + 6);
    const char *const headers[] = {match, NULL};
    s = ask_for(r, 11, "GET", "/web/base.css", headers, "");
    CU_ASSERT_EQUAL(s->e.status, 304);
    CU_ASSERT_EQUAL(s->e.bytes.n, 0);
    rig_free(r);
}

static void
test_nothing_but_the_pages_can_be_had(void)
{
    static const char *const paths[] = {"/web/",
                                        "/web/../notifier.c",
                                        "/web/%2e%2e/etc/passwd",
                                        "/web//etc/passwd",
                                        "/etc/passwd",
                                        "/web/base.css/",
                                        "/courier/",
                                        "//"};
    struct rig *r = rig_new();

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        CU_ASSERT_EQUAL(ask_for(r, 10 + i, "GET", paths[i], NULL, "")->e.status, 404);
    CU_ASSERT_EQUAL(ask_for(r, 30, "POST", "/courier", NULL, "")->e.status, 405);
    rig_free(r);
}

static struct rig *
rig_with(const char *name, const char *value, enum lc_err *err)
{
    const struct config_item items[] = {{SLICE_LIT("city"), SLICE_LIT("bal")},
                                        {SLICE_LIT("city-secret"), SLICE_LIT(RIG_SECRET)},
                                        {slice_str(name), slice_str(value)},
                                        {SLICE_LIT("tiles-credit"), SLICE_LIT("\"us\"")}};
    const struct config config = {items, 4};
    struct event start = {.kind = EVENT_START, .config = &config};
    struct rig *r = calloc(1, sizeof *r);

    r->stepper = stepper_new(&notifier_service);
    *err = stepper_feed(r->stepper, &start);
    return r;
}

static void
test_tiles_come_from_the_host_that_was_named_and_no_other(void)
{
    static const char url[] = "https://tiles.example:8443/a/{z}/{x}/{y}.png?k=1";
    enum lc_err err;
    struct rig *plain = rig_new();
    struct rig *r = rig_with("tiles", url, &err);

    CU_ASSERT_STRING_EQUAL(ask_for(plain, 10, "GET", "/web/tiles.json", NULL, "")->bytes, "{}\n");
    CU_ASSERT_EQUAL(err, LC_OK);
    const struct rig_sent *s = ask_for(r, 10, "GET", "/web/tiles.json", NULL, "");
    CU_ASSERT_STRING_EQUAL(s->bytes,
                           "{\"url\":\"https://tiles.example:8443/a/{z}/{x}/{y}.png?k=1\","
                           "\"credit\":\"\\\"us\\\"\"}");
    s = ask_for(r, 11, "GET", "/ops", NULL, "");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(s->extra, "img-src 'self' data: https://tiles.example:8443; connect-src 'self'"));
    CU_ASSERT_EQUAL(ask_for(r, 12, "GET", "/web/city.geojson", NULL, "")->e.status, 404);
    rig_free(r);
    rig_free(plain);
}

/* if_none_match: the header that a browser sends back of this answer. */
static void
if_none_match(const struct rig_sent *s, char line[96])
{
    const char *at = strstr(s->extra, "ETag: ");

    snprintf(line, 96, "If-None-Match: %.*s", at == NULL ? 0 : (int)strcspn(at + 6, "\r"),
             at == NULL ? "" : at + 6);
}

static void
test_page_that_is_known_by_another_policy_is_sent_again(void)
{
    enum lc_err err;
    char before[96], now[96];
    struct rig *plain = rig_new();
    struct rig *r = rig_with("tiles", "https://tiles.example/{z}/{x}/{y}.png", &err);

    if_none_match(ask_for(plain, 10, "GET", "/ops", NULL, ""), before);
    if_none_match(ask_for(r, 10, "GET", "/ops", NULL, ""), now);
    CU_ASSERT_EQUAL(ask_for(r, 11, "GET", "/ops", (const char *[]){before, NULL}, "")->e.status,
                    200);
    CU_ASSERT_EQUAL(ask_for(r, 12, "GET", "/ops", (const char *[]){now, NULL}, "")->e.status, 304);
    CU_ASSERT_EQUAL(ask_for(plain, 12, "GET", "/ops", (const char *[]){now, NULL}, "")->e.status,
                    200);
    rig_free(r);
    rig_free(plain);
}

static void
test_tiles_that_are_no_address_are_refused_at_the_start(void)
{
    static const char *const bad[] = {
        "tiles.example/{z}/{x}/{y}.png",
        "ftp://tiles.example/{z}/{x}/{y}.png",
        "https:///{z}/{x}/{y}.png",
        "https://tiles.example",
        "https://tiles.example/{z}/{x}.png",
        "https://a b/{z}/{x}/{y}.png",
        "https://{s}.tiles.example/{z}/{x}/{y}",
        "https://x; script-src */{z}/{x}/{y}",
        "http://*/{z}/{x}/{y}",
        "https://x\r\nSet-Cookie: a/{z}/{x}/{y}",
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enum lc_err err;
        struct rig *r = rig_with("tiles", bad[i], &err);
        CU_ASSERT_EQUAL(err, LC_EINVAL);
        rig_free(r);
    }
}

static void
test_city_map_is_served_as_it_was_given(void)
{
    static const char text[] = "{\"type\":\"FeatureCollection\",\"features\":[]}";
    const struct config_item items[] = {{SLICE_LIT("city"), SLICE_LIT("bal")},
                                        {SLICE_LIT("city-secret"), SLICE_LIT(RIG_SECRET)},
                                        {SLICE_LIT("city-map"), SLICE_LIT(text)}};
    const struct config config = {items, 3};
    struct event start = {.kind = EVENT_START, .config = &config};
    struct rig *without = rig_new();
    struct rig *r = calloc(1, sizeof *r);

    CU_ASSERT_EQUAL(ask_for(without, 10, "GET", "/web/city.geojson", NULL, "")->e.status, 404);
    rig_free(without);
    r->stepper = stepper_new(&notifier_service);
    rig_feed(r, &start);
    const struct rig_sent *s = ask_for(r, 10, "GET", "/web/city.geojson", NULL, "");
    CU_ASSERT_STRING_EQUAL(s->name, "application/geo+json");
    CU_ASSERT_STRING_EQUAL(s->bytes, text);
    rig_free(r);
}

static void
test_pages_name_only_files_that_are_there(void)
{
    /* every "/web/NAME" in a page or script is a file, but what comes from elsewhere: the map */
    for (size_t i = 0; i < web_files_n; i++) {
        const char *p = web_files[i].plain;
        if (strncmp(web_files[i].name, "leaflet", 7) == 0)
            continue;
        while ((p = memmem(p, (size_t)(web_files[i].plain_end - p), "\"/web/", 6)) != NULL) {
            size_t n = strcspn(p += 6, "\"");
            bool found = n == 12 && memcmp(p, "city.geojson", 12) == 0;
            for (size_t k = 0; k < web_files_n; k++)
                found |= strlen(web_files[k].name) == n && memcmp(web_files[k].name, p, n) == 0;
            CU_ASSERT_TRUE(found);
            if (!found)
                fprintf(stderr, "%s: /web/%.*s\n", web_files[i].name, (int)n, p);
        }
    }
}

static void
test_browser_is_let_in_by_a_subprotocol(void)
{
    struct rig *r = rig_new();
    struct header_field fields[] = {{SLICE_LIT("Sec-WebSocket-Protocol"),
                                     SLICE_LIT("lifecircle.v1.json, lifecircle.token." TOKEN)}};
    struct http_event http = {.method = SLICE_LIT("GET"),
                              .path = SLICE_LIT("/v1/courier"),
                              .headers = fields,
                              .n_headers = 1,
                              .upgrade = true};
    struct event ev = {.kind = EVENT_HTTP, .ref = 10, .http = &http};

    rig_courier(r, 1, TOKEN, false);
    rig_feed(r, &ev);
    const struct rig_sent *s = rig_last(r, EFFECT_SOCKET_ACCEPT, 10);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_STRING_EQUAL(s->name, "lifecircle.v1.json"); /* the token does not come back */

    /* a browser is not told why a handshake failed: so it is let in and shown out */
    rig_courier(r, 1, TOKEN, true);
    ev.ref = 11;
    rig_feed(r, &ev);
    s = rig_last(r, EFFECT_SOCKET_CLOSE, 11);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(s->e.status, 4003);
    rig_free(r);
}

/* ---- customers ---- */

static void
path_of(struct rig *r, int i, const char *what, char path[80])
{
    char token[TRACKING_TEXT];

    tracking_token(&rig_core(r)->secret, r->order[i], token);
    snprintf(path, 80, "/t/%s%s", token, what);
}

static void
test_tracking_link_is_a_page_for_browsers_and_data_for_others(void)
{
    static const char *const browser[] = {"Accept: text/html,application/xhtml+xml", NULL};
    struct rig *r = rig_new();
    char path[80];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    path_of(r, 0, "", path);
    CU_ASSERT_STRING_EQUAL(ask_for(r, 10, "GET", path, browser, "")->name,
                           "text/html; charset=utf-8");
    const struct rig_sent *s = ask_for(r, 11, "GET", path, NULL, "");
    CU_ASSERT_STRING_EQUAL(s->name, "application/json");
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"can_cancel\":true"));
    rig_free(r);
}

static void
test_customer_cancels_while_the_goods_are_in_the_store(void)
{
    static const char *const json[] = {"Content-Type: application/json", NULL};
    struct rig *r = rig_new();
    char path[80];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    path_of(r, 0, "/cancel", path);
    CU_ASSERT_EQUAL(ask_for(r, 10, "POST", path, NULL, "{}")->e.status, 415);
    CU_ASSERT_EQUAL(ask_for(r, 11, "POST", "/t/x/cancel", json, "{}")->e.status, 404);
    r->step = STEP_DONE;
    CU_ASSERT_EQUAL(ask_for(r, 12, "POST", path, json, "{}")->e.status, 200);
    CU_ASSERT_STRING_EQUAL(r->stepped, "cancel 20 customer");
    r->step = STEP_NOT_ALLOWED;
    CU_ASSERT_EQUAL(ask_for(r, 13, "POST", path, json, "{}")->e.status, 409);
    r->redis_dead = true;
    CU_ASSERT_EQUAL(ask_for(r, 14, "POST", path, json, "{}")->e.status, 503);
    rig_free(r);
}

static void
test_customer_rates_with_stars(void)
{
    static const char *const json[] = {"Content-Type: application/json", NULL};
    struct rig *r = rig_new();
    char path[80];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__DELIVERED, 0, 1);
    path_of(r, 0, "/rating", path);
    const struct rig_sent *s = ask_for(r, 10, "POST", path, json, "{\"stars\":6}");
    CU_ASSERT_EQUAL(s->e.status, 422);
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "stars"));
    CU_ASSERT_EQUAL(
        ask_for(r, 11, "POST", path, json, "{\"stars\":5,\"comment\":\"warm\"}")->e.status, 200);
    rig_free(r);
}

static void
test_collection_code_is_drawn(void)
{
    struct rig *r = rig_new();
    char path[80];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    path_of(r, 0, "/code.svg", path);
    const struct rig_sent *s = ask_for(r, 10, "GET", path, NULL, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_STRING_EQUAL(s->name, "image/svg+xml");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(s->bytes, "viewBox=\"0 0 29 29\"")); /* version 1 and its margin */
    rig_free(r);
}

UNIT_MAIN("notifier pages", UNIT(test_page_is_served_with_its_type_and_a_policy),
          UNIT(test_page_is_compressed_for_who_takes_it),
          UNIT(test_page_that_is_known_is_not_sent_again),
          UNIT(test_nothing_but_the_pages_can_be_had),
          UNIT(test_tiles_come_from_the_host_that_was_named_and_no_other),
          UNIT(test_page_that_is_known_by_another_policy_is_sent_again),
          UNIT(test_tiles_that_are_no_address_are_refused_at_the_start),
          UNIT(test_city_map_is_served_as_it_was_given),
          UNIT(test_pages_name_only_files_that_are_there),
          UNIT(test_browser_is_let_in_by_a_subprotocol),
          UNIT(test_tracking_link_is_a_page_for_browsers_and_data_for_others),
          UNIT(test_customer_cancels_while_the_goods_are_in_the_store),
          UNIT(test_customer_rates_with_stars), UNIT(test_collection_code_is_drawn))
