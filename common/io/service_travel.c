#include "io/service_own.h"

static void
on_travel(void *ctx, uint64_t tag, enum travel_end end, const struct travel_cell *cell, size_t n)
{
    struct shell *s = ctx;
    struct buf b = {0};
    struct event ev = {.kind = EVENT_TRAVEL, .ref = tag, .status = (int)end};

    if (cell != NULL)
        travel_cells_put(&b, cell, n);
    if (b.failed)
        ev.status = TRAVEL_BROKEN;
    else
        ev.bytes = buf_slice(&b);
    (void)shell_feed(s, &ev); /* counted and logged: the core's own deadline has it */
    buf_free(&b);
}

void
shell_travel(struct shell *s, const struct effect *e)
{
    struct travel_ask ask;
    int64_t left_ms = e->at_ms - loop_now_ms(s->loop);
    struct arena *a = stepper_arena(s->stepper);
    struct arena_mark before = arena_mark(a);
    enum lc_err err = LC_ESTATE;

    if (s->travel != NULL)
        err = travel_ask_get(e->bytes, a, &ask);
    if (err == LC_OK)
        err = travel_remote_ask(s->travel, e->ref, &ask, left_ms > 0 ? (uint32_t)left_ms : 0);
    arena_rewind(a, before);
    if (err != LC_OK) /* the core's own deadline has it */
        log_line(LOG_WARN, "travel_not_asked", "reason=%s", lc_strerror(err));
}

/* Ways with their lines are for programs that embed the client. */
static void
on_way(void *ctx, uint64_t tag, enum travel_end end, const struct travel_way *way)
{
    (void)ctx;
    (void)tag;
    (void)end;
    (void)way;
}

enum lc_err
shell_travel_start(struct shell *s)
{
    const char *why = "";
    struct travel_remote_options o = {0};

    if ((s->ports->uses & SERVICE_TRAVEL) == 0)
        return LC_OK;
    o.osrm = slice_str(options_get(&s->options, "travel-osrm"));
    o.valhalla = slice_str(options_get(&s->options, "travel-valhalla"));
    o.table = (size_t)options_int(&s->options, "travel-table");
    o.radius_m = (uint32_t)options_int(&s->options, "travel-radius-m");
    o.connections = (size_t)options_int(&s->options, "travel-connections");
    if (o.osrm.n == 0 && o.valhalla.n == 0)
        return LC_OK;
    if (o.table > 100 || o.radius_m > 100000 || o.connections > 256) {
        log_line(LOG_ERROR, "bad_parameter",
                 "name=travel-table, travel-radius-m or travel-connections expected=at most 100, "
                 "100000 and 256");
        return LC_EINVAL;
    }
    enum lc_err err =
        travel_remote_new(loop_base(s->loop), &o, on_travel, on_way, s, &s->travel, &why);
    if (err != LC_OK)
        log_line(LOG_ERROR, "bad_parameter", "name=travel-osrm or travel-valhalla reason=%s", why);
    return err;
}
