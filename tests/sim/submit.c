/* submit: an order as protobuf over ZeroMQ, as big chains send it. */
#include "world.h"

#include "base/timestamp.h"

#include <jansson.h>

uint64_t
chains_submit(struct sim *s, struct sim_order *o)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__SubmitRequest request = LIFECIRCLE__V1__SUBMIT_REQUEST__INIT;
    Lifecircle__V1__OrderSubmission order = LIFECIRCLE__V1__ORDER_SUBMISSION__INIT;
    Lifecircle__V1__OrderSubmission *orders[] = {&order};
    Lifecircle__V1__OrderLine lines[4];
    Lifecircle__V1__OrderLine *list[4];
    struct mint mint;
    struct buf b = {0};
    json_t *j = json_loads(o->body, 0, NULL);
    const json_t *drop = json_object_get(j, "dropoff");

    order.external_order_id = o->external;
    order.lat = json_real_value(json_object_get(drop, "lat"));
    order.lng = json_real_value(json_object_get(drop, "lng"));
    order.currency = (char *)(uintptr_t) "USD";
    order.lines = list;
    const char *hold_until = json_string_value(json_object_get(j, "hold_until"));
    if (hold_until != NULL && timestamp_parse(slice_str(hold_until), &order.hold_until_ms) != LC_OK)
        sim_fail(s, "order %s: hold_until is %s", o->external, hold_until);
    const json_t *from = json_object_get(j, "lines");
    for (; order.n_lines < json_array_size(from); order.n_lines++) {
        const json_t *line = json_array_get(from, order.n_lines);
        lifecircle__v1__order_line__init(&lines[order.n_lines]);
        lines[order.n_lines].sku =
            (char *)(uintptr_t)json_string_value(json_object_get(line, "sku"));
        lines[order.n_lines].quantity =
            (uint32_t)json_integer_value(json_object_get(line, "quantity"));
        lines[order.n_lines].unit_price_cents = -1;
        list[order.n_lines] = &lines[order.n_lines];
    }
    request.api_key = s->world->chains[o->chain].key;
    request.orders = orders;
    request.n_orders = 1;
    mint_init(&mint, "chain", SLICE_LIT("sim"), rng_next(&s->world_rng));
    envelope_init(&env, &mint, s->now_ms, s->now_ms + 5000);
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_SUBMIT_REQUEST;
    env.submit_request = &request;
    char *to = buf_reserve(&b, lifecircle__v1__envelope__get_packed_size(&env));
    b.n = lifecircle__v1__envelope__pack(&env, (uint8_t *)to);
    uint64_t conn = sim_frame(s, &o->client, NODE_INTAKE, buf_slice(&b));
    buf_free(&b);
    json_decref(j);
    return conn;
}
