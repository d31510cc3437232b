/* A feed brings SKUs that the chain has not had, or tells more about known ones: they are put
 * before their stock is. */
#include "feed.h"

#include <stdio.h>
#include <stdlib.h>

bool
feed_wants_sku(struct intake *in, const struct feed *feed, const struct feed_row *row,
               uint32_t index)
{
    struct catalogue_sku known;

    if (index == CATALOGUE_NO_SKU || !catalogue_sku(in->catalogue, feed->chain, index, &known))
        return true;
    return (row->has_weight && (uint32_t)row->weight_g != known.weight_g) ||
           (row->has_volume && (uint32_t)row->volume_ml != known.volume_ml) ||
           (row->has_age && row->age_restricted != known.age_restricted) ||
           (row->has_name && !slice_eq_str(row->name, known.name));
}

static void
copy_text(char *to, size_t room, struct slice from)
{
    size_t n = from.n < room ? from.n : room - 1;

    if (n > 0)
        memcpy(to, from.p, n);
    to[n] = '\0';
}

static struct feed_sku *
sku_of(struct intake *in, struct feed *feed, const struct feed_row *row, uint32_t index)
{
    struct catalogue_sku known;
    struct feed_sku *s;
    bool map_failed = false;

    HASH_FIND(hh, feed->skus, row->sku.p, row->sku.n, s);
    if (s != NULL)
        return s;
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    copy_text(s->code, sizeof s->code, row->sku);
    if (index != CATALOGUE_NO_SKU && catalogue_sku(in->catalogue, feed->chain, index, &known)) {
        copy_text(s->name, sizeof s->name, slice_str(known.name));
        s->weight_g = known.weight_g;
        s->volume_ml = known.volume_ml;
        s->age_restricted = known.age_restricted;
    }
    HASH_ADD(hh, feed->skus, code, row->sku.n, s);
    if (map_failed) {
        free(s);
        return NULL;
    }
    return s;
}

enum lc_err
feed_note_sku(struct intake *in, struct feed *feed, const struct feed_row *row, uint32_t index)
{
    struct feed_sku *s = sku_of(in, feed, row, index);

    if (s == NULL)
        return LC_ENOMEM;
    if (row->has_name)
        copy_text(s->name, sizeof s->name, row->name);
    if (row->has_weight)
        s->weight_g = (uint32_t)row->weight_g;
    if (row->has_volume)
        s->volume_ml = (uint32_t)row->volume_ml;
    if (row->has_age)
        s->age_restricted = row->age_restricted;
    return LC_OK;
}

/* ---- sku_put ---- */

struct sku_job {
    uint64_t conn;
};

static void
as_message(struct feed_sku *s, Lifecircle__V1__Sku *out)
{
    lifecircle__v1__sku__init(out);
    out->sku = s->code;
    out->name = s->name;
    out->weight_g = s->weight_g;
    out->volume_ml = s->volume_ml;
    out->age_restricted = s->age_restricted;
}

/* What the first line of the waiting ones wanted is known now; the feed goes on with them at the
 * end of the turn. */
static void
put_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
         struct outbox *out)
{
    const struct sku_job *job = c->data;
    struct feed *feed;
    struct feed_sku *s, *next;
    size_t i = 0;

    (void)ev;
    (void)out;
    HASH_FIND(hh, in->feeds, &job->conn, sizeof job->conn, feed);
    if (feed == NULL)
        return;
    feed->asking = false;
    if (reply == NULL || reply->kind != REPLY_ARRAY || reply->n != HASH_COUNT(feed->skus)) {
        feed->failed = true;
        return;
    }
    HASH_ITER(hh, feed->skus, s, next)
    {
        Lifecircle__V1__Sku m;
        as_message(s, &m);
        m.sku_index = (uint32_t)reply->items[i++].integer;
        if (catalogue_put_sku(in->catalogue, feed->chain, &m) != LC_OK)
            feed->failed = true;
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in there */
        HASH_DELETE(hh, feed->skus, s);
        free(s);
    }
}

enum lc_err
feed_put_skus(struct intake *in, struct feed *feed, const struct event *ev, struct outbox *out)
{
    enum { FIXED = 7 };
    struct arena *a = ev->arena;
    size_t n = HASH_COUNT(feed->skus), argc = FIXED;
    struct slice *argv = arena_array(a, FIXED + 2 * n, sizeof *argv);
    struct sku_job *job = malloc(sizeof *job);

    if (argv == NULL || job == NULL) {
        free(job);
        return LC_ENOMEM;
    }
    job->conn = feed->conn;
    argv[0] = SLICE_LIT("FCALL");
    argv[1] = SLICE_LIT("sku_put");
    argv[2] = SLICE_LIT("1");
    argv[3] = slice_str(in->key);
    argv[4] = slice_str(arena_int(a, ev->now_ms));
    argv[5] = slice_str(arena_printf(a, "%u", feed->chain));
    argv[6] = slice_str(arena_printf(a, "%zu", n));
    for (struct feed_sku *s = feed->skus; s != NULL; s = s->hh.next) {
        Lifecircle__V1__Sku m;
        as_message(s, &m);
        size_t size = lifecircle__v1__sku__get_packed_size(&m);
        uint8_t *packed = arena_alloc(a, size + 1);
        if (packed == NULL) {
            free(job);
            return LC_ENOMEM;
        }
        lifecircle__v1__sku__pack(&m, packed);
        argv[argc++] = slice_str(s->code);
        argv[argc++] = slice_of((const char *)packed, size);
    }
    enum lc_err err = call_start(in, ev, out, argv, argc, put_done, job);
    feed->asking = err == LC_OK;
    return err;
}
