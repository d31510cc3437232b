/* The lines of an order: SKUs, quantities, prices, substitutes. */
#include "check.h"

#include <stdio.h>

enum { FIELD_TEXT = 64 };

/* A fault in line i; sub is its substitute, or -1. The field's name is made only then: most lines
 * are right. */
static void line_fault(struct check *c, size_t i, const char *name, int sub, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

static void
line_fault(struct check *c, size_t i, const char *name, int sub, const char *fmt, ...)
{
    char field[FIELD_TEXT];
    va_list ap;

    if (sub < 0)
        snprintf(field, sizeof field, "lines[%zu].%s", i, name);
    else
        snprintf(field, sizeof field, "lines[%zu].%s[%d]", i, name, sub);
    va_start(ap, fmt);
    fault_v(c->f, field, fmt, ap);
    va_end(ap);
    c->f->only_late = false;
}

static uint32_t
find_sku(struct check *c, size_t line, int sub, const char *sku, struct catalogue_sku *out)
{
    const char *name = sub < 0 ? "sku" : "substitutes";
    size_t n = strlen(sku);
    uint32_t chain = c->chain->chain;

    if (n == 0 || n > SKU_BYTES_MAX) {
        line_fault(c, line, name, sub, "expected 1 to %d bytes of text, got %zu", SKU_BYTES_MAX, n);
        return 0;
    }
    uint32_t index = catalogue_sku_index(c->in->catalogue, chain, slice_of(sku, n));
    if (index == CATALOGUE_NO_SKU || !catalogue_sku(c->in->catalogue, chain, index, out)) {
        line_fault(c, line, name, sub, "\"%s\" is not in the catalogue of chain %s", sku,
                   c->chain->chain_id);
        return 0;
    }
    return index;
}

static void
check_substitutes(struct check *c, size_t i, Lifecircle__V1__OrderLine *to)
{
    struct catalogue_sku sku;

    if (to->n_substitutes == 0)
        return;
    if (to->n_substitutes > SUBSTITUTES_MAX) {
        line_fault(c, i, "substitutes", -1, "expected 0 to %d elements, got %zu", SUBSTITUTES_MAX,
                   to->n_substitutes);
        return;
    }
    to->substitute_indexes =
        arena_array(c->ev->arena, to->n_substitutes, sizeof *to->substitute_indexes);
    if (to->substitute_indexes == NULL)
        return;
    to->n_substitute_indexes = to->n_substitutes;
    for (size_t k = 0; k < to->n_substitutes; k++) {
        if (to->substitutes[k] == NULL)
            to->substitutes[k] = (char *)protobuf_c_empty_string;
        else
            to->substitute_indexes[k] = find_sku(c, i, (int)k, to->substitutes[k], &sku);
    }
}

static uint32_t
add_capped(uint32_t sum, uint32_t each, uint32_t n)
{
    uint64_t v = sum + (uint64_t)each * n;

    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

/* The lines of a protobuf client may carry our own fields: what it says there does not count. */
static void
check_line(struct check *c, size_t i, Lifecircle__V1__OrderLine *line)
{
    struct catalogue_sku sku = {0};

    line->n_substitute_indexes = 0;
    line->substitute_indexes = NULL;
    if (line->sku == NULL) {
        line->sku = (char *)protobuf_c_empty_string;
        return;
    }
    if (line->quantity < 1 || line->quantity > QUANTITY_MAX)
        line_fault(c, i, "quantity", -1, "expected an integer from 1 to %d, got %u", QUANTITY_MAX,
                   line->quantity);
    if (line->unit_price_cents < -1 || line->unit_price_cents > INT32_MAX)
        line_fault(c, i, "unit_price", -1, "expected an integer from 0 to %d", INT32_MAX);
    line->sku_index = find_sku(c, i, -1, line->sku, &sku);
    check_substitutes(c, i, line);
    c->order->items = add_capped(c->order->items, line->quantity, 1);
    c->order->weight_g = add_capped(c->order->weight_g, sku.weight_g, line->quantity);
    c->order->volume_ml = add_capped(c->order->volume_ml, sku.volume_ml, line->quantity);
    if (sku.age_restricted)
        c->order->age_check = true;
}

void
check_lines(struct check *c)
{
    if (c->s->n_lines < 1 || c->s->n_lines > LINES_MAX) {
        fault(c->f, "lines", "expected 1 to %d elements, got %zu", LINES_MAX, c->s->n_lines);
        return;
    }
    for (size_t i = 0; i < c->s->n_lines; i++)
        check_line(c, i, c->s->lines[i]);
    if (c->order->items > RECORD_QUANTITY_MAX) /* the record counts in 16 bits */
        fault(c->f, "lines", "expected at most %d pieces together", RECORD_QUANTITY_MAX);
    c->order->n_lines = c->s->n_lines;
    c->order->lines = c->s->lines;
}
