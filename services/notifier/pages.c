#include "notifier/pages.h"
#include "notifier/core.h"

#include <stdlib.h>
#include <zlib.h>

struct web_map {
    struct web_file file;
    char hash[SECRET_HASH_TEXT];
    char *plain;
    char *gzip;
};

struct web_map *
web_map_new(struct slice geojson)
{
    struct web_map *m = geojson.n == 0 ? NULL : calloc(1, sizeof *m);
    z_stream z = {0};

    if (m == NULL)
        return NULL;
    size_t room = compressBound(geojson.n) + 32; /* gzip's head is longer than zlib's */
    m->plain = malloc(geojson.n);
    m->gzip = malloc(room);
    if (m->plain == NULL || m->gzip == NULL ||
        deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        web_map_free(m);
        return NULL;
    }
    memcpy(m->plain, geojson.p, geojson.n);
    z.next_in = (Bytef *)m->plain;
    z.avail_in = (uInt)geojson.n;
    z.next_out = (Bytef *)m->gzip;
    z.avail_out = (uInt)room;
    (void)deflate(&z, Z_FINISH); /* there is room for all of it */
    secret_hash(geojson, m->hash);
    m->hash[16] = '\0';
    m->file = (struct web_file){.name = "city.geojson",
                                .type = "application/geo+json",
                                .hash = m->hash,
                                .plain = m->plain,
                                .plain_end = m->plain + geojson.n,
                                .gzip = m->gzip,
                                .gzip_end = m->gzip + z.total_out};
    deflateEnd(&z);
    return m;
}

void
web_map_free(struct web_map *m)
{
    if (m == NULL)
        return;
    free(m->plain);
    free(m->gzip);
    free(m);
}

/* Under one name each; everything else is /web/NAME. */
static const struct {
    const char *path;
    const char *file;
} routes[] = {
    {"/", "index.html"},
    {"/courier", "courier.html"},
    {"/store", "store.html"},
    {"/ops", "ops.html"},
    {"/favicon.ico", "icon.svg"},
    {"/sw.js", "sw.js"}, /* here, since a service worker governs its own folder only */
};

static const struct web_file *
find_file(struct slice name)
{
    for (size_t i = 0; i < web_files_n; i++)
        if (slice_eq_str(name, web_files[i].name))
            return &web_files[i];
    return NULL;
}

/* lists: is the word in the header? The words asked for are not part of others. */
static bool
lists(const struct event *ev, const char *name, const char *word)
{
    struct slice value = header_value(ev->http, name);

    return value.n > 0 && memmem(value.p, value.n, word, strlen(word)) != NULL;
}

bool
pages_wanted(const struct event *ev)
{
    return lists(ev, "Accept", "text/html");
}

static void
send_file(const struct event *ev, struct outbox *out, const struct web_file *f)
{
    bool gzip = lists(ev, "Accept-Encoding", "gzip") && !lists(ev, "Accept-Encoding", "gzip;q=0");
    struct slice body = gzip ? slice_of(f->gzip, (size_t)(f->gzip_end - f->gzip))
                             : slice_of(f->plain, (size_t)(f->plain_end - f->plain));
    const char *extra =
        arena_printf(ev->arena,
                     PAGES_POLICY "Cache-Control: no-cache\r\n"
                                  "Vary: Accept, Accept-Encoding\r\n"
                                  "ETag: \"%s%s\"\r\n%s",
                     f->hash, gzip ? "-z" : "", gzip ? "Content-Encoding: gzip\r\n" : "");

    if (lists(ev, "If-None-Match", f->hash))
        outbox_http(out, ev->ref, 304, NULL, extra, slice_of(NULL, 0));
    else
        outbox_http(out, ev->ref, 200, f->type, extra, body);
}

void
pages_send(const struct event *ev, struct outbox *out, const char *name)
{
    const struct web_file *f = find_file(slice_str(name));

    if (f == NULL)
        refuse(ev, out, 404, "not_found", "no such page");
    else
        send_file(ev, out, f);
}

bool
pages_open(const struct web_map *map, const struct event *ev, struct outbox *out)
{
    struct slice path = ev->http->path;
    const struct web_file *f = NULL;

    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (slice_eq_str(path, routes[i].path))
            f = find_file(slice_str(routes[i].file));
    if (f == NULL && path.n > 5 && memcmp(path.p, "/web/", 5) == 0)
        f = find_file(slice_of(path.p + 5, path.n - 5));
    if (f == NULL && map != NULL && slice_eq_str(path, "/web/city.geojson"))
        f = &map->file;
    if (f == NULL)
        return false;
    if (slice_eq_str(ev->http->method, "GET") || slice_eq_str(ev->http->method, "HEAD"))
        send_file(ev, out, f);
    else
        refuse(ev, out, 405, "method_not_allowed", "expected GET");
    return true;
}
