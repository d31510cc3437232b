/* hold_port: a TCP port of the loopback for a server that a test starts, kills and starts again.
 *
 * A port that is found free and let go may be given to anybody's outgoing connection before its
 * server takes it, and again whenever the server is down: then the server cannot come up. A socket
 * that is bound and never listens keeps everybody else away, and lets in whoever sets SO_REUSEADDR:
 * Redis, libevent and libzmq do. */
#ifndef LC_TESTS_HOLD_PORT_H
#define LC_TESTS_HOLD_PORT_H

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* The socket, to be closed when the server is gone for good. */
static inline int
hold_port(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    /* bound without it, or another test could be given the same port */
    CU_ASSERT_FATAL(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
                    getsockname(fd, (struct sockaddr *)&at, &n) == 0 &&
                    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
    *port = ntohs(at.sin_port);
    return fd;
}

#endif
