/* The notifier's core alone: a store's screen while orders change. */
#include "unit/notifier_rig.h"

/* with_screen: the screen of chain 1's store s1 on connection 30. */
static struct rig *
with_screen(void)
{
    struct rig *r = rig_new();
    Lifecircle__V1__Store store = LIFECIRCLE__V1__STORE__INIT;
    Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;

    put_chain(r, "", false);
    store.store = store.chain = 1;
    store.store_id = (char *)(uintptr_t) "s1";
    store.at = &at;
    CU_ASSERT_EQUAL(catalogue_put_store(rig_core(r)->catalogue, &store), LC_OK);
    rig_http(r, 30, "/v1/store-feed", "store_id=s1&token=" CHAIN_KEY, true);
    return r;
}

static unsigned
times(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what))
        n++;
    return n;
}

/* The screen's first tickets, when order 0 changes while the open orders are read: what was read
 * of it before it changed comes first. */
static const char *
tickets_when_it_changes_meanwhile(struct rig *r, unsigned state, bool taken)
{
    char before[sizeof r->record[0]];
    struct reply items[2];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_order(r, 1, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    size_t before_n = r->record_n[0];
    memcpy(before, r->record[0], before_n);
    r->hold = CALL_TICKET_ORDERS;
    rig_say(r, 30, "{\"type\":\"hello\"}");
    CU_ASSERT_NOT_EQUAL_FATAL(r->held, 0);
    rig_order(r, 0, state, 1, 2);
    if (taken)
        r->record[0][3] |= RECORD_COMMITTED;
    rig_wake(r, 300);
    r->hold = 0;
    items[0] = rig_str(before, before_n);
    items[1] = rig_str(r->record[1], r->record_n[1]);
    struct reply reply = rig_array(items, 2);
    struct event ev = {.kind = EVENT_REDIS, .ref = r->held, .reply = &reply};
    rig_feed(r, &ev);
    const struct rig_sent *s = rig_last(r, EFFECT_SOCKET_SEND, 30);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_PTR_NOT_NULL(strstr(s->bytes, "\"type\":\"tickets\""));
    return s->bytes;
}

static void
test_ticket_that_changes_while_all_are_read_comes_once(void)
{
    struct rig *r = with_screen();
    const char *tickets =
        tickets_when_it_changes_meanwhile(r, LIFECIRCLE__V1__ORDER_STATE__CONFIRMED, false);

    CU_ASSERT_EQUAL(times(tickets, "\"o-0\""), 1);
    CU_ASSERT_EQUAL(times(tickets, "\"status\":\"confirmed\""), 1);
    CU_ASSERT_EQUAL(times(tickets, "\"o-1\""), 1);
    CU_ASSERT_PTR_NULL(strstr(tickets, "[,"));
    CU_ASSERT_EQUAL(times(tickets, "},{"), 1);
    rig_free(r);
}

/* The same before it is known which orders there are. */
static void
test_ticket_that_changes_before_all_are_listed_comes_once(void)
{
    struct rig *r = with_screen();
    char id[UUID_TEXT];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    r->hold = CALL_TICKET_IDS;
    rig_say(r, 30, "{\"type\":\"hello\"}");
    CU_ASSERT_NOT_EQUAL_FATAL(r->held, 0);
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__CONFIRMED, 1, 2);
    rig_wake(r, 300);
    r->hold = 0;
    uuid_format(r->order[0], id);
    struct reply item = rig_str(id, UUID_TEXT - 1), reply = rig_array(&item, 1);
    struct event ev = {.kind = EVENT_REDIS, .ref = r->held, .reply = &reply};
    rig_feed(r, &ev);
    const struct rig_sent *s = rig_last(r, EFFECT_SOCKET_SEND, 30);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(times(s->bytes, "\"o-0\""), 1);
    rig_free(r);
}

/* Else it would stand there until the screen comes again. */
static void
test_ticket_that_leaves_while_all_are_read_does_not_come(void)
{
    struct rig *r = with_screen();
    const char *tickets =
        tickets_when_it_changes_meanwhile(r, LIFECIRCLE__V1__ORDER_STATE__PICKED_UP, true);

    CU_ASSERT_EQUAL(times(tickets, "\"o-0\""), 0);
    CU_ASSERT_EQUAL(times(tickets, "\"o-1\""), 1);
    rig_free(r);
}

/* One more open order than a read takes, the rig's two first and last; the second read's answer is
 * held when `conn` says hello, and comes then. Those that the rig does not know are gone by then.
 */
enum { MANY_OPEN = 201, READ_AT_ONCE = 200 };

static void
hello_while_many_are_read(struct rig *r, uint64_t conn)
{
    char text[MANY_OPEN][UUID_TEXT];
    struct reply items[MANY_OPEN];

    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_order(r, 1, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    r->hold = CALL_TICKET_IDS;
    rig_say(r, 30, "{\"type\":\"hello\"}");
    CU_ASSERT_NOT_EQUAL_FATAL(r->held, 0);
    for (int i = 0; i < MANY_OPEN; i++) {
        if (i == 0 || i == MANY_OPEN - 1)
            uuid_format(r->order[i > 0], text[i]);
        else
            snprintf(text[i], UUID_TEXT, "0198d000-0000-7000-8000-%012d", i);
        items[i] = rig_str(text[i], UUID_TEXT - 1);
    }
    struct reply ids = rig_array(items, MANY_OPEN);
    struct event listed = {.kind = EVENT_REDIS, .ref = r->held, .reply = &ids};
    r->hold = CALL_TICKET_ORDERS;
    r->held = 0;
    rig_feed(r, &listed);
    CU_ASSERT_NOT_EQUAL_FATAL(r->held, 0);
    for (int i = 0; i < READ_AT_ONCE; i++)
        items[i] = i == 0 ? rig_str(r->record[0], r->record_n[0]) : (struct reply){REPLY_NIL};
    struct reply first = rig_array(items, READ_AT_ONCE);
    struct event read = {.kind = EVENT_REDIS, .ref = r->held, .reply = &first};
    r->held = 0;
    rig_feed(r, &read);
    CU_ASSERT_NOT_EQUAL_FATAL(r->held, 0);
    rig_say(r, conn, "{\"type\":\"hello\"}");
    r->hold = 0;
    items[0] = rig_str(r->record[1], r->record_n[1]);
    struct reply rest = rig_array(items, MANY_OPEN - READ_AT_ONCE);
    struct event last = {.kind = EVENT_REDIS, .ref = r->held, .reply = &rest};
    rig_feed(r, &last);
}

static void
test_screen_that_comes_while_all_are_read_gets_all(void)
{
    struct rig *r = with_screen();

    rig_http(r, 31, "/v1/store-feed", "store_id=s1&token=" CHAIN_KEY, true);
    hello_while_many_are_read(r, 31);
    for (uint64_t conn = 30; conn <= 31; conn++) {
        const struct rig_sent *s = rig_last(r, EFFECT_SOCKET_SEND, conn);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, conn, "\"type\":\"tickets\""), 1);
        CU_ASSERT_EQUAL(times(s->bytes, "\"o-0\""), 1);
        CU_ASSERT_EQUAL(times(s->bytes, "\"o-1\""), 1);
    }
    rig_free(r);
}

static void
test_screen_that_says_hello_twice_gets_each_ticket_once(void)
{
    struct rig *r = with_screen();

    hello_while_many_are_read(r, 30);
    const struct rig_sent *s = rig_last(r, EFFECT_SOCKET_SEND, 30);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 30, "\"type\":\"tickets\""), 1);
    CU_ASSERT_EQUAL(times(s->bytes, "\"o-0\""), 1);
    CU_ASSERT_EQUAL(times(s->bytes, "},{"), 1);
    CU_ASSERT_PTR_NULL(strstr(s->bytes, "[,"));
    rig_free(r);
}

/* A plan that puts the door off changes nothing that a ticket says. */
static void
test_ticket_is_not_told_again_when_only_the_arrival_changes(void)
{
    struct rig *r = with_screen();

    rig_say(r, 30, "{\"type\":\"hello\"}");
    rig_order(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1);
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 30, "\"type\":\"ticket\""), 1);
    rig_order_told(r, 0, LIFECIRCLE__V1__ORDER_STATE__PLACED, 0, 1, 'e');
    rig_wake(r, 300);
    CU_ASSERT_EQUAL(rig_count(r, EFFECT_SOCKET_SEND, 30, "\"type\":\"ticket\""), 1);
    rig_free(r);
}

UNIT_MAIN("notifier_tickets", UNIT(test_ticket_that_changes_while_all_are_read_comes_once),
          UNIT(test_ticket_that_changes_before_all_are_listed_comes_once),
          UNIT(test_ticket_that_leaves_while_all_are_read_does_not_come),
          UNIT(test_screen_that_comes_while_all_are_read_gets_all),
          UNIT(test_screen_that_says_hello_twice_gets_each_ticket_once),
          UNIT(test_ticket_is_not_told_again_when_only_the_arrival_changes))
