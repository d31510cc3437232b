/* ops_news: what changed, read and told to all operators' pages: orders, couriers with their stops,
 * positions, stores. At most one read of each kind is under way; what changes meanwhile waits in a
 * set, so a rush costs one read per order, not one per event. */
#include "notifier/ops.h"

#include <stdlib.h>

bool
changed_add(struct changed_number **set, uint32_t number)
{
    bool map_failed = false;
    struct changed_number *c;

    HASH_FIND(hh, *set, &number, sizeof number, c);
    if (c != NULL)
        return true;
    c = calloc(1, sizeof *c);
    if (c == NULL)
        return false;
    c->number = number;
    HASH_ADD(hh, *set, number, sizeof c->number, c);
    if (map_failed) {
        free(c);
        return false;
    }
    return true;
}

void
changed_clear(struct changed_number **set)
{
    struct changed_number *c;
    struct changed_number *next;

    HASH_ITER(hh, *set, c, next)
    {
        HASH_DELETE(hh, *set, c);
        free(c);
    }
}

/* ---- orders ---- */

void
ops_write_order(const struct notifier *n, struct json_out *w, const struct record *r,
                const Lifecircle__V1__Order *order)
{
    const Lifecircle__V1__Chain *chain = catalogue_chain(n->catalogue, r->chain);

    json_out_cstr(w, "id", order->order_id);
    json_out_cstr(w, "external", order->external_order_id);
    json_out_cstr(w, "chain", chain == NULL ? "" : chain->chain_id);
    json_out_cstr(w, "status", record_state_name(r->state));
    if (r->reason != 0)
        json_out_cstr(w, "reason", record_reason_name(r->reason));
    json_out_bool(w, "end", record_is_end(r->state));
    json_out_uint(w, "store", r->store);
    json_out_uint(w, "courier", r->courier);
    if (order->dropoff != NULL) {
        json_out_e7(w, "lat", order->dropoff->lat_e7);
        json_out_e7(w, "lng", order->dropoff->lng_e7);
    }
    json_out_bool(w, "collection", (r->flags & RECORD_COLLECTION) != 0);
    json_out_bool(w, "simulated", order->simulated);
    json_out_int(w, "created", order->created_ms);
    json_out_int(w, "ready", r->ready_ms);
    json_out_bool(w, "accepted", r->accepted);
    json_out_int(w, "window_end", r->window_end_ms);
    json_out_int(w, "eta", r->live_eta_ms > 0 ? r->live_eta_ms : r->eta_ms);
    json_out_int(w, "updated", r->updated_ms);
}

static void
read_orders(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct ops *o = &n->ops;
    struct uuid ids[OPS_ORDERS_A_READ];
    struct changed_order *c;
    struct changed_order *next;
    size_t count = 0;

    HASH_ITER(hh, o->orders, c, next)
    {
        if (count == OPS_ORDERS_A_READ)
            break;
        ids[count++] = c->order;
        HASH_DELETE(hh, o->orders, c);
        free(c);
    }
    if (count == 0)
        return;
    o->reading_orders = true;
    ask_orders(n, ev, out, call_tag(CALL_OPS_ORDERS, 0), ids, count);
}

static void
tell_orders(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    n->ops.reading_orders = false;
    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "orders");
    json_out_array(&w, "orders");
    for (size_t i = 0; i < ev->reply->n; i++) {
        struct record r;
        const Lifecircle__V1__Order *order = read_order(ev->reply->items[i].str, ev->arena, &r);
        if (order == NULL)
            continue;
        json_out_object(&w, NULL);
        ops_write_order(n, &w, &r, order);
        json_out_end(&w);
    }
    json_out_end(&w);
    json_out_end(&w);
    ops_tell(n, out, 0, &b);
}

/* ---- who and what there is at all ---- */

void
ops_scan(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct arena *a = ev->arena;
    struct slice orders[] = {SLICE_LIT("ZUNION"),
                             SLICE_LIT("4"),
                             redis_key(n, a, "due:dispatch"),
                             redis_key(n, a, "due:expire"),
                             redis_key(n, a, "due:held"),
                             redis_key(n, a, "due:match")};
    struct slice couriers[] = {SLICE_LIT("HKEYS"), redis_key(n, a, "shifts")};

    n->ops.scan_wanted = false;
    n->ops.scanning = true;
    outbox_redis(out, call_tag(CALL_OPS_COURIERS, 0), couriers, 2);
    outbox_redis(out, call_tag(CALL_OPS_IDS, 0), orders, 6);
}

static void
keep_all(struct notifier *n, const struct event *ev)
{
    for (size_t i = 0; i < ev->reply->n; i++) {
        struct uuid order;
        struct slice s = ev->reply->items[i].str;
        if (ev->ref == call_tag(CALL_OPS_COURIERS, 0)) {
            const char *text = arena_copy(ev->arena, s.p, s.n);
            if (text != NULL)
                ops_courier_event(n, (uint32_t)strtoul(text, NULL, 10));
        } else if (uuid_parse(s, &order) == LC_OK) {
            ops_event(n, order, slice_of(NULL, 0));
        }
    }
    if (ev->ref == call_tag(CALL_OPS_IDS, 0)) {
        n->ops.scanning = false;
        n->ops.scanned = true;
    }
}

/* ---- couriers: shifts first, then routes ---- */

static void
ask_couriers(struct notifier *n, const struct event *ev, struct outbox *out, enum call_kind kind,
             const char *key)
{
    struct ops *o = &n->ops;
    struct slice argv[2 + OPS_COURIERS_A_READ] = {SLICE_LIT("HMGET"), redis_key(n, ev->arena, key)};

    for (size_t i = 0; i < o->n_asked; i++)
        argv[2 + i] = redis_number(ev->arena, o->asked[i]);
    outbox_redis(out, call_tag(kind, 0), argv, 2 + o->n_asked);
}

static void
read_couriers(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct ops *o = &n->ops;
    struct changed_number *c;
    struct changed_number *next;

    o->n_asked = 0;
    HASH_ITER(hh, o->couriers, c, next)
    {
        if (o->n_asked == OPS_COURIERS_A_READ)
            break;
        o->asked[o->n_asked++] = c->number;
        HASH_DELETE(hh, o->couriers, c);
        free(c);
    }
    if (o->n_asked == 0)
        return;
    o->reading_couriers = true;
    ask_couriers(n, ev, out, CALL_OPS_SHIFTS, "shifts");
}

static void
keep_shifts(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct ops *o = &n->ops;

    buf_reset(&o->shifts);
    for (size_t i = 0; i < o->n_asked; i++) {
        struct slice s = i < ev->reply->n ? ev->reply->items[i].str : slice_of(NULL, 0);
        const Lifecircle__V1__Shift *shift =
            s.n < 4 ? NULL
                    : wire_unpack(&lifecircle__v1__shift__descriptor, ev->arena,
                                  slice_of(s.p + 4, s.n - 4));
        buf_u8(&o->shifts, shift == NULL ? 0 : (uint8_t)shift->vehicle);
        buf_u8(&o->shifts, shift != NULL && shift->on);
    }
    ask_couriers(n, ev, out, CALL_OPS_ROUTES, "routes");
}

static void
write_stops(struct json_out *w, struct arena *a, struct slice value)
{
    static const char *const kinds[] = {"pickup", "dropoff", "return"};
    const Lifecircle__V1__Route *route = value.n < 4
                                             ? NULL
                                             : wire_unpack(&lifecircle__v1__route__descriptor, a,
                                                           slice_of(value.p + 4, value.n - 4));

    json_out_array(w, "stops");
    for (size_t i = 0; route != NULL && i < route->n_stops; i++) {
        const Lifecircle__V1__Stop *s = route->stops[i];
        if (s->at == NULL)
            continue;
        json_out_object(w, NULL);
        json_out_cstr(w, "kind", (size_t)s->kind < 3 ? kinds[s->kind] : "pickup");
        json_out_cstr(w, "order", s->order_id);
        json_out_bool(w, "accepted", s->accepted);
        json_out_int(w, "eta", s->eta_ms);
        json_out_e7(w, "lat", s->at->lat_e7);
        json_out_e7(w, "lng", s->at->lng_e7);
        json_out_end(w);
    }
    json_out_end(w);
}

static void
tell_couriers(struct notifier *n, const struct event *ev, struct outbox *out)
{
    static const char *const vehicles[] = {"foot", "bicycle", "e-bike", "scooter", "car", "van"};
    struct ops *o = &n->ops;
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    o->reading_couriers = false;
    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "couriers");
    json_out_array(&w, "couriers");
    for (size_t i = 0; i < o->n_asked && i < ev->reply->n && 2 * i + 1 < o->shifts.n; i++) {
        const Lifecircle__V1__Courier *c = catalogue_courier(n->catalogue, o->asked[i]);
        size_t vehicle = (uint8_t)o->shifts.p[2 * i];
        json_out_object(&w, NULL);
        json_out_uint(&w, "courier", o->asked[i]);
        json_out_cstr(&w, "courier_id", c == NULL ? "" : c->courier_id);
        json_out_cstr(&w, "name", c == NULL ? "" : c->name);
        json_out_cstr(&w, "vehicle", vehicle < 6 ? vehicles[vehicle] : "foot");
        json_out_bool(&w, "on", o->shifts.p[2 * i + 1] != 0);
        write_stops(&w, ev->arena, ev->reply->items[i].str);
        json_out_end(&w);
    }
    json_out_end(&w);
    json_out_end(&w);
    ops_tell(n, out, 0, &b);
}

/* ---- positions ---- */

/* half: every second bit of a cell, from bit `first` on. */
static uint32_t
half(uint64_t cell, unsigned first)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < 26; i++)
        v |= (uint32_t)(cell >> (2 * i + first) & 1) << i;
    return v;
}

bool
ops_place_of(uint64_t cell, struct latlng *at)
{
    enum { CELLS = 1 << 26 };
    const double lat_most = 85.05112878; /* of Redis' geohash */

    return geo_of_degrees(-lat_most + (half(cell, 0) + 0.5) / CELLS * 2 * lat_most,
                          -180 + (half(cell, 1) + 0.5) / CELLS * 360, at);
}

/* is_news: has this courier another cell than was told? Remembers it. */
static bool
is_news(struct ops *o, uint32_t courier, uint64_t cell)
{
    bool map_failed = false;
    struct told_position *t;

    HASH_FIND(hh, o->told, &courier, sizeof courier, t);
    if (t == NULL) {
        t = calloc(1, sizeof *t);
        if (t == NULL)
            return true;
        t->courier = courier;
        HASH_ADD(hh, o->told, courier, sizeof t->courier, t);
        if (map_failed) {
            free(t);
            return true;
        }
    }
    bool news = t->cell != cell;
    t->cell = cell;
    return news;
}

static void
tell_positions(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct buf b = {0};
    bool any = false;

    n->ops.reading_positions = false;
    buf_str(&b, "{\"type\":\"positions\",\"positions\":[");
    for (size_t i = 0; i + 1 < ev->reply->n; i += 2) {
        const char *member =
            arena_copy(ev->arena, ev->reply->items[i].str.p, ev->reply->items[i].str.n);
        const char *score =
            arena_copy(ev->arena, ev->reply->items[i + 1].str.p, ev->reply->items[i + 1].str.n);
        if (member == NULL || score == NULL)
            break;
        uint32_t courier = (uint32_t)strtoul(member, NULL, 10);
        uint64_t cell = (uint64_t)strtod(score, NULL);
        struct latlng at;
        if (!is_news(&n->ops, courier, cell) || !ops_place_of(cell, &at))
            continue;
        buf_printf(&b, "%s[%u,%.6f,%.6f]", any ? "," : "", courier, at.lat_e7 * 1e-7,
                   at.lng_e7 * 1e-7);
        any = true;
    }
    buf_str(&b, "]}");
    ops_tell(n, out, 0, &b); /* an empty one, too: so pages see that they are live */
}

/* ---- stores ---- */

static void
write_store(struct notifier *n, struct json_out *w, uint32_t number)
{
    const struct catalogue_store *s = catalogue_store(n->catalogue, number);

    if (s == NULL)
        return;
    json_out_object(w, NULL);
    shop_write(n, w, s);
    json_out_end(w);
}

void
ops_write_stores(struct notifier *n, struct outbox *out, uint64_t conn)
{
    uint32_t end = catalogue_store_end(n->catalogue);

    for (uint32_t from = 1; from < end; from += OPS_STORES_A_MESSAGE) {
        struct buf b = {0};
        struct json_out w = json_out_to(&b);
        json_out_object(&w, NULL);
        json_out_cstr(&w, "type", "stores");
        json_out_array(&w, "stores");
        for (uint32_t i = from; i < end && i < from + OPS_STORES_A_MESSAGE; i++)
            write_store(n, &w, i);
        json_out_end(&w);
        json_out_end(&w);
        ops_tell(n, out, conn, &b);
    }
}

static void
tell_changed_stores(struct notifier *n, struct outbox *out)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (n->ops.stores == NULL)
        return;
    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "stores");
    json_out_array(&w, "stores");
    for (const struct changed_number *c = n->ops.stores; c != NULL; c = c->hh.next)
        write_store(n, &w, c->number);
    json_out_end(&w);
    json_out_end(&w);
    ops_tell(n, out, 0, &b);
    changed_clear(&n->ops.stores);
}

/* ---- when ---- */

void
ops_flush(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct ops *o = &n->ops;

    if (o->scan_wanted && !o->scanning)
        ops_scan(n, ev, out);
    if (ev->now_ms < o->flush_ms)
        return;
    o->flush_ms = ev->now_ms + OPS_FLUSH_MS;
    tell_changed_stores(n, out);
    if (!o->reading_orders)
        read_orders(n, ev, out);
    if (!o->reading_couriers)
        read_couriers(n, ev, out);
    if (!o->reading_positions && ev->now_ms >= o->positions_ms) {
        struct slice argv[] = {SLICE_LIT("ZRANGE"), redis_key(n, ev->arena, "geo:couriers"),
                               SLICE_LIT("0"), SLICE_LIT("-1"), SLICE_LIT("WITHSCORES")};
        o->positions_ms = ev->now_ms + OPS_POSITIONS_MS;
        o->reading_positions = true;
        outbox_redis(out, call_tag(CALL_OPS_POSITIONS, 0), argv, 5);
    }
    if (ev->now_ms >= o->stats_ms) {
        o->stats_ms = ev->now_ms + OPS_STATS_MS;
        ops_stats_tell(n, out, 0, ev->now_ms);
    }
    ops_shelves_tick(n, ev, out);
    outbox_wake(out, o->flush_ms);
}

/* go_on: a full read is followed by the next at once; at the end of a scan all have been told. */
static void
go_on(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct ops *o = &n->ops;

    if (o->viewers == NULL)
        return;
    if (!o->reading_orders)
        read_orders(n, ev, out);
    if (!o->reading_couriers)
        read_couriers(n, ev, out);
    if (o->scanned && !o->reading_orders && !o->reading_couriers) {
        struct buf b = {0};
        buf_str(&b, "{\"type\":\"synced\"}");
        o->scanned = false;
        ops_tell(n, out, 0, &b);
    }
}

void
ops_news_reply(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct ops *o = &n->ops;
    enum call_kind kind = (enum call_kind)(ev->ref >> 56);

    if (ev->reply->kind != REPLY_ARRAY) {
        if (ev->reply->kind != REPLY_LOST) /* else ops_redis_up begins anew */
            o->scan_wanted = true;
        o->reading_orders &= kind != CALL_OPS_ORDERS;
        o->reading_couriers &= kind != CALL_OPS_SHIFTS && kind != CALL_OPS_ROUTES;
        o->reading_positions &= kind != CALL_OPS_POSITIONS;
        o->scanning &= kind != CALL_OPS_IDS;
        return;
    }
    if (kind == CALL_OPS_ORDERS) {
        tell_orders(n, ev, out);
        if (HASH_CNT(hh, o->orders) >= OPS_ORDERS_A_READ || o->scanned)
            go_on(n, ev, out);
    } else if (kind == CALL_OPS_SHIFTS) {
        keep_shifts(n, ev, out);
    } else if (kind == CALL_OPS_ROUTES) {
        tell_couriers(n, ev, out);
        if (o->scanned)
            go_on(n, ev, out);
    } else if (kind == CALL_OPS_POSITIONS) {
        tell_positions(n, ev, out);
    } else {
        keep_all(n, ev);
        if (kind == CALL_OPS_IDS)
            go_on(n, ev, out);
    }
}
