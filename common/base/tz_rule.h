/* tz_rule: the rules in the last line of a time zone file, "EST5EDT,M3.2.0,M11.1.0/2" (POSIX TZ,
 * with the extensions of RFC 9636 3.3.2). Part of timezone.c; nobody else includes it. */
#ifndef LC_BASE_TZ_RULE_H
#define LC_BASE_TZ_RULE_H

#include "base/bytes.h"

struct tz_rule {
    char kind; /* 'M' month.week.day, 'J' day without leap days, '0' day with them */
    int32_t month, week, day;
    int32_t time_s;
};

struct tz_rules {
    int32_t std_s, dst_s; /* offsets east of UTC */
    bool has_dst;
    struct tz_rule to_dst, to_std;
};

/* tz_rules_parse: false when it is not such a line. */
bool tz_rules_parse(struct slice s, struct tz_rules *out);

/* tz_rule_s: the local second at which a rule strikes in a year, as if the local clock were UTC. */
int64_t tz_rule_s(const struct tz_rule *r, int32_t year);

#endif
