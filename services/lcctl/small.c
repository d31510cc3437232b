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

/* not_of_connections: up to which port the system gives none to outgoing connections, above 10,000;
 * 0 when that leaves too few. Linux, ip-sysctl: ip_local_port_range. */
static unsigned
not_of_connections(void)
{
    FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    unsigned low = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%u", &low) != 1 || low < 20000 || low > 65535)
        low = 0;
    fclose(f);
    return low;
}

/* bind_free: a port of the loopback. One the system may give to a connection could be gone before
 * its server is up: others first, by lot so that two who ask get two. */
static bool
bind_free(int fd, struct sockaddr_in *at)
{
    unsigned below = not_of_connections();
    socklen_t length = sizeof *at;
    uint16_t lot;

    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int tries = 0; below > 0 && tries < 20; tries++) {
        ctl_random(&lot, sizeof lot);
        at->sin_port = htons((uint16_t)(10000 + lot % (below - 10000)));
        if (bind(fd, (struct sockaddr *)at, length) == 0)
            return true;
    }
    at->sin_port = 0;
    return bind(fd, (struct sockaddr *)at, length) == 0 &&
           getsockname(fd, (struct sockaddr *)at, &length) == 0;
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
        struct sockaddr_in at;
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (fds[i] < 0 || !bind_free(fds[i], &at)) {
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
