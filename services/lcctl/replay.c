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

/* seen: the step that differs. */
struct seen {
    uint64_t step;
    enum event_kind kind;
    uint64_t ref;
    enum lc_err recorded, now; /* outcomes */
    enum lc_err err;           /* of replay_where */
    struct replay_where where;
};

struct replayed {
    struct replay_maps *maps;
    struct seen seen;
};

static const struct travel *
find_map(void *ctx, uint32_t checksum, struct slice path)
{
    struct replayed *r = ctx;

    return replay_maps_find(r->maps, checksum, path);
}

static const struct address_book *
find_index(void *ctx, uint32_t checksum, struct slice path)
{
    struct replayed *r = ctx;

    return replay_index_find(r->maps, checksum, path);
}

static void
see(void *ctx, const struct replay_difference *d)
{
    struct replayed *r = ctx;
    struct seen *seen = &r->seen;

    *seen = (struct seen){.step = d->step,
                          .kind = d->event->kind,
                          .ref = d->event->ref,
                          .recorded = d->expected_outcome,
                          .now = d->got_outcome};
    seen->err = replay_where(d, &seen->where);
}

static void
tell_side(struct json_out *w, const char *key, enum lc_err outcome, const struct buf *effect)
{
    json_out_object(w, key);
    json_out_cstr(w, "outcome", lc_strerror(outcome));
    if (effect->n > 0)
        json_out_str(w, "effect", buf_slice(effect));
    else
        json_out_null(w, "effect");
    json_out_end(w);
}

static void
tell_seen(struct json_out *w, const struct seen *s)
{
    json_out_object(w, "difference");
    json_out_uint(w, "step", s->step);
    json_out_cstr(w, "event", event_name(s->kind));
    json_out_uint(w, "ref", s->ref);
    json_out_uint(w, "effect", s->where.effect);
    tell_side(w, "recorded", s->recorded, &s->where.recorded);
    tell_side(w, "now", s->now, &s->where.now);
    json_out_end(w);
}

/* tell: what came of a recording, as a line of JSON; r NULL: it is empty. */
static void
tell(const char *path, const char *service, const struct replay_result *r, const struct seen *seen)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "file", path);
    json_out_cstr(&w, "service", service);
    json_out_uint(&w, "steps", r == NULL ? 0 : r->steps);
    json_out_bool(&w, "same", r == NULL || !r->differs);
    json_out_bool(&w, "cut", r != NULL && r->cut);
    if (r != NULL && r->differs)
        tell_seen(&w, seen);
    json_out_end(&w);
    (void)show_json(&b);
}

static void
print_side(const char *when, enum lc_err outcome, size_t effect, const struct buf *line)
{
    printf("  %s %s", when, lc_strerror(outcome));
    if (line->n > 0)
        printf("; effect %zu: %.*s", effect, (int)line->n, line->p);
    else if (effect > 0)
        printf("; no effect %zu", effect);
    putchar('\n');
}

static void
print_seen(const char *path, const struct seen *s)
{
    printf("%s: step %llu (%s, ref %llu) differs%s\n", path, (unsigned long long)s->step,
           event_name(s->kind), (unsigned long long)s->ref,
           s->err == LC_EINVAL   ? "; the recorded effects are damaged"
           : s->err == LC_ENOMEM ? "; no memory to say in what"
                                 : "");
    print_side("recorded:", s->recorded, s->where.effect, &s->where.recorded);
    print_side("now:     ", s->now, s->where.effect, &s->where.now);
}

/* replay_bytes: one recording. */
static int
replay_bytes(struct ctl *c, const char *path, struct slice recording, struct replay_maps *maps)
{
    struct replayed r = {.maps = maps};
    const struct replay_asks asks = {see, find_map, find_index, &r};
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
            tell(path, services[i]->name, &result, &r.seen);
        else if (result.differs)
            print_seen(path, &r.seen);
        else
            printf("%s: %s, %llu steps, every byte the same%s\n", path, services[i]->name,
                   (unsigned long long)result.steps, result.cut ? " (cut short at the end)" : "");
        replay_where_free(&r.seen.where);
        return result.differs ? EXIT_NOT_SO : EXIT_SUCCESS;
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
        tell(path, NULL, NULL, NULL);
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
