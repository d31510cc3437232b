/* personal: sealed, opened, and unreadable in every other case. */
#include "unit/unit.h"

#include "base/personal.h"

#include <stdlib.h>

static const struct uuid ada = {{1, 2, 3}}, bob = {{1, 2, 4}};
static struct personal_master master;
static struct chance chance;
static struct arena *arena;

static void
fresh(void)
{
    static const struct city_secret secret = {{7}};

    arena_destroy(arena);
    arena = arena_new(1 << 20);
    personal_master_of(&secret, &master);
    chance = (struct chance){0};
    for (uint64_t i = 0; i < CHANCE_ENOUGH; i++)
        chance_stir(&chance, 0x9e3779b97f4a7c15u * (i + 1));
}

/* seal: an order's data; the caller frees b. */
static void
seal(struct uuid order, const char *address, const char *phone, struct buf *b)
{
    Lifecircle__V1__Personal p = LIFECIRCLE__V1__PERSONAL__INIT;
    Lifecircle__V1__Contact c = LIFECIRCLE__V1__CONTACT__INIT;

    p.address = (char *)(uintptr_t)address;
    p.customer = &c;
    c.phone = (char *)(uintptr_t)phone;
    CU_ASSERT_EQUAL_FATAL(personal_seal(&master, &chance, order, &p, b), LC_OK);
}

static enum lc_err
open_it(struct uuid order, struct slice sealed)
{
    const Lifecircle__V1__Personal *p = NULL;

    return personal_open(&master, order, sealed, arena, &p);
}

static void
test_what_is_sealed_is_opened(void)
{
    const Lifecircle__V1__Personal *p = NULL;
    struct buf b = {0};

    fresh();
    seal(ada, "3000 Fait Ave", "+14105550123", &b);
    CU_ASSERT_EQUAL_FATAL(personal_open(&master, ada, buf_slice(&b), arena, &p), LC_OK);
    CU_ASSERT_STRING_EQUAL(p->address, "3000 Fait Ave");
    CU_ASSERT_STRING_EQUAL(p->customer->phone, "+14105550123");
    CU_ASSERT_PTR_NULL(memmem(b.p, b.n, "Fait", 4));
    buf_free(&b);
}

static void
test_nothing_is_sealed_as_nothing(void)
{
    struct buf b = {0};

    fresh();
    seal(ada, "", "", &b);
    CU_ASSERT_EQUAL(b.n, 0);
    CU_ASSERT_EQUAL(open_it(ada, buf_slice(&b)), LC_ENOTFOUND);
}

static void
test_another_order_or_city_cannot_open_it(void)
{
    static const struct city_secret other = {{8}};
    struct buf b = {0};

    fresh();
    seal(ada, "3000 Fait Ave", "", &b);
    CU_ASSERT_EQUAL(open_it(bob, buf_slice(&b)), LC_EDENIED);
    personal_master_of(&other, &master);
    CU_ASSERT_EQUAL(open_it(ada, buf_slice(&b)), LC_EDENIED);
    buf_free(&b);
}

/* The key of one order is no key for the data of another, and no byte can be changed or left out.
 */
static void
test_no_changed_byte_is_opened(void)
{
    struct buf b = {0};
    size_t opened = 0;

    fresh();
    seal(ada, "3000 Fait Ave", "+14105550123", &b);
    for (size_t i = 0; i < b.n; i++) {
        b.p[i] = (char)(b.p[i] ^ 1);
        opened += open_it(ada, buf_slice(&b)) == LC_OK;
        b.p[i] = (char)(b.p[i] ^ 1);
        opened += open_it(ada, slice_of(b.p, i)) == LC_OK;
    }
    CU_ASSERT_EQUAL(opened, 0);
    CU_ASSERT_EQUAL(open_it(ada, buf_slice(&b)), LC_OK);
    buf_free(&b);
}

static void
test_the_same_data_are_never_sealed_the_same(void)
{
    struct buf a = {0}, b = {0};

    fresh();
    seal(ada, "3000 Fait Ave", "", &a);
    seal(ada, "3000 Fait Ave", "", &b);
    CU_ASSERT_FALSE(slice_eq(buf_slice(&a), buf_slice(&b)));
    buf_free(&a);
    buf_free(&b);
}

/* ... but for the same events, or a recording could not be replayed. */
static void
test_the_same_events_seal_the_same(void)
{
    struct buf a = {0}, b = {0};

    fresh();
    seal(ada, "3000 Fait Ave", "", &a);
    fresh();
    seal(ada, "3000 Fait Ave", "", &b);
    CU_ASSERT_TRUE(slice_eq(buf_slice(&a), buf_slice(&b)));
    buf_free(&a);
    buf_free(&b);
}

static void
test_length_tells_little(void)
{
    struct buf a = {0}, b = {0};

    fresh();
    seal(ada, "1 A St", "+14105550123", &a);
    seal(ada, "22 B Ave", "+14105550123", &b);
    CU_ASSERT_EQUAL(a.n, b.n);
    buf_free(&a);
    buf_free(&b);
}

static void
test_nothing_is_drawn_before_there_is_enough_chance(void)
{
    struct chance c = {0};
    uint8_t out[32];

    for (uint64_t i = 1; i < CHANCE_ENOUGH; i++)
        chance_stir(&c, i);
    CU_ASSERT_EQUAL(chance_draw(&c, out, sizeof out), LC_EAGAIN);
    chance_stir(&c, 99);
    CU_ASSERT_EQUAL(chance_draw(&c, out, sizeof out), LC_OK);
}

/* drawn_after: the second draw after 40 events, of which one is another than usual (-1: none). */
static void
drawn_after(int other, uint8_t out[CHANCE_DRAW_MAX])
{
    struct chance c = {0};
    uint8_t first[CHANCE_DRAW_MAX];

    for (int i = 0; i < 40; i++)
        chance_stir(&c, i == other ? 77 : (uint64_t)i * 0x9e3779b97f4a7c15u);
    CU_ASSERT_EQUAL(chance_draw(&c, first, sizeof first), LC_OK);
    CU_ASSERT_EQUAL(chance_draw(&c, out, CHANCE_DRAW_MAX), LC_OK);
    CU_ASSERT_NOT_EQUAL(memcmp(first, out, CHANCE_DRAW_MAX), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(first, c.pool, sizeof c.pool), 0);
}

static void
test_every_event_counts_in_what_is_drawn(void)
{
    uint8_t usual[CHANCE_DRAW_MAX], again[CHANCE_DRAW_MAX];

    drawn_after(-1, usual);
    drawn_after(-1, again);
    CU_ASSERT_EQUAL(memcmp(usual, again, sizeof usual), 0);
    for (int i = 0; i < 40; i++) {
        drawn_after(i, again);
        CU_ASSERT_NOT_EQUAL(memcmp(usual, again, sizeof usual), 0);
    }
}

static void
test_fingerprint_is_of_the_payload_and_the_city(void)
{
    static const struct city_secret other = {{8}};
    struct personal_master theirs;

    fresh();
    personal_master_of(&other, &theirs);
    uint64_t one = personal_fingerprint(&master, SLICE_LIT("one"));
    CU_ASSERT_EQUAL(personal_fingerprint(&master, SLICE_LIT("one")), one);
    CU_ASSERT_NOT_EQUAL(personal_fingerprint(&master, SLICE_LIT("two")), one);
    CU_ASSERT_NOT_EQUAL(personal_fingerprint(&theirs, SLICE_LIT("one")), one);
    arena_destroy(arena);
    arena = NULL;
}

UNIT_MAIN("personal", UNIT(test_what_is_sealed_is_opened), UNIT(test_nothing_is_sealed_as_nothing),
          UNIT(test_another_order_or_city_cannot_open_it), UNIT(test_no_changed_byte_is_opened),
          UNIT(test_the_same_data_are_never_sealed_the_same),
          UNIT(test_the_same_events_seal_the_same), UNIT(test_length_tells_little),
          UNIT(test_nothing_is_drawn_before_there_is_enough_chance),
          UNIT(test_every_event_counts_in_what_is_drawn),
          UNIT(test_fingerprint_is_of_the_payload_and_the_city))
