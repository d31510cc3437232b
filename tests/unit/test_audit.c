#include "base/record.h"
#include "inventory/audit.h"
#include "unit.h"

static struct audit *audit;
static struct audit_fault faults[8];
static size_t n_faults;

static void
note(void *ctx, const struct audit_fault *f)
{
    (void)ctx;
    if (n_faults < 8)
        faults[n_faults] = *f;
    n_faults++;
}

static size_t
check(void)
{
    n_faults = 0;
    return audit_check(audit, note, NULL);
}

static void
ledger(uint32_t store, uint8_t cause, uint32_t sku, int32_t available, int32_t on_hand)
{
    struct buf b = {0};

    buf_str(&b, "00000000-0000-8000-8000-000000000000");
    buf_u32(&b, store);
    buf_u8(&b, cause);
    buf_u8(&b, 0);
    buf_u16(&b, 1);
    buf_u32(&b, sku);
    buf_u32(&b, (uint32_t)available);
    buf_u32(&b, (uint32_t)on_hand);
    CU_ASSERT_EQUAL(audit_ledger(audit, buf_slice(&b)), LC_OK);
    buf_free(&b);
}

/* A placed order with one line at store 4. */
static void
order(uint8_t flags, uint32_t sku, uint16_t taken, uint32_t substitute)
{
    char bytes[RECORD_HEAD + RECORD_LINE] = {1, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0,
                                             (char)flags};
    char *line = bytes + RECORD_HEAD;

    bytes[20] = 4;
    bytes[28] = 1;
    line[0] = (char)sku;
    line[6] = (char)taken;
    line[12] = (char)substitute;
    CU_ASSERT_EQUAL(audit_order(audit, slice_of(bytes, sizeof bytes)), LC_OK);
}

/* Store 4 was fed 10 of SKU 1 (safety 2), an order holds 3, another took 4 away. */
static void
good_books(void)
{
    static const char stock[] = "\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\144";
    static const char shelf[] = "\0\0\0\0\0\0\0\0\0\0\0\6\0\0\0\2";

    audit = audit_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(audit);
    ledger(4, LEDGER_FEED, 1, 8, 10);
    ledger(4, LEDGER_RESERVE, 1, -3, 0);
    ledger(4, LEDGER_RESERVE, 1, -4, 0);
    ledger(4, LEDGER_COMMIT, 1, 0, -4);
    CU_ASSERT_EQUAL(audit_levels(audit, 4, slice_of(stock, 16), slice_of(shelf, 16)), LC_OK);
    order(RECORD_TAKEN, 1, 3, 0);
    order(RECORD_TAKEN | RECORD_COMMITTED, 1, 4, 0);
    order(0, 1, 0, 0);
}

static void
test_audit_of_good_books_finds_nothing(void)
{
    good_books();
    CU_ASSERT_EQUAL(check(), 0);
    struct audit_totals t = audit_sum(audit);
    CU_ASSERT_EQUAL(t.ledger_entries, 4);
    CU_ASSERT_EQUAL(t.stores, 1);
    CU_ASSERT_EQUAL(t.levels, 2);
    CU_ASSERT_EQUAL(t.orders, 3);
    CU_ASSERT_EQUAL(t.on_hand, 6);
    CU_ASSERT_EQUAL(t.reserved, 3);
    CU_ASSERT_EQUAL(t.sold, 4);
    CU_ASSERT_EQUAL(t.oversold, 0);
    audit_free(audit);
}

static void
test_audit_names_each_kind_of_fault(void)
{
    good_books();
    ledger(4, LEDGER_RELEASE, 1, 1, 0);
    CU_ASSERT_EQUAL(check(), 1);
    CU_ASSERT_EQUAL(faults[0].check, AUDIT_AVAILABLE);
    CU_ASSERT_EQUAL(faults[0].store, 4);
    CU_ASSERT_EQUAL(faults[0].sku_index, 1);
    CU_ASSERT_EQUAL(faults[0].expected, 2);
    CU_ASSERT_EQUAL(faults[0].found, 1);
    audit_free(audit);

    good_books();
    ledger(4, LEDGER_COMMIT, 1, 0, -1);
    CU_ASSERT_EQUAL(check(), 1);
    CU_ASSERT_EQUAL(faults[0].check, AUDIT_ON_HAND);
    audit_free(audit);

    good_books();
    order(RECORD_TAKEN, 9, 1, 2); /* a substitute: SKU 1 */
    CU_ASSERT_EQUAL(check(), 1);
    CU_ASSERT_EQUAL(faults[0].check, AUDIT_RESERVED);
    CU_ASSERT_EQUAL(faults[0].sku_index, 1);
    CU_ASSERT_EQUAL(faults[0].expected, 4);
    CU_ASSERT_EQUAL(faults[0].found, 3);
    audit_free(audit);
}

static void
test_audit_sees_a_store_that_has_no_levels(void)
{
    audit = audit_new();
    ledger(5, LEDGER_FEED, 3, 2, 2);
    CU_ASSERT_EQUAL(check(), 2);
    CU_ASSERT_EQUAL(faults[1].store, 5);
    audit_free(audit);
}

static void
test_audit_counts_what_a_feed_took_from_under_an_order(void)
{
    static const char stock[] = "\xff\xff\xff\xfe\0\0\0\144", shelf[] = "\0\0\0\1\0\0\0\0";

    audit = audit_new();
    ledger(4, LEDGER_FEED, 0, 3, 3);
    ledger(4, LEDGER_RESERVE, 0, -3, 0);
    ledger(4, LEDGER_FEED, 0, -2, -2);
    CU_ASSERT_EQUAL(audit_levels(audit, 4, slice_of(stock, 8), slice_of(shelf, 8)), LC_OK);
    order(RECORD_TAKEN, 0, 3, 0);
    CU_ASSERT_EQUAL(check(), 0);
    CU_ASSERT_EQUAL(audit_sum(audit).withdrawn, 2);
    CU_ASSERT_EQUAL(audit_sum(audit).oversold, 0);
    audit_free(audit);
}

static void
test_audit_finds_what_was_sold_and_never_there(void)
{
    static const char stock[] = "\0\0\0\1\0\0\0\144", shelf[] = "\0\0\0\1\0\0\0\0";

    audit = audit_new();
    ledger(4, LEDGER_FEED, 0, 1, 1);
    ledger(4, LEDGER_RESERVE, 0, -1, 0);
    ledger(4, LEDGER_RESERVE, 0, -2, 0);
    ledger(4, LEDGER_RELEASE, 0, 3, 0); /* the levels are right again, and still it happened */
    CU_ASSERT_EQUAL(audit_levels(audit, 4, slice_of(stock, 8), slice_of(shelf, 8)), LC_OK);
    CU_ASSERT_EQUAL(check(), 1);
    CU_ASSERT_EQUAL(faults[0].check, AUDIT_OVERSOLD);
    CU_ASSERT_EQUAL(faults[0].found, 2);
    CU_ASSERT_EQUAL(audit_sum(audit).oversold, 2);
    audit_free(audit);
}

static void
test_audit_refuses_what_is_malformed(void)
{
    audit = audit_new();
    CU_ASSERT_EQUAL(audit_ledger(audit, SLICE_LIT("short")), LC_EINVAL);
    CU_ASSERT_EQUAL(audit_order(audit, SLICE_LIT("short")), LC_EINVAL);
    CU_ASSERT_EQUAL(audit_levels(audit, 4, SLICE_LIT("123"), slice_of(NULL, 0)), LC_EINVAL);
    CU_ASSERT_EQUAL(audit_levels(audit, 4, slice_of(NULL, 0), slice_of(NULL, 0)), LC_OK);
    CU_ASSERT_EQUAL(audit_levels(audit, 4, slice_of(NULL, 0), slice_of(NULL, 0)), LC_EEXIST);
    CU_ASSERT_EQUAL(check(), 0);
    audit_free(audit);
    audit_free(NULL);
}

UNIT_MAIN("audit", UNIT(test_audit_of_good_books_finds_nothing),
          UNIT(test_audit_names_each_kind_of_fault),
          UNIT(test_audit_sees_a_store_that_has_no_levels),
          UNIT(test_audit_counts_what_a_feed_took_from_under_an_order),
          UNIT(test_audit_finds_what_was_sold_and_never_there),
          UNIT(test_audit_refuses_what_is_malformed))
