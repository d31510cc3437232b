#include "town.h"
#include "hold_port.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t
town_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool
town_wait(bool (*met)(void *ctx), void *ctx)
{
    static bool once_in_vain; /* what follows from it shall fail soon: a run has a time */
    int64_t end_ms = town_now_ms() + (once_in_vain ? TOWN_PATIENCE_MS / 20 : TOWN_PATIENCE_MS);

    while (!met(ctx)) {
        if (town_now_ms() > end_ms) {
            CU_FAIL("waited in vain");
            once_in_vain = true;
            return false;
        }
        poll(NULL, 0, 10);
    }
    return true;
}

/* ---- processes ---- */

static const char *const names[TOWN_N] = {"redis-server", "lc-intake", "lc-matcher",
                                          "lc-inventory", "lc-router", "lc-notifier"};

struct words {
    char text[40][160];
    char *list[41];
    int n;
};

static void add(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
add(struct words *w, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(w->text[w->n], sizeof w->text[0], fmt, ap);
    va_end(ap);
    w->list[w->n] = w->text[w->n];
    w->list[++w->n] = NULL;
}

static void
redis_words(struct town *t, struct words *w)
{
    add(w, "redis-server");
    add(w, "--port");
    add(w, "0");
    add(w, "--unixsocket");
    add(w, "%s/redis.sock", t->dir);
    add(w, "--dir");
    add(w, "%s", t->dir);
    add(w, "--appendonly");
    add(w, "yes");
    add(w, "--appendfsync");
    add(w, "always");
    add(w, "--save");
    add(w, "%s", "");
}

static void
daemon_words(struct town *t, enum town_daemon d, struct words *w)
{
    add(w, LC_BIN "/%s", names[d]);
    add(w, "--city=bal");
    add(w, "--redis=unix:%s/redis.sock", t->dir);
    if (t->how & TOWN_RECORDS)
        add(w, "--record=%s/record", t->dir);
    if (d == TOWN_INTAKE || d == TOWN_ROUTER || d == TOWN_NOTIFIER)
        add(w, "--city-secret=%s", t->secret);
    if (t->how & TOWN_KEYS) {
        add(w, "--bus-key=%s/%s.key", t->dir, names[d] + 3);
        add(w, "--bus-allow=%s/allow", t->dir);
        if (d == TOWN_INTAKE)
            add(w, "--chains-allow=%s/chains", t->dir);
    }
    if (t->how & TOWN_LIVE)
        add(w, "--live=%s/live", t->dir);
    if (d == TOWN_INTAKE) {
        add(w, "--listen=ipc://%s/intake", t->dir);
        add(w, "--matcher=ipc://%s/matcher", t->dir);
        add(w, "--http=127.0.0.1:%d", t->intake);
        if (t->how & TOWN_PATIENT) {
            add(w, "--match-ms=10000");
            add(w, "--answer-ms=15000");
        }
    } else if (d == TOWN_MATCHER) {
        add(w, "--listen=ipc://%s/matcher", t->dir);
        if (t->how & TOWN_UNFORESEEN)
            add(w, "--follow=ipc://%s/inventory.news", t->dir);
        else
            add(w, "--follow=ipc://%s/inventory.news,ipc://%s/router.news", t->dir, t->dir);
    } else if (d == TOWN_INVENTORY) {
        add(w, "--listen=ipc://%s/inventory", t->dir);
        add(w, "--news=ipc://%s/inventory.news", t->dir);
        add(w, "--router=ipc://%s/router", t->dir);
    } else if (d == TOWN_ROUTER) {
        add(w, "--listen=ipc://%s/router", t->dir);
        add(w, "--news=ipc://%s/router.news", t->dir);
        add(w, "--follow=ipc://%s/inventory.news", t->dir);
    } else if (d == TOWN_NOTIFIER) {
        add(w, "--follow=ipc://%s/inventory.news,ipc://%s/router.news", t->dir, t->dir);
        add(w, "--router=ipc://%s/router", t->dir);
        add(w, "--http=127.0.0.1:%d", t->notifier);
    }
    if ((t->how & TOWN_HOOKS) && d == TOWN_INTAKE)
        add(w, "--webhooks-http");
    if ((t->how & TOWN_HOOKS) && d == TOWN_NOTIFIER)
        add(w, "--webhooks-private");
    if (d == TOWN_INTAKE || d == TOWN_MATCHER)
        add(w, "--inventory=ipc://%s/inventory", t->dir);
    if (d == TOWN_MATCHER || d == TOWN_INVENTORY || d == TOWN_ROUTER)
        add(w, "--admin=127.0.0.1:%d", t->admin[d]);
}

void
town_start(struct town *t, enum town_daemon d)
{
    struct words w = {.n = 0};
    char log[128];

    if (d == TOWN_REDIS)
        redis_words(t, &w);
    else
        daemon_words(t, d, &w);
    snprintf(log, sizeof log, "%s/%s.log", t->dir, names[d]);
    t->pid[d] = fork();
    CU_ASSERT_FATAL(t->pid[d] >= 0);
    if (t->pid[d] == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of the test */
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execvp(w.list[0], w.list);
        _exit(127);
    }
}

void
town_kill(struct town *t, enum town_daemon d)
{
    if (t->pid[d] <= 0)
        return;
    kill(t->pid[d], SIGKILL);
    waitpid(t->pid[d], NULL, 0);
    t->pid[d] = 0;
}

int
town_stop(struct town *t, enum town_daemon d)
{
    int status = -1;

    if (t->pid[d] <= 0)
        return -1;
    kill(t->pid[d], SIGTERM);
    waitpid(t->pid[d], &status, 0);
    t->pid[d] = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool
town_alive(struct town *t, enum town_daemon d)
{
    return t->pid[d] > 0 && waitpid(t->pid[d], NULL, WNOHANG) == 0;
}

struct ready {
    struct town *town;
    int port;
};

static bool
is_ready(void *ctx)
{
    struct ready *r = ctx;
    struct town_answer a = town_raw(
        r->port, SLICE_LIT("GET /readyz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"));
    bool ready = a.status == 200;

    town_answer_free(&a);
    return ready;
}

void
town_ready(struct town *t)
{
    for (enum town_daemon d = TOWN_INTAKE; d < TOWN_N; d++) {
        struct ready r = {t, d == TOWN_INTAKE     ? t->intake
                             : d == TOWN_NOTIFIER ? t->notifier
                                                  : t->admin[d]};
        if (!town_wait(is_ready, &r))
            fprintf(stderr, "%s is not ready, see %s\n", names[d], t->dir);
    }
}

int
town_lcctl(struct town *t, char *out, size_t size, const char *words)
{
    char command[1024];
    size_t n = 0;

    snprintf(command, sizeof command, LC_BIN "/lcctl --redis unix:%s/redis.sock --city bal %s 2>&1",
             t->dir, words);
    FILE *f = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    for (size_t got; n + 1 < size && (got = fread(out + n, 1, size - 1 - n, f)) > 0;)
        n += got;
    out[n] = '\0';
    int status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool
town_says(struct town *t, const char *words, const char *expected)
{
    char out[16384];

    CU_ASSERT_EQUAL(town_lcctl(t, out, sizeof out, words), 0);
    if (strstr(out, expected) != NULL)
        return true;
    printf("\n    no \"%s\" in:\n%s", expected, out);
    return false;
}

/* last_line: of what a command printed. */
static const char *
last_line(char *text)
{
    size_t n = strlen(text);

    while (n > 0 && text[n - 1] == '\n')
        text[--n] = '\0';
    char *at = strrchr(text, '\n');
    return at == NULL ? text : at + 1;
}

static bool
redis_is_up(void *ctx)
{
    struct town *t = ctx;
    char out[256];

    return town_lcctl(t, out, sizeof out, "queue") == 0;
}

/* make_keys: of the daemons, and of a chain. */
static void
make_keys(struct town *t)
{
    char command[512];

    for (enum town_daemon d = TOWN_INTAKE; d <= TOWN_N; d++) {
        const char *name = d == TOWN_N ? "shop" : names[d] + 3;
        snprintf(command, sizeof command, LC_BIN "/lcctl keys new %s %s/%s.key >>%s/%s", name,
                 t->dir, name, t->dir, d == TOWN_N ? "chains" : "allow");
        CU_ASSERT_EQUAL_FATAL(system(command), 0);
    }
}

/* give_up: without a chain nothing that follows would say more; the daemons end with the test. */
static void
give_up(const struct town *t, const char *why)
{
    fprintf(stderr, "no town in %s: %s\n", t->dir, why);
    exit(EXIT_FAILURE);
}

void
town_open(struct town *t, unsigned how)
{
    char out[512];
    char path[128];

    memset(t, 0, sizeof *t);
    snprintf(t->dir, sizeof t->dir, "/tmp/lc-town.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(t->dir));
    t->how = how;
    snprintf(path, sizeof path, "%s/record", t->dir);
    CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
    t->held[0] = hold_port(&t->intake);
    t->held[1] = hold_port(&t->notifier);
    for (enum town_daemon d = 0; d < TOWN_N; d++)
        t->held[2 + d] = hold_port(&t->admin[d]);
    for (size_t i = 0; i < 64; i++)
        t->secret[i] = "0123456789abcdef"[i * 7 % 16];
    if (how & TOWN_KEYS)
        make_keys(t);
    for (enum town_daemon d = 0; d < TOWN_N; d++)
        town_start(t, d);
    town_wait(redis_is_up, t);
    town_ready(t);
    int status = town_lcctl(t, out, sizeof out, "chain add corner --name Corner --rate 100000");
    if (status != 0 && strstr(out, "done, but") == NULL) /* a replica that is late has it soon */
        give_up(t, out);
    snprintf(t->key, sizeof t->key, "%.*s", (int)sizeof t->key - 1, last_line(out));
}

void
town_close(struct town *t)
{
    char command[128];
    const char *keep = getenv("LIFECIRCLE_TEST_KEEP");

    for (enum town_daemon d = TOWN_N; d-- > 0;)
        if (town_alive(t, d) && d != TOWN_REDIS)
            CU_ASSERT_EQUAL(town_stop(t, d), 0);
    town_kill(t, TOWN_REDIS);
    for (int i = 0; i < 2 + TOWN_N; i++)
        close(t->held[i]);
    if (keep != NULL && *keep != '\0') {
        fprintf(stderr, "kept: %s\n", t->dir);
        return;
    }
    snprintf(command, sizeof command, "rm -rf '%s'", t->dir);
    CU_ASSERT_EQUAL(system(command), 0);
}
