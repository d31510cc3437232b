/* ops: operators' pages. A page gets everything that is there now, then what changes, gathered for
 * a third of a second; each message holds whole orders, couriers and stores, so nothing depends on
 * what came before, and a page that comes back just asks for everything again. */
#include "notifier/ops.h"
#include "notifier/ways.h"

#include <stdio.h>
#include <stdlib.h>

struct viewer *
viewer_by_conn(struct notifier *n, uint64_t conn)
{
    struct viewer *v;

    HASH_FIND(hh, n->ops.viewers, &conn, sizeof conn, v);
    return v;
}

void
ops_tell(struct notifier *n, struct outbox *out, uint64_t conn, struct buf *b)
{
    for (const struct viewer *v = n->ops.viewers; v != NULL && !b->failed; v = v->hh.next)
        if (v->greeted && (conn == 0 || conn == v->conn))
            outbox_socket_send(out, v->conn, true, buf_slice(b));
    buf_free(b);
}

void
ops_trouble(struct notifier *n, struct outbox *out, uint64_t conn, const char *code,
            const char *detail)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "error");
    json_out_cstr(&w, "code", code);
    json_out_cstr(&w, "detail", detail);
    json_out_end(&w);
    ops_tell(n, out, conn, &b);
}

/* ---- what happened ---- */

void
ops_event(struct notifier *n, struct uuid order, struct slice head)
{
    bool map_failed = false;
    struct ops *o = &n->ops;
    struct changed_order *c;
    struct record r;

    if (record_read(head, &r) == LC_OK)
        ops_stats_event(o, &r);
    if (o->viewers == NULL)
        return;
    HASH_FIND(hh, o->orders, &order, sizeof order, c);
    if (c != NULL || (c = calloc(1, sizeof *c)) == NULL)
        return; /* without memory the next change of it shows */
    c->order = order;
    HASH_ADD(hh, o->orders, order, sizeof c->order, c);
    if (map_failed)
        free(c);
}

void
ops_courier_event(struct notifier *n, uint32_t courier)
{
    if (n->ops.viewers != NULL)
        (void)changed_add(&n->ops.couriers, courier);
}

void
ops_store_event(struct notifier *n, uint32_t store)
{
    if (n->ops.viewers != NULL || n->screens != NULL)
        (void)changed_add(&n->ops.stores, store);
}

/* ---- coming and going ---- */

void
ops_open(struct notifier *n, const struct event *ev, struct outbox *out)
{
    access_ask(n, ev, out, LIFECIRCLE__V1__ACCESS__KIND__OPERATOR);
}

void
ops_let_in(struct notifier *n, const struct guest *g, struct outbox *out)
{
    bool map_failed = false;
    struct viewer *v = calloc(1, sizeof *v);

    if (v != NULL) {
        v->conn = g->conn;
        HASH_ADD(hh, n->ops.viewers, conn, sizeof v->conn, v);
    }
    if (v == NULL || map_failed) {
        free(v);
        unsaid(out, g->conn, 503, "unavailable");
        return;
    }
    outbox_note(out, "operator_in", "name=%s", g->name);
    outbox_socket_accept(out, g->conn, "lifecircle.v1.json");
}

/* forget: nobody looks: what changed need not be remembered. */
static void
forget(struct ops *o)
{
    struct changed_order *c;
    struct changed_order *next;
    struct told_position *t;
    struct told_position *next_told;

    HASH_ITER(hh, o->orders, c, next)
    {
        HASH_DELETE(hh, o->orders, c);
        free(c);
    }
    changed_clear(&o->couriers);
    HASH_ITER(hh, o->told, t, next_told)
    {
        HASH_DELETE(hh, o->told, t);
        free(t);
    }
}

void
ops_gone(struct notifier *n, struct viewer *v)
{
    HASH_DELETE(hh, n->ops.viewers, v);
    free(v);
    if (n->ops.viewers == NULL)
        forget(&n->ops);
}

void
ops_close(struct notifier *n)
{
    while (n->ops.viewers != NULL)
        ops_gone(n, n->ops.viewers);
    forget(&n->ops);
    changed_clear(&n->ops.stores);
    buf_free(&n->ops.shifts);
}

void
ops_redis_up(struct notifier *n)
{
    struct ops *o = &n->ops;

    /* what was being read has been answered with REPLY_LOST; pages hear of everything anew */
    o->reading_orders = o->reading_couriers = o->reading_positions = o->scanning = false;
    o->reading_shelves = false;
    o->scanned = false;
    for (struct viewer *v = o->viewers; v != NULL; v = v->hh.next)
        o->scan_wanted |= v->greeted;
}

void
ops_tick(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct changed_number *c;
    struct changed_number *next;

    HASH_ITER(hh, n->ops.stores, c, next)
    {
        tickets_store(n, out, c->number);
        (void)next;
    }
    if (n->ops.viewers == NULL)
        changed_clear(&n->ops.stores);
    else if (n->follow != FOLLOW_DOWN)
        ops_flush(n, ev, out);
}

/* ---- what operators say ---- */

static void
greet(struct notifier *n, const struct event *ev, struct outbox *out, struct viewer *v)
{
    const struct guest *g = guest_by_conn(n, v->conn);
    struct buf b = {0};
    struct json_out w = json_out_to(&b);
    struct told_position *t;
    struct told_position *next;

    v->greeted = true;
    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "welcome");
    json_out_cstr(&w, "city", n->city);
    json_out_cstr(&w, "name", g == NULL ? "" : g->name);
    json_out_int(&w, "time", ev->now_ms);
    json_out_end(&w);
    ops_tell(n, out, v->conn, &b);
    ops_write_stores(n, out, v->conn);
    ops_stats_tell(n, out, v->conn, ev->now_ms);
    HASH_ITER(hh, n->ops.told, t, next) /* all positions are told again */
    {
        HASH_DELETE(hh, n->ops.told, t);
        free(t);
    }
    n->ops.positions_ms = 0;
    n->ops.scan_wanted = true;
    ops_flush(n, ev, out);
}

enum said {
    SAID_HELLO = 1,
    SAID_PING,
    SAID_ORDER,
    SAID_FIND,
    SAID_ZONE,
    SAID_COURIER,
    SAID_PROOF,
    SAID_WAY,
    SAID_SHELF,
    SAID_CANCEL,
    SAID_READY,
    SAID_SETTLE,
    SAID_BUSY,
    SAID_CONFIRM,
    SAID_RULE
};

static const struct json_enum types[] = {
    {"hello", SAID_HELLO},     {"ping", SAID_PING},   {"order", SAID_ORDER},
    {"find", SAID_FIND},       {"zone", SAID_ZONE},   {"cancel", SAID_CANCEL},
    {"ready", SAID_READY},     {"busy", SAID_BUSY},   {"rule", SAID_RULE},
    {"courier", SAID_COURIER}, {"proof", SAID_PROOF}, {"way", SAID_WAY},
    {"confirm", SAID_CONFIRM}, {"shelf", SAID_SHELF}, {"settle", SAID_SETTLE},
};

/* What may be decided, as dispatch_rule calls it; who it is about. */
static const struct {
    const char *name;
    bool of_order;
    bool of_courier;
} rules[] = {
    {"pin", true, true},     {"unpin", true, false},    {"ban", true, true},
    {"unban", true, true},   {"hold", true, false},     {"release", true, false},
    {"freeze", false, true}, {"unfreeze", false, true},
};
enum { RULES = sizeof rules / sizeof *rules };

/* What became of goods that a courier carried, and as order_step calls it. */
static const struct {
    const char *name;
    const char *action;
} ends[] = {{"delivered", "handed_over"}, {"returned", "taken_back"}};

static const struct json_enum modes[] = {
    {"open", LIFECIRCLE__V1__BUSY_MODE__OPEN},
    {"busy", LIFECIRCLE__V1__BUSY_MODE__BUSY},
    {"paused", LIFECIRCLE__V1__BUSY_MODE__PAUSED},
};

struct wish {
    int type;
    struct slice id;
    struct slice order;
    struct slice text;
    struct uuid uuid;
    int64_t store;
    int64_t delay_s;
    int busy;
    int rule; /* an index of rules, + 1; SAID_PROOF: which picture; SAID_SETTLE: of ends */
    int64_t courier;
    struct slice words;
    struct latlng at;
};

/* read_rule: what is decided, and of whom. */
static void
read_rule(struct json_in *in, const struct json_at *root, struct wish *w)
{
    struct json_enum names[RULES];

    for (size_t i = 0; i < RULES; i++)
        names[i] = (struct json_enum){rules[i].name, (int)i + 1};
    if (!json_in_enum(in, root, "kind", JSON_REQUIRED, names, RULES, &w->rule))
        return;
    const bool of_order = rules[w->rule - 1].of_order, of_courier = rules[w->rule - 1].of_courier;
    if (of_order && w->order.n == 0)
        json_in_fail(in, root, "order_id", "required");
    if (of_courier && w->courier == 0)
        json_in_fail(in, root, "courier", "required");
    if (!of_courier && w->courier != 0)
        json_in_fail(in, root, "courier", "not with this kind");
}

static void
read_wish(struct json_in *in, struct wish *w)
{
    static const char *const names[] = {
        "type", "id",      "order_id", "text", "store", "busy", "busy_delay_seconds",
        "kind", "courier", "words",    "lat",  "lng"};
    struct json_at root = json_in_root(in);

    json_in_only(in, &root, names, sizeof names / sizeof *names);
    json_in_enum(in, &root, "type", JSON_REQUIRED, types, sizeof types / sizeof *types, &w->type);
    bool acts = w->type >= SAID_CANCEL;
    json_in_string(in, &root, "id", acts ? JSON_REQUIRED : JSON_OPTIONAL, 1, 64, &w->id);
    bool has_order = w->type == SAID_ORDER || w->type == SAID_PROOF || w->type == SAID_CANCEL ||
                     w->type == SAID_READY || w->type == SAID_SETTLE || w->type == SAID_CONFIRM;
    if (json_in_string(in, &root, "order_id", has_order ? JSON_REQUIRED : JSON_OPTIONAL, 36, 36,
                       &w->order) &&
        uuid_parse(w->order, &w->uuid) != LC_OK)
        json_in_fail(in, &root, "order_id", "expected an order id of 36 characters");
    json_in_string(in, &root, "text", w->type == SAID_FIND ? JSON_REQUIRED : JSON_OPTIONAL, 1, 160,
                   &w->text);
    bool has_store = w->type == SAID_ZONE || w->type == SAID_SHELF || w->type == SAID_BUSY;
    json_in_int(in, &root, "store", has_store ? JSON_REQUIRED : JSON_OPTIONAL, 1, UINT32_MAX,
                &w->store);
    json_in_enum(in, &root, "busy", w->type == SAID_BUSY ? JSON_REQUIRED : JSON_OPTIONAL, modes, 3,
                 &w->busy);
    json_in_int(in, &root, "busy_delay_seconds", JSON_OPTIONAL, 0, SHOP_DELAY_MAX_S, &w->delay_s);
    json_in_int(in, &root, "courier",
                w->type == SAID_COURIER || w->type == SAID_WAY ? JSON_REQUIRED : JSON_OPTIONAL, 1,
                UINT32_MAX, &w->courier);
    json_in_string(in, &root, "words", JSON_OPTIONAL, 0, 120, &w->words);
    if (w->type == SAID_PROOF) {
        static const struct json_enum proofs[] = {{"photo", 0}, {"signature", 1}};
        json_in_enum(in, &root, "kind", JSON_REQUIRED, proofs, 2, &w->rule);
    }
    if (w->type == SAID_SETTLE) {
        const struct json_enum became[] = {{ends[0].name, 0}, {ends[1].name, 1}};
        json_in_enum(in, &root, "kind", JSON_REQUIRED, became, 2, &w->rule);
    }
    if (w->type == SAID_CONFIRM)
        (void)json_in_latlng_of(in, &root, &w->at);
    if (w->type == SAID_RULE)
        read_rule(in, &root, w);
}

/* who_and_why: for the history: "Olga: she rang". */
static struct slice
who_and_why(const struct event *ev, struct slice who, struct slice why)
{
    const char *text = arena_printf(ev->arena, "%.*s: %.*s", (int)who.n, who.p, (int)why.n, why.p);

    return text == NULL ? who : slice_str(text);
}

static void
act(struct notifier *n, const struct event *ev, struct outbox *out, const struct wish *w)
{
    const struct guest *g = guest_by_conn(n, ev->ref);
    struct ask a = {.kind = ASK_STEP, .conn = ev->ref, .order = w->uuid};
    struct slice who = slice_str(g == NULL ? "" : g->name);
    bool cancel = w->type == SAID_CANCEL;
    bool settle = w->type == SAID_SETTLE;

    snprintf(a.text, sizeof a.text, "%.*s", (int)w->id.n, w->id.p);
    outbox_note(out, "operator_act", "name=%s type=%s", g == NULL ? "" : g->name,
                cancel                    ? "cancel"
                : settle                  ? ends[w->rule].action
                : w->type == SAID_READY   ? "ready"
                : w->type == SAID_CONFIRM ? "confirm"
                : w->type == SAID_RULE    ? rules[w->rule - 1].name
                                          : "busy");
    if (w->type == SAID_RULE) {
        a.store = rules[w->rule - 1].of_order;
        a.wanted = (int)w->courier;
        ops_rule(n, ev, out, &a, rules[w->rule - 1].name, who, w->words);
    } else if (w->type == SAID_CONFIRM)
        ops_confirm(n, ev, out, &a, who, w->at);
    else if (w->type == SAID_BUSY)
        shop_busy(n, ev, out, &a, (uint32_t)w->store, (Lifecircle__V1__BusyMode)w->busy,
                  (uint32_t)w->delay_s);
    else if (!ask_step(n, ev, out, &a,
                       cancel   ? "cancel"
                       : settle ? ends[w->rule].action
                                : "ready",
                       cancel || settle ? LIFECIRCLE__V1__REASON__OPERATOR : 0, "operator",
                       settle && w->words.n > 0 ? who_and_why(ev, who, w->words) : who))
        said_done(out, &a, "unavailable");
}

static void
say_trouble(struct outbox *out, uint64_t conn, const struct json_in *in)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "error");
    json_out_cstr(&w, "code", "bad_message");
    json_out_cstr(&w, "field", in->error[0].field);
    json_out_cstr(&w, "detail", in->error[0].error);
    json_out_end(&w);
    if (!b.failed)
        outbox_socket_send(out, conn, true, buf_slice(&b));
    buf_free(&b);
}

void
ops_message(struct notifier *n, struct viewer *v, const struct event *ev, struct outbox *out)
{
    const struct json_limits limits = {MESSAGE_MAX, 4};
    struct wish w = {.busy = LIFECIRCLE__V1__BUSY_MODE__OPEN};
    struct json_in in;

    if (json_in_parse(&in, ev->arena, ev->bytes, &limits) == LC_OK)
        read_wish(&in, &w);
    if (in.error_n > 0) {
        count(n, COUNT_BAD_MESSAGES, 1);
        say_trouble(out, v->conn, &in);
    } else if (w.type == SAID_HELLO) {
        greet(n, ev, out, v);
    } else if (w.type == SAID_PING) {
        outbox_socket_send(out, v->conn, true, SLICE_LIT("{\"type\":\"pong\"}"));
    } else if (w.type == SAID_ORDER) {
        ops_detail(n, ev, out, v->conn, w.uuid);
    } else if (w.type == SAID_FIND) {
        ops_find(n, ev, out, v->conn, w.text);
    } else if (w.type == SAID_PROOF) {
        proof_show(n, ev, out, v->conn, w.uuid, w.rule);
    } else if (w.type == SAID_COURIER) {
        ops_ask_frozen(n, ev, out, v->conn, (uint32_t)w.courier);
    } else if (w.type == SAID_WAY) {
        if (!ways_ask(n, ev, out, v->conn, (uint32_t)w.courier, true, NULL))
            ops_trouble(n, out, v->conn, "too_many",
                        "expected the answer to the last one first; else ask again in a moment");
    } else if (w.type == SAID_ZONE) {
        ops_zone(n, ev, out, v->conn, (uint32_t)w.store);
    } else if (w.type == SAID_SHELF) {
        ops_shelf(n, ev, out, v->conn, (uint32_t)w.store);
    } else {
        act(n, ev, out, &w);
    }
    json_in_close(&in);
}
