/* One city of a Redis Cluster: which node has its slot, and what becomes of calls that a node
 * refuses because it has it no longer. */
#include "io/log.h"
#include "io/loop.h"
#include "io/redis_own.h"

#include <stdio.h>
#include <stdlib.h>

enum { HOLD_MS = 2000, LEAVE_MS = 500, HOPS_MOST = 8 };

enum lc_err
redis_follow_cluster(struct redis *r, const char *nodes, const char *tag, const char **why)
{
    struct cluster *c = calloc(1, sizeof *c);

    *why = "out of memory";
    if (c == NULL)
        return LC_ENOMEM;
    r->cluster = c;
    *why = "expected host:port, up to 32 of them separated by commas";
    if (*nodes == '\0')
        return LC_EINVAL;
    while (*nodes != '\0') {
        size_t n = strcspn(nodes, ",");
        struct node *to = &c->list[c->n];
        if (c->n == REDIS_NODES || !redis_split_address(slice_of(nodes, n), to->host, to->port))
            return LC_EINVAL;
        c->n++;
        nodes += n + (nodes[n] == ',');
    }
    *why = "the tag: expected {city}, up to 39 bytes";
    if (tag[0] != '{' || strlen(tag) >= sizeof c->tag)
        return LC_EINVAL;
    memcpy(c->tag, tag, strlen(tag));
    return LC_OK;
}

/* ---- calls that wait for the next connection ---- */

bool
redis_crowded(struct redis *r, size_t n)
{
    const struct redis *aside = r->cluster == NULL ? NULL : r->cluster->aside;

    if (r->copies_n + (aside == NULL ? 0 : aside->copies_n) + n <= REDIS_COPIES_MOST)
        return false;
    redis_trouble(r, REDIS_CROWDED, SLICE_LIT("64 MiB of calls wait for an answer already"));
    return true;
}

void
redis_drop_copy(struct redis *r, struct call *call)
{
    if (call->bytes == NULL)
        return;
    r->copies_n -= call->bytes_n;
    free(call->bytes);
    call->bytes = NULL;
}

bool
redis_holds(const struct redis *r)
{
    return r->holds && (r->state != LINK_UP || (r->cluster != NULL && r->cluster->leaving));
}

void
redis_hold(struct redis *r, struct call call)
{
    if (r->held_n == r->held_room) {
        size_t room = r->held_room == 0 ? 64 : r->held_room * 2;
        struct call *held = room <= REDIS_CALLS_MOST ? realloc(r->held, room * sizeof *held) : NULL;
        if (held == NULL) {
            redis_drop_copy(r, &call);
            redis_lose(r, call.tag);
            return;
        }
        r->held = held;
        r->held_room = room;
    }
    r->held[r->held_n++] = call;
    redis_ensure_tick(r);
}

/* begin_to_hold: until another connection is up, for a while. */
static void
begin_to_hold(struct redis *r)
{
    if (r->holds)
        return;
    r->holds = true;
    r->holds_ms = loop_mono_ms();
    redis_ensure_tick(r);
}

/* put: a command as it was put before. */
static void
put(struct redis *r, struct call call)
{
    size_t before = r->out.n;

    buf_append(&r->out, call.bytes, call.bytes_n);
    if (r->cluster == NULL)
        redis_drop_copy(r, &call);
    call.waits = redis_must_wait(r, call.kind);
    if (r->count == 0)
        r->heard_ms = loop_mono_ms();
    if (!r->out.failed && redis_remember(r, &call)) {
        r->behind = r->behind || call.waits;
        redis_ensure_tick(r);
        return;
    }
    r->out.failed = false;
    r->out.n = before;
    redis_drop_copy(r, &call);
    redis_lose(r, call.tag);
}

void
redis_held_send(struct redis *r)
{
    r->holds = false;
    if (r->cluster != NULL) {
        r->cluster->leaving = false;
        r->cluster->hops = 0;
        r->counts.resent += r->held_n;
    }
    for (size_t i = 0; i < r->held_n; i++)
        put(r, r->held[i]);
    r->held_n = 0;
}

void
redis_held_tick(struct redis *r)
{
    if (!r->holds || loop_mono_ms() - r->holds_ms <= HOLD_MS)
        return;
    r->holds = false;
    for (size_t i = 0; i < r->held_n; i++) {
        redis_drop_copy(r, &r->held[i]);
        redis_lose(r, r->held[i].tag);
    }
    r->held_n = 0;
}

void
redis_held_free(struct redis *r)
{
    for (size_t i = 0; i < r->held_n; i++)
        free(r->held[i].bytes);
    free(r->held);
}

/* ---- where a node says that it is ---- */

/* first_is: is this the first word? */
static bool
first_is(struct slice text, const char *word)
{
    size_t n = strlen(word);

    return text.n >= n && memcmp(text.p, word, n) == 0 && (text.n == n || text.p[n] == ' ');
}

/* read_redirect: "MOVED 8250 host:port", "ASK ...". No host: the one that says it. */
static bool
read_redirect(const struct redis *r, struct slice text, const char *word, struct node *to)
{
    size_t at = strlen(word);

    if (!first_is(text, word) || text.n == at)
        return false;
    for (at++; at < text.n && text.p[at] != ' ';)
        at++;
    if (at >= text.n)
        return false;
    struct slice address = slice_of(text.p + at + 1, text.n - at - 1);
    if (address.n > 1 && address.p[0] == ':' && address.n <= REDIS_PORT) {
        memset(to, 0, sizeof *to);
        memcpy(to->host, r->host, sizeof to->host);
        memcpy(to->port, address.p + 1, address.n - 1);
        return true;
    }
    return redis_split_address(address, to->host, to->port) && strcmp(to->host, "?") != 0;
}

static void
go_to(struct redis *r, const struct node *to)
{
    memcpy(r->host, to->host, sizeof r->host);
    memcpy(r->port, to->port, sizeof r->port);
    r->cluster->named = true;
}

/* ---- ASK: a second connection, while the slot is on its way ---- */

static void
on_aside_reply(void *ctx, uint64_t tag, const struct reply *reply)
{
    struct redis *r = ctx;

    if (reply->kind == REPLY_LOST) {
        r->counts.lost++;
        redis_up_again(r);
    }
    r->on.replied(r->ctx, tag, reply);
}

static void
on_aside_up(void *ctx)
{
    (void)ctx; /* what was held for it is on its way */
}

static void
lose_of_aside(struct redis *r, uint64_t tag)
{
    if (tag != 0) /* else it is an ASKING */
        redis_lose(r, tag);
}

/* leave_aside: what waits there is LOST, and told so later: whoever hears it may call, and that may
 * move the ring that the answer being taken is in. */
static void
leave_aside(struct redis *r)
{
    struct redis *aside = r->cluster->aside;

    if (aside == NULL)
        return;
    r->cluster->aside = NULL;
    for (size_t i = 0; i < aside->count; i++)
        lose_of_aside(r, aside->ring[(aside->head + i) & (aside->room - 1)].tag);
    for (size_t i = 0; i < aside->held_n; i++)
        lose_of_aside(r, aside->held[i].tag);
    for (size_t i = 0; i < aside->lost_n; i++)
        lose_of_aside(r, aside->lost[i]);
    redis_destroy(aside);
}

static struct redis *
aside_to(struct redis *r, const struct node *to)
{
    static const struct redis_handlers handlers = {on_aside_reply, on_aside_up};
    const struct redis_login login = {slice_str(r->user), slice_str(r->password)};
    struct cluster *c = r->cluster;
    char address[REDIS_HOST + REDIS_PORT + 4];
    const char *why;

    if (c->aside != NULL && strcmp(c->aside_at.host, to->host) == 0 &&
        strcmp(c->aside_at.port, to->port) == 0)
        return c->aside;
    leave_aside(r);
    snprintf(address, sizeof address, "%s:%s", to->host, to->port);
    c->aside_at = *to;
    log_line(LOG_INFO, "redis_migrating", "to=%s", address);
    if (redis_new(r->loop, r->resolver, address, &login, slice_of(NULL, 0), &handlers, r, &c->aside,
                  &why) != LC_OK)
        return NULL;
    begin_to_hold(c->aside);
    return c->aside;
}

/* ask_aside: ASKING counts for the one command behind it. The call's bytes are taken. */
static bool
ask_aside(struct redis *r, struct call *call, const struct node *to)
{
    static const char asking[] = "*1\r\n$6\r\nASKING\r\n";
    struct redis *aside = aside_to(r, to);
    struct call before = {.at_us = call->at_us, .kind = CALL_READS, .bytes_n = sizeof asking - 1};

    if (aside == NULL || (aside->state != LINK_UP && !redis_holds(aside)) || aside->broken ||
        (before.bytes = malloc(sizeof asking)) == NULL)
        return false;
    memcpy(before.bytes, asking, sizeof asking);
    struct call asked = *call;
    asked.gone = asked.waits = false;
    r->copies_n -= call->bytes_n; /* they are the other connection's from here */
    aside->copies_n += before.bytes_n + asked.bytes_n;
    if (redis_holds(aside)) {
        redis_hold(aside, before);
        redis_hold(aside, asked);
    } else {
        put(aside, before);
        put(aside, asked);
        redis_flush(aside);
    }
    r->counts.asked++;
    return true;
}

/* ---- answers ---- */

bool
redis_cluster_took(struct redis *r, struct call *call, const struct reply *reply)
{
    struct node to;

    if (r->cluster == NULL || reply->kind != REPLY_ERROR || call->bytes == NULL)
        return false;
    if (read_redirect(r, reply->str, "MOVED", &to)) {
        r->counts.moved++;
        if (!r->cluster->leaving) {
            log_line(LOG_INFO, "redis_moved", "to=%s:%s waiting=%zu", to.host, to.port, r->count);
            r->cluster->leaving = true;
            r->cluster->leaving_ms = loop_mono_ms();
            go_to(r, &to);
            begin_to_hold(r);
        }
        if (r->holds) {
            struct call again = *call;
            redis_hold(r, again);
        } else {
            redis_drop_copy(r, call);
            redis_lose(r, call->tag);
        }
    } else if (!call->asks || !first_is(reply->str, "ASK")) {
        return false; /* of a function's ASK: nothing has been done, and nothing can be yet */
    } else if (!read_redirect(r, reply->str, "ASK", &to)) {
        redis_trouble(r, REDIS_UNREADABLE, reply->str);
        redis_drop_copy(r, call);
        redis_lose(r, call->tag);
    } else if (!ask_aside(r, call, &to)) {
        return false;
    }
    call->bytes = NULL;
    call->tag = 0;
    call->gone = true;
    call->waits = false;
    return true;
}

static void
leave(struct redis *r, const char *reason)
{
    r->backoff_ms = 0;
    r->cluster->leaving = false;
    redis_link_down(r, "redis_left", slice_str(reason));
    loop_timer_set(r->retry, 0);
}

void
redis_cluster_turn(struct redis *r)
{
    if (r->cluster != NULL && r->cluster->leaving && r->state == LINK_UP && r->count == 0)
        leave(r, "another node has the city");
}

void
redis_cluster_tick(struct redis *r)
{
    if (r->cluster != NULL && r->cluster->leaving && r->state == LINK_UP &&
        loop_mono_ms() - r->cluster->leaving_ms > LEAVE_MS)
        leave(r, "another node has the city, and this one does not answer the rest");
}

/* ---- connecting ---- */

void
redis_cluster_choose(struct redis *r)
{
    struct cluster *c = r->cluster;

    leave_aside(r);
    c->leaving = false;
    if (!c->named) {
        go_to(r, &c->list[c->next]);
        c->next = (c->next + 1) % c->n;
    }
    c->named = false;
}

void
redis_cluster_greeted(struct redis *r, const struct reply *reply)
{
    struct cluster *c = r->cluster;
    struct node to;

    /* ASK: it has the slot still, and nobody else has it yet */
    if (reply->kind != REPLY_ERROR || first_is(reply->str, "ASK")) {
        log_line(LOG_INFO, "redis_node", "host=%s port=%s", r->host, r->port);
        redis_greet_next(r);
        return;
    }
    if (!read_redirect(r, reply->str, "MOVED", &to)) {
        c->hops = 0;
        if (first_is(reply->str, "MOVED"))
            redis_trouble(r, REDIS_UNREADABLE, reply->str);
        redis_link_down(r, "redis_refused", reply->str);
        return;
    }
    r->counts.moved++;
    go_to(r, &to);
    if (++c->hops % HOPS_MOST == 0) {
        c->named = false; /* they send us round and round: later, and somebody else */
        redis_link_down(r, "redis_refused", SLICE_LIT("the nodes disagree about who has the city"));
        return;
    }
    int64_t backoff_ms = r->backoff_ms; /* of tries that failed: this was none */
    redis_link_down(r, "redis_sent_on", reply->str);
    r->backoff_ms = backoff_ms;
    loop_timer_set(r->retry, 0);
}

void
redis_cluster_free(struct redis *r)
{
    if (r->cluster == NULL)
        return;
    redis_destroy(r->cluster->aside);
    free(r->cluster);
}
