/* lcctl drain: a daemon finishes what it has begun, and leaves. */
#include "lcctl/http.h"
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WAIT_S = 15, WAIT_MOST_S = 3600, PAUSE_NS = 50000000 };

static time_t
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* left: until nobody answers there any more, or somebody who does not leave: the next one. */
static bool
left(const char *address, long wait_s)
{
    const struct timespec pause = {0, PAUSE_NS};
    struct buf b = {0};
    time_t end = seconds() + wait_s;
    bool gone = false;

    while (!gone && seconds() <= end) {
        int status = http_ask(address, "GET", "/readyz", &b);
        gone = status == 0 || b.failed || strncmp(b.p, "stopping", 8) != 0;
        if (!gone)
            nanosleep(&pause, NULL);
    }
    buf_free(&b);
    return gone;
}

int
cmd_drain(struct ctl *c, struct args *a)
{
    const char *wait = args_option(a, "wait", NULL);
    const char *daemon = args_next(a);
    char *end = NULL;
    long wait_s = wait == NULL ? WAIT_S : strtol(wait, &end, 10);
    char address[HTTP_ADDRESS];
    struct buf b = {0};

    if (daemon == NULL || !args_done(a) || wait_s < 0 || wait_s > WAIT_MOST_S ||
        (wait != NULL && (*wait == '\0' || *end != '\0')))
        return EXIT_USAGE;
    int status = http_ask_any(daemon, "POST", "/drain", &b, address);
    if (status >= 0 && status != 202)
        fprintf(stderr, "lcctl: %s: %s\n", daemon,
                status == 0     ? "no answer"
                : status == 403 ? "it listens to its own machine alone"
                                : "this is not the admin port of a daemon");
    buf_free(&b);
    if (status < 0)
        return EXIT_USAGE;
    if (status != 202)
        return status == 0 ? EXIT_FAILED : EXIT_NOT_SO;
    if (!left(address, wait_s)) {
        fprintf(stderr, "lcctl: %s is leaving, and has not left after %ld s\n", daemon, wait_s);
        return EXIT_NOT_SO;
    }
    return show_done(c, "daemon", daemon, "left", "%s has left", daemon);
}
