/* customer: what the person behind a tracking link may do besides look: cancel while the goods are
 * in the store, rate what came, and have the collection code as a picture. The link is the proof.
 */
#include "notifier/core.h"
#include "notifier/pages.h"

#include "base/json_in.h"

#include <qrencode.h>

enum { COMMENT_MAX = 800, QUIET = 4 /* modules around a QR code, ISO/IEC 18004 */ };

static bool
ends(struct slice s, const char *with)
{
    size_t n = strlen(with);

    return s.n > n && memcmp(s.p + s.n - n, with, n) == 0;
}

static void
cancel(struct notifier *n, const struct event *ev, struct outbox *out, struct uuid order)
{
    const struct ask a = {.kind = ASK_CANCEL, .conn = ev->ref, .order = order};

    if (!ask_step(n, ev, out, &a, "cancel", LIFECIRCLE__V1__REASON__CUSTOMER_CANCELLED, "customer",
                  slice_of("", 0)))
        unsaid(out, ev->ref, 503, "unavailable");
}

static void
rate(struct notifier *n, const struct event *ev, struct outbox *out, struct uuid order)
{
    static const char *const fields[] = {"stars", "comment"};
    const struct json_limits limits = {MESSAGE_MAX, 4};
    const struct ask a = {.kind = ASK_RATE, .conn = ev->ref, .order = order};
    struct slice comment = slice_of("", 0);
    struct json_in in;
    int64_t stars = 0;
    char id[UUID_TEXT];

    if (json_in_parse(&in, ev->arena, ev->bytes, &limits) == LC_OK) {
        struct json_at root = json_in_root(&in);
        json_in_int(&in, &root, "stars", JSON_REQUIRED, 1, 5, &stars);
        json_in_string(&in, &root, "comment", JSON_OPTIONAL, 0, COMMENT_MAX, &comment);
        json_in_only(&in, &root, fields, 2);
    }
    if (in.error_n > 0) {
        struct buf body = {0};
        const struct problem p = {
            .status = 422, .code = "invalid_request", .errors = in.error, .error_n = in.error_n};
        problem_write(&body, &p);
        outbox_http(out, ev->ref, 422, PROBLEM_MEDIA_TYPE, NULL, buf_slice(&body));
        buf_free(&body);
        return;
    }
    uuid_format(order, id);
    struct slice argv[] = {
        SLICE_LIT("FCALL"),
        SLICE_LIT("order_rate"),
        SLICE_LIT("1"),
        slice_str(arena_printf(ev->arena, "{%s}", n->city)),
        redis_number(ev->arena, ev->now_ms),
        slice_str(id),
        redis_number(ev->arena, stars),
        comment,
    };
    if (!ask_redis(n, out, &a, argv, sizeof argv / sizeof *argv))
        unsaid(out, ev->ref, 503, "unavailable");
}

void
customer_post(struct notifier *n, const struct event *ev, struct outbox *out)
{
    struct slice path = slice_of(ev->http->path.p + 3, ev->http->path.n - 3);
    struct slice type = header_value(ev->http, "Content-Type");
    bool is_cancel = ends(path, "/cancel");
    bool is_rating = ends(path, "/rating");
    struct uuid order;

    path.n -= is_cancel || is_rating ? 7 : 0; /* both words are equally long */
    if ((!is_cancel && !is_rating) || tracking_verify(&n->secret, path, &order) != LC_OK)
        refuse(ev, out, 404, "not_found", "no such order");
    else if (type.n < 16 || memcmp(type.p, "application/json", 16) != 0)
        refuse(ev, out, 415, "unsupported_media_type", "expected application/json");
    else if (ev->bytes.n > MESSAGE_MAX)
        refuse(ev, out, 413, "body_too_large", "expected at most 16 KiB");
    else if (is_cancel)
        cancel(n, ev, out, order);
    else
        rate(n, ev, out, order);
}

void
customer_answer(struct notifier *n, const struct ask *a, const struct event *ev, struct outbox *out)
{
    (void)n;
    if (a->kind == ASK_RATE) {
        if (ev->reply->kind != REPLY_INT)
            unsaid(out, a->conn, 503, "unavailable");
        else if (ev->reply->integer == 1)
            say_json(ev, out, a->conn, 200, SLICE_LIT("{\"rated\":true}"));
        else if (ev->reply->integer == 2)
            unsaid(out, a->conn, 409, "not_yet");
        else
            unsaid(out, a->conn, 410, "archived"); /* the link is good: there was an order */
        return;
    }
    switch (step_outcome(ev->reply)) {
    case STEP_DONE:
    case STEP_ALREADY:
        say_json(ev, out, a->conn, 200, SLICE_LIT("{\"status\":\"cancelled\"}"));
        break;
    case STEP_NOT_ALLOWED:
        unsaid(out, a->conn, 409, "too_late");
        break;
    case STEP_UNKNOWN:
        unsaid(out, a->conn, 410, "archived");
        break;
    case STEP_LOST:
        unsaid(out, a->conn, 503, "unavailable");
        break;
    }
}

/* draw: one path with a small square for each dark module. */
static void
draw(struct buf *b, const QRcode *qr)
{
    int side = qr->width + 2 * QUIET;

    buf_printf(b,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
               "shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/>"
               "<path d=\"",
               side, side, side, side);
    for (int y = 0; y < qr->width; y++)
        for (int x = 0; x < qr->width; x++)
            if (qr->data[y * qr->width + x] & 1)
                buf_printf(b, "M%d %dh1v1h-1z", x + QUIET, y + QUIET);
    buf_str(b, "\"/></svg>");
}

void
customer_code(struct notifier *n, const struct event *ev, struct outbox *out, struct uuid order)
{
    struct buf b = {0};
    char code[COLLECTION_TEXT];

    collection_code(&n->secret, order, code);
    QRcode *qr = QRcode_encodeString(code, 0, QR_ECLEVEL_M, QR_MODE_8, 0);
    if (qr != NULL)
        draw(&b, qr);
    if (qr == NULL || b.failed)
        unsaid(out, ev->ref, 503, "unavailable");
    else
        outbox_http(out, ev->ref, 200, "image/svg+xml", PAGES_POLICY "Cache-Control: no-store\r\n",
                    buf_slice(&b));
    if (qr != NULL)
        QRcode_free(qr);
    buf_free(&b);
}
