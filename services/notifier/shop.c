/* shop: what a store's screen, or an operator for it, changes besides tickets: how busy the store
 * is, and what is not on its shelf after all. */
#include "notifier/ops.h"

#include <stdio.h>

void
said_done(struct outbox *out, const struct ask *a, const char *outcome)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (a->conn == 0)
        return;
    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "done");
    json_out_cstr(&w, "id", a->text);
    json_out_cstr(&w, "outcome", outcome);
    json_out_end(&w);
    if (!b.failed)
        outbox_socket_send(out, a->conn, true, buf_slice(&b));
    buf_free(&b);
}

void
shop_write(struct notifier *n, struct json_out *w, const struct catalogue_store *s)
{
    static const char *const modes[] = {"open", "busy", "paused"};
    const Lifecircle__V1__Chain *chain = catalogue_chain(n->catalogue, s->chain);

    json_out_uint(w, "store", s->store);
    json_out_cstr(w, "store_id", s->store_id);
    json_out_cstr(w, "chain", chain == NULL ? "" : chain->chain_id);
    json_out_cstr(w, "name", s->name);
    json_out_cstr(w, "address", s->address);
    json_out_e7(w, "lat", s->at.lat_e7);
    json_out_e7(w, "lng", s->at.lng_e7);
    json_out_cstr(w, "busy", (size_t)s->busy < 3 ? modes[s->busy] : "open");
    json_out_uint(w, "busy_delay_seconds", s->busy_delay_s);
}

/* ---- busy: the store is read, changed and put back, as intake does ---- */

void
shop_busy(struct notifier *n, const struct event *ev, struct outbox *out, const struct ask *a,
          uint32_t store, Lifecircle__V1__BusyMode busy, uint32_t delay_s)
{
    struct ask look = *a;

    look.kind = ASK_BUSY_LOOK;
    look.store = store;
    look.wanted = (int)busy;
    look.delay_s = delay_s;
    struct slice argv[] = {SLICE_LIT("HGET"), redis_key(n, ev->arena, "stores"),
                           redis_number(ev->arena, store)};
    if (!ask_redis(n, out, &look, argv, 3))
        said_done(out, a, "unavailable");
}

static bool
put_busy(struct notifier *n, const struct ask *a, const struct event *ev, struct outbox *out)
{
    struct arena *m = ev->arena;
    const Lifecircle__V1__Store *was =
        ev->reply->kind != REPLY_STRING
            ? NULL
            : wire_unpack(&lifecircle__v1__store__descriptor, m, ev->reply->str);
    struct ask put = *a;

    if (was == NULL || was->at == NULL)
        return false;
    Lifecircle__V1__Store s = *was;
    s.store = 0; /* the function puts the number in front */
    s.busy = (Lifecircle__V1__BusyMode)a->wanted;
    s.busy_delay_s = s.busy == LIFECIRCLE__V1__BUSY_MODE__BUSY ? a->delay_s : 0;
    size_t size = lifecircle__v1__store__get_packed_size(&s);
    char *packed = arena_alloc(m, size + 1);
    if (packed == NULL)
        return false;
    lifecircle__v1__store__pack(&s, (uint8_t *)packed);
    put.kind = ASK_BUSY_PUT;
    struct slice argv[] = {
        SLICE_LIT("FCALL"),
        SLICE_LIT("store_put"),
        SLICE_LIT("1"),
        slice_str(arena_printf(m, "{%s}", n->city)),
        redis_number(m, ev->now_ms),
        SLICE_LIT("1"),
        redis_number(m, s.chain),
        slice_str(s.store_id),
        slice_of(packed, size),
        slice_str(arena_printf(m, "%.7f", s.at->lat_e7 / 1e7)),
        slice_str(arena_printf(m, "%.7f", s.at->lng_e7 / 1e7)),
        s.busy == LIFECIRCLE__V1__BUSY_MODE__PAUSED ? SLICE_LIT("0") : SLICE_LIT("1"),
    };
    return ask_redis(n, out, &put, argv, sizeof argv / sizeof *argv);
}

/* ---- out of stock: a snapshot of one SKU, 0 on hand, counted now ---- */

void
shop_sold_out(struct notifier *n, const struct event *ev, struct outbox *out, const struct ask *a,
              uint32_t store, struct slice sku)
{
    const struct catalogue_store *s = catalogue_store(n->catalogue, store);
    uint32_t index =
        s == NULL ? CATALOGUE_NO_SKU : catalogue_sku_index(n->catalogue, s->chain, sku);
    struct ask wait = *a;
    struct buf line = {0};
    char feed[48];

    if (index == CATALOGUE_NO_SKU) {
        said_done(out, a, "unknown");
        return;
    }
    wait.kind = ASK_SOLD_OUT;
    buf_u32(&line, index);
    buf_u32(&line, 1); /* a quantity and no price */
    buf_u32(&line, 0);
    buf_u32(&line, 0);
    snprintf(feed, sizeof feed, "feeda%020lld.%010u", (long long)ev->now_ms, index);
    struct slice argv[] = {
        SLICE_LIT("FCALL"),
        SLICE_LIT("stock_apply"),
        SLICE_LIT("1"),
        slice_str(arena_printf(ev->arena, "{%s}", n->city)),
        redis_number(ev->arena, ev->now_ms),
        redis_number(ev->arena, store),
        SLICE_LIT("0"),
        redis_number(ev->arena, ev->now_ms),
        SLICE_LIT("0"),
        redis_number(ev->arena, index), /* the chunk: several SKUs may go in one millisecond */
        SLICE_LIT("-1"),
        slice_of(feed, 36),
        buf_slice(&line),
    };
    if (line.failed || !ask_redis(n, out, &wait, argv, sizeof argv / sizeof *argv))
        said_done(out, a, "unavailable");
    buf_free(&line);
}

void
shop_answer(struct notifier *n, const struct ask *a, const struct event *ev, struct outbox *out)
{
    const struct reply *r = ev->reply;

    if (a->kind == ASK_BUSY_LOOK) {
        if (!put_busy(n, a, ev, out))
            said_done(out, a, r->kind == REPLY_NIL ? "unknown" : "unavailable");
    } else if (a->kind == ASK_BUSY_PUT) {
        if (r->kind == REPLY_ARRAY)
            catalogue_poll(n->catalogue, ev, out);
        said_done(out, a, r->kind == REPLY_ARRAY ? "done" : "unavailable");
    } else if (a->kind == ASK_STEP) {
        static const char *const words[] = {"unavailable", "done", "already", "not_allowed",
                                            "unknown"};
        said_done(out, a, words[step_outcome(r)]);
    } else {
        enum { APPLIED = 1, REPEATED = 2, LATE = 3 };
        char outcome = r->kind == REPLY_STRING && r->str.n > 0 ? r->str.p[0] : 0;
        said_done(out, a,
                  outcome == APPLIED || outcome == REPEATED ? "done"
                  : outcome == LATE                         ? "not_allowed"
                                                            : "unavailable");
    }
}
