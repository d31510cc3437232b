#include "echo_core.h"
#include "redis_server.h"

#include "base/replay.h"
#include "io/options.h"
#include "io/recording.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <zmq.h>

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

enum { WAIT_MS = 10000, ARGS = 24 };

/* The daemon under test, and what it said on stderr and stdout. */
static struct {
    struct redis_server redis;
    pid_t pid;
    int out;
    char dir[64];
    char http[96];
    char listen[96]; /* the flag; its endpoint is at listen + LISTEN */
} d;

enum { LISTEN = sizeof "--listen=" - 1 };

static int64_t
now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A short rest between two looks at a condition. */
static void
rest(void)
{
    poll(NULL, 0, 5);
}

static void
launch(const char *first, ...)
{
    const char *argv[ARGS] = {ECHO_DAEMON};
    size_t n = 1;
    int pipes[2];
    va_list ap;

    va_start(ap, first);
    for (const char *a = first; a != NULL && n < ARGS - 1; a = va_arg(ap, const char *))
        argv[n++] = a;
    va_end(ap);
    CU_ASSERT_EQUAL_FATAL(pipe2(pipes, O_CLOEXEC), 0);
    d.pid = fork();
    if (d.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(pipes[1], STDERR_FILENO);
        dup2(pipes[1], STDOUT_FILENO);
        execv(argv[0], (char **)argv);
        _exit(127);
    }
    close(pipes[1]);
    d.out = pipes[0];
}

/* Its exit status, and all it said. */
static int
await_exit(char *said, size_t room)
{
    struct pollfd ready = {.fd = d.out, .events = POLLIN};
    size_t n = 0;
    ssize_t got = 1;
    int status = 0;

    /* the pipe ends when it does */
    while (got > 0 && n + 1 < room) {
        if (poll(&ready, 1, 2 * WAIT_MS) == 0) {
            kill(d.pid, SIGKILL);
            printf("\n  had to be killed\n");
        }
        got = read(d.out, said + n, room - n - 1);
        n += got > 0 ? (size_t)got : 0;
    }
    said[n] = '\0';
    close(d.out);
    CU_ASSERT_EQUAL(waitpid(d.pid, &status, 0), d.pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
begin(const char *record)
{
    signal(SIGPIPE, SIG_IGN);
    memset(&d, 0, sizeof d);
    snprintf(d.dir, sizeof d.dir, "/tmp/lc-service-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(d.dir));
    snprintf(d.http, sizeof d.http, "unix:%s/http", d.dir);
    snprintf(d.listen, sizeof d.listen, "--listen=ipc://%s/work", d.dir);
    redis_server_start(&d.redis, NULL, NULL);
    launch("--city", "bal", "--city-secret", SECRET, "--redis", d.redis.address, "--http", d.http,
           d.listen, "--record", record, NULL);
}

static int
finish(char *said, size_t room)
{
    char command[128];

    kill(d.pid, SIGTERM);
    int status = await_exit(said, room);
    redis_server_end(&d.redis);
    snprintf(command, sizeof command, "rm -rf '%s'", d.dir);
    CU_ASSERT_EQUAL(system(command), 0);
    return status;
}

/* ---- a small HTTP client ---- */

static int
try_dial(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval most = {WAIT_MS / 1000, 0};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    snprintf(to.sun_path, sizeof to.sun_path, "%.*s", (int)sizeof to.sun_path - 1,
             d.http + strlen("unix:"));
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

static int
dial(void)
{
    int fd = try_dial();

    for (int64_t end_ms = now_ms() + WAIT_MS; fd < 0 && now_ms() < end_ms; fd = try_dial())
        rest();
    return fd;
}

static void
await_closed(void)
{
    int fd = try_dial();

    for (int64_t end_ms = now_ms() + WAIT_MS; fd >= 0 && now_ms() < end_ms; fd = try_dial()) {
        close(fd);
        rest();
    }
    CU_ASSERT(fd < 0);
}

static void
say(int fd, const char *text)
{
    CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* The status of the answer; body = what is behind the head. */
static int
hear(int fd, char *body, size_t room)
{
    static char all[65536];
    size_t n = 0;
    ssize_t got;

    while (n < sizeof all - 1 && (got = read(fd, all + n, sizeof all - 1 - n)) > 0)
        n += (size_t)got;
    close(fd);
    all[n] = '\0';
    const char *end = strstr(all, "\r\n\r\n");
    snprintf(body, room, "%s", end == NULL ? "" : end + 4);
    return strncmp(all, "HTTP/1.1 ", 9) == 0 ? atoi(all + 9) : 0;
}

static int
get(const char *path, char *body, size_t room)
{
    char request[256];
    int fd = dial();

    CU_ASSERT_FATAL(fd >= 0);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
             path);
    say(fd, request);
    return hear(fd, body, room);
}

static void
await(const char *path, int status)
{
    char body[256];
    int got = 0;

    for (int64_t end_ms = now_ms() + WAIT_MS; now_ms() < end_ms && got != status; rest())
        got = get(path, body, sizeof body);
    CU_ASSERT_EQUAL_FATAL(got, status);
}

static void
await_ready(int status)
{
    await("/readyz", status);
}

/* ---- tests ---- */

static void
test_service_main_answers_and_ends_with_0(void)
{
    char body[65536];
    char said[65536];

    begin("");
    await_ready(200);
    CU_ASSERT_EQUAL(get("/healthz", body, sizeof body), 200);
    CU_ASSERT_EQUAL(get("/count", body, sizeof body), 200);
    CU_ASSERT_STRING_EQUAL(body, "1");
    CU_ASSERT_EQUAL(get("/count", body, sizeof body), 200);
    CU_ASSERT_STRING_EQUAL(body, "2");
    CU_ASSERT_EQUAL(get("/config", body, sizeof body), 200);
    CU_ASSERT_EQUAL(strncmp(body, "greeting=hello tzif=0 at=", 25), 0);
    CU_ASSERT_EQUAL(get("/metrics", body, sizeof body), 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(body, "\nlifecircle_events_total{kind=\"http\"} 3\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(body, "\nlifecircle_redis_up 1\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(body, "\nlifecircle_turn_seconds_count "));
    CU_ASSERT_EQUAL(finish(said, sizeof said), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "\"service\":\"echo\",\"event\":\"counted\",\"n\":2,"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "\"event\":\"stopped\""));
}

static void
test_service_main_answers_503_when_a_step_fails(void)
{
    char body[4096];
    char said[65536];

    begin("");
    CU_ASSERT_EQUAL(get("/fail", body, sizeof body), 503);
    CU_ASSERT_PTR_NOT_NULL(strstr(body, "\"code\":\"unavailable\""));
    CU_ASSERT_EQUAL(get("/config", body, sizeof body), 200);
    CU_ASSERT_EQUAL(finish(said, sizeof said), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "\"event\":\"step_failed\",\"kind\":\"http\""));
}

/* Its wish for another went with the step: without this nothing would ever be due again. */
static void
test_service_main_wakes_again_after_a_wake_that_failed(void)
{
    char body[4096];
    char said[65536];

    begin("");
    CU_ASSERT_EQUAL(get("/tire", body, sizeof body), 200);
    await("/rested", 200);
    CU_ASSERT_EQUAL(finish(said, sizeof said), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "\"event\":\"step_failed\",\"kind\":\"wake\""));
}

static void
test_service_main_streams_bodies(void)
{
    char body[4096];
    char said[65536];
    static char piece[10000];
    int fd;

    begin("");
    fd = dial();
    CU_ASSERT_FATAL(fd >= 0);
    say(fd, "POST /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            "Content-Length: 3000000\r\n\r\n");
    for (int i = 0; i < 300; i++)
        CU_ASSERT_EQUAL(write(fd, piece, sizeof piece), (ssize_t)sizeof piece);
    CU_ASSERT_EQUAL(hear(fd, body, sizeof body), 200);
    CU_ASSERT_STRING_EQUAL(body, "3000000");
    CU_ASSERT_EQUAL(finish(said, sizeof said), 0);
}

static void
test_service_main_outlives_redis(void)
{
    char body[4096];
    char said[65536];

    begin("");
    await_ready(200);
    redis_server_kill(&d.redis);
    await_ready(503);
    CU_ASSERT_EQUAL(get("/count", body, sizeof body), 503);
    CU_ASSERT_EQUAL(get("/healthz", body, sizeof body), 200);
    redis_server_start(&d.redis, NULL, NULL);
    await_ready(200);
    CU_ASSERT_EQUAL(get("/count", body, sizeof body), 200);
    CU_ASSERT_EQUAL(finish(said, sizeof said), 0);
}

static void
write_config(const char *path, const char *line)
{
    FILE *f = fopen(path, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(line, f);
    fclose(f);
}

static void
await_metric(const char *line)
{
    char body[65536];

    for (int64_t end_ms = now_ms() + WAIT_MS; now_ms() < end_ms; rest())
        if (get("/metrics", body, sizeof body) == 200 && strstr(body, line) != NULL)
            return;
    printf("\n  waited in vain for: %s\n", line);
    CU_ASSERT_FATAL(false);
}

static void
test_service_main_reads_the_log_level_again_when_hung_up(void)
{
    char path[96], command[128], said[65536];

    memset(&d, 0, sizeof d);
    snprintf(d.dir, sizeof d.dir, "/tmp/lc-service-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(d.dir));
    snprintf(d.http, sizeof d.http, "unix:%s/http", d.dir);
    snprintf(path, sizeof path, "%s/config", d.dir);
    write_config(path, "log-level = error\n");
    redis_server_start(&d.redis, NULL, NULL);
    launch("--city", "bal", "--city-secret", SECRET, "--redis", d.redis.address, "--http", d.http,
           "--config", path, NULL);
    await_ready(200);
    write_config(path, "log-level = loud\n");
    kill(d.pid, SIGHUP);
    await_metric("lifecircle_reloads_total{outcome=\"refused\"} 1");
    write_config(path, "log-level = info\n");
    kill(d.pid, SIGHUP);
    await_metric("lifecircle_reloads_total{outcome=\"done\"} 1");
    kill(d.pid, SIGTERM);
    CU_ASSERT_EQUAL(await_exit(said, sizeof said), 0);
    CU_ASSERT_PTR_NULL(strstr(said, "\"event\":\"started\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "reload_refused"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "\"event\":\"stopped\""));
    redis_server_end(&d.redis);
    snprintf(command, sizeof command, "rm -rf '%s'", d.dir);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void
send_frames(void)
{
    static const char garbage[] = "\xff\xff";
    static const char request[] = "\x52\x00"; /* an empty MatchRequest */
    void *zmq = zmq_ctx_new();
    void *s = zmq_socket(zmq, ZMQ_DEALER);
    int most_ms = WAIT_MS;
    int linger = 0;
    char answer[256];

    zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(s, ZMQ_RCVTIMEO, &most_ms, sizeof most_ms);
    CU_ASSERT_EQUAL(zmq_connect(s, d.listen + LISTEN), 0);
    CU_ASSERT_EQUAL(zmq_send(s, garbage, 2, 0), 2);
    CU_ASSERT_EQUAL(zmq_send(s, request, 2, 0), 2);
    CU_ASSERT(zmq_recv(s, answer, sizeof answer, 0) > 3);
    zmq_close(s);
    zmq_ctx_term(zmq);
}

static void
test_service_main_counts_bad_frames_and_answers_good_ones(void)
{
    char body[65536];
    char said[65536];

    begin("");
    send_frames();
    CU_ASSERT_EQUAL(get("/metrics", body, sizeof body), 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(body, "\nlifecircle_frames_bad_total 1\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(body, "\nlifecircle_events_total{kind=\"message\"} 1\n"));
    CU_ASSERT_EQUAL(finish(said, sizeof said), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "\"event\":\"bad_frame\""));
}

static void
different(void *ctx, const struct replay_difference *diff)
{
    (void)ctx;
    printf("\n  step %llu differs\n", (unsigned long long)diff->step);
}

static void
replay_dir(const char *dir, struct replay_result *result)
{
    DIR *list = opendir(dir);
    struct buf recording = {0};
    char path[400];

    CU_ASSERT_PTR_NOT_NULL_FATAL(list);
    for (const struct dirent *e = readdir(list); e != NULL; e = readdir(list)) {
        if (strstr(e->d_name, ".steps") == NULL)
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        CU_ASSERT_EQUAL(recording_read(path, 64 << 20, &recording), LC_OK);
    }
    closedir(list);
    const struct replay_asks asks = {.different = different};
    CU_ASSERT_EQUAL(replay_run(&echo_service, buf_slice(&recording), &asks, result), LC_OK);
    buf_free(&recording);
}

static void
test_service_main_records_what_replays_to_the_same_bytes(void)
{
    struct replay_result result = {0};
    char dir[] = "/tmp/lc-record-XXXXXX";
    char body[65536];
    char said[65536];
    char command[64];

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    begin(dir);
    await_ready(200);
    for (int i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(get("/count", body, sizeof body), 200);
    CU_ASSERT_EQUAL(get("/fail", body, sizeof body), 503);
    send_frames();
    CU_ASSERT_EQUAL(finish(said, sizeof said), 0);

    replay_dir(dir, &result);
    CU_ASSERT(result.steps > 60);
    CU_ASSERT_FALSE(result.differs);
    CU_ASSERT_FALSE(result.cut);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void
test_service_main_names_what_is_wrong(void)
{
    static const struct {
        const char *args[6];
        const char *said;
    } cases[] = {
        {{"--nonsense", "1"}, "nonsense (from the flags): there is no such parameter"},
        {{"--city"}, "--city: expected a value behind it"},
        {{"city"}, "city: expected a flag, --name value"},
        {{"--city-secret", SECRET}, "city: must be set"},
        {{"--city", "Bal", "--city-secret", SECRET}, "city: expected 1 to 31 of a-z, 0-9 and '-'"},
        {{"--city", "bal"}, "city-secret: must be set"},
        {{"--city", "bal", "--city-secret", "abc"}, "city-secret: expected 64 hex digits"},
        {{"--patience", "much"}, "patience (from the flags): expected a whole number"},
        {{"--allow-plain-tcp=maybe"}, "allow-plain-tcp (from the flags): expected yes or no"},
        {{"--city-secret-file", "/nowhere"}, "city-secret-file (from the flags): cannot read"},
        {{"--config", "/nowhere"}, "config: cannot read /nowhere"},
        {{"--city=bal", "--city-secret=" SECRET, "--log-level=loud"}, "log-level: expected"},
    };
    char said[8192];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const *a = cases[i].args;
        launch(a[0], a[1], a[2], a[3], a[4], NULL);
        CU_ASSERT_EQUAL(await_exit(said, sizeof said), 2);
        if (strstr(said, cases[i].said) == NULL)
            printf("\n  expected: %s\n  said: %s\n", cases[i].said, said);
        CU_ASSERT_PTR_NOT_NULL(strstr(said, cases[i].said));
    }
}

static void
test_service_main_ends_when_it_cannot_start(void)
{
    static const struct {
        const char *flag;
        const char *said;
    } cases[] = {
        {"--listen=nonsense", "\"name\":\"listen\",\"value\":\"nonsense\""},
        {"--listen=tcp://0.0.0.0:7958", "unless allow-plain-tcp says"},
        {"--redis=nonsense", "expected unix:/path or host:port"},
        {"--http=nonsense", "\"event\":\"cannot_listen\",\"name\":\"http\""},
        {"--timezone=Nowhere/City", "\"name\":\"timezone\""},
        {"--timezone=../../etc/passwd", "\"name\":\"timezone\""},
        {"--record=/nowhere/at/all", "\"name\":\"record\""},
        {"--greeting=refuse", "\"event\":\"cannot_start\",\"reason\":\"invalid input\""},
    };
    char said[8192];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        launch("--city", "bal", "--city-secret", SECRET, cases[i].flag, NULL);
        CU_ASSERT_EQUAL(await_exit(said, sizeof said), 1);
        if (strstr(said, cases[i].said) == NULL)
            printf("\n  expected: %s\n  said: %s\n", cases[i].said, said);
        CU_ASSERT_PTR_NOT_NULL(strstr(said, cases[i].said));
    }
}

static void
test_service_main_helps(void)
{
    char said[16384];

    launch("--help", NULL);
    CU_ASSERT_EQUAL(await_exit(said, sizeof said), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "--patience\n      how much (default: 3)"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "--city-secret, or --city-secret-file\n"));
    launch("--version", NULL);
    CU_ASSERT_EQUAL(await_exit(said, sizeof said), 0);
    CU_ASSERT_EQUAL(strncmp(said, "lc-echo ", 8), 0);
}

static void
test_service_main_turns_away_who_is_one_too_many(void)
{
    char body[4096];
    char said[65536];
    char command[128];
    int held[2];

    signal(SIGPIPE, SIG_IGN);
    memset(&d, 0, sizeof d);
    snprintf(d.dir, sizeof d.dir, "/tmp/lc-service-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(d.dir));
    snprintf(d.http, sizeof d.http, "unix:%s/http", d.dir);
    launch("--city", "bal", "--city-secret", SECRET, "--http", d.http, "--connections", "2", NULL);
    for (size_t i = 0; i < 2; i++) {
        held[i] = dial(); /* stays: the answer says that it was let in */
        say(held[i], "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        CU_ASSERT(read(held[i], body, sizeof body) > 0);
    }
    int third = dial();
    CU_ASSERT_EQUAL(hear(third, body, sizeof body), 503);
    CU_ASSERT_PTR_NOT_NULL(strstr(body, "too_many_connections"));
    close(held[0]);
    close(held[1]);
    kill(d.pid, SIGTERM);
    CU_ASSERT_EQUAL(await_exit(said, sizeof said), 0);
    snprintf(command, sizeof command, "rm -rf '%s'", d.dir);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* Who balances between copies sends to one that has just died, and is up again: it must be refused
 * until it is of use, so that the next copy is asked. */
static void
test_service_main_lets_nobody_in_before_it_is_ready(void)
{
    char admin[sizeof d.http], http[sizeof d.http];
    char body[4096];
    char said[65536];
    char command[128];
    int fd;

    signal(SIGPIPE, SIG_IGN);
    memset(&d, 0, sizeof d);
    snprintf(d.dir, sizeof d.dir, "/tmp/lc-service-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(d.dir));
    snprintf(d.redis.dir, sizeof d.redis.dir, "/tmp/lc-redis-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(d.redis.dir));
    snprintf(d.redis.address, sizeof d.redis.address, "unix:%s/s", d.redis.dir);
    snprintf(admin, sizeof admin, "unix:%s/admin", d.dir);
    snprintf(http, sizeof http, "unix:%s/http", d.dir);
    launch("--city", "bal", "--city-secret", SECRET, "--redis", d.redis.address, "--http", http,
           "--admin", admin, NULL);
    memcpy(d.http, admin, sizeof admin);
    fd = dial(); /* the admin port answers at once */
    say(fd, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CU_ASSERT_EQUAL(hear(fd, body, sizeof body), 503);
    memcpy(d.http, http, sizeof http);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    memcpy(sa.sun_path, http + 5, sizeof http - 5);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL(connect(fd, (struct sockaddr *)&sa, sizeof sa), -1);
    CU_ASSERT_EQUAL(errno, ECONNREFUSED);
    close(fd);

    redis_server_start(&d.redis, NULL, NULL);
    fd = dial(); /* waits until somebody listens */
    say(fd, "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CU_ASSERT_NOT_EQUAL(hear(fd, body, sizeof body), 503);
    kill(d.pid, SIGTERM);
    CU_ASSERT_EQUAL(await_exit(said, sizeof said), 0);
    redis_server_end(&d.redis);
    snprintf(command, sizeof command, "rm -rf '%s'", d.dir);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void
test_service_main_finishes_a_request_before_it_ends(void)
{
    char body[4096];
    char said[65536];
    char command[128];
    int status;

    begin("");
    await_ready(200);
    kill(d.redis.pid, SIGSTOP);
    int fd = dial();
    say(fd, "GET /count HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    await_ready(200); /* the request before this one is with the core by now */
    kill(d.pid, SIGTERM);
    await_closed();
    kill(d.redis.pid, SIGCONT);
    CU_ASSERT_EQUAL(hear(fd, body, sizeof body), 200);
    CU_ASSERT_STRING_EQUAL(body, "1");
    status = await_exit(said, sizeof said);
    CU_ASSERT_EQUAL(status, 0);
    redis_server_end(&d.redis);
    snprintf(command, sizeof command, "rm -rf '%s'", d.dir);
    CU_ASSERT_EQUAL(system(command), 0);
}

UNIT_MAIN("service", UNIT(test_service_main_answers_and_ends_with_0),
          UNIT(test_service_main_answers_503_when_a_step_fails),
          UNIT(test_service_main_wakes_again_after_a_wake_that_failed),
          UNIT(test_service_main_streams_bodies), UNIT(test_service_main_outlives_redis),
          UNIT(test_service_main_reads_the_log_level_again_when_hung_up),
          UNIT(test_service_main_counts_bad_frames_and_answers_good_ones),
          UNIT(test_service_main_records_what_replays_to_the_same_bytes),
          UNIT(test_service_main_names_what_is_wrong),
          UNIT(test_service_main_ends_when_it_cannot_start), UNIT(test_service_main_helps),
          UNIT(test_service_main_turns_away_who_is_one_too_many),
          UNIT(test_service_main_lets_nobody_in_before_it_is_ready),
          UNIT(test_service_main_finishes_a_request_before_it_ends))
