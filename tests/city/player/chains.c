/* The chains: send their orders, each in its own way, repeat what was not answered, and ask how
 * they are. */
#include "play.h"

#include "base/record.h"

#include "order.pb-c.h"

#include <stdlib.h>

#define STATE(name) LIFECIRCLE__V1__ORDER_STATE__##name

enum {
    BEFORE_MS = 2000, /* from set-up to the first minute: the couriers sign on */
    BACKOFF_MS = 200, /* before a repeat, growing */
    BACKOFF_MAX_MS = 3000,
    BATCH_EVERY_MS = 30000, /* city time */
    BATCH_MAX = 200,
    LOOK_MIN_MS = 1000,
    LOOKS_AT_ONCE = 200,
    REPEAT_PERMILLE = 20,
};

/* ---- what the chains know of their orders ---- */

bool
state_ended(unsigned state)
{
    return record_is_end(state);
}

struct order *
order_by_id(struct play *p, const char *id)
{
    struct order *o;

    HASH_FIND_STR(p->by_id, id, o);
    return o;
}

static unsigned
state_of(const char *name)
{
    for (unsigned s = 1; s <= RECORD_STATES; s++)
        if (strcmp(record_state_name(s), name) == 0)
            return s;
    return 0;
}

static int64_t
look_pause_ms(const struct play *p, const struct order *o)
{
    bool waits = o->state == STATE(CREATED) || o->state == STATE(HELD);
    int64_t ms = real_ms(p, (waits ? 2 : 5) * 60000);

    return ms < LOOK_MIN_MS ? LOOK_MIN_MS : ms;
}

/* A click and collect order: the store packs it, then its customer comes. */
static void
plan_collection(struct play *p, struct order *o, int64_t ready_ms)
{
    if (!o->of->collection || o->collect_step > 0 || o->state != STATE(PLACED))
        return;
    o->collect_step = 1;
    o->collect_ms = ready_ms > clock_ms() ? ready_ms : clock_ms() + real_ms(p, 60000);
}

void
order_named(struct play *p, struct order *o, const char *id, bool placed)
{
    bool map_failed = false;

    o->asked = ASKED_TAKEN;
    if (o->id[0] == '\0') {
        snprintf(o->id, sizeof o->id, "%s", id);
        HASH_ADD_STR(p->by_id, id, o);
        if (map_failed)
            give_up("out of memory");
        customer_taken(p, o);
    } else if (strcmp(o->id, id) != 0) {
        p->tally.differing++;
    }
    if (o->state == 0)
        o->state = placed ? STATE(PLACED) : STATE(CREATED);
    o->look_ms = clock_ms() + look_pause_ms(p, o);
}

static void
learn_track(struct order *o, const struct json_value *v)
{
    char url[64];

    if (text_at(v, "tracking_url", url, sizeof url) && strncmp(url, "/t/", 3) == 0)
        snprintf(o->track, sizeof o->track, "%.47s", url + 3);
}

static void
learn_taken(struct play *p, struct order *o, const struct json_value *v)
{
    char id[UUID_TEXT], status[32];

    if (!text_at(v, "order_id", id, sizeof id) || !text_at(v, "status", status, sizeof status)) {
        p->tally.errors++;
        return;
    }
    learn_track(o, v);
    confirm_learn(p, o, v);
    (void)text_at(json_value_get(v, "store"), "id", o->store, sizeof o->store);
    order_named(p, o, id, o->store[0] != '\0');
    plan_collection(p, o, time_at(v, "ready_at"));
}

static void
learn_refused(struct play *p, struct order *o, int status, const struct json_value *v)
{
    char code[64] = "", id[UUID_TEXT];

    (void)text_at(v, "code", code, sizeof code);
    if (status == 422 && strcmp(code, "rejected") == 0 && text_at(v, "order_id", id, sizeof id)) {
        order_named(p, o, id, false);
        o->asked = ASKED_KEPT;
        o->look_ms = clock_ms();
        return;
    }
    o->asked = ASKED_REFUSED;
    if (code[0] == '\0')
        snprintf(code, sizeof code, "status_%d", status);
    o->why = needed(arena_copy(p->arena, code, strlen(code)));
    if (strcmp(code, "price_changed") != 0 && p->tally.errors++ < 5)
        fprintf(stderr, "\nrefused: %s %d %s\n  %s\n", o->of->external_id, status, code, o->body);
}

void
order_log(struct play *p, const struct order *o, int status)
{
    play_log(p, "\"said\":\"%s\",\"external\":\"%s\",\"order\":\"%s\",\"status\":%d,\"first\":%lld",
             o->asked == ASKED_REFUSED ? "refused" : "taken", o->of->external_id, o->id, status,
             (long long)o->first_ms);
}

void
order_settled(struct play *p, struct order *o, int status, const struct json_value *v)
{
    if (o->asked != ASKED_SENT)
        return; /* a batch that was cut: this one was answered meanwhile */
    if (status == 0 || status == 408 || status == 429 || status >= 500) {
        int64_t pause_ms = BACKOFF_MS * (int64_t)(o->tries < 8 ? 1 << (o->tries / 2) : 16);
        o->again_ms = clock_ms() + (pause_ms < BACKOFF_MAX_MS ? pause_ms : BACKOFF_MAX_MS);
        p->tally.retries++;
        play_log(p, "\"said\":\"failed\",\"external\":\"%s\",\"status\":%d,\"first\":%lld",
                 o->of->external_id, status, (long long)o->first_ms);
        return;
    }
    p->tally.answers++;
    if (v == NULL && p->tally.errors++ < 5)
        fprintf(stderr, "\n%s: cannot read the answer %d\n", o->of->external_id, status);
    if (status == 201 || status == 202)
        learn_taken(p, o, v);
    else
        learn_refused(p, o, status, v);
    order_log(p, o, status);
}

/* ---- one by one ---- */

static void
repeat_done(void *ctx, uint64_t tag, int status, struct slice body, int64_t took_us)
{
    struct play *p = ctx;
    const struct order *o = &p->order[tag & UINT32_MAX];

    (void)took_us;
    if (status == 0 || status == 429 || status >= 500)
        return;
    p->tally.repeats++;
    if (status != 201 || (uint32_t)fingerprint64(body) != (uint32_t)(tag >> 32)) {
        p->tally.differing++;
        fprintf(stderr, "\n%s: the same request was answered differently: %d %.*s\n",
                o->of->external_id, status, (int)body.n, body.p);
    }
}

static void
post(struct play *p, struct order *o, caller_done *done, uint64_t tag)
{
    const struct caller_request r = {.method = "POST",
                                     .path = "/v1/orders",
                                     .token = p->chain[o->chain].key,
                                     .type = "application/json",
                                     .body = slice_str(o->body),
                                     .done = done,
                                     .ctx = p,
                                     .tag = tag};

    caller_send(p->to_intake, &r);
}

static void
post_done(void *ctx, uint64_t tag, int status, struct slice body, int64_t took_us)
{
    struct play *p = ctx;
    struct order *o = &p->order[tag];
    bool first = o->tries == 1;

    order_settled(p, o, status, json_of(p, body));
    if (status == 201 && first)
        series_add(&p->tally.took_us, took_us);
    if (status == 201 && chance_of(p, REPEAT_PERMILLE)) /* on purpose: it must change nothing */
        post(p, o, repeat_done, (fingerprint64(body) & UINT32_MAX) << 32 | tag);
}

/* ---- NDJSON ---- */

struct batch {
    struct play *play;
    uint32_t chain;
    struct buf in; /* not a whole line yet */
    uint32_t n;
    uint32_t order[];
};

static void
batch_line(struct batch *b, struct slice line)
{
    struct play *p = b->play;
    const struct json_value *v = json_of(p, line);
    int64_t at = int_at(v, "line", 0);
    const struct json_value *order = json_value_get(v, "order");

    if (at < 1 || at > b->n)
        return; /* the last line, with the counts */
    order_settled(p, &p->order[b->order[at - 1]], (int)int_at(v, "status", 0),
                  order != NULL ? order : json_value_get(v, "problem"));
}

static void
batch_piece(void *ctx, uint64_t tag, struct slice piece)
{
    struct batch *b = ctx;
    char *end;

    (void)tag;
    buf_append(&b->in, piece.p, piece.n);
    while (b->in.n > 0 && (end = memchr(b->in.p, '\n', b->in.n)) != NULL) {
        size_t n = (size_t)(end - b->in.p);
        batch_line(b, slice_of(b->in.p, n));
        buf_consume(&b->in, n + 1);
    }
}

static void
batch_done(void *ctx, uint64_t tag, int status, struct slice body, int64_t took_us)
{
    struct batch *b = ctx;
    struct play *p = b->play;

    (void)took_us;
    batch_piece(ctx, tag, body);
    for (uint32_t i = 0; i < b->n; i++) /* a batch that was cut: these again */
        order_settled(p, &p->order[b->order[i]], status == 200 ? 0 : status, NULL);
    p->chain[b->chain].batch_open = false;
    p->tally.batches++;
    buf_free(&b->in);
    free(b);
}

static void
send_batch(struct play *p, uint32_t i)
{
    struct chain *c = &p->chain[i];
    struct batch *b = needed(calloc(1, sizeof *b + c->batch_n * sizeof *b->order));
    struct buf body = {0};

    b->play = p;
    b->chain = i;
    b->n = c->batch_n;
    memcpy(b->order, c->batch, c->batch_n * sizeof *b->order);
    c->batch_n = 0;
    c->batch_open = true;
    for (uint32_t k = 0; k < b->n; k++) {
        buf_str(&body, p->order[b->order[k]].body);
        buf_char(&body, '\n');
    }
    const struct caller_request r = {.method = "POST",
                                     .path = "/v1/orders:batch",
                                     .token = c->key,
                                     .type = "application/x-ndjson",
                                     .body = buf_slice(&body),
                                     .deadline_s = 15,
                                     .done = batch_done,
                                     .piece = batch_piece,
                                     .ctx = b};
    caller_send(p->to_intake, &r);
    buf_free(&body);
}

/* ---- sending ---- */

static void
write_body(struct play *p, struct order *o)
{
    struct city_order quick = *o->of; /* what it says of times passes at the play's speed */
    struct buf b = {0};
    char address[DOOR_TEXT];

    quick.start_ms = (uint32_t)real_ms(p, quick.start_ms);
    quick.end_ms = (uint32_t)real_ms(p, quick.end_ms);
    o->door = o->of->collection ? DOOR_PLACE : door_of(o->of->external_id, p->wish.by_address);
    quick.by_address = o->door != DOOR_PLACE;
    quick.address = door_text(o->of->address, o->door, address);
    city_order_json(p->city, &quick, p->start_ms, &b);
    buf_char(&b, '\0');
    if (b.failed)
        give_up("out of memory");
    o->body = b.p;
}

static void
send_order(struct play *p, struct order *o)
{
    struct chain *c = &p->chain[o->chain];
    uint32_t i = (uint32_t)(o - p->order);

    if (o->asked == ASKED_NOTHING) {
        o->asked = ASKED_SENT;
        o->first_ms = clock_ms();
        write_body(p, o);
        p->tally.sent++;
    }
    o->again_ms = 0;
    o->tries++;
    if (c->way == WAY_BATCH && c->batch_n < BATCH_MAX)
        c->batch[c->batch_n++] = i;
    else if (c->way == WAY_ZMQ)
        feed_send(p->feed, o);
    else
        post(p, o, post_done, i);
}

/* The chain with most orders has its own line, the two behind it send batches. */
static void
choose_ways(struct play *p)
{
    uint32_t *n = needed(arena_array(p->arena, p->chain_n, sizeof *n));

    for (uint32_t i = 0; i < p->order_n; i++)
        n[p->order[i].chain]++;
    for (int rank = 0; rank < 3; rank++) {
        uint32_t best = 0;
        for (uint32_t i = 1; i < p->chain_n; i++)
            if (n[i] > n[best])
                best = i;
        p->chain[best].way = rank == 1 ? WAY_ZMQ : rank == 2 ? WAY_BATCH : WAY_HTTP;
        n[best] = 0;
    }
    for (uint32_t i = 0; i < p->chain_n; i++)
        p->chain[i].batch = needed(arena_array(p->arena, BATCH_MAX, sizeof(uint32_t)));
}

void
chains_start(struct play *p)
{
    choose_ways(p);
    p->start_ms = clock_ms() + BEFORE_MS;
}

/* ---- asking ---- */

static void
look_done(void *ctx, uint64_t tag, int status, struct slice body, int64_t took_us)
{
    struct play *p = ctx;
    struct order *o = &p->order[tag];
    const struct json_value *v = json_of(p, body);
    const struct json_value *timeline = json_value_get(v, "timeline");
    const struct json_value *window = json_value_get(v, "window");
    char name[32] = "";

    (void)took_us;
    o->looking = false;
    o->look_ms = clock_ms() + look_pause_ms(p, o);
    o->gone = status == 404;
    if (status != 200 || !text_at(v, "status", name, sizeof name))
        return;
    o->state = state_of(name);
    learn_track(o, v);
    confirm_learn(p, o, v);
    o->reason[0] = '\0';
    (void)text_at(v, "reason", o->reason, sizeof o->reason);
    (void)text_at(json_value_get(v, "store"), "id", o->store, sizeof o->store);
    o->created_ms = time_at(v, "created_at");
    o->window_start_ms = time_at(window, "start");
    o->window_end_ms = time_at(window, "end");
    for (uint32_t i = 0; timeline != NULL && i < timeline->n; i++)
        if (text_at(timeline->item[i], "status", name, sizeof name) && state_of(name) == o->state)
            o->ended_ms = time_at(timeline->item[i], "at");
    plan_collection(p, o, time_at(v, "ready_at"));
    if (state_ended(o->state))
        o->look_ms = 0;
}

void
order_look(struct play *p, struct order *o)
{
    char path[64];

    if (o->looking || caller_busy(p->to_intake) > LOOKS_AT_ONCE)
        return;
    o->looking = true;
    snprintf(path, sizeof path, "/v1/orders/%s", o->id);
    const struct caller_request r = {.method = "GET",
                                     .path = path,
                                     .token = p->chain[o->chain].key,
                                     .done = look_done,
                                     .ctx = p,
                                     .tag = (uint64_t)(o - p->order)};
    caller_send(p->to_intake, &r);
}

void
chains_tick(struct play *p)
{
    int64_t now_ms = clock_ms();

    for (uint32_t i = 0; i < p->next_order; i++) {
        struct order *o = &p->order[i];
        if (o->again_ms != 0 && now_ms >= o->again_ms)
            send_order(p, o);
        confirm_tick(p, o);
        if (o->look_ms != 0 && now_ms >= o->look_ms)
            order_look(p, o);
    }
    while (p->next_order < p->order_n && now_ms >= at_ms(p, p->order[p->next_order].of->at_ms))
        send_order(p, &p->order[p->next_order++]);
    for (uint32_t i = 0; i < p->chain_n; i++) {
        struct chain *c = &p->chain[i];
        if (c->batch_n == 0 || c->batch_open || now_ms < c->batch_ms)
            continue;
        c->batch_ms = now_ms + real_ms(p, BATCH_EVERY_MS);
        send_batch(p, i);
    }
}
