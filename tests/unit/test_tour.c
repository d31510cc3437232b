/* One courier's tour: proven against all sequences, searched for against proof, and what is
 * refused.
 */
#include "router/plan/tour/tour.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_NODES = 2 * TOUR_PAIRS_MAX + 2 };

static uint32_t
below(uint64_t *s, uint32_t n)
{
    *s = *s * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((*s >> 33) % n);
}

/* Streets with no symmetry and no triangle. */
static void
fill(int32_t *cost, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n * n; i++)
        cost[i] = (int32_t)below(&seed, 1000);
}

/* A city, with one-way streets. */
static void
fill_city(int32_t *cost, size_t n, uint64_t seed)
{
    int32_t x[MOST_NODES], y[MOST_NODES];

    for (size_t i = 0; i < n; i++) {
        x[i] = (int32_t)below(&seed, 1000);
        y[i] = (int32_t)below(&seed, 1000);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            cost[i * n + j] = abs(x[i] - x[j]) + abs(y[i] - y[j]) + (int32_t)below(&seed, 100);
}

static int64_t
length_of(const int32_t *cost, size_t n, const uint8_t *nodes, size_t stops)
{
    size_t at = 0;
    int64_t sum = 0;

    for (size_t k = 0; k < stops; at = nodes[k++])
        sum += cost[at * n + nodes[k]];
    return sum + cost[at * n + 1];
}

/* Every pair once, the pickup first, and as long as it says. */
static bool
is_tour(const struct tour *t, const int32_t *cost, size_t pairs)
{
    bool seen[MOST_NODES] = {false};

    if (t->n != 2 * pairs)
        return false;
    for (size_t k = 0; k < t->n; k++) {
        uint8_t v = t->nodes[k];
        if (v < 2 || v >= 2 * pairs + 2 || seen[v] || (v % 2 == 1 && !seen[v - 1]))
            return false;
        seen[v] = true;
    }
    return t->cost == length_of(cost, 2 * pairs + 2, t->nodes, t->n);
}

/* By trying all sequences. */
static int64_t
shortest(const int32_t *cost, size_t n, size_t at, uint32_t served)
{
    int64_t best = INT64_MAX;

    if (served == (1U << (n - 2)) - 1)
        return cost[at * n + 1];
    for (size_t v = 2; v < n; v++) {
        bool early = v % 2 == 1 && (served >> (v - 3) & 1) == 0;
        if ((served >> (v - 2) & 1) != 0 || early)
            continue;
        int64_t all = cost[at * n + v] + shortest(cost, n, v, served | 1U << (v - 2));
        best = all < best ? all : best;
    }
    return best;
}

static void
test_tour_of_few_pairs_is_the_shortest_of_all_sequences(void)
{
    int32_t cost[10 * 10];

    for (uint64_t seed = 1; seed <= 60; seed++) {
        size_t pairs = 1 + seed % 4, n = 2 * pairs + 2;
        struct tour t;
        fill(cost, n, seed);
        CU_ASSERT_EQUAL(tour_solve(&(struct tour_problem){pairs, cost}, 1, 0, &t), LC_OK);
        CU_ASSERT_TRUE(t.proven);
        CU_ASSERT_TRUE(is_tour(&t, cost, pairs));
        CU_ASSERT_EQUAL(t.cost, shortest(cost, n, 0, 0));
    }
}

/* A pair more that is nowhere in the way is no reason to find another tour: so the search, which
 * takes over from nine pairs on, is held against the proof of eight. */
static void
test_tour_search_finds_what_is_proven_without_an_idle_pair(void)
{
    enum { FEW = TOUR_PROVEN, MANY = FEW + 1, A = 2 * FEW + 2, B = 2 * MANY + 2 };
    static int32_t few[A * A], many[B * B];

    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct tour x, y;
        fill_city(few, A, seed);
        for (size_t i = 0; i < (size_t)B * B; i++)
            many[i] = 100000;
        for (size_t i = 0; i < A; i++)
            for (size_t j = 0; j < A; j++)
                many[i * B + j] = few[i * A + j];
        many[0 * B + A] = many[A * B + A + 1] = 0; /* it lies at the start */
        for (size_t j = 0; j < A; j++)
            many[(A + 1) * B + j] = few[j];
        CU_ASSERT_EQUAL(tour_solve(&(struct tour_problem){FEW, few}, 1, 0, &x), LC_OK);
        CU_ASSERT_EQUAL(tour_solve(&(struct tour_problem){MANY, many}, seed, 0, &y), LC_OK);
        CU_ASSERT_FALSE(y.proven);
        CU_ASSERT_TRUE(is_tour(&y, many, MANY));
        CU_ASSERT_EQUAL(y.cost, x.cost);
    }
}

static void
test_tour_is_the_same_for_a_seed_and_valid_at_every_size(void)
{
    static int32_t cost[MOST_NODES * MOST_NODES];

    for (size_t pairs = 1; pairs <= TOUR_PAIRS_MAX; pairs += pairs < 12 ? 1 : 23) {
        struct tour x, y;
        fill(cost, 2 * pairs + 2, pairs);
        struct tour_problem p = {pairs, cost};
        CU_ASSERT_EQUAL(tour_solve(&p, 7, 300, &x), LC_OK);
        CU_ASSERT_EQUAL(tour_solve(&p, 7, 300, &y), LC_OK);
        CU_ASSERT_TRUE(is_tour(&x, cost, pairs));
        CU_ASSERT_EQUAL(x.cost, y.cost);
        CU_ASSERT_EQUAL(memcmp(x.nodes, y.nodes, x.n), 0);
    }
}

static void
test_tour_refuses_what_is_none(void)
{
    int32_t cost[16] = {0};
    struct tour t;

    CU_ASSERT_EQUAL(tour_solve(&(struct tour_problem){0, cost}, 1, 0, &t), LC_EINVAL);
    CU_ASSERT_EQUAL(tour_solve(&(struct tour_problem){TOUR_PAIRS_MAX + 1, cost}, 1, 0, &t),
                    LC_EINVAL);
    cost[2] = -1;
    CU_ASSERT_EQUAL(tour_solve(&(struct tour_problem){1, cost}, 1, 0, &t), LC_EINVAL);
    cost[2] = TOUR_COST_MAX + 1;
    CU_ASSERT_EQUAL(tour_solve(&(struct tour_problem){1, cost}, 1, 0, &t), LC_EINVAL);
    cost[2] = TOUR_COST_MAX;
    CU_ASSERT_EQUAL(tour_solve(&(struct tour_problem){1, cost}, 1, 0, &t), LC_OK);
}

UNIT_MAIN("tour", UNIT(test_tour_of_few_pairs_is_the_shortest_of_all_sequences),
          UNIT(test_tour_search_finds_what_is_proven_without_an_idle_pair),
          UNIT(test_tour_is_the_same_for_a_seed_and_valid_at_every_size),
          UNIT(test_tour_refuses_what_is_none))
