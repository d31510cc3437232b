/* lcctl top: one picture after the other. */
#include "lcctl/top.h"

#include "io/loop.h"
#include "lcctl/ending.h"
#include "lcctl/show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { EVERY_S = 2, ONCE_MS = 1000, EVERY_MOST_S = 3600 };

/* where the daemons of one machine listen when nobody says anything else */
static const char here[] =
    "127.0.0.1:8080,127.0.0.1:8081,127.0.0.1:8082,127.0.0.1:8083,127.0.0.1:8090";

static int64_t
mono_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- daemons ---- */

static struct top_daemon *
daemon_at(struct top_frame *f, const char *address)
{
    for (int i = 0; i < f->n; i++)
        if (strcmp(f->daemons[i].address, address) == 0)
            return &f->daemons[i];
    if (f->n == TOP_DAEMONS)
        return NULL;
    struct top_daemon *d = &f->daemons[f->n++];
    memcpy(d->address, address, HTTP_ADDRESS);
    return d;
}

/* find: all addresses behind all names, each time: copies come and go. False: one is no address. */
static bool
find(struct top_frame *f, const char *list)
{
    char list_of[TOP_DAEMONS][HTTP_ADDRESS];
    char word[300];

    while (*list != '\0') {
        size_t n = strcspn(list, ",");
        snprintf(word, sizeof word, "%.*s", (int)n, list);
        int found = http_addresses(word, list_of, TOP_DAEMONS);
        if (found < 0) {
            fprintf(stderr, "lcctl: --daemons: expected HOST:PORT, separated by commas, got %s\n",
                    word);
            return false;
        }
        for (int i = 0; i < found; i++)
            (void)daemon_at(f, list_of[i]);
        list += n + (list[n] == ',');
    }
    return true;
}

static void
name_of(struct top_daemon *d)
{
    static const char mark[] = "\nlifecircle_info{service=\"";
    const char *at = strstr(d->now.p, mark);

    if (at != NULL) {
        at += sizeof mark - 1;
        snprintf(d->service, sizeof d->service, "%.*s", (int)strcspn(at, "\""), at);
    }
}

/* ask_daemons: those that are gone stay in the picture, for as long as it runs. */
static void
ask_daemons(struct top_frame *f)
{
    for (int i = 0; i < f->n; i++) {
        struct top_daemon *d = &f->daemons[i];
        struct buf kept = d->was;
        if (d->up) {
            d->was = d->now;
            d->was_us = d->at_us;
            d->now = kept;
        }
        d->up = http_ask(d->address, "GET", "/metrics", &d->now) == 200 && d->now.n > 0;
        d->at_us = mono_us();
        if (!d->up) {
            d->was_us = 0;
            continue;
        }
        d->ready = top_value(&d->now, "lifecircle_ready") > 0;
        name_of(d);
    }
}

/* ---- Redis ---- */

static bool
ask_queues(struct ctl *c, struct top_frame *f)
{
    static const char *const queues[TOP_QUEUES] = {"match", "held", "dispatch", "expire",
                                                   "webhook"};
    bool ok = true;

    for (int i = 0; ok && i < TOP_QUEUES; i++) {
        const char *key = arena_printf(c->arena, "due:%s", queues[i]);
        redisReply *rows = ctl_read(c, "ZCARD", key, NULL);
        redisReply *first =
            rows == NULL ? NULL : ctl_read(c, "ZRANGE", key, "0", "0", "WITHSCORES", NULL);
        ok = first != NULL;
        f->queues[i] = (struct top_queue){.name = queues[i]};
        if (ok)
            f->queues[i].rows = rows->integer;
        if (ok && first->elements == 2)
            f->queues[i].overdue_s =
                ((double)f->now_ms - strtod(first->element[1]->str, NULL)) / 1000;
        if (f->queues[i].overdue_s < 0)
            f->queues[i].overdue_s = 0;
        freeReplyObject(rows);
        freeReplyObject(first);
    }
    return ok;
}

static long long
info_number(const char *info, const char *name)
{
    char line[64];

    snprintf(line, sizeof line, "\n%s:", name);
    const char *at = strstr(info, line);
    return at == NULL ? 0 : strtoll(at + strlen(line), NULL, 10);
}

static bool
ask_server(struct ctl *c, struct top_frame *f)
{
    const struct slice argv[] = {SLICE_LIT("INFO")};
    redisReply *r = ctl_redis(c, 1, argv);

    if (r == NULL || r->str == NULL) {
        freeReplyObject(r);
        return false;
    }
    f->memory_bytes = info_number(r->str, "used_memory");
    f->memory_most = info_number(r->str, "maxmemory");
    f->ops_s = info_number(r->str, "instantaneous_ops_per_sec");
    f->clients = info_number(r->str, "connected_clients");
    f->replicas = info_number(r->str, "connected_slaves");
    freeReplyObject(r);
    return true;
}

static bool
ask_lease(struct ctl *c, struct top_frame *f)
{
    redisReply *r = ctl_read(c, "HMGET", "lease", "owner", "epoch", "until", "since", NULL);
    const char *text[4] = {"", "0", "0", "0"};

    if (r == NULL)
        return false;
    for (size_t i = 0; i < 4 && i < r->elements; i++)
        if (r->element[i]->type == REDIS_REPLY_STRING)
            text[i] = r->element[i]->str;
    bool held = strtoll(text[2], NULL, 10) > f->now_ms;
    snprintf(f->owner, sizeof f->owner, "%s", held ? text[0] : "");
    f->epoch = strtoll(text[1], NULL, 10);
    f->since_ms = strtoll(text[3], NULL, 10);
    freeReplyObject(r);
    return true;
}

static void
ask_redis(struct ctl *c, struct top_frame *f)
{
    if (c->redis == NULL)
        c->redis = ctl_connect(c->login);
    f->redis = c->redis != NULL && ask_server(c, f) && ask_queues(c, f) && ask_lease(c, f);
    if (c->redis != NULL && !f->redis) {
        redisFree(c->redis); /* another connection for the next picture */
        c->redis = NULL;
    }
}

/* ---- pictures ---- */

static bool
print(const struct ctl *c, const struct top_frame *f, bool screen, bool first)
{
    struct buf b = {0};

    if (screen)
        buf_str(&b, "\033[H\033[J"); /* home, and clear what is below */
    else if (!c->json && !first)
        buf_char(&b, '\n');
    if (c->json)
        top_json(c, f, &b);
    else
        top_text(c, f, &b);
    bool ok = !b.failed && fwrite(b.p, 1, b.n, stdout) == b.n && fflush(stdout) == 0;
    buf_free(&b);
    return ok;
}

static bool
take(struct ctl *c, struct top_frame *f, const char *daemons, int64_t *was_us)
{
    if (!find(f, daemons))
        return false;
    int64_t now_us = mono_us();
    f->span_s = *was_us == 0 ? 0 : (double)(now_us - *was_us) / 1e6;
    *was_us = now_us;
    f->now_ms = c->now_ms = loop_wall_ms();
    ask_daemons(f);
    ask_redis(c, f);
    top_take(f);
    return true;
}

static int
run(struct ctl *c, struct top_frame *f, const char *daemons, double every_s, bool once)
{
    bool screen = !once && !c->json && isatty(STDOUT_FILENO);
    int64_t was_us = 0;
    int status = EXIT_SUCCESS;

    for (int i = 0; !ending_asked() && status == EXIT_SUCCESS; i++) {
        struct arena_mark mark = arena_mark(c->arena);
        if (!take(c, f, daemons, &was_us)) {
            status = EXIT_USAGE;
            break;
        }
        /* the first has no rates: live it is shown all the same, once it is only what came before
         */
        if (!once || i == 1) {
            if (screen && i == 0)
                fputs("\033[?1049h\033[?25l", stdout); /* a screen of its own, no cursor */
            status = print(c, f, screen, i == 0) ? EXIT_SUCCESS : EXIT_FAILED;
        }
        arena_rewind(c->arena, mark);
        if (once && i == 1)
            break;
        ending_wait(once ? ONCE_MS : (int64_t)(every_s * 1000));
    }
    if (screen) {
        fputs("\033[?25h\033[?1049l", stdout);
        fflush(stdout);
    }
    return status;
}

int
cmd_top(struct ctl *c, struct args *a)
{
    const char *env = getenv("LIFECIRCLE_DAEMONS");
    const char *daemons = args_option(a, "daemons", env != NULL && *env != '\0' ? env : here);
    const char *every = args_option(a, "every", NULL);
    bool once = args_flag(a, "once");
    char *end = NULL;
    double every_s = every == NULL ? EVERY_S : strtod(every, &end);
    struct top_frame f = {.n = 0};

    if (!args_done(a) || *daemons == '\0' || !(every_s >= 0.1 && every_s <= EVERY_MOST_S) ||
        (every != NULL && (*every == '\0' || *end != '\0')))
        return EXIT_USAGE;
    f.daemons = calloc(TOP_DAEMONS, sizeof *f.daemons);
    if (f.daemons == NULL)
        return EXIT_FAILED;
    ending_begin();
    int status = run(c, &f, daemons, every_s, once);
    for (int i = 0; i < f.n; i++) {
        buf_free(&f.daemons[i].now);
        buf_free(&f.daemons[i].was);
    }
    free(f.daemons);
    return status;
}
