/* The commands that need nothing but the system: secret, ports. */
#include "lcctl/lcctl.h"

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

    (void)c;
    if (!args_done(a))
        return EXIT_USAGE;
    ctl_random(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        printf("%02x", bytes[i]);
    putchar('\n');
    return EXIT_SUCCESS;
}

int
cmd_ports(struct ctl *c, struct args *a)
{
    const char *word = args_next(a);
    long n = word == NULL ? 0 : strtol(word, NULL, 10);
    int fds[64];

    (void)c;
    if (n < 1 || n > 64 || !args_done(a))
        return EXIT_USAGE;
    /* all stay bound until all are known, so that no port comes twice */
    for (long i = 0; i < n; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof at;
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (fds[i] < 0 || bind(fds[i], (struct sockaddr *)&at, sizeof at) != 0 ||
            getsockname(fds[i], (struct sockaddr *)&at, &length) != 0) {
            perror("lcctl: ports");
            return EXIT_FAILED;
        }
        printf("%u\n", ntohs(at.sin_port));
    }
    for (long i = 0; i < n; i++)
        close(fds[i]);
    return EXIT_SUCCESS;
}
