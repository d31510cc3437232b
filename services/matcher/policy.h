/* policy: the numbers the matcher decides by. Pure. */
#ifndef LC_MATCHER_POLICY_H
#define LC_MATCHER_POLICY_H

#include "base/step.h"
#include "base/travel.h"

/* In brackets: the configuration item and its default. */
struct match_policy {
    enum travel_mode courier_mode;  /* [courier_mode, bicycle] store -> customer */
    enum travel_mode customer_mode; /* [customer_mode, car] customer -> store, for collection */
    int64_t
        collect_radius_m;    /* [collect_radius_m, 5000] click and collect: no store further away */
    int64_t handover_ms;     /* [handover_s, 120] the courier's time at the store */
    int64_t dropoff_ms;      /* [dropoff_s, 120] the courier's time at the door */
    int64_t courier_wait_ms; /* [courier_wait_s, 300] without a fresh forecast: until a courier is
                                there */
    int64_t
        backlog_ms; /* [backlog_s, 15] prep grows by this with each open order of the store ... */
    int64_t backlog_max_ms;    /* [backlog_max_s, 600] ... up to this */
    int64_t schedule_slack_ms; /* [schedule_slack_s, 600] a scheduled order is placed this much
                                  earlier than needed */
    int64_t schedule_lead_ms;  /* [schedule_lead_s, 2700] the same, when no store can tell what is
                                  needed */
    int64_t
        retry_ms; /* [retry_s, 5] a held order's first retry; grows by half with each attempt ... */
    int64_t retry_max_ms;   /* [retry_max_s, 30] ... up to this */
    int64_t forecast_ms;    /* [forecast_s, 30] how long a forecast counts */
    int64_t cells_bytes;    /* [cells_mb, 24] memory for neighbourhoods */
    int64_t near_stores;    /* [near_stores, 150] so many a neighbourhood asks for, about */
    int64_t jobs_max;       /* [jobs_max, 20000] orders in work at once */
    int64_t poll_ms;        /* [poll_ms, 250] how often due rows and the catalogue are looked at */
    int64_t travel_wait_ms; /* [travel_wait_ms, 80] so long an order waits for a routing server */
    unsigned
        remote_modes; /* [travel_osrm, travel_valhalla] bits of the modes that one answers for */
    int64_t speedup;  /* [speedup, 1] simulations alone: travel takes this many times less */
    int64_t prep_speedup; /* [prep_speedup, 1] the same for what stores take to prepare */
};

/* match_policy_read: from the configuration; what is absent, malformed or out of range keeps its
 * default. */
void match_policy_read(struct match_policy *p, const struct config *c);

#endif
