/* settle: an operator says what became of goods that a courier carried, when the courier cannot:
 * the phone is lost, the token revoked. */
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include "order.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

enum { WHO_MAX = 64, WHY_MAX = 120 };

struct end {
    const char *name;
    const char *action; /* of order_step */
    const char *told;
};

static const struct end ends[] = {
    {"delivered", "handed_over", "delivered; chain and customer are told"},
    {"returned", "taken_back",
     "returned; the goods are on the store's shelf again, chain and customer are told"},
};

static const struct end *
end_called(const char *word)
{
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp(ends[i].name, word) == 0)
            return &ends[i];
    fprintf(stderr, "lcctl: expected delivered or returned, got %s\n", word);
    return NULL;
}

int
cmd_settle(struct ctl *c, struct args *a)
{
    const char *who = args_option(a, "who", getenv("USER") == NULL ? "lcctl" : getenv("USER"));
    const char *why = args_option(a, "why", "");
    const char *word = args_next(a), *became = args_next(a);

    if (word == NULL || became == NULL || !args_done(a))
        return EXIT_USAGE;
    const struct end *e = end_called(became);
    if (e == NULL)
        return EXIT_USAGE;
    if (strlen(who) > WHO_MAX || strlen(why) > WHY_MAX) {
        fprintf(stderr, "lcctl: expected at most %d bytes of --who and %d of --why\n", WHO_MAX,
                WHY_MAX);
        return EXIT_USAGE;
    }
    const char *order = ctl_order(c, word);
    if (order == NULL)
        return EXIT_NOT_SO;
    struct slice args[] = {
        ctl_number(c, c->now_ms),
        SLICE_LIT("1"),
        slice_str(order),
        slice_str(e->action),
        ctl_number(c, LIFECIRCLE__V1__REASON__OPERATOR),
        SLICE_LIT("operator"),
        slice_str(*why == '\0' ? who : arena_printf(c->arena, "%s: %s", who, why)),
    };
    int outcome = ctl_outcome(c, "order_step", sizeof args / sizeof *args, args);
    return show_outcome(c, order, e->name, outcome, e->told,
                        "no courier carries the order: it is not picked up yet, or has ended");
}
