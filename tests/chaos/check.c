/* lc-chaos-check: what clients were told, against what Redis has, after a `tests/run chaos`.
 *
 *   lc-chaos-check REDIS CITY LOG FAULTS [ARCHIVE]
 *
 * REDIS is HOST:PORT or unix:PATH. ARCHIVE is the folder of `lcctl archive`, for orders that left
 * Redis meanwhile. LOG is what lc-city wrote with --log, FAULTS a JSON line for each fault: at
 * (Unix ms), until (when its cause was over), fault, who. Nothing that a daemon counts is looked
 * at. Exit status 0 when
 *   - every order that was taken is in Redis or the archive under the id that was told, once, in a
 * final state that it came to once, and no order is there that nobody sent;
 *   - every order that was sent was answered in the end, and most were taken;
 *   - what a courier was told is done, is done, and nothing was picked up or delivered by two;
 *   - the chain saw the same end;
 *   - without ARCHIVE, by the whole ledger: what was delivered left the store once, everything else
 * is back;
 *   - nothing ended later than a minute after the last fault, its window or its sending. */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 20 };

struct check t;

void
wrong(const char *fmt, ...)
{
    va_list ap;

    if (++t.wrong > SHOWN)
        return;
    va_start(ap, fmt);
    fputs("  WRONG ", stdout);
    vprintf(fmt, ap);
    putchar('\n');
    va_end(ap);
}

void *
needed(void *p)
{
    if (p == NULL) {
        fputs("lc-chaos-check: out of memory\n", stderr);
        exit(3);
    }
    return p;
}

const char *
text(const json_t *j, const char *key)
{
    const char *v = json_string_value(json_object_get(j, key));

    return v == NULL ? "" : v;
}

int64_t
number(const json_t *j, const char *key)
{
    return json_integer_value(json_object_get(j, key));
}

void
read_lines(const char *path, void (*take)(const json_t *j))
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;

    if (f == NULL) {
        perror(path);
        exit(3);
    }
    while (getline(&line, &room, f) > 0) {
        json_t *j = json_loads(line, 0, NULL);
        if (j == NULL) {
            fprintf(stderr, "%s: not JSON: %s", path, line);
            exit(3);
        }
        take(j);
        json_decref(j);
    }
    free(line);
    fclose(f);
}

/* ---- how long it took ---- */

static int
by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void
print_series(const char *what, int64_t *v, size_t n)
{
    if (n == 0)
        return;
    qsort(v, n, sizeof *v, by_value);
    size_t half = (n - 1) / 2, most = (n - 1) * 99 / 100;
    printf("  %-42s p50 %.2f s, p99 %.2f s, at most %.2f s\n", what, (double)v[half] / 1000,
           (double)v[most] / 1000, (double)v[n - 1] / 1000);
}

/* Two answers to "how long until it works again": an order that was sent after the fault is taken;
 * and the longest that anybody waited who sent one in the second after it. */
static void
print_recovery(const char *name)
{
    int64_t *again = needed(calloc(t.n_faults + 1, sizeof *again));
    int64_t *worst = needed(calloc(t.n_faults + 1, sizeof *worst));
    size_t n = 0, m = 0;
    char label[64];

    for (size_t i = 0; i < t.n_faults; i++) {
        const struct fault *f = &t.faults[i];
        int64_t first = INT64_MAX, most = -1;
        if (name != NULL && strcmp(name, f->name) != 0)
            continue;
        for (const struct order *o = t.ids; o != NULL; o = o->by_id.next) {
            if (o->first_ms >= f->at_ms && o->taken_ms < first)
                first = o->taken_ms;
            if (o->first_ms >= f->at_ms && o->first_ms < f->at_ms + 1000)
                most = max_ms(most, o->taken_ms - o->first_ms);
        }
        if (first != INT64_MAX)
            again[n++] = first - f->at_ms;
        if (most >= 0)
            worst[m++] = most;
    }
    if (name == NULL) {
        print_series("an order sent after it is taken", again, n);
        print_series("the longest wait of an order sent then", worst, m);
    } else {
        snprintf(label, sizeof label, "%s (%zu): longest wait", name, m);
        print_series(label, worst, m);
    }
    free(again);
    free(worst);
}

/* When the whole had recovered: what ended late after it waited for something else. */
static void
print_last(void)
{
    int64_t first = INT64_MAX;

    for (const struct order *o = t.ids; o != NULL; o = o->by_id.next)
        if (o->taken_ms > t.last_ms && o->taken_ms < first)
            first = o->taken_ms;
    if (t.n_faults > 0 && first != INT64_MAX)
        printf("  the first order after the last fault was taken %.2f s later\n",
               (double)(first - t.last_ms) / 1000);
}

static redisContext *
connect_to(const char *where)
{
    char host[200];
    const char *colon = strrchr(where, ':');

    if (strncmp(where, "unix:", 5) == 0)
        return redisConnectUnix(where + 5);
    snprintf(host, sizeof host, "%.*s", (int)(colon - where), where);
    return redisConnect(host, atoi(colon + 1));
}

int
main(int argc, char **argv)
{
    static const char *const names[] = {"kill",          "pause",       "cut",       "kill-primary",
                                        "pause-primary", "cut-primary", "everything"};

    if ((argc != 5 && argc != 6) || strrchr(argv[1], ':') == NULL) {
        fputs("use: lc-chaos-check HOST:PORT|unix:PATH CITY LOG FAULTS [ARCHIVE]\n", stderr);
        return 2;
    }
    t.redis = connect_to(argv[1]);
    if (t.redis == NULL || t.redis->err != 0) {
        fprintf(stderr, "lc-chaos-check: no Redis at %s\n", argv[1]);
        return 3;
    }
    t.city = argv[2];
    t.arena = needed(arena_new((size_t)64 << 20));
    told_read(argv[3], argv[4]);
    kept_check(argc == 6 ? argv[5] : NULL);
    printf("  %zu faults; %u orders taken, %u refused, %u answers of couriers; %u requests failed "
           "and were repeated\n",
           t.n_faults, t.taken, t.refused, t.answers, t.failures);
    print_recovery(NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        print_recovery(names[i]);
    print_last();
    printf("  %u of %u taken orders in one final state; %u records and %u archived, stuck over a "
           "minute %u, wrong %u\n",
           t.good, t.taken, t.records, t.archived, t.late, t.wrong);
    return t.wrong == 0 && t.taken > 0 ? 0 : 1;
}
