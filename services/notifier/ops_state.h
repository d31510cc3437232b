/* ops_state: what the notifier remembers for operators' pages and for guests; see ops.h. */
#ifndef LC_NOTIFIER_OPS_STATE_H
#define LC_NOTIFIER_OPS_STATE_H

#include "base/id.h"
#include "base/map.h"
#include "base/secret.h"

#include "access.pb-c.h"

enum {
    OPS_FLUSH_MS = 300, /* changes are gathered so long */
    OPS_POSITIONS_MS = 1000,
    OPS_STATS_MS = 5000,
    OPS_ORDERS_A_READ = 200,
    OPS_COURIERS_A_READ = 100,
    OPS_STORES_A_MESSAGE = 200,
    OPS_SHELVES_A_READ = 50, /* 200 KB of shelves with 500 articles each */
    OPS_MINUTES = 240,       /* of figures that are kept */
    GUEST_CHECK_MS = 2000,
};

/* Who was let in by {city}:access, looked at again every GUEST_CHECK_MS. */
struct guest {
    uint64_t conn;
    Lifecircle__V1__Access__Kind kind;
    char hash[SECRET_HASH_TEXT];
    char name[64];
    UT_hash_handle hh;
};

/* An operator's page. */
struct viewer {
    uint64_t conn;
    bool greeted;
    UT_hash_handle hh;
};

/* Something that changed and is to be read and told: an order, a courier or a store. */
struct changed_order {
    struct uuid order;
    UT_hash_handle hh;
};
struct changed_number {
    uint32_t number;
    UT_hash_handle hh;
};

/* Where a courier was when it was told last: Redis' 52-bit cell. */
struct told_position {
    uint32_t courier;
    uint64_t cell;
    UT_hash_handle hh;
};

/* What ended in one minute. */
struct ops_minute {
    int64_t minute; /* Unix ms / 60000 */
    uint32_t delivered;
    uint32_t on_time;
    uint32_t cancelled;
    uint32_t rejected;
    int64_t door_ms; /* click to door, sum over the delivered */
};

struct ops {
    struct viewer *viewers;
    struct changed_order *orders;
    struct changed_number *couriers;
    struct changed_number *stores; /* filled also without viewers: for stores' screens */
    struct told_position *told;
    struct ops_minute minutes[OPS_MINUTES];
    int64_t flush_ms; /* not before */
    int64_t positions_ms;
    int64_t stats_ms;
    bool reading_orders;
    bool reading_couriers;
    bool reading_positions;
    bool reading_shelves;
    bool scan_wanted;
    bool scanning;                       /* which orders are open? */
    bool scanned;                        /* "synced" is due when nothing is left to read */
    uint32_t asked[OPS_COURIERS_A_READ]; /* couriers being read */
    size_t n_asked;
    uint32_t shelves[OPS_SHELVES_A_READ]; /* stores whose shelves are being read */
    size_t n_shelves;
    uint32_t shelf_next; /* the last store that was read */
    int64_t shelves_ms;
    struct buf shifts; /* their shifts: vehicle, on, two bytes each */
    /* guests */
    struct guest *guests;
    uint64_t *checking; /* connections whose tokens are being looked at */
    size_t n_checking;
    int64_t check_ms;
};

#endif
