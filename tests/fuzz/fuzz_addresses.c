/* A compiled index of addresses, its checksum put right; what stands behind its end is asked of it.
 */
#include "fuzz.h"

#include "addresses/book.h"

static void
ask(const struct addresses *a, struct slice text)
{
    static const char *const usual[] = {"1234 Fleet St, Baltimore 21231", "Fleet Street",
                                        "12-14 A"};
    const struct address_book *book = addresses_book(a);
    struct address_found found;

    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        (void)book->find(book, slice_str(usual[i]), &found);
    enum lc_err err = book->find(book, text, &found);
    fuzz_must(err == LC_OK || err == LC_EINVAL || err == LC_ETOOBIG);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char error[ROADS_ERROR_MAX];
    struct addresses *a = NULL;
    char *file = malloc(n + 1);
    uint64_t whole = n;

    if (file == NULL)
        return 0;
    memcpy(file, data, n);
    if (n >= sizeof(struct book_header)) {
        struct book_header *h = (struct book_header *)file;
        whole = h->bytes = h->bytes >= sizeof *h && h->bytes < n ? h->bytes : n;
        fuzz_crc(file, whole, offsetof(struct book_header, checksum),
                 offsetof(struct book_header, names));
    }
    if (addresses_view(slice_of(file, whole), &a, error) == LC_OK)
        ask(a, slice_of(file + whole, n - whole));
    else
        fuzz_must(error[0] != '\0');
    addresses_close(a);
    free(file);
    return 0;
}
