#include "io/http_conn.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct refusal_text refusals[HTTP_REFUSED_COUNT] = {
    [HTTP_REFUSED_NONE] = {0, "none", ""},
    [HTTP_REFUSED_SYNTAX] = {400, "bad_request", "the bytes are not an HTTP/1.1 request"},
    [HTTP_REFUSED_LENGTH] = {400, "bad_length",
                             "exactly one of Content-Length (digits) and Transfer-Encoding, once"},
    [HTTP_REFUSED_HOST] = {400, "bad_host", "exactly one Host header is required"},
    [HTTP_REFUSED_TWICE] = {400, "repeated_header",
                            "Authorization, X-Api-Key, Content-Type and Idempotency-Key may come "
                            "once"},
    [HTTP_REFUSED_TRUNCATED] = {400, "truncated", "the connection ended inside the request"},
    [HTTP_REFUSED_HANDSHAKE] = {400, "bad_handshake",
                                "expected a WebSocket version 13 handshake (RFC 6455, 4.1)"},
    [HTTP_REFUSED_SLOW] = {408, "request_timeout", "the request took too long to arrive"},
    [HTTP_REFUSED_BODY] = {413, "body_too_large", "the body is longer than this server takes"},
    [HTTP_REFUSED_TARGET] = {414, "target_too_long", "the path and query are too long"},
    [HTTP_REFUSED_CODING] = {415, "coding_unknown",
                             "a Content-Encoding is not taken: send the body as it is"},
    [HTTP_REFUSED_EXPECT] = {417, "expectation_failed", "Expect may only be 100-continue"},
    [HTTP_REFUSED_ADDRESS_OPEN] = {429, "too_many_connections_of_address",
                                   "this address has too much open: wait and repeat"},
    [HTTP_REFUSED_ADDRESS_RATE] = {429, "too_many_requests_of_address",
                                   "this address asks too often: wait and repeat"},
    [HTTP_REFUSED_HEADERS] = {431, "headers_too_large", "too many headers, or too long"},
    [HTTP_REFUSED_METHOD] = {501, "method_unknown", "the method is not known here"},
    [HTTP_REFUSED_ENCODING] = {501, "encoding_unknown", "Transfer-Encoding may only be chunked"},
    [HTTP_REFUSED_CONNECTIONS] = {503, "too_many_connections", "try again later"},
    [HTTP_REFUSED_MEMORY] = {503, "out_of_memory", "try again later"},
    [HTTP_REFUSED_NO_ANSWER] = {504, "no_answer", "no answer in time; the outcome is unknown"},
    [HTTP_REFUSED_VERSION] = {505, "version_unknown", "expected HTTP/1.0 or HTTP/1.1"},
    [HTTP_REFUSED_STALLED] = {0, "write_stalled", ""},
    [HTTP_REFUSED_BACKLOG] = {0, "slow_consumer", ""},
    [HTTP_REFUSED_NO_PONG] = {0, "no_pong", ""},
    [HTTP_REFUSED_WS_PROTOCOL] = {0, "ws_protocol", ""},
    [HTTP_REFUSED_WS_UTF8] = {0, "ws_utf8", ""},
    [HTTP_REFUSED_WS_SIZE] = {0, "ws_size", ""},
};

const struct refusal_text *
http_refusal_text(enum http_refusal why)
{
    return &refusals[why >= 0 && why < HTTP_REFUSED_COUNT ? why : HTTP_REFUSED_NONE];
}

const char *
http_refusal_name(enum http_refusal why)
{
    return http_refusal_text(why)->code;
}

/* "Date: ...\r\n", written once a second. */
static struct slice
date_line(struct http_server *s)
{
    time_t now = time(NULL);

    if (now != s->date_s) {
        static const char days[] = "SunMonTueWedThuFriSat";
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        struct tm t;
        gmtime_r(&now, &t);
        int n =
            snprintf(s->date, sizeof s->date, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
                     days + 3 * t.tm_wday, t.tm_mday, months + 3 * t.tm_mon, t.tm_year + 1900,
                     t.tm_hour, t.tm_min, t.tm_sec);
        s->date_n = n > 0 && (size_t)n < sizeof s->date ? (size_t)n : 0;
        s->date_s = now;
    }
    return slice_of(s->date, s->date_n);
}

static char *
put(char *to, const char *p, size_t n)
{
    if (n > 0)
        memcpy(to, p, n);
    return to + n;
}

#define PUT(to, lit) put((to), (lit), sizeof(lit) - 1)

static char *
put_number(char *to, size_t v)
{
    char digits[20];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    while (n > 0)
        *to++ = digits[--n];
    return to;
}

/* How the connection goes on, as the head must say it. */
enum tail {
    TAIL_LENGTH,  /* Content-Length */
    TAIL_CHUNKED, /* Transfer-Encoding: chunked */
    TAIL_CLOSE,   /* the close ends the body (HTTP/1.0) */
    TAIL_NONE     /* 204 and 304 */
};

struct head {
    int status;
    struct slice content_type, extra, body;
    enum tail tail;
    size_t length;
    bool close, keep_alive_10;
};

/* One reservation, no formatting: this runs for every answer. */
static void
put_head(struct buf *out, struct http_server *s, const struct head *h)
{
    struct slice reason = slice_str(http_status_str((enum http_status)h->status));
    struct slice date = date_line(s);
    char *start =
        buf_reserve(out, 256 + reason.n + h->content_type.n + h->extra.n + h->body.n + date.n);

    if (start == NULL)
        return;
    char *to = PUT(start, "HTTP/1.1 ");
    to = put_number(to, (size_t)h->status);
    *to++ = ' ';
    to = put(to, reason.p, reason.n);
    to = PUT(to, "\r\n");
    to = put(to, date.p, date.n);
    if (h->content_type.n > 0) {
        to = PUT(to, "Content-Type: ");
        to = put(to, h->content_type.p, h->content_type.n);
        to = PUT(to, "\r\n");
    }
    if (h->tail == TAIL_LENGTH) {
        to = PUT(to, "Content-Length: ");
        to = put_number(to, h->length);
        to = PUT(to, "\r\n");
    } else if (h->tail == TAIL_CHUNKED) {
        to = PUT(to, "Transfer-Encoding: chunked\r\n");
    }
    if (h->close)
        to = PUT(to, "Connection: close\r\n");
    else if (h->keep_alive_10)
        to = PUT(to, "Connection: keep-alive\r\n");
    to = put(to, h->extra.p, h->extra.n);
    to = PUT(to, "\r\n");
    to = put(to, h->body.p, h->body.n);
    out->n += (size_t)(to - start);
}

void
http_answer_problem(struct buf *out, struct http_server *s, enum http_refusal why, bool no_body)
{
    const struct refusal_text *text = http_refusal_text(why);
    char body[320];
    int n = snprintf(body, sizeof body,
                     "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\","
                     "\"detail\":\"%s\"}\n",
                     http_status_str((enum http_status)text->status), text->status, text->code,
                     text->detail);
    struct head h = {
        .status = text->status,
        .content_type = SLICE_LIT("application/problem+json"),
        .extra = why == HTTP_REFUSED_HANDSHAKE ? SLICE_LIT("Sec-WebSocket-Version: 13\r\n")
                 : text->status == 429         ? SLICE_LIT("Retry-After: 1\r\n")
                                               : (struct slice){0},
        .body = no_body ? (struct slice){0} : slice_of(body, (size_t)n),
        .length = (size_t)n,
        .tail = TAIL_LENGTH,
        .close = true,
    };

    put_head(out, s, &h);
}

void
http_answer_continue(struct http_conn *c)
{
    if (!c->expect)
        return;
    c->expect = false;
    buf_str(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
    conn_mark(c);
}

/* Whole lines, no empty one: what goes between the headers cannot end them. */
static bool
are_header_lines(struct slice extra)
{
    const char *p = extra.p;
    const char *end = extra.p + extra.n;

    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        if (lf == NULL || lf - p < 3 || lf[-1] != '\r' || memchr(p, ':', (size_t)(lf - p)) == NULL)
            return false;
        p = lf + 1;
    }
    return true;
}

/* The connection behind conn_id when its answer may begin; fills in what the request decides. */
static enum lc_err
answerable(struct http_server *s, uint64_t conn_id, struct head *h, struct http_conn **found)
{
    struct http_conn *c = http_server_find(s, conn_id);

    if (c == NULL || !c->delivered)
        return LC_ENOTFOUND;
    if (c->answer != ANSWER_NONE || (c->phase != CONN_PENDING && c->phase != CONN_BODY))
        return LC_ESTATE;
    if (h->status < 200 || h->status > 599 || !are_header_lines(h->extra))
        return LC_EINVAL;
    if (s->draining || (c->eof && c->in.n == 0))
        c->keep_alive = false;
    *found = c;
    return LC_OK;
}

enum lc_err
http_respond(struct http_server *s, uint64_t conn_id, int status, const char *content_type,
             struct slice extra, struct slice body)
{
    struct head h = {.status = status,
                     .content_type = slice_str(content_type),
                     .extra = extra,
                     .body = body,
                     .length = body.n};
    struct http_conn *c;
    enum lc_err err = answerable(s, conn_id, &h, &c);

    if (err != LC_OK)
        return err;
    if (c->phase == CONN_BODY)
        c->keep_alive = false;
    h.tail = status == 204 || status == 304 ? TAIL_NONE : TAIL_LENGTH;
    if (c->head || h.tail == TAIL_NONE)
        h.body.n = 0;
    h.close = !c->keep_alive;
    h.keep_alive_10 = c->http10;
    put_head(&c->out, s, &h);
    conn_next(c);
    return LC_OK;
}

enum lc_err
http_respond_begin(struct http_server *s, uint64_t conn_id, int status, const char *content_type,
                   struct slice extra)
{
    struct head h = {.status = status, .content_type = slice_str(content_type), .extra = extra};
    struct http_conn *c;
    enum lc_err err = answerable(s, conn_id, &h, &c);

    if (err != LC_OK)
        return err;
    bool none = status == 204 || status == 304;
    c->chunked = !none && !c->http10;
    c->bodiless = none || c->head;
    h.tail = none ? TAIL_NONE : c->chunked ? TAIL_CHUNKED : TAIL_CLOSE;
    if (h.tail == TAIL_CLOSE)
        c->keep_alive = false;
    h.close = !c->keep_alive;
    h.keep_alive_10 = c->http10;
    if (status < 300)
        http_answer_continue(c); /* before the head, or never */
    c->expect = false;
    put_head(&c->out, s, &h);
    c->answer = ANSWER_BEGUN;
    if (c->phase == CONN_PENDING)
        c->in_deadline_ms = 0;
    conn_mark(c);
    return LC_OK;
}

static enum lc_err
begun(struct http_server *s, uint64_t conn_id, struct http_conn **found)
{
    struct http_conn *c = http_server_find(s, conn_id);

    if (c == NULL || !c->delivered)
        return LC_ENOTFOUND;
    *found = c;
    return c->answer == ANSWER_BEGUN ? LC_OK : LC_ESTATE;
}

static void
put_chunk(struct buf *out, struct slice part)
{
    static const char hex[] = "0123456789abcdef";
    char size[sizeof part.n * 2];
    size_t n = sizeof size;

    for (size_t v = part.n; v > 0; v >>= 4)
        size[--n] = hex[v & 15];
    char *start = buf_reserve(out, part.n + sizeof size + 4);
    if (start == NULL)
        return;
    char *to = put(start, size + n, sizeof size - n);
    to = PUT(to, "\r\n");
    to = put(to, part.p, part.n);
    to = PUT(to, "\r\n");
    out->n += (size_t)(to - start);
}

enum lc_err
http_respond_chunk(struct http_server *s, uint64_t conn_id, struct slice part)
{
    struct http_conn *c;
    enum lc_err err = begun(s, conn_id, &c);

    if (err != LC_OK || part.n == 0 || c->bodiless)
        return err;
    if (c->overflow)
        return LC_ETOOBIG;
    size_t cap = c->streaming ? s->limits.stream_backlog_bytes : s->limits.backlog_bytes;
    if (conn_waiting(c) > 0 && conn_waiting(c) + part.n > cap) {
        c->overflow = true;
        conn_mark(c);
        return LC_ETOOBIG;
    }
    if (c->chunked)
        put_chunk(&c->out, part);
    else
        buf_append(&c->out, part.p, part.n);
    conn_mark(c);
    return LC_OK;
}

enum lc_err
http_respond_end(struct http_server *s, uint64_t conn_id)
{
    struct http_conn *c;
    enum lc_err err = begun(s, conn_id, &c);

    if (err != LC_OK)
        return err;
    if (c->chunked && !c->bodiless)
        buf_str(&c->out, "0\r\n\r\n");
    conn_next(c);
    return LC_OK;
}
