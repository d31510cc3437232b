/* matcher_world: a matcher core in a small world: a Redis that knows the catalogue and answers
 * GEOSEARCH exactly as the real one does, and an inventory that takes the first candidate with
 * stock. No sockets, no clock: the test moves the time. */
#ifndef LC_TESTS_MATCHER_WORLD_H
#define LC_TESTS_MATCHER_WORLD_H

#include "matcher_redis.h"

/* ---- inventory ---- */

static inline void
world_record(struct buf *b, const Lifecircle__V1__Order *o, unsigned state, uint32_t store,
             unsigned attempts, const Lifecircle__V1__PlaceCandidate *at)
{
    char head[RECORD_HEAD] = {0};

    head[0] = 1;
    head[1] = (char)state;
    memcpy(head + 8, &o->fingerprint, 8);
    memcpy(head + 16, &o->chain, 4);
    memcpy(head + 20, &store, 4);
    head[30] = (char)attempts;
    memcpy(head + 32, &o->window_start_ms, 8);
    memcpy(head + 40, &o->window_end_ms, 8);
    if (at != NULL) {
        memcpy(head + 56, &at->ready_ms, 8);
        memcpy(head + 64, &at->eta_ms, 8);
    }
    buf_append(b, head, sizeof head);
}

/* Takes the first candidate with all lines; writes as order_place would. */
static inline void
world_place_one(struct world *w, const Lifecircle__V1__PlaceOrder *p,
                Lifecircle__V1__PlaceResult *r, struct buf *head)
{
    uint32_t store = 0;

    w->rounds++;
    for (size_t i = 0; i < p->n_candidates && store == 0 && !p->create; i++) {
        bool all = true;
        for (size_t k = 0; k < p->order->n_lines; k++)
            all = all && (w->stock == NULL ||
                          w->stock(w->ctx, p->candidates[i]->store, p->order->lines[k]->sku_index,
                                   p->order->lines[k]->quantity));
        if (all) {
            store = p->candidates[i]->store;
            r->candidate = (uint32_t)i;
        }
    }
    if (store == 0 && p->more) {
        r->outcome = LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__EXHAUSTED;
        return;
    }
    unsigned state = store != 0  ? LIFECIRCLE__V1__ORDER_STATE__PLACED
                     : p->create ? LIFECIRCLE__V1__ORDER_STATE__CREATED
                     : p->reject ? LIFECIRCLE__V1__ORDER_STATE__REJECTED
                                 : LIFECIRCLE__V1__ORDER_STATE__HELD;
    w->load[store]++; /* of store 0: nobody looks */
    world_record(head, p->order, state, store, 0, store == 0 ? NULL : p->candidates[r->candidate]);
    head->p[2] = (char)(store != 0             ? 0
                        : p->n_candidates == 0 ? p->reason
                                               : LIFECIRCLE__V1__REASON__OUT_OF_STOCK);
    r->outcome = store != 0 ? LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__PLACED_AT
                            : LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__HELD_OR_REJECTED;
    r->head = (ProtobufCBinaryData){head->n, (uint8_t *)head->p};
}

static inline void
world_feed(struct world *w, struct event *ev)
{
    ev->now_ms = w->now_ms;
    if (w->around != NULL)
        w->around(true);
    (void)!stepper_feed(w->stepper, ev);
    if (w->around != NULL)
        w->around(false);
}

static inline void
world_send(struct world *w, Lifecircle__V1__Envelope *env, uint64_t link)
{
    enum { ID_BYTES = 16 };
    size_t n;

    if (env->id.len == 0) {
        uint8_t *id = arena_zalloc(w->arena, ID_BYTES);
        w->ids++;
        memcpy(id, &w->ids, sizeof w->ids);
        env->id = (ProtobufCBinaryData){ID_BYTES, id};
    }
    env->city = (char *)(uintptr_t) "bal";
    env->time_ms = w->now_ms;
    n = lifecircle__v1__envelope__get_packed_size(env);
    uint8_t *p = arena_alloc(w->arena, n);
    lifecircle__v1__envelope__pack(env, p);
    struct event ev = {.kind = EVENT_MESSAGE, .ref = link, .bytes = slice_of((char *)p, n)};
    world_feed(w, &ev);
}

static inline void
world_answer_places(struct world *w, const Lifecircle__V1__Envelope *from)
{
    const Lifecircle__V1__PlaceRequest *p = from->place_request;
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__PlaceReply reply = LIFECIRCLE__V1__PLACE_REPLY__INIT;
    Lifecircle__V1__PlaceResult *r = arena_array(w->arena, p->n_orders, sizeof *r);
    struct buf *head = arena_array(w->arena, p->n_orders, sizeof *head);

    reply.results = arena_array(w->arena, p->n_orders, sizeof(void *));
    for (size_t i = 0; i < p->n_orders; i++) {
        lifecircle__v1__place_result__init(&r[i]);
        r[i].order_id = p->orders[i]->order->order_id;
        world_place_one(w, p->orders[i], &r[i], &head[i]);
        reply.results[reply.n_results++] = &r[i];
        for (size_t k = 0; k < WORLD_ROWS; k++)
            if (w->row[k].there && strcmp(w->row[k].uuid, r[i].order_id) == 0) {
                if (r[i].outcome == LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__PLACED_AT)
                    w->row[k].there = false;
                else
                    w->row[k].due_ms = p->orders[i]->retry_ms;
            }
    }
    env.id = from->id;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_PLACE_REPLY;
    env.place_reply = &reply;
    world_send(w, &env, 0);
    for (size_t i = 0; i < p->n_orders; i++)
        buf_free(&head[i]);
}

enum { WORLD_PRICE = 199, WORLD_PLENTY = 1000 };

/* Every SKU costs WORLD_PRICE; there are 0 or as many as `stock` says at most. */
static inline void
world_answer_checks(struct world *w, const Lifecircle__V1__Envelope *from)
{
    const Lifecircle__V1__CheckRequest *c = from->check_request;
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__CheckReply reply = LIFECIRCLE__V1__CHECK_REPLY__INIT;
    Lifecircle__V1__CheckReply__Item *r = arena_array(w->arena, c->n_items, sizeof *r);

    reply.items = arena_array(w->arena, c->n_items, sizeof(void *));
    for (size_t i = 0; i < c->n_items; i++) {
        const Lifecircle__V1__CheckRequest__Item *q = c->items[i];
        size_t n = q->n_stores * q->n_sku_indexes;
        lifecircle__v1__check_reply__item__init(&r[i]);
        r[i].tag = q->tag;
        r[i].available = arena_array(w->arena, n + 1, sizeof(int32_t));
        r[i].price_cents = arena_array(w->arena, n + 1, sizeof(uint32_t));
        r[i].n_available = r[i].n_price_cents = n;
        for (size_t k = 0; k < n; k++) {
            uint32_t store = q->stores[k / q->n_sku_indexes];
            uint32_t sku = q->sku_indexes[k % q->n_sku_indexes];
            int32_t most = WORLD_PLENTY;
            while (most > 0 && w->stock != NULL && !w->stock(w->ctx, store, sku, (uint32_t)most))
                most--;
            r[i].available[k] = most;
            r[i].price_cents[k] = WORLD_PRICE;
        }
        reply.items[reply.n_items++] = &r[i];
    }
    env.id = from->id;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_CHECK_REPLY;
    env.check_reply = &reply;
    world_send(w, &env, 0);
}

static inline void
world_inventory(struct world *w, struct slice frame)
{
    const Lifecircle__V1__Envelope *env;

    if (wire_decode(w->arena, frame, &env) != LC_OK)
        abort(); /* the matcher must not send what breaks the wire's limits */
    if (env->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_PLACE_REQUEST) {
        w->places++;
        buf_reset(&w->place);
        size_t n = lifecircle__v1__place_request__get_packed_size(env->place_request);
        char *p = buf_reserve(&w->place, n);
        lifecircle__v1__place_request__pack(env->place_request, (uint8_t *)p);
        w->place.n = n;
        if (!w->deaf)
            world_answer_places(w, env);
    } else if (!w->deaf) {
        world_answer_checks(w, env);
    }
}

/* ---- what intake hears ---- */

static inline void
world_heard(struct world *w, struct slice frame)
{
    const Lifecircle__V1__Envelope *env;

    if (wire_decode(w->arena, frame, &env) != LC_OK ||
        env->body_case != LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REPLY)
        abort();
    const Lifecircle__V1__MatchReply *m = env->match_reply;
    for (size_t i = 0; i < m->n_results && w->results < WORLD_RESULTS; i++) {
        const Lifecircle__V1__MatchResult *r = m->results[i];
        struct world_result *to = &w->result[w->results++];
        *to = (struct world_result){.outcome = r->outcome,
                                    .reason = r->reason,
                                    .store = r->store,
                                    .travel_s = r->travel_s,
                                    .ready_ms = r->ready_ms,
                                    .eta_ms = r->eta_ms,
                                    .lines = (uint32_t)r->n_lines};
        snprintf(to->order_id, sizeof to->order_id, "%s", r->order_id);
        if (r->n_lines > 0) {
            to->line_sku = r->lines[0]->sku_index;
            to->line_quantity = r->lines[0]->quantity;
            to->line_for = r->lines[0]->substitute_for;
            to->line_price = r->lines[0]->unit_price_cents;
        }
    }
    if (m->n_nearby > 0) {
        size_t n = lifecircle__v1__nearby_result__get_packed_size(m->nearby[0]);
        buf_reset(&w->nearby);
        char *p = buf_reserve(&w->nearby, n);
        lifecircle__v1__nearby_result__pack(m->nearby[0], (uint8_t *)p);
        w->nearby.n = n;
    }
}

static inline void
world_roads(struct world *w, const struct effect *e)
{
    struct travel_ask ask;
    struct buf b = {0};
    struct event ev = {.kind = EVENT_TRAVEL, .ref = e->ref};

    w->roads_asked++;
    if (travel_ask_get(e->bytes, w->arena, &ask) != LC_OK)
        abort();
    struct travel_cell *cell = arena_array(w->arena, ask.from_n * ask.to_n, sizeof *cell);
    enum travel_end end = w->roads == NULL ? TRAVEL_ENDS : w->roads(w, &ask, cell);
    if (end == TRAVEL_ANSWERED)
        travel_cells_put(&b, cell, ask.from_n * ask.to_n);
    ev.status = (int)end;
    ev.bytes = buf_slice(&b);
    if (end != TRAVEL_ENDS)
        world_feed(w, &ev);
    buf_free(&b);
}

/* One turn: the end of the last one's input, then everything that it caused. Returns whether
 * anything was. */
static inline bool
world_turn(struct world *w)
{
    struct event end = {.kind = EVENT_TURN_END};

    world_feed(w, &end);
    struct outbox *o = stepper_outbox(w->stepper);
    size_t n = outbox_count(o), caused = 0;
    struct effect *list = arena_array(w->arena, n + 1, sizeof *list);
    for (size_t i = 0; i < n; i++) { /* copied: feeding adds to the outbox */
        const struct effect *e = outbox_at(o, i);
        list[i] = *e;
        list[i].bytes = slice_of(arena_copy(w->arena, e->bytes.p, e->bytes.n), e->bytes.n);
        if (e->kind == EFFECT_REDIS) {
            struct slice *argv = arena_array(w->arena, e->argc, sizeof *argv);
            for (size_t k = 0; k < e->argc; k++)
                argv[k] = slice_of(arena_copy(w->arena, e->argv[k].p, e->argv[k].n), e->argv[k].n);
            list[i].argv = argv;
        }
    }
    stepper_flushed(w->stepper);
    for (size_t i = 0; i < n; i++) {
        struct event ev = {.kind = EVENT_REDIS, .ref = list[i].ref};
        if (list[i].kind == EFFECT_REDIS) {
            ev.reply = world_redis(w, &list[i]);
            world_feed(w, &ev);
        } else if (list[i].kind == EFFECT_SEND) {
            world_inventory(w, list[i].bytes);
        } else if (list[i].kind == EFFECT_ANSWER) {
            world_heard(w, list[i].bytes);
        } else if (list[i].kind == EFFECT_TRAVEL) {
            world_roads(w, &list[i]);
        } else {
            continue;
        }
        caused++;
    }
    return caused > 0;
}

static inline void
world_settle(struct world *w)
{
    for (int i = 0; i < 100 && world_turn(w); i++)
        ;
    arena_reset(w->arena);
}

/* world_wait: lets time pass, a tick at a time. */
static inline void
world_wait(struct world *w, int64_t ms)
{
    for (int64_t end = w->now_ms + ms; w->now_ms < end;) {
        w->now_ms += end - w->now_ms < 50 ? end - w->now_ms : 50;
        struct event wake = {.kind = EVENT_WAKE};
        world_feed(w, &wake);
        world_settle(w);
    }
}

static inline void
world_open(struct world *w, const struct config_item *items, size_t n)
{
    struct config_item all[16] = {{SLICE_LIT("city"), SLICE_LIT("bal")}};
    struct config c = {all, n + 1};

    *w = (struct world){.now_ms = 1763800000000, .store_end = 1};
    for (size_t i = 0; i < n; i++)
        all[i + 1] = items[i];
    w->store = calloc(WORLD_STORES, sizeof *w->store);
    w->load = calloc(WORLD_STORES, sizeof *w->load);
    w->arena = arena_new((size_t)256 * 1024 * 1024);
    w->stepper = stepper_new(&matcher_service);
    struct event start = {.kind = EVENT_START, .entropy = 7, .config = &c};
    world_feed(w, &start);
}

/* world_up: Redis is there; the catalogue is loaded. */
static inline void
world_up(struct world *w)
{
    struct event up = {.kind = EVENT_REDIS_UP};

    world_feed(w, &up);
    world_settle(w);
    world_wait(w, 300);
}

static inline void
world_close(struct world *w)
{
    stepper_destroy(w->stepper);
    arena_destroy(w->arena);
    for (uint32_t i = 0; i < w->store_end; i++)
        free(w->store[i].packed);
    for (size_t i = 0; i < WORLD_ROWS; i++)
        buf_free(&w->row[i].record);
    free(w->store);
    free(w->changed);
    free(w->load);
    buf_free(&w->nearby);
    buf_free(&w->place);
    buf_free(&w->frames);
}

static inline struct matcher *
world_core(struct world *w)
{
    return stepper_core(w->stepper);
}

/* world_row: the order waits in Redis. */
static inline void
world_add_row(struct world *w, const Lifecircle__V1__Order *o, bool held, int64_t due_ms)
{
    struct world_row *row = w->row;

    while (row->there)
        row++;
    buf_reset(&row->record);
    world_record(&row->record, o,
                 held ? LIFECIRCLE__V1__ORDER_STATE__HELD : LIFECIRCLE__V1__ORDER_STATE__CREATED, 0,
                 0, NULL);
    size_t n = lifecircle__v1__order__get_packed_size(o);
    char *p = buf_reserve(&row->record, n);
    lifecircle__v1__order__pack(o, (uint8_t *)p);
    row->record.n += n;
    snprintf(row->uuid, sizeof row->uuid, "%s", o->order_id);
    row->held = held;
    row->due_ms = due_ms;
    row->there = true;
}

/* ---- making orders and stores ---- */

/* world_order: one line of SKU 1, at the point, within the next hour. Its id is made of n. */
struct world_order {
    Lifecircle__V1__Order order;
    Lifecircle__V1__Point at;
    Lifecircle__V1__OrderLine line;
    Lifecircle__V1__OrderLine *lines[1];
    char id[37];
};

static inline Lifecircle__V1__Order *
world_order(struct world_order *o, const struct world *w, unsigned n, struct latlng at)
{
    lifecircle__v1__order__init(&o->order);
    lifecircle__v1__point__init(&o->at);
    lifecircle__v1__order_line__init(&o->line);
    snprintf(o->id, sizeof o->id, "00000000-0000-8000-8000-%012u", n);
    o->at.lat_e7 = at.lat_e7;
    o->at.lng_e7 = at.lng_e7;
    o->line.sku_index = 1;
    o->line.quantity = 1;
    o->line.unit_price_cents = -1;
    o->lines[0] = &o->line;
    o->order.order_id = o->id;
    o->order.chain = 1;
    o->order.dropoff = &o->at;
    o->order.items = 1;
    o->order.fingerprint = 1000 + n;
    o->order.n_lines = 1;
    o->order.lines = o->lines;
    o->order.window_start_ms = w->now_ms;
    o->order.window_end_ms = w->now_ms + 3600000;
    o->order.hold_until_ms = w->now_ms + 3000000;
    return &o->order;
}

/* world_ask: one MatchRequest, settled. */
static inline void
world_ask(struct world *w, Lifecircle__V1__Order *order, bool quote)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__MatchRequest m = LIFECIRCLE__V1__MATCH_REQUEST__INIT;

    *(quote ? &m.n_quotes : &m.n_orders) = 1;
    *(quote ? &m.quotes : &m.orders) = &order;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_MATCH_REQUEST;
    env.match_request = &m;
    env.deadline_ms = w->now_ms + 250;
    w->results = 0;
    world_send(w, &env, 77);
    world_settle(w);
}

/* world_store: open day and night, a square zone of half_m around it. */
struct world_shop {
    Lifecircle__V1__Store store;
    Lifecircle__V1__Point at;
    Lifecircle__V1__Ring ring, *rings[1];
    Lifecircle__V1__Interval day[7], *days[7];
    int32_t e7[10];
    char id[16];
};

static inline Lifecircle__V1__Store *
world_store(struct world_shop *s, uint32_t number, struct latlng at, int32_t half_m)
{
    int32_t d = half_m * 90;
    int32_t dlng = (int32_t)(d / cos(at.lat_e7 * (M_PI / 180 / 1e7)));
    const int32_t e7[10] = {at.lat_e7 - d, at.lng_e7 - dlng, at.lat_e7 - d, at.lng_e7 + dlng,
                            at.lat_e7 + d, at.lng_e7 + dlng, at.lat_e7 + d, at.lng_e7 - dlng,
                            at.lat_e7 - d, at.lng_e7 - dlng};

    lifecircle__v1__store__init(&s->store);
    lifecircle__v1__point__init(&s->at);
    lifecircle__v1__ring__init(&s->ring);
    s->at.lat_e7 = at.lat_e7;
    s->at.lng_e7 = at.lng_e7;
    memcpy(s->e7, e7, sizeof e7);
    s->ring.n_e7 = 10;
    s->ring.e7 = s->e7;
    s->rings[0] = &s->ring;
    for (uint32_t i = 0; i < 7; i++) {
        lifecircle__v1__interval__init(&s->day[i]);
        s->day[i].weekday = i;
        s->day[i].close_minute = 1440;
        s->days[i] = &s->day[i];
    }
    snprintf(s->id, sizeof s->id, "s%u", number);
    s->store.store = number;
    s->store.chain = 1;
    s->store.store_id = s->id;
    s->store.name = s->id;
    s->store.at = &s->at;
    s->store.n_zone = 1;
    s->store.zone = s->rings;
    s->store.n_hours = 7;
    s->store.hours = s->days;
    s->store.prep_s = 300;
    s->store.delivers = true;
    s->store.age_check = true;
    s->store.cold = true;
    return &s->store;
}

#endif
