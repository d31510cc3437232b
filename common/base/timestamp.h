/* timestamp: RFC 3339 text to and from Unix milliseconds (int64_t, UTC, no leap seconds). Pure. */
#ifndef LC_BASE_TIMESTAMP_H
#define LC_BASE_TIMESTAMP_H

#include "base/bytes.h"
#include "base/err.h"

enum { TIMESTAMP_TEXT = 32 };

/* timestamp_parse: an RFC 3339 date-time, nothing around it: "2026-11-22T12:00:00.25-05:00". T and
 * Z may be lower case, no other separator; a zone is required; "-00:00" counts as UTC; years 0000
 * to 9999. Fractions are cut to milliseconds (at most 12 digits are allowed). A leap second (:60)
 * is accepted where one can be, in the last UTC minute of a month, and becomes :59.999 of that
 * minute, so that times keep their order.
 *   LC_EINVAL  anything else; *ms is unchanged */
LC_MUST_CHECK enum lc_err timestamp_parse(struct slice s, int64_t *ms);

/* timestamp_format: "2026-11-22T12:00:00Z", with ".mmm" only when the milliseconds are not 0, and a
 * NUL. Years outside 0000 to 9999 are clamped to the nearest representable time. Returns the
 * length. */
size_t timestamp_format(int64_t ms, char out[TIMESTAMP_TEXT]);

#endif
