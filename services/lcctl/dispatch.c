/* lcctl explain's second half: why this courier and why then, or why none; what people decided. */
#include "base/timestamp.h"
#include "base/wire.h"
#include "lcctl/orders.h"
#include "router/plan/plan.h"

#include "dispatch.pb-c.h"

#include <stdio.h>

static struct slice
value(struct ctl *c, const redisReply *r)
{
    if (r == NULL || r->type != REDIS_REPLY_STRING)
        return slice_of(NULL, 0);
    return slice_of(arena_copy(c->arena, r->str, r->len), r->len);
}

struct dispatch_view
dispatch_read(struct ctl *c, const char *uuid, uint32_t courier)
{
    struct dispatch_view v = {.decision = NULL};
    redisReply *d = ctl_read(c, "GET", arena_printf(c->arena, "dispatch:%s", uuid), NULL);
    redisReply *r = ctl_read(c, "HGET", "rulings", uuid, NULL);
    redisReply *f = ctl_read(c, "HEXISTS", "frozen", arena_printf(c->arena, "%u", courier), NULL);

    struct slice packed = value(c, d), ruling = value(c, r);
    if (packed.p != NULL)
        v.decision = wire_unpack(&lifecircle__v1__dispatch_decision__descriptor, c->arena, packed);
    if (ruling.p != NULL && ruling.n >= RULING_HEAD)
        v.ruling = ruling;
    v.frozen = courier != 0 && f != NULL && f->integer == 1;
    redisReply *all[] = {d, r, f};
    for (size_t i = 0; i < 3; i++)
        if (all[i] != NULL)
            freeReplyObject(all[i]);
    return v;
}

/* ---- for people ---- */

void
dispatch_print_ruling(struct ctl *c, struct slice packed)
{
    if (packed.n < RULING_HEAD)
        return;
    uint32_t pinned = bytes_u32(packed.p);
    size_t n = (unsigned char)packed.p[5];
    const char *comma = "";
    if (packed.p[4] == 1) {
        printf("on hold");
        comma = ", ";
    }
    if (pinned != 0) {
        printf("%spinned to courier %s", comma, name_courier(c, pinned));
        comma = ", ";
    }
    for (size_t i = 0; i < n && RULING_HEAD + 4 * i + 4 <= packed.n; i++) {
        printf("%snot for courier %s", comma,
               name_courier(c, bytes_u32(packed.p + RULING_HEAD + 4 * i)));
        comma = ", ";
    }
}

static void
print_when(const char *what, int64_t ms)
{
    char text[TIMESTAMP_TEXT];

    timestamp_format(ms, text);
    printf("%s %s", what, text);
}

/* A cost as people think of it: one customer's waiting. */
enum { COST_OF_A_SECOND = 1000 * PLAN_COST_DOOR };

static void
print_candidates(struct ctl *c, const Lifecircle__V1__DispatchDecision *d)
{
    for (size_t i = 0; i < d->n_candidates; i++) {
        const Lifecircle__V1__DispatchDecision__Candidate *x = d->candidates[i];
        printf("  courier %-12s %-22s", name_courier(c, x->courier), x->verdict);
        if (x->dropoff_ms > 0) {
            print_when("at the customer", x->dropoff_ms);
            printf(", costs %lld s of waiting", (long long)x->cost / COST_OF_A_SECOND);
            if (x->late_ms > 0)
                printf(", late by %lld s", (long long)(x->late_ms + 999) / 1000);
        }
        putchar('\n');
    }
    if (d->considered - d->far > d->n_candidates)
        printf("  and %zu more\n", (size_t)d->considered - d->far - d->n_candidates);
}

/* asked_ms: when the offer of what is planned goes out. */
static int64_t
asked_ms(const Lifecircle__V1__DispatchDecision *d)
{
    return d->start_ms - 1000 * (int64_t)d->leg_s - d->lead_ms;
}

static void
print_decision(struct ctl *c, const Lifecircle__V1__DispatchDecision *d)
{
    print_when("dispatch, as of", d->time_ms);
    if (d->courier == 0 && d->planned == 0) {
        printf(": waits for a courier: %s\n", d->why);
    } else if (d->courier == 0) {
        printf(": planned for courier %s, who ", name_courier(c, d->planned));
        if (*d->why == '\0')
            print_when("is asked at", asked_ms(d));
        else
            printf("has %s to answer first", d->why);
        putchar('\n');
    } else {
        printf(": offered to courier %s\n", name_courier(c, d->courier));
    }
    if (d->courier != 0 || d->planned != 0) {
        print_when("  goods ready", d->ready_ms);
        print_when(", pickup begins", d->start_ms);
        printf("; %u s on the way, and %lld s to hear of it%s\n", d->leg_s,
               (long long)d->lead_ms / 1000,
               d->bundled ? "; it went along with an offer that was due" : "");
    }
    printf("  %u courier%s on shift, %u could", d->considered, d->considered == 1 ? "" : "s",
           d->fit);
    if (d->far > 0)
        printf(" (%u were not looked at: they would be dearer)", d->far);
    printf(":\n");
    print_candidates(c, d);
}

void
dispatch_print(struct ctl *c, const struct dispatch_view *v, const struct record *r)
{
    bool free = r->state == LIFECIRCLE__V1__ORDER_STATE__PLACED && r->courier == 0 &&
                (r->flags & RECORD_COLLECTION) == 0;

    if (v->decision != NULL)
        print_decision(c, v->decision);
    else if (free)
        printf("dispatch: the router has not looked for a courier yet; lcctl lease says whether "
               "one runs\n");
    if (v->ruling.n > 0) {
        printf("ruled: ");
        dispatch_print_ruling(c, v->ruling);
        putchar('\n');
    }
    if (v->frozen)
        printf("ruled: the route of courier %s is frozen\n", name_courier(c, r->courier));
}

/* ---- for programs ---- */

static void
write_candidates(struct ctl *c, struct json_out *w, const Lifecircle__V1__DispatchDecision *d)
{
    json_out_array(w, "candidates");
    for (size_t i = 0; i < d->n_candidates; i++) {
        const Lifecircle__V1__DispatchDecision__Candidate *x = d->candidates[i];
        json_out_object(w, NULL);
        json_out_cstr(w, "courier", name_courier(c, x->courier));
        json_out_cstr(w, "verdict", x->verdict);
        if (x->dropoff_ms > 0) {
            json_out_int(w, "cost", x->cost);
            json_out_time(w, "dropoff_at", x->dropoff_ms);
            json_out_double(w, "late_s", (double)x->late_ms / 1000, 1);
        }
        json_out_end(w);
    }
    json_out_end(w);
}

static void
write_decision(struct ctl *c, struct json_out *w, const Lifecircle__V1__DispatchDecision *d)
{
    if (d == NULL) {
        json_out_null(w, "dispatch");
        return;
    }
    json_out_object(w, "dispatch");
    json_out_time(w, "as_of", d->time_ms);
    if (d->courier == 0 && d->planned == 0) {
        json_out_cstr(w, "waits_for", d->why);
    } else if (d->courier == 0) {
        json_out_cstr(w, "planned_for", name_courier(c, d->planned));
        if (*d->why != '\0')
            json_out_cstr(w, "waits_for", d->why);
        else
            json_out_time(w, "asked_at", asked_ms(d));
    } else {
        json_out_cstr(w, "offered_to", name_courier(c, d->courier));
    }
    if (d->courier != 0 || d->planned != 0) {
        json_out_time(w, "goods_ready_at", d->ready_ms);
        json_out_time(w, "pickup_begins_at", d->start_ms);
        json_out_uint(w, "way_s", d->leg_s);
        json_out_int(w, "lead_s", d->lead_ms / 1000);
        json_out_bool(w, "bundled", d->bundled);
    }
    json_out_uint(w, "considered", d->considered);
    json_out_uint(w, "fit", d->fit);
    json_out_uint(w, "far", d->far);
    write_candidates(c, w, d);
    json_out_end(w);
}

void
dispatch_json_ruling(struct ctl *c, struct json_out *w, struct slice packed)
{
    const char *p = packed.n < RULING_HEAD ? NULL : packed.p;
    uint32_t pinned = p == NULL ? 0 : bytes_u32(p);

    json_out_bool(w, "hold", p != NULL && p[4] == 1);
    json_out_cstr(w, "pinned", pinned == 0 ? NULL : name_courier(c, pinned));
    json_out_array(w, "banned");
    for (size_t i = 0; p != NULL && i < (unsigned char)p[5] && RULING_HEAD + 4 * i + 4 <= packed.n;
         i++)
        json_out_cstr(w, NULL, name_courier(c, bytes_u32(p + RULING_HEAD + 4 * i)));
    json_out_end(w);
}

void
dispatch_json(struct ctl *c, struct json_out *w, const struct dispatch_view *v)
{
    write_decision(c, w, v->decision);
    json_out_object(w, "ruled");
    dispatch_json_ruling(c, w, v->ruling);
    json_out_bool(w, "route_frozen", v->frozen);
    json_out_end(w);
}
