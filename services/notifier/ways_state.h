/* ways_state: what the notifier remembers of ways along streets; see ways.h. */
#ifndef LC_NOTIFIER_WAYS_STATE_H
#define LC_NOTIFIER_WAYS_STATE_H

#include "base/bytes.h"
#include "base/id.h"
#include "base/map.h"
#include "base/travel.h"

enum {
    WAY_LEGS = 12,      /* of one way: what a courier can keep in mind */
    WAYS_AT_ONCE = 256, /* being made; whoever asks then is told to ask later */
    WAYS_KEPT = 4096,   /* legs that are remembered */
    WAYS_KEPT_BYTES = 4 << 20,
    WAY_PATIENCE_MS = 10000, /* a way that is not there by then is given up */
};

/* One leg: where it leads, and what was found. */
struct way_leg {
    char order_id[UUID_TEXT];
    int stop_kind; /* Stop.Kind */
    struct latlng from, to;
    struct buf found; /* as ways_work writes it; n = 0: not yet */
    bool known;       /* from what is remembered */
    bool lasting;     /* between two stops: somebody may ask for it again */
};

/* A question under way: first what Redis knows of the courier, then the work. */
struct way {
    uint64_t number; /* of its Redis calls and its job */
    uint64_t conn;   /* whoever asks */
    uint32_t courier;
    bool for_operator;
    int64_t asked_ms;
    unsigned answers; /* of Redis, in this order: shift, route, position */
    bool given;       /* `at` came with the question */
    bool has_at;
    struct latlng at;
    enum travel_mode mode;
    uint32_t version; /* of the route */
    uint32_t map;     /* ways.map when it was asked for */
    size_t n;
    struct way_leg leg[WAY_LEGS];
    UT_hash_handle hh;
};

struct leg_key {
    int32_t mode;
    struct latlng from, to;
};

/* A leg between two stops, for the next who asks. */
struct kept_leg {
    struct leg_key key;
    struct buf found;
    UT_hash_handle hh;
};

struct ways {
    struct way *asked;     /* owned, oldest first */
    struct kept_leg *kept; /* the same */
    size_t kept_bytes;
    uint32_t map; /* rises with every map; `streets`: there is one */
    bool streets;
};

#endif
