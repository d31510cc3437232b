/* Open orders as Redis has them. */
#include "router/core.h"

#include <stdlib.h>

bool
state_open(unsigned state)
{
    return state >= STATE(PLACED) && !record_is_end(state) && state != STATE(READY_FOR_COLLECTION);
}

bool
state_unstarted(unsigned state)
{
    return state >= STATE(PLACED) && state < STATE(PICKED_UP);
}

bool
state_carried(unsigned state)
{
    return (state >= STATE(PICKED_UP) && state < STATE(DELIVERED)) || state == STATE(RETURNING);
}

bool
uuids_add(struct uuids *u, struct uuid id)
{
    if (u->n == u->room) {
        size_t room = u->room == 0 ? 16 : u->room * 2;
        struct uuid *list = realloc(u->list, room * sizeof *list);
        if (list == NULL)
            return false;
        u->list = list;
        u->room = room;
    }
    u->list[u->n++] = id;
    return true;
}

struct order *
order_find(struct router *r, struct uuid id)
{
    struct order *o;

    HASH_FIND(hh, r->orders, id.b, sizeof id.b, o);
    return o;
}

void
note_order(struct router *r, const struct order *o, const char *event, const char *key,
           const char *value)
{
    outbox_order(r->out, event,
                 &(struct order_note){.order = o->id,
                                      .trace = o->trace,
                                      .store = o->store,
                                      .courier = o->courier,
                                      .ms = -1,
                                      .key = key,
                                      .value = value});
}

void
order_forget(struct router *r, struct order *o)
{
    HASH_DEL(r->orders, o);
    free(o);
}

void
order_ended(struct router *r, struct order *o)
{
    struct pin_tries *t;

    HASH_FIND(hh, r->pins, o->id.b, sizeof o->id.b, t);
    if (t != NULL) {
        HASH_DEL(r->pins, t);
        free(t);
    }
    (void)!plan_remove(r->plan, o->id);
    order_forget(r, o);
}

/* ---- reading records ---- */

/* The id is the first field, and that is how everybody packs it. */
static bool
id_of(struct router *r, struct slice order, struct uuid *id)
{
    if (order.n > 38 && order.p[0] == 0x0a && order.p[1] == 36)
        return uuid_parse(slice_of(order.p + 2, 36), id) == LC_OK;
    const Lifecircle__V1__Order *o =
        wire_unpack(&lifecircle__v1__order__descriptor, r->arena, order);
    return o != NULL && uuid_parse(slice_str(o->order_id), id) == LC_OK;
}

static struct order *
order_new(struct router *r, struct uuid id, const struct record *head)
{
    bool map_failed = false;
    const Lifecircle__V1__Order *order =
        wire_unpack(&lifecircle__v1__order__descriptor, r->arena, head->order);

    if (order == NULL || order->dropoff == NULL) {
        outbox_note(r->out, "router_broken_record", "hash=order");
        return NULL;
    }
    struct order *o = calloc(1, sizeof *o);
    if (o != NULL) {
        o->id = id;
        traceparent_of_order(id, order->traceparent, &o->trace);
        o->placed_ms = head->courier == 0 ? head->entered_ms[STATE(PLACED)] : 0;
        o->task = (struct plan_order){
            .id = id,
            .dropoff = {order->dropoff->lat_e7, order->dropoff->lng_e7},
            .ready_ms = head->ready_ms,
            .promise_ms = head->window_end_ms,
            .load = {order->items, order->weight_g, order->volume_ml},
            .pickup_s = r->set.pickup_s,
            .dropoff_s = r->set.dropoff_s,
            .age_check = order->age_check,
            .cold = order->cold,
            .priority =
                order->priority < PLAN_PRIORITY_MAX ? (uint8_t)order->priority : PLAN_PRIORITY_MAX,
        };
        HASH_ADD(hh, r->orders, id, sizeof o->id, o);
    }
    if (o == NULL || map_failed) {
        free(o);
        router_rebuild(r, "memory");
        return NULL;
    }
    return o;
}

static void
take_ready(struct router *r, struct order *o, const struct record *head)
{
    if (o->ready || (head->flags & RECORD_READY) == 0)
        return;
    o->ready = true;
    if (head->updated_ms < o->task.ready_ms)
        o->task.ready_ms = head->updated_ms;
    (void)!plan_ready(r->plan, o->id, o->task.ready_ms);
}

static bool
read_record(struct router *r, struct slice bytes, struct record *head, struct uuid *id)
{
    if (record_read(bytes, head) == LC_OK && id_of(r, head->order, id))
        return true;
    outbox_note(r->out, "router_broken_record", "hash=order");
    return false;
}

struct order *
order_learn(struct router *r, struct slice record, struct record *head)
{
    struct uuid id;

    if (!read_record(r, record, head, &id))
        return NULL;
    struct order *o = order_find(r, id);
    if (!state_open(head->state) || (head->flags & RECORD_COLLECTION) != 0) {
        if (o != NULL)
            order_ended(r, o);
        return NULL;
    }
    if (o == NULL)
        o = order_new(r, id, head);
    if (o == NULL)
        return NULL;
    o->state = head->state;
    o->version = head->version;
    o->courier = head->courier;
    o->store = head->store;
    o->live_eta_ms = head->live_eta_ms;
    take_ready(r, o, head);
    return o;
}

bool
order_locate(struct router *r, struct order *o)
{
    const struct catalogue_store *s = catalogue_store(r->catalogue, o->store);

    if (s == NULL || !geo_valid(s->at)) {
        outbox_note(r->out, "router_unknown_store", "store=%u", o->store);
        o->task.pickup = o->task.dropoff;
        return o->courier !=
               0; /* on its way already: a return is all that its place is needed for */
    }
    o->task.pickup = s->at;
    return true;
}

/* Only ever after a bug or a hand in Redis: the record names a courier whose route does not know
 * it. */
static void
repair(struct router *r, struct order *o)
{
    note_order(r, o, "router_order_astray", "state", record_state_name(o->state));
    if (!state_unstarted(o->state))
        return;
    struct commit *m = commit_new(r, NULL);
    if (m != NULL)
        commit_step(r, m, o->id, ACT_UNASSIGN, REASON(OPERATOR));
}

void
order_place(struct router *r, struct order *o)
{
    struct plan_placement at;

    if (o->courier != 0) {
        struct courier *c = courier_find(r, o->courier);
        if (c == NULL || !route_has(&c->route, o->id))
            repair(r, o);
        return;
    }
    enum lc_err err = plan_insert(r->plan, &o->task, &at);
    r->look = true;
    if (err == LC_EEXIST)
        return;
    if (err != LC_OK)
        router_rebuild(r, "plan");
    else if (!at.placed && !o->noted) {
        o->noted = true;
        note_order(r, o, "order_waits", "why", plan_verdict_name(at.why));
    }
}

/* ---- what Redis says ---- */

static bool
in_the_way(struct router *r, uint32_t courier)
{
    const struct courier *c = courier == 0 ? NULL : courier_find(r, courier);

    return c != NULL && !courier_free_to_act(c);
}

static void
doubt(struct router *r, uint32_t courier, struct uuid id)
{
    struct courier *c = courier_get(r, courier);

    if (c == NULL)
        return;
    if (!uuids_add(&c->doubt, id))
        router_rebuild(r, "memory");
    reread_start(r, c);
}

static void
observe_end(struct router *r, struct order *o)
{
    struct courier *c = o->courier == 0 ? NULL : courier_find(r, o->courier);

    order_ended(r, o);
    if (c != NULL)
        trim_start(r, c);
}

void
order_observe(struct router *r, struct slice bytes)
{
    struct record head;
    struct uuid id;

    if (!read_record(r, bytes, &head, &id) || (head.flags & RECORD_COLLECTION) != 0)
        return;
    struct order *o = order_find(r, id);
    if (o != NULL && o->state == head.state && o->courier == head.courier) {
        o->version = head.version;
        take_ready(r, o, &head);
        return;
    }
    bool open = state_open(head.state);
    if (o == NULL && !open)
        return;
    if (in_the_way(r, head.courier) || (o != NULL && in_the_way(r, o->courier))) {
        if (!uuids_add(&r->later, id))
            router_rebuild(r, "memory");
    } else if (!open) {
        observe_end(r, o);
    } else if (head.courier != 0) {
        doubt(r, head.courier, id);
    } else if (o != NULL && o->courier != 0) {
        doubt(r, o->courier, id);
    } else {
        o = order_learn(r, bytes, &head);
        if (o != NULL && !order_locate(r, o))
            order_forget(r, o);
        else if (o != NULL)
            order_place(r, o);
    }
}

size_t
orders_ask(struct router *r, enum call_kind kind, uint64_t seq, const struct uuid *list, size_t n)
{
    size_t calls = 0;

    for (size_t at = 0; at < n; at += MGET_CHUNK, calls++) {
        struct slice argv[MGET_CHUNK + 1] = {SLICE_LIT("MGET")};
        size_t argc = 1;
        for (size_t i = at; i < n && i < at + MGET_CHUNK; i++) {
            char name[6 + UUID_TEXT] = "order:";
            uuid_format(list[i], name + 6);
            argv[argc++] = slice_str(key_of(r, name));
        }
        outbox_redis(r->out, router_tag(r, kind, seq), argv, argc);
    }
    return calls;
}

void
orders_want(struct router *r, struct uuid id)
{
    if (r->phase != PHASE_ACTIVE || r->want.n >= WANT_MAX) /* the due row brings it back */
        return;
    if (!uuids_add(&r->want, id))
        router_rebuild(r, "memory");
}

void
orders_fetch(struct router *r)
{
    orders_ask(r, CALL_ORDERS, 0, r->want.list, r->want.n);
    r->want.n = 0;
}

void
orders_take(struct router *r, const struct reply *reply)
{
    if (reply->kind != REPLY_ARRAY)
        return; /* lost: the due rows bring them back */
    for (size_t i = 0; i < reply->n && !r->rebuild; i++)
        if (reply->items[i].kind == REPLY_STRING)
            order_observe(r, reply->items[i].str);
}

void
orders_claim(struct router *r)
{
    if (r->claim_asked_ms != 0 && r->now_ms - r->claim_asked_ms < ANSWER_MS)
        return;
    struct slice argv[] = {SLICE_LIT("FCALL"),      SLICE_LIT("due_claim"),
                           SLICE_LIT("1"),          slice_str(key_of(r, "")),
                           text_of(r, r->now_ms),   SLICE_LIT("dispatch"),
                           text_of(r, CLAIM_LIMIT), text_of(r, CLAIM_VISIBLE_MS)};
    r->claim_asked_ms = r->now_ms;
    outbox_redis(r->out, router_tag(r, CALL_CLAIM, 0), argv, sizeof argv / sizeof *argv);
}

void
orders_claimed(struct router *r, const struct reply *reply)
{
    r->claim_asked_ms = 0;
    if (reply->kind != REPLY_ARRAY)
        return;
    for (size_t i = 0; i + 1 < reply->n && !r->rebuild; i += 2)
        order_observe(r, reply->items[i + 1].str);
    if (reply->n == 2 * CLAIM_LIMIT && router_acts(r))
        orders_claim(r);
}

/* Each try looks at all places of the plan: bounded work, whatever the size of the city. */
static size_t
tries(const struct router *r)
{
    enum { PLACES = 40000 };

    return PLACES / (HASH_COUNT(r->couriers) + 2 * HASH_COUNT(r->orders) + 1) + 1;
}

void
orders_retry(struct router *r)
{
    enum { MOST = 32 };
    size_t placed, n = tries(r);

    if (plan_pool_size(r->plan) > 0 && plan_retry(r->plan, n < MOST ? n : MOST, &placed) != LC_OK)
        router_rebuild(r, "plan");
}

void
orders_tick(struct router *r)
{
    size_t moved;

    for (size_t i = 0; i < r->later.n; i++)
        orders_want(r, r->later.list[i]);
    r->later.n = 0;
    if (r->set.improve_iterations == 0 && plan_improve(r->plan, tries(r), &moved) != LC_OK)
        router_rebuild(r, "plan");
}
