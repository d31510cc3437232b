/* Names of couriers and chains, where Redis knows them: people type those, and read them. */
#include "base/wire.h"
#include "lcctl/lcctl.h"

#include "access.pb-c.h"
#include "courier.pb-c.h"

#include <stdio.h>
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
print_named(struct ctl *c, struct slice words)
{
    static const char mark[] = "courier ";
    const size_t length = sizeof mark - 1;
    const char *p = words.p, *end = words.p + words.n;

    while (p < end) {
        size_t digits = 0;
        uint64_t number = 0;
        if ((size_t)(end - p) > length && memcmp(p, mark, length) == 0)
            for (const char *d = p + length;
                 d + digits < end && digits < 10 && d[digits] >= '0' && d[digits] <= '9';)
                number = 10 * number + (uint64_t)(d[digits++] - '0');
        if (digits == 0 || number > UINT32_MAX) {
            p += print_safely(p, (size_t)(end - p));
            continue;
        }
        printf("%s%s", mark, name_courier(c, (uint32_t)number));
        p += length + digits;
    }
}
