/* router_redis: as much of Redis as a router's core needs. Functions of the library are done in the
 * fewest words that keep their promises: versions, the lease's epoch, and which state allows which
 * step. */
#ifndef LC_TESTS_ROUTER_REDIS_H
#define LC_TESTS_ROUTER_REDIS_H

#include "router_city.h"

/* ---- plan_commit ---- */

static inline bool w_allowed(const struct world *w, const struct w_order *o, uint32_t courier);
static inline struct reply *w_dispatch_rule(struct world *w, const struct slice *a);
static inline void w_decided(struct world *w, const struct slice *a);
static inline struct reply *w_rulings(struct world *w, bool frozen);
static inline struct reply *w_speeds_put(struct world *w, const struct slice *a, size_t n);
static inline struct reply *w_speeds(struct world *w);

struct w_rule {
    const char *action;
    unsigned to;
    unsigned from; /* bits by state */
    unsigned past; /* done already: nothing changes, nothing is told; the real Redis has more */
};

#define W_BIT(x) (1U << W_STATE(x))

static inline const struct w_rule *
w_step_rule(struct slice action)
{
    static const struct w_rule rule[] = {
        {"assign", W_STATE(PLACED), W_BIT(PLACED), 0},
        {"unassign", W_STATE(PLACED),
         W_BIT(PLACED) | W_BIT(CONFIRMED) | W_BIT(ENROUTE_TO_PICKUP) | W_BIT(ARRIVED_AT_PICKUP), 0},
        {"confirm", W_STATE(CONFIRMED), W_BIT(PLACED), 0},
        {"enroute_pickup", W_STATE(ENROUTE_TO_PICKUP), W_BIT(CONFIRMED), 0},
        {"arrive_pickup", W_STATE(ARRIVED_AT_PICKUP), W_BIT(CONFIRMED) | W_BIT(ENROUTE_TO_PICKUP),
         0},
        {"pickup", W_STATE(PICKED_UP),
         W_BIT(CONFIRMED) | W_BIT(ENROUTE_TO_PICKUP) | W_BIT(ARRIVED_AT_PICKUP), 0},
        {"enroute_dropoff", W_STATE(ENROUTE_TO_DROPOFF), W_BIT(PICKED_UP),
         W_BIT(DELIVERED) | W_BIT(RETURNED)},
        {"arrive_dropoff", W_STATE(ARRIVED_AT_DROPOFF),
         W_BIT(PICKED_UP) | W_BIT(ENROUTE_TO_DROPOFF), W_BIT(DELIVERED) | W_BIT(RETURNED)},
        {"deliver", W_STATE(DELIVERED),
         W_BIT(PICKED_UP) | W_BIT(ENROUTE_TO_DROPOFF) | W_BIT(ARRIVED_AT_DROPOFF),
         W_BIT(DELIVERED)},
        {"returning", W_STATE(RETURNING),
         W_BIT(PICKED_UP) | W_BIT(ENROUTE_TO_DROPOFF) | W_BIT(ARRIVED_AT_DROPOFF), W_BIT(RETURNED)},
        {"returned", W_STATE(RETURNED), W_BIT(RETURNING), W_BIT(RETURNED)},
        {"eta", 0, 0, 0},
    };

    for (size_t i = 0; i < sizeof rule / sizeof *rule; i++)
        if (slice_eq_str(action, rule[i].action))
            return &rule[i];
    assert(!"an action that exists");
    return NULL;
}

/* One step; false when it is refused. argv: uuid action reason live_eta words */
static inline bool
w_step(struct world *w, uint32_t courier, const struct slice *argv)
{
    struct w_order *o = w_find(w, argv[0]);
    const struct w_rule *rule = w_step_rule(argv[1]);

    if (o == NULL)
        return false;
    struct record head = w_head(o);
    bool assigns = strcmp(rule->action, "assign") == 0;
    if (argv[3].n > 0)
        w_put64(o->record.p + 88, w_num(argv[3]));
    if (rule->from == 0)
        return !record_is_end(head.state);
    if ((rule->past & 1U << head.state) != 0 && head.courier == courier)
        return true;
    if ((rule->from & 1U << head.state) == 0 ||
        (courier > 0 && head.courier > 0 && head.courier != courier) ||
        (assigns && (head.courier != 0 || !w_allowed(w, o, courier))))
        return false;
    if (strcmp(rule->action, "unassign") == 0)
        courier = 0;
    else if (!assigns)
        courier = head.courier;
    w_move(w, o, rule->to, (unsigned)w_num(argv[2]), courier);
    snprintf(o->words, sizeof o->words, "%.*s", (int)argv[4].n, argv[4].p == NULL ? "" : argv[4].p);
    return true;
}

static inline bool
w_version_fits(const struct w_blob *b, uint32_t expect)
{
    return (b->set ? bytes_u32(b->bytes.p) : 0) == expect;
}

static inline void
w_write(struct w_blob *b, uint32_t version, struct slice bytes)
{
    buf_reset(&b->bytes);
    buf_u32(&b->bytes, version);
    buf_append(&b->bytes, bytes.p, bytes.n);
    b->set = true;
}

static inline bool
w_changed(const struct world *w, const struct w_order *o, char saved[][RECORD_HEAD])
{
    return memcmp(saved[o - w->order], o->record.p, RECORD_HEAD) != 0;
}

/* All or nothing: the records are put back when a step is refused. */
static inline bool
w_entry(struct world *w, const struct slice *a, size_t n_steps)
{
    uint32_t courier = (uint32_t)w_num(a[0]), route = (uint32_t)w_num(a[1]),
             shift = (uint32_t)w_num(a[3]);
    char saved[W_ORDERS][RECORD_HEAD];
    int64_t due[W_ORDERS];

    assert(courier <= W_COURIERS);
    if ((a[2].n > 0 && !w_version_fits(&w->route[courier], route)) ||
        (a[4].n > 0 && !w_version_fits(&w->shift[courier], shift)))
        return false;
    for (size_t i = 0; i < w->n_orders; i++) {
        memcpy(saved[i], w->order[i].record.p, RECORD_HEAD);
        due[i] = w->order[i].due_ms;
    }
    for (size_t i = 0; i < n_steps; i++)
        if (!w_step(w, courier, a + 6 + 5 * i)) {
            for (size_t k = 0; k < w->n_orders; k++) {
                memcpy(w->order[k].record.p, saved[k], RECORD_HEAD);
                w->order[k].due_ms = due[k];
            }
            return false;
        }
    for (size_t i = 0; i < n_steps; i++)
        if (w_changed(w, w_find(w, a[6 + 5 * i]), saved))
            w_event(w, w_find(w, a[6 + 5 * i]));
    if (a[2].n > 0)
        w_write(&w->route[courier], route + 1, a[2]);
    if (a[4].n > 0)
        w_write(&w->shift[courier], shift + 1, a[4]);
    return true;
}

static inline struct reply *
w_plan_commit(struct world *w, const struct slice *a)
{
    struct reply *items;
    size_t n = (size_t)w_num(a[6]);

    w->commits++;
    if (w_num(a[5]) != w->epoch) {
        struct reply *r = w_reply(w, REPLY_ERROR);
        r->str = slice_str("FENCED the lease has another epoch");
        w->fenced++;
        return r;
    }
    if (w->drop_commits)
        return w_reply(w, REPLY_LOST);
    struct reply *r = w_array(w, n, &items);
    a += 7;
    for (size_t i = 0; i < n; i++) {
        size_t n_steps = (size_t)w_num(a[5]);
        items[i] = w_int(w_entry(w, a, n_steps) ? 1 : 2);
        a += 6 + 5 * n_steps;
    }
    return w->lose_commits ? w_reply(w, REPLY_LOST) : r;
}

/* ---- the other commands ---- */

static inline struct reply *
w_lease_take(struct world *w, const struct slice *a)
{
    struct reply *items, *r = w_array(w, 2, &items);
    bool mine = slice_eq_str(a[5], w->owner);

    if (!mine && w->until_ms > w->now_ms) {
        items[0] = w_int(0);
        items[1] = w_int(w->until_ms);
        return r;
    }
    w->epoch += !mine;
    snprintf(w->owner, sizeof w->owner, "%.*s", (int)a[5].n, a[5].p);
    w->until_ms = w->now_ms + w_num(a[6]);
    items[0] = w_int(w->epoch);
    items[1] = w_int(w->until_ms);
    return r;
}

static inline struct reply *
w_order_cancel(struct world *w, const struct slice *a)
{
    struct reply *items, *r = w_array(w, 1, &items);
    struct w_order *o = w_find(w, a[6]);
    char answer[1 + RECORD_HEAD] = {4};

    if (o != NULL) {
        bool can = w_state(o) < W_STATE(PICKED_UP);
        answer[0] = can ? 1 : 3;
        if (can) {
            w_move(w, o, W_STATE(CANCELLED), (unsigned)w_num(a[8]), w_head(o).courier);
            w_event(w, o);
        }
        memcpy(answer + 1, o->record.p, RECORD_HEAD);
    }
    items[0] = w_str(w, answer, o == NULL ? 1 : sizeof answer);
    return r;
}

static inline struct reply *
w_due_claim(struct world *w, const struct slice *a)
{
    struct reply *items, *r = w_array(w, 2 * W_ORDERS, &items);
    size_t n = 0;

    for (size_t i = 0; i < w->n_orders; i++) {
        struct w_order *o = &w->order[i];
        if (o->due_ms == 0 || o->due_ms > w->now_ms)
            continue;
        o->due_ms = w->now_ms + w_num(a[7]);
        items[n++] = w_str(w, o->text, 36);
        items[n++] = w_str(w, o->record.p, o->record.n);
    }
    r->n = n;
    return r;
}

/* w_courier_seen: as the function does, it refuses the whole call for one place that it has not. */
static inline struct reply *
w_courier_seen(struct world *w, const struct slice *a, size_t n)
{
    struct reply *r = w_reply(w, REPLY_INT);

    for (size_t i = 6; i + 2 < n; i += 3) {
        double lat = strtod(a[i + 1].p, NULL);
        if (lat > 85 || lat < -85) {
            r->kind = REPLY_ERROR;
            r->str = SLICE_LIT("INVALID lat, lng: expected -85 to 85 and -180 to 180 degrees");
            return r;
        }
    }
    for (size_t i = 6; i + 2 < n; i += 3) {
        w->seen_at.lat_e7 = (int32_t)lround(strtod(a[i + 1].p, NULL) * 1e7);
        w->seen_at.lng_e7 = (int32_t)lround(strtod(a[i + 2].p, NULL) * 1e7);
    }
    w->seen++;
    return r;
}

static inline struct reply *
w_fcall(struct world *w, const struct slice *a, size_t n)
{
    if (slice_eq_str(a[1], "plan_commit"))
        return w_plan_commit(w, a);
    if (slice_eq_str(a[1], "lease_take"))
        return w_lease_take(w, a);
    if (slice_eq_str(a[1], "due_claim"))
        return w_due_claim(w, a);
    if (slice_eq_str(a[1], "order_step"))
        return w_order_cancel(w, a);
    if (slice_eq_str(a[1], "dispatch_rule"))
        return w_dispatch_rule(w, a);
    if (slice_eq_str(a[1], "speeds_put"))
        return w_speeds_put(w, a, n);
    if (slice_eq_str(a[1], "dispatch_explain"))
        w_decided(w, a);
    if (slice_eq_str(a[1], "courier_seen"))
        return w_courier_seen(w, a, n);
    w->gone += slice_eq_str(a[1], "courier_gone");
    struct reply *r = w_reply(w, REPLY_INT);
    r->integer = 1;
    return r;
}

static inline struct reply *
w_events_after(struct world *w, struct slice from)
{
    size_t last = (size_t)w_num(slice_of(from.p + 2, from.n - 2));
    struct reply *streams, *pair, *entries;

    if (last < w->trimmed)
        last = w->trimmed;
    if (last >= w->n_events)
        return w_reply(w, REPLY_NIL);
    struct reply *r = w_array(w, 1, &streams);
    streams[0] = *w_array(w, 2, &pair);
    pair[0] = w_str(w, "events", 6);
    pair[1] = *w_array(w, w->n_events - last, &entries);
    for (size_t i = last; i < w->n_events; i++) {
        struct reply *entry, *fields;
        char id[32];
        int n = snprintf(id, sizeof id, "1-%zu", i + 1);
        entries[i - last] = *w_array(w, 2, &entry);
        entry[0] = w_str(w, id, (size_t)n);
        entry[1] = *w_array(w, 2, &fields);
        fields[0] = w_str(w, w->event[i].field == NULL ? "o" : w->event[i].field, 1);
        fields[1] = w_str(w, w->event[i].o.p, w->event[i].o.n);
    }
    return r;
}

static inline bool
w_ends(struct slice key, const char *end)
{
    size_t n = strlen(end);

    return key.n >= n && memcmp(key.p + key.n - n, end, n) == 0;
}

static inline struct reply *
w_hash(struct world *w, const struct w_blob *blobs)
{
    struct reply *items, *r = w_array(w, 2 * W_COURIERS, &items);
    size_t n = 0;

    for (uint32_t i = 1; i <= W_COURIERS; i++) {
        char text[12];
        if (!blobs[i].set)
            continue;
        items[n++] = w_str(w, text, (size_t)snprintf(text, sizeof text, "%u", i));
        items[n++] = w_str(w, blobs[i].bytes.p, blobs[i].bytes.n);
    }
    r->n = n;
    return r;
}

#include "router_people.h"

/* One store at 0 m, couriers 1..8: the first two may do age checks. */
static inline struct reply *
w_hscan(struct world *w, struct slice key)
{
    struct reply *items, *fields, *r = w_array(w, 2, &items);
    uint8_t bytes[256];

    items[0] = w_str(w, "0", 1);
    if (w_ends(key, ":stores")) {
        Lifecircle__V1__Store m = LIFECIRCLE__V1__STORE__INIT;
        Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
        at.lat_e7 = w_at(0).lat_e7;
        at.lng_e7 = w_at(0).lng_e7;
        m.store = 1;
        m.chain = 1;
        m.store_id = (char *)"one";
        m.at = &at;
        items[1] = *w_array(w, 2, &fields);
        fields[0] = w_str(w, "1", 1);
        fields[1] = w_str(w, bytes, lifecircle__v1__store__pack(&m, bytes));
        return r;
    }
    items[1] = *w_array(w, 2 * W_COURIERS, &fields);
    for (uint32_t i = 1; i <= W_COURIERS; i++) {
        char text[12];
        fields[2 * i - 2] = w_str(w, text, (size_t)snprintf(text, sizeof text, "%u", i));
        fields[2 * i - 1] = w_person(w, i);
    }
    return r;
}

static inline struct reply
w_record(struct world *w, struct slice key)
{
    struct w_order *o = key.n < 36 ? NULL : w_find(w, slice_of(key.p + key.n - 36, 36));

    return o == NULL ? (struct reply){.kind = REPLY_NIL} : w_str(w, o->record.p, o->record.n);
}

static inline struct reply *
w_due_ids(struct world *w)
{
    struct reply *items, *r = w_array(w, W_ORDERS, &items);
    size_t n = 0;

    for (size_t i = 0; i < w->n_orders; i++)
        if (w->order[i].due_ms != 0)
            items[n++] = w_str(w, w->order[i].text, 36);
    r->n = n;
    return r;
}

static inline struct reply *
w_tip(struct world *w, struct slice key)
{
    struct reply *items, *entry, *r;
    char id[32];

    if (!w_ends(key, ":events") || w->n_events == 0)
        return w_array(w, 0, &items);
    r = w_array(w, 1, &items);
    items[0] = *w_array(w, 2, &entry);
    entry[0] = w_str(w, id, (size_t)snprintf(id, sizeof id, "1-%zu", w->n_events));
    entry[1] = *w_array(w, 0, &items);
    return r;
}

static inline struct reply *
w_command(struct world *w, const struct slice *a, size_t n)
{
    struct reply *items, *r;

    if (slice_eq_str(a[0], "FCALL"))
        return w_fcall(w, a, n);
    if (slice_eq_str(a[0], "INFO")) {
        static const char info[] = "# Replication\r\nmaster_replid:one\r\n";
        r = w_reply(w, REPLY_NIL);
        *r = w_str(w, info, sizeof info - 1);
        return r;
    }
    if (slice_eq_str(a[0], "XREVRANGE"))
        return w_tip(w, a[1]);
    if (slice_eq_str(a[0], "XREAD"))
        return w_ends(a[4], ":events") ? w_events_after(w, a[5]) : w_people_after(w, a[5]);
    if (slice_eq_str(a[0], "HMGET"))
        return w_people(w, a, n);
    if (slice_eq_str(a[0], "HGETALL") && (w_ends(a[1], ":rulings") || w_ends(a[1], ":frozen")))
        return w_rulings(w, w_ends(a[1], ":frozen"));
    if (slice_eq_str(a[0], "HGETALL") && w_ends(a[1], ":speeds"))
        return w_speeds(w);
    if (slice_eq_str(a[0], "HGETALL"))
        return w_hash(w, w_ends(a[1], ":shifts") ? w->shift : w->route);
    if (slice_eq_str(a[0], "HSCAN"))
        return w_hscan(w, a[1]);
    if (slice_eq_str(a[0], "ZRANGE"))
        return w_due_ids(w);
    if (slice_eq_str(a[0], "HGET")) {
        const struct w_blob *b = &(w_ends(a[1], ":shifts") ? w->shift : w->route)[w_num(a[2])];
        r = w_reply(w, REPLY_NIL);
        if (b->set)
            *r = w_str(w, b->bytes.p, b->bytes.n);
        return r;
    }
    if (slice_eq_str(a[0], "GET")) {
        r = w_reply(w, REPLY_NIL);
        *r = w_record(w, a[1]);
        return r;
    }
    if (slice_eq_str(a[0], "MGET")) {
        r = w_array(w, n - 1, &items);
        for (size_t i = 1; i < n; i++)
            items[i - 1] = w_record(w, a[i]);
        return r;
    }
    assert(slice_eq_str(a[0], "GEOPOS"));
    r = w_array(w, n - 2, &items);
    return r; /* all nil */
}

#include "router_rulings.h"
#include "router_speeds.h"

#endif
