/* lcctl trace: one timeline of an order, of its history in Redis and of what the daemons logged. */
#include "base/timestamp.h"
#include "base/traceparent.h"
#include "base/wire.h"
#include "lcctl/orders.h"
#include "lcctl/show.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { ORDERS_MOST = 100, NAMES_MOST = 256, WHAT_MAX = 48, WHO_MAX = 16, DETAIL_MAX = 160 };

/* One thing that happened. */
struct moment {
    int64_t time_ms;
    size_t order; /* in timeline.orders */
    size_t read;  /* as the so many-th */
    char who[WHO_MAX];
    char what[WHAT_MAX];
    int64_t took_ms; /* -1 = not said */
    int64_t store;   /* 0 = none or not said */
    int64_t courier;
    char detail[DETAIL_MAX];
};

/* Names that were asked for: of a trace of many orders nearly every line is about the same few. */
struct spoken {
    int64_t number[NAMES_MOST];
    const char *name[NAMES_MOST];
    size_t n;
};

struct timeline {
    struct ctl *ctl;
    char order[UUID_TEXT];     /* asked for; "" = a trace is */
    char trace[TRACE_ID_TEXT]; /* asked for, or as the order's record says; "" = unknown */
    char orders[ORDERS_MOST][UUID_TEXT];
    size_t n_orders;
    struct moment *list;
    size_t n, room;
    size_t at_order;   /* whose history is read */
    uint64_t left_out; /* lines that a daemon was not allowed to write */
    struct spoken stores, couriers;
};

static struct moment *
add(struct timeline *t)
{
    if (t->n == t->room) {
        t->room = t->room == 0 ? 64 : 2 * t->room;
        t->list = realloc(t->list, t->room * sizeof *t->list);
        if (t->list == NULL) {
            fputs("lcctl: out of memory\n", stderr);
            exit(EXIT_FAILED);
        }
    }
    struct moment *m = &t->list[t->n++];
    *m = (struct moment){.read = t->n, .took_ms = -1};
    return m;
}

/* order_number: of those that are shown; ORDERS_MOST when there are too many. */
static size_t
order_number(struct timeline *t, const char *uuid)
{
    size_t i = 0;

    while (i < t->n_orders && strcmp(t->orders[i], uuid) != 0)
        i++;
    if (i == t->n_orders && i < ORDERS_MOST)
        snprintf(t->orders[t->n_orders++], UUID_TEXT, "%s", uuid);
    return i;
}

/* ---- logs ---- */

static const char *
text_of(const json_t *line, const char *name)
{
    const char *s = json_string_value(json_object_get(line, name));

    return s == NULL ? "" : s;
}

/* detail_of: what a line says besides what has a column: key=value. */
static void
detail_of(const json_t *line, char out[DETAIL_MAX])
{
    static const char *const known[] = {"time",  "level", "service", "event", "order",
                                        "trace", "store", "courier", "ms",    "suppressed"};
    const char *key;
    json_t *value;
    size_t n = 0;

    out[0] = '\0';
    json_object_foreach((json_t *)(uintptr_t)line, key, value)
    {
        bool shown = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            shown = shown || strcmp(key, known[i]) == 0;
        if (shown || n + 1 >= DETAIL_MAX)
            continue;
        int wrote = json_is_integer(value)
                        ? snprintf(out + n, DETAIL_MAX - n, "%s%s=%lld", n == 0 ? "" : " ", key,
                                   (long long)json_integer_value(value))
                        : snprintf(out + n, DETAIL_MAX - n, "%s%s=%s", n == 0 ? "" : " ", key,
                                   json_is_string(value) ? json_string_value(value) : "");
        n += wrote < 0 ? 0 : (size_t)wrote;
    }
}

static bool
asked_for(const struct timeline *t, const char *order, const char *trace)
{
    return t->order[0] != '\0' ? strcmp(order, t->order) == 0 : strcmp(trace, t->trace) == 0;
}

static void
take_line(struct timeline *t, const json_t *line)
{
    const char *order = text_of(line, "order"), *trace = text_of(line, "trace");
    struct uuid id;
    int64_t time_ms;

    if (!asked_for(t, order, trace) || uuid_parse(slice_str(order), &id) != LC_OK ||
        timestamp_parse(slice_str(text_of(line, "time")), &time_ms) != LC_OK)
        return;
    size_t number = order_number(t, order);
    if (number == ORDERS_MOST)
        return;
    if (t->trace[0] == '\0' && strlen(trace) == TRACE_ID_TEXT - 1)
        memcpy(t->trace, trace, TRACE_ID_TEXT);
    struct moment *m = add(t);
    const json_t *took = json_object_get(line, "ms");
    m->time_ms = time_ms;
    m->order = number;
    m->took_ms = json_is_integer(took) ? json_integer_value(took) : -1;
    m->store = json_integer_value(json_object_get(line, "store"));
    m->courier = json_integer_value(json_object_get(line, "courier"));
    snprintf(m->who, sizeof m->who, "%s", text_of(line, "service"));
    snprintf(m->what, sizeof m->what, "%s", text_of(line, "event"));
    detail_of(line, m->detail);
}

/* read_log: lines as a daemon writes them, whatever stands in front (docker-compose puts the
 * container's name there). What is no line of ours is passed over. */
static void
read_log(struct timeline *t, FILE *f)
{
    const char *key = t->order[0] != '\0' ? t->order : t->trace;
    char *text = NULL;
    size_t room = 0;
    ssize_t n;

    while ((n = getline(&text, &room, f)) > 0) {
        const char *from = strchr(text, '{');
        if (from == NULL)
            continue;
        bool left_out = strstr(from, "\"suppressed\":") != NULL;
        if (!left_out && strstr(from, key) == NULL)
            continue;
        json_t *line = json_loadb(from, (size_t)(text + n - from), JSON_DISABLE_EOF_CHECK, NULL);
        if (left_out && json_object_get(line, "order") != NULL)
            t->left_out += (uint64_t)json_integer_value(json_object_get(line, "suppressed"));
        if (json_is_object(line))
            take_line(t, line);
        json_decref(line);
    }
    free(text);
}

/* read_path: one log. False after saying why it cannot be read. */
static bool
read_path(struct timeline *t, const char *path)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");

    if (f == NULL) {
        fprintf(stderr, "lcctl: %s: %s\n", path, strerror(errno));
        return false;
    }
    read_log(t, f);
    bool whole = ferror(f) == 0;
    int why = errno;
    if (f != stdin)
        fclose(f);
    if (!whole && why == EISDIR)
        fprintf(stderr, "lcctl: %s: is a folder: expected log files, such as %s/*.log\n", path,
                path);
    else if (!whole)
        fprintf(stderr, "lcctl: %s: %s\n", path, strerror(why));
    return whole;
}

static bool
read_logs(struct timeline *t, struct args *a)
{
    const char *path;

    while ((path = args_next(a)) != NULL)
        if (!read_path(t, path))
            return false;
    return true;
}

/* ---- the history ---- */

static void
take_moment(void *ctx, const struct order_moment *from)
{
    struct timeline *t = ctx;
    struct moment *m = add(t);

    m->time_ms = from->time_ms;
    m->order = t->at_order;
    m->store = from->store;
    m->courier = from->courier;
    snprintf(m->who, sizeof m->who, "history");
    snprintf(m->what, sizeof m->what, "%s", from->what);
    snprintf(m->detail, sizeof m->detail, "%s%s%.*s", from->reason == NULL ? "" : from->reason,
             from->reason != NULL && from->words.n > 0 ? " " : "", (int)from->words.n,
             from->words.p == NULL ? "" : from->words.p);
}

/* read_history: of an order that Redis still has. False: Redis failed. */
static bool
read_history(struct timeline *t, size_t number)
{
    struct ctl *c = t->ctl;
    const char *uuid = t->orders[number];
    struct record r;
    redisReply *v = ctl_read(c, "GET", arena_printf(c->arena, "order:%s", uuid), NULL);

    if (v == NULL)
        return false;
    if (v->type == REDIS_REPLY_STRING && record_read(slice_of(v->str, v->len), &r) == LC_OK) {
        const Lifecircle__V1__Order *o =
            wire_unpack(&lifecircle__v1__order__descriptor, c->arena, r.order);
        struct traceparent trace;
        struct uuid id;
        if (uuid_parse(slice_str(uuid), &id) == LC_OK && t->trace[0] == '\0') {
            traceparent_of_order(id, o == NULL ? NULL : o->traceparent, &trace);
            trace_id_format(&trace, t->trace);
        }
        t->at_order = number;
        order_moments(c, uuid, &r, o == NULL ? 0 : o->created_ms, take_moment, t);
    }
    freeReplyObject(v);
    return true;
}

/* ---- telling ---- */

/* place_on_the_way: what is written first is told first, who answers whom comes behind it. */
static int
place_on_the_way(const char *who)
{
    static const char *const way[] = {"history", "inventory", "matcher",
                                      "intake",  "router",    "notifier"};
    int i = 0;

    while (i < (int)(sizeof way / sizeof *way) && strcmp(way[i], who) != 0)
        i++;
    return i;
}

/* By time; of one millisecond in the order in which one leads to the other; of one daemon as it
 * wrote them. */
static int
earlier(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;

    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    int by = place_on_the_way(x->who) - place_on_the_way(y->who);
    return by != 0 ? by : x->read < y->read ? -1 : 1;
}

/* name_of: of a courier or store; its number where there is no Redis to ask, or it knows none. NULL
 * when the line says none. */
static const char *
name_of(struct ctl *c, struct spoken *s, int64_t number,
        const char *(*name)(struct ctl *, uint32_t))
{
    if (number <= 0 || number > UINT32_MAX)
        return NULL;
    for (size_t i = 0; i < s->n; i++)
        if (s->number[i] == number)
            return s->name[i];
    const char *found = c->redis == NULL ? NULL : name(c, (uint32_t)number);
    if (found == NULL)
        found = arena_printf(c->arena, "%lld", (long long)number);
    if (s->n < NAMES_MOST) {
        s->number[s->n] = number;
        s->name[s->n++] = found;
    }
    return found;
}

static int
tell(struct timeline *t)
{
    struct ctl *c = t->ctl;
    bool several = t->n_orders > 1 || c->json;

    if (!c->json)
        printf("%s %s, trace %s\n", several ? "orders" : "order",
               several ? arena_printf(c->arena, "%zu", t->n_orders) : t->orders[0], t->trace);
    struct show *s =
        several ? show_table(c, "time after_ms who what took_ms order store courier detail",
                             ".r..r....")
                : show_table(c, "time after_ms who what took_ms store courier detail", ".r..r...");
    for (size_t i = 0; i < t->n; i++) {
        const struct moment *m = &t->list[i];
        show_time(s, m->time_ms);
        show_number(s, m->time_ms - t->list[0].time_ms);
        show_text(s, m->who);
        show_text(s, m->what);
        if (m->took_ms < 0)
            show_text(s, NULL);
        else
            show_number(s, m->took_ms);
        if (several)
            show_text(s, t->orders[m->order]);
        show_text(s, name_of(c, &t->stores, m->store, c->json ? name_store : name_store_path));
        show_text(s, name_of(c, &t->couriers, m->courier, name_courier));
        show_text(s, m->detail[0] == '\0' ? NULL : m->detail);
    }
    int status = show_end(s);
    if (t->left_out > 0)
        fprintf(stderr,
                "lcctl: %llu lines about orders were left out of these logs (--order-lines)\n",
                (unsigned long long)t->left_out);
    return status;
}

/* what_is: an order's id, a trace's, or CHAIN/EXTERNAL_ORDER_ID, which Redis has to know. False
 * after saying what is wrong. */
static bool
what_is(struct timeline *t, const char *word)
{
    struct traceparent p;
    struct uuid id;
    char text[TRACEPARENT_TEXT];

    snprintf(text, sizeof text, "00-%s-0000000000000001-01", word);
    if (strlen(word) == TRACE_ID_TEXT - 1 && traceparent_parse(slice_str(text), &p) == LC_OK) {
        memcpy(t->trace, word, TRACE_ID_TEXT);
        memcpy(id.b, p.trace, sizeof id.b);
        uuid_format(id, t->orders[0]); /* where the chain said none, the two are one */
        t->n_orders = 1;
        return true;
    }
    if (t->ctl->redis == NULL && strchr(word, '/') != NULL) {
        fputs("lcctl: without Redis the order's id or the trace's is needed\n", stderr);
        return false;
    }
    const char *uuid = ctl_order(t->ctl, word);
    if (uuid == NULL)
        return false;
    memcpy(t->order, uuid, UUID_TEXT);
    order_number(t, uuid);
    return true;
}

/* drop_guess: a trace id that is no order's own. */
static void
drop_guess(struct timeline *t)
{
    bool met = t->order[0] != '\0';

    for (size_t i = 0; i < t->n; i++)
        met = met || t->list[i].order == 0;
    if (met)
        return;
    t->n_orders--;
    memmove(t->orders[0], t->orders[1], t->n_orders * sizeof t->orders[0]);
    for (size_t i = 0; i < t->n; i++)
        t->list[i].order--;
}

int
cmd_trace(struct ctl *c, struct args *a)
{
    struct timeline *t = calloc(1, sizeof *t);
    const char *word = args_next(a);
    int status = EXIT_NOT_SO;
    bool read = true;

    if (word == NULL || t == NULL) {
        free(t);
        return EXIT_USAGE;
    }
    t->ctl = c;
    c->redis = ctl_connect(c->login); /* without it logs still tell */
    if (!what_is(t, word))
        goto out;
    if (!read_logs(t, a)) {
        status = EXIT_FAILED;
        goto out;
    }
    for (size_t i = 0; c->redis != NULL && read && i < t->n_orders; i++)
        read = read_history(t, i);
    if (t->n == 0) {
        fprintf(stderr, "lcctl: nothing of %s%s\n", word, c->redis == NULL ? " in these logs" : "");
        status = read && c->redis != NULL ? EXIT_NOT_SO : EXIT_FAILED;
        goto out;
    }
    drop_guess(t);
    qsort(t->list, t->n, sizeof *t->list, earlier);
    status = tell(t);
out:
    free(t->list);
    free(t);
    return status;
}
