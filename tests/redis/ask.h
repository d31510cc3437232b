/* ask: orders, feeds and steps as the tests ask the functions for them, and what they answered. */
#ifndef LC_TESTS_REDIS_ASK_H
#define LC_TESTS_REDIS_ASK_H

#include "base/record.h"
#include "kit.h"

enum { ASK_LINES = 6, ASK_STORES = 8, NEVER = 0 };

static const int64_t NOW = 1795348800000; /* when the tests play */

struct ask_line {
    uint32_t sku;
    uint32_t quantity;
    int64_t price; /* 0 = not said, -1 = 0 */
    uint32_t subs[3];
    size_t n_subs;
};

/* ask: an order; what is 0 gets what is usual. */
struct ask {
    uint32_t number; /* makes its id */
    struct ask_line lines[ASK_LINES];
    size_t n_lines;
    uint32_t stores[ASK_STORES];
    size_t n_stores;
    const char *idem;
    uint64_t fingerprint; /* 0 = number */
    Lifecircle__V1__Shortage shortage;
    bool refuse_price;
    bool collection;
    struct place_mode mode; /* retry_ms 0 = a minute from NOW */
    int64_t hold_until_ms;  /* 0 = NOW + 50 min */
    struct slice order;     /* the Order as bytes; empty = "order", which is none */
    struct slice sealed;    /* may be empty */
};

/* ask_id: the order's id as text; static, until the eighth call after. */
const char *ask_id(uint32_t number);

/* ask_put: the arguments of order_place, at NOW. */
void ask_put(struct kit *k, const struct ask *a);

/* ask_place, ask_accept: order_place and order_accept; head and lines are there in every answer.
 * The caller frees the reply. */
redisReply *ask_place(struct kit *k, int64_t now, const struct ask *asks, size_t n);
redisReply *ask_accept(struct kit *k, int64_t now, const struct ask *asks, size_t n);

/* ask_one: places one order; gives the outcome, and (r may be NULL) head and lines, which live
 * until the next call. */
int ask_one(struct kit *k, int64_t now, const struct ask *a, struct record *r);

/* got_outcome, got_record: item i of an answer. */
int got_outcome(const redisReply *r, size_t i);
struct record got_record(const redisReply *r, size_t i);

/* ask_record: what is stored; false when there is nothing. Lives until the next call. */
bool ask_record(struct kit *k, uint32_t number, struct record *r);

/* ask_step: order_step of one order: the outcome. */
int ask_step(struct kit *k, int64_t now, uint32_t number, const char *action, int reason);

/* ask_plan: plan_commit of one entry of one step, without route: 1 done, 2 refused, 0 an error. */
int ask_plan(struct kit *k, int64_t now, int64_t epoch, uint32_t courier, uint32_t number,
             const char *action);

/* ask_stores: puts stores 1..n of chain 1, open. */
void ask_stores(struct kit *k, size_t n);

struct ask_feed {
    uint32_t store;
    bool delta;
    int64_t as_of;
    uint64_t sequence;
    uint32_t chunk;
    int32_t safety;
    struct ask_stock {
        uint32_t sku;
        int32_t quantity;
        uint32_t price; /* 0 = not said */
        bool no_quantity;
    } lines[ASK_LINES];
    size_t n;
};

/* ask_put_feed: the call of stock_apply, not sent. */
void ask_put_feed(struct kit *k, int64_t now, const struct ask_feed *f);

/* ask_feed: stock_apply: the outcome; changed and back may be NULL. */
int ask_feed(struct kit *k, int64_t now, const struct ask_feed *f, uint32_t *changed, bool *back);

/* ask_stock: a snapshot of one SKU at 100 cents, named by a sequence of its own. */
void ask_stock(struct kit *k, uint32_t store, uint32_t sku, int32_t quantity);

/* ask_level: a SKU's levels as they are. */
struct stock_level ask_level(struct kit *k, uint32_t store, uint32_t sku);

/* ask_load: a store's open orders. */
long long ask_load(struct kit *k, uint32_t store);

/* ask_int: the integer that a command answers. */
long long ask_int(struct kit *k, const char *format, ...);

/* ask_faults: the audit over everything there is; faults are printed. */
size_t ask_faults(struct kit *k);

/* ask_digest: of everything in the server (DEBUG DIGEST): did a call leave a trace? */
void ask_digest(struct kit *k, char out[64]);

#endif
