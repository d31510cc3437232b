/* Bicycle and e-bike: ridden where it may be, pushed where it may not and walking is allowed. The
 * e-bike rides a third faster (20 km/h for 15). */
#include "roads/profile.h"

#define WALK 4.0

static const struct word_speed ride_kmh[] = {
    {"cycleway", 15},      {"primary", 15},        {"primary_link", 15},
    {"secondary", 15},     {"secondary_link", 15}, {"tertiary", 15},
    {"tertiary_link", 15}, {"residential", 15},    {"unclassified", 15},
    {"living_street", 15}, {"road", 15},           {"service", 15},
    {"track", 12},         {"path", 13},           {NULL, 0},
};
static const struct word_speed push_kmh[] = {
    {"footway", 4}, {"pedestrian", 4}, {"steps", 2}, {NULL, 0}};
static const struct word_speed surface_kmh[] = {
    {"wood", 10},
    {"metal", 10},
    {"cobblestone:flattened", 10},
    {"paving_stones", 10},
    {"compacted", 10},
    {"cobblestone", 7},
    {"unpaved", 6},
    {"fine_gravel", 10},
    {"gravel", 6},
    {"pebblestone", 6},
    {"grass_paver", 6},
    {"ground", 10},
    {"dirt", 8},
    {"earth", 6},
    {"grass", 6},
    {"mud", 3},
    {"sand", 3},
    {"woodchips", 3},
    {"sett", 9},
    {NULL, 0},
};
static const char yes_words[] = " yes permissive designated ";

/* ride: both directions of one way while it is worked out; speeds below 0 are not set. */
struct ride {
    enum way_kind kind[2];
    double kmh[2];
    bool pushable;     /* a kind of way along which one may push */
    bool implied_once; /* one way by its nature */
};

static void
both(struct ride *r, enum way_kind kind, double kmh)
{
    r->kind[0] = r->kind[1] = kind;
    r->kmh[0] = r->kmh[1] = kmh;
}

static void
speeds(const struct tags *t, struct slice access, double faster, struct ride *r)
{
    double kmh = profile_speed(ride_kmh, t->v[KEY_HIGHWAY]) * faster;
    bool yes = tags_in(access, yes_words);

    both(r, WAY_OPEN, -1);
    r->pushable = true;
    if (tags_is(t, KEY_BRIDGE, "movable")) {
        both(r, WAY_OPEN, 5);
    } else if (tags_is(t, KEY_ROUTE, "ferry")) {
        both(r, WAY_CARRY, 5);
        r->pushable = false;
    } else if (tags_is(t, KEY_RAILWAY, "platform") ||
               tags_is(t, KEY_PUBLIC_TRANSPORT, "platform")) {
        both(r, WAY_OPEN, WALK);
    } else if (yes &&
               tags_in(t->v[KEY_RAILWAY], " train railway subway light_rail monorail tram ")) {
        both(r, WAY_CARRY, 10);
        r->pushable = false;
    } else if (tags_in(t->v[KEY_AMENITY], " parking parking_entrance ")) {
        both(r, WAY_OPEN, 10);
    } else if (kmh > 0) {
        both(r, WAY_OPEN, kmh);
    } else if (yes) {
        both(r, WAY_OPEN, 15 * faster);
    } else {
        r->pushable = false;
    }
}

/* one_way: 1 along the nodes, -1 against, 0 both; *implied when only the kind of way says so. */
static int
one_way(const struct tags *t)
{
    static const enum tags_key keys[] = {KEY_ONEWAY_BICYCLE, KEY_ONEWAY};

    for (size_t i = 0; i < 2; i++) {
        struct slice v = t->v[keys[i]];
        if (tags_in(v, " yes 1 true "))
            return 1;
        if (tags_in(v, " no 0 false "))
            return 0;
        if (slice_eq_str(v, "-1"))
            return -1;
    }
    return tags_in(t->v[KEY_JUNCTION], " roundabout circular ") ||
                   tags_is(t, KEY_HIGHWAY, "motorway")
               ? 1
               : 0;
}

/* lanes: a lane or track for bicycles opens its direction, at the speed of a cycleway. */
static void
lanes(const struct tags *t, int one, double faster, struct ride *r)
{
    static const char with[] = " track lane share_busway sharrow shared shared_lane ";
    static const char against[] = " opposite opposite_lane opposite_track ";
    struct slice any = t->v[KEY_CYCLEWAY], left = t->v[KEY_CYCLEWAY_LEFT],
                 right = t->v[KEY_CYCLEWAY_RIGHT];
    bool has[2] = {false, false};

    if (any.n == 0)
        any = t->v[KEY_CYCLEWAY_BOTH];
    if (one == 0 && !r->implied_once) {
        has[0] = tags_in(any, with) || tags_in(right, with) || tags_in(left, against);
        has[1] = tags_in(any, with) || tags_in(left, with) || tags_in(right, against);
    } else if (tags_in(any, against) || tags_in(left, against) || tags_in(right, against)) {
        has[0] = has[1] = true;
    } else if (tags_in(any, with) || tags_in(left, with) || tags_in(right, with)) {
        has[one < 0] = true;
    }
    for (int d = 0; d < 2; d++)
        if (has[d]) {
            r->kind[d] = WAY_OPEN;
            r->kmh[d] = 15 * faster;
        }
}

/* push: where riding is not possible, and walking is. */
static void
push(const struct tags *t, struct ride *r)
{
    double kmh[2] = {0, 0};
    double way = profile_speed(push_kmh, t->v[KEY_HIGHWAY]);

    if (way <= 0 && tags_is(t, KEY_MAN_MADE, "pier"))
        way = WALK;
    if (way > 0) {
        kmh[0] = kmh[1] = way;
    } else if (tags_is(t, KEY_FOOT, "yes") ||
               (r->pushable && !tags_is(t, KEY_FOOT_F, "yes") && !tags_is(t, KEY_FOOT_B, "yes"))) {
        kmh[0] = WALK;
        kmh[1] = r->implied_once ? 0 : WALK;
    } else {
        kmh[0] = tags_is(t, KEY_FOOT_F, "yes") ? WALK : 0;
        kmh[1] = kmh[0] <= 0 && tags_is(t, KEY_FOOT_B, "yes") ? WALK : 0;
    }
    for (int d = 0; d < 2; d++)
        if (kmh[d] > 0 && (r->kind[d] == WAY_CLOSED || r->kmh[d] < 0)) {
            r->kind[d] = WAY_PUSH;
            r->kmh[d] = kmh[d];
        }
}

static void
slow_down(const struct tags *t, struct ride *r)
{
    double all = profile_kmh(t->v[KEY_MAXSPEED]);
    double most[2] = {profile_kmh(t->v[KEY_MAXSPEED_F]), profile_kmh(t->v[KEY_MAXSPEED_B])};
    double surface = profile_speed(surface_kmh, t->v[KEY_SURFACE]);

    for (int d = 0; d < 2; d++) {
        double limit = most[d] > 0 ? most[d] : all;
        if (limit > 0 && limit < r->kmh[d])
            r->kmh[d] = limit;
        if (surface > 0 && surface < r->kmh[d])
            r->kmh[d] = surface;
    }
}

void
profile_bicycle(const struct tags *t, enum travel_mode mode, struct way_dir out[2])
{
    static const enum tags_key levels[] = {KEY_BICYCLE, KEY_VEHICLE, KEY_ACCESS};
    double faster = mode == TRAVEL_EBIKE ? 4.0 / 3 : 1;
    struct slice access = {0};
    struct ride r = {.implied_once = tags_in(t->v[KEY_JUNCTION], " roundabout circular ") ||
                                     tags_is(t, KEY_HIGHWAY, "motorway")};

    if (profile_blocked(t) || tags_is(t, KEY_HIGHWAY, "proposed"))
        return;
    for (size_t i = 0; i < 3 && access.n == 0; i++)
        access = t->v[levels[i]];
    if (tags_in(access, " no private agricultural forestry delivery use_sidepath "))
        return;
    if (tags_is(t, KEY_MOTORROAD, "yes") && !tags_in(t->v[KEY_BICYCLE], yes_words))
        return;
    speeds(t, access, faster, &r);
    int one = one_way(t);
    if (one != 0)
        r.kind[one > 0] = WAY_CLOSED;
    lanes(t, one, faster, &r);
    if (!tags_is(t, KEY_FOOT, "no"))
        push(t, &r);
    if (tags_is(t, KEY_BICYCLE, "dismount"))
        both(&r, WAY_PUSH, WALK);
    slow_down(t, &r);
    for (int d = 0; d < 2; d++)
        way_dir_set(&out[d], r.kind[d], r.kmh[d], r.kmh[d]);
}
