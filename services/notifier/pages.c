#include "notifier/pages.h"
#include "notifier/core.h"

#include "base/json_out.h"

#include <stdlib.h>
#include <zlib.h>

struct web_map {
    struct web_file file; /* without a name: there is no map of lines */
    struct web_file tiles;
    char hash[SECRET_HASH_TEXT];
    char tiles_hash[SECRET_HASH_TEXT];
    char *plain;
    char *gzip;
    struct buf tiles_json;
    struct buf policy; /* empty: that of everybody */
};

/* origin_n: how much of a URL is scheme, host and port; 0: it is no http(s) URL with a path. */
static size_t
origin_n(struct slice url)
{
    static const char *const schemes[] = {"https://", "http://"};

    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(schemes[i]);
        const char *slash = url.n <= n || memcmp(url.p, schemes[i], n) != 0
                                ? NULL
                                : memchr(url.p + n, '/', url.n - n);
        if (slash != NULL && slash > url.p + n)
            return (size_t)(slash - url.p);
    }
    return 0;
}

bool
web_tiles_ok(struct slice url)
{
    static const char *const wanted[] = {"{z}", "{x}", "{y}"};
    size_t n = origin_n(url);
    size_t scheme = n == 0 || url.p[4] == 's' ? 8 : 7;

    if (n == 0 || url.n > 1000)
        return false;
    for (size_t i = 0; i < url.n; i++) {
        bool host = i >= scheme && i < n;
        char c = url.p[i];
        if (c <= ' ' || c >= 127 || c == '"' || c == '\'' || c == '\\')
            return false;
        if (host && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]/",
                           c) == NULL)
            return false;
    }
    for (size_t i = 0; i < 3; i++)
        if (memmem(url.p + n, url.n - n, wanted[i], 3) == NULL)
            return false;
    return true;
}

/* add_tiles: the words for the pages, and the policy that lets these pictures in. */
static bool
add_tiles(struct web_map *m, struct slice url, struct slice credit)
{
    struct json_out w = json_out_to(&m->tiles_json);

    json_out_object(&w, NULL);
    json_out_str(&w, "url", url);
    json_out_str(&w, "credit", credit);
    json_out_end(&w);
    buf_printf(&m->policy, PAGES_POLICY_OF(" %.*s"), (int)origin_n(url), url.p);
    buf_u8(&m->policy, 0);
    if (m->tiles_json.failed || m->policy.failed)
        return false;
    secret_hash(buf_slice(&m->tiles_json), m->tiles_hash);
    m->tiles_hash[16] = '\0';
    m->tiles = (struct web_file){.name = "tiles.json",
                                 .type = "application/json",
                                 .hash = m->tiles_hash,
                                 .plain = m->tiles_json.p,
                                 .plain_end = m->tiles_json.p + m->tiles_json.n};
    return true;
}

static bool
add_lines(struct web_map *m, struct slice geojson)
{
    z_stream z = {0};
    size_t room = compressBound(geojson.n) + 32; /* gzip's head is longer than zlib's */
    m->plain = malloc(geojson.n);
    m->gzip = malloc(room);
    if (m->plain == NULL || m->gzip == NULL ||
        deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
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
    return true;
}

struct web_map *
web_map_new(struct slice geojson, struct slice tiles, struct slice credit)
{
    struct web_map *m = geojson.n == 0 && tiles.n == 0 ? NULL : calloc(1, sizeof *m);

    if (m == NULL || ((geojson.n == 0 || add_lines(m, geojson)) &&
                      (tiles.n == 0 || add_tiles(m, tiles, credit))))
        return m;
    web_map_free(m);
    return NULL;
}

void
web_map_free(struct web_map *m)
{
    if (m == NULL)
        return;
    free(m->plain);
    free(m->gzip);
    buf_free(&m->tiles_json);
    buf_free(&m->policy);
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

/* tag_of: names a file and the policy that it came with, in quotation marks: a browser that is told
 * that it has the file goes on by the policy it has kept with that (Chrome takes no Content- header
 * of a 304). */
static const char *
tag_of(const struct web_map *map, struct arena *a, const struct web_file *f, bool gzip)
{
    return arena_printf(a, "\"%s%s%s%s\"", f->hash, map != NULL && map->policy.n > 0 ? "-" : "",
                        map != NULL && map->policy.n > 0 ? map->tiles_hash : "", gzip ? "-z" : "");
}

/* knows: has the browser what this tag names? Without memory (NULL) it is not known. */
static bool
knows(const struct event *ev, const char *tag)
{
    return tag != NULL && lists(ev, "If-None-Match", tag);
}

static void
send_file(const struct web_map *map, const struct event *ev, struct outbox *out,
          const struct web_file *f)
{
    const char *policy = map != NULL && map->policy.n > 0 ? map->policy.p : PAGES_POLICY;
    bool gzip = f->gzip != NULL && lists(ev, "Accept-Encoding", "gzip") &&
                !lists(ev, "Accept-Encoding", "gzip;q=0");
    struct slice body = gzip ? slice_of(f->gzip, (size_t)(f->gzip_end - f->gzip))
                             : slice_of(f->plain, (size_t)(f->plain_end - f->plain));
    const char *extra = arena_printf(ev->arena,
                                     "%sCache-Control: no-cache\r\n"
                                     "Vary: Accept, Accept-Encoding\r\n"
                                     "ETag: %s\r\n%s",
                                     policy, tag_of(map, ev->arena, f, gzip),
                                     gzip ? "Content-Encoding: gzip\r\n" : "");

    if (knows(ev, tag_of(map, ev->arena, f, false)) || knows(ev, tag_of(map, ev->arena, f, true)))
        outbox_http(out, ev->ref, 304, NULL, extra, slice_of(NULL, 0));
    else
        outbox_http(out, ev->ref, 200, f->type, extra, body);
}

void
pages_send(const struct web_map *map, const struct event *ev, struct outbox *out, const char *name)
{
    const struct web_file *f = find_file(slice_str(name));

    if (f == NULL)
        refuse(ev, out, 404, "not_found", "no such page");
    else
        send_file(map, ev, out, f);
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
    if (f == NULL && map != NULL && map->file.name != NULL &&
        slice_eq_str(path, "/web/city.geojson"))
        f = &map->file;
    if (map != NULL && map->tiles.name != NULL && slice_eq_str(path, "/web/tiles.json"))
        f = &map->tiles;
    if (f == NULL)
        return false;
    if (slice_eq_str(ev->http->method, "GET") || slice_eq_str(ev->http->method, "HEAD"))
        send_file(map, ev, out, f);
    else
        refuse(ev, out, 405, "method_not_allowed", "expected GET");
    return true;
}
