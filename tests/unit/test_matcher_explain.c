#include "unit.h"

#include "matcher/explain.h"

#include "base/travel_ask.h"

#include <string.h>

static const int64_t noon_ms = 1763812800000; /* 2025-11-22T12:00:00Z */

struct sheet {
    Lifecircle__V1__DecisionRecord d;
    Lifecircle__V1__Candidate c, *cs[1];
    Lifecircle__V1__StockVerdict s, *ss[1];
    struct buf text;
};

static void
sheet_open(struct sheet *s)
{
    memset(s, 0, sizeof *s);
    lifecircle__v1__decision_record__init(&s->d);
    lifecircle__v1__candidate__init(&s->c);
    lifecircle__v1__stock_verdict__init(&s->s);
    s->d.decided_ms = noon_ms;
    s->d.window_start_ms = noon_ms;
    s->d.window_end_ms = noon_ms + 3600000;
    s->d.attempt = 2;
    s->d.stores_considered = 14;
    s->d.estimate = true;
    s->c.store = 42;
    s->c.travel_s = 200;
    s->c.ready_ms = noon_ms + 300000;
    s->c.courier_ms = noon_ms + 250000;
    s->c.arrival_ms = noon_ms + 740000;
    s->c.margin_ms = 3600000 - 740000;
    s->cs[0] = &s->c;
    s->ss[0] = &s->s;
    s->d.n_candidates = 1;
    s->d.candidates = s->cs;
}

static const char *
store_name(void *ctx, uint32_t store)
{
    (void)ctx;
    return store == 42 ? "fait-ave" : NULL;
}

static const char *
sku_name(void *ctx, uint32_t sku)
{
    (void)ctx;
    return sku == 7 ? "BAGEL" : NULL;
}

static const struct match_names names = {NULL, store_name, sku_name};

static bool
says(struct sheet *s, uint32_t taken, const char *words)
{
    buf_reset(&s->text);
    match_explain(&s->text, &s->d, taken, &names);
    buf_char(&s->text, '\0');
    bool found = strstr(s->text.p, words) != NULL;
    if (!found)
        printf("\n    no \"%s\" in:\n%s", words, s->text.p);
    return found;
}

static void
test_explain_heads_with_when_and_how(void)
{
    struct sheet s;

    sheet_open(&s);
    CU_ASSERT(
        says(&s, 42, "decided 2025-11-22T12:00:00Z, attempt 2, window 12:00:00 to 13:00:00\n"));
    CU_ASSERT(
        says(&s, 42, "14 stores looked at, ranked by travel time; travel times are estimates"));
    s.d.server_end = TRAVEL_SHUT;
    CU_ASSERT(says(&s, 42,
                   "estimates, not along roads\nthe routing server was asked and did not "
                   "give them: shut\n"));
    s.d.server_end = 0;
    s.d.server = true;
    s.d.estimate = false;
    CU_ASSERT(says(&s, 42, "ranked by travel time; travel times from the routing server\n"));
    buf_free(&s.text);
}

static void
test_explain_shows_a_candidates_times(void)
{
    struct sheet s;

    sheet_open(&s);
    CU_ASSERT(says(&s, 42, "  1  fait-ave  "));
    CU_ASSERT(
        says(&s, 42, "    3:20       12:05:00       12:04:10       12:12:20     47:40  TAKEN\n"));
    buf_free(&s.text);
}

static void
test_explain_says_what_inventory_found(void)
{
    struct sheet s;

    sheet_open(&s);
    CU_ASSERT(says(&s, 0, "could serve it, not needed\n"));
    s.d.n_stock = 1;
    s.d.stock = s.ss;
    s.s.missing_sku = 7;
    s.s.available = 2;
    s.s.wanted = 5;
    CU_ASSERT(says(&s, 0, "short of SKU 7 BAGEL: 2 of 5\n"));
    CU_ASSERT(says(&s, 42, "TAKEN, not whole\n"));
    s.s.missing_sku = -1;
    CU_ASSERT(says(&s, 0, "has every line\n"));
    CU_ASSERT(says(&s, 0, "no store was taken\n"));
    buf_free(&s.text);
}

static void
test_explain_names_the_test_that_failed_and_by_how_much(void)
{
    static const struct {
        Lifecircle__V1__Reason reason;
        int64_t by;
        const char *words;
    } table[] = {
        {LIFECIRCLE__V1__REASON__OUT_OF_ZONE, 340, "outside its zone by 340 m\n"},
        {LIFECIRCLE__V1__REASON__FULFILMENT_NOT_OFFERED, 0, "does not offer this way"},
        {LIFECIRCLE__V1__REASON__REQUIREMENT_NOT_MET, 1, "may not check ages\n"},
        {LIFECIRCLE__V1__REASON__REQUIREMENT_NOT_MET, 2, "has no cold boxes\n"},
        {LIFECIRCLE__V1__REASON__REQUIREMENT_NOT_MET, 3, "may not check ages, has no cold"},
        {LIFECIRCLE__V1__REASON__STORE_PAUSED, 0, "paused\n"},
        {LIFECIRCLE__V1__REASON__STORE_CLOSED, 3723000, "closed, opens in 1:02:03\n"},
        {LIFECIRCLE__V1__REASON__STORE_AT_CAPACITY, 1, "at capacity, 1 order too many\n"},
        {LIFECIRCLE__V1__REASON__NO_COURIERS, 0, "no courier on shift can carry it\n"},
        {LIFECIRCLE__V1__REASON__TOO_LATE, 45000, "too late by 0:45\n"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct sheet s;
        sheet_open(&s);
        s.c.verdict = table[i].reason;
        s.c.missed_by = table[i].by;
        CU_ASSERT(says(&s, 0, table[i].words));
        buf_free(&s.text);
    }
}

static void
test_explain_leaves_out_times_that_were_not_reached(void)
{
    struct sheet s;

    sheet_open(&s);
    s.c.verdict = LIFECIRCLE__V1__REASON__STORE_PAUSED;
    s.c.ready_ms = s.c.courier_ms = s.c.arrival_ms = s.c.margin_ms = 0;
    CU_ASSERT(
        says(&s, 0, "    3:20              -              -              -         -  paused\n"));
    buf_free(&s.text);
}

static void
test_explain_says_when_there_was_no_store_at_all(void)
{
    struct sheet s;

    sheet_open(&s);
    s.d.n_candidates = 0;
    s.d.stores_considered = 0;
    CU_ASSERT(says(&s, 0, "0 stores looked at"));
    CU_ASSERT(says(&s, 0, "no store in range\n"));
    buf_free(&s.text);
}

UNIT_MAIN("matcher explain", UNIT(test_explain_heads_with_when_and_how),
          UNIT(test_explain_shows_a_candidates_times), UNIT(test_explain_says_what_inventory_found),
          UNIT(test_explain_names_the_test_that_failed_and_by_how_much),
          UNIT(test_explain_leaves_out_times_that_were_not_reached),
          UNIT(test_explain_says_when_there_was_no_store_at_all))
