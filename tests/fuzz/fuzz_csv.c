/* CSV in pieces whose size the first byte says: what comes out does not depend on the pieces. */
#include "fuzz.h"

#include "base/csv.h"

/* read_all: every row and every error as one number. */
static uint64_t
read_all(const char *text, size_t n, size_t step)
{
    struct csv *c = csv_new((struct csv_limits){.row_bytes = 200, .fields = 8});
    uint64_t seen = 0;

    for (size_t at = 0; c != NULL;) {
        size_t some = n - at < step ? n - at : step;
        char *piece = malloc(some + 1); /* dies before the next: nothing may point into it */
        fuzz_must(piece != NULL);
        memcpy(piece, text + at, some);
        struct slice in = slice_of(piece, some);
        struct csv_row row;
        struct csv_error error;
        at += some;
        for (enum lc_err err; (err = csv_next(c, &in, at == n, &row, &error)) != LC_EAGAIN;) {
            fuzz_must(err == LC_OK || err == LC_EINVAL || err == LC_ETOOBIG);
            seen = seen * 31 + (err == LC_OK ? row.line : error.line * 7 + error.column);
            for (size_t i = 0; err == LC_OK && i < row.n; i++)
                seen = seen * 31 + crc32(0, (const Bytef *)row.field[i].p, (uInt)row.field[i].n);
        }
        free(piece);
        if (at == n)
            break;
    }
    csv_destroy(c);
    return seen;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n > 0)
        fuzz_must(read_all((const char *)data + 1, n - 1, 1 + data[0] % 16U) ==
                  read_all((const char *)data + 1, n - 1, n));
    return 0;
}
