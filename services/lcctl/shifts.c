/* lcctl couriers: who is on shift now, where, and with how much to do; and who is not, but still
 * has goods. */
#include "base/travel.h"
#include "base/wire.h"
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include <stdio.h>
#include <stdlib.h>

enum { VERSION_BYTES = 4 }; /* in front of a shift and of a route */

/* find: a hash's value by its key, in the reply of HGETALL; none when it is not there. */
static struct slice
find(const redisReply *hash, const char *key)
{
    for (size_t i = 0; i + 1 < hash->elements; i += 2)
        if (strcmp(hash->element[i]->str, key) == 0)
            return slice_of(hash->element[i + 1]->str, hash->element[i + 1]->len);
    return slice_of(NULL, 0);
}

static struct slice
behind_version(struct slice s)
{
    return s.n < VERSION_BYTES ? slice_of(NULL, 0)
                               : slice_of(s.p + VERSION_BYTES, s.n - VERSION_BYTES);
}

/* count_orders: those of which a stop is left, accepted ones or offered ones. */
static int64_t
count_orders(const Lifecircle__V1__Route *route, bool accepted)
{
    int64_t n = 0;

    for (size_t i = 0; route != NULL && i < route->n_stops; i++) {
        size_t k = 0;
        while (k < i && (route->stops[k]->accepted != accepted ||
                         strcmp(route->stops[k]->order_id, route->stops[i]->order_id) != 0))
            k++;
        n += k == i && route->stops[i]->accepted == accepted;
    }
    return n;
}

/* show_next: what the courier has said yes to and does next, and when they should be there. */
static void
show_next(struct show *table, const Lifecircle__V1__Route *route)
{
    static const char *const kinds[] = {"pickup", "drop-off", "return"};
    const Lifecircle__V1__Stop *next = NULL;

    for (size_t i = 0; route != NULL && next == NULL && i < route->n_stops; i++)
        if (route->stops[i]->accepted)
            next = route->stops[i];
    show_text(table, next == NULL || (unsigned)next->kind > 2 ? NULL : kinds[next->kind]);
    show_time(table, next == NULL ? 0 : next->eta_ms);
}

/* show_place: the last position; none when no phone has said one for a while. */
static bool
show_place(struct ctl *c, struct show *table, const char *number)
{
    redisReply *r = ctl_read(c, "GEOPOS", "geo:couriers", number, NULL);

    if (r == NULL)
        return false;
    if (r->elements == 1 && r->element[0]->elements == 2)
        show_textf(table, "%.5f,%.5f", strtod(r->element[0]->element[1]->str, NULL),
                   strtod(r->element[0]->element[0]->str, NULL));
    else
        show_text(table, NULL);
    freeReplyObject(r);
    return true;
}

struct city_now {
    redisReply *shifts, *routes, *couriers, *frozen;
    size_t shown;
};

/* show_shift: a row; none for whoever has signed off and has nothing left to do. */
static bool
show_shift(struct ctl *c, struct show *table, struct city_now *now, size_t i)
{
    const char *number = now->shifts->element[i]->str;
    const Lifecircle__V1__Shift *shift =
        wire_unpack(&lifecircle__v1__shift__descriptor, c->arena,
                    behind_version(slice_of(now->shifts->element[i + 1]->str,
                                            now->shifts->element[i + 1]->len)));
    struct slice bytes = behind_version(find(now->routes, number));
    const Lifecircle__V1__Route *route =
        bytes.n == 0 ? NULL : wire_unpack(&lifecircle__v1__route__descriptor, c->arena, bytes);
    const Lifecircle__V1__Courier *courier =
        wire_unpack(&lifecircle__v1__courier__descriptor, c->arena, find(now->couriers, number));

    if (shift == NULL)
        fprintf(stderr, "lcctl: courier %s: unreadable shift\n", number);
    if (shift == NULL || (!shift->on && count_orders(route, true) == 0))
        return true;
    now->shown++;
    show_number(table, strtol(number, NULL, 10));
    show_text(table, courier == NULL ? NULL : courier->courier_id);
    show_text(table, courier == NULL ? NULL : courier->name);
    show_text(table, travel_mode_name((enum travel_mode)shift->vehicle));
    show_time(table, shift->on ? shift->start_ms : 0);
    show_number(table, count_orders(route, true));
    show_number(table, count_orders(route, false));
    show_next(table, route);
    bool ok = show_place(c, table, number);
    show_flag(table, find(now->frozen, number).n > 0, "frozen");
    show_flag(table, !shift->on, "off shift");
    return ok;
}

static void
let_go(struct city_now *now)
{
    redisReply *const all[] = {now->shifts, now->routes, now->couriers, now->frozen};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] != NULL)
            freeReplyObject(all[i]);
}

int
cmd_couriers(struct ctl *c, struct args *a)
{
    struct city_now now = {.shown = 0};

    if (!args_done(a))
        return EXIT_USAGE;
    now.shifts = ctl_read(c, "HGETALL", "shifts", NULL);
    now.routes = now.shifts == NULL ? NULL : ctl_read(c, "HGETALL", "routes", NULL);
    now.couriers = now.routes == NULL ? NULL : ctl_read(c, "HGETALL", "couriers", NULL);
    now.frozen = now.couriers == NULL ? NULL : ctl_read(c, "HGETALL", "frozen", NULL);
    bool ok = now.frozen != NULL;
    if (!ok) {
        let_go(&now);
        return EXIT_FAILED;
    }
    show_sort(now.shifts);
    struct show *table =
        show_table(c,
                   "number courier name vehicle since orders offered next there_at place frozen "
                   "off_shift",
                   "r....rr.....");
    for (size_t i = 0; ok && i + 1 < now.shifts->elements; i += 2)
        ok = show_shift(c, table, &now, i);
    let_go(&now);
    int status = show_end(table);
    if (ok && now.shown == 0 && !c->json)
        puts("nobody is on shift");
    return ok ? status : EXIT_FAILED;
}
