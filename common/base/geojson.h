/* geojson: zones as GeoJSON geometries (RFC 7946). Pure. */
#ifndef LC_BASE_GEOJSON_H
#define LC_BASE_GEOJSON_H

#include "base/json_in.h"
#include "base/zone.h"

/* geojson_zone: reads the field `name` of `at` (NULL: at itself), a Polygon or MultiPolygon, as
 * rings in in->arena, ready for zone_set_put, which then judges the geometry. Errors (wrong type,
 * not numbers, out of range, too many points) are noted in `in`. True when there is a zone without
 * errors. */
bool geojson_zone(struct json_in *in, const struct json_at *at, const char *name,
                  enum json_need need, struct zone_ring **ring, size_t *rings);

/* geojson_point: a Point; [lng, lat] in degrees. */
bool geojson_point(struct json_in *in, const struct json_at *at, const char *name,
                   enum json_need need, struct latlng *out);

#endif
