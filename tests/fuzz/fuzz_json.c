/* JSON as it comes from outside, and a zone in it. */
#include "fuzz.h"

#include "base/geojson.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena *arena = arena_new((size_t)16 << 20);
    /* Exactly so many bytes: nothing may be read behind them. */
    char *text = malloc(n + (n == 0));
    struct json_in *in = malloc(sizeof *in);

    if (arena != NULL && text != NULL && in != NULL) {
        memcpy(text, data, n);
        enum lc_err err = json_in_parse(in, arena, slice_of(text, n), &json_limits_default);
        fuzz_must((err == LC_OK) == (in->error_n == 0));
        if (err == LC_OK) {
            struct json_at root = json_in_root_any(in);
            struct zone_ring *ring = NULL;
            size_t rings = 0;
            struct latlng at;
            int64_t ms;
            struct slice name;
            (void)geojson_zone(in, &root, NULL, JSON_REQUIRED, &ring, &rings);
            struct json_at object = json_in_root(in);
            (void)geojson_zone(in, &object, "zone", JSON_OPTIONAL, &ring, &rings);
            (void)geojson_point(in, &object, "at", JSON_OPTIONAL, &at);
            (void)json_in_time(in, &object, "time", JSON_OPTIONAL, &ms);
            (void)json_in_string(in, &object, "name", JSON_OPTIONAL, 1, 100, &name);
            fuzz_must(in->error_n <= JSON_ERRORS_MAX);
        }
    }
    free(in);
    free(text);
    arena_destroy(arena);
    return 0;
}
