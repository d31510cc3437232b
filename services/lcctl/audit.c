/* audit: reads everything that Redis keeps about stock and lets the inventory's audit add it up.
 * The city may go on meanwhile: what was read counts only when the ledger did not grow between the
 * first and the last read. */
#include "inventory/audit.h"
#include "base/map.h"
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 500, ATTEMPTS = 20 };

/* end_id: of a stream, the oldest or the newest; "" when it is empty. The copy lives in the arena.
 */
static const char *
end_id(struct ctl *c, const char *stream, bool oldest)
{
    redisReply *r = ctl_read(c, oldest ? "XRANGE" : "XREVRANGE", stream, oldest ? "-" : "+",
                             oldest ? "+" : "-", "COUNT", "1", NULL);
    const char *id = NULL;

    if (r == NULL)
        return NULL;
    id = r->elements == 0 ? "" : arena_printf(c->arena, "%s", r->element[0]->element[0]->str);
    freeReplyObject(r);
    return id;
}

/* moment: what changes whenever something is written that is audited, or folded. False when it
 * cannot be read. */
struct moment {
    const char *first, *last, *event;
};

static bool
moment_now(struct ctl *c, struct moment *m)
{
    m->first = end_id(c, "ledger", true);
    m->last = end_id(c, "ledger", false);
    m->event = end_id(c, "events", false);
    return m->first != NULL && m->last != NULL && m->event != NULL;
}

static bool
same_moment(const struct moment *a, const struct moment *b)
{
    return strcmp(a->first, b->first) == 0 && strcmp(a->last, b->last) == 0 &&
           strcmp(a->event, b->event) == 0;
}

static bool
feed_ledger(struct ctl *c, struct audit *a)
{
    const char *from = "-";

    for (;;) {
        redisReply *r = ctl_read(c, "XRANGE", "ledger", from, "+", "COUNT", "500", NULL);
        if (r == NULL)
            return false;
        size_t n = r->elements;
        bool fine = true;
        for (size_t i = 0; fine && i < n; i++) {
            const redisReply *fields = r->element[i]->element[1];
            for (size_t f = 0; fine && f + 1 < fields->elements; f += 2)
                fine = fields->element[f]->str[0] != 'l' ||
                       audit_ledger(a, slice_of(fields->element[f + 1]->str,
                                                fields->element[f + 1]->len)) == LC_OK;
            if (!fine)
                fprintf(stderr, "lcctl: ledger entry %s: unreadable\n",
                        r->element[i]->element[0]->str);
        }
        if (n > 0)
            from = arena_printf(c->arena, "(%s", r->element[n - 1]->element[0]->str);
        freeReplyObject(r);
        if (!fine || n < PAGE)
            return fine;
    }
}

/* seen: a field of ledger:base. HSCAN may tell one twice; HKEYS would keep Redis busy for as long
 * as it takes to list them all. */
struct seen {
    const char *field;
    UT_hash_handle hh;
};

/* is_new: true the first time, and without memory. */
static bool
is_new(struct ctl *c, struct seen **all, const char *field)
{
    bool map_failed = false;
    struct seen *s = NULL;

    HASH_FIND_STR(*all, field, s);
    if (s != NULL)
        return false;
    s = arena_zalloc(c->arena, sizeof *s);
    if (s == NULL || (s->field = arena_copy(c->arena, field, strlen(field))) == NULL)
        return true;
    HASH_ADD_KEYPTR(hh, *all, s->field, strlen(s->field), s);
    if (map_failed)
        fputs("lcctl: out of memory\n", stderr);
    return true;
}

/* feed_base: what the entries came to that are not there any more. */
static bool
feed_base(struct ctl *c, struct audit *a)
{
    const char *cursor = "0";
    struct seen *all = NULL;
    bool fine = true;

    do {
        redisReply *r = ctl_read(c, "HSCAN", "ledger:base", cursor, "COUNT", "200", NULL);
        fine = r != NULL && r->elements == 2;
        for (size_t i = 0; fine && i + 1 < r->element[1]->elements; i += 2) {
            const redisReply *field = r->element[1]->element[i];
            const redisReply *value = r->element[1]->element[i + 1];
            fine = !is_new(c, &all, field->str) ||
                   audit_ledger(a, slice_of(value->str, value->len)) == LC_OK;
            if (!fine)
                fprintf(stderr, "lcctl: ledger:base of store and block %s: unreadable\n",
                        field->str);
        }
        cursor = fine ? arena_copy(c->arena, r->element[0]->str, r->element[0]->len) : "0";
        if (r != NULL)
            freeReplyObject(r);
    } while (fine && cursor != NULL && strcmp(cursor, "0") != 0);
    HASH_CLEAR(hh, all);
    return fine && cursor != NULL;
}

static bool
feed_level(struct ctl *c, struct audit *a, const char *store)
{
    redisReply *stock = ctl_read(c, "GET", arena_printf(c->arena, "stock:%s", store), NULL);
    redisReply *shelf = ctl_read(c, "GET", arena_printf(c->arena, "shelf:%s", store), NULL);
    bool fine =
        stock != NULL && shelf != NULL &&
        audit_levels(a, (uint32_t)strtoul(store, NULL, 10), slice_of(stock->str, stock->len),
                     slice_of(shelf->str, shelf->len)) == LC_OK;

    if (stock != NULL)
        freeReplyObject(stock);
    if (shelf != NULL)
        freeReplyObject(shelf);
    return fine;
}

static bool
feed_levels(struct ctl *c, struct audit *a)
{
    redisReply *stores = ctl_read(c, "HKEYS", "stores", NULL);
    bool fine = stores != NULL;

    for (size_t i = 0; fine && i < stores->elements; i++)
        fine = feed_level(c, a, stores->element[i]->str);
    if (stores != NULL)
        freeReplyObject(stores);
    return fine;
}

static int
compare_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* order_keys: all of them, each once. */
static char **
order_keys(struct ctl *c, size_t *count)
{
    char **keys = NULL;
    size_t n = 0;
    size_t cap = 0;
    const char *cursor = "0";

    if (!ctl_settled(c))
        return NULL;
    do {
        struct slice argv[] = {
            SLICE_LIT("SCAN"),  slice_str(cursor),
            SLICE_LIT("MATCH"), slice_str(arena_printf(c->arena, "{%s}:order:*", c->city)),
            SLICE_LIT("COUNT"), SLICE_LIT("1000")};
        redisReply *r = ctl_redis(c, 6, argv);
        if (r == NULL)
            goto fail;
        for (size_t i = 0; i < r->element[1]->elements; i++) {
            if (n == cap) {
                cap = cap == 0 ? 1024 : cap * 2;
                char **more = realloc(keys, cap * sizeof *keys);
                if (more == NULL) {
                    freeReplyObject(r);
                    goto fail;
                }
                keys = more;
            }
            const redisReply *key = r->element[1]->element[i];
            keys[n++] = arena_copy(c->arena, key->str, key->len);
        }
        cursor = arena_printf(c->arena, "%s", r->element[0]->str);
        freeReplyObject(r);
    } while (strcmp(cursor, "0") != 0);
    if (!ctl_settled(c))
        goto fail;
    if (n > 0)
        qsort(keys, n, sizeof *keys, compare_text);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(keys[i], keys[i - 1]) != 0)
            keys[(*count)++] = keys[i];
    return keys == NULL ? malloc(1) : keys;
fail:
    free(keys);
    return NULL;
}

static bool
feed_orders(struct ctl *c, struct audit *a)
{
    size_t n = 0;
    char **keys = order_keys(c, &n);
    bool fine = keys != NULL;

    for (size_t at = 0; fine && at < n; at += PAGE) {
        struct slice argv[PAGE + 1] = {SLICE_LIT("MGET")};
        size_t many = n - at < PAGE ? n - at : PAGE;
        for (size_t i = 0; i < many; i++)
            argv[i + 1] = slice_str(keys[at + i]);
        redisReply *r = ctl_redis(c, many + 1, argv);
        fine = r != NULL;
        for (size_t i = 0; fine && i < r->elements; i++) {
            fine = audit_order(a, slice_of(r->element[i]->str, r->element[i]->len)) == LC_OK;
            if (!fine)
                fprintf(stderr, "lcctl: %s: unreadable\n", keys[at + i]);
        }
        if (r != NULL)
            freeReplyObject(r);
    }
    free(keys);
    return fine;
}

/* print_fault: ctx = where faults gather as JSON, or NULL: printed. */
static void
print_fault(void *ctx, const struct audit_fault *f)
{
    static const char *const checks[] = {
        "", "available against the ledger", "on hand against the ledger",
        "reserved against the orders", "taken beyond what was available"};
    struct json_out *w = ctx;

    if (w != NULL) {
        json_out_object(w, NULL);
        json_out_uint(w, "store", f->store);
        json_out_uint(w, "sku", f->sku_index);
        json_out_cstr(w, "check", checks[f->check]);
        json_out_int(w, "expected", f->expected);
        json_out_int(w, "found", f->found);
        json_out_end(w);
        return;
    }
    printf("store %u, sku %u: %s: expected %lld, found %lld\n", f->store, f->sku_index,
           checks[f->check], (long long)f->expected, (long long)f->found);
}

static int
json_verdict(struct audit *a)
{
    struct audit_totals t = audit_sum(a);
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    json_out_object(&w, NULL);
    json_out_array(&w, "faults");
    size_t faults = audit_check(a, print_fault, &w);
    json_out_end(&w);
    json_out_bool(&w, "adds_up", faults == 0);
    json_out_uint(&w, "stores", t.stores);
    json_out_uint(&w, "levels", t.levels);
    json_out_uint(&w, "ledger_entries", t.ledger_entries);
    json_out_uint(&w, "orders", t.orders);
    json_out_uint(&w, "on_hand", t.on_hand);
    json_out_uint(&w, "reserved", t.reserved);
    json_out_uint(&w, "sold", t.sold);
    json_out_uint(&w, "oversold", t.oversold);
    json_out_uint(&w, "withdrawn", t.withdrawn);
    json_out_end(&w);
    int status = show_json(&b);
    return status != EXIT_SUCCESS ? status : faults == 0 ? EXIT_SUCCESS : EXIT_NOT_SO;
}

static int
print_verdict(struct audit *a)
{
    size_t faults = audit_check(a, print_fault, NULL);
    struct audit_totals t = audit_sum(a);

    printf("stores %llu, levels %llu, ledger entries %llu, orders %llu\n"
           "pieces: on hand %llu, reserved %llu, sold %llu, oversold %llu, "
           "withdrawn by feeds %llu\n",
           (unsigned long long)t.stores, (unsigned long long)t.levels,
           (unsigned long long)t.ledger_entries, (unsigned long long)t.orders,
           (unsigned long long)t.on_hand, (unsigned long long)t.reserved,
           (unsigned long long)t.sold, (unsigned long long)t.oversold,
           (unsigned long long)t.withdrawn);
    printf(faults == 0 ? "the ledger adds up to every level\n" : "%zu checks failed\n", faults);
    return faults == 0 ? EXIT_SUCCESS : EXIT_NOT_SO;
}

int
cmd_audit(struct ctl *c, struct args *args)
{
    if (!args_done(args))
        return EXIT_USAGE;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct moment before, after;
        struct audit *a = audit_new();
        if (a == NULL || !moment_now(c, &before) || !feed_base(c, a) || !feed_ledger(c, a) ||
            !feed_levels(c, a) || !feed_orders(c, a) || !moment_now(c, &after)) {
            audit_free(a);
            return EXIT_FAILED;
        }
        if (same_moment(&before, &after)) {
            int status = c->json ? json_verdict(a) : print_verdict(a);
            audit_free(a);
            return status;
        }
        audit_free(a);
        arena_reset(c->arena);
    }
    fprintf(stderr, "lcctl: the ledger changed during each of %d readings: try when it is calmer\n",
            ATTEMPTS);
    return EXIT_FAILED;
}
