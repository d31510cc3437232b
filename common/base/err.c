#include "base/err.h"

const char *
lc_strerror(enum lc_err err)
{
    switch (err) {
    case LC_OK:
        return "ok";
    case LC_EINVAL:
        return "invalid input";
    case LC_ENOMEM:
        return "out of memory";
    case LC_ETOOBIG:
        return "over a limit";
    case LC_ENOTFOUND:
        return "not found";
    case LC_EEXIST:
        return "exists with other content";
    case LC_ESTATE:
        return "not allowed in this state";
    case LC_EIO:
        return "input/output failed";
    case LC_EAGAIN:
        return "try again";
    case LC_EDENIED:
        return "denied";
    }
    return "unknown error";
}
