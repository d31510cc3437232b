#include "router/plan/solve/pd_own.h"

#include <pthread.h>
#include <stdlib.h>

struct pd_solver {
    struct pd_model *m;
    struct pd_search *search[PD_THREADS];
    int n;
    struct pd_rounds *rounds; /* NULL: not large enough for parts */
};

enum lc_err
pd_solver_new(const struct pd_problem *problem, const struct pd_options *options,
              struct pd_solver **solver, struct pd_error *error)
{
    enum lc_err err = pd_check(problem, options, error);

    if (err != LC_OK)
        return err;
    struct pd_solver *s = calloc(1, sizeof *s);
    if (s == NULL)
        return LC_ENOMEM;
    s->m = pd_model_new(problem);
    s->n = options->threads > 1 ? options->threads : 1;
    for (int i = 0; s->m != NULL && i < s->n; i++) {
        s->search[i] = pd_search_new(s->m, options->fewest_vehicles, options->iterations,
                                     options->seed + (uint64_t)i * 1000003, s->m->n_cars);
        if (s->search[i] == NULL) {
            pd_solver_free(s);
            return LC_ENOMEM;
        }
    }
    if (s->m != NULL && s->m->n_free >= PD_LARGE)
        s->rounds = pd_rounds_new(s->search, s->n, options->seed);
    if (s->m == NULL || (s->m->n_free >= PD_LARGE && s->rounds == NULL)) {
        pd_solver_free(s);
        return LC_ENOMEM;
    }
    *solver = s;
    return LC_OK;
}

void
pd_solver_free(struct pd_solver *s)
{
    if (s == NULL)
        return;
    pd_rounds_free(s->rounds);
    for (int i = 0; i < s->n; i++)
        pd_search_free(s->search[i]);
    pd_model_free(s->m);
    free(s);
}

struct share {
    struct pd_search *search;
    uint64_t iterations;
};

static void *
run_share(void *arg)
{
    const struct share *share = arg;

    pd_search_run(share->search, share->iterations);
    return NULL;
}

enum lc_err
pd_run(struct pd_solver *s, uint64_t iterations)
{
    struct share share[PD_THREADS] = {{0}};
    pthread_t thread[PD_THREADS];
    bool failed = false;
    int started = 1;

    if (s->rounds != NULL)
        return pd_rounds_run(s->rounds, iterations) ? LC_OK : LC_ENOMEM;
    for (int i = 0; i < s->n; i++)
        share[i] = (struct share){s->search[i], iterations};
    while (started < s->n &&
           pthread_create(&thread[started], NULL, run_share, &share[started]) == 0)
        started++;
    run_share(&share[0]);
    for (int i = 1; i < started; i++)
        pthread_join(thread[i], NULL);
    for (int i = started; i < s->n; i++) /* one after the other, then: the same plan, later */
        run_share(&share[i]);
    if (s->n > 1)
        pd_search_exchange(s->search, s->n);
    for (int i = 0; i < s->n; i++)
        failed |= s->search[i]->failed;
    return failed ? LC_ENOMEM : LC_OK;
}

void
pd_expect(struct pd_solver *s, uint64_t iterations)
{
    for (int i = 0; i < s->n; i++)
        pd_search_expect(s->search[i], iterations);
}

struct pd_figures
pd_figures(const struct pd_solver *s)
{
    const struct pd_best *b = &s->search[0]->best;
    struct pd_figures f = {(size_t)b->n_left, (size_t)b->used, b->cost, 0};

    for (int i = 0; i < s->n; i++)
        f.iterations += s->search[i]->done;
    return f;
}

size_t
pd_route(const struct pd_solver *s, size_t vehicle, struct pd_step *out, size_t max)
{
    const struct pd_best *b = &s->search[0]->best;
    size_t n = (size_t)b->n[vehicle];

    for (size_t k = 0; k < n && k < max; k++)
        out[k] = (struct pd_step){b->stops[vehicle][k] / 2, b->stops[vehicle][k] % 2 == 1};
    return n;
}

bool
pd_served(const struct pd_solver *s, size_t request)
{
    const struct pd_best *b = &s->search[0]->best;

    for (int32_t k = 0; k < b->n_left; k++)
        if (b->left[k] == (int32_t)request)
            return false;
    return true;
}
