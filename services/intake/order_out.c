/* Orders as JSON. The answer to a creation holds only what the record says of its placing, which
 * never changes: so the same request, sent again however late, gets the same bytes. */
#include "core.h"

#include <stdio.h>

static const char *
fulfilment_name(const struct record *r)
{
    return (r->flags & RECORD_COLLECTION) != 0 ? "collection" : "delivery";
}

static void
put_time(struct json_out *w, const char *key, int64_t ms)
{
    if (ms > 0)
        json_out_time(w, key, ms);
}

static void
put_store(struct intake *in, struct json_out *w, uint32_t number)
{
    const struct catalogue_store *s = catalogue_store(in->catalogue, number);

    if (s == NULL)
        return;
    json_out_object(w, "store");
    json_out_cstr(w, "id", s->store_id);
    json_out_cstr(w, "name", s->name);
    json_out_e7(w, "lat", s->at.lat_e7);
    json_out_e7(w, "lng", s->at.lng_e7);
    json_out_end(w);
}

static struct slice
sku_name(struct intake *in, uint32_t chain, uint32_t index)
{
    struct catalogue_sku sku;

    return catalogue_sku(in->catalogue, chain, index, &sku) ? slice_str(sku.sku)
                                                            : (struct slice){NULL, 0};
}

/* What was taken; with `all` also lines of which nothing was. */
static void
put_lines(struct intake *in, struct json_out *w, const struct record *r)
{
    struct record_line l;

    json_out_array(w, "lines");
    for (size_t i = 0; record_line_at(r, i, &l); i++) {
        uint32_t sku = l.substitute == 0 ? l.sku_index : l.substitute - 1;
        bool placed = r->store != 0;
        json_out_object(w, NULL);
        json_out_str(w, "sku", sku_name(in, r->chain, sku));
        json_out_uint(w, "quantity", placed ? l.taken : l.quantity);
        if (placed && l.taken != l.quantity)
            json_out_uint(w, "ordered", l.quantity);
        if (l.substitute != 0)
            json_out_str(w, "substitute_for", sku_name(in, r->chain, l.sku_index));
        if (placed) {
            json_out_uint(w, "unit_price", l.price_cents);
            json_out_uint(w, "line_total", (uint64_t)l.taken * l.price_cents);
        }
        json_out_end(w);
    }
    json_out_end(w);
}

static void
put_placing(struct intake *in, struct json_out *w, const struct record *r)
{
    const Lifecircle__V1__Chain *chain = catalogue_chain(in->catalogue, r->chain);
    bool placed = r->store != 0;

    if (placed)
        put_store(in, w, r->store);
    json_out_object(w, "window");
    put_time(w, "start", r->window_start_ms);
    put_time(w, "end", r->window_end_ms);
    json_out_end(w);
    if (placed) {
        put_time(w, "ready_at", r->ready_ms);
        put_time(w, "eta", r->eta_ms);
        if ((r->flags & RECORD_COLLECTION) == 0) {
            json_out_object(w, "courier_promise");
            put_time(w, "pickup_at", r->ready_ms);
            put_time(w, "dropoff_at", r->eta_ms);
            json_out_end(w);
        }
    }
    if (chain != NULL)
        json_out_cstr(w, "currency", chain->currency);
    if (placed)
        json_out_int(w, "total", r->total_cents);
    put_lines(in, w, r);
    if (placed)
        json_out_bool(w, "price_differs", (r->flags & RECORD_PRICE_DIFFERS) != 0);
}

static void
put_tracking(struct intake *in, struct json_out *w, struct uuid id)
{
    char token[TRACKING_TEXT], url[TRACKING_TEXT + 4];

    tracking_token(&in->secret, id, token);
    snprintf(url, sizeof url, "/t/%s", token);
    json_out_cstr(w, "tracking_url", url);
}

static void
put_names(struct json_out *w, struct uuid id, const char *external_id, const char *status,
          const struct record *r)
{
    char text[UUID_TEXT];

    uuid_format(id, text);
    json_out_cstr(w, "order_id", text);
    json_out_cstr(w, "external_order_id", external_id);
    json_out_cstr(w, "status", status);
    if (r->reason != 0 && r->store == 0)
        json_out_cstr(w, "reason", record_reason_name(r->reason));
    json_out_cstr(w, "fulfilment", fulfilment_name(r));
    json_out_bool(w, "simulated", (r->flags & RECORD_SIMULATED) != 0);
}

static void
render_quote(struct intake *in, struct json_out *w, const struct verdict *v)
{
    const Lifecircle__V1__MatchResult *m = v->quote;
    const Lifecircle__V1__Chain *chain = catalogue_chain(in->catalogue, v->chain);
    bool serviceable = m->store != 0 && m->reason == LIFECIRCLE__V1__REASON__REASON_NONE;
    int64_t total = 0;

    json_out_object(w, NULL);
    json_out_bool(w, "serviceable", serviceable);
    if (!serviceable)
        json_out_cstr(w, "reason", record_reason_name(m->reason));
    if (v->external_id[0] != '\0')
        json_out_cstr(w, "external_order_id", v->external_id);
    if (m->store != 0) {
        put_store(in, w, m->store);
        put_time(w, "ready_at", m->ready_ms);
        put_time(w, "eta", m->eta_ms);
        json_out_array(w, "lines");
        for (size_t i = 0; i < m->n_lines; i++) {
            const Lifecircle__V1__PlacedLine *l = m->lines[i];
            json_out_object(w, NULL);
            json_out_str(w, "sku", sku_name(in, v->chain, l->sku_index));
            json_out_uint(w, "quantity", l->quantity);
            if (l->substitute_for != 0)
                json_out_str(w, "substitute_for", sku_name(in, v->chain, l->substitute_for - 1));
            json_out_int(w, "unit_price", l->unit_price_cents);
            json_out_int(w, "line_total", l->unit_price_cents * l->quantity);
            json_out_end(w);
            total += l->unit_price_cents * l->quantity;
        }
        json_out_end(w);
        json_out_int(w, "total", total);
    }
    if (chain != NULL)
        json_out_cstr(w, "currency", chain->currency);
    located_render(w, &v->place);
    json_out_end(w);
}

void
order_render(struct intake *in, struct json_out *w, const struct verdict *v)
{
    const struct record *r = v->record;

    if (v->quote != NULL) {
        render_quote(in, w, v);
        return;
    }
    json_out_object(w, NULL);
    put_names(w, *v->id, v->external_id, r->store != 0 ? "placed" : record_state_name(r->state), r);
    located_render(w, &v->place);
    put_placing(in, w, r);
    put_tracking(in, w, *v->id);
    json_out_end(w);
}

/* ---- with its history ---- */

static void
put_timeline(struct json_out *w, const struct record *r)
{
    bool told[RECORD_STATES + 1] = {false};

    json_out_array(w, "timeline");
    for (;;) {
        int next = 0;
        for (int s = 1; s <= RECORD_STATES; s++)
            if (!told[s] && r->entered_ms[s] != 0 &&
                (next == 0 || r->entered_ms[s] < r->entered_ms[next]))
                next = s;
        if (next == 0)
            break;
        told[next] = true;
        json_out_object(w, NULL);
        json_out_cstr(w, "status", record_state_name((unsigned)next));
        json_out_time(w, "at", r->entered_ms[next]);
        json_out_end(w);
    }
    json_out_end(w);
}

static void
put_trace(struct json_out *w, struct uuid id, const Lifecircle__V1__Order *order)
{
    struct traceparent t;
    char text[TRACE_ID_TEXT];

    traceparent_of_order(id, order->traceparent, &t);
    trace_id_format(&t, text);
    json_out_cstr(w, "trace_id", text);
}

void
order_render_full(struct intake *in, struct json_out *w, struct uuid id, const struct record *r,
                  const Lifecircle__V1__Order *order)
{
    const Lifecircle__V1__Courier *courier = catalogue_courier(in->catalogue, r->courier);
    const struct located place = located_of(order);

    json_out_object(w, NULL);
    put_names(w, id, order->external_order_id, record_state_name(r->state), r);
    if (r->reason != 0 && r->store != 0)
        json_out_cstr(w, "reason", record_reason_name(r->reason));
    json_out_time(w, "created_at", order->created_ms);
    put_trace(w, id, order);
    located_render(w, &place);
    put_placing(in, w, r);
    put_time(w, "live_eta", r->live_eta_ms);
    if (courier != NULL) {
        json_out_object(w, "courier");
        json_out_cstr(w, "id", courier->courier_id);
        json_out_end(w);
    }
    put_timeline(w, r);
    put_tracking(in, w, id);
    json_out_end(w);
}

/* ---- refusals ---- */

/* RFC 9457 with our own members: order_id and reason of a rejected order, the store's prices of a
 * refused one. */
void
verdict_problem(struct intake *in, struct buf *b, const struct verdict *v)
{
    char id[UUID_TEXT];
    const struct problem p = {.status = v->status,
                              .code = v->code,
                              .detail = v->detail,
                              .errors = v->errors,
                              .error_n = v->error_n};

    problem_write(b, &p);
    if (v->record == NULL || b->failed || b->n == 0)
        return;

    struct json_out w = json_out_to(b);
    b->n--; /* reopens the object: its last byte is the brace */
    w.depth = 1;
    w.objects = w.filled = 1U << 1;
    if (v->status == 409) {
        put_store(in, &w, v->record->store);
        json_out_array(&w, "lines");
        struct record_line l;
        for (size_t i = 0; record_line_at(v->record, i, &l); i++) {
            json_out_object(&w, NULL);
            json_out_str(&w, "sku", sku_name(in, v->record->chain, l.sku_index));
            json_out_uint(&w, "quantity", l.quantity);
            json_out_uint(&w, "unit_price", l.price_cents);
            json_out_end(&w);
        }
        json_out_end(&w);
    } else {
        uuid_format(*v->id, id);
        json_out_cstr(&w, "order_id", id);
        json_out_cstr(&w, "reason", record_reason_name(v->record->reason));
    }
    json_out_end(&w);
}
