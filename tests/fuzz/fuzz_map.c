/* A compiled map, its size and checksum put right: what opens is asked a little of everything. */
#include "fuzz.h"

#include "roads/file.h"

enum { PLACES = 4 };

static void
ask(const struct roads *r, struct roads_search *s, enum travel_mode mode)
{
    struct roads_spot spot[PLACES];
    struct roads_trip trip[PLACES * PLACES];
    struct latlng low, high;
    size_t n = 0;

    roads_bounds(r, &low, &high);
    for (int32_t i = 0; i < PLACES; i++) {
        struct latlng p = {low.lat_e7 + (int32_t)(((int64_t)high.lat_e7 - low.lat_e7) * i / PLACES),
                           low.lng_e7 + (int32_t)(((int64_t)high.lng_e7 - low.lng_e7) *
                                                  (i * 3 % PLACES) / PLACES)};
        n += roads_snap(r, mode, p, 1000, &spot[n]) == LC_OK;
    }
    (void)roads_table(s, mode, spot, n, spot, n, trip);
    for (size_t i = 0; i < n; i++) {
        (void)roads_route(s, mode, &spot[i], &spot[0], &trip[i], NULL, NULL);
        (void)roads_name(r, spot[i].edge[0].edge);
    }
    if (n > 0)
        (void)roads_reach(s, mode, &spot[0], 600000, spot, n, trip);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char error[ROADS_ERROR_MAX];
    struct roads *r = NULL;
    char *file = malloc(n + 1);

    if (file == NULL)
        return 0;
    memcpy(file, data, n);
    if (n >= sizeof(struct file_header)) {
        ((struct file_header *)file)->bytes = n;
        fuzz_crc(file, n, offsetof(struct file_header, checksum),
                 offsetof(struct file_header, modes));
    }
    if (roads_view(slice_of(file, n), &r, error) == LC_OK) {
        struct roads_search *s = roads_search_new(r);
        for (unsigned k = 0; s != NULL && k < TRAVEL_MODES; k++)
            if (roads_has(r, (enum travel_mode)k))
                ask(r, s, (enum travel_mode)k);
        roads_search_free(s);
    } else {
        fuzz_must(error[0] != '\0');
    }
    roads_close(r);
    free(file);
    return 0;
}
