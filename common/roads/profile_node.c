/* What a node closes or costs. */
#include "roads/profile.h"

static struct slice
first_of(const struct tags *t, const enum tags_key *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (tags_has(t, keys[i]))
            return t->v[keys[i]];
    return (struct slice){0};
}

/* Gates stand open to deliveries; a barrier that is not named here stops anything with an engine.
 */
static bool
motor_barrier(const struct tags *t, enum travel_mode mode)
{
    static const enum tags_key own[TRAVEL_MODES] = {
        [TRAVEL_CAR] = KEY_MOTORCAR, [TRAVEL_VAN] = KEY_GOODS, [TRAVEL_SCOOTER] = KEY_MOPED};
    const enum tags_key keys[] = {own[mode], KEY_MOTOR_VEHICLE, KEY_VEHICLE, KEY_ACCESS};
    struct slice access = first_of(t, keys, 4);

    if (access.n > 0)
        return tags_in(access, " no agricultural forestry emergency psv ");
    if (!tags_has(t, KEY_BARRIER))
        return false;
    if (tags_is(t, KEY_BARRIER, "height_restrictor")) {
        double m = profile_metres(t->v[KEY_MAXHEIGHT]);
        if (m >= 0 && m < (mode == TRAVEL_VAN ? 2.6 : 2.0))
            return true;
    }
    return !tags_in(t->v[KEY_BARRIER], " cattle_grid border_control toll_booth sally_port gate "
                                       "lift_gate no entrance height_restrictor arch ") &&
           !tags_is(t, KEY_BOLLARD, "rising") && !tags_in(t->v[KEY_KERB], " lowered flush ") &&
           !(tags_is(t, KEY_BARRIER, "kerb") && tags_is(t, KEY_HIGHWAY, "crossing"));
}

static bool
bicycle_barrier(const struct tags *t)
{
    static const enum tags_key keys[] = {KEY_BICYCLE, KEY_VEHICLE, KEY_ACCESS};
    struct slice access = first_of(t, keys, 3);

    if (access.n > 0)
        return tags_in(access, " no private agricultural forestry delivery use_sidepath ") &&
               !tags_is(t, KEY_HIGHWAY, "crossing");
    return tags_in(t->v[KEY_BARRIER], " yes wall fence ");
}

static bool
foot_barrier(const struct tags *t)
{
    static const enum tags_key keys[] = {KEY_FOOT, KEY_ACCESS};
    struct slice access = first_of(t, keys, 2);

    if (access.n > 0)
        return tags_in(access, " no agricultural forestry private delivery ");
    return tags_in(t->v[KEY_BARRIER], " yes wall fence ") && !tags_is(t, KEY_BOLLARD, "rising");
}

/* directed: the flag for each direction that the value names; both when it names none. */
static uint32_t
directed(uint32_t flag, struct slice v)
{
    if (slice_eq_str(v, "forward"))
        return flag;
    if (slice_eq_str(v, "backward"))
        return flag << 1;
    return flag | flag << 1;
}

static uint32_t
obstacles(const struct tags *t)
{
    struct slice direction = t->v[KEY_DIRECTION];
    struct slice signal = t->v[KEY_SIGNALS_DIRECTION];

    if (tags_is(t, KEY_HIGHWAY, "traffic_signals"))
        return NODE_SIGNAL | directed(NODE_SIGNAL_CAR, signal.n > 0 ? signal : direction) |
               directed(NODE_SIGNAL_BIKE, signal);
    if (tags_is(t, KEY_HIGHWAY, "stop")) {
        if (tags_is(t, KEY_STOP, "minor"))
            return directed(NODE_STOP_MINOR, direction);
        return tags_in(direction, " forward backward both ") ? directed(NODE_STOP, direction)
                                                             : NODE_STOP_SOMEHOW;
    }
    if (tags_is(t, KEY_HIGHWAY, "give_way"))
        return directed(NODE_GIVE_WAY, direction);
    if (tags_in(t->v[KEY_HIGHWAY], " mini_roundabout turning_circle turning_loop "))
        return NODE_TURNING;
    return 0;
}

uint32_t
profile_node(const struct tags *t)
{
    uint32_t flags = obstacles(t);

    if (foot_barrier(t))
        flags |= (uint32_t)NODE_BARRIER << TRAVEL_FOOT;
    if (bicycle_barrier(t))
        flags |= (uint32_t)NODE_BARRIER << TRAVEL_BICYCLE | (uint32_t)NODE_BARRIER << TRAVEL_EBIKE;
    if (motor_barrier(t, TRAVEL_CAR))
        flags |= (uint32_t)NODE_BARRIER << TRAVEL_CAR;
    if (motor_barrier(t, TRAVEL_VAN))
        flags |= (uint32_t)NODE_BARRIER << TRAVEL_VAN;
    if (motor_barrier(t, TRAVEL_SCOOTER))
        flags |= (uint32_t)NODE_BARRIER << TRAVEL_SCOOTER;
    return flags;
}
