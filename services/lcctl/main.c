#include "lcctl/commands.h"

#include "io/loop.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

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
args_output(struct args *a)
{
    for (int i = 0; i + 1 < a->n; i++) {
        if (strcmp(a->v[i], "-o") != 0)
            continue;
        const char *value = a->v[i + 1];
        for (int j = i; j + 2 < a->n; j++)
            a->v[j] = a->v[j + 2];
        a->n -= 2;
        return value;
    }
    return NULL;
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
args_number(const char *option, const char *text, long low, long high, uint32_t *out)
{
    char *end = NULL;
    long v = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || v < low || v > high) {
        fprintf(stderr, "lcctl: --%s: expected a number from %ld to %ld, got %s\n", option, low,
                high, text);
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

bool
args_short_name(const char *what, const char *text)
{
    size_t n = strlen(text);

    if (n >= 1 && n <= 32 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == n)
        return true;
    fprintf(stderr, "lcctl: %s: expected 1 to 32 of a-z, 0-9 and -, got %s\n", what, text);
    return false;
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
    if (reply != NULL && c->login->nodes[0] != '\0') {
        reply = ctl_elsewhere(c, reply, (int)argc, words, lengths);
        if (reply == NULL)
            return NULL;
    }
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

int
ctl_outcome(struct ctl *c, const char *function, size_t n, const struct slice *args)
{
    redisReply *reply = ctl_call(c, function, n, args);

    if (reply == NULL)
        return -1;
    int outcome =
        reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 && reply->element[0]->len > 0
            ? (unsigned char)reply->element[0]->str[0]
            : 0;
    freeReplyObject(reply);
    return outcome;
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

static const char *
env_or(const char *name, const char *fallback)
{
    const char *v = getenv(name);
    return v != NULL && *v != '\0' ? v : fallback;
}

static bool
shows_colours(void)
{
    const char *term = getenv("TERM");
    const char *no = getenv("NO_COLOR");

    return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') && term != NULL &&
           strcmp(term, "dumb") != 0;
}

/* words_enough: are there as many words as the shortest form of the command must have? What misses
 * one is told so without asking Redis. */
static bool
words_enough(const struct command *command, const struct args *a)
{
    for (const char *p = command->forms; *p != '\0';) {
        struct slice form = forms_next(&p);
        int need = -1; /* the command's own name was taken */
        int optional = 0;
        while (form.n > 0) {
            struct slice word = words_next(&form);
            bool opens = word.n > 0 && word.p[0] == '[';
            if (optional == 0 && !opens)
                need++;
            optional += opens;
            if (optional > 0 && memchr(word.p, ']', word.n) != NULL)
                optional--;
        }
        if (a->n >= need)
            return true;
    }
    return false;
}

int
main(int argc, char **argv)
{
    struct args args = {argv + 1, argc - 1};

    if (argc < 2) {
        help_all(stderr);
        return EXIT_USAGE;
    }
    bool help = args_flag(&args, "help");
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
        .nodes = args_option(&args, "redis-cluster", env_or("LIFECIRCLE_REDIS_CLUSTER", "")),
        .city = ctl.city,
        .sentinel_user =
            args_option(&args, "redis-sentinel-user", env_or("LIFECIRCLE_REDIS_SENTINEL_USER", "")),
        .sentinel_password = env_or("LIFECIRCLE_REDIS_SENTINEL_PASSWORD", ""),
        .sentinel_password_file =
            args_option(&args, "redis-sentinel-password-file",
                        env_or("LIFECIRCLE_REDIS_SENTINEL_PASSWORD_FILE", "")),
    };
    size_t tag = strspn(ctl.city, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (tag < 1 || tag > 31 || ctl.city[tag] != '\0') {
        fprintf(stderr, "lcctl: --city: expected 1 to 31 of a-z, 0-9 and -, got %s\n", ctl.city);
        return EXIT_USAGE;
    }
    ctl.login = &login;
    ctl.json = args_flag(&args, "json");
    ctl.colour = shows_colours();
    const char *name = args_next(&args);
    const struct command *command = command_find(name);
    if (help && (command != NULL || name == NULL)) {
        if (command == NULL)
            help_all(stdout);
        else
            help_one(stdout, command);
        return EXIT_SUCCESS;
    }
    if (command == NULL) {
        fprintf(stderr, "lcctl: unknown command: %s (see lcctl --help)\n",
                name == NULL ? "(none)" : name);
        return EXIT_USAGE;
    }
    if (!words_enough(command, &args)) {
        help_one(stderr, command);
        return EXIT_USAGE;
    }
    ctl.arena = arena_new((size_t)1 << 32);
    if (ctl.arena == NULL)
        return EXIT_FAILED;
    ctl.now_ms = loop_wall_ms();
    if (command->needs_redis && (ctl.redis = ctl_connect(&login)) == NULL)
        return EXIT_FAILED;

    int status = command->run(&ctl, &args);
    if (status == EXIT_USAGE)
        help_one(stderr, command);
    if (status == EXIT_SUCCESS && ctl.unsafe)
        status = EXIT_FAILED;
    if (ctl.redis != NULL)
        redisFree(ctl.redis);
    arena_destroy(ctl.arena);
    return status;
}
