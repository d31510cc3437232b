#include "lcctl/lcctl.h"
#include "lcctl/show.h"
#include "lcctl/zones.h"

#include "roads/roads.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SNAP_M = 1000 };

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* parse_modes: "car,bicycle" as bits; 0 after saying what is wrong. */
static unsigned
parse_modes(const char *list)
{
    unsigned modes = 0;

    for (const char *p = list; *p != '\0';) {
        size_t n = strcspn(p, ",");
        enum travel_mode mode;
        if (travel_mode_parse(slice_of(p, n), &mode) != LC_OK) {
            fprintf(stderr,
                    "lcctl: --modes: expected foot, bicycle, ebike, scooter, car, van, got %.*s\n",
                    (int)n, p);
            return 0;
        }
        modes |= 1U << mode;
        p += n + (p[n] == ',');
    }
    if (modes == 0)
        fputs("lcctl: --modes: expected at least one\n", stderr);
    return modes;
}

static int
built_json(const char *out, unsigned modes, const struct roads_report *r, double took_s)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "file", out);
    json_out_uint(&w, "roads", r->roads);
    json_out_uint(&w, "junctions", r->junctions);
    json_out_uint(&w, "restrictions", r->restrictions);
    json_out_uint(&w, "ignored", r->ignored);
    json_out_uint(&w, "missing", r->missing);
    json_out_double(&w, "seconds", took_s, 2);
    json_out_object(&w, "modes");
    for (unsigned k = 0; k < TRAVEL_MODES; k++) {
        if ((modes & 1U << k) == 0)
            continue;
        json_out_object(&w, travel_mode_name((enum travel_mode)k));
        json_out_uint(&w, "edges", r->mode[k].edges);
        json_out_uint(&w, "nodes", r->mode[k].nodes);
        json_out_uint(&w, "arcs", r->mode[k].arcs);
        json_out_end(&w);
    }
    json_out_end(&w);
    json_out_end(&w);
    return show_json(&b);
}

static int
build(struct ctl *c, struct args *a)
{
    const char *modes_word = args_option(a, "modes", NULL);
    const char *out = args_output(a);
    const char *in = args_next(a);
    char error[ROADS_ERROR_MAX];
    struct roads_report r;

    if (in == NULL || out == NULL || !args_done(a))
        return EXIT_USAGE;
    unsigned modes = modes_word == NULL ? ROADS_ALL_MODES : parse_modes(modes_word);
    if (modes == 0)
        return EXIT_USAGE;
    double start = seconds();
    enum lc_err err = roads_build_file(in, out, modes, &r, error);
    if (err != LC_OK) {
        fprintf(stderr, "lcctl: %s: %s\n", in, error);
        return EXIT_FAILED;
    }
    if (c->json)
        return built_json(out, modes, &r, seconds() - start);
    printf("%s: %zu roads, %zu junctions, %zu turn restrictions (%zu without effect) in %.2f s\n",
           out, r.roads, r.junctions, r.restrictions, r.ignored, seconds() - start);
    if (r.missing > 0)
        printf("%zu nodes of its ways are not in %s: those ends are left out\n", r.missing, in);
    for (unsigned k = 0; k < TRAVEL_MODES; k++)
        if ((modes & 1U << k) != 0)
            printf("  %-8s %zu edges, %zu nodes to search, %zu arcs\n",
                   travel_mode_name((enum travel_mode)k), r.mode[k].edges, r.mode[k].nodes,
                   r.mode[k].arcs);
    return EXIT_SUCCESS;
}

/* asked: a map and the mode, for the commands that look at one. */
struct asked {
    struct roads *roads;
    struct roads_search *search;
    enum travel_mode mode;
};

static int
open_map(struct args *a, struct asked *q)
{
    const char *mode = args_option(a, "mode", "car");
    const char *path = args_next(a);
    char error[ROADS_ERROR_MAX];

    if (path == NULL)
        return EXIT_USAGE;
    if (travel_mode_parse(slice_str(mode), &q->mode) != LC_OK) {
        fprintf(stderr, "lcctl: --mode: no such mode: %s\n", mode);
        return EXIT_USAGE;
    }
    if (roads_open(path, &q->roads, error) != LC_OK) {
        fprintf(stderr, "lcctl: %s: %s\n", path, error);
        return EXIT_FAILED;
    }
    q->search = roads_search_new(q->roads);
    return q->search == NULL ? EXIT_FAILED : EXIT_SUCCESS;
}

static void
close_map(struct asked *q)
{
    roads_search_free(q->search);
    roads_close(q->roads);
}

/* next_spot: LAT,LNG, and the road there. */
static int
next_spot(struct args *a, const struct asked *q, struct roads_spot *out)
{
    const char *word = args_next(a);
    double lat, lng;
    struct latlng p;
    char end;

    if (word == NULL)
        return EXIT_USAGE;
    if (sscanf(word, "%lf,%lf%c", &lat, &lng, &end) != 2 || !geo_of_degrees(lat, lng, &p)) {
        fprintf(stderr, "lcctl: expected LAT,LNG in degrees, got %s\n", word);
        return EXIT_USAGE;
    }
    enum lc_err err = roads_snap(q->roads, q->mode, p, SNAP_M, out);
    if (err == LC_OK)
        return EXIT_SUCCESS;
    fprintf(stderr, "lcctl: %s: %s\n", word,
            err == LC_ENOTFOUND ? "no road within 1000 m" : "the map was not built for this mode");
    return EXIT_NOT_SO;
}

static int
info_json(const struct asked *q, struct latlng low, struct latlng high)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);
    char checksum[16];

    snprintf(checksum, sizeof checksum, "%08x", roads_checksum(q->roads));
    json_out_object(&w, NULL);
    json_out_cstr(&w, "checksum", checksum);
    json_out_uint(&w, "bytes", roads_bytes(q->roads));
    json_out_array(&w, "bounds");
    json_out_e7(&w, NULL, low.lat_e7);
    json_out_e7(&w, NULL, low.lng_e7);
    json_out_e7(&w, NULL, high.lat_e7);
    json_out_e7(&w, NULL, high.lng_e7);
    json_out_end(&w);
    json_out_array(&w, "modes");
    for (unsigned k = 0; k < TRAVEL_MODES; k++)
        if (roads_has(q->roads, (enum travel_mode)k))
            json_out_cstr(&w, NULL, travel_mode_name((enum travel_mode)k));
    json_out_end(&w);
    json_out_end(&w);
    return show_json(&b);
}

static int
info(struct ctl *c, struct args *a)
{
    struct asked q = {0};
    struct latlng low, high;
    int status = open_map(a, &q);

    if (status == EXIT_SUCCESS && !args_done(a))
        status = EXIT_USAGE;
    if (status == EXIT_SUCCESS)
        roads_bounds(q.roads, &low, &high);
    if (status == EXIT_SUCCESS && c->json) {
        status = info_json(&q, low, high);
    } else if (status == EXIT_SUCCESS) {
        printf("checksum %08x, %zu bytes, from %.5f,%.5f to %.5f,%.5f\nmodes:",
               roads_checksum(q.roads), roads_bytes(q.roads), low.lat_e7 * 1e-7, low.lng_e7 * 1e-7,
               high.lat_e7 * 1e-7, high.lng_e7 * 1e-7);
        for (unsigned k = 0; k < TRAVEL_MODES; k++)
            if (roads_has(q.roads, (enum travel_mode)k))
                printf(" %s", travel_mode_name((enum travel_mode)k));
        putchar('\n');
    }
    close_map(&q);
    return status;
}

static int
course_json(const struct asked *q, const struct roads_course *c)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "mode", travel_mode_name(q->mode));
    json_out_double(&w, "seconds", c->trip.ms * 1e-3, 1);
    json_out_double(&w, "metres", c->trip.cm * 1e-2, 1);
    json_out_array(&w, "legs");
    for (size_t i = 0; i < c->legs; i++) {
        json_out_object(&w, NULL);
        json_out_double(&w, "seconds", c->leg[i].ms * 1e-3, 1);
        json_out_double(&w, "metres", c->leg[i].cm * 1e-2, 1);
        json_out_cstr(&w, "street", c->leg[i].street);
        json_out_end(&w);
    }
    json_out_end(&w);
    json_out_str(&w, "polyline", slice_of(c->polyline.p, c->polyline.n));
    json_out_end(&w);
    return show_json(&b);
}

static int
print_course(const struct ctl *ctl, const struct asked *q, const struct roads_spot *from,
             const struct roads_spot *to)
{
    struct roads_course c;
    enum lc_err err = roads_directions(q->search, q->mode, from, to, &c);

    if (err == LC_OK && ctl->json) {
        (void)course_json(q, &c);
    } else if (err == LC_OK) {
        printf("%s: %.1f s, %.1f m\n", travel_mode_name(q->mode), c.trip.ms * 1e-3,
               c.trip.cm * 1e-2);
        for (size_t i = 0; i < c.legs; i++)
            printf("  %8.1f s %8.1f m  %s\n", c.leg[i].ms * 1e-3, c.leg[i].cm * 1e-2,
                   c.leg[i].street[0] == '\0' ? "(no name)" : c.leg[i].street);
        printf("polyline %.*s\n", (int)c.polyline.n, c.polyline.p);
    } else {
        fprintf(stderr, "lcctl: %s\n", err == LC_ENOTFOUND ? "there is no way" : lc_strerror(err));
    }
    roads_course_free(&c);
    return err == LC_OK ? EXIT_SUCCESS : EXIT_NOT_SO;
}

static int
ask(struct ctl *c, struct args *a)
{
    struct asked q = {0};
    struct roads_spot from, to;
    int status = open_map(a, &q);

    if (status == EXIT_SUCCESS)
        status = next_spot(a, &q, &from);
    if (status == EXIT_SUCCESS)
        status = next_spot(a, &q, &to);
    if (status == EXIT_SUCCESS && !args_done(a))
        status = EXIT_USAGE;
    if (status == EXIT_SUCCESS)
        status = print_course(c, &q, &from, &to);
    close_map(&q);
    return status;
}

static int
area(struct args *a)
{
    struct asked q = {0};
    struct roads_spot from;
    struct buf out = {0};
    long minutes = strtol(args_option(a, "minutes", "15"), NULL, 10);
    long widen = strtol(args_option(a, "widen", "60"), NULL, 10);
    int status = open_map(a, &q);

    if (minutes < 1 || minutes > 1440 || widen < 1 || widen > 10000)
        status = EXIT_USAGE;
    if (status == EXIT_SUCCESS)
        status = next_spot(a, &q, &from);
    if (status == EXIT_SUCCESS && !args_done(a))
        status = EXIT_USAGE;
    if (status == EXIT_SUCCESS) {
        enum lc_err err =
            roads_area(q.search, q.mode, &from, (uint32_t)minutes * 60000, (uint32_t)widen, &out);
        if (err == LC_OK)
            printf("%.*s\n", (int)out.n, out.p);
        else
            fprintf(stderr, "lcctl: %s\n", lc_strerror(err));
        status = err == LC_OK ? EXIT_SUCCESS : EXIT_NOT_SO;
    }
    buf_free(&out);
    close_map(&q);
    return status;
}

static int
zones(struct args *a)
{
    struct asked q = {0};
    const bool replace = args_flag(a, "replace");
    long minutes = strtol(args_option(a, "minutes", "20"), NULL, 10);
    long widen = strtol(args_option(a, "widen", "60"), NULL, 10);
    int status = open_map(a, &q);
    const char *stores = args_next(a);

    if (minutes < 1 || minutes > 1440 || widen < 1 || widen > 2000)
        status = EXIT_USAGE;
    if (status == EXIT_SUCCESS && (stores == NULL || !args_done(a)))
        status = EXIT_USAGE;
    if (status == EXIT_SUCCESS && !roads_has(q.roads, q.mode)) {
        fputs("lcctl: the map was not built for this mode\n", stderr);
        status = EXIT_NOT_SO;
    }
    const struct zone_wish wish = {q.roads,           q.search,        q.mode,
                                   (uint32_t)minutes, (uint32_t)widen, replace};
    if (status == EXIT_SUCCESS)
        status = zones_fill(&wish, stores);
    close_map(&q);
    return status;
}

int
cmd_roads(struct ctl *c, struct args *a)
{
    const char *what = args_next(a);

    if (what == NULL)
        return EXIT_USAGE;
    if (strcmp(what, "build") == 0)
        return build(c, a);
    if (strcmp(what, "info") == 0)
        return info(c, a);
    if (strcmp(what, "ask") == 0)
        return ask(c, a);
    if (strcmp(what, "area") == 0)
        return area(a);
    if (strcmp(what, "zones") == 0)
        return zones(a);
    return EXIT_USAGE;
}
