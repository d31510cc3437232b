/* Whose request is it, and are these too many? */
#include "core.h"

#include "base/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { RATE_DEFAULT = 1000 };

/* A token bucket per key: it holds what one second allows. Refilled in thousandths, so that no
 * request is lost to rounding. */
struct bucket {
    uint64_t key; /* chain << 32 | index of the key in the chain */
    int64_t milli;
    int64_t at_ms;
    UT_hash_handle hh;
};

static struct bucket *
bucket_of(struct intake *in, uint64_t key, int64_t full, int64_t now_ms)
{
    struct bucket *b;
    bool map_failed = false;

    HASH_FIND(hh, in->buckets, &key, sizeof key, b);
    if (b != NULL)
        return b;
    b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    *b = (struct bucket){.key = key, .milli = full, .at_ms = now_ms};
    HASH_ADD(hh, in->buckets, key, sizeof b->key, b);
    if (map_failed) {
        free(b);
        return NULL;
    }
    return b;
}

/* 0: go on; else the seconds to wait; -1: there is no memory to count by. */
static int64_t
spend(struct intake *in, const Lifecircle__V1__Chain *chain, size_t index, int64_t now_ms)
{
    int64_t rate = chain->requests_per_s == 0 ? RATE_DEFAULT : chain->requests_per_s;
    int64_t full = rate * 1000;
    struct bucket *b = bucket_of(in, (uint64_t)chain->chain << 32 | index, full, now_ms);

    if (b == NULL)
        return -1;
    if (in->marks->paid)
        return 0;
    int64_t passed = now_ms - b->at_ms;
    b->milli = passed >= 1000 || b->milli + passed * rate > full ? full : b->milli + passed * rate;
    b->at_ms = now_ms;
    if (b->milli < 1000)
        return 1; /* a rate is at least 1 a second */
    b->milli -= 1000;
    return 0;
}

const Lifecircle__V1__Chain *
auth_key(struct intake *in, struct slice key, int64_t now_ms, int *status, int64_t *retry_s)
{
    const Lifecircle__V1__Chain *chain;
    size_t index;

    if (catalogue_chain_by_key(in->catalogue, key, &chain, &index) != LC_OK) {
        *status = 401;
        return NULL;
    }
    *retry_s = spend(in, chain, index, now_ms);
    *status = *retry_s == 0 ? 200 : *retry_s < 0 ? 503 : 429;
    return *retry_s == 0 ? chain : NULL;
}

static struct slice
key_of(const struct http_event *http)
{
    struct slice v = header(http, "authorization");

    if (v.p == NULL)
        return header(http, "x-api-key");
    if (v.n < 7 || strncasecmp(v.p, "Bearer ", 7) != 0)
        return (struct slice){NULL, 0};
    v = slice_of(v.p + 7, v.n - 7);
    while (v.n > 0 && *v.p == ' ')
        v = slice_of(v.p + 1, v.n - 1);
    return v;
}

/* ---- keys that are newer than the catalogue ---- */

/* A key that the catalogue does not know may have been made within the last quarter of a second, so
 * Redis is asked, once: not for a chain that was asked for lately, nor more than so often, so that
 * wrong keys cost no more than a little. */
enum { LOOK_AGAIN_MS = 250, LOOKS_A_SECOND = 100 };

static bool
may_look(struct intake *in, uint32_t chain, int64_t now_ms)
{
    struct looked *l = &in->looked[chain % LOOKED_SLOTS];

    if (now_ms - in->looks_since_ms >= 1000) {
        in->looks_since_ms = now_ms;
        in->looks = 0;
    }
    if ((l->chain == chain && now_ms - l->at_ms < LOOK_AGAIN_MS) || in->looks >= LOOKS_A_SECOND)
        return false;
    *l = (struct looked){chain, now_ms};
    in->looks++;
    return true;
}

/* Is this another record than the catalogue has? */
static bool
is_news(const struct intake *in, struct arena *a, const Lifecircle__V1__Chain *fresh,
        struct slice packed)
{
    const Lifecircle__V1__Chain *old =
        fresh == NULL ? NULL : catalogue_chain(in->catalogue, fresh->chain);
    size_t n = old == NULL ? 0 : lifecircle__v1__chain__get_packed_size(old);
    uint8_t *bytes = arena_alloc(a, n + 1);

    if (fresh == NULL || bytes == NULL)
        return false;
    if (old == NULL || lifecircle__v1__chain__pack(old, bytes) != packed.n)
        return true;
    return memcmp(bytes, packed.p, n) != 0;
}

static bool
looked_up(struct intake *in, const struct event *ev, uint64_t conn, struct held_marks *marks,
          const struct reply *reply, struct outbox *out)
{
    const Lifecircle__V1__Chain *fresh = NULL;

    marks->looked = true;
    if (reply == NULL || (reply->kind != REPLY_STRING && reply->kind != REPLY_NIL)) {
        answer_unavailable(in, out, conn);
        return false;
    }
    if (reply->kind == REPLY_STRING)
        fresh = wire_unpack(&lifecircle__v1__chain__descriptor, ev->arena, reply->str);
    /* where something was just changed, more may be changed in the next moment: a key made, then a
     * secret for signing */
    if (is_news(in, ev->arena, fresh, reply->str))
        in->looked[fresh->chain % LOOKED_SLOTS] = (struct looked){0};
    if (reply->kind == REPLY_STRING &&
        catalogue_put_chain(in->catalogue, reply->str) == LC_ENOMEM) {
        answer_unavailable(in, out, conn);
        return false;
    }
    return true;
}

bool
auth_look(struct intake *in, const struct event *ev, struct outbox *out, uint32_t chain, bool paid)
{
    struct held_marks marks = *in->marks;
    char hash[64], text[16];

    if (marks.looked || !may_look(in, chain, ev->now_ms))
        return false;
    marks.paid = marks.paid || paid;
    snprintf(hash, sizeof hash, "%s:chains", in->key);
    snprintf(text, sizeof text, "%u", chain);
    struct slice argv[] = {SLICE_LIT("HGET"), slice_str(hash), slice_str(text)};
    return held_begin(in, ev, out, &marks, argv, 3, looked_up);
}

/* look_up: false when there is nothing to look for. */
static bool
look_up(struct intake *in, const struct event *ev, struct outbox *out, struct slice key)
{
    enum secret_kind kind;
    uint32_t number;

    return secret_token_parse(key, &kind, &number) == LC_OK && kind == SECRET_CHAIN && number > 0 &&
           auth_look(in, ev, out, number, false);
}

const Lifecircle__V1__Chain *
authenticate(struct intake *in, const struct event *ev, struct outbox *out)
{
    int status = 401;
    int64_t retry_s = 0;

    if (!catalogue_loaded(in->catalogue)) { /* which keys there are is not known yet */
        answer_unavailable(in, out, ev->ref);
        return NULL;
    }
    const Lifecircle__V1__Chain *chain =
        auth_key(in, key_of(ev->http), ev->now_ms, &status, &retry_s);
    if (chain != NULL)
        return chain;
    if (status == 401 && look_up(in, ev, out, key_of(ev->http)))
        return NULL;
    if (status == 401)
        answer_error(in, out, ev->ref, 401, "unauthorized",
                     "expected a valid API key as `Authorization: Bearer lc_chain_…`");
    else if (status == 503)
        answer_unavailable(in, out, ev->ref);
    else
        answer_limited(in, out, ev->ref, "too_many_requests", retry_s);
    return NULL;
}

void
auth_hash(const struct event *ev, char out[SECRET_HASH_TEXT])
{
    secret_hash(key_of(ev->http), out);
}

void
auth_close(struct intake *in)
{
    struct bucket *b, *next;

    HASH_ITER(hh, in->buckets, b, next)
    {
        HASH_DELETE(hh, in->buckets, b);
        free(b);
    }
}
