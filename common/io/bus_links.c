#include "io/bus_own.h"

#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

struct link {
    UT_hash_handle by_id;
    UT_hash_handle by_number;
    struct link *prev, *next; /* silent longest first */
    uint64_t number;
    bool delimiter;
    unsigned n;
    char id[ROUTING_ID_MAX];
};

struct links {
    struct link *ids;
    struct link *numbers;
    struct link *order;
    uint64_t last; /* numbers are never used twice */
    size_t count;
};

struct links *
links_new(void)
{
    return calloc(1, sizeof(struct links));
}

static void
forget(struct links *l, struct link *one)
{
    HASH_DELETE(by_id, l->ids, one);
    HASH_DELETE(by_number, l->numbers, one);
    DL_DELETE(l->order, one);
    l->count--;
    free(one);
}

void
links_destroy(struct links *l)
{
    if (l == NULL)
        return;
    while (l->order != NULL)
        forget(l, l->order);
    free(l);
}

uint64_t
links_from(struct links *l, struct slice routing_id, bool delimiter, uint64_t *given_way)
{
    struct link *one = NULL;

    if (routing_id.n == 0 || routing_id.n > ROUTING_ID_MAX)
        return 0;
    HASH_FIND(by_id, l->ids, routing_id.p, (unsigned)routing_id.n, one);
    if (one != NULL) {
        one->delimiter = delimiter;
        DL_DELETE(l->order, one);
        DL_APPEND(l->order, one);
        return one->number;
    }
    if (l->count == BUS_LINKS) {
        forget(l, l->order);
        ++*given_way;
    }
    one = calloc(1, sizeof *one);
    if (one == NULL)
        return 0;
    one->number = ++l->last;
    one->delimiter = delimiter;
    one->n = (unsigned)routing_id.n;
    memcpy(one->id, routing_id.p, routing_id.n);
    HASH_ADD(by_id, l->ids, id, one->n, one);
    HASH_ADD(by_number, l->numbers, number, sizeof one->number, one);
    DL_APPEND(l->order, one);
    l->count++;
    return one->number;
}

bool
links_to(struct links *l, uint64_t link, struct slice *routing_id, bool *delimiter)
{
    struct link *one = NULL;

    HASH_FIND(by_number, l->numbers, &link, sizeof link, one);
    if (one == NULL)
        return false;
    *routing_id = slice_of(one->id, one->n);
    *delimiter = one->delimiter;
    return true;
}
