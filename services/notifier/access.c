/* access: screens that are let in by a token of {city}:access: operators, and stores' own tokens.
 * Redis is asked at the door and again every two seconds, so that a revoked token is cut. */
#include "notifier/ops.h"

#include <stdio.h>
#include <stdlib.h>

void
access_ask(struct notifier *n, const struct event *ev, struct outbox *out,
           Lifecircle__V1__Access__Kind kind)
{
    struct ask a = {.kind = ASK_ACCESS, .conn = ev->ref, .wanted = (int)kind};

    secret_hash(bearer(ev), a.text);
    struct slice argv[] = {SLICE_LIT("HGET"), redis_key(n, ev->arena, "access"), slice_str(a.text)};
    if (!ask_redis(n, out, &a, argv, 3))
        unsaid(out, ev->ref, 503, "unavailable");
}

static struct guest *
add_guest(struct notifier *n, const struct ask *a, const Lifecircle__V1__Access *access)
{
    bool map_failed = false;
    struct guest *g = calloc(1, sizeof *g);

    if (g == NULL)
        return NULL;
    g->conn = a->conn;
    g->kind = access->kind;
    memcpy(g->hash, a->text, sizeof g->hash);
    snprintf(g->name, sizeof g->name, "%s", access->name);
    HASH_ADD(hh, n->ops.guests, conn, sizeof g->conn, g);
    if (map_failed) {
        free(g);
        return NULL;
    }
    return g;
}

void
access_answer(struct notifier *n, const struct ask *a, const struct event *ev, struct outbox *out)
{
    const Lifecircle__V1__Access *access =
        ev->reply->kind != REPLY_STRING
            ? NULL
            : wire_unpack(&lifecircle__v1__access__descriptor, ev->arena, ev->reply->str);

    if (a->conn == 0)
        return; /* gone meanwhile */
    if (ev->reply->kind == REPLY_LOST || ev->reply->kind == REPLY_ERROR) {
        unsaid(out, a->conn, 503, "unavailable");
        return;
    }
    if (access == NULL || (int)access->kind != a->wanted) {
        count(n, COUNT_DENIED, 1);
        outbox_socket_accept(out, a->conn, "lifecircle.v1.json");
        outbox_socket_close(out, a->conn, 4003, "token not accepted");
        return;
    }
    const struct guest *g = add_guest(n, a, access);
    if (g == NULL)
        unsaid(out, a->conn, 503, "unavailable");
    else if (access->kind == LIFECIRCLE__V1__ACCESS__KIND__OPERATOR)
        ops_let_in(n, g, out);
    else
        tickets_let_in(n, out, a->conn, access->store);
}

const struct guest *
guest_by_conn(struct notifier *n, uint64_t conn)
{
    struct guest *g;

    HASH_FIND(hh, n->ops.guests, &conn, sizeof conn, g);
    return g;
}

void
access_gone(struct notifier *n, uint64_t conn)
{
    struct guest *g;
    struct ask *a;

    for (a = n->asks; a != NULL; a = a->hh.next)
        if (a->conn == conn)
            a->conn = 0;
    HASH_FIND(hh, n->ops.guests, &conn, sizeof conn, g);
    if (g == NULL)
        return;
    HASH_DELETE(hh, n->ops.guests, g);
    free(g);
}

void
access_tick(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct ops *o = &n->ops;
    unsigned count = HASH_CNT(hh, o->guests);

    if (count == 0 || o->checking != NULL || ev->now_ms < o->check_ms || n->follow == FOLLOW_DOWN)
        return;
    struct slice *argv = arena_array(ev->arena, count + 2, sizeof *argv);
    o->checking = calloc(count, sizeof *o->checking);
    if (argv == NULL || o->checking == NULL) {
        free(o->checking);
        o->checking = NULL;
        return;
    }
    o->n_checking = 0;
    argv[0] = SLICE_LIT("HMGET");
    argv[1] = redis_key(n, ev->arena, "access");
    for (const struct guest *g = o->guests; g != NULL; g = g->hh.next) {
        argv[2 + o->n_checking] = slice_str(g->hash);
        o->checking[o->n_checking++] = g->conn;
    }
    o->check_ms = ev->now_ms + GUEST_CHECK_MS;
    outbox_redis(out, call_tag(CALL_ACCESS, 0), argv, o->n_checking + 2);
}

void
access_checked(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct ops *o = &n->ops;
    uint64_t *conns = o->checking;

    o->checking = NULL;
    for (size_t i = 0;
         conns != NULL && ev->reply->kind == REPLY_ARRAY && i < o->n_checking && i < ev->reply->n;
         i++) {
        if (ev->reply->items[i].kind != REPLY_NIL || guest_by_conn(n, conns[i]) == NULL)
            continue;
        struct screen *s = screen_by_conn(n, conns[i]);
        struct viewer *v = viewer_by_conn(n, conns[i]);
        outbox_socket_close(out, conns[i], 4003, "token revoked");
        if (s != NULL)
            tickets_gone(n, s);
        if (v != NULL)
            ops_gone(n, v);
        access_gone(n, conns[i]);
    }
    free(conns);
}

void
access_close(struct notifier *n)
{
    while (n->ops.guests != NULL)
        access_gone(n, n->ops.guests->conn);
    free(n->ops.checking);
    n->ops.checking = NULL;
}
