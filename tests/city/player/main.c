/* lc-city: see play.h; deploy/demo starts it. */
#include "play.h"

#include "base/record.h"
#include "base/timestamp.h"
#include "city_load.h"

#include <event2/event.h>

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { ARENA_MAX = 1 << 30, TICK_US = 10000, CONNECTIONS = 24, FOLLOWERS = 48 };

static const char usage[] =
    "lc-city [OPTIONS]: plays a lunch hour of simulated chains, couriers and customers into\n"
    "running daemons, through their public interfaces. deploy/demo is the way to start it.\n\n"
    "  --lcctl PATH        the program lcctl\n"
    "  --redis ADDRESS     for lcctl: unix:PATH or HOST:PORT\n"
    "  --city TAG          default bal\n"
    "  --timezone NAME     the city's, default America/New_York\n"
    "  --intake IP:PORT    HTTP of lc-intake\n"
    "  --intake-zmq URL    its public ZeroMQ endpoint\n"
    "  --notifier IP:PORT  HTTP of lc-notifier\n"
    "  --data DIR          the city's GeoJSON files\n"
    "  --roads FILE        a compiled map: couriers ride along its streets; without, straight on\n"
    "  --orders N          default 300\n"
    "  --by-address N      percent of the deliveries that are ordered by address alone, a tenth of "
    "them\n"
    "                      by street alone; default 0: lc-intake needs --addresses for it\n"
    "  --couriers N        default two for five orders, at least 20\n"
    "  --speed N           an hour passes in an hour / N, 1 to 120; default 30\n"
    "  --seed S            default 1; the same seed makes the same city and orders\n"
    "  --hours N           stretches the lunch hour to so many, 1 to 48; default 1\n"
    "  --log FILE          what chains and couriers were told, a JSON line each\n"
    "  --sign FILE         made when the hour begins\n"
    "  --keep FILE         the daemons will stay: leave addresses and tokens in FILE\n";

/* ---- small things ---- */

int64_t
clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

_Noreturn void
give_up(const char *fmt, ...)
{
    va_list ap;

    fputs("lc-city: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(3);
}

void *
needed(void *p)
{
    if (p == NULL)
        give_up("out of memory");
    return p;
}

int64_t
city_ms(const struct play *p)
{
    return (clock_ms() - p->start_ms) * p->wish.speed;
}

int64_t
real_ms(const struct play *p, int64_t ms)
{
    return ms / p->wish.speed;
}

int64_t
at_ms(const struct play *p, int64_t ms)
{
    return p->start_ms + real_ms(p, ms);
}

uint32_t
chance(struct play *p, uint32_t n)
{
    uint64_t z = p->chance += 0x9e3779b97f4a7c15U; /* splitmix64 */

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return (uint32_t)((z ^ z >> 31) >> 32) % n;
}

bool
chance_of(struct play *p, uint32_t permille)
{
    return chance(p, 1000) < permille;
}

void
play_log(struct play *p, const char *fmt, ...)
{
    va_list ap;

    if (p->log == NULL)
        return;
    fprintf(p->log, "{\"at\":%lld,", (long long)clock_ms());
    va_start(ap, fmt);
    vfprintf(p->log, fmt, ap);
    va_end(ap);
    fputs("}\n", p->log);
}

void
series_add(struct series *s, int64_t v)
{
    if (s->n == s->room) {
        s->room = s->room == 0 ? 1024 : s->room * 2;
        s->v = needed(realloc(s->v, s->room * sizeof *s->v));
    }
    s->v[s->n++] = v;
}

static int
by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int64_t
series_at(struct series *s, unsigned permille)
{
    if (s->n == 0)
        return 0;
    qsort(s->v, s->n, sizeof *s->v, by_value);
    return s->v[(s->n - 1) * permille / 1000];
}

const struct json_value *
json_of(struct play *p, struct slice text)
{
    const struct json_limits limits = {4 << 20, 16};
    const struct json_value *v;
    const char *what;
    size_t where;

    arena_reset(p->now);
    return text.n > 0 && json_value_parse(p->now, text, &limits, &v, &where, &what) == LC_OK ? v
                                                                                             : NULL;
}

bool
text_at(const struct json_value *v, const char *key, char *to, size_t cap)
{
    const struct json_value *m = json_value_get(v, key);

    if (m == NULL || m->kind != JSON_KIND_STRING)
        return false;
    size_t n = m->n < cap ? m->n : cap - 1;
    memcpy(to, m->string, n);
    to[n] = '\0';
    return true;
}

int64_t
time_at(const struct json_value *v, const char *key)
{
    const struct json_value *m = json_value_get(v, key);
    int64_t ms;

    return m != NULL && m->kind == JSON_KIND_STRING &&
                   timestamp_parse(json_value_string(m), &ms) == LC_OK
               ? ms
               : 0;
}

int64_t
int_at(const struct json_value *v, const char *key, int64_t fallback)
{
    const struct json_value *m = json_value_get(v, key);

    return m != NULL && m->kind == JSON_KIND_INT ? m->integer : fallback;
}

/* ---- parameters ---- */

static uint64_t
number(const char *name, const char *text, uint64_t low, uint64_t high)
{
    char *end;

    errno = 0;
    uint64_t v = strtoull(text, &end, 10);
    if (*text == '\0' || *text == '-' || *end != '\0' || errno != 0 || v < low || v > high) {
        fprintf(stderr, "lc-city: --%s: expected a number from %llu to %llu, got %s\n", name,
                (unsigned long long)low, (unsigned long long)high, text);
        exit(2);
    }
    return v;
}

static void
read_wishes(struct wishes *w, int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"lcctl", required_argument, NULL, 'l'},
                                            {"redis", required_argument, NULL, 'r'},
                                            {"city", required_argument, NULL, 'c'},
                                            {"timezone", required_argument, NULL, 't'},
                                            {"intake", required_argument, NULL, 'i'},
                                            {"intake-zmq", required_argument, NULL, 'z'},
                                            {"notifier", required_argument, NULL, 'n'},
                                            {"data", required_argument, NULL, 'd'},
                                            {"roads", required_argument, NULL, 'R'},
                                            {"orders", required_argument, NULL, 'o'},
                                            {"by-address", required_argument, NULL, 'a'},
                                            {"couriers", required_argument, NULL, 'u'},
                                            {"speed", required_argument, NULL, 's'},
                                            {"seed", required_argument, NULL, 'e'},
                                            {"hours", required_argument, NULL, 'H'},
                                            {"log", required_argument, NULL, 'L'},
                                            {"keep", required_argument, NULL, 'k'},
                                            {"sign", required_argument, NULL, 'g'},
                                            {NULL, 0, NULL, 0}};
    int c;

    *w = (struct wishes){.lcctl = "lcctl",
                         .redis = "127.0.0.1:6379",
                         .city = "bal",
                         .timezone = "America/New_York",
                         .intake = "127.0.0.1:8080",
                         .intake_zmq = "tcp://127.0.0.1:7100",
                         .notifier = "127.0.0.1:8090",
                         .data = LC_CITY_DATA,
                         .orders = 300,
                         .speed = 30,
                         .hours = 1,
                         .seed = 1};
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'h':
            fputs(usage, stdout);
            exit(0);
        case 'l':
            w->lcctl = optarg;
            break;
        case 'r':
            w->redis = optarg;
            break;
        case 'c':
            w->city = optarg;
            break;
        case 't':
            w->timezone = optarg;
            break;
        case 'i':
            w->intake = optarg;
            break;
        case 'z':
            w->intake_zmq = optarg;
            break;
        case 'n':
            w->notifier = optarg;
            break;
        case 'd':
            w->data = optarg;
            break;
        case 'R':
            w->roads = optarg;
            break;
        case 'o':
            w->orders = (uint32_t)number("orders", optarg, 1, 100000);
            break;
        case 'a':
            w->by_address = (uint32_t)number("by-address", optarg, 0, 100);
            break;
        case 'u':
            w->couriers = (uint32_t)number("couriers", optarg, 1, 5000);
            break;
        case 's':
            w->speed = (uint32_t)number("speed", optarg, 1, 120);
            break;
        case 'H':
            w->hours = (uint32_t)number("hours", optarg, 1, 48);
            break;
        case 'L':
            w->log = optarg;
            break;
        case 'e':
            w->seed = number("seed", optarg, 0, UINT64_MAX);
            break;
        case 'g':
            w->sign = optarg;
            break;
        case 'k':
            w->keep = optarg;
            break;
        default:
            fputs("see lc-city --help\n", stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "lc-city: unexpected: %s\n", argv[optind]);
        exit(2);
    }
}

/* ---- the city ---- */

/* The local minute of the week: that is when the lunch hour is. */
static uint32_t
minute_of_week(const char *timezone)
{
    time_t now = time(NULL);
    struct tm t;

    setenv("TZ", timezone, 1);
    tzset();
    localtime_r(&now, &t);
    unsigned minute = (unsigned)((t.tm_wday + 6) % 7 * 1440 + t.tm_hour * 60 + t.tm_min);
    return minute == 0 ? 1 : minute; /* 0 would mean: the default */
}

/* stretched: the same orders over so many hours, each as far from its window as before; and the
 * couriers stay. */
static void
stretch(struct play *p, const struct city_order *orders)
{
    struct city_order *o = needed(arena_array(p->arena, p->order_n, sizeof *o));
    struct city_courier *c = needed(arena_array(p->arena, p->courier_n, sizeof *c));
    uint32_t more = p->wish.hours - 1;

    for (uint32_t i = 0; i < p->order_n; i++) {
        o[i] = orders[i];
        o[i].at_ms += more * orders[i].at_ms;
        if (o[i].end_ms != 0) {
            o[i].start_ms += more * orders[i].at_ms;
            o[i].end_ms += more * orders[i].at_ms;
        }
        p->order[i].of = &o[i];
    }
    for (uint32_t i = 0; i < p->courier_n; i++) {
        c[i] = p->couriers[i];
        c[i].end_ms += more * 3600000;
    }
    p->couriers = c;
}

static void
open_streets(struct play *p)
{
    char why[ROADS_ERROR_MAX] = "";

    if (p->wish.roads != NULL && streets_open(&p->streets, p->wish.roads, why) != LC_OK)
        give_up("--roads %s: %s", p->wish.roads, why);
}

static void
make_city(struct play *p)
{
    const struct city_params params = {.seed = p->wish.seed,
                                       .orders = p->wish.orders,
                                       .couriers = p->wish.couriers,
                                       .lunch_minute = minute_of_week(p->wish.timezone)};
    char why[CITY_WHY_MAX] = "";
    uint32_t n;

    if (city_load(p->wish.data, &params, &p->city, why) != LC_OK)
        give_up("the city: %s", why);
    p->chains = city_chains(p->city, &p->chain_n);
    p->stores = city_stores(p->city, &p->store_n);
    p->couriers = city_couriers(p->city, &p->courier_n);
    const struct city_order *orders = city_orders(p->city, &p->order_n);
    p->order = needed(arena_array(p->arena, p->order_n, sizeof *p->order));
    p->chain = needed(arena_array(p->arena, p->chain_n, sizeof *p->chain));
    for (n = 0; n < p->chain_n; n++)
        p->chain[n].of = &p->chains[n];
    for (n = 0; n < p->order_n; n++) {
        p->order[n].of = &orders[n];
        p->order[n].chain = orders[n].chain;
    }
    if (p->wish.hours > 1)
        stretch(p, orders);
}

/* ---- the hour ---- */

static bool
all_over(const struct play *p)
{
    if (p->next_order < p->order_n)
        return false;
    for (uint32_t i = 0; i < p->order_n; i++) {
        const struct order *o = &p->order[i];
        if (o->asked == ASKED_SENT ||
            ((o->asked == ASKED_TAKEN || o->asked == ASKED_KEPT) && !state_ended(o->state)))
            return false;
    }
    return true;
}

static void
tick(evutil_socket_t fd, short what, void *ctx)
{
    struct play *p = ctx;
    static int64_t told_ms;
    int64_t now_ms = clock_ms();

    (void)fd;
    (void)what;
    chains_tick(p);
    customers_tick(p);
    shops_tick(p);
    phones_tick(p);
    if (now_ms - told_ms >= 1000) {
        enum { PATIENCE_MIN = 240 }; /* city minutes: the last window has long ended */
        bool over = all_over(p);
        told_ms = now_ms;
        screen_line(p, over);
        if (over || city_ms(p) > (int64_t)(PATIENCE_MIN + 60 * (p->wish.hours - 1)) * 60000)
            event_base_loopbreak(p->base);
    }
}

static void
stopped(evutil_socket_t fd, short what, void *ctx)
{
    struct play *p = ctx;

    (void)fd;
    (void)what;
    p->stop = true;
    event_base_loopbreak(p->base);
}

static void
play_hour(struct play *p)
{
    const struct timeval every = {0, TICK_US};
    struct event *ticks = needed(event_new(p->base, -1, EV_PERSIST, tick, p));
    struct event *term = needed(evsignal_new(p->base, SIGTERM, stopped, p));
    struct event *interrupt = needed(evsignal_new(p->base, SIGINT, stopped, p));

    event_add(ticks, &every);
    event_add(term, NULL);
    event_add(interrupt, NULL);
    event_base_dispatch(p->base);
    event_free(ticks);
    event_free(term);
    event_free(interrupt);
}

static void
close_all(struct play *p)
{
    feed_free(p->feed);
    caller_free(p->to_intake);
    caller_free(p->to_notifier);
    caller_free(p->to_follow);
    HASH_CLEAR(hh, p->by_id);
    for (uint32_t i = 0; i < p->order_n; i++)
        free(p->order[i].body);
    free(p->tally.took_us.v);
    streets_close(&p->streets);
    city_destroy(p->city);
    event_base_free(p->base);
    arena_destroy(p->now);
    arena_destroy(p->arena);
}

/* log_ends: how everything ended, as the chains saw it. */
static void
log_ends(struct play *p)
{
    for (uint32_t i = 0; i < p->order_n; i++)
        if (p->order[i].id[0] != '\0')
            play_log(p, "\"said\":\"seen\",\"external\":\"%s\",\"order\":\"%s\",\"state\":\"%s\"",
                     p->order[i].of->external_id, p->order[i].id,
                     record_state_name(p->order[i].state));
}

static void
leave_sign(const struct play *p)
{
    FILE *f = p->wish.sign == NULL ? NULL : fopen(p->wish.sign, "w");

    if (f != NULL)
        fclose(f);
}

int
main(int argc, char **argv)
{
    struct play p = {.arena = NULL};
    struct rlimit files;

    read_wishes(&p.wish, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* whoever started it was killed */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    p.arena = needed(arena_new(ARENA_MAX));
    p.now = needed(arena_new(ARENA_MAX));
    p.base = needed(event_base_new());
    p.log = p.wish.log == NULL ? NULL : fopen(p.wish.log, "w");
    if (p.wish.log != NULL && p.log == NULL)
        give_up("%s: %s", p.wish.log, strerror(errno));
    p.chance = p.wish.seed;
    make_city(&p);
    open_streets(&p);
    p.to_intake = caller_new(p.base, p.wish.intake, CONNECTIONS);
    p.to_notifier = caller_new(p.base, p.wish.notifier, CONNECTIONS);
    p.to_follow = caller_new(p.base, p.wish.notifier, FOLLOWERS);
    set_up(&p);
    p.feed = feed_new(&p);
    chains_start(&p);
    leave_sign(&p);
    play_hour(&p);
    phones_stop(&p);
    int status = p.stop ? 130 : screen_end(&p);
    log_ends(&p);
    if (p.log != NULL && fclose(p.log) != 0)
        give_up("%s: %s", p.wish.log, strerror(errno));
    close_all(&p);
    return status;
}
