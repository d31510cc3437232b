#include "echo_core.h"

#include "io/service.h"

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"greeting", OPTION_TEXT, "hello", "what to say", false},
        {"patience", OPTION_NUMBER, "3", "how much", false},
    };
    static const struct service_ports ports = {
        .uses = SERVICE_LISTENS | SERVICE_PUBLISHES | SERVICE_FOLLOWS | SERVICE_ROUTERS |
                SERVICE_HTTP | SERVICE_CALLS | SERVICE_SECRET,
        .about = "answers what it is told",
        .listen = "",
        .news = "",
        .follow = "",
        .router = "",
        .http = "",
        .admin = "",
        .options = options,
        .n_options = sizeof options / sizeof *options,
    };

    return service_main(argc, argv, &echo_service, &ports);
}
