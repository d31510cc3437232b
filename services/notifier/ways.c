#include "notifier/ways.h"
#include "notifier/ops.h"

#include <stdlib.h>

enum { ANSWERS = 3 }; /* of Redis: shift, route, position */

static void
forget_leg(struct ways *w, struct kept_leg *k)
{
    HASH_DELETE(hh, w->kept, k);
    w->kept_bytes -= k->found.n;
    buf_free(&k->found);
    free(k);
}

static void
forget_legs(struct ways *w)
{
    struct kept_leg *k, *next;

    HASH_ITER(hh, w->kept, k, next) forget_leg(w, k);
}

static void
free_way(struct notifier *n, struct way *y)
{
    HASH_DELETE(hh, n->ways.asked, y);
    for (size_t i = 0; i < y->n; i++)
        buf_free(&y->leg[i].found);
    free(y);
}

void
ways_close(struct notifier *n)
{
    while (n->ways.asked != NULL)
        free_way(n, n->ways.asked);
    forget_legs(&n->ways);
}

void
ways_map(struct notifier *n, const struct travel *travel)
{
    n->ways.map++;
    n->ways.streets = travel != NULL && travel->course != NULL;
    forget_legs(&n->ways);
}

/* ---- what is remembered ---- */

static struct leg_key
key_of(enum travel_mode mode, const struct way_leg *leg)
{
    return (struct leg_key){.mode = (int32_t)mode, .from = leg->from, .to = leg->to};
}

static void
recall(struct ways *w, enum travel_mode mode, struct way_leg *leg)
{
    struct leg_key key = key_of(mode, leg);
    const struct kept_leg *k;

    HASH_FIND(hh, w->kept, &key, sizeof key, k);
    if (k == NULL)
        return;
    buf_append(&leg->found, k->found.p, k->found.n);
    leg->known = !leg->found.failed;
}

/* remember: in the place of the oldest. Without memory it is found anew the next time. */
static void
remember(struct ways *w, enum travel_mode mode, const struct way_leg *leg)
{
    bool map_failed = false;
    struct leg_key key = key_of(mode, leg);
    struct kept_leg *k;

    HASH_FIND(hh, w->kept, &key, sizeof key, k);
    if (k != NULL || (k = calloc(1, sizeof *k)) == NULL)
        return;
    k->key = key;
    buf_append(&k->found, leg->found.p, leg->found.n);
    if (!k->found.failed)
        HASH_ADD(hh, w->kept, key, sizeof k->key, k);
    if (k->found.failed || map_failed) {
        buf_free(&k->found);
        free(k);
        return;
    }
    w->kept_bytes += k->found.n;
    struct kept_leg *next;
    HASH_ITER(hh, w->kept, k, next)
    {
        if (HASH_COUNT(w->kept) <= WAYS_KEPT && w->kept_bytes <= WAYS_KEPT_BYTES)
            break;
        forget_leg(w, k);
    }
}

/* ---- asking ---- */

static struct way *
way_by_number(const struct notifier *n, uint64_t number)
{
    struct way *y;

    HASH_FIND(hh, n->ways.asked, &number, sizeof number, y);
    return y;
}

static bool
waits(const struct notifier *n, uint64_t conn)
{
    for (const struct way *y = n->ways.asked; y != NULL; y = y->hh.next)
        if (y->conn == conn)
            return true;
    return false;
}

static void
read_courier(const struct notifier *n, const struct event *ev, struct outbox *out,
             const struct way *y)
{
    struct arena *a = ev->arena;
    struct slice who = redis_number(a, y->courier);
    struct slice shift[] = {SLICE_LIT("HGET"), redis_key(n, a, "shifts"), who};
    struct slice route[] = {SLICE_LIT("HGET"), redis_key(n, a, "routes"), who};
    struct slice at[] = {SLICE_LIT("ZSCORE"), redis_key(n, a, "geo:couriers"), who};
    uint64_t tag = call_tag(CALL_WAY, y->number);

    outbox_redis(out, tag, shift, 3);
    outbox_redis(out, tag, route, 3);
    outbox_redis(out, tag, at, 3);
}

bool
ways_ask(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
         uint32_t courier, bool for_operator, const struct latlng *at)
{
    bool map_failed = false;
    struct way *y =
        HASH_COUNT(n->ways.asked) >= WAYS_AT_ONCE || waits(n, conn) ? NULL : calloc(1, sizeof *y);

    if (y != NULL) {
        y->number = ++n->next_number;
        HASH_ADD(hh, n->ways.asked, number, sizeof y->number, y);
    }
    if (y == NULL || map_failed) {
        free(y);
        count(n, COUNT_WAYS_REFUSED, 1);
        return false;
    }
    y->conn = conn;
    y->courier = courier;
    y->for_operator = for_operator;
    y->asked_ms = ev->now_ms;
    y->map = n->ways.map;
    y->given = y->has_at = at != NULL;
    if (at != NULL)
        y->at = *at;
    read_courier(n, ev, out, y);
    return true;
}

/* ---- answering ---- */

static void
say(struct notifier *n, const struct event *ev, struct outbox *out, const struct way *y,
    Lifecircle__V1__CourierWay *way)
{
    const struct session *s = session_by_conn(n, y->conn);
    Lifecircle__V1__CourierSocket m = LIFECIRCLE__V1__COURIER_SOCKET__INIT;

    if (y->for_operator) {
        struct buf b = {0};
        struct json_out w = json_out_to(&b);
        json_out_object(&w, NULL);
        json_out_cstr(&w, "type", "way");
        json_out_uint(&w, "courier", y->courier);
        ways_write(&w, way);
        json_out_end(&w);
        ops_tell(n, out, y->conn, &b);
    } else if (s != NULL && s->courier == y->courier) {
        m.body_case = LIFECIRCLE__V1__COURIER_SOCKET__BODY_WAY;
        m.way = way;
        frames_send(out, ev->arena, s, &m);
    }
}

static void
give_up(struct notifier *n, const struct event *ev, struct outbox *out, struct way *y)
{
    const struct session *s = session_by_conn(n, y->conn);
    static const char why[] = "the way cannot be said now; ask again";

    count(n, COUNT_WAYS_REFUSED, 1);
    if (y->for_operator)
        ops_trouble(n, out, y->conn, "unavailable", why);
    else if (s != NULL)
        phones_trouble(out, ev->arena, s, "unavailable", why);
    free_way(n, y);
}

/* answer: all legs are found. */
static void
answer(struct notifier *n, const struct event *ev, struct outbox *out, struct way *y)
{
    Lifecircle__V1__CourierWay way = LIFECIRCLE__V1__COURIER_WAY__INIT;
    Lifecircle__V1__CourierWay__Leg legs[WAY_LEGS];
    Lifecircle__V1__CourierWay__Leg *list[WAY_LEGS];

    way.version = y->version;
    way.legs = list;
    for (size_t i = 0; i < y->n; i++) {
        lifecircle__v1__courier_way__leg__init(&legs[i]);
        if (!ways_leg_read(buf_slice(&y->leg[i].found), ev->arena, &legs[i])) {
            give_up(n, ev, out, y);
            return;
        }
        legs[i].order_id = y->leg[i].order_id;
        legs[i].kind = (Lifecircle__V1__Stop__Kind)y->leg[i].stop_kind;
        list[way.n_legs++] = &legs[i];
        count(n, COUNT_WAY_LEGS, 1);
        count(n, COUNT_WAY_LEGS_STRAIGHT, legs[i].straight ? 1 : 0);
        count(n, COUNT_WAY_LEGS_KEPT, y->leg[i].known);
    }
    say(n, ev, out, y, &way);
    free_way(n, y);
}

/* ask_work: for the legs that nobody knows yet. Without streets there is nothing to look for. */
static void
ask_work(struct notifier *n, const struct event *ev, struct outbox *out, struct way *y)
{
    struct buf job = {0};
    size_t unknown = 0;

    ways_job_begin(&job, y->mode, ev->now_ms);
    for (size_t i = 0; i < y->n; i++)
        if (!y->leg[i].known) {
            ways_job_leg(&job, y->leg[i].from, y->leg[i].to);
            unknown++;
        }
    if (job.failed) {
        give_up(n, ev, out, y);
    } else if (unknown == 0) {
        answer(n, ev, out, y);
    } else if (!n->ways.streets) {
        struct buf found = {0};
        struct event done = *ev;
        done.ref = y->number;
        done.status = -(int)ways_work(NULL, buf_slice(&job), &found);
        done.bytes = buf_slice(&found);
        ways_done(n, &done, out);
        buf_free(&found);
    } else {
        outbox_work(out, y->number, buf_slice(&job));
    }
    buf_free(&job);
}

void
ways_done(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct way *y = way_by_number(n, ev->ref);
    struct cursor c = {.p = ev->bytes.p, .n = ev->bytes.n};

    if (y == NULL)
        return; /* given up */
    for (size_t i = 0; i < y->n && ev->status == 0; i++) {
        struct way_leg *leg = &y->leg[i];
        if (leg->known)
            continue;
        struct slice found = cursor_blob(&c);
        buf_append(&leg->found, found.p, found.n);
        if (leg->lasting && y->map == n->ways.map && !c.failed && !leg->found.failed)
            remember(&n->ways, y->mode, leg);
    }
    if (ev->status != 0 || c.failed)
        give_up(n, ev, out, y);
    else
        answer(n, ev, out, y);
}

/* ---- what Redis says ---- */

static void
keep_shift(struct way *y, const struct event *ev)
{
    struct slice value = ev->reply->str;
    const Lifecircle__V1__Shift *shift =
        value.n < 4 ? NULL
                    : wire_unpack(&lifecircle__v1__shift__descriptor, ev->arena,
                                  slice_of(value.p + 4, value.n - 4));

    y->mode = shift != NULL && (unsigned)shift->vehicle < TRAVEL_MODES
                  ? (enum travel_mode)shift->vehicle
                  : TRAVEL_BICYCLE;
    if (!y->given && shift != NULL && shift->at != NULL) { /* until the first position */
        y->at = (struct latlng){shift->at->lat_e7, shift->at->lng_e7};
        y->has_at = geo_valid(y->at);
    }
}

static void
keep_route(struct way *y, const struct event *ev)
{
    struct slice value = ev->reply->str;
    const Lifecircle__V1__Route *route =
        value.n < 4 ? NULL
                    : wire_unpack(&lifecircle__v1__route__descriptor, ev->arena,
                                  slice_of(value.p + 4, value.n - 4));

    y->version = route == NULL ? 0 : route->version;
    for (size_t i = 0; route != NULL && i < route->n_stops && y->n < WAY_LEGS; i++) {
        const Lifecircle__V1__Stop *stop = route->stops[i];
        struct way_leg *leg = &y->leg[y->n];
        if (stop->at == NULL || strlen(stop->order_id) >= sizeof leg->order_id)
            continue;
        memcpy(leg->order_id, stop->order_id, strlen(stop->order_id) + 1);
        leg->stop_kind = (int)stop->kind;
        leg->to = (struct latlng){stop->at->lat_e7, stop->at->lng_e7};
        if (y->n++ > 0) {
            leg->from = leg[-1].to;
            leg->lasting = true;
        }
    }
}

/* keep_position: the first leg begins there; without a position there is no first leg. */
static void
keep_position(struct way *y, const struct event *ev)
{
    const char *score = arena_copy(ev->arena, ev->reply->str.p, ev->reply->str.n);

    if (!y->given && ev->reply->kind == REPLY_STRING && score != NULL)
        y->has_at = ops_place_of((uint64_t)strtod(score, NULL), &y->at);
    if (y->has_at && y->n > 0) {
        y->leg[0].from = y->at;
    } else if (y->n > 0) {
        y->n--;
        memmove(y->leg, y->leg + 1, y->n * sizeof *y->leg);
    }
}

void
ways_reply(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct way *y = way_by_number(n, call_number(ev->ref));

    if (y == NULL)
        return;
    if (ev->reply->kind != REPLY_STRING && ev->reply->kind != REPLY_NIL) {
        give_up(n, ev, out, y);
        return;
    }
    y->answers++;
    if (y->answers == 1) {
        keep_shift(y, ev);
    } else if (y->answers == 2) {
        keep_route(y, ev);
    } else if (y->answers == ANSWERS) {
        keep_position(y, ev);
        for (size_t i = 0; i < y->n; i++)
            if (y->leg[i].lasting)
                recall(&n->ways, y->mode, &y->leg[i]);
        ask_work(n, ev, out, y);
    }
}

void
ways_tick(struct notifier *n, const struct event *ev, struct outbox *out)
{
    while (n->ways.asked != NULL && ev->now_ms >= n->ways.asked->asked_ms + WAY_PATIENCE_MS)
        give_up(n, ev, out, n->ways.asked);
}

/* ---- as JSON ---- */

void
ways_write(struct json_out *w, const Lifecircle__V1__CourierWay *way)
{
    static const char *const kinds[] = {"pickup", "dropoff", "return"};

    json_out_uint(w, "version", way->version);
    json_out_array(w, "legs");
    for (size_t i = 0; i < way->n_legs; i++) {
        const Lifecircle__V1__CourierWay__Leg *leg = way->legs[i];
        json_out_object(w, NULL);
        json_out_cstr(w, "kind", (size_t)leg->kind < 3 ? kinds[leg->kind] : "pickup");
        json_out_cstr(w, "order_id", leg->order_id);
        json_out_cstr(w, "line", leg->line);
        json_out_uint(w, "metres", leg->metres);
        json_out_uint(w, "seconds", leg->seconds);
        json_out_bool(w, "straight", leg->straight);
        json_out_array(w, "streets");
        for (size_t k = 0; k < leg->n_streets; k++) {
            json_out_object(w, NULL);
            json_out_cstr(w, "name", leg->streets[k]->name);
            json_out_uint(w, "metres", leg->streets[k]->metres);
            json_out_end(w);
        }
        json_out_end(w);
        json_out_end(w);
    }
    json_out_end(w);
}
