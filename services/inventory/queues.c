/* How much is due, and since when, how full Redis is and how many follow it: read every few seconds
 * for /metrics. What is here decides nothing. */
#include "inventory/core.h"

#include <stdlib.h>

enum { TAG_INFO = 2 * QUEUES };

static const char *const names[QUEUES] = {"match", "held", "dispatch", "expire", "webhook"};

/* queues_look: is it time? Two reads a queue; their answers come to queues_replied. */
void
queues_look(struct inventory *inv, const struct event *ev, struct outbox *out)
{
    struct outbox_mark before = outbox_mark(out);

    if (inv->queues_every_ms == 0 || !inv->up || inv->stopping)
        return;
    if (ev->now_ms >= inv->next_queues_ms) {
        for (size_t i = 0; i < QUEUES; i++) {
            struct slice key = slice_str(arena_printf(ev->arena, "%s:due:%s", inv->key, names[i]));
            const struct slice size[] = {SLICE_LIT("ZCARD"), key};
            const struct slice first[] = {SLICE_LIT("ZRANGE"), key, SLICE_LIT("0"), SLICE_LIT("0"),
                                          SLICE_LIT("WITHSCORES")};
            outbox_redis(out, TAG_QUEUES + 2 * i, size, 2);
            outbox_redis(out, TAG_QUEUES + 2 * i + 1, first, 5);
        }
        const struct slice info[] = {SLICE_LIT("INFO"), SLICE_LIT("memory"),
                                     SLICE_LIT("replication"), SLICE_LIT("persistence")};
        outbox_redis(out, TAG_QUEUES + TAG_INFO, info, 4);
        if (outbox_failed(out))
            outbox_rewind(out, before); /* next time */
        inv->next_queues_ms = ev->now_ms + inv->queues_every_ms;
    }
    wake(out, inv->next_queues_ms);
}

/* A score as Redis writes it; scores are whole milliseconds, but may come as 1.79e+12. */
static int64_t
score_ms(struct slice text)
{
    char copy[40];

    if (text.n == 0 || text.n >= sizeof copy)
        return 0;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    double v = strtod(copy, NULL);
    return v > 0 && v < 1e15 ? (int64_t)v : 0;
}

/* The number behind a name in the lines of INFO; 0 when it is not there. */
static uint64_t
info_number(struct slice info, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i + n < info.n; i++) {
        if ((i > 0 && info.p[i - 1] != '\n') || memcmp(info.p + i, name, n) != 0)
            continue;
        uint64_t v = 0;
        for (i += n; i < info.n && info.p[i] >= '0' && info.p[i] <= '9'; i++)
            v = v * 10 + (uint64_t)(info.p[i] - '0');
        return v;
    }
    return 0;
}

/* The replicas that have said within some seconds how far they are: "slave0:ip=…,port=6379,
 * state=online,offset=…,lag=0". One whose line was cut stays in the list for a minute. */
static uint64_t
info_replicas(struct slice info)
{
    enum { LAG_MOST_S = 5 };
    static const char mark[] = "state=online,";
    uint64_t n = 0;

    for (size_t i = 0; i + sizeof mark - 1 < info.n; i++) {
        if (memcmp(info.p + i, mark, sizeof mark - 1) != 0)
            continue;
        size_t end = i;
        while (end < info.n && info.p[end] != '\r' && info.p[end] != '\n')
            end++;
        size_t lag = end; /* the number at the line's end */
        while (lag > i && info.p[lag - 1] >= '0' && info.p[lag - 1] <= '9')
            lag--;
        n += end - lag == 1 && info.p[lag] - '0' <= LAG_MOST_S;
        i = end;
    }
    return n;
}

/* "aof_last_bgrewrite_status:err" and its like. A rewrite needs room for a second file, so it is
 * what fails first on a disk that gets full, while every write still succeeds. */
static bool
info_disk_failed(struct slice info)
{
    static const char *const names_of[] = {
        "aof_last_write_status:err", "aof_last_bgrewrite_status:err", "rdb_last_bgsave_status:err"};

    for (size_t i = 0; i < sizeof names_of / sizeof *names_of; i++)
        if (memmem(info.p, info.n, names_of[i], strlen(names_of[i])) != NULL)
            return true;
    return false;
}

void
queues_replied(struct inventory *inv, const struct event *ev)
{
    const struct reply *r = ev->reply;
    size_t i = (size_t)(ev->ref - TAG_QUEUES) / 2;

    if (ev->ref == TAG_QUEUES + TAG_INFO && r->kind == REPLY_STRING) {
        inv->counters[GAUGE_REDIS_USED].value = info_number(r->str, "used_memory:");
        inv->counters[GAUGE_REDIS_MOST].value = info_number(r->str, "maxmemory:");
        inv->counters[GAUGE_REDIS_REPLICAS].value = info_replicas(r->str);
        inv->counters[GAUGE_REDIS_DISK].value = info_disk_failed(r->str);
    }
    if (i >= QUEUES)
        return;
    if (r->kind == REPLY_INT) {
        inv->counters[GAUGE_DUE_ROWS + i].value = r->integer > 0 ? (uint64_t)r->integer : 0;
    } else if (r->kind == REPLY_ARRAY) {
        int64_t due_ms = r->n < 2 ? ev->now_ms : score_ms(r->items[1].str);
        inv->counters[GAUGE_DUE_AGE + i].value =
            due_ms < ev->now_ms ? (uint64_t)(ev->now_ms - due_ms) / 1000 : 0;
    }
}
