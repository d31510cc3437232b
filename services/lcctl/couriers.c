/* Couriers and their tokens. A token is shown once, when it is made; Redis keeps its hash. */
#include "base/secret.h"
#include "base/wire.h"
#include "lcctl/lcctl.h"
#include "lcctl/robots.h"
#include "lcctl/show.h"

#include <stdio.h>
#include <stdlib.h>

/* store_courier: was = the bytes that were read, which must be there still; empty = whatever is. */
static int
store_courier(struct ctl *c, const Lifecircle__V1__Courier *courier, struct slice was,
              uint32_t *number)
{
    Lifecircle__V1__Courier bare = *courier;
    bare.courier = 0;
    size_t n = lifecircle__v1__courier__get_packed_size(&bare);
    uint8_t *bytes = arena_alloc(c->arena, n + 1);
    if (bytes == NULL)
        return EXIT_FAILED;
    lifecircle__v1__courier__pack(&bare, bytes);
    struct slice args[] = {ctl_number(c, c->now_ms), ctl_number(c, courier->courier),
                           slice_of((char *)bytes, n), was};
    redisReply *reply = ctl_call(c, "courier_put", was.n > 0 ? 4 : 3, args);
    if (reply == NULL)
        return EXIT_FAILED;
    if (reply->integer == 0) {
        freeReplyObject(reply);
        fprintf(stderr, "lcctl: courier %s was changed by somebody else meanwhile; try again\n",
                courier->courier_id);
        return EXIT_FAILED;
    }
    if (number != NULL)
        *number = (uint32_t)reply->integer;
    freeReplyObject(reply);
    return EXIT_SUCCESS;
}

/* find_courier: as find_chain. */
static Lifecircle__V1__Courier *
find_courier(struct ctl *c, const char *name, redisReply **keep, struct slice *was)
{
    *keep = ctl_read(c, "HGETALL", "couriers", NULL);
    for (size_t i = 0; *keep != NULL && i + 1 < (*keep)->elements; i += 2) {
        const redisReply *value = (*keep)->element[i + 1];
        const Lifecircle__V1__Courier *courier = wire_unpack(
            &lifecircle__v1__courier__descriptor, c->arena, slice_of(value->str, value->len));
        if (courier != NULL && strcmp(courier->courier_id, name) == 0 && was != NULL)
            *was = slice_of(value->str, value->len);
        if (courier != NULL && strcmp(courier->courier_id, name) == 0)
            return (Lifecircle__V1__Courier *)(uintptr_t)courier;
    }
    return NULL;
}

/* new_token: the courier's from now on; its hash is in the arena. False without memory. */
static bool
new_token(struct ctl *c, Lifecircle__V1__Courier *courier, char token[SECRET_TOKEN_TEXT])
{
    uint8_t random[SECRET_RANDOM];
    char *hash = arena_alloc(c->arena, SECRET_HASH_TEXT);

    if (hash == NULL)
        return false;
    ctl_random(random, sizeof random);
    size_t n = secret_token_format(SECRET_COURIER, courier->courier, random, token);
    secret_hash(slice_of(token, n), hash);
    courier->token_hash = hash;
    return true;
}

static int
courier_add(struct ctl *c, struct args *a)
{
    Lifecircle__V1__Courier courier = LIFECIRCLE__V1__COURIER__INIT;
    const char *name = args_option(a, "name", NULL);
    char token[SECRET_TOKEN_TEXT];
    const struct slice none = {NULL, 0};
    redisReply *keep;

    courier.adult_trained = !args_flag(a, "no-age-checks");
    const char *id = args_next(a);
    if (id == NULL || name == NULL || !args_done(a))
        return EXIT_USAGE;
    if (!args_short_name("ID", id))
        return EXIT_USAGE;
    const Lifecircle__V1__Courier *old = find_courier(c, id, &keep, NULL);
    if (keep == NULL)
        return EXIT_FAILED;
    freeReplyObject(keep);
    if (old != NULL) {
        fprintf(stderr, "lcctl: courier %s exists\n", id);
        return EXIT_NOT_SO;
    }
    courier.courier_id = arena_copy(c->arena, id, strlen(id));
    courier.name = arena_copy(c->arena, name, strlen(name));
    int status = store_courier(c, &courier, none, &courier.courier);
    if (status != EXIT_SUCCESS)
        return status;
    status = new_token(c, &courier, token) ? store_courier(c, &courier, none, NULL) : EXIT_FAILED;
    return status != EXIT_SUCCESS
               ? status
               : show_token(c, "courier", id, courier.courier, NULL, "token", token);
}

bool
courier_token(struct ctl *c, const char *id, const char *name, char token[SECRET_TOKEN_TEXT])
{
    Lifecircle__V1__Courier fresh = LIFECIRCLE__V1__COURIER__INIT;
    redisReply *keep;

    if (!args_short_name("a courier's id", id))
        return false;
    fresh.courier_id = arena_copy(c->arena, id, strlen(id));
    fresh.name = arena_copy(c->arena, name, strlen(name));
    fresh.adult_trained = true;
    const struct slice none = {NULL, 0};
    Lifecircle__V1__Courier *courier = find_courier(c, id, &keep, NULL);
    if (keep == NULL)
        return false;
    freeReplyObject(keep);
    if (courier == NULL)
        courier = &fresh;
    if (courier->courier == 0 && store_courier(c, courier, none, &courier->courier) != EXIT_SUCCESS)
        return false;
    courier->revoked = false;
    return new_token(c, courier, token) && store_courier(c, courier, none, NULL) == EXIT_SUCCESS;
}

static int
courier_list(struct ctl *c, struct args *a)
{
    if (!args_done(a))
        return EXIT_USAGE;
    redisReply *all = ctl_read(c, "HGETALL", "couriers", NULL);
    if (all == NULL)
        return EXIT_FAILED;
    show_sort(all);
    struct show *table = show_table(c, "number courier name no_age_checks revoked", "r....");
    for (size_t i = 0; i + 1 < all->elements; i += 2) {
        const Lifecircle__V1__Courier *courier =
            wire_unpack(&lifecircle__v1__courier__descriptor, c->arena,
                        slice_of(all->element[i + 1]->str, all->element[i + 1]->len));
        if (courier == NULL) {
            fprintf(stderr, "lcctl: courier %s: unreadable record\n", all->element[i]->str);
            continue;
        }
        show_number(table, strtol(all->element[i]->str, NULL, 10));
        show_text(table, courier->courier_id);
        show_text(table, courier->name);
        show_flag(table, !courier->adult_trained, "no age checks");
        show_flag(table, courier->revoked, "revoked");
    }
    freeReplyObject(all);
    return show_end(table);
}

/* courier_change: revoked, tokens and all; or one more token, beside which the one before it goes
 * on counting until the next. */
static int
courier_change(struct ctl *c, struct args *a, bool revoke)
{
    const char *id = args_next(a);
    char token[SECRET_TOKEN_TEXT];
    struct slice was = {NULL, 0};
    redisReply *keep;

    if (id == NULL || !args_done(a))
        return EXIT_USAGE;
    Lifecircle__V1__Courier *courier = find_courier(c, id, &keep, &was);
    int status = EXIT_FAILED;
    if (keep != NULL && courier == NULL) {
        fprintf(stderr, "lcctl: no courier %s\n", id);
        status = EXIT_NOT_SO;
    } else if (keep != NULL && revoke) {
        courier->revoked = true;
        status = store_courier(c, courier, was, NULL);
        if (status == EXIT_SUCCESS)
            status = show_done(c, "courier", id, "revoked", "courier %s is revoked", id);
    } else if (keep != NULL) {
        /* tokens of one who was revoked stay revoked */
        courier->token_hash_before =
            courier->revoked ? (char *)(uintptr_t) "" : courier->token_hash;
        courier->revoked = false;
        if (new_token(c, courier, token))
            status = store_courier(c, courier, was, NULL);
        if (status == EXIT_SUCCESS)
            status = show_token(c, "courier", id, courier->courier, NULL, "token", token);
    }
    if (keep != NULL)
        freeReplyObject(keep);
    return status;
}

int
cmd_courier(struct ctl *c, struct args *a)
{
    const char *verb = args_next(a);

    if (verb != NULL && strcmp(verb, "add") == 0)
        return courier_add(c, a);
    if (verb != NULL && strcmp(verb, "list") == 0)
        return courier_list(c, a);
    if (verb != NULL && (strcmp(verb, "revoke") == 0 || strcmp(verb, "token") == 0))
        return courier_change(c, a, strcmp(verb, "revoke") == 0);
    return EXIT_USAGE;
}
