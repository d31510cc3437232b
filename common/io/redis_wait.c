/* What an answer of Redis is worth: kept back until replicas have what it answers for, or none at
 * all when the server only says why it does not serve. */
#include "io/log.h"
#include "io/loop.h"
#include "io/redis_own.h"
#include "io/sentinel.h"

#include <stdio.h>
#include <stdlib.h>

enum { PROBE_MS = 1000 };

/* ---- what waits ---- */

/* Whatever is not known to be a plain read waits. */
enum call_kind
redis_kind_of(const struct slice *argv, size_t argc)
{
    static const char *const reads[] = {
        "EXISTS",    "FCALL_RO", "GEOPOS", "GEOSEARCH", "GET",    "GETRANGE", "HGET",
        "HGETALL",   "HKEYS",    "HLEN",   "HMGET",     "HSCAN",  "INFO",     "LRANGE",
        "MGET",      "PING",     "SCAN",   "TIME",      "XLEN",   "XRANGE",   "XREAD",
        "XREVRANGE", "ZCARD",    "ZCOUNT", "ZRANGE",    "ZSCORE", "ZUNION",
    };

    for (size_t i = 0; argc > 0 && i < sizeof reads / sizeof *reads; i++)
        if (slice_eq_str(argv[0], reads[i]))
            return CALL_READS;
    return CALL_WRITES;
}

bool
redis_must_wait(const struct redis *r, enum call_kind kind)
{
    return kind == CALL_WRITES && r->wait.replicas > 0 && !r->is_alone;
}

enum lc_err
redis_wait_for(struct redis *r, const struct redis_wait *wait, const char **why)
{
    if (wait->replicas > 0 && (wait->ms < 1 || wait->ms > REDIS_WAIT_MOST_MS)) {
        *why = "expected 1 to 4000 milliseconds";
        return LC_EINVAL;
    }
    r->wait = *wait;
    return LC_OK;
}

bool
redis_is_alone(const struct redis *r)
{
    return r->is_alone;
}

bool
redis_is_short(const struct redis *r)
{
    return r->is_short;
}

/* WAIT's answer is about all that was written before it, by anybody: a repeated call that finds its
 * work done already is as safe as the first one, once this is answered. One at a time: were there
 * one for each turn, they would run into their times one behind the other when a replica is gone.
 */
void
redis_wait_put(struct redis *r)
{
    char replicas[16], ms[16];

    snprintf(replicas, sizeof replicas, "%u", r->wait.replicas);
    snprintf(ms, sizeof ms, "%u", r->wait.ms);
    const struct slice argv[] = {SLICE_LIT("WAIT"), slice_str(replicas), slice_str(ms)};
    redis_put_command(&r->out, argv, 3);
    r->behind = false;
    r->barrier = true;
    const struct call barrier = {.at_us = redis_clock_us(), .kind = CALL_BARRIER};
    if (!r->out.failed && redis_remember(r, &barrier))
        return;
    r->broken = true; /* without it they would wait for ever */
    redis_ensure_tick(r);
}

bool
redis_keep(struct redis *r, const struct reply *reply)
{
    if (r->kept_n == r->kept_room) {
        size_t room = r->kept_room == 0 ? 64 : r->kept_room * 2;
        const struct reply **kept = realloc(r->kept, room * sizeof *kept);
        if (kept == NULL)
            return false;
        r->kept = kept;
        r->kept_room = room;
    }
    r->kept[r->kept_n++] = reply;
    return true;
}

/* pass_all: what was sent behind the barrier need not wait for another one. */
static void
pass_all(struct redis *r)
{
    for (size_t i = r->kept_n + 1; i < r->count; i++)
        r->ring[(r->head + i) & (r->room - 1)].waits = false;
    r->behind = false;
}

/* Handlers may call, but nothing is read meanwhile: the kept answers stay as they are. */
static void
release(struct redis *r, bool done)
{
    size_t n = r->kept_n;

    r->kept_n = 0;
    for (size_t i = 0; i < n; i++) {
        bool waited = r->ring[r->head].waits;
        if (r->kept[i]->kind == REPLY_LOST || (waited && !done))
            redis_lose_first(r);
        else
            redis_deliver(r, r->kept[i]);
    }
}

static void
now_alone(struct redis *r, long long have)
{
    r->is_alone = true;
    pass_all(r);
    log_line(LOG_ERROR, "redis_alone",
             "replicas=%lld expected=%u: acknowledging what a fail-over may lose", have,
             r->wait.replicas);
}

void
redis_wait_answered(struct redis *r, const struct reply *reply)
{
    /* the barrier is behind what it is for: it leaves the ring first, then they do */
    int64_t put_us = r->ring[(r->head + r->kept_n) & (r->room - 1)].at_us;
    long long have = reply->kind == REPLY_INT ? reply->integer : 0;
    bool done = reply->kind == REPLY_INT && have >= (long long)r->wait.replicas;

    r->counts.waits++;
    r->counts.waits_us += (uint64_t)(redis_clock_us() - put_us);
    bool left = r->kept_n == 0; /* all it was for was refused, and sent elsewhere */
    if (!left && reply->kind != REPLY_INT && !redis_take_trouble(r, reply))
        log_line(LOG_ERROR, "redis_wait_refused", "reason=%.*s",
                 (int)(reply->str.n < 512 ? reply->str.n : 512), reply->str.p);
    done = done || left;
    if (!done)
        r->counts.short_of++;
    if (!done && reply->kind == REPLY_INT && r->wait.alone) {
        now_alone(r, have);
        done = true;
    } else if (!done) {
        log_line(LOG_WARN, "redis_not_replicated", "replicas=%lld expected=%u calls=%zu", have,
                 r->wait.replicas, r->kept_n);
        sentinel_ask(r->sentinel); /* a primary that was left behind would say this, too */
    }
    if (r->is_alone || !done) {
        r->probe_ms = loop_mono_ms() + PROBE_MS;
        r->probed = -1;
    }
    r->is_short = !done;
    release(r, done);
    r->head = (r->head + 1) & (r->room - 1);
    r->count--;
    r->barrier = false;
    if (r->behind)
        redis_flush(r);
}

/* ---- alone, or short of replicas ---- */

/* A WAIT to find out would hold up all that is behind it. */
void
redis_wait_probe(struct redis *r)
{
    const struct slice argv[] = {SLICE_LIT("ROLE")};
    const struct call probe = {.at_us = redis_clock_us(), .kind = CALL_PROBE};

    if ((!r->is_alone && !r->is_short) || loop_mono_ms() < r->probe_ms)
        return;
    r->probe_ms = loop_mono_ms() + PROBE_MS;
    if (r->count == 0)
        r->heard_ms = loop_mono_ms();
    redis_put_command(&r->out, argv, 1);
    r->broken = r->out.failed || !redis_remember(r, &probe);
    redis_ensure_tick(r);
}

/* have_offset: how many replicas have acknowledged all up to there. */
static unsigned
have_offset(const struct reply *replicas, int64_t offset)
{
    unsigned n = 0;

    for (size_t i = 0; replicas->kind == REPLY_ARRAY && i < replicas->n; i++) {
        const struct reply *one = &replicas->items[i]; /* host, port, offset */
        char text[24] = "";
        if (one->kind != REPLY_ARRAY || one->n < 3 || one->items[2].kind != REPLY_STRING ||
            one->items[2].str.n >= sizeof text)
            continue;
        memcpy(text, one->items[2].str.p, one->items[2].str.n);
        n += strtoll(text, NULL, 10) >= offset;
    }
    return n;
}

/* Under load none has what was written this moment. One that has what there was at the last time is
 * near enough: the next call waits for it again. */
void
redis_wait_probed(struct redis *r, const struct reply *reply)
{
    if ((!r->is_alone && !r->is_short) || reply->kind != REPLY_ARRAY || reply->n < 3 ||
        reply->items[1].kind != REPLY_INT)
        return; /* an error is logged where it is delivered */
    int64_t now = reply->items[1].integer;
    unsigned have = have_offset(&reply->items[2], r->probed < 0 ? now : r->probed);
    r->probed = now;
    if (have < r->wait.replicas)
        return;
    r->is_alone = r->is_short = false;
    log_line(LOG_INFO, "redis_replicas_back", "replicas=%u", have);
}

/* ---- errors that are none ---- */

static const struct {
    const char *word;
    enum redis_trouble trouble;
} words[] = {
    {"LOADING", REDIS_LOADING},
    {"MASTERDOWN", REDIS_LOADING},
    {"READONLY", REDIS_READONLY},
    {"NOAUTH", REDIS_NOAUTH},
    {"WRONGPASS", REDIS_NOAUTH},
    {"OOM", REDIS_OOM},
    {"MISCONF", REDIS_MISCONF},
    {"NOREPLICAS", REDIS_NOREPLICAS},
    {"CLUSTERDOWN", REDIS_CLUSTERDOWN},
    {"TRYAGAIN", REDIS_MIGRATING},
    {"ASK", REDIS_MIGRATING},
    {"MOVED", REDIS_MOVED},
    {"BUSY", REDIS_BUSY},
};

enum redis_trouble
redis_trouble_of(struct slice error)
{
    size_t n = 0;

    while (n < error.n && error.p[n] != ' ')
        n++;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_eq_str(slice_of(error.p, n), words[i].word))
            return words[i].trouble;
    return REDIS_TROUBLE_NONE;
}

const char *
redis_trouble_name(enum redis_trouble t)
{
    static const char *const names[REDIS_TROUBLES] = {
        [REDIS_TROUBLE_NONE] = "none",
        [REDIS_LOADING] = "loading",
        [REDIS_READONLY] = "readonly",
        [REDIS_NOAUTH] = "noauth",
        [REDIS_OOM] = "oom",
        [REDIS_MISCONF] = "misconf",
        [REDIS_NOREPLICAS] = "noreplicas",
        [REDIS_CLUSTERDOWN] = "clusterdown",
        [REDIS_MIGRATING] = "migrating",
        [REDIS_MOVED] = "moved",
        [REDIS_UNREADABLE] = "unreadable",
        [REDIS_CROWDED] = "crowded",
        [REDIS_BUSY] = "busy",
    };

    return t < REDIS_TROUBLES ? names[t] : "none";
}

void
redis_trouble(struct redis *r, enum redis_trouble t, struct slice reason)
{
    if (!r->again && !r->broken)
        log_line(LOG_WARN, "redis_trouble", "kind=%s reason=%.*s", redis_trouble_name(t),
                 (int)(reason.n < 512 ? reason.n : 512), reason.p);
    r->counts.troubles[t]++;
}

bool
redis_take_trouble(struct redis *r, const struct reply *reply)
{
    enum redis_trouble t =
        reply->kind == REPLY_ERROR ? redis_trouble_of(reply->str) : REDIS_TROUBLE_NONE;

    if (t == REDIS_TROUBLE_NONE)
        return false;
    if (t == REDIS_MOVED && r->cluster != NULL)
        t = REDIS_UNREADABLE; /* what could be read was followed */
    redis_trouble(r, t, reply->str);
    if (t == REDIS_LOADING || t == REDIS_READONLY || t == REDIS_NOAUTH || t == REDIS_UNREADABLE ||
        (t == REDIS_CLUSTERDOWN && r->cluster != NULL)) {
        r->broken = true; /* this connection is of no use any more */
        redis_ensure_tick(r);
    } else if (t == REDIS_NOREPLICAS) {
        sentinel_ask(r->sentinel);
    }
    return true;
}
