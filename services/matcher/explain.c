#include "matcher/explain.h"

#include "base/timestamp.h"
#include "base/travel_ask.h"

#include <inttypes.h>
#include <stdio.h>

typedef Lifecircle__V1__DecisionRecord Decision;

static const struct match_names numbers;

/* "12:04:10", with the day in front when it is not the day of the decision; "-" when not reached.
 */
static void
clock_text(int64_t ms, int64_t decided_ms, char out[TIMESTAMP_TEXT])
{
    char that[TIMESTAMP_TEXT], day[TIMESTAMP_TEXT];

    if (ms == 0) {
        snprintf(out, TIMESTAMP_TEXT, "-");
        return;
    }
    timestamp_format(ms / 1000 * 1000, that);
    timestamp_format(decided_ms, day);
    if (strncmp(that, day, 10) == 0)
        snprintf(out, TIMESTAMP_TEXT, "%.8s", that + 11);
    else
        snprintf(out, TIMESTAMP_TEXT, "%.5s %.8s", that + 5, that + 11);
}

/* "3:20", "1:02:05", "-0:40"; days when there are any. */
static void
span_text(int64_t ms, char out[TIMESTAMP_TEXT])
{
    const char *sign = ms < 0 ? "-" : "";
    int64_t s = (ms < 0 ? -ms : ms) / 1000;

    if (s >= 172800)
        snprintf(out, TIMESTAMP_TEXT, "%s%" PRId64 " days", sign, s / 86400);
    else if (s >= 3600)
        snprintf(out, TIMESTAMP_TEXT, "%s%" PRId64 ":%02" PRId64 ":%02" PRId64, sign, s / 3600,
                 s / 60 % 60, s % 60);
    else
        snprintf(out, TIMESTAMP_TEXT, "%s%" PRId64 ":%02" PRId64, sign, s / 60, s % 60);
}

static const Lifecircle__V1__StockVerdict *
stock_of(const Decision *d, size_t candidate)
{
    for (size_t i = 0; i < d->n_stock; i++)
        if (d->stock[i]->candidate == candidate)
            return d->stock[i];
    return NULL;
}

static void
write_failed(struct buf *out, const Lifecircle__V1__Candidate *c)
{
    char span[TIMESTAMP_TEXT];

    span_text(c->missed_by, span);
    switch ((int)c->verdict) { /* the other reasons are no tests of a store */
    case LIFECIRCLE__V1__REASON__OUT_OF_ZONE:
        buf_printf(out, "outside its zone by %" PRId64 " m", c->missed_by);
        return;
    case LIFECIRCLE__V1__REASON__FULFILMENT_NOT_OFFERED:
        buf_str(out, "does not offer this way of fulfilment");
        return;
    case LIFECIRCLE__V1__REASON__REQUIREMENT_NOT_MET:
        buf_printf(out, "%s",
                   c->missed_by == 1   ? "may not check ages"
                   : c->missed_by == 2 ? "has no cold boxes"
                                       : "may not check ages, has no cold boxes");
        return;
    case LIFECIRCLE__V1__REASON__STORE_PAUSED:
        buf_str(out, "paused");
        return;
    case LIFECIRCLE__V1__REASON__STORE_CLOSED:
        buf_printf(out, "closed, opens in %s", span);
        return;
    case LIFECIRCLE__V1__REASON__STORE_AT_CAPACITY:
        buf_printf(out, "at capacity, %" PRId64 " order%s too many", c->missed_by,
                   c->missed_by == 1 ? "" : "s");
        return;
    case LIFECIRCLE__V1__REASON__NO_COURIERS:
        buf_str(out, "no courier on shift can carry it");
        return;
    case LIFECIRCLE__V1__REASON__TOO_LATE:
        buf_printf(out, "too late by %s", span);
        return;
    default:
        buf_printf(out, "failed test %d", (int)c->verdict);
        return;
    }
}

static void
write_fate(struct buf *out, const Decision *d, size_t i, uint32_t taken,
           const struct match_names *names)
{
    const Lifecircle__V1__Candidate *c = d->candidates[i];
    const Lifecircle__V1__StockVerdict *stock = stock_of(d, i);

    if (c->verdict != LIFECIRCLE__V1__REASON__REASON_NONE) {
        write_failed(out, c);
    } else if (taken != 0 && c->store == taken) {
        buf_str(out, "TAKEN");
        if (stock != NULL && stock->missing_sku >= 0)
            buf_str(out, ", not whole");
    } else if (stock == NULL) {
        buf_str(out, "could serve it, not needed");
    } else if (stock->missing_sku < 0) {
        buf_str(out, "has every line");
    } else {
        const char *sku =
            names->sku == NULL ? NULL : names->sku(names->ctx, (uint32_t)stock->missing_sku);
        buf_printf(out, "short of SKU %" PRId32 "%s%s: %" PRId32 " of %" PRIu32, stock->missing_sku,
                   sku == NULL ? "" : " ", sku == NULL ? "" : sku,
                   stock->available < 0 ? 0 : stock->available, stock->wanted);
    }
}

static void
write_candidate(struct buf *out, const Decision *d, size_t i, uint32_t taken,
                const struct match_names *names)
{
    const Lifecircle__V1__Candidate *c = d->candidates[i];
    const char *name = names->store == NULL ? NULL : names->store(names->ctx, c->store);
    char travel[TIMESTAMP_TEXT], ready[TIMESTAMP_TEXT], courier[TIMESTAMP_TEXT],
        arrival[TIMESTAMP_TEXT], margin[TIMESTAMP_TEXT], store[160];

    if (name == NULL)
        snprintf(store, sizeof store, "number %" PRIu32, c->store);
    else
        snprintf(store, sizeof store, "%s", name);
    span_text((int64_t)c->travel_s * 1000, travel);
    if (c->travel_s == UINT32_MAX)
        snprintf(travel, sizeof travel, "no way");
    clock_text(c->ready_ms, d->decided_ms, ready);
    clock_text(c->courier_ms, d->decided_ms, courier);
    clock_text(c->arrival_ms, d->decided_ms, arrival);
    span_text(c->margin_ms, margin);
    if (c->arrival_ms == 0)
        snprintf(margin, sizeof margin, "-");
    buf_printf(out, "%3zu  %-30s %8s %14s %14s %14s %9s  ", i + 1, store, travel, ready, courier,
               arrival, margin);
    write_fate(out, d, i, taken, names);
    buf_char(out, '\n');
}

void
match_explain(struct buf *out, const Decision *d, uint32_t taken, const struct match_names *names)
{
    char decided[TIMESTAMP_TEXT], from[TIMESTAMP_TEXT], to[TIMESTAMP_TEXT];

    if (names == NULL)
        names = &numbers;
    timestamp_format(d->decided_ms, decided);
    clock_text(d->window_start_ms, d->decided_ms, from);
    clock_text(d->window_end_ms, d->decided_ms, to);
    buf_printf(out, "decided %s, attempt %" PRIu32 ", window %s to %s\n", decided,
               d->attempt == 0 ? 1 : d->attempt, from, to);
    buf_printf(out, "%" PRIu32 " store%s looked at, ranked by %s%s\n", d->stores_considered,
               d->stores_considered == 1 ? "" : "s",
               d->ranking == LIFECIRCLE__V1__RANKING__SOONEST ? "arrival" : "travel time",
               d->server     ? "; travel times from the routing server"
               : d->estimate ? "; travel times are estimates, not along roads"
                             : "; travel times along roads");
    if (d->server_end != 0)
        buf_printf(out, "the routing server was asked and did not give them: %s\n",
                   travel_end_name((int)d->server_end));
    if (d->n_candidates == 0) {
        buf_str(out, "no store in range\n");
        return;
    }
    buf_printf(out, "%3s  %-30s %8s %14s %14s %14s %9s  %s\n", "#", "store", "travel", "ready",
               "courier", "arrival", "margin", "verdict");
    for (size_t i = 0; i < d->n_candidates; i++)
        write_candidate(out, d, i, taken, names);
    if (taken == 0)
        buf_str(out, "no store was taken\n");
}
