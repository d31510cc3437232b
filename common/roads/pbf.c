#include "roads/pbf.h"

#include "roads/roads.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    HEADER_MAX = 64 * 1024,      /* of a BlobHeader, by the format */
    BLOB_MAX = 32 * 1024 * 1024, /* of a Blob, and of what it inflates to */
};

enum lc_err
pbf_fail(struct pbf *f, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(f->error, ROADS_ERROR_MAX, fmt, ap);
    va_end(ap);
    return LC_EINVAL;
}

/* fail_in: the same, saying where; the block's number counts the file header as 0. */
static enum lc_err
fail_in(struct pbf *f, size_t block, const char *what)
{
    char copy[ROADS_ERROR_MAX];

    snprintf(copy, sizeof copy, "%s", what);
    return pbf_fail(f, "block %zu at byte %zu: %.160s", block, f->block[block].offset, copy);
}

static uint32_t
big_endian(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;

    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

/* next_block: takes one header off the file; *data says whether the blob behind it is OSMData. */
static enum lc_err
next_block(struct pbf *f, size_t *at, struct pbf_block *out, bool *data, bool *header)
{
    size_t left = f->file.n - *at;

    if (left < 4)
        return pbf_fail(f, "cut off at byte %zu: expected the length of a block's header", *at);
    uint32_t n = big_endian(f->file.p + *at);
    if (n == 0 || n > HEADER_MAX)
        return pbf_fail(f,
                        "not an .osm.pbf: at byte %zu expected the length of a block's header (1 "
                        "to 65536), got %u",
                        *at, n);
    if (left - 4 < n)
        return pbf_fail(f, "cut off in the header of the block at byte %zu", *at);
    Osmpbf__BlobHeader *h = osmpbf__blob_header__unpack(arena_protobuf(f->arena), n,
                                                        (const uint8_t *)f->file.p + *at + 4);
    if (h == NULL)
        return pbf_fail(f, "not an .osm.pbf: the header of the block at byte %zu is malformed",
                        *at);
    if (h->datasize < 0 || h->datasize > BLOB_MAX)
        return pbf_fail(f, "the block at byte %zu claims %d bytes; expected at most 33554432", *at,
                        h->datasize);
    out->offset = *at + 4 + n;
    out->size = (uint32_t)h->datasize;
    out->has = PBF_NODES | PBF_WAYS | PBF_RELATIONS;
    if (f->file.n - out->offset < out->size)
        return pbf_fail(f, "cut off in the block at byte %zu: expected %u bytes, %zu are left",
                        out->offset, out->size, f->file.n - out->offset);
    *data = strcmp(h->type, "OSMData") == 0;
    *header = strcmp(h->type, "OSMHeader") == 0;
    *at = out->offset + out->size;
    return LC_OK;
}

/* unblob: the bytes of a block; into f->inflated when they are compressed. */
static enum lc_err
unblob(struct pbf *f, size_t block, struct slice *out)
{
    const struct pbf_block *b = &f->block[block];
    Osmpbf__Blob *blob = osmpbf__blob__unpack(arena_protobuf(f->arena), b->size,
                                              (const uint8_t *)f->file.p + b->offset);

    if (blob == NULL)
        return fail_in(f, block, "malformed blob");
    if (blob->has_raw) {
        *out = slice_of((char *)blob->raw.data, blob->raw.len);
        return LC_OK;
    }
    if (!blob->has_zlib_data)
        return fail_in(f, block,
                       blob->has_lz4_data     ? "compressed with LZ4; expected zlib or none"
                       : blob->has_zstd_data  ? "compressed with Zstandard; expected zlib or none"
                       : blob->has_lzma_data  ? "compressed with LZMA; expected zlib or none"
                       : blob->has_bzip2_data ? "compressed with bzip2; expected zlib or none"
                                              : "no data of a known compression");
    if (!blob->has_raw_size || blob->raw_size < 0 || blob->raw_size > BLOB_MAX)
        return fail_in(f, block, "raw_size: expected 0 to 33554432");
    uLongf n = (uLongf)blob->raw_size;
    if (f->inflated == NULL && (f->inflated = malloc(BLOB_MAX)) == NULL)
        return LC_ENOMEM;
    if (uncompress((Bytef *)f->inflated, &n, blob->zlib_data.data, blob->zlib_data.len) != Z_OK ||
        n != (uLongf)blob->raw_size)
        return fail_in(f, block, "zlib data is damaged or does not give raw_size bytes");
    *out = slice_of(f->inflated, n);
    return LC_OK;
}

static enum lc_err
check_features(struct pbf *f)
{
    struct slice bytes;
    enum lc_err err = unblob(f, 0, &bytes);

    if (err != LC_OK)
        return err;
    Osmpbf__HeaderBlock *h =
        osmpbf__header_block__unpack(arena_protobuf(f->arena), bytes.n, (const uint8_t *)bytes.p);
    if (h == NULL)
        return fail_in(f, 0, "malformed file header");
    for (size_t i = 0; i < h->n_required_features; i++) {
        const char *feature = h->required_features[i];
        if (strcmp(feature, "OsmSchema-V0.6") != 0 && strcmp(feature, "DenseNodes") != 0)
            return pbf_fail(f, "the file requires the feature '%.60s', which is not supported",
                            feature);
    }
    return LC_OK;
}

enum lc_err
pbf_open(struct pbf *f, struct slice file, char *error)
{
    size_t cap = 0;

    *f = (struct pbf){.file = file, .error = error};
    f->arena = arena_new(PBF_ARENA_MAX);
    if (f->arena == NULL)
        return LC_ENOMEM;
    if (file.n == 0)
        return pbf_fail(f, "the file is empty; expected an .osm.pbf");
    for (size_t at = 0; at < file.n;) {
        struct pbf_block b;
        bool data = false, header = false;
        arena_reset(f->arena);
        enum lc_err err = next_block(f, &at, &b, &data, &header);
        if (err != LC_OK)
            return err;
        if (f->blocks == 0 && !header)
            return pbf_fail(f, "not an .osm.pbf: expected OSMHeader as the first block");
        if (f->blocks > 0 && !data)
            continue;
        if (f->blocks == cap) {
            cap = cap == 0 ? 64 : 2 * cap;
            struct pbf_block *more = realloc(f->block, cap * sizeof *more);
            if (more == NULL)
                return LC_ENOMEM;
            f->block = more;
        }
        f->block[f->blocks++] = b;
    }
    return check_features(f);
}

enum lc_err
pbf_read(struct pbf *f, unsigned wanted, const struct pbf_sink *sink)
{
    for (size_t i = 1; i < f->blocks; i++) {
        struct slice bytes = {NULL, 0};
        unsigned has = 0;
        if ((f->block[i].has & wanted) == 0)
            continue;
        arena_reset(f->arena);
        enum lc_err err = unblob(f, i, &bytes);
        if (err != LC_OK)
            return err;
        Osmpbf__PrimitiveBlock *b = osmpbf__primitive_block__unpack(
            arena_protobuf(f->arena), bytes.n, (const uint8_t *)bytes.p);
        if (b == NULL)
            return fail_in(f, i, "malformed, or larger than this reader takes");
        f->error[0] = '\0';
        err = pbf_decode(f, b, wanted, &has, sink);
        if (err == LC_EINVAL && f->error[0] != '\0')
            return fail_in(f, i, f->error);
        if (err != LC_OK)
            return err;
        f->block[i].has = (uint8_t)has;
    }
    return LC_OK;
}

void
pbf_close(struct pbf *f)
{
    free(f->block);
    free(f->inflated);
    arena_destroy(f->arena);
    *f = (struct pbf){0};
}
