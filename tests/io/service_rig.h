/* service_rig: the echo daemon over a Redis of its own, in a scratch folder; asked by HTTP through
 * a UNIX socket, told to end, and what it said. */
#ifndef LC_TESTS_IO_SERVICE_RIG_H
#define LC_TESTS_IO_SERVICE_RIG_H

#include "echo_core.h"
#include "redis_server.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

enum { WAIT_MS = 10000, ARGS = 24 };

/* The daemon under test, and what it said on stderr and stdout. */
static struct {
    struct redis_server redis;
    pid_t pid;
    int out;
    char dir[64];
    char http[96];
    char listen[96]; /* the flag; its endpoint is at listen + LISTEN */
} d;

enum { LISTEN = sizeof "--listen=" - 1 };

static inline int64_t
now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A short rest between two looks at a condition. */
static inline void
rest(void)
{
    poll(NULL, 0, 5);
}

static inline void
launch(const char *first, ...)
{
    const char *argv[ARGS] = {ECHO_DAEMON};
    size_t n = 1;
    int pipes[2];
    va_list ap;

    va_start(ap, first);
    for (const char *a = first; a != NULL && n < ARGS - 1; a = va_arg(ap, const char *))
        argv[n++] = a;
    va_end(ap);
    CU_ASSERT_EQUAL_FATAL(pipe2(pipes, O_CLOEXEC), 0);
    d.pid = fork();
    if (d.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(pipes[1], STDERR_FILENO);
        dup2(pipes[1], STDOUT_FILENO);
        execv(argv[0], (char **)argv);
        _exit(127);
    }
    close(pipes[1]);
    d.out = pipes[0];
}

/* Its exit status, and all it said. */
static inline int
await_exit(char *said, size_t room)
{
    struct pollfd ready = {.fd = d.out, .events = POLLIN};
    size_t n = 0;
    ssize_t got = 1;
    int status = 0;

    /* the pipe ends when it does */
    while (got > 0 && n + 1 < room) {
        if (poll(&ready, 1, 2 * WAIT_MS) == 0) {
            kill(d.pid, SIGKILL);
            printf("\n  had to be killed\n");
        }
        got = read(d.out, said + n, room - n - 1);
        n += got > 0 ? (size_t)got : 0;
    }
    said[n] = '\0';
    close(d.out);
    CU_ASSERT_EQUAL(waitpid(d.pid, &status, 0), d.pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline void
begin(const char *record)
{
    signal(SIGPIPE, SIG_IGN);
    memset(&d, 0, sizeof d);
    snprintf(d.dir, sizeof d.dir, "/tmp/lc-service-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(d.dir));
    snprintf(d.http, sizeof d.http, "unix:%s/http", d.dir);
    snprintf(d.listen, sizeof d.listen, "--listen=ipc://%s/work", d.dir);
    redis_server_start(&d.redis, NULL, NULL);
    launch("--city", "bal", "--city-secret", SECRET, "--redis", d.redis.address, "--http", d.http,
           d.listen, "--record", record, NULL);
}

static inline int
finish(char *said, size_t room)
{
    char command[128];

    kill(d.pid, SIGTERM);
    int status = await_exit(said, room);
    redis_server_end(&d.redis);
    snprintf(command, sizeof command, "rm -rf '%s'", d.dir);
    CU_ASSERT_EQUAL(system(command), 0);
    return status;
}

/* ---- a small HTTP client ---- */

static inline int
try_dial(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval most = {WAIT_MS / 1000, 0};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    snprintf(to.sun_path, sizeof to.sun_path, "%.*s", (int)sizeof to.sun_path - 1,
             d.http + strlen("unix:"));
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline int
dial(void)
{
    int fd = try_dial();

    for (int64_t end_ms = now_ms() + WAIT_MS; fd < 0 && now_ms() < end_ms; fd = try_dial())
        rest();
    return fd;
}

static inline void
await_closed(void)
{
    int fd = try_dial();

    for (int64_t end_ms = now_ms() + WAIT_MS; fd >= 0 && now_ms() < end_ms; fd = try_dial()) {
        close(fd);
        rest();
    }
    CU_ASSERT(fd < 0);
}

static inline void
say(int fd, const char *text)
{
    CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* The status of the answer; body = what is behind the head. */
static inline int
hear(int fd, char *body, size_t room)
{
    static char all[65536];
    size_t n = 0;
    ssize_t got;

    while (n < sizeof all - 1 && (got = read(fd, all + n, sizeof all - 1 - n)) > 0)
        n += (size_t)got;
    close(fd);
    all[n] = '\0';
    const char *end = strstr(all, "\r\n\r\n");
    snprintf(body, room, "%s", end == NULL ? "" : end + 4);
    return strncmp(all, "HTTP/1.1 ", 9) == 0 ? atoi(all + 9) : 0;
}

static inline int
get(const char *path, char *body, size_t room)
{
    char request[256];
    int fd = dial();

    CU_ASSERT_FATAL(fd >= 0);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
             path);
    say(fd, request);
    return hear(fd, body, room);
}

static inline void
await(const char *path, int status)
{
    char body[256];
    int got = 0;

    for (int64_t end_ms = now_ms() + WAIT_MS; now_ms() < end_ms && got != status; rest())
        got = get(path, body, sizeof body);
    CU_ASSERT_EQUAL_FATAL(got, status);
}

static inline void
await_ready(int status)
{
    await("/readyz", status);
}

#endif
