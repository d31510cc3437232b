/* The lines of a stock feed: NDJSON and CSV. */
#include "feed.h"

#include "base/timestamp.h"
#include "base/utf8.h"

#include <stdio.h>

enum { PRICE_MAX = INT32_MAX, GRAMS_MAX = 1000000, CLOCK_MS = 60 * 1000 };
static const int64_t sequence_max = (int64_t)1 << 53;

/* ---- options ---- */

static bool
digits(struct slice s, int64_t low, int64_t high, int64_t *out)
{
    bool negative = s.n > 1 && s.p[0] == '-';
    int64_t v = 0;

    if (s.n == 0 || s.n > 18)
        return false;
    for (size_t i = negative; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (s.p[i] - '0');
    }
    if (negative)
        v = -v;
    if (v < low || v > high)
        return false;
    *out = v;
    return true;
}

static void
set_as_of(struct feed *feed, int64_t ms)
{
    feed->as_of_ms = ms;
    feed->as_of_said = true;
}

bool
feed_options_query(struct arena *a, struct slice query, int64_t now_ms, struct feed *feed,
                   struct faults *f)
{
    struct slice name, value;
    unsigned seen = 0;
    bool bad = false;
    int64_t v;

    while (query_next(a, &query, &name, &value, &bad)) {
        if (slice_eq_str(name, "mode")) {
            fault_twice(f, &seen, 1, "mode");
            if (slice_eq_str(value, "delta"))
                feed->kind = LIFECIRCLE__V1__STOCK_REQUEST__KIND__DELTA;
            else if (!slice_eq_str(value, "snapshot"))
                fault(f, "mode", "expected \"snapshot\" or \"delta\"");
        } else if (slice_eq_str(name, "as_of")) {
            fault_twice(f, &seen, 2, "as_of");
            if (timestamp_parse(value, &v) != LC_OK || v <= 0 || v > now_ms + CLOCK_MS)
                fault(f, "as_of",
                      "expected a time like \"2026-11-22T12:00:00Z\", not in the future");
            else
                set_as_of(feed, v);
        } else if (slice_eq_str(name, "sequence")) {
            fault_twice(f, &seen, 4, "sequence");
            if (digits(value, 1, sequence_max, &v))
                feed->sequence = (uint64_t)v;
            else
                fault(f, "sequence", "expected an integer from 1 to %lld", (long long)sequence_max);
        } else {
            fault(f, "query", "expected only mode, as_of and sequence");
        }
    }
    if (bad)
        fault(f, "query", "expected percent-encoded UTF-8");
    return f->n == 0;
}

bool
feed_options_line(struct json_in *json, const struct json_at *root, int64_t now_ms,
                  struct feed *feed)
{
    static const char *const fields[] = {"mode", "as_of", "sequence"};
    static const struct json_enum modes[] = {
        {"snapshot", LIFECIRCLE__V1__STOCK_REQUEST__KIND__SNAPSHOT},
        {"delta", LIFECIRCLE__V1__STOCK_REQUEST__KIND__DELTA},
    };
    int mode;
    int64_t v;

    if (json_in_has(root, "store_id") || json_in_has(root, "sku") ||
        !(json_in_has(root, "mode") || json_in_has(root, "as_of") || json_in_has(root, "sequence")))
        return false;
    if (json_in_enum(json, root, "mode", JSON_OPTIONAL, modes, 2, &mode))
        feed->kind = (Lifecircle__V1__StockRequest__Kind)mode;
    if (json_in_time(json, root, "as_of", JSON_OPTIONAL, &v)) {
        if (v <= 0 || v > now_ms + CLOCK_MS)
            json_in_fail(json, root, "as_of", "expected a time that is not in the future");
        else
            set_as_of(feed, v);
    }
    if (json_in_int(json, root, "sequence", JSON_OPTIONAL, 1, sequence_max, &v))
        feed->sequence = (uint64_t)v;
    json_in_only(json, root, fields, 3);
    return true;
}

/* A delta that is sent again must be known again. */
void
feed_options_check(const struct feed *feed, struct faults *f)
{
    if (feed->kind == LIFECIRCLE__V1__STOCK_REQUEST__KIND__DELTA && feed->sequence == 0 &&
        !feed->as_of_said)
        fault(f, "sequence",
              "a delta needs a sequence or as_of, so that a repetition is recognised");
}

/* ---- NDJSON ---- */

/* A delta alone takes away; a snapshot cannot count fewer than none. */
static int64_t
least_quantity(const struct feed *feed)
{
    return feed->kind == LIFECIRCLE__V1__STOCK_REQUEST__KIND__DELTA ? -FEED_QUANTITY_MAX : 0;
}

void
feed_read_json(struct json_in *json, const struct json_at *root, const struct feed *feed,
               struct feed_row *row)
{
    static const char *const fields[] = {"store_id", "sku",      "quantity",  "price",
                                         "name",     "weight_g", "volume_ml", "age_restricted"};

    *row = (struct feed_row){0};
    json_in_line(json, root, "store_id", JSON_REQUIRED, 1, STORE_ID_BYTES_MAX, &row->store_id);
    json_in_line(json, root, "sku", JSON_REQUIRED, 1, SKU_BYTES_MAX, &row->sku);
    row->has_quantity = json_in_int(json, root, "quantity", JSON_OPTIONAL, least_quantity(feed),
                                    FEED_QUANTITY_MAX, &row->quantity);
    row->has_price = json_in_int(json, root, "price", JSON_OPTIONAL, 0, PRICE_MAX, &row->price);
    row->has_name = json_in_line(json, root, "name", JSON_OPTIONAL, 0, NAME_BYTES_MAX, &row->name);
    row->has_weight =
        json_in_int(json, root, "weight_g", JSON_OPTIONAL, 0, GRAMS_MAX, &row->weight_g);
    row->has_volume =
        json_in_int(json, root, "volume_ml", JSON_OPTIONAL, 0, GRAMS_MAX, &row->volume_ml);
    row->has_age = json_in_bool(json, root, "age_restricted", JSON_OPTIONAL, &row->age_restricted);
    json_in_only(json, root, fields, sizeof fields / sizeof *fields);
    if (root->value != NULL && !json_in_has(root, "quantity") && !json_in_has(root, "price"))
        json_in_fail(json, root, "quantity", "quantity or price is required");
}

/* ---- CSV ---- */

enum field {
    FIELD_STORE_ID,
    FIELD_SKU,
    FIELD_QUANTITY,
    FIELD_PRICE,
    FIELD_NAME,
    FIELD_WEIGHT,
    FIELD_VOLUME,
    FIELD_AGE,
    FIELDS
};
static const char *const field_name[FIELDS] = {
    "store_id", "sku", "quantity", "price", "name", "weight_g", "volume_ml", "age_restricted"};

enum { NAMES_TOLD = 6, NAME_TOLD = 40 };

/* all_unknown: the columns that nobody knows, in quotes; n of them. */
static const char *
all_unknown(struct arena *a, const struct csv_row *row, const struct feed *feed, size_t *n)
{
    const char *text = "";

    *n = 0;
    for (size_t i = 0; i < row->n; i++) {
        struct slice name = row->field[i];
        if (feed->column[i] != FIELDS || (*n)++ >= NAMES_TOLD)
            continue;
        bool shown = name.n < NAME_TOLD && utf8_valid(name);
        text = arena_printf(a, "%s%s\"%.*s\"", text, *n > 1 ? ", " : "", shown ? (int)name.n : 0,
                            shown ? name.p : "");
        if (text == NULL)
            return "";
    }
    if (*n > NAMES_TOLD)
        text = arena_printf(a, "%s and %zu more", text, *n - NAMES_TOLD);
    return text == NULL ? "" : text;
}

/* check_header: one fault that names all that nobody knows, all that is missing, and what there
 * could be. */
static void
check_header(const struct csv_row *row, const struct feed *feed, const bool *seen, struct faults *f)
{
    const char *missing[] = {
        seen[FIELD_STORE_ID] ? NULL : "store_id", seen[FIELD_SKU] ? NULL : "sku",
        seen[FIELD_QUANTITY] || seen[FIELD_PRICE] ? NULL : "quantity or price"};
    const char *lacks = "";
    size_t unknown;
    const char *names = all_unknown(f->arena, row, feed, &unknown);

    for (size_t i = 0; i < sizeof missing / sizeof *missing && lacks != NULL; i++)
        if (missing[i] != NULL)
            lacks = arena_printf(f->arena, "%s%s%s", lacks, *lacks == '\0' ? "" : ", ", missing[i]);
    if (lacks == NULL || (unknown == 0 && *lacks == '\0'))
        return;
    fault(f, "header",
          "%s%s%s%s%s; expected store_id, sku, quantity or price or both, and if you like name, "
          "weight_g, volume_ml, age_restricted, with commas between them",
          unknown == 0   ? ""
          : unknown == 1 ? "unknown column "
                         : "unknown columns ",
          names, unknown > 0 && *lacks != '\0' ? "; " : "",
          *lacks == '\0' ? "" : "missing: ", lacks);
}

void
feed_read_header(const struct csv_row *row, struct feed *feed, struct faults *f)
{
    bool seen[FIELDS] = {false};

    if (row->n > FEED_COLUMNS_MAX) {
        fault(f, "header", "expected at most %d columns", FEED_COLUMNS_MAX);
        return;
    }
    feed->columns = row->n;
    for (size_t i = 0; i < row->n; i++) {
        int k = 0;
        while (k < FIELDS && !slice_eq_str(row->field[i], field_name[k]))
            k++;
        if (k < FIELDS && seen[k])
            fault(f, "header", "column %s is there twice", field_name[k]);
        else if (k < FIELDS)
            seen[k] = true;
        feed->column[i] = k;
    }
    check_header(row, feed, seen, f);
}

static bool
csv_number(struct slice s, const char *name, int64_t low, int64_t high, struct faults *f,
           int64_t *out)
{
    if (s.n == 0)
        return false;
    if (digits(s, low, high, out))
        return true;
    fault(f, name, "expected an integer from %lld to %lld", (long long)low, (long long)high);
    return false;
}

static struct slice
csv_text(struct slice s, const char *name, size_t min, size_t max, struct faults *f)
{
    if (s.n >= min && s.n <= max && utf8_valid(s) && utf8_is_line(s))
        return s;
    fault(f, name, "expected %zu to %zu bytes of UTF-8 text without control characters", min, max);
    return (struct slice){NULL, 0};
}

static void
csv_field(enum field k, struct slice s, const struct feed *feed, struct faults *f,
          struct feed_row *out)
{
    const char *name = field_name[k];

    switch (k) {
    case FIELD_STORE_ID:
        out->store_id = csv_text(s, name, 1, STORE_ID_BYTES_MAX, f);
        break;
    case FIELD_SKU:
        out->sku = csv_text(s, name, 1, SKU_BYTES_MAX, f);
        break;
    case FIELD_QUANTITY:
        out->has_quantity =
            csv_number(s, name, least_quantity(feed), FEED_QUANTITY_MAX, f, &out->quantity);
        break;
    case FIELD_PRICE:
        out->has_price = csv_number(s, name, 0, PRICE_MAX, f, &out->price);
        break;
    case FIELD_NAME:
        out->name = csv_text(s, name, 0, NAME_BYTES_MAX, f);
        out->has_name = s.n > 0;
        break;
    case FIELD_WEIGHT:
        out->has_weight = csv_number(s, name, 0, GRAMS_MAX, f, &out->weight_g);
        break;
    case FIELD_VOLUME:
        out->has_volume = csv_number(s, name, 0, GRAMS_MAX, f, &out->volume_ml);
        break;
    case FIELD_AGE:
        out->has_age = s.n > 0;
        out->age_restricted = slice_eq_str(s, "true");
        if (s.n > 0 && !out->age_restricted && !slice_eq_str(s, "false"))
            fault(f, name, "expected true or false");
        break;
    case FIELDS:
        break;
    }
}

void
feed_read_csv(const struct csv_row *row, const struct feed *feed, struct faults *f,
              struct feed_row *out)
{
    *out = (struct feed_row){0};
    if (row->n != feed->columns) {
        fault(f, "row", "expected %zu fields, as in the header, got %zu", feed->columns, row->n);
        return;
    }
    for (size_t i = 0; i < row->n; i++)
        csv_field((enum field)feed->column[i], row->field[i], feed, f, out);
    if (f->n == 0 && !out->has_quantity && !out->has_price)
        fault(f, "quantity", "quantity or price is required");
}
