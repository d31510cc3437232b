/* replay: runs a recording through a fresh core and compares every outgoing byte. Pure.
 *
 * A recording is a file of records, each a u32 length and then:
 * - u8 1, blob event, u8 outcome (0, or minus the error), blob effects: one step; trace.c has the
 *   inside
 * - u8 2: the effects so far were carried out
 * The first record of a file is REPLAY_MAGIC as a blob, then the service's name as a blob. */
#ifndef LC_BASE_REPLAY_H
#define LC_BASE_REPLAY_H

#include "base/step.h"

#define REPLAY_MAGIC "lifecircle.v1 steps"

enum { REPLAY_STEP = 1, REPLAY_FLUSHED = 2 };

/* replay_head: appends what a recording of this service starts with. */
void replay_head(struct buf *b, const struct service *service);

/* replay_service: the name of the service a recording is of, or the empty slice. */
struct slice replay_service(struct slice recording);

/* replay_difference: the first step that differs. The slices are traces of effects
 * (trace_print_effects). */
struct replay_difference {
    uint64_t step; /* 1 = the first */
    const struct event *event;
    enum lc_err expected_outcome;
    enum lc_err got_outcome;
    struct slice expected;
    struct slice got;
};

/* replay_where: the first effect in which they differ, 1 = the first; 0: none does, only the
 * outcomes. The texts are its lines of trace_print_effects near the first character that differs
 * (beginning and middle of a long one, "..." where something is left out), empty when there is no
 * such effect. They show what orders contain: names, addresses. */
struct replay_where {
    size_t effect;
    struct buf recorded;
    struct buf now;
};

/* replay_where: fills w, in any case to be freed with replay_where_free.
 *   LC_EINVAL  the recorded effects are damaged; w is of what can be read
 *   LC_ENOMEM  out of memory */
LC_MUST_CHECK enum lc_err replay_where(const struct replay_difference *d, struct replay_where *w);
void replay_where_free(struct replay_where *w);

struct replay_result {
    uint64_t steps; /* that were run */
    bool differs;   /* the callback was called, once, and the run ended there */
    bool cut;       /* the recording ends inside a record: the daemon was killed; fine */
};

/* replay_asks: what a run wants of its caller; each may be NULL. */
struct replay_asks {
    /* different: called on the first difference. */
    void (*different)(void *ctx, const struct replay_difference *d);
    /* roads: the travel times of the map with this checksum, which was in this file when it was
     * recorded; they stay until the run ends. NULL: it is not to be had. */
    const struct travel *(*roads)(void *ctx, uint32_t checksum, struct slice path);
    /* addresses: the same for an index of addresses. */
    const struct address_book *(*addresses)(void *ctx, uint32_t checksum, struct slice path);
    void *ctx;
};

/* replay_run: runs the whole recording.
 *   LC_EINVAL    not a recording of this service, or malformed
 *   LC_ENOTFOUND it used a map or an index that asks has not
 *   LC_ENOMEM    out of memory */
LC_MUST_CHECK enum lc_err replay_run(const struct service *service, struct slice recording,
                                     const struct replay_asks *asks, struct replay_result *out);

#endif
