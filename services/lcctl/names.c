/* Names of couriers, chains and stores, where Redis knows them: people type those, and read them.
 */
#include "base/wire.h"
#include "lcctl/lcctl.h"

#include "access.pb-c.h"
#include "courier.pb-c.h"
#include "stock.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
read_numbered(struct ctl *c, const char *key, uint32_t number, const ProtobufCMessageDescriptor *as)
{
    redisReply *r = ctl_read(c, "HGET", key, arena_printf(c->arena, "%u", number), NULL);
    const void *found = r == NULL || r->type != REDIS_REPLY_STRING
                            ? NULL
                            : wire_unpack(as, c->arena, slice_of(r->str, r->len));

    if (r != NULL)
        freeReplyObject(r);
    return (void *)(uintptr_t)found;
}

const char *
name_courier(struct ctl *c, uint32_t number)
{
    const Lifecircle__V1__Courier *x =
        read_numbered(c, "couriers", number, &lifecircle__v1__courier__descriptor);

    return x != NULL && *x->courier_id != '\0' ? x->courier_id
                                               : arena_printf(c->arena, "%u", number);
}

const char *
name_chain(struct ctl *c, uint32_t number)
{
    const Lifecircle__V1__Chain *x =
        read_numbered(c, "chains", number, &lifecircle__v1__chain__descriptor);

    return x != NULL && *x->chain_id != '\0' ? x->chain_id : arena_printf(c->arena, "%u", number);
}

static const Lifecircle__V1__Store *
read_store(struct ctl *c, uint32_t number)
{
    return read_numbered(c, "stores", number, &lifecircle__v1__store__descriptor);
}

const char *
name_store(struct ctl *c, uint32_t number)
{
    const Lifecircle__V1__Store *x = read_store(c, number);

    return x == NULL ? NULL : x->store_id;
}

const char *
name_store_path(struct ctl *c, uint32_t number)
{
    const Lifecircle__V1__Store *x = read_store(c, number);

    return x == NULL ? NULL : arena_printf(c->arena, "%s/%s", name_chain(c, x->chain), x->store_id);
}

/* print_safely: the first byte, or a space for a control character (C0, DEL, or C1 in UTF-8), which
 * could begin a line of its own or tell the terminal something; how many bytes it took. Chains may
 * write line feeds into the comment of a cancellation. */
static size_t
print_safely(const char *p, size_t n)
{
    unsigned char c = (unsigned char)*p;
    bool c1 = c == 0xC2 && n > 1 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xA0;

    putchar(c1 || c < 0x20 || c == 0x7F ? ' ' : c);
    return c1 ? 2 : 1;
}

void
print_words(struct slice words)
{
    for (size_t i = 0; i < words.n;)
        i += print_safely(words.p + i, words.n - i);
}

/* named_by_us: the courier's digits in what a ruling or a courier's problem leaves in a history,
 * behind whose it is: `Olga: pinned to courier 7: she asked`. n = 0: it is something else, as a
 * person's words are that only name a courier. */
static struct slice
named_by_us(struct slice words)
{
    static const struct {
        const char *before, *after;
        bool reasons; /* may follow, behind a colon */
    } forms[] = {{"pinned to courier ", "", true},
                 {"taken from courier ", "", true},
                 {"not for courier ", "", true},
                 {"courier ", " may have it again", true},
                 {"courier ", "", false}};
    const char *colon = memmem(words.p, words.n, ": ", 2), *end = words.p + words.n;

    for (size_t i = 0; colon != NULL && i < sizeof forms / sizeof *forms; i++) {
        const char *p = colon + 2;
        size_t before = strlen(forms[i].before), after = strlen(forms[i].after), n = 0;
        if ((size_t)(end - p) <= before || memcmp(p, forms[i].before, before) != 0)
            continue;
        p += before;
        while (p + n < end && n < 10 && p[n] >= '0' && p[n] <= '9')
            n++;
        const char *rest = p + n;
        if (n == 0 || (size_t)(end - rest) < after || memcmp(rest, forms[i].after, after) != 0)
            continue;
        rest += after;
        if (rest == end || (forms[i].reasons && end - rest > 1 && memcmp(rest, ": ", 2) == 0))
            return slice_of(p, n);
    }
    return slice_of(NULL, 0);
}

void
print_named(struct ctl *c, struct slice words)
{
    struct slice number = named_by_us(words);
    unsigned long long n = number.n == 0 ? 0 : strtoull(number.p, NULL, 10);

    if (number.n == 0 || n > UINT32_MAX) {
        print_words(words);
        return;
    }
    print_words(slice_of(words.p, (size_t)(number.p - words.p)));
    print_words(slice_str(name_courier(c, (uint32_t)n)));
    const char *rest = number.p + number.n;
    print_words(slice_of(rest, (size_t)(words.p + words.n - rest)));
}
