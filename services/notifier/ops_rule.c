/* ops_rule: what an operator decides over the plan's head (dispatch_rule), what was decided of an
 * order or a courier, and where an order goes (order_confirm). */
#include "notifier/ops.h"

enum { RULING_HEAD = 8, OUTCOMES = 7 };

void
ops_rule(struct notifier *n, const struct event *ev, struct outbox *out, const struct ask *a,
         const char *kind, struct slice who, struct slice words)
{
    struct arena *m = ev->arena;
    struct ask rule = *a;
    char order[UUID_TEXT];
    const struct guest *g = guest_by_conn(n, a->conn);
    bool of_courier = a->store == 0;

    rule.kind = ASK_RULE;
    uuid_format(a->order, order);
    struct slice argv[] = {
        SLICE_LIT("FCALL"),
        SLICE_LIT("dispatch_rule"),
        SLICE_LIT("1"),
        slice_str(arena_printf(m, "{%s}", n->city)),
        redis_number(m, ev->now_ms),
        SLICE_LIT("1"),
        /* the same act of the same person is one action, however often it is said */
        slice_str(arena_printf(m, "ops-%.8s-%016llx", g == NULL ? "" : g->hash,
                               (unsigned long long)fingerprint64(slice_str(a->text)))),
        slice_str(kind),
        of_courier ? slice_of("", 0) : slice_str(order),
        redis_number(m, a->wanted),
        who.n == 0 ? SLICE_LIT("operator") : who,
        words,
    };
    if (!ask_redis(n, out, &rule, argv, sizeof argv / sizeof *argv))
        said_done(out, a, "unavailable");
}

void
ops_ruled(const struct ask *a, const struct event *ev, struct outbox *out)
{
    static const char *const words[OUTCOMES] = {"unavailable", "done",    "already",      "not_now",
                                                "unknown",     "unknown", "contradiction"};
    const struct reply *r = ev->reply;
    size_t outcome = r->kind == REPLY_ARRAY && r->n == 1 && r->items[0].str.n > 0
                         ? (unsigned char)r->items[0].str.p[0]
                         : 0;

    said_done(out, a, words[outcome < OUTCOMES ? outcome : 0]);
}

void
ops_confirm(struct notifier *n, const struct event *ev, struct outbox *out, const struct ask *a,
            struct slice who, struct latlng at)
{
    struct arena *m = ev->arena;
    struct ask confirm = *a;
    char order[UUID_TEXT];

    confirm.kind = ASK_CONFIRM;
    uuid_format(a->order, order);
    struct slice argv[] = {SLICE_LIT("FCALL"),
                           SLICE_LIT("order_confirm"),
                           SLICE_LIT("1"),
                           slice_str(arena_printf(m, "{%s}", n->city)),
                           redis_number(m, ev->now_ms),
                           SLICE_LIT("1"),
                           slice_str(order),
                           redis_number(m, at.lat_e7),
                           redis_number(m, at.lng_e7),
                           who.n == 0 ? SLICE_LIT("operator") : who};
    if (!ask_redis(n, out, &confirm, argv, sizeof argv / sizeof *argv))
        said_done(out, a, "unavailable");
}

void
ops_confirmed(const struct ask *a, const struct event *ev, struct outbox *out)
{
    static const char *const words[] = {"unavailable", "done", "already", "not_waiting", "unknown"};
    const struct reply *r = ev->reply;
    size_t outcome = r->kind == REPLY_ARRAY && r->n == 1 && r->items[0].str.n > 0
                         ? (unsigned char)r->items[0].str.p[0]
                         : 0;

    said_done(out, a, words[outcome < sizeof words / sizeof *words ? outcome : 0]);
}

void
ops_ask_ruling(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
               struct uuid order)
{
    struct ask a = {.kind = ASK_RULING, .conn = conn, .order = order};
    char id[UUID_TEXT];

    uuid_format(order, id);
    struct slice argv[] = {SLICE_LIT("HGET"), redis_key(n, ev->arena, "rulings"), slice_str(id)};
    (void)ask_redis(n, out, &a, argv, 3);
}

void
ops_ask_frozen(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
               uint32_t courier)
{
    struct ask a = {.kind = ASK_FROZEN, .conn = conn, .store = courier};
    struct slice argv[] = {SLICE_LIT("HEXISTS"), redis_key(n, ev->arena, "frozen"),
                           redis_number(ev->arena, courier)};

    (void)ask_redis(n, out, &a, argv, 3);
}

void
ops_write_ruling(struct json_out *w, struct slice packed)
{
    bool any = packed.n >= RULING_HEAD;

    json_out_object(w, "ruling");
    json_out_bool(w, "hold", any && packed.p[4] == 1);
    json_out_uint(w, "pinned", any ? bytes_u32(packed.p) : 0);
    json_out_array(w, "banned");
    for (size_t i = 0; any && i < (unsigned char)packed.p[5]; i++)
        if (RULING_HEAD + 4 * i + 4 <= packed.n)
            json_out_uint(w, NULL, bytes_u32(packed.p + RULING_HEAD + 4 * i));
    json_out_end(w);
    json_out_end(w);
}
