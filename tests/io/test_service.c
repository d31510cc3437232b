/* What service_main does between its core and the world while it runs. */
#include "service_rig.h"

#include "base/replay.h"
#include "io/recording.h"

#include <dirent.h>
#include <zmq.h>

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

UNIT_MAIN("service", UNIT(test_service_main_answers_and_ends_with_0),
          UNIT(test_service_main_answers_503_when_a_step_fails),
          UNIT(test_service_main_wakes_again_after_a_wake_that_failed),
          UNIT(test_service_main_streams_bodies), UNIT(test_service_main_outlives_redis),
          UNIT(test_service_main_reads_the_log_level_again_when_hung_up),
          UNIT(test_service_main_counts_bad_frames_and_answers_good_ones),
          UNIT(test_service_main_records_what_replays_to_the_same_bytes))
