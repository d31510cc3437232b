/* Where an order goes when it comes with an address alone. */
#include "check.h"

const struct located located_given;

/* kept_as: the index's word for how well it knows a place, as it is kept with an order. */
static Lifecircle__V1__AddressPrecision
kept_as(enum address_precision p)
{
    switch (p) {
    case ADDRESS_EXACT:
        return LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_EXACT;
    case ADDRESS_INTERPOLATED:
        return LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_INTERPOLATED;
    case ADDRESS_AMBIGUOUS:
        return LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_AMBIGUOUS;
    case ADDRESS_STREET:
    case ADDRESS_NONE:
        break;
    }
    return LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_STREET;
}

void
check_place(struct check *c)
{
    Lifecircle__V1__Order *o = c->order;
    struct address_found found;
    const char *text = c->s->address;

    if (text == NULL || strlen(text) > ADDRESS_TEXT_MAX)
        return; /* found wrong before */
    if (text[0] == '\0') {
        fault(c->f, "dropoff.address", "is required where lat and lng are not given");
        return;
    }
    /* An order of before, when there was an index that knew it, is answered as it was then. */
    if (c->in->addresses == NULL) {
        fault_late(c->f, "dropoff.address",
                   "expected lat and lng beside it: no index of addresses is loaded here");
        return;
    }
    if (c->in->addresses->find(c->in->addresses, slice_str(text), &found) != LC_OK) {
        fault(c->f, "dropoff.address", "expected UTF-8 text");
        return;
    }
    count_up(c->in, found.precision == ADDRESS_NONE ? COUNT_ADDRESS_NONE
                    : address_sure(found.precision) ? COUNT_ADDRESS_SURE
                                                    : COUNT_ADDRESS_UNSURE);
    if (found.precision == ADDRESS_NONE) {
        fault_late(c->f, "dropoff.address",
                   "expected a house number and a street that the map knows, like \"1234 Fleet "
                   "St\"; or lat and lng beside it");
        return;
    }
    o->dropoff->lat_e7 = found.at.lat_e7;
    o->dropoff->lng_e7 = found.at.lng_e7;
    o->precision = kept_as(found.precision);
    o->address_error_m = found.error_m;
}

bool
located_waits(const struct located *l)
{
    return l->precision == LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_STREET ||
           l->precision == LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_AMBIGUOUS;
}

struct located
located_of(const Lifecircle__V1__Order *o)
{
    struct located l = {.precision = o->precision, .error_m = o->address_error_m};

    if (o->dropoff != NULL)
        l.at = (struct latlng){o->dropoff->lat_e7, o->dropoff->lng_e7};
    return l;
}

struct located
located_of_record(const struct event *ev, const struct record *r)
{
    const Lifecircle__V1__Order *o =
        r->order.n == 0 ? NULL
                        : wire_unpack(&lifecircle__v1__order__descriptor, ev->arena, r->order);

    return o == NULL ? located_given : located_of(o);
}

void
located_render(struct json_out *w, const struct located *l)
{
    if (l->precision == LIFECIRCLE__V1__ADDRESS_PRECISION__PLACE_GIVEN)
        return;
    json_out_object(w, "dropoff");
    json_out_e7(w, "lat", l->at.lat_e7);
    json_out_e7(w, "lng", l->at.lng_e7);
    json_out_cstr(w, "precision", record_precision_name(l->precision));
    json_out_uint(w, "error_m", l->error_m);
    json_out_end(w);
}
