/* lcctl drain: a daemon finishes what it has begun, and leaves. */
#include "base/json_out.h"
#include "lcctl/http.h"
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WAIT_S = 15, WAIT_MOST_S = 3600, PAUSE_NS = 50000000 };

static time_t
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* what has become of it: "left" and "leaving" are what it said itself, or that nobody listens there
 * any more. "no_answer": something listens, and says nothing. */
enum state { LEFT, LEAVING, NO_ANSWER };

/* leave: until nobody listens there any more, or somebody who does not leave: the next one. */
static enum state
leave(const char *address, long wait_s)
{
    const struct timespec pause = {0, PAUSE_NS};
    struct buf b = {0};
    time_t end = seconds() + wait_s;
    enum state state = LEAVING;

    do {
        int status = http_ask(address, "GET", "/readyz", &b);
        if (status == HTTP_SILENT || b.failed)
            state = NO_ANSWER;
        else if (status == HTTP_NOBODY || strncmp(b.p, "stopping", 8) != 0)
            state = LEFT;
        else
            state = LEAVING;
        if (state == LEAVING)
            nanosleep(&pause, NULL);
    } while (state != LEFT && seconds() <= end);
    buf_free(&b);
    return state;
}

static int
show_state(struct ctl *c, const char *daemon, enum state state)
{
    static const char *const names[] = {"left", "leaving", "no_answer"};
    struct buf b = {0};
    struct json_out w = json_out_to(&b);
    int done = state == LEFT ? EXIT_SUCCESS : state == LEAVING ? EXIT_NOT_SO : EXIT_FAILED;

    if (c->json) {
        json_out_object(&w, NULL);
        json_out_cstr(&w, "daemon", daemon);
        json_out_cstr(&w, "state", names[state]);
        json_out_bool(&w, "left", state == LEFT);
        json_out_end(&w);
        int shown = show_json(&b);
        return shown == EXIT_SUCCESS ? done : shown;
    }
    if (state == LEFT)
        printf("%s has left\n", daemon);
    else if (state == LEAVING)
        fprintf(stderr, "lcctl: %s is leaving, and has not left yet\n", daemon);
    else
        fprintf(stderr,
                "lcctl: %s: no answer: something listens there and is silent; whether it has heard "
                "that it is to leave is not known\n",
                daemon);
    return done;
}

int
cmd_drain(struct ctl *c, struct args *a)
{
    const char *wait = args_option(a, "wait", NULL);
    const char *daemon = args_next(a);
    uint32_t wait_s = WAIT_S;
    char address[HTTP_ADDRESS];
    struct buf b = {0};

    if (daemon == NULL || !args_done(a) ||
        (wait != NULL && !args_number("wait", wait, 0, WAIT_MOST_S, &wait_s)))
        return EXIT_USAGE;
    int status = http_ask_any(daemon, "POST", "/drain", &b, address);
    buf_free(&b);
    if (status < 0)
        return EXIT_USAGE;
    if (status == HTTP_SILENT)
        return show_state(c, daemon, NO_ANSWER);
    if (status == 202 && !c->json) { /* at once: who runs in its container ends with it */
        printf("%s finishes what it has begun, and leaves\n", daemon);
        fflush(stdout);
    }
    if (status == 202)
        return show_state(c, daemon, leave(address, wait_s));
    fprintf(stderr, "lcctl: %s: %s\n", daemon,
            status == HTTP_NOBODY ? "nobody listens there"
            : status == 403       ? "it listens to its own machine alone"
                                  : "this is not the admin port of a daemon");
    return status == HTTP_NOBODY ? EXIT_FAILED : EXIT_NOT_SO;
}
