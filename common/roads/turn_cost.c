/* What a turn costs. The functions of the angle and their constants are those that OSRM documents
 * for its stock profiles: car a sigmoid up to 7.5 s, dearer to the left; bicycle the square of the
 * angle, 6 s at 90 degrees; 20 s to turn round; 2 s a traffic light or stop sign, 1 s a give-way.
 */
#include "roads/turns.h"

#include <math.h>

enum { AHEAD_M = 10 }; /* an edge's direction is that to its point this far from the junction */

/* edge_bearing: of the edge's first metres, or its last when `last`, seen from that end. */
static double
edge_bearing(const struct network *n, uint32_t edge, bool last)
{
    const struct road *r = &n->road[edge >> 1];
    bool from_end = ((edge & 1) != 0) != last;
    const struct latlng *p = n->point + r->point;
    struct latlng start = from_end ? p[r->points - 1] : p[0];
    double shrink = cos(start.lat_e7 * 1e-7 * M_PI / 180);
    double left = AHEAD_M, north = 0, east = 0;

    for (uint32_t i = 1; i < r->points && left > 0; i++) {
        struct latlng a = from_end ? p[r->points - i] : p[i - 1];
        struct latlng b = from_end ? p[r->points - 1 - i] : p[i];
        double dn = (double)b.lat_e7 - a.lat_e7, de = ((double)b.lng_e7 - a.lng_e7) * shrink;
        double m = hypot(dn, de) * 0.0111194927;
        double share = m > left ? left / m : 1;
        north += dn * share;
        east += de * share;
        left -= m;
    }
    return atan2(east, north) * 180 / M_PI;
}

double
turn_angle(const struct network *n, uint32_t e, uint32_t f)
{
    if (f == (e ^ 1))
        return 180;
    double a = edge_bearing(n, f, false) - (edge_bearing(n, e, true) + 180);

    while (a > 180)
        a -= 360;
    while (a <= -180)
        a += 360;
    return a;
}

static double
motor_angle_s(double angle)
{
    const double most = 7.5, bias = 1.075;

    return angle >= 0 ? most / (1 + exp(-(13 / bias * angle / 180 - 6.5 * bias)))
                      : most / (1 + exp(-(13 * bias * -angle / 180 - 6.5 / bias)));
}

static double
bicycle_angle_s(double angle)
{
    const double square = 6, bias = 1.4;
    double right = angle / 90;

    return right * right * (angle >= 0 ? square / bias : square * bias);
}

/* signs_s: stop and give-way, for what arrives on e. A stop sign without a direction at a plain
 * bend stands for those who have the crossing just before them, not just behind them. */
static double
signs_s(const struct junction_view *v, uint32_t e, uint32_t f)
{
    uint32_t against = e & 1;
    double s = 0;

    if ((v->flags & (uint32_t)NODE_STOP << against) != 0)
        s += 2;
    if ((v->flags & NODE_STOP_SOMEHOW) != 0 &&
        !(v->roads == 2 && v->n->road[e >> 1].cm < 2000 && v->n->road[f >> 1].cm > 2000))
        s += 2;
    if ((v->flags & (uint32_t)NODE_STOP_MINOR << against) != 0 &&
        edge_use(v->n, v->m, e, v->mode)->speed < v->fastest)
        s += 2;
    if ((v->flags & (uint32_t)NODE_GIVE_WAY << against) != 0)
        s += 1;
    return s;
}

static double
motor_s(const struct junction_view *v, uint32_t e, uint32_t f)
{
    bool back = f == (e ^ 1);
    bool changes = edge_use(v->n, v->m, e, v->mode)->kind != edge_use(v->n, v->m, f, v->mode)->kind;
    double s = signs_s(v, e, f);

    if ((v->flags & (uint32_t)NODE_SIGNAL_CAR << (e & 1)) != 0)
        s += 2;
    if (v->roads > 2 || changes || back)
        s += motor_angle_s(turn_angle(v->n, e, f));
    return s + (back ? 20 : 0);
}

static double
bicycle_s(const struct junction_view *v, uint32_t e, uint32_t f)
{
    bool back = f == (e ^ 1);
    bool light = (v->flags & (uint32_t)NODE_SIGNAL_BIKE << (e & 1)) != 0;
    double s = v->plain && !back ? 0 : bicycle_angle_s(turn_angle(v->n, e, f));

    /* OSRM prices a light in the middle of a street, one at a crossing of people on foot or before
     * a junction, as if one turned round there without the penalty: 19 s in all. That is also what
     * a red light costs in earnest. */
    if (v->plain && !back && (v->flags & NODE_SIGNAL) != 0)
        return bicycle_angle_s(180) + 2;
    if (light)
        s += 2;
    return s + (back ? 20 : 0);
}

void
turn_cost(const struct junction_view *v, uint32_t e, uint32_t f, uint32_t *w, uint32_t *d)
{
    double s = 0;

    switch (v->mode) {
    case TRAVEL_FOOT:
        s = (v->flags & NODE_SIGNAL) != 0 || f == (e ^ 1) ? 2 : 0;
        break;
    case TRAVEL_BICYCLE:
    case TRAVEL_EBIKE:
        s = bicycle_s(v, e, f);
        break;
    case TRAVEL_SCOOTER:
    case TRAVEL_CAR:
    case TRAVEL_VAN:
        s = motor_s(v, e, f);
        break;
    }
    *w = *d = (uint32_t)(s * 1000 + 0.5);
    /* Into a road for residents or deliveries: at the end of a trip, never on the way. */
    if (edge_use(v->n, v->m, f, v->mode)->restricted &&
        !edge_use(v->n, v->m, e, v->mode)->restricted)
        *w = 3276700;
}
