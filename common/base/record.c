#include "base/record.h"

static int64_t
i64_at(const char *p)
{
    return (int64_t)bytes_u64(p);
}

static void
read_times(const char *p, struct record *out)
{
    out->window_start_ms = i64_at(p + 32);
    out->window_end_ms = i64_at(p + 40);
    out->hold_until_ms = i64_at(p + 48);
    out->ready_ms = i64_at(p + 56);
    out->eta_ms = i64_at(p + 64);
    out->total_cents = i64_at(p + 72);
    out->updated_ms = i64_at(p + 80);
    out->live_eta_ms = i64_at(p + 88);
    out->entered_ms[0] = 0;
    for (size_t state = 1; state <= RECORD_STATES; state++)
        out->entered_ms[state] = i64_at(p + 88 + 8 * state);
}

enum lc_err
record_read(struct slice bytes, struct record *out)
{
    const char *p = bytes.p;

    if (bytes.n < RECORD_HEAD || p[0] != 1)
        return LC_EINVAL;
    out->state = (uint8_t)p[1];
    if (out->state > RECORD_STATES)
        return LC_EINVAL;
    out->reason = (uint8_t)p[2];
    out->flags = (uint8_t)p[3];
    out->version = bytes_u32(p + 4);
    out->fingerprint = bytes_u64(p + 8);
    out->chain = bytes_u32(p + 16);
    out->store = bytes_u32(p + 20);
    out->courier = bytes_u32(p + 24);
    out->n_lines = bytes_u16(p + 28);
    out->attempts = bytes_u16(p + 30) & 0x7fff;
    out->accepted = (bytes_u16(p + 30) & 0x8000) != 0;
    read_times(p, out);
    out->head = slice_of(p, RECORD_HEAD);
    out->lines = out->order = slice_of(p + RECORD_HEAD, 0);
    if (bytes.n == RECORD_HEAD)
        return LC_OK;
    size_t lines = (size_t)out->n_lines * RECORD_LINE;
    if (bytes.n - RECORD_HEAD < lines)
        return LC_EINVAL;
    out->lines = slice_of(p + RECORD_HEAD, lines);
    out->order = slice_of(p + RECORD_HEAD + lines, bytes.n - RECORD_HEAD - lines);
    return LC_OK;
}

bool
record_line_at(const struct record *r, size_t i, struct record_line *out)
{
    if (i >= r->lines.n / RECORD_LINE)
        return false;
    const char *p = r->lines.p + i * RECORD_LINE;
    *out = (struct record_line){.sku_index = bytes_u32(p),
                                .quantity = bytes_u16(p + 4),
                                .taken = bytes_u16(p + 6),
                                .price_cents = bytes_u32(p + 8),
                                .substitute = bytes_u32(p + 12)};
    return true;
}

bool
record_is_end(unsigned state)
{
    return state == LIFECIRCLE__V1__ORDER_STATE__DELIVERED ||
           state == LIFECIRCLE__V1__ORDER_STATE__COLLECTED ||
           state == LIFECIRCLE__V1__ORDER_STATE__CANCELLED ||
           state == LIFECIRCLE__V1__ORDER_STATE__RETURNED ||
           state == LIFECIRCLE__V1__ORDER_STATE__REJECTED;
}

bool
record_waits(unsigned state)
{
    return state == LIFECIRCLE__V1__ORDER_STATE__CREATED ||
           state == LIFECIRCLE__V1__ORDER_STATE__HELD;
}

static const char *const STATE_NAMES[RECORD_STATES + 1] = {
    "none",
    "created",
    "held",
    "placed",
    "confirmed",
    "enroute_to_pickup",
    "arrived_at_pickup",
    "picked_up",
    "enroute_to_dropoff",
    "arrived_at_dropoff",
    "delivered",
    "ready_for_collection",
    "collected",
    "cancelled",
    "returned",
    "rejected",
    "returning",
};

const char *
record_state_name(unsigned state)
{
    return state <= RECORD_STATES ? STATE_NAMES[state] : "unknown";
}

/* as they are written in JSON, in and out */
static const char *const REASON_NAMES[] = {
    [LIFECIRCLE__V1__REASON__REASON_NONE] = "none",
    [LIFECIRCLE__V1__REASON__NO_STORE_IN_RANGE] = "no_store_in_range",
    [LIFECIRCLE__V1__REASON__OUT_OF_ZONE] = "out_of_zone",
    [LIFECIRCLE__V1__REASON__STORE_CLOSED] = "store_closed",
    [LIFECIRCLE__V1__REASON__STORE_PAUSED] = "store_paused",
    [LIFECIRCLE__V1__REASON__FULFILMENT_NOT_OFFERED] = "fulfilment_not_offered",
    [LIFECIRCLE__V1__REASON__REQUIREMENT_NOT_MET] = "requirement_not_met",
    [LIFECIRCLE__V1__REASON__STORE_AT_CAPACITY] = "store_at_capacity",
    [LIFECIRCLE__V1__REASON__TOO_LATE] = "too_late",
    [LIFECIRCLE__V1__REASON__NO_COURIERS] = "no_couriers",
    [LIFECIRCLE__V1__REASON__OUT_OF_STOCK] = "out_of_stock",
    [LIFECIRCLE__V1__REASON__NOT_YET] = "not_yet",
    [LIFECIRCLE__V1__REASON__HOLD_EXPIRED] = "hold_expired",
    [LIFECIRCLE__V1__REASON__ADDRESS_NOT_CONFIRMED] = "address_not_confirmed",
    [LIFECIRCLE__V1__REASON__PRICE_CHANGED] = "price_changed",
    [LIFECIRCLE__V1__REASON__CUSTOMER_CANCELLED] = "customer_cancelled",
    [LIFECIRCLE__V1__REASON__CUSTOMER_ABSENT] = "customer_absent",
    [LIFECIRCLE__V1__REASON__CUSTOMER_REFUSED] = "customer_refused",
    [LIFECIRCLE__V1__REASON__MERCHANT_CANCELLED] = "merchant_cancelled",
    [LIFECIRCLE__V1__REASON__MERCHANT_CLOSED] = "merchant_closed",
    [LIFECIRCLE__V1__REASON__MERCHANT_ITEM_MISSING] = "merchant_item_missing",
    [LIFECIRCLE__V1__REASON__COURIER_DECLINED] = "courier_declined",
    [LIFECIRCLE__V1__REASON__COURIER_SILENT] = "courier_silent",
    [LIFECIRCLE__V1__REASON__COURIER_OFF_SHIFT] = "courier_off_shift",
    [LIFECIRCLE__V1__REASON__COURIER_VANISHED] = "courier_vanished",
    [LIFECIRCLE__V1__REASON__COURIER_UNASSIGNED_SELF] = "courier_unassigned_self",
    [LIFECIRCLE__V1__REASON__UNABLE_TO_FIND_ADDRESS] = "unable_to_find_address",
    [LIFECIRCLE__V1__REASON__UNABLE_TO_DELIVER] = "unable_to_deliver",
    [LIFECIRCLE__V1__REASON__RESERVATION_EXPIRED] = "reservation_expired",
    [LIFECIRCLE__V1__REASON__OPERATOR] = "operator",
};

enum { REASONS = sizeof REASON_NAMES / sizeof *REASON_NAMES };

const char *
record_reason_name(unsigned reason)
{
    return reason < REASONS && REASON_NAMES[reason] != NULL ? REASON_NAMES[reason] : "unknown";
}

const char *
record_precision_name(Lifecircle__V1__AddressPrecision p)
{
    switch (p) {
    case LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_EXACT:
        return "exact";
    case LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_INTERPOLATED:
        return "interpolated";
    case LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_STREET:
        return "street";
    case LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_AMBIGUOUS:
        return "ambiguous";
    case LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_CONFIRMED:
        return "confirmed";
    case LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_GIVEN:
    case _LIFECIRCLE__V1__ADDRESS_PRECISION_IS_INT_SIZE:
        break;
    }
    return "given";
}

Lifecircle__V1__OrderState
record_state_of(struct slice name)
{
    for (unsigned s = 1; s <= RECORD_STATES; s++)
        if (slice_eq_str(name, STATE_NAMES[s]))
            return (Lifecircle__V1__OrderState)s;
    return LIFECIRCLE__V1__ORDER_STATE__STATE_NONE;
}

enum lc_err
record_history_read(struct slice bytes, struct record_history *out)
{
    struct cursor c = {.p = bytes.p, .n = bytes.n};

    out->state = cursor_u8(&c);
    out->reason = cursor_u8(&c);
    (void)cursor_u16(&c);
    out->store = cursor_u32(&c);
    out->courier = cursor_u32(&c);
    out->version = cursor_u32(&c);
    out->time_ms = (int64_t)cursor_u64(&c);
    out->words = cursor_take(&c, c.n);
    return c.failed ? LC_EINVAL : LC_OK;
}

/* ---- the ledger ---- */

enum { LEDGER_ID = 36, LEDGER_CHANGE = 12 };

enum lc_err
ledger_next(struct cursor *c, struct ledger_entry *out)
{
    if (c->failed)
        return LC_EINVAL;
    if (c->n == 0)
        return LC_EAGAIN;
    out->cause_id = cursor_take(c, LEDGER_ID);
    out->store = cursor_u32(c);
    out->cause = cursor_u8(c);
    (void)cursor_u8(c);
    out->n = cursor_u16(c);
    out->changes = cursor_take(c, (size_t)out->n * LEDGER_CHANGE);
    return c->failed ? LC_EINVAL : LC_OK;
}

struct ledger_change
ledger_change_at(const struct ledger_entry *e, size_t i)
{
    const char *p = e->changes.p + i * LEDGER_CHANGE;

    return (struct ledger_change){.sku_index = bytes_u32(p),
                                  .available = (int32_t)bytes_u32(p + 4),
                                  .on_hand = (int32_t)bytes_u32(p + 8)};
}

const char *
ledger_cause_name(unsigned cause)
{
    static const char *const name[] = {"unknown", "reserve", "release", "commit", "feed", "return"};

    return name[cause < sizeof name / sizeof *name ? cause : 0];
}

/* Redis' BITFIELD counts from the highest bit. */
static uint32_t
big_endian_at(struct slice s, size_t at)
{
    if (s.n < at + 4)
        return 0;
    const unsigned char *p = (const unsigned char *)s.p + at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct stock_level
stock_level_at(struct slice stock, struct slice shelf, uint32_t index)
{
    size_t at = (size_t)index * 8;

    return (struct stock_level){.available = (int32_t)big_endian_at(stock, at),
                                .price_cents = big_endian_at(stock, at + 4),
                                .on_hand = (int32_t)big_endian_at(shelf, at),
                                .safety = big_endian_at(shelf, at + 4)};
}
