/* breakages: faults planted on purpose, to show that the checks find them. Each is a change of one
 * place in the functions' source; a place that is not found is an error, so that a rename cannot
 * make a breakage harmless. */
#include "sim.h"

#include <stdlib.h>

struct breakage {
    const char *name;
    const char *is;
    const char *becomes;
};

static const struct breakage breakages[] = {
    {"skip-release", "if a.stock and flag(byte(from, 4), F_TAKEN) then",
     "if a.stock and a.stock ~= RELEASE and flag(byte(from, 4), F_TAKEN) then"},
    {"no-idempotency", "if o.accept or byte(existing, 2) > HELD then", "if o.accept then"},
    {"no-stock-check", "if not short and a < o.qtys[i] then", "if false then"},
    {"lose-due", "put_due(w, 'dispatch', w.now, o.uuid)", ""},
    {"no-version", "if version == expect then", "if true then"},
};

const char *
breakage_at(size_t i)
{
    return i < sizeof breakages / sizeof *breakages ? breakages[i].name : NULL;
}

void
breakage_plant(const char *name, struct buf *code)
{
    for (size_t i = 0; i < sizeof breakages / sizeof *breakages; i++) {
        const struct breakage *b = &breakages[i];
        if (strcmp(b->name, name) != 0)
            continue;
        char *at = memmem(code->p, code->n, b->is, strlen(b->is));
        struct buf changed = {0};
        if (at == NULL) {
            fprintf(stderr, "sim: --break %s: its place is not in the library\n", b->name);
            exit(3);
        }
        size_t before = (size_t)(at - code->p);
        buf_append(&changed, code->p, before);
        buf_str(&changed, b->becomes);
        buf_append(&changed, at + strlen(b->is), code->n - before - strlen(b->is));
        buf_free(code);
        *code = changed;
        return;
    }
    fprintf(stderr, "sim: --break %s: expected one of", name);
    for (size_t i = 0; breakage_at(i) != NULL; i++)
        fprintf(stderr, " %s", breakage_at(i));
    fputc('\n', stderr);
    exit(2);
}
