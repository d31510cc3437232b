#include "io/http_conn.h"

#include <limits.h>
#include <stdlib.h>
#include <strings.h>

static const bool token_char[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,  ['#'] = true,
    ['$'] = true,         ['%'] = true,         ['&'] = true,         ['\''] = true, ['*'] = true,
    ['+'] = true,         ['-'] = true,         ['.'] = true,         ['^'] = true,  ['_'] = true,
    ['`'] = true,         ['|'] = true,         ['~'] = true,
};

static bool
is_token(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!token_char[(unsigned char)s.p[i]])
            return false;
    return s.n > 0;
}

static bool
same_name(struct slice name, const char *other, size_t n)
{
    return name.n == n && strncasecmp(name.p, other, n) == 0;
}

#define SAME_NAME(name, lit) same_name((name), (lit), sizeof(lit) - 1)

static struct http_span *
spans_of(struct http_conn *c)
{
    return c->spans != NULL ? c->spans : c->server->spans;
}

static int
refuse(struct http_conn *c, enum http_refusal why)
{
    c->refusal = why;
    return -1;
}

static int
on_url(struct http_parser *p, const char *at, size_t n)
{
    struct http_conn *c = p->data;
    uint32_t offset = (uint32_t)(at - c->base);

    if (c->target_n == 0)
        c->target = offset;
    c->target_n = offset + (uint32_t)n - c->target;
    return c->target_n > c->server->limits.target_bytes ? refuse(c, HTTP_REFUSED_TARGET) : 0;
}

static int
on_header_field(struct http_parser *p, const char *at, size_t n)
{
    struct http_conn *c = p->data;

    if (c->in_trailer)
        return 0; /* trailers mean nothing here; the parser itself bounds their length */
    struct http_span *spans = spans_of(c);
    uint32_t offset = (uint32_t)(at - c->base);
    struct http_span *last = c->fields == 0 ? NULL : &spans[c->fields - 1];
    if (last != NULL && !c->in_value && last->name + last->name_n == offset) {
        last->name_n += (uint32_t)n;
        return 0;
    }
    if (c->fields == c->server->limits.header_count)
        return refuse(c, HTTP_REFUSED_HEADERS);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): one of the two is always there */
    spans[c->fields++] = (struct http_span){.name = offset, .name_n = (uint32_t)n};
    c->in_value = false;
    return 0;
}

static int
on_header_value(struct http_parser *p, const char *at, size_t n)
{
    struct http_conn *c = p->data;

    if (c->in_trailer || c->fields == 0)
        return 0;
    struct http_span *last = &spans_of(c)[c->fields - 1];
    uint32_t offset = (uint32_t)(at - c->base);
    if (!c->in_value)
        last->value = offset;
    last->value_n = offset + (uint32_t)n - last->value;
    c->in_value = true;
    return 0;
}

/* The parser forgives more than one space between the words of the first line. */
static bool
is_request_line(const struct http_conn *c)
{
    const char *target = c->base + c->target;
    const char *end = target + c->target_n;

    return target[-1] == ' ' && target[-2] != ' ' && end[0] == ' ' && end[1] == 'H';
}

/* The parser forgives bare LF and folded headers; two readers of one message that disagree about
 * its lines are how requests are smuggled, so this one does not. Finds the head's end on the way.
 */
static enum http_refusal
check_lines(struct http_conn *c)
{
    const char *p = c->base + c->target;

    if (!is_request_line(c))
        return HTTP_REFUSED_SYNTAX;
    for (;;) {
        p = rawmemchr(p, '\n'); /* the parser saw the head's end, so it is there */
        if (p[-1] != '\r')
            return HTTP_REFUSED_SYNTAX;
        if (p[1] == '\r')
            break; /* the parser took an LF behind it */
        if (p[1] == ' ' || p[1] == '\t' || p[1] == '\n')
            return HTTP_REFUSED_SYNTAX;
        p++;
    }
    c->head_n = (size_t)(p + 3 - c->base);
    return c->head_n > c->server->limits.header_bytes ? HTTP_REFUSED_HEADERS : HTTP_REFUSED_NONE;
}

static struct slice
trimmed(const char *p, size_t n)
{
    while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
        n--;
    return slice_of(p, n);
}

static bool
is_digits(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

static bool
is_host(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!token_char[(unsigned char)s.p[i]] && strchr(":[]();,=", s.p[i]) == NULL)
            return false;
    return true;
}

/* What the framing headers of one head say. */
struct framing {
    uint32_t hosts, lengths, encodings;
    uint32_t keys, authorizations, types, idempotencies;
    bool expect, websocket;
};

static enum http_refusal
check_header(const struct http_conn *c, const struct http_header *h, struct framing *f)
{
    if (!is_token(h->name))
        return HTTP_REFUSED_SYNTAX;
    switch (h->name.n) {
    case 4:
        if (SAME_NAME(h->name, "host") && (++f->hosts > 1 || !is_host(h->value)))
            return HTTP_REFUSED_HOST;
        break;
    case 6:
        if (SAME_NAME(h->name, "expect")) {
            if (!SAME_NAME(h->value, "100-continue"))
                return HTTP_REFUSED_EXPECT;
            f->expect = true;
        }
        break;
    case 7:
        if (SAME_NAME(h->name, "upgrade") && SAME_NAME(h->value, "websocket"))
            f->websocket = true;
        break;
    case 9:
        if (SAME_NAME(h->name, "x-api-key") && ++f->keys > 1)
            return HTTP_REFUSED_TWICE;
        break;
    case 12:
        if (SAME_NAME(h->name, "content-type") && ++f->types > 1)
            return HTTP_REFUSED_TWICE;
        break;
    case 13:
        if (SAME_NAME(h->name, "authorization") && ++f->authorizations > 1)
            return HTTP_REFUSED_TWICE;
        break;
    case 14:
        if (SAME_NAME(h->name, "content-length") && (++f->lengths > 1 || !is_digits(h->value)))
            return HTTP_REFUSED_LENGTH;
        break;
    case 15:
        if (SAME_NAME(h->name, "idempotency-key") && ++f->idempotencies > 1)
            return HTTP_REFUSED_TWICE;
        break;
    case 16:
        if (SAME_NAME(h->name, "content-encoding") && !SAME_NAME(h->value, "identity"))
            return HTTP_REFUSED_CODING;
        break;
    case 17:
        if (SAME_NAME(h->name, "transfer-encoding")) {
            if (++f->encodings > 1 || c->http10)
                return HTTP_REFUSED_LENGTH;
            if (!SAME_NAME(h->value, "chunked"))
                return HTTP_REFUSED_ENCODING;
        }
        break;
    default:
        break;
    }
    return HTTP_REFUSED_NONE;
}

static enum http_refusal
check_headers(struct http_conn *c, struct framing *f)
{
    const struct http_span *spans = spans_of(c);
    struct http_header *headers = c->server->headers;

    for (uint32_t i = 0; i < c->fields; i++) {
        headers[i].name = slice_of(c->base + spans[i].name, spans[i].name_n);
        headers[i].value = trimmed(c->base + spans[i].value, spans[i].value_n);
        enum http_refusal why = check_header(c, &headers[i], f);
        if (why != HTTP_REFUSED_NONE)
            return why;
    }
    if (f->hosts == 0 && !c->http10)
        return HTTP_REFUSED_HOST;
    if (f->lengths > 0 && f->encodings > 0)
        return HTTP_REFUSED_LENGTH;
    return HTTP_REFUSED_NONE;
}

/* Splits the target into path and query. Absolute form is what a client says to a proxy; a server
 * must take it as well (RFC 9112, 3.2.2). */
static enum http_refusal
split_target(const struct http_conn *c, struct http_request *req)
{
    struct slice target = slice_of(c->base + c->target, c->target_n);

    for (size_t i = 0; i < target.n; i++)
        if (target.p[i] <= ' ' || target.p[i] >= 0x7f || target.p[i] == '#')
            return HTTP_REFUSED_SYNTAX;
    if (target.p[0] == '/') {
        const char *mark = memchr(target.p, '?', target.n);
        req->path = slice_of(target.p, mark == NULL ? target.n : (size_t)(mark - target.p));
        if (mark != NULL)
            req->query = slice_of(mark + 1, target.n - req->path.n - 1);
        return HTTP_REFUSED_NONE;
    }
    if (target.n == 1 && target.p[0] == '*' && c->parser.method == HTTP_OPTIONS) {
        req->path = target;
        return HTTP_REFUSED_NONE;
    }
    struct http_parser_url url;
    http_parser_url_init(&url);
    if (http_parser_parse_url(target.p, target.n, 0, &url) != 0 ||
        (url.field_set & 1 << UF_HOST) == 0)
        return HTTP_REFUSED_SYNTAX;
    req->path = SLICE_LIT("/");
    if ((url.field_set & 1 << UF_PATH) != 0)
        req->path = slice_of(target.p + url.field_data[UF_PATH].off, url.field_data[UF_PATH].len);
    if ((url.field_set & 1 << UF_QUERY) != 0)
        req->query =
            slice_of(target.p + url.field_data[UF_QUERY].off, url.field_data[UF_QUERY].len);
    return HTTP_REFUSED_NONE;
}

/* Builds the request from the spans; the head was checked. */
static void
build_request(struct http_conn *c, struct http_request *req)
{
    const struct http_span *spans = spans_of(c);
    struct http_header *headers = c->server->headers;

    for (uint32_t i = 0; i < c->fields; i++) {
        headers[i].name = slice_of(c->base + spans[i].name, spans[i].name_n);
        headers[i].value = trimmed(c->base + spans[i].value, spans[i].value_n);
    }
    *req = (struct http_request){
        .method = slice_str(http_method_str((enum http_method)c->parser.method)),
        .headers = headers,
        .header_count = c->fields,
        .peer = c->peer,
        .streaming = c->streaming,
        .upgrade = c->upgrade,
    };
    (void)split_target(c, req);
}

static bool
has_body(const struct http_parser *p)
{
    return (p->flags & F_CHUNKED) != 0 ||
           (p->content_length > 0 && p->content_length != ULLONG_MAX);
}

static enum http_refusal
check_head(struct http_conn *c, struct framing *f, struct http_request *req)
{
    const struct http_parser *p = &c->parser;

    c->http10 = p->http_major == 1 && p->http_minor == 0;
    c->head = p->method == HTTP_HEAD;
    c->keep_alive = http_should_keep_alive(p) != 0;
    if (p->http_major != 1)
        return HTTP_REFUSED_VERSION;
    if (p->method == HTTP_CONNECT)
        return HTTP_REFUSED_METHOD;
    enum http_refusal why = check_lines(c);
    if (why == HTTP_REFUSED_NONE)
        why = check_headers(c, f);
    if (why == HTTP_REFUSED_NONE)
        why = split_target(c, req);
    return why;
}

static enum http_refusal
check_handshake(struct http_conn *c, const struct http_request *req)
{
    struct slice key = http_header(req, "sec-websocket-key");
    struct slice version = http_header(req, "sec-websocket-version");

    if (c->parser.method != HTTP_GET || c->http10 || has_body(&c->parser) ||
        (c->parser.flags & F_CONNECTION_UPGRADE) == 0 || !slice_eq_str(version, "13"))
        return HTTP_REFUSED_HANDSHAKE;
    /* 16 bytes in base64: 22 characters and two equal signs */
    if (key.n != 24 || key.p[22] != '=' || key.p[23] != '=')
        return HTTP_REFUSED_HANDSHAKE;
    for (size_t i = 0; i < 22; i++)
        if (!token_char[(unsigned char)key.p[i]] && key.p[i] != '/')
            return HTTP_REFUSED_HANDSHAKE;
    memcpy(c->ws_key, key.p, 24);
    c->upgrade = true;
    return HTTP_REFUSED_NONE;
}

static int
on_headers_complete(struct http_parser *p)
{
    struct http_conn *c = p->data;
    struct http_server *s = c->server;
    struct framing f = {0};
    struct http_request req = {.headers = s->headers, .header_count = c->fields};

    c->in_trailer = true;
    enum http_refusal why = check_head(c, &f, &req);
    if (why == HTTP_REFUSED_NONE && f.websocket)
        why = check_handshake(c, &req);
    if (why == HTTP_REFUSED_NONE && s->limit != NULL) {
        if (c->proxy)
            build_request(c, &req);
        why = http_server_admits(c, &req);
    }
    if (why != HTTP_REFUSED_NONE)
        return refuse(c, why);
    c->body_end = c->head_n;
    c->phase = CONN_BODY;
    c->expect = f.expect && !c->http10 && has_body(p);
    if (!c->upgrade && s->on.stream != NULL) {
        build_request(c, &req);
        c->streaming = s->on.stream(s->ctx, req.method, req.path);
    }
    if (c->streaming) {
        req.streaming = true;
        c->delivered = true;
        c->in_deadline_ms = s->now_ms + s->limits.body_idle_ms;
        s->on.on_request(s->ctx, c->id, &req);
        if (c->phase != CONN_BODY)
            return -1; /* answered without its body; nothing more is wanted */
    } else if ((p->flags & F_CHUNKED) == 0 && has_body(p) &&
               p->content_length > s->limits.body_bytes) {
        return refuse(c, HTTP_REFUSED_BODY);
    }
    http_answer_continue(c);
    return 0;
}

/* A chunk says how long it is going to be: one that cannot be taken is not waited for. */
static int
on_chunk_header(struct http_parser *p)
{
    struct http_conn *c = p->data;
    size_t most = c->server->limits.body_bytes;

    if (c->streaming || p->content_length <= most - c->body_n)
        return 0;
    return refuse(c, HTTP_REFUSED_BODY);
}

static int
on_body(struct http_parser *p, const char *at, size_t n)
{
    struct http_conn *c = p->data;
    struct http_server *s = c->server;

    if (c->streaming) {
        c->body_n += n;
        if (c->body_n >= s->limits.body_idle_bytes) {
            c->body_n = 0;
            c->in_deadline_ms = s->now_ms + s->limits.body_idle_ms;
        }
        if (s->on.on_body != NULL)
            s->on.on_body(s->ctx, c->id, slice_of(at, n));
        return c->phase == CONN_BODY ? 0 : -1;
    }
    c->body_n += n;
    if (c->body_n > s->limits.body_bytes)
        return refuse(c, HTTP_REFUSED_BODY);
    size_t from = (size_t)(at - c->base);
    if (from != c->body_end) /* close the gap the chunk's header left */
        memmove(c->base + c->body_end, c->base + from, n);
    c->body_end += n;
    return 0;
}

static int
on_message_complete(struct http_parser *p)
{
    struct http_conn *c = p->data;

    c->complete = true;
    http_parser_pause(p, 1);
    return 0;
}

static const struct http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static enum http_refusal
refusal_of(const struct http_conn *c, enum http_errno err, const char *data, size_t n)
{
    if (c->refusal != HTTP_REFUSED_NONE)
        return c->refusal;
    if (err == HPE_INVALID_METHOD) {
        /* a word nobody registered is another matter than bytes that are no HTTP at all */
        size_t word = 0;
        while (word < n && token_char[(unsigned char)data[word]])
            word++;
        return word > 0 && (word == n || data[word] == ' ') ? HTTP_REFUSED_METHOD
                                                            : HTTP_REFUSED_SYNTAX;
    }
    if (err == HPE_UNEXPECTED_CONTENT_LENGTH || err == HPE_INVALID_CONTENT_LENGTH)
        return HTTP_REFUSED_LENGTH;
    if (err == HPE_INVALID_TRANSFER_ENCODING)
        return HTTP_REFUSED_ENCODING;
    if (err == HPE_HEADER_OVERFLOW)
        return HTTP_REFUSED_HEADERS;
    return HTTP_REFUSED_SYNTAX;
}

static void
begin_message(struct http_conn *c)
{
    http_parser_init(&c->parser, HTTP_REQUEST);
    c->parser.data = c;
    c->phase = CONN_HEAD;
    c->in_deadline_ms = c->server->now_ms + c->server->limits.request_ms;
    c->parsed = c->head_n = c->body_end = c->body_n = 0;
    c->target = c->target_n = c->fields = 0;
    c->in_value = c->in_trailer = c->complete = false;
    c->streaming = c->upgrade = c->expect = c->paused = c->head = c->http10 = false;
    c->refusal = HTTP_REFUSED_NONE;
}

/* The whole message is in: hand it over. The handler may answer at once, and so change the phase.
 */
static void
deliver(struct http_conn *c)
{
    struct http_server *s = c->server;
    struct http_request req;

    c->phase = CONN_PENDING;
    c->in_deadline_ms = c->answer == ANSWER_NONE ? s->now_ms + s->limits.answer_ms : 0;
    if (c->streaming) {
        if (s->on.on_body_end != NULL)
            s->on.on_body_end(s->ctx, c->id);
        return;
    }
    build_request(c, &req);
    req.body = slice_of(c->base + c->head_n, c->body_end - c->head_n);
    c->delivered = true;
    s->on.on_request(s->ctx, c->id, &req);
}

/* A head that is not whole yet: its spans must survive until more comes. */
static void
keep_spans(struct http_conn *c)
{
    if (c->spans != NULL)
        return;
    size_t bytes = c->server->limits.header_count * sizeof *c->spans;
    c->spans = malloc(bytes);
    if (c->spans == NULL)
        conn_refuse(c, HTTP_REFUSED_MEMORY);
    else
        memcpy(c->spans, c->server->spans, c->fields * sizeof *c->spans);
}

size_t
http_parse(struct http_conn *c, char *data, size_t *n)
{
    if (c->phase == CONN_IDLE)
        begin_message(c);
    c->base = data;
    c->parsed += http_parser_execute(&c->parser, &settings, data + c->parsed, *n - c->parsed);
    enum http_errno err = HTTP_PARSER_ERRNO(&c->parser);
    size_t used = 0;
    if (c->complete) {
        used = c->parsed;
        c->parsed = 0;
        deliver(c);
        free(c->spans);
        c->spans = NULL;
    } else if (err != HPE_OK || (c->phase != CONN_HEAD && c->phase != CONN_BODY)) {
        used = *n;
        if (c->phase == CONN_HEAD || c->phase == CONN_BODY)
            conn_refuse(c, refusal_of(c, err, data, *n));
    } else if (c->phase == CONN_HEAD) {
        keep_spans(c);
        if (c->parsed > c->server->limits.header_bytes)
            conn_refuse(c, HTTP_REFUSED_HEADERS);
    } else if (c->streaming) {
        used = c->parsed;
        c->parsed = 0;
        free(c->spans);
        c->spans = NULL;
    } else {
        keep_spans(c);
        *n = c->parsed = c->body_end;
    }
    c->base = NULL;
    return used;
}
