#include "check_pdptw.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define LATE 1e-6 /* what is forgiven */

struct task {
    double x, y, demand, from, until, takes;
    int before; /* its pickup, when it is a delivery */
    int after;  /* its delivery */
    int route;  /* 0 = none yet */
};

struct instance {
    struct task *t;
    int n;
    int fleet;
    double capacity;
};

static bool
load(const char *path, struct instance *in)
{
    FILE *f = fopen(path, "r");
    double speed;
    int id, room = 0;

    if (f == NULL)
        return false;
    bool ok = fscanf(f, "%d %lf %lf", &in->fleet, &in->capacity, &speed) == 3;
    while (ok) {
        struct task t = {0};
        int got = fscanf(f, "%d%lf%lf%lf%lf%lf%lf%d%d", &id, &t.x, &t.y, &t.demand, &t.from,
                         &t.until, &t.takes, &t.before, &t.after);
        if (got == EOF)
            break;
        ok = got == 9 && id == in->n;
        if (ok && in->n == room) {
            room = 2 * room + 128;
            struct task *more = realloc(in->t, (size_t)room * sizeof *more);
            ok = more != NULL;
            in->t = ok ? more : in->t;
        }
        if (ok)
            in->t[in->n++] = t;
    }
    fclose(f);
    return ok && in->n > 0;
}

static double
way(const struct task *a, const struct task *b)
{
    return hypot(a->x - b->x, a->y - b->y);
}

/* Drives one route; false, with the reason, when it breaks a rule. */
static bool
drive(struct instance *in, const int *route, int number, struct checked *out)
{
    const struct task *at = &in->t[0];
    double clock = at->from;
    double aboard = 0;

    for (; *route != -1; route++) {
        if (*route < 1 || *route >= in->n) {
            snprintf(out->why, sizeof out->why, "route %d: no task %d", number, *route);
            return false;
        }
        struct task *to = &in->t[*route];
        const char *why = NULL;
        clock = fmax(clock + at->takes + way(at, to), to->from);
        out->distance += way(at, to);
        aboard += to->demand;
        if (to->route != 0)
            why = "is served twice";
        else if (clock > to->until + LATE)
            why = "is late";
        else if (aboard > in->capacity)
            why = "is too much to carry";
        else if (to->before != 0 && in->t[to->before].route != number)
            why = "comes without its pickup before it in the route";
        if (why != NULL) {
            snprintf(out->why, sizeof out->why, "route %d: task %d %s", number, *route, why);
            return false;
        }
        to->route = number;
        at = to;
    }
    clock += at->takes + way(at, &in->t[0]);
    out->distance += way(at, &in->t[0]);
    if (clock > in->t[0].until + LATE) {
        snprintf(out->why, sizeof out->why, "route %d: back too late", number);
        return false;
    }
    if (aboard != 0) {
        snprintf(out->why, sizeof out->why, "route %d: comes home loaded", number);
        return false;
    }
    return true;
}

struct checked
check_pdptw(const char *path, const int *routes, int fleet)
{
    struct checked out = {0};
    struct instance in = {0};

    if (!load(path, &in)) {
        snprintf(out.why, sizeof out.why, "the checker cannot read the instance");
        goto out;
    }
    while (*routes != -1) {
        if (!drive(&in, routes, ++out.vehicles, &out))
            goto out;
        while (*routes++ != -1)
            continue;
    }
    if (out.vehicles > (fleet > 0 ? fleet : in.fleet))
        snprintf(out.why, sizeof out.why, "%d vehicles", out.vehicles);
    for (int i = 1; i < in.n; i++) {
        if (in.t[i].after == 0)
            continue;
        out.unserved += in.t[i].route == 0;
        if (in.t[i].route != in.t[in.t[i].after].route)
            snprintf(out.why, sizeof out.why, "task %d: picked up, never delivered", i);
    }
out:
    free(in.t);
    return out;
}
