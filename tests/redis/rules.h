/* rules: in which states an action is done, and in which it has been done already. One letter a
 * state, 1..16: d done, a already, - not allowed. */
#ifndef LC_TESTS_REDIS_RULES_H
#define LC_TESTS_REDIS_RULES_H

#include "order.pb-c.h"

struct rule {
    const char *action;
    unsigned to;
    const char *allowed;
};

#define RULE_STATE(name) LIFECIRCLE__V1__ORDER_STATE__##name

/* created held placed confirmed | enroute_to_pickup arrived_at_pickup picked_up |
 * enroute_to_dropoff arrived_at_dropoff delivered | ready_for_collection collected | cancelled
 * returned rejected returning */
static const struct rule ORDER_RULES[] = {
    {"cancel", RULE_STATE(CANCELLED), "dddddd----d-a---"},
    {"expire", RULE_STATE(CANCELLED), "--d-------d-a---"},
    {"collected", RULE_STATE(COLLECTED), "----------da----"},
    {"handed_over", RULE_STATE(DELIVERED), "------ddda-----d"},
    {"taken_back", RULE_STATE(RETURNED), "------ddd----a-d"},
};

static const struct rule PLAN_RULES[] = {
    {"confirm", RULE_STATE(CONFIRMED), "---aaaaaaa---a-a"},
    {"enroute_pickup", RULE_STATE(ENROUTE_TO_PICKUP), "---daaaaaa---a-a"},
    {"arrive_pickup", RULE_STATE(ARRIVED_AT_PICKUP), "---ddaaaaa---a-a"},
    {"pickup", RULE_STATE(PICKED_UP), "---dddaaaa---a-a"},
    {"enroute_dropoff", RULE_STATE(ENROUTE_TO_DROPOFF), "------daaa---a-a"},
    {"arrive_dropoff", RULE_STATE(ARRIVED_AT_DROPOFF), "------ddaa---a-a"},
    {"deliver", RULE_STATE(DELIVERED), "------ddda------"},
    {"returning", RULE_STATE(RETURNING), "------ddd----a-a"},
    {"returned", RULE_STATE(RETURNED), "-------------a-d"},
    {"unassign", RULE_STATE(PLACED), "--addd----------"},
    {"assign", RULE_STATE(PLACED), "--daaaaaaa------"},
};

enum {
    ORDER_RULES_N = sizeof ORDER_RULES / sizeof *ORDER_RULES,
    PLAN_RULES_N = sizeof PLAN_RULES / sizeof *PLAN_RULES
};

#endif
