/* check: what lc-chaos-check knows of orders: what clients were told (told.c), against what is kept
 * in Redis and the archive (kept.c) and in the ledger (books.c). One process, one state. */
#ifndef LC_TESTS_CHAOS_CHECK_H
#define LC_TESTS_CHAOS_CHECK_H

#include "base/arena.h"
#include "base/map.h"

#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { STUCK_MS = 60000, WORD = 64 };

/* moved: pieces, and a sum in which every store and SKU has a weight of its own. */
struct moved {
    int64_t pieces;
    uint64_t weighed;
};

struct order {
    char external[WORD];
    char id[40]; /* "" = never taken */
    char seen[32];
    char picker[WORD], deliverer[WORD];
    int64_t first_ms, taken_ms;
    bool picked, delivered, returned;
    bool unanswered; /* the last that its chain heard is that a request failed */
    bool found;      /* in Redis or the archive */
    struct moved available,
        on_hand; /* what the ledger says that it took, and that left the store */
    UT_hash_handle hh, by_id;
};

struct fault {
    int64_t at_ms, until_ms;
    char name[24];
};

struct check {
    redisContext *redis;
    const char *city;
    struct arena *arena;
    struct order *orders;
    struct order *ids;
    struct fault *faults;
    size_t n_faults;
    bool archive;    /* is there one? */
    int64_t last_ms; /* the last fault's cause was over */
    unsigned taken, good, refused, failures, wrong, records, archived, late, answers;
};

extern struct check t;

/* wrong: said and counted; the first twenty are printed. */
void wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* needed: p, or the process ends. text, number: of a field; "" and 0 without. read_lines: a JSON
 * object each; the process ends when one is none. */
void *needed(void *p);
const char *text(const json_t *j, const char *key);
int64_t number(const json_t *j, const char *key);
void read_lines(const char *path, void (*take)(const json_t *j));

/* told_read: what clients were told and which faults there were, into t. */
void told_read(const char *log, const char *faults);

/* ask: a command to Redis; the process ends when it is refused. The caller frees the reply. */
redisReply *ask(const char *fmt, ...);

/* books_read: the whole ledger, into each order's available and on_hand. books_check: of an order
 * in a final state, whose record is r: the goods of a delivered or collected one were taken and
 * have left its store once, those of any other are back. */
struct record;
void books_read(void);
void books_check(const struct order *o, const struct record *r);

/* kept_check: every order of Redis, of the archive (NULL = none), and those that are in neither. */
void kept_check(const char *archive);

static inline int64_t
max_ms(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
