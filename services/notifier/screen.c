/* screen: what a store's screen says: hello, and what the store does with its tickets. An order of
 * another store does not exist for it. */
#include "notifier/ops.h"

#include <stdio.h>

enum said {
    SAID_HELLO = 1,
    SAID_PING,
    SAID_READY,
    SAID_COLLECTED,
    SAID_BUSY,
    SAID_OUT_OF_STOCK,
    SAID_ACCEPT
};

struct wish {
    int type;
    struct slice id;
    struct slice order;
    struct uuid uuid;
    struct slice code;
    struct slice sku;
    int busy;
    int64_t delay_s;
};

static void
read_wish(struct json_in *in, struct wish *w)
{
    static const struct json_enum types[] = {
        {"hello", SAID_HELLO},         {"ping", SAID_PING}, {"ready", SAID_READY},
        {"collected", SAID_COLLECTED}, {"busy", SAID_BUSY}, {"out_of_stock", SAID_OUT_OF_STOCK},
        {"accept", SAID_ACCEPT}};
    static const struct json_enum modes[] = {{"open", LIFECIRCLE__V1__BUSY_MODE__OPEN},
                                             {"busy", LIFECIRCLE__V1__BUSY_MODE__BUSY},
                                             {"paused", LIFECIRCLE__V1__BUSY_MODE__PAUSED}};
    static const char *const names[] = {"type", "id",   "order_id",          "code",
                                        "sku",  "busy", "busy_delay_seconds"};
    struct json_at root = json_in_root(in);

    json_in_only(in, &root, names, sizeof names / sizeof *names);
    if (!json_in_enum(in, &root, "type", JSON_REQUIRED, types, sizeof types / sizeof *types,
                      &w->type) ||
        w->type <= SAID_PING)
        return;
    json_in_string(in, &root, "id", JSON_REQUIRED, 1, 64, &w->id);
    if (w->type == SAID_READY || w->type == SAID_COLLECTED || w->type == SAID_ACCEPT) {
        if (json_in_string(in, &root, "order_id", JSON_REQUIRED, 36, 36, &w->order) &&
            uuid_parse(w->order, &w->uuid) != LC_OK)
            json_in_fail(in, &root, "order_id", "expected an order id of 36 characters");
    }
    if (w->type == SAID_COLLECTED)
        json_in_string(in, &root, "code", JSON_REQUIRED, 1, 16, &w->code);
    if (w->type == SAID_OUT_OF_STOCK)
        json_in_string(in, &root, "sku", JSON_REQUIRED, 1, 64, &w->sku);
    if (w->type == SAID_BUSY) {
        json_in_enum(in, &root, "busy", JSON_REQUIRED, modes, 3, &w->busy);
        json_in_int(in, &root, "busy_delay_seconds", JSON_OPTIONAL, 0, SHOP_DELAY_MAX_S,
                    &w->delay_s);
    }
}

/* look: whose order is it? The step follows when it is this store's. */
static void
look(struct notifier *n, const struct event *ev, struct outbox *out, const struct ask *a)
{
    struct slice argv[] = {SLICE_LIT("GETRANGE"), order_key(n, ev->arena, a->order),
                           SLICE_LIT("20"), SLICE_LIT("23")};

    if (!ask_redis(n, out, a, argv, 4))
        said_done(out, a, "unavailable");
}

void
screen_looked(struct notifier *n, const struct ask *a, const struct event *ev, struct outbox *out)
{
    struct ask step = *a;
    const char *action = a->wanted == SAID_COLLECTED ? "collected"
                         : a->wanted == SAID_ACCEPT  ? "accept"
                                                     : "ready";

    step.kind = ASK_STEP;
    if (ev->reply->kind != REPLY_STRING)
        said_done(out, a, "unavailable");
    else if (ev->reply->str.n != 4 || bytes_u32(ev->reply->str.p) != a->store)
        said_done(out, a, "unknown");
    else if (!ask_step(n, ev, out, &step, action, 0, "store", slice_of("", 0)))
        said_done(out, a, "unavailable");
}

static void
act(struct notifier *n, const struct screen *s, const struct event *ev, struct outbox *out,
    const struct wish *w)
{
    struct ask a = {.kind = ASK_STORE_LOOK,
                    .conn = s->conn,
                    .order = w->uuid,
                    .store = s->store,
                    .wanted = w->type};
    char code[COLLECTION_TEXT];

    snprintf(a.text, sizeof a.text, "%.*s", (int)w->id.n, w->id.p);
    collection_code(&n->secret, w->uuid, code);
    if (w->type == SAID_BUSY)
        shop_busy(n, ev, out, &a, s->store, (Lifecircle__V1__BusyMode)w->busy,
                  (uint32_t)w->delay_s);
    else if (w->type == SAID_OUT_OF_STOCK)
        shop_sold_out(n, ev, out, &a, s->store, w->sku);
    else if (w->type == SAID_COLLECTED && !secret_equal(w->code, slice_str(code)))
        said_done(out, &a, "wrong_code");
    else
        look(n, ev, out, &a);
}

void
tickets_message(struct notifier *n, struct screen *s, const struct event *ev, struct outbox *out)
{
    const struct json_limits limits = {MESSAGE_MAX, 4};
    struct wish w = {.busy = LIFECIRCLE__V1__BUSY_MODE__OPEN};
    struct json_in in = {0};

    if (ev->text && json_in_parse(&in, ev->arena, ev->bytes, &limits) == LC_OK)
        read_wish(&in, &w);
    if (in.error_n > 0 || w.type == 0) {
        struct buf b = {0};
        struct json_out o = json_out_to(&b);
        count(n, COUNT_BAD_MESSAGES, 1);
        json_out_object(&o, NULL);
        json_out_cstr(&o, "type", "error");
        json_out_cstr(&o, "code", "bad_message");
        json_out_str(&o, "id", w.id);
        json_out_cstr(&o, "field", in.error_n > 0 ? in.error[0].field : "");
        json_out_cstr(&o, "detail", in.error_n > 0 ? in.error[0].error : "expected text");
        json_out_end(&o);
        if (!b.failed)
            outbox_socket_send(out, s->conn, true, buf_slice(&b));
        buf_free(&b);
    } else if (w.type == SAID_HELLO) {
        s->greeted = true;
        s->snapshot_due = true;
        s->late = n->scan != NULL;
        buf_reset(&s->snapshot);
        s->n_pieces = 0;
        n->scan_wanted = true;
    } else if (w.type == SAID_PING) {
        outbox_socket_send(out, s->conn, true, SLICE_LIT("{\"type\":\"pong\"}"));
    } else {
        act(n, s, ev, out, &w);
    }
    json_in_close(&in);
}
