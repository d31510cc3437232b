#include "roads/file.h"
#include "roads/map_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { CHECKED_FROM = offsetof(struct file_header, modes) };

void
file_begin(struct file_writer *w, struct buf *out)
{
    w->out = out;
    w->start = out->n;
    memset(&w->header, 0, sizeof w->header);
    buf_append(out, &w->header, sizeof w->header);
}

void
file_add(struct file_writer *w, unsigned section, const void *p, size_t bytes)
{
    static const char zero[8];

    buf_append(w->out, zero, (8 - (w->out->n - w->start) % 8) % 8);
    w->header.span[section] = (struct file_span){w->out->n - w->start, bytes};
    if (bytes > 0)
        buf_append(w->out, p, bytes);
}

static uint32_t
checksum(const char *file, size_t n)
{
    uLong crc = crc32(0, NULL, 0);

    for (size_t at = CHECKED_FROM; at < n;) {
        size_t some = n - at < (1U << 30) ? n - at : 1U << 30;
        crc = crc32(crc, (const Bytef *)file + at, (uInt)some);
        at += some;
    }
    return (uint32_t)crc;
}

enum lc_err
file_end(struct file_writer *w)
{
    struct file_header *h = &w->header;

    if (w->out->failed) {
        w->out->n = w->start;
        return LC_ENOMEM;
    }
    char *file = w->out->p + w->start;
    memcpy(h->magic, FILE_MAGIC, sizeof h->magic);
    h->version = FILE_VERSION;
    h->endian = FILE_ENDIAN;
    h->bytes = w->out->n - w->start;
    memcpy(file, h, sizeof *h);
    h->checksum = checksum(file, h->bytes);
    memcpy(file, h, sizeof *h);
    return LC_OK;
}

static enum lc_err
refuse(char *error, const char *what)
{
    snprintf(error, ROADS_ERROR_MAX, "%s", what);
    return LC_EINVAL;
}

/* section: its address, when it has exactly count elements of that size; else NULL. */
static const void *
section(struct slice file, const struct file_header *h, unsigned i, size_t count, size_t size)
{
    const struct file_span *s = &h->span[i];

    if (s->offset % 8 != 0 || s->offset < sizeof *h || s->offset > file.n ||
        s->bytes > file.n - s->offset || s->bytes != (uint64_t)count * size)
        return NULL;
    return file.p + s->offset;
}

static bool
find_mode(struct roads *r, struct slice file, unsigned k)
{
    const struct file_header *h = r->header;
    struct roads_mode *m = &r->mode[k];
    unsigned at = mode_section((enum travel_mode)k, 0);

    m->nodes = h->nodes[k];
    m->slots = h->slots[k];
    m->twins = h->twins[k];
    m->slot_of = section(file, h, at + MODE_SLOT_OF, 2 * (size_t)h->roads, sizeof *m->slot_of);
    m->slot = section(file, h, at + MODE_SLOT, m->slots, sizeof *m->slot);
    m->twin = section(file, h, at + MODE_TWIN, m->twins, sizeof *m->twin);
    m->first_slot = section(file, h, at + MODE_FIRST_SLOT, m->nodes + (size_t)1, sizeof(uint32_t));
    m->parent = section(file, h, at + MODE_PARENT, m->nodes, sizeof *m->parent);
    for (unsigned d = 0; d < 2; d++) {
        unsigned part = at + (d == 0 ? MODE_UP : MODE_DOWN);
        const struct fan *n = &h->arcs[k][d];
        m->fan[d] = section(file, h, part + ARC_FAN, m->nodes + (size_t)1, sizeof(struct fan));
        m->lone[d] = section(file, h, part + ARC_LONE, n->lone, sizeof(uint32_t));
        m->row[d] = section(file, h, part + ARC_ROW, n->row, sizeof(struct row));
        m->w[d] = section(file, h, part + ARC_W, n->arc, sizeof(int32_t));
        m->rest[d] = section(file, h, part + ARC_REST, n->arc, sizeof(struct rest));
        if (h->span[part + ARC_D].bytes > 0 &&
            (m->d[d] = section(file, h, part + ARC_D, n->arc, sizeof(uint32_t))) == NULL)
            return false;
        if (m->fan[d] == NULL || m->lone[d] == NULL || m->row[d] == NULL || m->w[d] == NULL ||
            m->rest[d] == NULL)
            return false;
    }
    return m->slot_of != NULL && m->slot != NULL && m->twin != NULL && m->first_slot != NULL &&
           m->parent != NULL;
}

static bool
find_sections(struct roads *r, struct slice file)
{
    const struct file_header *h = r->header;
    size_t cells = (size_t)h->grid_rows * h->grid_columns;

    if (cells > file.n)
        return false;
    r->road = section(file, h, SEC_ROAD, h->roads, sizeof *r->road);
    r->point = section(file, h, SEC_POINT, h->points, sizeof *r->point);
    r->names = section(file, h, SEC_NAMES, h->names, 1);
    r->grid_first = section(file, h, SEC_GRID_FIRST, cells + 1, sizeof *r->grid_first);
    if (r->road == NULL || r->point == NULL || r->names == NULL || r->grid_first == NULL)
        return false;
    r->grid_road = section(file, h, SEC_GRID_ROAD, r->grid_first[cells], sizeof *r->grid_road);
    if (r->grid_road == NULL)
        return false;
    for (unsigned k = 0; k < TRAVEL_MODES; k++)
        if ((h->modes & 1U << k) != 0 && !find_mode(r, file, k))
            return false;
    return true;
}

/* open_bytes: the checks. */
static enum lc_err
open_bytes(struct roads *r, struct slice file, char *error)
{
    const struct file_header *h = (const struct file_header *)file.p;

    if (file.n < sizeof *h || memcmp(h->magic, FILE_MAGIC, sizeof h->magic) != 0)
        return refuse(error, "not a compiled map: expected a file made by 'lcctl roads build'");
    if (h->endian != FILE_ENDIAN)
        return refuse(error, "compiled on a machine of another byte order: build it again");
    if (h->version != FILE_VERSION)
        return refuse(error, "compiled by another version: build it again");
    if (h->bytes != file.n)
        return refuse(error, "the file is cut off, or something was added to it");
    if (h->checksum != checksum(file.p, file.n))
        return refuse(error, "the file is damaged: its checksum is wrong");
    r->header = h;
    if (!find_sections(r, file))
        return refuse(error, "the file's sections do not fit");
    enum lc_err err = roads_sound(r);
    return err == LC_EINVAL ? refuse(error, "the file's parts do not fit together") : err;
}

enum lc_err
roads_view(struct slice bytes, struct roads **out, char *error)
{
    struct roads *r = calloc(1, sizeof *r);
    enum lc_err err = LC_ENOMEM;

    if (r != NULL)
        err = open_bytes(r, bytes, error);
    if (err != LC_OK) {
        free(r);
        return err;
    }
    *out = r;
    return LC_OK;
}

enum lc_err
roads_open(const char *path, struct roads **out, char *error)
{
    struct slice bytes;
    enum lc_err err = map_file(path, &bytes, error);

    if (err != LC_OK)
        return err;
    err = roads_view(bytes, out, error);
    if (err != LC_OK) {
        unmap_file(bytes);
        return err;
    }
    (*out)->mapped = bytes;
    return LC_OK;
}

void
roads_close(struct roads *r)
{
    if (r != NULL)
        unmap_file(r->mapped);
    free(r);
}

bool
roads_has(const struct roads *r, enum travel_mode mode)
{
    return (r->header->modes & 1U << mode) != 0;
}

uint32_t
roads_top_mm_s(const struct roads *r, enum travel_mode mode)
{
    return r->header->top_mm_s[mode];
}

uint32_t
roads_checksum(const struct roads *r)
{
    return r->header->checksum;
}

void
roads_bounds(const struct roads *r, struct latlng *south_west, struct latlng *north_east)
{
    *south_west = r->header->south_west;
    *north_east = r->header->north_east;
}

size_t
roads_bytes(const struct roads *r)
{
    return r->header->bytes;
}

uint32_t
roads_nodes(const struct roads *r, enum travel_mode mode)
{
    return roads_has(r, mode) ? r->mode[mode].nodes : 0;
}

const char *
roads_name(const struct roads *r, uint32_t edge)
{
    return r->names + r->road[edge >> 1].name;
}
