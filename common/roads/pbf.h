/* pbf: reads .osm.pbf bytes: sorted or not, dense nodes or not, raw or zlib blobs. Pure; part of
 * roads_build (roads/build.h).
 *
 * Everything is checked: lengths, the file's required features, string indexes, coordinates. What
 * cannot be read is an error that says what, in which block, at which byte; nothing is passed over
 * in silence but blobs of unknown type, as the format asks. One block (at most 32 MiB inflated, by
 * the format) is in memory at a time. */
#ifndef LC_ROADS_PBF_H
#define LC_ROADS_PBF_H

#include "base/arena.h"
#include "base/geo.h"
#include "roads/tags.h"

#include "osmpbf.pb-c.h"

enum { PBF_NODES = 1, PBF_WAYS = 2, PBF_RELATIONS = 4 };

/* Of one block's unpacked form; the format's 32 MiB of one-byte varints become eight times that. */
#define PBF_ARENA_MAX ((size_t)1 << 29)

struct pbf_member {
    int64_t id;
    struct slice role;
    uint8_t type; /* PBF_NODES, PBF_WAYS or PBF_RELATIONS */
};

/* pbf_sink: who is told. Tags and arrays are borrowed for the call; tags of a node may be NULL when
 * it has none that roads know. An answer other than LC_OK ends the reading with it. */
struct pbf_sink {
    void *ctx;
    enum lc_err (*node)(void *ctx, int64_t id, struct latlng at, const struct tags *t);
    enum lc_err (*way)(void *ctx, int64_t id, const struct tags *t, const int64_t *refs, size_t n);
    enum lc_err (*relation)(void *ctx, int64_t id, const struct tags *t, const struct pbf_member *m,
                            size_t n);
};

struct pbf_block {
    size_t offset; /* of the Blob in the file */
    uint32_t size;
    uint8_t has; /* PBF_* found when it was read; all before */
};

struct pbf {
    struct slice file; /* borrowed */
    struct pbf_block *block;
    size_t blocks;
    struct arena *arena;
    char *inflated;
    char *error; /* what went wrong, in the caller's ROADS_ERROR_MAX bytes */
};

/* pbf_open: finds the blocks and checks the header; a file that is cut off is found here. Borrows
 * file and error. LC_EINVAL (see error) or LC_ENOMEM; pbf_close in any case. */
LC_MUST_CHECK enum lc_err pbf_open(struct pbf *f, struct slice file, char *error);

/* pbf_read: every wanted object of the file, in its order. LC_EINVAL (see error), LC_ENOMEM, or
 * what the sink answered. */
LC_MUST_CHECK enum lc_err pbf_read(struct pbf *f, unsigned wanted, const struct pbf_sink *sink);

void pbf_close(struct pbf *f);

/* pbf_decode: the objects of one inflated block; part of pbf_read. */
LC_MUST_CHECK enum lc_err pbf_decode(struct pbf *f, const Osmpbf__PrimitiveBlock *b,
                                     unsigned wanted, unsigned *has, const struct pbf_sink *sink);

/* pbf_fail: writes the error and gives LC_EINVAL. */
enum lc_err pbf_fail(struct pbf *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
