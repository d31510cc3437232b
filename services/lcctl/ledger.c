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

/* of one call: entries; stores, at which no further entry is taken; what ledger_fold takes (an
 * entry has 512 at most, of order_step) */
enum { PAGE = 500, STORES_ENOUGH = 100, STORES_MOST = 2000, WORDS_MORE = 3 };

struct page {
    struct ctl *ctl;
    struct ledger_fold *fold;
    struct buf lines;
    size_t stores;
    struct slice args[WORDS_MORE + 2 * STORES_MOST];
    size_t n_args;
};

/* ---- what a page comes to ---- */

static bool
learn_base(struct page *p, uint32_t store)
{
    struct ctl *c = p->ctl;

    if (ledger_fold_knows(p->fold, store))
        return true;
    redisReply *r = ctl_read(c, "HGET", "ledger:base", arena_printf(c->arena, "%u", store), NULL);
    bool fine = r != NULL && ledger_fold_base(p->fold, store, slice_of(r->str, r->len)) == LC_OK;
    if (r != NULL)
        freeReplyObject(r);
    p->stores++;
    return fine;
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
    struct cursor c = {.p = field.p, .n = field.n};
    struct ledger_entry e;

    while (ledger_next(&c, &e) == LC_OK) {
        if (!learn_base(p, e.store))
            return LC_EIO;
        put_line(&p->lines, id, &e);
    }
    return ledger_fold_entries(p->fold, field);
}

/* take_entries: as many of the first n as one call may have; 0 after saying why none. */
static size_t
take_entries(struct page *p, const redisReply *entries, size_t n)
{
    size_t i;

    for (i = 0; i < n && p->stores < STORES_ENOUGH; i++) {
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
            if (err == LC_ESTATE)
                fprintf(stderr,
                        "lcctl: ledger entry %s: an order took more than was available; the ledger "
                        "stays from there on (lcctl audit)\n",
                        id);
            else
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

static bool
put_base(void *ctx, uint32_t store, struct slice value)
{
    struct page *p = ctx;

    if (p->n_args + 2 > sizeof p->args / sizeof *p->args)
        return false;
    p->args[p->n_args++] = ctl_number(p->ctl, store);
    p->args[p->n_args++] = slice_of(arena_copy(p->ctl->arena, value.p, value.n), value.n);
    return true;
}

/* fold_page: the first entries of these, the last of which stays. -1 after saying why not; 0 when
 * somebody else was faster. */
static long long
fold_page(struct page *p, const char *dir, const redisReply *entries)
{
    size_t n = take_entries(p, entries, entries->elements - 1);

    if (n == 0)
        return -1;
    p->args[0] = slice_str(entries->element[0]->element[0]->str);
    p->args[1] = slice_str(entries->element[n]->element[0]->str);
    p->n_args = WORDS_MORE;
    if (!write_lines(p, dir))
        return -1;
    if (!ledger_fold_each(p->fold, put_base, p)) {
        fputs("lcctl: the ledger's oldest entries come to more than can be written\n", stderr);
        return -1;
    }
    p->args[2] = ctl_number(p->ctl, (int64_t)(p->n_args - WORDS_MORE) / 2);
    redisReply *r = ctl_call(p->ctl, "ledger_fold", p->n_args, p->args);
    long long gone = r == NULL ? -1 : r->integer;
    if (r != NULL)
        freeReplyObject(r);
    return gone;
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
    long long length = length_of(c), gone = 0;

    if (length < 0)
        return -1;
    for (long long left = length - keep; left > 0;) {
        struct arena_mark mark = arena_mark(c->arena);
        struct page p = {.ctl = c, .fold = ledger_fold_new()};
        const char *count = arena_printf(c->arena, "%lld", (left < PAGE ? left : PAGE) + 1);
        redisReply *entries = ctl_read(c, "XRANGE", "ledger", "-", "+", "COUNT", count, NULL);
        long long n = p.fold == NULL || entries == NULL ? -1
                      : entries->elements < 2           ? 0
                                                        : fold_page(&p, dir, entries);
        if (entries != NULL)
            freeReplyObject(entries);
        ledger_fold_free(p.fold);
        buf_free(&p.lines);
        arena_rewind(c->arena, mark);
        if (n < 0)
            return -1;
        gone += n;
        left = n == 0 ? 0 : left - n;
    }
    return gone;
}
