/* check: what the files of the checks share. They read Redis and what the clients were told, never
 * the daemons' own counters. */
#ifndef LC_SIM_CHECK_H
#define LC_SIM_CHECK_H

#include "world.h"

#include "base/record.h"

/* books: every order's record, read in one command. */
struct books {
    redisReply *keys;
    redisReply *values;
    size_t n;
};
/* books_open: n = 0 while Redis is dead. books_close gives it back. */
struct books books_open(struct sim *s);
void books_close(struct books *b);
/* books_at: record i; its id as text. False, and a failure, when it is unreadable. */
bool books_at(struct sim *s, const struct books *b, size_t i, struct record *r);
const char *books_id(const struct books *b, size_t i);

/* check_stock.c: levels, ledger and shelves; at the end also that they are what is really there. */
void check_stock(struct sim *s, const struct books *b, bool at_end);
/* check_told.c: at the end: events, webhooks, phones, screens, customers. */
void check_told(struct sim *s, const struct books *b);

#endif
