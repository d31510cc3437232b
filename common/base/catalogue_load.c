/* Following Redis: one call at a time, and after each answer the most urgent next one (go_on). The
 * stream's end is asked for before the hashes are scanned, so a change during the scan is read
 * again afterwards. A primary that was lost may have named changes that its replica never heard of,
 * whose ids then go to others: so each time Redis is up, the replication id is asked for first. It
 * is another one after each fail-over and restart, and then all is read again. */
#include "base/catalogue_own.h"

#include <stdlib.h>

static bool
numbers_add(struct numbers *s, uint32_t number)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->list[i] == number)
            return true;
    if (s->n == s->room) {
        size_t room = s->room == 0 ? 16 : s->room * 2;
        uint32_t *list = realloc(s->list, room * sizeof *list);
        if (list == NULL)
            return false;
        s->list = list;
        s->room = room;
    }
    s->list[s->n++] = number;
    return true;
}

static void
numbers_drop(struct numbers *s, size_t n)
{
    if (n > s->n)
        n = s->n;
    memmove(s->list, s->list + n, (s->n - n) * sizeof *s->list);
    s->n -= n;
}

/* Everything is to be read again; what is known stays usable meanwhile. */
static void
start_over(struct load *l)
{
    l->all = true;
    l->check_tip = true;
    for (size_t k = 0; k < KINDS; k++)
        l->changed[k].n = 0;
}

static bool
wanted(const struct catalogue *c, int kind)
{
    static const unsigned option[KINDS] = {CATALOGUE_CHAINS, CATALOGUE_STORES, CATALOGUE_COURIERS,
                                           CATALOGUE_SKUS};

    return (c->options.kinds & option[kind]) != 0;
}

static void
loaded(struct catalogue *c)
{
    c->load.all = false;
    c->load.loaded = true;
    if (c->options.watch != NULL && c->options.watch->loaded != NULL)
        c->options.watch->loaded(c->options.ctx);
}

/* The next call, most urgent first. */
static void
go_on(struct catalogue *c, const struct event *ev, struct outbox *out)
{
    struct load *l = &c->load;

    l->step = LOAD_IDLE;
    if (l->check_primary) {
        catalogue_ask_primary(c, ev, out);
        return;
    }
    if (l->check_tip) {
        catalogue_ask_tip(c, ev, out);
        return;
    }
    for (l->kind = 0; l->kind < KIND_SKUS; l->kind++) {
        if ((l->to_scan & 1U << l->kind) != 0) {
            l->cursor = 0;
            catalogue_ask_scan(c, ev, out);
            return;
        }
        if (l->changed[l->kind].n > 0) {
            catalogue_ask_fetch(c, ev, out);
            return;
        }
    }
    if (l->changed[KIND_SKUS].n > 0) {
        l->chain = l->changed[KIND_SKUS].list[0];
        l->cursor = 0;
        catalogue_ask_scan(c, ev, out);
        return;
    }
    if (l->all)
        loaded(c);
    if (l->again || l->next_ms <= ev->now_ms)
        catalogue_ask_follow(c, ev, out);
    else
        outbox_wake(out, l->next_ms);
}

/* Nothing can be had now: the same call again at the next poll. */
static void
pause_for_poll(struct catalogue *c, const struct event *ev, struct outbox *out)
{
    c->load.step = LOAD_IDLE;
    c->load.next_ms = ev->now_ms + c->options.poll_ms;
    outbox_wake(out, c->load.next_ms);
}

/* ---- answers ---- */

/* "1-42" → 42; false for any other form: somebody else's stream. */
static bool
stream_id(const struct reply *r, uint64_t *n)
{
    struct slice s = r->str;
    uint64_t v = 0;

    if (r->kind != REPLY_STRING || s.n < 3 || s.p[0] != '1' || s.p[1] != '-')
        return false;
    for (size_t i = 2; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || v > UINT64_MAX / 16)
            return false;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    *n = v;
    return true;
}

/* Who may not ask, or is not told, reads all again: that costs time, the other way changes. */
static bool
take_primary(struct catalogue *c, struct outbox *out, const struct reply *r)
{
    struct load *l = &c->load;
    struct slice id = primary_id(r);

    if (r->kind == REPLY_LOST)
        return false;
    if (id.n == 0)
        outbox_note(out, "catalogue_primary_unknown",
                    "expected=INFO replication with master_replid effect=all_is_read_again");
    l->check_primary = false;
    if (primary_changed(l->primary, id) || id.n == 0)
        l->all = true;
    return true;
}

static bool
take_tip(struct catalogue *c, const struct reply *r)
{
    struct load *l = &c->load;
    uint64_t tip = 0;

    if (r->kind != REPLY_ARRAY)
        return false;
    if (r->n > 0 && (r->items[0].kind != REPLY_ARRAY || r->items[0].n < 1 ||
                     !stream_id(&r->items[0].items[0], &tip)))
        return false;
    l->check_tip = false;
    if (tip < l->last) /* not the Redis that was followed so far */
        l->all = true;
    if (!l->loaded || l->all) {
        l->all = true;
        l->last = tip;
        l->to_scan = 0;
        for (int k = 0; k < KIND_SKUS; k++)
            if (wanted(c, k))
                l->to_scan |= 1U << k;
    }
    l->again = true;
    return true;
}

static enum lc_err
take_value(struct catalogue *c, const struct event *ev, int kind, struct slice value)
{
    switch (kind) {
    case KIND_CHAINS:
        return catalogue_put_chain(c, value);
    case KIND_STORES:
        return catalogue_take_store(c, ev->arena, value);
    case KIND_COURIERS:
        return catalogue_put_courier(c, value);
    default:
        return catalogue_take_sku(c, c->load.chain, ev->arena, value);
    }
}

/* A value that is none is noted and passed over: it must not keep all others out. */
static bool
take_values(struct catalogue *c, const struct event *ev, struct outbox *out,
            const struct reply *values, size_t from, size_t step)
{
    for (size_t i = from; i < values->n; i += step) {
        const struct reply *v = &values->items[i];
        if (v->kind == REPLY_NIL)
            continue;
        enum lc_err err =
            v->kind == REPLY_STRING ? take_value(c, ev, c->load.kind, v->str) : LC_EINVAL;
        if (err == LC_ENOMEM)
            return false;
        if (err != LC_OK)
            outbox_note(out, "catalogue_broken_record", "hash=%s chain=%u",
                        catalogue_hash_name[c->load.kind], c->load.chain);
    }
    return true;
}

static bool
want_all_skus(struct catalogue *c)
{
    for (uint32_t i = 1; i < c->chain_end; i++)
        if (c->chain[i].chain != NULL && !numbers_add(&c->load.changed[KIND_SKUS], i))
            return false;
    return true;
}

static bool
take_scan(struct catalogue *c, const struct event *ev, struct outbox *out, const struct reply *r)
{
    struct load *l = &c->load;

    if (r->kind != REPLY_ARRAY || r->n != 2 || r->items[0].kind != REPLY_STRING ||
        r->items[0].str.n >= NUMBER_TEXT || r->items[1].kind != REPLY_ARRAY)
        return false;
    if (!take_values(c, ev, out, &r->items[1], 1, 2))
        return false;

    char text[NUMBER_TEXT] = "";
    memcpy(text, r->items[0].str.p, r->items[0].str.n);
    l->cursor = strtoull(text, NULL, 10);
    if (l->cursor != 0) {
        catalogue_ask_scan(c, ev, out);
        return true;
    }
    if (l->kind == KIND_SKUS)
        numbers_drop(&l->changed[KIND_SKUS], 1);
    else
        l->to_scan &= ~(1U << l->kind);
    if (l->kind == KIND_CHAINS && wanted(c, KIND_SKUS) && !want_all_skus(c))
        return false;
    go_on(c, ev, out);
    return true;
}

static bool
take_fetch(struct catalogue *c, const struct event *ev, struct outbox *out, const struct reply *r)
{
    if (r->kind != REPLY_ARRAY || !take_values(c, ev, out, r, 0, 1))
        return false;
    numbers_drop(&c->load.changed[c->load.kind], c->load.fetched);
    go_on(c, ev, out);
    return true;
}

static bool
take_change(struct catalogue *c, struct slice name, uint32_t number)
{
    enum { SCAN_INSTEAD = 2000 }; /* so many changes of one kind are read in pages */
    static const struct {
        const char *name;
        int kind;
    } table[] = {{"store", KIND_STORES},
                 {"chain", KIND_CHAINS},
                 {"courier", KIND_COURIERS},
                 {"sku", KIND_SKUS}};
    struct load *l = &c->load;

    if (slice_eq_str(name, "stock") && c->options.watch != NULL &&
        c->options.watch->restocked != NULL)
        c->options.watch->restocked(c->options.ctx, number);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int kind = table[i].kind;
        if (!slice_eq_str(name, table[i].name) || !wanted(c, kind) ||
            (l->to_scan & 1U << kind) != 0)
            continue;
        if (kind != KIND_SKUS && l->changed[kind].n >= SCAN_INSTEAD) {
            l->changed[kind].n = 0;
            l->to_scan |= 1U << kind;
        } else if (!numbers_add(&l->changed[kind], number)) {
            return false;
        }
    }
    return true;
}

/* Without memory an entry is left for the next poll: last stays behind it, and changes noted twice
 * do no harm. */
static enum lc_err
take_entry(struct catalogue *c, const struct reply *entry)
{
    struct load *l = &c->load;
    uint64_t id;

    if (entry->kind != REPLY_ARRAY || entry->n != 2 || !stream_id(&entry->items[0], &id) ||
        id != l->last + 1 || entry->items[1].kind != REPLY_ARRAY)
        return LC_EINVAL;
    const struct reply *fields = &entry->items[1];
    for (size_t i = 0; i + 1 < fields->n; i += 2)
        if (fields->items[i + 1].kind == REPLY_STRING && fields->items[i + 1].str.n == 4 &&
            !take_change(c, fields->items[i].str, bytes_u32(fields->items[i + 1].str.p)))
            return LC_ENOMEM;
    l->last = id;
    return LC_OK;
}

static bool
take_follow(struct catalogue *c, const struct event *ev, struct outbox *out, const struct reply *r)
{
    struct load *l = &c->load;
    const struct reply *entries;

    if (r->kind == REPLY_NIL || (r->kind == REPLY_ARRAY && r->n == 0)) {
        go_on(c, ev, out);
        return true;
    }
    if (r->kind != REPLY_ARRAY || r->items[0].kind != REPLY_ARRAY || r->items[0].n != 2 ||
        r->items[0].items[1].kind != REPLY_ARRAY)
        return false;
    entries = &r->items[0].items[1];
    for (size_t i = 0; i < entries->n; i++) {
        enum lc_err err = take_entry(c, &entries->items[i]);
        if (err == LC_ENOMEM)
            return false;
        if (err != LC_OK) {
            outbox_note(out, "catalogue_gap", "last=%llu", (unsigned long long)l->last);
            start_over(l);
            break;
        }
    }
    l->again |= entries->n >= STREAM_PAGE;
    go_on(c, ev, out);
    return true;
}

static void
take_reply(struct catalogue *c, const struct event *ev, struct outbox *out)
{
    struct load *l = &c->load;
    const struct reply *r = ev->reply;
    bool taken = false;

    if (ev->ref != c->options.tag + l->generation || l->step == LOAD_IDLE)
        return; /* the answer to a call that was given up */
    switch (l->step) {
    case LOAD_PRIMARY:
        taken = take_primary(c, out, r);
        if (taken)
            go_on(c, ev, out);
        break;
    case LOAD_TIP:
        taken = take_tip(c, r);
        if (taken)
            go_on(c, ev, out);
        break;
    case LOAD_SCAN:
        taken = take_scan(c, ev, out, r);
        break;
    case LOAD_FETCH:
        taken = take_fetch(c, ev, out, r);
        break;
    case LOAD_FOLLOW:
        taken = take_follow(c, ev, out, r);
        break;
    case LOAD_IDLE:
        break;
    }
    if (!taken) {
        l->again = true;
        pause_for_poll(c, ev, out);
    }
}

/* ---- what the core calls ---- */

void
catalogue_poll(struct catalogue *c, const struct event *ev, struct outbox *out)
{
    c->load.again = true;
    if (c->load.started && c->load.step == LOAD_IDLE)
        go_on(c, ev, out);
}

static void
on_wake(struct catalogue *c, const struct event *ev, struct outbox *out)
{
    struct load *l = &c->load;

    if (l->step != LOAD_IDLE && ev->now_ms - l->asked_ms >= ANSWER_MS) {
        l->step = LOAD_IDLE;
        l->next_ms = ev->now_ms;
    }
    if (l->started && l->step == LOAD_IDLE && l->next_ms <= ev->now_ms)
        go_on(c, ev, out);
    else if (l->started)
        outbox_wake(out, catalogue_wake_ms(c));
}

bool
catalogue_step(struct catalogue *c, const struct event *ev, struct outbox *out)
{
    struct load *l = &c->load;

    switch (ev->kind) {
    case EVENT_REDIS:
        if (ev->ref < c->options.tag || ev->ref >= c->options.tag + CATALOGUE_TAGS)
            return false;
        take_reply(c, ev, out);
        return true;
    case EVENT_REDIS_UP:
        l->started = true;
        l->check_primary = true;
        l->check_tip = true;
        go_on(c, ev, out);
        return false;
    case EVENT_WAKE:
        on_wake(c, ev, out);
        return false;
    case EVENT_MESSAGE:
        if (ev->envelope->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_NEWS &&
            ev->envelope->news->topic == LIFECIRCLE__V1__NEWS__TOPIC__CATALOGUE)
            catalogue_poll(c, ev, out);
        return false;
    case EVENT_START:
    case EVENT_TURN_END:
    case EVENT_HTTP:
    case EVENT_HTTP_BODY:
    case EVENT_HTTP_END:
    case EVENT_GONE:
    case EVENT_SOCKET:
    case EVENT_CALLED:
    case EVENT_TRAVEL:
    case EVENT_ROADS:
    case EVENT_WORK:
    case EVENT_ADDRESSES:
    case EVENT_STOP:
        return false;
    }
    return false;
}

bool
catalogue_loaded(const struct catalogue *c)
{
    return c->load.loaded;
}

int64_t
catalogue_wake_ms(const struct catalogue *c)
{
    if (!c->load.started)
        return INT64_MAX;
    return c->load.step == LOAD_IDLE ? c->load.next_ms : c->load.asked_ms + ANSWER_MS;
}
