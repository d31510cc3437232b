#include "notifier/notifier.h"

#include "io/service.h"

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"poll-ms", OPTION_NUMBER, "250",
         "how often events and the catalogue are looked at without being told", false},
        {"position-s", OPTION_NUMBER, "300",
         "so long after it came a courier's last position is shown to those who wait for it; at "
         "the end of the shift it goes at once",
         false},
        {"city-map", OPTION_FILE, "",
         "GeoJSON of the city's roads and water, drawn below every map of the pages", false},
        {"tiles", OPTION_TEXT, "",
         "pictures of a tile server drawn above these lines, https://HOST/…/{z}/{x}/{y}.png: every "
         "page with a map asks that host for them; empty: nothing is loaded from elsewhere",
         false},
        {"tiles-credit", OPTION_TEXT, "© OpenStreetMap contributors",
         "whose these pictures are, shown on every map", false},
        {"proofs-mb", OPTION_NUMBER, "256",
         "Redis memory for photos and signatures of hand-overs; beyond it none is taken", false},
        {"events-kept", OPTION_NUMBER, "200000",
         "events that stay in Redis, 430 bytes each or so: a daemon that was away for longer than "
         "they reach back reads the whole state again",
         false},
        {"pay-currency", OPTION_TEXT, "",
         "couriers see what their shift has earned, in this ISO 4217 currency; empty: they do not",
         false},
        {"pay-delivery", OPTION_NUMBER, "0", "minor units for each delivery", false},
        {"pay-km", OPTION_NUMBER, "0",
         "and for each kilometre from the store to the customer, estimated", false},
        {"pay-return", OPTION_NUMBER, "0", "for goods brought back", false},
        {"speedup", OPTION_NUMBER, "1",
         "simulations only: what takes time takes this many times less, and operators are shown it "
         "multiplied back",
         false},
    };
    static const struct service_ports ports = {
        .uses = SERVICE_FOLLOWS | SERVICE_ROUTERS | SERVICE_HTTP | SERVICE_CALLS | SERVICE_SECRET |
                SERVICE_ROADS,
        .about = "tells couriers, stores, customers and chains what happened",
        .follow = "tcp://127.0.0.1:7112,tcp://127.0.0.1:7113",
        .router = "tcp://127.0.0.1:7103",
        .http = "127.0.0.1:8090",
        .admin = "",
        .options = options,
        .n_options = sizeof options / sizeof *options,
    };

    return service_main(argc, argv, &notifier_service, &ports);
}
