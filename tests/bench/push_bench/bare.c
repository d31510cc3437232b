#include "push.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int orders = -1; /* to the process: a struct push_source a run */
static int process;

/* greet: what a phone of fleet.c expects before its first route. */
static int
greet(int listener)
{
    static const char answer[] =
        "HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x12{\"type\":\"welcome\"}";
    char request[1024];
    size_t n = 0;
    int on = 1;
    int fd = accept(listener, NULL, NULL);

    if (fd < 0)
        die("accept");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (memmem(request, n, "\r\n\r\n", 4) == NULL) {
        ssize_t more = recv(fd, request + n, sizeof request - n, 0);
        if (more <= 0)
            die("a phone");
        n += (size_t)more;
    }
    if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) != sizeof answer - 1)
        die("a phone");
    return fd;
}

static _Noreturn void
serve(struct push *p, int listener, int from)
{
    struct push_source source;
    int *fds = calloc(p->couriers + 1, sizeof *fds);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fds == NULL)
        die("memory");
    for (uint32_t i = 1; i <= p->couriers; i++)
        fds[i] = greet(listener);
    p->bare = fds;
    while (read(from, &source, sizeof source) == sizeof source)
        push_source(&source);
    _exit(EXIT_SUCCESS);
}

int
push_bare_start(struct push *p)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int ends[2];

    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listener, 1024) != 0 || getsockname(listener, (struct sockaddr *)&at, &n) != 0 ||
        pipe(ends) != 0)
        die("a listener");
    p->port = ntohs(at.sin_port);
    process = fork();
    if (process < 0)
        die("fork");
    if (process == 0) {
        close(ends[1]);
        serve(p, listener, ends[0]);
    }
    close(listener);
    close(ends[0]);
    orders = ends[1];
    return process;
}

void
push_bare_run(const struct push_source *source)
{
    if (write(orders, source, sizeof *source) != sizeof *source)
        die("the process that sends");
}

void
push_bare_end(void)
{
    close(orders);
    (void)waitpid(process, NULL, 0);
}
