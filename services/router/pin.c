/* The customer's PIN: a few tries, then a pause. */
#include "router/core.h"

#include <stdlib.h>

static struct pin_tries *
tries_of(struct router *r, struct uuid order)
{
    bool map_failed = false;
    struct pin_tries *t;

    HASH_FIND(hh, r->pins, order.b, sizeof order.b, t);
    if (t != NULL)
        return t;
    t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->order = order;
    HASH_ADD(hh, r->pins, order, sizeof t->order, t);
    if (!map_failed)
        return t;
    free(t);
    return NULL;
}

Lifecircle__V1__CourierReply__Outcome
pin_check(struct router *r, struct uuid order, const char *pin, unsigned *left)
{
    struct pin_tries *t = tries_of(r, order);
    char right[PIN_TEXT];

    *left = 0;
    if (t == NULL || !r->set.has_secret)
        return OUTCOME(UNAVAILABLE_NOW);
    if (t->locked_until_ms > r->now_ms)
        return OUTCOME(TOO_MANY_TRIES);
    delivery_pin(&r->set.secret, order, right);
    if (secret_equal(slice_str(right), slice_str(pin)))
        return OUTCOME(DONE);
    r->tally[T_WRONG_PINS]++;
    t->wrong++;
    *left = PIN_TRIES - t->wrong;
    if (t->wrong == PIN_TRIES) {
        t->wrong = 0;
        t->locked_until_ms = r->now_ms + r->set.pin_lock_ms;
    }
    return OUTCOME(WRONG_PIN);
}
