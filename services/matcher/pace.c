/* The travel times that a matcher decides by: the map's, as long as couriers really need, or the
 * estimate. */
#include "matcher/core.h"

#include "base/speeds.h"

static void
use(struct matcher *m)
{
    uint32_t times = (uint32_t)m->policy.speedup;
    bool paced = false;

    for (size_t i = 0; i < TRAVEL_MODES; i++)
        paced = paced || m->pace[i] != 100;
    m->estimate = travel_estimate();
    m->travel = m->map == NULL ? m->estimate : m->map;
    if (m->map != NULL && paced) {
        travel_paced_init(&m->paced, m->map, m->pace);
        m->travel = &m->paced.travel;
    }
    if (times > 1) {
        travel_faster_init(&m->faster[0], m->travel, times);
        travel_faster_init(&m->faster[1], m->estimate, times);
        m->estimate = &m->faster[1].travel;
        m->travel = m->map == NULL ? m->estimate : &m->faster[0].travel;
    }
    match_supply_travel(&m->supply, m->travel, m->estimate);
}

void
match_pace_start(struct matcher *m)
{
    memset(m->pace, 100, sizeof m->pace);
    use(m);
}

/* Neighbourhoods are sorted and cut by bounds of the travel times before. A search that was made is
 * not touched: every round of an order is one search, by one provider. */
void
match_pace_roads(struct match_step *s)
{
    s->m->map = s->ev->travel;
    use(s->m);
    match_cells_touch_all(s->m->cells);
}

static void
set(struct matcher *m, const uint8_t pct[TRAVEL_MODES])
{
    if (memcmp(m->pace, pct, sizeof m->pace) == 0)
        return;
    memcpy(m->pace, pct, sizeof m->pace);
    use(m);
    if (m->map != NULL)
        match_cells_touch_all(m->cells);
}

/* A router of before says nothing, a later one may know more modes. */
void
match_pace_take(struct match_step *s, const Lifecircle__V1__SupplyForecast *f)
{
    uint8_t pct[TRAVEL_MODES];

    for (size_t i = 0; i < TRAVEL_MODES; i++) {
        uint32_t said = i < f->n_travel_pct ? f->travel_pct[i] : 100;
        pct[i] = said >= SPEEDS_PCT_MIN && said <= SPEEDS_PCT_MAX ? (uint8_t)said : 100;
    }
    set(s->m, pct);
}

void
match_pace_expire(struct match_step *s)
{
    uint8_t pct[TRAVEL_MODES];

    if (match_supply_fresh(&s->m->supply, &s->m->policy, s->ev->now_ms))
        return;
    memset(pct, 100, sizeof pct);
    set(s->m, pct);
}
