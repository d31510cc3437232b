/* On foot: 5 km/h everywhere, one way only where a tag says so to those on foot. */
#include "roads/profile.h"

#define WALK 5.0

void
profile_foot(const struct tags *t, struct way_dir out[2])
{
    static const struct access_key levels[] = {{KEY_FOOT, KEY_FOOT_F, KEY_FOOT_B},
                                               {KEY_ACCESS, KEY_ACCESS_F, KEY_ACCESS_B}};
    static const char closed[] = " no agricultural forestry private delivery use_sidepath ";
    static const char open[] = " primary primary_link secondary secondary_link tertiary "
                               "tertiary_link unclassified residential road living_street service "
                               "track path steps pedestrian platform footway pier ";
    bool ferry = tags_is(t, KEY_ROUTE, "ferry");
    struct slice access[2];
    double surface = WALK;

    if (tags_has(t, KEY_PROPOSED) || tags_is(t, KEY_IMPASSABLE, "yes") ||
        tags_is(t, KEY_STATUS, "impassable"))
        return;
    bool walkable = tags_in(t->v[KEY_HIGHWAY], open) || tags_is(t, KEY_RAILWAY, "platform") ||
                    tags_in(t->v[KEY_AMENITY], " parking parking_entrance ") ||
                    tags_is(t, KEY_MAN_MADE, "pier") || tags_is(t, KEY_LEISURE, "track");
    if (tags_in(t->v[KEY_SURFACE], " fine_gravel gravel pebblestone "))
        surface = WALK * 0.75;
    else if (tags_in(t->v[KEY_SURFACE], " mud sand "))
        surface = WALK * 0.5;
    profile_access(t, levels, 2, access);
    struct slice oneway = t->v[KEY_ONEWAY_FOOT];
    bool against = !tags_in(oneway, " yes 1 true ");
    bool along = !slice_eq_str(oneway, "-1");
    for (int d = 0; d < 2; d++) {
        if (tags_in(access[d], closed) || !(d == 0 ? along : against))
            continue;
        if (tags_is(t, KEY_MOTORROAD, "yes") && !tags_in(access[d], " yes permissive designated "))
            continue;
        if (ferry)
            way_dir_set(&out[d], WAY_CARRY, WALK, WALK);
        else if (walkable || access[d].n > 0)
            way_dir_set(&out[d], WAY_OPEN, surface, surface);
    }
}
