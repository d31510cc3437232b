/* DNS rebinding: a name that is public when it is looked up once and ours when it is looked up
 * again. With the system's own resolver, asking a name server of this test's over UDP, in a network
 * and a mount namespace of their own, where one public address is ours too. */
#include "unit.h"

#include "io/http_client.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PUBLIC "93.184.216.34"
#define ALSO_PUBLIC "93.184.216.35" /* nobody has this one: no way there */

enum { ANSWERS = 4, WAIT_MS = 20000, PORT = 8080 };

/* What the name server and the web server see and do; they are processes of their own. */
static struct {
    char answer[ANSWERS][2][16]; /* of the 1st, 2nd ... question for an A: its addresses */
    volatile unsigned questions, requests;
    char reached[16]; /* the address of ours that the last request came to */
} * net;

static bool able; /* namespaces may be made here */

/* ---- the name server ---- */

/* answer_to: "A" by the script, anything else: no such record. Returns the length. */
static size_t
answer_to(uint8_t *m, size_t n)
{
    size_t at = 12;

    while (at < n && m[at] != 0)
        at += m[at] + 1U;
    size_t end = at + 5;
    if (end > n)
        return 0;
    memcpy(m + 2, "\x81\x80\0\1\0\0\0\0\0\0", 10);
    if (m[at + 2] != 1)
        return end;
    unsigned i = net->questions < ANSWERS ? net->questions : ANSWERS - 1;
    net->questions++;
    for (int k = 0; k < 2 && net->answer[i][k][0] != '\0'; k++) {
        memcpy(m + end, "\xc0\x0c\0\1\0\1\0\0\0\0\0\4", 12);
        inet_pton(AF_INET, net->answer[i][k], m + end + 12);
        end += 16;
        m[7]++;
    }
    return end;
}

static void
serve_names(int fd)
{
    uint8_t m[1024];
    struct sockaddr_in from;

    for (;;) {
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(fd, m, 512, 0, (struct sockaddr *)&from, &size);
        size_t length = n > 12 ? answer_to(m, (size_t)n) : 0;
        if (length > 0)
            sendto(fd, m, length, 0, (struct sockaddr *)&from, size);
    }
}

/* ---- the web server ---- */

static void
serve_pages(int fd)
{
    static const char done[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    char bytes[4096];

    for (;;) {
        struct sockaddr_in at;
        socklen_t size = sizeof at;
        int one = accept(fd, NULL, NULL);
        if (one < 0 || read(one, bytes, sizeof bytes) <= 0 ||
            getsockname(one, (struct sockaddr *)&at, &size) != 0)
            _exit(1);
        inet_ntop(AF_INET, &at.sin_addr, net->reached, sizeof net->reached);
        net->requests++;
        (void)!write(one, done, sizeof done - 1);
        close(one);
    }
}

/* ---- where they live ---- */

static bool
write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool fine = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return fine;
}

static bool
enter(void)
{
    char map[64];
    unsigned uid = (unsigned)geteuid();

    if (uid != 0) {
        if (unshare(CLONE_NEWUSER) != 0)
            return false;
        snprintf(map, sizeof map, "0 %u 1", uid);
        if (!write_file("/proc/self/uid_map", map))
            return false;
    }
    return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool
give_address(const char *name, const char *address)
{
    struct ifreq r = {0};
    struct sockaddr_in at = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    inet_pton(AF_INET, address, &at.sin_addr);
    memcpy(&r.ifr_addr, &at, sizeof at);
    bool fine = fd >= 0 && ioctl(fd, SIOCSIFADDR, &r) == 0;
    r.ifr_flags = IFF_UP;
    fine = fine && ioctl(fd, SIOCSIFFLAGS, &r) == 0;
    memset(&at.sin_addr, 0xff, sizeof at.sin_addr);
    memcpy(&r.ifr_addr, &at, sizeof at);
    fine = fine && (strchr(name, ':') == NULL || ioctl(fd, SIOCSIFNETMASK, &r) == 0);
    close(fd);
    return fine;
}

/* own_names: the resolver asks us, and nobody else. */
static bool
own_names(void)
{
    char dir[] = "/tmp/lc-rebind.XXXXXX", path[64];
    bool fine = mkdtemp(dir) != NULL;

    snprintf(path, sizeof path, "%s/conf", dir);
    fine = fine && write_file(path, "nameserver 127.0.0.1\noptions timeout:5 attempts:3\n") &&
           mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0;
    unlink(path); /* the mount keeps it */
    snprintf(path, sizeof path, "%s/switch", dir);
    fine = fine && write_file(path, "hosts: files dns\n") &&
           (access("/etc/nsswitch.conf", R_OK) != 0 ||
            mount(path, "/etc/nsswitch.conf", NULL, MS_BIND, NULL) == 0);
    unlink(path);
    rmdir(dir);
    return fine;
}

static void
start(int type, const char *address, uint16_t port, void (*serve)(int fd))
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, address, &at.sin_addr);
    CU_ASSERT_FATAL(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    CU_ASSERT_FATAL(type == SOCK_DGRAM || listen(fd, 16) == 0);
    pid_t pid = fork();
    CU_ASSERT_FATAL(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(fd);
        _exit(1);
    }
    close(fd);
}

/* ---- asking ---- */

static struct {
    struct event_base *base;
    struct http_client *client;
    unsigned count;
    enum http_client_error err;
} t;

static void
on_done(void *ctx, uint64_t tag, int status, enum http_client_error err)
{
    (void)ctx;
    (void)tag;
    CU_ASSERT_EQUAL(status, err == HTTP_CLIENT_OK ? 204 : 0);
    t.count++;
    t.err = err;
}

static void
open_client(void)
{
    net->questions = net->requests = 0;
    memset(net->reached, 0, sizeof net->reached);
    memset(net->answer, 0, sizeof net->answer);
    t.base = event_base_new();
    t.client = http_client_new(t.base, NULL, on_done, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t.client);
}

static void
close_client(void)
{
    http_client_destroy(t.client);
    event_base_free(t.base);
}

static enum http_client_error
post(void)
{
    unsigned before = t.count;

    CU_ASSERT_EQUAL_FATAL(http_post(t.client, 1, SLICE_LIT("http://hook.example:8080/"),
                                    SLICE_LIT(""), SLICE_LIT("{}"), WAIT_MS),
                          LC_OK);
    for (int i = 0; i < WAIT_MS && t.count == before; i++) {
        event_base_loop(t.base, EVLOOP_NONBLOCK);
        poll(NULL, 0, 1);
    }
    CU_ASSERT_EQUAL(t.count, before + 1);
    return t.err;
}

/* ---- tests ---- */

static void
test_the_name_server_is_ours(void)
{
    net = mmap(NULL, sizeof *net, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_FATAL(net != MAP_FAILED);
    able = enter();
    if (!able) {
        printf("\n    no namespaces may be made here: not tested\n");
        return;
    }
    CU_ASSERT_TRUE_FATAL(give_address("lo", "127.0.0.1") && give_address("lo:1", PUBLIC) &&
                         own_names());
    start(SOCK_DGRAM, "127.0.0.1", 53, serve_names);
    start(SOCK_STREAM, "0.0.0.0", PORT, serve_pages);
}

/* Public when it is judged, ours when it would be looked up again to connect: it is not looked up
 * again, and the connection goes to the address that was judged. */
static void
test_the_address_that_was_judged_is_the_one_that_is_connected_to(void)
{
    if (!able)
        return;
    open_client();
    strcpy(net->answer[0][0], PUBLIC);
    for (int i = 1; i < ANSWERS; i++)
        strcpy(net->answer[i][0], "127.0.0.1");
    CU_ASSERT_EQUAL(post(), HTTP_CLIENT_OK);
    CU_ASSERT_STRING_EQUAL(net->reached, PUBLIC);
    CU_ASSERT_EQUAL(net->questions, 1);
    close_client();
}

/* The next client asks again, is told another address, and does not go there. */
static void
test_a_name_that_has_become_ours_is_refused(void)
{
    if (!able)
        return;
    open_client();
    for (int i = 0; i < ANSWERS; i++)
        snprintf(net->answer[i][0], sizeof net->answer[i][0], "%s", i == 0 ? PUBLIC : "127.0.0.1");
    CU_ASSERT_EQUAL(post(), HTTP_CLIENT_OK);
    http_client_destroy(t.client);
    t.client = http_client_new(t.base, NULL, on_done, NULL);
    CU_ASSERT_EQUAL(post(), HTTP_CLIENT_NOT_PUBLIC);
    CU_ASSERT_EQUAL(net->questions, 2);
    CU_ASSERT_EQUAL(net->requests, 1);
    close_client();
}

/* Two addresses in one answer: where the first leads nowhere, the second is judged as well. */
static void
test_what_stands_behind_a_public_address_is_judged_too(void)
{
    if (!able)
        return;
    open_client();
    for (int i = 0; i < ANSWERS; i++) {
        strcpy(net->answer[i][0], ALSO_PUBLIC);
        strcpy(net->answer[i][1], "127.0.0.1");
    }
    CU_ASSERT_NOT_EQUAL(post(), HTTP_CLIENT_OK);
    CU_ASSERT_EQUAL(net->questions, 1);
    CU_ASSERT_EQUAL(net->requests, 0);
    close_client();
}

UNIT_MAIN("http_rebind", UNIT(test_the_name_server_is_ours),
          UNIT(test_the_address_that_was_judged_is_the_one_that_is_connected_to),
          UNIT(test_a_name_that_has_become_ours_is_refused),
          UNIT(test_what_stands_behind_a_public_address_is_judged_too))
