#include "lilim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct row {
    int id;
    double x, y;
    int demand;
    double ready, due, service;
    int pickup, dropoff;
};

enum { MOST_ROWS = 4096 };

/* The solver counts in millionths (less when arcs would not fit), arcs rounded up. So a plan in
 * time there is in time in double precision: every arc is at least as long. And what is in time in
 * double precision with a slack of a millionth an arc is in time there. Rounding up keeps the
 * triangle. */
static void
fill_arcs(struct lilim *x, const struct row *rows, int n)
{
    double longest = 1;

    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            longest = fmax(longest, hypot(rows[i].x - rows[j].x, rows[i].y - rows[j].y));
    x->scale = 1e6;
    while (longest * x->scale > (double)PD_FIXED_MAX)
        x->scale /= 2;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            double dx = rows[i].x - rows[j].x;
            double dy = rows[i].y - rows[j].y;
            x->arcs[i * n + j] = (int32_t)ceil(sqrt(dx * dx + dy * dy) * x->scale - 1e-4);
        }
    }
}

static struct pd_visit
visit(const struct lilim *x, const struct row *r)
{
    return (struct pd_visit){
        .node = r->id,
        .open = (int64_t)(r->ready * x->scale),
        .close = (int64_t)(r->due * x->scale),
        .service = (int64_t)(r->service * x->scale),
    };
}

static struct lilim *
build(const struct row *rows, int n, int vehicles, int capacity)
{
    struct lilim *x = calloc(1, sizeof *x);
    int requests = 0;

    if (x == NULL)
        return NULL;
    x->arcs = calloc((size_t)n * (size_t)n, sizeof *x->arcs);
    x->requests = calloc((size_t)n, sizeof *x->requests);
    x->pickup_id = calloc((size_t)n, sizeof *x->pickup_id);
    x->dropoff_id = calloc((size_t)n, sizeof *x->dropoff_id);
    x->vehicles = calloc((size_t)vehicles, sizeof *x->vehicles);
    if (!x->arcs || !x->requests || !x->pickup_id || !x->dropoff_id || !x->vehicles) {
        lilim_free(x);
        return NULL;
    }
    fill_arcs(x, rows, n);
    for (int i = 1; i < n; i++) {
        if (rows[i].dropoff == 0)
            continue;
        const struct row *d = &rows[rows[i].dropoff];
        x->requests[requests] = (struct pd_request){
            .pickup = visit(x, &rows[i]),
            .dropoff = visit(x, d),
            .load = {rows[i].demand},
            .vehicle = PD_ANY,
        };
        x->pickup_id[requests] = rows[i].id;
        x->dropoff_id[requests] = d->id;
        requests++;
    }
    for (int v = 0; v < vehicles; v++)
        x->vehicles[v] = (struct pd_vehicle){
            .shift_start = (int64_t)(rows[0].ready * x->scale),
            .shift_end = (int64_t)(rows[0].due * x->scale),
            .capacity = {capacity},
        };
    x->n_tasks = n - 1;
    x->matrix = (struct pd_matrix){x->arcs, x->arcs, true};
    x->problem = (struct pd_problem){
        .n_nodes = n,
        .matrices = &x->matrix,
        .n_matrices = 1,
        .requests = x->requests,
        .n_requests = (size_t)requests,
        .vehicles = x->vehicles,
        .n_vehicles = (size_t)vehicles,
    };
    return x;
}

struct lilim *
lilim_read(const char *path, int fleet)
{
    FILE *f = fopen(path, "r");
    struct row *rows = calloc(MOST_ROWS, sizeof *rows);
    struct lilim *x = NULL;
    int vehicles, capacity, n = 0;
    double speed;

    if (f == NULL || rows == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
        goto out;
    }
    if (fscanf(f, "%d %d %lf", &vehicles, &capacity, &speed) != 3 || vehicles < 1) {
        fprintf(stderr, "%s: line 1: expected vehicles, capacity and speed\n", path);
        goto out;
    }
    for (struct row r; n < MOST_ROWS; n++) {
        int got = fscanf(f, "%d %lf %lf %d %lf %lf %lf %d %d", &r.id, &r.x, &r.y, &r.demand,
                         &r.ready, &r.due, &r.service, &r.pickup, &r.dropoff);
        if (got == EOF)
            break;
        if (got != 9 || r.id != n) {
            fprintf(stderr, "%s: row %d: expected nine numbers, the id first\n", path, n);
            goto out;
        }
        rows[n] = r;
    }
    for (int i = 0; i < n; i++) {
        int mate = rows[i].dropoff;
        if (mate != 0 && (mate < 0 || mate >= n || rows[mate].pickup != i)) {
            fprintf(stderr, "%s: row %d: delivery is no row that names it as pickup\n", path, i);
            goto out;
        }
    }
    x = n > 0 ? build(rows, n, fleet > 0 ? fleet : vehicles, capacity) : NULL;
out:
    free(rows);
    if (f != NULL)
        fclose(f);
    return x;
}

void
lilim_free(struct lilim *x)
{
    if (x == NULL)
        return;
    free(x->arcs);
    free(x->requests);
    free(x->pickup_id);
    free(x->dropoff_id);
    free(x->vehicles);
    free(x);
}
