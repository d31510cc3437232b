/* Car, and what is like it: van (wider, higher, heavier, a tenth slower) and scooter (45 km/h, no
 * motorways). */
#include "roads/profile.h"

struct motor {
    struct access_key own;
    double factor, cap_kmh, height_m, width_m, length_m, weight_kg;
    bool small; /* not on motorways and the like */
};

static const struct motor motors[TRAVEL_MODES] = {
    [TRAVEL_SCOOTER] = {{KEY_MOPED, KEY_COUNT, KEY_COUNT}, 1, 45, 1.9, 0.8, 2, 200, true},
    [TRAVEL_CAR] =
        {{KEY_MOTORCAR, KEY_MOTORCAR_F, KEY_MOTORCAR_B}, 1, 130, 2, 1.9, 4.8, 2000, false},
    [TRAVEL_VAN] = {{KEY_GOODS, KEY_COUNT, KEY_COUNT}, 0.9, 120, 2.6, 2.1, 6, 3500, false},
};

static const struct word_speed class_kmh[] = {
    {"motorway", 90},      {"motorway_link", 45},  {"trunk", 85},
    {"trunk_link", 40},    {"primary", 65},        {"primary_link", 30},
    {"secondary", 55},     {"secondary_link", 25}, {"tertiary", 40},
    {"tertiary_link", 20}, {"unclassified", 25},   {"residential", 25},
    {"living_street", 10}, {"service", 15},        {NULL, 0},
};
static const struct word_speed surface_kmh[] = {
    {"cement", 80},      {"compacted", 80},   {"fine_gravel", 80}, {"paving_stones", 60},
    {"metal", 60},       {"bricks", 60},      {"grass", 40},       {"wood", 40},
    {"sett", 40},        {"grass_paver", 40}, {"gravel", 40},      {"unpaved", 40},
    {"ground", 40},      {"dirt", 40},        {"pebblestone", 40}, {"tartan", 40},
    {"cobblestone", 30}, {"clay", 30},        {"earth", 20},       {"stone", 20},
    {"rocky", 20},       {"sand", 20},        {"mud", 10},         {NULL, 0},
};
static const struct word_speed track_kmh[] = {{"grade1", 60}, {"grade2", 40}, {"grade3", 30},
                                              {"grade4", 25}, {"grade5", 20}, {NULL, 0}};
static const struct word_speed smooth_kmh[] = {{"intermediate", 80}, {"bad", 40},
                                               {"very_bad", 20},     {"horrible", 10},
                                               {"very_horrible", 5}, {NULL, 0}};
/* Limits by name where the number is not given: country:place. */
static const struct word_speed named_limit[] = {
    {"at:rural", 100},
    {"at:trunk", 100},
    {"be:motorway", 120},
    {"be-bru:rural", 70},
    {"be-bru:urban", 30},
    {"be-vlg:rural", 70},
    {"bg:motorway", 140},
    {"by:urban", 60},
    {"by:motorway", 110},
    {"ca-on:rural", 80},
    {"ch:rural", 80},
    {"ch:trunk", 100},
    {"ch:motorway", 120},
    {"de:living_street", 7},
    {"de:rural", 100},
    {"de:motorway", 0},
    {"dk:rural", 80},
    {"es:trunk", 90},
    {"fr:rural", 80},
    {"gb:nsl_single", 97},
    {"gb:nsl_dual", 113},
    {"gb:motorway", 113},
    {"nl:rural", 80},
    {"nl:trunk", 100},
    {"no:rural", 80},
    {"no:motorway", 110},
    {"ph:urban", 40},
    {"ph:rural", 80},
    {"ph:motorway", 100},
    {"pl:rural", 100},
    {"pl:expressway", 120},
    {"pl:motorway", 140},
    {"ro:trunk", 100},
    {"ru:living_street", 20},
    {"ru:urban", 60},
    {"ru:motorway", 110},
    {"uk:nsl_single", 97},
    {"uk:nsl_dual", 113},
    {"uk:motorway", 113},
    {"za:urban", 60},
    {"za:rural", 100},
    {"none", 140},
    {NULL, 0},
};
static const struct word_speed place_limit[] = {
    {"urban", 50}, {"rural", 90}, {"trunk", 110}, {"motorway", 130}, {NULL, 0}};

static double
limit_kmh(struct slice v)
{
    char low[32];
    double n = profile_kmh(v);

    if (n > 0 || v.n == 0 || v.n >= sizeof low || (v.p[0] >= '0' && v.p[0] <= '9'))
        return n;
    for (size_t i = 0; i < v.n; i++)
        low[i] = (char)(v.p[i] >= 'A' && v.p[i] <= 'Z' ? v.p[i] + 32 : v.p[i]);
    struct slice name = slice_of(low, v.n);
    for (const struct word_speed *w = named_limit; w->word != NULL; w++)
        if (slice_eq_str(name, w->word))
            return w->kmh;
    if (v.n > 3 && low[2] == ':')
        return profile_speed(place_limit, slice_of(low + 3, v.n - 3));
    return 0;
}

/* too_small: does the limit in metres (or kilograms) keep the vehicle out? Limits that are no
 * numbers ("default", "none") do not. */
static bool
keeps_out(const struct motor *m, const struct tags *t)
{
    double v = profile_metres(t->v[tags_has(t, KEY_MAXHEIGHT_P) ? KEY_MAXHEIGHT_P : KEY_MAXHEIGHT]);

    if (v >= 0 && v < m->height_m)
        return true;
    v = profile_metres(t->v[tags_has(t, KEY_MAXWIDTH_P) ? KEY_MAXWIDTH_P
                            : tags_has(t, KEY_MAXWIDTH) ? KEY_MAXWIDTH
                                                        : KEY_WIDTH]);
    if (v >= 0 && v <= m->width_m)
        return true;
    if (tags_is(t, KEY_NARROW, "yes") && m->width_m > 2.2)
        return true;
    v = profile_metres(t->v[KEY_MAXLENGTH]);
    if (v >= 0 && v < m->length_m)
        return true;
    v = profile_kg(t->v[KEY_MAXWEIGHT]);
    return v >= 0 && v < m->weight_kg;
}

static bool
closed(const struct motor *m, const struct tags *t)
{
    if (profile_blocked(t) || tags_is(t, KEY_AREA, "yes") ||
        tags_in(t->v[KEY_HIGHWAY], " steps proposed reversible ") ||
        tags_is(t, KEY_ONEWAY, "reversible") || tags_is(t, KEY_SERVICE, "emergency_access"))
        return true;
    if (m->small && (tags_in(t->v[KEY_HIGHWAY], " motorway motorway_link ") ||
                     tags_is(t, KEY_MOTORROAD, "yes")))
        return true;
    return keeps_out(m, t);
}

/* oneway: 1 along the nodes, -1 against, 0 both. */
static int
oneway(const struct motor *m, const struct tags *t)
{
    const enum tags_key keys[] = {m->small ? KEY_ONEWAY_MOPED : KEY_ONEWAY_MOTORCAR,
                                  KEY_ONEWAY_MOTOR_VEHICLE, KEY_ONEWAY_VEHICLE, KEY_ONEWAY};
    struct slice v = {0};

    for (size_t i = 0; i < 4 && v.n == 0; i++)
        v = t->v[keys[i]];
    if (slice_eq_str(v, "-1"))
        return -1;
    if (tags_in(v, " yes 1 true "))
        return 1;
    bool implied =
        tags_is(t, KEY_HIGHWAY, "motorway") || tags_in(t->v[KEY_JUNCTION], " roundabout circular ");
    return implied && !slice_eq_str(v, "no") ? 1 : 0;
}

/* reluctance: by how much a way is worse than its time says; divides the weight. */
static double
reluctance(const struct tags *t, bool both_ways)
{
    double r = 1;
    double width = profile_kmh(t->v[KEY_WIDTH]); /* whole metres: the digits in front */
    double lanes = profile_kmh(t->v[KEY_LANES]);

    if (tags_in(t->v[KEY_SERVICE],
                " alley parking parking_aisle driveway drive-through drive-thru "))
        r = 0.5;
    if ((tags_has(t, KEY_WIDTH) && t->v[KEY_WIDTH].p[0] >= '0' && t->v[KEY_WIDTH].p[0] <= '9' &&
         width <= 3) ||
        (lanes > 0 && lanes <= 1 && both_ways))
        r = 0.5;
    if (tags_is(t, KEY_ONEWAY, "alternating") && r > 0.4)
        r = 0.4;
    if (tags_in(t->v[KEY_SIDE_ROAD], " yes rotary ") && r > 0.8)
        r = 0.8;
    return r;
}

static double
speed_kmh(const struct motor *m, const struct tags *t, struct slice access, int dir)
{
    static const struct access_key limits[] = {
        {KEY_MAXSPEED_ADV, KEY_MAXSPEED_ADV_F, KEY_MAXSPEED_ADV_B},
        {KEY_MAXSPEED, KEY_MAXSPEED_F, KEY_MAXSPEED_B},
        {KEY_SOURCE_MAXSPEED, KEY_COUNT, KEY_COUNT},
        {KEY_MAXSPEED_TYPE, KEY_COUNT, KEY_COUNT}};
    struct slice limit[2];
    double kmh = profile_speed(class_kmh, t->v[KEY_HIGHWAY]);

    if (kmh <= 0 && access.n > 0)
        kmh = 10;
    if (kmh <= 0)
        return 0;
    profile_access(t, limits, 4, limit);
    double legal = limit_kmh(limit[dir]);
    if (legal > 0)
        kmh = legal * 0.8;
    const struct {
        const struct word_speed *table;
        enum tags_key key;
    } worst[] = {
        {surface_kmh, KEY_SURFACE}, {track_kmh, KEY_TRACKTYPE}, {smooth_kmh, KEY_SMOOTHNESS}};
    for (size_t i = 0; i < sizeof worst / sizeof *worst; i++) {
        double most = profile_speed(worst[i].table, t->v[worst[i].key]);
        if (most > 0 && most < kmh)
            kmh = most;
    }
    if (tags_is(t, KEY_SMOOTHNESS, "impassable"))
        return 0;
    kmh *= m->factor;
    return kmh < m->cap_kmh ? kmh : m->cap_kmh;
}

static bool
restricted(const struct tags *t, struct slice access, int dir)
{
    static const enum tags_key lanes[] = {KEY_HOV_LANES_F, KEY_HOV_LANES_B};
    struct slice v = t->v[tags_has(t, lanes[dir]) ? lanes[dir] : KEY_HOV_LANES];
    bool all_hov = v.n > 0;

    for (size_t at = 0; all_hov && at <= v.n; at += sizeof "designated")
        all_hov = v.n - at >= 10 && memcmp(v.p + at, "designated", 10) == 0 &&
                  (at + 10 == v.n || v.p[at + 10] == '|');
    return all_hov || tags_is(t, KEY_HOV, "designated") ||
           (tags_in(access, " private delivery destination customers ") &&
            profile_speed(class_kmh, t->v[KEY_HIGHWAY]) > 0);
}

void
profile_motor(const struct tags *t, enum travel_mode mode, struct way_dir out[2], bool *passing)
{
    const struct motor *m = &motors[mode];
    const struct access_key levels[] = {
        m->own,
        {KEY_MOTOR_VEHICLE, KEY_MOTOR_VEHICLE_F, KEY_MOTOR_VEHICLE_B},
        {KEY_VEHICLE, KEY_VEHICLE_F, KEY_VEHICLE_B},
        {KEY_ACCESS, KEY_ACCESS_F, KEY_ACCESS_B}};
    static const char closed_words[] = " no agricultural forestry emergency psv customers private "
                                       "delivery destination ";
    double carry = tags_is(t, KEY_ROUTE, "ferry")           ? 5
                   : tags_is(t, KEY_ROUTE, "shuttle_train") ? 10
                                                            : 0;
    struct slice access[2];
    bool open[2];

    if ((!tags_has(t, KEY_HIGHWAY) && !tags_has(t, KEY_ROUTE)) || closed(m, t))
        return;
    profile_access(t, levels, 4, access);
    *passing = tags_is(t, KEY_HIGHWAY, "service") && slice_eq_str(access[0], "private");
    int one = oneway(m, t);
    for (int d = 0; d < 2; d++)
        open[d] = (restricted(t, access[d], d) || !tags_in(access[d], closed_words)) &&
                  one != (d == 0 ? -1 : 1);
    double r = reluctance(t, open[0] && open[1]);
    for (int d = 0; d < 2; d++) {
        double kmh = carry > 0 ? carry : speed_kmh(m, t, access[d], d);
        if (carry <= 0 && tags_is(t, KEY_BRIDGE, "movable") && kmh > 5)
            kmh = 5;
        if (!open[d])
            continue;
        way_dir_set(&out[d], carry > 0 ? WAY_CARRY : WAY_OPEN, kmh, kmh * r);
        out[d].restricted = restricted(t, access[d], d);
    }
}
