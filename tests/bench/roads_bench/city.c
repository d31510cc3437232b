#include "city.h"

#include "roads_rig.h"

#include <math.h>

enum { STREET_NODES = 4 }; /* of one block's street: two junctions, two bends */

struct made {
    size_t side; /* junctions */
    struct rig_node *node;
    struct rig_way *way;
    struct rig_relation *relation;
    struct rig_member *member;
    int64_t *ref;
    size_t nodes, ways, relations, refs;
    uint64_t random;
};

static uint32_t
next(struct made *c, uint32_t below)
{
    uint64_t z = c->random += 0x9E3779B97F4A7C15;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (uint32_t)((z ^ z >> 31) % below);
}

/* Junction (row, column): a grid of 90 m x 70 m, bent and shaken. */
static struct latlng
place(struct made *c, size_t row, size_t column)
{
    double x = (double)column * 90 + 60 * sin((double)row / 17) + next(c, 20);
    double y = (double)row * 70 + 60 * sin((double)column / 23) + next(c, 20);

    return (struct latlng){(int32_t)(395000000 + y * 89.93), (int32_t)(-766000000 + x * 116.5)};
}

static const char *
tags_of(struct made *c, size_t line, bool down)
{
    static const char *const residential[] = {
        "highway=residential|name=Ash Street",
        "highway=residential|name=Birch Street|oneway=yes",
        "highway=residential|name=Cedar Street|maxspeed=25 mph",
        "highway=residential|name=Dogwood Street|oneway=-1",
        "highway=service|service=alley",
        "highway=residential|name=Elm Street",
        "highway=unclassified|name=Fir Street",
        "highway=footway",
    };

    (void)c;
    if (line % 40 == 20)
        return "highway=trunk|name=Ring Road|maxspeed=50 mph";
    if (line % 12 == 6)
        return down ? "highway=primary|name=First Avenue|maxspeed=35 mph"
                    : "highway=primary|name=Main Street|maxspeed=35 mph";
    if (line % 6 == 3)
        return "highway=secondary|name=Second Avenue";
    return residential[line % 8];
}

/* street: between two junctions, with two bends; one in fourteen is missing. */
static void
street(struct made *c, size_t a, size_t b, const char *tags)
{
    if (next(c, 14) == 0)
        return;
    struct latlng p = c->node[a].at, q = c->node[b].at;
    c->ref[c->refs] = c->node[a].id;
    for (int k = 1; k < STREET_NODES - 1; k++) {
        struct latlng at = {
            p.lat_e7 + (q.lat_e7 - p.lat_e7) * k / (STREET_NODES - 1) + (int32_t)next(c, 300),
            p.lng_e7 + (q.lng_e7 - p.lng_e7) * k / (STREET_NODES - 1) + (int32_t)next(c, 300)};
        c->node[c->nodes] = (struct rig_node){(int64_t)c->nodes + 1, at, NULL};
        c->ref[c->refs + (size_t)k] = c->node[c->nodes++].id;
    }
    c->ref[c->refs + STREET_NODES - 1] = c->node[b].id;
    c->way[c->ways] = (struct rig_way){(int64_t)c->ways + 1, tags, c->ref + c->refs, STREET_NODES};
    c->ways++;
    c->refs += STREET_NODES;
}

/* restriction: no turn from the street laid last into the one laid before, if they meet. */
static void
restriction(struct made *c)
{
    const struct rig_way *to = &c->way[c->ways - 1], *from = &c->way[c->ways - 2];

    if (to->refs[0] != from->refs[0])
        return;
    struct rig_member *m = &c->member[3 * c->relations];
    m[0] = (struct rig_member){from->id, "from", OSMPBF__RELATION__MEMBER_TYPE__WAY};
    m[1] = (struct rig_member){from->refs[0], "via", OSMPBF__RELATION__MEMBER_TYPE__NODE};
    m[2] = (struct rig_member){to->id, "to", OSMPBF__RELATION__MEMBER_TYPE__WAY};
    c->relation[c->relations] = (struct rig_relation){
        (int64_t)c->relations + 1, "type=restriction|restriction=no_left_turn", m, 3};
    c->relations++;
}

bool
city_write(size_t nodes, struct buf *out)
{
    struct made c = {.random = 60};
    size_t per_junction = 1 + 2 * (STREET_NODES - 2);

    c.side = (size_t)sqrt((double)nodes / ((double)per_junction * 0.93));
    size_t junctions = c.side * c.side;
    c.node = calloc(junctions * per_junction + 1, sizeof *c.node);
    c.way = calloc(2 * junctions + 1, sizeof *c.way);
    c.ref = calloc(2 * junctions * STREET_NODES + 1, sizeof *c.ref);
    c.relation = calloc(junctions + 1, sizeof *c.relation);
    c.member = calloc(3 * junctions + 3, sizeof *c.member);
    if (c.side == 0 || c.node == NULL || c.way == NULL || c.ref == NULL || c.relation == NULL ||
        c.member == NULL)
        return false;
    for (size_t i = 0; i < junctions; i++)
        c.node[i] = (struct rig_node){(int64_t)i + 1, place(&c, i / c.side, i % c.side),
                                      next(&c, 9) == 0 ? "highway=traffic_signals" : NULL};
    c.nodes = junctions;
    for (size_t i = 0; i < junctions; i++) {
        size_t row = i / c.side, column = i % c.side;
        if (column + 1 < c.side)
            street(&c, i, i + 1, tags_of(&c, row, false));
        if (row + 1 < c.side)
            street(&c, i, i + c.side, tags_of(&c, column, true));
        if (next(&c, 25) == 0 && c.ways > 1)
            restriction(&c);
    }
    const struct rig_map m = {c.node, c.nodes, c.way, c.ways, c.relation, c.relations};
    rig_write(&m, &(struct rig_style){.dense = true, .zlib = true}, out);
    free(c.node);
    free(c.way);
    free(c.ref);
    free(c.relation);
    free(c.member);
    return !out->failed;
}
