#include "lcctl/lcctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

struct command {
    const char *name;
    int (*run)(struct ctl *, struct args *);
    bool needs_redis;
    const char *use;
    const char *help;
};

static const struct command commands[] = {
    {"chain", cmd_chain, true,
     "chain add ID --name NAME [--currency USD] [--price-policy refuse|take] [--promise SECONDS] "
     "[--rate N]\n"
     "  chain list",
     "add a chain and print its first API key; list chains and keys"},
    {"key", cmd_key, true, "key new CHAIN | key revoke CHAIN KEY_ID",
     "make another API key for a chain; revoke one"},
    {"courier", cmd_courier, true,
     "courier add ID --name NAME [--no-age-checks] | courier list | courier revoke ID",
     "register a courier and print the token; list; revoke"},
    {"operator", cmd_operator, true, "operator add NAME | operator list | operator revoke ID",
     "let somebody see the whole city at /ops and print the token; list; revoke"},
    {"store", cmd_store, true, "store add CHAIN/STORE_ID | store list | store revoke ID",
     "let a store's screen in at /store and print the token; list; revoke"},
    {"order", cmd_order, true, "order ORDER", "an order's state and its history"},
    {"explain", cmd_explain, true, "explain ORDER",
     "why this store and not the others, candidate by candidate"},
    {"pin", cmd_pin, true, "pin ORDER COURIER [--why WORDS] [--who NAME] | pin --lift ORDER",
     "this courier alone gets the order. COURIER, here and below: a number or a short name"},
    {"ban", cmd_ban, true,
     "ban ORDER COURIER [--why WORDS] [--who NAME] | ban --lift ORDER COURIER",
     "this courier never gets the order"},
    {"hold", cmd_hold, true, "hold ORDER [--why WORDS] [--who NAME] | hold --lift ORDER",
     "nobody gets the order until that is lifted"},
    {"freeze", cmd_freeze, true,
     "freeze COURIER [--why WORDS] [--who NAME] | freeze --lift COURIER",
     "this courier gets nothing new, and keeps what was offered or accepted"},
    {"rulings", cmd_rulings, true, "rulings",
     "pins, bans, holds and frozen routes that hold now, and who decided what of late"},
    {"audit", cmd_audit, true, "audit", "prove that the ledger adds up to every stock level"},
    {"queue", cmd_queue, true, "queue", "what is due, how much, and how old the oldest row is"},
    {"robots", cmd_robots, true,
     "robots [--count 5] [--notifier HOST:PORT] [--city-secret-file FILE] [--vehicle bicycle] "
     "[--speed N]\n"
     "         [--patience SECONDS] [--decline PERCENT] [--absent PERCENT] [--prefix robot]",
     "couriers that nobody is, for trying an integration: they take orders, ride and deliver, N "
     "times as fast as people"},
    {"replay", cmd_replay, false, "replay DIR [--roads FILE]...",
     "run recorded steps again and compare every outgoing byte; on the maps they were made with"},
    {"roads", cmd_roads, false,
     "roads build FILE.osm.pbf -o FILE.roads [--modes car,bicycle,...]\n"
     "  roads info FILE.roads\n"
     "  roads ask FILE.roads [--mode car] LAT,LNG LAT,LNG\n"
     "  roads area FILE.roads [--mode car] [--minutes 15] [--widen 60] LAT,LNG",
     "compile a map; look at one; time, streets and polyline of a trip; what is reached, as "
     "GeoJSON"},
    {"library", cmd_library, true, "library load | library show",
     "load the Redis Functions of this version; say which are there"},
    {"archive", cmd_archive, true, "archive DIR [--days 7] [--every SECONDS]",
     "move orders that ended so many days ago into DIR/orders-<day>.ndjson"},
    {"backup", cmd_backup, true, "backup FILE",
     "everything in Redis as of one moment, while it works; FILE -: to stdout"},
    {"restore", cmd_restore, false, "restore FILE DIR",
     "lay a backup into the empty data directory of a Redis that is to be started"},
    {"ready", cmd_ready, false, "ready HOST:PORT [PATH]",
     "does a daemon's admin port say that it is ready (PATH: /readyz)?"},
    {"secret", cmd_secret, false, "secret", "print a new city secret (64 hex digits)"},
    {"ports", cmd_ports, false, "ports N", "print N free TCP ports of this host"},
};

static void
usage(FILE *to)
{
    fputs(
        "lcctl [--redis unix:PATH|HOST:PORT] [--city TAG] COMMAND ...\n"
        "lcctl --redis-sentinel HOST:PORT[,HOST:PORT...] [--redis-master NAME] COMMAND ...\n\n"
        "ORDER is an order id or CHAIN/EXTERNAL_ORDER_ID.\n"
        "Defaults: $LIFECIRCLE_REDIS or 127.0.0.1:6379, $LIFECIRCLE_CITY or bal.\n"
        "For AUTH: --redis-user NAME or $LIFECIRCLE_REDIS_USER, --redis-password-file FILE or\n"
        "$LIFECIRCLE_REDIS_PASSWORD_FILE or $LIFECIRCLE_REDIS_PASSWORD; Sentinels' likewise with\n"
        "redis-sentinel-. Sentinels: $LIFECIRCLE_REDIS_SENTINEL, $LIFECIRCLE_REDIS_MASTER.\n"
        "--redis-wait-replicas N, --redis-wait-ms M: what is written counts when so many have it;\n"
        "else it is said, and the exit status is 3.\n\n",
        to);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(to, "  %s\n      %s\n", commands[i].use, commands[i].help);
}

const char *
args_option(struct args *a, const char *name, const char *fallback)
{
    for (int i = 0; i < a->n; i++) {
        const char *word = a->v[i];
        size_t length = strlen(name);
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): argv ends after n words */
        if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, length) != 0)
            continue;
        int taken = 1;
        const char *value = NULL;
        if (word[2 + length] == '=')
            value = word + 3 + length;
        else if (word[2 + length] == '\0' && i + 1 < a->n) {
            value = a->v[i + 1];
            taken = 2;
        }
        if (value == NULL)
            continue;
        for (int j = i; j + taken < a->n; j++)
            a->v[j] = a->v[j + taken];
        a->n -= taken;
        return value;
    }
    return fallback;
}

bool
args_flag(struct args *a, const char *name)
{
    for (int i = 0; i < a->n; i++) {
        if (strncmp(a->v[i], "--", 2) != 0 || strcmp(a->v[i] + 2, name) != 0)
            continue;
        for (int j = i; j + 1 < a->n; j++)
            a->v[j] = a->v[j + 1];
        a->n--;
        return true;
    }
    return false;
}

const char *
args_next(struct args *a)
{
    if (a->n == 0 || strncmp(a->v[0], "--", 2) == 0)
        return NULL;
    a->n--;
    return *a->v++;
}

bool
args_done(struct args *a)
{
    if (a->n == 0)
        return true;
    fprintf(stderr, "lcctl: unexpected: %s\n", a->v[0]);
    return false;
}

redisReply *
ctl_redis(struct ctl *c, size_t argc, const struct slice *argv)
{
    const char **words = arena_array(c->arena, argc, sizeof *words);
    size_t *lengths = arena_array(c->arena, argc, sizeof *lengths);

    if (words == NULL || lengths == NULL) {
        fputs("lcctl: out of memory\n", stderr);
        return NULL;
    }
    for (size_t i = 0; i < argc; i++) {
        words[i] = argv[i].p == NULL ? "" : argv[i].p;
        lengths[i] = argv[i].n;
    }
    redisReply *reply = redisCommandArgv(c->redis, (int)argc, words, lengths);
    if (reply == NULL) {
        fprintf(stderr, "lcctl: Redis: %s\n", c->redis->errstr);
        return NULL;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "lcctl: Redis: %s\n", reply->str);
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

redisReply *
ctl_read(struct ctl *c, const char *command, const char *key, ...)
{
    struct slice argv[16];
    size_t argc = 0;
    va_list ap;

    argv[argc++] = slice_str(command);
    argv[argc++] = slice_str(arena_printf(c->arena, "{%s}:%s", c->city, key));
    va_start(ap, key);
    for (const char *word; argc < 16 && (word = va_arg(ap, const char *)) != NULL;)
        argv[argc++] = slice_str(word);
    va_end(ap);
    return ctl_redis(c, argc, argv);
}

static void
wait_for_replicas(struct ctl *c)
{
    const struct slice argv[] = {SLICE_LIT("WAIT"), slice_str(c->wait_replicas),
                                 slice_str(c->wait_ms)};

    if (strcmp(c->wait_replicas, "0") == 0)
        return;
    redisReply *reply = ctl_redis(c, 3, argv);
    long long have = reply != NULL && reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
    if (have < strtoll(c->wait_replicas, NULL, 10)) {
        fprintf(stderr,
                "lcctl: done, but %lld of %s replicas have it: a fail-over now may undo it\n", have,
                c->wait_replicas);
        c->unsafe = true;
    }
    if (reply != NULL)
        freeReplyObject(reply);
}

redisReply *
ctl_call(struct ctl *c, const char *function, size_t n, const struct slice *args)
{
    struct slice *argv = arena_array(c->arena, n + 4, sizeof *argv);

    if (argv == NULL)
        return NULL;
    argv[0] = SLICE_LIT("FCALL");
    argv[1] = slice_str(function);
    argv[2] = SLICE_LIT("1");
    argv[3] = slice_str(arena_printf(c->arena, "{%s}", c->city));
    memcpy(argv + 4, args, n * sizeof *args);
    redisReply *reply = ctl_redis(c, n + 4, argv);
    if (reply != NULL)
        wait_for_replicas(c);
    return reply;
}

struct slice
ctl_number(struct ctl *c, int64_t v)
{
    return slice_str(arena_printf(c->arena, "%lld", (long long)v));
}

void
ctl_random(void *to, size_t n)
{
    if (getrandom(to, n, 0) != (ssize_t)n) {
        perror("lcctl: getrandom");
        exit(EXIT_FAILED);
    }
}

static const struct command *
find_command(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static const char *
env_or(const char *name, const char *fallback)
{
    const char *v = getenv(name);
    return v != NULL && *v != '\0' ? v : fallback;
}

int
main(int argc, char **argv)
{
    struct args args = {argv + 1, argc - 1};
    struct timespec now;

    if (args_flag(&args, "help") || argc < 2) {
        usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : EXIT_SUCCESS;
    }
    struct ctl ctl = {
        .city = args_option(&args, "city", env_or("LIFECIRCLE_CITY", "bal")),
        .wait_replicas = args_option(&args, "redis-wait-replicas",
                                     env_or("LIFECIRCLE_REDIS_WAIT_REPLICAS", "0")),
        .wait_ms = args_option(&args, "redis-wait-ms", env_or("LIFECIRCLE_REDIS_WAIT_MS", "500")),
    };
    const struct ctl_login login = {
        .address = args_option(&args, "redis", env_or("LIFECIRCLE_REDIS", "127.0.0.1:6379")),
        .user = args_option(&args, "redis-user", env_or("LIFECIRCLE_REDIS_USER", "")),
        .password = env_or("LIFECIRCLE_REDIS_PASSWORD", ""),
        .password_file =
            args_option(&args, "redis-password-file", env_or("LIFECIRCLE_REDIS_PASSWORD_FILE", "")),
        .sentinels = args_option(&args, "redis-sentinel", env_or("LIFECIRCLE_REDIS_SENTINEL", "")),
        .primary =
            args_option(&args, "redis-master", env_or("LIFECIRCLE_REDIS_MASTER", "lifecircle")),
        .sentinel_user =
            args_option(&args, "redis-sentinel-user", env_or("LIFECIRCLE_REDIS_SENTINEL_USER", "")),
        .sentinel_password = env_or("LIFECIRCLE_REDIS_SENTINEL_PASSWORD", ""),
        .sentinel_password_file =
            args_option(&args, "redis-sentinel-password-file",
                        env_or("LIFECIRCLE_REDIS_SENTINEL_PASSWORD_FILE", "")),
    };
    const char *name = args_next(&args);
    const struct command *command = find_command(name);
    if (command == NULL) {
        fprintf(stderr, "lcctl: unknown command: %s (see lcctl --help)\n",
                name == NULL ? "(none)" : name);
        return EXIT_USAGE;
    }
    ctl.arena = arena_new((size_t)1 << 32);
    if (ctl.arena == NULL)
        return EXIT_FAILED;
    clock_gettime(CLOCK_REALTIME, &now);
    ctl.now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (command->needs_redis && (ctl.redis = ctl_connect(&login)) == NULL)
        return EXIT_FAILED;

    int status = command->run(&ctl, &args);
    if (status == EXIT_USAGE)
        fprintf(stderr, "use: lcctl %s\n", command->use);
    if (status == EXIT_SUCCESS && ctl.unsafe)
        status = EXIT_FAILED;
    if (ctl.redis != NULL)
        redisFree(ctl.redis);
    arena_destroy(ctl.arena);
    return status;
}
