/* A server that has just been started reads its data for a while. It takes connections and answers
 * CONFIG meanwhile; it must not count as up. */
#include "await.h"
#include "unit.h"

#include "io/redis.h"
#include "io/resolve.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOADING_FOR = 3 }; /* connections */

static struct {
    unsigned ups;
    unsigned replies;
    char text[64];
} t;

static void
on_up(void *ctx)
{
    (void)ctx;
    t.ups++;
}

static void
on_reply(void *ctx, uint64_t tag, const struct reply *reply)
{
    (void)ctx;
    (void)tag;
    t.replies++;
    snprintf(t.text, sizeof t.text, "%.*s", (int)reply->str.n, reply->str.p);
}

static char sent_on[64]; /* by a node of a Cluster, to where it is itself */

/* The server, in a process of its own: one command at a time, each in one piece. */
static void
serve(int listener)
{
    char in[512];

    for (int connection = 0;; connection++) {
        int fd = accept(listener, NULL, NULL);
        ssize_t n;
        while (fd >= 0 && (n = read(fd, in, sizeof in - 1)) > 0) {
            in[n] = '\0';
            const char *out = "-LOADING Redis is loading the dataset in memory\r\n";
            if (strstr(in, "CONFIG") != NULL)
                out = "*0\r\n";
            else if (strstr(in, "EXISTS") != NULL && connection == 0)
                out = sent_on;
            else if (strstr(in, "EXISTS") != NULL && connection >= LOADING_FOR)
                out = ":0\r\n";
            else if (connection >= LOADING_FOR)
                out = strstr(in, "PING") != NULL ? "+PONG\r\n" : "$4\r\nkept\r\n";
            if (write(fd, out, strlen(out)) < 0)
                break;
        }
        close(fd);
    }
}

static void
test_redis_is_not_up_while_it_loads(void)
{
    static const struct redis_handlers handlers = {on_reply, on_up};
    const struct redis_login nobody = {SLICE_LIT(""), SLICE_LIT("")};
    const struct slice get[] = {SLICE_LIT("GET"), SLICE_LIT("k")};
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    char dir[] = "/tmp/lc-loading-XXXXXX";
    char address[128];
    const char *why;
    struct redis *redis;

    log_open("test", LOG_ERROR);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(sa.sun_path, sizeof sa.sun_path, "%s/s", dir);
    snprintf(address, sizeof address, "unix:%s/s", dir);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL_FATAL(bind(listener, (struct sockaddr *)&sa, sizeof sa), 0);
    CU_ASSERT_EQUAL_FATAL(listen(listener, 16), 0);
    pid_t server = fork();
    CU_ASSERT_FATAL(server >= 0);
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(listener);
    }
    struct loop *loop = loop_new();
    struct resolver *resolver = resolver_new(loop);
    CU_ASSERT_EQUAL_FATAL(redis_new(loop, resolver, address, &nobody, slice_of(NULL, 0), &handlers,
                                    NULL, &redis, &why),
                          LC_OK);
    AWAIT(loop, t.ups == 1);
    redis_call(redis, 1, get, 2);
    redis_flush(redis);
    AWAIT(loop, t.replies == 1);
    CU_ASSERT_STRING_EQUAL(t.text, "kept");
    CU_ASSERT_EQUAL(t.ups, 1);
    CU_ASSERT_EQUAL(redis_counts(redis)->connects, 1);
    redis_destroy(redis);
    resolver_destroy(resolver);
    loop_destroy(loop);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    close(listener);
    unlink(sa.sun_path);
    rmdir(dir);
}

/* A node that names no host means itself; one that has the city, but not read it yet, is waited
 * for.
 */
static void
test_redis_waits_for_a_node_of_a_cluster_that_loads(void)
{
    static const struct redis_handlers handlers = {on_reply, on_up};
    const struct redis_login nobody = {SLICE_LIT(""), SLICE_LIT("")};
    const struct slice get[] = {SLICE_LIT("GET"), SLICE_LIT("k")};
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof sa;
    char node[32];
    const char *why;
    struct redis *redis;

    log_open("test", LOG_ERROR);
    memset(&t, 0, sizeof t);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL_FATAL(bind(listener, (struct sockaddr *)&sa, sizeof sa), 0);
    CU_ASSERT_EQUAL_FATAL(listen(listener, 16), 0);
    CU_ASSERT_EQUAL_FATAL(getsockname(listener, (struct sockaddr *)&sa, &n), 0);
    snprintf(node, sizeof node, "127.0.0.1:%u", ntohs(sa.sin_port));
    snprintf(sent_on, sizeof sent_on, "-MOVED 8250 :%u\r\n", ntohs(sa.sin_port));
    pid_t server = fork();
    CU_ASSERT_FATAL(server >= 0);
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(listener);
    }
    struct loop *loop = loop_new();
    struct resolver *resolver = resolver_new(loop);
    CU_ASSERT_EQUAL_FATAL(redis_new(loop, resolver, "127.0.0.1:1", &nobody, slice_of(NULL, 0),
                                    &handlers, NULL, &redis, &why),
                          LC_OK);
    CU_ASSERT_EQUAL_FATAL(redis_follow_cluster(redis, node, "{bal}", &why), LC_OK);
    AWAIT(loop, t.ups == 1);
    redis_call(redis, 1, get, 2);
    redis_flush(redis);
    AWAIT(loop, t.replies == 1);
    CU_ASSERT_STRING_EQUAL(t.text, "kept");
    CU_ASSERT_EQUAL(redis_counts(redis)->moved, 1);
    CU_ASSERT_EQUAL(redis_counts(redis)->connects, 1);
    redis_destroy(redis);
    resolver_destroy(resolver);
    loop_destroy(loop);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    close(listener);
}

UNIT_MAIN("redis_loading", UNIT(test_redis_is_not_up_while_it_loads),
          UNIT(test_redis_waits_for_a_node_of_a_cluster_that_loads))
