/* lcctl robots: keeps robot couriers at work until it is ended. */
#include "lcctl/robots.h"

#include "base/wire.h"
#include "io/file.h"
#include "io/loop.h"
#include "lcctl/ending.h"
#include "lcctl/show.h"

#include "stock.pb-c.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ROBOTS_MAX = 200,
    TURN_MS = 100,
    STORES_MS = 2000,
    STORES_MAX = 10000,
    SECRET_FILE_MAX = 4096
};

/* read_secret: the city's, 64 hex digits; from the file, else from the environment. */
static bool
read_secret(const char *path, struct city_secret *out)
{
    struct buf b = {0};
    const char *in_env = getenv("LIFECIRCLE_CITY_SECRET");

    if (path[0] == '\0')
        buf_str(&b, in_env == NULL ? "" : in_env);
    else if (file_read(path, SECRET_FILE_MAX, &b) != LC_OK)
        fprintf(stderr, "lcctl: --city-secret-file: cannot read %s\n", path);
    while (b.n > 0 && isspace((unsigned char)b.p[b.n - 1]))
        b.n--;
    bool ok = !b.failed && city_secret_parse(buf_slice(&b), out) == LC_OK;
    buf_free(&b);
    if (!ok)
        fputs("lcctl: the city's secret: expected 64 hex digits in --city-secret-file or "
              "$LIFECIRCLE_CITY_SECRET\n",
              stderr);
    return ok;
}

/* read_stores: where couriers are wanted: every store that delivers. */
static void
read_stores(struct robots *all)
{
    struct arena_mark mark = arena_mark(all->ctl->arena);
    redisReply *r = ctl_read(all->ctl, "HVALS", "stores", NULL);

    all->n_stores = 0;
    for (size_t i = 0; r != NULL && i < r->elements && all->n_stores < STORES_MAX; i++) {
        const Lifecircle__V1__Store *s =
            wire_unpack(&lifecircle__v1__store__descriptor, all->ctl->arena,
                        slice_of(r->element[i]->str, r->element[i]->len));
        if (s != NULL && s->delivers && s->at != NULL)
            all->stores[all->n_stores++] = (struct latlng){s->at->lat_e7, s->at->lng_e7};
    }
    freeReplyObject(r);
    arena_rewind(all->ctl->arena, mark);
}

static void
heard(void *ctx, struct slice message)
{
    struct robot *r = ctx;

    robot_message(r, message, r->all->ctl->now_ms);
}

static void
turn(struct robot *robots, size_t n, const char *host, const char *port)
{
    static struct pollfd fds[ROBOTS_MAX];

    for (size_t i = 0; i < n; i++)
        fds[i] = (struct pollfd){.fd = robots[i].line.fd, .events = POLLIN};
    (void)poll(fds, (nfds_t)n, TURN_MS);
    robots->all->ctl->now_ms = loop_wall_ms();
    int64_t now_ms = robots->all->ctl->now_ms;
    for (size_t i = 0; i < n; i++) {
        struct robot *r = &robots[i];
        bool was_open = r->line.open;
        if (r->line.fd < 0) {
            if (now_ms >= r->dial_ms && !line_open(&r->line, host, port, r->token))
                robot_lost(r, now_ms);
            continue;
        }
        if (fds[i].revents != 0)
            line_read(&r->line, r, heard);
        if (r->line.open && !was_open)
            line_say(&r->line, "{\"type\":\"hello\"}");
        if (r->line.fd >= 0)
            robot_think(r, now_ms);
        if (r->line.fd < 0)
            robot_lost(r, now_ms);
    }
}

/* open_streets: a map that these robots can ride by; none is none. */
static bool
open_streets(struct robots *all, const char *path)
{
    char error[ROADS_ERROR_MAX];

    if (path[0] == '\0')
        return true;
    if (streets_open(&all->streets, path, error) != LC_OK) {
        fprintf(stderr, "lcctl: --roads: %s\n", error);
        return false;
    }
    if (roads_has(all->streets.roads, all->mode))
        return true;
    fprintf(stderr,
            "lcctl: --roads: %s was built without %s; expected it among lcctl roads build "
            "--modes\n",
            path, travel_mode_name(all->mode));
    streets_close(&all->streets);
    return false;
}

static void
say_start(const struct robots *all, size_t n)
{
    bool by_roads = all->streets.roads != NULL;
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (all->ctl->json) {
        json_out_object(&w, NULL);
        json_out_time(&w, "time", loop_wall_ms());
        json_out_cstr(&w, "what", "start");
        json_out_uint(&w, "robots", n);
        json_out_uint(&w, "speed", all->speed);
        json_out_cstr(&w, "travel", by_roads ? "roads" : "estimate");
        json_out_end(&w);
        (void)show_json(&b);
    } else {
        printf("%zu robots, %u times as fast as people, %s; Ctrl-C ends them\n", n, all->speed,
               by_roads ? "along the map's streets" : "straight on, by estimates (no --roads)");
    }
    fflush(stdout);
}

static int
play(struct robots *all, size_t n, const char *prefix, const char *host, const char *port)
{
    struct robot *robots = arena_array(all->ctl->arena, n, sizeof *robots);
    int64_t stores_ms = 0;

    all->stores = arena_array(all->ctl->arena, STORES_MAX, sizeof *all->stores);
    if (robots == NULL || all->stores == NULL)
        return EXIT_FAILED;
    for (size_t i = 0; i < n; i++) {
        struct robot *r = &robots[i];
        *r = (struct robot){.all = all, .index = (uint32_t)i, .line = {.fd = -1}};
        snprintf(r->id, sizeof r->id, "%s-%zu", prefix, i + 1);
        if (!courier_token(all->ctl, r->id, "Robot", r->token))
            return EXIT_FAILED;
    }
    say_start(all, n);
    ending_begin();
    while (!ending_asked()) {
        if (loop_wall_ms() >= stores_ms) {
            stores_ms = loop_wall_ms() + STORES_MS;
            read_stores(all);
        }
        turn(robots, n, host, port);
    }
    for (size_t i = 0; i < n; i++) {
        if (robots[i].on_shift && robots[i].n_stops == 0)
            line_say(&robots[i].line, "{\"type\":\"sign_off\",\"id\":\"end\"}");
        line_close(&robots[i].line);
        robot_free(&robots[i]);
    }
    return EXIT_SUCCESS;
}

int
cmd_robots(struct ctl *c, struct args *a)
{
    struct robots all = {.ctl = c};
    const char *notifier = args_option(a, "notifier", "127.0.0.1:8090");
    const char *secret = args_option(a, "city-secret-file", "");
    const char *roads = args_option(a, "roads", "");
    const char *prefix = args_option(a, "prefix", "robot");
    const char *count = args_option(a, "count", "5"), *speed = args_option(a, "speed", "1");
    const char *patience = args_option(a, "patience", "600");
    const char *absent = args_option(a, "absent", "0"), *decline = args_option(a, "decline", "0");
    const char *colon = strrchr(notifier, ':');
    uint32_t n = 0;
    char host[256];

    all.vehicle = args_option(a, "vehicle", "bicycle");
    if (!args_done(a))
        return EXIT_USAGE;
    if (colon == NULL || colon == notifier || (size_t)(colon - notifier) >= sizeof host) {
        fprintf(stderr, "lcctl: --notifier: expected HOST:PORT, got %s\n", notifier);
        return EXIT_USAGE;
    }
    if (travel_mode_parse(slice_str(strcmp(all.vehicle, "e-bike") == 0 ? "ebike" : all.vehicle),
                          &all.mode) != LC_OK) {
        fprintf(stderr, "lcctl: --vehicle: no such vehicle: %s\n", all.vehicle);
        return EXIT_USAGE;
    }
    if (!args_number("count", count, 1, ROBOTS_MAX, &n) ||
        !args_number("speed", speed, 1, 1000, &all.speed) ||
        !args_number("patience", patience, 0, 86400, &all.patience_s) ||
        !args_number("absent", absent, 0, 100, &all.absent) ||
        !args_number("decline", decline, 0, 100, &all.decline))
        return EXIT_USAGE;
    if (!read_secret(secret, &all.secret))
        return EXIT_FAILED;
    ctl_random(&all.chance, sizeof all.chance);
    snprintf(host, sizeof host, "%.*s", (int)(colon - notifier), notifier);
    if (!open_streets(&all, roads))
        return EXIT_FAILED;
    int status = play(&all, n, prefix, host, colon + 1);
    streets_close(&all.streets);
    return status;
}
