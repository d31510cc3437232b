/* The other half of record.h: what the functions take. */
#include "base/id.h"
#include "base/record.h"

#include <stdio.h>

enum { IDEM_MAX = 128, SUBSTITUTES_MAX = 5, QUANTITY_MAX = 999 };
enum { PLACE_PLAN_HEAD = 16, PLACE_PLAN_LINE = 28, PLACE_CANDIDATE = 24 };

static const char *
check_line(const Lifecircle__V1__OrderLine *l)
{
    if (l->sku_index > RECORD_SKU_MAX)
        return "lines.sku_index: expected at most 1048575";
    if (l->quantity < 1 || l->quantity > QUANTITY_MAX)
        return "lines.quantity: expected 1 to 999";
    if (l->unit_price_cents < -1 || l->unit_price_cents > INT32_MAX)
        return "lines.unit_price_cents: expected -1 to 2147483647";
    if (l->n_substitute_indexes > SUBSTITUTES_MAX)
        return "lines.substitute_indexes: expected at most 5";
    for (size_t i = 0; i < l->n_substitute_indexes; i++)
        if (l->substitute_indexes[i] > RECORD_SKU_MAX)
            return "lines.substitute_indexes: expected at most 1048575";
    return NULL;
}

static const char *
find_fault(const Lifecircle__V1__Order *o)
{
    struct uuid id;

    if (uuid_parse(slice_str(o->order_id), &id) != LC_OK)
        return "order_id: expected a UUID";
    if (o->chain == 0)
        return "chain: expected a number";
    if (strlen(o->idempotency_key) > IDEM_MAX)
        return "idempotency_key: expected at most 128 bytes";
    if (o->window_end_ms <= 0 || o->window_start_ms < 0 || o->hold_until_ms < 0)
        return "window, hold_until_ms: expected times";
    if (o->n_lines < 1 || o->n_lines > RECORD_LINES_MAX)
        return "lines: expected 1 to 100";
    uint64_t sum = 0;
    for (size_t i = 0; i < o->n_lines; i++) {
        const char *why = check_line(o->lines[i]);
        if (why != NULL)
            return why;
        sum += o->lines[i]->quantity;
    }
    if (sum > RECORD_QUANTITY_MAX)
        return "lines.quantity: expected at most 65535 together";
    return NULL;
}

enum lc_err
place_check(const Lifecircle__V1__Order *o, const char **why)
{
    *why = find_fault(o);
    return *why == NULL ? LC_OK : LC_EINVAL;
}

/* merged: a line of the record while equal SKUs are added up. */
struct merged {
    uint32_t sku;
    uint32_t quantity;
    int64_t price;
    const Lifecircle__V1__OrderLine *substitutes; /* the first line that names any */
};

static void
merge_into(struct merged *m, const Lifecircle__V1__OrderLine *l)
{
    if (m->quantity == 0) {
        m->sku = l->sku_index;
        m->price = l->unit_price_cents;
    } else if (m->price != l->unit_price_cents) {
        if (m->price == -1)
            m->price = l->unit_price_cents;
        else if (l->unit_price_cents != -1)
            m->price = 0;
    }
    m->quantity += l->quantity;
    if (m->substitutes == NULL && l->n_substitute_indexes > 0)
        m->substitutes = l;
}

/* merge_lines: rising SKUs; gives their count. Orders are short: insertion is quickest. */
static size_t
merge_lines(const Lifecircle__V1__Order *o, struct merged *out)
{
    size_t n = 0;

    for (size_t i = 0; i < o->n_lines; i++) {
        const Lifecircle__V1__OrderLine *l = o->lines[i];
        size_t at = n;
        while (at > 0 && out[at - 1].sku > l->sku_index)
            at--;
        if (at > 0 && out[at - 1].sku == l->sku_index) {
            merge_into(&out[at - 1], l);
            continue;
        }
        memmove(out + at + 1, out + at, (n - at) * sizeof *out);
        out[at] = (struct merged){0};
        merge_into(&out[at], l);
        n++;
    }
    return n;
}

/* total_of: at the prices said; it counts only where they are the store's. */
static uint64_t
total_of(const struct merged *lines, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        if (lines[i].price >= 0)
            sum += lines[i].quantity * (uint64_t)lines[i].price;
    return sum;
}

static unsigned
flags_of(const Lifecircle__V1__Order *o)
{
    return (o->fulfilment == LIFECIRCLE__V1__FULFILMENT__COLLECTION ? RECORD_COLLECTION : 0u) |
           (o->simulated ? RECORD_SIMULATED : 0u);
}

static void
put_substitutes(struct buf *b, size_t line, const Lifecircle__V1__OrderLine *from)
{
    if (from == NULL)
        return;
    buf_u16(b, (uint16_t)line);
    buf_u16(b, (uint16_t)from->n_substitute_indexes);
    for (size_t i = 0; i < from->n_substitute_indexes; i++)
        buf_u32(b, from->substitute_indexes[i]);
}

static void
put_plan_lines(struct buf *b, const struct merged *lines, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_u32(b, lines[i].sku);
        buf_u32(b, lines[i].quantity);
    }
    /* what the stock must have left; -1 where no price was said, and for 0, which says "not sold"
     * in the stock: the function then looks closer */
    for (size_t i = 0; i < n; i++)
        buf_u64(b, lines[i].price <= 0
                       ? UINT64_MAX
                       : (uint64_t)lines[i].quantity << 32 | (uint64_t)lines[i].price);
    buf_u8(b, LEDGER_RESERVE);
    buf_u8(b, 0);
    buf_u16(b, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        buf_u32(b, lines[i].sku);
        buf_u32(b, 0 - lines[i].quantity);
        buf_u32(b, 0);
    }
}

void
place_plan(struct buf *b, const Lifecircle__V1__Order *o, const struct place_mode *m,
           const struct place_candidate *candidates, size_t n)
{
    struct merged lines[RECORD_LINES_MAX + 1];
    size_t n_lines = merge_lines(o, lines);

    buf_u8(b, (uint8_t)flags_of(o));
    buf_u8(b, (uint8_t)o->shortage);
    buf_u8(b, (uint8_t)o->price_policy);
    buf_u8(b, (uint8_t)((m->more ? 1 : 0) | (m->reject ? 2 : 0) | (m->create ? 4 : 0)));
    buf_u8(b, m->reason);
    buf_u8(b, (uint8_t)n);
    buf_u16(b, (uint16_t)n_lines);
    buf_u64(b, (uint64_t)m->retry_ms);
    put_plan_lines(b, lines, n_lines);
    for (size_t i = 0; i < n; i++) {
        buf_u32(b, candidates[i].store);
        buf_u32(b, candidates[i].travel_s);
        buf_u64(b, (uint64_t)candidates[i].ready_ms);
        buf_u64(b, (uint64_t)candidates[i].eta_ms);
    }
    for (size_t i = 0; i < n_lines; i++)
        put_substitutes(b, i, lines[i].substitutes);
}

enum { AT_STORE = 20, AT_TIMES = 56, AT_UPDATED = 80, AT_STAMPS = 96 };

void
place_record(struct buf *b, const Lifecircle__V1__Order *o, const struct place_candidate *first)
{
    static const char no_stamps[RECORD_HEAD - AT_UPDATED];
    struct merged lines[RECORD_LINES_MAX + 1];
    size_t n = merge_lines(o, lines);

    buf_u8(b, 1);
    buf_u8(b, LIFECIRCLE__V1__ORDER_STATE__PLACED);
    buf_u8(b, LIFECIRCLE__V1__REASON__REASON_NONE);
    buf_u8(b, (uint8_t)(flags_of(o) | RECORD_TAKEN));
    buf_u32(b, 1); /* version */
    buf_u64(b, o->fingerprint);
    buf_u32(b, o->chain);
    buf_u32(b, first == NULL ? 0 : first->store);
    buf_u32(b, 0); /* courier */
    buf_u16(b, (uint16_t)n);
    buf_u16(b, 1); /* attempts */
    buf_u64(b, (uint64_t)o->window_start_ms);
    buf_u64(b, (uint64_t)o->window_end_ms);
    buf_u64(b, (uint64_t)o->hold_until_ms);
    buf_u64(b, first == NULL ? 0 : (uint64_t)first->ready_ms);
    buf_u64(b, first == NULL ? 0 : (uint64_t)first->eta_ms);
    buf_u64(b, total_of(lines, n));
    buf_append(b, no_stamps, sizeof no_stamps);
    for (size_t i = 0; i < n; i++) {
        buf_u32(b, lines[i].sku);
        buf_u16(b, (uint16_t)lines[i].quantity);
        buf_u16(b, (uint16_t)lines[i].quantity);
        buf_u32(b, (uint32_t)lines[i].price);
        buf_u32(b, 0);
    }
}

static void
put_time(char *to, int64_t ms)
{
    for (size_t i = 0; i < 8; i++)
        to[i] = (char)(uint8_t)((uint64_t)ms >> 8 * i);
}

void
place_order(struct buf *b, const Lifecircle__V1__Order *o)
{
    Lifecircle__V1__Order kept = *o;

    kept.sealed = (ProtobufCBinaryData){0};
    size_t n = lifecircle__v1__order__get_packed_size(&kept);
    char *to = buf_reserve(b, n);
    if (to != NULL)
        b->n += lifecircle__v1__order__pack(&kept, (uint8_t *)to);
}

void
place_stamp(char *record, int64_t now_ms)
{
    put_time(record + AT_UPDATED, now_ms);
    put_time(record + AT_STAMPS + 8 * (LIFECIRCLE__V1__ORDER_STATE__PLACED - 1), now_ms);
}

enum lc_err
place_as_asked(struct buf *b, struct slice plan, struct slice record, unsigned candidate)
{
    size_t lines = record.n < RECORD_HEAD ? 0 : bytes_u16(record.p + 28);
    size_t n = RECORD_HEAD + lines * RECORD_LINE;
    size_t at = PLACE_PLAN_HEAD + lines * PLACE_PLAN_LINE + 4 + candidate * PLACE_CANDIDATE;

    if (lines == 0 || record.n < n || plan.n < at + PLACE_CANDIDATE ||
        candidate >= (unsigned char)plan.p[5])
        return LC_EINVAL;
    buf_append(b, record.p, AT_STORE);
    buf_append(b, plan.p + at, 4);
    buf_append(b, record.p + AT_STORE + 4, AT_TIMES - AT_STORE - 4);
    buf_append(b, plan.p + at + 8, 16);
    buf_append(b, record.p + AT_TIMES + 16, n - AT_TIMES - 16);
    return LC_OK;
}

void
place_idem(struct buf *b, const Lifecircle__V1__Order *o)
{
    if (o->idempotency_key[0] != '\0')
        buf_printf(b, "%u:%s", o->chain, o->idempotency_key);
}

void
place_explain(struct buf *b, struct slice decision)
{
    /* stock (15) { candidate 0, missing_sku -1 } */
    static const char had_all[] = "\x7a\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";

    if (decision.n == 0)
        return;
    buf_append(b, decision.p, decision.n);
    buf_append(b, had_all, sizeof had_all - 1);
}

void
feed_line(struct buf *b, uint32_t sku_index, bool has_quantity, int32_t quantity, bool has_price,
          uint32_t price_cents)
{
    buf_u32(b, sku_index);
    buf_u32(b, (has_quantity ? 1u : 0u) | (has_price ? 2u : 0u));
    buf_u32(b, (uint32_t)(has_quantity ? quantity : 0));
    buf_u32(b, has_price ? price_cents : 0);
}
