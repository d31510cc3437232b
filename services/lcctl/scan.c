/* All orders that Redis has. */
#include "lcctl/lcctl.h"

#include <stdio.h>
#include <string.h>

enum { SCAN_COUNT = 1000 };

static bool
take_page(struct ctl *c, const redisReply *keys, bool (*one)(void *ctx, struct slice record),
          bool (*page_end)(void *ctx), void *ctx)
{
    bool ok = true;

    for (size_t at = 0; ok && at < keys->elements; at += ORDERS_A_PAGE) {
        struct slice argv[ORDERS_A_PAGE + 1] = {SLICE_LIT("MGET")};
        size_t n = keys->elements - at < ORDERS_A_PAGE ? keys->elements - at : ORDERS_A_PAGE;
        for (size_t i = 0; i < n; i++)
            argv[i + 1] = slice_of(keys->element[at + i]->str, keys->element[at + i]->len);
        redisReply *records = ctl_redis(c, n + 1, argv);
        ok = records != NULL;
        for (size_t i = 0; ok && i < records->elements; i++)
            if (records->element[i]->type == REDIS_REPLY_STRING)
                ok = one(ctx, slice_of(records->element[i]->str, records->element[i]->len));
        freeReplyObject(records);
        ok = ok && page_end(ctx);
    }
    return ok;
}

bool
each_order(struct ctl *c, bool (*one)(void *ctx, struct slice record), bool (*page_end)(void *ctx),
           void *ctx)
{
    char cursor[32] = "0";
    bool ok = ctl_settled(c);

    while (ok) {
        struct arena_mark mark = arena_mark(c->arena);
        struct slice argv[] = {
            SLICE_LIT("SCAN"),  slice_str(cursor),
            SLICE_LIT("MATCH"), slice_str(arena_printf(c->arena, "{%s}:order:*", c->city)),
            SLICE_LIT("COUNT"), ctl_number(c, SCAN_COUNT)};
        redisReply *r = ctl_redis(c, 6, argv);
        ok = r != NULL && take_page(c, r->element[1], one, page_end, ctx);
        if (ok)
            snprintf(cursor, sizeof cursor, "%s", r->element[0]->str);
        freeReplyObject(r);
        arena_rewind(c->arena, mark);
        if (strcmp(cursor, "0") == 0)
            break;
    }
    return ok && ctl_settled(c);
}
