#include "io/service_own.h"
#include "io/websocket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { ADDRESS_MOST = 1000000 };

/* ---- requests to events ---- */

static bool
on_stream(void *ctx, struct slice method, struct slice path)
{
    const struct shell *s = ctx;

    return s->service->streams != NULL && s->service->streams(method, path);
}

/* What the core could not take must not wait for the deadline. */
static void
answer_failed(struct shell *s, uint64_t conn)
{
    static const char body[] =
        "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
        "\"code\":\"unavailable\",\"detail\":\"the request could not be taken now; repeat it\"}";

    (void)http_respond(s->http, conn, 503, "application/problem+json",
                       SLICE_LIT("Retry-After: 1\r\n"), SLICE_LIT(body));
}

static void
respond_text(struct http_server *server, uint64_t conn, int status, const char *type,
             struct slice body)
{
    (void)http_respond(server, conn, status, type, SLICE_LIT("Cache-Control: no-store\r\n"), body);
}

/* replicas_line: what is written is in fewer places than was asked for. */
static void
replicas_line(const struct shell *s, struct buf *b)
{
    if (redis_is_alone(s->redis))
        buf_str(b, "replicas missing: acknowledging what a fail-over may lose\n");
    else if (redis_is_short(s->redis))
        buf_str(b, "replicas missing: nothing is acknowledged\n");
}

static void
answer_ready(struct shell *s, struct http_server *server, uint64_t conn)
{
    bool ready = shell_ready(s);
    struct buf b = {0};

    buf_str(&b, ready                    ? "ready\n"
                : s->leaving             ? "stopping\n"
                : !redis_is_up(s->redis) ? "redis is not up\n"
                                         : "starting\n");
    shell_roads_line(s, &b);
    shell_addresses_line(s, &b);
    replicas_line(s, &b);
    respond_text(server, conn, ready ? 200 : s->leaving ? 404 : 503, "text/plain", buf_slice(&b));
    buf_free(&b);
}

/* admin: true when the request was one of ours. */
static bool
admin(struct shell *s, struct http_server *server, uint64_t conn, const struct http_request *req)
{
    bool asks = slice_eq_str(req->method, "GET") || slice_eq_str(req->method, "HEAD");

    if (asks && slice_eq_str(req->path, "/healthz")) {
        respond_text(server, conn, 200, "text/plain", SLICE_LIT("ok\n"));
    } else if (asks && slice_eq_str(req->path, "/readyz")) {
        answer_ready(s, server, conn);
    } else if (asks && slice_eq_str(req->path, "/metrics")) {
        struct buf b = {0};
        shell_metrics(s, &b);
        if (b.failed)
            respond_text(server, conn, 503, "text/plain", SLICE_LIT("out of memory\n"));
        else
            respond_text(server, conn, 200, "text/plain; version=0.0.4", buf_slice(&b));
        buf_free(&b);
    } else {
        return false;
    }
    return true;
}

/* is_local: who is on this machine, or in this container, could send SIGTERM as well. */
static bool
is_local(const char *peer)
{
    return strcmp(peer, "unix") == 0 || strcmp(peer, "::1") == 0 || strncmp(peer, "127.", 4) == 0;
}

static void
on_drain_request(struct shell *s, uint64_t conn, const struct http_request *req)
{
    bool local = is_local(req->peer);

    log_line(LOG_INFO, local ? "drain_asked" : "drain_refused", "peer=%s", req->peer);
    respond_text(s->admin, conn, local ? 202 : 403, "text/plain",
                 local ? SLICE_LIT("draining\n")
                       : SLICE_LIT("POST /drain: expected from this machine\n"));
    s->drain_asked += local;
}

static void
on_admin_request(void *ctx, uint64_t conn, const struct http_request *req)
{
    struct shell *s = ctx;

    if (slice_eq_str(req->method, "POST") && slice_eq_str(req->path, "/drain"))
        on_drain_request(s, conn, req);
    else if (!admin(s, s->admin, conn, req))
        respond_text(s->admin, conn, 404, "text/plain",
                     SLICE_LIT("expected GET /healthz, /readyz or /metrics, or POST /drain\n"));
}

static void
on_request(void *ctx, uint64_t conn, const struct http_request *req)
{
    struct shell *s = ctx;

    s->http_requests++;
    if (s->admin == NULL && admin(s, s->http, conn, req))
        return;
    struct header_field *headers =
        arena_array(stepper_arena(s->stepper), req->header_count, sizeof *headers);
    if (headers == NULL) {
        answer_failed(s, conn);
        return;
    }
    for (size_t i = 0; i < req->header_count; i++)
        headers[i] = (struct header_field){req->headers[i].name, req->headers[i].value};
    struct http_event http = {
        .method = req->method,
        .path = req->path,
        .query = req->query,
        .headers = headers,
        .n_headers = req->header_count,
        .peer = slice_str(req->peer),
        .streaming = req->streaming,
        .upgrade = req->upgrade,
    };
    struct event ev = {.kind = EVENT_HTTP, .ref = conn, .bytes = req->body, .http = &http};
    if (shell_feed(s, &ev) != LC_OK)
        answer_failed(s, conn);
}

static void
on_body(void *ctx, uint64_t conn, struct slice part)
{
    struct event ev = {.kind = EVENT_HTTP_BODY, .ref = conn, .bytes = part};

    if (shell_feed(ctx, &ev) != LC_OK)
        answer_failed(ctx, conn);
}

static void
on_body_end(void *ctx, uint64_t conn)
{
    struct event ev = {.kind = EVENT_HTTP_END, .ref = conn};

    if (shell_feed(ctx, &ev) != LC_OK)
        answer_failed(ctx, conn);
}

static void
on_gone(void *ctx, uint64_t conn)
{
    struct event ev = {.kind = EVENT_GONE, .ref = conn};

    (void)shell_feed(ctx, &ev);
}

static void
on_refused(void *ctx, uint64_t conn, enum http_refusal why)
{
    struct shell *s = ctx;

    (void)conn;
    if (why < HTTP_REFUSED_COUNT)
        s->http_refused[why]++;
    log_line(LOG_DEBUG, "http_refused", "reason=%s", http_refusal_name(why));
}

static void
on_message(void *ctx, uint64_t conn, enum ws_opcode opcode, struct slice message)
{
    struct shell *s = ctx;
    struct event ev = {
        .kind = EVENT_SOCKET, .ref = conn, .bytes = message, .text = opcode == WS_TEXT};

    if (shell_feed(s, &ev) != LC_OK)
        (void)ws_close(s->http, conn, 1011, "not taken");
}

static void
on_drained(void *ctx)
{
    struct shell *s = ctx;

    s->http_drained = true;
}

/* ---- effects ---- */

static enum lc_err
answer(struct shell *s, const struct effect *e, const char *name)
{
    const char *type = e->name.n > 0 ? name : NULL;

    switch (e->kind) {
    case EFFECT_HTTP:
        return http_respond(s->http, e->ref, e->status, type, e->extra, e->bytes);
    case EFFECT_HTTP_BEGIN:
        return http_respond_begin(s->http, e->ref, e->status, type, e->extra);
    case EFFECT_HTTP_CHUNK:
        return http_respond_chunk(s->http, e->ref, e->bytes);
    case EFFECT_HTTP_DONE:
        return http_respond_end(s->http, e->ref);
    case EFFECT_HTTP_PAUSE:
        return http_pause(s->http, e->ref);
    case EFFECT_HTTP_RESUME:
        return http_resume(s->http, e->ref);
    case EFFECT_SOCKET_ACCEPT:
        return http_upgrade(s->http, e->ref, type);
    case EFFECT_SOCKET_SEND:
        return ws_send(s->http, e->ref, e->text ? WS_TEXT : WS_BINARY, e->bytes);
    case EFFECT_SOCKET_CLOSE:
        return ws_close(s->http, e->ref, (uint16_t)e->status, name);
    case EFFECT_SEND:
    case EFFECT_ANSWER:
    case EFFECT_NEWS:
    case EFFECT_REDIS:
    case EFFECT_CALL:
    case EFFECT_WAKE:
    case EFFECT_NOTE:
    case EFFECT_TRAVEL:
    case EFFECT_WORK:
        break;
    }
    return LC_EINVAL;
}

void
shell_http_effect(struct shell *s, const struct effect *e)
{
    char name[256]; /* content type, subprotocol or reason: ours, short */

    if (s->http == NULL)
        return;
    snprintf(name, sizeof name, "%.*s", (int)(e->name.n < sizeof name ? e->name.n : 0), e->name.p);
    enum lc_err err = answer(s, e, name);
    /* a peer that has gone, or was cut for being slow, is the ordinary case: EVENT_GONE tells */
    if (err == LC_EINVAL || err == LC_ENOMEM)
        log_line(LOG_ERROR, "http_effect_failed", "kind=%s status=%d reason=%s",
                 effect_name(e->kind), e->status, lc_strerror(err));
}

static void
on_called(void *ctx, uint64_t tag, int status, enum http_client_error err)
{
    struct shell *s = ctx;
    struct event ev = {.kind = EVENT_CALLED,
                       .ref = tag,
                       .status = status,
                       .bytes = slice_str(http_client_error_name(err))};

    s->calls_ended[err]++;
    (void)shell_feed(s, &ev);
}

void
shell_call(struct shell *s, const struct effect *e)
{
    int64_t left_ms = e->at_ms - loop_now_ms(s->loop);
    enum lc_err err = LC_ESTATE;

    if (left_ms > 0 && s->client != NULL)
        err = http_post(s->client, e->ref, e->name, e->extra, e->bytes,
                        (uint32_t)(left_ms < 600000 ? left_ms : 600000));
    if (err == LC_OK)
        return;
    log_line(LOG_WARN, "call_not_sent", "reason=%s", lc_strerror(err));
    if (s->failed_n == s->failed_room) {
        size_t room = s->failed_room == 0 ? 64 : s->failed_room * 2;
        uint64_t *tags = realloc(s->failed_calls, room * sizeof *tags);
        if (tags == NULL)
            return; /* the webhook's due row tries again */
        s->failed_calls = tags;
        s->failed_room = room;
    }
    s->failed_calls[s->failed_n++] = e->ref;
    loop_timer_set(s->failed_timer, 0);
}

/* ---- start ---- */

static enum lc_err
listen_on(struct shell *s, struct http_server *server, const char *name)
{
    const char *list = options_get(&s->options, name);
    char address[256];

    while (*list != '\0') {
        size_t n = strcspn(list, ",");
        uint16_t port = 0;
        if (n >= sizeof address) {
            log_line(LOG_ERROR, "bad_parameter", "name=%s expected=host:port or unix:/path", name);
            return LC_EINVAL;
        }
        memcpy(address, list, n);
        address[n] = '\0';
        enum lc_err err = http_server_listen(server, address, &port);
        if (err != LC_OK) {
            log_line(LOG_ERROR, "cannot_listen", "name=%s address=%s reason=%s", name, address,
                     err == LC_EIO      ? strerror(errno)
                     : err == LC_EEXIST ? "somebody listens there"
                                        : "expected host:port or unix:/path");
            return err;
        }
        log_line(LOG_INFO, "listening", "name=%s address=%s port=%u", name, address,
                 (unsigned)port);
        list += n + (list[n] == ',');
    }
    return LC_OK;
}

/* connections: as many as are asked for, or as the open files leave room for. */
static size_t
connections(const struct shell *s)
{
    enum { OTHER_FILES = 256, FEW = 64 };
    struct rlimit limit;
    int64_t asked = s->ports->uses & SERVICE_HTTP ? options_int(&s->options, "connections") : 0;

    if (asked > 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return (size_t)asked; /* 0: the server's own default */
    return limit.rlim_cur < OTHER_FILES + FEW ? FEW : (size_t)limit.rlim_cur - OTHER_FILES;
}

enum lc_err
shell_limit_addresses(struct shell *s, const struct options *o, const char **why)
{
    if (s->http == NULL)
        return LC_OK;
    const struct http_address_rules rules = {
        .connections = (uint32_t)options_int(o, "address-connections"),
        .per_s = (uint32_t)options_int(o, "address-requests"),
        .proxies = options_get(o, "trusted-proxies"),
        .exempt = options_get(o, "address-exempt"),
    };
    *why = "expected at most 1000000 requests and connections";
    if (rules.connections > ADDRESS_MOST || rules.per_s > ADDRESS_MOST)
        return LC_EINVAL;
    return http_server_limit_addresses(s->http, &rules, why);
}

static enum lc_err
start_limits(struct shell *s)
{
    const char *why = "";
    enum lc_err err = shell_limit_addresses(s, &s->options, &why);

    if (err != LC_OK)
        log_line(LOG_ERROR, "bad_parameter", "name=address-* or trusted-proxies reason=%s", why);
    return err;
}

enum lc_err
shell_http_start(struct shell *s)
{
    static const struct http_handlers handlers = {
        .stream = on_stream,
        .on_request = on_request,
        .on_body = on_body,
        .on_body_end = on_body_end,
        .on_gone = on_gone,
        .on_refused = on_refused,
        .on_ws_message = on_message,
        .on_drained = on_drained,
    };
    static const struct http_handlers admin_handlers = {.on_request = on_admin_request,
                                                        .on_refused = on_refused};
    static const struct http_limits admin_limits = {.connections = 64};
    struct event_base *base = loop_base(s->loop);
    const struct http_limits limits = {.connections = connections(s)};
    enum lc_err err = LC_OK;

    s->http_drained = true;
    if (s->ports->uses & SERVICE_HTTP) {
        s->http = http_server_new(base, &limits, &handlers, s);
        s->http_drained = false;
        s->http_held = options_get(&s->options, "admin")[0] != '\0';
        if (s->http != NULL && s->http_held)
            http_server_hold(s->http);
        err = s->http == NULL ? LC_ENOMEM : listen_on(s, s->http, "http");
    }
    if (err == LC_OK)
        err = start_limits(s);
    if (err == LC_OK && options_get(&s->options, "admin")[0] != '\0') {
        s->admin = http_server_new(base, &admin_limits, &admin_handlers, s);
        err = s->admin == NULL ? LC_ENOMEM : listen_on(s, s->admin, "admin");
    }
    if (err == LC_OK && (s->ports->uses & SERVICE_CALLS)) {
        bool private = options_on(&s->options, "webhooks-private");
        struct http_client_options options = {
            .allow_loopback = private, .allow_private = private, .user_agent = "lifecircle"};
        s->client = http_client_new(base, &options, on_called, s);
        err = s->client == NULL ? LC_ENOMEM : LC_OK;
    }
    return err;
}

/* With an admin port that tells how it is, the other one opens when there is something to get: who
 * balances between copies and has not heard yet that this one died finds the next. */
enum lc_err
shell_http_open(struct shell *s)
{
    if (!s->http_held || !shell_ready(s))
        return LC_OK;
    s->http_held = false;
    enum lc_err err = http_server_open(s->http);
    log_line(err == LC_OK ? LOG_INFO : LOG_ERROR, err == LC_OK ? "open" : "cannot_listen",
             "name=http%s%s", err == LC_OK ? "" : " reason=", err == LC_OK ? "" : lc_strerror(err));
    return err;
}
