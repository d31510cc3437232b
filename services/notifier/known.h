/* known: what phones are told of the orders on their routes, kept while a route names them.
 *
 * A route changes some five times while an order is on it, and what is told of the order stays the
 * same: no transition changes it, and it is erased only after the order has ended (docs/redis.md,
 * order_confirm, order_forget). So it is read once. It is forgotten when the order ends, when the
 * courier's newest route does not name it any more, with the connection, and whenever events may
 * have been missed or undone.
 *
 * Inside the notifier only. */
#ifndef LC_NOTIFIER_KNOWN_H
#define LC_NOTIFIER_KNOWN_H

#include "notifier/core.h"

/* What a phone is told of an order. */
struct known_order {
    struct uuid order;
    uint32_t version; /* of the route that named it last */
    bool passing;     /* not to be kept: it has ended */
    bool age_check;
    uint32_t items;
    int64_t pay;      /* for the delivery, minor units; 0 where nothing is said about pay */
    int64_t pay_back; /* for bringing it back */
    struct session *session;
    struct known_order *next; /* of the same session */
    struct traceparent trace;
    char *external_order_id; /* this and the others stand in text */
    char *address;
    char *instructions;
    Lifecircle__V1__Contact customer;
    UT_hash_handle hh;
    size_t text_n;
    char text[];
};

/* known_find: NULL when it must be read. */
struct known_order *known_find(const struct session *s, struct uuid order);
/* known_learn: pair is order_read's answer; known_find has it then. One that is `passing` goes with
 * the next known_sweep.
 *   LC_ENOTFOUND  there is no such order
 *   LC_ENOMEM     it is to be read again */
LC_MUST_CHECK enum lc_err known_learn(struct notifier *n, const struct event *ev, struct session *s,
                                      struct uuid id, const struct reply *pair);
/* known_sweep: forgets what the route of this version does not name. */
void known_sweep(struct notifier *n, struct session *s, uint32_t version);
/* known_ended: nobody is told of it any more but by what Redis says then. */
void known_ended(struct notifier *n, struct uuid order);
void known_forget(struct notifier *n, struct session *s);
void known_forget_all(struct notifier *n);

#endif
