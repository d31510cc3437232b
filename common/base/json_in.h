/* json_in: reads a JSON document and names everything that is wrong with it, at once. Pure.
 *
 *     struct json_in in;
 *     struct json_at order, line;
 *     if (json_in_parse(&in, arena, body, &json_limits_default) == LC_OK) {
 *         order = json_in_root(&in);
 *         json_in_string(&in, &order, "external_order_id", JSON_REQUIRED, 1, 64, &o.external_id);
 *         if (json_in_array(&in, &order, "lines", JSON_REQUIRED, 1, 100, &lines, &n))
 *             for (size_t i = 0; i < n; i++) {
 *                 line = json_in_item(&in, &lines, i);
 *                 json_in_int(&in, &line, "quantity", JSON_REQUIRED, 1, 999, &quantity);
 *                 json_in_only(&in, &line, line_fields, 3);
 *             }
 *     }
 *     if (in.error_n > 0) … problem_write(… in.error, in.error_n …)
 *
 * A getter gives true when the field is there and right, and sets *out. It gives false, leaves *out
 * as it was, and notes an error when the field is wrong, or absent but JSON_REQUIRED. null counts
 * as absent. On a json_at that is not an object every getter gives false and says nothing: that
 * error has been noted before.
 *
 * Everything lives in the arena; nothing is freed. Slices point into the arena or into the text
 * that was parsed, so both must outlive them. */
#ifndef LC_BASE_JSON_IN_H
#define LC_BASE_JSON_IN_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/geo.h"
#include "base/json_value.h"
#include "base/problem.h"

/* 1 MiB, 16 deep. */
extern const struct json_limits json_limits_default;

enum { JSON_ERRORS_MAX = 50 };

struct json_in {
    struct arena *arena;           /* borrowed */
    const struct json_value *root; /* in the arena */
    size_t error_n;                /* up to JSON_ERRORS_MAX */
    size_t more_errors;            /* those that came after */
    struct field_error error[JSON_ERRORS_MAX];
};

/* A value and where it stands. The path lives on the stack and becomes text only for an error: a
 * json_at must outlive those made from it. */
struct json_at {
    const struct json_value *value; /* NULL: absent or wrong, noted already */
    const struct json_at *up;
    const char *name; /* NULL: element `index` of an array */
    size_t index;
};

enum json_need { JSON_OPTIONAL, JSON_REQUIRED };

/* json_in_parse: reads one document with nothing but white space around it; what is refused is in
 * json_value.h. On error there is one entry in in->error that names line and column.
 *   LC_EINVAL   not JSON
 *   LC_ETOOBIG  over a limit
 *   LC_ENOMEM   over the arena's cap */
LC_MUST_CHECK enum lc_err json_in_parse(struct json_in *in, struct arena *arena, struct slice text,
                                        const struct json_limits *limits);

/* json_in_close: forgets the document, so that a later read finds nothing rather than old memory.
 */
static inline void
json_in_close(struct json_in *in)
{
    in->root = NULL;
}

/* json_in_root: the document; an error is noted, and its value is NULL, unless it is an object. */
struct json_at json_in_root(struct json_in *in);

/* json_in_root_any: the document, of whatever type. */
struct json_at json_in_root_any(struct json_in *in);

/* json_in_has: is the field there and not null? Notes nothing. */
bool json_in_has(const struct json_at *at, const char *name);

/* json_in_string: min to max bytes of UTF-8 without control characters other than tab and line
 * feed. */
bool json_in_string(struct json_in *in, const struct json_at *at, const char *name,
                    enum json_need need, size_t min, size_t max, struct slice *out);

/* json_in_line: the same without those two: what is shown in one line, as a name is. */
bool json_in_line(struct json_in *in, const struct json_at *at, const char *name,
                  enum json_need need, size_t min, size_t max, struct slice *out);

/* json_in_int: a whole number from min to max, written as an integer (3, not 3.0 or "3"). */
bool json_in_int(struct json_in *in, const struct json_at *at, const char *name,
                 enum json_need need, int64_t min, int64_t max, int64_t *out);

/* json_in_number: a finite number from min to max. */
bool json_in_number(struct json_in *in, const struct json_at *at, const char *name,
                    enum json_need need, double min, double max, double *out);

bool json_in_bool(struct json_in *in, const struct json_at *at, const char *name,
                  enum json_need need, bool *out);

/* json_in_enum: one of the table's names. */
struct json_enum {
    const char *name;
    int value;
};
bool json_in_enum(struct json_in *in, const struct json_at *at, const char *name,
                  enum json_need need, const struct json_enum *table, size_t n, int *out);

/* json_in_time: an RFC 3339 date-time, as Unix ms. */
bool json_in_time(struct json_in *in, const struct json_at *at, const char *name,
                  enum json_need need, int64_t *out_ms);

/* json_in_latlng_of: the two required fields lat and lng of `at` itself, in degrees, beside
 * whatever else it has. */
bool json_in_latlng_of(struct json_in *in, const struct json_at *at, struct latlng *out);

/* json_in_object: a nested object; out->value is NULL when there is none, so its getters may be
 * called anyway (they then say nothing). */
bool json_in_object(struct json_in *in, const struct json_at *at, const char *name,
                    enum json_need need, struct json_at *out);

/* json_in_array: an array of min to max elements; *n is 0 when there is none. */
bool json_in_array(struct json_in *in, const struct json_at *at, const char *name,
                   enum json_need need, size_t min, size_t max, struct json_at *out, size_t *n);

/* json_in_item: element i of an array of json_in_array, an object to read fields from: an error is
 * noted, and its value is NULL, unless it is one. */
struct json_at json_in_item(struct json_in *in, const struct json_at *array, size_t i);

/* json_in_item_any: element i, of whatever type. With name NULL all getters above read `at` itself,
 * so that json_in_int(in, &item, NULL, JSON_REQUIRED, …) reads an array of numbers. */
struct json_at json_in_item_any(const struct json_at *array, size_t i);

/* json_in_only: notes an error for each field of the object that is not among the n names. */
void json_in_only(struct json_in *in, const struct json_at *at, const char *const *names, size_t n);

/* json_in_fail: notes an error at field `name` of `at` (NULL: at itself) that only the caller can
 * see. */
void json_in_fail(struct json_in *in, const struct json_at *at, const char *name, const char *fmt,
                  ...) __attribute__((format(printf, 4, 5)));

/* json_in_expected: notes "expected <expected>, got <value>" at field `name` of `at`; gives false.
 */
bool json_in_expected(struct json_in *in, const struct json_at *at, const char *name,
                      const struct json_value *value, const char *expected);

#endif
