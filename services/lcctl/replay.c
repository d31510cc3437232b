/* replay: recorded steps run again through the same core, every outgoing byte compared. */
#include "base/replay.h"
#include "io/file.h"
#include "io/recording.h"
#include "lcctl/lcctl.h"
#include "lcctl/replay_maps.h"
#include "lcctl/show.h"

#include "intake/intake.h"
#include "inventory/inventory.h"
#include "matcher/matcher.h"
#include "notifier/notifier.h"
#include "router/router.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct service *const services[] = {
    &intake_service, &matcher_service, &inventory_service, &router_service, &notifier_service};

struct replayed {
    const struct ctl *ctl;
    const char *path;
    struct replay_maps *maps;
};

static const struct travel *
find_map(void *ctx, uint32_t checksum, struct slice path)
{
    const struct replayed *r = ctx;

    return replay_maps_find(r->maps, checksum, path);
}

static const struct address_book *
find_index(void *ctx, uint32_t checksum, struct slice path)
{
    const struct replayed *r = ctx;

    return replay_index_find(r->maps, checksum, path);
}

/* tell: what came of a recording, as a line of JSON; r NULL: it is empty. */
static void
tell(const char *path, const char *service, const struct replay_result *r)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "file", path);
    json_out_cstr(&w, "service", service);
    json_out_uint(&w, "steps", r == NULL ? 0 : r->steps);
    json_out_bool(&w, "same", r == NULL || !r->differs);
    json_out_bool(&w, "cut", r != NULL && r->cut);
    json_out_end(&w);
    (void)show_json(&b);
}

static void
print_difference(void *ctx, const struct replay_difference *d)
{
    const struct replayed *r = ctx;
    size_t at = 0;

    while (at < d->expected.n && at < d->got.n && d->expected.p[at] == d->got.p[at])
        at++;
    fprintf(r->ctl->json ? stderr : stdout,
            "%s: step %llu (event kind %d, ref %llu) differs: outcome %d, recorded %d; effects of "
            "%zu bytes, recorded %zu, first difference at byte %zu\n",
            r->path, (unsigned long long)d->step, (int)d->event->kind,
            (unsigned long long)d->event->ref, (int)d->got_outcome, (int)d->expected_outcome,
            d->got.n, d->expected.n, at);
}

/* replay_bytes: one recording. */
static int
replay_bytes(struct ctl *c, const char *path, struct slice recording, struct replay_maps *maps)
{
    struct replayed r = {c, path, maps};
    const struct replay_asks asks = {print_difference, find_map, find_index, &r};
    struct slice name = replay_service(recording);
    struct replay_result result;

    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        if (!slice_eq_str(name, services[i]->name))
            continue;
        enum lc_err err = replay_run(services[i], recording, &asks, &result);
        if (err != LC_OK) {
            fprintf(stderr, "lcctl: %s: %s\n", path,
                    err == LC_ENOTFOUND ? "not replayed without its map" : lc_strerror(err));
            return EXIT_FAILED;
        }
        if (c->json)
            tell(path, services[i]->name, &result);
        if (result.differs)
            return EXIT_NOT_SO;
        if (!c->json)
            printf("%s: %s, %llu steps, every byte the same%s\n", path, services[i]->name,
                   (unsigned long long)result.steps, result.cut ? " (cut short at the end)" : "");
        return EXIT_SUCCESS;
    }
    fprintf(stderr, "lcctl: %s: expected a recording of a Lifecircle service\n", path);
    return EXIT_FAILED;
}

/* put_plain: the recording as it would be unsealed, for who wants to look into it. */
static int
put_plain(struct ctl *c, const char *dir, const char *name, struct slice recording)
{
    const char *path = arena_printf(c->arena, "%s/%s", dir, name);
    bool ok = path != NULL && file_new(path, recording);

    if (!ok)
        fprintf(stderr, "lcctl: %s: %s\n", path == NULL ? dir : path, strerror(errno));
    return ok ? EXIT_SUCCESS : EXIT_FAILED;
}

static int
replay_or_empty(struct ctl *c, const char *path, struct slice recording, struct replay_maps *maps)
{
    if (recording.n > 0)
        return replay_bytes(c, path, recording, maps);
    if (c->json)
        tell(path, NULL, NULL);
    else
        printf("%s: empty\n", path);
    return EXIT_SUCCESS;
}

static int
replay_file(struct ctl *c, const char *dir, const char *name, const char *plain,
            struct replay_maps *maps)
{
    static const size_t cap = (size_t)8 << 30;
    const char *path = arena_printf(c->arena, "%s/%s", dir, name);
    struct buf recording = {0};
    int status = EXIT_FAILED;
    enum lc_err err = path == NULL ? LC_ENOMEM : recording_read(path, cap, &recording);

    if (err == LC_EDENIED)
        fprintf(stderr, "lcctl: %s: its key is gone or another one's, or it was changed\n", path);
    else if (err != LC_OK)
        fprintf(stderr, "lcctl: %s: %s\n", name, lc_strerror(err));
    else if (plain != NULL)
        status = put_plain(c, plain, name, buf_slice(&recording));
    else
        status = replay_or_empty(c, path, buf_slice(&recording), maps);
    buf_free(&recording);
    return status;
}

static bool
is_recording(const char *name)
{
    const char *dot = strrchr(name, '.');

    return name[0] != '.' && (dot == NULL || strcmp(dot, ".key") != 0);
}

static int
replay_dir(struct ctl *c, const char *dir, const char *plain, struct replay_maps *maps)
{
    struct dirent **names;
    int worst = EXIT_SUCCESS;
    int files = 0;

    int n = scandir(dir, &names, NULL, alphasort);
    if (n < 0) {
        fprintf(stderr, "lcctl: %s: %s\n", dir, strerror(errno));
        return EXIT_FAILED;
    }
    for (int i = 0; i < n; i++) {
        if (is_recording(names[i]->d_name)) {
            int status = replay_file(c, dir, names[i]->d_name, plain, maps);
            worst = status > worst ? status : worst;
            files++;
        }
        free(names[i]);
    }
    free(names);
    if (files == 0) {
        fprintf(stderr, "lcctl: %s: no recordings\n", dir);
        return EXIT_NOT_SO;
    }
    return worst;
}

int
cmd_replay(struct ctl *c, struct args *a)
{
    const char *plain = args_option(a, "plain", NULL);
    struct replay_maps maps = {NULL, NULL};
    const char *map;
    int status = EXIT_SUCCESS;

    while (status == EXIT_SUCCESS && (map = args_option(a, "roads", NULL)) != NULL)
        status = replay_maps_add(&maps, map) ? EXIT_SUCCESS : EXIT_FAILED;
    while (status == EXIT_SUCCESS && (map = args_option(a, "addresses", NULL)) != NULL)
        status = replay_index_add(&maps, map) ? EXIT_SUCCESS : EXIT_FAILED;
    if (status == EXIT_SUCCESS) {
        const char *dir = args_next(a);
        status = dir == NULL || !args_done(a) ? EXIT_USAGE : replay_dir(c, dir, plain, &maps);
    }
    replay_maps_free(&maps);
    return status;
}
