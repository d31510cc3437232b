/* proof: what shows that something was handed over: a photo at the door, or a signature. The
 * courier's app posts it, also long after the tunnel; it is sealed with a key of its own, so that
 * erasing what is known of the customer erases it too, and only an operator's page is shown it. */
#include "notifier/ops.h"

#include "base/personal.h"

#include <sodium.h>
#include <stdlib.h>

enum { PICTURE_MAX = 150000, KINDS = 2, BEFORE = sizeof "/v1/courier/proof/" - 1 };

static const char *const kinds[KINDS] = {"photo", "signature"};

static bool
begins(struct slice s, const char *with, size_t n)
{
    return s.n >= n && memcmp(s.p, with, n) == 0;
}

/* media_of: by the first bytes; NULL for anything but JPEG and PNG. */
static const char *
media_of(struct slice picture)
{
    return begins(picture, "\xff\xd8\xff", 3)        ? "image/jpeg"
           : begins(picture, "\x89PNG\r\n\x1a\n", 8) ? "image/png"
                                                     : NULL;
}

/* read_path: /v1/courier/proof/ORDER/KIND. */
static bool
read_path(struct slice path, struct uuid *order, int *kind)
{
    struct slice rest = slice_of(path.p + BEFORE, path.n - BEFORE);

    for (int k = 0; k < KINDS; k++)
        if (rest.n == UUID_TEXT + strlen(kinds[k]) && rest.p[UUID_TEXT - 1] == '/' &&
            slice_eq_str(slice_of(rest.p + UUID_TEXT, rest.n - UUID_TEXT), kinds[k])) {
            *kind = k;
            return uuid_parse(slice_of(rest.p, UUID_TEXT - 1), order) == LC_OK;
        }
    return false;
}

static void
keep(struct notifier *n, const struct event *ev, struct outbox *out, uint32_t courier,
     struct uuid order, int kind)
{
    Lifecircle__V1__Personal p = LIFECIRCLE__V1__PERSONAL__INIT;
    struct ask a = {.kind = ASK_PROOF, .conn = ev->ref, .order = order};
    struct buf sealed = {0};
    char id[UUID_TEXT];

    uuid_format(order, id);
    p.picture.data = (uint8_t *)(uintptr_t)ev->bytes.p;
    p.picture.len = ev->bytes.n;
    enum lc_err err = personal_seal(&n->personal, &n->chance, order, &p, &sealed);
    struct slice argv[] = {SLICE_LIT("FCALL"),
                           SLICE_LIT("order_proof"),
                           SLICE_LIT("1"),
                           slice_str(arena_printf(ev->arena, "{%s}", n->city)),
                           redis_number(ev->arena, ev->now_ms),
                           slice_str(id),
                           redis_number(ev->arena, courier),
                           slice_str(kinds[kind]),
                           buf_slice(&sealed),
                           redis_number(ev->arena, n->proof_room)};
    if (err != LC_OK || !ask_redis(n, out, &a, argv, sizeof argv / sizeof *argv))
        unsaid(out, ev->ref, 503, "unavailable");
    buf_free(&sealed);
}

void
proof_post(struct notifier *n, const struct event *ev, struct outbox *out)
{
    uint32_t courier = phones_courier(n, bearer(ev));
    struct uuid order;
    int kind = 0;

    if (courier == 0) {
        count(n, COUNT_DENIED, 1);
        refuse(ev, out, 401, "bad_token", "expected a courier's token that has not been revoked");
    } else if (!read_path(ev->http->path, &order, &kind)) {
        refuse(ev, out, 404, "not_found", "expected /v1/courier/proof/ORDER/photo or /signature");
    } else if (ev->bytes.n > PICTURE_MAX) {
        refuse(ev, out, 413, "body_too_large", "expected at most 150000 bytes");
    } else if (media_of(ev->bytes) == NULL) {
        refuse(ev, out, 415, "unsupported_media_type", "expected a JPEG or PNG picture");
    } else {
        keep(n, ev, out, courier, order, kind);
    }
}

/* ---- for operators ---- */

void
proof_list(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
           struct uuid order)
{
    struct ask a = {.kind = ASK_PROOFS, .conn = conn, .order = order};
    struct arena *m = ev->arena;
    char id[UUID_TEXT];

    uuid_format(order, id);
    struct slice argv[] = {SLICE_LIT("HMGET"), redis_key(n, m, "keys"),
                           slice_str(arena_printf(m, "%s:photo", id)),
                           slice_str(arena_printf(m, "%s:signature", id))};
    (void)ask_redis(n, out, &a, argv, 4);
}

void
proof_show(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
           struct uuid order, int kind)
{
    struct ask a = {.kind = ASK_SHOW, .conn = conn, .order = order, .wanted = kind};
    struct arena *m = ev->arena;
    char id[UUID_TEXT];

    uuid_format(order, id);
    struct slice argv[] = {SLICE_LIT("FCALL_RO"), SLICE_LIT("proof_read"),
                           SLICE_LIT("1"),        slice_str(arena_printf(m, "{%s}", n->city)),
                           slice_str(id),         slice_str(kinds[kind])};
    (void)ask_redis(n, out, &a, argv, sizeof argv / sizeof *argv);
}

static void
tell_list(struct notifier *n, const struct ask *a, const struct event *ev, struct outbox *out)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);
    char id[UUID_TEXT];

    uuid_format(a->order, id);
    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "order");
    json_out_cstr(&w, "order_id", id);
    json_out_array(&w, "proofs");
    for (size_t i = 0; i < KINDS && i < ev->reply->n; i++)
        if (ev->reply->items[i].kind == REPLY_STRING)
            json_out_cstr(&w, NULL, kinds[i]);
    json_out_end(&w);
    json_out_end(&w);
    ops_tell(n, out, a->conn, &b);
}

static void
tell_picture(struct notifier *n, const struct ask *a, const struct event *ev, struct outbox *out)
{
    const Lifecircle__V1__Personal *p = NULL;
    struct buf b = {0};
    struct json_out w = json_out_to(&b);
    char id[UUID_TEXT];

    if (personal_open(&n->personal, a->order, ev->reply->str, ev->arena, &p) != LC_OK)
        return; /* erased meanwhile */
    struct slice picture = slice_of((const char *)p->picture.data, p->picture.len);
    const char *media = media_of(picture);
    size_t room = sodium_base64_ENCODED_LEN(picture.n, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(ev->arena, room);
    if (media == NULL || text == NULL)
        return;
    sodium_bin2base64(text, room, p->picture.data, picture.n, sodium_base64_VARIANT_ORIGINAL);
    uuid_format(a->order, id);
    json_out_object(&w, NULL);
    json_out_cstr(&w, "type", "proof");
    json_out_cstr(&w, "order_id", id);
    json_out_cstr(&w, "kind", kinds[a->wanted]);
    json_out_cstr(&w, "media", media);
    json_out_cstr(&w, "image", text);
    json_out_end(&w);
    ops_tell(n, out, a->conn, &b);
}

void
proof_answer(struct notifier *n, const struct ask *a, const struct event *ev, struct outbox *out)
{
    const struct reply *r = ev->reply;
    enum { DONE = 1, ALREADY, NOT_ALLOWED, UNKNOWN, NO_ROOM };

    if (a->conn == 0)
        return;
    if (a->kind == ASK_PROOFS && r->kind == REPLY_ARRAY) {
        tell_list(n, a, ev, out);
    } else if (a->kind == ASK_SHOW && r->kind == REPLY_STRING) {
        tell_picture(n, a, ev, out);
    } else if (a->kind == ASK_PROOF) {
        if (r->kind == REPLY_INT && (r->integer == DONE || r->integer == ALREADY))
            say_json(ev, out, a->conn, 200, SLICE_LIT("{\"kept\":true}"));
        else if (r->kind == REPLY_INT && r->integer == NOT_ALLOWED)
            unsaid(out, a->conn, 409, "not_allowed");
        else if (r->kind == REPLY_INT && r->integer == UNKNOWN)
            unsaid(out, a->conn, 404, "not_found");
        else if (r->kind == REPLY_INT && r->integer == NO_ROOM)
            unsaid(out, a->conn, 409, "no_room");
        else
            unsaid(out, a->conn, 503, "unavailable");
    }
}
