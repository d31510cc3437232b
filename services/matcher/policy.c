#include "matcher/policy.h"

#include "base/travel_ask.h"

struct knob {
    const char *name;
    size_t at; /* of the int64_t in struct match_policy */
    int64_t unit;
    int64_t fallback;
    int64_t least;
    int64_t most;
};

#define KNOB(field) offsetof(struct match_policy, field)

static const struct knob knobs[] = {
    {"collect_radius_m", KNOB(collect_radius_m), 1, 5000, 1, 100000},
    {"handover_s", KNOB(handover_ms), 1000, 120, 0, 3600},
    {"dropoff_s", KNOB(dropoff_ms), 1000, 120, 0, 3600},
    {"courier_wait_s", KNOB(courier_wait_ms), 1000, 300, 0, 86400},
    {"backlog_s", KNOB(backlog_ms), 1000, 15, 0, 3600},
    {"backlog_max_s", KNOB(backlog_max_ms), 1000, 600, 0, 86400},
    {"schedule_slack_s", KNOB(schedule_slack_ms), 1000, 600, 0, 86400},
    {"schedule_lead_s", KNOB(schedule_lead_ms), 1000, 2700, 0, 86400},
    {"retry_s", KNOB(retry_ms), 1000, 5, 1, 3600},
    {"retry_max_s", KNOB(retry_max_ms), 1000, 30, 1, 3600},
    {"forecast_s", KNOB(forecast_ms), 1000, 30, 1, 3600},
    {"cells_mb", KNOB(cells_bytes), 1 << 20, 24, 1, 1024},
    {"near_stores", KNOB(near_stores), 1, 150, 1, 100000},
    {"jobs_max", KNOB(jobs_max), 1, 20000, 1, 1000000},
    {"poll_ms", KNOB(poll_ms), 1, 250, 1, 60000},
    {"travel_wait_ms", KNOB(travel_wait_ms), 1, 80, 1, 5000},
    {"speedup", KNOB(speedup), 1, 1, 1, 1000},
    {"prep_speedup", KNOB(prep_speedup), 1, 1, 1, 1000},
};

static enum travel_mode
read_mode(const struct config *c, const char *name, enum travel_mode fallback)
{
    enum travel_mode mode;

    return travel_mode_parse(config_get(c, name), &mode) == LC_OK ? mode : fallback;
}

void
match_policy_read(struct match_policy *p, const struct config *c)
{
    *p = (struct match_policy){
        .courier_mode = read_mode(c, "courier_mode", TRAVEL_BICYCLE),
        .customer_mode = read_mode(c, "customer_mode", TRAVEL_CAR),
        .remote_modes =
            travel_servers_modes(config_get(c, "travel_osrm"), config_get(c, "travel_valhalla")),
    };
    for (size_t i = 0; i < sizeof knobs / sizeof *knobs; i++) {
        const struct knob *k = &knobs[i];
        int64_t v = config_int(c, k->name, k->fallback);
        if (v < k->least || v > k->most)
            v = k->fallback;
        v *= k->unit;
        memcpy((char *)p + k->at, &v, sizeof v);
    }
}
