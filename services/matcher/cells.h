/* cells: which stores may serve a neighbourhood? Redis' geo index is asked once a cell (base/geo.h,
 * about 150 m), and the answer serves every customer there until a store nearby changes. Pure.
 *
 * Where stores are dense, a question as wide as zones reach would bring thousands, of which an
 * order needs the nearest few: asked is for the nearest policy.near_stores or so, and kept of each
 * chain are the nearest that may serve a point of the cell, a quarter of that number (half of it by
 * a map's roads), and the
 * MATCH_OTHERS nearest of the rest, for explanations and "nearby". A list that leaves any out is
 * `cut`, and says how near a customer the next one may be; who needs more looks at all stores of
 * the chain (wide.h).
 *
 * Exact, because every bound errs to the safe side: the search radius is the largest reach of any
 * zone, or the radius asked for, plus the cell's own radius plus what Redis' geohash and Earth
 * differ from ours. Paused stores are not in the index; they are added from memory, so that they
 * can be named as the reason. */
#ifndef LC_MATCHER_CELLS_H
#define LC_MATCHER_CELLS_H

#include "matcher/judge.h"

enum { MATCH_OTHERS = 50 };

struct match_cells; /* opaque, owned by the caller */

/* A neighbourhood. Waiting orders hang on it by its owner's list. */
struct match_cell;

/* The stores of one chain, nearest to the cell's middle first. bound_s[i]: no customer of the cell
 * is reached in less from this or any later one. cut: stores are left out, none of which reaches a
 * customer in less than cut_s. exact: the bounds are for the order's own mode of travel. Borrowed
 * until the next match_cells_add, match_cells_fill or match_list_wide. */
struct match_list {
    size_t n;
    const uint32_t *store;
    const uint16_t *bound_s;
    const uint8_t *cover; /* enum match_cover of the store's zone, or collection radius, here */
    bool cut;
    bool exact;
    uint16_t cut_s;
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
 * count: the question may never have left. match_cell_ask: notes that it is asked now; returns what
 * to ask for: everything within this many metres of match_cell_from. */
enum { MATCH_ASK_AGAIN_MS = 2000 };
bool match_cell_asked(const struct match_cell *cell, int64_t now_ms);
uint32_t match_cell_ask(struct match_cell *cell, const struct match_view *v);

/* match_cell_unask: the question was lost: ask again. */
void match_cell_unask(struct match_cell *cell);

struct latlng match_cell_centre(const struct match_cell *cell);
/* match_cell_from: its centre, or what Redis takes for it near a pole. */
struct latlng match_cell_from(const struct match_cell *cell);

/* match_cells_touch: a store at p changed: what neighbourhoods that may see it keep, or are waiting
 * for, is out of date. */
void match_cells_touch(struct match_cells *c, struct latlng p);

/* match_cells_touch_all: the same of all neighbourhoods: how long ways take has changed. */
void match_cells_touch_all(struct match_cells *c);

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
