/* timezone: local time of a city, from the bytes of an IANA time zone file. Pure: the shell reads
 * the file.
 *
 * Reads TZif version 2 to 4 (RFC 8536, RFC 9636), with the POSIX footer for times past the table,
 * so "fat" and "slim" files give the same answers. A version 1 file has no footer: its last offset
 * stays for ever. A NULL zone means UTC everywhere. A zone does not change once made: many threads
 * may read it. */
#ifndef LC_BASE_TIMEZONE_H
#define LC_BASE_TIMEZONE_H

#include "base/bytes.h"
#include "base/err.h"

struct tz; /* opaque; not called timezone because <sys/time.h> has a struct of that name */

/* timezone_new: a zone from the content of a TZif file; the bytes are not kept. Takes about 15 kB.
 *   LC_EINVAL  not a TZif file, cut short, or inconsistent
 *   LC_ENOMEM  out of memory
 * On error *out is NULL. */
LC_MUST_CHECK enum lc_err timezone_new(struct slice tzif, struct tz **out);

/* timezone_destroy: frees the zone; NULL is allowed. */
void timezone_destroy(struct tz *tz);

/* timezone_offset_s: seconds east of UTC at the instant ms. */
int32_t timezone_offset_s(const struct tz *tz, int64_t ms);

/* timezone_span: the offset at ms, and the instants [*from_ms, *to_ms) around it within which the
 * offset is the same (INT64_MIN and INT64_MAX when it has no end). */
int32_t timezone_span(const struct tz *tz, int64_t ms, int64_t *from_ms, int64_t *to_ms);

struct local_time {
    int32_t date;    /* days since 1970-01-01 on the local calendar, see date.h */
    int32_t weekday; /* 0 Monday to 6 Sunday */
    int32_t minute;  /* of the day, 0 to 1439 */
    int32_t second;  /* 0 to 59 */
};

/* timezone_local: what clock and calendar show in the zone at ms. */
struct local_time timezone_local(const struct tz *tz, int64_t ms);

/* timezone_instant_ms: the instant at which the zone's clock shows `minute` on `date`; minutes
 * under 0 and from 1440 on belong to the days before and after. A time shown twice (clocks set
 * back) means the first; a time that is skipped (clocks set forward) means the instant of the
 * change. */
int64_t timezone_instant_ms(const struct tz *tz, int32_t date, int32_t minute);

#endif
