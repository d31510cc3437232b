/* Judges a day as it was written down: replays the three files against the instance by the rules of
 * shared/data/README.md and computes the figures. Shares no code with the dispatcher or the driver.
 *
 *     bench_mdrp_check INSTANCE SOLUTION
 *
 * Prints name=value figures, and what is violated on stderr; exit 1 when anything is. */
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 24, LINE = 4096 };
static const double EPS = 1e-6;

struct spot {
    char name[NAME];
    double x, y;
};
struct order {
    struct spot at;
    double placed, ready;
    int restaurant;
    int times; /* in how many assignments */
    int courier;
    double pickup, door; /* by the replay */
    double said_pickup, said_door;
    char said_courier[NAME];
    bool said;
};
struct courier {
    struct spot at;
    double on, off;
    double busy;
    int orders;
    int *moves;   /* indices, in the file's sequence */
    int *bundles; /* by pickup */
    int n_moves, n_bundles;
};
struct move {
    int courier;
    double leave;
    char from[NAME], to[NAME];
};
struct bundle {
    int courier;
    double assigned, pickup;
    int *orders;
    int n;
};

static struct order *orders;
static struct courier *couriers;
static struct spot *shops;
static struct move *moves;
static struct bundle *bundles;
static int n_orders, n_couriers, n_shops, n_moves, n_bundles, violations;
static double speed, pickup_service, dropoff_service, target, longest, per_order, per_hour;

__attribute__((format(printf, 1, 2))) static void
violation(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (violations++ < 20) {
        fprintf(stderr, "violation: ");
        vfprintf(stderr, format, args);
        fprintf(stderr, "\n");
    }
    va_end(args);
}

static void
give_up(const char *what, const char *why)
{
    fprintf(stderr, "mdrp_check: %s: %s\n", what, why);
    exit(1);
}

static void *
more(void *list, int n, size_t size)
{
    if ((n & (n - 1)) != 0)
        return list;
    void *p = realloc(list, (size_t)(n == 0 ? 1 : 2 * n) * size);
    if (p == NULL)
        give_up("memory", "none left");
    return p;
}

static FILE *
open_file(const char *dir, const char *name)
{
    char path[1024], line[LINE];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    if (f == NULL || fgets(line, sizeof line, f) == NULL)
        give_up(path, "cannot be read");
    return f;
}

static int
find_shop(const char *name)
{
    for (int i = 0; i < n_shops; i++)
        if (strcmp(shops[i].name, name) == 0)
            return i;
    return -1;
}

static int
find_courier(const char *name)
{
    for (int i = 0; i < n_couriers; i++)
        if (strcmp(couriers[i].at.name, name) == 0)
            return i;
    return -1;
}

static int
find_order(const char *name)
{
    for (int i = 0; i < n_orders; i++)
        if (strcmp(orders[i].at.name, name) == 0)
            return i;
    return -1;
}

static void
read_instance(const char *dir)
{
    char line[LINE], from[NAME];
    FILE *f = open_file(dir, "restaurants.txt");

    while (fgets(line, sizeof line, f) != NULL) {
        struct spot s;
        if (sscanf(line, "%23s %lf %lf", s.name, &s.x, &s.y) != 3)
            continue;
        shops = more(shops, n_shops, sizeof *shops);
        shops[n_shops++] = s;
    }
    fclose(f);
    f = open_file(dir, "couriers.txt");
    while (fgets(line, sizeof line, f) != NULL) {
        struct courier c = {.n_moves = 0};
        if (sscanf(line, "%23s %lf %lf %lf %lf", c.at.name, &c.at.x, &c.at.y, &c.on, &c.off) != 5)
            continue;
        couriers = more(couriers, n_couriers, sizeof *couriers);
        couriers[n_couriers++] = c;
    }
    fclose(f);
    f = open_file(dir, "orders.txt");
    while (fgets(line, sizeof line, f) != NULL) {
        struct order o = {.courier = -1};
        if (sscanf(line, "%23s %lf %lf %lf %23s %lf", o.at.name, &o.at.x, &o.at.y, &o.placed, from,
                   &o.ready) != 6)
            continue;
        o.restaurant = find_shop(from);
        if (o.restaurant < 0)
            give_up(from, "no such restaurant");
        orders = more(orders, n_orders, sizeof *orders);
        orders[n_orders++] = o;
    }
    fclose(f);
    f = open_file(dir, "instance_parameters.txt");
    if (fscanf(f, "%lf %lf %lf %lf %lf %lf %lf", &speed, &pickup_service, &dropoff_service, &target,
               &longest, &per_order, &per_hour) != 7)
        give_up("instance_parameters.txt", "seven numbers expected");
    fclose(f);
}

static void
read_bundles(const char *dir)
{
    char line[LINE], *save;
    FILE *f = open_file(dir, "solution_info_assignments.txt");

    while (fgets(line, sizeof line, f) != NULL) {
        struct bundle b = {.n = 0};
        char *word = strtok_r(line, " \t\r\n", &save);
        if (word == NULL)
            continue;
        b.assigned = atof(word);
        word = strtok_r(NULL, " \t\r\n", &save);
        b.pickup = word == NULL ? NAN : atof(word);
        word = strtok_r(NULL, " \t\r\n", &save);
        b.courier = word == NULL ? -1 : find_courier(word);
        if (b.courier < 0)
            give_up("assignments", "a line without a known courier");
        while ((word = strtok_r(NULL, " \t\r\n", &save)) != NULL) {
            int o = find_order(word);
            if (o < 0)
                give_up(word, "no such order");
            b.orders = more(b.orders, b.n, sizeof *b.orders);
            b.orders[b.n++] = o;
        }
        if (b.n == 0)
            give_up("assignments", "a line without an order");
        struct courier *c = &couriers[b.courier];
        c->bundles = more(c->bundles, c->n_bundles, sizeof *c->bundles);
        c->bundles[c->n_bundles++] = n_bundles;
        bundles = more(bundles, n_bundles, sizeof *bundles);
        bundles[n_bundles++] = b;
    }
    fclose(f);
}

static void
read_moves(const char *dir)
{
    char line[LINE], who[NAME];
    FILE *f = open_file(dir, "solution_info_couriers.txt");

    while (fgets(line, sizeof line, f) != NULL) {
        struct move m;
        if (sscanf(line, "%23s %lf %23s %23s", who, &m.leave, m.from, m.to) != 4)
            continue;
        m.courier = find_courier(who);
        if (m.courier < 0)
            give_up(who, "no such courier");
        struct courier *c = &couriers[m.courier];
        c->moves = more(c->moves, c->n_moves, sizeof *c->moves);
        c->moves[c->n_moves++] = n_moves;
        moves = more(moves, n_moves, sizeof *moves);
        moves[n_moves++] = m;
    }
    fclose(f);
}

static void
read_orders(const char *dir)
{
    char line[LINE], name[NAME], placed[NAME], ready[NAME], pickup[NAME], door[NAME], who[NAME];
    FILE *f = open_file(dir, "solution_info_orders.txt");

    while (fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "%23s %23s %23s %23s %23s %23s", name, placed, ready, pickup, door, who) !=
            6)
            continue;
        int o = find_order(name);
        if (o < 0)
            give_up(name, "no such order");
        if (orders[o].said)
            violation("%s: twice in the orders' file", name);
        orders[o].said = true;
        orders[o].said_pickup = atof(pickup);
        orders[o].said_door = atof(door);
        memcpy(orders[o].said_courier, who, sizeof who);
        if (fabs(atof(placed) - orders[o].placed) > EPS ||
            fabs(atof(ready) - orders[o].ready) > EPS)
            violation("%s: placement or ready time differs from the instance", name);
    }
    fclose(f);
}

/* ---- the replay ---- */

static const struct spot *
place_of(const char *name, const struct courier *c)
{
    int i;

    if (strcmp(name, "0") == 0 || strcmp(name, c->at.name) == 0)
        return &c->at;
    if ((i = find_shop(name)) >= 0)
        return &shops[i];
    if ((i = find_order(name)) >= 0)
        return &orders[i].at;
    return NULL;
}

static double
minutes(const struct spot *a, const struct spot *b)
{
    return ceil(hypot(a->x - b->x, a->y - b->y) / speed);
}

struct state { /* of a courier in the replay */
    const struct spot *at;
    double since; /* arrived, or free there */
    int move, bundle;
};

/* One drive: from where it is, not before it may. */
static bool
drive(const struct courier *c, struct state *s, const struct spot **to, double *arrive)
{
    const struct move *m = &moves[c->moves[s->move++]];
    const struct spot *from = place_of(m->from, c);

    *to = place_of(m->to, c);
    if (from == NULL || *to == NULL) {
        violation("%s: unknown place in %s -> %s", c->at.name, m->from, m->to);
        return false;
    }
    if (from != s->at)
        violation("%s: leaves %s at %g but is at %s", c->at.name, m->from, m->leave, s->at->name);
    if (m->leave < s->since - EPS)
        violation("%s: leaves %s at %g, free from %g", c->at.name, m->from, m->leave, s->since);
    *arrive = m->leave + minutes(from, *to);
    return true;
}

static void
deliver(struct courier *c, struct state *s, const struct bundle *b)
{
    double ready = -INFINITY;

    for (int i = 0; i < b->n; i++) {
        struct order *o = &orders[b->orders[i]];
        ready = fmax(ready, o->ready);
        if (&shops[o->restaurant] != s->at)
            violation("%s: %s is not picked up at %s", c->at.name, o->at.name, s->at->name);
        if (b->assigned < o->placed - EPS)
            violation("%s: assigned at %g, placed at %g", o->at.name, b->assigned, o->placed);
        if (o->times++ > 0)
            violation("%s: in more than one assignment", o->at.name);
        o->courier = b->courier;
        o->pickup = b->pickup;
    }
    if (b->pickup < ready - EPS || b->pickup < s->since + pickup_service / 2 - EPS ||
        b->pickup < b->assigned - EPS)
        violation("%s: picks up at %g; ready %g, there %g, assigned %g", c->at.name, b->pickup,
                  ready, s->since, b->assigned);
    if (b->pickup > c->off + EPS)
        violation("%s: picks up at %g, off at %g", c->at.name, b->pickup, c->off);
    s->since = b->pickup + pickup_service / 2;
    c->busy += pickup_service;
    for (int i = 0; i < b->n; i++) {
        struct order *o = &orders[b->orders[i]];
        const struct spot *to;
        double arrive;
        if (s->move == c->n_moves || !drive(c, s, &to, &arrive)) {
            violation("%s: no way to %s", c->at.name, o->at.name);
            return;
        }
        if (to != &o->at)
            violation("%s: drives to %s, not to %s", c->at.name, to->name, o->at.name);
        double waited = moves[c->moves[s->move - 1]].leave - s->since;
        if (waited > EPS)
            violation("%s: waits %g with goods", c->at.name, waited);
        c->busy += minutes(s->at, to) + dropoff_service;
        o->door = arrive + dropoff_service / 2;
        s->at = to;
        s->since = o->door + dropoff_service / 2;
        c->orders++;
    }
}

static void
replay(struct courier *c)
{
    struct state s = {.at = &c->at, .since = c->on};

    for (;;) {
        const struct bundle *b = s.bundle < c->n_bundles ? &bundles[c->bundles[s.bundle]] : NULL;
        const struct move *m = s.move < c->n_moves ? &moves[c->moves[s.move]] : NULL;
        if (b != NULL && (m == NULL || b->pickup < m->leave + EPS)) {
            s.bundle++;
            deliver(c, &s, b);
        } else if (m != NULL) {
            const struct spot *to;
            double arrive;
            if (!drive(c, &s, &to, &arrive))
                return;
            if (find_shop(to->name) < 0 || to != &shops[find_shop(to->name)])
                violation("%s: drives empty to %s, no restaurant", c->at.name, to->name);
            c->busy += minutes(s.at, to);
            s.at = to;
            s.since = arrive;
        } else {
            return;
        }
    }
}

static void
compare_with_said(void)
{
    for (int i = 0; i < n_orders; i++) {
        const struct order *o = &orders[i];
        if (!o->said)
            violation("%s: not in the orders' file", o->at.name);
        if (o->times == 0) {
            if (!isnan(o->said_door))
                violation("%s: said to be delivered, never assigned", o->at.name);
            continue;
        }
        if (fabs(o->said_pickup - o->pickup) > EPS || fabs(o->said_door - o->door) > EPS ||
            strcmp(o->said_courier, couriers[o->courier].at.name) != 0)
            violation("%s: said %g/%g by %s, replayed %g/%g", o->at.name, o->said_pickup,
                      o->said_door, o->said_courier, o->pickup, o->door);
    }
}

/* ---- figures ---- */

static int
ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void
print_figures(void)
{
    double *door = calloc((size_t)n_orders + 1, sizeof *door);
    double sum = 0, rtd = 0, rtp = 0, over = 0, pay = 0, use = 0;
    int n = 0, late = 0;

    if (door == NULL)
        give_up("memory", "none left");
    for (int i = 0; i < n_orders; i++) {
        const struct order *o = &orders[i];
        if (o->times == 0)
            continue;
        double ctd = o->door - o->placed;
        door[n++] = ctd;
        sum += ctd;
        rtd += o->door - o->ready;
        rtp += o->pickup - o->ready;
        over += fmax(0, ctd - target);
        late += ctd > longest + EPS;
    }
    qsort(door, (size_t)n, sizeof *door, ascending);
    double at = 0.9 * (n - 1);
    int low = n > 0 ? (int)at : 0;
    double p90 = n == 0 ? NAN : door[low];
    if (low + 1 < n)
        p90 += (at - low) * (door[low + 1] - door[low]);
    for (int i = 0; i < n_couriers; i++) {
        const struct courier *c = &couriers[i];
        pay += fmax(per_order * c->orders, per_hour * (c->off - c->on) / 60);
        if (c->off > c->on)
            use += c->busy / (c->off - c->on);
    }
    printf("orders=%d undelivered=%d undelivered_pct=%.3f ctd=%.3f p90=%.2f rtd=%.3f rtp=%.3f "
           "over=%.3f cost=%.3f per_bundle=%.3f use=%.3f over_90=%d violations=%d\n",
           n_orders, n_orders - n, 100.0 * (n_orders - n) / n_orders, sum / n, p90, rtd / n,
           rtp / n, over / n, pay / n, (double)n / n_bundles, use / n_couriers, late, violations);
    free(door);
}

int
main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "bench_mdrp_check INSTANCE SOLUTION\n");
        return 2;
    }
    read_instance(argv[1]);
    read_bundles(argv[2]);
    read_moves(argv[2]);
    read_orders(argv[2]);
    for (int i = 0; i < n_couriers; i++)
        replay(&couriers[i]);
    compare_with_said();
    print_figures();
    return violations > 0;
}
