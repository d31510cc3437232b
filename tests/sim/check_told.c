/* check_told: who should have heard what. Each version of an order made one event; the chain heard
 * every one of them by webhook; phones, screens and customers show what is true. */
#include "check.h"

#include <stdlib.h>

#define STATE(x) LIFECIRCLE__V1__ORDER_STATE__##x

/* ---- the stream of events ---- */

struct story {
    char id[UUID_TEXT];
    uint32_t version;
    uint8_t state;
};

enum { EVENT_ORDER = UUID_TEXT - 1 + RECORD_HEAD };

static void
take_head(struct sim *s, struct story *all, size_t *n, const char *value, bool eta_only)
{
    struct record r;
    size_t i = 0;

    if (record_read(slice_of(value + UUID_TEXT - 1, RECORD_HEAD), &r) != LC_OK) {
        sim_fail(s, "an event is unreadable");
        return;
    }
    while (i < *n && memcmp(all[i].id, value, UUID_TEXT - 1) != 0)
        i++;
    if (i == ORDERS_MAX)
        return;
    if (i == *n) {
        memcpy(all[(*n)++].id, value, UUID_TEXT - 1);
    }
    bool same = r.version == all[i].version && r.state == all[i].state;
    if (record_is_end(all[i].state) && r.state != all[i].state)
        sim_fail(s, "order %s was %s and then %s", all[i].id, record_state_name(all[i].state),
                 record_state_name(r.state));
    if (eta_only && !same)
        sim_fail(s, "order %s: version %u came as a change of its arrival alone", all[i].id,
                 r.version);
    if (!same && r.version != all[i].version + 1)
        sim_fail(s, "order %s: version %u in an event after %u", all[i].id, r.version,
                 all[i].version);
    all[i].version = r.version;
    all[i].state = r.state;
}

static void
take_heads(struct sim *s, struct story *all, size_t *n, const redisReply *value, bool eta_only)
{
    if (value->len == 0 || value->len % EVENT_ORDER != 0)
        sim_fail(s, "an event of %zu bytes", value->len);
    for (size_t at = 0; at + EVENT_ORDER <= value->len; at += EVENT_ORDER)
        take_head(s, all, n, value->str + at, eta_only);
}

/* take_route: a route's versions rise by one: no two writers ever had the same one before them. */
static void
take_route(struct sim *s, uint32_t *versions, const redisReply *value)
{
    uint32_t courier = value->len == 8 ? bytes_u32(value->str) : 0;
    uint32_t version = value->len == 8 ? bytes_u32(value->str + 4) : 0;

    if (courier == 0 || courier > PHONES_MAX)
        sim_fail(s, "an event of the route of courier %u", courier);
    else if (version != versions[courier] + 1)
        sim_fail(s, "courier %u: version %u of the route was written after %u", courier, version,
                 versions[courier]);
    else
        versions[courier] = version;
}

static void
check_events(struct sim *s, const struct books *b)
{
    uint32_t versions[PHONES_MAX + 1] = {0};
    redisReply *entries = redis_ask(s, "XRANGE {sim}:events - +");
    struct story *all = calloc(ORDERS_MAX, sizeof *all);
    struct record r;
    size_t n = 0;

    if (all == NULL)
        abort();
    for (size_t i = 0; entries != NULL && i < entries->elements; i++) {
        const redisReply *fields = entries->element[i]->element[1];
        for (size_t f = 0; f + 1 < fields->elements; f += 2)
            if (strcmp(fields->element[f]->str, "o") == 0 ||
                strcmp(fields->element[f]->str, "e") == 0)
                take_heads(s, all, &n, fields->element[f + 1], fields->element[f]->str[0] == 'e');
            else if (strcmp(fields->element[f]->str, "r") == 0)
                take_route(s, versions, fields->element[f + 1]);
    }
    for (size_t i = 0; i < b->n; i++) {
        size_t k = 0;
        while (k < n && strcmp(all[k].id, books_id(b, i)) != 0)
            k++;
        if (!books_at(s, b, i, &r))
            continue;
        if (k == n || all[k].version != r.version || all[k].state != r.state)
            sim_fail(s, "order %s is %s, version %u; its last event says %s, %u", books_id(b, i),
                     record_state_name(r.state), r.version,
                     k == n ? "nothing" : record_state_name(all[k].state),
                     k == n ? 0 : all[k].version);
    }
    if (entries != NULL)
        freeReplyObject(entries);
    free(all);
}

/* ---- each order: history, webhooks, customer, screens ---- */

/* check_history: an entry a transition after the first, and one more for why a rejected order was
 * held. */
static void
check_history(struct sim *s, const char *id, const struct record *r)
{
    redisReply *list = redis_ask(s, "LLEN {sim}:history:%s", id);

    long long expected = (long long)r->version - 1;

    if (r->state == STATE(REJECTED) && r->entered_ms[STATE(HELD)] != 0)
        expected++;
    if (list != NULL && list->integer != expected)
        sim_fail(s, "order %s has version %u and %lld entries of history", id, r->version,
                 list->integer);
    if (list != NULL)
        freeReplyObject(list);
}

static void
check_order(struct sim *s, const struct sim_order *o, const struct record *r)
{
    const char *status = record_state_name(r->state);

    for (uint32_t v = 1; v <= r->version && v < VERSIONS_MAX; v++)
        if (o->told[v] == 0)
            sim_fail(s, "order %s: version %u of %u was never told by webhook", o->external, v,
                     r->version);
    if (r->version < VERSIONS_MAX && o->told[r->version] != r->state)
        sim_fail(s, "order %s is %s; the last webhook said %s", o->external, status,
                 record_state_name(o->told[r->version]));
    if (o->customer.follows && o->customer.conn != 0 && strcmp(o->customer.status, status) != 0)
        sim_fail(s, "order %s is %s; its customer sees %s", o->external, status,
                 o->customer.status[0] == '\0' ? "nothing" : o->customer.status);
    for (unsigned i = 0; i < SCREENS; i++) {
        const struct screen *c = &s->world->screens[i];
        const char *shows = c->status[o->index];
        bool must = r->entered_ms[STATE(PLACED)] > c->filled_ms;
        if (!c->open || !c->filled)
            continue;
        if (s->world->stores[c->store].number != r->store) {
            if (shows[0] != '\0')
                sim_fail(s, "order %s is store %u's; the screen of store %u shows it", o->external,
                         r->store, s->world->stores[c->store].number);
            continue;
        }
        if ((must || shows[0] != '\0') && strcmp(shows, status) != 0)
            sim_fail(s, "order %s is %s; the screen of store %u shows %s", o->external, status,
                     r->store, shows[0] == '\0' ? "nothing" : shows);
    }
}

/* ---- phones ---- */

static void
check_phones(struct sim *s)
{
    for (unsigned i = 0; i < s->world->n_phones; i++) {
        const struct phone *p = &s->world->phones[i];
        redisReply *r = redis_ask(s, "HGET {sim}:routes %u", p->courier);
        uint32_t version =
            r != NULL && r->type == REDIS_REPLY_STRING && r->len >= 4 ? bytes_u32(r->str) : 0;
        if (p->open && p->seen != version)
            sim_fail(s, "courier %u sees version %u of the route, it is at %u", p->courier, p->seen,
                     version);
        if (r != NULL)
            freeReplyObject(r);
    }
}

void
check_told(struct sim *s, const struct books *b)
{
    struct record r;

    check_events(s, b);
    for (size_t i = 0; i < b->n; i++) {
        const struct sim_order *o = chains_order(s, books_id(b, i));
        if (!books_at(s, b, i, &r))
            continue;
        check_history(s, books_id(b, i), &r);
        if (o == NULL)
            sim_fail(s, "order %s was never sent", books_id(b, i));
        else
            check_order(s, o, &r);
    }
    check_phones(s);
}
