/* ops_detail: one order as an operator opens it: what it is, its history, why this store and not
 * the others, what the customer said; finding orders; a store's zone. Each part is a message of its
 * own, as its read is answered. */
#include "notifier/ops.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHAINS_TO_LOOK_IN = 1000 };

static void
read_one(struct notifier *n, const struct event *ev, struct outbox *out, enum ask_kind kind,
         uint64_t conn, struct uuid order)
{
    struct ask a = {.kind = kind, .conn = conn, .order = order};
    struct arena *m = ev->arena;
    char id[UUID_TEXT];

    uuid_format(order, id);
    struct slice whole[] = {SLICE_LIT("FCALL_RO"), SLICE_LIT("order_read"),
                            SLICE_LIT("1"),        slice_str(arena_printf(m, "{%s}", n->city)),
                            SLICE_LIT("1"),        slice_str(id)};
    struct slice history[] = {SLICE_LIT("LRANGE"),
                              redis_key(n, m, arena_printf(m, "history:%s", id)), SLICE_LIT("0"),
                              SLICE_LIT("-1")};
    struct slice decision[] = {SLICE_LIT("GET"),
                               redis_key(n, m, arena_printf(m, "explain:%s", id))};
    struct slice dispatch[] = {SLICE_LIT("GET"),
                               redis_key(n, m, arena_printf(m, "dispatch:%s", id))};
    struct slice rating[] = {SLICE_LIT("HGET"), redis_key(n, m, "ratings"), slice_str(id)};

    if (kind == ASK_ORDER)
        (void)ask_redis(n, out, &a, whole, 6);
    else if (kind == ASK_HISTORY)
        (void)ask_redis(n, out, &a, history, 4);
    else if (kind == ASK_DECISION)
        (void)ask_redis(n, out, &a, decision, 2);
    else if (kind == ASK_DISPATCH)
        (void)ask_redis(n, out, &a, dispatch, 2);
    else
        (void)ask_redis(n, out, &a, rating, 3);
}

void
ops_detail(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
           struct uuid order)
{
    read_one(n, ev, out, ASK_ORDER, conn, order);
    read_one(n, ev, out, ASK_HISTORY, conn, order);
    read_one(n, ev, out, ASK_DECISION, conn, order);
    read_one(n, ev, out, ASK_DISPATCH, conn, order);
    read_one(n, ev, out, ASK_RATING, conn, order);
    ops_ask_ruling(n, ev, out, conn, order);
    proof_list(n, ev, out, conn, order);
}

void
ops_zone(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
         uint32_t store)
{
    struct ask a = {.kind = ASK_ZONE, .conn = conn, .store = store};
    struct slice argv[] = {SLICE_LIT("HGET"), redis_key(n, ev->arena, "stores"),
                           redis_number(ev->arena, store)};

    (void)ask_redis(n, out, &a, argv, 3);
}

/* ops_find: an order id, CHAIN/EXTERNAL_ID, or an external id of any chain. */
void
ops_find(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
         struct slice text)
{
    struct ask a = {.kind = ASK_FIND, .conn = conn};
    const char *slash = memchr(text.p, '/', text.n);
    size_t before = slash == NULL ? 0 : (size_t)(slash - text.p);
    uint32_t end = catalogue_chain_end(n->catalogue);
    struct slice *argv = arena_array(ev->arena, (size_t)end + 4, sizeof *argv);
    size_t argc = 1;
    struct uuid id;

    if (argv == NULL)
        return;
    argv[0] = SLICE_LIT("MGET");
    if (uuid_parse(text, &id) == LC_OK)
        argv[argc++] = order_key(n, ev->arena, id);
    for (uint32_t i = 1; i < end && argc < CHAINS_TO_LOOK_IN; i++) {
        const Lifecircle__V1__Chain *c = catalogue_chain(n->catalogue, i);
        if (c == NULL)
            continue;
        argv[argc++] = order_key(n, ev->arena, uuid_order(i, text));
        if (slash != NULL && argc < (size_t)end + 3 &&
            slice_eq_str(slice_of(text.p, before), c->chain_id))
            argv[argc++] =
                order_key(n, ev->arena, uuid_order(i, slice_of(slash + 1, text.n - before - 1)));
    }
    if (argc > 1)
        (void)ask_redis(n, out, &a, argv, argc);
}

/* ---- answers ---- */

static void
write_lines(const struct notifier *n, struct json_out *w, const struct record *r)
{
    json_out_array(w, "lines");
    for (size_t i = 0; i < r->n_lines; i++) {
        struct record_line line;
        struct catalogue_sku sku = {0};
        if (!record_line_at(r, i, &line))
            continue;
        uint32_t index = line.substitute != 0 ? line.substitute - 1 : line.sku_index;
        json_out_object(w, NULL);
        if (catalogue_sku(n->catalogue, r->chain, index, &sku))
            json_out_cstr(w, "sku", sku.sku);
        json_out_uint(w, "quantity", line.quantity);
        json_out_uint(w, "taken", line.taken);
        json_out_end(w);
    }
    json_out_end(w);
}

static void
write_order(const struct notifier *n, struct json_out *w, const struct event *ev)
{
    struct record r;
    const Lifecircle__V1__Order *order =
        ev->reply->n == 2 ? read_whole_order(n, ev->reply->items, ev->arena, &r) : NULL;

    if (order == NULL)
        return;
    json_out_object(w, "order");
    ops_write_order(n, w, &r, order);
    json_out_cstr(w, "address", order->address);
    json_out_cstr(w, "precision", record_precision_name(order->precision));
    json_out_uint(w, "error_m", order->address_error_m);
    json_out_cstr(w, "currency", order->currency);
    json_out_int(w, "total", r.total_cents);
    json_out_int(w, "window_start", r.window_start_ms);
    json_out_int(w, "hold_until", r.hold_until_ms);
    json_out_int(w, "promised_eta", r.eta_ms);
    write_lines(n, w, &r);
    json_out_array(w, "stamps");
    for (unsigned s = 1; s <= RECORD_STATES; s++) {
        if (r.entered_ms[s] == 0)
            continue;
        json_out_object(w, NULL);
        json_out_cstr(w, "status", record_state_name(s));
        json_out_int(w, "at", r.entered_ms[s]);
        json_out_end(w);
    }
    json_out_end(w);
    json_out_end(w);
}

static void
write_history(const struct notifier *n, struct json_out *w, const struct event *ev)
{
    json_out_array(w, "history");
    for (size_t i = 0; i < ev->reply->n; i++) {
        struct record_history h;
        if (record_history_read(ev->reply->items[i].str, &h) != LC_OK)
            continue;
        const Lifecircle__V1__Courier *c = catalogue_courier(n->catalogue, h.courier);
        json_out_object(w, NULL);
        json_out_int(w, "at", h.time_ms);
        json_out_cstr(w, "status", record_state_name(h.state));
        if (h.reason != 0)
            json_out_cstr(w, "reason", record_reason_name(h.reason));
        if (c != NULL)
            json_out_cstr(w, "courier", c->name);
        json_out_uint(w, "store", h.store);
        json_out_str(w, "words", h.words);
        json_out_end(w);
    }
    json_out_end(w);
}

static void
write_candidate(const struct notifier *n, struct json_out *w, const Lifecircle__V1__Candidate *c)
{
    const struct catalogue_store *s = catalogue_store(n->catalogue, c->store);

    json_out_object(w, NULL);
    json_out_uint(w, "store", c->store);
    json_out_cstr(w, "name", s == NULL ? "" : s->name);
    json_out_uint(w, "travel_s", c->travel_s);
    json_out_int(w, "ready", c->ready_ms);
    json_out_int(w, "courier", c->courier_ms);
    json_out_int(w, "arrival", c->arrival_ms);
    json_out_int(w, "margin_ms", c->margin_ms);
    if (c->verdict != LIFECIRCLE__V1__REASON__REASON_NONE)
        json_out_cstr(w, "verdict", record_reason_name(c->verdict));
    json_out_int(w, "missed_by", c->missed_by);
    json_out_end(w);
}

static void
write_decision(const struct notifier *n, struct json_out *w, const struct event *ev)
{
    const Lifecircle__V1__DecisionRecord *d =
        ev->reply->kind != REPLY_STRING
            ? NULL
            : wire_unpack(&lifecircle__v1__decision_record__descriptor, ev->arena, ev->reply->str);

    if (d == NULL) {
        json_out_null(w, "decision");
        return;
    }
    json_out_object(w, "decision");
    json_out_int(w, "decided", d->decided_ms);
    json_out_bool(w, "estimate", d->estimate);
    json_out_bool(w, "soonest", d->ranking == LIFECIRCLE__V1__RANKING__SOONEST);
    json_out_uint(w, "considered", d->stores_considered);
    json_out_uint(w, "attempt", d->attempt);
    json_out_array(w, "candidates");
    for (size_t i = 0; i < d->n_candidates; i++)
        write_candidate(n, w, d->candidates[i]);
    json_out_end(w);
    json_out_array(w, "stock");
    for (size_t i = 0; i < d->n_stock; i++) {
        json_out_object(w, NULL);
        json_out_uint(w, "candidate", d->stock[i]->candidate);
        json_out_bool(w, "all", d->stock[i]->missing_sku < 0);
        json_out_int(w, "available", d->stock[i]->available);
        json_out_uint(w, "wanted", d->stock[i]->wanted);
        json_out_end(w);
    }
    json_out_end(w);
    json_out_end(w);
}

static void
write_rating(struct json_out *w, struct slice s)
{
    if (s.n < 9)
        return;
    json_out_object(w, "rating");
    json_out_uint(w, "stars", (uint8_t)s.p[0]);
    json_out_int(w, "at", (int64_t)bytes_u64(s.p + 1));
    json_out_str(w, "comment", slice_of(s.p + 9, s.n - 9));
    json_out_end(w);
}

static void
write_found(const struct notifier *n, struct json_out *w, const struct event *ev)
{
    json_out_array(w, "orders");
    for (size_t i = 0; i < ev->reply->n; i++) {
        struct record r;
        const Lifecircle__V1__Order *order = read_order(ev->reply->items[i].str, ev->arena, &r);
        if (order == NULL)
            continue;
        json_out_object(w, NULL);
        ops_write_order(n, w, &r, order);
        json_out_end(w);
    }
    json_out_end(w);
}

/* write_zone: rings of [lat, lng], as Leaflet takes a polygon's: the first is the outside. */
static void
write_zone(struct json_out *w, const struct event *ev)
{
    const Lifecircle__V1__Store *s =
        ev->reply->kind != REPLY_STRING
            ? NULL
            : wire_unpack(&lifecircle__v1__store__descriptor, ev->arena, ev->reply->str);
    bool open = false;

    json_out_array(w, "polygons");
    for (size_t i = 0; s != NULL && i < s->n_zone; i++) {
        const Lifecircle__V1__Ring *ring = s->zone[i];
        if (open && !ring->hole)
            json_out_end(w);
        if (!ring->hole || !open)
            json_out_array(w, NULL);
        open = true;
        json_out_array(w, NULL);
        for (size_t k = 0; k + 1 < ring->n_e7; k += 2) {
            json_out_array(w, NULL);
            json_out_e7(w, NULL, ring->e7[k]);
            json_out_e7(w, NULL, ring->e7[k + 1]);
            json_out_end(w);
        }
        json_out_end(w);
    }
    if (open)
        json_out_end(w);
    json_out_end(w);
}

void
ops_detail_answer(struct notifier *n, const struct ask *a, const struct event *ev,
                  struct outbox *out)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);
    char id[UUID_TEXT];

    if (a->conn == 0 || ev->reply->kind == REPLY_LOST || ev->reply->kind == REPLY_ERROR)
        return; /* the page asks again when it is live again */
    uuid_format(a->order, id);
    json_out_object(&w, NULL);
    json_out_cstr(&w, "type",
                  a->kind == ASK_FIND     ? "found"
                  : a->kind == ASK_ZONE   ? "zone"
                  : a->kind == ASK_FROZEN ? "courier"
                                          : "order");
    if (a->kind == ASK_ZONE)
        json_out_uint(&w, "store", a->store);
    else if (a->kind == ASK_FROZEN)
        json_out_uint(&w, "courier", a->store);
    else if (a->kind != ASK_FIND)
        json_out_cstr(&w, "order_id", id);
    if (a->kind == ASK_ORDER)
        write_order(n, &w, ev);
    else if (a->kind == ASK_HISTORY)
        write_history(n, &w, ev);
    else if (a->kind == ASK_DECISION)
        write_decision(n, &w, ev);
    else if (a->kind == ASK_DISPATCH)
        ops_write_dispatch(n, &w, ev);
    else if (a->kind == ASK_RATING)
        write_rating(&w, ev->reply->str);
    else if (a->kind == ASK_RULING)
        ops_write_ruling(&w, ev->reply->str);
    else if (a->kind == ASK_FROZEN)
        json_out_bool(&w, "frozen", ev->reply->integer == 1);
    else if (a->kind == ASK_FIND)
        write_found(n, &w, ev);
    else
        write_zone(&w, ev);
    json_out_end(&w);
    ops_tell(n, out, a->conn, &b);
}
