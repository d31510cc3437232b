#include "io/service.h"

#include "base/replay.h"
#include "io/file.h"
#include "io/service_own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TZIF_MAX = 256 * 1024,
    LINGER_MS = 500,
    DRAIN_TICK_MS = 50,
    PEERS_WAIT_MS = 2000,
    USAGE = 2
};

/* ---- start ---- */

static bool
city_ok(const char *city)
{
    size_t n = strspn(city, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return n > 0 && n < 32 && city[n] == '\0';
}

static bool
secret_ok(const char *secret)
{
    return strlen(secret) == 64 && strspn(secret, "0123456789abcdefABCDEF") == 64;
}

static enum lc_err
read_timezone(struct shell *s)
{
    const char *name = options_get(&s->options, "timezone");
    char path[300];
    enum lc_err err = LC_EINVAL;

    if (strcmp(name, "UTC") == 0)
        return LC_OK; /* no bytes mean UTC; a machine without zone files has it too */
    bool safe = name[0] != '/' && name[0] != '\0' && strstr(name, "..") == NULL &&
                snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name) < (int)sizeof path;
    if (safe)
        err = file_read(path, TZIF_MAX, &s->tzif);
    if (err != LC_OK)
        log_line(LOG_ERROR, "bad_parameter",
                 "name=timezone reason=%s expected=a name in /usr/share/zoneinfo, not %s",
                 lc_strerror(err), name);
    return err;
}

static void
on_record(void *ctx, struct slice bytes)
{
    struct shell *s = ctx;

    buf_append(&s->record, bytes.p, bytes.n);
}

static enum lc_err
start_record(struct shell *s)
{
    const char *dir = options_get(&s->options, "record");

    if (dir[0] == '\0')
        return LC_OK;
    s->recording = recording_new(dir, s->service->name, loop_now_ms(s->loop));
    if (s->recording == NULL) {
        log_line(LOG_ERROR, "bad_parameter", "name=record reason=%s path=%s", strerror(errno), dir);
        return LC_EIO;
    }
    replay_head(&s->record, s->service);
    stepper_record(s->stepper, on_record, s);
    log_line(LOG_INFO, "recording", "path=%s", recording_path(s->recording));
    return LC_OK;
}

static enum lc_err
connect_one(struct shell *s, unsigned use, const char *name, enum role role)
{
    const char *why = "";
    enum lc_err err;

    if ((s->ports->uses & use) == 0)
        return LC_OK;
    const char *value = options_get(&s->options, name);
    if (use == SERVICE_LISTENS)
        err = bus_listen(s->bus, value, &why);
    else if (use == SERVICE_PUBLISHES)
        err = bus_publish(s->bus, value, &why);
    else if (use == SERVICE_FOLLOWS)
        err = bus_follow(s->bus, value, &why);
    else
        err = bus_peers(s->bus, role, value, &why);
    if (err != LC_OK)
        log_line(LOG_ERROR, "bad_parameter", "name=%s value=%s reason=%s", name, value, why);
    return err;
}

static enum lc_err
connect_redis(struct shell *s)
{
    static const struct redis_handlers handlers = {shell_on_reply, shell_on_redis_up};
    const struct options *o = &s->options;
    const struct redis_login login = {slice_str(options_get(o, "redis-user")),
                                      slice_str(options_get(o, "redis-password"))};
    const struct redis_login to_sentinels = {slice_str(options_get(o, "redis-sentinel-user")),
                                             slice_str(options_get(o, "redis-sentinel-password"))};
    const struct redis_wait wait = {.replicas = (unsigned)options_int(o, "redis-wait-replicas"),
                                    .ms = (unsigned)options_int(o, "redis-wait-ms"),
                                    .alone = options_on(o, "redis-wait-degraded")};
    const char *sentinels = options_get(o, "redis-sentinel");
    const char *cluster = options_get(o, "redis-cluster");
    char tag[40];
    const char *name = "redis";
    const char *why = "";
    enum lc_err err = redis_new(s->loop, s->resolver, options_get(o, "redis"), &login,
                                redis_library(), &handlers, s, &s->redis, &why);

    if (err == LC_OK && sentinels[0] != '\0') {
        name = "redis-sentinel";
        err =
            redis_follow(s->redis, sentinels, options_get(o, "redis-master"), &to_sentinels, &why);
    }
    if (err == LC_OK && cluster[0] != '\0') {
        name = "redis-cluster";
        snprintf(tag, sizeof tag, "{%s}", options_get(o, "city"));
        why = "either this or redis-sentinel";
        err = sentinels[0] != '\0' ? LC_EINVAL : redis_follow_cluster(s->redis, cluster, tag, &why);
    }
    if (err == LC_OK) {
        name = "redis-wait-ms";
        err = redis_wait_for(s->redis, &wait, &why);
    }
    if (err != LC_OK)
        log_line(LOG_ERROR, "bad_parameter", "name=%s reason=%s", name, why);
    return err;
}

static enum lc_err
check_leave(struct shell *s)
{
    int64_t leave_s = options_int(&s->options, "leave-s");

    if (leave_s >= 0 && leave_s <= SERVICE_LEAVE_MOST_S)
        return LC_OK;
    log_line(LOG_ERROR, "bad_parameter", "name=leave-s reason=expected 0 to %d",
             SERVICE_LEAVE_MOST_S);
    return LC_EINVAL;
}

/* secure: before anything is opened. A list without a key is a mistake that would leave all open.
 */
static enum lc_err
secure(struct shell *s)
{
    const struct bus_keys keys = {
        .own = slice_str(options_get(&s->options, "bus-key")),
        .peers = slice_str(options_get(&s->options, "bus-allow")),
        .chains = slice_str(shell_takes_chains(s) ? options_get(&s->options, "chains-allow") : ""),
        .chains_listen = shell_takes_chains(s),
    };
    const char *why = "bus-allow and chains-allow go with bus-key";
    enum lc_err err = LC_OK;

    if (keys.own.n > 0)
        err = bus_secure(s->bus, &keys, &why);
    else if (keys.peers.n + keys.chains.n > 0)
        err = LC_EINVAL;
    if (err != LC_OK)
        log_line(LOG_ERROR, "bad_parameter", "name=bus-key reason=%s", why);
    return err;
}

static enum lc_err
connect_all(struct shell *s)
{
    static const struct {
        unsigned use;
        const char *name;
        enum role role;
    } links[] = {
        {SERVICE_LISTENS, "listen", ROLE_MATCHER},
        {SERVICE_PUBLISHES, "news", ROLE_MATCHER},
        {SERVICE_FOLLOWS, "follow", ROLE_MATCHER},
        {SERVICE_MATCHERS, "matcher", ROLE_MATCHER},
        {SERVICE_INVENTORIES, "inventory", ROLE_INVENTORY},
        {SERVICE_ROUTERS, "router", ROLE_ROUTER},
    };
    enum lc_err err = secure(s);

    for (size_t i = 0; err == LC_OK && i < sizeof links / sizeof *links; i++)
        err = connect_one(s, links[i].use, links[i].name, links[i].role);
    if (err != LC_OK)
        return err;
    log_line(LOG_INFO, "bus", "listen=%s news=%s", bus_listening(s->bus), bus_publishing(s->bus));
    return connect_redis(s);
}

static enum lc_err
start_core(struct shell *s)
{
    struct config_item items[OPTIONS_MOST + 1];
    size_t n = options_items(&s->options, items);
    struct config config = {items, n + 1};
    struct event ev = {.kind = EVENT_START, .config = &config};

    items[n] = (struct config_item){SLICE_LIT("tzif"), buf_slice(&s->tzif)};
    enum lc_err err = shell_feed(s, &ev);
    if (err != LC_OK)
        shell_say_notes(s);
    if (err == LC_OK)
        err = shell_roads_start(s);
    return err != LC_OK ? err : shell_addresses_start(s);
}

/* Phones stay connected: as many descriptors as the machine lets us have, within reason. */
static void
raise_descriptors(void)
{
    enum { ENOUGH = 65536 };
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= ENOUGH)
        return;
    limit.rlim_cur = limit.rlim_max < ENOUGH ? limit.rlim_max : ENOUGH;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void on_drain(void *ctx);

static enum lc_err
start(struct shell *s)
{
    enum lc_err err;

    raise_descriptors();
    s->wake_ms = INT64_MAX;
    s->introduced_by_ms = loop_mono_ms() + PEERS_WAIT_MS;
    s->loop = loop_new();
    if (s->loop == NULL)
        return LC_ENOMEM;
    s->resolver = resolver_new(s->loop);
    s->stepper = stepper_new(s->service);
    s->wake = loop_timer_new(s->loop, shell_on_wake, s);
    s->drain = loop_timer_new(s->loop, on_drain, s);
    s->failed_timer = loop_timer_new(s->loop, shell_on_failed_calls, s);
    if (s->resolver == NULL || s->stepper == NULL || s->wake == NULL || s->drain == NULL ||
        s->failed_timer == NULL)
        return LC_ENOMEM;
    s->bus = bus_new(s->loop, s->resolver, options_on(&s->options, "allow-plain-tcp"),
                     shell_on_frame, s);
    if (s->bus == NULL)
        return LC_ENOMEM;
    err = check_leave(s);
    if (err == LC_OK)
        err = read_timezone(s);
    if (err == LC_OK)
        err = start_record(s);
    if (err == LC_OK)
        err = connect_all(s);
    if (err == LC_OK)
        err = shell_http_start(s);
    if (err == LC_OK)
        err = shell_travel_start(s);
    if (err == LC_OK)
        err = shell_work_start(s);
    if (err == LC_OK)
        err = start_core(s);
    return err;
}

/* ---- end ---- */

static void
on_drain(void *ctx)
{
    struct shell *s = ctx;

    loop_timer_set(s->drain,
                   DRAIN_TICK_MS); /* only so that the loop turns and drained() is asked */
}

/* begin_leave: everything goes on but /readyz, until whoever looks there has looked away. */
static void
begin_leave(struct shell *s)
{
    const int64_t ms = options_int(&s->options, "leave-s") * 1000;

    log_line(LOG_INFO, "leaving", "drains_in_ms=%lld", (long long)ms);
    s->leaving = true;
    s->leave_ms = loop_mono_ms() + ms;
    loop_timer_set(s->drain, DRAIN_TICK_MS);
}

static void
begin_drain(struct shell *s)
{
    struct event ev = {.kind = EVENT_STOP};

    log_line(LOG_INFO, "stopping", "most_ms=%d", SERVICE_DRAIN_MS);
    s->stopping = true;
    s->stop_ms = loop_mono_ms();
    (void)shell_feed(s, &ev);
    shell_flush(s);
    if (s->http != NULL)
        http_server_drain(s->http);
}

static bool
drained(const struct shell *s)
{
    int64_t passed_ms = loop_mono_ms() - s->stop_ms;

    if (!s->stopping || passed_ms < DRAIN_TICK_MS)
        return false;
    if (s->http_drained && bus_waiting(s->bus) == 0 && redis_waiting(s->redis) == 0)
        return true;
    return passed_ms >= SERVICE_DRAIN_MS;
}

static void
end(struct shell *s)
{
    shell_work_end(s);
    bus_destroy(s->bus, LINGER_MS);
    redis_destroy(s->redis);
    http_client_destroy(s->client);
    travel_remote_destroy(s->travel);
    http_server_destroy(s->http);
    http_server_destroy(s->admin);
    resolver_destroy(s->resolver);
    loop_timer_free(s->wake);
    loop_timer_free(s->drain);
    loop_timer_free(s->failed_timer);
    loop_destroy(s->loop);
    stepper_destroy(s->stepper);
    shell_map_close(s->map);
    shell_map_close(s->map_unsure);
    shell_index_close(s->index);
    shell_index_close(s->index_unsure);
    recording_free(s->recording);
    buf_free(&s->record);
    buf_free(&s->tzif);
    free(s->failed_calls);
    options_free(&s->options);
}

static enum lc_err
run(struct shell *s)
{
    enum lc_err err = LC_OK;

    log_line(LOG_INFO, "started", "version=%s pid=%ld", LC_VERSION, (long)getpid());
    shell_flush(s);
    while (err == LC_OK && !drained(s)) {
        err = loop_run_once(s->loop);
        shell_flush(s);
        if (err == LC_OK)
            err = shell_http_open(s);
        if (loop_hung_up(s->loop))
            shell_reload(s);
        unsigned asked = loop_stopping(s->loop) + s->drain_asked;
        if (asked > 0 && !s->leaving)
            begin_leave(s);
        if (s->leaving && !s->stopping && (asked > 1 || loop_mono_ms() >= s->leave_ms))
            begin_drain(s);
    }
    log_line(LOG_INFO, "stopped", "turns=%llu steps=%llu", (unsigned long long)s->turns,
             (unsigned long long)s->steps);
    return err;
}

/* ---- flags ---- */

static bool
asks(int argc, char **argv, const char *flag)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], flag) == 0)
            return true;
    return false;
}

static int
print_help(const struct shell *s)
{
    struct buf b = {0};

    buf_printf(&b,
               "lc-%s: %s\n\nEach parameter is a flag, or LIFECIRCLE_NAME in the environment, or a "
               "line `name = value` in the file\nthat --config names; the first of these that has "
               "it counts.\n\n",
               s->service->name, s->ports->about);
    options_help(&s->options, &b);
    buf_str(&b, "  --help\n      this text\n  --version\n      the version\n");
    bool ok = !b.failed && fwrite(b.p, 1, b.n, stdout) == b.n;
    buf_free(&b);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static enum lc_err
refuse(struct shell *s, const char *why)
{
    snprintf(s->options.why, sizeof s->options.why, "%s", why);
    return LC_EINVAL;
}

static enum lc_err
read_options(struct shell *s, int argc, char **argv)
{
    enum log_level level = LOG_INFO;
    enum lc_err err = options_read(&s->options, argc, argv, getenv);

    if (err == LC_OK && !city_ok(options_get(&s->options, "city")))
        err = refuse(s, "city: expected 1 to 31 of a-z, 0-9 and '-'");
    if (err == LC_OK && (s->ports->uses & SERVICE_SECRET) &&
        !secret_ok(options_get(&s->options, "city-secret")))
        err = refuse(s, "city-secret: expected 64 hex digits");
    if (err == LC_OK &&
        log_level_of(slice_str(options_get(&s->options, "log-level")), &level) != LC_OK)
        err = refuse(s, "log-level: expected debug, info, warn or error");
    log_open(s->service->name, level);
    if (err == LC_OK)
        log_orders(options_int(&s->options, "order-lines"));
    if (err != LC_OK)
        fprintf(stderr, "lc-%s: %s\n", s->service->name,
                err == LC_EINVAL ? s->options.why : lc_strerror(err));
    return err;
}

int
service_main(int argc, char **argv, const struct service *service,
             const struct service_ports *ports)
{
    static struct shell shell; /* large, one per process */
    struct shell *s = &shell;
    int result = EXIT_FAILURE;

    s->service = service;
    s->ports = ports;
    s->argc = argc;
    s->argv = argv;
    shell_options(s);
    if (asks(argc, argv, "--help") || asks(argc, argv, "-h"))
        return print_help(s);
    if (asks(argc, argv, "--version")) {
        printf("lc-%s %s\n", service->name, LC_VERSION);
        return EXIT_SUCCESS;
    }
    if (read_options(s, argc, argv) != LC_OK) {
        options_free(&s->options);
        return USAGE;
    }
    enum lc_err err = start(s);
    if (err != LC_OK)
        log_line(LOG_ERROR, "cannot_start", "reason=%s", lc_strerror(err));
    else if (run(s) == LC_OK)
        result = EXIT_SUCCESS;
    end(s);
    return result;
}
