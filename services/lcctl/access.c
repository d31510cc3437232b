/* Tokens of operators and of stores' screens: hash {city}:access. A token is shown once, when it is
 * made. */
#include "base/secret.h"
#include "base/wire.h"
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include "access.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_MAX_BYTES = 100, ID_DIGITS = 8 };

static int
put(struct ctl *c, struct slice hash, struct slice bytes)
{
    struct slice args[] = {ctl_number(c, c->now_ms), hash, bytes};
    redisReply *reply = ctl_call(c, "access_put", 3, args);

    if (reply == NULL)
        return EXIT_FAILED;
    freeReplyObject(reply);
    return EXIT_SUCCESS;
}

static const char *
kind_name(Lifecircle__V1__Access__Kind kind)
{
    return kind == LIFECIRCLE__V1__ACCESS__KIND__OPERATOR ? "operator" : "store";
}

static int
add(struct ctl *c, enum secret_kind kind, Lifecircle__V1__Access *access)
{
    uint8_t random[SECRET_RANDOM];
    char token[SECRET_TOKEN_TEXT];
    char hash[SECRET_HASH_TEXT];

    if (strlen(access->name) > NAME_MAX_BYTES || *access->name == '\0') {
        fprintf(stderr, "lcctl: NAME: expected 1 to %d bytes\n", NAME_MAX_BYTES);
        return EXIT_USAGE;
    }
    access->created_ms = c->now_ms;
    size_t n = lifecircle__v1__access__get_packed_size(access);
    uint8_t *bytes = arena_alloc(c->arena, n + 1);
    if (bytes == NULL)
        return EXIT_FAILED;
    lifecircle__v1__access__pack(access, bytes);
    ctl_random(random, sizeof random);
    n = secret_token_format(kind, access->store, random, token);
    secret_hash(slice_of(token, n), hash);
    int status = put(c, slice_str(hash),
                     slice_of((char *)bytes, lifecircle__v1__access__get_packed_size(access)));
    hash[ID_DIGITS] = '\0';
    return status != EXIT_SUCCESS
               ? status
               : show_token(c, kind_name(access->kind), access->name, 0, hash, "token", token);
}

/* each: calls `what` with every entry of this kind whose id begins with `id`; how many there were,
 * -1 when Redis failed. */
static int
each(struct ctl *c, Lifecircle__V1__Access__Kind kind, const char *id,
     int (*what)(struct ctl *, void *ctx, const char *hash, const Lifecircle__V1__Access *),
     void *ctx)
{
    redisReply *all = ctl_read(c, "HGETALL", "access", NULL);
    int n = 0;

    if (all == NULL)
        return -1;
    show_sort(all);
    for (size_t i = 0; i + 1 < all->elements; i += 2) {
        const redisReply *value = all->element[i + 1];
        const Lifecircle__V1__Access *access = wire_unpack(
            &lifecircle__v1__access__descriptor, c->arena, slice_of(value->str, value->len));
        if (access == NULL || access->kind != kind ||
            strncmp(all->element[i]->str, id, strlen(id)) != 0)
            continue;
        n++;
        if (what(c, ctx, all->element[i]->str, access) != EXIT_SUCCESS)
            n = -1;
    }
    freeReplyObject(all);
    return n;
}

static int
show(struct ctl *c, void *table, const char *hash, const Lifecircle__V1__Access *access)
{
    (void)c;
    show_textf(table, "%.*s", ID_DIGITS, hash);
    show_text(table, access->name);
    show_time(table, access->created_ms);
    return EXIT_SUCCESS;
}

static int
drop(struct ctl *c, void *nothing, const char *hash, const Lifecircle__V1__Access *access)
{
    int status = put(c, slice_str(hash), slice_of("", 0));

    (void)nothing;
    return status != EXIT_SUCCESS
               ? status
               : show_done(c, kind_name(access->kind), access->name, "revoked",
                           "%s, id %.*s, is revoked", access->name, ID_DIGITS, hash);
}

static int
revoke(struct ctl *c, Lifecircle__V1__Access__Kind kind, struct args *a)
{
    const char *id = args_next(a);

    if (id == NULL || strlen(id) < ID_DIGITS || !args_done(a))
        return EXIT_USAGE;
    int n = each(c, kind, id, drop, NULL);
    if (n == 0)
        fprintf(stderr, "lcctl: no token with id %s\n", id);
    return n > 0 ? EXIT_SUCCESS : n == 0 ? EXIT_NOT_SO : EXIT_FAILED;
}

static int
list(struct ctl *c, Lifecircle__V1__Access__Kind kind, struct args *a)
{
    if (!args_done(a))
        return EXIT_USAGE;
    struct show *table = show_table(c, "id name made", "...");
    bool read = each(c, kind, "", show, table) >= 0;
    return show_end(table) == EXIT_SUCCESS && read ? EXIT_SUCCESS : EXIT_FAILED;
}

int
cmd_operator(struct ctl *c, struct args *a)
{
    Lifecircle__V1__Access access = LIFECIRCLE__V1__ACCESS__INIT;
    const char *verb = args_next(a);

    access.kind = LIFECIRCLE__V1__ACCESS__KIND__OPERATOR;
    if (verb != NULL && strcmp(verb, "list") == 0)
        return list(c, access.kind, a);
    if (verb != NULL && strcmp(verb, "revoke") == 0)
        return revoke(c, access.kind, a);
    access.name = (char *)(uintptr_t)args_next(a);
    if (verb == NULL || strcmp(verb, "add") != 0 || access.name == NULL || !args_done(a))
        return EXIT_USAGE;
    return add(c, SECRET_OPERATOR, &access);
}

int
cmd_store(struct ctl *c, struct args *a)
{
    Lifecircle__V1__Access access = LIFECIRCLE__V1__ACCESS__INIT;
    const char *verb = args_next(a);

    access.kind = LIFECIRCLE__V1__ACCESS__KIND__STORE_SCREEN;
    if (verb != NULL && strcmp(verb, "list") == 0)
        return list(c, access.kind, a);
    if (verb != NULL && strcmp(verb, "revoke") == 0)
        return revoke(c, access.kind, a);
    const char *name = args_next(a);
    const char *slash = name == NULL ? NULL : strchr(name, '/');
    if (verb == NULL || strcmp(verb, "add") != 0 || slash == NULL || !args_done(a))
        return EXIT_USAGE;
    uint32_t chain = find_chain_number(c, slice_of(name, (size_t)(slash - name)));
    redisReply *number =
        ctl_read(c, "HGET", "storeids", arena_printf(c->arena, "%u:%s", chain, slash + 1), NULL);
    if (number == NULL)
        return EXIT_FAILED;
    if (number->type == REDIS_REPLY_STRING)
        access.store = (uint32_t)strtoul(number->str, NULL, 10);
    freeReplyObject(number);
    if (access.store == 0) {
        fprintf(stderr, "lcctl: no store %s\n", name);
        return EXIT_NOT_SO;
    }
    access.name = (char *)(uintptr_t)name;
    return add(c, SECRET_STORE, &access);
}
