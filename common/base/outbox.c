#include "base/step.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct outbox {
    struct arena *memory; /* everything the effects point to */
    struct effect *list;
    size_t count;
    size_t room;
    size_t most; /* effects; the list obeys the cap as the memory does */
    bool failed;
};

struct outbox *
outbox_new(size_t cap)
{
    struct outbox *o = calloc(1, sizeof *o);

    if (o == NULL)
        return NULL;
    o->most = cap / sizeof(struct effect) + 1;
    o->memory = arena_new(cap);
    if (o->memory == NULL) {
        free(o);
        return NULL;
    }
    return o;
}

void
outbox_destroy(struct outbox *o)
{
    if (o == NULL)
        return;
    arena_destroy(o->memory);
    free(o->list);
    free(o);
}

void
outbox_reset(struct outbox *o)
{
    enum { KEEP = 65536 };

    arena_reset(o->memory);
    o->count = 0;
    o->failed = false;
    if (o->room > KEEP) { /* one huge turn must not pin its memory for ever */
        free(o->list);
        o->list = NULL;
        o->room = 0;
    }
}

bool
outbox_failed(const struct outbox *o)
{
    return o->failed;
}

size_t
outbox_count(const struct outbox *o)
{
    return o->count;
}

const struct effect *
outbox_at(const struct outbox *o, size_t i)
{
    return i < o->count ? &o->list[i] : NULL;
}

struct outbox_mark
outbox_mark(const struct outbox *o)
{
    return (struct outbox_mark){o->count, arena_mark(o->memory)};
}

void
outbox_rewind(struct outbox *o, struct outbox_mark mark)
{
    o->count = mark.count;
    arena_rewind(o->memory, mark.memory);
    o->failed = false;
}

void
outbox_rewind_to_notes(struct outbox *o, struct outbox_mark mark)
{
    size_t kept = mark.count;

    if (o->failed) {
        outbox_rewind(o, mark);
        return;
    }
    for (size_t i = mark.count; i < o->count; i++)
        if (o->list[i].kind == EFFECT_NOTE && o->list[i].ref != NOTE_ORDER)
            o->list[kept++] = o->list[i];
    o->count = kept;
    if (kept == mark.count)
        arena_rewind(o->memory, mark.memory);
}

static struct effect *
add(struct outbox *o, enum effect_kind kind)
{
    if (o->failed || o->count == o->most) {
        o->failed = true;
        return NULL;
    }
    if (o->count == o->room) {
        size_t room = o->room == 0 ? 64 : o->room * 2;
        struct effect *list = realloc(o->list, room * sizeof *list);
        if (list == NULL) {
            o->failed = true;
            return NULL;
        }
        o->list = list;
        o->room = room;
    }
    struct effect *e = &o->list[o->count++];
    *e = (struct effect){.kind = kind};
    return e;
}

static struct slice
keep(struct outbox *o, struct slice s)
{
    if (s.n == 0 || o->failed)
        return (struct slice){NULL, 0};
    char *p = arena_alloc(o->memory, s.n);
    if (p == NULL) {
        o->failed = true;
        return (struct slice){NULL, 0};
    }
    memcpy(p, s.p, s.n);
    return slice_of(p, s.n);
}

static struct slice
pack(struct outbox *o, const Lifecircle__V1__Envelope *env)
{
    size_t n = protobuf_c_message_get_packed_size(&env->base);
    uint8_t *p = arena_alloc(o->memory, n);

    if (p == NULL) {
        o->failed = true;
        return (struct slice){NULL, 0};
    }
    protobuf_c_message_pack(&env->base, p);
    return slice_of((const char *)p, n);
}

void
outbox_send(struct outbox *o, enum role role, const Lifecircle__V1__Envelope *env)
{
    struct effect *e = add(o, EFFECT_SEND);

    if (e == NULL)
        return;
    e->role = role;
    e->at_ms = env->deadline_ms;
    e->bytes = pack(o, env);
}

void
outbox_answer(struct outbox *o, uint64_t link, const Lifecircle__V1__Envelope *env)
{
    struct effect *e = add(o, EFFECT_ANSWER);

    if (e == NULL)
        return;
    e->ref = link;
    e->bytes = pack(o, env);
}

void
outbox_news(struct outbox *o, const Lifecircle__V1__Envelope *env)
{
    struct effect *e = add(o, EFFECT_NEWS);

    if (e != NULL)
        e->bytes = pack(o, env);
}

void
outbox_redis(struct outbox *o, uint64_t tag, const struct slice *argv, size_t argc)
{
    struct effect *e = add(o, EFFECT_REDIS);
    size_t total = 0;

    if (e == NULL)
        return;
    e->ref = tag;
    e->argc = argc;
    for (size_t i = 0; i < argc; i++)
        total += argv[i].n;
    /* one piece for the list and all words: a command has ten to a thousand of them */
    struct slice *words = arena_alloc(o->memory, argc * sizeof *words + total);
    if (words == NULL) {
        o->failed = true;
        return;
    }
    char *to = (char *)(words + argc);
    for (size_t i = 0; i < argc; i++) {
        words[i] = slice_of(to, argv[i].n);
        if (argv[i].n > 0)
            memcpy(to, argv[i].p, argv[i].n);
        to += argv[i].n;
    }
    e->argv = words;
}

void
outbox_http(struct outbox *o, uint64_t conn, int status, const char *type, const char *extra,
            struct slice body)
{
    struct effect *e = add(o, EFFECT_HTTP);

    if (e == NULL)
        return;
    e->ref = conn;
    e->status = status;
    e->name = keep(o, slice_str(type));
    e->extra = keep(o, slice_str(extra));
    e->bytes = keep(o, body);
}

void
outbox_http_begin(struct outbox *o, uint64_t conn, int status, const char *type, const char *extra)
{
    struct effect *e = add(o, EFFECT_HTTP_BEGIN);

    if (e == NULL)
        return;
    e->ref = conn;
    e->status = status;
    e->name = keep(o, slice_str(type));
    e->extra = keep(o, slice_str(extra));
}

void
outbox_http_chunk(struct outbox *o, uint64_t conn, struct slice piece)
{
    struct effect *e = add(o, EFFECT_HTTP_CHUNK);

    if (e == NULL)
        return;
    e->ref = conn;
    e->bytes = keep(o, piece);
}

void
outbox_http_done(struct outbox *o, uint64_t conn)
{
    struct effect *e = add(o, EFFECT_HTTP_DONE);

    if (e != NULL)
        e->ref = conn;
}

void
outbox_http_pause(struct outbox *o, uint64_t conn, bool paused)
{
    struct effect *e = add(o, paused ? EFFECT_HTTP_PAUSE : EFFECT_HTTP_RESUME);

    if (e != NULL)
        e->ref = conn;
}

void
outbox_socket_accept(struct outbox *o, uint64_t conn, const char *subprotocol)
{
    struct effect *e = add(o, EFFECT_SOCKET_ACCEPT);

    if (e == NULL)
        return;
    e->ref = conn;
    e->name = keep(o, slice_str(subprotocol));
}

void
outbox_socket_send(struct outbox *o, uint64_t conn, bool text, struct slice message)
{
    struct effect *e = add(o, EFFECT_SOCKET_SEND);

    if (e == NULL)
        return;
    e->ref = conn;
    e->text = text;
    e->bytes = keep(o, message);
}

void
outbox_socket_close(struct outbox *o, uint64_t conn, int code, const char *reason)
{
    struct effect *e = add(o, EFFECT_SOCKET_CLOSE);

    if (e == NULL)
        return;
    e->ref = conn;
    e->status = code;
    e->name = keep(o, slice_str(reason));
}

void
outbox_call(struct outbox *o, uint64_t tag, struct slice url, struct slice headers,
            struct slice body, int64_t deadline_ms)
{
    struct effect *e = add(o, EFFECT_CALL);

    if (e == NULL)
        return;
    e->ref = tag;
    e->at_ms = deadline_ms;
    e->name = keep(o, url);
    e->extra = keep(o, headers);
    e->bytes = keep(o, body);
}

void
outbox_wake(struct outbox *o, int64_t at_ms)
{
    struct effect *e = add(o, EFFECT_WAKE);

    if (e != NULL)
        e->at_ms = at_ms;
}

void
outbox_work(struct outbox *o, uint64_t tag, struct slice job)
{
    struct effect *e = add(o, EFFECT_WORK);

    if (e == NULL)
        return;
    e->ref = tag;
    e->bytes = keep(o, job);
}

void
outbox_travel(struct outbox *o, uint64_t tag, const struct travel_ask *ask, int64_t deadline_ms)
{
    struct effect *e = add(o, EFFECT_TRAVEL);
    struct buf b = {0};

    if (e == NULL)
        return;
    e->ref = tag;
    e->at_ms = deadline_ms;
    travel_ask_put(&b, ask);
    o->failed = o->failed || b.failed;
    e->bytes = keep(o, buf_slice(&b));
    buf_free(&b);
}

enum lc_err
outbox_refuse(struct outbox *o, const char *name, const char *expected)
{
    outbox_note(o, "config_refused", "name=%s expected=%s", name, expected);
    return LC_EINVAL;
}

void
outbox_note(struct outbox *o, const char *event, const char *fmt, ...)
{
    struct effect *e = add(o, EFFECT_NOTE);
    char words[1024];

    if (e == NULL)
        return;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    size_t used = n < 0 ? 0 : (size_t)n;
    if (used >= sizeof words) /* a note is a line; the rest of a longer one is cut */
        used = sizeof words - 1;
    e->name = keep(o, slice_str(event));
    e->bytes = keep(o, slice_of(words, used));
}

static char *
put_word(char *p, const char *end, const char *word)
{
    size_t n = strlen(word);

    n = n < (size_t)(end - p) ? n : (size_t)(end - p);
    memcpy(p, word, n);
    return p + n;
}

static char *
put_number(char *p, const char *end, uint64_t v)
{
    char digits[20];
    size_t n = 0;

    do
        digits[n++] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    while (n > 0 && p < end)
        *p++ = digits[--n];
    return p;
}

/* By hand: a printf would cost three times as much, and every order has several of these. */
static size_t
write_order(const struct order_note *note, char *p, size_t room)
{
    const char *from = p, *end = p + room;
    char id[UUID_TEXT], trace[TRACE_ID_TEXT];

    uuid_format(note->order, id);
    trace_id_format(&note->trace, trace);
    p = put_word(put_word(p, end, "order="), end, id);
    p = put_word(put_word(p, end, " trace="), end, trace);
    if (note->store != NOTE_UNSAID)
        p = put_number(put_word(p, end, " store="), end, note->store);
    if (note->courier != NOTE_UNSAID)
        p = put_number(put_word(p, end, " courier="), end, note->courier);
    if (note->ms >= 0)
        p = put_number(put_word(p, end, " ms="), end, (uint64_t)note->ms);
    if (note->key != NULL) {
        p = put_word(put_word(p, end, " "), end, note->key);
        p = put_word(put_word(p, end, "="), end, note->value);
    }
    return (size_t)(p - from);
}

void
outbox_order(struct outbox *o, const char *event, const struct order_note *note)
{
    struct outbox_mark before = outbox_mark(o);
    char words[320];

    if (o->failed)
        return;
    struct effect *e = add(o, EFFECT_NOTE);
    if (e != NULL) {
        e->ref = NOTE_ORDER;
        e->name = keep(o, slice_str(event));
        e->bytes = keep(o, slice_of(words, write_order(note, words, sizeof words)));
    }
    if (o->failed)
        outbox_rewind(o, before);
}
