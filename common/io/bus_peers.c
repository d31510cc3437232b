#include "io/bus_own.h"
#include "io/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { FORGET_TICK_MS = 50, FORGET_MOST_MS = 30000, ABSENT_MOST = 2 };

/* ---- credits ---- */

static void
credits_init(struct peer *p)
{
    p->window = BUS_CREDITS;
    p->slots[0].next = p->slots[0].before = 0;
    p->free = 1;
    for (unsigned i = 1; i <= BUS_CREDITS; i++)
        p->slots[i].next = (uint16_t)(i == BUS_CREDITS ? 0 : i + 1);
}

static void
credit_take(struct peer *p, const char *id, int64_t forget_ms)
{
    uint16_t slot = p->free;
    struct waiting *w = &p->slots[slot];
    uint16_t last = p->slots[0].before;

    p->free = w->next;
    memset(w->id, 0, ID_BYTES);
    if (id != NULL)
        memcpy(w->id, id, ID_BYTES);
    w->forget_ms = forget_ms;
    w->before = last;
    w->next = 0;
    p->slots[last].next = slot;
    p->slots[0].before = slot;
    p->in_use++;
    p->port.bus->waiting++;
}

static void
credit_give(struct peer *p, uint16_t slot)
{
    struct waiting *w = &p->slots[slot];

    p->slots[w->before].next = w->next;
    p->slots[w->next].before = w->before;
    w->next = p->free;
    p->free = slot;
    p->in_use--;
    p->port.bus->waiting--;
}

void
peers_answered(struct peer *p, struct slice frame)
{
    const char *id = frame_id(frame);

    if (id == NULL)
        return;
    /* answers come nearly in order: the first few are looked at */
    for (uint16_t i = p->slots[0].next; i != 0; i = p->slots[i].next) {
        if (memcmp(p->slots[i].id, id, ID_BYTES) != 0)
            continue;
        credit_give(p, i);
        if (p->window < BUS_CREDITS)
            p->window++;
        return;
    }
}

/* A peer that lets deadlines pass gets less and less, down to one probe, until it answers again. */
static void
forget_late(struct peer *p, int64_t now_ms, uint64_t *unanswered)
{
    unsigned late = 0;

    for (uint16_t i = p->slots[0].next; i != 0;) {
        uint16_t next = p->slots[i].next;
        if (p->slots[i].forget_ms <= now_ms) {
            credit_give(p, i);
            late++;
        }
        i = next;
    }
    if (late > 0 && p->window > 1)
        p->window /= 2;
    *unanswered += late;
}

static void
on_forget(void *ctx)
{
    struct bus *b = ctx;
    int64_t now_ms = loop_mono_ms();

    for (unsigned role = 0; role <= ROLE_ROUTER; role++)
        for (struct peer *p = b->peers[role]; p != NULL; p = p->next)
            forget_late(p, now_ms, &b->counts.unanswered[role]);
    if (b->waiting > 0)
        loop_timer_set(b->forget, FORGET_TICK_MS);
}

/* ---- sending ---- */

static void
to_the_back(struct peer **list, struct peer *p)
{
    struct peer **at = list;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    while (*at != NULL)
        at = &(*at)->next;
    *at = p;
    p->next = NULL;
}

enum lc_err
bus_send(struct bus *b, enum role role, struct slice frame, int64_t deadline_ms, int64_t now_ms)
{
    int64_t wait_ms = deadline_ms == 0 ? BUS_FORGET_MS : deadline_ms - now_ms;

    if (wait_ms > FORGET_MOST_MS)
        wait_ms = FORGET_MOST_MS;
    for (struct peer *p = b->peers[role]; p != NULL && wait_ms > 0; p = p->next) {
        if (p->in_use >= p->window)
            continue;
        p->port.touched = true;
        if (zmq_send(p->port.socket, frame.p, frame.n, ZMQ_DONTWAIT) < 0)
            continue;
        if (b->waiting == 0)
            loop_timer_set(b->forget, FORGET_TICK_MS);
        credit_take(p, frame_id(frame), loop_mono_ms() + wait_ms);
        to_the_back(&b->peers[role], p);
        b->counts.frames_out++;
        return LC_OK;
    }
    b->counts.dropped[role]++;
    return LC_EAGAIN;
}

static bool
can_send(struct peer *p)
{
    int events = 0;
    size_t n = sizeof events;

    p->port.touched = true;
    return zmq_getsockopt(p->port.socket, ZMQ_EVENTS, &events, &n) == 0 &&
           (events & ZMQ_POLLOUT) != 0;
}

bool
bus_reached(struct bus *b)
{
    for (const struct target *t = b->targets; t != NULL; t = t->next) {
        struct peer *p = t->role == 0 ? NULL : b->peers[t->role];
        while (p != NULL && !can_send(p))
            p = p->next;
        if (t->role != 0 && p == NULL)
            return false;
    }
    return true;
}

size_t
bus_peer_count(const struct bus *b, enum role role)
{
    size_t n = 0;

    for (const struct peer *p = b->peers[role]; p != NULL; p = p->next)
        n++;
    return n;
}

void
peers_each_port(struct bus *b, void (*one)(struct port *p))
{
    for (unsigned role = 0; role <= ROLE_ROUTER; role++)
        for (struct peer *p = b->peers[role]; p != NULL; p = p->next)
            one(&p->port);
}

/* ---- connections ---- */

/* key_for: notes whose key must be found there; false when none is listed. */
static bool
key_for(const struct target *t, struct peer *p)
{
    const char *key = t->bus->curve.on ? curve_key_of(t->bus, t->endpoint.name) : "";

    if (key != NULL)
        snprintf(p->key, sizeof p->key, "%s", key);
    return key != NULL;
}

static struct peer *
refused(struct peer *p, const char *event, const char *endpoint, const char *why)
{
    log_line(LOG_ERROR, event, "endpoint=%s reason=%s", endpoint, why);
    port_close(&p->port, 0);
    free(p);
    return NULL;
}

static struct peer *
connect_work(struct target *t, const char *endpoint)
{
    struct peer *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    if (!key_for(t, p))
        return refused(p, "peer_refused", endpoint, "no key is listed for it");
    credits_init(p);
    p->target = t;
    p->port.peer = p;
    snprintf(p->endpoint, sizeof p->endpoint, "%s", endpoint);
    if (!port_open(t->bus, &p->port, ZMQ_DEALER) || !curve_expect(t->bus, p->port.socket, p->key) ||
        zmq_connect(p->port.socket, endpoint) != 0)
        return refused(p, "peer_refused", endpoint, zmq_strerror(errno));
    log_line(LOG_INFO, "peer_added", "endpoint=%s", endpoint);
    return p;
}

/* News have one socket; a peer there is only a note of the address. */
static struct peer *
connect_news(struct target *t, const char *endpoint)
{
    struct bus *b = t->bus;
    struct peer *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    if (!key_for(t, p))
        return refused(p, "news_refused", endpoint, "no key is listed for it");
    p->target = t;
    snprintf(p->endpoint, sizeof p->endpoint, "%s", endpoint);
    if ((b->subscriber.socket == NULL && !port_open(b, &b->subscriber, ZMQ_SUB)) ||
        !curve_expect(b, b->subscriber.socket, p->key) ||
        zmq_connect(b->subscriber.socket, endpoint) != 0)
        return refused(p, "news_refused", endpoint, zmq_strerror(errno));
    return p;
}

static void
drop_peer(struct bus *b, struct peer *p, int linger_ms)
{
    if (p->port.socket == NULL)
        zmq_disconnect(b->subscriber.socket, p->endpoint);
    b->waiting -= p->in_use;
    port_close(&p->port, linger_ms);
    free(p);
}

static void
have_peer(struct target *t, const char *endpoint)
{
    struct peer **at = &t->bus->peers[t->role];

    for (; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->endpoint, endpoint) == 0) {
            (*at)->absent = 0;
            return;
        }
    }
    *at = t->role == 0 ? connect_news(t, endpoint) : connect_work(t, endpoint);
}

/* wants_anew: is another key, or none, listed for it now? */
static bool
wants_anew(const struct bus *b, const struct peer *p)
{
    const char *key = curve_key_of(b, p->target->endpoint.name);

    return key == NULL || strcmp(key, p->key) != 0;
}

static void
connect_again(struct bus *b)
{
    for (struct target *t = b->targets; t != NULL; t = t->next)
        if (t->endpoint.host[0] == '\0')
            have_peer(t, t->endpoint.whole);
    if (b->resolve != NULL)
        loop_timer_set(b->resolve, 0);
}

void
peers_check_keys(struct bus *b)
{
    for (unsigned role = 0; role <= ROLE_ROUTER; role++) {
        for (struct peer **at = &b->peers[role]; *at != NULL;) {
            struct peer *p = *at;
            if (!wants_anew(b, p)) {
                at = &p->next;
                continue;
            }
            *at = p->next;
            drop_peer(b, p, 0);
        }
    }
    connect_again(b);
}

static void
drop_absent(struct target *t)
{
    struct peer **at = &t->bus->peers[t->role];

    while (*at != NULL) {
        struct peer *p = *at;
        if (p->target != t || p->absent < ABSENT_MOST) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        log_line(LOG_INFO, "peer_removed", "endpoint=%s", p->endpoint);
        drop_peer(t->bus, p, 0);
    }
}

/* ---- names ---- */

static void
on_resolved(void *ctx, const struct resolved *result)
{
    struct target *t = ctx;
    char endpoint[ENDPOINT_MAX];

    t->asked = false;
    if (result->n == 0) {
        log_line(LOG_WARN, "name_unknown", "name=%s", t->endpoint.host);
        return; /* the name server may be the one that is gone: keep what we have */
    }
    for (struct peer *p = t->bus->peers[t->role]; p != NULL; p = p->next)
        if (p->target == t)
            p->absent++;
    for (size_t i = 0; i < result->n; i++) {
        const char *address = result->address[i];
        bool v6 = strchr(address, ':') != NULL;
        snprintf(endpoint, sizeof endpoint, "tcp://%s%s%s:%s", v6 ? "[" : "", address,
                 v6 ? "]" : "", t->endpoint.port);
        have_peer(t, endpoint);
    }
    drop_absent(t);
}

static void
resolve_target(struct target *t)
{
    if (t->endpoint.host[0] == '\0' || t->asked)
        return;
    t->asked = resolver_ask(t->bus->resolver, t->endpoint.host, on_resolved, t) == LC_OK;
}

static void
on_resolve(void *ctx)
{
    struct bus *b = ctx;

    for (struct target *t = b->targets; t != NULL; t = t->next)
        resolve_target(t);
    loop_timer_set(b->resolve, BUS_RESOLVE_MS);
}

static const char *
role_name(unsigned role)
{
    return role == ROLE_MATCHER ? "matcher" : role == ROLE_INVENTORY ? "inventory" : "router";
}

enum lc_err
peers_add_target(struct bus *b, const struct endpoint *e, unsigned role, const char **why)
{
    struct target *t = NULL;

    if (strcmp(e->port, "*") == 0 || strcmp(e->host, "*") == 0) {
        *why = "expected the name and port of a peer";
        return LC_EINVAL;
    }
    t = calloc(1, sizeof *t);
    if (b->forget == NULL)
        b->forget = loop_timer_new(b->loop, on_forget, b);
    if (b->resolve == NULL)
        b->resolve = loop_timer_new(b->loop, on_resolve, b);
    if (t == NULL || b->forget == NULL || b->resolve == NULL) {
        free(t);
        *why = "out of memory";
        return LC_ENOMEM;
    }
    t->bus = b;
    t->role = role;
    t->endpoint = *e;
    if (role != 0)
        snprintf(t->endpoint.name, sizeof t->endpoint.name, "%s", role_name(role));
    t->next = b->targets;
    b->targets = t;
    if (e->host[0] == '\0')
        have_peer(t, e->whole);
    else
        loop_timer_set(b->resolve, 0);
    return LC_OK;
}

enum lc_err
bus_peers(struct bus *b, enum role role, const char *endpoints, const char **why)
{
    return each_endpoint(b, endpoints, peers_add_target, role, why);
}

enum lc_err
bus_follow(struct bus *b, const char *endpoints, const char **why)
{
    return each_endpoint(b, endpoints, peers_add_target, 0, why);
}

void
peers_close(struct bus *b, int linger_ms)
{
    for (unsigned role = 0; role <= ROLE_ROUTER; role++) {
        while (b->peers[role] != NULL) {
            struct peer *p = b->peers[role];
            b->peers[role] = p->next;
            drop_peer(b, p, linger_ms);
        }
    }
    while (b->targets != NULL) {
        struct target *t = b->targets;
        b->targets = t->next;
        free(t);
    }
    loop_timer_free(b->forget);
    loop_timer_free(b->resolve);
}
