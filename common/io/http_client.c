#include "io/http_client.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define URL_BYTES 4096u

/* One request. In the queue, or in flight (easy != NULL), and in the client's list either way. */
struct job {
    struct http_client *client;
    uint64_t tag;
    uint64_t deadline_ms; /* monotonic */
    CURL *easy;
    struct curl_slist *headers;
    char *url;
    struct buf body;
    bool get;
    struct buf answer;
    size_t answered_bytes;
    bool not_public, sent, enough;
    struct job *prev, *next;
};

struct http_client {
    struct event_base *base;
    struct http_client_options options;
    char *user_agent;
    http_client_done *on_done;
    void *ctx;
    CURLM *multi;
    struct event *timer_ev; /* curl's own time-out */
    struct event *start_ev; /* something may start, outside http_post and on_done */
    struct job *first, *last, *next_queued;
    size_t queued, in_flight;
};

static uint64_t
monotonic_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

const char *
http_client_error_name(enum http_client_error err)
{
    static const char *const names[HTTP_CLIENT_ERROR_COUNT] = {
        "ok",  "bad_url",  "resolve", "not_public", "connect",
        "tls", "deadline", "broken",  "memory",     "too_big",
    };
    return err >= 0 && err < HTTP_CLIENT_ERROR_COUNT ? names[err] : "unknown";
}

static void
job_free(struct job *j)
{
    struct http_client *c = j->client;

    *(j->prev != NULL ? &j->prev->next : &c->first) = j->next;
    *(j->next != NULL ? &j->next->prev : &c->last) = j->prev;
    if (c->next_queued == j)
        c->next_queued = j->next;
    if (j->easy != NULL) {
        curl_multi_remove_handle(c->multi, j->easy);
        curl_easy_cleanup(j->easy);
    }
    curl_slist_free_all(j->headers);
    buf_free(&j->body);
    buf_free(&j->answer);
    free(j->url);
    free(j);
}

static void
start_soon(struct http_client *c)
{
    if (c->queued > 0 && c->in_flight < c->options.in_flight)
        event_active(c->start_ev, EV_TIMEOUT, 0);
}

static void
finish(struct job *j, int status, enum http_client_error err)
{
    struct http_client *c = j->client;
    uint64_t tag = j->tag;
    struct buf answer = j->answer;

    j->answer = (struct buf){0};
    if (err != HTTP_CLIENT_OK)
        status = 0;
    job_free(j);
    start_soon(c);
    if (c->options.on_answer == NULL)
        c->on_done(c->ctx, tag, status, err);
    else
        c->options.on_answer(c->ctx, tag, status, err,
                             status == 0 ? (struct slice){NULL, 0} : buf_slice(&answer));
    buf_free(&answer);
}

/* curl shows every address before it connects: the one place where a name cannot lie. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct job *j = arg;
    const struct http_client_options *o = &j->client->options;

    (void)purpose;
    if (!o->any_address &&
        !http_address_allowed(&address->addr, o->allow_loopback, o->allow_private)) {
        j->not_public = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t
hear(char *p, size_t size, size_t n, void *arg)
{
    struct job *j = arg;

    j->answered_bytes += size * n;
    j->enough = j->answered_bytes > j->client->options.body_bytes;
    if (j->enough)
        return 0;
    if (j->client->options.on_answer != NULL)
        buf_append(&j->answer, p, size * n);
    return j->answer.failed ? 0 : size * n;
}

static enum http_client_error
error_of(const struct job *j, CURLcode code)
{
    switch ((int)code) { /* curl adds codes; the rest is "broken" */
    case CURLE_OK:
        return HTTP_CLIENT_OK;
    case CURLE_UNSUPPORTED_PROTOCOL: /* also said to an answer that is not HTTP/1 */
        return j->sent ? HTTP_CLIENT_BROKEN : HTTP_CLIENT_BAD_URL;
    case CURLE_URL_MALFORMAT:
    case CURLE_LOGIN_DENIED: /* what curl says to user:password when that is disallowed */
        return HTTP_CLIENT_BAD_URL;
    case CURLE_COULDNT_RESOLVE_HOST:
        return HTTP_CLIENT_RESOLVE;
    case CURLE_COULDNT_CONNECT:
        return j->not_public ? HTTP_CLIENT_NOT_PUBLIC : HTTP_CLIENT_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return HTTP_CLIENT_DEADLINE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        return HTTP_CLIENT_TLS;
    case CURLE_OUT_OF_MEMORY:
        return HTTP_CLIENT_MEMORY;
    case CURLE_WRITE_ERROR:
        if (j->answer.failed)
            return HTTP_CLIENT_MEMORY;
        if (j->enough && j->client->options.on_answer != NULL)
            return HTTP_CLIENT_TOO_BIG;
        return j->enough ? HTTP_CLIENT_OK : HTTP_CLIENT_BROKEN;
    default:
        return HTTP_CLIENT_BROKEN;
    }
}

static void
collect(struct http_client *c)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
        struct job *j = NULL;
        CURLcode code = m->data.result;
        long status = 0;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &j);
        curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        long sent = 0;
        curl_easy_getinfo(m->easy_handle, CURLINFO_REQUEST_SIZE, &sent);
        j->sent = sent > 0;
        c->in_flight--;
        finish(j, (int)status, error_of(j, code));
    }
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *c = arg;
    int running;

    (void)fd, (void)what;
    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(c);
}

static int
set_timer(CURLM *multi, long ms, void *arg)
{
    struct http_client *c = arg;
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    (void)multi;
    if (ms < 0)
        event_del(c->timer_ev);
    else
        event_add(c->timer_ev, &tv);
    return 0;
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *c = arg;
    int bits = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
               ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    int running;

    curl_multi_socket_action(c->multi, fd, bits, &running);
    collect(c);
}

static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct http_client *c = arg;
    struct event *ev = socket_arg;

    (void)easy;
    if (ev != NULL)
        event_free(ev);
    ev = NULL;
    if (what != CURL_POLL_REMOVE) {
        short bits = (short)(EV_PERSIST | ((what & CURL_POLL_IN) != 0 ? EV_READ : 0) |
                             ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0));
        ev = event_new(c->base, fd, bits, on_socket, c);
        if (ev != NULL)
            event_add(ev, NULL); /* on failure the request's deadline ends it */
    }
    curl_multi_assign(c->multi, fd, ev);
    return 0;
}

static bool
prepare(struct job *j, uint64_t now_ms)
{
    struct http_client *c = j->client;
    CURL *e = j->easy = curl_easy_init();
    bool ok = e != NULL;

#define SET(option, value) ok = ok && curl_easy_setopt(e, option, value) == CURLE_OK
    SET(CURLOPT_PRIVATE, j);
    SET(CURLOPT_URL, j->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_USERAGENT, c->user_agent);
    SET(CURLOPT_HTTPHEADER, j->headers);
    if (!j->get) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)j->body.n);
        SET(CURLOPT_POSTFIELDS, j->body.p != NULL ? j->body.p : "");
    }
    SET(CURLOPT_TIMEOUT_MS, (long)(j->deadline_ms - now_ms));
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, j);
    SET(CURLOPT_WRITEFUNCTION, hear);
    SET(CURLOPT_WRITEDATA, j);
#undef SET
    return ok;
}

static void
start(struct job *j)
{
    struct http_client *c = j->client;
    uint64_t now = monotonic_ms();

    c->queued--;
    if (now >= j->deadline_ms) {
        finish(j, 0, HTTP_CLIENT_DEADLINE);
        return;
    }
    if (!prepare(j, now) || curl_multi_add_handle(c->multi, j->easy) != CURLM_OK) {
        finish(j, 0, HTTP_CLIENT_MEMORY);
        return;
    }
    c->in_flight++;
}

static void
on_start(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *c = arg;

    (void)fd, (void)what;
    while (c->next_queued != NULL && c->in_flight < c->options.in_flight) {
        struct job *j = c->next_queued;
        c->next_queued = j->next;
        start(j);
    }
}

/* "Name: value\r\n" lines to curl's list. False for anything else, or without memory. */
static bool
add_headers(struct job *j, struct slice lines)
{
    /* curl would wait a second for a 100 that few receivers send */
    j->headers = curl_slist_append(NULL, "Expect:");
    while (j->headers != NULL && lines.n > 0) {
        char line[2048];
        const char *lf = memchr(lines.p, '\n', lines.n);
        size_t n = lf == NULL ? 0 : (size_t)(lf - lines.p) + 1;
        if (n < 4 || n > sizeof line || lf[-1] != '\r' || memchr(lines.p, ':', n) == NULL ||
            memchr(lines.p, '\0', n) != NULL || memchr(lines.p, '\r', n - 2) != NULL)
            return false;
        memcpy(line, lines.p, n - 2);
        line[n - 2] = '\0';
        struct curl_slist *more = curl_slist_append(j->headers, line);
        if (more == NULL)
            return false;
        j->headers = more;
        lines = slice_of(lines.p + n, lines.n - n);
    }
    return j->headers != NULL;
}

static enum lc_err
ask(struct http_client *c, bool get, uint64_t tag, struct slice url, struct slice headers,
    struct slice body, uint32_t deadline_ms)
{
    if (url.n == 0 || url.n > URL_BYTES || memchr(url.p, '\0', url.n) != NULL)
        return LC_EINVAL;
    if (c->queued >= c->options.queue)
        return LC_EAGAIN;
    struct job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return LC_ENOMEM;
    j->client = c;
    j->get = get;
    j->tag = tag;
    j->deadline_ms = monotonic_ms() + deadline_ms;
    j->prev = c->last;
    *(c->last != NULL ? &c->last->next : &c->first) = j;
    c->last = j;
    j->url = strndup(url.p, url.n);
    buf_append(&j->body, body.p, body.n);
    bool lines = add_headers(j, headers);
    if (j->url == NULL || j->body.failed || !lines) {
        enum lc_err err =
            j->url == NULL || j->body.failed || j->headers == NULL ? LC_ENOMEM : LC_EINVAL;
        job_free(j);
        return err;
    }
    if (c->next_queued == NULL)
        c->next_queued = j;
    c->queued++;
    start_soon(c);
    return LC_OK;
}

enum lc_err
http_post(struct http_client *c, uint64_t tag, struct slice url, struct slice headers,
          struct slice body, uint32_t deadline_ms)
{
    return ask(c, false, tag, url, headers, body, deadline_ms);
}

enum lc_err
http_get(struct http_client *c, uint64_t tag, struct slice url, struct slice headers,
         uint32_t deadline_ms)
{
    return ask(c, true, tag, url, headers, (struct slice){NULL, 0}, deadline_ms);
}

size_t
http_client_pending(const struct http_client *c)
{
    return c->queued + c->in_flight;
}

struct http_client *
http_client_new(struct event_base *base, const struct http_client_options *options,
                http_client_done *on_done, void *ctx)
{
    struct http_client *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(c);
        return NULL;
    }
    if (options != NULL)
        c->options = *options;
    if (c->options.in_flight == 0)
        c->options.in_flight = 32;
    if (c->options.queue == 0)
        c->options.queue = 4096;
    if (c->options.body_bytes == 0)
        c->options.body_bytes = 65536;
    c->base = base;
    c->on_done = on_done;
    c->ctx = ctx;
    c->user_agent = strdup(c->options.user_agent != NULL ? c->options.user_agent : "lifecircle");
    c->options.user_agent = NULL;
    c->multi = curl_multi_init();
    c->timer_ev = event_new(base, -1, 0, on_timer, c);
    c->start_ev = event_new(base, -1, 0, on_start, c);
    if (c->user_agent == NULL || c->multi == NULL || c->timer_ev == NULL || c->start_ev == NULL) {
        http_client_destroy(c);
        return NULL;
    }
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    return c;
}

void
http_client_destroy(struct http_client *c)
{
    if (c == NULL)
        return;
    while (c->first != NULL)
        job_free(c->first);
    if (c->multi != NULL)
        curl_multi_cleanup(c->multi);
    if (c->timer_ev != NULL)
        event_free(c->timer_ev);
    if (c->start_ev != NULL)
        event_free(c->start_ev);
    free(c->user_agent);
    free(c);
    curl_global_cleanup();
}
