#include "base/json_out.h"
#include "lcctl/show.h"
#include "lcctl/top.h"

#include <stdio.h>
#include <time.h>

enum { LATE_S = 10 };

/* ---- for people ---- */

static void
put_ms(struct buf *b, double ms)
{
    if (ms < 0)
        buf_str(b, "         -");
    else
        buf_printf(b, " %9.*f", ms < 10 ? 2 : ms < 100 ? 1 : 0, ms);
}

static void
put_bytes(struct buf *b, double bytes)
{
    buf_printf(b, "%.1f MB", bytes / 1e6);
}

static void
put_head(const struct ctl *c, const struct top_frame *f, struct buf *b)
{
    time_t s = (time_t)(f->now_ms / 1000);
    struct tm tm;
    char clock[16];

    strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&s, &tm));
    buf_printf(b, "%s%s%s  %s", show_bold(c), c->city, show_plain(c), clock);
    if (f->owner[0] == '\0')
        buf_printf(b, "  %sno router holds the city%s", f->redis ? show_alarm(c) : "",
                   f->redis ? show_plain(c) : "");
    else
        buf_printf(b, "  router %s, epoch %lld", f->owner, f->epoch);
    if (f->owner[0] != '\0' && f->since_ms > 0)
        buf_printf(b, ", for %lld s", (long long)((f->now_ms - f->since_ms) / 1000));
    buf_str(b, "\nredis   ");
    if (!f->redis) {
        buf_printf(b, "%sdoes not answer%s\n", show_alarm(c), show_plain(c));
        return;
    }
    put_bytes(b, (double)f->memory_bytes);
    if (f->memory_most > 0)
        buf_printf(b, " (%.0f %% of the most)",
                   100.0 * (double)f->memory_bytes / (double)f->memory_most);
    buf_printf(b, ", %lld commands/s, %lld clients, %lld replicas\n", f->ops_s, f->clients,
               f->replicas);
}

static void
put_daemons(const struct ctl *c, const struct top_frame *f, struct buf *b)
{
    buf_printf(b, "\n%s%-10s %-22s %-9s %6s %9s %8s %9s%s\n", show_bold(c), "DAEMON", "ADDRESS",
               "STATE", "CPU%", "MEMORY", "TURNS/S", "DROPPED/S", show_plain(c));
    for (int i = 0; i < f->n; i++) {
        const struct top_daemon *d = &f->daemons[i];
        double span_s = d->up && d->was_us > 0 ? (double)(d->at_us - d->was_us) / 1e6 : 0;
        const char *alarm = d->up && d->ready ? "" : show_alarm(c);
        buf_printf(b, "%-10s %-22s %s%-9s%s", d->service[0] == '\0' ? "-" : d->service, d->address,
                   alarm,
                   !d->up     ? "gone"
                   : d->ready ? "ready"
                              : "not ready",
                   alarm[0] == '\0' ? "" : show_plain(c));
        if (d->up)
            buf_printf(b, " %6.1f %6.1f MB %8.0f %9.1f",
                       top_rate(d, "process_cpu_seconds_total", span_s) * 100,
                       top_value(&d->now, "process_resident_memory_bytes") / 1e6,
                       top_rate(d, "lifecircle_turns_total", span_s),
                       top_rate(d, "lifecircle_frames_dropped_total", span_s));
        buf_char(b, '\n');
    }
}

void
top_text(const struct ctl *c, const struct top_frame *f, struct buf *b)
{
    put_head(c, f, b);
    buf_printf(b,
               "orders  %.1f/s placed, %.1f/s taken for later, %.1f/s held, %.1f/s refused, "
               "%s%.1f/s unavailable%s; %.0f pending\n",
               f->placed_s, f->later_s, f->held_s, f->refused_s,
               f->unavailable_s > 0 ? show_alarm(c) : "", f->unavailable_s,
               f->unavailable_s > 0 ? show_plain(c) : "", f->pending);
    buf_printf(b,
               "city    %.0f waiting, %s%.0f at risk%s; couriers %.0f on shift, %.0f busy, %.0f "
               "phones\n",
               f->waiting, f->at_risk > 0 ? show_alarm(c) : "", f->at_risk,
               f->at_risk > 0 ? show_plain(c) : "", f->on_shift, f->busy, f->phones);
    buf_printf(b, "\n%s%-10s %9s %9s %9s    %-10s %8s %10s%s\n", show_bold(c), "TIME, MS", "PER S",
               "P50", "P99", "QUEUE", "ROWS", "OVERDUE", show_plain(c));
    for (int i = 0; i < TOP_TIMES; i++) {
        buf_printf(b, "%-10s %9.1f", f->times[i].name, f->times[i].per_s);
        put_ms(b, f->times[i].p50_ms);
        put_ms(b, f->times[i].p99_ms);
        if (i < TOP_QUEUES && f->redis) {
            bool late = f->queues[i].overdue_s > LATE_S;
            buf_printf(b, "    %-10s %8lld %s%8.1f s%s", f->queues[i].name, f->queues[i].rows,
                       late ? show_alarm(c) : "", f->queues[i].overdue_s,
                       late ? show_plain(c) : "");
        }
        buf_char(b, '\n');
    }
    put_daemons(c, f, b);
}

/* ---- for programs ---- */

static void
json_ms(struct json_out *w, const char *name, double ms)
{
    if (ms < 0)
        json_out_null(w, name);
    else
        json_out_double(w, name, ms, 3);
}

static void
json_redis(const struct top_frame *f, struct json_out *w)
{
    json_out_object(w, "redis");
    json_out_bool(w, "up", f->redis);
    if (f->redis) {
        json_out_int(w, "memory_bytes", f->memory_bytes);
        json_out_int(w, "memory_most_bytes", f->memory_most);
        json_out_int(w, "commands_per_s", f->ops_s);
        json_out_int(w, "clients", f->clients);
        json_out_int(w, "replicas", f->replicas);
    }
    json_out_end(w);
    json_out_array(w, "queues");
    for (int i = 0; f->redis && i < TOP_QUEUES; i++) {
        json_out_object(w, NULL);
        json_out_cstr(w, "queue", f->queues[i].name);
        json_out_int(w, "rows", f->queues[i].rows);
        json_out_double(w, "overdue_s", f->queues[i].overdue_s, 3);
        json_out_end(w);
    }
    json_out_end(w);
    json_out_object(w, "router");
    json_out_cstr(w, "owner", f->owner);
    json_out_int(w, "epoch", f->epoch);
    json_out_int(w, "since_ms", f->since_ms);
    json_out_end(w);
}

static void
json_daemons(const struct top_frame *f, struct json_out *w)
{
    json_out_array(w, "daemons");
    for (int i = 0; i < f->n; i++) {
        const struct top_daemon *d = &f->daemons[i];
        double span_s = d->up && d->was_us > 0 ? (double)(d->at_us - d->was_us) / 1e6 : 0;
        json_out_object(w, NULL);
        json_out_cstr(w, "service", d->service);
        json_out_cstr(w, "address", d->address);
        json_out_bool(w, "up", d->up);
        json_out_bool(w, "ready", d->ready);
        if (d->up) {
            json_out_double(w, "cpu_percent",
                            top_rate(d, "process_cpu_seconds_total", span_s) * 100, 3);
            json_out_double(w, "memory_bytes", top_value(&d->now, "process_resident_memory_bytes"),
                            3);
            json_out_double(w, "turns_per_s", top_rate(d, "lifecircle_turns_total", span_s), 3);
            json_out_double(w, "frames_dropped_per_s",
                            top_rate(d, "lifecircle_frames_dropped_total", span_s), 3);
        }
        json_out_end(w);
    }
    json_out_end(w);
}

void
top_json(const struct ctl *c, const struct top_frame *f, struct buf *b)
{
    struct json_out w = json_out_to(b);

    json_out_object(&w, NULL);
    json_out_int(&w, "time_ms", f->now_ms);
    json_out_cstr(&w, "city", c->city);
    json_out_double(&w, "over_s", f->span_s, 3);
    json_out_object(&w, "orders");
    json_out_double(&w, "placed_per_s", f->placed_s, 3);
    json_out_double(&w, "taken_for_later_per_s", f->later_s, 3);
    json_out_double(&w, "held_per_s", f->held_s, 3);
    json_out_double(&w, "refused_per_s", f->refused_s, 3);
    json_out_double(&w, "unavailable_per_s", f->unavailable_s, 3);
    json_out_double(&w, "pending", f->pending, 3);
    json_out_double(&w, "waiting", f->waiting, 3);
    json_out_double(&w, "at_risk", f->at_risk, 3);
    json_out_end(&w);
    json_out_object(&w, "couriers");
    json_out_double(&w, "on_shift", f->on_shift, 3);
    json_out_double(&w, "busy", f->busy, 3);
    json_out_double(&w, "phones", f->phones, 3);
    json_out_end(&w);
    json_out_double(&w, "redis_calls_lost_per_s", f->lost_s, 3);
    json_out_array(&w, "times");
    for (int i = 0; i < TOP_TIMES; i++) {
        json_out_object(&w, NULL);
        json_out_cstr(&w, "of", f->times[i].name);
        json_out_double(&w, "per_s", f->times[i].per_s, 3);
        json_ms(&w, "p50_ms", f->times[i].p50_ms);
        json_ms(&w, "p99_ms", f->times[i].p99_ms);
        json_out_end(&w);
    }
    json_out_end(&w);
    json_redis(f, &w);
    json_daemons(f, &w);
    json_out_end(&w);
    buf_char(b, '\n');
}
