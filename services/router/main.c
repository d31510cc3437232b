#include "router/router.h"

#include "io/service.h"

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"offer-ttl-s", OPTION_NUMBER, "45", "how long a courier may think about an offer", false},
        {"offer-slack-s", OPTION_NUMBER, "30", "offers leave this much before they must", false},
        {"accept-s", OPTION_NUMBER, "20", "assumed until an offer is accepted", false},
        {"vanish-s", OPTION_NUMBER, "120", "without a position for so long a courier has vanished",
         false},
        {"position-s", OPTION_NUMBER, "300",
         "so long after it came a courier's last position stays in Redis; at the end of the shift "
         "it goes at once",
         false},
        {"ban-s", OPTION_NUMBER, "600",
         "a declined order is not offered to the same courier again for so long", false},
        {"rest-s", OPTION_NUMBER, "300", "a silent courier gets no offer for so long", false},
        {"pin-lock-s", OPTION_NUMBER, "600", "after too many wrong PINs", false},
        {"poll-ms", OPTION_NUMBER, "250",
         "how often events and the catalogue are looked at without being told", false},
        {"pickup-s", OPTION_NUMBER, "60", "at the store", false},
        {"dropoff-s", OPTION_NUMBER, "120", "at the door", false},
        {"bundle-s", OPTION_NUMBER, "60",
         "what must be offered so soon anyway goes out with an offer to the same courier", false},
        {"eta-change-s", OPTION_NUMBER, "60", "an ETA that changes by less is not told", false},
        {"resequence-gain-s", OPTION_NUMBER, "120",
         "accepted stops get another sequence when customers gain so much by it; 0 = never", false},
        {"improve-iterations", OPTION_NUMBER, "500",
         "of a slice of the plan that is improved on a thread beside the loop, one after the "
         "other; 0 = single moves on the loop instead",
         false},
        {"improve-couriers", OPTION_NUMBER, "32", "neighbouring couriers of a slice, up to 64",
         false},
        {"learn-speeds", OPTION_TEXT, "off",
         "from couriers' rides, by mode and hour of the week: off, watch (count and show them), on "
         "(travel times of the map follow, once enough were seen)",
         false},
        {"learn-least", OPTION_NUMBER, "30",
         "rides in an hour of the week, and at half their number in those like it, before its "
         "travel times differ from the map's",
         false},
        {"learn-every-s", OPTION_NUMBER, "300", "how often that is looked at, and kept", false},
        {"speedup", OPTION_NUMBER, "1", "simulations only: travel takes this many times less",
         false},
    };
    static const struct service_ports ports = {
        .uses =
            SERVICE_LISTENS | SERVICE_PUBLISHES | SERVICE_FOLLOWS | SERVICE_SECRET | SERVICE_ROADS,
        .about = "plans the couriers' routes",
        .listen = "tcp://127.0.0.1:7103",
        .news = "tcp://127.0.0.1:7113",
        .follow = "tcp://127.0.0.1:7112",
        .admin = "127.0.0.1:8083",
        .options = options,
        .n_options = sizeof options / sizeof *options,
    };

    return service_main(argc, argv, &router_service, &ports);
}
