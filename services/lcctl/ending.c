#include "lcctl/ending.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

static volatile sig_atomic_t asked;

static void
on_signal(int number)
{
    (void)number;
    asked = 1;
}

void
ending_begin(void)
{
    const struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
}

bool
ending_asked(void)
{
    return asked;
}

void
ending_wait(int64_t ms)
{
    const struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    sigset_t both, before;

    /* blocked but while it waits: one that comes behind the question is not slept over */
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    sigprocmask(SIG_BLOCK, &both, &before);
    if (!asked)
        (void)ppoll(NULL, 0, &t, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
}
