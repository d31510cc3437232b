/* The lines of a feed, one by one, to where they are gathered. */
#include "feed.h"

#include <stdio.h>

static void
refuse(struct intake *in, struct feed *feed, const char *field, const char *error)
{
    feed->refused++;
    count_up(in, COUNT_FEED_REFUSED);
    if (feed->error_n == FEED_ERRORS_MAX)
        return;
    struct feed_error *e = &feed->error[feed->error_n++];
    e->line = feed->line;
    snprintf(e->field, sizeof e->field, "%s", field);
    snprintf(e->error, sizeof e->error, "%s", error);
}

/* All faults of a line, of which the first is told. */
static bool
refuse_faults(struct intake *in, struct feed *feed, const struct field_error *list, size_t n)
{
    if (n == 0)
        return false;
    refuse(in, feed, list[0].field, list[0].error);
    return true;
}

static enum lc_err
wait_for_sku(struct intake *in, struct feed *feed, const struct feed_row *row, uint32_t index,
             uint32_t store, const struct feed_item *item)
{
    enum lc_err err = LC_OK;

    if (feed_wants_sku(in, feed, row, index))
        err = feed_note_sku(in, feed, row, index);
    if (err != LC_OK)
        return err;
    struct feed_waiting *w = &feed->waiting[feed->waiting_n++];
    w->store = store;
    w->item = *item;
    memcpy(w->sku, row->sku.p, row->sku.n);
    w->sku[row->sku.n] = '\0';
    return LC_OK;
}

static void
take_row(struct intake *in, struct feed *feed, const struct feed_row *row)
{
    const struct catalogue_store *store =
        catalogue_store_by_id(in->catalogue, feed->chain, row->store_id);
    enum lc_err err;

    if (store == NULL) {
        refuse(in, feed, "store_id", "the chain has no such store");
        return;
    }
    uint32_t index = catalogue_sku_index(in->catalogue, feed->chain, row->sku);
    const struct feed_item item = {.sku_index = index,
                                   .block = (uint32_t)((feed->lines - 1) / FEED_BLOCK),
                                   .quantity = (int32_t)row->quantity,
                                   .price = (uint32_t)row->price,
                                   .has_quantity = row->has_quantity,
                                   .has_price = row->has_price};
    /* behind a line that waits all wait, so that chunks do not depend on how fast Redis is */
    if (feed->waiting_n > 0 || feed_wants_sku(in, feed, row, index))
        err = wait_for_sku(in, feed, row, index, store->store, &item);
    else
        err = feed_gather(in, feed, store->store, item);
    feed->failed |= err != LC_OK;
}

void
feed_take_waiting(struct intake *in, struct feed *feed)
{
    for (size_t i = 0; i < feed->waiting_n; i++) {
        struct feed_waiting *w = &feed->waiting[i];
        w->item.sku_index = catalogue_sku_index(in->catalogue, feed->chain, slice_str(w->sku));
        if (w->item.sku_index == CATALOGUE_NO_SKU ||
            feed_gather(in, feed, w->store, w->item) != LC_OK)
            feed->failed = true;
    }
    feed->waiting_n = 0;
}

/* ---- NDJSON ---- */

static void
end_with(struct intake *in, struct feed *feed, struct outbox *out, const struct faults *f)
{
    answer_faults(in, out, feed->conn, "invalid_feed", f->list, f->n);
    feed_drop(in, feed);
}

/* False: the feed was answered and is gone. */
static bool
take_json(struct intake *in, struct feed *feed, const struct event *ev, struct slice line,
          struct outbox *out)
{
    struct arena_mark mark = arena_mark(ev->arena);
    struct json_in json;
    struct feed_row row;
    struct faults f;

    if (line.n == 0)
        return true;
    enum lc_err err = json_in_parse(&json, ev->arena, line, &json_limits_default);
    struct json_at root = {0};
    if (err == LC_OK)
        root = json_in_root(&json);
    bool first = !feed->begun;
    feed->begun = true;
    if (err == LC_OK && first && feed_options_line(&json, &root, ev->now_ms, feed)) {
        f.arena = ev->arena;
        f.n = json.error_n;
        f.more = 0;
        memcpy(f.list, json.error, json.error_n * sizeof *f.list);
        feed_options_check(feed, &f);
        if (f.n > 0)
            end_with(in, feed, out, &f);
        return f.n == 0;
    }
    if (first) {
        f.arena = ev->arena;
        f.n = f.more = 0;
        feed_options_check(feed, &f);
        if (f.n > 0) {
            end_with(in, feed, out, &f);
            return false;
        }
    }
    feed->lines++;
    count_up(in, COUNT_FEED_LINES);
    if (err == LC_OK)
        feed_read_json(&json, &root, feed, &row);
    if (!refuse_faults(in, feed, json.error, json.error_n) && err == LC_OK)
        take_row(in, feed, &row);
    arena_rewind(ev->arena, mark);
    return true;
}

/* May another line be taken now? */
static bool
has_room(const struct feed *feed)
{
    return !feed->failed && !feed->asking && feed->waiting_n < FEED_CHUNK &&
           HASH_COUNT(feed->sends) <= FEED_SENDS_MAX;
}

bool
feed_run_json(struct intake *in, struct feed *feed, const struct event *ev, struct outbox *out)
{
    enum lines_got got = LINES_LINE;
    struct slice line;

    while (has_room(feed)) {
        got = lines_next(&feed->in, &line);
        if (got == LINES_NONE)
            break;
        feed->line++;
        if (got == LINES_TOO_LONG) {
            feed->lines++;
            refuse(in, feed, "", "expected lines of at most 256 KiB");
        } else if (!take_json(in, feed, ev, line, out)) {
            return false;
        }
    }
    return true;
}

/* ---- CSV ---- */

static bool
take_csv(struct intake *in, struct feed *feed, const struct event *ev, const struct csv_row *row,
         struct outbox *out)
{
    struct arena_mark mark = arena_mark(ev->arena);
    struct feed_row r;
    struct faults f;

    f.arena = ev->arena;
    f.n = f.more = 0;
    feed->line = row->line;
    if (!feed->begun) {
        feed->begun = true;
        feed_read_header(row, feed, &f);
        feed_options_check(feed, &f);
        if (f.n > 0)
            end_with(in, feed, out, &f);
        return f.n == 0;
    }
    feed->lines++;
    count_up(in, COUNT_FEED_LINES);
    feed_read_csv(row, feed, &f, &r);
    if (!refuse_faults(in, feed, f.list, f.n))
        take_row(in, feed, &r);
    arena_rewind(ev->arena, mark);
    return true;
}

/* A header row that cannot be read ends the feed; any other bad row is refused alone. */
static bool
bad_row(struct intake *in, struct feed *feed, const struct event *ev, enum lc_err err,
        const struct csv_error *error, struct outbox *out)
{
    const char *what = err == LC_ETOOBIG ? "expected rows of at most 64 KiB" : error->what;

    feed->line = error->line;
    if (!feed->begun) {
        struct faults f;
        f.arena = ev->arena;
        f.n = f.more = 0;
        fault(&f, "header", "%s", what);
        end_with(in, feed, out, &f);
        return false;
    }
    feed->lines++;
    refuse(in, feed, "", what);
    return true;
}

bool
feed_run_csv(struct intake *in, struct feed *feed, const struct event *ev, struct outbox *out)
{
    struct slice rest = slice_of(feed->in.in.p + feed->in.at, lines_waiting(&feed->in));
    struct csv_row row;
    struct csv_error error;
    bool there = true;

    while (there && has_room(feed)) {
        enum lc_err err = csv_next(feed->csv, &rest, feed->in.ended, &row, &error);
        feed->in.at = feed->in.in.n - rest.n;
        if (err == LC_EAGAIN)
            break;
        if (err == LC_ENOMEM)
            feed->failed = true;
        else if (err == LC_OK)
            there = take_csv(in, feed, ev, &row, out);
        else
            there = bad_row(in, feed, ev, err, &error, out);
    }
    return there;
}
