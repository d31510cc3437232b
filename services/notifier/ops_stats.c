/* ops_stats: what ended, minute by minute, since this notifier came up; for the charts. */
#include "notifier/ops.h"

enum { MINUTE_MS = 60000 };

static struct ops_minute *
minute_of(struct ops *o, int64_t at_ms)
{
    int64_t minute = at_ms / MINUTE_MS;
    struct ops_minute *m = &o->minutes[minute % OPS_MINUTES];

    if (m->minute > minute)
        return NULL; /* older than what is kept */
    if (m->minute != minute)
        *m = (struct ops_minute){.minute = minute};
    return m;
}

/* clicked_ms: when the order came: the first stamp of all. */
static int64_t
clicked_ms(const struct record *r)
{
    int64_t first_ms = r->updated_ms;

    for (size_t s = 1; s <= RECORD_STATES; s++)
        if (r->entered_ms[s] > 0 && r->entered_ms[s] < first_ms)
            first_ms = r->entered_ms[s];
    return first_ms;
}

void
ops_stats_event(struct ops *o, const struct record *r)
{
    struct ops_minute *m;

    if (!record_is_end(r->state) || r->entered_ms[r->state] != r->updated_ms ||
        (m = minute_of(o, r->updated_ms)) == NULL)
        return;
    if (r->state == LIFECIRCLE__V1__ORDER_STATE__DELIVERED) {
        m->delivered++;
        m->on_time += r->updated_ms <= r->window_end_ms;
        m->door_ms += r->updated_ms - clicked_ms(r);
    } else if (r->state == LIFECIRCLE__V1__ORDER_STATE__CANCELLED) {
        m->cancelled++;
    } else if (r->state == LIFECIRCLE__V1__ORDER_STATE__REJECTED) {
        m->rejected++;
    }
}

void
ops_stats_tell(struct notifier *n, struct outbox *out, uint64_t conn, int64_t now_ms)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);
    int64_t now = now_ms / MINUTE_MS;

    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "stats");
    json_out_int(&w, "speedup", n->speedup);
    json_out_array(&w, "minutes");
    for (int64_t minute = now - OPS_MINUTES + 1; minute <= now; minute++) {
        const struct ops_minute *m = &n->ops.minutes[minute % OPS_MINUTES];
        if (minute < 0 || m->minute != minute)
            continue;
        json_out_object(&w, NULL);
        json_out_int(&w, "at", minute * MINUTE_MS);
        json_out_uint(&w, "delivered", m->delivered);
        json_out_uint(&w, "on_time", m->on_time);
        json_out_int(&w, "door_ms", m->door_ms * n->speedup); /* the city's time */
        json_out_uint(&w, "cancelled", m->cancelled);
        json_out_uint(&w, "rejected", m->rejected);
        json_out_end(&w);
    }
    json_out_end(&w);
    json_out_end(&w);
    ops_tell(n, out, conn, &b);
}
