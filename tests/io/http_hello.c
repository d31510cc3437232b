/* http_hello ADDRESS: the smallest server over http_server, to measure what the edge itself costs.
 */
#include "io/http_server.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

static struct http_server *server;

static void
on_request(void *ctx, uint64_t id, const struct http_request *req)
{
    (void)ctx, (void)req;
    (void)http_respond(server, id, 200, "text/plain", (struct slice){0}, SLICE_LIT("hello\n"));
}

int
main(int argc, char **argv)
{
    static const struct http_handlers handlers = {.on_request = on_request};
    struct event_base *base = event_base_new();
    uint16_t port;

    if (argc != 2 || base == NULL)
        return EXIT_FAILURE;
    server = http_server_new(base, NULL, &handlers, NULL);
    if (server == NULL || http_server_listen(server, argv[1], &port) != LC_OK)
        return EXIT_FAILURE;
    printf("%u\n", port);
    fflush(stdout);
    event_base_dispatch(base);
    return EXIT_SUCCESS;
}
