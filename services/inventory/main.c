#include "inventory/inventory.h"

#include "io/service.h"

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"place-calls", OPTION_NUMBER, "2", "order_place calls under way at once, 1 to 64", false},
        {"place-batch", OPTION_NUMBER, "128", "orders in one call", false},
        {"place-queue", OPTION_NUMBER, "8192",
         "orders that may wait for a call; more are answered UNAVAILABLE", false},
        {"expire-slack-s", OPTION_NUMBER, "7200",
         "seconds past its promise after which a reservation that never proceeded is released",
         false},
        {"expire-every-s", OPTION_NUMBER, "15", "seconds between looks for such reservations",
         false},
        {"queues-every-s", OPTION_NUMBER, "5",
         "seconds between looks at what is due, for /metrics; 0: never", false},
    };
    static const struct service_ports ports = {
        .uses = SERVICE_LISTENS | SERVICE_PUBLISHES | SERVICE_ROUTERS,
        .about = "takes the stock, writes the orders",
        .listen = "tcp://127.0.0.1:7102",
        .news = "tcp://127.0.0.1:7112",
        .router = "tcp://127.0.0.1:7103",
        .admin = "127.0.0.1:8082",
        .options = options,
        .n_options = sizeof options / sizeof *options,
    };

    return service_main(argc, argv, &inventory_service, &ports);
}
