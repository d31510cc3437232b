/* Shops and orders. */
#include "town.h"

#include <stdio.h>

struct shop {
    struct town *t;
    const char *method;
    const char *target;
    const char *headers;
    struct slice body;
};

static bool
shop_taken(void *ctx)
{
    struct shop *s = ctx;
    struct town_answer a = town_http(s->t, s->t->intake, s->method, s->target, s->headers, s->body);
    int status = a.status;

    if (status != 200 && status != 401 && status != 503)
        fprintf(stderr, "%s: %d %s\n", s->target, status, a.body);
    town_answer_free(&a);
    return status == 200;
}

void
town_shop(struct town *t, const char *store_id, double lat, double lng, int prep_s,
          const char *stock)
{
    struct buf b = {0};
    const double d = 0.03;

    buf_printf(
        &b,
        "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[%.7f,%.7f]},"
        "\"properties\":{\"store_id\":\"%s\",\"name\":\"%s\",\"prep_seconds\":%d,"
        "\"collects\":true,\"zone\":{\"type\":\"Polygon\",\"coordinates\":[[[%.7f,%.7f],"
        "[%.7f,%.7f],[%.7f,%.7f],[%.7f,%.7f],[%.7f,%.7f]]]}}}",
        lng, lat, store_id, store_id, prep_s, lng - d, lat - d, lng + d, lat - d, lng + d, lat + d,
        lng - d, lat + d, lng - d, lat - d);
    struct shop put = {t, "PUT", "/v1/stores", "Content-Type: application/geo+json\r\n",
                       buf_slice(&b)};
    town_wait(shop_taken, &put);
    buf_reset(&b);
    buf_str(&b, "store_id,sku,quantity,price\n");
    while (*stock != '\0') {
        size_t n = strcspn(stock, "\n") + 1;
        buf_printf(&b, "%s,%.*s", store_id, (int)n, stock);
        stock += n;
    }
    struct shop feed = {t, "POST", "/v1/stock", "Content-Type: text/csv\r\n", buf_slice(&b)};
    town_wait(shop_taken, &feed);
    buf_free(&b);
}

struct town_answer
town_order(struct town *t, const char *json)
{
    return town_http(t, t->intake, "POST", "/v1/orders", "Content-Type: application/json\r\n",
                     slice_str(json));
}

void
town_state(struct town *t, const char *order_id, char out[32])
{
    char target[80];

    snprintf(target, sizeof target, "/v1/orders/%s", order_id);
    struct town_answer a = town_http(t, t->intake, "GET", target, NULL, slice_of(NULL, 0));
    json_t *j = json_loadb(a.body, a.n, 0, NULL);
    snprintf(out, 32, "%s", town_text(j, "status"));
    json_decref(j);
    town_answer_free(&a);
}

/* acknowledged: keeps the id; the same order has the same for ever. */
static void
acknowledged(const struct town_answer *a, char id[UUID_TEXT])
{
    json_t *j = town_json(a);

    if (id[0] != '\0')
        CU_ASSERT_STRING_EQUAL(id, town_text(j, "order_id"));
    snprintf(id, UUID_TEXT, "%s", town_text(j, "order_id"));
    json_decref(j);
}

int
town_collect(struct town *t, const char *external_id, char id[UUID_TEXT])
{
    char json[256];

    snprintf(json, sizeof json,
             "{\"external_order_id\":\"%s\",\"fulfilment\":\"collection\",\"currency\":\"USD\","
             "\"dropoff\":{\"lat\":39.2861,\"lng\":-76.5877},\"customer\":{\"name\":\"Ada\"},"
             "\"lines\":[{\"sku\":\"TEA\",\"quantity\":1}]}",
             external_id);
    struct town_answer a = town_order(t, json);
    int status = a.status;
    if (status == 201 || status == 202)
        acknowledged(&a, id);
    if (status == 503)
        CU_ASSERT_PTR_NOT_NULL(strstr(a.head, "Retry-After:"));
    town_answer_free(&a);
    return status;
}

bool
town_all_placed(void *ctx)
{
    const struct town_placed *all = ctx;
    char state[32];

    for (int i = 0; i < all->n; i++) {
        town_state(all->town, all->ids[i], state);
        if (strcmp(state, "placed") != 0)
            return false;
    }
    return true;
}

json_t *
town_deliver(struct town *t, const char *external_id, double lat, double lng)
{
    char json[512];

    snprintf(json, sizeof json,
             "{\"external_order_id\":\"%s\",\"currency\":\"USD\",\"dropoff\":{\"lat\":%.7f,"
             "\"lng\":%.7f,\"address\":\"1 Boston St\"},\"customer\":{\"name\":\"Grace\",\"phone\":"
             "\"+14105550123\"},\"lines\":[{\"sku\":\"TEA\",\"quantity\":1}]}",
             external_id, lat, lng);
    struct town_answer a = town_order(t, json);
    CU_ASSERT_EQUAL(a.status, 201);
    if (a.status != 201)
        printf("\n    answered %d %s", a.status, a.body);
    json_t *j = town_json(&a);
    town_answer_free(&a);
    return j;
}
