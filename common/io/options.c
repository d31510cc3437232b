#include "io/options.h"

#include "io/file.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_FLAG, FROM_LIVE };
enum { SECRET_MAX = 4096, FILE_MAX = 16 * 1024 * 1024, CONFIG_MAX = 256 * 1024, NAME_ROOM = 128 };

void
options_add(struct options *o, const struct option *table, size_t n)
{
    assert(o->n + n <= OPTIONS_MOST);
    for (size_t i = 0; i < n; i++)
        o->table[o->n++] = &table[i];
}

static __attribute__((format(printf, 2, 3))) enum lc_err
refuse(struct options *o, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(o->why, sizeof o->why, fmt, ap);
    va_end(ap);
    return LC_EINVAL;
}

static size_t
find(const struct options *o, struct slice name)
{
    for (size_t i = 0; i < o->n; i++)
        if (slice_eq_str(name, o->table[i]->name))
            return i;
    return o->n;
}

/* "city-secret-file" names the secret "city-secret". */
static size_t
find_secret_file(const struct options *o, struct slice name)
{
    static const char tail[] = "-file";
    size_t n = sizeof tail - 1;

    if (name.n <= n || memcmp(name.p + name.n - n, tail, n) != 0)
        return o->n;
    size_t i = find(o, slice_of(name.p, name.n - n));
    return i < o->n && o->table[i]->kind == OPTION_SECRET ? i : o->n;
}

static bool
fits(const struct option *option, struct slice value)
{
    if (memchr(value.p, '\0', value.n) != NULL)
        return false;
    if (option->kind == OPTION_SWITCH)
        return slice_eq_str(value, "yes") || slice_eq_str(value, "no");
    if (option->kind != OPTION_NUMBER)
        return true;
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < '0' || value.p[i] > '9')
            return false;
    return value.n > 0 && value.n <= 15;
}

static enum lc_err
set(struct options *o, size_t i, struct slice value, unsigned from, const char *where)
{
    static const char *const expected[] = {"text without NUL", "a whole number, 0 or more",
                                           "yes or no", "text without NUL", "text without NUL"};
    const struct option *option = o->table[i];

    if (!fits(option, value))
        return refuse(o, "%s (from %s): expected %s", option->name, where, expected[option->kind]);
    if (from < o->from[i])
        return LC_OK; /* a stronger source has spoken */
    char *copy = strndup(value.n > 0 ? value.p : "", value.n);
    if (copy == NULL)
        return LC_ENOMEM;
    free(o->values[i]);
    o->values[i] = copy;
    o->from[i] = from;
    return LC_OK;
}

static enum lc_err
set_from_file(struct options *o, size_t i, struct slice path, unsigned from, const char *where)
{
    struct buf b = {0};
    char *name = strndup(path.p, path.n);
    enum lc_err err = name == NULL ? LC_ENOMEM : file_read(name, SECRET_MAX, &b);

    if (err != LC_OK && err != LC_ENOMEM) {
        err = refuse(o, "%s-file (from %s): cannot read %s: %s", o->table[i]->name, where, name,
                     lc_strerror(err));
    } else if (err == LC_OK) {
        while (b.n > 0 && (b.p[b.n - 1] == '\n' || b.p[b.n - 1] == '\r' || b.p[b.n - 1] == ' '))
            b.n--;
        err = set(o, i, b.n > 0 ? buf_slice(&b) : SLICE_LIT(""), from, where);
    }
    if (b.p != NULL)
        explicit_bzero(b.p, b.cap);
    buf_free(&b);
    free(name);
    return err;
}

static enum lc_err
set_named(struct options *o, struct slice name, struct slice value, unsigned from,
          const char *where)
{
    size_t i = find(o, name);

    if (i < o->n)
        return set(o, i, value, from, where);
    i = find_secret_file(o, name);
    if (i < o->n)
        return set_from_file(o, i, value, from, where);
    return refuse(o, "%.*s (from %s): there is no such parameter; --help lists them", (int)name.n,
                  name.p, where);
}

/* ---- flags ---- */

static enum lc_err
read_flags(struct options *o, int argc, char **argv)
{
    for (int k = 1; k < argc; k++) {
        const char *arg = argv[k];
        if (strncmp(arg, "--", 2) != 0 || arg[2] == '\0')
            return refuse(o, "%s: expected a flag, --name value", arg);
        const char *equals = strchr(arg, '=');
        struct slice name =
            equals != NULL ? slice_of(arg + 2, (size_t)(equals - arg - 2)) : slice_str(arg + 2);
        size_t i = find(o, name);
        const char *value;
        if (equals != NULL)
            value = equals + 1;
        else if (i < o->n && o->table[i]->kind == OPTION_SWITCH &&
                 (k + 1 == argc || strncmp(argv[k + 1], "--", 2) == 0))
            value = "yes";
        else if (i == o->n && find_secret_file(o, name) == o->n)
            value = "";
        else if (k + 1 == argc)
            return refuse(o, "%s: expected a value behind it", arg);
        else
            value = argv[++k];
        enum lc_err err = set_named(o, name, slice_str(value), FROM_FLAG, "the flags");
        if (err != LC_OK)
            return err;
    }
    return LC_OK;
}

/* ---- environment ---- */

static void
env_name(char *to, const char *name, const char *tail)
{
    int n = snprintf(to, NAME_ROOM, "LIFECIRCLE_%s%s", name, tail);

    assert(n > 0 && n < NAME_ROOM);
    (void)n; /* a release build does not assert */
    for (char *p = to; *p != '\0'; p++)
        *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

static enum lc_err
read_environment(struct options *o, char *(*env)(const char *name))
{
    char name[NAME_ROOM];

    for (size_t i = 0; i < o->n; i++) {
        enum lc_err err = LC_OK;
        env_name(name, o->table[i]->name, "");
        const char *value = env(name);
        if (value != NULL)
            err = set(o, i, slice_str(value), FROM_ENVIRONMENT, name);
        if (err == LC_OK && value == NULL && o->table[i]->kind == OPTION_SECRET) {
            env_name(name, o->table[i]->name, "-file");
            value = env(name);
            if (value != NULL)
                err = set_from_file(o, i, slice_str(value), FROM_ENVIRONMENT, name);
        }
        if (err != LC_OK)
            return err;
    }
    return LC_OK;
}

/* ---- file ---- */

static struct slice
trim(struct slice s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = slice_of(s.p + 1, s.n - 1);
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
        s.n--;
    return s;
}

/* is_live: may it change while the daemon runs? Else o->why says which may. */
static enum lc_err
is_live(struct options *o, struct slice name, const char *where)
{
    char all[OPTIONS_WHY / 2] = "";
    size_t n = 0;

    for (const char *const *live = o->live; *live != NULL; live++) {
        if (slice_eq_str(name, *live))
            return LC_OK;
        n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", n == 0 ? "" : ", ", *live);
        assert(n < sizeof all);
    }
    return refuse(o, "%.*s (from %s): expected what can change while it runs: %s", (int)name.n,
                  name.p, where, all);
}

static enum lc_err
read_line(struct options *o, struct slice line, unsigned from, const char *where)
{
    enum lc_err err = LC_OK;

    line = trim(line);
    if (line.n == 0 || line.p[0] == '#')
        return LC_OK;
    const char *equals = memchr(line.p, '=', line.n);
    if (equals == NULL)
        return refuse(o, "%s: expected name = value", where);
    struct slice name = trim(slice_of(line.p, (size_t)(equals - line.p)));
    struct slice value = trim(slice_of(equals + 1, (size_t)(line.p + line.n - equals - 1)));
    if (from == FROM_LIVE) {
        err = is_live(o, name, where);
        if (err == LC_OK && find(o, name) == o->n)
            return LC_OK; /* another daemon's */
    }
    return err != LC_OK ? err : set_named(o, name, value, from, where);
}

static enum lc_err
read_file(struct options *o, const char *name, unsigned from)
{
    const char *path = o->values[find(o, slice_str(name))];
    struct buf b = {0};
    enum lc_err err = file_read(path, CONFIG_MAX, &b);
    char where[300];

    if (err == LC_ENOTFOUND && from == FROM_LIVE)
        err = LC_OK;
    else if (err != LC_OK && err != LC_ENOMEM)
        err = refuse(o, "%s: cannot read %s: %s", name, path, lc_strerror(err));
    size_t line = 1;
    for (size_t at = 0; err == LC_OK && at < b.n; line++) {
        const char *end = memchr(b.p + at, '\n', b.n - at);
        size_t n = end == NULL ? b.n - at : (size_t)(end - b.p) - at;
        snprintf(where, sizeof where, "%.200s, line %zu", path, line);
        err = read_line(o, slice_of(b.p + at, n), from, where);
        at += n + 1;
    }
    buf_free(&b);
    return err;
}

/* names_file: the parameter is one, and is given. */
static bool
names_file(const struct options *o, const char *name)
{
    size_t i = find(o, slice_str(name));

    return i < o->n && o->values[i] != NULL && o->values[i][0] != '\0';
}

/* take_file: the name of a file becomes what it holds. */
static enum lc_err
take_file(struct options *o, size_t i)
{
    struct buf b = {0};
    enum lc_err err = file_read(o->values[i], FILE_MAX, &b);

    if (err != LC_OK && err != LC_ENOMEM)
        err =
            refuse(o, "%s: cannot read %s: %s", o->table[i]->name, o->values[i], lc_strerror(err));
    else if (err == LC_OK)
        err = set(o, i, b.n > 0 ? buf_slice(&b) : SLICE_LIT(""), FROM_FLAG, o->values[i]);
    buf_free(&b);
    return err;
}

enum lc_err
options_read(struct options *o, int argc, char **argv, char *(*env)(const char *name))
{
    enum lc_err err = read_flags(o, argc, argv);

    if (err == LC_OK)
        err = read_environment(o, env);
    if (err == LC_OK && names_file(o, "config"))
        err = read_file(o, "config", FROM_FILE);
    if (err == LC_OK && o->live != NULL && names_file(o, "live"))
        err = read_file(o, "live", FROM_LIVE);
    for (size_t i = 0; err == LC_OK && i < o->n; i++)
        if (o->table[i]->kind == OPTION_FILE && o->values[i] != NULL && *o->values[i] != '\0')
            err = take_file(o, i);
    for (size_t i = 0; err == LC_OK && i < o->n; i++)
        if (o->table[i]->required && options_get(o, o->table[i]->name)[0] == '\0')
            err = refuse(o, "%s: must be set: %s", o->table[i]->name, o->table[i]->meaning);
    return err;
}

const char *
options_get(const struct options *o, const char *name)
{
    size_t i = find(o, slice_str(name));

    assert(i < o->n);
    return o->values[i] != NULL ? o->values[i] : o->table[i]->fallback;
}

int64_t
options_int(const struct options *o, const char *name)
{
    return strtoll(options_get(o, name), NULL, 10);
}

bool
options_on(const struct options *o, const char *name)
{
    return strcmp(options_get(o, name), "yes") == 0;
}

void
options_help(const struct options *o, struct buf *b)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct option *option = o->table[i];
        bool secret = option->kind == OPTION_SECRET;
        buf_printf(b, "  --%s", option->name);
        if (secret)
            buf_printf(b, ", or --%s-file", option->name);
        buf_printf(b, "\n      %s", option->meaning);
        if (option->required)
            buf_str(b, " (must be set)");
        else if (option->fallback[0] != '\0')
            buf_printf(b, " (default: %s)", option->fallback);
        buf_char(b, '\n');
    }
}

size_t
options_items(const struct options *o, struct config_item *items)
{
    for (size_t i = 0; i < o->n; i++)
        items[i] = (struct config_item){slice_str(o->table[i]->name),
                                        slice_str(options_get(o, o->table[i]->name))};
    return o->n;
}

void
options_free(struct options *o)
{
    for (size_t i = 0; i < o->n; i++) {
        if (o->values[i] != NULL)
            explicit_bzero(o->values[i], strlen(o->values[i]));
        free(o->values[i]);
    }
    *o = (struct options){0};
}
