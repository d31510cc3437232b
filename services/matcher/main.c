#include "matcher/matcher.h"

#include "io/service.h"

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"collect-radius-m", OPTION_NUMBER, "5000", "how far a customer goes to collect", false},
        {"handover-s", OPTION_NUMBER, "120", "from the courier at the store to leaving it", false},
        {"dropoff-s", OPTION_NUMBER, "120", "from the courier at the door to the goods handed over",
         false},
        {"courier-wait-s", OPTION_NUMBER, "300",
         "assumed until a courier is at the store, without a forecast", false},
        {"backlog-s", OPTION_NUMBER, "15",
         "added to the preparation for each open order of the store", false},
        {"backlog-max-s", OPTION_NUMBER, "600", "at most", false},
        {"schedule-slack-s", OPTION_NUMBER, "600",
         "how much earlier than needed a scheduled order is placed", false},
        {"schedule-lead-s", OPTION_NUMBER, "2700",
         "the same, when no store can tell what is needed", false},
        {"retry-s", OPTION_NUMBER, "5", "seconds until a held order is tried again, at first",
         false},
        {"retry-max-s", OPTION_NUMBER, "30", "at most", false},
        {"forecast-s", OPTION_NUMBER, "30", "a forecast older than this does not count", false},
        {"cells-mb", OPTION_NUMBER, "24", "memory for neighbourhoods, MiB", false},
        {"near-stores", OPTION_NUMBER, "150", "stores that a neighbourhood asks Redis for, about",
         false},
        {"jobs-max", OPTION_NUMBER, "20000", "orders under way at once", false},
        {"poll-ms", OPTION_NUMBER, "250",
         "how often the catalogue and due orders are looked at without being told", false},
        {"courier-mode", OPTION_TEXT, "bicycle", "vehicle assumed for couriers", false},
        {"customer-mode", OPTION_TEXT, "car", "vehicle assumed for customers who collect", false},
        {"prep-speedup", OPTION_NUMBER, "1",
         "simulations only: stores prepare so many times faster than they say", false},
        {"speedup", OPTION_NUMBER, "1", "simulations only: travel takes this many times less",
         false},
    };
    static const struct service_ports ports = {
        .uses = SERVICE_LISTENS | SERVICE_FOLLOWS | SERVICE_INVENTORIES | SERVICE_TRAVEL |
                SERVICE_ROADS,
        .about = "finds the stores that can serve an order",
        .listen = "tcp://127.0.0.1:7101",
        .follow = "tcp://127.0.0.1:7113",
        .inventory = "tcp://127.0.0.1:7102",
        .admin = "127.0.0.1:8081",
        .options = options,
        .n_options = sizeof options / sizeof *options,
    };

    return service_main(argc, argv, &matcher_service, &ports);
}
