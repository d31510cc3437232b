/* err: the one error enum of Lifecircle.
 *
 * 0 is success, every error is negative. Functions that return it must be checked (LC_MUST_CHECK).
 * A bug asserts; bad input from outside is refused with one of these; a failing resource goes up.
 */
#ifndef LC_BASE_ERR_H
#define LC_BASE_ERR_H

#define LC_MUST_CHECK __attribute__((warn_unused_result))

enum lc_err {
    LC_OK = 0,
    LC_EINVAL = -1,  /* the input breaks its format or its documented range */
    LC_ENOMEM = -2,  /* out of memory, or over the arena's cap */
    LC_ETOOBIG = -3, /* over a documented limit (frame, count, length) */
    LC_ENOTFOUND = -4,
    LC_EEXIST = -5, /* already there, with other content */
    LC_ESTATE = -6, /* the state does not allow it */
    LC_EIO = -7,    /* a file, socket or server failed; the outcome may be unknown */
    LC_EAGAIN = -8, /* nothing to do now; try when there is more input or room */
    LC_EDENIED = -9 /* not authenticated, or not yours */
};

/* lc_strerror: a short English name, never NULL; static storage. */
const char *lc_strerror(enum lc_err err);

#endif
