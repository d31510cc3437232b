#include "city_load.h"

#include <errno.h>
#include <stdio.h>

enum { FILE_MAX = 8 * 1024 * 1024 };

static enum lc_err
read_file(const char *folder, const char *name, struct buf *out, char *why)
{
    char path[512];
    FILE *f;
    char *room;
    size_t got;
    enum lc_err err = LC_OK;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path ||
        (f = fopen(path, "rb")) == NULL) {
        snprintf(why, CITY_WHY_MAX, "%s: %s", name, strerror(errno));
        return LC_EIO;
    }
    while (err == LC_OK) {
        room = buf_reserve(out, 65536);
        if (room == NULL) {
            err = LC_ENOMEM;
            break;
        }
        got = fread(room, 1, 65536, f);
        out->n += got;
        if (got == 0)
            break;
        if (out->n > FILE_MAX)
            err = LC_EIO;
    }
    if (ferror(f))
        err = LC_EIO;
    if (err == LC_EIO)
        snprintf(why, CITY_WHY_MAX, "%s: cannot be read, or is over 8 MiB", name);
    fclose(f);
    return err;
}

enum lc_err
city_load(const char *folder, const struct city_params *params, struct city **out,
          char why[CITY_WHY_MAX])
{
    struct buf shops = {0}, addresses = {0}, water = {0};
    struct city_sources from;
    enum lc_err err;

    *out = NULL;
    why[0] = '\0';
    err = read_file(folder, "shops.geojson", &shops, why);
    if (err == LC_OK)
        err = read_file(folder, "addresses.geojson", &addresses, why);
    if (err == LC_OK)
        err = read_file(folder, "water.geojson", &water, why);
    if (err == LC_OK) {
        from = (struct city_sources){buf_slice(&shops), buf_slice(&addresses), buf_slice(&water)};
        err = city_new(&from, params, out, why);
    }
    buf_free(&shops);
    buf_free(&addresses);
    buf_free(&water);
    return err;
}
