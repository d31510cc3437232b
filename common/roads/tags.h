/* tags: the OpenStreetMap keys that roads and addresses are made of. Pure.
 *
 * A block's strings are looked up once, so that reading an object's tags is indexing. */
#ifndef LC_ROADS_TAGS_H
#define LC_ROADS_TAGS_H

#include "base/bytes.h"

/* Sorted as memcmp sorts: tags_key searches by halves. */
#define TAGS_KEYS(K)                                                                               \
    K(ACCESS, "access")                                                                            \
    K(ACCESS_B, "access:backward")                                                                 \
    K(ACCESS_F, "access:forward")                                                                  \
    K(ADDR_CITY, "addr:city")                                                                      \
    K(ADDR_HOUSENUMBER, "addr:housenumber")                                                        \
    K(ADDR_INTERPOLATION, "addr:interpolation")                                                    \
    K(ADDR_PLACE, "addr:place")                                                                    \
    K(ADDR_POSTCODE, "addr:postcode")                                                              \
    K(ADDR_STREET, "addr:street")                                                                  \
    K(AMENITY, "amenity")                                                                          \
    K(AREA, "area")                                                                                \
    K(BARRIER, "barrier")                                                                          \
    K(BICYCLE, "bicycle")                                                                          \
    K(BICYCLE_B, "bicycle:backward")                                                               \
    K(BICYCLE_F, "bicycle:forward")                                                                \
    K(BOLLARD, "bollard")                                                                          \
    K(BRIDGE, "bridge")                                                                            \
    K(CONSTRUCTION, "construction")                                                                \
    K(CYCLEWAY, "cycleway")                                                                        \
    K(CYCLEWAY_BOTH, "cycleway:both")                                                              \
    K(CYCLEWAY_LEFT, "cycleway:left")                                                              \
    K(CYCLEWAY_RIGHT, "cycleway:right")                                                            \
    K(DIRECTION, "direction")                                                                      \
    K(DURATION, "duration")                                                                        \
    K(EXCEPT, "except")                                                                            \
    K(FOOT, "foot")                                                                                \
    K(FOOT_B, "foot:backward")                                                                     \
    K(FOOT_F, "foot:forward")                                                                      \
    K(GOODS, "goods")                                                                              \
    K(HIGHWAY, "highway")                                                                          \
    K(HOV, "hov")                                                                                  \
    K(HOV_LANES, "hov:lanes")                                                                      \
    K(HOV_LANES_B, "hov:lanes:backward")                                                           \
    K(HOV_LANES_F, "hov:lanes:forward")                                                            \
    K(IMPASSABLE, "impassable")                                                                    \
    K(JUNCTION, "junction")                                                                        \
    K(KERB, "kerb")                                                                                \
    K(LANES, "lanes")                                                                              \
    K(LEISURE, "leisure")                                                                          \
    K(MAN_MADE, "man_made")                                                                        \
    K(MAXHEIGHT, "maxheight")                                                                      \
    K(MAXHEIGHT_P, "maxheight:physical")                                                           \
    K(MAXLENGTH, "maxlength")                                                                      \
    K(MAXSPEED, "maxspeed")                                                                        \
    K(MAXSPEED_ADV, "maxspeed:advisory")                                                           \
    K(MAXSPEED_ADV_B, "maxspeed:advisory:backward")                                                \
    K(MAXSPEED_ADV_F, "maxspeed:advisory:forward")                                                 \
    K(MAXSPEED_B, "maxspeed:backward")                                                             \
    K(MAXSPEED_F, "maxspeed:forward")                                                              \
    K(MAXSPEED_TYPE, "maxspeed:type")                                                              \
    K(MAXWEIGHT, "maxweight")                                                                      \
    K(MAXWIDTH, "maxwidth")                                                                        \
    K(MAXWIDTH_P, "maxwidth:physical")                                                             \
    K(MOPED, "moped")                                                                              \
    K(MOTOR_VEHICLE, "motor_vehicle")                                                              \
    K(MOTOR_VEHICLE_B, "motor_vehicle:backward")                                                   \
    K(MOTOR_VEHICLE_F, "motor_vehicle:forward")                                                    \
    K(MOTORCAR, "motorcar")                                                                        \
    K(MOTORCAR_B, "motorcar:backward")                                                             \
    K(MOTORCAR_F, "motorcar:forward")                                                              \
    K(MOTORROAD, "motorroad")                                                                      \
    K(NAME, "name")                                                                                \
    K(NARROW, "narrow")                                                                            \
    K(ONEWAY, "oneway")                                                                            \
    K(ONEWAY_BICYCLE, "oneway:bicycle")                                                            \
    K(ONEWAY_FOOT, "oneway:foot")                                                                  \
    K(ONEWAY_MOPED, "oneway:moped")                                                                \
    K(ONEWAY_MOTOR_VEHICLE, "oneway:motor_vehicle")                                                \
    K(ONEWAY_MOTORCAR, "oneway:motorcar")                                                          \
    K(ONEWAY_VEHICLE, "oneway:vehicle")                                                            \
    K(PROPOSED, "proposed")                                                                        \
    K(PUBLIC_TRANSPORT, "public_transport")                                                        \
    K(RAILWAY, "railway")                                                                          \
    K(REF, "ref")                                                                                  \
    K(RESTRICTION, "restriction")                                                                  \
    K(RESTRICTION_MOTOR_VEHICLE, "restriction:motor_vehicle")                                      \
    K(RESTRICTION_MOTORCAR, "restriction:motorcar")                                                \
    K(RESTRICTION_VEHICLE, "restriction:vehicle")                                                  \
    K(ROUTE, "route")                                                                              \
    K(SERVICE, "service")                                                                          \
    K(SIDE_ROAD, "side_road")                                                                      \
    K(SMOOTHNESS, "smoothness")                                                                    \
    K(SOURCE_MAXSPEED, "source:maxspeed")                                                          \
    K(STATUS, "status")                                                                            \
    K(STOP, "stop")                                                                                \
    K(SURFACE, "surface")                                                                          \
    K(TRACKTYPE, "tracktype")                                                                      \
    K(SIGNALS_DIRECTION, "traffic_signals:direction")                                              \
    K(TYPE, "type")                                                                                \
    K(VEHICLE, "vehicle")                                                                          \
    K(VEHICLE_B, "vehicle:backward")                                                               \
    K(VEHICLE_F, "vehicle:forward")                                                                \
    K(WIDTH, "width")

enum tags_key {
#define K(name, text) KEY_##name,
    TAGS_KEYS(K)
#undef K
        KEY_COUNT
};

/* tags: the values of one object; an absent key has n = 0 (OpenStreetMap has no empty values worth
 * keeping). Borrowed from the block. */
struct tags {
    struct slice v[KEY_COUNT];
    uint32_t n; /* known keys present */
};

/* tags_key: the key of that name, KEY_COUNT when it is none of ours. */
enum tags_key tags_key(struct slice name);

static inline bool
tags_is(const struct tags *t, enum tags_key k, const char *value)
{
    return slice_eq_str(t->v[k], value);
}

static inline bool
tags_has(const struct tags *t, enum tags_key k)
{
    return t->v[k].n > 0;
}

/* tags_in: is v one of the words? A list of words separated and enclosed by spaces, so that the
 * tables of the profiles read as text: " yes permissive designated ". False for an empty v. */
bool tags_in(struct slice v, const char *words);

#endif
