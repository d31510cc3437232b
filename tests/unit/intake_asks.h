/* intake_asks: requests other than orders, on connection 5, and what came back. */
#ifndef LC_TESTS_INTAKE_ASKS_H
#define LC_TESTS_INTAKE_ASKS_H

#include "unit/intake_rig.h"

static inline void
put(struct rig *r, const char *path, const char *body)
{
    CU_ASSERT_EQUAL(rig_request(r, 5,
                                &(struct rig_request){.method = "PUT",
                                                      .path = path,
                                                      .type = "application/geo+json",
                                                      .body = slice_str(body)}),
                    LC_OK);
}

static inline void
get(struct rig *r, const char *path, const char *query)
{
    CU_ASSERT_EQUAL(
        rig_request(r, 5, &(struct rig_request){.method = "GET", .path = path, .query = query}),
        LC_OK);
}

static inline void
check_answer(struct rig *r, int status, const char *words)
{
    const struct effect *e = rig_http_answer(r, 5);

    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    if (e->status != status || !rig_has(e->bytes, words))
        printf("\nwanted %d %s\ngot    %d %.*s\n", status, words, e->status, (int)e->bytes.n,
               e->bytes.p);
    CU_ASSERT_EQUAL(e->status, status);
    CU_ASSERT_TRUE(rig_has(e->bytes, words));
}

/* The n-th call to Redis since the last rig_clear, by its function or command. */
static inline const struct effect *
call_of(struct rig *r, size_t n, const char *name)
{
    const struct effect *e = rig_effect(r, EFFECT_REDIS, n);

    if (e == NULL || !(slice_eq_str(e->argv[0], name) || slice_eq_str(e->argv[1], name)))
        return NULL;
    return e;
}

#endif
