/* What was said: to chains and couriers, and by whom a fault was made. */
#include "check.h"

#include <stdlib.h>

static struct order *
order_of(const char *external)
{
    struct order *o;
    bool map_failed = false;

    HASH_FIND_STR(t.orders, external, o);
    if (o != NULL)
        return o;
    o = needed(calloc(1, sizeof *o));
    snprintf(o->external, sizeof o->external, "%s", external);
    HASH_ADD_STR(t.orders, external, o);
    if (map_failed)
        needed(NULL);
    return o;
}

static struct order *
order_by_id(const char *id)
{
    struct order *o;

    HASH_FIND(by_id, t.ids, id, strlen(id), o);
    return o;
}

static void
take_taken(const json_t *j)
{
    struct order *o = order_of(text(j, "external"));
    const char *id = text(j, "order");
    bool map_failed = false;

    o->first_ms = number(j, "first");
    o->unanswered = false;
    if (o->id[0] != '\0' && strcmp(o->id, id) != 0)
        wrong("%s was taken as %s and as %s", o->external, o->id, id);
    if (o->id[0] != '\0')
        return;
    snprintf(o->id, sizeof o->id, "%s", id);
    o->taken_ms = number(j, "at");
    HASH_ADD(by_id, t.ids, id, strlen(o->id), o);
    if (map_failed)
        needed(NULL);
    t.taken++;
}

static void
take_answer(const json_t *j)
{
    struct order *o = order_by_id(text(j, "order"));
    const char *outcome = text(j, "outcome");
    const char *action = text(j, "action");
    const char *courier = text(j, "courier");

    t.answers++;
    if (o == NULL || (strcmp(outcome, "done") != 0 && strcmp(outcome, "already") != 0))
        return;
    if (strcmp(action, "picked_up") == 0) {
        if (o->picked && strcmp(o->picker, courier) != 0)
            wrong("%s was picked up by %s and by %s", o->external, o->picker, courier);
        o->picked = true;
        snprintf(o->picker, sizeof o->picker, "%s", courier);
    }
    o->returned |= strcmp(action, "brought_back") == 0;
    if (strcmp(action, "delivered") != 0)
        return;
    if (o->delivered && strcmp(o->deliverer, courier) != 0)
        wrong("%s was delivered by %s and by %s", o->external, o->deliverer, courier);
    o->delivered = true;
    snprintf(o->deliverer, sizeof o->deliverer, "%s", courier);
}

static void
take_line(const json_t *j)
{
    const char *said = text(j, "said");

    if (strcmp(said, "taken") == 0) {
        take_taken(j);
    } else if (strcmp(said, "refused") == 0) {
        struct order *o = order_of(text(j, "external"));
        o->first_ms = number(j, "first");
        o->unanswered = false;
        t.refused++;
    } else if (strcmp(said, "failed") == 0) {
        struct order *o = order_of(text(j, "external"));
        o->first_ms = number(j, "first");
        o->unanswered = o->id[0] == '\0';
        t.failures++;
    } else if (strcmp(said, "answered") == 0) {
        take_answer(j);
    } else if (strcmp(said, "seen") == 0) {
        struct order *o = order_of(text(j, "external"));
        snprintf(o->seen, sizeof o->seen, "%s", text(j, "state"));
    }
}

static void
take_fault(const json_t *j)
{
    t.faults = needed(realloc(t.faults, (t.n_faults + 1) * sizeof *t.faults));
    struct fault *f = &t.faults[t.n_faults++];

    *f = (struct fault){.at_ms = number(j, "at"), .until_ms = number(j, "until")};
    snprintf(f->name, sizeof f->name, "%s", text(j, "fault"));
    if (f->until_ms > t.last_ms)
        t.last_ms = f->until_ms;
}

void
told_read(const char *log, const char *faults)
{
    read_lines(log, take_line);
    read_lines(faults, take_fault);
}
