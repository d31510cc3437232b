/* PUT /v1/stores. */
#include "core.h"

#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    STORES_A_CALL = 500, /* what store_put takes */
    JOB_ARENA = 64 * 1024 * 1024,
};

/* One PUT: all its stores, in one arena, until the last of its calls is answered. */
struct store_item {
    Lifecircle__V1__Store store;
    struct store_note note;
    struct slice packed; /* without a number */
    bool known, unchanged;
};

struct store_job {
    struct arena *arena;
    size_t refs;
    uint64_t conn;
    uint32_t chain;
    bool busy_only; /* answers with the one store's mode */
    struct store_item *item;
    size_t n;
    size_t left; /* not written yet */
    bool failed;
};

struct store_chunk {
    struct store_job *job;
    size_t from, n;
};

static void
job_drop(struct store_job *job)
{
    if (--job->refs > 0)
        return;
    arena_destroy(job->arena);
    free(job);
}

static void
chunk_release(void *data)
{
    struct store_chunk *c = data;

    job_drop(c->job);
    free(c);
}

static struct store_chunk *
chunk_new(struct store_job *job, size_t from, size_t n)
{
    struct store_chunk *c = malloc(sizeof *c);

    if (c != NULL) {
        *c = (struct store_chunk){job, from, n};
        job->refs++;
    }
    return c;
}

static struct store_job *
job_new(uint64_t conn, uint32_t chain, size_t n)
{
    struct store_job *job = calloc(1, sizeof *job);

    if (job == NULL)
        return NULL;
    job->refs = 1;
    job->conn = conn;
    job->chain = chain;
    job->n = job->left = n;
    job->arena = arena_new(JOB_ARENA);
    job->item = job->arena == NULL ? NULL : arena_array(job->arena, n, sizeof *job->item);
    if (job->item == NULL) {
        job_drop(job);
        return NULL;
    }
    return job;
}

/* ---- writing ---- */

static void
answer_job(struct intake *in, struct store_job *job, struct outbox *out)
{
    buf_reset(&in->text);
    struct json_out w = json_out_to(&in->text);

    json_out_object(&w, NULL);
    if (job->busy_only) {
        json_out_cstr(&w, "store_id", job->item[0].store.store_id);
        json_out_cstr(&w, "busy", busy_name(job->item[0].store.busy));
        json_out_uint(&w, "busy_delay_seconds", job->item[0].store.busy_delay_s);
    } else {
        json_out_array(&w, "stores");
        for (size_t i = 0; i < job->n; i++) {
            const struct store_item *s = &job->item[i];
            json_out_object(&w, NULL);
            json_out_cstr(&w, "store_id", s->store.store_id);
            json_out_cstr(&w, "status",
                          !s->known      ? "created"
                          : s->unchanged ? "unchanged"
                                         : "updated");
            if (s->note.text[0] != '\0')
                json_out_cstr(&w, "note", s->note.text);
            if (s->note.outside)
                count_up(in, COUNT_STORES_OUTSIDE);
            json_out_end(&w);
        }
        json_out_end(&w);
    }
    json_out_end(&w);
    answer_json(in, out, job->conn, 200, buf_slice(&in->text));
}

static void
put_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
         struct outbox *out)
{
    const struct store_chunk *chunk = c->data;
    struct store_job *job = chunk->job;
    bool whole = reply != NULL && reply->kind == REPLY_ARRAY && reply->n == chunk->n;

    (void)ev;
    job->left -= chunk->n;
    for (size_t i = 0; whole && i < chunk->n; i++) {
        struct store_item *s = &job->item[chunk->from + i];
        s->store.store = (uint32_t)reply->items[i].integer;
        /* at once, so that an order that names it may follow; without memory the stream brings it
         */
        if (catalogue_put_store(in->catalogue, &s->store) == LC_EINVAL)
            outbox_note(out, "store_number_differs", "store=%u", s->store.store);
    }
    job->failed |= !whole;
    if (job->left > 0)
        return;
    if (job->failed)
        answer_unavailable(in, out, job->conn);
    else
        answer_job(in, job, out);
}

static bool
put_chunk(struct intake *in, const struct event *ev, struct store_job *job, size_t from, size_t n,
          struct outbox *out)
{
    enum { FIXED = 6, EACH = 6 };
    struct arena *a = ev->arena;
    struct slice *argv = arena_array(a, FIXED + EACH * n, sizeof *argv);
    struct store_chunk *chunk = chunk_new(job, from, n);

    if (argv == NULL || chunk == NULL) {
        if (chunk != NULL)
            chunk_release(chunk);
        return false;
    }
    argv[0] = SLICE_LIT("FCALL");
    argv[1] = SLICE_LIT("store_put");
    argv[2] = SLICE_LIT("1");
    argv[3] = slice_str(in->key);
    argv[4] = slice_str(arena_int(a, ev->now_ms));
    argv[5] = slice_str(arena_printf(a, "%zu", n));
    for (size_t i = 0; i < n; i++) {
        const struct store_item *s = &job->item[from + i];
        struct slice *to = argv + FIXED + EACH * i;
        to[0] = slice_str(arena_printf(a, "%u", job->chain));
        to[1] = slice_str(s->store.store_id);
        to[2] = s->packed;
        to[3] = slice_str(arena_printf(a, "%.7f", s->store.at->lat_e7 / 1e7));
        to[4] = slice_str(arena_printf(a, "%.7f", s->store.at->lng_e7 / 1e7));
        to[5] =
            s->store.busy == LIFECIRCLE__V1__BUSY_MODE__PAUSED ? SLICE_LIT("0") : SLICE_LIT("1");
    }
    return call_owning(in, ev, out, argv, FIXED + EACH * n, put_done, chunk, chunk_release) ==
           LC_OK;
}

static void
put_all(struct intake *in, const struct event *ev, struct store_job *job, struct outbox *out)
{
    for (size_t from = 0; from < job->n; from += STORES_A_CALL) {
        size_t n = job->n - from < STORES_A_CALL ? job->n - from : STORES_A_CALL;
        if (put_chunk(in, ev, job, from, n, out))
            continue;
        job->failed = true;
        job->left -= n;
        if (job->left == 0)
            answer_unavailable(in, out, job->conn);
    }
}

/* The bytes to be kept: without the number, which store_put sets in front. */
static bool
pack_item(struct store_job *job, struct store_item *s)
{
    s->store.store = 0;
    s->store.chain = job->chain;
    s->store.base.n_unknown_fields = 0;
    size_t n = lifecircle__v1__store__get_packed_size(&s->store);
    char *p = arena_alloc(job->arena, n + 1);
    if (p == NULL)
        return false;
    lifecircle__v1__store__pack(&s->store, (uint8_t *)p);
    s->packed = slice_of(p, n);
    return true;
}

/* ---- PUT /v1/stores ---- */

/* The stored bytes are the caller's with the number in front. */
static void
compare_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
             struct outbox *out)
{
    struct store_job *job = ((struct store_chunk *)c->data)->job;

    if (reply == NULL || reply->kind != REPLY_ARRAY) {
        answer_unavailable(in, out, job->conn);
        return;
    }
    size_t at = 0;
    for (size_t i = 0; i < job->n; i++) {
        struct store_item *s = &job->item[i];
        if (!s->known || at >= reply->n)
            continue;
        struct slice old = reply->items[at++].str;
        s->unchanged = old.n >= s->packed.n &&
                       slice_eq(slice_of(old.p + old.n - s->packed.n, s->packed.n), s->packed);
    }
    put_all(in, ev, job, out);
}

static bool
compare(struct intake *in, const struct event *ev, struct store_job *job, struct outbox *out)
{
    struct slice *argv = arena_array(ev->arena, job->n + 2, sizeof *argv);
    struct store_chunk *chunk = argv == NULL ? NULL : chunk_new(job, 0, job->n);
    size_t argc = 2;

    if (chunk == NULL)
        return false;
    argv[0] = SLICE_LIT("HMGET");
    argv[1] = slice_str(arena_printf(ev->arena, "%s:stores", in->key));
    for (size_t i = 0; i < job->n; i++) {
        struct store_item *s = &job->item[i];
        const struct catalogue_store *old =
            catalogue_store_by_id(in->catalogue, job->chain, slice_str(s->store.store_id));
        s->known = old != NULL;
        if (s->known)
            argv[argc++] = slice_str(arena_printf(ev->arena, "%u", old->store));
    }
    if (argc == 2) {
        put_all(in, ev, job, out);
        chunk_release(chunk);
        return true;
    }
    return call_owning(in, ev, out, argv, argc, compare_done, chunk, chunk_release) == LC_OK;
}

static void
check_twice(struct json_in *json, const struct json_at *list, const struct store_job *job)
{
    struct names {
        const char *id;
        UT_hash_handle hh;
    } *all = NULL, *name, *found;
    bool map_failed = false;

    name = arena_array(json->arena, job->n, sizeof *name);
    for (size_t i = 0; name != NULL && i < job->n; i++) {
        const char *id = job->item[i].store.store_id;
        HASH_FIND_STR(all, id, found);
        if (found != NULL && id[0] != '\0') {
            struct json_at at = json_in_item_any(list, i);
            json_in_fail(json, &at, "properties.store_id", "is in this request twice");
            continue;
        }
        name[i].id = id;
        HASH_ADD_KEYPTR(hh, all, id, strlen(id), &name[i]);
        if (map_failed)
            break;
    }
    HASH_CLEAR(hh, all);
}

/* A Feature, or a FeatureCollection of up to STORES_A_REQUEST. NULL: wrong, and noted; or no
 * memory. */
static struct store_job *
read_stores(struct intake *in, const struct request *rq, struct json_in *json)
{
    static const char *const fields[] = {"type", "features", "bbox"};
    static const struct json_enum types[] = {{"Feature", 1}, {"FeatureCollection", 2}};
    struct json_at root = json_in_root(json), list = {0};
    int type = 0;
    size_t n = 1;

    (void)in;
    if (!json_in_enum(json, &root, "type", JSON_REQUIRED, types, 2, &type))
        return NULL;
    if (type == 2) {
        json_in_only(json, &root, fields, 3);
        if (!json_in_array(json, &root, "features", JSON_REQUIRED, 1, STORES_A_REQUEST, &list, &n))
            return NULL;
    }
    struct store_job *job = job_new(rq->conn, rq->chain->chain, n);
    struct zone_set *zones = NULL;
    if (job != NULL) {
        json->arena = job->arena; /* what is read lives as long as the job */
        for (size_t i = 0; i < n; i++) {
            struct json_at at = type == 2 ? json_in_item(json, &list, i) : root;
            store_read(json, &at, &zones, &job->item[i].store, &job->item[i].note);
        }
        if (type == 2)
            check_twice(json, &list, job);
    }
    zone_set_destroy(zones);
    return job;
}

void
put_stores(struct intake *in, const struct request *rq)
{
    struct json_in json;
    struct store_job *job = NULL;
    bool ok = true;

    enum lc_err err = json_in_parse(&json, rq->ev->arena, rq->ev->bytes, &json_limits_default);
    if (err == LC_OK)
        job = read_stores(in, rq, &json);
    if (err != LC_OK || json.error_n > 0) {
        answer_json_errors(in, rq->out, rq->conn, err, &json, "invalid_stores");
    } else {
        for (size_t i = 0; job != NULL && i < job->n; i++)
            ok = ok && pack_item(job, &job->item[i]);
        if (job == NULL || !ok || arena_lacked(job->arena) || !compare(in, rq->ev, job, rq->out))
            answer_unavailable(in, rq->out, rq->conn);
    }
    if (job != NULL)
        job_drop(job);
}

/* ---- POST /v1/stores/{id}/busy ---- */

void
store_change_busy(struct intake *in, const struct event *ev, const struct store_query *q,
                  struct slice packed, struct outbox *out)
{
    struct store_job *job = job_new(q->conn, q->chain, 1);
    const Lifecircle__V1__Store *s =
        job == NULL ? NULL : wire_unpack(&lifecircle__v1__store__descriptor, job->arena, packed);

    if (s == NULL || s->at == NULL) {
        answer_unavailable(in, out, q->conn);
    } else {
        struct store_item *item = &job->item[0];
        item->store = *s;
        item->store.busy = q->busy;
        if (q->delay_s >= 0)
            item->store.busy_delay_s = (uint32_t)q->delay_s;
        item->note = (struct store_note){.text = ""};
        job->busy_only = true;
        if (pack_item(job, item))
            put_all(in, ev, job, out);
        else
            answer_unavailable(in, out, q->conn);
    }
    if (job != NULL)
        job_drop(job);
}
