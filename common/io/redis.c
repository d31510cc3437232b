#include "io/redis.h"

#include "io/log.h"
#include "io/loop.h"
#include "io/redis_own.h"
#include "io/redis_reply.h"
#include "io/sentinel.h"

#include <assert.h>
#include <hiredis/read.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 20, RING_FIRST = 1024, PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 2000 };

static const int64_t bucket_us[REDIS_BUCKETS] = {250,   500,   1000,   2500,   5000,    10000,
                                                 25000, 50000, 100000, 250000, 1000000, 5000000};

int64_t
redis_bucket_us(size_t i)
{
    return bucket_us[i];
}

int64_t
redis_clock_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* ---- what waits ---- */

/* Who waits must be told; without the memory to remember it the daemon ends. Nothing is lost by
 * that: all state is in Redis. */
static void
out_of_memory(void)
{
    log_line(LOG_ERROR, "out_of_memory", "where=redis");
    abort();
}

void
redis_up_again(struct redis *r)
{
    if (r->state != LINK_UP || r->broken)
        return;
    if (!r->again)
        r->again_ms = loop_mono_ms() + r->pause_ms;
    r->again = true;
    r->lost_us = redis_clock_us();
    redis_ensure_tick(r);
}

void
redis_lose(struct redis *r, uint64_t tag)
{
    r->counts.lost++;
    if (tag == 0)
        return;
    redis_up_again(r);
    if (r->lost_n == r->lost_room) {
        size_t room = r->lost_room == 0 ? 64 : r->lost_room * 2;
        uint64_t *lost = realloc(r->lost, room * sizeof *lost);
        if (lost == NULL)
            out_of_memory();
        r->lost = lost;
        r->lost_room = room;
    }
    r->lost[r->lost_n++] = tag;
    redis_ensure_tick(r);
}

static void
tell_lost(struct redis *r)
{
    static const struct reply lost = {.kind = REPLY_LOST};

    /* what handlers add meanwhile waits for the next time */
    size_t n = r->lost_n;
    for (size_t i = 0; i < n; i++)
        r->on.replied(r->ctx, r->lost[i], &lost);
    r->lost_n -= n;
    if (r->lost_n > 0)
        memmove(r->lost, r->lost + n, r->lost_n * sizeof *r->lost);
}

void
redis_lose_all(struct redis *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct call *c = &r->ring[(r->head + i) & (r->room - 1)];
        if (c->tag != 0)
            redis_lose(r, c->tag);
        redis_drop_copy(r, c);
    }
    r->head = r->count = r->kept_n = 0;
    r->barrier = false;
    tell_lost(r);
}

bool
redis_remember(struct redis *r, const struct call *call)
{
    if (r->count == r->room) {
        size_t room = r->room == 0 ? RING_FIRST : r->room * 2;
        struct call *ring = room <= REDIS_CALLS_MOST ? calloc(room, sizeof *ring) : NULL;
        if (ring == NULL)
            return false;
        for (size_t i = 0; i < r->count; i++)
            ring[i] = r->ring[(r->head + i) & (r->room - 1)];
        free(r->ring);
        r->ring = ring;
        r->room = room;
        r->head = 0;
    }
    r->ring[(r->head + r->count++) & (r->room - 1)] = *call;
    return true;
}

/* ---- calls ---- */

static char *
put_number(char *end, size_t v)
{
    do
        *--end = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    return end;
}

static void
put_head(struct buf *b, char sign, size_t v)
{
    char text[24];
    char *end = text + sizeof text;
    char *p;

    end[-2] = '\r';
    end[-1] = '\n';
    p = put_number(end - 2, v);
    *--p = sign;
    buf_append(b, p, (size_t)(end - p));
}

void
redis_put_command(struct buf *b, const struct slice *argv, size_t argc)
{
    put_head(b, '*', argc);
    for (size_t i = 0; i < argc; i++) {
        put_head(b, '$', argv[i].n);
        buf_append(b, argv[i].p, argv[i].n);
        buf_append(b, "\r\n", 2);
    }
}

void
redis_call(struct redis *r, uint64_t tag, const struct slice *argv, size_t argc)
{
    size_t before = r->out.n;
    struct call call = {.tag = tag, .at_us = redis_clock_us(), .kind = redis_kind_of(argv, argc)};
    bool holds = redis_holds(r);
    bool ok = holds || (r->state == LINK_UP && !r->broken && r->out.n <= REDIS_OUT_MOST);

    r->counts.calls++;
    call.waits = redis_must_wait(r, call.kind);
    call.asks = call.kind == CALL_READS && !slice_eq_str(argv[0], "FCALL_RO");
    if (ok && r->count == 0)
        r->heard_ms = loop_mono_ms(); /* silence only counts while something waits */
    if (ok)
        redis_put_command(&r->out, argv, argc);
    ok = ok && !r->out.failed;
    if (ok && r->cluster != NULL) {
        call.bytes_n = r->out.n - before;
        assert(call.bytes_n > 0); /* a command has a head */
        call.bytes = redis_crowded(r, call.bytes_n) ? NULL : malloc(call.bytes_n);
        ok = call.bytes != NULL;
        if (ok) {
            memcpy(call.bytes, r->out.p + before, call.bytes_n);
            r->copies_n += call.bytes_n;
        }
    }
    if (ok && holds) {
        r->out.n = before;
        redis_hold(r, call);
    } else if (ok && redis_remember(r, &call)) {
        r->behind = r->behind || call.waits;
        redis_ensure_tick(r);
    } else {
        redis_drop_copy(r, &call);
        r->out.failed = false;
        r->out.n = before;
        redis_lose(r, tag);
    }
}

void
redis_flush(struct redis *r)
{
    if (r->state != LINK_UP || r->broken)
        return;
    if (r->behind && !r->barrier)
        redis_wait_put(r);
    redis_wait_probe(r);
    if (r->out.n > 0 && !r->broken)
        redis_link_write(r);
    if (r->cluster != NULL && r->cluster->aside != NULL)
        redis_flush(r->cluster->aside);
}

/* ---- answers ---- */

static void
count_time(struct redis *r, int64_t us)
{
    size_t i = 0;

    while (i < REDIS_BUCKETS && us > bucket_us[i])
        i++;
    r->counts.took[i]++;
    r->counts.took_us += (uint64_t)us;
}

void
redis_deliver(struct redis *r, const struct reply *reply)
{
    struct call c = r->ring[r->head];

    r->head = (r->head + 1) & (r->room - 1);
    r->count--;
    redis_drop_copy(r, &c);
    count_time(r, redis_clock_us() - c.at_us);
    if (c.kind == CALL_WRITES) {
        r->pause_ms = PAUSE_FIRST_MS; /* it can write: whatever was wrong is over */
        r->counts.alone += r->is_alone;
    }
    if (c.tag != 0)
        r->on.replied(r->ctx, c.tag, reply);
    else if (reply->kind == REPLY_ERROR)
        log_line(LOG_WARN, "redis_error", "reason=%.*s",
                 (int)(reply->str.n < 512 ? reply->str.n : 512), reply->str.p);
}

void
redis_lose_first(struct redis *r)
{
    struct call c = r->ring[r->head];

    r->head = (r->head + 1) & (r->room - 1);
    r->count--;
    redis_drop_copy(r, &c);
    if (!c.gone)
        redis_lose(r, c.tag);
}

/* Somebody emptied the server's functions, or a primary without them was made: load them again. */
static void
look_for_functions(struct redis *r, const struct reply *reply)
{
    static const char gone[] = "ERR Function not found";

    if (reply->kind != REPLY_ERROR || r->library.n == 0 || reply->str.n < sizeof gone - 1 ||
        memcmp(reply->str.p, gone, sizeof gone - 1) != 0)
        return;
    r->broken = true;
    redis_ensure_tick(r);
}

void
redis_handle_reply(struct redis *r, const struct reply *reply)
{
    if (r->state == LINK_GREETING) {
        redis_greet_reply(r, reply);
        return;
    }
    if (r->count == r->kept_n) {
        redis_link_down(r, "redis_unasked", SLICE_LIT("an answer nobody asked for"));
        return;
    }
    static const struct reply lost = {.kind = REPLY_LOST};
    struct call *c = &r->ring[(r->head + r->kept_n) & (r->room - 1)];
    if (c->kind == CALL_BARRIER) {
        redis_wait_answered(r, reply);
        return;
    }
    if (c->kind == CALL_PROBE)
        redis_wait_probed(r, reply);
    if (redis_cluster_took(r, c, reply) || redis_take_trouble(r, reply))
        reply = &lost;
    look_for_functions(r, reply);
    /* behind an answer that is kept all others wait: they come in order */
    if (r->kept_n > 0 || c->waits) {
        if (!redis_keep(r, reply))
            redis_link_down(r, "redis_lost", SLICE_LIT("out of memory"));
    } else if (reply->kind == REPLY_LOST) {
        redis_lose_first(r);
    } else {
        redis_deliver(r, reply);
    }
}

/* ---- time ---- */

static void
lose_late(struct redis *r)
{
    int64_t late_us = redis_clock_us() - (int64_t)REDIS_CALL_MS * 1000;

    for (size_t i = 0; i < r->count; i++) {
        struct call *c = &r->ring[(r->head + i) & (r->room - 1)];
        if (c->at_us > late_us)
            return;
        if (c->tag != 0)
            redis_lose(r, c->tag);
        c->tag = 0; /* its place stays: the answer may still come, and is thrown away then */
    }
}

/* What was LOST on this connection can be repeated now. */
static void
tell_up_again(struct redis *r)
{
    if (!r->again || r->state != LINK_UP || r->lost_n > 0 || loop_mono_ms() < r->again_ms ||
        (r->count > 0 && r->ring[r->head].at_us <= r->lost_us))
        return;
    r->again = false;
    r->pause_ms = r->pause_ms * 2 < PAUSE_MOST_MS ? r->pause_ms * 2 : PAUSE_MOST_MS;
    r->on.up(r->ctx);
}

static void
on_tick(void *ctx)
{
    struct redis *r = ctx;

    r->ticking = false;
    if (r->broken)
        redis_link_down(r, "redis_lost", SLICE_LIT("broken"));
    lose_late(r);
    /* of a Cluster others can be asked who has the city now */
    if (r->count > 0 &&
        loop_mono_ms() - r->heard_ms > (r->cluster != NULL ? REDIS_CALL_MS : REDIS_DEAD_MS))
        redis_link_down(r, "redis_silent", SLICE_LIT("no answer at all"));
    redis_cluster_tick(r);
    redis_held_tick(r);
    tell_lost(r);
    tell_up_again(r);
    if (r->count > 0 || r->held_n > 0 || r->lost_n > 0 || r->again || r->state == LINK_GREETING ||
        r->state == LINK_CONNECTING)
        redis_ensure_tick(r);
}

void
redis_ensure_tick(struct redis *r)
{
    if (r->ticking)
        return;
    r->ticking = true;
    loop_timer_set(r->tick, TICK_MS);
}

/* ---- life ---- */

enum lc_err
redis_new(struct loop *l, struct resolver *resolver, const char *address,
          const struct redis_login *login, struct slice library,
          const struct redis_handlers *handlers, void *ctx, struct redis **out, const char **why)
{
    struct redis *r = calloc(1, sizeof *r);
    enum lc_err err = LC_ENOMEM;

    *out = NULL;
    *why = "out of memory";
    if (r == NULL)
        return LC_ENOMEM;
    r->loop = l;
    r->resolver = resolver;
    r->on = *handlers;
    r->ctx = ctx;
    r->library = library;
    r->fd = -1;
    r->pause_ms = PAUSE_FIRST_MS;
    err = redis_relogin(r, login);
    if (err != LC_OK) {
        *why = "the user is longer than 127 bytes, or the password than 255";
        goto out;
    }
    err = redis_link_address(r, address, why);
    if (err != LC_OK)
        goto out;
    r->arena = arena_new(REDIS_REPLY_MOST);
    r->tick = loop_timer_new(l, on_tick, r);
    r->retry = loop_timer_new(l, (void (*)(void *))redis_link_try, r);
    if (r->arena == NULL || r->tick == NULL || r->retry == NULL) {
        err = LC_ENOMEM;
        goto out;
    }
    loop_timer_set(r->retry, 0);
    *out = r;
    return LC_OK;

out:
    redis_destroy(r);
    return err;
}

enum lc_err
redis_relogin(struct redis *r, const struct redis_login *login)
{
    if (login->user.n >= sizeof r->user || login->password.n >= sizeof r->password)
        return LC_EINVAL;
    explicit_bzero(r->password, sizeof r->password);
    memset(r->user, 0, sizeof r->user);
    if (login->user.n > 0)
        memcpy(r->user, login->user.p, login->user.n);
    if (login->password.n > 0)
        memcpy(r->password, login->password.p, login->password.n);
    if (r->cluster != NULL && r->cluster->aside != NULL)
        return redis_relogin(r->cluster->aside, login);
    return LC_OK;
}

void
redis_destroy(struct redis *r)
{
    if (r == NULL)
        return;
    loop_watch_free(r->watch);
    if (r->fd >= 0)
        close(r->fd);
    if (r->reader != NULL)
        redisReaderFree(r->reader);
    loop_timer_free(r->tick);
    loop_timer_free(r->retry);
    arena_destroy(r->arena);
    buf_free(&r->out);
    sentinel_destroy(r->sentinel);
    redis_cluster_free(r);
    redis_held_free(r);
    for (size_t i = 0; i < r->count; i++)
        free(r->ring[(r->head + i) & (r->room - 1)].bytes);
    free(r->ring);
    free(r->kept);
    free(r->lost);
    explicit_bzero(r->password, sizeof r->password);
    free(r);
}

bool
redis_is_up(const struct redis *r)
{
    return r->state == LINK_UP;
}

bool
redis_library_differs(const struct redis *r)
{
    return r->state == LINK_UP && r->differs;
}

size_t
redis_waiting(const struct redis *r)
{
    size_t aside =
        r->cluster == NULL || r->cluster->aside == NULL ? 0 : redis_waiting(r->cluster->aside);

    return r->count + r->lost_n + r->held_n + aside;
}

const struct redis_counts *
redis_counts(const struct redis *r)
{
    return &r->counts;
}
