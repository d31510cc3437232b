/* check_tsppd: how long is this tour in the TSPPD instance of that file? Reads the file itself and
 * shares nothing with the solver. */
#ifndef LC_BENCH_CHECK_TSPPD_H
#define LC_BENCH_CHECK_TSPPD_H

/* check_tsppd: tour: +i for the pickup of pair i, -i for its drop-off, n of them. -1, with the
 * reason in why, when it is no tour of the instance. */
long check_tsppd(const char *path, const int *tour, int n, char why[160]);

#endif
