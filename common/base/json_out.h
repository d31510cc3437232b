/* json_out: writes JSON into a buf, in order, without a tree. Pure.
 *
 *     struct json_out w = json_out_to(&buf);
 *     json_out_object(&w, NULL);
 *     json_out_str(&w, "status", SLICE_LIT("placed"));
 *     json_out_array(&w, "lines");
 *     json_out_int(&w, NULL, 3);
 *     json_out_end(&w);
 *     json_out_end(&w);
 *
 * The writer sets the commas. `key` is the field's name inside an object, NULL inside an array and
 * at the top; it is written as it is, so it must need no escaping. Running out of memory shows in
 * buf.failed. */
#ifndef LC_BASE_JSON_OUT_H
#define LC_BASE_JSON_OUT_H

#include "base/bytes.h"

enum { JSON_OUT_DEPTH_MAX = 64 };

struct json_out {
    struct buf *b;
    unsigned depth;
    uint64_t filled;  /* bit d: level d has a member already */
    uint64_t objects; /* bit d: level d is an object */
};

struct json_out json_out_to(struct buf *b);

void json_out_object(struct json_out *w, const char *key);
void json_out_array(struct json_out *w, const char *key);

/* json_out_end: closes the innermost object or array. */
void json_out_end(struct json_out *w);

/* json_out_str: escaped; bytes that are not UTF-8 become U+FFFD. */
void json_out_str(struct json_out *w, const char *key, struct slice s);

/* json_out_cstr: as json_out_str; NULL is written as null. */
void json_out_cstr(struct json_out *w, const char *key, const char *s);

void json_out_int(struct json_out *w, const char *key, int64_t v);
void json_out_uint(struct json_out *w, const char *key, uint64_t v);

/* json_out_e7: v / 1e7 with up to 7 decimals, exact: 392637110 is 39.263711. */
void json_out_e7(struct json_out *w, const char *key, int64_t v);

/* json_out_double: with up to `decimals` (0 to 9) digits behind the point, without trailing zeros;
 * null unless finite. */
void json_out_double(struct json_out *w, const char *key, double v, unsigned decimals);

void json_out_bool(struct json_out *w, const char *key, bool v);
void json_out_null(struct json_out *w, const char *key);

/* json_out_time: Unix ms as RFC 3339 text. */
void json_out_time(struct json_out *w, const char *key, int64_t ms);

#endif
