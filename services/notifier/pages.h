/* pages: the files of web/, embedded when the notifier is built (web.cmake), and how they are
 * answered: with an ETag, compressed when the browser takes it, and under a policy that lets
 * nothing in from elsewhere. Pure. */
#ifndef LC_NOTIFIER_PAGES_H
#define LC_NOTIFIER_PAGES_H

#include "base/step.h"

#include <stddef.h>

struct web_file {
    const char *name; /* without a path */
    const char *type; /* media type */
    const char *hash; /* of the plain bytes: the ETag */
    const char *plain;
    const char *plain_end;
    const char *gzip;
    const char *gzip_end;
};

/* by name, rising */
extern const struct web_file web_files[];
extern const size_t web_files_n;

/* What every answer to a browser carries; images: from where else they may come, a blank in front.
 */
#define PAGES_POLICY_OF(images)                                                                    \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "           \
    "img-src 'self' data:" images "; connect-src 'self'; manifest-src 'self'; worker-src 'self'; " \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"                              \
    "X-Content-Type-Options: nosniff\r\n"                                                          \
    "Referrer-Policy: no-referrer\r\n"                                                             \
    "Cross-Origin-Opener-Policy: same-origin\r\n"                                                  \
    "Permissions-Policy: geolocation=(self), camera=(self), microphone=()\r\n"

#define PAGES_POLICY PAGES_POLICY_OF("")

/* web_map: what the city's maps are drawn with, as configured: its own lines, /web/city.geojson,
 * and pictures of a tile server, /web/tiles.json. */
struct web_map;
/* web_map_new: keeps copies; each may be empty. tiles: a URL that web_tiles_ok takes; credit: whose
 * they are. NULL when there is neither map nor tiles, or no memory. */
struct web_map *web_map_new(struct slice geojson, struct slice tiles, struct slice credit);
/* web_tiles_ok: http(s)://HOST[:PORT]/…, with {z}, {x} and {y} in its path, and nothing in it that
 * could end the header that names its host. */
bool web_tiles_ok(struct slice url);
void web_map_free(struct web_map *m);

/* pages_open: answers a GET or HEAD of a page or one of its files; false when the path is none. */
bool pages_open(const struct web_map *map, const struct event *ev, struct outbox *out);

/* pages_send: answers with the file of this name (404 when there is none). */
void pages_send(const struct web_map *map, const struct event *ev, struct outbox *out,
                const char *name);

/* pages_wanted: does the browser ask for a page rather than for data? By Accept. */
bool pages_wanted(const struct event *ev);

#endif
