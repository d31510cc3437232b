/* cells: which stores may serve a neighbourhood? Redis' geo index is asked once a cell (base/geo.h,
 * about 150 m), and the answer serves every customer there until a store nearby changes. Pure.
 *
 * Exact, because every bound errs to the safe side: the search radius is the largest reach of any
 * zone plus the cell's own radius plus what Redis' geohash and Earth differ from ours. Kept of the
 * answer: all stores that may serve a point of the cell, and of each chain the MATCH_OTHERS nearest
 * of the rest, for explanations and "nearby". Paused stores are not in the index; they are added
 * from memory, so that they can be named as the reason. */
#ifndef LC_MATCHER_CELLS_H
#define LC_MATCHER_CELLS_H

#include "matcher/judge.h"

enum { MATCH_OTHERS = 50 };

struct match_cells; /* opaque, owned by the caller */

/* A neighbourhood. Waiting orders hang on it by its owner's list. */
struct match_cell;

/* The stores of one chain, nearest to the cell's middle first. bound_s[i]: no customer of the cell
 * is reached in less from this or any later one. Borrowed until the next match_cells_add or
 * match_cells_fill. */
struct match_list {
    size_t n;
    const uint32_t *store;
    const uint16_t *bound_s;
};

/* match_cells_new: keeps at most `bytes` of answers. NULL when out of memory. */
struct match_cells *match_cells_new(size_t bytes);
void match_cells_destroy(struct match_cells *c);

/* match_cell_key: of the point's cell; collection has cells of its own. Below 2^52. */
uint64_t match_cell_key(struct latlng p, bool collection);

/* match_cells_find: NULL when not there. Marks it as used. */
struct match_cell *match_cells_find(struct match_cells *c, uint64_t key);

/* match_cells_add: a new one, not asked for yet. NULL when out of memory. */
struct match_cell *match_cells_add(struct match_cells *c, uint64_t key);

/* match_cell_fresh: holds an answer for this generation of the shops? */
bool match_cell_fresh(const struct match_cell *cell, const struct match_shops *shops);

/* match_cell_asked: was Redis asked, and has not answered? Asked MATCH_ASK_AGAIN_MS ago does not
 * count: the question may never have left. match_cell_ask: notes that it is asked now. */
enum { MATCH_ASK_AGAIN_MS = 2000 };
bool match_cell_asked(const struct match_cell *cell, int64_t now_ms);
void match_cell_ask(struct match_cell *cell, const struct match_shops *shops, int64_t now_ms);

/* match_cell_unask: the question was lost: ask again. */
void match_cell_unask(struct match_cell *cell);

/* match_cell_radius_m: what to ask for: everything within this of the cell's middle. */
uint32_t match_cell_radius_m(const struct match_cell *cell, const struct match_view *v);
struct latlng match_cell_centre(const struct match_cell *cell);

/* match_cells_touch: a store at p changed: what neighbourhoods that may see it keep, or are waiting
 * for, is out of date. */
void match_cells_touch(struct match_cells *c, const struct match_view *v, struct latlng p);

/* match_cells_fill: takes Redis' answer (an array of members), as of the generation it was asked
 * for; one that was not asked for is passed over. May drop cells that nobody asked for long; never
 * one that is asked. scratch is used until it returns. LC_ENOMEM: still without answer. */
LC_MUST_CHECK enum lc_err match_cells_fill(struct match_cells *c, struct match_cell *cell,
                                           const struct match_view *v, const struct reply *reply,
                                           struct arena *scratch);

/* match_cell_list: the chain's stores; n is 0 when it has none here. */
struct match_list match_cell_list(const struct match_cell *cell, uint32_t chain);

/* match_cell_waiting: the head of the list of jobs (core.h) that wait for the answer. */
struct match_job;
struct match_job **match_cell_waiting(struct match_cell *cell);

/* match_cells_bytes, match_cells_count: what is kept now. */
size_t match_cells_bytes(const struct match_cells *c);
size_t match_cells_count(const struct match_cells *c);

#endif
