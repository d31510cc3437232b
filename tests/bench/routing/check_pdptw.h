/* check_pdptw: is this a plan of the Li & Lim instance in that file? Reads the file itself and
 * shares nothing with the solver: Euclid in double precision, no matrix, no scaling. */
#ifndef LC_BENCH_CHECK_PDPTW_H
#define LC_BENCH_CHECK_PDPTW_H

struct checked {
    int unserved; /* requests */
    int vehicles;
    double distance;
    char why[160]; /* empty: the plan is good */
};

/* check_pdptw: routes are the ids of the instance's rows, without the depot; each ends with a -1,
 * the last with a second. `fleet` > 0: no more vehicles than that. */
struct checked check_pdptw(const char *path, const int *routes, int fleet);

#endif
