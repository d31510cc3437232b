/* intake_feed: a stock feed through intake's core, on top of intake_rig: sends it, looks at the
 * StockRequests that it becomes, and answers them in inventory's place. */
#ifndef LC_TESTS_INTAKE_FEED_H
#define LC_TESTS_INTAKE_FEED_H

#include "unit/intake_rig.h"

static inline void
begin_feed(struct rig *r, const char *type, const char *query)
{
    CU_ASSERT_EQUAL(rig_request(r, 5,
                                &(struct rig_request){.method = "POST",
                                                      .path = "/v1/stock",
                                                      .query = query,
                                                      .type = type,
                                                      .streaming = true}),
                    LC_OK);
}

static inline void
whole_feed(struct rig *r, const char *type, const char *query, const char *body)
{
    begin_feed(r, type, query);
    rig_body(r, 5, body);
    rig_simple(r, EVENT_HTTP_END, 5);
    rig_turn(r);
}

/* The n-th StockRequest since the last rig_clear; NULL. */
static inline const Lifecircle__V1__StockRequest *
chunk(struct rig *r, size_t n)
{
    const Lifecircle__V1__Envelope *env = rig_sent(r, n);

    if (env == NULL || env->body_case != LIFECIRCLE__V1__ENVELOPE__BODY_STOCK_REQUEST)
        return NULL;
    CU_ASSERT_EQUAL(rig_effect(r, EFFECT_SEND, n)->role, ROLE_INVENTORY);
    return env->stock_request;
}

static inline void
reply_to(struct rig *r, uint64_t tag, int outcome, uint32_t changed)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__StockReply reply = LIFECIRCLE__V1__STOCK_REPLY__INIT;

    env.city = (char *)"bal";
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_STOCK_REPLY;
    env.stock_reply = &reply;
    reply.tag = tag;
    reply.outcome = (Lifecircle__V1__StockReply__Outcome)outcome;
    reply.changed = changed;
    rig_message(r, 0, &env);
}

/* All chunks sent since the last rig_clear are applied; gives how many. */
static inline size_t
apply_all(struct rig *r)
{
    uint64_t tags[64];
    uint32_t lines[64];
    size_t n = 0;

    for (; n < 64 && chunk(r, n) != NULL; n++) {
        tags[n] = chunk(r, n)->tag;
        lines[n] = (uint32_t)chunk(r, n)->n_lines;
    }
    rig_clear(r);
    for (size_t i = 0; i < n; i++)
        reply_to(r, tags[i], LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__APPLIED, lines[i]);
    rig_turn(r);
    return n;
}

static inline void
check_answer(struct rig *r, const char *words)
{
    const struct effect *e = rig_http_answer(r, 5);

    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    if (!rig_has(e->bytes, words))
        printf("\nwanted %s\ngot    %.*s\n", words, (int)e->bytes.n, e->bytes.p);
    CU_ASSERT_TRUE(rig_has(e->bytes, words));
}

/* What sku_put answers for n SKUs: their numbers from first on. */
static inline struct reply
indexes(struct rig *r, size_t n, int64_t first)
{
    struct reply items[8];

    for (size_t i = 0; i < n; i++)
        items[i] = (struct reply){.kind = REPLY_INT, .integer = first + (int64_t)i};
    return rig_array(r, items, n);
}

#endif
