/* lcctl top, lease and drain, with the daemons that they are about. */
#include "town.h"

#include "unit/unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct town town;
static pid_t second;         /* router, standing by */
static int second_admin = 1; /* nobody there yet */

static int
ctl(char *out, size_t size, const char *words)
{
    return town_lcctl(&town, out, size, words);
}

static json_t *
ctl_json(const char *words)
{
    char out[32768];

    CU_ASSERT_EQUAL(ctl(out, sizeof out, words), 0);
    json_t *j = json_loads(out, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(j);
    return j;
}

/* top: one picture of all daemons. */
static json_t *
top(void)
{
    char words[256];

    snprintf(words, sizeof words,
             "top --once --json --daemons "
             "localhost:%d,127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d",
             town.intake, town.admin[TOWN_MATCHER], town.admin[TOWN_INVENTORY],
             town.admin[TOWN_ROUTER], town.notifier, second_admin);
    return ctl_json(words);
}

static void
post(int i)
{
    char json[256];

    snprintf(json, sizeof json,
             "{\"external_order_id\":\"t%d\",\"currency\":\"USD\","
             "\"dropoff\":{\"lat\":39.2861,\"lng\":-76.5877},"
             "\"lines\":[{\"sku\":\"TEA\",\"quantity\":1}]}",
             i);
    struct town_answer a = town_order(&town, json);
    CU_ASSERT(a.status == 201 || a.status == 202);
    town_answer_free(&a);
}

static void
test_lcctl_top_shows_all_daemons(void)
{
    static const char *const names[] = {"intake", "matcher", "inventory", "router", "notifier"};
    struct town_socket ada;

    town_open(&town, TOWN_PATIENT);
    town_shop(&town, "tea-house", 39.2847, -76.5921, 1, "TEA,100,199\n");
    town_courier(&town, &ada, "ada");
    json_t *j = top();
    const json_t *daemons = json_object_get(j, "daemons");
    CU_ASSERT_EQUAL_FATAL(json_array_size(daemons), 6);
    for (size_t i = 0; i < 5; i++) {
        const json_t *d = json_array_get(daemons, i);
        CU_ASSERT_STRING_EQUAL(town_text(d, "service"), names[i]);
        CU_ASSERT_TRUE(json_is_true(json_object_get(d, "ready")));
        CU_ASSERT(json_number_value(json_object_get(d, "memory_bytes")) > 1e6);
    }
    CU_ASSERT_FALSE(json_is_true(json_object_get(json_array_get(daemons, 5), "up")));
    CU_ASSERT_TRUE(json_is_true(json_object_get(json_object_get(j, "redis"), "up")));
    CU_ASSERT_EQUAL(json_array_size(json_object_get(j, "queues")), 5);
    CU_ASSERT_EQUAL(json_number_value(json_object_get(json_object_get(j, "couriers"), "on_shift")),
                    1);
    CU_ASSERT(strncmp(town_text(j, "router.owner"), "router-", 7) == 0);
    json_decref(j);
    town_socket_close(&ada);
}

/* placed_seen: orders, while lcctl looks from one moment to the next. */
static bool
placed_seen(void *ctx)
{
    pid_t pid = fork();
    int *next = ctx;

    CU_ASSERT_FATAL(pid >= 0);
    if (pid == 0) {
        for (int i = 0; i < 30; i++) {
            usleep(50000);
            post(*next + i);
        }
        _exit(0);
    }
    *next += 30;
    json_t *j = top();
    double rate = json_number_value(json_object_get(json_object_get(j, "orders"), "placed_per_s"));
    const json_t *of = json_array_get(json_object_get(j, "times"), 0);
    CU_ASSERT_STRING_EQUAL(town_text(of, "of"), "order");
    if (rate > 0) {
        double p50 = json_number_value(json_object_get(of, "p50_ms"));
        double p99 = json_number_value(json_object_get(of, "p99_ms"));
        CU_ASSERT(p50 > 0 && p99 >= p50);
    }
    json_decref(j);
    waitpid(pid, NULL, 0);
    return rate > 0;
}

static void
test_lcctl_top_reckons_rates(void)
{
    int next = 0;

    CU_ASSERT_TRUE(town_wait(placed_seen, &next));
}

static void
test_lcctl_top_prints_for_people(void)
{
    char out[8192], words[128];

    snprintf(words, sizeof words, "top --once --daemons 127.0.0.1:%d", town.intake);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, words), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "\nDAEMON "));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "\nintake "));
    CU_ASSERT_PTR_NULL(strchr(out, '\033'));
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "top --once --daemons here"), 2);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "top --every nothing"), 2);
}

/* ---- the lease ---- */

static void
start_second(void)
{
    char listen[128], news[128], follow[128], redis[128], secret[96], admin[48], log[128];

    second_admin = town.admin[TOWN_REDIS]; /* a free port of the town's that nobody uses */
    snprintf(listen, sizeof listen, "--listen=ipc://%s/router2", town.dir);
    snprintf(news, sizeof news, "--news=ipc://%s/router2.news", town.dir);
    snprintf(follow, sizeof follow, "--follow=ipc://%s/inventory.news", town.dir);
    snprintf(redis, sizeof redis, "--redis=unix:%s/redis.sock", town.dir);
    snprintf(secret, sizeof secret, "--city-secret=%s", town.secret);
    snprintf(admin, sizeof admin, "--admin=127.0.0.1:%d", second_admin);
    snprintf(log, sizeof log, "%s/router2.log", town.dir);
    second = fork();
    CU_ASSERT_FATAL(second >= 0);
    if (second == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execl(LC_ROUTER, LC_ROUTER, "--city=bal", listen, news, follow, redis, secret, admin,
              (char *)NULL);
        _exit(127);
    }
}

static bool
second_says(void *ctx)
{
    struct town_answer a = town_raw(
        second_admin, SLICE_LIT("GET /metrics HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"));
    bool says = a.body != NULL && strstr(a.body, ctx) != NULL;

    town_answer_free(&a);
    return says;
}

static void
test_lcctl_lease_hands_the_city_over(void)
{
    char owner[80], out[1024];

    start_second();
    CU_ASSERT_TRUE(town_wait(second_says, "\nlifecircle_ready 1"));
    json_t *j = ctl_json("lease --json");
    const json_t *row = json_array_get(j, 0);
    snprintf(owner, sizeof owner, "%s", town_text(row, "owner"));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(row, "epoch")), 1);
    CU_ASSERT_FALSE(json_is_true(json_object_get(row, "vacant")));
    CU_ASSERT(json_number_value(json_object_get(row, "age_s")) > 0);
    json_decref(j);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "lease release"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, owner));
    CU_ASSERT_TRUE(town_wait(second_says, "\nlifecircle_router_owner 1"));
    j = ctl_json("lease --all --json");
    CU_ASSERT_EQUAL(json_array_size(j), 1);
    row = json_array_get(j, 0);
    CU_ASSERT_STRING_EQUAL(town_text(row, "city"), "bal");
    CU_ASSERT_STRING_NOT_EQUAL(town_text(row, "owner"), owner);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(row, "epoch")), 2);
    json_decref(j);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "lease take"), 2);
}

/* ---- leaving ---- */

static void
test_lcctl_drain_ends_a_daemon(void)
{
    char words[64], out[1024];
    int status = -1;

    snprintf(words, sizeof words, "drain 127.0.0.1:%d", second_admin);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, words), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "and leaves\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "has left\n"));
    CU_ASSERT_EQUAL(waitpid(second, &status, 0), second);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, words), 3); /* nobody is there any more */
    /* at the port that chains reach, nobody may end anything */
    snprintf(words, sizeof words, "drain 127.0.0.1:%d", town.intake);
    CU_ASSERT_EQUAL(ctl(out, sizeof out, words), 1);
    CU_ASSERT_TRUE(town_alive(&town, TOWN_INTAKE));
    CU_ASSERT_EQUAL(ctl(out, sizeof out, "drain intake"), 2);
    town_close(&town);
}

/* Somebody listens, and never says a word. */
static void
test_lcctl_drain_takes_nobodys_silence_for_leaving(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char words[64], out[1024];

    CU_ASSERT_FATAL(fd >= 0 && bind(fd, (struct sockaddr *)&at, n) == 0 && listen(fd, 8) == 0 &&
                    getsockname(fd, (struct sockaddr *)&at, &n) == 0);
    snprintf(words, sizeof words, "drain 127.0.0.1:%d --json", ntohs(at.sin_port));
    CU_ASSERT_EQUAL(ctl(out, sizeof out, words), 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "\"state\":\"no_answer\",\"left\":false"));
    close(fd);
}

UNIT_MAIN("live", UNIT(test_lcctl_top_shows_all_daemons), UNIT(test_lcctl_top_reckons_rates),
          UNIT(test_lcctl_top_prints_for_people), UNIT(test_lcctl_lease_hands_the_city_over),
          UNIT(test_lcctl_drain_takes_nobodys_silence_for_leaving),
          UNIT(test_lcctl_drain_ends_a_daemon))
