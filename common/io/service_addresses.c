/* The index that --addresses names: mapped, told to the core, and swapped at SIGHUP. */
#include "io/service_own.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct shell_index {
    struct addresses *addresses;
    char path[PATH_MAX];      /* without links, as somebody else would name it */
    int64_t built_s;          /* Unix time of the file */
    struct shell_index *next; /* among those that the core may look at all the same */
};

enum lc_err
shell_index_open(const struct shell *s, const struct options *o, struct shell_index **out,
                 char *why)
{
    const char *path = (s->ports->uses & SERVICE_ADDRESSES) != 0 ? options_get(o, "addresses") : "";
    struct stat st;

    *out = NULL;
    if (path[0] == '\0')
        return LC_OK;
    struct shell_index *x = calloc(1, sizeof *x);
    if (x == NULL) {
        snprintf(why, ROADS_ERROR_MAX, "%s", lc_strerror(LC_ENOMEM));
        return LC_ENOMEM;
    }
    char said[ROADS_ERROR_MAX];
    enum lc_err err = LC_EIO;
    if (realpath(path, x->path) == NULL || stat(x->path, &st) != 0)
        snprintf(why, ROADS_ERROR_MAX, "%.180s: %s", path, strerror(errno));
    else if ((err = addresses_open(x->path, &x->addresses, said)) != LC_OK)
        snprintf(why, ROADS_ERROR_MAX, "%.180s: %.*s", path, ROADS_ERROR_MAX - 184, said);
    if (err != LC_OK) {
        free(x);
        return err;
    }
    x->built_s = st.st_mtime;
    *out = x;
    return LC_OK;
}

void
shell_index_close(struct shell_index *x)
{
    while (x != NULL) {
        struct shell_index *next = x->next;
        addresses_close(x->addresses);
        free(x);
        x = next;
    }
}

static enum lc_err
tell_core(struct shell *s, const struct shell_index *x)
{
    struct event ev = {.kind = EVENT_ADDRESSES};

    if (x != NULL) {
        ev.ref = addresses_checksum(x->addresses);
        ev.bytes = slice_str(x->path);
        ev.addresses = addresses_book(x->addresses);
    }
    return shell_feed(s, &ev);
}

/* As with a map: the core goes back, or nothing that it may look at is closed. */
static void
go_back(struct shell *s, struct shell_index *x)
{
    if (tell_core(s, s->index) == LC_OK) {
        shell_index_close(x);
    } else if (x != NULL) {
        x->next = s->index_unsure;
        s->index_unsure = x;
    }
}

enum lc_err
shell_index_use(struct shell *s, struct shell_index *x)
{
    struct shell_index *before = s->index;
    enum lc_err err = tell_core(s, x);

    if (err != LC_OK) {
        go_back(s, x);
        return err;
    }
    s->index = x;
    shell_index_close(before);
    if (x != NULL)
        log_line(LOG_INFO, "addresses", "path=%s checksum=%08x bytes=%zu", x->path,
                 addresses_checksum(x->addresses), addresses_bytes(x->addresses));
    else if (before != NULL)
        log_line(LOG_WARN, "no_addresses", "effect=orders_need_lat_and_lng");
    return LC_OK;
}

enum lc_err
shell_addresses_start(struct shell *s)
{
    struct shell_index *x;
    char why[ROADS_ERROR_MAX];
    enum lc_err err = shell_index_open(s, &s->options, &x, why);

    if (err != LC_OK) {
        log_line(LOG_ERROR, "bad_parameter", "name=addresses reason=%s", why);
        return err;
    }
    return x == NULL ? LC_OK : shell_index_use(s, x);
}

/* The file is another one under the old name more often than not. */
enum lc_err
shell_addresses_reload(struct shell *s, const struct options *fresh)
{
    struct shell_index *x;
    char why[ROADS_ERROR_MAX];
    enum lc_err err = shell_index_open(s, fresh, &x, why);

    if (err == LC_OK && (x != NULL || s->index != NULL)) {
        err = shell_index_use(s, x);
        snprintf(why, sizeof why, "%s", lc_strerror(err));
    }
    if (err != LC_OK)
        log_line(LOG_ERROR, "addresses_refused", "reason=%s effect=%s", why,
                 s->index == NULL ? "orders_need_lat_and_lng" : "the_index_before_stays");
    return err;
}

static int64_t
age_s(const struct shell *s)
{
    int64_t age = loop_now_ms(s->loop) / 1000 - s->index->built_s;

    return age > 0 ? age : 0;
}

void
shell_addresses_line(const struct shell *s, struct buf *b)
{
    struct addresses_report r;

    if (s->index == NULL)
        return;
    addresses_counts(s->index->addresses, &r);
    buf_printf(b, "addresses checksum=%08x age_s=%lld houses=%zu streets=%zu\n",
               addresses_checksum(s->index->addresses), (long long)age_s(s), r.houses, r.streets);
}

void
shell_addresses_metrics(const struct shell *s, struct buf *b)
{
    if ((s->ports->uses & SERVICE_ADDRESSES) == 0)
        return;
    metrics_head(b, "addresses_loaded", "gauge",
                 "1 while an index of addresses is in use; its checksum");
    if (s->index == NULL) {
        buf_str(b, "lifecircle_addresses_loaded{checksum=\"\"} 0\n");
        return;
    }
    buf_printf(b, "lifecircle_addresses_loaded{checksum=\"%08x\"} 1\n",
               addresses_checksum(s->index->addresses));
    metrics_head(b, "addresses_age_seconds", "gauge", "since the index in use was written");
    buf_printf(b, "lifecircle_addresses_age_seconds %lld\n", (long long)age_s(s));
}
