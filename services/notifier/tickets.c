/* tickets: stores' screens. A screen gets all its open tickets once after hello, then every change.
 * All open orders are walked through once for all screens that wait; orders that change meanwhile
 * join the end of that walk. */
#include "notifier/ops.h"

#include "base/json_in.h"
#include "base/json_out.h"

#include <stdio.h>
#include <stdlib.h>

enum { RECORDS_A_READ = 200 };

struct screen *
screen_by_conn(struct notifier *n, uint64_t conn)
{
    struct screen *s;

    HASH_FIND(hh, n->screens, &conn, sizeof conn, s);
    return s;
}

static struct store_screens *
screens_of(struct notifier *n, uint32_t store)
{
    struct store_screens *all;

    HASH_FIND(hh, n->by_store, &store, sizeof store, all);
    return all;
}

static void
snapshot_free(struct screen *s)
{
    buf_free(&s->snapshot);
    free(s->pieces);
    s->pieces = NULL;
    s->n_pieces = s->cap_pieces = 0;
}

void
tickets_gone(struct notifier *n, struct screen *s)
{
    struct store_screens *all = screens_of(n, s->store);

    for (struct screen **p = all == NULL ? NULL : &all->first; p != NULL && *p != NULL;
         p = &(*p)->next) {
        if (*p == s) {
            *p = s->next;
            break;
        }
    }
    if (all != NULL && all->first == NULL) {
        HASH_DELETE(hh, n->by_store, all);
        free(all);
    }
    HASH_DELETE(hh, n->screens, s);
    snapshot_free(s);
    free(s);
    count_set(n, COUNT_SCREENS, HASH_CNT(hh, n->screens));
}

/* link_screen: puts the screen on its store's list. */
static bool
link_screen(struct notifier *n, struct screen *s)
{
    bool map_failed = false;
    struct store_screens *all = screens_of(n, s->store);

    if (all == NULL) {
        all = calloc(1, sizeof *all);
        if (all == NULL)
            return false;
        all->store = s->store;
        HASH_ADD(hh, n->by_store, store, sizeof all->store, all);
        if (map_failed) {
            free(all);
            return false;
        }
    }
    s->next = all->first;
    all->first = s;
    return true;
}

static bool
add_screen(struct notifier *n, uint64_t conn, uint32_t chain, uint32_t store, struct slice key)
{
    bool map_failed = false;
    struct screen *s = calloc(1, sizeof *s);

    if (s == NULL)
        return false;
    s->conn = conn;
    s->store = store;
    s->chain = chain;
    if (key.n > 0)
        secret_hash(key, s->key_hash);
    HASH_ADD(hh, n->screens, conn, sizeof s->conn, s);
    if (map_failed) {
        free(s);
        return false;
    }
    if (!link_screen(n, s)) {
        tickets_gone(n, s);
        return false;
    }
    count_set(n, COUNT_SCREENS, HASH_CNT(hh, n->screens));
    return true;
}

void
tickets_open(struct notifier *n, const struct event *ev, struct outbox *out)
{
    const Lifecircle__V1__Chain *chain;
    enum secret_kind kind;
    uint32_t number;

    if (secret_token_parse(bearer(ev), &kind, &number) == LC_OK && kind == SECRET_STORE) {
        access_ask(n, ev, out, LIFECIRCLE__V1__ACCESS__KIND__STORE_SCREEN);
        return;
    }
    if (catalogue_chain_by_key(n->catalogue, bearer(ev), &chain, NULL) != LC_OK) {
        count(n, COUNT_DENIED, 1);
        if (show_out(ev, out))
            return;
        refuse(ev, out, 401, "bad_key", "expected a chain's API key that has not been revoked");
        return;
    }
    const struct catalogue_store *store =
        catalogue_store_by_id(n->catalogue, chain->chain, query_value(ev->http->query, "store_id"));
    if (store == NULL)
        refuse(ev, out, 404, "not_found", "store_id: expected a store of this chain");
    else if (!add_screen(n, ev->ref, chain->chain, store->store, bearer(ev)))
        refuse(ev, out, 503, "unavailable", "out of memory");
    else
        outbox_socket_accept(out, ev->ref, "lifecircle.v1.json");
}

void
tickets_let_in(struct notifier *n, struct outbox *out, uint64_t conn, uint32_t store)
{
    const struct catalogue_store *s = catalogue_store(n->catalogue, store);

    if (s == NULL || !add_screen(n, conn, s->chain, store, slice_of(NULL, 0)))
        unsaid(out, conn, 503, "unavailable");
    else
        outbox_socket_accept(out, conn, "lifecircle.v1.json");
}

void
tickets_tick(struct notifier *n, struct outbox *out)
{
    struct screen *s;
    struct screen *next;

    HASH_ITER(hh, n->screens, s, next)
    {
        if (*s->key_hash == '\0' || /* by a token of its own: access.c looks at it */
            catalogue_key_lives(n->catalogue, s->chain, s->key_hash))
            continue;
        outbox_socket_close(out, s->conn, 4003, "key revoked");
        tickets_gone(n, s);
    }
}

/* ---- one ticket ---- */

/* is_open: has the store something to do with it: are the goods there, or on their way back? */
static bool
is_open(const struct record *h)
{
    bool there = (h->flags & RECORD_TAKEN) != 0 && (h->flags & RECORD_COMMITTED) == 0;

    return h->store != 0 && !record_is_end(h->state) &&
           (there || h->state == LIFECIRCLE__V1__ORDER_STATE__RETURNING);
}

static void
write_lines(const struct notifier *n, struct json_out *w, const struct record *r)
{
    json_out_array(w, "lines");
    for (size_t i = 0; i < r->n_lines; i++) {
        struct record_line line;
        struct catalogue_sku sku;
        if (!record_line_at(r, i, &line) || line.taken == 0)
            continue;
        uint32_t index = line.substitute != 0 ? line.substitute - 1 : line.sku_index;
        json_out_object(w, NULL);
        if (catalogue_sku(n->catalogue, r->chain, index, &sku))
            json_out_cstr(w, "sku", sku.sku);
        json_out_uint(w, "quantity", line.taken);
        json_out_end(w);
    }
    json_out_end(w);
}

static void
write_ticket(const struct notifier *n, struct json_out *w, const struct record *r,
             const Lifecircle__V1__Order *order)
{
    const Lifecircle__V1__Courier *courier = catalogue_courier(n->catalogue, r->courier);

    json_out_cstr(w, "order_id", order->order_id);
    json_out_cstr(w, "external_order_id", order->external_order_id);
    json_out_cstr(w, "status", record_state_name(r->state));
    json_out_cstr(w, "fulfilment",
                  order->fulfilment == LIFECIRCLE__V1__FULFILMENT__COLLECTION ? "collection"
                                                                              : "delivery");
    json_out_time(w, "ready_at", r->ready_ms);
    json_out_bool(w, "ready",
                  (r->flags & RECORD_READY) != 0 ||
                      r->state == LIFECIRCLE__V1__ORDER_STATE__READY_FOR_COLLECTION);
    json_out_bool(w, "accepted", r->accepted);
    write_lines(n, w, r);
    if (courier == NULL)
        json_out_null(w, "courier");
    else
        json_out_cstr(w, "courier", courier->courier_id);
    json_out_bool(w, "simulated", order->simulated);
}

static void
send_change(struct notifier *n, struct outbox *out, uint64_t event, const struct record *r,
            const Lifecircle__V1__Order *order)
{
    struct store_screens *all = screens_of(n, r->store);
    struct buf b = {0};
    struct json_out w = json_out_to(&b);
    char id[32];

    snprintf(id, sizeof id, "1-%llu", (unsigned long long)event);
    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "ticket");
    json_out_cstr(&w, "id", id);
    write_ticket(n, &w, r, order);
    json_out_end(&w);
    for (struct screen *s = all == NULL || b.failed ? NULL : all->first; s != NULL; s = s->next)
        if (s->greeted && !s->snapshot_due)
            outbox_socket_send(out, s->conn, true, buf_slice(&b));
    buf_free(&b);
}

/* ---- the walk through all open orders ---- */

static bool
scan_add(struct ticket_scan *scan, struct uuid order)
{
    if (scan->n == scan->cap) {
        size_t cap = scan->cap == 0 ? 256 : scan->cap * 2;
        struct uuid *ids = realloc(scan->ids, cap * sizeof *ids);
        if (ids == NULL)
            return false;
        scan->ids = ids;
        scan->cap = cap;
    }
    scan->ids[scan->n++] = order;
    return true;
}

static void
scan_end(struct notifier *n)
{
    if (n->scan != NULL)
        free(n->scan->ids);
    free(n->scan);
    n->scan = NULL;
}

/* scan_restart: from the beginning, for all that still wait. */
static void
scan_restart(struct notifier *n)
{
    scan_end(n);
    n->scan_wanted = true;
    for (struct screen *s = n->screens; s != NULL; s = s->hh.next)
        if (s->snapshot_due) {
            buf_reset(&s->snapshot);
            s->n_pieces = 0;
        }
}

static void
scan_begin(struct notifier *n, const struct event *ev, struct outbox *out)
{
    n->scan = calloc(1, sizeof *n->scan);
    if (n->scan == NULL)
        return;
    n->scan_wanted = false;
    for (struct screen *s = n->screens; s != NULL; s = s->hh.next)
        s->late = false;
    /* deliveries stand in the one until their end, collections in the other */
    struct slice argv[] = {SLICE_LIT("ZUNION"), SLICE_LIT("2"),
                           redis_key(n, ev->arena, "due:dispatch"),
                           redis_key(n, ev->arena, "due:expire")};
    outbox_redis(out, call_tag(CALL_TICKET_IDS, 0), argv, 4);
}

static void
send_store(struct notifier *n, struct outbox *out, const struct screen *to)
{
    const struct catalogue_store *store = catalogue_store(n->catalogue, to->store);
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (store == NULL)
        return;
    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "store");
    shop_write(n, &w, store);
    json_out_end(&w);
    if (!b.failed)
        outbox_socket_send(out, to->conn, true, buf_slice(&b));
    buf_free(&b);
}

void
tickets_store(struct notifier *n, struct outbox *out, uint32_t store)
{
    struct store_screens *all = screens_of(n, store);

    for (struct screen *s = all == NULL ? NULL : all->first; s != NULL; s = s->next)
        if (s->greeted)
            send_store(n, out, s);
}

static void
join_pieces(const struct screen *s, struct buf *b)
{
    const char *comma = "";

    for (size_t i = 0; i < s->n_pieces; i++) {
        const struct piece *p = &s->pieces[i];
        if (p->n == 0)
            continue;
        buf_str(b, comma);
        buf_append(b, s->snapshot.p + p->at, p->n);
        comma = ",";
    }
}

static void
send_snapshots(struct notifier *n, struct outbox *out)
{
    for (struct screen *s = n->screens; s != NULL; s = s->hh.next) {
        struct buf b = {0};
        if (!s->snapshot_due || s->late)
            continue;
        buf_printf(&b, "{\"type\":\"tickets\",\"id\":\"1-%llu\",\"tickets\":[",
                   (unsigned long long)n->seen);
        join_pieces(s, &b);
        buf_str(&b, "]}");
        if (!b.failed && !s->snapshot.failed) {
            send_store(n, out, s);
            outbox_socket_send(out, s->conn, true, buf_slice(&b));
            s->snapshot_due = false;
        } else {
            outbox_socket_close(out, s->conn, 1013, "out of memory, come again");
        }
        buf_free(&b);
        snapshot_free(s);
    }
}

static void
scan_next(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct ticket_scan *scan = n->scan;
    size_t left = scan->n - scan->next;

    if (left == 0) {
        scan_end(n);
        send_snapshots(n, out);
        return;
    }
    if (left > RECORDS_A_READ)
        left = RECORDS_A_READ;
    ask_orders(n, ev, out, call_tag(CALL_TICKET_ORDERS, 0), scan->ids + scan->next, left);
    scan->next += left;
}

/* keep_ids: those that changed while the ids were asked for stand in front, and go to the end: they
 * may be among the ids, too. */
static void
keep_ids(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct ticket_scan *scan = n->scan;
    size_t early = scan->n;
    bool whole = true;

    for (size_t i = 0; whole && i < ev->reply->n; i++) {
        struct uuid order;
        if (uuid_parse(ev->reply->items[i].str, &order) == LC_OK)
            whole = scan_add(scan, order);
    }
    scan->first = scan->n;
    scan->next = early;
    for (size_t i = 0; whole && i < early; i++)
        whole = scan_add(scan, scan->ids[i]);
    if (whole)
        scan_next(n, ev, out);
    else
        scan_restart(n);
}

/* add_piece: the snapshot's last bytes, from `at` on, are this order's ticket. */
static void
add_piece(struct screen *s, struct uuid order, size_t at)
{
    if (s->n_pieces == s->cap_pieces) {
        size_t cap = s->cap_pieces == 0 ? 32 : s->cap_pieces * 2;
        struct piece *pieces = realloc(s->pieces, cap * sizeof *pieces);
        if (pieces == NULL) {
            s->snapshot.failed = true; /* the screen comes again */
            return;
        }
        s->pieces = pieces;
        s->cap_pieces = cap;
    }
    s->pieces[s->n_pieces++] = (struct piece){order, at, s->snapshot.n - at};
}

/* drop_piece: what was read of the order before it changed. */
static void
drop_piece(struct notifier *n, struct uuid order)
{
    for (struct screen *s = n->screens; s != NULL; s = s->hh.next)
        for (size_t i = 0; s->snapshot_due && i < s->n_pieces; i++)
            if (uuid_eq(s->pieces[i].order, order))
                s->pieces[i].n = 0;
}

static void
keep_tickets(struct notifier *n, const struct event *ev)
{
    size_t from = n->scan->next - ev->reply->n; /* whose records these are */

    for (size_t i = 0; i < ev->reply->n; i++) {
        struct record r;
        const Lifecircle__V1__Order *order = NULL;
        struct uuid id = n->scan->ids[from + i];
        if (from + i >= n->scan->first)
            drop_piece(n, id);
        if (record_read(ev->reply->items[i].str, &r) != LC_OK || !is_open(&r))
            continue;
        struct store_screens *all = screens_of(n, r.store);
        for (struct screen *s = all == NULL ? NULL : all->first; s != NULL; s = s->next) {
            if (!s->snapshot_due || s->late)
                continue;
            if (order == NULL)
                order = read_order(ev->reply->items[i].str, ev->arena, &r);
            if (order == NULL)
                break;
            size_t at = s->snapshot.n;
            struct json_out w = json_out_to(&s->snapshot);
            json_out_object(&w, NULL);
            write_ticket(n, &w, &r, order);
            json_out_end(&w);
            add_piece(s, id, at);
        }
    }
}

void
tickets_turn_end(struct notifier *n, const struct event *ev, struct outbox *out)
{
    if (n->scan_wanted && n->scan == NULL && n->follow != FOLLOW_DOWN)
        scan_begin(n, ev, out);
}

void
tickets_event(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t event,
              struct uuid order, struct slice head)
{
    struct record h;

    if (record_read(head, &h) != LC_OK || h.store == 0 || screens_of(n, h.store) == NULL)
        return;
    if (n->scan != NULL && !scan_add(n->scan, order))
        scan_restart(n);
    ask_orders(n, ev, out, call_tag(CALL_TICKET_ONE, event), &order, 1);
}

void
tickets_reply(struct notifier *n, const struct event *ev, struct outbox *out)
{
    bool one = ev->ref >> 56 == CALL_TICKET_ONE;
    struct record r;

    if (ev->reply->kind != REPLY_ARRAY) {
        /* what a screen may have missed comes whole: all of them start again */
        for (struct screen *s = n->screens; one && s != NULL; s = s->hh.next)
            s->snapshot_due = s->greeted;
        scan_restart(n);
    } else if (one) {
        const struct reply *record = ev->reply->n == 1 ? &ev->reply->items[0] : NULL;
        const Lifecircle__V1__Order *order =
            record != NULL ? read_order(record->str, ev->arena, &r) : NULL;
        if (order != NULL)
            send_change(n, out, call_number(ev->ref), &r, order);
    } else if (n->scan != NULL && ev->ref >> 56 == CALL_TICKET_IDS) {
        keep_ids(n, ev, out);
    } else if (n->scan != NULL && ev->reply->n <= n->scan->next) {
        keep_tickets(n, ev);
        scan_next(n, ev, out);
    }
}

void
tickets_close(struct notifier *n)
{
    struct screen *s;
    struct screen *next;

    HASH_ITER(hh, n->screens, s, next) tickets_gone(n, s);
    scan_end(n);
}
