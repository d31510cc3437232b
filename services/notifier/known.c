#include "notifier/known.h"

#include <stdlib.h>

struct known_order *
known_find(const struct session *s, struct uuid order)
{
    for (struct known_order *k = s->known; k != NULL; k = k->next)
        if (uuid_eq(k->order, order))
            return k;
    return NULL;
}

/* take: a text behind those in k->text; *at is where that is. */
static char *
take(struct known_order *k, size_t *at, const char *text)
{
    size_t n = strlen(text) + 1;
    char *to = k->text + *at;

    memcpy(to, text, n);
    *at += n;
    return to;
}

static struct known_order *
copy_of(const Lifecircle__V1__Order *order)
{
    const Lifecircle__V1__Contact *who = order->customer;
    size_t n =
        strlen(order->external_order_id) + strlen(order->address) + strlen(order->instructions) + 3;
    size_t at = 0;

    if (who != NULL)
        n += strlen(who->name) + strlen(who->phone) + 2;
    struct known_order *k = calloc(1, sizeof *k + n);
    if (k == NULL)
        return NULL;
    k->text_n = n;
    k->items = order->items;
    k->age_check = order->age_check;
    k->external_order_id = take(k, &at, order->external_order_id);
    k->address = take(k, &at, order->address);
    k->instructions = take(k, &at, order->instructions);
    lifecircle__v1__contact__init(&k->customer);
    if (who != NULL) {
        k->customer.name = take(k, &at, who->name);
        k->customer.phone = take(k, &at, who->phone);
    }
    return k;
}

static void
wipe(struct known_order *k)
{
    explicit_bzero(k->text, k->text_n); /* a name, a telephone number, a door */
    free(k);
}

enum lc_err
known_learn(struct notifier *n, const struct event *ev, struct session *s, struct uuid id,
            const struct reply *pair)
{
    bool map_failed = false;
    struct record record;
    const Lifecircle__V1__Order *order = read_whole_order(n, pair, ev->arena, &record);
    struct known_order *k = order == NULL ? NULL : copy_of(order);

    if (k == NULL)
        return order != NULL || arena_lacked(ev->arena) ? LC_ENOMEM : LC_ENOTFOUND;
    k->order = id;
    k->session = s;
    k->passing = record_is_end(record.state);
    if (*n->pay.currency != '\0') {
        uint32_t metres;
        k->pay = work_pay(n, &record, order, true, &metres);
        k->pay_back = work_pay(n, &record, order, false, &metres);
    }
    traceparent_of_order(id, order->traceparent, &k->trace);
    HASH_ADD(hh, n->known, order, sizeof k->order, k);
    if (map_failed) {
        wipe(k);
        return LC_ENOMEM;
    }
    k->next = s->known;
    s->known = k;
    return LC_OK;
}

/* drop: what *at points to, in its session's list. */
static void
drop(struct notifier *n, struct known_order **at)
{
    struct known_order *k = *at;

    *at = k->next;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in the map, which is not empty */
    HASH_DELETE(hh, n->known, k);
    wipe(k);
}

void
known_sweep(struct notifier *n, struct session *s, uint32_t version)
{
    for (struct known_order **at = &s->known; *at != NULL;) {
        if ((*at)->passing || (*at)->version != version)
            drop(n, at);
        else
            at = &(*at)->next;
    }
}

/* take_out: k out of its session's list. */
static void
take_out(struct notifier *n, const struct known_order *k)
{
    for (struct known_order **at = &k->session->known; *at != NULL; at = &(*at)->next)
        if (*at == k) {
            drop(n, at);
            return;
        }
}

void
known_ended(struct notifier *n, struct uuid order)
{
    struct known_order *k;

    for (;;) { /* two have it while it goes from one courier to another */
        HASH_FIND(hh, n->known, &order, sizeof order, k);
        if (k == NULL)
            return;
        take_out(n, k);
    }
}

void
known_forget(struct notifier *n, struct session *s)
{
    while (s->known != NULL)
        drop(n, &s->known);
}

void
known_forget_all(struct notifier *n)
{
    for (struct session *s = n->by_conn; s != NULL; s = s->by_conn.next)
        known_forget(n, s);
}
