/* commands: the table of lcctl's commands: what is run, and the facts that help, completion and the
 * man page are made of. */
#ifndef LC_LCCTL_COMMANDS_H
#define LC_LCCTL_COMMANDS_H

#include "lcctl/lcctl.h"

#include <stdio.h>

struct command {
    const char *name;
    int (*run)(struct ctl *, struct args *);
    bool needs_redis;
    /* A line for each form: the command, a verb in small letters if there is one, then operands in
     * capitals (LAT,LNG; a|b = one of these), and options as --name or [--name VALUE]. */
    const char *forms;
    const char *help;
};

/* An option that may stand before every command. */
struct global_option {
    const char *name;  /* without -- */
    const char *value; /* NULL = none */
    const char *help;
};

extern const struct command commands[];
extern const size_t commands_n;
extern const struct global_option global_options[];
extern const size_t global_options_n;

/* command_find: NULL when there is none. */
const struct command *command_find(const char *name);

void help_all(FILE *to);
void help_one(FILE *to, const struct command *c);

/* forms_next: the next form of *p (advances it), as a slice; empty at the end. */
struct slice forms_next(const char **p);

/* words_next: the next word of a form, as it stands there ("[--promise", "SECONDS]"); empty at the
 * end. */
struct slice words_next(struct slice *form);

/* word_bare: without brackets around it. word_is_option: --name or -o. word_is_verb: in small
 * letters. */
struct slice word_bare(struct slice word);
bool word_is_option(struct slice bare);
bool word_is_verb(struct slice word);

#endif
