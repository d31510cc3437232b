/* What a node of a Redis Cluster may say that a real one does not say when it is asked to:
 * addresses that cannot be read, nothing at all, and a node on the way that hangs up. The nodes are
 * made up, a process each. */
#include "await.h"
#include "unit.h"

#include "io/log.h"
#include "io/redis.h"
#include "io/resolve.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LARGE = 1024 * 1024, CALLS = REDIS_COPIES_MOST / LARGE + 8 };

/* A node; `where` is what it answers to who asks for the city. GET decides by its key: */
struct node {
    int port;
    pid_t pid;
    const char *where;
    int to;               /* :aside and :drop: asked of the node there */
    char (*password)[64]; /* the newest, shared */
};

static void
answer(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        _exit(0);
}

static bool
ends(const char *key, const char *tail)
{
    size_t n = strlen(key), m = strlen(tail);

    return n >= m && strcmp(key + n - m, tail) == 0;
}

static void
answer_get(const struct node *n, int fd, const char *key)
{
    char text[80];

    if (ends(key, ":moved"))
        answer(fd, "-MOVED 8250 nowhere\r\n");
    else if (ends(key, ":ask"))
        answer(fd, "-ASK 8250\r\n");
    else if (n->to != 0) {
        snprintf(text, sizeof text, "-ASK 8250 127.0.0.1:%d\r\n", n->to);
        answer(fd, text);
    } else if (ends(key, ":drop"))
        _exit(0);
    else
        answer(fd, "$5\r\nvalue\r\n");
}

static void
serve(const struct node *n, int fd)
{
    redisReader *reader = redisReaderCreate();
    char bytes[16384];
    ssize_t got;

    while ((got = read(fd, bytes, sizeof bytes)) > 0) {
        void *next = NULL;
        redisReaderFeed(reader, bytes, (size_t)got);
        while (redisReaderGetReply(reader, &next) == REDIS_OK && next != NULL) {
            const redisReply *words = next;
            const char *word = words->element[0]->str;
            if (strcmp(word, "EXISTS") == 0)
                answer(fd, n->where);
            else if (strcmp(word, "GET") == 0)
                answer_get(n, fd, words->element[1]->str);
            else if (strcmp(word, "CONFIG") == 0)
                answer(fd, "*0\r\n");
            else if (strcmp(word, "SET") != 0) /* that one is never answered */
                answer(fd, "+OK\r\n");
            if (strcmp(word, "AUTH") == 0)
                snprintf(*n->password, sizeof *n->password, "%s", words->element[1]->str);
            freeReplyObject(next);
            next = NULL;
        }
    }
    _exit(0);
}

static void
node_start(struct node *n, const char *where, int to)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *n = (struct node){.where = where, .to = to};
    n->password =
        mmap(NULL, sizeof *n->password, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_FATAL(n->password != MAP_FAILED && fd >= 0 &&
                    bind(fd, (struct sockaddr *)&at, size) == 0 && listen(fd, 16) == 0 &&
                    getsockname(fd, (struct sockaddr *)&at, &size) == 0);
    n->port = ntohs(at.sin_port);
    n->pid = fork();
    CU_ASSERT_FATAL(n->pid >= 0);
    if (n->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGCHLD, SIG_IGN);
        for (int one; (one = accept(fd, NULL, NULL)) >= 0; close(one))
            if (fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                serve(n, one);
            }
        _exit(0);
    }
    close(fd);
}

static void
node_end(struct node *n)
{
    kill(n->pid, SIGKILL);
    waitpid(n->pid, NULL, 0);
    munmap(n->password, sizeof *n->password);
}

/* ---- the client ---- */

static struct {
    struct loop *loop;
    struct resolver *resolver;
    struct redis *redis;
    unsigned ups, answers, lost;
    enum reply_kind kind;
} t;

static void
on_reply(void *ctx, uint64_t tag, const struct reply *reply)
{
    (void)ctx;
    (void)tag;
    t.answers++;
    t.kind = reply->kind;
    t.lost += reply->kind == REPLY_LOST;
}

static void
on_up(void *ctx)
{
    (void)ctx;
    t.ups++;
}

static void
open_client(const char *seeds)
{
    static const struct redis_handlers handlers = {on_reply, on_up};
    const struct redis_login login = {SLICE_LIT(""), SLICE_LIT("old")};
    const char *why;

    log_open("test", LOG_ERROR + 1);
    memset(&t, 0, sizeof t);
    t.loop = loop_new();
    t.resolver = resolver_new(t.loop);
    CU_ASSERT_EQUAL_FATAL(redis_new(t.loop, t.resolver, "127.0.0.1:1", &login, SLICE_LIT(""),
                                    &handlers, NULL, &t.redis, &why),
                          LC_OK);
    CU_ASSERT_EQUAL_FATAL(redis_follow_cluster(t.redis, seeds, "{bal}", &why), LC_OK);
}

static void
open_at(const struct node *n)
{
    char seeds[40];

    snprintf(seeds, sizeof seeds, "127.0.0.1:%d", n->port);
    open_client(seeds);
    AWAIT(t.loop, t.ups == 1);
}

static void
close_client(void)
{
    redis_destroy(t.redis);
    resolver_destroy(t.resolver);
    loop_destroy(t.loop);
}

static enum reply_kind
get(const char *key)
{
    const struct slice argv[] = {SLICE_LIT("GET"), slice_str(key)};
    unsigned before = t.answers;

    redis_call(t.redis, 1, argv, 2);
    redis_flush(t.redis);
    AWAIT(t.loop, t.answers > before);
    return t.kind;
}

static uint64_t
unreadable(void)
{
    return redis_counts(t.redis)->troubles[REDIS_UNREADABLE];
}

/* ---- tests ---- */

static void
test_a_node_that_cannot_say_who_has_the_city_is_passed_over(void)
{
    struct node odd, good;
    char seeds[80];

    node_start(&odd, "-MOVED 8250 nowhere\r\n", 0);
    node_start(&good, ":0\r\n", 0);
    snprintf(seeds, sizeof seeds, "127.0.0.1:%d,127.0.0.1:%d", odd.port, good.port);
    open_client(seeds);
    AWAIT(t.loop, t.ups == 1);
    CU_ASSERT_EQUAL(unreadable(), 1);
    CU_ASSERT_EQUAL(redis_counts(t.redis)->moved, 0);
    CU_ASSERT_EQUAL(get("{bal}:x"), REPLY_STRING);
    close_client();
    node_end(&odd);
    node_end(&good);
}

static void
test_moved_to_nowhere_is_lost_and_others_are_asked(void)
{
    struct node node;

    node_start(&node, ":0\r\n", 0);
    open_at(&node);
    CU_ASSERT_EQUAL(get("{bal}:moved"), REPLY_LOST);
    CU_ASSERT_EQUAL(unreadable(), 1);
    AWAIT(t.loop, t.ups == 2);
    CU_ASSERT_EQUAL(get("{bal}:x"), REPLY_STRING);
    close_client();
    node_end(&node);
}

static void
test_ask_of_nobody_is_lost_and_the_connection_stays(void)
{
    struct node node;

    node_start(&node, ":0\r\n", 0);
    open_at(&node);
    CU_ASSERT_EQUAL(get("{bal}:ask"), REPLY_LOST);
    CU_ASSERT_EQUAL(unreadable(), 1);
    CU_ASSERT_EQUAL(get("{bal}:x"), REPLY_STRING);
    CU_ASSERT_EQUAL(redis_counts(t.redis)->connects, 1);
    close_client();
    node_end(&node);
}

static void
test_calls_beyond_their_bytes_are_lost_at_once(void)
{
    const struct redis_counts *counts;
    struct node node;
    char *large = calloc(1, LARGE);
    const struct slice argv[] = {SLICE_LIT("SET"), SLICE_LIT("{bal}:large"),
                                 slice_of(large, LARGE)};

    CU_ASSERT_PTR_NOT_NULL_FATAL(large);
    node_start(&node, ":0\r\n", 0);
    open_at(&node);
    counts = redis_counts(t.redis);
    for (unsigned i = 1; i <= CALLS; i++)
        redis_call(t.redis, i, argv, 3); /* each a little over a MiB: the last MiB has no room */
    CU_ASSERT_EQUAL(counts->troubles[REDIS_CROWDED], CALLS - REDIS_COPIES_MOST / LARGE + 1);
    AWAIT(t.loop, t.lost >= counts->troubles[REDIS_CROWDED]);
    CU_ASSERT_EQUAL(t.lost, counts->troubles[REDIS_CROWDED]); /* the others wait */
    /* what was lost when the connection broke makes room */
    kill(node.pid, SIGKILL);
    AWAIT(t.loop, t.lost == CALLS);
    CU_ASSERT_EQUAL(redis_waiting(t.redis), 0);
    close_client();
    waitpid(node.pid, NULL, 0);
    munmap(node.password, sizeof *node.password);
    free(large);
}

static void
test_a_changed_password_is_also_the_asides(void)
{
    const struct redis_login changed = {SLICE_LIT(""), SLICE_LIT("changed")};
    struct node node, aside;

    node_start(&aside, ":0\r\n", 0);
    node_start(&node, ":0\r\n", aside.port);
    open_at(&node);
    CU_ASSERT_EQUAL(get("{bal}:aside"), REPLY_STRING);
    CU_ASSERT_STRING_EQUAL(*aside.password, "old");
    CU_ASSERT_EQUAL(redis_relogin(t.redis, &changed), LC_OK);
    CU_ASSERT_EQUAL(get("{bal}:drop"), REPLY_LOST);
    AWAIT(t.loop, strcmp(*aside.password, "changed") == 0);
    AWAIT(t.loop, get("{bal}:aside") == REPLY_STRING);
    CU_ASSERT_EQUAL(redis_counts(t.redis)->connects, 1);
    close_client();
    node_end(&node);
    node_end(&aside);
}

UNIT_MAIN("redis_odd", UNIT(test_a_node_that_cannot_say_who_has_the_city_is_passed_over),
          UNIT(test_moved_to_nowhere_is_lost_and_others_are_asked),
          UNIT(test_ask_of_nobody_is_lost_and_the_connection_stays),
          UNIT(test_calls_beyond_their_bytes_are_lost_at_once),
          UNIT(test_a_changed_password_is_also_the_asides))
