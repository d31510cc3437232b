/* confirm: an operator says where an order goes that is held because only its street is
 * known. The matcher finds it in due:held within a moment. */
#include "base/geo.h"
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include <stdio.h>
#include <stdlib.h>

int
cmd_confirm(struct ctl *c, struct args *a)
{
    const char *who = args_option(a, "who", getenv("USER") == NULL ? "lcctl" : getenv("USER"));
    const char *word = args_next(a), *place = args_next(a);
    double lat, lng;
    struct latlng at;
    char end;

    if (word == NULL || place == NULL || !args_done(a))
        return EXIT_USAGE;
    if (sscanf(place, "%lf,%lf%c", &lat, &lng, &end) != 2 || !geo_of_degrees(lat, lng, &at)) {
        fprintf(stderr, "lcctl: expected LAT,LNG in degrees, got %s\n", place);
        return EXIT_USAGE;
    }
    const char *order = ctl_order(c, word);
    if (order == NULL)
        return EXIT_NOT_SO;
    struct slice args[] = {ctl_number(c, c->now_ms), SLICE_LIT("1"),           slice_str(order),
                           ctl_number(c, at.lat_e7), ctl_number(c, at.lng_e7), slice_str(who)};
    int outcome = ctl_outcome(c, "order_confirm", sizeof args / sizeof *args, args);
    return show_outcome(c, order, "confirmed", outcome, "confirmed; it is matched now",
                        "the order does not wait for its address to be confirmed");
}
