#include "base/record.h"
#include "base/wire.h"
#include "unit.h"

#include <stdio.h>

/* A head with every field different. */
static void
put_head(struct buf *b, uint8_t state, uint16_t n_lines)
{
    buf_u8(b, 1);
    buf_u8(b, state);
    buf_u8(b, 41);
    buf_u8(b, RECORD_TAKEN | RECORD_PARTIAL);
    buf_u32(b, 7);
    buf_u64(b, 0x8877665544332211u);
    buf_u32(b, 3);
    buf_u32(b, 4);
    buf_u32(b, 5);
    buf_u16(b, n_lines);
    buf_u16(b, 2);
    for (uint64_t i = 0; i < 8; i++)
        buf_u64(b, 1000 + i);
    for (uint64_t i = 1; i <= RECORD_STATES; i++)
        buf_u64(b, 2000 + i);
}

static void
put_line(struct buf *b, uint32_t sku, uint16_t quantity, uint16_t taken, uint32_t price,
         uint32_t substitute)
{
    buf_u32(b, sku);
    buf_u16(b, quantity);
    buf_u16(b, taken);
    buf_u32(b, price);
    buf_u32(b, substitute);
}

static void
test_record_read_gives_every_field(void)
{
    struct buf b = {0};
    struct record r;
    struct record_line l;

    put_head(&b, LIFECIRCLE__V1__ORDER_STATE__CONFIRMED, 2);
    CU_ASSERT_EQUAL_FATAL(b.n, RECORD_HEAD);
    put_line(&b, 17, 3, 2, 499, 0);
    put_line(&b, 1048575, 65535, 65535, 4000000000u, 18);
    buf_str(&b, "order");
    CU_ASSERT_EQUAL_FATAL(record_read(buf_slice(&b), &r), LC_OK);
    CU_ASSERT_EQUAL(r.state, LIFECIRCLE__V1__ORDER_STATE__CONFIRMED);
    CU_ASSERT_EQUAL(r.reason, LIFECIRCLE__V1__REASON__COURIER_SILENT);
    CU_ASSERT_EQUAL(r.flags, RECORD_TAKEN | RECORD_PARTIAL);
    CU_ASSERT_EQUAL(r.version, 7);
    CU_ASSERT_EQUAL(r.fingerprint, 0x8877665544332211u);
    CU_ASSERT_EQUAL(r.chain, 3);
    CU_ASSERT_EQUAL(r.store, 4);
    CU_ASSERT_EQUAL(r.courier, 5);
    CU_ASSERT_EQUAL(r.attempts, 2);
    CU_ASSERT_EQUAL(r.window_start_ms, 1000);
    CU_ASSERT_EQUAL(r.window_end_ms, 1001);
    CU_ASSERT_EQUAL(r.hold_until_ms, 1002);
    CU_ASSERT_EQUAL(r.ready_ms, 1003);
    CU_ASSERT_EQUAL(r.eta_ms, 1004);
    CU_ASSERT_EQUAL(r.total_cents, 1005);
    CU_ASSERT_EQUAL(r.updated_ms, 1006);
    CU_ASSERT_EQUAL(r.live_eta_ms, 1007);
    CU_ASSERT_EQUAL(r.entered_ms[1], 2001);
    CU_ASSERT_EQUAL(r.entered_ms[RECORD_STATES], 2016);
    CU_ASSERT_TRUE(slice_eq_str(r.order, "order"));
    CU_ASSERT_TRUE_FATAL(record_line_at(&r, 1, &l));
    CU_ASSERT_EQUAL(l.sku_index, 1048575);
    CU_ASSERT_EQUAL(l.quantity, 65535);
    CU_ASSERT_EQUAL(l.taken, 65535);
    CU_ASSERT_EQUAL(l.price_cents, 4000000000u);
    CU_ASSERT_EQUAL(l.substitute, 18);
    CU_ASSERT_FALSE(record_line_at(&r, 2, &l));
    buf_free(&b);
}

static void
test_record_read_takes_a_head_alone(void)
{
    struct buf b = {0};
    struct record r;
    struct record_line l;

    put_head(&b, 3, 2);
    CU_ASSERT_EQUAL_FATAL(record_read(buf_slice(&b), &r), LC_OK);
    CU_ASSERT_EQUAL(r.lines.n, 0);
    CU_ASSERT_EQUAL(r.order.n, 0);
    CU_ASSERT_FALSE(record_line_at(&r, 0, &l));
    buf_free(&b);
}

static void
test_record_read_refuses_what_is_cut_or_strange(void)
{
    struct buf b = {0};
    struct record r;

    put_head(&b, 3, 2);
    put_line(&b, 1, 1, 1, 1, 0);
    CU_ASSERT_EQUAL(record_read(buf_slice(&b), &r), LC_EINVAL); /* one line of two */
    CU_ASSERT_EQUAL(record_read(slice_of(b.p, RECORD_HEAD - 1), &r), LC_EINVAL);
    CU_ASSERT_EQUAL(record_read(slice_of(NULL, 0), &r), LC_EINVAL);
    b.p[1] = 17;
    CU_ASSERT_EQUAL(record_read(slice_of(b.p, RECORD_HEAD), &r), LC_EINVAL);
    b.p[1] = 3;
    b.p[0] = 2;
    CU_ASSERT_EQUAL(record_read(slice_of(b.p, RECORD_HEAD), &r), LC_EINVAL);
    buf_free(&b);
}

static void
test_record_names_are_one_each(void)
{
    for (unsigned s = 1; s <= RECORD_STATES; s++)
        CU_ASSERT_EQUAL((unsigned)record_state_of(slice_str(record_state_name(s))), s);
    for (unsigned r = 1; r <= UINT8_MAX; r++)
        for (unsigned q = 0; q < r && strcmp(record_reason_name(r), "unknown") != 0; q++)
            CU_ASSERT_STRING_NOT_EQUAL(record_reason_name(q), record_reason_name(r));
    CU_ASSERT_STRING_EQUAL(record_state_name(LIFECIRCLE__V1__ORDER_STATE__ENROUTE_TO_DROPOFF),
                           "enroute_to_dropoff");
    CU_ASSERT_STRING_EQUAL(record_reason_name(21), "customer_absent");
    CU_ASSERT_STRING_EQUAL(record_reason_name(200), "unknown");
    CU_ASSERT_STRING_EQUAL(record_state_name(17), "unknown");
    CU_ASSERT_EQUAL(record_state_of(SLICE_LIT("Placed")), 0);
    CU_ASSERT_EQUAL(record_state_of(SLICE_LIT("")), 0);
}

/* Each state is spelled as in proto/order.proto: the table above cannot drift from it. */
static void
test_record_state_name_is_the_protocols(void)
{
    const ProtobufCEnumDescriptor *d = &lifecircle__v1__order_state__descriptor;

    CU_ASSERT_EQUAL(d->n_values, RECORD_STATES + 1);
    for (unsigned i = 1; i < d->n_values; i++)
        CU_ASSERT_EQUAL(
            strcasecmp(d->values[i].name, record_state_name((unsigned)d->values[i].value)), 0);
}

static void
test_record_is_end_knows_the_five_ends(void)
{
    static const bool end[RECORD_STATES + 1] = {
        [10] = true, [12] = true, [13] = true, [14] = true, [15] = true};

    for (unsigned s = 0; s <= RECORD_STATES; s++)
        CU_ASSERT_EQUAL(record_is_end(s), end[s]);
}

static void
test_record_history_read_gives_words(void)
{
    struct buf b = {0};
    struct record_history h;

    buf_u8(&b, 13);
    buf_u8(&b, 20);
    buf_u16(&b, 0);
    buf_u32(&b, 4);
    buf_u32(&b, 5);
    buf_u32(&b, 6);
    buf_u64(&b, 1700000000000);
    CU_ASSERT_EQUAL_FATAL(record_history_read(buf_slice(&b), &h), LC_OK);
    CU_ASSERT_EQUAL(h.words.n, 0);
    CU_ASSERT_EQUAL(record_history_read(slice_of(b.p, b.n - 1), &h), LC_EINVAL);
    buf_str(&b, "chain: sold out");
    CU_ASSERT_EQUAL_FATAL(record_history_read(buf_slice(&b), &h), LC_OK);
    CU_ASSERT_EQUAL(h.state, 13);
    CU_ASSERT_EQUAL(h.reason, 20);
    CU_ASSERT_EQUAL(h.store, 4);
    CU_ASSERT_EQUAL(h.courier, 5);
    CU_ASSERT_EQUAL(h.version, 6);
    CU_ASSERT_EQUAL(h.time_ms, 1700000000000);
    CU_ASSERT_TRUE(slice_eq_str(h.words, "chain: sold out"));
    buf_free(&b);
}

static void
test_ledger_next_walks_and_stops_at_a_cut(void)
{
    struct buf b = {0};
    struct ledger_entry e;

    for (uint32_t store = 8; store < 10; store++) {
        buf_str(&b, "feed................................");
        buf_u32(&b, store);
        buf_u8(&b, LEDGER_FEED);
        buf_u8(&b, 0);
        buf_u16(&b, 1);
        buf_u32(&b, 77);
        buf_u32(&b, (uint32_t)-5);
        buf_u32(&b, 6);
    }
    struct cursor c = {.p = b.p, .n = b.n};
    CU_ASSERT_EQUAL_FATAL(ledger_next(&c, &e), LC_OK);
    CU_ASSERT_EQUAL(e.store, 8);
    CU_ASSERT_EQUAL(ledger_change_at(&e, 0).sku_index, 77);
    CU_ASSERT_EQUAL(ledger_change_at(&e, 0).available, -5);
    CU_ASSERT_EQUAL(ledger_change_at(&e, 0).on_hand, 6);
    CU_ASSERT_EQUAL(ledger_next(&c, &e), LC_OK);
    CU_ASSERT_EQUAL(ledger_next(&c, &e), LC_EAGAIN);
    c = (struct cursor){.p = b.p, .n = b.n - 1};
    CU_ASSERT_EQUAL(ledger_next(&c, &e), LC_OK);
    CU_ASSERT_EQUAL(ledger_next(&c, &e), LC_EINVAL);
    buf_free(&b);
}

static void
test_stock_level_at_reads_big_endian(void)
{
    static const char stock[] = "\xff\xff\xff\xfe\0\0\1\xf4", shelf[] = "\0\0\0\3\0\0\0\2";
    struct slice levels = slice_of(stock, 8), shelves = slice_of(shelf, 8);
    struct stock_level l = stock_level_at(levels, shelves, 0);

    CU_ASSERT_EQUAL(l.available, -2);
    CU_ASSERT_EQUAL(l.price_cents, 500);
    CU_ASSERT_EQUAL(l.on_hand, 3);
    CU_ASSERT_EQUAL(l.safety, 2);
    l = stock_level_at(levels, shelves, 1);
    CU_ASSERT_EQUAL(l.available, 0);
    CU_ASSERT_EQUAL(l.safety, 0);
}

/* ---- arguments ---- */

static Lifecircle__V1__OrderLine lines[RECORD_LINES_MAX + 1];
static Lifecircle__V1__OrderLine *line_ptrs[RECORD_LINES_MAX + 1];

static Lifecircle__V1__Order
order_of(size_t n)
{
    Lifecircle__V1__Order o = LIFECIRCLE__V1__ORDER__INIT;

    o.order_id = (char *)"01234567-89ab-8def-8123-456789abcdef";
    o.chain = 2;
    o.window_start_ms = 5;
    o.window_end_ms = 6;
    o.hold_until_ms = 7;
    o.fingerprint = 8;
    for (size_t i = 0; i < n; i++) {
        lines[i] = (Lifecircle__V1__OrderLine)LIFECIRCLE__V1__ORDER_LINE__INIT;
        lines[i].quantity = 1;
        lines[i].sku_index = (uint32_t)i;
        lines[i].unit_price_cents = -1;
        line_ptrs[i] = &lines[i];
    }
    o.lines = line_ptrs;
    o.n_lines = n;
    return o;
}

static void
test_place_check_names_what_is_wrong(void)
{
    uint32_t many[6] = {0}, far = RECORD_SKU_MAX + 1;
    char key[130];
    const char *why;
    Lifecircle__V1__Order o = order_of(2);

    CU_ASSERT_EQUAL(place_check(&o, &why), LC_OK);
    memset(key, 'k', 129);
    key[129] = '\0';
#define REFUSED(n, change, words)                                                                  \
    do {                                                                                           \
        o = order_of(n);                                                                           \
        change;                                                                                    \
        CU_ASSERT_EQUAL_FATAL(place_check(&o, &why), LC_EINVAL);                                   \
        CU_ASSERT_PTR_NOT_NULL(strstr(why, words));                                                \
    } while (0)
    REFUSED(0, , "lines:");
    REFUSED(RECORD_LINES_MAX + 1, , "lines:");
    REFUSED(2, o.order_id = (char *)"no", "order_id:");
    REFUSED(2, o.chain = 0, "chain:");
    REFUSED(2, o.idempotency_key = key, "idempotency_key:");
    REFUSED(2, o.window_end_ms = 0, "window");
    REFUSED(2, lines[1].quantity = 0, "quantity:");
    REFUSED(2, lines[1].quantity = 1000, "quantity:");
    REFUSED(2, lines[1].sku_index = far, "sku_index:");
    REFUSED(2, lines[1].unit_price_cents = -2, "unit_price_cents:");
    REFUSED(2, lines[1].unit_price_cents = 1LL << 31, "unit_price_cents:");
    REFUSED(2, (lines[1].n_substitute_indexes = 6, lines[1].substitute_indexes = many),
            "substitute_indexes:");
    REFUSED(2, (lines[1].n_substitute_indexes = 1, lines[1].substitute_indexes = &far),
            "substitute_indexes:");
    REFUSED(70, for (size_t i = 0; i < 70; i++) lines[i].quantity = 999, "together");
#undef REFUSED
}

static void
test_place_plan_adds_equal_skus_up(void)
{
    static const struct {
        uint32_t sku, quantity;
        int64_t price;
    } in[] = {{9, 2, -1}, {4, 1, 100}, {9, 3, 250}, {4, 1, 120}, {2, 7, 5}},
      want[] = {{2, 7, 5}, {4, 2, 0}, {9, 5, 250}};
    uint32_t subs[] = {11, 12};
    Lifecircle__V1__Order o = order_of(5);
    struct buf b = {0};

    for (size_t i = 0; i < 5; i++) {
        lines[i].sku_index = in[i].sku;
        lines[i].quantity = in[i].quantity;
        lines[i].unit_price_cents = in[i].price;
    }
    lines[2].substitute_indexes = subs;
    lines[2].n_substitute_indexes = 2;
    place_plan(&b, &o, &(struct place_mode){0}, NULL, 0);
    struct cursor c = {.p = b.p, .n = b.n};
    cursor_take(&c, 16);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(cursor_u32(&c), want[i].sku);
        CU_ASSERT_EQUAL(cursor_u32(&c), want[i].quantity);
    }
    for (size_t i = 0; i < 3; i++) /* what must be left */
        CU_ASSERT_EQUAL(cursor_u64(&c),
                        want[i].price == 0
                            ? UINT64_MAX /* "not sold": to be looked at closely */
                            : (uint64_t)want[i].quantity << 32 | (uint64_t)want[i].price);
    CU_ASSERT_EQUAL(cursor_u32(&c), 3u << 16 | LEDGER_RESERVE);
    for (size_t i = 0; i < 3; i++) { /* as in the ledger */
        CU_ASSERT_EQUAL(cursor_u32(&c), want[i].sku);
        CU_ASSERT_EQUAL((int32_t)cursor_u32(&c), -(int32_t)want[i].quantity);
        CU_ASSERT_EQUAL(cursor_u32(&c), 0);
    }
    CU_ASSERT_EQUAL(cursor_u16(&c), 2); /* line */
    CU_ASSERT_EQUAL(cursor_u16(&c), 2);
    CU_ASSERT_EQUAL(cursor_u32(&c), 11);
    CU_ASSERT_EQUAL(cursor_u32(&c), 12);
    CU_ASSERT_EQUAL(c.n, 0);
    CU_ASSERT_FALSE(c.failed);
    buf_reset(&b);
    place_record(&b, &o, NULL);
    struct record r;
    struct record_line line;
    CU_ASSERT_EQUAL_FATAL(record_read(buf_slice(&b), &r), LC_OK);
    for (size_t i = 0; i < 3; i++) { /* as in the plan, all taken */
        CU_ASSERT_TRUE_FATAL(record_line_at(&r, i, &line));
        CU_ASSERT_EQUAL(line.sku_index, want[i].sku);
        CU_ASSERT_EQUAL(line.quantity, want[i].quantity);
        CU_ASSERT_EQUAL(line.taken, want[i].quantity);
        CU_ASSERT_EQUAL((int32_t)line.price_cents, want[i].price);
        CU_ASSERT_EQUAL(line.substitute, 0);
    }
    CU_ASSERT_EQUAL(r.n_lines, 3);
    buf_free(&b);
}

static void
test_place_plan_begins_with_what_decides(void)
{
    Lifecircle__V1__Order o = order_of(1);
    struct place_mode m = {.more = true, .create = true, .reason = 11, .retry_ms = 9};
    struct place_candidate c[] = {{7, 60, 100, 200}, {8, 90, 110, 210}};
    struct buf b = {0};

    o.fulfilment = LIFECIRCLE__V1__FULFILMENT__COLLECTION;
    o.shortage = LIFECIRCLE__V1__SHORTAGE__SHORTAGE_SUBSTITUTE;
    o.price_policy = LIFECIRCLE__V1__PRICE_POLICY__PRICE_TAKE;
    place_plan(&b, &o, &m, c, 2);
    CU_ASSERT_EQUAL_FATAL(b.n, 16 + 28 + 4 + 2 * 24);
    CU_ASSERT_EQUAL(memcmp(b.p, "\1\3\2\5\13\2\1\0", 8), 0);
    CU_ASSERT_EQUAL(bytes_u64(b.p + 8), 9);
    CU_ASSERT_EQUAL(bytes_u32(b.p + 48 + 24), 8);
    CU_ASSERT_EQUAL(bytes_u64(b.p + 48 + 24 + 16), 210);
    buf_free(&b);
}

/* What the function writes of a record that came with the first candidate, when it is the second.
 */
static void
test_place_as_asked_is_the_record_at_that_candidate(void)
{
    Lifecircle__V1__Order o = order_of(2);
    struct place_candidate c[] = {{7, 60, 100, 200}, {8, 90, 110, 210}};
    struct buf plan = {0}, record = {0}, got = {0}, want = {0};

    lines[0].quantity = 3;
    lines[0].unit_price_cents = 250;
    lines[1].sku_index = 9;
    lines[1].unit_price_cents = 10;
    place_plan(&plan, &o, &(struct place_mode){0}, c, 2);
    place_record(&record, &o, &c[0]);
    place_stamp(record.p, 77);
    buf_str(&record, "order");
    CU_ASSERT_EQUAL_FATAL(place_as_asked(&got, buf_slice(&plan), buf_slice(&record), 1), LC_OK);
    place_record(&want, &o, &c[1]);
    place_stamp(want.p, 77);
    CU_ASSERT_EQUAL_FATAL(got.n, want.n);
    CU_ASSERT_EQUAL(memcmp(got.p, want.p, got.n), 0);
    struct record r;
    CU_ASSERT_EQUAL_FATAL(record_read(buf_slice(&got), &r), LC_OK);
    CU_ASSERT_EQUAL(r.state, LIFECIRCLE__V1__ORDER_STATE__PLACED);
    CU_ASSERT_EQUAL(r.version, 1);
    CU_ASSERT_EQUAL(r.flags, RECORD_TAKEN);
    CU_ASSERT_EQUAL(r.fingerprint, 8);
    CU_ASSERT_EQUAL(r.chain, 2);
    CU_ASSERT_EQUAL(r.store, 8);
    CU_ASSERT_EQUAL(r.attempts, 1);
    CU_ASSERT_EQUAL(r.window_start_ms, 5);
    CU_ASSERT_EQUAL(r.window_end_ms, 6);
    CU_ASSERT_EQUAL(r.hold_until_ms, 7);
    CU_ASSERT_EQUAL(r.ready_ms, 110);
    CU_ASSERT_EQUAL(r.eta_ms, 210);
    CU_ASSERT_EQUAL(r.total_cents, 3 * 250 + 10);
    CU_ASSERT_EQUAL(r.updated_ms, 77);
    CU_ASSERT_EQUAL(r.entered_ms[3], 77);
    CU_ASSERT_EQUAL(r.entered_ms[2] + r.entered_ms[4], 0);
    CU_ASSERT_EQUAL(place_as_asked(&got, buf_slice(&plan), buf_slice(&record), 2), LC_EINVAL);
    CU_ASSERT_EQUAL(place_as_asked(&got, slice_of(plan.p, plan.n - 1), buf_slice(&record), 1),
                    LC_EINVAL);
    CU_ASSERT_EQUAL(place_as_asked(&got, buf_slice(&plan), slice_of(record.p, RECORD_HEAD), 1),
                    LC_EINVAL);
    buf_free(&plan);
    buf_free(&record);
    buf_free(&got);
    buf_free(&want);
}

static void
test_place_idem_is_empty_without_a_key(void)
{
    Lifecircle__V1__Order o = order_of(1);
    struct buf b = {0};

    place_idem(&b, &o);
    CU_ASSERT_EQUAL(b.n, 0);
    o.idempotency_key = (char *)"k-1";
    place_idem(&b, &o);
    CU_ASSERT_TRUE(slice_eq_str(buf_slice(&b), "2:k-1"));
    buf_free(&b);
}

static void
test_place_explain_adds_a_verdict_that_unpacks(void)
{
    struct buf b = {0};
    struct arena *a = arena_new(1 << 16);

    place_explain(&b, slice_of(NULL, 0));
    CU_ASSERT_EQUAL(b.n, 0);
    place_explain(&b, slice_of("\x08\x05", 2));
    CU_ASSERT_EQUAL(b.n, 2 + 13);
    const Lifecircle__V1__DecisionRecord *d =
        wire_unpack(&lifecircle__v1__decision_record__descriptor, a, buf_slice(&b));
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    CU_ASSERT_EQUAL(d->decided_ms, 5);
    CU_ASSERT_EQUAL_FATAL(d->n_stock, 1);
    CU_ASSERT_EQUAL(d->stock[0]->candidate, 0);
    CU_ASSERT_EQUAL(d->stock[0]->missing_sku, -1);
    arena_destroy(a);
    buf_free(&b);
}

UNIT_MAIN("record", UNIT(test_record_read_gives_every_field),
          UNIT(test_record_read_takes_a_head_alone),
          UNIT(test_record_read_refuses_what_is_cut_or_strange),
          UNIT(test_record_names_are_one_each), UNIT(test_record_state_name_is_the_protocols),
          UNIT(test_record_is_end_knows_the_five_ends), UNIT(test_record_history_read_gives_words),
          UNIT(test_ledger_next_walks_and_stops_at_a_cut),
          UNIT(test_stock_level_at_reads_big_endian), UNIT(test_place_check_names_what_is_wrong),
          UNIT(test_place_plan_adds_equal_skus_up), UNIT(test_place_plan_begins_with_what_decides),
          UNIT(test_place_as_asked_is_the_record_at_that_candidate),
          UNIT(test_place_idem_is_empty_without_a_key),
          UNIT(test_place_explain_adds_a_verdict_that_unpacks))
