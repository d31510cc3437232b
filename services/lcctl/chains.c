/* Chains with their API keys. A key is shown once, when it is made; Redis keeps its hash. */
#include "base/secret.h"
#include "base/wire.h"
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* find_chain: by short name or number; NULL when there is none. *was (may be NULL) are its bytes,
 * which live as long as *keep. */
static Lifecircle__V1__Chain *
find_chain(struct ctl *c, const char *name, redisReply **keep, struct slice *was)
{
    *keep = ctl_read(c, "HGETALL", "chains", NULL);
    for (size_t i = 0; *keep != NULL && i + 1 < (*keep)->elements; i += 2) {
        const redisReply *value = (*keep)->element[i + 1];
        const Lifecircle__V1__Chain *chain = wire_unpack(
            &lifecircle__v1__chain__descriptor, c->arena, slice_of(value->str, value->len));
        if (chain != NULL &&
            (strcmp(chain->chain_id, name) == 0 || strcmp((*keep)->element[i]->str, name) == 0)) {
            if (was != NULL)
                *was = slice_of(value->str, value->len);
            return (Lifecircle__V1__Chain *)(uintptr_t)chain;
        }
    }
    return NULL;
}

uint32_t
find_chain_number(struct ctl *c, struct slice name)
{
    const char *text = arena_copy(c->arena, name.p, name.n);
    redisReply *keep = NULL;
    const Lifecircle__V1__Chain *chain = text == NULL ? NULL : find_chain(c, text, &keep, NULL);
    uint32_t number = chain == NULL ? 0 : chain->chain;

    if (keep != NULL)
        freeReplyObject(keep);
    return number;
}

/* store_chain: was = the bytes that were read, which must be there still; empty = whatever is. */
static int
store_chain(struct ctl *c, const Lifecircle__V1__Chain *chain, struct slice was, uint32_t *number)
{
    Lifecircle__V1__Chain bare = *chain;
    bare.chain = 0; /* the function puts the number in front */
    size_t n = lifecircle__v1__chain__get_packed_size(&bare);
    uint8_t *bytes = arena_alloc(c->arena, n + 1);
    if (bytes == NULL)
        return EXIT_FAILED;
    lifecircle__v1__chain__pack(&bare, bytes);
    struct slice args[] = {ctl_number(c, c->now_ms), ctl_number(c, chain->chain),
                           slice_of((char *)bytes, n), was};
    redisReply *reply = ctl_call(c, "chain_put", was.n > 0 ? 4 : 3, args);
    if (reply == NULL)
        return EXIT_FAILED;
    if (reply->integer == 0) {
        freeReplyObject(reply);
        fprintf(stderr, "lcctl: chain %s was changed by somebody else meanwhile; try again\n",
                chain->chain_id);
        return EXIT_FAILED;
    }
    if (number != NULL)
        *number = (uint32_t)reply->integer;
    freeReplyObject(reply);
    return EXIT_SUCCESS;
}

/* add_key: gives the chain one more key and prints it. */
static int
add_key(struct ctl *c, Lifecircle__V1__Chain *chain, struct slice was)
{
    uint8_t random[SECRET_RANDOM];
    char token[SECRET_TOKEN_TEXT];
    char *hash = arena_alloc(c->arena, SECRET_HASH_TEXT);
    Lifecircle__V1__ApiKey *key = arena_alloc(c->arena, sizeof *key);
    Lifecircle__V1__ApiKey **keys = arena_array(c->arena, chain->n_keys + 1, sizeof(void *));

    if (hash == NULL || key == NULL || keys == NULL)
        return EXIT_FAILED;
    ctl_random(random, sizeof random);
    size_t n = secret_token_format(SECRET_CHAIN, chain->chain, random, token);
    secret_hash(slice_of(token, n), hash);
    *key = (Lifecircle__V1__ApiKey)LIFECIRCLE__V1__API_KEY__INIT;
    key->key_id = arena_copy(c->arena, hash, 8);
    key->hash = hash;
    key->created_ms = c->now_ms;
    if (chain->n_keys > 0)
        memcpy(keys, chain->keys, chain->n_keys * sizeof(void *));
    keys[chain->n_keys++] = key;
    chain->keys = keys;
    int status = store_chain(c, chain, was, NULL);
    return status != EXIT_SUCCESS
               ? status
               : show_token(c, "chain", chain->chain_id, chain->chain, key->key_id, "key", token);
}

static int
chain_add(struct ctl *c, struct args *a)
{
    Lifecircle__V1__Chain chain = LIFECIRCLE__V1__CHAIN__INIT;
    const char *name = args_option(a, "name", NULL);
    const char *currency = args_option(a, "currency", "USD");
    const char *policy = args_option(a, "price-policy", "refuse");
    const char *promise = args_option(a, "promise", "3600");
    const char *rate = args_option(a, "rate", "1000");
    const char *id = args_next(a);
    redisReply *keep;

    if (id == NULL || name == NULL || !args_done(a))
        return EXIT_USAGE;
    if (!args_short_name("ID", id))
        return EXIT_USAGE;
    if (strlen(currency) != 3 || strspn(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3) {
        fprintf(stderr, "lcctl: --currency: expected an ISO 4217 code, got %s\n", currency);
        return EXIT_USAGE;
    }
    if (strcmp(policy, "refuse") != 0 && strcmp(policy, "take") != 0) {
        fprintf(stderr, "lcctl: --price-policy: expected refuse or take, got %s\n", policy);
        return EXIT_USAGE;
    }
    if (!args_number("promise", promise, 10, 86400, &chain.promise_s) ||
        !args_number("rate", rate, 1, 1000000, &chain.requests_per_s))
        return EXIT_USAGE;
    const Lifecircle__V1__Chain *old = find_chain(c, id, &keep, NULL);
    if (keep == NULL)
        return EXIT_FAILED;
    freeReplyObject(keep);
    if (old != NULL) {
        fprintf(stderr, "lcctl: chain %s exists; lcctl key new %s makes it another key\n", id, id);
        return EXIT_NOT_SO;
    }
    chain.chain_id = arena_copy(c->arena, id, strlen(id));
    chain.name = arena_copy(c->arena, name, strlen(name));
    chain.currency = arena_copy(c->arena, currency, 3);
    chain.price_policy = strcmp(policy, "take") == 0 ? LIFECIRCLE__V1__PRICE_POLICY__PRICE_TAKE
                                                     : LIFECIRCLE__V1__PRICE_POLICY__PRICE_REFUSE;
    const struct slice none = {NULL, 0};
    int status = store_chain(c, &chain, none, &chain.chain);
    return status == EXIT_SUCCESS ? add_key(c, &chain, none) : status;
}

/* show_key: a row; every chain has a key at least, though it may be revoked. */
static void
show_key(struct show *table, const char *number, const Lifecircle__V1__Chain *chain,
         const Lifecircle__V1__ApiKey *key)
{
    show_number(table, strtol(number, NULL, 10));
    show_text(table, chain->chain_id);
    show_text(table, chain->name);
    show_text(table, chain->currency);
    show_number(table, chain->promise_s);
    show_number(table, chain->requests_per_s);
    show_text(table, key->key_id);
    show_time(table, key->created_ms);
    show_flag(table, key->revoked, "revoked");
    show_text(table, chain->signing_required        ? "required"
                     : chain->n_signing_secrets > 0 ? "optional"
                                                    : NULL);
}

static int
chain_list(struct ctl *c, struct args *a)
{
    if (!args_done(a))
        return EXIT_USAGE;
    redisReply *all = ctl_read(c, "HGETALL", "chains", NULL);
    if (all == NULL)
        return EXIT_FAILED;
    show_sort(all);
    struct show *table = show_table(
        c, "number chain name currency promise_s rate key made revoked signatures", "r...rr....");
    for (size_t i = 0; i + 1 < all->elements; i += 2) {
        const Lifecircle__V1__Chain *chain =
            wire_unpack(&lifecircle__v1__chain__descriptor, c->arena,
                        slice_of(all->element[i + 1]->str, all->element[i + 1]->len));
        if (chain == NULL) {
            fprintf(stderr, "lcctl: chain %s: unreadable record\n", all->element[i]->str);
            continue;
        }
        for (size_t k = 0; k < chain->n_keys; k++)
            show_key(table, all->element[i]->str, chain, chain->keys[k]);
    }
    freeReplyObject(all);
    return show_end(table);
}

/* sign: one more secret for signing requests; the one before it counts beside it. */
static int
sign(struct ctl *c, Lifecircle__V1__Chain *chain, struct slice was)
{
    enum { TWO = 2 };
    struct webhook_secret secret = {.n = 32};
    char text[WEBHOOK_SECRET_TEXT];
    char *secrets[TWO];
    size_t n = 0;

    ctl_random(secret.b, secret.n);
    webhook_secret_format(&secret, text);
    secrets[n++] = text;
    if (chain->n_signing_secrets > 0)
        secrets[n++] = chain->signing_secrets[0];
    chain->signing_secrets = secrets;
    chain->n_signing_secrets = n;
    int status = store_chain(c, chain, was, NULL);
    return status != EXIT_SUCCESS ? status
                                  : show_token(c, "chain", chain->chain_id, chain->chain, NULL,
                                               "signing_secret", text);
}

/* chain_set: how signatures are wanted, how many requests a second are taken; NULL = as it is. */
struct chain_set {
    const char *signatures;
    const char *rate;
};

static bool
is_set_right(const struct chain_set *set, Lifecircle__V1__Chain *chain)
{
    const char *how = set->signatures;

    if (how != NULL && strcmp(how, "required") != 0 && strcmp(how, "optional") != 0 &&
        strcmp(how, "off") != 0) {
        fprintf(stderr, "lcctl: --signatures: expected required, optional or off, got %s\n", how);
        return false;
    }
    return set->rate == NULL || args_number("rate", set->rate, 1, 1000000, &chain->requests_per_s);
}

static int
set_chain(struct ctl *c, Lifecircle__V1__Chain *chain, struct slice was,
          const struct chain_set *set)
{
    const char *how = set->signatures;

    if (!is_set_right(set, chain))
        return EXIT_USAGE;
    if (how != NULL) {
        chain->signing_required = strcmp(how, "required") == 0;
        if (chain->signing_required && chain->n_signing_secrets == 0) {
            fprintf(stderr, "lcctl: chain %s has no secret for signing: lcctl chain sign %s\n",
                    chain->chain_id, chain->chain_id);
            return EXIT_NOT_SO;
        }
        if (strcmp(how, "off") == 0)
            chain->n_signing_secrets = 0;
    }
    int status = store_chain(c, chain, was, NULL);
    if (status != EXIT_SUCCESS)
        return status;
    if (how == NULL)
        return show_done(c, "chain", chain->chain_id, "set",
                         "each key of chain %s may send %" PRIu32 " requests a second",
                         chain->chain_id, chain->requests_per_s);
    return show_done(c, "chain", chain->chain_id, "set", "signatures of chain %s are %s%s%s",
                     chain->chain_id, how, set->rate == NULL ? "" : ", requests a second ",
                     set->rate == NULL ? "" : set->rate);
}

/* chain_change: chain sign, chain set. */
static int
chain_change(struct ctl *c, struct args *a, bool set)
{
    const struct chain_set to = {set ? args_option(a, "signatures", NULL) : NULL,
                                 set ? args_option(a, "rate", NULL) : NULL};
    const char *name = args_next(a);
    struct slice was = {NULL, 0};
    redisReply *keep = NULL;

    if (name == NULL || !args_done(a) || (set && to.signatures == NULL && to.rate == NULL))
        return EXIT_USAGE;
    Lifecircle__V1__Chain *chain = find_chain(c, name, &keep, &was);
    if (keep == NULL)
        return EXIT_FAILED;
    int status = EXIT_NOT_SO;
    if (chain == NULL)
        fprintf(stderr, "lcctl: no chain %s\n", name);
    else
        status = set ? set_chain(c, chain, was, &to) : sign(c, chain, was);
    freeReplyObject(keep);
    return status;
}

int
cmd_chain(struct ctl *c, struct args *a)
{
    const char *verb = args_next(a);

    if (verb != NULL && strcmp(verb, "add") == 0)
        return chain_add(c, a);
    if (verb != NULL && strcmp(verb, "list") == 0)
        return chain_list(c, a);
    if (verb != NULL && (strcmp(verb, "sign") == 0 || strcmp(verb, "set") == 0))
        return chain_change(c, a, strcmp(verb, "set") == 0);
    return EXIT_USAGE;
}

/* ---- keys ---- */

static int
revoke_key(struct ctl *c, Lifecircle__V1__Chain *chain, struct slice was, const char *key_id)
{
    for (size_t i = 0; i < chain->n_keys; i++) {
        if (strcmp(chain->keys[i]->key_id, key_id) != 0)
            continue;
        chain->keys[i]->revoked = true;
        int status = store_chain(c, chain, was, NULL);
        return status != EXIT_SUCCESS
                   ? status
                   : show_done(c, "key", key_id, "revoked", "key %s of chain %s is revoked", key_id,
                               chain->chain_id);
    }
    fprintf(stderr, "lcctl: chain %s has no key %s\n", chain->chain_id, key_id);
    return EXIT_NOT_SO;
}

int
cmd_key(struct ctl *c, struct args *a)
{
    const char *verb = args_next(a);
    const char *name = args_next(a);
    bool revoke = verb != NULL && strcmp(verb, "revoke") == 0;
    const char *key_id = revoke ? args_next(a) : NULL;
    struct slice was = {NULL, 0};
    redisReply *keep;

    if (verb == NULL || name == NULL || !args_done(a) ||
        (revoke ? key_id == NULL : strcmp(verb, "new") != 0))
        return EXIT_USAGE;
    Lifecircle__V1__Chain *chain = find_chain(c, name, &keep, &was);
    int status = EXIT_FAILED;
    if (keep != NULL && chain == NULL) {
        fprintf(stderr, "lcctl: no chain %s\n", name);
        status = EXIT_NOT_SO;
    } else if (keep != NULL) {
        status = revoke ? revoke_key(c, chain, was, key_id) : add_key(c, chain, was);
    }
    if (keep != NULL)
        freeReplyObject(keep);
    return status;
}
