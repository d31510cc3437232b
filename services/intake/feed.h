/* feed: what the files of the stock feed share. Nobody else includes this. */
#ifndef LC_INTAKE_FEED_H
#define LC_INTAKE_FEED_H

#include "core.h"
#include "lines.h"

#include "base/csv.h"

enum {
    FEED_ERRORS_MAX = 100, /* told in the answer */
    FEED_CHUNK = 1000,     /* lines of one StockRequest */
    FEED_BLOCK = 32000,    /* lines, of all stores: what is gathered of them is then sent */
    FEED_SENDS_MAX = 32,   /* StockRequests without an answer */
    FEED_COLUMNS_MAX = 16,
    FEED_QUANTITY_MAX = 1000000,
};

/* One line of a feed as it was written. Slices borrow. */
struct feed_row {
    struct slice store_id, sku, name;
    bool has_quantity, has_price, has_name, has_weight, has_volume, has_age;
    int64_t quantity, price, weight_g, volume_ml;
    bool age_restricted;
};

/* The same, understood. */
struct feed_item {
    uint32_t sku_index;
    uint32_t seq;   /* place in the chunk: of two lines for one SKU the later counts */
    uint32_t block; /* FEED_BLOCK lines of the feed, refused ones among them, are one */
    int32_t quantity;
    uint32_t price;
    bool has_quantity, has_price;
};

/* A line that waits until its SKU has a number. */
struct feed_waiting {
    uint32_t store;
    struct feed_item item;
    char sku[SKU_BYTES_MAX + 1];
};

struct feed_sku {
    char code[SKU_BYTES_MAX + 1];
    char name[NAME_BYTES_MAX + 1];
    uint32_t weight_g, volume_ml;
    bool age_restricted;
    UT_hash_handle hh; /* by code */
};

struct feed_store {
    uint32_t store;
    uint32_t chunks;  /* sent so far */
    uint32_t changed; /* SKUs, as inventory says */
    bool applied, repeated, late, unknown;
    struct feed_item *item;
    size_t n, room;
    UT_hash_handle hh; /* by store */
};

/* One StockRequest, kept until it is answered. */
struct feed_send {
    uint64_t tag;
    uint32_t store;
    uint32_t lines;
    bool sent;
    int64_t due_ms;                        /* when to send it again */
    int64_t give_up_ms;                    /* 0 until first sent */
    Lifecircle__V1__StockRequest *request; /* unpacked by protobuf-c, owned */
    UT_hash_handle hh;                     /* by tag, in the order of making */
};

struct feed_error {
    uint64_t line;
    char field[32];
    char error[160];
};

struct feed {
    uint64_t conn;
    uint32_t chain;
    char key_hash[SECRET_HASH_TEXT]; /* of the API key that began it */
    Lifecircle__V1__StockRequest__Kind kind;
    int64_t as_of_ms;
    uint64_t sequence;
    bool as_of_said;
    bool begun; /* the header line or row was read */
    bool paused;
    bool failed;                  /* a chunk could not be made durable */
    bool asking;                  /* sku_put is under way */
    struct csv *csv;              /* NULL: NDJSON */
    int column[FEED_COLUMNS_MAX]; /* CSV: which field each is */
    size_t columns;
    struct lines in;
    uint64_t line;
    uint64_t lines, applied, refused;
    struct feed_error *error; /* FEED_ERRORS_MAX */
    size_t error_n;
    struct feed_store *stores;
    uint32_t block;               /* of the lines that are being gathered */
    struct feed_waiting *waiting; /* FEED_CHUNK */
    size_t waiting_n;
    struct feed_sku *skus; /* to be put */
    struct feed_send *sends;
    UT_hash_handle hh; /* by conn */
};

/* feed_read.c: reading. Faults are noted in f with the field's name. */
struct json_at;
bool feed_options_query(struct arena *a, struct slice query, int64_t now_ms, struct feed *feed,
                        struct faults *f);
/* feed_options_line: the first line of NDJSON; false when it is an ordinary one. */
bool feed_options_line(struct json_in *json, const struct json_at *root, int64_t now_ms,
                       struct feed *feed);
void feed_options_check(const struct feed *feed, struct faults *f);
void feed_read_json(struct json_in *json, const struct json_at *root, const struct feed *feed,
                    struct feed_row *row);
/* feed_read_header: the first row of CSV. */
void feed_read_header(const struct csv_row *row, struct feed *feed, struct faults *f);
void feed_read_csv(const struct csv_row *row, const struct feed *feed, struct faults *f,
                   struct feed_row *out);

/* feed_take.c: takes as many lines as there is room for. False: the feed was answered and is gone.
 */
bool feed_run_json(struct intake *in, struct feed *feed, const struct event *ev,
                   struct outbox *out);
bool feed_run_csv(struct intake *in, struct feed *feed, const struct event *ev, struct outbox *out);
/* feed_take_waiting: those that waited for their SKU's number. */
void feed_take_waiting(struct intake *in, struct feed *feed);

/* stock.c */
void feed_drop(struct intake *in, struct feed *feed);

/* feed_send.c: from understood lines to inventory and back. LC_ENOMEM. */
LC_MUST_CHECK enum lc_err feed_gather(struct intake *in, struct feed *feed, uint32_t store,
                                      struct feed_item item);
LC_MUST_CHECK enum lc_err feed_seal_all(struct intake *in, struct feed *feed);
void feed_send_due(struct intake *in, struct feed *feed, const struct event *ev,
                   struct outbox *out);
bool feed_take_reply(struct feed *feed, const Lifecircle__V1__StockReply *reply, int64_t now_ms);
void feed_answer(struct intake *in, struct feed *feed, struct outbox *out);
void feed_free(struct feed *feed);

/* feed_sku.c: SKUs the chain has not had before. */
bool feed_wants_sku(struct intake *in, const struct feed *feed, const struct feed_row *row,
                    uint32_t index);
LC_MUST_CHECK enum lc_err feed_note_sku(struct intake *in, struct feed *feed,
                                        const struct feed_row *row, uint32_t index);
LC_MUST_CHECK enum lc_err feed_put_skus(struct intake *in, struct feed *feed,
                                        const struct event *ev, struct outbox *out);

#endif
