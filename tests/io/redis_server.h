/* redis_server: a private redis-server on a unix socket in a directory of its own, killed and gone
 * with the test. */
#ifndef LC_TESTS_IO_REDIS_SERVER_H
#define LC_TESTS_IO_REDIS_SERVER_H

#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct redis_server {
    pid_t pid;
    char dir[64];
    char address[96]; /* unix:... */
};

/* redis_server_start: in the directory of before, when there is one. extra: one more "--name",
 * "value" or NULLs. */
static inline void
redis_server_start(struct redis_server *s, const char *name, const char *value)
{
    char path[96];

    if (s->dir[0] == '\0') {
        snprintf(s->dir, sizeof s->dir, "/tmp/lc-redis-XXXXXX");
        CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(s->dir));
    }
    snprintf(s->address, sizeof s->address, "unix:%s/s", s->dir);
    snprintf(path, sizeof path, "%s/s", s->dir);
    s->pid = fork();
    CU_ASSERT_FATAL(s->pid >= 0);
    if (s->pid == 0) {
        int null = open("/dev/null", O_RDWR);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of the test */
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--dir", s->dir,
               "--save", "", "--appendonly", "yes", "--appendfsync", "always", name, value,
               (char *)NULL);
        _exit(127);
    }
}

static inline void
redis_server_kill(struct redis_server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
}

static inline void
redis_server_end(struct redis_server *s)
{
    char command[128];

    redis_server_kill(s);
    snprintf(command, sizeof command, "rm -rf '%s'", s->dir);
    CU_ASSERT_EQUAL(system(command), 0);
    *s = (struct redis_server){0};
}

#endif
