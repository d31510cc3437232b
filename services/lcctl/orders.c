/* What happened to one order, and what waits. */
#include "lcctl/orders.h"
#include "base/id.h"
#include "base/record.h"
#include "base/timestamp.h"
#include "base/wire.h"
#include "lcctl/show.h"
#include "matcher/explain.h"

#include "stock.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

const char *
ctl_order(struct ctl *c, const char *word)
{
    struct uuid id;
    char *text = arena_alloc(c->arena, UUID_TEXT);
    const char *slash = strchr(word, '/');

    if (text == NULL)
        return NULL;
    if (slash == NULL) {
        if (uuid_parse(slice_str(word), &id) != LC_OK) {
            fprintf(stderr,
                    "lcctl: ORDER: expected an order id or CHAIN/EXTERNAL_ORDER_ID, got %s\n",
                    word);
            return NULL;
        }
    } else {
        uint32_t chain = find_chain_number(c, slice_of(word, (size_t)(slash - word)));
        if (chain == 0) {
            fprintf(stderr, "lcctl: no chain %.*s\n", (int)(slash - word), word);
            return NULL;
        }
        id = uuid_order(chain, slice_str(slash + 1));
    }
    uuid_format(id, text);
    return text;
}

static void
print_time(const char *label, int64_t ms)
{
    char text[TIMESTAMP_TEXT];

    if (ms <= 0)
        return;
    timestamp_format(ms, text);
    printf("  %-14s %s\n", label, text);
}

static const char *sku_name(void *ctx, uint32_t index);

/* first_write: the history begins with the second write; what the first one said is in the record,
 * unless the same state was entered again since. */
static void
first_write(const struct record *r, int64_t created_ms, int64_t before_ms, order_moment *one,
            void *ctx)
{
    if (created_ms > 0)
        one(ctx, &(struct order_moment){.time_ms = created_ms, .what = "received"});
    for (unsigned state = 1; state <= RECORD_STATES; state++)
        if (r->entered_ms[state] > 0 && r->entered_ms[state] < before_ms)
            one(ctx, &(struct order_moment){.time_ms = r->entered_ms[state],
                                            .what = record_state_name(state)});
}

void
order_moments(struct ctl *c, const char *uuid, const struct record *r, int64_t created_ms,
              order_moment *one, void *ctx)
{
    redisReply *all =
        ctl_read(c, "LRANGE", arena_printf(c->arena, "history:%s", uuid), "0", "-1", NULL);
    bool first = true;

    for (size_t i = 0; all != NULL && i < all->elements; i++) {
        struct record_history h;
        if (record_history_read(slice_of(all->element[i]->str, all->element[i]->len), &h) != LC_OK)
            continue;
        if (first)
            first_write(r, created_ms, h.time_ms, one, ctx);
        first = false;
        one(ctx,
            &(struct order_moment){.time_ms = h.time_ms,
                                   .what = record_state_name(h.state),
                                   .reason = h.reason == 0 ? NULL : record_reason_name(h.reason),
                                   .store = h.store,
                                   .courier = h.courier,
                                   .words = h.words});
    }
    if (first)
        first_write(r, created_ms, INT64_MAX, one, ctx);
    if (all != NULL)
        freeReplyObject(all);
}

static void
print_moment(void *ctx, const struct order_moment *m)
{
    char text[TIMESTAMP_TEXT];

    struct ctl *c = ctx;
    timestamp_format(m->time_ms, text);
    printf("    %-24s %-20s", text, m->what);
    if (m->reason != NULL)
        printf(" %s", m->reason);
    if (m->courier != 0)
        printf(" courier %s", name_courier(c, m->courier));
    if (m->words.n > 0) {
        putchar(' ');
        print_named(c, m->words);
    }
    putchar('\n');
}

/* sku_text: the chain's own code, from the order itself. */
static const char *
sku_text(struct ctl *c, const Lifecircle__V1__Order *order, uint32_t index)
{
    for (size_t i = 0; order != NULL && i < order->n_lines; i++) {
        const Lifecircle__V1__OrderLine *l = order->lines[i];
        if (l->sku_index == index)
            return l->sku;
        for (size_t k = 0; k < l->n_substitutes && k < l->n_substitute_indexes; k++)
            if (l->substitute_indexes[k] == index)
                return l->substitutes[k];
    }
    return arena_printf(c->arena, "sku %u", index);
}

/* what `names` needs: the chain's SKUs and the stores, as they are asked for */
struct names {
    struct ctl *ctl;
    uint32_t chain;
};

static const char *
store_name(void *ctx, uint32_t store)
{
    const struct names *n = ctx;

    return name_store(n->ctl, store);
}

static const char *
store_path(void *ctx, uint32_t store)
{
    const struct names *n = ctx;

    return name_store_path(n->ctl, store);
}

static void
print_order(struct ctl *c, const char *uuid, const struct record *r)
{
    const Lifecircle__V1__Order *order =
        wire_unpack(&lifecircle__v1__order__descriptor, c->arena, r->order);

    printf("order %s\n", uuid);
    if (order != NULL)
        printf("  %-14s %s (chain %s)%s\n", "external id", order->external_order_id,
               name_chain(c, order->chain), order->simulated ? ", simulated" : "");
    printf("  %-14s %s", "state", record_state_name(r->state));
    if (r->reason != 0)
        printf(" (%s)", record_reason_name(r->reason));
    printf(", version %u\n", r->version);
    if (r->store != 0) {
        const char *path = name_store_path(c, r->store);
        printf("  %-14s %s\n", "store",
               path == NULL ? arena_printf(c->arena, "number %u", r->store) : path);
    }
    if (r->courier != 0)
        printf("  %-14s %s\n", "courier", name_courier(c, r->courier));
    printf("  %-14s %lld\n", "total (minor)", (long long)r->total_cents);
    print_time("window from", r->window_start_ms);
    print_time("promised by", r->window_end_ms);
    print_time("goods ready", r->ready_ms);
    print_time("eta", r->eta_ms);
    print_time("eta now", r->live_eta_ms);
    printf("  lines\n");
    for (size_t i = 0; i < r->n_lines; i++) {
        struct record_line l;
        if (record_line_at(r, i, &l))
            printf("    %s: %u of %u at %u%s%s\n", sku_text(c, order, l.sku_index), l.taken,
                   l.quantity, l.price_cents, l.substitute != 0 ? ", as " : "",
                   l.substitute != 0 ? sku_text(c, order, l.substitute - 1) : "");
    }
    printf("  history\n");
    order_moments(c, uuid, r, order == NULL ? 0 : order->created_ms, print_moment, c);
}

/* read_record: the order's record; word is how it was asked for, keep the reply that holds it. */
static int
read_record(struct ctl *c, const char *word, const char *uuid, struct record *r, redisReply **keep)
{
    *keep = ctl_read(c, "GET", arena_printf(c->arena, "order:%s", uuid), NULL);
    if (*keep == NULL)
        return EXIT_FAILED;
    if ((*keep)->type == REDIS_REPLY_NIL) {
        fprintf(stderr, "lcctl: no order %s\n", word);
        return EXIT_NOT_SO;
    }
    if (record_read(slice_of((*keep)->str, (*keep)->len), r) != LC_OK) {
        fprintf(stderr, "lcctl: order %s: unreadable record\n", uuid);
        return EXIT_FAILED;
    }
    return EXIT_SUCCESS;
}

static int
print_json(struct ctl *c, const char *uuid, const struct record *r)
{
    struct names names = {c, r->chain};
    const struct match_names named = {&names, store_name, sku_name};
    redisReply *history =
        ctl_read(c, "LRANGE", arena_printf(c->arena, "history:%s", uuid), "0", "-1", NULL);
    int status =
        history == NULL
            ? EXIT_FAILED
            : order_json(c, uuid, r,
                         wire_unpack(&lifecircle__v1__order__descriptor, c->arena, r->order),
                         history, &named);

    if (history != NULL)
        freeReplyObject(history);
    return status;
}

int
cmd_order(struct ctl *c, struct args *a)
{
    const char *word = args_next(a);
    const char *uuid;
    struct record r;
    redisReply *keep = NULL;

    if (word == NULL || !args_done(a))
        return EXIT_USAGE;
    if ((uuid = ctl_order(c, word)) == NULL)
        return EXIT_NOT_SO;
    int status = read_record(c, word, uuid, &r, &keep);
    if (status == EXIT_SUCCESS && c->json)
        status = print_json(c, uuid, &r);
    else if (status == EXIT_SUCCESS)
        print_order(c, uuid, &r);
    if (keep != NULL)
        freeReplyObject(keep);
    return status;
}

static const char *
sku_name(void *ctx, uint32_t index)
{
    struct names *n = ctx;
    redisReply *all =
        ctl_read(n->ctl, "HGETALL", arena_printf(n->ctl->arena, "skus:%u", n->chain), NULL);
    const char *name = NULL;

    for (size_t i = 0; all != NULL && name == NULL && i + 1 < all->elements; i += 2) {
        const Lifecircle__V1__Sku *sku =
            wire_unpack(&lifecircle__v1__sku__descriptor, n->ctl->arena,
                        slice_of(all->element[i + 1]->str, all->element[i + 1]->len));
        if (sku != NULL && sku->sku_index == index)
            name = arena_copy(n->ctl->arena, all->element[i]->str, all->element[i]->len);
    }
    if (all != NULL)
        freeReplyObject(all);
    return name;
}

static int
explain(struct ctl *c, const char *uuid, const struct record *r)
{
    struct names names = {c, r->chain};
    const struct match_names named = {&names, store_name, sku_name};
    redisReply *v = ctl_read(c, "GET", arena_printf(c->arena, "explain:%s", uuid), NULL);
    struct buf text = {0};
    int status = EXIT_FAILED;

    if (v == NULL)
        return EXIT_FAILED;
    const Lifecircle__V1__DecisionRecord *d =
        v->type == REDIS_REPLY_NIL ? NULL
                                   : wire_unpack(&lifecircle__v1__decision_record__descriptor,
                                                 c->arena, slice_of(v->str, v->len));
    if (c->json && (d != NULL || v->type == REDIS_REPLY_NIL)) {
        struct dispatch_view dispatch = dispatch_read(c, uuid, r->courier);
        status = explain_json(c, uuid, r, d, &dispatch, &named);
    } else if (v->type == REDIS_REPLY_NIL) {
        printf("order %s: %s; no store has been looked for yet\n", uuid,
               record_state_name(r->state));
        status = EXIT_SUCCESS;
    } else {
        printf("order %s: %s%s%s\n", uuid, record_state_name(r->state), r->reason != 0 ? ", " : "",
               r->reason != 0 ? record_reason_name(r->reason) : "");
        if (d != NULL) {
            const struct match_names spoken = {&names, store_path, sku_name};
            match_explain(&text, d, r->store, &spoken);
            fwrite(text.p, 1, text.n, stdout);
            status = text.failed ? EXIT_FAILED : EXIT_SUCCESS;
        } else {
            fputs("lcctl: unreadable decision record\n", stderr);
        }
    }
    buf_free(&text);
    freeReplyObject(v);
    return status;
}

int
cmd_explain(struct ctl *c, struct args *a)
{
    const char *word = args_next(a);
    const char *uuid;
    struct record r;
    redisReply *keep = NULL;

    if (word == NULL || !args_done(a))
        return EXIT_USAGE;
    if ((uuid = ctl_order(c, word)) == NULL)
        return EXIT_NOT_SO;
    int status = read_record(c, word, uuid, &r, &keep);
    if (status == EXIT_SUCCESS)
        status = explain(c, uuid, &r);
    if (status == EXIT_SUCCESS && !c->json) {
        struct dispatch_view v = dispatch_read(c, uuid, r.courier);
        dispatch_print(c, &v, &r);
    }
    if (keep != NULL)
        freeReplyObject(keep);
    return status;
}

enum { LATE_S = 10 }; /* nothing waits so long when all daemons are up */

int
cmd_queue(struct ctl *c, struct args *a)
{
    static const char *const queues[] = {"match", "held", "dispatch", "expire", "webhook"};

    if (!args_done(a))
        return EXIT_USAGE;
    struct show *table = show_table(c, "queue rows most_overdue_s late", ".rr.");
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) {
        const char *key = arena_printf(c->arena, "due:%s", queues[i]);
        redisReply *rows = ctl_read(c, "ZCARD", key, NULL);
        redisReply *first = ctl_read(c, "ZRANGE", key, "0", "0", "WITHSCORES", NULL);
        if (rows == NULL || first == NULL)
            return EXIT_FAILED;
        double late_s = first->elements == 2
                            ? ((double)c->now_ms - strtod(first->element[1]->str, NULL)) / 1000
                            : 0;
        show_text(table, queues[i]);
        show_number(table, rows->integer);
        show_seconds(table, late_s < 0 ? 0 : late_s);
        show_flag(table, late_s > LATE_S, "late");
        freeReplyObject(rows);
        freeReplyObject(first);
    }
    return show_end(table);
}
