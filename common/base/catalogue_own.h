/* catalogue_own: what catalogue.c (content and look-ups) and catalogue_load.c (following Redis)
 * share. Not for others. */
#ifndef LC_BASE_CATALOGUE_OWN_H
#define LC_BASE_CATALOGUE_OWN_H

#include "base/catalogue.h"
#include "base/primary.h"

/* names: text -> number, by open addressing; the texts live with what they name. */
struct names {
    uint32_t *slot; /* value + 1, 0 = free */
    size_t room;    /* a power of two, or 0 */
    size_t n;
};

struct sku_row {
    uint32_t text; /* offset into chain_row.text: code NUL name NUL */
    uint32_t weight_g;
    uint32_t volume_ml;
    uint16_t name;  /* offset of the name behind the code */
    uint8_t code_n; /* 0: this index is not known */
    bool age_restricted;
};

struct chain_row {
    Lifecircle__V1__Chain *chain; /* owned; NULL: not known */
    struct sku_row *sku;
    uint32_t sku_n;
    uint32_t sku_room;
    struct buf text;
    struct names codes;
};

/* A list of numbers that the stream has named and that have to be read again; no number twice. */
struct numbers {
    uint32_t *list;
    size_t n;
    size_t room;
};

enum {
    STORE_PAGE = 200, /* fields of a hash a call */
    SKU_PAGE = 1000,
    STREAM_PAGE = 1000,
    ANSWER_MS = 5000, /* after that a call is taken for lost */
    KEY_MAX = 96,
    NUMBER_TEXT = 24
};

enum load_step {
    LOAD_IDLE,    /* nothing is asked for */
    LOAD_PRIMARY, /* asked which server this is */
    LOAD_TIP,     /* asked where the stream ends */
    LOAD_SCAN,    /* asked for a page of a hash */
    LOAD_FETCH,   /* asked for single fields of a hash */
    LOAD_FOLLOW   /* asked for what is new in the stream */
};

enum { KIND_CHAINS, KIND_STORES, KIND_COURIERS, KIND_SKUS, KINDS };

struct load {
    enum load_step step;
    bool started; /* Redis has been up */
    bool loaded;
    bool check_primary; /* ask which server it is before anything else */
    char
        primary[PRIMARY_MAX]; /* the server's; another one may have other entries by the same ids */
    bool check_tip;           /* ask for the stream's end then */
    bool all;                 /* everything is to be scanned */
    bool again;       /* the stream had more than one answer holds, or was announced: ask at once */
    int kind;         /* of the page or fields asked for */
    uint32_t chain;   /* whose SKUs are scanned */
    unsigned to_scan; /* bit k: hash of kind k still to be scanned */
    uint64_t cursor;  /* HSCAN's */
    uint64_t last;    /* stream id 1-<last> is the newest seen */
    unsigned generation; /* of the call under way, in its tag */
    int64_t asked_ms;
    int64_t next_ms;               /* of the next poll */
    size_t fetched;                /* how many of numbers[kind] the call under way asked for */
    struct numbers changed[KINDS]; /* for KIND_SKUS: chains */
};

struct catalogue {
    struct catalogue_options options;
    char *city;
    struct catalogue_store **store; /* by number; owned; NULL: not known */
    uint32_t store_end;
    size_t store_n;
    struct names store_ids;
    struct chain_row *chain; /* by number */
    uint32_t chain_end;
    Lifecircle__V1__Courier **courier;
    uint32_t courier_end;
    struct load load;
};

uint64_t catalogue_hash(uint64_t seed, struct slice s);

/* catalogue_names_reserve: room for one more; false without memory. catalogue_names_add: the caller
 * has reserved and knows that the name is not there. */
bool catalogue_names_reserve(struct names *t, uint64_t (*hash_of)(const void *, uint32_t),
                             const void *ctx);
void catalogue_names_add(struct names *t, uint64_t hash, uint32_t value);

/* catalogue_reach: makes *list, of *end items, long enough to have item `number`; new items are
 * zero. LC_EINVAL: 0, or beyond belief. LC_ENOMEM. */
LC_MUST_CHECK enum lc_err catalogue_reach(void **list, uint32_t *end, uint32_t number, size_t item);

/* catalogue_take_*: a value as Redis keeps it, into the catalogue, and to the watch. scratch is for
 * unpacking. LC_EINVAL: the bytes are not one; LC_ENOMEM. */
LC_MUST_CHECK enum lc_err catalogue_take_store(struct catalogue *c, struct arena *scratch,
                                               struct slice packed);
LC_MUST_CHECK enum lc_err catalogue_take_sku(struct catalogue *c, uint32_t chain,
                                             struct arena *scratch, struct slice packed);

/* catalogue_ask.c: one call to Redis each; what is asked for stands in c->load. */
extern const char *const catalogue_hash_name[KINDS];
void catalogue_ask_primary(struct catalogue *c, const struct event *ev, struct outbox *out);
void catalogue_ask_tip(struct catalogue *c, const struct event *ev, struct outbox *out);
void catalogue_ask_follow(struct catalogue *c, const struct event *ev, struct outbox *out);
void catalogue_ask_scan(struct catalogue *c, const struct event *ev, struct outbox *out);
void catalogue_ask_fetch(struct catalogue *c, const struct event *ev, struct outbox *out);

#endif
