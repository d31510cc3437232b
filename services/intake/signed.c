/* Signed requests: HMAC-SHA256 over id, time, method, target and body with a secret that only the
 * chain and Redis know, in the manner of Standard Webhooks. Each id counts once. */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>

enum { ID_MAX = 64, SKEW_S = 300, BY_TEXT = 40 };

struct signature {
    struct slice id;
    struct slice words;
    int64_t time_s;
};

static bool
read_time(struct slice s, int64_t *out)
{
    int64_t v = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (s.p[i] - '0');
    }
    *out = v;
    return s.n >= 1 && s.n <= 12;
}

static bool
id_fits(struct slice id)
{
    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] < 0x21 || id.p[i] > 0x7e || id.p[i] == '.')
            return false;
    return id.n >= 1 && id.n <= ID_MAX;
}

/* is_genuine: of one of the chain's secrets. What is signed as body is the method, the target and,
 * behind a line feed, the body; of a stream, whose end is not known yet, it is empty. */
static bool
is_genuine(const struct event *ev, const Lifecircle__V1__Chain *chain, const struct signature *s)
{
    const struct http_event *http = ev->http;
    struct webhook_secret secret;
    struct buf b = {0};
    bool genuine = false;

    buf_append(&b, http->method.p, http->method.n);
    buf_char(&b, ' ');
    buf_append(&b, http->path.p, http->path.n);
    if (http->query.n > 0) {
        buf_char(&b, '?');
        buf_append(&b, http->query.p, http->query.n);
    }
    buf_char(&b, '\n');
    buf_append(&b, ev->bytes.p, ev->bytes.n);
    for (size_t i = 0; !b.failed && !genuine && i < chain->n_signing_secrets; i++)
        genuine = webhook_secret_parse(slice_str(chain->signing_secrets[i]), &secret) == LC_OK &&
                  webhook_verify(&secret, s->id, s->time_s, buf_slice(&b), s->words);
    buf_free(&b);
    return genuine;
}

static void
refuse(struct intake *in, const struct event *ev, struct outbox *out, const char *why)
{
    answer_error(in, out, ev->ref, 401, "bad_signature", why);
}

static bool
nonce_taken(struct intake *in, const struct event *ev, uint64_t conn, struct held_marks *marks,
            const struct reply *reply, struct outbox *out)
{
    (void)ev;
    if (reply == NULL || reply->kind != REPLY_INT) {
        answer_unavailable(in, out, conn);
        return false;
    }
    if (reply->integer != 1) {
        answer_error(in, out, conn, 401, "bad_signature",
                     "request-id: was used before; sign each request anew");
        return false;
    }
    marks->signature = true;
    return true;
}

/* take_nonce: the id, until nobody could use it any more. `by` says whose it is, should the answer
 * get lost and the call be made again. */
static void
take_nonce(struct intake *in, const struct event *ev, struct outbox *out,
           const Lifecircle__V1__Chain *chain, const struct signature *s)
{
    struct held_marks marks = *in->marks;
    char now[24], until[24], number[16], by[BY_TEXT];

    snprintf(now, sizeof now, "%lld", (long long)ev->now_ms);
    snprintf(until, sizeof until, "%lld", (long long)(s->time_s + SKEW_S + 1) * 1000);
    snprintf(number, sizeof number, "%u", chain->chain);
    snprintf(by, sizeof by, "%llx-%llx", (unsigned long long)ev->entropy,
             (unsigned long long)++in->ids);
    struct slice argv[] = {
        SLICE_LIT("FCALL"), SLICE_LIT("nonce_take"), SLICE_LIT("1"), slice_str(in->key),
        slice_str(now),     slice_str(number),       s->id,          slice_str(until),
        slice_str(by)};
    marks.paid = true;
    if (!held_begin(in, ev, out, &marks, argv, sizeof argv / sizeof *argv, nonce_taken))
        answer_unavailable(in, out, ev->ref);
}

bool
signature_passes(struct intake *in, const struct event *ev, struct outbox *out,
                 const Lifecircle__V1__Chain *chain)
{
    struct slice time = header(ev->http, "request-timestamp");
    struct signature s = {.id = header(ev->http, "request-id"),
                          .words = header(ev->http, "request-signature")};

    if (in->marks->signature)
        return true;
    if (s.words.p == NULL) { /* an id alone is none: proxies set some */
        if (!chain->signing_required)
            return true;
        answer_error(in, out, ev->ref, 401, "signature_required",
                     "expected headers request-id, request-timestamp and request-signature");
        return false;
    }
    bool form = id_fits(s.id) && read_time(time, &s.time_s);
    bool genuine = form && is_genuine(ev, chain, &s);
    if (form && !genuine && auth_look(in, ev, out, chain->chain, true))
        return false; /* by a secret that was made just now, perhaps */
    if (chain->n_signing_secrets == 0)
        refuse(in, ev, out, "request-signature: this chain has no secret for signing");
    else if (!id_fits(s.id))
        refuse(in, ev, out, "request-id: expected 1 to 64 printable ASCII characters but '.'");
    else if (!form)
        refuse(in, ev, out, "request-timestamp: expected Unix seconds");
    else if (llabs(ev->now_ms / 1000 - s.time_s) > SKEW_S)
        refuse(in, ev, out, "request-timestamp: expected within five minutes of now");
    else if (!genuine)
        refuse(in, ev, out, "request-signature: is not of this request");
    else
        take_nonce(in, ev, out, chain, &s);
    return false;
}
