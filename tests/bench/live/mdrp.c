/* Plays one day minute by minute against the live dispatcher, and writes what happened.
 *
 *     bench_mdrp INSTANCE OUT [--seed K] [--no-preposition] [--attempts N]
 *
 * The dispatcher hears of an order in the minute of its placement: `reveal` is the only way to it,
 * and it goes through the orders in the sequence of their placement. Writes into the folder OUT the
 * three files that the library's evaluator reads. Prints cpu_s= epoch_ms=. */
#include "mdrp_day.h"
#include "router/plan/live/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MINUTE = 60, ACTS = 64 };

struct record { /* of an act */
    struct live_act act;
    int64_t decided;
};

struct game {
    struct mdrp_day day;
    struct live *live;
    const struct mdrp_order **coming; /* by placement */
    size_t revealed;
    uint32_t *number; /* handle -> order */
    struct record *log;
    size_t n_log, room_log;
    struct live_policy policy;
    size_t attempts;
    bool position;
    double cpu_s, longest_ms;
};

static double
cpu_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int32_t
ticks(const void *ctx, uint32_t from, uint32_t to)
{
    return mdrp_minutes(ctx, from, to) * MINUTE;
}

static int
by_placement(const void *a, const void *b)
{
    const struct mdrp_order *x = *(const struct mdrp_order *const *)a;
    const struct mdrp_order *y = *(const struct mdrp_order *const *)b;

    if (x->placed != y->placed)
        return x->placed < y->placed ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static bool
game_open(struct game *g, uint64_t seed)
{
    const struct mdrp_day *d = &g->day;
    struct live_travel travel = {ticks, d};
    struct live_policy policy = g->policy;
    uint32_t handle;

    policy.per_order = (int64_t)d->pay_per_order;
    policy.per_hour = (int64_t)d->pay_per_hour;
    g->live = live_new(&travel, &policy, seed);
    g->coming = calloc(d->n_orders + 1, sizeof *g->coming);
    g->number = calloc(d->n_orders + 1, sizeof *g->number);
    if (g->live == NULL || g->coming == NULL || g->number == NULL)
        return false;
    for (size_t i = 0; i < d->n_orders; i++)
        g->coming[i] = &d->orders[i];
    qsort(g->coming, d->n_orders, sizeof *g->coming, by_placement);
    for (size_t i = 0; i < d->n_couriers; i++) {
        const struct mdrp_courier *c = &d->couriers[i];
        struct live_courier in = {
            .place = c->place,
            .free_from = c->on * MINUTE,
            .shift_start = c->on * MINUTE,
            .last_pickup = c->off * MINUTE,
            .shift_end = LIVE_NEVER,
        };
        if (live_courier_add(g->live, &in, &handle) != LC_OK || handle != i)
            return false;
    }
    return true;
}

static bool
reveal(struct game *g, int minute)
{
    const struct mdrp_day *d = &g->day;

    for (; g->revealed < d->n_orders && g->coming[g->revealed]->placed <= minute; g->revealed++) {
        const struct mdrp_order *o = g->coming[g->revealed];
        struct live_order in = {
            .pickup = o->restaurant,
            .dropoff = o->place,
            .placed = o->placed * MINUTE,
            .ready = o->ready * MINUTE,
            .promise = (o->placed + d->target) * MINUTE,
            .pickup_before = d->pickup_service * MINUTE / 2,
            .pickup_after = d->pickup_service * MINUTE / 2,
            .dropoff_before = d->dropoff_service * MINUTE / 2,
            .dropoff_after = d->dropoff_service * MINUTE / 2,
        };
        uint32_t handle;
        if (live_order_add(g->live, &in, &handle) != LC_OK || handle >= d->n_orders)
            return false;
        g->number[handle] = (uint32_t)(o - d->orders);
    }
    return true;
}

static bool
keep(struct game *g, const struct live_act *acts, size_t n, int minute)
{
    for (size_t i = 0; i < n; i++) {
        if (g->n_log == g->room_log) {
            size_t room = g->room_log == 0 ? 1024 : g->room_log * 2;
            struct record *log = realloc(g->log, room * sizeof *log);
            if (log == NULL)
                return false;
            g->log = log;
            g->room_log = room;
        }
        g->log[g->n_log++] = (struct record){acts[i], minute * MINUTE};
    }
    return true;
}

static bool
epoch(struct game *g, int minute)
{
    struct live_act acts[ACTS];
    size_t n, better;

    live_time(g->live, minute * MINUTE);
    if (!reveal(g, minute) ||
        live_improve(g->live, g->attempts * live_open(g->live), &better) != LC_OK)
        return false;
    do {
        n = live_commit(g->live, acts, ACTS);
        if (!keep(g, acts, n, minute))
            return false;
    } while (n == ACTS);
    while (g->position && (n = live_position(g->live, acts, ACTS)) > 0)
        if (!keep(g, acts, n, minute))
            return false;
    return true;
}

static bool
play(struct game *g)
{
    const struct mdrp_day *d = &g->day;
    int first = d->n_orders == 0 ? 0 : g->coming[0]->placed, last = first;

    for (size_t i = 0; i < d->n_couriers; i++)
        last = d->couriers[i].off > last ? d->couriers[i].off : last;
    for (size_t i = 0; i < d->n_couriers; i++)
        first = d->couriers[i].on < first ? d->couriers[i].on : first;
    for (int minute = first; minute <= last; minute++) {
        double start = cpu_now();
        if (!epoch(g, minute))
            return false;
        double s = cpu_now() - start;
        g->cpu_s += s;
        if (s * 1000 > g->longest_ms)
            g->longest_ms = s * 1000;
    }
    return true;
}

/* ---- what happened ---- */

static FILE *
create(const char *dir, const char *name, const char *header)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    if (f == NULL)
        perror(path);
    else
        fprintf(f, "%s\n", header);
    return f;
}

static double
minutes(int64_t t)
{
    return (double)t / MINUTE;
}

static const char *
origin(const struct mdrp_day *d, uint32_t place, uint32_t courier)
{
    return place == d->couriers[courier].place ? "0" : d->places[place].name;
}

static int
by_courier(const void *a, const void *b)
{
    const struct record *x = a, *y = b;

    if (x->act.courier != y->act.courier)
        return x->act.courier < y->act.courier ? -1 : 1;
    return x->act.at < y->act.at ? -1 : x->act.at > y->act.at;
}

static void
write_bundle(const struct game *g, const struct record *r, FILE *assignments, FILE *moves)
{
    const struct mdrp_day *d = &g->day;
    const struct live_act *a = &r->act;
    const char *courier = d->places[d->couriers[a->courier].place].name;
    uint32_t at = a->to;
    int64_t leave = a->at + d->pickup_service * MINUTE / 2;

    fprintf(assignments, "%g %g %s", minutes(r->decided), minutes(a->at), courier);
    for (size_t i = 0; i < a->n; i++) {
        const struct mdrp_order *o = &d->orders[g->number[a->order[i]]];
        fprintf(assignments, " %s", d->places[o->place].name);
        fprintf(moves, "%s %g %s %s\n", courier, minutes(leave), d->places[at].name,
                d->places[o->place].name);
        at = o->place;
        leave = a->door[i] + d->dropoff_service * MINUTE / 2;
    }
    fprintf(assignments, "\n");
}

static void
write_orders(const struct game *g, FILE *f)
{
    const struct mdrp_day *d = &g->day;
    const struct record **of = calloc(d->n_orders + 1, sizeof *of);
    int64_t *door = calloc(d->n_orders + 1, sizeof *door);

    for (size_t i = 0; of != NULL && door != NULL && i < g->n_log; i++)
        for (size_t k = 0; k < g->log[i].act.n; k++) {
            of[g->number[g->log[i].act.order[k]]] = &g->log[i];
            door[g->number[g->log[i].act.order[k]]] = g->log[i].act.door[k];
        }
    for (size_t i = 0; of != NULL && door != NULL && i < d->n_orders; i++) {
        const struct mdrp_order *o = &d->orders[i];
        fprintf(f, "%s %d %d ", d->places[o->place].name, o->placed, o->ready);
        if (of[i] == NULL)
            fprintf(f, "nan nan nan\n");
        else
            fprintf(f, "%g %g %s\n", minutes(of[i]->act.at), minutes(door[i]),
                    d->places[d->couriers[of[i]->act.courier].place].name);
    }
    free(of);
    free(door);
}

static bool
write_all(struct game *g, const char *dir)
{
    const struct mdrp_day *d = &g->day;
    FILE *a =
        create(dir, "solution_info_assignments.txt", "assignment_time pickup_time courier orders");
    FILE *o = create(dir, "solution_info_orders.txt",
                     "order placement_time ready_time pickup_time dropoff_time courier");
    FILE *m =
        create(dir, "solution_info_couriers.txt", "courier departure_time origin destination");
    bool ok = a != NULL && o != NULL && m != NULL;

    if (ok) {
        write_orders(g, o);
        qsort(g->log, g->n_log, sizeof *g->log, by_courier);
    }
    for (size_t i = 0; ok && i < g->n_log; i++) {
        const struct live_act *act = &g->log[i].act;
        if (act->kind == LIVE_PICK_UP)
            write_bundle(g, &g->log[i], a, m);
        else
            fprintf(m, "%s %g %s %s\n", d->places[d->couriers[act->courier].place].name,
                    minutes(act->at), origin(d, act->from, act->courier), d->places[act->to].name);
    }
    FILE *all[] = {a, o, m};
    for (size_t i = 0; i < 3; i++)
        if (all[i] != NULL && fclose(all[i]) != 0)
            ok = false;
    return ok;
}

/* For measuring what a part is good for: --policy NAME=VALUE. */
static bool
set_policy(struct game *g, const char *word)
{
    struct live_policy *p = &g->policy;
    const struct {
        const char *name;
        int64_t *value;
        size_t *size;
    } known[] = {
        {"door", &p->door, NULL},     {"unassigned", &p->unassigned, NULL},
        {"late", &p->late, NULL},     {"busy", &p->busy, NULL},
        {"pay", &p->pay, NULL},       {"soon", &p->soon, NULL},
        {"fade", &p->fade, NULL},     {"near", NULL, &p->near},
        {"chains", NULL, &p->chains}, {"bundles", NULL, &p->bundles},
    };
    const char *value = strchr(word, '=');

    for (size_t i = 0; value != NULL && i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == (size_t)(value - word) &&
            strncmp(word, known[i].name, (size_t)(value - word)) == 0) {
            if (known[i].size != NULL)
                *known[i].size = strtoull(value + 1, NULL, 10);
            else
                *known[i].value = strtoll(value + 1, NULL, 10);
            return true;
        }
    return false;
}

static const struct live_policy standard = {
    .door = 100,
    .late = 2,
    .busy = 1,
    .unassigned = 100 * 150 * MINUTE,
    .pay = 1000,
    .chains = 3,
    .hour = 60 * MINUTE,
    .ahead = MINUTE,
    .near = 25,
    .bundles = 5,
    .soon = 12 * MINUTE,
    .fade = 10 * MINUTE,
};

int
main(int argc, char **argv)
{
    struct game g = {.policy = standard, .attempts = 4, .position = true};
    uint64_t seed = 1;
    int status = 1;

    if (argc < 3) {
        fprintf(stderr, "bench_mdrp INSTANCE OUT [--seed K] [--no-preposition] [--attempts N]\n");
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "--no-preposition") == 0) {
            g.position = false;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--attempts") == 0 && i + 1 < argc) {
            g.attempts = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--policy") == 0 && i + 1 < argc &&
                   set_policy(&g, argv[i + 1])) {
            i++;
        } else {
            fprintf(stderr, "bench_mdrp: unknown option %s\n", argv[i]);
            return 2;
        }
    }
    if (mdrp_read(&g.day, argv[1]) != 0)
        return 1;
    if (!game_open(&g, seed) || !play(&g))
        fprintf(stderr, "bench_mdrp: out of memory\n");
    else if (write_all(&g, argv[2]))
        status = 0;
    printf("cpu_s=%.3f epoch_ms=%.2f\n", g.cpu_s, g.longest_ms);
    live_destroy(g.live);
    free(g.coming);
    free(g.number);
    free(g.log);
    mdrp_free(&g.day);
    return status;
}
