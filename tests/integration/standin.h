/* standin: the stand-in for OSRM and Valhalla as a process of a test's own. What goes wrong here
 * fails the running CUnit test. */
#ifndef LC_TESTS_STANDIN_H
#define LC_TESTS_STANDIN_H

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct standin {
    pid_t pid;
    int port;
};

/* standin_start: on this port, 0 = a free one. */
static inline void
standin_start(struct standin *s, int port)
{
    int out[2];
    char word[16] = "";

    CU_ASSERT_EQUAL_FATAL(pipe(out), 0);
    snprintf(word, sizeof word, "%d", port);
    s->pid = fork();
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        execl(OSRM_STANDIN, "osrm_standin", word, NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL_FATAL(fscanf(f, "%d", &s->port), 1);
    fclose(f);
}

/* standin_kill: nobody listens there any more. */
static inline void
standin_kill(struct standin *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    s->pid = 0;
}

/* standin_tell: GET /_/what; the number it answers. */
static inline long
standin_tell(const struct standin *s, const char *what)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[256] = "";
    size_t n = 0;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    int want = snprintf(text, sizeof text, "GET /_/%s HTTP/1.0\r\n\r\n", what);
    CU_ASSERT_EQUAL_FATAL(write(fd, text, (size_t)want), want);
    memset(text, 0, sizeof text);
    while (n < sizeof text - 1 && (n < 4 || text[n - 1] != '\n' || text[n - 2] == '\r')) {
        ssize_t more = read(fd, text + n, sizeof text - 1 - n);
        if (more <= 0)
            break;
        n += (size_t)more;
    }
    close(fd);
    const char *body = strstr(text, "\r\n\r\n");
    if (body == NULL)
        printf("\n    /_/%s: \"%s\"\n", what, text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    return body == NULL ? -1 : strtol(body + 4, NULL, 10);
}

/* standin_fault: misbehaves so from now on. */
static inline void
standin_fault(const struct standin *s, const char *name)
{
    char what[32];

    snprintf(what, sizeof what, "fault/%s", name);
    standin_tell(s, what);
}

static inline long
standin_requests(const struct standin *s)
{
    return standin_tell(s, "requests");
}

#endif
