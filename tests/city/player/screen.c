/* What the play shows: a line while it runs, and one screen at its end. */
#include "play.h"

#include "base/record.h"

#include "order.pb-c.h"

#include <event2/event.h>

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define STATE(name) LIFECIRCLE__V1__ORDER_STATE__##name

enum { STATES = RECORD_STATES + 1 };

struct count {
    unsigned state[STATES]; /* as the chains know them */
    unsigned taken, unanswered, refused, picked, delivered, lost, open;
    unsigned late;
    unsigned by_address, found, not_found, confirmed; /* orders by address alone */
    uint32_t off_m;                                   /* the farthest of those found */
    struct series door_ms; /* order to door, real ms; orders without a window alone */
    struct series late_ms; /* past the window, real ms */
    struct order *example;
};

static bool
placed(const struct order *o)
{
    return o->store[0] != '\0' || (o->state >= STATE(PLACED) && o->state != STATE(CANCELLED) &&
                                   o->state != STATE(REJECTED));
}

static void
count_end(struct count *n, struct order *o)
{
    if (o->state != STATE(DELIVERED))
        return;
    if (o->of->end_ms == 0)
        series_add(&n->door_ms, o->ended_ms - o->created_ms);
    if (o->ended_ms > o->window_end_ms) {
        n->late++;
        series_add(&n->late_ms, o->ended_ms - o->window_end_ms);
    }
    if (n->example == NULL || o->tries > n->example->tries)
        n->example = o;
}

static void
count_door(struct count *n, const struct order *o)
{
    n->by_address += o->door != DOOR_PLACE;
    n->found += o->found;
    n->not_found += o->not_found || o->confirmed;
    n->confirmed += o->confirmed;
    if (o->found && o->off_m > n->off_m)
        n->off_m = o->off_m;
}

static void
count_all(const struct play *p, struct count *n)
{
    *n = (struct count){.taken = 0};
    for (uint32_t i = 0; i < p->next_order; i++) {
        struct order *o = &p->order[i];
        n->refused += o->asked == ASKED_REFUSED;
        n->unanswered += o->asked == ASKED_SENT;
        if (o->asked != ASKED_TAKEN && o->asked != ASKED_KEPT)
            continue;
        n->taken++;
        count_door(n, o);
        n->state[o->state < STATES ? o->state : 0]++;
        n->picked += o->picked || o->state == STATE(DELIVERED);
        n->delivered += o->delivered_n > 0 || o->state == STATE(DELIVERED);
        n->lost += o->gone;
        n->open += !state_ended(o->state);
        count_end(n, o);
    }
}

static void
count_free(struct count *n)
{
    free(n->door_ms.v);
    free(n->late_ms.v);
}

static double
percent(unsigned part, unsigned whole)
{
    return whole == 0 ? 100 : 100.0 * part / whole;
}

void
screen_line(struct play *p, bool last)
{
    static int tty = -1;
    struct count n;
    unsigned at_store = 0;
    int64_t now = city_ms(p) / 1000;

    if (tty < 0)
        tty = isatty(STDOUT_FILENO);
    count_all(p, &n);
    for (uint32_t i = 0; i < p->next_order; i++)
        at_store += placed(&p->order[i]);
    printf("%s%s%02d:%02d  orders %u/%u  placed %u  held %u  picked up %u  delivered %u  on time "
           "%.1f %%  couriers busy %u/%u%s",
           tty ? "\r\033[K" : "", now < 0 ? "-" : " ", (int)(llabs(now) / 60),
           (int)(llabs(now) % 60), n.taken, p->order_n, at_store, n.state[STATE(HELD)], n.picked,
           n.delivered, percent(n.state[STATE(DELIVERED)] - n.late, n.state[STATE(DELIVERED)]),
           phones_busy(p), phones_on_shift(p), tty && !last ? "" : "\n");
    fflush(stdout);
    count_free(&n);
}

/* ---- the end ---- */

static double
minutes(const struct play *p, int64_t ms)
{
    return (double)ms * p->wish.speed / 60000;
}

/* Everybody who still waits, with what is known of it: the first few. */
static void
show_open(const struct play *p)
{
    unsigned shown = 0;

    for (uint32_t i = 0; i < p->next_order && shown < 10; i++) {
        const struct order *o = &p->order[i];
        bool taken = o->asked == ASKED_TAKEN || o->asked == ASKED_KEPT;
        if (o->asked == ASKED_SENT)
            printf("    %s: never answered\n", o->of->external_id);
        else if (taken && o->gone)
            printf("    %s: lost (%s)\n", o->of->external_id, o->id);
        else if (taken && !state_ended(o->state))
            printf("    %s: still %s %s (%s)\n", o->of->external_id, record_state_name(o->state),
                   o->reason, o->id);
        else
            continue;
        shown++;
    }
}

static void
show_reasons(const struct play *p, unsigned state, const char *label)
{
    const char *seen[16];
    unsigned n[16] = {0}, kinds = 0;

    for (uint32_t i = 0; i < p->next_order; i++) {
        const struct order *o = &p->order[i];
        unsigned k = 0;
        bool refused = state == 0 && o->asked == ASKED_REFUSED;
        const char *why = refused ? o->why : o->reason;
        if (!refused && (state == 0 || o->state != state))
            continue;
        while (k < kinds && strcmp(seen[k], why) != 0)
            k++;
        if (k == 16)
            continue;
        seen[k] = why;
        n[k]++;
        kinds = k == kinds ? kinds + 1 : kinds;
    }
    if (kinds > 0)
        printf("    %s:", label);
    for (unsigned k = 0; k < kinds; k++)
        printf("%s %s %u", k > 0 ? "," : "", seen[k], n[k]);
    if (kinds > 0)
        putchar('\n');
}

static void
show_next(const struct play *p, const struct count *n)
{
    const struct order *o = n->example;
    FILE *f = p->wish.keep == NULL ? NULL : fopen(p->wish.keep, "w");

    if (o == NULL)
        return;
    if (p->wish.keep == NULL) {
        printf("  Next: deploy/demo --keep leaves all this running, prints a key and a token, and\n"
               "  says how to look at %s, for example why it went to %s.\n",
               o->of->external_id, o->store);
        return;
    }
    if (f == NULL) {
        perror(p->wish.keep);
        return;
    }
    const struct chain *c = &p->chain[o->chain];
    char store[200], screen[200];
    snprintf(store, sizeof store, "%s/%s", c->of->id, o->store);
    const char *words[] = {"store", "add", store, NULL};
    if (run_lcctl(p, words, screen, sizeof screen, NULL) != 0)
        *screen = '\0';
    fprintf(f,
            "# a key of chain %s, and a token of courier %s\n"
            "  export KEY=%s\n"
            "  export TOKEN=%s\n\n"
            "# a courier's page    http://%s/courier#token=%s\n"
            "# a store's page      http://%s/store#token=%s\n"
            "# a customer's page   http://%s/t/%s\n\n"
            "  curl -H \"Authorization: Bearer $KEY\" http://%s/v1/orders/%s\n"
            "  curl http://%s/t/%s\n"
            "  %s --redis %s --city %s explain %s\n"
            "  %s --redis %s --city %s audit\n",
            c->of->id, p->couriers[0].id, c->key, phone_token(p, 0), p->wish.notifier,
            phone_token(p, 0), p->wish.notifier, screen, p->wish.notifier, o->track, p->wish.intake,
            o->id, p->wish.notifier, o->track, p->wish.lcctl, p->wish.redis, p->wish.city, o->id,
            p->wish.lcctl, p->wish.redis, p->wish.city);
    fclose(f);
}

/* audit: what lcctl says of the ledger; *oversold the pieces that were promised and not there. */
static int
audit(const struct play *p, char oversold[16])
{
    const char *words[] = {"audit", NULL};
    char last[200], *text = NULL;
    size_t n = 0;
    FILE *all = needed(open_memstream(&text, &n));
    int status = run_lcctl(p, words, last, sizeof last, all);

    fclose(all);
    const char *at = text == NULL ? NULL : strstr(text, "oversold ");
    snprintf(oversold, 16, "%.*s", at == NULL ? 7 : (int)strspn(at + 9, "0123456789"),
             at == NULL ? "unknown" : at + 9);
    printf("  audit      %s\n", last[0] == '\0' ? "no answer" : last);
    free(text);
    return status;
}

int
screen_end(struct play *p)
{
    struct count n;
    struct tally *t = &p->tally;
    struct series *took = &t->took_us;

    count_all(p, &n);
    unsigned delivered = n.state[STATE(DELIVERED)];
    unsigned ended = n.taken - n.open;
    unsigned accounted = ended + n.refused;
    unsigned lost = n.lost + t->twice;
    printf("\nA lunch hour in %" PRId64 " s (%u times as fast), seed %" PRIu64 "\n\n",
           (clock_ms() - p->start_ms) / 1000, p->wish.speed, p->wish.seed);
    printf("  orders     %5u sent, %u accounted for\n", t->sent, accounted);
    printf("             %5u delivered, %u collected, %u returned, %u cancelled, %u rejected, %u "
           "refused\n",
           delivered, n.state[STATE(COLLECTED)], n.state[STATE(RETURNED)],
           n.state[STATE(CANCELLED)], n.state[STATE(REJECTED)], n.refused);
    show_reasons(p, STATE(REJECTED), "rejected");
    show_reasons(p, STATE(CANCELLED), "cancelled");
    show_reasons(p, 0, "refused");
    show_open(p);
    printf("  on time    %5.1f %% of the delivered (%u late",
           percent(delivered - n.late, delivered), n.late);
    if (n.late > 0)
        printf(", by %.1f min at the median, %.1f at most", minutes(p, series_at(&n.late_ms, 500)),
               minutes(p, series_at(&n.late_ms, 1000)));
    printf(
        ")\n  click to door  p50 %.1f min, p90 %.1f min (of the city; %.1f s and %.1f s really)\n",
        minutes(p, series_at(&n.door_ms, 500)), minutes(p, series_at(&n.door_ms, 900)),
        (double)series_at(&n.door_ms, 500) / 1000, (double)series_at(&n.door_ms, 900) / 1000);
    if (n.by_address > 0)
        printf("  addresses  %u orders by address alone: %u found, at most %u m off; %u held until "
               "somebody said where it is, %u of them confirmed\n",
               n.by_address, n.found, n.off_m, n.not_found, n.confirmed);
    printf("  match latency  p50 %.1f ms, p99 %.1f ms (POST to 201, %zu orders)\n",
           (double)series_at(took, 500) / 1000, (double)series_at(took, 990) / 1000, took->n);
    printf("  couriers   %u offers accepted, %u declined, %u ignored; %u routes pushed, %u "
           "positions; %u rides, %u of them along streets\n",
           t->accepted, t->declined, t->ignored, t->routes, t->positions, t->rides,
           t->rides_on_streets);
    printf("  actions    %u:", t->actions);
    for (size_t i = 0; i < OUTCOMES; i++)
        if (t->outcome[i] > 0)
            printf(" %u %s", t->outcome[i], outcome_names[i]);
    printf("%s\n", t->errors > 0 ? "; some words were not understood" : "");
    printf("  rough road %u repeats of requests, %u of actions, %u lines cut (%u on purpose)\n",
           t->retries, t->actions_again, t->reconnects, t->cuts);
    printf("  same again %u requests sent twice on purpose, %u answered differently\n", t->repeats,
           t->differing);
    printf(
        "  also       %u by ZeroMQ, %u NDJSON batches, %u feeds, %u customers listening heard %u "
        "events\n",
        t->zmq, t->batches, t->feeds, t->followers, t->tracking_events);
    char oversold[16];
    int bad_audit = audit(p, oversold);
    printf("\n  lost       %u\n  oversold   %s\n\n", lost, oversold);
    show_next(p, &n);
    bool good = lost == 0 && bad_audit == 0 && strcmp(oversold, "0") == 0 &&
                accounted == p->order_n && n.found + n.not_found == n.by_address &&
                t->differing == 0 && t->versions_back == 0;
    if (!good)
        printf("  NOT WELL: %u of %u accounted for, %u of %u addresses, lost %u, %u answered "
               "differently, %u routes went "
               "back, %u delivered twice, audit %s\n",
               accounted, p->order_n, n.found + n.not_found, n.by_address, lost, t->differing,
               t->versions_back, t->twice, bad_audit == 0 ? "good" : "bad");
    count_free(&n);
    return good ? 0 : 1;
}
