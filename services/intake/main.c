#include "intake/intake.h"

#include "io/service.h"

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"match-ms", OPTION_NUMBER, "250", "how long a placed answer is waited for before 202",
         false},
        {"bulk-match-ms", OPTION_NUMBER, "1000", "the same for a line of NDJSON or of a submission",
         false},
        {"answer-ms", OPTION_NUMBER, "5000", "how long a request may take before 503", false},
        {"pending-max", OPTION_NUMBER, "20000", "orders under way at once; more are answered 503",
         false},
        {"min-window-s", OPTION_NUMBER, "300", "the shortest time window that is taken", false},
        {"hold-margin-s", OPTION_NUMBER, "600",
         "an order is held until so long before its window ends, unless it says until when", false},
        {"batch-window", OPTION_NUMBER, "1024", "lines of one NDJSON stream under way at once",
         false},
        {"webhooks-http", OPTION_SWITCH, "no",
         "webhooks may go to http URLs, unencrypted: only on a private network", false},
        {"poll-ms", OPTION_NUMBER, "250", "how often the catalogue is looked at without being told",
         false},
    };
    static const struct service_ports ports = {
        .uses = SERVICE_LISTENS | SERVICE_MATCHERS | SERVICE_INVENTORIES | SERVICE_HTTP |
                SERVICE_SECRET | SERVICE_ADDRESSES,
        .about = "takes orders, catalogue and stock feeds from chains",
        .listen = "tcp://127.0.0.1:7100",
        .matcher = "tcp://127.0.0.1:7101",
        .inventory = "tcp://127.0.0.1:7102",
        .http = "127.0.0.1:8080",
        .admin = "",
        .options = options,
        .n_options = sizeof options / sizeof *options,
    };

    return service_main(argc, argv, &intake_service, &ports);
}
