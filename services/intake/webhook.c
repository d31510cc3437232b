/* PUT and DELETE /v1/webhook: where a chain hears what happens to its orders. */
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

void
delete_webhook(struct intake *in, const struct request *rq)
{
    begin(in, rq,
          &(struct webhook_job){.conn = rq->conn, .chain = rq->chain->chain, .remove = true});
}
