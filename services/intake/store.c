/* One store: GET /v1/stores/{id}, POST /v1/stores/{id}/busy. */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>

static void
store_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
           struct outbox *out)
{
    const struct store_query *q = c->data;
    const Lifecircle__V1__Store *s = NULL;

    if (reply != NULL && reply->kind == REPLY_STRING)
        s = wire_unpack(&lifecircle__v1__store__descriptor, ev->arena, reply->str);
    if (s == NULL) {
        answer_unavailable(in, out, q->conn);
        return;
    }
    if (q->change) {
        store_change_busy(in, ev, q, reply->str, out);
        return;
    }
    buf_reset(&in->text);
    struct json_out w = json_out_to(&in->text);
    store_render(&w, s);
    answer_json(in, out, q->conn, 200, buf_slice(&in->text));
}

static void
look(struct intake *in, const struct request *rq, const struct store_query *query)
{
    char key[64], number[16];
    const struct catalogue_store *s =
        catalogue_store_by_id(in->catalogue, rq->chain->chain, rq->param);

    if (s == NULL) {
        answer_error(in, rq->out, rq->conn, 404, "not_found", "no such store");
        return;
    }
    struct store_query *q = malloc(sizeof *q);
    if (q == NULL) {
        answer_unavailable(in, rq->out, rq->conn);
        return;
    }
    *q = *query;
    q->conn = rq->conn;
    q->chain = rq->chain->chain;
    snprintf(key, sizeof key, "%s:stores", in->key);
    snprintf(number, sizeof number, "%u", s->store);
    struct slice argv[] = {SLICE_LIT("HGET"), slice_str(key), slice_str(number)};
    if (call_start(in, rq->ev, rq->out, argv, 3, store_done, q) != LC_OK)
        answer_unavailable(in, rq->out, rq->conn);
}

void
get_store(struct intake *in, const struct request *rq)
{
    look(in, rq, &(struct store_query){.change = false});
}

void
post_busy(struct intake *in, const struct request *rq)
{
    static const char *const fields[] = {"busy", "busy_delay_seconds"};
    Lifecircle__V1__Store s = LIFECIRCLE__V1__STORE__INIT;
    struct json_in json;
    bool delay = false;

    enum lc_err err = json_in_parse(&json, rq->ev->arena, rq->ev->bytes, &json_limits_default);
    if (err == LC_OK) {
        struct json_at root = json_in_root(&json);
        store_read_busy(&json, &root, JSON_REQUIRED, &s);
        delay = json_in_has(&root, "busy_delay_seconds");
        json_in_only(&json, &root, fields, 2);
    }
    if (err != LC_OK || json.error_n > 0) {
        answer_json_errors(in, rq->out, rq->conn, err, &json, "invalid_request");
        return;
    }
    look(in, rq,
         &(struct store_query){
             .change = true, .busy = s.busy, .delay_s = delay ? (int64_t)s.busy_delay_s : -1});
}
