/* http: one question to a daemon's admin port, blocking, 3 s at most for each step. */
#ifndef LC_LCCTL_HTTP_H
#define LC_LCCTL_HTTP_H

#include "base/bytes.h"

enum { HTTP_ADDRESS = 64 };

/* what is no status: nobody is there (no such name, refused, hung up), or nobody who answers within
 * 3 s: that one may have heard the question, and may be there still */
enum { HTTP_NOBODY = 0, HTTP_SILENT = 1 };

/* http_addresses: the addresses behind "host:port", as "1.2.3.4:9100" or "[v6]:9100", `most` of
 * them at most; how many, 0 when the name is not known, -1 when this is no address. */
int http_addresses(const char *address, char (*to)[HTTP_ADDRESS], int most);

/* http_ask_any: as http_ask, of the first address behind "host:port" that answers; that one goes
 * into `at`. -1 when this is no address. */
int http_ask_any(const char *address, const char *method, const char *path, struct buf *b,
                 char at[HTTP_ADDRESS]);

/* http_ask: the status, or HTTP_NOBODY or HTTP_SILENT; the body, with a NUL behind it that does not
 * count, goes into b (emptied before). */
int http_ask(const char *address, const char *method, const char *path, struct buf *b);

#endif
