#include "base/polyline.h"

static void
put_difference(struct buf *b, int64_t difference)
{
    uint64_t v = (uint64_t)difference << 1;

    if (difference < 0)
        v = ~v;
    for (; v >= 0x20; v >>= 5)
        buf_char(b, (char)((0x20 | (v & 0x1f)) + 63));
    buf_char(b, (char)(v + 63));
}

/* in 1e-5 degrees, to the nearest */
static int64_t
rounded(int32_t e7)
{
    return (e7 + (e7 < 0 ? -50 : 50)) / 100;
}

void
polyline_put(struct polyline *line, struct latlng at)
{
    int64_t lat = rounded(at.lat_e7), lng = rounded(at.lng_e7);

    if (line->points > 0 && lat == line->lat && lng == line->lng)
        return;
    put_difference(line->out, lat - line->lat);
    put_difference(line->out, lng - line->lng);
    line->lat = lat;
    line->lng = lng;
    line->points++;
}
