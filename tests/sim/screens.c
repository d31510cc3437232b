/* screens: the stores' ticket screens, and customers who follow their order. Both must end with
 * what is true. */
#include "world.h"

#include <jansson.h>
#include <stdlib.h>

/* ---- store screens ---- */

static void connect_screen(struct sim *s, void *arg);

static void
show(struct sim *s, struct screen *c, const json_t *ticket)
{
    const char *external = json_string_value(json_object_get(ticket, "external_order_id"));
    const char *status = json_string_value(json_object_get(ticket, "status"));
    unsigned i;

    if (external == NULL || status == NULL || sscanf(external, "o-%u", &i) != 1 ||
        i >= s->world->n_orders) {
        sim_fail(s, "screen of store %u: a strange ticket", c->store);
        return;
    }
    snprintf(c->status[i], sizeof c->status[i], "%s", status);
    sim_log(s, "screen of %s: %s is %s", s->world->stores[c->store].id, external, status);
    s->world->tickets++;
}

static void
hear_screen(struct sim *s, struct screen *c, struct slice text)
{
    json_t *j = json_loadb(text.p, text.n, 0, NULL);
    const char *type = json_string_value(json_object_get(j, "type"));
    const json_t *tickets = json_object_get(j, "tickets");

    if (type != NULL && strcmp(type, "tickets") == 0) {
        memset(c->status, 0, sizeof c->status);
        c->filled = true;
        c->filled_ms = s->now_ms;
        for (size_t i = 0; i < json_array_size(tickets); i++)
            show(s, c, json_array_get(tickets, i));
    } else if (type != NULL && strcmp(type, "store") == 0) {
        const char *id = json_string_value(json_object_get(j, "store_id"));
        if (id == NULL || strcmp(id, s->world->stores[c->store].id) != 0)
            sim_fail(s, "screen of store %u: %.*s", c->store, (int)text.n, text.p);
    } else if (type != NULL && strcmp(type, "ticket") == 0) {
        if (!c->filled)
            sim_fail(s, "screen of store %u: a change before the first tickets", c->store);
        show(s, c, j);
    } else {
        sim_fail(s, "screen of store %u: %.*s", c->store, (int)text.n, text.p);
    }
    json_decref(j);
}

static void
screen_answered(struct sim *s, struct client *client, uint64_t conn, const struct answer *a)
{
    struct screen *c = (struct screen *)client;

    if (conn != c->conn)
        return;
    if (a->kind == EFFECT_SOCKET_ACCEPT) {
        c->open = true;
        c->filled = false;
        sim_say(s, conn, true, SLICE_LIT("{\"type\":\"hello\"}"));
    } else if (a->kind == EFFECT_SOCKET_SEND) {
        hear_screen(s, c, a->bytes);
    } else {
        c->open = c->filled = false;
        c->conn = 0;
        sim_later(s, rng_between(&s->world_rng, 500, 4000), connect_screen, c);
    }
}

static void
connect_screen(struct sim *s, void *arg)
{
    struct screen *c = arg;
    const struct sim_store *st = &s->world->stores[c->store];
    char target[64];

    snprintf(target, sizeof target, "/v1/store-feed?store_id=%s", st->id);
    c->conn = sim_socket(s, &c->client, node_of(s, NODE_NOTIFIER), target,
                         s->world->chains[st->chain].auth);
}

void
screens_open(struct sim *s)
{
    for (unsigned i = 0; i < SCREENS; i++) {
        struct screen *c = &s->world->screens[i];
        c->client.answered = screen_answered;
        c->store = (unsigned)rng_below(&s->world_rng, s->world->n_stores);
        sim_later(s, rng_between(&s->world_rng, 0, 300000), connect_screen, c);
    }
}

/* ---- customers ---- */

static void connect_customer(struct sim *s, void *arg);

static struct sim_order *
order_of(struct customer *c)
{
    return (struct sim_order *)((char *)c - offsetof(struct sim_order, customer));
}

/* hear_event: "event: order\nid: 7\ndata: {...}\n\n", one or several whole ones in a piece. */
static void
hear_event(struct sim *s, struct customer *c, struct slice piece)
{
    const char *at = memmem(piece.p, piece.n, "data: ", 6);

    while (at != NULL) {
        size_t left = piece.n - (size_t)(at + 6 - piece.p);
        json_t *j = json_loadb(at + 6, left, JSON_DISABLE_EOF_CHECK, NULL);
        const char *status = json_string_value(json_object_get(j, "status"));
        const char *external = json_string_value(json_object_get(j, "external_order_id"));
        if (external == NULL || strcmp(external, order_of(c)->external) != 0)
            sim_fail(s, "order %s: its customer is shown order %s", order_of(c)->external,
                     external == NULL ? "(none)" : external);
        if (status == NULL)
            sim_fail(s, "order %s: tracking says %.*s", order_of(c)->external, (int)piece.n,
                     piece.p);
        else
            snprintf(c->status, sizeof c->status, "%s", status);
        json_decref(j);
        at = memmem(at + 6, left, "data: ", 6);
    }
}

static void
customer_answered(struct sim *s, struct client *client, uint64_t conn, const struct answer *a)
{
    struct customer *c = (struct customer *)client;

    if (conn != c->conn || a->kind == EFFECT_HTTP_BEGIN)
        return;
    if (a->kind == EFFECT_HTTP_CHUNK) {
        hear_event(s, c, a->bytes);
        return;
    }
    if (a->kind == EFFECT_HTTP && a->status != 503)
        sim_fail(s, "order %s: tracking answers %d", order_of(c)->external, a->status);
    c->conn = 0;
    sim_later(s, rng_between(&s->world_rng, 500, 4000), connect_customer, c);
}

static void
connect_customer(struct sim *s, void *arg)
{
    struct customer *c = arg;
    struct uuid id;
    char token[TRACKING_TEXT];
    char target[TRACKING_TEXT + 16];

    if (uuid_parse(slice_str(order_of(c)->order_id), &id) != LC_OK)
        return;
    tracking_token(&s->secret, id, token);
    snprintf(target, sizeof target, "/t/%s/events", token);
    c->conn =
        sim_request(s, &c->client, node_of(s, NODE_NOTIFIER), "GET", target, "", slice_of(NULL, 0));
}

void
customer_follow(struct sim *s, struct sim_order *o, const char *tracking_url)
{
    struct uuid id;
    char token[TRACKING_TEXT] = "";

    if (uuid_parse(slice_str(o->order_id), &id) == LC_OK)
        tracking_token(&s->secret, id, token);
    if (strstr(tracking_url, token) == NULL)
        sim_fail(s, "order %s: tracking_url is %s", o->external, tracking_url);
    o->customer.client.answered = customer_answered;
    o->customer.follows = true;
    connect_customer(s, &o->customer);
}
