/* One side of a hierarchy as it stands in the file: rows and lone arcs. */
#include "roads/file.h"

#include <stdlib.h>

struct arc_writer {
    const struct arc *arc;
    const uint32_t *middle;
    struct fan at; /* how many there are so far */
    struct fan *fan;
    uint32_t *lone;
    struct row *row;
    int32_t *w;
    struct rest *rest;
    uint32_t *d;
    bool differ; /* some duration is not its weight */
};

static bool
writer_new(struct arc_writer *x, const struct hierarchy *h, int d)
{
    size_t arcs = h->first[d][h->nodes];

    *x = (struct arc_writer){.arc = h->arc[d], .middle = h->middle[d]};
    x->fan = malloc((h->nodes + (size_t)1) * sizeof *x->fan);
    x->lone = malloc((arcs + 1) * sizeof *x->lone);
    x->row = malloc((arcs / ROW_LEAST + 1) * sizeof *x->row);
    x->w = malloc((arcs + 1) * sizeof *x->w);
    x->rest = malloc((arcs + 1) * sizeof *x->rest);
    x->d = malloc((arcs + 1) * sizeof *x->d);
    return x->fan != NULL && x->lone != NULL && x->row != NULL && x->w != NULL && x->rest != NULL &&
           x->d != NULL;
}

static void
writer_free(struct arc_writer *x)
{
    free(x->fan);
    free(x->lone);
    free(x->row);
    free(x->w);
    free(x->rest);
    free(x->d);
}

static void
put(struct arc_writer *x, uint32_t a)
{
    const struct arc *arc = &x->arc[a];

    x->w[x->at.arc] = (int32_t)arc->w;
    x->rest[x->at.arc] = (struct rest){arc->cm, x->middle[a]};
    x->d[x->at.arc++] = arc->d;
    x->differ |= arc->d != arc->w;
}

/* row_end: behind the last of the arcs from a on that lead to nodes that follow one another. */
static uint32_t
row_end(const struct arc_writer *x, uint32_t a, uint32_t end)
{
    do
        a++;
    while (a < end && x->arc[a].to == x->arc[a - 1].to + 1);
    return a;
}

/* put_node: arcs a to end of node v. A round stays in front of all, where it is looked for. */
static void
put_node(struct arc_writer *x, uint32_t v, uint32_t a, uint32_t end)
{
    bool round = a < end && x->arc[a].to == v;

    if (round) {
        x->lone[x->at.lone++] = v;
        put(x, a++);
    }
    for (uint32_t i = a, next; i < end; i = next) {
        next = row_end(x, i, end);
        for (uint32_t k = i; k < next && next - i < ROW_LEAST; k++) {
            x->lone[x->at.lone++] = x->arc[k].to;
            put(x, k);
        }
    }
    for (uint32_t i = a, next; i < end; i = next) {
        next = row_end(x, i, end);
        if (next - i < ROW_LEAST)
            continue;
        x->row[x->at.row++] = (struct row){x->arc[i].to, next - i};
        for (uint32_t k = i; k < next; k++)
            put(x, k);
    }
}

bool
arcs_add(struct file_writer *w, const struct hierarchy *h, enum travel_mode mode, int d)
{
    const unsigned at = mode_section(mode, d == 0 ? MODE_UP : MODE_DOWN);
    struct arc_writer x;
    bool ok = writer_new(&x, h, d);

    if (ok) {
        for (uint32_t v = 0; v < h->nodes; v++) {
            x.fan[v] = x.at;
            put_node(&x, v, h->first[d][v], h->first[d][v + 1]);
        }
        x.fan[h->nodes] = w->header.arcs[mode][d] = x.at;
        file_add(w, at + ARC_FAN, x.fan, (h->nodes + (size_t)1) * sizeof *x.fan);
        file_add(w, at + ARC_LONE, x.lone, x.at.lone * sizeof *x.lone);
        file_add(w, at + ARC_ROW, x.row, x.at.row * sizeof *x.row);
        file_add(w, at + ARC_W, x.w, x.at.arc * sizeof *x.w);
        file_add(w, at + ARC_REST, x.rest, x.at.arc * sizeof *x.rest);
        file_add(w, at + ARC_D, x.d, x.differ ? x.at.arc * sizeof *x.d : 0);
    }
    writer_free(&x);
    return ok;
}
