/* file: whole files, and whole buffers into files. Blocks. */
#ifndef LC_IO_FILE_H
#define LC_IO_FILE_H

#include "base/bytes.h"
#include "base/err.h"

/* file_read: a whole file of at most cap bytes, appended to b.
 *   LC_ENOTFOUND  no such file
 *   LC_ETOOBIG    over cap
 *   LC_ENOMEM     out of memory
 *   LC_EIO        anything else the system refused; errno tells */
LC_MUST_CHECK enum lc_err file_read(const char *path, size_t cap, struct buf *b);

/* file_write: all n bytes, in as many writes as it takes. False: errno says why not, and some of
 * them may have been written. */
LC_MUST_CHECK bool file_write(int fd, const void *bytes, size_t n);

/* file_new: a file that must not be there yet, for its owner alone (0600), with these bytes, on
 * disk. False: errno says why not, and nothing of it is left. */
LC_MUST_CHECK bool file_new(const char *path, struct slice bytes);

#endif
