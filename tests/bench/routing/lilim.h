/* lilim: an instance of Li & Lim as the solver wants it. */
#ifndef LC_BENCH_LILIM_H
#define LC_BENCH_LILIM_H

#include "router/plan/solve/pd.h"

struct lilim {
    struct pd_problem problem;
    struct pd_matrix matrix;
    double scale;        /* of the solver's units to the instance's */
    int32_t *pickup_id;  /* node of each request's pickup, */
    int32_t *dropoff_id; /* and drop-off, as the file numbers them */
    int32_t n_tasks;
    int32_t *arcs;
    struct pd_request *requests;
    struct pd_vehicle *vehicles;
};

/* lilim_read: NULL, with a message on stderr, when the file is not such an instance. Takes at most
 * `fleet` vehicles when that is not 0. */
struct lilim *lilim_read(const char *path, int fleet);
void lilim_free(struct lilim *x);

#endif
