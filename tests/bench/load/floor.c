/* floor: what this machine leaves of an order's latency when nobody does anything. Orders come at
 * random (Poisson) and go through three processes to a fourth that appends and syncs, and back, as
 * an order goes through intake, matcher and inventory to Redis. All that waits shares one sync.
 *
 *     bench_floor DIR [--link socket|zeromq] [--rate N] [--seconds N] [--bytes N] [--spin A,B,C,D]
 *
 * --link: between the three, Unix sockets or ZeroMQ's ipc with its thread, as the daemons have it.
 * --bytes: appended an order. --spin: processor time in microseconds that each of the four takes
 * for an order; 0 each unless said (the three on its way in). Prints a line like the generators;
 * latency counts from the moment at which an order came. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { RELAYS = 3, PROCESSES = RELAYS + 1, MESSAGE = 512, WINDOW = 100, APPEND_MAX = 16384 };

struct floor {
    struct load load;
    const char *dir;
    bool zeromq;
    unsigned bytes;
    unsigned spin_us[PROCESSES];
    uint64_t chance;
};

/* One side of a link; what is not used is -1 or NULL. */
struct side {
    int fd;
    void *socket;
};

struct message {
    int64_t since_ns;
    char rest[MESSAGE - sizeof(int64_t)];
};

static void
give(const struct side *s, const struct message *m)
{
    ssize_t n = s->socket != NULL ? zmq_send(s->socket, m, sizeof *m, 0)
                                  : send(s->fd, m, sizeof *m, MSG_NOSIGNAL);

    if (n != (ssize_t)sizeof *m)
        die("send");
}

/* False when nothing waits. */
static bool
take(const struct side *s, struct message *m)
{
    ssize_t n = s->socket != NULL ? zmq_recv(s->socket, m, sizeof *m, ZMQ_DONTWAIT)
                                  : recv(s->fd, m, sizeof *m, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n != (ssize_t)sizeof *m)
        die("receive");
    return true;
}

static int64_t
cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
spin(unsigned us)
{
    int64_t until = us == 0 ? 0 : cpu_ns() + (int64_t)us * 1000;

    while (us > 0 && cpu_ns() < until)
        continue;
}

static zmq_pollitem_t
item_of(const struct side *s)
{
    return (zmq_pollitem_t){.socket = s->socket, .fd = s->fd, .events = ZMQ_POLLIN};
}

_Noreturn static void
relay(const struct side *up, const struct side *down, unsigned spin_us)
{
    zmq_pollitem_t items[] = {item_of(up), item_of(down)};
    struct message m;

    for (;;) {
        if (zmq_poll(items, 2, -1) < 0 && errno != EINTR)
            die("zmq_poll");
        while (take(up, &m)) {
            spin(spin_us);
            give(down, &m);
        }
        while (take(down, &m))
            give(up, &m);
    }
}

_Noreturn static void
keep(const struct floor *f, const struct side *up)
{
    static struct message waiting[WINDOW];
    static char bytes[WINDOW * APPEND_MAX];
    zmq_pollitem_t item = item_of(up);
    char path[1000];

    snprintf(path, sizeof path, "%s/floor", f->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || unlink(path) != 0)
        die(path);
    memset(bytes, 'x', sizeof bytes);
    for (;;) {
        size_t n = 0;
        if (zmq_poll(&item, 1, -1) < 0 && errno != EINTR)
            die("zmq_poll");
        while (n < WINDOW && take(up, &waiting[n])) {
            spin(f->spin_us[RELAYS]);
            n++;
        }
        size_t length = n * f->bytes;
        if (n > 0 && (write(fd, bytes, length) != (ssize_t)length || fdatasync(fd) != 0))
            die(path);
        for (size_t i = 0; i < n; i++)
            give(up, &waiting[i]);
    }
}

/* An end of the link between process i and the next, in a process of its own from here on. */
static struct side
zmq_side(const struct floor *f, void *context, int i, bool listens)
{
    struct side s = {.fd = -1, .socket = zmq_socket(context, ZMQ_DEALER)};
    char at[1000];

    snprintf(at, sizeof at, "ipc://%s/floor-%d", f->dir, i);
    if (s.socket == NULL || (listens ? zmq_bind(s.socket, at) : zmq_connect(s.socket, at)) != 0)
        die(at);
    return s;
}

_Noreturn static void
child(const struct floor *f, int i, int links[PROCESSES][2])
{
    struct side up = {.fd = links[i][1]}, down = {.fd = -1};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (i == RELAYS)
        keep(f, &up);
    down.fd = links[i + 1][0];
    void *context = f->zeromq ? zmq_ctx_new() : NULL;
    if (f->zeromq && i > 0)
        up = zmq_side(f, context, i, true);
    if (f->zeromq && i + 1 < RELAYS)
        down = zmq_side(f, context, i + 1, false);
    relay(&up, &down, f->spin_us[i]);
}

/* Exponential: the gaps of a Poisson process. */
static int64_t
gap_ns(struct floor *f)
{
    f->chance = f->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    double u = (double)((f->chance >> 11) + 1) / 9007199254740993.0;

    return (int64_t)(-log(u) / f->load.rate * 1e9);
}

/* Sends what has come and takes what is back; who finds no room waits for it, and that counts. */
static void
play(struct floor *f, const struct side *to)
{
    int64_t now_ns = load_now_ns(), stop_ns = now_ns + (int64_t)(f->load.seconds * 1e9);
    struct pollfd back = {.fd = to->fd, .events = POLLIN};
    struct message m = {.since_ns = now_ns};
    int64_t due_ns = now_ns;
    unsigned under_way = 0;

    f->load.begin_ns = now_ns;
    while (now_ns < stop_ns || under_way > 0) {
        for (; due_ns <= now_ns && due_ns < stop_ns && under_way < WINDOW; due_ns += gap_ns(f)) {
            m.since_ns = due_ns;
            give(to, &m);
            under_way++;
            f->load.sent++;
        }
        bool idle = due_ns < stop_ns && under_way < WINDOW && due_ns > now_ns;
        int64_t wait_ns = idle                                     ? due_ns - now_ns
                          : due_ns <= now_ns && under_way < WINDOW ? 0
                                                                   : 50000000;
        struct timespec t = {wait_ns / 1000000000, wait_ns % 1000000000};
        if (ppoll(&back, 1, &t, NULL) < 0 && errno != EINTR)
            die("ppoll");
        now_ns = load_now_ns();
        while (take(to, &m)) {
            under_way--;
            load_status(&f->load, 201, false);
            load_latency(&f->load, now_ns - m.since_ns);
            if (now_ns < stop_ns)
                load_in_time(&f->load, now_ns);
        }
        if (now_ns > stop_ns + 30000000000)
            break;
    }
}

static void
flags(struct floor *f, int argc, char **argv)
{
    *f = (struct floor){.load = {.rate = 2000, .seconds = 5}, .bytes = 2000, .chance = 1};
    unsigned *us = f->spin_us;
    bool ok = argc >= 2;

    f->dir = argv[1];
    for (int i = 2; ok && i < argc; i += 2) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(name, "--link") == 0)
            f->zeromq = strcmp(value, "zeromq") == 0;
        else if (strcmp(name, "--rate") == 0)
            f->load.rate = (uint32_t)strtoul(value, NULL, 10);
        else if (strcmp(name, "--seconds") == 0)
            f->load.seconds = strtod(value, NULL);
        else if (strcmp(name, "--bytes") == 0)
            f->bytes = (unsigned)strtoul(value, NULL, 10);
        else
            ok = strcmp(name, "--spin") == 0 &&
                 sscanf(value, "%u,%u,%u,%u", &us[0], &us[1], &us[2], &us[3]) == PROCESSES;
    }
    if (!ok || f->load.rate == 0 || f->bytes == 0 || f->bytes > APPEND_MAX) {
        fputs("usage: bench_floor DIR [--link socket|zeromq] [--rate N] [--seconds N] [--bytes N] "
              "[--spin A,B,C,D]\n",
              stderr);
        exit(2);
    }
}

/* There and back once, not counted: the sockets between the processes are then connected. ZeroMQ
 * tries again after 100 ms when nobody listened yet, and no order is to wait for that. */
static void
warm_up(const struct side *to)
{
    struct pollfd back = {.fd = to->fd, .events = POLLIN};
    struct message m = {0};

    give(to, &m);
    if (poll(&back, 1, 10000) != 1 || !take(to, &m))
        die("no answer from the last process within ten seconds");
}

int
main(int argc, char **argv)
{
    static struct floor f;
    int links[PROCESSES][2];
    pid_t pids[PROCESSES];

    flags(&f, argc, argv);
    prctl(PR_SET_TIMERSLACK, 1);
    for (int i = 0; i < PROCESSES; i++)
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, links[i]) != 0)
            die("socketpair");
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] < 0)
            die("fork");
        if (pids[i] == 0)
            child(&f, i, links);
    }
    struct side to = {.fd = links[0][0]};
    warm_up(&to);
    play(&f, &to);
    for (int i = 0; i < PROCESSES; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    return load_print(&f.load);
}
