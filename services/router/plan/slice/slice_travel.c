#include "router/plan/slice/slice_own.h"

#include <stdlib.h>

static size_t
slot_of(const struct slice_travel *t, struct latlng at)
{
    uint64_t h = (uint64_t)(uint32_t)at.lat_e7 << 32 | (uint32_t)at.lng_e7;
    size_t k;

    h *= 0x9e3779b97f4a7c15u;
    for (k = (size_t)(h >> 32) & t->mask; t->slots[k] != 0; k = (k + 1) & t->mask) {
        struct latlng known = t->points[t->slots[k] - 1];
        if (known.lat_e7 == at.lat_e7 && known.lng_e7 == at.lng_e7)
            break;
    }
    return k;
}

/* All pairs of the mode; by the estimate when the provider has no answer. */
static bool
ask(struct slice_travel *t, enum travel_mode mode, int64_t depart_ms)
{
    enum travel_quality quality;
    struct travel_cell *cells = malloc(t->n * t->n * sizeof *cells);

    if (cells == NULL)
        return false;
    if (t->of->matrix(t->of, t->points, t->n, t->points, t->n, mode, depart_ms, cells, &quality) !=
            LC_OK &&
        t->estimate->matrix(t->estimate, t->points, t->n, t->points, t->n, mode, depart_ms, cells,
                            &quality) != LC_OK) {
        free(cells);
        return false;
    }
    t->cells[mode] = cells;
    return true;
}

static enum lc_err
slice_matrix(const struct travel *travel, const struct latlng *from, size_t from_n,
             const struct latlng *to, size_t to_n, enum travel_mode mode, int64_t depart_ms,
             struct travel_cell *out, enum travel_quality *quality)
{
    enum { COLUMNS = 256 };
    struct slice_travel *t = (struct slice_travel *)travel; /* a cache changes behind const */
    uint32_t column[COLUMNS];
    bool turned = to_n > COLUMNS;
    const struct latlng *few = turned ? from : to;
    size_t few_n = turned ? from_n : to_n, many_n = turned ? to_n : from_n;

    *quality = TRAVEL_ROAD;
    if (few_n > COLUMNS || (t->cells[mode] == NULL && !ask(t, mode, depart_ms)))
        return LC_EIO;
    for (size_t j = 0; j < few_n; j++) {
        column[j] = t->slots[slot_of(t, few[j])];
        if (column[j] == 0)
            return LC_EIO;
    }
    for (size_t i = 0; i < many_n; i++) {
        uint32_t row = t->slots[slot_of(t, turned ? to[i] : from[i])];
        if (row == 0)
            return LC_EIO;
        for (size_t j = 0; j < few_n; j++) {
            if (turned)
                out[j * to_n + i] = t->cells[mode][(column[j] - 1) * t->n + row - 1];
            else
                out[i * to_n + j] = t->cells[mode][(row - 1) * t->n + column[j] - 1];
        }
    }
    return LC_OK;
}

static uint32_t
slice_lower_bound(const struct travel *travel, struct latlng a, struct latlng b,
                  enum travel_mode mode)
{
    const struct slice_travel *t = (const struct slice_travel *)travel;

    return t->of->lower_bound_s(t->of, a, b, mode);
}

enum lc_err
slice_travel_init(struct slice_travel *t, const struct travel *of, const struct travel *estimate,
                  size_t room)
{
    size_t slots = 64;

    while (slots < 2 * room)
        slots *= 2;
    *t = (struct slice_travel){
        .travel = {.matrix = slice_matrix, .lower_bound_s = slice_lower_bound},
        .of = of,
        .estimate = estimate};
    t->points = malloc((room + 1) * sizeof *t->points);
    t->slots = calloc(slots, sizeof *t->slots);
    t->mask = slots - 1;
    return t->points != NULL && t->slots != NULL ? LC_OK : LC_ENOMEM;
}

void
slice_travel_add(struct slice_travel *t, struct latlng at)
{
    size_t k = slot_of(t, at);

    if (t->slots[k] != 0)
        return;
    t->points[t->n++] = at;
    t->slots[k] = (uint32_t)t->n;
}

void
slice_travel_free(struct slice_travel *t)
{
    free(t->points);
    free(t->slots);
    for (int mode = 0; mode < TRAVEL_MODES; mode++)
        free(t->cells[mode]);
}
