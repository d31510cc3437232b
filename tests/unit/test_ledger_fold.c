/* Folding the ledger: whatever is folded, in whatever portions, the books say the same. */
#include "base/record.h"
#include "inventory/audit.h"
#include "inventory/ledger_fold.h"
#include "unit.h"

enum { STORES = 3, SKUS = 5, ENTRIES = 400 };

static struct buf fields[ENTRIES];
static struct buf bases[STORES];
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
make_ledger(uint64_t seed)
{
    int32_t available[STORES][SKUS] = {{0}}, held[STORES][SKUS] = {{0}};

    dice_state = seed;
    for (int i = 0; i < ENTRIES; i++) {
        buf_reset(&fields[i]);
        for (unsigned n = 1 + dice(3); n > 0; n--) {
            uint32_t store = dice(STORES), sku = dice(SKUS) * 7;
            int32_t *a = &available[store][sku / 7], *h = &held[store][sku / 7];
            switch (dice(4)) {
            case 0:
                put(&fields[i], store, LEDGER_FEED, sku, 5, 5);
                *a += 5;
                break;
            case 1:
                if (*a > 0) {
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
    const char empty[8 * 40] = {0};

    memset(said, 0, sizeof *said);
    for (uint32_t s = 0; s < STORES; s++) {
        CU_ASSERT_EQUAL(
            audit_levels(a, s, slice_of(empty, sizeof empty), slice_of(empty, sizeof empty)),
            LC_OK);
        if (from > 0)
            CU_ASSERT_EQUAL(audit_ledger(a, buf_slice(&bases[s])), LC_OK);
    }
    for (int i = from; i < ENTRIES; i++)
        CU_ASSERT_EQUAL(audit_ledger(a, buf_slice(&fields[i])), LC_OK);
    (void)audit_check(a, note, said);
    struct audit_totals t = audit_sum(a);
    audit_free(a);
    return t;
}

static bool
keep_base(void *ctx, uint32_t store, struct slice value)
{
    (void)ctx;
    buf_reset(&bases[store]);
    buf_append(&bases[store], value.p, value.n);
    return true;
}

static void
fold(int from, int to)
{
    struct ledger_fold *f = ledger_fold_new();

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    for (uint32_t s = 0; s < STORES; s++) {
        CU_ASSERT_FALSE(ledger_fold_knows(f, s));
        CU_ASSERT_EQUAL(ledger_fold_base(f, s, buf_slice(&bases[s])), LC_OK);
        CU_ASSERT_TRUE(ledger_fold_knows(f, s));
        CU_ASSERT_EQUAL(ledger_fold_base(f, s, buf_slice(&bases[s])), LC_EEXIST);
    }
    for (int i = from; i < to; i++)
        CU_ASSERT_EQUAL(ledger_fold_entries(f, buf_slice(&fields[i])), LC_OK);
    CU_ASSERT_TRUE(ledger_fold_each(f, keep_base, NULL));
    ledger_fold_free(f);
}

static void
test_books_say_the_same_however_the_ledger_was_folded(void)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct said whole, rest;
        make_ledger(seed);
        struct audit_totals all = books(0, &whole);
        for (int s = 0; s < STORES; s++)
            buf_reset(&bases[s]);
        for (int at = 0; at < ENTRIES;) {
            int to = at + 1 + (int)dice(90);
            to = to < ENTRIES ? to : ENTRIES;
            fold(at, to);
            at = to;
            struct audit_totals t = books(at, &rest);
            CU_ASSERT_EQUAL(t.sold, all.sold);
            CU_ASSERT_EQUAL(t.oversold, 0);
            CU_ASSERT_EQUAL(rest.n, whole.n);
            for (size_t i = 0; i < whole.n && i < rest.n; i++) {
                CU_ASSERT_EQUAL(rest.faults[i].check, whole.faults[i].check);
                CU_ASSERT_EQUAL(rest.faults[i].expected, whole.faults[i].expected);
            }
        }
        CU_ASSERT_TRUE(whole.n > 0);
    }
    for (int i = 0; i < ENTRIES; i++)
        buf_free(&fields[i]);
    for (int s = 0; s < STORES; s++)
        buf_free(&bases[s]);
}

static void
test_what_shows_that_too_much_was_taken_is_not_folded(void)
{
    struct ledger_fold *f = ledger_fold_new();
    struct buf b = {0};

    put(&b, 1, LEDGER_FEED, 3, 1, 1);
    put(&b, 1, LEDGER_RESERVE, 3, -2, 0);
    CU_ASSERT_EQUAL(ledger_fold_entries(f, buf_slice(&b)), LC_EINVAL); /* whose base is not known */
    CU_ASSERT_EQUAL(ledger_fold_base(f, 1, slice_of(NULL, 0)), LC_OK);
    CU_ASSERT_EQUAL(ledger_fold_entries(f, buf_slice(&b)), LC_ESTATE);
    ledger_fold_free(f);
    buf_free(&b);
}

static void
test_a_base_that_is_not_its_stores_or_cut_is_refused(void)
{
    struct ledger_fold *f = ledger_fold_new();
    struct buf b = {0};

    put(&b, 2, LEDGER_FEED, 3, 1, 1);
    CU_ASSERT_EQUAL(ledger_fold_base(f, 1, buf_slice(&b)), LC_EINVAL);
    CU_ASSERT_EQUAL(ledger_fold_base(f, 2, slice_of(b.p, b.n - 1)), LC_EINVAL);
    ledger_fold_free(f);
    buf_free(&b);
}

/* 65,535 changes are all that an entry can have. */
static void
test_a_store_with_more_skus_than_an_entry_has_two(void)
{
    struct ledger_fold *f = ledger_fold_new();
    struct buf b = {0};
    enum { MANY = 70000 };

    for (uint32_t sku = 0; sku < MANY; sku++)
        put(&b, 0, LEDGER_FEED, sku, 2, 3);
    CU_ASSERT_EQUAL(ledger_fold_base(f, 0, slice_of(NULL, 0)), LC_OK);
    CU_ASSERT_EQUAL(ledger_fold_entries(f, buf_slice(&b)), LC_OK);
    CU_ASSERT_TRUE(ledger_fold_each(f, keep_base, NULL));
    ledger_fold_free(f);
    struct cursor c = {.p = bases[0].p, .n = bases[0].n};
    struct ledger_entry e;
    size_t n = 0, entries = 0;
    while (ledger_next(&c, &e) == LC_OK) {
        n += e.n;
        entries++;
    }
    CU_ASSERT_EQUAL(n, MANY);
    CU_ASSERT_EQUAL(entries, 2);
    buf_free(&b);
    buf_free(&bases[0]);
}

UNIT_MAIN("ledger_fold", UNIT(test_books_say_the_same_however_the_ledger_was_folded),
          UNIT(test_what_shows_that_too_much_was_taken_is_not_folded),
          UNIT(test_a_base_that_is_not_its_stores_or_cut_is_refused),
          UNIT(test_a_store_with_more_skus_than_an_entry_has_two))
