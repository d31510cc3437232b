/* What people decide over the plan's head: whose an order is to be, whose not, or nobody's yet. */
#include "router/plan/plan_own.h"

#include <stdlib.h>

struct rule *
rule_find(const struct plan *p, struct uuid order)
{
    struct rule *rule;

    HASH_FIND(hh, p->rules, order.b, sizeof order.b, rule);
    return rule;
}

enum plan_verdict
rule_judge(const struct rule *rule, uint32_t courier)
{
    if (rule == NULL)
        return PLAN_FITS;
    if (rule->held)
        return PLAN_HELD;
    if (rule->pinned != 0 && rule->pinned != courier)
        return PLAN_PINNED;
    for (size_t i = 0; i < rule->n_banned; i++)
        if (rule->banned[i] == courier)
            return PLAN_FORBIDDEN;
    return PLAN_FITS;
}

bool
task_on_hold(const struct task *t)
{
    return t->rule != NULL && t->rule->held;
}

static void
rule_free(struct plan *p, struct rule *rule)
{
    HASH_DEL(p->rules, rule);
    free(rule->banned);
    free(rule);
}

void
rules_clear(struct plan *p)
{
    struct rule *rule, *next;

    HASH_ITER(hh, p->rules, rule, next)
    rule_free(p, rule);
}

/* rule_put: the order's rule with this in it, added when it is new. NULL: out of memory, and
 * nothing has changed. */
static struct rule *
rule_put(struct plan *p, struct uuid order, const struct plan_ruling *ruling)
{
    bool map_failed = false;
    struct rule *rule = rule_find(p, order);
    uint32_t *banned = NULL;

    if (ruling->n_banned > 0) {
        banned = malloc(ruling->n_banned * sizeof *banned);
        if (banned == NULL)
            return NULL;
        memcpy(banned, ruling->banned, ruling->n_banned * sizeof *banned);
    }
    if (rule == NULL) {
        rule = calloc(1, sizeof *rule);
        if (rule != NULL) {
            rule->order = order;
            HASH_ADD(hh, p->rules, order, sizeof rule->order, rule);
        }
        if (rule == NULL || map_failed) {
            free(rule);
            free(banned);
            return NULL;
        }
    }
    free(rule->banned);
    rule->banned = banned;
    rule->n_banned = ruling->n_banned;
    rule->pinned = ruling->pinned;
    rule->held = ruling->held;
    return rule;
}

enum lc_err
plan_rule(struct plan *p, struct uuid order, const struct plan_ruling *ruling)
{
    struct task *t = task_find(p, order);
    struct rule *rule = rule_find(p, order);

    if (ruling->pinned == 0 && !ruling->held && ruling->n_banned == 0) {
        if (rule != NULL)
            rule_free(p, rule);
        rule = NULL;
    } else {
        rule = rule_put(p, order, ruling);
        if (rule == NULL)
            return LC_ENOMEM;
    }
    if (t == NULL)
        return LC_OK;
    t->rule = rule;
    if (t->runner != NULL && !t->locked && rule_judge(rule, t->runner->in.courier) != PLAN_FITS)
        task_to_pool(p, t);
    if (t->runner == NULL) {
        t->why = task_on_hold(t) ? PLAN_HELD : t->why == PLAN_HELD ? PLAN_CLOSED : t->why;
        t->tried = 0; /* among the next to be tried */
    }
    return LC_OK;
}

enum plan_verdict
plan_ruled(const struct plan *p, struct uuid order, uint32_t courier)
{
    return rule_judge(rule_find(p, order), courier);
}

size_t
plan_rulings(const struct plan *p)
{
    return HASH_COUNT(p->rules);
}
