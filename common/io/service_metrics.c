#include "io/service_own.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>

/* introduced: its peers can be sent to, or it has waited for them long enough: one that is dead
 * must not keep this one from work. Once so, it stays so. */
static bool
introduced(struct shell *s)
{
    if (!s->introduced)
        s->introduced = loop_mono_ms() >= s->introduced_by_ms || bus_reached(s->bus);
    return s->introduced;
}

bool
shell_ready(struct shell *s)
{
    const struct service *service = s->service;

    return !s->leaving && redis_is_up(s->redis) &&
           (service->ready == NULL || service->ready(stepper_core(s->stepper))) && introduced(s);
}

/* Names are "base" or "base{label=...}"; HELP and TYPE come once, before all of a base. */
static size_t
base_length(const char *name)
{
    return strcspn(name, "{");
}

static bool
same_base(const char *a, const char *b)
{
    size_t n = base_length(a);

    return n == base_length(b) && memcmp(a, b, n) == 0;
}

void
metrics_head(struct buf *b, const char *name, const char *type, const char *help)
{
    int n = (int)base_length(name);

    buf_printf(b, "# HELP lifecircle_%.*s %s\n# TYPE lifecircle_%.*s %s\n", n, name, help, n, name,
               type);
}

static void
put_counters(struct buf *b, const struct counter *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool before = false;
        for (size_t k = 0; k < i && !before; k++)
            before = same_base(list[k].name, list[i].name);
        if (before)
            continue;
        metrics_head(b, list[i].name, list[i].gauge ? "gauge" : "counter", list[i].help);
        for (size_t k = i; k < n; k++)
            if (same_base(list[k].name, list[i].name))
                buf_printf(b, "lifecircle_%s %llu\n", list[k].name,
                           (unsigned long long)list[k].value);
    }
}

static void
put_histogram(struct buf *b, const char *name, const char *help, int64_t (*bound_us)(size_t i),
              const uint64_t *counts, size_t n, uint64_t sum_us)
{
    uint64_t total = 0;

    metrics_head(b, name, "histogram", help);
    for (size_t i = 0; i < n; i++) {
        total += counts[i];
        buf_printf(b, "lifecircle_%s_bucket{le=\"%g\"} %llu\n", name, (double)bound_us(i) / 1e6,
                   (unsigned long long)total);
    }
    total += counts[n];
    buf_printf(b, "lifecircle_%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)total);
    buf_printf(b, "lifecircle_%s_sum %.6f\nlifecircle_%s_count %llu\n", name, (double)sum_us / 1e6,
               name, (unsigned long long)total);
}

static void
put_labelled(struct buf *b, const char *name, const char *label, const char *value, uint64_t n)
{
    buf_printf(b, "lifecircle_%s{%s=\"%s\"} %llu\n", name, label, value, (unsigned long long)n);
}

static int64_t
core_bucket_us(size_t i)
{
    return histogram_bounds_ms[i] * 1000;
}

static void
put_core(const struct shell *s, struct buf *b)
{
    const struct service *service = s->service;
    size_t n = 0;
    const struct counter *counters =
        service->counters == NULL ? NULL : service->counters(stepper_core(s->stepper), &n);

    put_counters(b, counters, n);
    n = 0;
    const struct histogram *h =
        service->histograms == NULL ? NULL : service->histograms(stepper_core(s->stepper), &n);
    for (size_t i = 0; i < n; i++)
        put_histogram(b, h[i].name, h[i].help, core_bucket_us, h[i].counts, HISTOGRAM_BOUNDS,
                      h[i].sum_ms * 1000);
}

static void
put_bus(const struct shell *s, struct buf *b)
{
    const struct bus_counts *c = bus_counts(s->bus);
    const struct counter list[] = {
        {"frames_in_total", "frames received", c->frames_in, false},
        {"frames_out_total", "frames sent", c->frames_out, false},
        {"frames_dropped_total{role=\"matcher\"}", "no peer or no credit: the due row has it",
         c->dropped[ROLE_MATCHER], false},
        {"frames_dropped_total{role=\"inventory\"}", "", c->dropped[ROLE_INVENTORY], false},
        {"frames_dropped_total{role=\"router\"}", "", c->dropped[ROLE_ROUTER], false},
        {"frames_unanswered_total{role=\"matcher\"}", "deadlines that passed without an answer",
         c->unanswered[ROLE_MATCHER], false},
        {"frames_unanswered_total{role=\"inventory\"}", "", c->unanswered[ROLE_INVENTORY], false},
        {"frames_unanswered_total{role=\"router\"}", "", c->unanswered[ROLE_ROUTER], false},
        {"answers_dropped_total", "answers whose asker is gone or does not read",
         c->answers_dropped, false},
        {"news_dropped_total", "news that could not leave", c->news_dropped, false},
        {"frames_malformed_total", "messages of a wrong number of parts", c->malformed, false},
        {"frames_bad_total", "frames that break the wire's limits or are of another city",
         stepper_bad_frames(s->stepper), false},
        {"keys_refused_total", "connections with keys that are not listed", c->keys_refused, false},
        {"frames_refused_total", "frames from keys that are not listed any more", c->frames_refused,
         false},
        {"links_given_way_total", "askers forgotten because there were too many",
         c->links_given_way, false},
        {"peers{role=\"matcher\"}", "addresses work goes to", bus_peer_count(s->bus, ROLE_MATCHER),
         true},
        {"peers{role=\"inventory\"}", "", bus_peer_count(s->bus, ROLE_INVENTORY), true},
        {"peers{role=\"router\"}", "", bus_peer_count(s->bus, ROLE_ROUTER), true},
        {"frames_waiting", "frames whose answer has not come", bus_waiting(s->bus), true},
    };

    put_counters(b, list, sizeof list / sizeof *list);
}

static void
put_redis(const struct shell *s, struct buf *b)
{
    const struct redis_counts *c = redis_counts(s->redis);
    const struct counter list[] = {
        {"redis_up", "connected, with the function library in place", redis_is_up(s->redis), true},
        {"redis_library_differs", "the functions on the server are not those of this version",
         redis_library_differs(s->redis), true},
        {"redis_connects_total", "connections made", c->connects, false},
        {"redis_calls_total", "commands", c->calls, false},
        {"redis_calls_lost_total", "commands without an answer", c->lost, false},
        {"redis_calls_waiting", "commands whose answer has not come", redis_waiting(s->redis),
         true},
        {"redis_waits_total", "times replicas were waited for", c->waits, false},
        {"redis_waits_short_total", "times too few of them answered", c->short_of, false},
        {"redis_alone", "acknowledges without replicas", redis_is_alone(s->redis), true},
        {"redis_alone_calls_total", "calls that were acknowledged so", c->alone, false},
        {"redis_switches_total", "times Sentinels named another primary", c->switches, false},
        {"redis_redirects_total{kind=\"moved\"}",
         "answers of a Redis Cluster that named another node", c->moved, false},
        {"redis_redirects_total{kind=\"ask\"}", "", c->asked, false},
        {"redis_resent_total", "calls sent again to the node that was named", c->resent, false},
        {"redis_sent_bytes_total", "bytes to Redis", c->bytes_out, false},
        {"redis_received_bytes_total", "bytes from Redis", c->bytes_in, false},
    };

    put_counters(b, list, sizeof list / sizeof *list);
    metrics_head(b, "redis_troubles_total", "counter",
                 "answers that said why Redis does not serve");
    for (int i = REDIS_TROUBLE_NONE + 1; i < REDIS_TROUBLES; i++)
        put_labelled(b, "redis_troubles_total", "kind", redis_trouble_name((enum redis_trouble)i),
                     c->troubles[i]);
    buf_printf(b,
               "# HELP lifecircle_redis_wait_seconds_total waited for replicas, altogether\n"
               "# TYPE lifecircle_redis_wait_seconds_total counter\n"
               "lifecircle_redis_wait_seconds_total %.6f\n",
               (double)c->waits_us / 1e6);
    put_histogram(b, "redis_call_seconds", "from the call to its answer", redis_bucket_us, c->took,
                  REDIS_BUCKETS, c->took_us);
}

static void
put_http(const struct shell *s, struct buf *b)
{
    if (s->http == NULL)
        return;
    const struct counter list[] = {
        {"http_requests_total", "requests taken", s->http_requests, false},
        {"http_connections", "open now", http_server_connections(s->http), true},
    };
    put_counters(b, list, sizeof list / sizeof *list);
    metrics_head(b, "http_refused_total", "counter",
                 "requests and connections turned away by the server itself");
    for (int i = HTTP_REFUSED_NONE + 1; i < HTTP_REFUSED_COUNT; i++)
        buf_printf(b, "lifecircle_http_refused_total{reason=\"%s\"} %llu\n",
                   http_refusal_name((enum http_refusal)i), (unsigned long long)s->http_refused[i]);
    if (s->client == NULL)
        return;
    metrics_head(b, "calls_total", "counter", "outgoing calls by how they ended");
    for (int i = 0; i < HTTP_CLIENT_ERROR_COUNT; i++)
        buf_printf(b, "lifecircle_calls_total{end=\"%s\"} %llu\n",
                   http_client_error_name((enum http_client_error)i),
                   (unsigned long long)s->calls_ended[i]);
}

static void
put_travel(const struct shell *s, struct buf *b)
{
    size_t n = s->travel == NULL ? 0 : travel_remote_servers(s->travel);
    const struct travel_remote_counts *c[TRAVEL_SERVERS];

    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++)
        c[i] = travel_remote_counts(s->travel, i);
    metrics_head(b, "travel_asked_total", "counter", "questions for a routing server");
    for (size_t i = 0; i < n; i++)
        put_labelled(b, "travel_asked_total", "server", c[i]->name, c[i]->asked);
    metrics_head(b, "travel_ended_total", "counter",
                 "questions to routing servers by how they ended");
    for (size_t i = 0; i < n; i++)
        for (int end = 0; end < TRAVEL_ENDS; end++)
            buf_printf(b, "lifecircle_travel_ended_total{server=\"%s\",end=\"%s\"} %llu\n",
                       c[i]->name, travel_end_name(end), (unsigned long long)c[i]->ended[end]);
    metrics_head(b, "travel_requests_total", "counter", "HTTP requests that these took");
    for (size_t i = 0; i < n; i++)
        put_labelled(b, "travel_requests_total", "server", c[i]->name, c[i]->requests);
    metrics_head(b, "travel_opened_total", "counter", "times a routing server was left alone");
    for (size_t i = 0; i < n; i++)
        put_labelled(b, "travel_opened_total", "server", c[i]->name, c[i]->opened);
    metrics_head(b, "travel_open", "gauge", "1 while a routing server is left alone");
    for (size_t i = 0; i < n; i++)
        put_labelled(b, "travel_open", "server", c[i]->name, c[i]->open);
    metrics_head(b, "travel_answered_seconds_total", "counter",
                 "from question to answer, altogether");
    for (size_t i = 0; i < n; i++)
        buf_printf(b, "lifecircle_travel_answered_seconds_total{server=\"%s\"} %.6f\n", c[i]->name,
                   (double)c[i]->took_us / 1e6);
}

static void
put_process(struct buf *b)
{
    struct rusage use = {0};
    double resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (f != NULL) {
        if (fscanf(f, "%*s %ld", &pages) == 1)
            resident = (double)pages * 4096.0;
        fclose(f);
    }
    getrusage(RUSAGE_SELF, &use);
    double cpu_s = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                   (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
    buf_printf(b,
               "# HELP process_resident_memory_bytes resident memory\n"
               "# TYPE process_resident_memory_bytes gauge\n"
               "process_resident_memory_bytes %.0f\n"
               "# HELP process_cpu_seconds_total user and system time\n"
               "# TYPE process_cpu_seconds_total counter\n"
               "process_cpu_seconds_total %.3f\n",
               resident, cpu_s);
}

void
shell_metrics(struct shell *s, struct buf *b)
{
    const struct counter list[] = {
        {"ready", "takes orders now", shell_ready(s), true},
        {"turns_total", "rounds of the loop that had events", s->turns, false},
        {"steps_total", "events stepped through the core", s->steps, false},
        {"reloads_total{outcome=\"done\"}", "parameters read again, at SIGHUP", s->reloads[0],
         false},
        {"reloads_total{outcome=\"refused\"}", "", s->reloads[1], false},
        {"steps_failed_total", "steps whose effects were dropped", stepper_failed_steps(s->stepper),
         false},
        {"order_lines_left_out_total", "lines about orders beyond order-lines a second",
         log_orders_left_out(), false},
    };

    put_core(s, b);
    metrics_head(b, "info", "gauge", "which daemon this is");
    buf_printf(b, "lifecircle_info{service=\"%s\",version=\"%s\"} 1\n", s->service->name,
               LC_VERSION);
    put_counters(b, list, sizeof list / sizeof *list);
    put_histogram(b, "turn_seconds", "from a turn's first event to its effects' end",
                  shell_turn_bucket_us, s->turn_took, TURN_BUCKETS, s->turn_took_us);
    put_bus(s, b);
    put_redis(s, b);
    put_http(s, b);
    put_travel(s, b);
    shell_roads_metrics(s, b);
    shell_addresses_metrics(s, b);
    put_process(b);
}
