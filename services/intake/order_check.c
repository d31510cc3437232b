/* The one validator of orders, however they came: names every wrong field at once, and makes the
 * Order of a right one. */
#include "check.h"

#include "base/utf8.h"

#include <math.h>
#include <stdio.h>

static const int64_t day_ms = 24 * 60 * 60 * 1000;

static bool
printable(const char *s)
{
    for (; *s != '\0'; s++)
        if (*s < 0x20 || *s > 0x7e)
            return false;
    return true;
}

/* A text for people: any UTF-8 without control characters, and in one line if it is a name. NULL
 * was found wrong before. */
static char *
words(struct check *c, const char *field, char *s, size_t max, bool line)
{
    if (s == NULL)
        return (char *)protobuf_c_empty_string;
    if (strlen(s) > max)
        fault(c->f, field, "expected 0 to %zu bytes of text, got %zu", max, strlen(s));
    else if (line ? !utf8_is_line(slice_str(s)) : !utf8_is_words(slice_str(s)))
        fault(c->f, field, "expected %s without control characters",
              line ? "one line of text" : "text");
    return s;
}

static void
check_name(struct check *c)
{
    char *id = c->s->external_order_id;
    char *key = c->s->idempotency_key;

    if (id != NULL && id[0] == '\0' && !c->quote)
        fault(c->f, "external_order_id", "is required");
    else if (id != NULL && (strlen(id) > EXTERNAL_ID_BYTES_MAX || !printable(id)))
        fault(c->f, "external_order_id", "expected 1 to %d printable ASCII characters",
              EXTERNAL_ID_BYTES_MAX);
    if (strlen(key) > IDEMPOTENCY_BYTES_MAX || !printable(key))
        fault(c->f, "idempotency_key", "expected up to %d printable ASCII characters",
              IDEMPOTENCY_BYTES_MAX);
    c->order->external_order_id = id == NULL ? (char *)protobuf_c_empty_string : id;
    c->order->idempotency_key = key;
}

static bool
is_phone(const char *s)
{
    size_t n = strlen(s);

    return n >= 3 && n <= PHONE_BYTES_MAX && s[0] == '+' && s[1] != '0' &&
           strspn(s + 1, "0123456789") == n - 1;
}

static void
check_customer(struct check *c)
{
    Lifecircle__V1__Contact *k = c->s->customer;

    if (k == NULL)
        return;
    k->name = words(c, "customer.name", k->name, NAME_BYTES_MAX, true);
    if (k->phone == NULL)
        k->phone = (char *)protobuf_c_empty_string;
    else if (k->phone[0] != '\0' && !is_phone(k->phone))
        fault(c->f, "customer.phone", "expected E.164, like \"+14105550123\"");
    c->order->customer = k;
}

static void
check_dropoff(struct check *c)
{
    struct latlng at = {0, 0};

    c->order->address = words(c, "dropoff.address", c->s->address, ADDRESS_BYTES_MAX, false);
    c->order->instructions =
        words(c, "dropoff.instructions", c->s->instructions, INSTRUCTIONS_BYTES_MAX, false);
    if (c->s->by_address) {
        check_place(c);
        return;
    }
    if (!isfinite(c->s->lat) || c->s->lat < -90 || c->s->lat > 90)
        fault(c->f, "dropoff.lat", "expected a number from -90 to 90");
    if (!isfinite(c->s->lng) || c->s->lng < -180 || c->s->lng > 180)
        fault(c->f, "dropoff.lng", "expected a number from -180 to 180");
    if (geo_of_degrees(c->s->lat, c->s->lng, &at)) {
        c->order->dropoff->lat_e7 = at.lat_e7;
        c->order->dropoff->lng_e7 = at.lng_e7;
    }
}

/* ---- times ---- */

static void
check_window(struct check *c)
{
    enum { AHEAD_DAYS = 7, END_DAYS = 30, PROMISE_S = 3600 };
    int64_t now = c->ev->now_ms;
    int64_t start = c->s->window_start_ms == 0 ? now : c->s->window_start_ms;
    int64_t promise_s = c->chain->promise_s == 0 ? PROMISE_S : c->chain->promise_s;
    int64_t end = c->s->window_end_ms;

    if (start < 0 || start > now + AHEAD_DAYS * day_ms) {
        fault(c->f, "window.start", "expected a time up to %d days ahead", AHEAD_DAYS);
        start = now;
    }
    if (end == 0)
        end = start + promise_s * 1000;
    if (end > now + END_DAYS * day_ms)
        fault(c->f, "window.end", "expected a time up to %d days ahead", END_DAYS);
    else if (end <= now)
        fault_late(c->f, "window.end", "expected a time in the future");
    else if (end - start < c->in->min_window_ms && c->s->window_start_ms == 0)
        fault_late(c->f, "window.end", "expected a time further ahead");
    else if (end - start < c->in->min_window_ms)
        fault(c->f, "window.end", "expected at least %lld s after window.start",
              (long long)(c->in->min_window_ms / 1000));
    c->order->window_start_ms = start;
    c->order->window_end_ms = end;
}

static void
check_hold(struct check *c)
{
    int64_t hold = c->s->hold_until_ms;
    int64_t end = c->order->window_end_ms;

    if (hold == 0) {
        int64_t soonest = c->ev->now_ms;
        int64_t margin = c->in->hold_margin_ms; /* end is any number, if it was found wrong */
        hold = end > soonest + margin ? end - margin : soonest;
    } else if (hold < 0 || hold > end) {
        fault(c->f, "hold_until", "expected a time up to the end of the window");
    }
    c->order->hold_until_ms = hold;
}

/* ---- the rest ---- */

static void
check_currency(struct check *c)
{
    char *s = c->s->currency;

    if (s == NULL)
        return;
    if (s[0] == '\0')
        fault(c->f, "currency", "is required");
    else if (strlen(s) != 3 || strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
        fault(c->f, "currency", "expected an ISO 4217 code, like \"USD\"");
    else if (strcmp(s, c->chain->currency) != 0)
        fault(c->f, "currency", "expected \"%s\", the currency of chain %s", c->chain->currency,
              c->chain->chain_id);
    c->order->currency = s;
}

static void
check_store(struct check *c)
{
    const char *id = c->s->store_id;

    if (id == NULL || id[0] == '\0')
        return;
    const struct catalogue_store *s =
        catalogue_store_by_id(c->in->catalogue, c->chain->chain, slice_str(id));
    if (s == NULL)
        fault(c->f, "store_id", "chain %s has no such store", c->chain->chain_id);
    else
        c->order->store = s->store;
}

static void
take_choices(struct check *c)
{
    Lifecircle__V1__Order *o = c->order;

    o->chain = c->chain->chain;
    o->fulfilment = c->s->fulfilment;
    o->shortage = c->s->shortage;
    o->ranking = c->s->ranking;
    o->price_policy = c->s->price_policy;
    if (o->price_policy == LIFECIRCLE__V1__PRICE_POLICY__PRICE_CHAIN_DEFAULT)
        o->price_policy = c->chain->price_policy;
    if (o->price_policy == LIFECIRCLE__V1__PRICE_POLICY__PRICE_CHAIN_DEFAULT)
        o->price_policy = LIFECIRCLE__V1__PRICE_POLICY__PRICE_REFUSE;
    o->age_check = c->s->age_check;
    o->cold = c->s->cold;
    o->simulated = c->s->simulated;
    if (c->s->priority > PRIORITY_MAX)
        fault(c->f, "priority", "expected an integer from 0 to %d, got %u", PRIORITY_MAX,
              c->s->priority);
    o->priority = c->s->priority;
    o->created_ms = c->ev->now_ms;
}

/* The submission as bytes, without what may differ between two sendings of the same order. */
static enum lc_err
fingerprint(struct check *c, uint64_t *out)
{
    Lifecircle__V1__OrderSubmission plain = *c->s;

    plain.idempotency_key = (char *)protobuf_c_empty_string;
    plain.base.n_unknown_fields = 0;
    if (plain.customer != NULL)
        plain.customer->base.n_unknown_fields = 0;
    for (size_t i = 0; i < plain.n_lines; i++) {
        plain.lines[i]->base.n_unknown_fields = 0;
        plain.lines[i]->sku_index = 0;
        plain.lines[i]->n_substitute_indexes = 0;
    }
    size_t n = lifecircle__v1__order_submission__get_packed_size(&plain);
    uint8_t *p = arena_alloc(c->ev->arena, n + 1);
    if (p == NULL)
        return LC_ENOMEM;
    lifecircle__v1__order_submission__pack(&plain, p);
    *out = personal_fingerprint(&c->in->personal, slice_of((const char *)p, n));
    return LC_OK;
}

static void
name_it(struct check *c, struct checked *out)
{
    if (c->quote) { /* never the id of an order that is on its way */
        char seed[64];
        int n = snprintf(seed, sizeof seed, "quote %llx %llu", (unsigned long long)c->ev->entropy,
                         (unsigned long long)++c->in->ids);
        out->id = uuid_order(c->chain->chain, slice_of(seed, (size_t)n));
    } else {
        out->id = uuid_order(c->chain->chain, slice_str(c->order->external_order_id));
    }
    uuid_format(out->id, out->id_text);
    c->order->order_id = out->id_text;
    c->order->fingerprint = out->fingerprint;
}

enum lc_err
order_check(struct intake *in, const Lifecircle__V1__Chain *chain, const struct event *ev,
            bool quote, const Lifecircle__V1__OrderSubmission *s, struct faults *f,
            struct checked *out)
{
    struct check c = {
        .in = in, .chain = chain, .ev = ev, .s = s, .f = f, .order = &out->order, .quote = quote};

    lifecircle__v1__order__init(&out->order);
    lifecircle__v1__point__init(&out->dropoff);
    out->order.dropoff = &out->dropoff;
    enum lc_err err = f->n == 0 ? fingerprint(&c, &out->fingerprint) : LC_OK;
    if (err != LC_OK)
        return err;
    take_choices(&c);
    check_name(&c);
    check_dropoff(&c);
    check_customer(&c);
    check_lines(&c);
    check_currency(&c);
    check_window(&c);
    check_hold(&c);
    check_store(&c);
    name_it(&c, out);
    return LC_OK;
}
