/* city: a made-up city as .osm.pbf, for the size targets: a bent grid of streets with avenues and
 * highways, one-way streets, missing blocks, traffic lights and turn restrictions. */
#ifndef LC_BENCH_ROADS_CITY_H
#define LC_BENCH_ROADS_CITY_H

#include "base/bytes.h"

/* city_write: of about that many road nodes, a third of them junctions; appended to *out. The same
 * every time. False without memory. */
bool city_write(size_t nodes, struct buf *out);

#endif
