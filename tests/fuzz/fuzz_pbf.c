/* An .osm.pbf, into roads and into addresses. What is built must open. */
#include "fuzz.h"

#include "addresses/addresses.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct slice pbf = slice_of((const char *)data, n);
    char error[ROADS_ERROR_MAX];
    struct buf out = {0};

    if (roads_build(pbf, 1U << TRAVEL_FOOT | 1U << TRAVEL_CAR, &out, NULL, error) == LC_OK) {
        struct roads *r = NULL;
        fuzz_must(roads_view(buf_slice(&out), &r, error) == LC_OK);
        roads_close(r);
    } else {
        fuzz_must(out.n == 0 && error[0] != '\0');
    }
    out.n = 0;
    if (addresses_build(pbf, &out, NULL, error) == LC_OK) {
        struct addresses *a = NULL;
        fuzz_must(addresses_view(buf_slice(&out), &a, error) == LC_OK);
        addresses_close(a);
    } else {
        fuzz_must(out.n == 0 && error[0] != '\0');
    }
    buf_free(&out);
    return 0;
}
