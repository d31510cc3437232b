/* roads: in every third seed the matchers have a routing server, which answers, late, wrongly or
 * never. By the question alone, so that the other seeds' chances stay as they were. */
#include "engine.h"

#include "base/travel_ask.h"

#include <stdlib.h>

bool
roads_here(const struct sim *s)
{
    return s->options.seed % 3 == 2;
}

static uint64_t
mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

/* From 0.7 to 1.7 times the estimate; one way in 50 is closed. */
static void
write_cells(struct buf *b, const struct travel_ask *ask, size_t n, uint64_t chance)
{
    const struct travel *t = travel_estimate();

    for (size_t k = 0; k < n; k++) {
        struct latlng from = ask->from[k / ask->to_n], to = ask->to[k % ask->to_n];
        uint64_t h = mix(chance + k);
        uint32_t least_s = travel_crow_s(from, to, ask->mode);
        uint32_t s = (uint32_t)(t->lower_bound_s(t, from, to, ask->mode) * (70 + h % 100) / 100);
        struct travel_cell cell = {s < least_s ? least_s : s, s * 4};
        if (h % 50 == 0)
            cell = (struct travel_cell){TRAVEL_UNREACHABLE, TRAVEL_UNREACHABLE};
        travel_cells_put(b, &cell, 1);
    }
}

void
roads_asked(struct sim *s, enum node_id id, const struct effect *e)
{
    enum { ANSWERS = 65, LATE = 75, BROKEN = 85, LIES = 92 }; /* of 100; the rest says nothing */
    struct arena *a = arena_new(1 << 20);
    struct travel_ask ask;
    uint64_t chance =
        mix(s->options.seed * 0x9e3779b97f4a7c15U + mix(e->ref + (uint64_t)s->now_ms));
    unsigned fate = (unsigned)(chance % 100);
    int64_t at_ms = s->now_ms + 1 + (int64_t)(chance / 100 % 50);

    if (a == NULL || travel_ask_get(e->bytes, a, &ask) != LC_OK)
        abort();
    if (at_ms >= e->at_ms || (fate >= ANSWERS && fate < LATE))
        at_ms = e->at_ms;
    if (fate < LIES) {
        struct item *it = queue_push_node(s, id, at_ms, ITEM_EVENT);
        size_t n = ask.from_n * ask.to_n;
        it->event = EVENT_TRAVEL;
        it->ref = e->ref;
        it->status = at_ms == e->at_ms               ? TRAVEL_LATE
                     : fate >= LATE && fate < BROKEN ? TRAVEL_BROKEN
                                                     : TRAVEL_ANSWERED;
        if (it->status == TRAVEL_ANSWERED)
            write_cells(&it->bytes, &ask, fate < ANSWERS ? n : n - 1, chance);
    }
    arena_destroy(a);
}

/* Done at once; told some time later, now and then never: as if the thread were slow, or had died.
 */
void
work_asked(struct sim *s, enum node_id id, const struct effect *e)
{
    enum { LOST = 2, SLOW = 10 }; /* of 100 */
    const struct node *n = &s->nodes[id];
    uint64_t chance =
        mix(s->options.seed * 0x9e3779b97f4a7c15U + mix(e->ref + (uint64_t)s->now_ms));
    unsigned fate = (unsigned)(chance % 100);
    int64_t takes_ms = (int64_t)(chance / 100 % (fate < SLOW ? 3000 : 60)) + 1;

    if (fate < LOST)
        return;
    struct item *it = queue_push_node(s, id, s->now_ms + takes_ms, ITEM_EVENT);
    it->event = EVENT_WORK;
    it->ref = e->ref;
    it->status = -(int)n->service->work(NULL, e->bytes, &it->bytes);
    if (it->bytes.failed)
        abort();
}
