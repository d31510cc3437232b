/* The commands that need nothing but the system: secret, ports. */
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int
cmd_secret(struct ctl *c, struct args *a)
{
    unsigned char bytes[32];
    struct buf b = {0};
    struct json_out w = json_out_to(&b);
    char text[2 * sizeof bytes + 1];

    if (!args_done(a))
        return EXIT_USAGE;
    ctl_random(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    if (!c->json)
        return puts(text) >= 0 ? EXIT_SUCCESS : EXIT_FAILED;
    json_out_object(&w, NULL);
    json_out_cstr(&w, "secret", text);
    json_out_end(&w);
    return show_json(&b);
}

int
cmd_ports(struct ctl *c, struct args *a)
{
    const char *word = args_next(a);
    long n = word == NULL ? 0 : strtol(word, NULL, 10);
    int fds[64];
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (n < 1 || n > 64 || !args_done(a))
        return EXIT_USAGE;
    json_out_array(&w, NULL);
    /* all stay bound until all are known, so that no port comes twice */
    for (long i = 0; i < n; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof at;
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (fds[i] < 0 || bind(fds[i], (struct sockaddr *)&at, sizeof at) != 0 ||
            getsockname(fds[i], (struct sockaddr *)&at, &length) != 0) {
            perror("lcctl: ports");
            buf_free(&b);
            return EXIT_FAILED;
        }
        json_out_uint(&w, NULL, ntohs(at.sin_port));
        if (!c->json)
            printf("%u\n", ntohs(at.sin_port));
    }
    json_out_end(&w);
    for (long i = 0; i < n; i++)
        close(fds[i]);
    if (c->json)
        return show_json(&b);
    buf_free(&b);
    return EXIT_SUCCESS;
}
