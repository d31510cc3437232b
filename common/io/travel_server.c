/* The servers: who is asked for which mode, and whether it is left alone for now. */
#include "io/http_client.h"
#include "io/log.h"
#include "io/travel_remote_own.h"

#include <stdio.h>
#include <time.h>

int64_t
travel_clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- the breaker ---- */

static void
open_breaker(struct travel_endpoint *s)
{
    const struct travel_remote_options *o = &s->remote->options;

    s->rest_ms = s->rest_ms == 0 ? o->rest_ms : s->rest_ms * 2;
    if (s->rest_ms > o->rest_max_ms)
        s->rest_ms = o->rest_max_ms;
    s->until_us = travel_clock_us() + s->rest_ms * 1000;
    s->counts.open = true;
    s->counts.opened++;
    log_line(LOG_WARN, "travel_server_left_alone", "server=%s reason=%s for_ms=%lld",
             s->counts.name, s->last_word, (long long)s->rest_ms);
}

void
travel_server_tell(struct travel_endpoint *s, bool probe, bool failed)
{
    if (s->counts.open && !probe)
        return; /* asked before it was left alone */
    if (probe)
        s->probing = false;
    if (failed) {
        if (probe || ++s->failures >= s->remote->options.trips)
            open_breaker(s);
        return;
    }
    if (s->counts.open)
        log_line(LOG_INFO, "travel_server_back", "server=%s", s->counts.name);
    s->failures = 0;
    s->rest_ms = 0;
    s->counts.open = false;
}

struct travel_endpoint *
travel_server_of(struct travel_remote *r, enum travel_mode mode)
{
    for (size_t i = 0; i < r->servers; i++)
        if (r->server[i].is.modes & 1U << mode)
            return &r->server[i];
    return NULL;
}

static void
name_server(struct travel_endpoint *s)
{
    unsigned mode = 0;

    while ((s->is.modes & 1U << mode) == 0)
        mode++;
    snprintf(s->counts.name, sizeof s->counts.name, "%s-%s", s->is.valhalla ? "valhalla" : "osrm",
             travel_mode_name((enum travel_mode)mode));
}

bool
travel_server_add(struct travel_remote *r, struct event_base *base, const struct travel_server *is,
                  http_client_answer *on_answer)
{
    struct travel_endpoint *s = &r->server[r->servers++];
    struct http_client_options options = {.in_flight = r->options.connections,
                                          .queue = r->options.connections,
                                          .body_bytes = r->options.answer_bytes,
                                          .any_address = true,
                                          .on_answer = on_answer};

    s->remote = r;
    s->is = *is;
    s->counts.table = r->options.table;
    name_server(s);
    s->client = http_client_new(base, &options, NULL, s);
    return s->client != NULL;
}

size_t
travel_remote_servers(const struct travel_remote *r)
{
    return r->servers;
}

const struct travel_remote_counts *
travel_remote_counts(const struct travel_remote *r, size_t server)
{
    return &r->server[server].counts;
}
