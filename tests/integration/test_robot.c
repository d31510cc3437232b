/* A robot courier (services/lcctl/robot.c), spoken to as the notifier speaks to it. */
#include "unit/unit.h"

#include "base/wire.h"
#include "lcctl/robots.h"
#include "lcctl/show.h"

#include <stdarg.h>

#define ORDER "00000000-0000-8000-8000-000000000001"
#define OTHER "00000000-0000-8000-8000-000000000002"
#define STOP(kind, order, accepted)                                                                \
    "{\"kind\":\"" kind "\",\"order_id\":\"" order "\",\"external_order_id\":\"x\","               \
    "\"accepted\":" accepted ",\"lat\":39.28,\"lng\":-76.59,\"store\":{\"lat\":39.28,"             \
    "\"lng\":-76.59}}"
#define ROUTE(version, stops) "{\"type\":\"route\",\"version\":" version ",\"stops\":[" stops "]}"

static char said[ROBOT_MESSAGE]; /* what it said last */

void
line_say(struct robot_line *l, const char *format, ...)
{
    char text[ROBOT_MESSAGE];
    va_list ap;

    (void)l;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (strstr(text, "\"position\"") == NULL)
        memcpy(said, text, sizeof said);
}

int
show_json(struct buf *b)
{
    buf_free(b);
    return 0;
}

static struct ctl ctl = {.json = true};
static struct robots all = {.ctl = &ctl, .speed = 60, .vehicle = "bicycle"};
static struct robot robot;
static int64_t now_ms;

static void
hear(const char *message)
{
    robot_message(&robot, slice_str(message), now_ms);
}

/* answer: what it said last is done. */
static void
answer(void)
{
    char text[128];

    snprintf(text, sizeof text, "{\"type\":\"done\",\"id\":\"r%u\",\"outcome\":\"done\"}",
             robot.actions);
    hear(text);
}

/* says: half a minute later, is this what it does? */
static bool
says(const char *action, const char *order)
{
    char type[40];

    now_ms += 30000;
    said[0] = '\0';
    robot_think(&robot, now_ms);
    snprintf(type, sizeof type, "\"type\":\"%s\"", action);
    return strstr(said, type) != NULL && strstr(said, order) != NULL;
}

static void
begin(void)
{
    ctl.arena = arena_new(1 << 20);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ctl.arena);
    robot = (struct robot){.all = &all, .id = "robot-1"};
    robot.from = robot.to = (struct latlng){392800000, -765900000};
    now_ms = INT64_C(1795380800000);
    hear("{\"type\":\"welcome\",\"on_shift\":true}");
}

static void
test_a_route_that_comes_before_the_answer_leaves_the_drop_off_to_do(void)
{
    begin();
    hear(ROUTE("1", STOP("pickup", ORDER, "true") "," STOP("dropoff", ORDER, "true")));
    CU_ASSERT_TRUE(says("enroute", ORDER));
    answer();
    CU_ASSERT_TRUE(says("arrived", ORDER));
    answer();
    CU_ASSERT_TRUE(says("picked_up", ORDER));
    hear(ROUTE("2", STOP("dropoff", ORDER, "true")));
    answer();
    CU_ASSERT_TRUE(says("enroute", ORDER));
    answer();
    CU_ASSERT_TRUE(says("arrived", ORDER));
    answer();
    CU_ASSERT_TRUE(says("delivered", ORDER));
    arena_destroy(ctl.arena);
}

static void
test_a_route_that_comes_after_the_answer_does_not_have_it_picked_up_twice(void)
{
    begin();
    hear(ROUTE("1", STOP("pickup", ORDER, "true") "," STOP("dropoff", ORDER, "true")));
    CU_ASSERT_TRUE(says("enroute", ORDER));
    answer();
    CU_ASSERT_TRUE(says("arrived", ORDER));
    answer();
    CU_ASSERT_TRUE(says("picked_up", ORDER));
    answer();
    CU_ASSERT_TRUE(says("enroute", ORDER));
    arena_destroy(ctl.arena);
}

static void
test_an_offer_that_comes_before_the_answer_to_another_is_answered(void)
{
    begin();
    hear(ROUTE("1", STOP("pickup", ORDER, "false") "," STOP("dropoff", ORDER, "false")));
    CU_ASSERT_TRUE(says("accept", "\"version\":1"));
    hear(ROUTE("2", STOP("pickup", ORDER, "true") "," STOP("pickup", OTHER, "false")));
    answer();
    CU_ASSERT_TRUE(says("accept", "\"version\":2"));
    answer();
    CU_ASSERT_FALSE(says("accept", ""));
    arena_destroy(ctl.arena);
}

UNIT_MAIN("robot", UNIT(test_a_route_that_comes_before_the_answer_leaves_the_drop_off_to_do),
          UNIT(test_a_route_that_comes_after_the_answer_does_not_have_it_picked_up_twice),
          UNIT(test_an_offer_that_comes_before_the_answer_to_another_is_answered))
