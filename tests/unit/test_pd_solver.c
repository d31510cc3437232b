#include "pd_world.h"
#include "router/plan/solve/pd_own.h"
#include "unit.h"

static struct pd_world world;

static struct pd_solver *
solved(struct pd_world *w, struct pd_options o, uint64_t slice)
{
    struct pd_solver *s = NULL;
    struct pd_error e = {"", ""};

    enum lc_err err = pd_solver_new(&w->p, &o, &s, &e);
    if (err != LC_OK) {
        printf("refused: %s: expected %s\n", e.field, e.expected);
        CU_FAIL_FATAL("the problem is refused");
        return NULL;
    }
    for (uint64_t k = 0; k < o.iterations; k += slice)
        CU_ASSERT_EQUAL(pd_run(s, slice), LC_OK);
    return s;
}

static void
expect_valid(const struct pd_world *w, const struct pd_solver *s, uint64_t seed)
{
    char why[80];

    world_check(w, s, why);
    if (why[0] != '\0')
        printf("seed %llu: %s\n", (unsigned long long)seed, why);
    CU_ASSERT_EQUAL(why[0], '\0');
}

static bool
same_plan(const struct pd_world *w, const struct pd_solver *a, const struct pd_solver *b)
{
    struct pd_step x[2 * WORLD_REQUESTS], y[2 * WORLD_REQUESTS];

    for (size_t v = 0; v < w->p.n_vehicles; v++) {
        size_t n = pd_route(a, v, x, 2 * WORLD_REQUESTS);
        if (n != pd_route(b, v, y, 2 * WORLD_REQUESTS))
            return false;
        for (size_t k = 0; k < n; k++)
            if (x[k].request != y[k].request || x[k].dropoff != y[k].dropoff)
                return false;
    }
    return true;
}

static void
test_pd_run_keeps_every_rule(void)
{
    const char *many = getenv("LC_DAYS");
    uint64_t worlds = many != NULL ? strtoull(many, NULL, 10) : 150;

    for (uint64_t seed = 1; seed <= worlds; seed++) {
        world_random(&world, seed, 4 + (int32_t)seed % 21, 2 + (int32_t)seed % 5, seed % 3 == 0);
        if (seed % 2 == 0)
            world_commit(&world);
        struct pd_options o = {seed, 400, seed % 4 < 2, 0};
        struct pd_solver *s = solved(&world, o, 50);
        expect_valid(&world, s, seed);
        pd_solver_free(s);
    }
}

static void
test_pd_run_is_the_same_from_the_same_seed(void)
{
    for (int threads = 1; threads <= 3; threads += 2) {
        world_random(&world, 9, 30, 6, false);
        struct pd_options o = {42, 3000, true, threads};
        struct pd_solver *a = solved(&world, o, 500);
        struct pd_solver *b = solved(&world, o, 500);
        CU_ASSERT(same_plan(&world, a, b));
        CU_ASSERT_EQUAL(pd_figures(a).iterations, 3000u * (unsigned)threads);
        pd_solver_free(a);
        pd_solver_free(b);
    }
}

static void
test_pd_run_does_not_mind_its_slices(void)
{
    world_random(&world, 5, 24, 5, true);
    struct pd_options o = {7, 2000, false, 1};
    struct pd_solver *a = solved(&world, o, 2000);
    struct pd_solver *b = solved(&world, o, 8);

    CU_ASSERT(same_plan(&world, a, b));
    pd_solver_free(a);
    pd_solver_free(b);
}

/* Neither the time for fewer vehicles, which is measured in these, nor a vehicle more for a while
 * depends on how a search is cut into calls. */
static void
test_pd_run_of_eighty_requests_keeps_every_rule(void)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        world_random(&world, seed, 90, 20, seed == 3);
        world_metric(&world, seed != 2);
        if (seed == 2)
            world_commit(&world);
        struct pd_options o = {seed, 4000, true, 1};
        struct pd_solver *a = solved(&world, o, 4000);
        struct pd_solver *b = solved(&world, o, 500);
        expect_valid(&world, a, seed);
        CU_ASSERT(same_plan(&world, a, b));
        CU_ASSERT_EQUAL(pd_figures(a).iterations, 4000);
        pd_solver_free(a);
        pd_solver_free(b);
    }
}

/* Large enough to be searched in parts: the rules hold, and neither the slices nor the moment at
 * which threads meet change the plan. */
static void
test_pd_run_in_parts_keeps_every_rule(void)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        world_random(&world, seed, WORLD_REQUESTS, WORLD_CARS, seed % 3 == 0);
        if (seed % 2 == 0)
            world_commit(&world);
        struct pd_options o = {seed, 6000, seed % 4 < 2, (int)(seed % 3)};
        struct pd_solver *a = solved(&world, o, 6000);
        struct pd_solver *b = solved(&world, o, 700);
        expect_valid(&world, a, seed);
        CU_ASSERT_EQUAL(pd_run(a, 9 * 700 - 6000), LC_OK);
        CU_ASSERT(same_plan(&world, a, b));
        pd_solver_free(a);
        pd_solver_free(b);
    }
}

/* Told in the midst of it that fewer or more iterations are to come, and each time what was thought
 * before: the rules hold, and hearing what one knows changes nothing. */
static void
test_pd_expect_changes_how_long_the_rest_is(void)
{
    static const uint64_t to_come[] = {700, 5000, 12000};

    for (size_t k = 0; k < sizeof to_come / sizeof *to_come; k++) {
        world_random(&world, k + 1, k % 2 == 0 ? WORLD_REQUESTS : 90, WORLD_CARS, false);
        world_metric(&world, true);
        struct pd_options o = {k + 1, 6000, true, 1};
        struct pd_solver *told[2];
        for (int twice = 0; twice < 2; twice++) {
            told[twice] = NULL;
            CU_ASSERT_EQUAL(pd_solver_new(&world.p, &o, &told[twice], NULL), LC_OK);
            if (twice)
                pd_expect(told[twice], 6000);
            CU_ASSERT_EQUAL(pd_run(told[twice], 3000), LC_OK);
            pd_expect(told[twice], to_come[k]);
            if (twice)
                pd_expect(told[twice], to_come[k]);
            CU_ASSERT_EQUAL(pd_run(told[twice], to_come[k]), LC_OK);
            expect_valid(&world, told[twice], o.seed);
        }
        CU_ASSERT(same_plan(&world, told[0], told[1]));
        pd_solver_free(told[0]);
        pd_solver_free(told[1]);
    }
}

/* Nothing more, a last one, and more than anybody waits for: the search goes on all the same. */
static void
test_pd_expect_takes_any_number(void)
{
    static const uint64_t to_come[] = {0, 1, (uint64_t)1 << 40, UINT64_MAX, 0};
    struct pd_options o = {3, 6000, true, 1};
    struct pd_solver *s = NULL;

    world_random(&world, 3, 90, WORLD_CARS, false);
    world_metric(&world, true);
    CU_ASSERT_EQUAL(pd_solver_new(&world.p, &o, &s, NULL), LC_OK);
    for (size_t k = 0; k < sizeof to_come / sizeof *to_come; k++) {
        CU_ASSERT_EQUAL(pd_run(s, 400), LC_OK);
        pd_expect(s, to_come[k]);
    }
    CU_ASSERT_EQUAL(pd_run(s, 400), LC_OK);
    expect_valid(&world, s, o.seed);
    pd_solver_free(s);
}

/* A search cools as far in what is left as it would have in what was thought. */
static void
test_pd_expect_goes_on_where_the_cooling_is(void)
{
    world_random(&world, 5, 20, 4, false);
    struct pd_model *m = pd_model_new(&world.p);
    struct pd_search *s = pd_search_new(m, false, 8000, 1, m->n_cars);

    pd_search_run(s, 600);
    uint64_t cooled = pd_search_cooled(s, s->done);
    uint64_t end = s->to;
    CU_ASSERT(cooled > 0 && s->done < end);
    pd_search_expect(s, 2 * (8000 - 600));
    CU_ASSERT_EQUAL(pd_search_cooled(s, s->done), cooled);
    CU_ASSERT_EQUAL(s->to, 600 + 2 * (end - 600) + 1);
    CU_ASSERT(pd_search_cooled(s, s->to - 1) > 65000);
    pd_search_run(s, s->to - s->done);
    CU_ASSERT(pd_search_over(s));
    pd_search_free(s);
    pd_model_free(m);
}

/* What a triangle rules out is what would be late anyway: the promise changes the time, not the
 * plan. */
static void
test_pd_run_finds_the_same_when_a_metric_is_promised(void)
{
    for (uint64_t seed = 1; seed <= 18; seed++) {
        struct pd_options o = {seed, 800, seed % 4 < 2, 0};
        struct pd_solver *s[2];
        for (int promised = 0; promised < 2; promised++) {
            world_random(&world, seed, 10 + (int32_t)seed * 2, 1 + (int32_t)seed % 6, false);
            world_metric(&world, promised);
            if (seed % 3 == 0)
                world_commit(&world);
            s[promised] = solved(&world, o, 800);
            expect_valid(&world, s[promised], seed);
        }
        CU_ASSERT(same_plan(&world, s[0], s[1]));
        pd_solver_free(s[0]);
        pd_solver_free(s[1]);
    }
}

/* 160 requests, of which about nine vehicles can take care. */
static void
world_of_routes(int64_t wider)
{
    world_random(&world, 1, 160, 20, false);
    world_metric(&world, true);
    for (size_t r = 0; r < world.p.n_requests; r++) {
        world.requests[r].pickup.close += wider;
        world.requests[r].dropoff.close += wider;
        world.requests[r].unserved = 0;
    }
    for (size_t v = 0; v < world.p.n_vehicles; v++)
        world.vehicles[v].shift_end += wider;
}

/* In a large plan an iteration for fewer vehicles can take as long as fifty for less cost; it must
 * not take the time that these are to have. */
static void
test_pd_rounds_keep_time_for_the_cost(void)
{
    world_of_routes(3000);
    struct pd_model *m = pd_model_new(&world.p);
    struct pd_search *s = pd_search_new(m, true, 5000, 1, 20);
    struct pd_rounds *r = pd_rounds_new(&s, 1, 1);
    CU_ASSERT(pd_rounds_run(r, 5000));
    CU_ASSERT(s->cost_done >= 2500);
    CU_ASSERT((s->work - s->cost_work) * 10 < s->cost_work * 8); /* nine routes: no parts */
    pd_rounds_free(r);
    pd_search_free(s);
    pd_model_free(m);
}

/* How often, of 600 looks at a search, a vehicle more was lent, in use, and given back with
 * somebody left out. Where every route has a request of its own vehicle, none can be dissolved. */
static void
count_detours(bool pinned, int seen[3])
{
    world_of_routes(300);
    struct pd_options o = {1, 1000, true, 0};
    struct pd_solver *first = solved(&world, o, 1000);
    for (size_t i = 0; i < world.p.n_requests; i++) {
        if (!pd_served(first, i)) /* whom nobody can serve at all */
            world.requests[i].unserved = 1;
        if (!pinned)
            world.requests[i].vehicle = PD_ANY;
    }
    pd_solver_free(first);
    struct pd_model *m = pd_model_new(&world.p);
    struct pd_search *s = pd_search_new(m, true, 6000, 1, 20);
    struct pd_rounds *r = pd_rounds_new(&s, 1, 1);
    for (int k = 0; k < 600; k++) {
        CU_ASSERT_FATAL(pd_rounds_run(r, 10));
        CU_ASSERT(pinned || s->n_live <= s->best.used + (s->detour ? 1 : 0) || s->turn == 0);
        seen[0] += s->detour;
        seen[1] += s->detour && s->n_live > s->best.used;
        seen[2] += (s->soft || s->squeezed) && !s->detour;
    }
    CU_ASSERT(s->best.must == 0);
    pd_rounds_free(r);
    pd_search_free(s);
    pd_model_free(m);
}

/* A vehicle more at a cycle's beginning is only lent: it goes back, and all fit without it or the
 * best plan is taken up again. */
static void
test_pd_rounds_give_the_vehicle_more_back(void)
{
    int seen[2][3] = {{0}};

    count_detours(false, seen[0]);
    count_detours(true, seen[1]);
    CU_ASSERT(seen[0][0] > 0 && seen[0][0] < 400);
    CU_ASSERT(seen[0][1] > 0 && seen[0][2] > 0);
    CU_ASSERT_EQUAL(seen[1][0], 0);
}

/* Every plan of a small world, vehicle by vehicle. */
struct brute {
    struct pd_step steps[WORLD_CARS][16];
    size_t n[WORLD_CARS];
    size_t must;
    size_t used;
    int64_t cost; /* of the best */
    bool fewest;
};

static void
judge(struct brute *b)
{
    int state[WORLD_REQUESTS] = {0};
    int64_t cost = 0;
    size_t must = 0, used = 0;
    char why[80];

    for (size_t v = 0; v < world.p.n_vehicles; v++) {
        used += b->n[v] > 0;
        if (!world_drive(&world, (int32_t)v, b->steps[v], b->n[v], state, &cost, why))
            return;
    }
    for (size_t r = 0; r < world.p.n_requests; r++) {
        if (state[r] > 0)
            return;
        must += state[r] == 0 && world.requests[r].unserved == 0;
        cost += state[r] == 0 ? world.requests[r].unserved : 0;
    }
    bool better = must != b->must                ? must < b->must
                  : b->fewest && used != b->used ? used < b->used
                                                 : cost < b->cost;
    if (better) {
        b->must = must;
        b->used = used;
        b->cost = cost;
    }
}

static void
try_all(struct brute *b, size_t v, int *given)
{
    if (v == world.p.n_vehicles) {
        judge(b);
        return;
    }
    try_all(b, v + 1, given);
    size_t n = b->n[v];
    for (int32_t r = 0; r < (int32_t)world.p.n_requests; r++) {
        if (given[r] != 0 && given[r] != (int)v + 1)
            continue;
        b->steps[v][n] = (struct pd_step){r, given[r] != 0};
        int before = given[r];
        given[r] = before == 0 ? (int)v + 1 : -1;
        b->n[v] = n + 1;
        try_all(b, v, given);
        b->n[v] = n;
        given[r] = before;
    }
}

static void
test_pd_run_finds_what_trying_all_finds(void)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct brute b = {
            .must = SIZE_MAX, .used = SIZE_MAX, .cost = INT64_MAX, .fewest = seed % 2};
        int given[WORLD_REQUESTS] = {0};
        world_random(&world, seed, 3, 2 + (int32_t)seed % 2, seed % 3 == 0);
        try_all(&b, 0, given);
        struct pd_options o = {seed, 600, b.fewest, 0};
        struct pd_solver *s = solved(&world, o, 600);
        expect_valid(&world, s, seed);
        if (pd_figures(s).cost != b.cost)
            printf("seed %llu: cost %lld, best %lld\n", (unsigned long long)seed,
                   (long long)pd_figures(s).cost, (long long)b.cost);
        CU_ASSERT_EQUAL(pd_figures(s).cost, b.cost);
        pd_solver_free(s);
    }
}

static void
test_pd_solver_new_starts_from_the_proposal(void)
{
    struct pd_step steps[6];

    world_random(&world, 3, 12, 3, false);
    struct pd_options o = {1, 2000, false, 0};
    struct pd_solver *s = solved(&world, o, 2000);
    int64_t cost = pd_figures(s).cost;
    size_t unserved = pd_figures(s).unserved;
    for (size_t v = 0; v < world.p.n_vehicles; v++) {
        world.vehicles[v].steps = world.steps[v];
        world.vehicles[v].n_steps = pd_route(s, v, world.steps[v], 2 * WORLD_REQUESTS);
    }
    pd_solver_free(s);
    s = solved(&world, o, 3000); /* one slice: rounded up */
    CU_ASSERT(pd_figures(s).cost <= cost);
    CU_ASSERT_EQUAL(pd_figures(s).unserved, unserved);
    expect_valid(&world, s, 3);
    CU_ASSERT_EQUAL(pd_route(s, 0, steps, 0), pd_route(s, 0, steps, 6));
    pd_solver_free(s);
}

static void
test_pd_solver_new_takes_nothing_to_do(void)
{
    world_random(&world, 2, 0, 2, false);
    world.p.n_bans = 0;
    struct pd_options o = {1, 100, true, 2};
    struct pd_solver *s = solved(&world, o, 100);

    CU_ASSERT_EQUAL(pd_figures(s).vehicles, 0);
    CU_ASSERT_EQUAL(pd_figures(s).cost, 0);
    pd_solver_free(s);
}

UNIT_MAIN("pd_solver", UNIT(test_pd_run_keeps_every_rule),
          UNIT(test_pd_run_is_the_same_from_the_same_seed),
          UNIT(test_pd_run_does_not_mind_its_slices), UNIT(test_pd_run_in_parts_keeps_every_rule),
          UNIT(test_pd_expect_changes_how_long_the_rest_is), UNIT(test_pd_expect_takes_any_number),
          UNIT(test_pd_expect_goes_on_where_the_cooling_is),
          UNIT(test_pd_run_of_eighty_requests_keeps_every_rule),
          UNIT(test_pd_run_finds_the_same_when_a_metric_is_promised),
          UNIT(test_pd_rounds_keep_time_for_the_cost),
          UNIT(test_pd_rounds_give_the_vehicle_more_back),
          UNIT(test_pd_run_finds_what_trying_all_finds),
          UNIT(test_pd_solver_new_starts_from_the_proposal),
          UNIT(test_pd_solver_new_takes_nothing_to_do))
