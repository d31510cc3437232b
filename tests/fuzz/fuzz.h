/* fuzz: what the targets of libFuzzer share. Each is one file with fuzz_one in it: any bytes at all
 * must be read or refused, without a fault that a sanitizer sees and without taking long. */
#ifndef LC_TESTS_FUZZ_H
#define LC_TESTS_FUZZ_H

#include "base/bytes.h"

#include <stdlib.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* fuzz_must: what cannot be otherwise; the input that shows it is kept. */
static inline void
fuzz_must(bool ok)
{
    if (!ok)
        abort();
}

/* fuzz_crc: of the bytes from `from` on, put at `at`, so that what lies behind a checksum is
 * reached as well. */
static inline void
fuzz_crc(char *file, size_t n, size_t at, size_t from)
{
    if (n < from)
        return;
    uint32_t crc = (uint32_t)crc32(crc32(0, NULL, 0), (const Bytef *)file + from, (uInt)(n - from));
    memcpy(file + at, &crc, sizeof crc);
}

#endif
