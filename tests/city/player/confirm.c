/* The chains and their orders by address alone: what they hear of where those go, and what they
 * say when nobody could find it. */
#include "play.h"

#include "base/record.h"

#include "order.pb-c.h"

#include <stdlib.h>

enum {
    ASK_CUSTOMER_MS = 2 * 60000, /* city time: the chain rings its customer up */
    RING_MS = 3 * 60000,         /* and at most so much longer */
    AGAIN_MS = 500,
};

static bool
degrees_at(const struct json_value *v, const char *key, double *out)
{
    const struct json_value *d = json_value_get(v, key);

    if (d == NULL || (d->kind != JSON_KIND_REAL && d->kind != JSON_KIND_INT))
        return false;
    *out = d->kind == JSON_KIND_REAL ? d->real : (double)d->integer;
    return true;
}

static void
learn_place(struct order *o, const struct json_value *dropoff)
{
    char precision[16] = "";
    double lat, lng;
    struct latlng at;

    if (!text_at(dropoff, "precision", precision, sizeof precision) ||
        !degrees_at(dropoff, "lat", &lat) || !degrees_at(dropoff, "lng", &lng) ||
        !geo_of_degrees(lat, lng, &at))
        return;
    if (strcmp(precision, "exact") == 0 || strcmp(precision, "interpolated") == 0) {
        o->found = true;
        o->off_m = city_metres(o->of->dropoff, at);
    } else if (strcmp(precision, "confirmed") == 0) {
        o->confirmed = true;
        o->off_m = city_metres(o->of->dropoff, at);
    } else {
        o->not_found = true;
    }
}

void
confirm_learn(struct play *p, struct order *o, const struct json_value *v)
{
    char status[32] = "", reason[32] = "";

    if (o->door == DOOR_PLACE)
        return;
    learn_place(o, json_value_get(v, "dropoff"));
    (void)text_at(v, "status", status, sizeof status);
    (void)text_at(v, "reason", reason, sizeof reason);
    if (strcmp(status, "held") != 0 || strcmp(reason, "address_not_confirmed") != 0)
        return;
    o->not_found = true;
    if (o->confirm_ms == 0)
        o->confirm_ms = clock_ms() + real_ms(p, ASK_CUSTOMER_MS + chance(p, RING_MS));
}

static void
confirm_done(void *ctx, uint64_t tag, int status, struct slice body, int64_t took_us)
{
    struct play *p = ctx;
    struct order *o = &p->order[tag];

    (void)body;
    (void)took_us;
    if (status == 0 || status == 408 || status == 429 || status >= 500) {
        o->confirm_ms = clock_ms() + AGAIN_MS;
        p->tally.retries++;
        return;
    }
    /* 409: the customer has changed her mind meanwhile; 422: no store can any more */
    if (status != 201 && status != 202 && status != 409 && status != 422 && p->tally.errors++ < 5)
        fprintf(stderr, "\n%s: cannot be confirmed: %d %.*s\n", o->of->external_id, status,
                (int)body.n, body.p);
    o->look_ms = clock_ms();
}

void
confirm_tick(struct play *p, struct order *o)
{
    char path[80];
    struct buf body = {0};

    if (o->confirm_ms == 0 || clock_ms() < o->confirm_ms || o->id[0] == '\0')
        return;
    o->confirm_ms = INT64_MAX; /* said; unless it must be said again */
    snprintf(path, sizeof path, "/v1/orders/%s/confirm-address", o->id);
    buf_printf(&body, "{\"lat\":%.7f,\"lng\":%.7f}", o->of->dropoff.lat_e7 * 1e-7,
               o->of->dropoff.lng_e7 * 1e-7);
    if (body.failed)
        give_up("out of memory");
    const struct caller_request r = {.method = "POST",
                                     .path = path,
                                     .token = p->chain[o->chain].key,
                                     .type = "application/json",
                                     .body = buf_slice(&body),
                                     .done = confirm_done,
                                     .ctx = p,
                                     .tag = (uint64_t)(o - p->order)};
    caller_send(p->to_intake, &r);
    buf_free(&body);
}
