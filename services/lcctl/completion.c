/* lcctl completion: for bash and zsh, from the table of commands: commands, verbs, options, and the
 * values of an option where it is one of a few. Other words complete as files. */
#include "lcctl/commands.h"

#include <stdio.h>
#include <stdlib.h>

/* verb_of: the second word of a form, when it is a verb. */
static struct slice
verb_of(struct slice form)
{
    (void)words_next(&form);
    struct slice verb = words_next(&form);

    return word_is_verb(verb) ? verb : slice_of("", 0);
}

/* print_options: the options of a form, each behind a space. */
static void
print_options(struct slice form)
{
    while (form.n > 0) {
        struct slice bare = word_bare(words_next(&form));
        if (word_is_option(bare))
            printf(" %.*s", (int)bare.n, bare.p);
    }
}

/* each_choice: a case of the shell for every option of this form whose value is a|b|c. */
static void
each_choice(const struct command *c, struct slice form, const char *pattern)
{
    struct slice verb = verb_of(form);

    while (form.n > 0) {
        struct slice option = word_bare(words_next(&form));
        struct slice rest = form;
        struct slice value = word_bare(words_next(&rest));
        if (!word_is_option(option) || memchr(value.p, '|', value.n) == NULL)
            continue;
        printf(pattern, c->name, (int)verb.n, verb.p, (int)option.n, option.p);
        for (size_t i = 0; i < value.n; i++)
            putchar(value.p[i] == '|' ? ' ' : value.p[i]);
        fputs("\" ;;\n", stdout);
    }
}

/* cases: for both shells alike: what `verbs`, `options` and `choices` are for "$command $verb". */
static void
cases(void)
{
    fputs("    case $command in\n", stdout);
    for (size_t i = 0; i < commands_n; i++) {
        const char *p = commands[i].forms;
        printf("    %s) verbs=\"", commands[i].name);
        for (struct slice form = forms_next(&p); form.n > 0; form = forms_next(&p)) {
            struct slice verb = verb_of(form);
            if (verb.n > 0)
                printf("%.*s ", (int)verb.n, verb.p);
        }
        fputs("\" ;;\n", stdout);
    }
    fputs("    esac\n    case \"$command $verb\" in\n", stdout);
    for (size_t i = 0; i < commands_n; i++) {
        const char *p = commands[i].forms;
        for (struct slice form = forms_next(&p); form.n > 0; form = forms_next(&p)) {
            struct slice verb = verb_of(form);
            printf("    \"%s %.*s\"*) options=\"", commands[i].name, (int)verb.n, verb.p);
            print_options(form);
            fputs("\" ;;\n", stdout);
        }
    }
    fputs("    esac\n    case \"$command $verb $previous\" in\n", stdout);
    for (size_t i = 0; i < commands_n; i++) {
        const char *p = commands[i].forms;
        for (struct slice form = forms_next(&p); form.n > 0; form = forms_next(&p))
            each_choice(&commands[i], form, "    \"%s %.*s\"*\" %.*s\") choices=\"");
    }
    fputs("    esac\n", stdout);
}

/* valued: the global options that are followed by a value, as a pattern of case. */
static void
valued(void)
{
    bool first = true;

    for (size_t i = 0; i < global_options_n; i++) {
        if (global_options[i].value == NULL)
            continue;
        printf("%s--%s", first ? "" : "|", global_options[i].name);
        first = false;
    }
}

static void
bash(void)
{
    fputs("# bash completion for lcctl, made by lcctl completion bash\n"
          "_lcctl() {\n"
          "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local command= verb= verbs= options= choices= i\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        case ${COMP_WORDS[i]} in\n        ",
          stdout);
    valued();
    fputs(") ((i++)) ;;\n"
          "        -*) ;;\n"
          "        *) if [ -z \"$command\" ]; then command=${COMP_WORDS[i]}; "
          "elif [ -z \"$verb\" ]; then verb=${COMP_WORDS[i]}; fi ;;\n"
          "        esac\n"
          "    done\n",
          stdout);
    cases();
    fputs("    COMPREPLY=()\n"
          "    if [ -n \"$choices\" ]; then\n"
          "        COMPREPLY=($(compgen -W \"$choices\" -- \"$current\"))\n"
          "    elif [[ $current == -* ]]; then\n"
          "        COMPREPLY=($(compgen -W \"$options",
          stdout);
    for (size_t i = 0; i < global_options_n; i++)
        printf(" --%s", global_options[i].name);
    fputs("\" -- \"$current\"))\n"
          "    elif [ -z \"$command\" ]; then\n"
          "        COMPREPLY=($(compgen -W \"",
          stdout);
    for (size_t i = 0; i < commands_n; i++)
        printf("%s ", commands[i].name);
    fputs("\" -- \"$current\"))\n"
          "    elif [ -z \"$verb\" ] && [ -n \"$verbs\" ]; then\n"
          "        COMPREPLY=($(compgen -W \"$verbs\" -- \"$current\"))\n"
          "    fi\n"
          "}\n"
          "complete -o default -F _lcctl lcctl\n",
          stdout);
}

/* quoted: a text within single quotes of the shell, ':' as _describe wants it. */
static void
quoted(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (*text == ':')
            fputs("\\:", stdout);
        else
            putchar(*text);
}

static void
zsh(void)
{
    fputs("#compdef lcctl\n"
          "# made by lcctl completion zsh\n"
          "_lcctl() {\n"
          "    local previous=${words[CURRENT-1]} command= verb= verbs= options= choices=\n"
          "    local -i i\n"
          "    local -a commands globals\n"
          "    commands=(\n",
          stdout);
    for (size_t i = 0; i < commands_n; i++) {
        printf("        '%s:", commands[i].name);
        quoted(commands[i].help);
        fputs("'\n", stdout);
    }
    fputs("    )\n    globals=(\n", stdout);
    for (size_t i = 0; i < global_options_n; i++) {
        printf("        '--%s:", global_options[i].name);
        quoted(global_options[i].help);
        fputs("'\n", stdout);
    }
    fputs("    )\n"
          "    for ((i = 2; i < CURRENT; i++)); do\n"
          "        case ${words[i]} in\n        (",
          stdout);
    valued();
    fputs(") ((i++)) ;;\n"
          "        (-*) ;;\n"
          "        (*) if [[ -z $command ]]; then command=${words[i]}; "
          "elif [[ -z $verb ]]; then verb=${words[i]}; fi ;;\n"
          "        esac\n"
          "    done\n",
          stdout);
    cases();
    fputs("    if [[ -n $choices ]]; then\n"
          "        compadd -- ${=choices}\n"
          "    elif [[ $PREFIX == -* ]]; then\n"
          "        [[ -z $options ]] || compadd -- ${=options}\n"
          "        _describe -t options option globals\n"
          "    elif [[ -z $command ]]; then\n"
          "        _describe -t commands command commands\n"
          "    elif [[ -z $verb && -n $verbs ]]; then\n"
          "        compadd -- ${=verbs}\n"
          "    else\n"
          "        _files\n"
          "    fi\n"
          "}\n"
          "_lcctl \"$@\"\n",
          stdout);
}

int
cmd_completion(struct ctl *c, struct args *a)
{
    const char *shell = args_next(a);

    (void)c;
    if (shell == NULL || !args_done(a))
        return EXIT_USAGE;
    if (strcmp(shell, "bash") == 0)
        bash();
    else if (strcmp(shell, "zsh") == 0)
        zsh();
    else
        return EXIT_USAGE;
    return EXIT_SUCCESS;
}
