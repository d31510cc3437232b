/* profile: what the tags of a way or a node mean to each mode: open or closed, one way, how fast.
 * Pure; part of roads_build.
 *
 * Foot, bicycle and car follow the documented behaviour of OSRM 6.0.0's stock profiles, so that
 * their answers can be compared; e-bike, scooter and van are derived from them (docs/roads.md). */
#ifndef LC_ROADS_PROFILE_H
#define LC_ROADS_PROFILE_H

#include "base/travel.h"
#include "roads/tags.h"

enum way_kind {
    WAY_CLOSED,
    WAY_OPEN,  /* in the mode itself */
    WAY_PUSH,  /* the bicycle is pushed */
    WAY_CARRY, /* on a ferry or a train: no trip starts or ends there */
};

/* way_dir: one direction of a way for one mode. Speeds in 10 m/h. */
struct way_dir {
    uint16_t speed; /* gives the time */
    uint16_t rate;  /* gives the weight, by which routes are chosen */
    uint8_t kind;
    uint8_t restricted; /* for those who live or deliver there: no through traffic */
};

/* way_use: a way for all modes; [0] in the direction of its nodes, [1] against. */
struct way_use {
    struct way_dir mode[TRAVEL_MODES][2];
    uint8_t roundabout;
    uint8_t timed;   /* the way's duration_s gives the speed where kind is WAY_CARRY */
    uint8_t passing; /* bits of modes: no trip starts or ends there */
    uint8_t unused;
};

/* profile_way: *duration_s is that of a ferry, 0 when not given. False when no mode may use it. */
bool profile_way(const struct tags *t, struct way_use *out, uint32_t *duration_s);

/* Of a node. The lower TRAVEL_MODES bits: closed to that mode. Directions: along the way's nodes or
 * against. */
enum {
    NODE_BARRIER = 1 << 0,     /* << mode */
    NODE_SIGNAL = 1 << 6,      /* for people on foot: any direction */
    NODE_SIGNAL_CAR = 1 << 7,  /* and << 1: against */
    NODE_SIGNAL_BIKE = 1 << 9, /* and << 1: against */
    NODE_STOP = 1 << 11,       /* and << 1: against */
    NODE_STOP_SOMEHOW = 1 << 13,
    NODE_STOP_MINOR = 1 << 14, /* and << 1: against */
    NODE_GIVE_WAY = 1 << 16,   /* and << 1: against */
    NODE_TURNING = 1 << 18,    /* a place made for turning round */
};
uint32_t profile_node(const struct tags *t);

/* profile_restricts: the modes (bits) that obey this turn restriction relation; *only says whether
 * it is one of "only_". 0 when it is none, or one that depends on the hour or on red. */
unsigned profile_restricts(const struct tags *t, bool *only);

/* ---- the rest is shared by profile_*.c ---- */

struct word_speed {
    const char *word;
    uint16_t kmh;
};

/* access_key: one level of a mode's access hierarchy; KEY_COUNT where there is no such key. */
struct access_key {
    enum tags_key both, forward, backward;
};

/* profile_speed: the word's km/h in a table that ends with {NULL}; 0 when it is not there. */
uint16_t profile_speed(const struct word_speed *table, struct slice word);

/* profile_access: the values that count for each direction, the first levels first. */
void profile_access(const struct tags *t, const struct access_key *levels, size_t n,
                    struct slice out[2]);

/* profile_kmh: "50", "30 mph"; 0 when there is no number in front. */
double profile_kmh(struct slice v);

/* profile_metres, profile_kg: "2.5", "2,5 m", "6'6\"", "3.5", "7000 kg"; negative when there is no
 * number. */
double profile_metres(struct slice v);
double profile_kg(struct slice v);

/* profile_duration_s: "00:20", "1:30:00", "PT20M", "15" (minutes); 0 when it is none. */
uint32_t profile_duration_s(struct slice v);

/* profile_blocked: what closes a way to everything on wheels: construction, impassable. */
bool profile_blocked(const struct tags *t);

/* way_dir_set: kind, speed and rate in km/h; closed when the speed is not above 0. */
void way_dir_set(struct way_dir *d, enum way_kind kind, double kmh, double rate_kmh);

/* profile_motor: *passing: no trip starts or ends there, as on a private drive. */
void profile_motor(const struct tags *t, enum travel_mode mode, struct way_dir out[2],
                   bool *passing);
void profile_bicycle(const struct tags *t, enum travel_mode mode, struct way_dir out[2]);
void profile_foot(const struct tags *t, struct way_dir out[2]);

#endif
