/* What shows that an order was handed over: the photo and the signature that its courier took, for
 * the chain whose order it is. They are sealed like what is known of the customer, and opened here
 * alone; erased, or archived with the order, they are gone. */
#include "core.h"

#include <stdlib.h>

enum { KINDS = 2 };

static const char *const kinds[KINDS] = {"photo", "signature"};
enum { PHOTO, SIGNATURE, ALL };

/* A request about one order's proofs: first its record is read, and whose it is. */
struct proof_query {
    uint64_t conn;
    uint32_t chain;
    struct uuid id;
    int kind; /* ALL: which there are */
};

static void
unknown(struct intake *in, struct outbox *out, uint64_t conn)
{
    answer_error(in, out, conn, 404, "not_found", "no such order, or nothing of this kind");
}

/* media_of: by the first bytes; the notifier takes nothing but these two. */
static const char *
media_of(const ProtobufCBinaryData *picture)
{
    return picture->len > 1 && picture->data[0] == 0xff ? "image/jpeg" : "image/png";
}

static void
picture_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
             struct outbox *out)
{
    const struct proof_query *q = c->data;
    const Lifecircle__V1__Personal *p = NULL;

    if (reply == NULL || reply->kind != REPLY_STRING) {
        answer_unavailable(in, out, q->conn);
        return;
    }
    enum lc_err err = personal_open(&in->personal, q->id, reply->str, ev->arena, &p);
    if (err == LC_ENOTFOUND || (err == LC_OK && p->picture.len == 0)) {
        unknown(in, out, q->conn);
    } else if (err != LC_OK) {
        answer_unavailable(in, out, q->conn);
    } else {
        count_up(in, COUNT_2XX);
        outbox_http(out, q->conn, 200, media_of(&p->picture),
                    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
                    slice_of((const char *)p->picture.data, p->picture.len));
    }
}

static void
list_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
          struct outbox *out)
{
    const struct proof_query *q = c->data;

    (void)ev;
    if (reply == NULL || reply->kind != REPLY_ARRAY || reply->n != KINDS) {
        answer_unavailable(in, out, q->conn);
        return;
    }
    buf_reset(&in->text);
    struct json_out w = json_out_to(&in->text);
    json_out_object(&w, NULL);
    json_out_array(&w, "proofs");
    for (size_t i = 0; i < KINDS; i++)
        if (reply->items[i].kind == REPLY_STRING)
            json_out_cstr(&w, NULL, kinds[i]);
    json_out_end(&w);
    json_out_end(&w);
    answer_json(in, out, q->conn, 200, buf_slice(&in->text));
}

/* read_on: the order is this chain's: now what was asked for. */
static bool
read_on(struct intake *in, const struct event *ev, const struct proof_query *looked,
        struct outbox *out)
{
    struct proof_query *q = malloc(sizeof *q);
    struct arena *a = ev->arena;
    char id[UUID_TEXT];

    if (q == NULL)
        return false;
    *q = *looked;
    uuid_format(q->id, id);
    if (q->kind == ALL) {
        struct slice argv[] = {SLICE_LIT("HMGET"), slice_str(arena_printf(a, "%s:keys", in->key)),
                               slice_str(arena_printf(a, "%s:%s", id, kinds[PHOTO])),
                               slice_str(arena_printf(a, "%s:%s", id, kinds[SIGNATURE]))};
        return call_start(in, ev, out, argv, sizeof argv / sizeof *argv, list_done, q) == LC_OK;
    }
    struct slice argv[] = {SLICE_LIT("FCALL_RO"), SLICE_LIT("proof_read"),
                           SLICE_LIT("1"),        slice_str(in->key),
                           slice_str(id),         slice_str(kinds[q->kind])};
    return call_start(in, ev, out, argv, sizeof argv / sizeof *argv, picture_done, q) == LC_OK;
}

static void
look_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
          struct outbox *out)
{
    const struct proof_query *q = c->data;
    struct record r;

    if (reply != NULL && reply->kind == REPLY_NIL)
        unknown(in, out, q->conn);
    else if (reply == NULL || reply->kind != REPLY_STRING || record_read(reply->str, &r) != LC_OK)
        answer_unavailable(in, out, q->conn);
    else if (r.chain != q->chain) /* other chains' orders do not exist for it */
        unknown(in, out, q->conn);
    else if (!read_on(in, ev, q, out))
        answer_unavailable(in, out, q->conn);
}

static void
ask(struct intake *in, const struct request *rq, int kind)
{
    struct proof_query *q = NULL;
    struct uuid id;
    char text[UUID_TEXT];

    if (uuid_parse(rq->param, &id) != LC_OK) {
        unknown(in, rq->out, rq->conn);
        return;
    }
    uuid_format(id, text);
    struct slice argv[] = {SLICE_LIT("GET"),
                           slice_str(arena_printf(rq->ev->arena, "%s:order:%s", in->key, text))};
    q = calloc(1, sizeof *q);
    if (q != NULL)
        *q = (struct proof_query){
            .conn = rq->conn, .chain = rq->chain->chain, .id = id, .kind = kind};
    if (q == NULL || call_start(in, rq->ev, rq->out, argv, 2, look_done, q) != LC_OK)
        answer_unavailable(in, rq->out, rq->conn);
}

void
get_proofs(struct intake *in, const struct request *rq)
{
    ask(in, rq, ALL);
}

void
get_photo(struct intake *in, const struct request *rq)
{
    ask(in, rq, PHOTO);
}

void
get_signature(struct intake *in, const struct request *rq)
{
    ask(in, rq, SIGNATURE);
}
