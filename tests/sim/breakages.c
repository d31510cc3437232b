/* breakages: faults planted on purpose, to show that the checks find them. Most change one place in
 * the functions' source; a place that is not found is an error, so that a rename cannot make a
 * breakage harmless. The others put a faulty core in the place of a daemon's. */
#include "sim.h"

#include "notifier/notifier.h"
#include "router/router.h"

#include <stdlib.h>

/* ---- in the functions ---- */

struct breakage {
    const char *name;
    const char *is;
    const char *becomes;
};

static const struct breakage in_functions[] = {
    {"skip-release", "if a.stock and flag(byte(from, 4), F_TAKEN) then",
     "if a.stock and a.stock ~= RELEASE and flag(byte(from, 4), F_TAKEN) then"},
    {"no-idempotency", "if o.mode == ACCEPT or byte(existing, 2) > HELD then",
     "if o.mode == ACCEPT then"},
    {"no-stock-check", "if there < values[i + i] then", "if false then"},
    {"lose-due", "put_due('dispatch', now_text, o.uuid)", ""},
    {"no-version", "if version == expect then", "if true then"},
    {"no-fence", "if tonumber(held or 0) ~= epoch then", "if false then"},
    {"same-epoch", "epoch = epoch + 1\n", "epoch = epoch == 0 and 1 or epoch\n"},
    {"repeat-feed", "if sub(applied, at, at + 11) == entry then", "if false then"},
    {"late-count", "if name <= least or name < snapshot or (kind == 0 and name < newest) then",
     "if name <= least then"},
    {"forget-sold", "clamp(kind == 0 and l.quantity - (gone[l.sku] or 0) or",
     "clamp(kind == 0 and l.quantity or"},
    {"lose-event",
     "put_event(s.id, sub(after, 1, HEAD_SIZE), outcome ~= DONE and 'e')\n        if outcome == "
     "DONE then",
     "if s.action ~= 'confirm' then put_event(s.id, sub(after, 1, HEAD_SIZE)) end\n"
     "        if outcome == DONE then"},
};

/* ---- in a core ---- */

/* push-twice: a notifier that pushes every route twice. */
static enum lc_err
push_twice(void *core, const struct event *ev, struct outbox *out)
{
    size_t from = outbox_count(out);
    enum lc_err err = notifier_service.step(core, ev, out);
    size_t to = outbox_count(out);

    for (size_t i = from; err == LC_OK && i < to; i++) {
        const struct effect *e = outbox_at(out, i);
        if (e->kind == EFFECT_SOCKET_SEND && e->text &&
            memmem(e->bytes.p, e->bytes.n, "\"type\":\"route\"", 14) != NULL)
            outbox_socket_send(out, e->ref, true, e->bytes);
    }
    return err;
}

/* strangers-order: a notifier that shows each customer an order of somebody else. */
static enum lc_err
strangers_order(void *core, const struct event *ev, struct outbox *out)
{
    size_t from = outbox_count(out);
    enum lc_err err = notifier_service.step(core, ev, out);

    for (size_t i = from; err == LC_OK && i < outbox_count(out); i++) {
        const struct effect *e = outbox_at(out, i);
        char *name = e->kind == EFFECT_HTTP_CHUNK
                         ? memmem(e->bytes.p, e->bytes.n, "\"external_order_id\":\"o-", 23)
                         : NULL;
        if (name != NULL)
            name[23] = name[23] == '1' ? '2' : '1';
    }
    return err;
}

/* impure: a router that does something else each time: it keeps a number outside of itself. */
static enum lc_err
impure(void *core, const struct event *ev, struct outbox *out)
{
    static unsigned steps;

    if (++steps % 1000 == 0)
        outbox_note(out, "impure", "steps=%u", steps);
    return router_service.step(core, ev, out);
}

static const struct {
    const char *name;
    const struct service *of;
    enum lc_err (*step)(void *core, const struct event *ev, struct outbox *out);
} in_cores[] = {
    {"push-twice", &notifier_service, push_twice},
    {"strangers-order", &notifier_service, strangers_order},
    {"impure", &router_service, impure},
};

enum {
    FUNCTIONS_N = sizeof in_functions / sizeof *in_functions,
    CORES_N = sizeof in_cores / sizeof *in_cores
};

const char *
breakage_at(size_t i)
{
    if (i < FUNCTIONS_N)
        return in_functions[i].name;
    return i < FUNCTIONS_N + CORES_N ? in_cores[i - FUNCTIONS_N].name : NULL;
}

const struct service *
breakage_core(const char *name, const struct service *real)
{
    static struct service broken;

    for (size_t i = 0; name != NULL && i < CORES_N; i++) {
        if (strcmp(in_cores[i].name, name) != 0 || in_cores[i].of != real)
            continue;
        broken = *real;
        broken.step = in_cores[i].step;
        return &broken;
    }
    return real;
}

void
breakage_plant(const char *name, struct buf *code)
{
    for (size_t i = 0; i < FUNCTIONS_N; i++) {
        const struct breakage *b = &in_functions[i];
        if (strcmp(b->name, name) != 0)
            continue;
        char *at = memmem(code->p, code->n, b->is, strlen(b->is));
        struct buf changed = {0};
        if (at == NULL) {
            fprintf(stderr, "lc-sim: --break %s: its place is not in the library\n", b->name);
            exit(3);
        }
        size_t before = (size_t)(at - code->p);
        buf_append(&changed, code->p, before);
        buf_str(&changed, b->becomes);
        buf_append(&changed, at + strlen(b->is), code->n - before - strlen(b->is));
        buf_free(code);
        *code = changed;
    }
}
