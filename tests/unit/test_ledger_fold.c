/* Folding the ledger: whatever is folded, in whatever portions, the books say the same. */
#include "base/record.h"
#include "inventory/audit.h"
#include "inventory/ledger_fold.h"
#include "unit.h"

enum { STORES = 3, SKUS = 5, BLOCKS = 3, APART = 70, ENTRIES = 400 };

static struct buf fields[ENTRIES];
static struct buf bases[STORES][BLOCKS];
static uint64_t dice_state;

static unsigned
dice(unsigned n)
{
    dice_state = dice_state * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (unsigned)(dice_state >> 33) % n;
}

static void
put(struct buf *b, uint32_t store, uint8_t cause, uint32_t sku, int32_t available, int32_t on_hand)
{
    buf_str(b, cause == LEDGER_FEED ? "feed 0                              "
                                    : "00000000-0000-8000-8000-000000000000");
    buf_u32(b, store);
    buf_u8(b, cause);
    buf_u8(b, 0);
    buf_u16(b, 1);
    buf_u32(b, sku);
    buf_u32(b, (uint32_t)available);
    buf_u32(b, (uint32_t)on_hand);
}

/* make_ledger: a city that lives: feeds, and orders that take, give back, carry away and return. */
static void
make_ledger(uint64_t seed, bool oversells)
{
    int32_t available[STORES][SKUS] = {{0}}, held[STORES][SKUS] = {{0}};

    dice_state = seed;
    for (int i = 0; i < ENTRIES; i++) {
        buf_reset(&fields[i]);
        for (unsigned n = 1 + dice(3); n > 0; n--) {
            uint32_t store = dice(STORES), sku = dice(SKUS) * APART;
            int32_t *a = &available[store][sku / APART], *h = &held[store][sku / APART];
            switch (dice(4)) {
            case 0:
                put(&fields[i], store, LEDGER_FEED, sku, 5, 5);
                *a += 5;
                break;
            case 1:
                if (*a > 0 || (oversells && dice(3) == 0)) {
                    put(&fields[i], store, LEDGER_RESERVE, sku, -1, 0);
                    --*a;
                    ++*h;
                }
                break;
            case 2:
                if (*h > 0) {
                    put(&fields[i], store, LEDGER_COMMIT, sku, 0, -1);
                    --*h;
                }
                break;
            default:
                if (*h > 0 && dice(2) == 0) {
                    put(&fields[i], store, LEDGER_RELEASE, sku, 1, 0);
                    --*h;
                    ++*a;
                } else {
                    put(&fields[i], store, LEDGER_RETURN, sku, 1, 1);
                    ++*a;
                }
            }
        }
    }
}

struct said {
    struct audit_fault faults[STORES * SKUS * 4];
    size_t n;
};

static void
note(void *ctx, const struct audit_fault *f)
{
    struct said *s = ctx;

    if (s->n < sizeof s->faults / sizeof *s->faults)
        s->faults[s->n] = *f;
    s->n++;
}

/* Without levels every sum is a fault that names it: so all sums are compared. */
static struct audit_totals
books(int from, struct said *said)
{
    struct audit *a = audit_new();
    const char empty[8 * (SKUS * APART + 5)] = {0};

    memset(said, 0, sizeof *said);
    for (uint32_t s = 0; s < STORES; s++) {
        CU_ASSERT_EQUAL(
            audit_levels(a, s, slice_of(empty, sizeof empty), slice_of(empty, sizeof empty)),
            LC_OK);
        for (int block = 0; from > 0 && block < BLOCKS; block++)
            CU_ASSERT_EQUAL(audit_ledger(a, buf_slice(&bases[s][block])), LC_OK);
    }
    for (int i = from; i < ENTRIES; i++)
        CU_ASSERT_EQUAL(audit_ledger(a, buf_slice(&fields[i])), LC_OK);
    (void)audit_check(a, note, said);
    struct audit_totals t = audit_sum(a);
    audit_free(a);
    return t;
}

static bool
keep_base(void *ctx, uint32_t store, uint32_t block, struct slice value)
{
    (void)ctx;
    CU_ASSERT_FATAL(store < STORES && block < BLOCKS);
    buf_reset(&bases[store][block]);
    buf_append(&bases[store][block], value.p, value.n);
    return true;
}

static void
empty_bases(void)
{
    for (int s = 0; s < STORES; s++)
        for (int block = 0; block < BLOCKS; block++)
            buf_free(&bases[s][block]);
}

static void
fold(int from, int to)
{
    struct ledger_fold *f = ledger_fold_new();

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    for (uint32_t i = 0; i < STORES * BLOCKS; i++) {
        uint32_t s = i / BLOCKS, block = i % BLOCKS;
        struct slice value = buf_slice(&bases[s][block]);
        CU_ASSERT_FALSE(ledger_fold_knows(f, s, block));
        CU_ASSERT_EQUAL(ledger_fold_base(f, s, block, value), LC_OK);
        CU_ASSERT_TRUE(ledger_fold_knows(f, s, block));
        CU_ASSERT_EQUAL(ledger_fold_base(f, s, block, value), LC_EEXIST);
    }
    for (int i = from; i < to; i++)
        CU_ASSERT_EQUAL(ledger_fold_entries(f, buf_slice(&fields[i])), LC_OK);
    CU_ASSERT_TRUE(ledger_fold_each(f, keep_base, NULL));
    ledger_fold_free(f);
}

static void
test_books_say_the_same_however_the_ledger_was_folded(void)
{
    unsigned oversold = 0;

    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct said whole, rest;
        make_ledger(seed, seed % 2 == 0);
        struct audit_totals all = books(0, &whole);
        empty_bases();
        CU_ASSERT_TRUE(seed % 2 == 0 || all.oversold == 0);
        oversold += all.oversold > 0;
        for (int at = 0; at < ENTRIES;) {
            int to = at + 1 + (int)dice(90);
            to = to < ENTRIES ? to : ENTRIES;
            fold(at, to);
            at = to;
            struct audit_totals t = books(at, &rest);
            CU_ASSERT_EQUAL(t.sold, all.sold);
            CU_ASSERT_EQUAL(t.oversold, all.oversold);
            CU_ASSERT_EQUAL(rest.n, whole.n);
            for (size_t i = 0; i < whole.n && i < rest.n; i++) {
                CU_ASSERT_EQUAL(rest.faults[i].check, whole.faults[i].check);
                CU_ASSERT_EQUAL(rest.faults[i].expected, whole.faults[i].expected);
            }
        }
        CU_ASSERT_TRUE(whole.n > 0);
    }
    CU_ASSERT(oversold > 15);
    for (int i = 0; i < ENTRIES; i++)
        buf_free(&fields[i]);
    empty_bases();
}

static void
test_what_was_taken_and_not_there_is_told_and_stays(void)
{
    struct ledger_fold *f = ledger_fold_new();
    struct buf b = {0};

    put(&b, 1, LEDGER_FEED, 3, 1, 1);
    put(&b, 1, LEDGER_RESERVE, 3, -3, 0);
    CU_ASSERT_EQUAL(ledger_fold_entries(f, buf_slice(&b)), LC_EINVAL); /* whose base is not known */
    CU_ASSERT_EQUAL(ledger_fold_base(f, 1, 0, slice_of(NULL, 0)), LC_OK);
    CU_ASSERT_EQUAL(ledger_fold_entries(f, buf_slice(&b)), LC_OK);
    CU_ASSERT_EQUAL(ledger_fold_oversold(f), 2);
    CU_ASSERT_TRUE(ledger_fold_each(f, keep_base, NULL));
    ledger_fold_free(f);
    /* and it is told once */
    f = ledger_fold_new();
    CU_ASSERT_EQUAL(ledger_fold_base(f, 1, 0, buf_slice(&bases[1][0])), LC_OK);
    CU_ASSERT_EQUAL(ledger_fold_oversold(f), 0);
    ledger_fold_free(f);
    struct audit *a = audit_new();
    CU_ASSERT_EQUAL(audit_ledger(a, buf_slice(&bases[1][0])), LC_OK);
    (void)audit_check(a, NULL, NULL);
    CU_ASSERT_EQUAL(audit_sum(a).oversold, 2);
    audit_free(a);
    buf_free(&b);
    empty_bases();
}

static void
test_a_base_that_is_not_its_stores_or_its_blocks_or_cut_is_refused(void)
{
    struct ledger_fold *f = ledger_fold_new();
    struct buf b = {0};

    put(&b, 2, LEDGER_FEED, LEDGER_BLOCK, 1, 1);
    CU_ASSERT_EQUAL(ledger_fold_base(f, 1, 1, buf_slice(&b)), LC_EINVAL);
    CU_ASSERT_EQUAL(ledger_fold_base(f, 2, 0, buf_slice(&b)), LC_EINVAL);
    CU_ASSERT_EQUAL(ledger_fold_base(f, 2, 1, slice_of(b.p, b.n - 1)), LC_EINVAL);
    CU_ASSERT_EQUAL(ledger_fold_whole(f, 3, buf_slice(&b)), LC_EINVAL);
    ledger_fold_free(f);
    buf_free(&b);
}

static bool
count_block(void *ctx, uint32_t store, uint32_t block, struct slice value)
{
    struct cursor c = {.p = value.p, .n = value.n};
    struct ledger_entry e;
    size_t *n = ctx;

    CU_ASSERT_EQUAL(store, 0);
    while (ledger_next(&c, &e) == LC_OK)
        for (size_t i = 0; i < e.n; i++) {
            struct ledger_change change = ledger_change_at(&e, i);
            CU_ASSERT_EQUAL(change.sku_index / LEDGER_BLOCK, block);
            CU_ASSERT_EQUAL(change.available, 2);
            CU_ASSERT_EQUAL(change.on_hand, 3);
            ++*n;
        }
    CU_ASSERT(value.n < 2000);
    return true;
}

static void
test_a_base_in_one_piece_becomes_blocks(void)
{
    struct ledger_fold *f = ledger_fold_new();
    struct buf b = {0};
    size_t n = 0;
    enum { MANY = 70000 };

    for (uint32_t sku = 0; sku < MANY; sku++)
        put(&b, 0, LEDGER_FEED, sku, 2, 3);
    CU_ASSERT_EQUAL(ledger_fold_whole(f, 0, buf_slice(&b)), LC_OK);
    CU_ASSERT_EQUAL(ledger_fold_base(f, 0, 0, slice_of(NULL, 0)), LC_EEXIST);
    CU_ASSERT_TRUE(ledger_fold_each(f, count_block, &n));
    CU_ASSERT_EQUAL(n, MANY);
    ledger_fold_free(f);
    buf_free(&b);
}

UNIT_MAIN("ledger_fold", UNIT(test_books_say_the_same_however_the_ledger_was_folded),
          UNIT(test_what_was_taken_and_not_there_is_told_and_stays),
          UNIT(test_a_base_that_is_not_its_stores_or_its_blocks_or_cut_is_refused),
          UNIT(test_a_base_in_one_piece_becomes_blocks))
