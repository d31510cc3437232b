/* /v1/webhook: where a chain hears what happens to its orders, and how that fares. */
#include "core.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { URL_MAX = 500, SECRETS_MAX = 3 };

struct webhook_job {
    uint64_t conn;
    uint32_t chain;
    bool remove;
    char url[URL_MAX + 1];
    char secret[WEBHOOK_SECRET_TEXT];
};

static void
put_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
         struct outbox *out)
{
    const struct webhook_job *job = c->data;

    (void)ev;
    /* 0: the chain was changed since it was read, a key revoked perhaps; the chain repeats */
    if (reply == NULL || reply->kind != REPLY_INT || reply->integer == 0) {
        answer_unavailable(in, out, job->conn);
        return;
    }
    catalogue_poll(in->catalogue, ev, out);
    if (job->remove) {
        count_up(in, COUNT_2XX);
        outbox_http(out, job->conn, 204, NULL, NULL, (struct slice){NULL, 0});
        return;
    }
    buf_reset(&in->text);
    struct json_out w = json_out_to(&in->text);
    json_out_object(&w, NULL);
    json_out_cstr(&w, "url", job->url);
    json_out_cstr(&w, "secret", job->secret);
    json_out_end(&w);
    answer_json(in, out, job->conn, 200, buf_slice(&in->text));
}

/* The new secret signs first; the ones before go on signing beside it, so that a receiver may
 * change over. */
static void
set_webhook(Lifecircle__V1__Chain *chain, const struct webhook_job *job, char *secrets[SECRETS_MAX])
{
    size_t n = 0;

    if (!job->remove)
        secrets[n++] = (char *)(uintptr_t)job->secret;
    for (size_t i = 0; i < chain->n_webhook_secrets && n < SECRETS_MAX; i++)
        secrets[n++] = chain->webhook_secrets[i];
    chain->webhook_secrets = secrets;
    chain->n_webhook_secrets = job->remove ? 0 : n;
    chain->webhook_url = (char *)(uintptr_t)job->url;
    chain->webhook_disabled = false;
}

static void
read_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
          struct outbox *out)
{
    const struct webhook_job *job = c->data;
    struct webhook_job *next = malloc(sizeof *next);
    char *secrets[SECRETS_MAX], now[24], number[16];
    const Lifecircle__V1__Chain *old = NULL;

    if (reply != NULL && reply->kind == REPLY_STRING)
        old = wire_unpack(&lifecircle__v1__chain__descriptor, ev->arena, reply->str);
    if (old == NULL || next == NULL) {
        free(next);
        answer_unavailable(in, out, job->conn);
        return;
    }
    *next = *job;
    Lifecircle__V1__Chain chain = *old;
    chain.chain = 0; /* chain_put sets it in front */
    set_webhook(&chain, job, secrets);
    size_t n = lifecircle__v1__chain__get_packed_size(&chain);
    uint8_t *packed = arena_alloc(ev->arena, n + 1);
    if (packed != NULL)
        lifecircle__v1__chain__pack(&chain, packed);
    snprintf(now, sizeof now, "%lld", (long long)ev->now_ms);
    snprintf(number, sizeof number, "%u", job->chain);
    struct slice argv[] = {SLICE_LIT("FCALL"),
                           SLICE_LIT("chain_put"),
                           SLICE_LIT("1"),
                           slice_str(in->key),
                           slice_str(now),
                           slice_str(number),
                           slice_of((const char *)packed, packed == NULL ? 0 : n),
                           reply->str};
    if (packed == NULL)
        free(next);
    if (packed == NULL || call_start(in, ev, out, argv, 8, put_done, next) != LC_OK)
        answer_unavailable(in, out, job->conn);
}

static void
begin(struct intake *in, const struct request *rq, const struct webhook_job *job)
{
    char key[64], number[16];
    struct webhook_job *copy = malloc(sizeof *copy);

    snprintf(key, sizeof key, "%s:chains", in->key);
    snprintf(number, sizeof number, "%u", rq->chain->chain);
    struct slice argv[] = {SLICE_LIT("HGET"), slice_str(key), slice_str(number)};
    if (copy != NULL)
        *copy = *job;
    if (copy == NULL || call_start(in, rq->ev, rq->out, argv, 3, read_done, copy) != LC_OK)
        answer_unavailable(in, rq->out, rq->conn);
}

/* An event carries 64 random bits, too few for a secret: the city's secret, which nobody outside
 * knows, stretches them. False without memory. */
static bool
make_secret(struct intake *in, const struct event *ev, uint32_t chain,
            char out[WEBHOOK_SECRET_TEXT])
{
    struct webhook_secret s = {.n = 32};
    struct buf b = {0};

    buf_str(&b, "lifecircle/webhook-secret/1");
    buf_u64(&b, ev->entropy);
    buf_u64(&b, (uint64_t)ev->now_ms);
    buf_u64(&b, ++in->ids);
    buf_u32(&b, chain);
    bool whole = !b.failed;
    if (whole) {
        crypto_generichash(s.b, s.n, (const unsigned char *)b.p, b.n, in->secret.b,
                           sizeof in->secret.b);
        webhook_secret_format(&s, out);
    }
    buf_free(&b);
    return whole;
}

/* authority_fits: a host, and behind it nothing or a port from 1 to 65535. */
static bool
authority_fits(struct slice host)
{
    size_t digits = 0;
    unsigned long port = 0;

    while (digits < host.n && host.p[host.n - digits - 1] >= '0' &&
           host.p[host.n - digits - 1] <= '9')
        digits++;
    if (digits < host.n && host.p[host.n - digits - 1] == ':') {
        for (const char *p = host.p + host.n - digits; p < host.p + host.n && port <= UINT16_MAX;)
            port = 10 * port + (unsigned long)(*p++ - '0');
        if (port == 0 || port > UINT16_MAX)
            return false;
        host.n -= digits + 1;
    }
    return host.n > 0 &&
           (memchr(host.p, ':', host.n) == NULL || (host.p[0] == '[' && host.p[host.n - 1] == ']'));
}

/* https (http too where that is allowed), a host, no user or password, no fragment; where it may
 * lead is for the notifier, which resolves it. */
static bool
url_fits(const struct intake *in, struct slice url)
{
    const char *scheme =
        in->webhooks_http && url.n > 5 && memcmp(url.p, "http:", 5) == 0 ? "http://" : "https://";
    size_t n = strlen(scheme);

    if (url.n <= n || memcmp(url.p, scheme, n) != 0 || url.p[n] == '/' || url.p[n] == ':')
        return false;
    for (size_t i = n; i < url.n; i++)
        if (url.p[i] <= ' ' || url.p[i] > '~' || strchr("@#\"<>\\^`{|}", url.p[i]) != NULL)
            return false;
    size_t authority = 0;
    while (n + authority < url.n && strchr("/?", url.p[n + authority]) == NULL)
        authority++;
    return authority_fits(slice_of(url.p + n, authority));
}

void
put_webhook(struct intake *in, const struct request *rq)
{
    static const char *const fields[] = {"url"};
    struct webhook_job job = {.conn = rq->conn, .chain = rq->chain->chain};
    struct json_in json;
    struct slice url;

    enum lc_err err = json_in_parse(&json, rq->ev->arena, rq->ev->bytes, &json_limits_default);
    if (err == LC_OK) {
        struct json_at root = json_in_root(&json);
        if (json_in_string(&json, &root, "url", JSON_REQUIRED, 1, URL_MAX, &url)) {
            if (url_fits(in, url))
                memcpy(job.url, url.p, url.n);
            else
                json_in_fail(
                    &json, &root, "url",
                    "expected an %s URL, a port from 1 to 65535 if any, no user or fragment",
                    in->webhooks_http ? "http or https" : "https");
        }
        json_in_only(&json, &root, fields, 1);
    }
    if (err != LC_OK || json.error_n > 0) {
        answer_json_errors(in, rq->out, rq->conn, err, &json, "invalid_request");
        return;
    }
    if (make_secret(in, rq->ev, rq->chain->chain, job.secret))
        begin(in, rq, &job);
    else
        answer_unavailable(in, rq->out, rq->conn);
}

/* ---- how it fares ---- */

/* What is kept of the calls to a chain's URL; 0 = never. */
struct told {
    int64_t ok_ms;
    int64_t failed_ms;
    unsigned status; /* 0 = no answer */
    uint32_t in_a_row;
    struct slice why; /* there was none */
};

/* layout of `webhook:told` in docs/redis.md; what was said of another URL is nothing. */
static void
read_told(struct slice bytes, const char *url, struct told *t)
{
    enum { URL_HEX = 16, HEAD = URL_HEX + 22 };
    char of[URL_HEX + 1];

    *t = (struct told){.ok_ms = 0};
    snprintf(of, sizeof of, "%016llx", (unsigned long long)fingerprint64(slice_str(url)));
    if (bytes.n < HEAD || memcmp(bytes.p, of, URL_HEX) != 0)
        return;
    const char *p = bytes.p + URL_HEX;
    t->ok_ms = (int64_t)bytes_u64(p);
    t->failed_ms = (int64_t)bytes_u64(p + 8);
    t->status = bytes_u16(p + 16);
    t->in_a_row = bytes_u32(p + 18);
    t->why = slice_of(bytes.p + HEAD, bytes.n - HEAD);
}

static void
write_when(struct json_out *w, const char *name, int64_t ms)
{
    if (ms > 0)
        json_out_time(w, name, ms);
    else
        json_out_null(w, name);
}

static void
write_failure(struct json_out *w, const struct told *t)
{
    if (t->failed_ms == 0) {
        json_out_null(w, "last_failure");
        return;
    }
    json_out_object(w, "last_failure");
    json_out_time(w, "at", t->failed_ms);
    if (t->status > 0)
        json_out_uint(w, "status", t->status);
    else
        json_out_null(w, "status");
    if (t->status == 0)
        json_out_str(w, "why", t->why);
    json_out_end(w);
}

enum { GONE = 410 };

static void
write_webhook(struct json_out *w, const Lifecircle__V1__Chain *chain, const struct reply *told)
{
    bool on = chain->webhook_url[0] != '\0';
    struct told t;

    read_told(told->items[1].str, chain->webhook_url, &t);
    json_out_object(w, NULL);
    json_out_cstr(w, "url", on ? chain->webhook_url : NULL);
    json_out_cstr(w, "state", !on ? "off" : chain->webhook_disabled ? "disabled" : "active");
    if (on && chain->webhook_disabled) {
        write_when(w, "disabled_at", t.status == GONE ? t.failed_ms : 0);
        json_out_cstr(w, "disabled_why", "answered 410 Gone; PUT /v1/webhook sets it again");
    }
    write_when(w, "last_success_at", t.ok_ms);
    write_failure(w, &t);
    json_out_uint(w, "failures_in_a_row", t.in_a_row);
    json_out_uint(w, "queued", (uint64_t)told->items[2].integer);
    write_when(w, "next_try_at", on && !chain->webhook_disabled ? told->items[3].integer : 0);
    json_out_end(w);
}

static void
told_done(struct intake *in, struct call *c, const struct event *ev, const struct reply *reply,
          struct outbox *out)
{
    const struct webhook_job *job = c->data;
    const Lifecircle__V1__Chain *chain = NULL;

    if (reply != NULL && reply->kind == REPLY_ARRAY && reply->n == 4 &&
        reply->items[1].kind == REPLY_STRING)
        chain = wire_unpack(&lifecircle__v1__chain__descriptor, ev->arena, reply->items[0].str);
    if (chain == NULL) {
        answer_unavailable(in, out, job->conn);
        return;
    }
    buf_reset(&in->text);
    struct json_out w = json_out_to(&in->text);
    write_webhook(&w, chain, reply);
    answer_json(in, out, job->conn, 200, buf_slice(&in->text));
}

void
get_webhook(struct intake *in, const struct request *rq)
{
    char number[16];
    struct webhook_job *job = calloc(1, sizeof *job);

    snprintf(number, sizeof number, "%u", rq->chain->chain);
    struct slice argv[] = {SLICE_LIT("FCALL_RO"), SLICE_LIT("webhook_told"), SLICE_LIT("1"),
                           slice_str(in->key), slice_str(number)};
    if (job != NULL)
        job->conn = rq->conn;
    if (job == NULL || call_start(in, rq->ev, rq->out, argv, 5, told_done, job) != LC_OK)
        answer_unavailable(in, rq->out, rq->conn);
}

void
delete_webhook(struct intake *in, const struct request *rq)
{
    begin(in, rq,
          &(struct webhook_job){.conn = rq->conn, .chain = rq->chain->chain, .remove = true});
}
