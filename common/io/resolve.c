#include "io/resolve.h"

#include "io/loop.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct question {
    struct question *next;
    void (*answered)(void *ctx, const struct resolved *result);
    void *ctx;
    struct resolved result;
    char name[];
};

struct queue {
    struct question *first;
    struct question **last;
};

struct resolver {
    struct loop_watch *watch;
    int fd; /* an eventfd: answers are there */
    bool started;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    bool stop;
    bool busy; /* a question is with the system */
    struct queue asked;
    struct queue answered;
};

static void
push(struct queue *q, struct question *one)
{
    one->next = NULL;
    *q->last = one;
    q->last = &one->next;
}

static struct question *
pop(struct queue *q)
{
    struct question *one = q->first;

    if (one == NULL)
        return NULL;
    q->first = one->next;
    if (q->first == NULL)
        q->last = &q->first;
    return one;
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void
drop_doubles(struct resolved *r)
{
    size_t kept = 0;

    qsort(r->address, r->n, sizeof r->address[0], by_text);
    for (size_t i = 0; i < r->n; i++)
        if (kept == 0 || strcmp(r->address[kept - 1], r->address[i]) != 0)
            memmove(r->address[kept++], r->address[i], sizeof r->address[0]);
    r->n = kept;
}

static void
look_up(const char *name, int flags, struct resolved *r)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *list = NULL;

    r->n = 0;
    if (getaddrinfo(name, NULL, &hints, &list) != 0)
        return;
    for (const struct addrinfo *a = list; a != NULL && r->n < RESOLVE_ADDRESSES; a = a->ai_next)
        if (getnameinfo(a->ai_addr, a->ai_addrlen, r->address[r->n], sizeof r->address[0], NULL, 0,
                        NI_NUMERICHOST) == 0)
            r->n++;
    freeaddrinfo(list);
    drop_doubles(r);
}

static void *
work(void *ctx)
{
    struct resolver *r = ctx;
    const uint64_t one = 1;

    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        struct question *q = pop(&r->asked);
        if (q == NULL) {
            pthread_cond_wait(&r->wake, &r->lock);
            continue;
        }
        r->busy = true;
        pthread_mutex_unlock(&r->lock);
        look_up(q->name, 0, &q->result);
        pthread_mutex_lock(&r->lock);
        r->busy = false;
        push(&r->answered, q);
        while (write(r->fd, &one, sizeof one) < 0) /* an eventfd only says EINTR here */
            continue;
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void
on_answers(void *ctx)
{
    struct resolver *r = ctx;
    uint64_t count;
    ssize_t got = read(r->fd, &count, sizeof count);

    (void)got; /* nothing there: woken for numeric addresses */
    for (;;) {
        pthread_mutex_lock(&r->lock);
        struct question *q = pop(&r->answered);
        pthread_mutex_unlock(&r->lock);
        if (q == NULL)
            return;
        q->answered(q->ctx, &q->result);
        free(q);
    }
}

struct resolver *
resolver_new(struct loop *l)
{
    struct resolver *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, NULL);
    r->asked.last = &r->asked.first;
    r->answered.last = &r->answered.first;
    r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->watch = r->fd >= 0 ? loop_watch_new(l, r->fd, on_answers, r) : NULL;
    if (r->watch == NULL) {
        resolver_destroy(r);
        return NULL;
    }
    loop_watch_want(r->watch, true, false);
    return r;
}

void
resolver_destroy(struct resolver *r)
{
    struct question *q;

    if (r == NULL)
        return;
    if (r->started) {
        pthread_mutex_lock(&r->lock);
        r->stop = true;
        bool busy = r->busy;
        pthread_cond_signal(&r->wake);
        pthread_mutex_unlock(&r->lock);
        if (busy) {
            pthread_detach(r->thread);
            loop_watch_free(r->watch);
            return;
        }
        pthread_join(r->thread, NULL);
    }
    while ((q = pop(&r->asked)) != NULL || (q = pop(&r->answered)) != NULL)
        free(q);
    loop_watch_free(r->watch);
    if (r->fd >= 0)
        close(r->fd);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* Signals are the loop's: the thread takes none. */
static bool
start_thread(struct resolver *r)
{
    sigset_t all;
    sigset_t before;

    if (r->started)
        return true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r->started = pthread_create(&r->thread, NULL, work, r) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r->started;
}

enum lc_err
resolver_ask(struct resolver *r, const char *name,
             void (*answered)(void *ctx, const struct resolved *result), void *ctx)
{
    size_t n = strlen(name);
    struct question *q = calloc(1, sizeof *q + n + 1);

    if (q == NULL)
        return LC_ENOMEM;
    memcpy(q->name, name, n);
    q->answered = answered;
    q->ctx = ctx;
    look_up(name, AI_NUMERICHOST, &q->result);
    bool numeric = q->result.n > 0;
    if (!numeric && !start_thread(r)) {
        free(q);
        return LC_EIO;
    }
    pthread_mutex_lock(&r->lock);
    push(numeric ? &r->answered : &r->asked, q);
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    if (numeric)
        loop_watch_wake(r->watch);
    return LC_OK;
}
