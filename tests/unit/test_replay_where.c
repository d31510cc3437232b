#include "base/replay.h"
#include "unit/unit.h"

/* What a step may do: a command of two words, and a wake. */
static void
put_effects(struct buf *trace, const char *word, int64_t wake_ms)
{
    struct outbox *o = outbox_new(1 << 20);
    struct slice argv[] = {SLICE_LIT("FCALL"), slice_str(word)};

    outbox_redis(o, 7, argv, 2);
    if (wake_ms > 0)
        outbox_wake(o, wake_ms);
    trace_put_effects(trace, o, 0);
    outbox_destroy(o);
}

/* of: where two steps part; the caller frees. */
static struct replay_where
of(const char *recorded, int64_t recorded_wake_ms, const char *now, int64_t now_wake_ms)
{
    struct buf expected = {0}, got = {0};
    struct replay_where w;

    put_effects(&expected, recorded, recorded_wake_ms);
    put_effects(&got, now, now_wake_ms);
    const struct replay_difference d = {.expected = buf_slice(&expected), .got = buf_slice(&got)};
    CU_ASSERT_EQUAL(replay_where(&d, &w), LC_OK);
    buf_free(&expected);
    buf_free(&got);
    return w;
}

static bool
says(struct buf *b, const char *text)
{
    buf_char(b, '\0');
    b->n--;
    return !b->failed && strcmp(b->p, text) == 0;
}

static void
test_replay_where_shows_both_sides_of_the_effect(void)
{
    struct replay_where w = of("one", 5, "two", 5);

    CU_ASSERT_EQUAL(w.effect, 1);
    CU_ASSERT_TRUE(
        says(&w.recorded, "redis ref=7 status=0 role=0 text=0 at_ms=0 \"FCALL\" \"one\""));
    CU_ASSERT_TRUE(says(&w.now, "redis ref=7 status=0 role=0 text=0 at_ms=0 \"FCALL\" \"two\""));
    replay_where_free(&w);
}

static void
test_replay_where_passes_over_what_is_the_same(void)
{
    struct replay_where w = of("one", 5, "one", 6);

    CU_ASSERT_EQUAL(w.effect, 2);
    CU_ASSERT_TRUE(says(&w.recorded, "wake ref=0 status=0 role=0 text=0 at_ms=5"));
    CU_ASSERT_TRUE(says(&w.now, "wake ref=0 status=0 role=0 text=0 at_ms=6"));
    replay_where_free(&w);
}

static void
test_replay_where_shows_an_effect_that_one_side_lacks(void)
{
    struct replay_where w = of("one", 5, "one", 0);

    CU_ASSERT_EQUAL(w.effect, 2);
    CU_ASSERT_TRUE(says(&w.recorded, "wake ref=0 status=0 role=0 text=0 at_ms=5"));
    CU_ASSERT_EQUAL(w.now.n, 0);
    replay_where_free(&w);
}

static void
test_replay_where_is_nowhere_when_only_the_outcome_differs(void)
{
    struct replay_where w = of("one", 5, "one", 5);

    CU_ASSERT_EQUAL(w.effect, 0);
    CU_ASSERT_EQUAL(w.recorded.n + w.now.n, 0);
    replay_where_free(&w);
}

static void
test_replay_where_cuts_a_long_effect_around_the_difference(void)
{
    char a[20001], b[20001];

    memset(a, 'x', sizeof a - 1);
    a[sizeof a - 1] = '\0';
    memcpy(b, a, sizeof a);
    memcpy(a + 10000, "here", 4);
    struct replay_where w = of(a, 0, b, 0);

    CU_ASSERT_EQUAL(w.effect, 1);
    CU_ASSERT_TRUE(w.recorded.n < 400 && w.now.n == w.recorded.n);
    CU_ASSERT_TRUE(w.recorded.n > 11 && memcmp(w.recorded.p, "redis ref=7 ", 12) == 0);
    CU_ASSERT_PTR_NOT_NULL(memmem(w.recorded.p, w.recorded.n, "xherex", 6));
    CU_ASSERT_PTR_NULL(memmem(w.now.p, w.now.n, "here", 4));
    replay_where_free(&w);
}

static void
test_replay_where_shows_what_it_can_of_damaged_effects(void)
{
    struct buf expected = {0}, got = {0};
    struct replay_where w;

    put_effects(&expected, "one", 5);
    put_effects(&got, "two", 5);
    for (size_t n = 0; n < expected.n; n++) {
        struct replay_difference d = {.expected = slice_of(expected.p, n), .got = buf_slice(&got)};
        CU_ASSERT_EQUAL(replay_where(&d, &w), LC_EINVAL);
        CU_ASSERT_EQUAL(w.effect, 1);
        replay_where_free(&w);
    }
    buf_free(&expected);
    buf_free(&got);
}

UNIT_MAIN("replay_where", UNIT(test_replay_where_shows_both_sides_of_the_effect),
          UNIT(test_replay_where_passes_over_what_is_the_same),
          UNIT(test_replay_where_shows_an_effect_that_one_side_lacks),
          UNIT(test_replay_where_is_nowhere_when_only_the_outcome_differs),
          UNIT(test_replay_where_cuts_a_long_effect_around_the_difference),
          UNIT(test_replay_where_shows_what_it_can_of_damaged_effects))
