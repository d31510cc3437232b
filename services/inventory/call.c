/* Calls of functions: their arguments, and which of them are in flight. */
#include "inventory/core.h"

#include <stdlib.h>

void
args_end(struct args *a)
{
    uint32_t end = (uint32_t)a->bytes.n;

    buf_append(&a->ends, &end, sizeof end);
}

void
args_add(struct args *a, struct slice s)
{
    buf_append(&a->bytes, s.p, s.n);
    args_end(a);
}

bool
args_failed(const struct args *a)
{
    return a->bytes.failed || a->ends.failed;
}

size_t
args_count(const struct args *a)
{
    return a->ends.n / sizeof(uint32_t);
}

static size_t
end_of(const struct args *a, size_t i)
{
    uint32_t end;

    memcpy(&end, a->ends.p + i * sizeof end, sizeof end);
    return end;
}

struct slice
args_at(const struct args *a, size_t i)
{
    size_t start = i == 0 ? 0 : end_of(a, i - 1);

    return slice_of(a->bytes.p + start, end_of(a, i) - start);
}

char *
args_edit(struct args *a, size_t i)
{
    return a->bytes.p + (i == 0 ? 0 : end_of(a, i - 1));
}

void
args_free(struct args *a)
{
    buf_free(&a->bytes);
    buf_free(&a->ends);
}

struct call *
call_new(struct inventory *inv, enum call_kind kind, size_t n)
{
    struct call *c = calloc(1, sizeof *c + n * sizeof(struct item *));

    if (c == NULL)
        return NULL;
    c->kind = kind;
    c->tag = ++inv->next_tag;
    return c;
}

void
call_free(struct call *c)
{
    if (c == NULL)
        return;
    args_free(&c->args);
    free(c->shapes);
    free(c);
}

static void
note_flight(struct inventory *inv, const struct call *c, bool starts)
{
    size_t *n = &inv->expiring;

    if (c->kind == CALL_PLACE)
        n = &inv->placing;
    else if (c->kind == CALL_CHECK || c->kind == CALL_FEED)
        n = &inv->singles;
    *n = starts ? *n + 1 : *n - 1;
    inv->counters[GAUGE_IN_FLIGHT].value = inv->placing + inv->singles + inv->expiring;
}

bool
call_send(struct inventory *inv, const struct event *ev, struct outbox *out, struct call *c,
          const char *function, const struct slice *argv, size_t argc)
{
    size_t kept = args_count(&c->args);
    struct slice *all = arena_array(ev->arena, 4 + argc + kept, sizeof *all);
    struct outbox_mark before = outbox_mark(out);

    if (all == NULL)
        return false;
    all[0] = SLICE_LIT("FCALL");
    all[1] = slice_str(function);
    all[2] = SLICE_LIT("1");
    all[3] = slice_str(inv->key);
    for (size_t i = 0; i < argc; i++)
        all[4 + i] = argv[i];
    for (size_t i = 0; i < kept; i++)
        all[4 + argc + i] = args_at(&c->args, i);
    outbox_redis(out, c->tag, all, 4 + argc + kept);
    if (outbox_failed(out)) {
        outbox_rewind(out, before);
        return false;
    }
    c->next = inv->calls;
    inv->calls = c;
    note_flight(inv, c, true);
    return true;
}

struct call *
call_take(struct inventory *inv, uint64_t tag)
{
    for (struct call **at = &inv->calls; *at != NULL; at = &(*at)->next) {
        struct call *c = *at;
        if (c->tag != tag)
            continue;
        *at = c->next;
        c->next = NULL;
        note_flight(inv, c, false);
        return c;
    }
    return NULL;
}

struct slice
int_slice(const struct event *ev, int64_t v)
{
    return slice_str(arena_int(ev->arena, v));
}
