/* HTTP by hand: what a test sends is what it wrote. */
#include "town.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static int
dial(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;

    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void
send_all(int fd, struct slice s)
{
    while (s.n > 0) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* it hung up: the answer says why */
        s = slice_of(s.p + n, s.n - (size_t)n);
    }
}

/* content_length: of a head; SIZE_MAX when the body ends with the connection or is chunked. */
static size_t
content_length(const char *head)
{
    const char *at = strcasestr(head, "\r\nContent-Length:");

    return at == NULL ? SIZE_MAX : strtoul(at + 17, NULL, 10);
}

static void
unchunk(struct buf *b)
{
    struct buf out = {0};
    struct slice left = buf_slice(b);

    while (left.n > 0) {
        char *end;
        unsigned long n = strtoul(left.p, &end, 16);
        size_t head = (size_t)(end - left.p) + 2;
        if (n == 0 || head + n + 2 > left.n)
            break;
        buf_append(&out, left.p + head, n);
        left = slice_of(left.p + head + n + 2, left.n - head - n - 2);
    }
    buf_free(b);
    *b = out;
}

static bool
chunks_complete(const struct buf *b)
{
    return b->n >= 5 && memcmp(b->p + b->n - 5, "0\r\n\r\n", 5) == 0;
}

/* read_answer: head, then as much body as the head says, then hangs up. */
static struct town_answer
read_answer(int fd)
{
    struct town_answer a = {0};
    struct buf in = {0};
    size_t body_at = 0;
    size_t want = SIZE_MAX;
    bool chunked = false;
    int64_t end_ms = town_now_ms() + TOWN_PATIENCE_MS;

    while (town_now_ms() < end_ms) {
        struct pollfd p = {fd, POLLIN, 0};
        if (poll(&p, 1, 100) <= 0)
            continue;
        char *to = buf_reserve(&in, 65536);
        ssize_t n = recv(fd, to, 65535, 0);
        if (n <= 0)
            break;
        in.n += (size_t)n;
        in.p[in.n] = '\0';
        char *end = body_at == 0 ? strstr(in.p, "\r\n\r\n") : NULL;
        if (end != NULL) {
            body_at = (size_t)(end - in.p) + 4;
            snprintf(a.head, sizeof a.head, "%.*s", (int)body_at, in.p);
            a.status = atoi(in.p + 9);
            want = content_length(a.head);
            chunked = strcasestr(a.head, "Transfer-Encoding: chunked") != NULL;
        }
        struct buf body = {.p = in.p + body_at, .n = in.n - body_at};
        if (body_at > 0 && (body.n >= want || (chunked && chunks_complete(&body)) ||
                            a.status == 204 || a.status == 101))
            break;
    }
    struct buf body = {0};
    if (body_at > 0)
        buf_append(&body, in.p + body_at, in.n - body_at);
    if (chunked)
        unchunk(&body);
    a.n = body.n;
    buf_char(&body, '\0');
    a.body = body.p;
    buf_free(&in);
    close(fd);
    return a;
}

struct town_answer
town_raw(int port, struct slice bytes)
{
    int fd = dial(port);

    if (fd < 0)
        return (struct town_answer){.body = strdup("")};
    send_all(fd, bytes);
    return read_answer(fd);
}

struct town_answer
town_http(struct town *t, int port, const char *method, const char *target, const char *headers,
          struct slice body)
{
    struct buf b = {0};

    buf_printf(&b, "%s %s HTTP/1.1\r\nHost: town\r\nContent-Length: %zu\r\n", method, target,
               body.n);
    if (headers == NULL || strcasestr(headers, "Authorization:") == NULL)
        buf_printf(&b, "Authorization: Bearer %s\r\n", t->key);
    buf_str(&b, headers == NULL ? "" : headers);
    buf_str(&b, "\r\n");
    buf_append(&b, body.p, body.n);
    struct town_answer a = town_raw(port, buf_slice(&b));
    buf_free(&b);
    return a;
}

void
town_answer_free(struct town_answer *a)
{
    free(a->body);
    a->body = NULL;
}

json_t *
town_json(const struct town_answer *a)
{
    json_t *j = json_loadb(a->body, a->n, 0, NULL);

    if (j == NULL)
        fprintf(stderr, "not JSON (%d): %s\n", a->status, a->body);
    CU_ASSERT_PTR_NOT_NULL(j);
    return j;
}

const char *
town_text(const json_t *j, const char *path)
{
    char copy[128];
    char *rest = copy;

    snprintf(copy, sizeof copy, "%s", path);
    for (char *key; j != NULL && (key = strsep(&rest, ".")) != NULL;)
        j = json_object_get(j, key);
    return json_is_string(j) ? json_string_value(j) : "";
}

long
town_metric(struct town *t, enum town_daemon d, const char *name)
{
    int port = d == TOWN_INTAKE ? t->intake : d == TOWN_NOTIFIER ? t->notifier : t->admin[d];
    struct town_answer a = town_http(t, port, "GET", "/metrics", NULL, slice_of(NULL, 0));
    char line[160];

    snprintf(line, sizeof line, "\nlifecircle_%s ", name);
    const char *at = strstr(a.body, line);
    long v = at == NULL ? -1 : strtol(at + strlen(line), NULL, 10);
    town_answer_free(&a);
    return v;
}
