#include "io/loop.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum { POOL = 32 };

enum { SIGNALS = 3 };

struct loop {
    struct event_base *base;
    struct event *signals[SIGNALS];
    unsigned stopping;
    bool hung_up;
    int64_t wall_ms; /* shown last */
    int64_t mono_ms; /* then */
    uint64_t pool[POOL];
    size_t left;
};

static void
on_signal(evutil_socket_t number, short what, void *ctx)
{
    struct loop *l = ctx;

    (void)what;
    if (number == SIGHUP)
        l->hung_up = true;
    else
        l->stopping++;
}

static int64_t
clock_ms(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct loop *
loop_new(void)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
    struct loop *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    signal(SIGPIPE, SIG_IGN);
    l->wall_ms = loop_wall_ms();
    l->mono_ms = clock_ms(CLOCK_MONOTONIC);
    l->base = event_base_new();
    for (size_t i = 0; l->base != NULL && i < SIGNALS; i++) {
        l->signals[i] = evsignal_new(l->base, numbers[i], on_signal, l);
        if (l->signals[i] == NULL || event_add(l->signals[i], NULL) != 0)
            break;
        if (i == SIGNALS - 1)
            return l;
    }
    loop_destroy(l);
    return NULL;
}

void
loop_destroy(struct loop *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < SIGNALS; i++)
        if (l->signals[i] != NULL)
            event_free(l->signals[i]);
    if (l->base != NULL)
        event_base_free(l->base);
    free(l);
}

struct event_base *
loop_base(struct loop *l)
{
    return l->base;
}

int64_t
loop_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t
loop_mono_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

int64_t
loop_now_ms(struct loop *l)
{
    int64_t mono_ms = clock_ms(CLOCK_MONOTONIC);
    int64_t wall_ms = loop_wall_ms();
    int64_t passed_ms = mono_ms - l->mono_ms;

    if (wall_ms >= l->wall_ms) {
        l->wall_ms = wall_ms;
        l->mono_ms = mono_ms;
    } else if (passed_ms >= 2) {
        l->wall_ms += passed_ms / 2;
        l->mono_ms = mono_ms;
    }
    return l->wall_ms;
}

uint64_t
loop_entropy(struct loop *l)
{
    if (l->left == 0) {
        /* 256 bytes: never short, never interrupted (getrandom(2)) once the pool is ready at boot
         */
        while (getrandom(l->pool, sizeof l->pool, 0) != (ssize_t)sizeof l->pool)
            continue;
        l->left = POOL;
    }
    return l->pool[--l->left];
}

unsigned
loop_stopping(const struct loop *l)
{
    return l->stopping;
}

bool
loop_hung_up(struct loop *l)
{
    bool yes = l->hung_up;

    l->hung_up = false;
    return yes;
}

enum lc_err
loop_run_once(struct loop *l)
{
    return event_base_loop(l->base, EVLOOP_ONCE) < 0 ? LC_EIO : LC_OK;
}

struct loop_timer {
    struct event *event;
    void (*fire)(void *ctx);
    void *ctx;
};

static void
on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct loop_timer *t = ctx;

    (void)fd;
    (void)what;
    t->fire(t->ctx);
}

struct loop_timer *
loop_timer_new(struct loop *l, void (*fire)(void *ctx), void *ctx)
{
    struct loop_timer *t = calloc(1, sizeof *t);

    if (t == NULL)
        return NULL;
    t->fire = fire;
    t->ctx = ctx;
    t->event = evtimer_new(l->base, on_timer, t);
    if (t->event == NULL) {
        free(t);
        return NULL;
    }
    return t;
}

void
loop_timer_set(struct loop_timer *t, int64_t after_ms)
{
    int64_t ms = after_ms > 0 ? after_ms : 0;
    struct timeval after = {ms / 1000, ms % 1000 * 1000};

    event_add(t->event, &after);
}

void
loop_timer_stop(struct loop_timer *t)
{
    event_del(t->event);
}

void
loop_timer_free(struct loop_timer *t)
{
    if (t == NULL)
        return;
    event_free(t->event);
    free(t);
}

struct loop_watch {
    struct event *read;
    struct event *write;
    bool reading;
    bool writing;
    void (*ready)(void *ctx);
    void *ctx;
};

static void
on_ready(evutil_socket_t fd, short what, void *ctx)
{
    struct loop_watch *w = ctx;

    (void)fd;
    (void)what;
    w->ready(w->ctx);
}

struct loop_watch *
loop_watch_new(struct loop *l, int fd, void (*ready)(void *ctx), void *ctx)
{
    struct loop_watch *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    w->ready = ready;
    w->ctx = ctx;
    w->read = event_new(l->base, fd, EV_READ | EV_PERSIST, on_ready, w);
    w->write = event_new(l->base, fd, EV_WRITE | EV_PERSIST, on_ready, w);
    if (w->read == NULL || w->write == NULL) {
        loop_watch_free(w);
        return NULL;
    }
    return w;
}

static void
want(struct event *event, bool *is, bool wanted)
{
    if (*is == wanted)
        return;
    if (wanted)
        event_add(event, NULL);
    else
        event_del(event);
    *is = wanted;
}

void
loop_watch_want(struct loop_watch *w, bool read, bool write)
{
    want(w->read, &w->reading, read);
    want(w->write, &w->writing, write);
}

void
loop_watch_wake(struct loop_watch *w)
{
    event_active(w->read, EV_READ, 0);
}

void
loop_watch_free(struct loop_watch *w)
{
    if (w == NULL)
        return;
    if (w->read != NULL)
        event_free(w->read);
    if (w->write != NULL)
        event_free(w->write);
    free(w);
}
