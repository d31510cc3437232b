/* A WebSocket client with nothing hidden: it can break every rule. */
#include "town.h"

#include "base/id.h"
#include "base/secret.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static bool
more(struct town_socket *s, int timeout_ms)
{
    struct pollfd p = {s->fd, POLLIN, 0};

    if (s->fd < 0 || poll(&p, 1, timeout_ms) <= 0)
        return false;
    char *to = buf_reserve(&s->in, 65536);
    ssize_t n = recv(s->fd, to, 65536, 0);
    if (n <= 0) {
        close(s->fd);
        s->fd = -1;
        return false;
    }
    s->in.n += (size_t)n;
    return true;
}

bool
town_socket_open(struct town_socket *s, int port, const char *target, const char *subprotocol)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char request[1024];

    memset(s, 0, sizeof *s);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&at, sizeof at) != 0)
        return false;
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: town\r\nUpgrade: websocket\r\nConnection: "
                     "Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                     "dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s\r\n",
                     target, subprotocol == NULL ? "" : "Sec-WebSocket-Protocol: ",
                     subprotocol == NULL ? "" : subprotocol, subprotocol == NULL ? "" : "\r\n");
    if (send(s->fd, request, (size_t)n, MSG_NOSIGNAL) != n)
        return false;
    for (;;) {
        char *end = s->in.n < 4 ? NULL : memmem(s->in.p, s->in.n, "\r\n\r\n", 4);
        if (end != NULL) {
            bool upgraded = memcmp(s->in.p + 9, "101", 3) == 0;
            buf_consume(&s->in, (size_t)(end - s->in.p) + 4);
            return upgraded;
        }
        if (!more(s, 5000))
            return false;
    }
}

void
town_socket_frame(struct town_socket *s, unsigned first, bool masked, struct slice payload)
{
    struct buf b = {0};
    const unsigned char mask[4] = {1, 2, 3, 4};

    buf_u8(&b, (uint8_t)first);
    if (payload.n < 126) {
        buf_u8(&b, (uint8_t)(payload.n | (masked ? 0x80 : 0)));
    } else {
        size_t bytes = payload.n < 65536 ? 2 : 8;
        buf_u8(&b, (uint8_t)((bytes == 2 ? 126 : 127) | (masked ? 0x80 : 0)));
        for (size_t i = bytes; i-- > 0;)
            buf_u8(&b, (uint8_t)((uint64_t)payload.n >> (8 * i)));
    }
    if (masked)
        buf_append(&b, mask, 4);
    for (size_t i = 0; i < payload.n; i++)
        buf_u8(&b, (uint8_t)(payload.p[i] ^ (masked ? mask[i % 4] : 0)));
    struct slice left = buf_slice(&b);
    while (left.n > 0 && s->fd >= 0) {
        ssize_t n = send(s->fd, left.p, left.n, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        left = slice_of(left.p + n, left.n - (size_t)n);
    }
    buf_free(&b);
}

void
town_socket_send(struct town_socket *s, const char *text)
{
    town_socket_frame(s, 0x81, true, slice_str(text));
}

/* frame: takes one whole frame out of what came; its opcode, or -1. payload lives until the next
 * call. */
static int
frame(struct town_socket *s, struct slice *payload)
{
    if (s->in.n < 2)
        return -1;
    const unsigned char *p = (const unsigned char *)s->in.p;
    size_t n = p[1] & 0x7f;
    size_t head = 2;
    if (n == 126) {
        if (s->in.n < 4)
            return -1;
        n = (size_t)p[2] << 8 | p[3];
        head = 4;
    } else if (n == 127) {
        if (s->in.n < 10)
            return -1;
        n = 0;
        for (int i = 2; i < 10; i++)
            n = n << 8 | p[i];
        head = 10;
    }
    if (s->in.n < head + n)
        return -1;
    int opcode = p[0] & 0x0f;
    free(s->text);
    s->text = malloc(n + 1);
    memcpy(s->text, p + head, n);
    s->text[n] = '\0';
    *payload = slice_of(s->text, n);
    buf_consume(&s->in, head + n);
    return opcode;
}

json_t *
town_socket_hear(struct town_socket *s, const char *type, int timeout_ms)
{
    int64_t end_ms = town_now_ms() + timeout_ms;

    for (;;) {
        struct slice payload;
        int opcode = frame(s, &payload);
        if (opcode == 1) {
            json_t *j = json_loadb(payload.p, payload.n, 0, NULL);
            if (type == NULL || strcmp(town_text(j, "type"), type) == 0)
                return j;
            json_decref(j);
        } else if (opcode == 9) {
            town_socket_frame(s, 0x8a, true, payload);
        } else if (opcode == 8) {
            return NULL;
        } else if (opcode < 0) {
            int64_t left_ms = end_ms - town_now_ms();
            if (left_ms <= 0 || s->fd < 0 || (!more(s, (int)left_ms) && s->fd < 0))
                return NULL;
        }
    }
}

int
town_socket_closed(struct town_socket *s, int timeout_ms)
{
    int64_t end_ms = town_now_ms() + timeout_ms;

    for (;;) {
        struct slice payload;
        int opcode = frame(s, &payload);
        if (opcode == 8)
            return payload.n < 2 ? 1005
                                 : (unsigned char)payload.p[0] << 8 | (unsigned char)payload.p[1];
        if (opcode >= 0)
            continue;
        int64_t left_ms = end_ms - town_now_ms();
        if (s->fd < 0)
            return 0;
        if (left_ms <= 0)
            return -1;
        (void)more(s, (int)left_ms);
    }
}

void
town_socket_close(struct town_socket *s)
{
    if (s->fd >= 0)
        close(s->fd);
    buf_free(&s->in);
    free(s->text);
    memset(s, 0, sizeof *s);
    s->fd = -1;
}

void
town_courier_token(struct town *t, const char *name, char target[160])
{
    char words[96];
    char out[512];
    struct town_socket s;
    int64_t end_ms = town_now_ms() + 10000;

    snprintf(words, sizeof words, "courier add %s --name %s", name, name);
    CU_ASSERT_EQUAL_FATAL(town_lcctl(t, out, sizeof out, words), 0);
    char *token = strchr(out, '\n') + 1;
    token[strcspn(token, "\n")] = '\0';
    snprintf(target, 160, "/v1/courier?token=%s", token);
    while (!town_socket_open(&s, t->notifier, target, NULL)) {
        town_socket_close(&s);
        CU_ASSERT_FATAL(town_now_ms() < end_ms);
    }
    town_socket_close(&s);
}

/* How many couriers the matcher reckons with. */
static int
foreseen(struct town *t)
{
    static const char name[] = "\nlifecircle_match_couriers ";
    struct town_answer a =
        town_http(t, t->admin[TOWN_MATCHER], "GET", "/metrics", NULL, slice_of(NULL, 0));
    const char *at = a.body == NULL ? NULL : strstr(a.body, name);
    int n = at == NULL ? -1 : atoi(at + sizeof name - 1);

    town_answer_free(&a);
    return n;
}

struct foresight {
    struct town *town;
    int before;
};

static bool
foresees_one_more(void *ctx)
{
    const struct foresight *f = ctx;

    return foreseen(f->town) > f->before;
}

void
town_courier(struct town *t, struct town_socket *s, const char *name)
{
    struct foresight f = {t, foreseen(t)};
    char target[160];

    town_courier_token(t, name, target);
    CU_ASSERT_TRUE_FATAL(town_socket_open(s, t->notifier, target, "lifecircle.v1.json"));
    town_socket_send(s, "{\"type\":\"hello\"}");
    town_socket_send(s, "{\"type\":\"sign_on\",\"id\":\"on\",\"vehicle\":\"bicycle\",\"capacity_"
                        "items\":20,\"shift_end\":\"2035-01-01T00:00:00Z\",\"lat\":39.2848,"
                        "\"lng\":-76.5922}");
    json_t *done = town_socket_hear(s, "done", 15000);
    const char *outcome = town_text(done, "outcome");
    if (strcmp(outcome, "done") != 0) /* the answer to the first try was lost on the way */
        CU_ASSERT_STRING_EQUAL(outcome, "already");
    json_decref(done);
    if ((t->how & TOWN_UNFORESEEN) == 0)
        CU_ASSERT_TRUE(town_wait(foresees_one_more, &f));
}

/* ---- a courier's work ---- */

void
town_act(struct town_socket *s, const char *type, const char *id, const char *order,
         const char *more, const char *outcome)
{
    char text[256];

    snprintf(text, sizeof text, "{\"type\":\"%s\",\"id\":\"%s\",\"order_id\":\"%s\"%s}", type, id,
             order, more);
    town_socket_send(s, text);
    json_t *done = town_socket_hear(s, "done", 10000);
    if (strcmp(town_text(done, "outcome"), outcome) != 0)
        fprintf(stderr, "\n  %s: %s %s\n", text, town_text(done, "outcome"),
                town_text(done, "detail"));
    CU_ASSERT_STRING_EQUAL(town_text(done, "outcome"), outcome);
    CU_ASSERT_STRING_EQUAL(town_text(done, "id"), id);
    json_decref(done);
}

json_t *
town_accept(struct town_socket *s)
{
    char text[96];
    json_t *route;

    for (;;) {
        route = town_socket_hear(s, "route", 15000);
        CU_ASSERT_PTR_NOT_NULL_FATAL(route);
        if (json_is_string(json_object_get(route, "offer_expires_at")))
            break;
        json_decref(route);
    }
    snprintf(text, sizeof text, "{\"type\":\"accept\",\"id\":\"acc\",\"version\":%lld}",
             (long long)json_integer_value(json_object_get(route, "version")));
    town_socket_send(s, text);
    json_t *done = town_socket_hear(s, "done", 10000);
    CU_ASSERT_STRING_EQUAL(town_text(done, "outcome"), "done");
    json_decref(done);
    return route;
}

void
town_pin(const struct town *t, const char *order_id, char out[PIN_TEXT])
{
    struct city_secret key;
    struct uuid id;

    for (size_t i = 0; i < sizeof key.b; i++) {
        unsigned v = 0;
        CU_ASSERT_EQUAL_FATAL(sscanf(t->secret + 2 * i, "%2x", &v), 1);
        key.b[i] = (uint8_t)v;
    }
    CU_ASSERT_EQUAL_FATAL(uuid_parse(slice_str(order_id), &id), LC_OK);
    delivery_pin(&key, id, out);
}
