#include "roads/dissect.h"
#include "roads/file.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct builder {
    struct osm_map map;
    struct network net;
    uint32_t *importance; /* of each edge */
    uint8_t *useful;      /* of each road: some mode may start or end there */
    struct file_writer file;
    struct roads_report report;
};

/* One mode, while it is built. */
struct mode_build {
    struct mode_graph graph;
    struct chains chains;
    struct hierarchy hierarchy;
    uint32_t *rank;
    uint32_t *slot_of;
    struct slot *slot;
    uint32_t *first_slot;
    struct twin *twin;
    size_t twins;
};

struct ranked {
    uint32_t importance;
    uint32_t node;
};

static int
by_importance(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->importance != y->importance)
        return (x->importance > y->importance) - (x->importance < y->importance);
    return (x->node > y->node) - (x->node < y->node);
}

/* rank_nodes: a node is as important as its most important edge. */
static bool
rank_nodes(const struct builder *b, struct mode_build *m)
{
    const struct chains *c = &m->chains;
    struct ranked *r = malloc((c->nodes + (size_t)1) * sizeof *r);

    m->rank = malloc((c->nodes + (size_t)1) * sizeof *m->rank);
    if (r == NULL || m->rank == NULL) {
        free(r);
        return false;
    }
    for (uint32_t i = 0; i < c->nodes; i++) {
        r[i] = (struct ranked){0, i};
        for (uint32_t s = c->first_state[i]; s < c->first_state[i + 1]; s++) {
            uint32_t x = b->importance[m->graph.edge[c->state[s]]];
            r[i].importance = x > r[i].importance ? x : r[i].importance;
        }
    }
    qsort(r, c->nodes, sizeof *r, by_importance);
    for (uint32_t i = 0; i < c->nodes; i++)
        m->rank[r[i].node] = i;
    free(r);
    return true;
}

/* lay_slots: the states in the order of the ranked nodes. */
static bool
lay_slots(const struct builder *b, struct mode_build *m, enum travel_mode mode)
{
    const struct chains *c = &m->chains;
    const struct mode_graph *g = &m->graph;
    size_t edges = 2 * b->net.roads;
    uint32_t *node = calloc(c->nodes + (size_t)1, sizeof *node), filled = 0;

    m->slot_of = malloc((edges + 1) * sizeof *m->slot_of);
    m->slot = malloc((g->states + (size_t)1) * sizeof *m->slot);
    m->first_slot = malloc((c->nodes + (size_t)1) * sizeof *m->first_slot);
    m->twin = malloc((g->states - g->plain + (size_t)1) * sizeof *m->twin);
    if (node == NULL || m->slot_of == NULL || m->slot == NULL || m->first_slot == NULL ||
        m->twin == NULL) {
        free(node);
        return false;
    }
    memset(m->slot_of, 0xff, edges * sizeof *m->slot_of);
    for (uint32_t i = 0; i < c->nodes; i++)
        node[m->rank[i]] = i;
    for (uint32_t r = 0; r < c->nodes; r++) {
        m->first_slot[r] = filled;
        for (uint32_t i = c->first_state[node[r]]; i < c->first_state[node[r] + 1]; i++) {
            uint32_t s = c->state[i];
            const struct way_dir *use = edge_use(&b->net, &b->map, g->edge[s], mode);
            m->slot[filled] = (struct slot){g->edge[s],           r,         c->place[s].before_w,
                                            c->place[s].before_d, use->rate, use->speed};
            if (s >= g->plain)
                m->twin[m->twins++] = (struct twin){g->edge[s], filled};
            else if (g->snap[s])
                m->slot_of[g->edge[s]] = filled;
            filled++;
        }
    }
    m->first_slot[c->nodes] = filled;
    free(node);
    return true;
}

static int
by_edge(const void *a, const void *b)
{
    const struct twin *x = a, *y = b;

    if (x->edge != y->edge)
        return (x->edge > y->edge) - (x->edge < y->edge);
    return (x->slot > y->slot) - (x->slot < y->slot);
}

/* top_speed: of the edges, in a straight line or not: what no trip is faster than. */
static uint32_t
top_speed(const struct mode_build *m)
{
    uint32_t top = 0; /* 10 m/h */

    for (uint32_t i = 0; i < m->graph.states; i++)
        top = m->slot[i].speed > top ? m->slot[i].speed : top;
    /* Rounding of times to ms and lengths to cm makes short edges seem faster, by far less. */
    return top * 10 / 3 * 101 / 100 + 100;
}

static enum lc_err
write_mode(struct builder *b, const struct mode_build *m, enum travel_mode mode)
{
    struct file_writer *w = &b->file;
    const struct hierarchy *h = &m->hierarchy;
    struct file_header *f = &w->header;

    f->nodes[mode] = h->nodes;
    f->slots[mode] = m->graph.states;
    f->twins[mode] = (uint32_t)m->twins;
    f->top_mm_s[mode] = top_speed(m);
    file_add(w, mode_section(mode, MODE_SLOT_OF), m->slot_of,
             2 * b->net.roads * sizeof *m->slot_of);
    file_add(w, mode_section(mode, MODE_SLOT), m->slot, m->graph.states * sizeof *m->slot);
    file_add(w, mode_section(mode, MODE_TWIN), m->twin, m->twins * sizeof *m->twin);
    file_add(w, mode_section(mode, MODE_FIRST_SLOT), m->first_slot,
             (h->nodes + (size_t)1) * sizeof *m->first_slot);
    file_add(w, mode_section(mode, MODE_PARENT), h->parent, h->nodes * sizeof *h->parent);
    for (int d = 0; d < 2; d++)
        if (!arcs_add(w, h, mode, d))
            return LC_ENOMEM;
    return LC_OK;
}

static void
report_mode(struct builder *b, const struct mode_build *m, enum travel_mode mode)
{
    const struct hierarchy *h = &m->hierarchy;

    b->report.mode[mode].edges = m->graph.edges;
    b->report.mode[mode].nodes = h->nodes;
    b->report.mode[mode].arcs = h->first[0][h->nodes] + (size_t)h->first[1][h->nodes];
    for (uint32_t e = 0; e < 2 * b->net.roads; e++) {
        if (m->graph.state_of[e] == NO_STATE)
            continue;
        b->report.mode[mode].segments += b->net.road[e >> 1].points - 1;
        b->useful[e >> 1] |= m->slot_of[e] != NO_SLOT;
    }
}

/* mode_job: the work on one mode that needs nothing of the others and writes nothing they see. */
struct mode_job {
    const struct builder *b;
    enum travel_mode mode;
    struct mode_build made;
    enum lc_err err;
};

static enum lc_err
make_mode(const struct builder *b, enum travel_mode mode, struct mode_build *m)
{
    enum lc_err err = turns_build(&m->graph, &b->net, &b->map, mode);

    if (err == LC_OK && m->graph.states == 0)
        return LC_EINVAL;
    if (err == LC_OK)
        err = chains_build(&m->chains, &m->graph, &b->net);
    if (err == LC_OK && (!rank_nodes(b, m) || !lay_slots(b, m, mode)))
        err = LC_ENOMEM;
    if (err == LC_OK)
        err = hierarchy_build(&m->hierarchy, m->chains.nodes, m->chains.first_arc, m->chains.arc,
                              m->rank);
    if (err == LC_OK)
        qsort(m->twin, m->twins, sizeof *m->twin, by_edge);
    return err;
}

static void *
run_job(void *arg)
{
    struct mode_job *job = arg;

    job->err = make_mode(job->b, job->mode, &job->made);
    return NULL;
}

/* finish_job: what was made goes into the file. */
static enum lc_err
finish_job(struct builder *b, struct mode_job *job, char *error)
{
    enum lc_err err = job->err;

    if (err == LC_EINVAL)
        snprintf(error, ROADS_ERROR_MAX, "the file has no road for %s",
                 travel_mode_name(job->mode));
    if (err == LC_OK)
        err = write_mode(b, &job->made, job->mode);
    if (err == LC_OK) {
        report_mode(b, &job->made, job->mode);
        b->file.header.modes |= 1U << job->mode;
    }
    return err;
}

static void
mode_build_free(struct mode_build *m)
{
    turns_free(&m->graph);
    chains_free(&m->chains);
    hierarchy_free(&m->hierarchy);
    free(m->rank);
    free(m->slot_of);
    free(m->slot);
    free(m->first_slot);
    free(m->twin);
}

/* build_two: one mode here and, when there is a second, that one in a thread beside it; into the
 * file they go one after the other, so that it is always the same. */
static enum lc_err
build_two(struct builder *b, const enum travel_mode *mode, size_t n, char *error)
{
    struct mode_job job[2] = {{.b = b, .mode = mode[0]}, {.b = b, .mode = mode[n - 1]}};
    enum lc_err err = LC_OK;
    pthread_t thread;
    bool beside = n == 2 && pthread_create(&thread, NULL, run_job, &job[1]) == 0;

    run_job(&job[0]);
    if (beside)
        pthread_join(thread, NULL);
    else if (n == 2)
        run_job(&job[1]);
    for (size_t i = 0; i < n; i++) {
        if (err == LC_OK)
            err = finish_job(b, &job[i], error);
        mode_build_free(&job[i].made);
    }
    return err;
}

static enum lc_err
build_modes(struct builder *b, unsigned modes, char *error)
{
    enum travel_mode mode[TRAVEL_MODES];
    size_t n = 0;
    enum lc_err err = LC_OK;

    for (unsigned k = 0; k < TRAVEL_MODES; k++)
        if ((modes & 1U << k) != 0)
            mode[n++] = (enum travel_mode)k;
    for (size_t i = 0; i < n && err == LC_OK; i += 2)
        err = build_two(b, mode + i, n - i < 2 ? 1 : 2, error);
    return err;
}

static enum lc_err
write_shared(struct builder *b)
{
    struct file_writer *w = &b->file;

    w->header.roads = (uint32_t)b->net.roads;
    w->header.points = (uint32_t)b->net.points;
    w->header.names = (uint32_t)b->map.names_n;
    file_add(w, SEC_ROAD, b->net.road, b->net.roads * sizeof *b->net.road);
    file_add(w, SEC_POINT, b->net.point, b->net.points * sizeof *b->net.point);
    file_add(w, SEC_NAMES, b->map.names, b->map.names_n);
    return grid_add(w, &b->net, b->useful);
}

static void
report_map(struct builder *b)
{
    struct roads_report *r = &b->report;

    r->ways = b->map.ways;
    r->nodes = b->map.nodes;
    r->missing = b->map.missing;
    r->roads = b->net.roads;
    r->junctions = b->net.junctions;
    r->segments = b->net.points - b->net.roads;
    r->restrictions = b->map.restrictions;
    r->ignored = b->net.ignored;
}

/* prepare: what all modes share. */
static enum lc_err
prepare(struct builder *b, struct slice pbf, char *error)
{
    enum lc_err err = osm_read(&b->map, pbf, error);

    if (err == LC_OK)
        err = network_build(&b->net, &b->map);
    if (err != LC_OK)
        return err;
    report_map(b);
    b->importance = malloc((2 * b->net.roads + 1) * sizeof *b->importance);
    b->useful = calloc(b->net.roads + 1, 1);
    if (b->importance == NULL || b->useful == NULL)
        return LC_ENOMEM;
    if (b->net.roads == 0) {
        snprintf(error, ROADS_ERROR_MAX, "the file has no road");
        return LC_EINVAL;
    }
    return dissect(&b->net, b->importance);
}

enum lc_err
roads_build(struct slice pbf, unsigned modes, struct buf *out, struct roads_report *report,
            char *error)
{
    struct builder b = {0};
    size_t start = out->n;
    enum lc_err err;

    error[0] = '\0';
    err = prepare(&b, pbf, error);
    if (err == LC_OK)
        file_begin(&b.file, out);
    if (err == LC_OK)
        err = build_modes(&b, modes, error);
    if (err == LC_OK)
        err = write_shared(&b);
    if (err == LC_OK)
        err = file_end(&b.file);
    if (err != LC_OK)
        out->n = start;
    if (err == LC_ENOMEM)
        snprintf(error, ROADS_ERROR_MAX, "out of memory");
    if (err == LC_ETOOBIG)
        snprintf(error, ROADS_ERROR_MAX,
                 "the network is too large, or too tangled, to be searched");
    if (report != NULL)
        *report = b.report;
    free(b.importance);
    free(b.useful);
    network_free(&b.net);
    osm_free(&b.map);
    return err;
}
