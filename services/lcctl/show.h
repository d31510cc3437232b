/* show: what a command has found: for people as aligned columns, with --json for programs. The
 * column's name is the JSON field; in the table its head is the same in capitals.
 *
 *     struct show *s = show_table(c, "number chain name", "r..");
 *     show_number(s, 1);
 *     show_text(s, "corner");
 *     show_text(s, "Corner Shops");      a row is full: the next begins
 *     return show_end(s);
 *
 * Columns align by what a terminal shows, not by bytes. An empty table prints nothing, or []. */
#ifndef LC_LCCTL_SHOW_H
#define LC_LCCTL_SHOW_H

#include "base/json_out.h"
#include "lcctl/lcctl.h"

struct show;

/* show_sort: the pairs of a hash's reply (HGETALL) by key, numbers by their value: Redis has them
 * in any order. */
void show_sort(redisReply *hash);

/* show_table: names and, for each, 'r' when it is aligned to the right; both static. Never NULL:
 * without memory the program ends. */
struct show *show_table(struct ctl *c, const char *columns, const char *align);
void show_text(struct show *s, const char *text); /* NULL = none: nothing, or null */
void show_textf(struct show *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void show_number(struct show *s, int64_t v);
void show_seconds(struct show *s, double v);              /* one decimal, and " s" in the table */
void show_time(struct show *s, int64_t unix_ms);          /* 0 = none */
void show_flag(struct show *s, bool v, const char *word); /* the word, in colour, when it is so */
/* show_end: prints and frees; EXIT_SUCCESS, or EXIT_FAILED when it could not be written. */
int show_end(struct show *s);

/* show_json: prints a JSON text and a newline, and frees the buffer; as show_end. */
int show_json(struct buf *b);

/* show_token: the answer to a command that made a secret: for people a sentence and, alone on the
 * last line, the secret; with --json an object of `kind` (what it is for, its name), number (0 =
 * left out), id (NULL = left out) and the secret under `key`. */
int show_token(struct ctl *c, const char *kind, const char *name, uint32_t number, const char *id,
               const char *key, const char *secret);

/* show_outcome: what ctl_outcome said of an order that was to become `state`: 1 done, 2 it was so
 * already, 3 not so, 4 there is no such order; the exit status. */
int show_outcome(struct ctl *c, const char *order, const char *state, int outcome, const char *done,
                 const char *not_so);

/* show_done: a command that changed something: for people the sentence, with --json {kind: name,
 * state: true}. */
int show_done(struct ctl *c, const char *kind, const char *name, const char *state,
              const char *sentence, ...) __attribute__((format(printf, 5, 6)));

/* show_bold, show_plain: escapes around what stands out; empty unless stdout is a terminal that
 * shows colours and NO_COLOR is not set. */
const char *show_bold(const struct ctl *c);
const char *show_alarm(const struct ctl *c);
const char *show_plain(const struct ctl *c);

#endif
