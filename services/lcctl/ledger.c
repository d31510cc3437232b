/* The ledger's oldest entries leave Redis for files, one JSON line each; what they came to stays,
 * so that lcctl audit still proves every level (inventory/ledger_fold.h). A line is on disk before
 * its entry goes; when this ends in between, it comes again: whoever reads takes the last of an id.
 */
#include "base/json_out.h"
#include "base/record.h"
#include "base/timestamp.h"
#include "inventory/ledger_fold.h"
#include "io/file.h"
#include "lcctl/lcctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* of one call: entries; bytes of bases, at which no further entry is taken, so that Redis is never
 * busy with one call for more than a few milliseconds; blocks that ledger_fold takes: of one entry,
 * which is what one call of somebody's changed, with order_step at most 512 orders of 100 lines */
enum { PAGE = 500, PAGE_FIRST = 16, BASE_ENOUGH = 128 * 1024, BLOCKS_MOST = 51200, WORDS_MORE = 3 };
/* of a base: a change, and what a block has beside its changes */
enum { CHANGE_BYTES = 12, BLOCK_BYTES = 160 };

struct page {
    struct ctl *ctl;
    struct ledger_fold *fold;
    const char *first; /* the oldest entry's id */
    struct buf lines;
    size_t bytes; /* of the bases it will write, about */
    struct slice args[WORDS_MORE + 2 * BLOCKS_MOST];
    size_t n_args;
};

/* put_base, put_store: a word pair of ledger_fold's. */
static bool
put_words(struct page *p, const char *field, struct slice value)
{
    const char *copy = arena_copy(p->ctl->arena, value.p, value.n);

    if (p->n_args + 2 > sizeof p->args / sizeof *p->args || field == NULL || copy == NULL)
        return false;
    p->args[p->n_args++] = slice_str(field);
    p->args[p->n_args++] = slice_of(copy, value.n);
    return true;
}

static const char *
block_field(struct ctl *c, uint32_t store, uint32_t block)
{
    return arena_printf(c->arena, "%u:%u", store, block);
}

static bool
put_base(void *ctx, uint32_t store, uint32_t block, struct slice value)
{
    struct page *p = ctx;

    return put_words(p, block_field(p->ctl, store, block), value);
}

/* call_fold: -1 after saying why not; 0 when somebody else was faster, or nothing was to go. */
static long long
call_fold(struct page *p, const char *stays)
{
    p->args[0] = slice_str(p->first);
    p->args[1] = slice_str(stays);
    p->args[2] = ctl_number(p->ctl, (int64_t)(p->n_args - WORDS_MORE) / 2);
    redisReply *r = ctl_call(p->ctl, "ledger_fold", p->n_args, p->args);
    long long gone = r == NULL ? -1 : r->integer;
    if (r != NULL)
        freeReplyObject(r);
    return gone;
}

/* ---- what a page comes to ---- */

/* to_blocks: the base of a store in one piece, as versions before blocks left it, becomes blocks.
 */
static bool
to_blocks(struct page *p, const char *field, uint32_t store, struct slice value)
{
    struct ledger_fold *fold = ledger_fold_new();
    bool fine = fold != NULL && ledger_fold_whole(fold, store, value) == LC_OK;

    p->n_args = WORDS_MORE;
    fine = fine && ledger_fold_each(fold, put_base, p) && put_words(p, field, SLICE_LIT("")) &&
           call_fold(p, p->first) >= 0;
    ledger_fold_free(fold);
    return fine;
}

static bool
read_base(struct page *p, uint32_t store, uint32_t block)
{
    struct ctl *c = p->ctl;
    const char *field = arena_printf(c->arena, "%u", store);
    redisReply *r = ctl_read(c, "HGET", "ledger:base", field, NULL);
    bool fine = r != NULL && (r->len == 0 || to_blocks(p, field, store, slice_of(r->str, r->len)));

    if (r != NULL)
        freeReplyObject(r);
    r = fine ? ctl_read(c, "HGET", "ledger:base", block_field(c, store, block), NULL) : NULL;
    fine = r != NULL && ledger_fold_base(p->fold, store, block, slice_of(r->str, r->len)) == LC_OK;
    if (r != NULL) {
        p->bytes += r->len + BLOCK_BYTES;
        freeReplyObject(r);
    }
    return fine;
}

static bool
learn_bases(struct page *p, const struct ledger_entry *e)
{
    p->bytes += e->n * CHANGE_BYTES;
    for (size_t i = 0; i < e->n; i++) {
        uint32_t block = ledger_change_at(e, i).sku_index / LEDGER_BLOCK;
        if (!ledger_fold_knows(p->fold, e->store, block) && !read_base(p, e->store, block))
            return false;
    }
    return true;
}

static void
put_line(struct buf *b, const char *id, const struct ledger_entry *e)
{
    struct json_out w = json_out_to(b);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "entry", id);
    json_out_str(&w, e->cause == LEDGER_FEED ? "feed" : "order_id", e->cause_id);
    json_out_cstr(&w, "cause", ledger_cause_name(e->cause));
    json_out_uint(&w, "store", e->store);
    json_out_array(&w, "changes");
    for (size_t i = 0; i < e->n; i++) {
        struct ledger_change change = ledger_change_at(e, i);
        json_out_object(&w, NULL);
        json_out_uint(&w, "sku", change.sku_index);
        json_out_int(&w, "available", change.available);
        json_out_int(&w, "on_hand", change.on_hand);
        json_out_end(&w);
    }
    json_out_end(&w);
    json_out_end(&w);
    buf_char(b, '\n');
}

static enum lc_err
take_field(struct page *p, const char *id, struct slice field)
{
    uint64_t oversold = ledger_fold_oversold(p->fold);
    struct cursor c = {.p = field.p, .n = field.n};
    struct ledger_entry e;

    while (ledger_next(&c, &e) == LC_OK) {
        if (!learn_bases(p, &e))
            return LC_EIO;
        put_line(&p->lines, id, &e);
    }
    enum lc_err err = ledger_fold_entries(p->fold, field);
    if (err == LC_OK && ledger_fold_oversold(p->fold) > oversold)
        fprintf(stderr,
                "lcctl: ledger entry %s: orders took %llu pieces more than were available; that "
                "stays in the books (lcctl audit)\n",
                id, (unsigned long long)(ledger_fold_oversold(p->fold) - oversold));
    return err;
}

/* take_entries: as many of the first n as one call may have; 0 after saying why none. */
static size_t
take_entries(struct page *p, const redisReply *entries, size_t n)
{
    size_t i;

    for (i = 0; i < n && p->bytes < BASE_ENOUGH; i++) {
        const redisReply *e = entries->element[i];
        const char *id = e->element[0]->str;
        const redisReply *fields = e->element[1];
        for (size_t f = 0; f + 1 < fields->elements; f += 2) {
            const redisReply *value = fields->element[f + 1];
            if (fields->element[f]->str[0] != 'l')
                continue;
            enum lc_err err = take_field(p, id, slice_of(value->str, value->len));
            if (err == LC_OK)
                continue;
            fprintf(stderr, "lcctl: ledger entry %s: %s\n", id, lc_strerror(err));
            return 0;
        }
    }
    return i;
}

/* ---- out ---- */

static bool
write_lines(struct page *p, const char *dir)
{
    char when[TIMESTAMP_TEXT], path[4096];

    timestamp_format(p->ctl->now_ms, when);
    snprintf(path, sizeof path, "%s/ledger-%.10s.ndjson", dir, when);
    int fd = lines_open(path);
    bool fine =
        fd >= 0 && !p->lines.failed && file_write(fd, p->lines.p, p->lines.n) && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0)
        fine = false;
    if (!fine)
        fprintf(stderr, "lcctl: %s: %s\n", path, strerror(errno));
    return fine;
}

/* fold_page: the first entries of these, the last of which stays. -1 after saying why not; 0 when
 * somebody else was faster. */
static long long
fold_page(struct page *p, const char *dir, const redisReply *entries)
{
    p->first = entries->element[0]->element[0]->str;
    size_t n = take_entries(p, entries, entries->elements - 1);

    if (n == 0)
        return -1;
    p->n_args = WORDS_MORE;
    if (!write_lines(p, dir))
        return -1;
    if (!ledger_fold_each(p->fold, put_base, p)) {
        fputs("lcctl: the ledger's oldest entries come to more than can be written\n", stderr);
        return -1;
    }
    return call_fold(p, entries->element[n]->element[0]->str);
}

static long long
length_of(struct ctl *c)
{
    redisReply *r = ctl_read(c, "XLEN", "ledger", NULL);
    long long n = r == NULL ? -1 : r->integer;

    if (r != NULL)
        freeReplyObject(r);
    return n;
}

long long
ledger_archive(struct ctl *c, const char *dir, long keep)
{
    long long length = length_of(c), gone = 0, page = PAGE_FIRST;

    if (length < 0)
        return -1;
    for (long long left = length - keep; left > 0;) {
        struct arena_mark mark = arena_mark(c->arena);
        struct page *p = arena_zalloc(c->arena, sizeof *p);
        if (p == NULL)
            return -1;
        p->ctl = c;
        p->fold = ledger_fold_new();
        const char *count = arena_printf(c->arena, "%lld", (left < page ? left : page) + 1);
        redisReply *entries = ctl_read(c, "XRANGE", "ledger", "-", "+", "COUNT", count, NULL);
        long long n = p->fold == NULL || entries == NULL ? -1
                      : entries->elements < 2            ? 0
                                                         : fold_page(p, dir, entries);
        if (entries != NULL)
            freeReplyObject(entries);
        ledger_fold_free(p->fold);
        buf_free(&p->lines);
        arena_rewind(c->arena, mark);
        if (n < 0)
            return -1;
        gone += n;
        left = n == 0 ? 0 : left - n;
        page = n * 2 > PAGE ? PAGE : n * 2; /* what is read and not taken is read again */
    }
    return gone;
}
