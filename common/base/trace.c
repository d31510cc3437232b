/* Layout, all little-endian; blob = u32 length + bytes:
 *
 *   event   u8 kind, u64 now_ms, u64 entropy, u64 ref, u8 text, u32 status, blob bytes,
 *           u8 parts (1 reply, 2 http, 4 config), then those parts in this order
 *   reply   u8 kind, then u64 integer | blob str | u32 n + n replies | nothing, by kind
 *   http    blob method, path, query, peer; u8 flags (1 streaming, 2 upgrade); u32 n, n x (blob
 * name, blob value) config  u32 n, n x (blob name, blob value) effects u32 n, n x effect effect  u8
 * kind, u64 ref, u32 status, u8 role, u8 text, u64 at_ms, blob name, extra, bytes, u32 argc, argc x
 * blob
 *
 * The envelope is not written: it is decoded again from the frame. */
#include "base/step.h"

#include <ctype.h>

enum { PART_REPLY = 1, PART_HTTP = 2, PART_CONFIG = 4 };
enum { STREAMING = 1, UPGRADE = 2 };
enum { REPLY_DEPTH_MAX = 32 };

static void
put_reply(struct buf *b, const struct reply *r, int depth)
{
    if (depth > REPLY_DEPTH_MAX) {
        b->failed = true;
        return;
    }
    buf_u8(b, (uint8_t)r->kind);
    switch (r->kind) {
    case REPLY_INT:
        buf_u64(b, (uint64_t)r->integer);
        break;
    case REPLY_STRING:
    case REPLY_ERROR:
        buf_blob(b, r->str);
        break;
    case REPLY_ARRAY:
        buf_u32(b, (uint32_t)r->n);
        for (size_t i = 0; i < r->n; i++)
            put_reply(b, &r->items[i], depth + 1);
        break;
    case REPLY_NIL:
    case REPLY_LOST:
        break;
    }
}

static void
put_http(struct buf *b, const struct http_event *h)
{
    buf_blob(b, h->method);
    buf_blob(b, h->path);
    buf_blob(b, h->query);
    buf_blob(b, h->peer);
    buf_u8(b, (uint8_t)((h->streaming ? STREAMING : 0) | (h->upgrade ? UPGRADE : 0)));
    buf_u32(b, (uint32_t)h->n_headers);
    for (size_t i = 0; i < h->n_headers; i++) {
        buf_blob(b, h->headers[i].name);
        buf_blob(b, h->headers[i].value);
    }
}

static void
put_config(struct buf *b, const struct config *c)
{
    buf_u32(b, (uint32_t)c->n);
    for (size_t i = 0; i < c->n; i++) {
        buf_blob(b, c->items[i].name);
        buf_blob(b, c->items[i].value);
    }
}

void
trace_put_event(struct buf *b, const struct event *ev)
{
    buf_u8(b, (uint8_t)ev->kind);
    buf_u64(b, (uint64_t)ev->now_ms);
    buf_u64(b, ev->entropy);
    buf_u64(b, ev->ref);
    buf_u8(b, ev->text);
    buf_u32(b, (uint32_t)ev->status);
    buf_blob(b, ev->bytes);
    buf_u8(b, (uint8_t)((ev->reply != NULL ? PART_REPLY : 0) | (ev->http != NULL ? PART_HTTP : 0) |
                        (ev->config != NULL ? PART_CONFIG : 0)));
    if (ev->reply != NULL)
        put_reply(b, ev->reply, 0);
    if (ev->http != NULL)
        put_http(b, ev->http);
    if (ev->config != NULL)
        put_config(b, ev->config);
}

void
trace_put_effects(struct buf *b, const struct outbox *o, size_t from)
{
    size_t n = outbox_count(o);

    buf_u32(b, (uint32_t)(n - from));
    for (size_t i = from; i < n; i++) {
        const struct effect *e = outbox_at(o, i);
        buf_u8(b, (uint8_t)e->kind);
        buf_u64(b, e->ref);
        buf_u32(b, (uint32_t)e->status);
        buf_u8(b, (uint8_t)e->role);
        buf_u8(b, e->text);
        buf_u64(b, (uint64_t)e->at_ms);
        buf_blob(b, e->name);
        buf_blob(b, e->extra);
        buf_blob(b, e->bytes);
        buf_u32(b, (uint32_t)e->argc);
        for (size_t k = 0; k < e->argc; k++)
            buf_blob(b, e->argv[k]);
    }
}

/* count: how many elements follow; never more than bytes are left, so that a lie costs nothing. */
static size_t
count(struct cursor *c)
{
    uint32_t n = cursor_u32(c);

    if (n > c->n)
        c->failed = true;
    return c->failed ? 0 : n;
}

static enum lc_err
get_reply(struct cursor *c, struct arena *a, struct reply *r, int depth)
{
    *r = (struct reply){.kind = (enum reply_kind)cursor_u8(c)};
    if (depth > REPLY_DEPTH_MAX || c->failed)
        return LC_EINVAL;
    switch (r->kind) {
    case REPLY_INT:
        r->integer = (int64_t)cursor_u64(c);
        break;
    case REPLY_STRING:
    case REPLY_ERROR:
        r->str = cursor_blob(c);
        break;
    case REPLY_ARRAY: {
        size_t n = count(c);
        struct reply *items = arena_array(a, n, sizeof *items);
        if (items == NULL)
            return LC_ENOMEM;
        for (size_t i = 0; i < n; i++) {
            enum lc_err err = get_reply(c, a, &items[i], depth + 1);
            if (err != LC_OK)
                return err;
        }
        r->items = items;
        r->n = n;
        break;
    }
    case REPLY_NIL:
    case REPLY_LOST:
        break;
    default:
        return LC_EINVAL;
    }
    return c->failed ? LC_EINVAL : LC_OK;
}

static enum lc_err
get_http(struct cursor *c, struct arena *a, struct http_event *h)
{
    h->method = cursor_blob(c);
    h->path = cursor_blob(c);
    h->query = cursor_blob(c);
    h->peer = cursor_blob(c);
    uint8_t flags = cursor_u8(c);
    h->streaming = (flags & STREAMING) != 0;
    h->upgrade = (flags & UPGRADE) != 0;
    h->n_headers = count(c);
    struct header_field *headers = arena_array(a, h->n_headers, sizeof *headers);
    if (headers == NULL)
        return LC_ENOMEM;
    for (size_t i = 0; i < h->n_headers; i++) {
        headers[i].name = cursor_blob(c);
        headers[i].value = cursor_blob(c);
    }
    h->headers = headers;
    return c->failed ? LC_EINVAL : LC_OK;
}

static enum lc_err
get_config(struct cursor *c, struct arena *a, struct config *config)
{
    config->n = count(c);
    struct config_item *items = arena_array(a, config->n, sizeof *items);
    if (items == NULL)
        return LC_ENOMEM;
    for (size_t i = 0; i < config->n; i++) {
        items[i].name = cursor_blob(c);
        items[i].value = cursor_blob(c);
    }
    config->items = items;
    return c->failed ? LC_EINVAL : LC_OK;
}

enum lc_err
trace_get_event(struct cursor *c, struct arena *a, struct event *ev)
{
    enum lc_err err = LC_OK;

    *ev = (struct event){.kind = (enum event_kind)cursor_u8(c), .arena = a};
    ev->now_ms = (int64_t)cursor_u64(c);
    ev->entropy = cursor_u64(c);
    ev->ref = cursor_u64(c);
    ev->text = cursor_u8(c) != 0;
    ev->status = (int)cursor_u32(c);
    ev->bytes = cursor_blob(c);
    uint8_t parts = cursor_u8(c);
    if (c->failed || ev->kind < EVENT_START || ev->kind > EVENT_ADDRESSES)
        return LC_EINVAL;

    struct reply *reply = arena_zalloc(a, sizeof *reply);
    struct http_event *http = arena_zalloc(a, sizeof *http);
    struct config *config = arena_zalloc(a, sizeof *config);
    if (reply == NULL || http == NULL || config == NULL)
        return LC_ENOMEM;
    if (parts & PART_REPLY) {
        err = get_reply(c, a, reply, 0);
        ev->reply = reply;
    }
    if (err == LC_OK && (parts & PART_HTTP)) {
        err = get_http(c, a, http);
        ev->http = http;
    }
    if (err == LC_OK && (parts & PART_CONFIG)) {
        err = get_config(c, a, config);
        ev->config = config;
    }
    return err;
}

const char *
event_name(enum event_kind kind)
{
    static const char *const names[] = {
        "?",        "start", "wake",      "turn-end", "message", "redis",
        "redis-up", "http",  "http-body", "http-end", "gone",    "socket",
        "called",   "stop",  "travel",    "roads",    "work",    "addresses",
    };

    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "?";
}

const char *
effect_name(enum effect_kind kind)
{
    static const char *const names[] = {
        "?",           "send",          "answer",      "news",         "redis",
        "http",        "http-begin",    "http-chunk",  "http-done",    "http-pause",
        "http-resume", "socket-accept", "socket-send", "socket-close", "call",
        "wake",        "note",          "travel",      "work",
    };

    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "?";
}

static void
print_bytes(struct buf *b, const char *label, struct slice s)
{
    if (s.n == 0 && label[0] != '\0')
        return;
    buf_printf(b, " %s\"", label);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (isprint(c) && c != '"' && c != '\\')
            buf_char(b, (char)c);
        else
            buf_printf(b, "\\x%02x", c);
    }
    buf_char(b, '"');
}

static void
print_effect(struct buf *b, struct cursor *c)
{
    enum effect_kind kind = (enum effect_kind)cursor_u8(c);
    uint64_t ref = cursor_u64(c);
    int status = (int)cursor_u32(c);
    unsigned role = cursor_u8(c);
    unsigned text = cursor_u8(c);
    int64_t at_ms = (int64_t)cursor_u64(c);

    buf_printf(b, "%s ref=%llu status=%d role=%u text=%u at_ms=%lld", effect_name(kind),
               (unsigned long long)ref, status, role, text, (long long)at_ms);
    print_bytes(b, "name=", cursor_blob(c));
    print_bytes(b, "extra=", cursor_blob(c));
    print_bytes(b, "bytes=", cursor_blob(c));
    for (size_t n = count(c); n > 0 && !c->failed; n--)
        print_bytes(b, "", cursor_blob(c));
    buf_char(b, '\n');
}

enum lc_err
trace_print_effects(struct buf *b, struct slice effects)
{
    struct cursor c = {effects.p, effects.n, false};

    for (size_t n = count(&c); n > 0 && !c.failed; n--)
        print_effect(b, &c);
    if (b->failed)
        return LC_ENOMEM;
    return c.failed || c.n != 0 ? LC_EINVAL : LC_OK;
}
