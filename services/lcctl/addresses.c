#include "addresses/addresses.h"
#include "lcctl/show.h"

#include <stdio.h>
#include <stdlib.h>

/* report_json: what is in an index; checksum and size of one that is there. */
static int
report_json(const char *file, const struct addresses_report *r, const struct addresses *index)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);
    char checksum[9];

    json_out_object(&w, NULL);
    json_out_cstr(&w, "file", file);
    if (index != NULL) {
        snprintf(checksum, sizeof checksum, "%08x", addresses_checksum(index));
        json_out_cstr(&w, "checksum", checksum);
        json_out_uint(&w, "bytes", addresses_bytes(index));
    }
    json_out_uint(&w, "houses", r->houses);
    json_out_uint(&w, "streets", r->streets);
    json_out_uint(&w, "names", r->names);
    json_out_uint(&w, "interpolations", r->spans);
    json_out_uint(&w, "left_out", r->unread);
    json_out_uint(&w, "missing", r->missing);
    json_out_end(&w);
    return show_json(&b);
}

static int
found_json(const struct address_found *f)
{
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "precision", address_precision_name(f->precision));
    if (f->precision != ADDRESS_NONE) {
        json_out_e7(&w, "lat", f->at.lat_e7);
        json_out_e7(&w, "lng", f->at.lng_e7);
        json_out_uint(&w, "error_m", f->error_m);
        json_out_uint(&w, "extent_m", f->extent_m);
        json_out_uint(&w, "places", f->places);
        json_out_bool(&w, "elsewhere", f->elsewhere);
        json_out_cstr(&w, "street", f->street);
    }
    json_out_end(&w);
    return show_json(&b);
}

static int
build(struct ctl *c, struct args *a)
{
    const char *out = args_output(a);
    const char *in = args_next(a);
    char error[ROADS_ERROR_MAX];
    struct addresses_report r;

    if (in == NULL || out == NULL || !args_done(a))
        return EXIT_USAGE;
    if (addresses_build_file(in, out, &r, error) != LC_OK) {
        fprintf(stderr, "lcctl: %s: %s\n", in, error);
        return EXIT_FAILED;
    }
    if (c->json)
        return report_json(out, &r, NULL);
    printf("%s: %zu house numbers, %zu streets of %zu names, %zu interpolations\n", out, r.houses,
           r.streets, r.names, r.spans);
    if (r.unread > 0)
        printf("%zu addresses left out: no street, or no number that is understood\n", r.unread);
    if (r.missing > 0)
        printf("%zu nodes of its ways are not in %s\n", r.missing, in);
    return EXIT_SUCCESS;
}

static struct addresses *
open_index(const char *path, int *status)
{
    char error[ROADS_ERROR_MAX];
    struct addresses *index = NULL;

    *status = EXIT_USAGE;
    if (path == NULL)
        return NULL;
    *status = EXIT_SUCCESS;
    if (addresses_open(path, &index, error) != LC_OK) {
        fprintf(stderr, "lcctl: %s: %s\n", path, error);
        *status = EXIT_FAILED;
        return NULL;
    }
    return index;
}

static int
info(struct ctl *c, struct args *a)
{
    struct addresses_report r;
    const char *path = args_next(a);
    int status;
    struct addresses *index = open_index(path, &status);

    if (index == NULL)
        return status;
    if (args_done(a)) {
        addresses_counts(index, &r);
        if (c->json)
            status = report_json(path, &r, index);
        else
            printf("checksum %08x, %zu bytes, %zu house numbers, %zu streets of %zu names, "
                   "%zu interpolations\n",
                   addresses_checksum(index), addresses_bytes(index), r.houses, r.streets, r.names,
                   r.spans);
    } else {
        status = EXIT_USAGE;
    }
    addresses_close(index);
    return status;
}

static int
print_found(struct ctl *c, const char *text, enum lc_err err, const struct address_found *f)
{
    if (err != LC_OK) {
        fprintf(stderr, "lcctl: %s\n",
                err == LC_ETOOBIG ? "expected at most 200 bytes" : "expected UTF-8 text");
        return EXIT_USAGE;
    }
    if (c->json) {
        int status = found_json(f);
        return status != EXIT_SUCCESS || address_sure(f->precision) ? status : EXIT_NOT_SO;
    }
    if (f->precision == ADDRESS_NONE) {
        fprintf(stderr, "lcctl: no such street: %s\n", text);
        return EXIT_NOT_SO;
    }
    printf("%s: %.7f,%.7f within %u m, %s", address_precision_name(f->precision),
           f->at.lat_e7 * 1e-7, f->at.lng_e7 * 1e-7, f->error_m, f->street);
    if (f->extent_m > 0)
        printf(", %u m long", f->extent_m);
    if (f->places > 1)
        printf(", %u places", f->places);
    puts(f->elsewhere ? ", but not in the town or postcode said" : "");
    return address_sure(f->precision) ? EXIT_SUCCESS : EXIT_NOT_SO;
}

static int
ask(struct ctl *c, struct args *a)
{
    int status;
    struct addresses *index = open_index(args_next(a), &status);
    const char *text = index == NULL ? NULL : args_next(a);
    struct address_found f;

    if (index == NULL)
        return status;
    if (text == NULL || !args_done(a)) {
        status = EXIT_USAGE;
    } else {
        const struct address_book *book = addresses_book(index);
        enum lc_err err = book->find(book, slice_str(text), &f);
        status = print_found(c, text, err, &f);
    }
    addresses_close(index);
    return status;
}

int
cmd_addresses(struct ctl *c, struct args *a)
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
    return EXIT_USAGE;
}
