/* The notifier's core alone: what was read is pushed a part in each turn, while Redis reads on. */
#include "unit/notifier_rig.h"

enum { CROWD = 300, A_TURN = 128 };

/* What went out in a turn. */
struct turn {
    unsigned told;      /* to phones */
    bool again;         /* it wants to be woken at once */
    size_t asked;       /* calls for routes ... */
    size_t couriers[8]; /* ... of so many each */
    uint64_t tags[8];
};

static struct turn
end_turn(struct rig *r)
{
    struct event end = {.kind = EVENT_TURN_END, .now_ms = r->now_ms};
    const struct outbox *out = stepper_outbox(r->stepper);
    struct turn t = {0};

    CU_ASSERT_EQUAL(stepper_feed(r->stepper, &end), LC_OK);
    for (size_t i = 0; i < outbox_count(out); i++) {
        const struct effect *e = outbox_at(out, i);
        t.told += e->kind == EFFECT_SOCKET_SEND;
        t.again = t.again || (e->kind == EFFECT_WAKE && e->at_ms <= r->now_ms);
        if (e->kind != EFFECT_REDIS || e->ref >> 56 != CALL_ROUTES || t.asked == 8)
            continue;
        t.couriers[t.asked] = e->argc - 2;
        t.tags[t.asked++] = e->ref;
    }
    stepper_flushed(r->stepper);
    return t;
}

/* answer: everybody who was asked for in that turn has a route of this version, without stops. */
static void
answer(struct rig *r, const struct turn *t, uint32_t version)
{
    Lifecircle__V1__Route route = LIFECIRCLE__V1__ROUTE__INIT;
    struct reply items[CROWD] = {0};
    char value[64] = {0};

    route.version = version;
    size_t n = 4 + lifecircle__v1__route__pack(&route, (uint8_t *)value + 4);
    for (size_t i = 0; i < CROWD; i++)
        items[i] = rig_str(value, n);
    for (size_t i = 0; i < t->asked; i++) {
        struct reply all = rig_array(items, t->couriers[i]);
        struct event ev = {
            .kind = EVENT_REDIS, .ref = t->tags[i], .reply = &all, .now_ms = r->now_ms};
        CU_ASSERT_EQUAL(stepper_feed(r->stepper, &ev), LC_OK);
    }
}

/* crowd: phones of couriers 1 to CROWD, on connections 1001 ..., whose routes have changed. */
static struct rig *
crowd(void)
{
    struct rig *r = rig_new();

    for (uint32_t i = 1; i <= CROWD; i++) {
        struct session *s = session_add(rig_core(r), 1000 + i, i, false);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        s->greeted = true;
        push_dirty(rig_core(r), i);
    }
    return r;
}

static void
test_what_was_read_is_pushed_a_part_in_each_turn(void)
{
    struct rig *r = crowd();
    struct turn t = end_turn(r);

    CU_ASSERT_EQUAL(t.asked, 3);
    CU_ASSERT_EQUAL(t.told, 0);
    answer(r, &t, 7);
    for (unsigned left = CROWD; left > 0; left -= left < A_TURN ? left : A_TURN) {
        t = end_turn(r);
        CU_ASSERT_EQUAL(t.told, left < A_TURN ? left : A_TURN);
        CU_ASSERT_EQUAL(t.again, left > A_TURN);
        CU_ASSERT_EQUAL(t.asked, 0);
    }
    for (uint32_t i = 1; i <= CROWD; i++)
        CU_ASSERT_EQUAL(session_by_courier(rig_core(r), i)->version, 7);
    CU_ASSERT_PTR_NULL(rig_core(r)->jobs);
    rig_free(r);
}

/* Else a courier could hear what is older behind what is newer, and more be under way than there
 * are couriers. */
static void
test_a_route_is_not_read_again_before_it_was_pushed(void)
{
    struct rig *r = crowd();
    struct turn t = end_turn(r);

    push_dirty(rig_core(r), 1);
    push_dirty(rig_core(r), CROWD);
    CU_ASSERT_EQUAL(end_turn(r).asked, 0);
    answer(r, &t, 7);
    t = end_turn(r); /* of the first */
    CU_ASSERT_EQUAL(t.asked, 1);
    CU_ASSERT_EQUAL(t.couriers[0], 1);
    answer(r, &t, 8);
    CU_ASSERT_EQUAL(end_turn(r).asked, 0);
    t = end_turn(r); /* of the last, and then the first again */
    CU_ASSERT_EQUAL(t.told, CROWD - 2 * A_TURN + 1);
    CU_ASSERT_EQUAL(t.asked, 1);
    answer(r, &t, 8);
    CU_ASSERT_EQUAL(end_turn(r).told, 1);
    CU_ASSERT_EQUAL(session_by_courier(rig_core(r), 1)->version, 8);
    CU_ASSERT_EQUAL(session_by_courier(rig_core(r), CROWD)->version, 8);
    rig_free(r);
}

/* A phone that comes back while its route waits to be pushed has a job of its own. */
static void
test_what_was_read_for_a_connection_that_went_is_not_pushed_to_the_next(void)
{
    struct event gone = {.kind = EVENT_GONE, .ref = 1001};
    struct rig *r = crowd();
    struct turn t = end_turn(r);

    answer(r, &t, 7);
    gone.now_ms = r->now_ms;
    CU_ASSERT_EQUAL(stepper_feed(r->stepper, &gone), LC_OK);
    struct session *s = session_add(rig_core(r), 2001, 1, false);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    s->greeted = true;
    push_dirty(rig_core(r), 1);
    t = end_turn(r);
    CU_ASSERT_EQUAL(t.told, A_TURN - 1);
    CU_ASSERT_EQUAL(s->version, 0);
    CU_ASSERT_EQUAL(t.asked, 1);
    answer(r, &t, 7);
    for (int i = 0; i < 3; i++)
        (void)end_turn(r);
    CU_ASSERT_EQUAL(s->version, 7);
    rig_free(r);
}

static void
test_what_redis_never_answered_is_asked_anew(void)
{
    struct event wake = {.kind = EVENT_WAKE};
    struct rig *r = crowd();
    struct turn first = end_turn(r);

    wake.now_ms = r->now_ms += ANSWER_MS;
    CU_ASSERT_EQUAL(stepper_feed(r->stepper, &wake), LC_OK);
    CU_ASSERT_EQUAL(end_turn(r).asked, 0);
    wake.now_ms = ++r->now_ms;
    CU_ASSERT_EQUAL(stepper_feed(r->stepper, &wake), LC_OK);
    struct turn t = end_turn(r);
    CU_ASSERT_EQUAL(t.asked, 3);
    answer(r, &first, 7); /* at last, and nobody waits for it */
    CU_ASSERT_EQUAL(end_turn(r).told, 0);
    answer(r, &t, 7);
    CU_ASSERT_EQUAL(end_turn(r).told, A_TURN);
    rig_free(r);
}

/* Positions wait for company (TICK_MS), and screens are looked over, as often as before. */
static void
test_being_woken_for_pushes_is_not_being_woken_for_all(void)
{
    struct event wake = {.kind = EVENT_WAKE};
    struct rig *r = crowd();
    struct turn t = end_turn(r);

    wake.now_ms = r->now_ms;
    CU_ASSERT_EQUAL(stepper_feed(r->stepper, &wake), LC_OK);
    int64_t ticked_ms = rig_core(r)->ticked_ms;
    CU_ASSERT_EQUAL(ticked_ms, r->now_ms);
    answer(r, &t, 7);
    (void)end_turn(r);
    wake.now_ms = r->now_ms += BUSY_TICK_MS - 1;
    CU_ASSERT_EQUAL(stepper_feed(r->stepper, &wake), LC_OK);
    CU_ASSERT_EQUAL(rig_core(r)->ticked_ms, ticked_ms);
    wake.now_ms = ++r->now_ms;
    CU_ASSERT_EQUAL(stepper_feed(r->stepper, &wake), LC_OK);
    CU_ASSERT_EQUAL(rig_core(r)->ticked_ms, r->now_ms);
    rig_free(r);
}

UNIT_MAIN("pushes in parts", UNIT(test_what_was_read_is_pushed_a_part_in_each_turn),
          UNIT(test_a_route_is_not_read_again_before_it_was_pushed),
          UNIT(test_what_was_read_for_a_connection_that_went_is_not_pushed_to_the_next),
          UNIT(test_what_redis_never_answered_is_asked_anew),
          UNIT(test_being_woken_for_pushes_is_not_being_woken_for_all))
