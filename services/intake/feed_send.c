/* Understood lines to inventory, in chunks whose bounds depend on the store's lines and their
 * places in the feed alone: a feed that is sent again is cut the same way, even when a store that
 * was refused the first time has been added, and inventory knows each chunk again. */
#include "feed.h"

#include <stdio.h>
#include <stdlib.h>

enum { AGAIN_MS = 1000, PATIENCE_MS = 10000 };

/* ---- gathering ---- */

static struct feed_store *
store_of(struct feed *feed, uint32_t number)
{
    struct feed_store *s;
    bool map_failed = false;

    HASH_FIND(hh, feed->stores, &number, sizeof number, s);
    if (s != NULL)
        return s;
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->store = number;
    HASH_ADD(hh, feed->stores, store, sizeof s->store, s);
    if (map_failed) {
        free(s);
        return NULL;
    }
    return s;
}

static int
by_sku(const void *a, const void *b)
{
    const struct feed_item *x = a, *y = b;

    if (x->sku_index != y->sku_index)
        return x->sku_index < y->sku_index ? -1 : 1;
    return x->seq < y->seq ? -1 : 1;
}

/* Two lines of a SKU become one: of a snapshot the later counts, of a delta both. */
static void
merge(const struct feed *feed, struct feed_item *into, const struct feed_item *later)
{
    if (later->has_quantity) {
        int64_t sum = later->quantity;
        if (feed->kind == LIFECIRCLE__V1__STOCK_REQUEST__KIND__DELTA && into->has_quantity)
            sum += into->quantity;
        into->quantity = (int32_t)(sum > FEED_QUANTITY_MAX    ? FEED_QUANTITY_MAX
                                   : sum < -FEED_QUANTITY_MAX ? -FEED_QUANTITY_MAX
                                                              : sum);
        into->has_quantity = true;
    }
    if (later->has_price) {
        into->price = later->price;
        into->has_price = true;
    }
}

static size_t
sort_and_merge(const struct feed *feed, struct feed_item *item, size_t n)
{
    size_t kept = 0;

    qsort(item, n, sizeof *item, by_sku);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && item[kept - 1].sku_index == item[i].sku_index)
            merge(feed, &item[kept - 1], &item[i]);
        else
            item[kept++] = item[i];
    }
    return kept;
}

/* The request and its lines as one block, freed with it. */
static Lifecircle__V1__StockRequest *
request_of(const struct feed *feed, const struct feed_store *s, uint64_t tag, size_t n)
{
    Lifecircle__V1__StockRequest *r;
    Lifecircle__V1__StockLine *line;

    r = malloc(sizeof *r + n * (sizeof(void *) + sizeof *line));
    if (r == NULL)
        return NULL;
    lifecircle__v1__stock_request__init(r);
    r->lines = (Lifecircle__V1__StockLine **)(void *)(r + 1);
    line = (Lifecircle__V1__StockLine *)(void *)(r->lines + n);
    r->tag = tag;
    r->store = s->store;
    r->kind = feed->kind;
    r->as_of_ms = feed->as_of_ms;
    r->sequence = feed->sequence;
    r->chunk = s->chunks;
    r->n_lines = n;
    for (size_t i = 0; i < n; i++) {
        const struct feed_item *item = &s->item[i];
        lifecircle__v1__stock_line__init(&line[i]);
        line[i].sku_index = item->sku_index;
        line[i].has_quantity = item->has_quantity;
        line[i].quantity = item->quantity;
        line[i].has_price = item->has_price;
        line[i].price_cents = item->price;
        r->lines[i] = &line[i];
    }
    return r;
}

/* What was gathered for a store becomes a chunk on its way. */
static enum lc_err
seal(struct intake *in, struct feed *feed, struct feed_store *s)
{
    bool map_failed = false;

    if (s->n == 0)
        return LC_OK;
    struct feed_send *send = calloc(1, sizeof *send);
    if (send == NULL)
        return LC_ENOMEM;
    send->tag = ++in->number;
    send->store = s->store;
    send->lines = (uint32_t)s->n;
    send->request = request_of(feed, s, send->tag, sort_and_merge(feed, s->item, s->n));
    if (send->request != NULL)
        HASH_ADD(hh, feed->sends, tag, sizeof send->tag, send);
    if (send->request == NULL || map_failed) {
        free(send->request);
        free(send);
        return LC_ENOMEM;
    }
    s->chunks++;
    s->n = s->room = 0;
    free(s->item);
    s->item = NULL;
    return LC_OK;
}

enum lc_err
feed_gather(struct intake *in, struct feed *feed, uint32_t store, struct feed_item item)
{
    struct feed_store *s = store_of(feed, store);

    if (s == NULL)
        return LC_ENOMEM;
    if (item.block != feed->block) {
        enum lc_err err = feed_seal_all(in, feed);
        if (err != LC_OK)
            return err;
        feed->block = item.block;
    }
    if (s->n == s->room) {
        size_t room = s->room == 0 ? 16 : s->room * 2;
        struct feed_item *p = realloc(s->item, room * sizeof *p);
        if (p == NULL)
            return LC_ENOMEM;
        s->item = p;
        s->room = room;
    }
    item.seq = (uint32_t)s->n;
    s->item[s->n++] = item;
    return s->n == FEED_CHUNK ? seal(in, feed, s) : LC_OK;
}

enum lc_err
feed_seal_all(struct intake *in, struct feed *feed)
{
    for (struct feed_store *s = feed->stores; s != NULL; s = s->hh.next) {
        enum lc_err err = seal(in, feed, s);
        if (err != LC_OK)
            return err;
    }
    return LC_OK;
}

/* ---- sending ---- */

static void
send_one(struct intake *in, struct feed_send *s, const struct event *ev, struct outbox *out)
{
    Lifecircle__V1__Envelope env;

    envelope_init(&env, &in->mint, ev->now_ms, ev->now_ms + AGAIN_MS);
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_STOCK_REQUEST;
    env.stock_request = s->request;
    outbox_send(out, ROLE_INVENTORY, &env);
    s->sent = true;
    s->due_ms = ev->now_ms + AGAIN_MS;
    if (s->give_up_ms == 0)
        s->give_up_ms = ev->now_ms + PATIENCE_MS;
}

void
feed_send_due(struct intake *in, struct feed *feed, const struct event *ev, struct outbox *out)
{
    size_t n = 0;

    for (struct feed_send *s = feed->sends; s != NULL && n < FEED_SENDS_MAX; s = s->hh.next, n++) {
        if (s->give_up_ms != 0 && ev->now_ms >= s->give_up_ms)
            feed->failed = true;
        else if (!s->sent || ev->now_ms >= s->due_ms)
            send_one(in, s, ev, out);
    }
}

static void
drop_send(struct feed *feed, struct feed_send *s)
{
    HASH_DELETE(hh, feed->sends, s);
    free(s->request);
    free(s);
}

bool
feed_take_reply(struct feed *feed, const Lifecircle__V1__StockReply *reply, int64_t now_ms)
{
    struct feed_send *send;
    struct feed_store *store;

    HASH_FIND(hh, feed->sends, &reply->tag, sizeof reply->tag, send);
    if (send == NULL)
        return false;
    HASH_FIND(hh, feed->stores, &send->store, sizeof send->store, store);
    if (store == NULL)
        return false;
    switch (reply->outcome) {
    case LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__APPLIED:
        store->applied = true;
        store->changed += reply->changed;
        feed->applied += send->lines;
        break;
    case LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__REPEATED:
        store->repeated = true;
        feed->applied += send->lines;
        break;
    case LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__LATE:
        store->late = true;
        break;
    case LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__UNKNOWN_STORE:
        store->unknown = true;
        break;
    case LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__UNAVAILABLE:
    case LIFECIRCLE__V1__STOCK_REPLY__OUTCOME__OUTCOME_NONE:
    default:
        send->due_ms = now_ms + RETRY_MS;
        return true;
    }
    drop_send(feed, send);
    return true;
}

/* ---- the end ---- */

static const char *
outcome_of(const struct feed_store *s)
{
    return s->unknown ? "unknown_store" : s->late ? "late" : s->applied ? "applied" : "repeated";
}

static void
put_errors(const struct feed *feed, struct json_out *w)
{
    json_out_array(w, "errors");
    for (size_t i = 0; i < feed->error_n; i++) {
        json_out_object(w, NULL);
        json_out_uint(w, "line", feed->error[i].line);
        json_out_cstr(w, "field", feed->error[i].field);
        json_out_cstr(w, "error", feed->error[i].error);
        json_out_end(w);
    }
    json_out_end(w);
}

void
feed_answer(struct intake *in, struct feed *feed, struct outbox *out)
{
    if (feed->failed) {
        answer_error(in, out, feed->conn, 503, "unavailable",
                     "not all of it could be made durable; send the same feed again");
        return;
    }
    buf_reset(&in->text);
    struct json_out w = json_out_to(&in->text);
    json_out_object(&w, NULL);
    json_out_uint(&w, "lines", feed->lines);
    json_out_uint(&w, "applied", feed->applied);
    json_out_uint(&w, "refused", feed->refused);
    json_out_array(&w, "stores");
    for (const struct feed_store *s = feed->stores; s != NULL; s = s->hh.next) {
        const struct catalogue_store *store = catalogue_store(in->catalogue, s->store);
        json_out_object(&w, NULL);
        json_out_cstr(&w, "store_id", store == NULL ? "" : store->store_id);
        json_out_cstr(&w, "outcome", outcome_of(s));
        json_out_uint(&w, "changed", s->changed);
        json_out_end(&w);
    }
    json_out_end(&w);
    put_errors(feed, &w);
    json_out_end(&w);
    answer_json(in, out, feed->conn, 200, buf_slice(&in->text));
}

void
feed_free(struct feed *feed)
{
    struct feed_store *store, *next_store;
    struct feed_sku *sku, *next_sku;

    while (feed->sends != NULL)
        drop_send(feed, feed->sends);
    HASH_ITER(hh, feed->stores, store, next_store)
    {
        HASH_DELETE(hh, feed->stores, store);
        free(store->item);
        free(store);
    }
    HASH_ITER(hh, feed->skus, sku, next_sku)
    {
        HASH_DELETE(hh, feed->skus, sku);
        free(sku);
    }
    csv_destroy(feed->csv);
    buf_free(&feed->in.in);
    free(feed->error);
    free(feed->waiting);
    free(feed);
}
