/* lcctl order and explain with --json. Times are RFC 3339, money minor units. */
#include "base/record.h"
#include "lcctl/orders.h"
#include "lcctl/show.h"

static void
write_lines(struct json_out *w, const struct record *r, const struct match_names *n)
{
    json_out_array(w, "lines");
    for (size_t i = 0; i < r->n_lines; i++) {
        struct record_line l;
        if (!record_line_at(r, i, &l))
            continue;
        json_out_object(w, NULL);
        json_out_cstr(w, "sku", n->sku(n->ctx, l.sku_index));
        json_out_uint(w, "quantity", l.quantity);
        json_out_uint(w, "taken", l.taken);
        json_out_uint(w, "unit_price", l.price_cents);
        if (l.substitute != 0)
            json_out_cstr(w, "substitute", n->sku(n->ctx, l.substitute - 1));
        json_out_end(w);
    }
    json_out_end(w);
}

void
history_json(struct ctl *c, struct json_out *w, const redisReply *all, const char *time_name)
{
    json_out_array(w, "history");
    for (size_t i = 0; all != NULL && i < all->elements; i++) {
        struct record_history h;
        if (record_history_read(slice_of(all->element[i]->str, all->element[i]->len), &h) != LC_OK)
            continue;
        json_out_object(w, NULL);
        json_out_time(w, time_name, h.time_ms);
        json_out_cstr(w, "state", record_state_name(h.state));
        if (h.reason != 0)
            json_out_cstr(w, "reason", record_reason_name(h.reason));
        if (h.courier != 0 && c != NULL)
            json_out_cstr(w, "courier", name_courier(c, h.courier));
        else if (h.courier != 0)
            json_out_uint(w, "courier", h.courier);
        if (c != NULL)
            json_out_str(w, "words", h.words);
        json_out_end(w);
    }
    json_out_end(w);
}

static void
write_time(struct json_out *w, const char *name, int64_t ms)
{
    if (ms > 0)
        json_out_time(w, name, ms);
}

int
order_json(struct ctl *c, const char *uuid, const struct record *r,
           const Lifecircle__V1__Order *order, const redisReply *history,
           const struct match_names *n)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "order_id", uuid);
    json_out_cstr(&w, "external_order_id", order == NULL ? NULL : order->external_order_id);
    json_out_cstr(&w, "chain", name_chain(c, r->chain));
    json_out_bool(&w, "simulated", (r->flags & RECORD_SIMULATED) != 0);
    json_out_cstr(&w, "state", record_state_name(r->state));
    if (r->reason != 0)
        json_out_cstr(&w, "reason", record_reason_name(r->reason));
    json_out_uint(&w, "version", r->version);
    if (r->store != 0)
        json_out_cstr(&w, "store", n->store(n->ctx, r->store));
    if (r->courier != 0)
        json_out_cstr(&w, "courier", name_courier(c, r->courier));
    json_out_int(&w, "total", r->total_cents);
    write_time(&w, "created_at", order == NULL ? 0 : order->created_ms);
    write_time(&w, "window_start", r->window_start_ms);
    write_time(&w, "window_end", r->window_end_ms);
    write_time(&w, "ready_at", r->ready_ms);
    write_time(&w, "eta", r->eta_ms);
    write_time(&w, "live_eta", r->live_eta_ms);
    write_lines(&w, r, n);
    json_out_object(&w, "entered");
    for (unsigned state = 1; state <= RECORD_STATES; state++)
        write_time(&w, record_state_name(state), r->entered_ms[state]);
    json_out_end(&w);
    history_json(c, &w, history, "at");
    json_out_end(&w);
    return show_json(&b);
}

static void
write_candidate(struct json_out *w, const Lifecircle__V1__DecisionRecord *d, size_t i,
                const struct match_names *n)
{
    const Lifecircle__V1__Candidate *c = d->candidates[i];

    json_out_object(w, NULL);
    json_out_cstr(w, "store", n->store(n->ctx, c->store));
    json_out_uint(w, "travel_s", c->travel_s);
    write_time(w, "ready_at", c->ready_ms);
    write_time(w, "courier_at", c->courier_ms);
    write_time(w, "arrival", c->arrival_ms);
    json_out_double(w, "margin_s", (double)c->margin_ms / 1000, 1);
    json_out_cstr(
        w, "failed",
        c->verdict == LIFECIRCLE__V1__REASON__REASON_NONE ? NULL : record_reason_name(c->verdict));
    json_out_int(w, "missed_by", c->missed_by);
    for (size_t k = 0; k < d->n_stock; k++) {
        const Lifecircle__V1__StockVerdict *s = d->stock[k];
        if (s->candidate != i)
            continue;
        json_out_object(w, "stock");
        json_out_cstr(w, "missing_sku",
                      s->missing_sku < 0 ? NULL : n->sku(n->ctx, (uint32_t)s->missing_sku));
        json_out_int(w, "available", s->available);
        json_out_uint(w, "wanted", s->wanted);
        json_out_end(w);
    }
    json_out_end(w);
}

int
explain_json(struct ctl *c, const char *uuid, const struct record *r,
             const Lifecircle__V1__DecisionRecord *d, const struct dispatch_view *dispatch,
             const struct match_names *n)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "order_id", uuid);
    json_out_cstr(&w, "state", record_state_name(r->state));
    if (r->reason != 0)
        json_out_cstr(&w, "reason", record_reason_name(r->reason));
    if (r->store != 0)
        json_out_cstr(&w, "store", n->store(n->ctx, r->store));
    if (d != NULL) {
        json_out_time(&w, "decided_at", d->decided_ms);
        json_out_cstr(&w, "ranking",
                      d->ranking == LIFECIRCLE__V1__RANKING__SOONEST ? "soonest" : "nearest");
        json_out_bool(&w, "estimate", d->estimate);
        json_out_bool(&w, "routing_server", d->server);
        json_out_uint(&w, "stores_considered", d->stores_considered);
        json_out_uint(&w, "attempt", d->attempt);
    }
    json_out_array(&w, "candidates");
    for (size_t i = 0; d != NULL && i < d->n_candidates; i++)
        write_candidate(&w, d, i, n);
    json_out_end(&w);
    dispatch_json(c, &w, dispatch);
    json_out_end(&w);
    return show_json(&b);
}
