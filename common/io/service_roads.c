/* The map that --roads names: mapped, told to the core, and swapped at SIGHUP. */
#include "io/service_own.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct shell_map {
    struct shell_map *next; /* of those that the core may still look at */
    struct roads *roads;
    struct roads_travel travel;
    char path[PATH_MAX]; /* without links, as somebody else would name it */
    int64_t built_s;     /* Unix time of the file */
};

enum lc_err
shell_map_open(const struct shell *s, const struct options *o, struct shell_map **out, char *why)
{
    const char *path = (s->ports->uses & SERVICE_ROADS) != 0 ? options_get(o, "roads") : "";
    struct stat st;

    *out = NULL;
    if (path[0] == '\0')
        return LC_OK;
    struct shell_map *m = calloc(1, sizeof *m);
    if (m == NULL) {
        snprintf(why, ROADS_ERROR_MAX, "%s", lc_strerror(LC_ENOMEM));
        return LC_ENOMEM;
    }
    char said[ROADS_ERROR_MAX];
    enum lc_err err = LC_EIO;
    if (realpath(path, m->path) == NULL || stat(m->path, &st) != 0)
        snprintf(why, ROADS_ERROR_MAX, "%.180s: %s", path, strerror(errno));
    else if ((err = roads_open(m->path, &m->roads, said)) != LC_OK)
        snprintf(why, ROADS_ERROR_MAX, "%.180s: %.*s", path, ROADS_ERROR_MAX - 184, said);
    if (err == LC_OK) {
        m->built_s = st.st_mtime;
        err = roads_travel_init(&m->travel, m->roads, ROADS_SNAP_M);
        snprintf(why, ROADS_ERROR_MAX, "%s", lc_strerror(err));
    }
    if (err != LC_OK) {
        roads_close(m->roads);
        free(m);
        return err;
    }
    *out = m;
    return LC_OK;
}

void
shell_map_close(struct shell_map *m)
{
    while (m != NULL) {
        struct shell_map *next = m->next;
        roads_travel_free(&m->travel);
        roads_close(m->roads);
        free(m);
        m = next;
    }
}

static void
add_counts(struct roads_counts *sum, const struct shell_map *m)
{
    struct roads_counts c = roads_travel_counts(&m->travel);

    sum->asked += c.asked;
    sum->off_map += c.off_map;
    sum->no_mode += c.no_mode;
}

static enum lc_err
tell_core(struct shell *s, const struct shell_map *m)
{
    struct event ev = {.kind = EVENT_ROADS};

    if (m != NULL) {
        ev.ref = roads_checksum(m->roads);
        ev.bytes = slice_str(m->path);
        ev.travel = &m->travel.travel;
    }
    return shell_feed(s, &ev);
}

/* A step that failed has no effects, but the core may have gone over to the map before it did: it
 * goes back, or nothing that it may look at is closed. */
static void
go_back(struct shell *s, struct shell_map *m)
{
    if (tell_core(s, s->map) == LC_OK) {
        shell_map_close(m);
    } else if (m != NULL) {
        m->next = s->map_unsure;
        s->map_unsure = m;
    }
}

enum lc_err
shell_map_use(struct shell *s, struct shell_map *m)
{
    struct shell_map *before = s->map;
    enum lc_err err = tell_core(s, m);

    if (err != LC_OK) {
        go_back(s, m);
        return err;
    }
    s->map = m;
    if (shell_work_map(s, m == NULL ? NULL : m->roads) != LC_OK)
        log_line(LOG_WARN, "work_without_roads", "reason=%s", lc_strerror(LC_ENOMEM));
    if (before != NULL) {
        add_counts(&s->map_asked, before);
    }
    shell_map_close(before);
    shell_map_close(s->map_unsure);
    s->map_unsure = NULL;
    if (m != NULL)
        log_line(LOG_INFO, "roads", "path=%s checksum=%08x bytes=%zu", m->path,
                 roads_checksum(m->roads), roads_bytes(m->roads));
    else if (before != NULL)
        log_line(LOG_WARN, "no_roads", "effect=travel_times_are_estimates");
    return LC_OK;
}

enum lc_err
shell_roads_start(struct shell *s)
{
    struct shell_map *m;
    char why[ROADS_ERROR_MAX];
    enum lc_err err = shell_map_open(s, &s->options, &m, why);

    if (err != LC_OK) {
        log_line(LOG_ERROR, "bad_parameter", "name=roads reason=%s", why);
        return err;
    }
    return m == NULL ? LC_OK : shell_map_use(s, m);
}

static int64_t
age_s(const struct shell *s)
{
    int64_t age = loop_now_ms(s->loop) / 1000 - s->map->built_s;

    return age > 0 ? age : 0;
}

void
shell_roads_line(const struct shell *s, struct buf *b)
{
    if (s->map == NULL)
        return;
    buf_printf(b, "roads checksum=%08x age_s=%lld", roads_checksum(s->map->roads),
               (long long)age_s(s));
    for (unsigned k = 0; k < TRAVEL_MODES; k++)
        if (roads_has(s->map->roads, (enum travel_mode)k))
            buf_printf(b, " %s=%u", travel_mode_name((enum travel_mode)k),
                       roads_nodes(s->map->roads, (enum travel_mode)k));
    buf_char(b, '\n');
}

void
shell_roads_metrics(const struct shell *s, struct buf *b)
{
    struct roads_counts c = s->map_asked;

    if ((s->ports->uses & SERVICE_ROADS) == 0)
        return;
    metrics_head(b, "roads_loaded", "gauge", "1 while a map is in use; its checksum");
    if (s->map == NULL) {
        buf_str(b, "lifecircle_roads_loaded{checksum=\"\"} 0\n");
    } else {
        add_counts(&c, s->map);
        buf_printf(b, "lifecircle_roads_loaded{checksum=\"%08x\"} 1\n",
                   roads_checksum(s->map->roads));
        metrics_head(b, "roads_age_seconds", "gauge", "since the map in use was written");
        buf_printf(b, "lifecircle_roads_age_seconds %lld\n", (long long)age_s(s));
        metrics_head(b, "roads_nodes", "gauge", "of the map in use, by mode of travel");
        for (unsigned k = 0; k < TRAVEL_MODES; k++)
            buf_printf(b, "lifecircle_roads_nodes{mode=\"%s\"} %u\n",
                       travel_mode_name((enum travel_mode)k),
                       roads_nodes(s->map->roads, (enum travel_mode)k));
    }
    metrics_head(b, "roads_asked_total", "counter", "matrices of travel times asked of the map");
    buf_printf(b, "lifecircle_roads_asked_total %llu\n", (unsigned long long)c.asked);
    metrics_head(b, "roads_fallback_total", "counter",
                 "of them, those that the map has no answer for, by reason");
    buf_printf(b, "lifecircle_roads_fallback_total{reason=\"off_map\"} %llu\n",
               (unsigned long long)c.off_map);
    buf_printf(b, "lifecircle_roads_fallback_total{reason=\"no_mode\"} %llu\n",
               (unsigned long long)c.no_mode);
}
