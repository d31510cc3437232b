/* options: a daemon's parameters, from the flags over the environment over a file over the
 * defaults.
 *
 *   --name value, --name=value     a switch may stand without a value
 *   LIFECIRCLE_NAME                the same; '-' becomes '_'
 *   name = value                   in the file that --config names; '#' starts a comment line
 *
 * The file that --live names is as that, need not be there, and is stronger than all of these: so a
 * parameter can be changed while a daemon runs whose flags and environment are what they are. It
 * holds those that take effect when they are read again (options.live), also of other daemons.
 *
 * A secret is never shown, and can be given as the name of a file that holds it: --name-file,
 * LIFECIRCLE_NAME_FILE, `name-file = ...`; spaces and newlines at the file's end do not count. */
#ifndef LC_IO_OPTIONS_H
#define LC_IO_OPTIONS_H

#include "base/bytes.h"
#include "base/step.h"

enum option_kind {
    OPTION_TEXT,
    OPTION_NUMBER, /* an integer, not negative */
    OPTION_SWITCH, /* "yes" or "no" */
    OPTION_SECRET,
    OPTION_FILE /* a file's name; its value is what the file holds, up to 16 MiB without NUL */
};

struct option {
    const char *name;
    enum option_kind kind;
    const char *fallback; /* "" = none; a switch: "no" */
    const char *meaning;
    bool required;
};

enum { OPTIONS_MOST = 96, OPTIONS_WHY = 512 };

struct options {
    const struct option *table[OPTIONS_MOST]; /* borrowed */
    char *values[OPTIONS_MOST];               /* owned; NULL = the fallback */
    unsigned from[OPTIONS_MOST];
    size_t n;
    const char *const *live; /* borrowed; names of what --live may hold, NULL behind; NULL = none */
    char why[OPTIONS_WHY];   /* what was wrong, in words for the operator */
};

/* options_add: up to OPTIONS_MOST altogether (a bug otherwise). */
void options_add(struct options *o, const struct option *table, size_t n);

/* options_read: values from all sources. env is as getenv. LC_EINVAL: o->why names the parameter,
 * where it came from and what was expected. LC_ENOMEM. */
LC_MUST_CHECK enum lc_err options_read(struct options *o, int argc, char **argv,
                                       char *(*env)(const char *name));

/* options_get: the value or the fallback; never NULL (asking for a name not in the table is a bug).
 */
const char *options_get(const struct options *o, const char *name);
int64_t options_int(const struct options *o, const char *name);
bool options_on(const struct options *o, const char *name);

/* options_help: the table for people. */
void options_help(const struct options *o, struct buf *b);

/* options_items: all names and values for EVENT_START; room for o->n items. Borrows from o. */
size_t options_items(const struct options *o, struct config_item *items);

void options_free(struct options *o);

#endif
