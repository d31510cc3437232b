#include "addresses/book.h"

#include "roads/map_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { CHECKED_FROM = offsetof(struct book_header, names) };

size_t
book_size(enum book_section s)
{
    switch (s) {
    case SEC_TEXT:
        return 1;
    case SEC_STREET:
        return sizeof(struct street);
    case SEC_HOUSE:
        return sizeof(struct house);
    case SEC_SPAN:
        return sizeof(struct span);
    case SEC_POINT:
        return sizeof(struct latlng);
    case SEC_LOOSE:
    case SEC_BARE:
    case SEC_CITY:
    case SEC_POSTCODE:
    case BOOK_SECTIONS:
        break;
    }
    return sizeof(uint32_t);
}

uint32_t
book_checksum(const char *file, size_t n)
{
    uLong crc = crc32(0, NULL, 0);

    for (size_t at = CHECKED_FROM; at < n;) {
        size_t some = n - at < (1U << 30) ? n - at : 1U << 30;
        crc = crc32(crc, (const Bytef *)file + at, (uInt)some);
        at += some;
    }
    return (uint32_t)crc;
}

static enum lc_err
refuse(char *error, const char *what)
{
    snprintf(error, ROADS_ERROR_MAX, "%s", what);
    return LC_EINVAL;
}

static const void *
section(struct slice file, const struct book_header *h, enum book_section s, size_t *n)
{
    uint64_t offset = h->section[s].offset, count = h->section[s].n;

    if (offset % 8 != 0 || offset < sizeof *h || offset > file.n ||
        count > (file.n - offset) / book_size(s))
        return NULL;
    *n = count;
    return file.p + offset;
}

static bool
find_sections(struct addresses *a, struct slice file)
{
    const struct book_header *h = a->header;
    size_t loose = 0, bare = 0;

    a->text = section(file, h, SEC_TEXT, &a->texts);
    a->street = section(file, h, SEC_STREET, &a->streets);
    a->loose = section(file, h, SEC_LOOSE, &loose);
    a->bare = section(file, h, SEC_BARE, &bare);
    a->house = section(file, h, SEC_HOUSE, &a->houses);
    a->span = section(file, h, SEC_SPAN, &a->spans);
    a->point = section(file, h, SEC_POINT, &a->points);
    a->city = section(file, h, SEC_CITY, &a->cities);
    a->postcode = section(file, h, SEC_POSTCODE, &a->postcodes);
    return a->text != NULL && a->street != NULL && a->loose != NULL && a->bare != NULL &&
           a->house != NULL && a->span != NULL && a->point != NULL && a->city != NULL &&
           a->postcode != NULL && loose == a->streets && bare == a->streets;
}

static bool
within(size_t first, size_t n, size_t all)
{
    return first <= all && n <= all - first;
}

/* is_sound: does everything point inside? */
static bool
is_sound(const struct addresses *a)
{
    bool ok = a->texts > 0 && a->text[0] == '\0' && a->text[a->texts - 1] == '\0';

    for (size_t i = 0; ok && i < a->streets; i++) {
        const struct street *s = &a->street[i];
        ok = s->key < a->texts && s->loose < a->texts && s->bare < a->texts && s->name < a->texts &&
             geo_valid(s->at) && within(s->first_house, s->houses, a->houses) &&
             within(s->first_span, s->spans, a->spans) && a->loose[i] < a->streets &&
             a->bare[i] < a->streets;
    }
    for (size_t i = 0; ok && i < a->houses; i++)
        ok = a->house[i].city < a->texts && a->house[i].postcode < a->texts &&
             a->house[i].suffix[sizeof a->house[i].suffix - 1] == '\0' && geo_valid(a->house[i].at);
    for (size_t i = 0; ok && i < a->spans; i++)
        ok = within(a->span[i].first_point, a->span[i].points, a->points) &&
             a->span[i].points >= 2 && a->span[i].low < a->span[i].high && a->span[i].step >= 1 &&
             a->span[i].city < a->texts && a->span[i].postcode < a->texts;
    for (size_t i = 0; ok && i < a->points; i++)
        ok = geo_valid(a->point[i]);
    for (size_t i = 0; ok && i < a->cities; i++)
        ok = a->city[i] < a->texts;
    for (size_t i = 0; ok && i < a->postcodes; i++)
        ok = a->postcode[i] < a->texts;
    return ok;
}

static enum lc_err
open_bytes(struct addresses *a, struct slice file, char *error)
{
    const struct book_header *h = (const struct book_header *)file.p;

    if (file.n < sizeof *h || memcmp(h->magic, BOOK_MAGIC, sizeof h->magic) != 0)
        return refuse(error,
                      "not an index of addresses: expected a file made by 'lcctl addresses build'");
    if (h->endian != BOOK_ENDIAN)
        return refuse(error, "compiled on a machine of another byte order: build it again");
    if (h->version != BOOK_VERSION)
        return refuse(error, "compiled by another version: build it again");
    if (h->bytes != file.n)
        return refuse(error, "the file is cut off, or something was added to it");
    if (h->checksum != book_checksum(file.p, file.n))
        return refuse(error, "the file is damaged: its checksum is wrong");
    a->header = h;
    return find_sections(a, file) && is_sound(a) ? LC_OK
                                                 : refuse(error, "the file's sections do not fit");
}

enum lc_err
addresses_view(struct slice bytes, struct addresses **out, char *error)
{
    struct addresses *a = calloc(1, sizeof *a);
    enum lc_err err = LC_ENOMEM;

    if (a != NULL) {
        a->book.find = addresses_find;
        err = open_bytes(a, bytes, error);
    }
    if (err != LC_OK) {
        free(a);
        return err;
    }
    *out = a;
    return LC_OK;
}

enum lc_err
addresses_open(const char *path, struct addresses **out, char *error)
{
    struct slice bytes;
    enum lc_err err = map_file(path, &bytes, error);

    if (err != LC_OK)
        return err;
    err = addresses_view(bytes, out, error);
    if (err != LC_OK) {
        unmap_file(bytes);
        return err;
    }
    (*out)->mapped = bytes;
    return LC_OK;
}

void
addresses_close(struct addresses *a)
{
    if (a != NULL)
        unmap_file(a->mapped);
    free(a);
}

const struct address_book *
addresses_book(const struct addresses *a)
{
    return &a->book;
}

uint32_t
addresses_checksum(const struct addresses *a)
{
    return a->header->checksum;
}

size_t
addresses_bytes(const struct addresses *a)
{
    return a->header->bytes;
}

void
addresses_counts(const struct addresses *a, struct addresses_report *out)
{
    *out = (struct addresses_report){.houses = a->houses,
                                     .streets = a->streets,
                                     .names = a->header->names,
                                     .spans = a->spans,
                                     .unread = a->header->unread,
                                     .missing = a->header->missing};
}
