/* Help, completion and the man page, all from the table of commands. */
#include "lcctl/commands.h"
#include "lcctl/show.h"

#include <stdio.h>
#include <stdlib.h>

enum { WIDE = 100, INDENT = 6 };

/* wrapped: words with at most WIDE columns a line; later lines are indented further. */
static void
wrapped(FILE *to, struct slice text, size_t indent, size_t further)
{
    size_t at = indent;

    fprintf(to, "%*s", (int)indent, "");
    for (bool first = true; text.n > 0; first = false) {
        struct slice word = words_next(&text);
        if (!first && at + 1 + word.n > WIDE) {
            fprintf(to, "\n%*s", (int)further, "");
            at = further;
        } else if (!first) {
            fputc(' ', to);
            at++;
        }
        fprintf(to, "%.*s", (int)word.n, word.p);
        at += word.n;
    }
    fputc('\n', to);
}

void
help_one(FILE *to, const struct command *c)
{
    const char *p = c->forms;

    for (struct slice form = forms_next(&p); form.n > 0; form = forms_next(&p)) {
        fputs(to == stderr ? "use: lcctl " : "lcctl ", to);
        wrapped(to, form, 0, INDENT);
    }
    if (to != stderr)
        wrapped(to, slice_str(c->help), INDENT, INDENT);
}

void
help_all(FILE *to)
{
    fputs("lcctl [OPTIONS] COMMAND ...\n\n"
          "ORDER is an order id or CHAIN/EXTERNAL_ORDER_ID.\n\n",
          to);
    for (size_t i = 0; i < commands_n; i++) {
        const char *p = commands[i].forms;
        for (struct slice form = forms_next(&p); form.n > 0; form = forms_next(&p))
            wrapped(to, form, 2, 2 + INDENT);
        wrapped(to, slice_str(commands[i].help), INDENT, INDENT);
    }
    fputs("\nOptions:\n", to);
    for (size_t i = 0; i < global_options_n; i++) {
        const struct global_option *o = &global_options[i];
        fprintf(to, "  --%s%s%s\n", o->name, o->value == NULL ? "" : " ",
                o->value == NULL ? "" : o->value);
        wrapped(to, slice_str(o->help), INDENT, INDENT);
    }
    fputs(
        "\nExit status: 0 done; 1 it is not so (not found, audit failed, replay differs); 2 wrong "
        "use; 3 Redis or\na file failed.\n",
        to);
}

int
cmd_help(struct ctl *c, struct args *a)
{
    const char *name = args_next(a);
    const struct command *command = command_find(name);

    (void)c;
    if (!args_done(a))
        return EXIT_USAGE;
    if (name == NULL) {
        help_all(stdout);
    } else if (command != NULL) {
        help_one(stdout, command);
    } else {
        fprintf(stderr, "lcctl: unknown command: %s\n", name);
        return EXIT_USAGE;
    }
    return EXIT_SUCCESS;
}

/* ---- the man page ---- */

/* roff: text with what roff would take for its own escaped. */
static void
roff(struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\\')
            fputs("\\e", stdout);
        else if (text.p[i] == '-')
            fputs("\\-", stdout);
        else if (i == 0 && (text.p[i] == '.' || text.p[i] == '\''))
            printf("\\&%c", text.p[i]);
        else
            putchar(text.p[i]);
    }
}

/* roff_form: words to be typed as they are in bold, what stands for something in italics. */
static void
roff_form(struct slice form)
{
    for (bool first = true; form.n > 0; first = false) {
        struct slice word = words_next(&form);
        struct slice bare = word_bare(word);
        bool typed = word_is_verb(word) || word_is_option(bare);
        if (!first)
            putchar(' ');
        roff(slice_of(word.p, (size_t)(bare.p - word.p)));
        fputs(typed ? "\\fB" : "\\fI", stdout);
        roff(bare);
        fputs("\\fR", stdout);
        roff(slice_of(bare.p + bare.n, word.n - bare.n - (size_t)(bare.p - word.p)));
    }
    putchar('\n');
}

int
cmd_man(struct ctl *c, struct args *a)
{
    (void)c;
    if (!args_done(a))
        return EXIT_USAGE;
    fputs(".\\\" made by lcctl man\n"
          ".TH LCCTL 1 \"\" Lifecircle \"User Commands\"\n"
          ".SH NAME\nlcctl \\- the operator's command for a Lifecircle city\n"
          ".SH SYNOPSIS\n\\fBlcctl\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR ...\n"
          ".SH DESCRIPTION\nRegisters chains, couriers, operators and stores' screens; shows "
          "orders, decisions and queues; audits, archives, backs up and restores. It speaks to "
          "Redis, not to the daemons.\n.PP\n\\fIORDER\\fR is an order id or "
          "\\fICHAIN/EXTERNAL_ORDER_ID\\fR. A key or token is shown once, when it is made.\n"
          ".SH COMMANDS\n",
          stdout);
    for (size_t i = 0; i < commands_n; i++) {
        const char *p = commands[i].forms;
        bool first = true;
        for (struct slice form = forms_next(&p); form.n > 0; form = forms_next(&p)) {
            fputs(first ? ".TP\n" : ".TQ\n", stdout);
            roff_form(form);
            first = false;
        }
        roff(slice_str(commands[i].help));
        fputs(".\n", stdout);
    }
    fputs(".SH OPTIONS\n", stdout);
    for (size_t i = 0; i < global_options_n; i++) {
        const struct global_option *o = &global_options[i];
        fputs(".TP\n\\fB\\-\\-", stdout);
        roff(slice_str(o->name));
        fputs("\\fR", stdout);
        if (o->value != NULL) {
            fputs(" \\fI", stdout);
            roff(slice_str(o->value));
            fputs("\\fR", stdout);
        }
        putchar('\n');
        roff(slice_str(o->help));
        fputs(".\n", stdout);
    }
    fputs(
        ".SH ENVIRONMENT\nThose named above, and \\fBNO_COLOR\\fR: no colours, which are shown on "
        "terminals only.\n"
        ".SH EXIT STATUS\n.TP\n0\ndone\n.TP\n1\nwhat was asked for is not so: not found, audit "
        "failed, replay differs\n.TP\n2\nwrong use\n.TP\n3\nRedis or a file failed\n",
        stdout);
    return EXIT_SUCCESS;
}
