#include "lcctl/top.h"

#include <stdio.h>
#include <stdlib.h>

enum { BUCKETS = 32 };

/* at: behind "\n<name> " of the text, which begins with a comment; NULL when it is not there. */
static const char *
at(const struct buf *text, const char *name)
{
    char line[160];
    int n = snprintf(line, sizeof line, "\n%s ", name);

    if (text->n == 0 || n >= (int)sizeof line)
        return NULL;
    const char *found = strstr(text->p, line);
    return found == NULL ? NULL : found + n;
}

double
top_value(const struct buf *text, const char *name)
{
    const char *v = at(text, name);

    return v == NULL ? 0 : strtod(v, NULL);
}

/* rise: how far a counter came between the two texts; one that was started again counts from 0. */
static double
rise(const struct top_daemon *d, const char *name)
{
    double now = top_value(&d->now, name);
    double was = top_value(&d->was, name);

    if (!d->up || d->was_us == 0)
        return 0;
    return now >= was ? now - was : now;
}

/* labelled: the sum over all labels of a metric. */
static double
labelled(const struct buf *text, const char *name)
{
    char line[160];
    int n = snprintf(line, sizeof line, "\n%s{", name);
    double sum = 0;

    for (const char *at = text->n == 0 ? NULL : strstr(text->p, line); at != NULL;
         at = strstr(at + n, line)) {
        const char *value = strstr(at, "} ");
        if (value != NULL)
            sum += strtod(value + 2, NULL);
    }
    return sum;
}

double
top_rate(const struct top_daemon *d, const char *name, double span_s)
{
    double rose = rise(d, name);

    if (rose == 0 && d->was_us != 0)
        rose = labelled(&d->now, name) - labelled(&d->was, name);
    return span_s > 0 && rose > 0 ? rose / span_s : 0;
}

static double
rate(const struct top_frame *f, const char *name)
{
    double sum = 0;

    for (int i = 0; i < f->n; i++)
        sum += rise(&f->daemons[i], name);
    return f->span_s > 0 ? sum / f->span_s : 0;
}

static double
sum_of(const struct top_frame *f, const char *name)
{
    double sum = 0;

    for (int i = 0; i < f->n; i++)
        sum += f->daemons[i].up ? top_value(&f->daemons[i].now, name) : 0;
    return sum;
}

/* The stand-bys of a router say 0, or what they saw last. */
static double
most_of(const struct top_frame *f, const char *name)
{
    double most = 0;

    for (int i = 0; i < f->n; i++)
        if (f->daemons[i].up && top_value(&f->daemons[i].now, name) > most)
            most = top_value(&f->daemons[i].now, name);
    return most;
}

/* ---- histograms ---- */

struct buckets {
    double upper_s[BUCKETS]; /* the last: for ever */
    double count[BUCKETS];   /* up to there */
    int n;
};

/* add: what fell into each bucket meanwhile. Bounds are the same in all daemons of a kind. */
static void
add(struct buckets *to, const struct top_daemon *d, const char *base)
{
    char prefix[128], name[192];
    int n = snprintf(prefix, sizeof prefix, "\n%s_bucket{le=\"", base);
    const char *line = d->up && d->was_us != 0 && d->now.n > 0 ? strstr(d->now.p, prefix) : NULL;
    int i = 0;

    for (; line != NULL && i < BUCKETS && strncmp(line, prefix, (size_t)n) == 0; i++) {
        const char *le = line + n;
        snprintf(name, sizeof name, "%s_bucket{le=\"%.*s\"}", base, (int)strcspn(le, "\""), le);
        to->upper_s[i] = strncmp(le, "+Inf", 4) == 0 ? -1 : strtod(le, NULL);
        to->count[i] += rise(d, name);
        line = strchr(line + 1, '\n');
    }
    if (i > to->n)
        to->n = i;
}

/* quantile: in ms, by a straight line within the bucket, as Prometheus does; negative without any.
 */
static double
quantile(const struct buckets *b, double q)
{
    double all = b->n == 0 ? 0 : b->count[b->n - 1];
    double below = 0, lower_s = 0;

    if (all <= 0)
        return -1;
    for (int i = 0; i < b->n; i++) {
        if (b->count[i] >= q * all) {
            if (b->upper_s[i] < 0)
                return lower_s * 1000; /* longer than the last bound */
            double in = b->count[i] - below;
            double part = in > 0 ? (q * all - below) / in : 1;
            return (lower_s + (b->upper_s[i] - lower_s) * part) * 1000;
        }
        below = b->count[i];
        lower_s = b->upper_s[i];
    }
    return -1;
}

static void
take_times(struct top_frame *f)
{
    static const struct {
        const char *name, *metric;
    } times[TOP_TIMES] = {
        {"order", "lifecircle_order_seconds"},      {"match", "lifecircle_match_seconds"},
        {"place", "lifecircle_place_seconds"},      {"dispatch", "lifecircle_dispatch_seconds"},
        {"push", "lifecircle_push_seconds"},        {"webhook", "lifecircle_webhook_seconds"},
        {"redis", "lifecircle_redis_call_seconds"},
    };

    for (int k = 0; k < TOP_TIMES; k++) {
        struct buckets b = {.n = 0};
        for (int i = 0; i < f->n; i++)
            add(&b, &f->daemons[i], times[k].metric);
        f->times[k] = (struct top_time){
            .name = times[k].name,
            .per_s = f->span_s > 0 && b.n > 0 ? b.count[b.n - 1] / f->span_s : 0,
            .p50_ms = quantile(&b, 0.5),
            .p99_ms = quantile(&b, 0.99),
        };
    }
}

void
top_take(struct top_frame *f)
{
    static const char *const refused[] = {"conflict", "price_changed", "invalid", "rejected"};
    char name[80];

    take_times(f);
    f->placed_s = rate(f, "lifecircle_orders_total{outcome=\"placed\"}");
    f->later_s = rate(f, "lifecircle_orders_total{outcome=\"created\"}");
    f->held_s = rate(f, "lifecircle_orders_total{outcome=\"held\"}");
    f->unavailable_s = rate(f, "lifecircle_orders_total{outcome=\"unavailable\"}");
    f->refused_s = 0;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        snprintf(name, sizeof name, "lifecircle_orders_total{outcome=\"%s\"}", refused[i]);
        f->refused_s += rate(f, name);
    }
    f->lost_s = rate(f, "lifecircle_redis_calls_lost_total");
    f->pending = sum_of(f, "lifecircle_orders_pending");
    f->phones = sum_of(f, "lifecircle_courier_sessions");
    f->waiting = most_of(f, "lifecircle_orders_waiting");
    f->at_risk = most_of(f, "lifecircle_orders_at_risk");
    f->on_shift = most_of(f, "lifecircle_couriers_on_shift");
    f->busy = most_of(f, "lifecircle_couriers_busy");
}
