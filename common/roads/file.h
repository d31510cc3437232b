/* file: the layout of a compiled map, and the handle over it. Inside roads only.
 *
 * A header, then sections, each 8-aligned, in the machine's own byte order (little endian; another
 * one is refused). Nothing in it is a pointer, so it is used where it is mapped. */
#ifndef LC_ROADS_FILE_H
#define LC_ROADS_FILE_H

#include "roads/contract.h"
#include "roads/network.h"
#include "roads/roads.h"

#define FILE_MAGIC "LCROADS"
enum { FILE_VERSION = 2, FILE_ENDIAN = 0x01020304 };

#define NO_SLOT UINT32_MAX

/* slot: one state (edge) of a mode, in its place within a node of the search graph. */
struct slot {
    uint32_t edge;
    uint32_t node;
    uint32_t before_w, before_d; /* of the node, in front of this edge */
    uint16_t rate, speed;        /* 10 m/h: what the edge itself costs, with its length */
};

/* An arc of the hierarchy is its weight, which searching reads, and its rest, which is read once it
 * has found. Where it leads is said once for a row of arcs, those to nodes that follow one another,
 * as most of the important nodes' do; only the lone ones say it each for themselves. */
struct rest {
    uint32_t cm;
    uint32_t middle;
};

/* row: so many arcs lead to `to`, to + 1 and so on. */
struct row {
    uint32_t to;
    uint32_t n; /* ROW_LEAST and more */
};
enum { ROW_LEAST = 6 };

/* fan: where a node's arcs begin: the lone ones first, its round before all, then the rows. */
struct fan {
    uint32_t arc;  /* into the weights and the rest */
    uint32_t lone; /* into the ends of lone arcs */
    uint32_t row;
};

/* twin: a further state of an edge: come there by way of a restriction. */
struct twin {
    uint32_t edge;
    uint32_t slot;
};

enum file_section {
    SEC_ROAD,         /* struct road */
    SEC_POINT,        /* struct latlng */
    SEC_NAMES,        /* bytes */
    SEC_GRID_FIRST,   /* uint32_t, cells + 1 */
    SEC_GRID_ROAD,    /* uint32_t: the roads that touch each cell */
    SEC_SHARED,       /* how many of those; the rest is per mode: */
    MODE_SLOT_OF = 0, /* uint32_t of each edge: its slot, NO_SLOT where no trip starts or ends */
    MODE_SLOT,        /* struct slot, by node and place within it */
    MODE_TWIN,        /* struct twin, ascending */
    MODE_FIRST_SLOT,  /* uint32_t, nodes + 1 */
    MODE_PARENT,      /* uint32_t, nodes: as struct hierarchy */
    MODE_UP,          /* the arcs that go up, ARC_SECTIONS of them */
    ARC_FAN = 0,      /* struct fan, nodes + 1 */
    ARC_LONE,         /* uint32_t: where each lone arc leads */
    ARC_ROW,          /* struct row */
    ARC_W,            /* int32_t of each arc */
    ARC_REST,         /* struct rest of each arc */
    ARC_D,            /* uint32_t: durations; empty where all are as the weights */
    ARC_SECTIONS,
    MODE_DOWN = MODE_UP + ARC_SECTIONS, /* the arcs that come down */
    MODE_SECTIONS = MODE_DOWN + ARC_SECTIONS,
};
enum { FILE_SECTIONS = SEC_SHARED + TRAVEL_MODES * MODE_SECTIONS };

struct file_span {
    uint64_t offset, bytes;
};

struct file_header {
    char magic[8];
    uint32_t version;
    uint32_t endian;
    uint64_t bytes;    /* of the whole file */
    uint32_t checksum; /* CRC-32 of everything behind this field */
    uint32_t modes;
    uint32_t roads, points, names;
    uint32_t grid_rows, grid_columns;
    uint32_t grid_lat_step, grid_lng_step; /* e7 */
    struct latlng south_west, north_east;
    uint32_t nodes[TRAVEL_MODES], slots[TRAVEL_MODES], twins[TRAVEL_MODES];
    struct fan arcs[TRAVEL_MODES][2]; /* how many: up, down */
    uint32_t top_mm_s[TRAVEL_MODES];
    struct file_span span[FILE_SECTIONS];
};

/* roads_mode: one mode's part of an open map. */
struct roads_mode {
    uint32_t nodes;
    uint32_t slots, twins;
    const uint32_t *slot_of;
    const struct slot *slot;
    const struct twin *twin;
    const uint32_t *first_slot;
    const uint32_t *parent;
    const struct fan *fan[2]; /* [0] up, [1] down: as struct hierarchy */
    const uint32_t *lone[2];
    const struct row *row[2];
    const int32_t *w[2];
    const struct rest *rest[2];
    const uint32_t *d[2]; /* NULL: as the weights */
};

static inline uint32_t
arc_d(const struct roads_mode *m, int side, uint32_t arc)
{
    return m->d[side] == NULL ? (uint32_t)m->w[side][arc] : m->d[side][arc];
}

struct roads {
    const struct file_header *header;
    const struct road *road;
    const struct latlng *point;
    const char *names;
    const uint32_t *grid_first, *grid_road;
    struct roads_mode mode[TRAVEL_MODES];
    struct slice mapped; /* p NULL when the bytes are borrowed */
};

/* roads_sound: does everything in it point inside? LC_EINVAL: no. LC_ENOMEM. Part of opening. */
LC_MUST_CHECK enum lc_err roads_sound(const struct roads *r);

/* Between the points of a road: metres from degrees, on a sphere, around a latitude. */
#define METRES_PER_E7 0.0111195079734632 /* of the mean Earth radius 6371008.8 m */

/* file_writer: sections appended one after the other. */
struct file_writer {
    struct buf *out;
    size_t start; /* of the file in out */
    struct file_header header;
};
void file_begin(struct file_writer *w, struct buf *out);
void file_add(struct file_writer *w, unsigned section, const void *p, size_t bytes);

/* file_end: fills in the header. LC_ENOMEM when an append failed; out is then as it was. */
LC_MUST_CHECK enum lc_err file_end(struct file_writer *w);

static inline unsigned
mode_section(enum travel_mode mode, unsigned section)
{
    return SEC_SHARED + (unsigned)mode * MODE_SECTIONS + section;
}

/* arcs_add: the sections of one side of a mode's hierarchy. False without memory. */
LC_MUST_CHECK bool arcs_add(struct file_writer *w, const struct hierarchy *h, enum travel_mode mode,
                            int d);

/* The least height of the cells, about 150 m; their width is never less. */
enum { CELL_LAT_E7 = 13500 };

/* grid_add: the two sections by which roads are found near a point: those with useful[road] set.
 * LC_ENOMEM. */
LC_MUST_CHECK enum lc_err grid_add(struct file_writer *w, const struct network *n,
                                   const uint8_t *useful);

#endif
