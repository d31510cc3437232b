/* record: what Redis keeps of an order, and what the functions take, as C. The layouts are those of
 * docs/redis.md.
 *
 * Pure: no I/O, no clock, no globals. Numbers are little-endian, times Unix ms, money minor units.
 * Everything that is read borrows from the bytes it was read from. */
#ifndef LC_BASE_RECORD_H
#define LC_BASE_RECORD_H

#include "base/bytes.h"
#include "base/err.h"

#include "order.pb-c.h"

enum {
    RECORD_HEAD = 224,
    RECORD_LINE = 16,
    RECORD_STATES = 16, /* states 1..16 have a stamp */
    RECORD_LINES_MAX = 100,
    RECORD_QUANTITY_MAX = 65535, /* of one SKU in one order */
    RECORD_SKU_MAX = 1048575,    /* highest SKU index */
};

enum record_flag {
    RECORD_COLLECTION = 1,
    RECORD_SIMULATED = 2,
    RECORD_PARTIAL = 4,
    RECORD_SUBSTITUTED = 8,
    RECORD_PRICE_DIFFERS = 16, /* from what the order said */
    RECORD_TAKEN = 32,         /* stock is, or was, taken for it */
    RECORD_COMMITTED = 64,     /* the stock has left the store */
    RECORD_READY = 128,        /* a delivery: the store said that the goods are ready */
};

struct record {
    uint8_t state;  /* OrderState */
    uint8_t reason; /* Reason */
    uint8_t flags;  /* enum record_flag */
    uint32_t version;
    uint64_t fingerprint;
    uint32_t chain;
    uint32_t store;   /* 0 = none */
    uint32_t courier; /* 0 = none */
    uint16_t n_lines;
    uint16_t attempts; /* at matching */
    bool accepted;     /* by the store: it has seen the order and prepares it */
    int64_t window_start_ms;
    int64_t window_end_ms;
    int64_t hold_until_ms;
    int64_t ready_ms;
    int64_t eta_ms;
    int64_t total_cents;
    int64_t updated_ms;
    int64_t live_eta_ms;                   /* 0 = unknown */
    int64_t entered_ms[RECORD_STATES + 1]; /* by state; 0 = never */
    struct slice head;                     /* the 224 bytes */
    struct slice lines; /* n_lines * 16 bytes; empty when only a head was given */
    struct slice
        order; /* the Order as bytes (wire_unpack); empty when only head and lines were given */
};

struct record_line {
    uint32_t sku_index;
    uint16_t quantity; /* ordered */
    uint16_t taken;
    uint32_t price_cents;
    uint32_t substitute; /* 0 = itself, else index + 1 of the SKU that was taken instead */
};

/* record_read: a record, or its head and lines, or its head alone.
 *   LC_EINVAL  another layout, cut short, or a state that is not known; *out is undefined */
LC_MUST_CHECK enum lc_err record_read(struct slice bytes, struct record *out);

/* record_line_at: line i; false when the record has no such line. */
bool record_line_at(const struct record *r, size_t i, struct record_line *out);

/* record_is_end: does nothing happen any more to an order in this state? */
bool record_is_end(unsigned state);

/* record_waits: is it created or held, without a store? */
bool record_waits(unsigned state);

/* Names as the outside reads them: "enroute_to_pickup", "customer_absent". "unknown" for another
 * number; static. */
const char *record_state_name(unsigned state);
const char *record_reason_name(unsigned reason);

/* record_precision_name: how the drop-off is known: "given", "exact", "interpolated", "street",
 * "ambiguous", "confirmed"; "given" for another number; static. */
const char *record_precision_name(Lifecircle__V1__AddressPrecision p);

/* record_state_of: the way back, exact; 0 (none) when the text names nothing. */
Lifecircle__V1__OrderState record_state_of(struct slice name);

/* One entry of history:<uuid>. */
struct record_history {
    uint8_t state;
    uint8_t reason;
    uint32_t store;
    uint32_t courier;
    uint32_t version;
    int64_t time_ms;
    struct slice words; /* who, or who: what they said */
};
LC_MUST_CHECK enum lc_err record_history_read(struct slice bytes, struct record_history *out);

/* ---- the ledger ---- */

enum ledger_cause { LEDGER_RESERVE = 1, LEDGER_RELEASE, LEDGER_COMMIT, LEDGER_FEED, LEDGER_RETURN };

struct ledger_entry {
    struct slice cause_id; /* order uuid as text, or "feed" and 32 bytes; ledger_is_feed */
    uint32_t store;
    uint8_t cause;
    uint16_t n;
    struct slice changes; /* n * 12 bytes */
};

struct ledger_change {
    uint32_t sku_index;
    int32_t available;
    int32_t on_hand;
};

/* ledger_next: the next entry of a field `l`. LC_EAGAIN at the end, LC_EINVAL when cut short. */
LC_MUST_CHECK enum lc_err ledger_next(struct cursor *c, struct ledger_entry *out);

/* ledger_change_at: change i < e->n. */
struct ledger_change ledger_change_at(const struct ledger_entry *e, size_t i);
const char *ledger_cause_name(unsigned cause);

/* ---- levels ---- */

/* A SKU in stock:<store> (available and price) and shelf:<store> (on hand and safety). */
struct stock_level {
    int32_t available;
    uint32_t price_cents; /* 0 = not sold here */
    int32_t on_hand;
    uint32_t safety;
};

/* stock_level_at: SKU `index` of the two strings; what lies behind their end is 0. */
struct stock_level stock_level_at(struct slice stock, struct slice shelf, uint32_t index);

/* ---- arguments of order_place and order_accept ---- */

struct place_mode {
    bool more;      /* further candidates exist */
    bool reject;    /* if none has it: reject */
    bool create;    /* write as created only */
    uint8_t reason; /* if there is no candidate */
    int64_t retry_ms;
};

/* place_check: is the order such that it may be written? LC_EINVAL with *why a static text that
 * names the field. */
LC_MUST_CHECK enum lc_err place_check(const Lifecircle__V1__Order *o, const char **why);

struct place_candidate {
    uint32_t store;
    uint32_t travel_s;
    int64_t ready_ms;
    int64_t eta_ms;
};

/* place_plan: appends `plan`: what the function decides by. SKUs rise, equal ones are added up. Two
 * lines of one SKU that say different prices say 0, which is no store's price. The order must have
 * passed place_check; at most 64 candidates. */
void place_plan(struct buf *b, const Lifecircle__V1__Order *o, const struct place_mode *m,
                const struct place_candidate *candidates, size_t n);

/* place_record: appends head and lines of `record`: as they are to be written when the first
 * candidate (NULL: there is none) has every line at the price asked. The Order's bytes belong
 * behind them, and place_stamp writes the time. The order must have passed place_check. */
void place_record(struct buf *b, const Lifecircle__V1__Order *o,
                  const struct place_candidate *first);

/* place_order: appends the Order as it is kept: without what is sealed, which is an argument of its
 * own. */
void place_order(struct buf *b, const Lifecircle__V1__Order *o);

/* place_stamp: writes the call's `now` into a record made by place_record. */
void place_stamp(char *record, int64_t now_ms);

/* place_as_asked: appends head and lines as they were written when the function's answer for an
 * order is its four bytes alone: `plan` and `record` as they were sent, and the candidate that the
 * answer names. LC_EINVAL when the plan has no such candidate. */
LC_MUST_CHECK enum lc_err place_as_asked(struct buf *b, struct slice plan, struct slice record,
                                         unsigned candidate);

/* place_idem: appends `<chain>:<key>`, nothing without a key. */
void place_idem(struct buf *b, const Lifecircle__V1__Order *o);

/* place_explain: appends `explain`: a packed DecisionRecord and the usual verdict. Nothing without
 * a record. */
void place_explain(struct buf *b, struct slice decision);

/* feed_line: appends one line of stock_apply's `lines`. */
void feed_line(struct buf *b, uint32_t sku_index, bool has_quantity, int32_t quantity,
               bool has_price, uint32_t price_cents);

#endif
