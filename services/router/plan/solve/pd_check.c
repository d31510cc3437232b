#include "router/plan/solve/pd_own.h"

#include <stdio.h>
#include <stdlib.h>

static enum lc_err
refuse(struct pd_error *e, const char *list, size_t i, const char *field, const char *expected)
{
    if (e != NULL) {
        if (list == NULL)
            snprintf(e->field, sizeof e->field, "%s", field);
        else
            snprintf(e->field, sizeof e->field, "%s[%zu].%s", list, i, field);
        snprintf(e->expected, sizeof e->expected, "%s", expected);
    }
    return LC_EINVAL;
}

static bool
a_time(int64_t t)
{
    return t >= -PD_TIME_MAX && t <= PD_TIME_MAX;
}

static const char *
bad_visit(const struct pd_problem *p, const struct pd_visit *v, bool pickup, const char **expected)
{
    *expected = "a node of the matrices";
    if (v->node < 0 || v->node >= p->n_nodes)
        return pickup ? "pickup.node" : "dropoff.node";
    *expected = "a time within PD_TIME_MAX";
    if (!a_time(v->open))
        return pickup ? "pickup.open" : "dropoff.open";
    *expected = "a time within PD_TIME_MAX and not before it opens";
    if (!a_time(v->close) || v->close < v->open)
        return pickup ? "pickup.close" : "dropoff.close";
    *expected = "0 to PD_FIXED_MAX";
    if (v->service < 0 || v->service > PD_FIXED_MAX)
        return pickup ? "pickup.service" : "dropoff.service";
    return NULL;
}

static enum lc_err
check_request(const struct pd_problem *p, size_t i, struct pd_error *e)
{
    const struct pd_request *q = &p->requests[i];
    const char *expected = NULL;
    const char *field = NULL;

    if (q->pickup.node != PD_NOWHERE)
        field = bad_visit(p, &q->pickup, true, &expected);
    if (field == NULL)
        field = bad_visit(p, &q->dropoff, false, &expected);
    if (field != NULL)
        return refuse(e, "requests", i, field, expected);
    for (int d = 0; d < PD_LOADS; d++)
        if (q->load[d] < 0 || q->load[d] > PD_LOAD_MAX)
            return refuse(e, "requests", i, "load", "0 to PD_LOAD_MAX in each dimension");
    if (q->vehicle < PD_ANY || q->vehicle >= (int64_t)p->n_vehicles)
        return refuse(e, "requests", i, "vehicle", "a vehicle or PD_ANY");
    if (q->vehicle == PD_ANY && q->pickup.node == PD_NOWHERE)
        return refuse(e, "requests", i, "vehicle", "the vehicle that carries the goods");
    if (q->unserved < 0 || q->unserved > PD_COST_MAX)
        return refuse(e, "requests", i, "unserved", "0 to PD_COST_MAX");
    if (q->late < 0 || q->late > PD_PRICE_MAX)
        return refuse(e, "requests", i, "late", "0 to PD_PRICE_MAX");
    if (q->wait < 0 || q->wait > PD_PRICE_MAX)
        return refuse(e, "requests", i, "wait", "0 to PD_PRICE_MAX");
    return LC_OK;
}

enum { PICKED = 1, DROPPED = 2, FIXED = 4, ELSEWHERE = 8 };

/* Steps of vehicle v: in order, complete, its own. seen: of each request. */
static enum lc_err
check_steps(const struct pd_problem *p, size_t v, char *seen, struct pd_error *e)
{
    const struct pd_vehicle *c = &p->vehicles[v];

    if (c->n_steps > 0 && c->steps == NULL)
        return refuse(e, "vehicles", v, "steps", "an array of n_steps");
    if (c->n_fixed > c->n_steps)
        return refuse(e, "vehicles", v, "n_fixed", "at most n_steps");
    for (size_t k = 0; k < c->n_steps; k++) {
        int32_t r = c->steps[k].request;
        if (r < 0 || r >= (int64_t)p->n_requests)
            return refuse(e, "vehicles", v, "steps", "requests of the problem");
        const struct pd_request *q = &p->requests[r];
        bool carried = q->pickup.node == PD_NOWHERE;
        if (!c->steps[k].dropoff && (carried || seen[r] != 0))
            return refuse(e, "vehicles", v, "steps", "each pickup once, before its drop-off");
        if (c->steps[k].dropoff &&
            (carried ? seen[r] != 0 : (seen[r] & (PICKED | DROPPED | ELSEWHERE)) != PICKED))
            return refuse(e, "vehicles", v, "steps", "each drop-off once, behind its pickup");
        if (q->vehicle != PD_ANY && q->vehicle != (int64_t)v)
            return refuse(e, "vehicles", v, "steps", "requests that are not another vehicle's");
        seen[r] = (char)(seen[r] | (c->steps[k].dropoff ? DROPPED : PICKED) |
                         (k < c->n_fixed ? FIXED : 0));
    }
    for (size_t k = 0; k < c->n_steps; k++) {
        if (seen[c->steps[k].request] == PICKED)
            return refuse(e, "vehicles", v, "steps", "the drop-off of every pickup not fixed");
        seen[c->steps[k].request] |= ELSEWHERE;
    }
    return LC_OK;
}

/* What each vehicle has aboard and is committed to pick up, all at once, must fit a load's range.
 */
static enum lc_err
check_aboard(const struct pd_problem *p, struct pd_error *e)
{
    int64_t(*sum)[PD_LOADS] = calloc(p->n_vehicles, sizeof *sum);

    if (sum == NULL)
        return LC_ENOMEM;
    enum lc_err err = LC_OK;
    for (size_t r = 0; r < p->n_requests; r++)
        for (int d = 0; d < PD_LOADS && p->requests[r].pickup.node == PD_NOWHERE; d++)
            sum[p->requests[r].vehicle][d] += p->requests[r].load[d];
    for (size_t v = 0; v < p->n_vehicles && err == LC_OK; v++) {
        for (size_t k = 0; k < p->vehicles[v].n_fixed; k++)
            for (int d = 0; d < PD_LOADS && !p->vehicles[v].steps[k].dropoff; d++)
                sum[v][d] += p->requests[p->vehicles[v].steps[k].request].load[d];
        for (int d = 0; d < PD_LOADS; d++)
            if (sum[v][d] > PD_LOAD_MAX)
                err =
                    refuse(e, "vehicles", v, "steps", "at most PD_LOAD_MAX carried and committed");
    }
    free(sum);
    return err;
}

static enum lc_err
check_vehicle(const struct pd_problem *p, size_t i, struct pd_error *e)
{
    const struct pd_vehicle *c = &p->vehicles[i];

    if (c->start < 0 || c->start >= p->n_nodes)
        return refuse(e, "vehicles", i, "start", "a node of the matrices");
    if (c->end < PD_NOWHERE || c->end >= p->n_nodes)
        return refuse(e, "vehicles", i, "end", "a node of the matrices or PD_NOWHERE");
    if (!a_time(c->shift_start))
        return refuse(e, "vehicles", i, "shift_start", "a time within PD_TIME_MAX");
    if (!a_time(c->shift_end) || c->shift_end < c->shift_start)
        return refuse(e, "vehicles", i, "shift_end", "a time not before shift_start");
    for (int d = 0; d < PD_LOADS; d++)
        if (c->capacity[d] < 0 || c->capacity[d] > PD_LOAD_MAX)
            return refuse(e, "vehicles", i, "capacity", "0 to PD_LOAD_MAX in each dimension");
    if (c->matrix < 0 || c->matrix >= (int64_t)p->n_matrices)
        return refuse(e, "vehicles", i, "matrix", "one of the matrices");
    if (c->fixed < 0 || c->fixed > PD_FIXED_MAX)
        return refuse(e, "vehicles", i, "fixed", "0 to PD_FIXED_MAX");
    return LC_OK;
}

static enum lc_err
check_matrix(const struct pd_problem *p, size_t i, struct pd_error *e)
{
    const struct pd_matrix *x = &p->matrices[i];
    size_t n = (size_t)p->n_nodes * (size_t)p->n_nodes;

    if (x->time == NULL || x->cost == NULL)
        return refuse(e, "matrices", i, "time", "arrays of n_nodes x n_nodes");
    for (size_t k = 0; k < n; k++) {
        if (x->time[k] < 0 || x->time[k] > PD_FIXED_MAX)
            return refuse(e, "matrices", i, "time", "0 to PD_FIXED_MAX");
        if (x->cost[k] < 0 || x->cost[k] > PD_FIXED_MAX)
            return refuse(e, "matrices", i, "cost", "0 to PD_FIXED_MAX");
    }
    return LC_OK;
}

enum lc_err
pd_check(const struct pd_problem *p, const struct pd_options *o, struct pd_error *e)
{
    enum lc_err err = LC_OK;
    char *seen = NULL;

    if (p->n_nodes < 1 || p->n_nodes > 32767)
        return refuse(e, NULL, 0, "n_nodes", "1 to 32767");
    if (p->n_matrices < 1 || p->matrices == NULL)
        return refuse(e, NULL, 0, "n_matrices", "at least 1");
    if (p->n_requests > 65535 || (p->n_requests > 0 && p->requests == NULL))
        return refuse(e, NULL, 0, "n_requests", "at most 65535");
    if (p->n_vehicles < 1 || p->n_vehicles > 65535 || p->vehicles == NULL)
        return refuse(e, NULL, 0, "n_vehicles", "1 to 65535");
    if (o->threads < 0 || o->threads > PD_THREADS)
        return refuse(e, NULL, 0, "threads", "0 to PD_THREADS");
    for (size_t i = 0; err == LC_OK && i < p->n_matrices; i++)
        err = check_matrix(p, i, e);
    for (size_t i = 0; err == LC_OK && i < p->n_requests; i++)
        err = check_request(p, i, e);
    for (size_t i = 0; err == LC_OK && i < p->n_bans; i++) {
        if (p->bans[i].request < 0 || p->bans[i].request >= (int64_t)p->n_requests)
            return refuse(e, "bans", i, "request", "one of the requests");
        if (p->bans[i].vehicle < 0 || p->bans[i].vehicle >= (int64_t)p->n_vehicles)
            return refuse(e, "bans", i, "vehicle", "one of the vehicles");
    }
    if (err == LC_OK && (seen = calloc(p->n_requests + 1, 1)) == NULL)
        return LC_ENOMEM;
    for (size_t i = 0; err == LC_OK && i < p->n_vehicles; i++) {
        err = check_vehicle(p, i, e);
        if (err == LC_OK)
            err = check_steps(p, i, seen, e);
    }
    if (err == LC_OK)
        err = check_aboard(p, e);
    free(seen);
    return err;
}
