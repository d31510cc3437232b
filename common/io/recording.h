/* recording: what --record writes: every step of a daemon, sealed.
 *
 * A recording holds what came in, and so customers' data and secrets. Its file NAME.steps is
 * encrypted (XChaCha20-Poly1305, libsodium's secretstream) with a random key of its own, which lies
 * beside it in NAME.key: destroying that small file destroys the recording and all copies of it.
 * A process that finds the key of its recording gone ends the recording. */
#ifndef LC_IO_RECORDING_H
#define LC_IO_RECORDING_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct recording; /* opaque, owned by whoever called recording_new */

/* recording_new: makes DIR when it is not there, and in it the key and then the file, both for the
 * owner alone. NULL with errno set. */
struct recording *recording_new(const char *dir, const char *service, int64_t now_ms);

/* recording_path: static until recording_free. */
const char *recording_path(const struct recording *r);

/* recording_write: one piece, as one authenticated whole. Looks for the key once a second (now_ms
 * is any clock in ms).
 *   LC_ENOTFOUND  the key is gone: the recording is over
 *   LC_EIO        errno says why; what follows would have a hole, so the recording is over */
LC_MUST_CHECK enum lc_err recording_write(struct recording *r, struct slice piece, int64_t now_ms);

/* recording_free: NULL is allowed. The key in memory is wiped. */
void recording_free(struct recording *r);

/* recording_read: what was written, appended to b. A file that is no recording of this kind (the
 * simulator writes plain ones) is read as it is. A last piece that was cut short is left out.
 *   LC_EDENIED    its key is gone, or is another one's, or the file was changed
 *   LC_ENOTFOUND, LC_ETOOBIG (over cap), LC_ENOMEM, LC_EIO  as file_read */
LC_MUST_CHECK enum lc_err recording_read(const char *path, size_t cap, struct buf *b);

/* recording_destroy: the key of NAME.steps or NAME.key: overwritten, then removed. LC_ENOTFOUND,
 * LC_EIO. */
LC_MUST_CHECK enum lc_err recording_destroy(const char *path);

#endif
