/* lcctl ready: one question to a daemon's admin port, for health checks of containers that have no
 * other HTTP client. */
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_S = 3, ANSWER_MAX = 4096 };

static int
connect_to(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const struct timeval patience = {PATIENCE_S, 0};
    struct addrinfo *list = NULL;
    int fd = -1;

    if (getaddrinfo(host, port, &hints, &list) != 0)
        return -1;
    for (const struct addrinfo *at = list; at != NULL && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

/* ask: the whole answer as far as it fits, ended by NUL; false when there was none. */
static bool
ask(int fd, const char *host, const char *path, char *answer, size_t cap)
{
    char request[600];
    size_t n = 0;
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host);

    if (length >= (int)sizeof request ||
        send(fd, request, (size_t)length, MSG_NOSIGNAL) != (ssize_t)length)
        return false;
    for (ssize_t got; n + 1 < cap && (got = recv(fd, answer + n, cap - n - 1, 0)) > 0;)
        n += (size_t)got;
    answer[n] = '\0';
    return n > 0;
}

int
cmd_ready(struct ctl *c, struct args *a)
{
    const char *address = args_next(a);
    const char *path = args_next(a);
    const char *colon = address == NULL ? NULL : strrchr(address, ':');
    char answer[ANSWER_MAX];
    char host[256];
    int status = 0;
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (!args_done(a) || colon == NULL || (size_t)(colon - address) >= sizeof host)
        return EXIT_USAGE;
    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    int fd = connect_to(host, colon + 1);
    bool heard = fd >= 0 && ask(fd, host, path == NULL ? "/readyz" : path, answer, sizeof answer);
    if (fd >= 0)
        close(fd);
    if (!heard || sscanf(answer, "HTTP/1.%*c %d", &status) != 1) {
        fprintf(stderr, "lcctl: %s: no answer\n", address);
        return EXIT_FAILED;
    }
    const char *body = strstr(answer, "\r\n\r\n");
    if (c->json) {
        json_out_object(&w, NULL);
        json_out_bool(&w, "ready", status == 200);
        json_out_int(&w, "status", status);
        json_out_cstr(&w, "said", body == NULL ? "" : body + 4);
        json_out_end(&w);
        if (show_json(&b) != EXIT_SUCCESS)
            return EXIT_FAILED;
    } else {
        fputs(body == NULL ? "" : body + 4, stdout);
    }
    return status == 200 ? EXIT_SUCCESS : EXIT_NOT_SO;
}
