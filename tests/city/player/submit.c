/* The biggest chain's own line: SubmitRequest over ZeroMQ, answers by the envelope's id. */
#include "play.h"

#include "base/wire.h"

#include "envelope.pb-c.h"

#include <event2/event.h>

#include <stdlib.h>
#include <zmq.h>

#define STATE(name) LIFECIRCLE__V1__ORDER_STATE__##name

enum { PATIENCE_MS = 7000, WAITING_MAX = 4096 };

struct waiting {
    uint8_t id[16]; /* of the envelope */
    struct order *order;
    int64_t until_ms;
    UT_hash_handle hh;
};

struct feed {
    struct play *play;
    void *context;
    void *socket;
    struct event *readable;
    struct event *due;
    struct mint mint;
    struct arena *arena;
    struct waiting *waiting;
};

static void
drop(struct feed *f, struct waiting *w)
{
    HASH_DEL(f->waiting, w);
    free(w);
}

/* ---- answers ---- */

static void
settle_refused(struct feed *f, struct order *o, const Lifecircle__V1__SubmitResult *r)
{
    struct json_value code = {.key = "code", .key_n = 4, .kind = JSON_KIND_STRING};
    struct json_value id = {.key = "order_id", .key_n = 8, .kind = JSON_KIND_STRING};
    struct json_value problem = {.kind = JSON_KIND_OBJECT, .n = 2, .first = &code};

    code.string = r->code;
    code.n = (uint32_t)strlen(r->code);
    code.next = &id;
    id.string = r->order_id;
    id.n = (uint32_t)strlen(r->order_id);
    order_settled(f->play, o, (int)r->status, &problem);
}

static void
settle(struct feed *f, struct order *o, const Lifecircle__V1__SubmitReply *reply)
{
    struct play *p = f->play;

    if (reply->n_results != 1) { /* refused as a whole: 401, 413, 429, 503 */
        order_settled(p, o, reply->status == 401 ? 503 : (int)reply->status, NULL);
        return;
    }
    const Lifecircle__V1__SubmitResult *r = reply->results[0];
    if (r->status != 201 && r->status != 202) {
        settle_refused(f, o, r);
        return;
    }
    if (o->asked != ASKED_SENT)
        return;
    p->tally.answers++;
    snprintf(o->store, sizeof o->store, "%s", r->store_id);
    order_named(p, o, r->order_id, r->status == 201);
    order_log(p, o, (int)r->status);
    if (o->of->collection || o->door != DOOR_PLACE)
        o->look_ms = clock_ms(); /* when it is ready, the reply does not say; nor where it goes */
}

static void
take(struct feed *f, struct slice frame)
{
    const Lifecircle__V1__Envelope *env;
    struct waiting *w;

    arena_reset(f->arena);
    if (wire_decode(f->arena, frame, &env) != LC_OK ||
        env->body_case != LIFECIRCLE__V1__ENVELOPE__BODY_SUBMIT_REPLY || env->id.len != 16) {
        f->play->tally.errors++;
        return;
    }
    HASH_FIND(hh, f->waiting, env->id.data, 16, w);
    if (w == NULL)
        return; /* late: it has been sent again */
    struct order *o = w->order;
    drop(f, w);
    settle(f, o, env->submit_reply);
}

static void
drain(struct feed *f)
{
    zmq_msg_t m;

    zmq_msg_init(&m);
    while (zmq_msg_recv(&m, f->socket, ZMQ_DONTWAIT) >= 0)
        if (zmq_msg_size(&m) > 0) /* DEALER to ROUTER may put an empty part in front */
            take(f, slice_of(zmq_msg_data(&m), zmq_msg_size(&m)));
    zmq_msg_close(&m);
}

static void
ready(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    drain(ctx);
}

/* What was not answered goes out again; ZeroMQ's descriptor is edge-triggered, so it is looked at
 * anyway. */
static void
tick(evutil_socket_t fd, short what, void *ctx)
{
    struct feed *f = ctx;
    struct waiting *w, *next;
    int64_t now_ms = clock_ms();

    (void)fd;
    (void)what;
    drain(f);
    HASH_ITER(hh, f->waiting, w, next)
    {
        if (now_ms < w->until_ms)
            continue;
        struct order *o = w->order;
        drop(f, w);
        order_settled(f->play, o, 0, NULL);
    }
}

/* ---- requests ---- */

static char *
text(struct feed *f, const char *s)
{
    return needed(arena_copy(f->arena, s, strlen(s)));
}

static void
put_lines(struct feed *f, const struct order *o, Lifecircle__V1__OrderSubmission *s)
{
    const struct city_chain *chain = &f->play->chains[o->chain];

    s->n_lines = o->of->line_n;
    s->lines = needed(arena_array(f->arena, s->n_lines, sizeof *s->lines));
    for (size_t i = 0; i < s->n_lines; i++) {
        const struct city_sku *sku = &chain->sku[o->of->line[i].sku];
        Lifecircle__V1__OrderLine *l = needed(arena_alloc(f->arena, sizeof *l));
        *l = (Lifecircle__V1__OrderLine)LIFECIRCLE__V1__ORDER_LINE__INIT;
        l->sku = text(f, sku->code);
        l->quantity = o->of->line[i].quantity;
        l->unit_price_cents = sku->price_cents;
        if (o->of->shortage == CITY_SUBSTITUTE && sku->instead != o->of->line[i].sku) {
            l->n_substitutes = 1;
            l->substitutes = needed(arena_array(f->arena, 1, sizeof *l->substitutes));
            l->substitutes[0] = text(f, chain->sku[sku->instead].code);
        }
        s->lines[i] = l;
    }
}

static void
put_order(struct feed *f, const struct order *o, Lifecircle__V1__OrderSubmission *s,
          Lifecircle__V1__Contact *who)
{
    const struct city_order *of = o->of;
    struct play *p = f->play;
    char address[DOOR_TEXT];

    s->external_order_id = text(f, of->external_id);
    s->fulfilment = of->collection ? LIFECIRCLE__V1__FULFILMENT__COLLECTION
                                   : LIFECIRCLE__V1__FULFILMENT__DELIVERY;
    s->by_address = o->door != DOOR_PLACE;
    if (!s->by_address) {
        s->lat = of->dropoff.lat_e7 / 1e7;
        s->lng = of->dropoff.lng_e7 / 1e7;
    }
    s->address = text(f, door_text(of->address, o->door, address));
    s->instructions = text(f, of->instructions);
    who->name = text(f, of->customer);
    who->phone = needed(arena_printf(f->arena, "+141055501%02u", of->phone));
    s->customer = who;
    s->currency = text(f, "USD");
    if (of->end_ms > 0) {
        s->window_start_ms = at_ms(p, of->start_ms);
        s->window_end_ms = at_ms(p, of->end_ms);
    }
    s->shortage = (Lifecircle__V1__Shortage)of->shortage; /* the same numbers */
    s->price_policy = p->chains[o->chain].prices_differ
                          ? LIFECIRCLE__V1__PRICE_POLICY__PRICE_TAKE
                          : LIFECIRCLE__V1__PRICE_POLICY__PRICE_REFUSE;
    if (of->only_store >= 0)
        s->store_id = text(f, p->stores[of->only_store].id);
    s->cold = of->cold;
    s->simulated = true;
    put_lines(f, o, s);
}

void
feed_send(struct feed *f, struct order *o)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__SubmitRequest request = LIFECIRCLE__V1__SUBMIT_REQUEST__INIT;
    Lifecircle__V1__OrderSubmission s = LIFECIRCLE__V1__ORDER_SUBMISSION__INIT;
    Lifecircle__V1__OrderSubmission *list[] = {&s};
    Lifecircle__V1__Contact who = LIFECIRCLE__V1__CONTACT__INIT;
    struct waiting *w = needed(calloc(1, sizeof *w));
    int64_t now_ms = clock_ms();
    bool map_failed = false;

    arena_reset(f->arena);
    envelope_init(&env, &f->mint, now_ms, now_ms + PATIENCE_MS);
    put_order(f, o, &s, &who);
    request.api_key = f->play->chain[o->chain].key;
    request.n_orders = 1;
    request.orders = list;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_SUBMIT_REQUEST;
    env.submit_request = &request;
    size_t n = lifecircle__v1__envelope__get_packed_size(&env);
    uint8_t *bytes = needed(arena_alloc(f->arena, n));
    lifecircle__v1__envelope__pack(&env, bytes);
    memcpy(w->id, env.id.data, sizeof w->id);
    w->order = o;
    w->until_ms = now_ms + PATIENCE_MS;
    HASH_ADD(hh, f->waiting, id, sizeof w->id, w);
    if (map_failed)
        give_up("out of memory");
    if (zmq_send(f->socket, bytes, n, ZMQ_DONTWAIT) < 0)
        w->until_ms = now_ms + 500; /* nobody there now */
    else
        f->play->tally.zmq++;
    event_active(f->readable, 0, 0);
}

struct feed *
feed_new(struct play *p)
{
    const struct timeval every = {0, 50000};
    const int none = 0, patience_ms = 500;
    struct feed *f = needed(calloc(1, sizeof *f));
    int fd;
    size_t n = sizeof fd;

    f->play = p;
    f->arena = needed(arena_new(WIRE_ARENA_MAX));
    mint_init(&f->mint, "lc-city", slice_str(p->wish.city), (uint64_t)clock_us());
    f->context = needed(zmq_ctx_new());
    f->socket = needed(zmq_socket(f->context, ZMQ_DEALER));
    zmq_setsockopt(f->socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(f->socket, ZMQ_RECONNECT_IVL_MAX, &patience_ms, sizeof patience_ms);
    if (zmq_connect(f->socket, p->wish.intake_zmq) != 0 ||
        zmq_getsockopt(f->socket, ZMQ_FD, &fd, &n) != 0)
        give_up("%s: %s", p->wish.intake_zmq, zmq_strerror(zmq_errno()));
    f->readable = needed(event_new(p->base, fd, EV_READ | EV_PERSIST, ready, f));
    f->due = needed(event_new(p->base, -1, EV_PERSIST, tick, f));
    event_add(f->readable, NULL);
    event_add(f->due, &every);
    return f;
}

void
feed_free(struct feed *f)
{
    struct waiting *w, *next;

    if (f == NULL)
        return;
    HASH_ITER(hh, f->waiting, w, next)
    drop(f, w);
    event_free(f->readable);
    event_free(f->due);
    zmq_close(f->socket);
    zmq_ctx_term(f->context);
    arena_destroy(f->arena);
    free(f);
}
