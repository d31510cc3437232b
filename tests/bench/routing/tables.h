/* tables: what others reached on the instances, from the tables beside them. */
#ifndef LC_BENCH_TABLES_H
#define LC_BENCH_TABLES_H

#include <stdbool.h>

struct reached {
    int unserved; /* requests */
    int vehicles;
    double distance;
    double seconds; /* of CPU; 0 = not told */
};

/* tables_best: the best known of an instance, from DIR/best-known.tsv. */
bool tables_best(const char *dir, const char *instance, struct reached *out);

/* tables_vroom: VROOM's run in this mode ("plus10", "exact"), and the shorter of the times of its
 * two runs, from DIR/../peers/vroom-lilim.tsv. */
bool tables_vroom(const char *dir, const char *instance, const char *mode, struct reached *out);

/* tables_compare: < 0 when a is better than b: fewer left out, fewer vehicles, less distance (to
 * the hundredth that VROOM reports). */
int tables_compare(const struct reached *a, const struct reached *b);

/* tables_optimum: of a TSPPD instance, from DIR/optimal.tsv. */
bool tables_optimum(const char *dir, const char *instance, long *out);

#endif
