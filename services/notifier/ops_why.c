/* ops_why: why an order was offered to this courier and not to another, and why then; or why it
 * waits: the router's own record of it, for an operator's page. */
#include "notifier/ops.h"

#include "dispatch.pb-c.h"

static void
write_candidate(const struct notifier *n, struct json_out *w,
                const Lifecircle__V1__DispatchDecision__Candidate *x)
{
    const Lifecircle__V1__Courier *c = catalogue_courier(n->catalogue, x->courier);

    json_out_object(w, NULL);
    json_out_uint(w, "courier", x->courier);
    json_out_cstr(w, "name", c == NULL ? "" : c->name);
    json_out_cstr(w, "verdict", x->verdict);
    if (x->dropoff_ms > 0) {
        json_out_int(w, "dropoff", x->dropoff_ms);
        json_out_int(w, "late_ms", x->late_ms);
    }
    json_out_end(w);
}

void
ops_write_dispatch(const struct notifier *n, struct json_out *w, const struct event *ev)
{
    const Lifecircle__V1__DispatchDecision *d =
        ev->reply->kind != REPLY_STRING
            ? NULL
            : wire_unpack(&lifecircle__v1__dispatch_decision__descriptor, ev->arena,
                          ev->reply->str);

    if (d == NULL) {
        json_out_null(w, "dispatch");
        return;
    }
    json_out_object(w, "dispatch");
    json_out_int(w, "at", d->time_ms);
    json_out_uint(w, "courier", d->courier);
    json_out_uint(w, "planned", d->planned);
    json_out_cstr(w, "why", d->why);
    json_out_uint(w, "considered", d->considered);
    json_out_uint(w, "fit", d->fit);
    json_out_uint(w, "far", d->far);
    json_out_int(w, "ready", d->ready_ms);
    json_out_int(w, "start", d->start_ms);
    json_out_uint(w, "leg_s", d->leg_s);
    json_out_int(w, "lead_ms", d->lead_ms);
    json_out_bool(w, "bundled", d->bundled);
    json_out_array(w, "candidates");
    for (size_t i = 0; i < d->n_candidates; i++)
        write_candidate(n, w, d->candidates[i]);
    json_out_end(w);
    json_out_end(w);
}
