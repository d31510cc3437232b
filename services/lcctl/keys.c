/* lcctl keys: pairs of keys for encrypted links between daemons, and from chains (CURVE). */
#include "io/file.h"
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

enum { KEY_TEXT = 41, NAME_BYTES = 63 };

static bool
is_name(const char *s)
{
    size_t n = strlen(s);

    return n > 0 && n <= NAME_BYTES &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

/* tell: the line for --bus-allow and --chains-allow. */
static int
tell(const struct ctl *c, const char *name, const char *open, const char *file)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (!c->json) {
        printf("%s %s\n", name, open);
        return EXIT_SUCCESS;
    }
    json_out_object(&w, NULL);
    json_out_cstr(&w, "name", name);
    json_out_cstr(&w, "public", open);
    json_out_cstr(&w, "file", file);
    json_out_end(&w);
    return show_json(&b);
}

static int
failed(const char *path)
{
    fprintf(stderr, "lcctl: %s: %s\n", path, strerror(errno));
    return EXIT_FAILED;
}

static int
make(const struct ctl *c, const char *name, const char *path)
{
    char open_key[KEY_TEXT], secret[KEY_TEXT], line[2 * KEY_TEXT + NAME_BYTES + 4];

    if (!is_name(name)) {
        fputs("lcctl: NAME: expected 1 to 63 of A-Z, a-z, 0-9, '.', '_' and '-'\n", stderr);
        return EXIT_NOT_SO;
    }
    if (zmq_curve_keypair(open_key, secret) != 0)
        return failed("CURVE");
    int n = snprintf(line, sizeof line, "%s %s %s\n", name, open_key, secret);
    if (strcmp(path, "-") == 0) /* for who keeps it elsewhere */
        return fputs(line, stdout) >= 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : failed("stdout");
    return file_new(path, slice_of(line, (size_t)n)) ? tell(c, name, open_key, path) : failed(path);
}

static int
again(const struct ctl *c, const char *path)
{
    char name[NAME_BYTES + 1], open_key[KEY_TEXT], secret[KEY_TEXT];
    struct buf b = {0};
    enum lc_err err = file_read(path, 4096, &b);

    buf_char(&b, '\0');
    bool ok =
        err == LC_OK && !b.failed && sscanf(b.p, "%63s %40s %40s", name, open_key, secret) == 3;
    buf_free(&b);
    if (ok)
        return tell(c, name, open_key, path);
    fprintf(stderr, "lcctl: %s: expected a file that `lcctl keys new` has written\n", path);
    return EXIT_FAILED;
}

int
cmd_keys(struct ctl *c, struct args *a)
{
    const char *verb = args_next(a);
    bool fresh = verb != NULL && strcmp(verb, "new") == 0;
    const char *name = fresh ? args_next(a) : "";
    const char *path = args_next(a);

    if (verb == NULL || (!fresh && strcmp(verb, "show") != 0) || name == NULL || path == NULL ||
        !args_done(a))
        return EXIT_USAGE;
    return fresh ? make(c, name, path) : again(c, path);
}
