/* How service_main begins and ends: its words, its doors, its last request. */
#include "service_rig.h"

#include "io/options.h"

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
        {"--leave-s=601", "\"name\":\"leave-s\",\"reason\":\"expected 0 to 600\""},
        {"--greeting=refuse", "\"event\":\"cannot_start\",\"reason\":\"invalid input\""},
        {"--greeting=refuse", "\"name\":\"greeting\",\"expected\":\"a_kind_word\""},
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

/* What the admin port tells is told there alone: anybody may come to the other one. */
static void
expect_nothing_of_the_inside(void)
{
    static const char *const inside[] = {"GET /metrics", "GET /healthz", "GET /readyz",
                                         "HEAD /metrics", "POST /drain"};
    char request[128], body[4096];

    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        int fd = dial();
        snprintf(request, sizeof request,
                 "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                 inside[i]);
        say(fd, request);
        CU_ASSERT_EQUAL(hear(fd, body, sizeof body), 404);
        CU_ASSERT_PTR_NULL(strstr(body, "lifecircle_"));
    }
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
    expect_nothing_of_the_inside();
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

/* What a proxy in front sees: this one leaves, and whoever is sent here meanwhile is answered. */
static void
test_service_main_goes_on_while_it_leaves(void)
{
    char body[4096];
    char said[65536];

    setenv("LIFECIRCLE_LEAVE_S", "600", 1);
    begin("");
    unsetenv("LIFECIRCLE_LEAVE_S");
    await_ready(200);
    kill(d.pid, SIGTERM);
    await_ready(404);
    int fd = dial();
    say(fd, "GET /count HTTP/1.1\r\nHost: x\r\n\r\n");
    CU_ASSERT_EQUAL(hear(fd, body, sizeof body), 200);
    close(fd);
    CU_ASSERT_EQUAL(finish(said, sizeof said), 0); /* the second SIGTERM */
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "\"event\":\"leaving\""));
}

UNIT_MAIN("service_life", UNIT(test_service_main_names_what_is_wrong),
          UNIT(test_service_main_ends_when_it_cannot_start), UNIT(test_service_main_helps),
          UNIT(test_service_main_turns_away_who_is_one_too_many),
          UNIT(test_service_main_lets_nobody_in_before_it_is_ready),
          UNIT(test_service_main_finishes_a_request_before_it_ends),
          UNIT(test_service_main_goes_on_while_it_leaves))
