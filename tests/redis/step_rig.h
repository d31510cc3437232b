/* step_rig: one store, and an order in whatever state. */
#ifndef LC_TESTS_REDIS_STEP_RIG_H
#define LC_TESTS_REDIS_STEP_RIG_H

#include "ask.h"
#include "rules.h"
#include "unit.h"

#include <stdio.h>

enum { DONE = 1, ALREADY, NOT_ALLOWED, UNKNOWN };
enum { COURIER = 7, OTHER = 8, EPOCH = 1 };

#define S(name) LIFECIRCLE__V1__ORDER_STATE__##name

static struct kit kit, *const k = &kit;

static inline struct ask
an_order(uint32_t number, bool collection)
{
    return (struct ask){.number = number,
                        .lines = {{.sku = 0, .quantity = 2}, {.sku = 1, .quantity = 3}},
                        .n_lines = 2,
                        .stores = {1},
                        .n_stores = 1,
                        .collection = collection};
}

static inline void
fresh(void)
{
    freeReplyObject(kit_do(k, "FLUSHALL"));
    ask_stores(k, 1);
    ask_stock(k, 1, 0, 10);
    ask_stock(k, 1, 1, 3);
    kit_call(k, "lease_take");
    kit_int(k, NOW);
    kit_text(k, "router-1");
    kit_int(k, 5000);
    freeReplyObject(kit_reply(k));
}

static inline void
plan(uint32_t number, const char *action)
{
    CU_ASSERT_EQUAL(ask_plan(k, NOW + 10, EPOCH, COURIER, number, action), 1);
}

/* bring_order: an order 1 in that state, with these bytes as its Order (empty = none). bring: the
 * same without. */
static inline void
bring_order(unsigned state, struct slice order)
{
    static const char *const way[] = {"assign",         "confirm", "enroute_pickup",
                                      "arrive_pickup",  "pickup",  "enroute_dropoff",
                                      "arrive_dropoff", "deliver"};
    bool collection = state == S(READY_FOR_COLLECTION) || state == S(COLLECTED);
    struct ask a = an_order(1, collection);

    a.order = order;
    fresh();
    if (state == S(CREATED)) {
        freeReplyObject(ask_accept(k, NOW, &a, 1));
        return;
    }
    if (state == S(HELD) || state == S(REJECTED)) {
        a.n_stores = 0;
        a.mode.reject = state == S(REJECTED);
    }
    ask_one(k, NOW, &a, NULL);
    if (state == S(CANCELLED))
        ask_step(k, NOW, 1, "cancel", 20);
    if (collection)
        ask_step(k, NOW, 1, "ready", 0);
    if (state == S(COLLECTED))
        ask_step(k, NOW, 1, "collected", 0);
    bool returning = state == S(RETURNING) || state == S(RETURNED);
    if (state >= S(CONFIRMED) && (state <= S(DELIVERED) || returning)) {
        unsigned until = returning ? S(ARRIVED_AT_DROPOFF) : state;
        for (unsigned s = S(PLACED); s <= until; s++)
            plan(1, way[s - S(PLACED)]);
    }
    if (returning)
        plan(1, "returning");
    if (state == S(RETURNED))
        plan(1, "returned");
}

static inline void
bring(unsigned state)
{
    bring_order(state, slice_of(NULL, 0));
}

static inline unsigned
state_now(void)
{
    struct record r;

    return ask_record(k, 1, &r) ? r.state : 0;
}

static inline void
check_done(const struct rule *rule, unsigned from, bool done, const struct record *before)
{
    struct record r;

    if (!ask_record(k, 1, &r))
        CU_FAIL("no record");
    CU_ASSERT_EQUAL(r.state, done ? rule->to : from);
    CU_ASSERT_EQUAL(r.version, before->version + (done ? 1 : 0));
    if (done && from != rule->to)
        CU_ASSERT_EQUAL(r.entered_ms[rule->to], NOW + 99);
    CU_ASSERT_EQUAL(ask_faults(k), 0);
}

static inline void
refused(const char *words, const char *before)
{
    char after[64];
    redisReply *r = kit_reply(k);

    CU_ASSERT_EQUAL_FATAL(r->type, REDIS_REPLY_ERROR);
    CU_ASSERT_EQUAL(strncmp(r->str, "INVALID ", 8), 0);
    if (strstr(r->str, words) == NULL) {
        fprintf(stderr, "%s: %s\n", words, r->str);
        CU_FAIL("the error names another argument");
    }
    freeReplyObject(r);
    ask_digest(k, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

#endif
