/* One thread beside the loop, for what a core wants done that takes too long for a step. The thread
 * sees the job's bytes and the shell's map, nothing else; jobs and answers change hands
 * under a lock, and a pipe tells the loop. */
#include "io/service_own.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WORK_NICE = 5 }; /* the loop goes first */

struct job {
    struct job *next;
    uint64_t tag;
    struct buf bytes; /* the job, then the answer */
    enum lc_err err;
};

struct worker {
    const struct service *service;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t more;
    pthread_cond_t idle;
    struct job *waiting, **waiting_end; /* owned, oldest first */
    struct job *done, **done_end;       /* the same */
    bool stop;
    bool busy;                  /* with a job; until then the map stays */
    struct roads_travel travel; /* over the shell's map, for this thread alone, */
    bool has_map;               /* when there is one */
    int told[2];                /* a pipe: the thread writes when the list of answers was empty */
    struct loop_watch *watch;
};

static void
push(struct job **list, struct job ***end, struct job *j)
{
    if (*list == NULL)
        *end = list;
    j->next = NULL;
    **end = j;
    *end = &j->next;
}

static void
job_free(struct job *j)
{
    buf_free(&j->bytes);
    free(j);
}

static void
tell(const struct worker *w)
{
    while (write(w->told[1], "", 1) < 0 && errno == EINTR)
        ; /* full is fine: it is told already */
}

static void
do_job(const struct worker *w, struct job *j)
{
    struct buf answer = {0};

    j->err = w->service->work(w->has_map ? &w->travel.travel : NULL, buf_slice(&j->bytes), &answer);
    if (j->err == LC_OK && answer.failed)
        j->err = LC_ENOMEM;
    buf_free(&j->bytes);
    j->bytes = answer;
}

static void *
work(void *ctx)
{
    struct worker *w = ctx;

    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), WORK_NICE);
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        struct job *j = w->waiting;
        if (j == NULL) {
            pthread_cond_wait(&w->more, &w->lock);
            continue;
        }
        w->waiting = j->next;
        w->busy = true;
        pthread_mutex_unlock(&w->lock);
        do_job(w, j);
        pthread_mutex_lock(&w->lock);
        w->busy = false;
        pthread_cond_signal(&w->idle);
        bool first = w->done == NULL;
        push(&w->done, &w->done_end, j);
        if (first)
            tell(w);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void
on_done(void *ctx)
{
    struct shell *s = ctx;
    struct worker *w = s->worker;
    char some[64];

    while (read(w->told[0], some, sizeof some) == (ssize_t)sizeof some)
        ;
    pthread_mutex_lock(&w->lock);
    struct job *list = w->done;
    w->done = NULL;
    pthread_mutex_unlock(&w->lock);
    while (list != NULL) {
        struct job *j = list;
        struct event ev = {.kind = EVENT_WORK, .ref = j->tag, .status = -(int)j->err};
        list = j->next;
        if (j->err == LC_OK)
            ev.bytes = buf_slice(&j->bytes);
        (void)shell_feed(s, &ev); /* counted and logged: the core asks again */
        job_free(j);
    }
}

enum lc_err
shell_work_start(struct shell *s)
{
    if (s->service->work == NULL)
        return LC_OK;
    struct worker *w = calloc(1, sizeof *w);
    if (w == NULL)
        return LC_ENOMEM;
    w->service = s->service;
    if (pipe2(w->told, O_NONBLOCK | O_CLOEXEC) != 0) {
        free(w);
        return LC_EIO;
    }
    pthread_mutex_init(&w->lock, NULL); /* these two never fail on Linux */
    pthread_cond_init(&w->more, NULL);
    pthread_cond_init(&w->idle, NULL);
    w->watch = loop_watch_new(s->loop, w->told[0], on_done, s);
    enum lc_err err = w->watch == NULL ? LC_ENOMEM : LC_OK;
    if (err == LC_OK && pthread_create(&w->thread, NULL, work, w) != 0)
        err = LC_EIO;
    if (err != LC_OK) {
        loop_watch_free(w->watch);
        close(w->told[0]);
        close(w->told[1]);
        free(w);
        return err;
    }
    loop_watch_want(w->watch, true, false);
    s->worker = w;
    return LC_OK;
}

enum lc_err
shell_work_map(struct shell *s, const struct roads *roads)
{
    struct worker *w = s->worker;
    struct roads_travel travel;
    enum lc_err err = LC_OK;

    if (w == NULL)
        return LC_OK;
    if (roads != NULL)
        err = roads_travel_init(&travel, roads, ROADS_SNAP_M);
    if (err != LC_OK)
        roads = NULL; /* the plan is improved by the estimate */
    pthread_mutex_lock(&w->lock);
    while (w->busy)
        pthread_cond_wait(&w->idle, &w->lock);
    if (w->has_map)
        roads_travel_free(&w->travel);
    w->has_map = roads != NULL;
    if (roads != NULL)
        w->travel = travel;
    pthread_mutex_unlock(&w->lock);
    return err;
}

void
shell_work(struct shell *s, const struct effect *e)
{
    struct worker *w = s->worker;
    struct job *j = w == NULL ? NULL : calloc(1, sizeof *j);

    if (j != NULL) {
        j->tag = e->ref;
        buf_append(&j->bytes, e->bytes.p, e->bytes.n);
    }
    if (j == NULL || j->bytes.failed) { /* the core asks again */
        log_line(LOG_WARN, "work_not_begun", "reason=%s", lc_strerror(LC_ENOMEM));
        if (j != NULL)
            job_free(j);
        return;
    }
    pthread_mutex_lock(&w->lock);
    push(&w->waiting, &w->waiting_end, j);
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}

static void
drop(struct job *list)
{
    while (list != NULL) {
        struct job *j = list;
        list = j->next;
        job_free(j);
    }
}

void
shell_work_end(struct shell *s)
{
    struct worker *w = s->worker;

    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    drop(w->waiting);
    drop(w->done);
    loop_watch_free(w->watch);
    close(w->told[0]);
    close(w->told[1]);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->more);
    pthread_cond_destroy(&w->idle);
    if (w->has_map)
        roads_travel_free(&w->travel);
    free(w);
    s->worker = NULL;
}
