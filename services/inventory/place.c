/* Orders: gathered, placed in batches, answered. */
#include "inventory/core.h"

#include "base/record.h"

#include <stdlib.h>

enum { ARG_ID, ARG_IDEM, ARG_PLAN, ARG_RECORD, ARG_EXPLAIN, ARG_SEALED, ORDER_ARGS };
enum { CANDIDATES_MAX = 64, ORDERS_MAX = 64 };

#define OUTCOME(name) LIFECIRCLE__V1__PLACE_RESULT__OUTCOME__##name

/* ---- a request comes in ---- */

static bool
well_formed(const Lifecircle__V1__PlaceOrder *p)
{
    const char *why;

    if (p->order == NULL || p->n_candidates > CANDIDATES_MAX || p->retry_ms < 0)
        return false;
    for (size_t i = 0; i < p->n_candidates; i++)
        if (p->candidates[i]->store == 0)
            return false;
    return place_check(p->order, &why) == LC_OK;
}

static void
put_args(struct args *a, const Lifecircle__V1__PlaceOrder *p)
{
    struct place_mode mode = {.more = p->more,
                              .reject = p->reject,
                              .create = p->create,
                              .reason = (uint8_t)p->reason,
                              .retry_ms = p->retry_ms};
    struct place_candidate candidates[CANDIDATES_MAX];

    for (size_t i = 0; i < p->n_candidates; i++)
        candidates[i] = (struct place_candidate){.store = p->candidates[i]->store,
                                                 .travel_s = p->candidates[i]->travel_s,
                                                 .ready_ms = p->candidates[i]->ready_ms,
                                                 .eta_ms = p->candidates[i]->eta_ms};
    args_add(a, slice_str(p->order->order_id));
    place_idem(&a->bytes, p->order);
    args_end(a);
    place_plan(&a->bytes, p->order, &mode, candidates, p->n_candidates);
    args_end(a);
    place_record(&a->bytes, p->order, p->n_candidates == 0 ? NULL : candidates);
    place_order(&a->bytes, p->order);
    args_end(a);
    place_explain(&a->bytes, slice_of((const char *)p->explain.data, p->explain.len));
    args_end(a);
    args_add(a, slice_of((const char *)p->order->sealed.data, p->order->sealed.len));
}

static void
request_free(struct request *r)
{
    args_free(&r->args);
    buf_free(&r->heads);
    free(r);
}

static void
refuse(struct item *it, uint8_t outcome)
{
    it->done = true;
    it->outcome = outcome;
    it->head_n = 0;
}

static struct slice
arg_of(const struct item *it, size_t which)
{
    return args_at(&it->request->args, it->first + which);
}

/* The id that an item's answer names: kept in front of its arguments even where those are
 * missing. */
static struct slice
id_of(const struct item *it)
{
    return arg_of(it, ARG_ID);
}

/* request_new: of the first n orders. */
static struct request *
request_new(const struct event *ev, const Lifecircle__V1__PlaceRequest *m, size_t n,
            size_t *malformed)
{
    struct request *r = calloc(1, sizeof *r + n * sizeof r->items[0]);

    if (r == NULL)
        return NULL;
    asker_init(&r->asker, ev);
    r->n = r->waiting = n;
    for (size_t i = 0; i < r->n; i++) {
        struct item *it = &r->items[i];
        it->request = r;
        it->first = args_count(&r->args);
        if (well_formed(m->orders[i]) &&
            uuid_parse(slice_str(m->orders[i]->order->order_id), &it->order) == LC_OK) {
            traceparent_of_order(it->order, m->orders[i]->order->traceparent, &it->trace);
            put_args(&r->args, m->orders[i]);
            continue;
        }
        const Lifecircle__V1__Order *o = m->orders[i]->order;
        args_add(&r->args, slice_str(o == NULL ? "" : o->order_id));
        refuse(it, OUTCOME(OUTCOME_NONE));
        r->waiting--;
        ++*malformed;
    }
    if (args_failed(&r->args)) {
        request_free(r);
        return NULL;
    }
    return r;
}

static void
enqueue(struct inventory *inv, struct item *it)
{
    it->next = NULL;
    *inv->tail = it;
    inv->tail = &it->next;
    inv->queued++;
}

static struct item *
dequeue(struct inventory *inv)
{
    struct item *it = inv->head;

    inv->head = it->next;
    if (inv->head == NULL)
        inv->tail = &inv->head;
    inv->queued--;
    return it;
}

static void
answer_request(struct inventory *inv, const struct event *ev, struct outbox *out,
               const struct request *r)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__PlaceReply reply = LIFECIRCLE__V1__PLACE_REPLY__INIT;
    Lifecircle__V1__PlaceResult *results = arena_array(ev->arena, r->n + 1, sizeof *results);

    reply.results = arena_array(ev->arena, r->n + 1, sizeof(Lifecircle__V1__PlaceResult *));
    reply.n_results = r->n;
    for (size_t i = 0; results != NULL && reply.results != NULL && i < r->n; i++) {
        const struct item *it = &r->items[i];
        struct slice id = id_of(it);
        lifecircle__v1__place_result__init(&results[i]);
        results[i].order_id = arena_copy(ev->arena, id.p, id.n);
        if (results[i].order_id == NULL)
            results = NULL;
        else {
            results[i].outcome = (Lifecircle__V1__PlaceResult__Outcome)it->outcome;
            results[i].candidate = it->candidate;
            results[i].head.data = (uint8_t *)r->heads.p + it->head_at;
            results[i].head.len = it->head_n;
            reply.results[i] = &results[i];
        }
    }
    if (results == NULL || reply.results == NULL) {
        count(inv, COUNT_ANSWERS_DROPPED, 1);
        return;
    }
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_PLACE_REPLY;
    env.place_reply = &reply;
    answer(inv, ev, out, &r->asker, &env);
    histogram_add(&inv->placed, ev->now_ms - r->asker.came_ms);
}

/* finish: one item fewer to wait for; the last one sends the answer and frees the request, items
 * and all. */
static void
finish(struct inventory *inv, const struct event *ev, struct outbox *out, struct request *r)
{
    if (--r->waiting > 0)
        return;
    answer_request(inv, ev, out, r);
    request_free(r);
}

static void
give_up(struct inventory *inv, const struct event *ev, struct outbox *out, struct item *it)
{
    refuse(it, OUTCOME(UNAVAILABLE));
    count(inv, COUNT_UNAVAILABLE, 1);
    finish(inv, ev, out, it->request);
}

enum lc_err
place_take(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    const Lifecircle__V1__PlaceRequest *m = ev->envelope->place_request;
    size_t n = m->n_orders <= ORDERS_MAX ? m->n_orders : 0, malformed = n == 0;
    struct request *r = request_new(ev, m, n, &malformed);

    if (r == NULL)
        return LC_ENOMEM;
    count(inv, COUNT_MALFORMED, malformed);
    bool full = inv->queued + r->waiting > inv->place_queue;
    for (size_t i = 0; i < r->n; i++) {
        if (r->items[i].done)
            continue;
        if (full) {
            refuse(&r->items[i], OUTCOME(UNAVAILABLE));
            count(inv, COUNT_UNAVAILABLE, 1);
            r->waiting--;
        } else {
            enqueue(inv, &r->items[i]);
        }
    }
    if (r->waiting == 0) {
        answer_request(inv, ev, out, r);
        request_free(r);
    }
    return LC_OK;
}

/* ---- a batch goes out ---- */

/* next_batch: takes up to a call's worth of orders from the queue; those that nobody waits for any
 * more are answered on the way. */
static size_t
next_batch(struct inventory *inv, const struct event *ev, struct outbox *out, struct item **items)
{
    size_t n = 0;

    while (inv->head != NULL && n < inv->place_batch) {
        struct item *it = inv->head;
        if (it->request->asker.deadline_ms <= ev->now_ms) {
            give_up(inv, ev, out, dequeue(inv));
            continue;
        }
        if (it->alone && n > 0)
            break;
        items[n++] = dequeue(inv);
        if (it->alone)
            break;
    }
    return n;
}

/* put_back: to the front of the queue, in their order. */
static void
put_back(struct inventory *inv, struct item *const *items, size_t n)
{
    while (n-- > 0) {
        items[n]->next = inv->head;
        if (inv->head == NULL)
            inv->tail = &items[n]->next;
        inv->head = items[n];
        inv->queued++;
    }
}

static bool
send_batch(struct inventory *inv, const struct event *ev, struct outbox *out,
           struct item *const *items, size_t n)
{
    struct call *c = call_new(inv, CALL_PLACE, n);
    struct slice *argv = arena_array(ev->arena, 2 + n * ORDER_ARGS, sizeof *argv);

    if (c == NULL || argv == NULL) {
        call_free(c);
        return false;
    }
    argv[0] = int_slice(ev, ev->now_ms);
    argv[1] = int_slice(ev, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        c->items[i] = items[i];
        place_stamp(args_edit(&items[i]->request->args, items[i]->first + ARG_RECORD), ev->now_ms);
        for (size_t k = 0; k < ORDER_ARGS; k++)
            argv[2 + i * ORDER_ARGS + k] = arg_of(items[i], k);
    }
    c->n = n;
    if (!call_send(inv, ev, out, c, "order_place", argv, 2 + n * ORDER_ARGS)) {
        call_free(c);
        return false;
    }
    count(inv, COUNT_CALLS, 1);
    count(inv, COUNT_CALL_ORDERS, n);
    count(inv, COUNT_CALL_FULL, n == inv->place_batch);
    return true;
}

/* may_send: a second call only when it is full: fewer orders wait for the first one's answer and go
 * together, so that one fsync is for all of them. */
static bool
may_send(const struct inventory *inv)
{
    if (!inv->up || inv->head == NULL || inv->placing >= inv->place_calls)
        return false;
    return inv->placing == 0 || inv->head->alone || inv->queued >= inv->place_batch;
}

void
place_send(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    struct item *items[CALL_ORDERS_MAX];

    while (may_send(inv)) {
        size_t n = next_batch(inv, ev, out, items);
        if (n == 0)
            break;
        if (!send_batch(inv, ev, out, items, n)) {
            put_back(inv, items, n);
            wake(out, ev->now_ms + 10);
            break;
        }
    }
    inv->counters[GAUGE_QUEUED].value = inv->queued;
}

/* ---- its reply ---- */

static enum count
count_of(uint8_t outcome, unsigned state)
{
    static const enum count by_outcome[] = {
        [OUTCOME(PLACED_AT)] = COUNT_PLACED,    [OUTCOME(HELD_OR_REJECTED)] = COUNT_HELD,
        [OUTCOME(EXHAUSTED)] = COUNT_EXHAUSTED, [OUTCOME(DUPLICATE)] = COUNT_DUPLICATE,
        [OUTCOME(CONFLICT)] = COUNT_CONFLICT,   [OUTCOME(PRICE_DIFFERS)] = COUNT_PRICE_DIFFERS,
    };

    if (outcome == OUTCOME(HELD_OR_REJECTED) && state == LIFECIRCLE__V1__ORDER_STATE__REJECTED)
        return COUNT_REJECTED;
    if (outcome == OUTCOME(HELD_OR_REJECTED) && state == LIFECIRCLE__V1__ORDER_STATE__CREATED)
        return COUNT_CREATED;
    return by_outcome[outcome];
}

static const char *const outcome_words[] = {
    [OUTCOME(PLACED_AT)] = "placed",    [OUTCOME(HELD_OR_REJECTED)] = "not_placed",
    [OUTCOME(EXHAUSTED)] = "exhausted", [OUTCOME(DUPLICATE)] = "duplicate",
    [OUTCOME(CONFLICT)] = "conflict",   [OUTCOME(PRICE_DIFFERS)] = "price_differs",
};

/* A placed delivery wants a courier. What was placed by a call whose answer got lost comes back as
 * a duplicate. */
static bool
wants_courier(const struct item *it, struct slice head)
{
    return head.n >= RECORD_HEAD && head.p[1] == LIFECIRCLE__V1__ORDER_STATE__PLACED &&
           ((unsigned)head.p[3] & RECORD_COLLECTION) == 0 &&
           (it->outcome == OUTCOME(PLACED_AT) ||
            (it->outcome == OUTCOME(DUPLICATE) && it->repeated));
}

/* keep_head: head and lines as they were written: as the answer says, or, when it says no more than
 * which candidate, as was asked. False when nobody can be told. */
static bool
keep_head(struct item *it, unsigned candidate, struct slice head)
{
    struct buf *heads = &it->request->heads;
    bool known = true;

    it->head_at = heads->n;
    if (head.n == 0 && it->outcome == OUTCOME(PLACED_AT))
        known =
            place_as_asked(heads, arg_of(it, ARG_PLAN), arg_of(it, ARG_RECORD), candidate) == LC_OK;
    else
        buf_append(heads, head.p, head.n);
    it->head_n = heads->n - it->head_at;
    return known && !heads->failed;
}

static struct slice
head_of(const struct item *it)
{
    return slice_of(it->request->heads.p + it->head_at, it->head_n);
}

static bool
read_result(struct inventory *inv, struct item *it, const struct reply *reply)
{
    struct slice s = reply->str;

    if (reply->kind != REPLY_STRING || s.n < 4 || s.p[0] < OUTCOME(PLACED_AT) ||
        s.p[0] > OUTCOME(PRICE_DIFFERS))
        return false;
    it->outcome = (uint8_t)s.p[0];
    it->candidate = (uint8_t)s.p[1];
    if (!keep_head(it, it->candidate, slice_of(s.p + 4, s.n - 4)))
        return false; /* as if the answer had got lost */
    it->done = true;
    struct slice head = head_of(it);
    count(inv, count_of(it->outcome, head.n > 1 ? (unsigned char)head.p[1] : 0), 1);
    return true;
}

/* note_placed: head begins with a record's head, or is empty. */
static void
note_placed(const struct event *ev, struct outbox *out, const struct item *it, struct slice head)
{
    struct order_note note = {.order = it->order,
                              .trace = it->trace,
                              .ms = ev->now_ms - it->request->asker.came_ms,
                              .key = "outcome",
                              .value = outcome_words[it->outcome]};
    struct record r;

    if (record_read(head, &r) == LC_OK) {
        note.store = r.store;
        note.courier = r.courier;
    }
    outbox_order(out, "order_placed", &note);
}

/* dispatch: last = the trace of the last of them. */
static void
dispatch(struct inventory *inv, const struct event *ev, struct outbox *out, char **ids, size_t n,
         const struct traceparent *last)
{
    struct outbox_mark before = outbox_mark(out);
    Lifecircle__V1__DispatchRequest request = LIFECIRCLE__V1__DISPATCH_REQUEST__INIT;
    Lifecircle__V1__Envelope env;

    if (n == 0)
        return;
    envelope_init(&env, &inv->mint, ev->now_ms, 0);
    if (n == 1)
        envelope_trace(&env, &inv->mint, last);
    request.order_ids = ids;
    request.n_order_ids = n;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_DISPATCH_REQUEST;
    env.dispatch_request = &request;
    outbox_send(out, ROLE_ROUTER, &env);
    if (outbox_failed(out)) /* the due rows have them all */
        outbox_rewind(out, before);
}

static void
take_results(struct inventory *inv, const struct event *ev, struct outbox *out, struct call *c)
{
    char *ids[CALL_ORDERS_MAX];
    size_t n = 0;
    struct traceparent last = {.flags = 0};
    bool written = false;

    for (size_t i = 0; i < c->n; i++) {
        struct item *it = c->items[i];
        const struct reply *item = &ev->reply->items[i];
        if (!read_result(inv, it, item)) {
            count(inv, COUNT_FUNCTION_ERRORS, 1);
            give_up(inv, ev, out, it);
            continue;
        }
        struct slice id = id_of(it);
        if (wants_courier(it, head_of(it)) &&
            (ids[n] = arena_copy(ev->arena, id.p, id.n)) != NULL) {
            last = it->trace;
            n++;
        }
        note_placed(ev, out, it, head_of(it));
        written = written || it->outcome == OUTCOME(PLACED_AT) ||
                  it->outcome == OUTCOME(HELD_OR_REJECTED) || it->repeated;
        finish(inv, ev, out, it->request);
    }
    dispatch(inv, ev, out, ids, n, &last);
    if (written)
        ring(inv, ev, out, LIFECIRCLE__V1__NEWS__TOPIC__EVENTS);
}

/* again: the outcome is unknown, or one of several orders was refused: back into the queue. */
static void
again(struct inventory *inv, struct call *c, bool alone)
{
    for (size_t i = 0; i < c->n; i++) {
        c->items[i]->repeated = c->items[i]->repeated || !alone;
        c->items[i]->alone = c->items[i]->alone || alone;
    }
    put_back(inv, c->items, c->n);
    count(inv, COUNT_REPEATED, c->n);
}

static void
call_refused(struct inventory *inv, const struct event *ev, struct outbox *out, struct call *c)
{
    bool invalid = ev->reply->str.n >= 7 && memcmp(ev->reply->str.p, "INVALID", 7) == 0;

    function_error(inv, ev, out, "order_place");
    if (invalid && c->n > 1) { /* nothing was written: find the one, spare the others */
        again(inv, c, true);
        return;
    }
    for (size_t i = 0; i < c->n; i++) {
        if (!invalid) {
            give_up(inv, ev, out, c->items[i]);
            continue;
        }
        refuse(c->items[i], OUTCOME(OUTCOME_NONE));
        count(inv, COUNT_MALFORMED, 1);
        finish(inv, ev, out, c->items[i]->request);
    }
}

void
place_replied(struct inventory *inv, const struct event *ev, struct outbox *out, struct call *c)
{
    const struct reply *r = ev->reply;

    if (r->kind == REPLY_LOST)
        again(inv, c, false);
    else if (r->kind == REPLY_ARRAY && r->n == c->n)
        take_results(inv, ev, out, c);
    else
        call_refused(inv, ev, out, c);
    call_free(c);
}

/* place_overdue: while Redis is away nobody waits longer than they said. */
void
place_overdue(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    size_t n = inv->queued;

    while (n-- > 0) {
        struct item *it = dequeue(inv);
        if (it->request->asker.deadline_ms <= ev->now_ms)
            give_up(inv, ev, out, it);
        else
            enqueue(inv, it);
    }
    inv->counters[GAUGE_QUEUED].value = inv->queued;
}

static void
forget(struct item *it)
{
    if (--it->request->waiting == 0)
        request_free(it->request);
}

void
place_close(struct inventory *inv)
{
    while (inv->head != NULL)
        forget(dequeue(inv));
    for (struct call *c = inv->calls; c != NULL; c = c->next)
        for (size_t i = 0; c->kind == CALL_PLACE && i < c->n; i++)
            forget(c->items[i]);
}
