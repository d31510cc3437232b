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

/* What every answer to a browser carries. */
#define PAGES_POLICY                                                                               \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "           \
    "img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "           \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"                              \
    "X-Content-Type-Options: nosniff\r\n"                                                          \
    "Referrer-Policy: no-referrer\r\n"                                                             \
    "Cross-Origin-Opener-Policy: same-origin\r\n"                                                  \
    "Permissions-Policy: geolocation=(self), camera=(self), microphone=()\r\n"

/* web_map: the city's map, /web/city.geojson: it comes with the configuration. */
struct web_map;
/* web_map_new: keeps a copy of the GeoJSON, also compressed. NULL when empty or without memory. */
struct web_map *web_map_new(struct slice geojson);
void web_map_free(struct web_map *m);

/* pages_open: answers a GET or HEAD of a page or one of its files; false when the path is none. */
bool pages_open(const struct web_map *map, const struct event *ev, struct outbox *out);

/* pages_send: answers with the file of this name (404 when there is none). */
void pages_send(const struct event *ev, struct outbox *out, const char *name);

/* pages_wanted: does the browser ask for a page rather than for data? By Accept. */
bool pages_wanted(const struct event *ev);

#endif
