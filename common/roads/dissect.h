/* dissect: in which order to take a city apart. Pure; part of roads_build.
 *
 * The junctions are halved again and again where few roads join the halves (inertial flow:
 * Schild and Sommer 2015): along each of four directions, the first three tenths of the
 * junctions are joined to the last by a maximum flow of one per road, and the smallest of the four
 * cuts is taken. Roads cut early are important. */
#ifndef LC_ROADS_DISSECT_H
#define LC_ROADS_DISSECT_H

#include "roads/network.h"

/* dissect: importance[e] of each edge, 0 the least, all different. LC_ENOMEM. */
LC_MUST_CHECK enum lc_err dissect(const struct network *n, uint32_t *importance);

#endif
