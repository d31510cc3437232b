/* sessions: couriers' phones that are connected, found by connection and by courier. */
#include "notifier/known.h"

#include <stdlib.h>

/* The catalogue, in which every courier with a session is, numbers couriers from 1 on: a table
 * finds them. Every push looks one up four times, and a hash map's cache misses were a fifteenth of
 * what a push costs. */
enum { TABLE_FIRST = 1024 };

struct session *
session_by_conn(struct notifier *n, uint64_t conn)
{
    struct session *s;

    HASH_FIND(by_conn, n->by_conn, &conn, sizeof conn, s);
    return s;
}

struct session *
session_by_courier(struct notifier *n, uint32_t courier)
{
    return courier < n->of_courier_n ? n->of_courier[courier] : NULL;
}

/* place_for: the table has a place for this number afterwards. */
static bool
place_for(struct notifier *n, uint32_t courier)
{
    size_t size = n->of_courier_n == 0 ? TABLE_FIRST : n->of_courier_n;

    if (courier < n->of_courier_n)
        return true;
    while (size <= courier)
        size *= 2;
    struct session **table = realloc(n->of_courier, size * sizeof(struct session *));
    if (table == NULL)
        return false;
    memset(table + n->of_courier_n, 0, (size - n->of_courier_n) * sizeof(struct session *));
    n->of_courier = table;
    n->of_courier_n = (uint32_t)size;
    return true;
}

struct session *
session_add(struct notifier *n, uint64_t conn, uint32_t courier, bool protobuf)
{
    bool map_failed = false;
    struct session *s = calloc(1, sizeof *s);

    if (s == NULL || !place_for(n, courier)) {
        free(s);
        return NULL;
    }
    *s = (struct session){.conn = conn, .courier = courier, .protobuf = protobuf};
    HASH_ADD(by_conn, n->by_conn, conn, sizeof s->conn, s);
    if (map_failed) {
        free(s);
        return NULL;
    }
    n->of_courier[courier] = s;
    count_set(n, COUNT_SESSIONS, HASH_CNT(by_conn, n->by_conn));
    return s;
}

void
session_gone(struct notifier *n, struct session *s)
{
    if (session_by_courier(n, s->courier) == s)
        n->of_courier[s->courier] = NULL;
    HASH_DELETE(by_conn, n->by_conn, s);
    known_forget(n, s);
    free(s);
    count_set(n, COUNT_SESSIONS, HASH_CNT(by_conn, n->by_conn));
}
