/* notifier_rig: the notifier's core with a Redis made of a few tables, for its tests. One rig per
 * test. */
#ifndef LC_TESTS_NOTIFIER_RIG_H
#define LC_TESTS_NOTIFIER_RIG_H

#include "unit/unit.h"

#include "base/catalogue.h"
#include "base/record.h"
#include "notifier/core.h"
#include "notifier/notifier.h"

#include <stdlib.h>

enum { RIG_SENT = 64, RIG_ORDERS = 8, RIG_EVENTS = 32 };

/* What went out. */
struct rig_sent {
    struct effect e;
    char bytes[4096]; /* with a NUL */
    char name[512];
    char extra[1024];
};

struct rig_event {
    uint64_t number;
    char field; /* o, r, s */
    char value[300];
    size_t n;
};

struct rig {
    struct stepper *stepper;
    int64_t now_ms;
    struct rig_sent sent[RIG_SENT];
    size_t n_sent;
    /* Redis */
    bool redis_dead;   /* every call is answered REPLY_LOST */
    bool no_catalogue; /* every HSCAN is */
    bool no_records;   /* every MGET is an error */
    struct rig_event events[RIG_EVENTS];
    size_t n_events;
    char cursor[32];
    const char *primary;  /* whose replication id; NULL: that of the first */
    char routes[4][1024]; /* by courier number; version prefix included */
    size_t route_n[4];
    bool on_shift[4];
    char record[RIG_ORDERS][1024];
    size_t record_n[RIG_ORDERS];
    char sealed[RIG_ORDERS][512]; /* n = 0: nothing, or erased */
    size_t sealed_n[RIG_ORDERS];
    struct uuid order[RIG_ORDERS];
    unsigned enqueued; /* webhook rows */
    char hook_id[8][32];
    char hook_row[8][1024];
    size_t hook_row_n[8];
    bool hook_due[8];
    int64_t hook_next[8];
    unsigned chain_puts;
    char step;           /* the outcome that order_step answers with; 0 = none */
    char stepped[96];    /* its last "action reason who" */
    long long proof;     /* what order_proof answers */
    char rule;           /* the outcome that dispatch_rule answers with */
    char ruled[256];     /* its last "kind order courier who words" */
    char confirm;        /* the outcome that order_confirm answers with */
    char confirmed[128]; /* its last "order lat lng who" */
    char access[256];    /* what {city}:access says of every token; n = 0: nothing */
    size_t access_n;
    struct latlng signed_on;     /* where every shift began; 0: not said */
    char place[4][24];           /* {city}:positions, by courier number; "": nobody knows */
    const struct travel *travel; /* of the thread beside the loop */
    bool no_work;                /* it never answers */
    unsigned works;
    uint32_t order_store; /* whose every order is, for GETRANGE */
};

#define RIG_SECRET "0101010101010101010101010101010101010101010101010101010101010101"

static inline struct notifier *
rig_core(struct rig *r)
{
    return stepper_core(r->stepper);
}

static void rig_effects(struct rig *r);

static inline void
rig_feed(struct rig *r, struct event *ev)
{
    struct event end = {.kind = EVENT_TURN_END, .now_ms = r->now_ms};

    ev->now_ms = r->now_ms;
    CU_ASSERT_EQUAL(stepper_feed(r->stepper, ev), LC_OK);
    CU_ASSERT_EQUAL(stepper_feed(r->stepper, &end), LC_OK);
    rig_effects(r);
}

/* rig_wake: time passes, then a wake. */
static inline void
rig_wake(struct rig *r, int64_t ms)
{
    struct event ev = {.kind = EVENT_WAKE};

    r->now_ms += ms;
    rig_feed(r, &ev);
}

/* ---- the tables' answers ---- */

static inline int
rig_find(const struct rig *r, struct slice key)
{
    char text[UUID_TEXT];

    for (int i = 0; i < RIG_ORDERS; i++) {
        uuid_format(r->order[i], text);
        if (r->record_n[i] > 0 && key.n >= 36 && memcmp(key.p + key.n - 36, text, 36) == 0)
            return i;
    }
    return -1;
}

static inline struct reply
rig_str(const char *p, size_t n)
{
    return (struct reply){.kind = REPLY_STRING, .str = slice_of(p, n)};
}

static inline struct reply
rig_array(const struct reply *items, size_t n)
{
    return (struct reply){.kind = REPLY_ARRAY, .items = items, .n = n};
}

static inline struct reply
rig_xread(struct rig *r, struct slice after, struct arena *a)
{
    uint64_t from = event_number(after);
    struct reply *entries = arena_array(a, RIG_EVENTS, sizeof *entries);
    size_t n = 0;

    for (size_t i = 0; i < r->n_events; i++) {
        const struct rig_event *e = &r->events[i];
        if (e->number <= from)
            continue;
        struct reply *fields = arena_array(a, 2, sizeof *fields);
        struct reply *entry = arena_array(a, 2, sizeof *entry);
        fields[0] = rig_str(&e->field, 1);
        fields[1] = rig_str(e->value, e->n);
        char *id = arena_printf(a, "1-%llu", (unsigned long long)e->number);
        entry[0] = rig_str(id, strlen(id));
        entry[1] = rig_array(fields, 2);
        entries[n++] = rig_array(entry, 2);
    }
    if (n == 0)
        return (struct reply){.kind = REPLY_NIL};
    struct reply *stream = arena_array(a, 2, sizeof *stream);
    struct reply *streams = arena_array(a, 1, sizeof *streams);
    stream[0] = rig_str("events", 6);
    stream[1] = rig_array(entries, n);
    streams[0] = rig_array(stream, 2);
    return rig_array(streams, 1);
}

static inline struct reply
rig_hash(struct rig *r, const struct effect *e, struct arena *a)
{
    bool shifts = memmem(e->argv[1].p, e->argv[1].n, "shifts", 6) != NULL;
    struct reply *items = arena_array(a, e->argc, sizeof *items);

    for (size_t i = 2; i < e->argc; i++) {
        unsigned courier = (unsigned)(e->argv[i].p[0] - '0');
        if (!shifts && courier < 4 && r->route_n[courier] > 0) {
            items[i - 2] = rig_str(r->routes[courier], r->route_n[courier]);
        } else if (shifts && courier < 4 && r->on_shift[courier]) {
            Lifecircle__V1__Shift shift = LIFECIRCLE__V1__SHIFT__INIT;
            char *p = arena_zalloc(a, 64);
            Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
            shift.on = true;
            at.lat_e7 = r->signed_on.lat_e7;
            at.lng_e7 = r->signed_on.lng_e7;
            shift.at = r->signed_on.lat_e7 == 0 ? NULL : &at;
            size_t n = lifecircle__v1__shift__pack(&shift, (uint8_t *)p + 4);
            items[i - 2] = rig_str(p, n + 4);
        }
    }
    return rig_array(items, e->argc - 2);
}

/* one courier's, as ways ask */
static inline struct reply
rig_one(struct rig *r, const struct effect *e, struct arena *a)
{
    unsigned courier = (unsigned)(e->argv[2].p[0] - '0');

    if (slice_eq_str(e->argv[0], "HGET"))
        return rig_hash(r, e, a).items[0];
    return courier < 4 && r->place[courier][0] != '\0'
               ? rig_str(r->place[courier], strlen(r->place[courier]))
               : (struct reply){.kind = REPLY_NIL};
}

static inline struct reply
rig_fcall(struct rig *r, const struct effect *e, struct arena *a)
{
    if (slice_eq_str(e->argv[1], "webhook_enqueue")) {
        if (!slice_eq_str(e->argv[5], *r->cursor == '\0' ? "0-0" : r->cursor))
            return (struct reply){.kind = REPLY_INT, .integer = 0};
        snprintf(r->cursor, sizeof r->cursor, "%.*s", (int)e->argv[6].n, e->argv[6].p);
        for (size_t i = 8; i + 2 < e->argc; i += 3, r->enqueued++) {
            snprintf(r->hook_id[r->enqueued], 32, "%.*s", (int)e->argv[i].n, e->argv[i].p);
            memcpy(r->hook_row[r->enqueued], e->argv[i + 2].p, e->argv[i + 2].n);
            r->hook_row_n[r->enqueued] = e->argv[i + 2].n;
            r->hook_due[r->enqueued] = true;
        }
        return (struct reply){.kind = REPLY_INT, .integer = 1};
    }
    if (slice_eq_str(e->argv[1], "webhook_claim")) {
        struct reply *items = arena_array(a, 16, sizeof *items);
        size_t n = 0;
        for (unsigned i = 0; i < r->enqueued; i++) {
            if (!r->hook_due[i] || r->hook_next[i] > r->now_ms)
                continue;
            r->hook_due[i] = false;
            items[n++] = rig_str(r->hook_id[i], strlen(r->hook_id[i]));
            items[n++] = rig_str(r->hook_row[i], r->hook_row_n[i]);
        }
        return rig_array(items, n);
    }
    if (slice_eq_str(e->argv[1], "webhook_done")) {
        for (unsigned i = 0; i < r->enqueued; i++) {
            if (!slice_eq_str(e->argv[5], r->hook_id[i]))
                continue;
            r->hook_next[i] = strtoll(arena_copy(a, e->argv[6].p, e->argv[6].n), NULL, 10);
            r->hook_due[i] = r->hook_next[i] > 0;
        }
    }
    if (slice_eq_str(e->argv[1], "order_step")) {
        struct reply *item = arena_array(a, 1, sizeof *item);
        snprintf(r->stepped, sizeof r->stepped, "%.*s %.*s %.*s", (int)e->argv[7].n, e->argv[7].p,
                 (int)e->argv[8].n, e->argv[8].p, (int)e->argv[9].n, e->argv[9].p);
        item[0] = rig_str(&r->step, 1);
        return rig_array(item, 1);
    }
    if (slice_eq_str(e->argv[1], "order_proof"))
        return (struct reply){.kind = REPLY_INT, .integer = r->proof};
    if (slice_eq_str(e->argv[1], "dispatch_rule")) {
        struct reply *item = arena_array(a, 1, sizeof *item);
        snprintf(r->ruled, sizeof r->ruled, "%.*s %.*s %.*s %.*s %.*s", (int)e->argv[7].n,
                 e->argv[7].p, (int)e->argv[8].n, e->argv[8].p, (int)e->argv[9].n, e->argv[9].p,
                 (int)e->argv[10].n, e->argv[10].p, (int)e->argv[11].n, e->argv[11].p);
        item[0] = rig_str(&r->rule, 1);
        return rig_array(item, 1);
    }
    if (slice_eq_str(e->argv[1], "order_confirm")) {
        struct reply *item = arena_array(a, 1, sizeof *item);
        snprintf(r->confirmed, sizeof r->confirmed, "%.*s %.*s %.*s %.*s", (int)e->argv[6].n,
                 e->argv[6].p, (int)e->argv[7].n, e->argv[7].p, (int)e->argv[8].n, e->argv[8].p,
                 (int)e->argv[9].n, e->argv[9].p);
        item[0] = rig_str(&r->confirm, 1);
        return rig_array(item, 1);
    }
    if (slice_eq_str(e->argv[1], "chain_put"))
        r->chain_puts++;
    return (struct reply){.kind = REPLY_INT, .integer = 1};
}

static inline struct reply
rig_answer(struct rig *r, const struct effect *e, struct arena *a)
{
    struct slice command = e->argv[0];

    if (r->redis_dead)
        return (struct reply){.kind = REPLY_LOST};
    if (r->no_catalogue && slice_eq_str(command, "HSCAN"))
        return (struct reply){.kind = REPLY_LOST};
    if (r->no_records && (slice_eq_str(command, "MGET") || slice_eq_str(command, "FCALL_RO")))
        return (struct reply){.kind = REPLY_ERROR, .str = SLICE_LIT("BUSY")};
    if (slice_eq_str(command, "HSCAN")) {
        struct reply *items = arena_array(a, 2, sizeof *items);
        items[0] = rig_str("0", 1);
        items[1] = rig_array(items, 0);
        return rig_array(items, 2);
    }
    if (slice_eq_str(command, "INFO")) {
        char *info = arena_alloc(a, 128);
        snprintf(info, 128, "# Replication\r\nrole:master\r\nmaster_replid:%s\r\n",
                 r->primary == NULL ? "one" : r->primary);
        return rig_str(info, strlen(info));
    }
    if (slice_eq_str(command, "XREVRANGE"))
        return rig_array(NULL, 0);
    if (slice_eq_str(command, "XREAD") && memmem(e->argv[4].p, e->argv[4].n, ":events", 7) != NULL)
        return rig_xread(r, e->argv[5], a);
    if (slice_eq_str(command, "GET") && *r->cursor != '\0')
        return rig_str(r->cursor, strlen(r->cursor));
    if (memmem(e->argv[1].p, e->argv[1].n, ":access", 7) != NULL) {
        struct reply one =
            r->access_n == 0 ? (struct reply){.kind = REPLY_NIL} : rig_str(r->access, r->access_n);
        struct reply *items = arena_array(a, e->argc, sizeof *items);
        for (size_t i = 2; i < e->argc; i++)
            items[i - 2] = one;
        return slice_eq_str(command, "HGET") ? one : rig_array(items, e->argc - 2);
    }
    if (slice_eq_str(command, "ZSCORE") ||
        (slice_eq_str(command, "HGET") &&
         (memmem(e->argv[1].p, e->argv[1].n, ":shifts", 7) != NULL ||
          memmem(e->argv[1].p, e->argv[1].n, ":routes", 7) != NULL)))
        return rig_one(r, e, a);
    if (slice_eq_str(command, "GETRANGE"))
        return rig_str((const char *)&r->order_store, 4);
    if (slice_eq_str(command, "HKEYS") || slice_eq_str(command, "ZRANGE"))
        return rig_array(NULL, 0);
    if (slice_eq_str(command, "HMGET"))
        return rig_hash(r, e, a);
    if (slice_eq_str(command, "FCALL"))
        return rig_fcall(r, e, a);
    if (slice_eq_str(command, "FCALL_RO")) { /* order_read */
        struct reply *items = arena_array(a, 2 * e->argc, sizeof *items);
        for (size_t i = 5; i < e->argc; i++) {
            int at = rig_find(r, e->argv[i]);
            if (at >= 0) {
                items[2 * (i - 5)] = rig_str(r->record[at], r->record_n[at]);
                items[2 * (i - 5) + 1] = rig_str(r->sealed[at], r->sealed_n[at]);
            }
        }
        return rig_array(items, 2 * (e->argc - 5));
    }
    if (slice_eq_str(command, "MGET")) {
        struct reply *items = arena_array(a, e->argc, sizeof *items);
        for (size_t i = 1; i < e->argc; i++) {
            int at = rig_find(r, e->argv[i]);
            if (at >= 0)
                items[i - 1] = rig_str(r->record[at], r->record_n[at]);
        }
        return rig_array(items, e->argc - 1);
    }
    if (slice_eq_str(command, "ZUNION")) {
        struct reply *items = arena_array(a, RIG_ORDERS, sizeof *items);
        size_t n = 0;
        for (int i = 0; i < RIG_ORDERS; i++) {
            if (r->record_n[i] == 0)
                continue;
            char *text = arena_alloc(a, UUID_TEXT);
            uuid_format(r->order[i], text);
            items[n++] = rig_str(text, 36);
        }
        return rig_array(items, n);
    }
    return (struct reply){.kind = REPLY_NIL};
}

static inline void
rig_keep(struct rig *r, const struct effect *e)
{
    struct rig_sent *s = &r->sent[r->n_sent++ % RIG_SENT];

    s->e = *e;
    snprintf(s->bytes, sizeof s->bytes, "%.*s", (int)e->bytes.n,
             e->bytes.p == NULL ? "" : e->bytes.p);
    snprintf(s->name, sizeof s->name, "%.*s", (int)e->name.n, e->name.p == NULL ? "" : e->name.p);
    snprintf(s->extra, sizeof s->extra, "%.*s", (int)e->extra.n,
             e->extra.p == NULL ? "" : e->extra.p);
}

/* rig_effects: keeps what went out and answers Redis calls until there are none. */
static void
rig_effects(struct rig *r)
{
    struct outbox *out = stepper_outbox(r->stepper);
    struct arena *a = arena_new(1 << 22);
    struct reply *replies = arena_array(a, outbox_count(out) + 1, sizeof *replies);
    uint64_t *tags = arena_array(a, outbox_count(out) + 1, sizeof *tags);
    size_t n = 0;
    uint64_t jobs[8];
    struct buf done[8] = {0};
    size_t n_jobs = 0;

    for (size_t i = 0; i < outbox_count(out); i++) {
        const struct effect *e = outbox_at(out, i);
        if (e->kind == EFFECT_WORK && !r->no_work) {
            jobs[n_jobs] = e->ref;
            CU_ASSERT_EQUAL(notifier_service.work(r->travel, e->bytes, &done[n_jobs]), LC_OK);
            n_jobs++;
            r->works++;
        } else if (e->kind == EFFECT_REDIS && e->ref != 0) {
            tags[n] = e->ref;
            replies[n++] = rig_answer(r, e, a);
        } else if (e->kind != EFFECT_WAKE && e->kind != EFFECT_REDIS) {
            rig_keep(r, e);
        }
    }
    stepper_flushed(r->stepper);
    for (size_t i = 0; i < n; i++) {
        struct event ev = {.kind = EVENT_REDIS, .ref = tags[i], .reply = &replies[i]};
        rig_feed(r, &ev);
    }
    for (size_t i = 0; i < n_jobs; i++) {
        struct event ev = {.kind = EVENT_WORK, .ref = jobs[i], .bytes = buf_slice(&done[i])};
        rig_feed(r, &ev);
        buf_free(&done[i]);
    }
    arena_destroy(a);
}

/* ---- making one ---- */

static inline void
rig_courier(struct rig *r, uint32_t number, const char *token, bool revoked)
{
    Lifecircle__V1__Courier c = LIFECIRCLE__V1__COURIER__INIT;
    char hash[SECRET_HASH_TEXT];
    uint8_t packed[256];

    secret_hash(slice_str(token), hash);
    c.courier = number;
    c.courier_id = (char *)(uintptr_t) "ada";
    c.token_hash = hash;
    c.revoked = revoked;
    size_t n = lifecircle__v1__courier__pack(&c, packed);
    CU_ASSERT_EQUAL(catalogue_put_courier(rig_core(r)->catalogue, slice_of((char *)packed, n)),
                    LC_OK);
}

/* rig_new_with: without a catalogue it cannot be read until no_catalogue is unset. */
static inline struct rig *
rig_new_with(bool catalogue)
{
    struct rig *r = calloc(1, sizeof *r);
    const struct config_item items[] = {{SLICE_LIT("city"), SLICE_LIT("bal")},
                                        {SLICE_LIT("city-secret"), SLICE_LIT(RIG_SECRET)}};
    const struct config config = {items, 2};
    struct event start = {.kind = EVENT_START, .config = &config, .entropy = 7};
    struct event up = {.kind = EVENT_REDIS_UP};

    r->now_ms = 1795366800000;
    r->stepper = stepper_new(&notifier_service);
    r->no_catalogue = !catalogue;
    rig_feed(r, &start);
    rig_feed(r, &up);
    return r;
}

static inline struct rig *
rig_new(void)
{
    return rig_new_with(true);
}

static inline void
rig_free(struct rig *r)
{
    stepper_destroy(r->stepper);
    free(r);
}

/* ---- what comes in ---- */

static inline void
rig_http(struct rig *r, uint64_t conn, const char *path, const char *query, bool upgrade)
{
    struct http_event http = {.method = SLICE_LIT("GET"),
                              .path = slice_str(path),
                              .query = slice_str(query),
                              .upgrade = upgrade};
    struct event ev = {.kind = EVENT_HTTP, .ref = conn, .http = &http};

    rig_feed(r, &ev);
}

static inline void
rig_say(struct rig *r, uint64_t conn, const char *text)
{
    struct event ev = {.kind = EVENT_SOCKET, .ref = conn, .bytes = slice_str(text), .text = true};

    rig_feed(r, &ev);
}

static inline void
rig_event_add(struct rig *r, char field, const void *value, size_t n)
{
    struct rig_event *e = &r->events[r->n_events];

    e->number = ++r->n_events;
    e->field = field;
    memcpy(e->value, value, n);
    e->n = n;
}

/* rig_seal: whom order i is for, as intake seals it. */
static inline void
rig_seal(struct rig *r, int i)
{
    static struct chance chance;
    Lifecircle__V1__Personal p = LIFECIRCLE__V1__PERSONAL__INIT;
    Lifecircle__V1__Contact c = LIFECIRCLE__V1__CONTACT__INIT;
    struct buf b = {0};

    p.address = (char *)(uintptr_t) "3000 Fait Ave";
    p.customer = &c;
    c.name = (char *)(uintptr_t) "Grace";
    c.phone = (char *)(uintptr_t) "+14105550123";
    for (uint64_t entropy = 1; entropy <= CHANCE_ENOUGH; entropy++)
        chance_stir(&chance, entropy);
    CU_ASSERT_EQUAL(personal_seal(&rig_core(r)->personal, &chance, r->order[i], &p, &b), LC_OK);
    memcpy(r->sealed[i], b.p, b.n);
    r->sealed_n[i] = b.n;
    buf_free(&b);
}

/* rig_order: order i of chain 1 at store 1 in a state, as a record, and its event. */
static inline void
rig_order(struct rig *r, int i, unsigned state, uint32_t courier, uint32_t version)
{
    Lifecircle__V1__Order o = LIFECIRCLE__V1__ORDER__INIT;
    char external[16];
    char text[UUID_TEXT];
    char value[36 + RECORD_HEAD];
    struct buf b = {0};

    snprintf(external, sizeof external, "o-%d", i);
    r->order[i] = uuid_order(1, slice_str(external));
    uuid_format(r->order[i], text);
    o.order_id = text;
    o.external_order_id = external;
    o.chain = 1;
    o.currency = (char *)(uintptr_t) "USD";
    o.items = 3;
    buf_u8(&b, 1);
    buf_u8(&b, (uint8_t)state);
    buf_u8(&b, 0);
    buf_u8(&b, RECORD_TAKEN);
    buf_u32(&b, version);
    buf_u64(&b, 42);
    buf_u32(&b, 1);
    buf_u32(&b, 1);
    buf_u32(&b, courier);
    buf_u16(&b, 0);
    buf_u16(&b, 1);
    while (b.n < RECORD_HEAD)
        buf_u64(&b, b.n == 80 ? (uint64_t)r->now_ms : 0);
    memcpy(value, text, 36);
    memcpy(value + 36, b.p, RECORD_HEAD);
    char *to = buf_reserve(&b, lifecircle__v1__order__get_packed_size(&o));
    b.n += lifecircle__v1__order__pack(&o, (uint8_t *)to);
    memcpy(r->record[i], b.p, b.n);
    r->record_n[i] = b.n;
    buf_free(&b);
    rig_seal(r, i);
    rig_event_add(r, 'o', value, sizeof value);
}

/* rig_route_to: the courier's route has this version and one stop for order i. */
static inline void
rig_route_to(struct rig *r, uint32_t courier, uint32_t version, int i,
             Lifecircle__V1__Stop__Kind kind)
{
    Lifecircle__V1__Route route = LIFECIRCLE__V1__ROUTE__INIT;
    Lifecircle__V1__Stop stop = LIFECIRCLE__V1__STOP__INIT;
    Lifecircle__V1__Stop *stops[] = {&stop};
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
    char text[UUID_TEXT];
    struct buf b = {0};

    uuid_format(r->order[i], text);
    at.lat_e7 = 392847000;
    at.lng_e7 = -765921000;
    stop.order_id = text;
    stop.at = &at;
    stop.store = 1;
    stop.kind = kind;
    route.courier = courier;
    route.version = version;
    route.stops = stops;
    route.n_stops = 1;
    buf_u32(&b, version);
    char *to = buf_reserve(&b, lifecircle__v1__route__get_packed_size(&route));
    b.n += lifecircle__v1__route__pack(&route, (uint8_t *)to);
    memcpy(r->routes[courier], b.p, b.n);
    r->route_n[courier] = b.n;
    buf_reset(&b);
    buf_u32(&b, courier);
    buf_u32(&b, version);
    rig_event_add(r, 'r', b.p, b.n);
    buf_free(&b);
}

/* rig_route: the same with a pick-up. */
static inline void
rig_route(struct rig *r, uint32_t courier, uint32_t version, int i)
{
    rig_route_to(r, courier, version, i, LIFECIRCLE__V1__STOP__KIND__PICKUP);
}

/* ---- what went out ---- */

/* rig_last: the last thing of a kind on a connection (0 = any); NULL when there is none. */
static inline const struct rig_sent *
rig_last(const struct rig *r, enum effect_kind kind, uint64_t conn)
{
    for (size_t i = r->n_sent; i > 0 && i + RIG_SENT > r->n_sent; i--) {
        const struct rig_sent *s = &r->sent[(i - 1) % RIG_SENT];
        if (s->e.kind == kind && (conn == 0 || s->e.ref == conn))
            return s;
    }
    return NULL;
}

/* rig_count: how many things of a kind went out on a connection that contain a text. */
static inline unsigned
rig_count(const struct rig *r, enum effect_kind kind, uint64_t conn, const char *text)
{
    unsigned n = 0;

    for (size_t i = r->n_sent > RIG_SENT ? r->n_sent - RIG_SENT : 0; i < r->n_sent; i++) {
        const struct rig_sent *s = &r->sent[i % RIG_SENT];
        n += s->e.kind == kind && (conn == 0 || s->e.ref == conn) && strstr(s->bytes, text) != NULL;
    }
    return n;
}

#define CHAIN_KEY "lc_chain_1_CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"
#define HOOK_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

/* put_chain: chain 1 with CHAIN_KEY and this webhook. */
static inline void
put_chain(struct rig *r, const char *url, bool revoked)
{
    Lifecircle__V1__Chain c = LIFECIRCLE__V1__CHAIN__INIT;
    Lifecircle__V1__ApiKey key = LIFECIRCLE__V1__API_KEY__INIT;
    Lifecircle__V1__ApiKey *keys[] = {&key};
    char hash[SECRET_HASH_TEXT];
    char *secrets[] = {(char *)(uintptr_t)HOOK_SECRET};
    uint8_t packed[512];

    c.chain = 1;
    c.chain_id = (char *)(uintptr_t) "corner";
    c.webhook_url = (char *)(uintptr_t)url;
    c.webhook_secrets = secrets;
    c.n_webhook_secrets = 1;
    secret_hash(SLICE_LIT(CHAIN_KEY), hash);
    key.hash = hash;
    key.revoked = revoked;
    c.keys = keys;
    c.n_keys = 1;
    size_t n = lifecircle__v1__chain__pack(&c, packed);
    CU_ASSERT_EQUAL(catalogue_put_chain(rig_core(r)->catalogue, slice_of((char *)packed, n)),
                    LC_OK);
}

#endif
