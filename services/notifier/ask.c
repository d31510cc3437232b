/* ask: one person's question that one answer of Redis settles. A lost answer is an answer too
 * (REPLY_LOST), so nothing waits for ever. */
#include "notifier/core.h"
#include "notifier/ops.h"

#include "base/problem.h"

#include <stdlib.h>

bool
ask_redis(struct notifier *n, struct outbox *out, const struct ask *question,
          const struct slice *argv, size_t argc)
{
    bool map_failed = false;
    struct ask *a = malloc(sizeof *a);

    if (a == NULL)
        return false;
    *a = *question;
    a->number = ++n->next_number;
    HASH_ADD(hh, n->asks, number, sizeof a->number, a);
    if (map_failed) {
        free(a);
        return false;
    }
    outbox_redis(out, call_tag(CALL_ASK, a->number), argv, argc);
    return true;
}

bool
ask_step(struct notifier *n, const struct event *ev, struct outbox *out, const struct ask *question,
         const char *action, unsigned reason, const char *who, struct slice words)
{
    char id[UUID_TEXT];

    uuid_format(question->order, id);
    struct slice argv[] = {
        SLICE_LIT("FCALL"),
        SLICE_LIT("order_step"),
        SLICE_LIT("1"),
        slice_str(arena_printf(ev->arena, "{%s}", n->city)),
        redis_number(ev->arena, ev->now_ms),
        SLICE_LIT("1"),
        slice_str(id),
        slice_str(action),
        redis_number(ev->arena, reason),
        slice_str(who),
        words,
    };
    return ask_redis(n, out, question, argv, sizeof argv / sizeof *argv);
}

enum step_outcome
step_outcome(const struct reply *r)
{
    if (r->kind != REPLY_ARRAY || r->n != 1 || r->items[0].str.n < 1 || r->items[0].str.p[0] < 1 ||
        r->items[0].str.p[0] > STEP_UNKNOWN)
        return STEP_LOST;
    return (enum step_outcome)r->items[0].str.p[0];
}

void
say_json(const struct event *ev, struct outbox *out, uint64_t conn, int status, struct slice json)
{
    (void)ev;
    outbox_http(out, conn, status, "application/json", "Cache-Control: no-store\r\n", json);
}

void
unsaid(struct outbox *out, uint64_t conn, int status, const char *code)
{
    struct buf body = {0};
    const struct problem p = {.status = status, .code = code};

    problem_write(&body, &p);
    outbox_http(out, conn, status, PROBLEM_MEDIA_TYPE, NULL, buf_slice(&body));
    buf_free(&body);
}

void
ask_reply(struct notifier *n, const struct event *ev, struct outbox *out)
{
    uint64_t number = call_number(ev->ref);
    struct ask *a;

    HASH_FIND(hh, n->asks, &number, sizeof number, a);
    if (a == NULL)
        return;
    HASH_DELETE(hh, n->asks, a);
    switch (a->kind) {
    case ASK_CANCEL:
    case ASK_RATE:
        customer_answer(n, a, ev, out);
        break;
    case ASK_ACCESS:
        access_answer(n, a, ev, out);
        break;
    case ASK_STEP:
    case ASK_BUSY_LOOK:
    case ASK_BUSY_PUT:
    case ASK_SOLD_OUT:
        shop_answer(n, a, ev, out);
        break;
    case ASK_PROOF:
    case ASK_PROOFS:
    case ASK_SHOW:
        proof_answer(n, a, ev, out);
        break;
    case ASK_WORK:
        work_answer(n, a, ev, out);
        break;
    case ASK_SHELF:
        ops_shelf_answer(n, a, ev, out);
        break;
    case ASK_GONE:
        gone_answer(n, a, ev, out);
        break;
    case ASK_RULE:
        ops_ruled(a, ev, out);
        break;
    case ASK_CONFIRM:
        ops_confirmed(a, ev, out);
        break;
    case ASK_STORE_LOOK:
        screen_looked(n, a, ev, out);
        break;
    case ASK_ORDER:
    case ASK_HISTORY:
    case ASK_DECISION:
    case ASK_RATING:
    case ASK_DISPATCH:
    case ASK_FIND:
    case ASK_ZONE:
    case ASK_RULING:
    case ASK_FROZEN:
        ops_detail_answer(n, a, ev, out);
        break;
    }
    free(a);
}

void
ask_close(struct notifier *n)
{
    struct ask *a;
    struct ask *next;

    HASH_ITER(hh, n->asks, a, next)
    {
        HASH_DELETE(hh, n->asks, a);
        free(a);
    }
}
