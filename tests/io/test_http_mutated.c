/* Good requests and frames, damaged and cut at random from a seed: whatever comes, the server goes
 * on, gives every connection back, and tells each unfinished request's end exactly once. LC_SEED
 * and LC_ROUNDS change what is tried; a failure prints the seed. */
#include "edge.h"

#define HANDSHAKE                                                                                  \
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"                 \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

#define SEED_LIT(s)                                                                                \
    {                                                                                              \
        (s), sizeof(s) - 1                                                                         \
    }

static const struct slice seeds[] = {
    SEED_LIT("GET /echo?a=b HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n"),
    SEED_LIT("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
             "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"),
    SEED_LIT("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
             "5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nX: y\r\n\r\n"),
    SEED_LIT("POST /stream HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
             "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
             "GET /sse HTTP/1.1\r\nHost: a\r\n\r\n"),
    SEED_LIT("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\nHEAD /echo HTTP/1.0\r\n\r\n"),
    SEED_LIT(HANDSHAKE "\x81\x82\0\0\0\0hi\x01\x82\0\0\0\0he\x89\x80\0\0\0\0\x80\x83\0\0\0\0llo"
                       "\x82\xfe\0\x7f\0\0\0\0\x88\x82\0\0\0\0\x03\xe8"),
};

static uint64_t state;

static uint32_t
chance(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

static void
mutate(struct buf *b)
{
    static const char *const bits[] = {"\r\n",
                                       "\n",
                                       "\r\n\r\n",
                                       " ",
                                       ":",
                                       "0",
                                       "\xff",
                                       "\x81",
                                       "Content-Length: 3\r\n",
                                       "Transfer-Encoding: chunked\r\n",
                                       "Host: b\r\n",
                                       "ffffffff",
                                       "Connection: close\r\n"};

    for (uint32_t n = chance(4); n > 0 && b->n > 0; n--) {
        size_t at = chance((uint32_t)b->n);
        const char *bit = bits[chance(sizeof bits / sizeof *bits)];
        struct buf tail = {0};
        switch (chance(4)) {
        case 0:
            b->p[at] = (char)chance(256);
            break;
        case 1: /* leave some out */
            buf_append(&tail, b->p + at, b->n - at);
            b->n = at;
            if (tail.n > 3)
                buf_append(b, tail.p + 3, tail.n - 3);
            break;
        case 2: /* put something in */
            buf_append(&tail, b->p + at, b->n - at);
            b->n = at;
            buf_str(b, bit);
            buf_append(b, tail.p, tail.n);
            break;
        default:
            b->p[at] = (char)(b->p[at] ^ (1 << chance(8)));
            break;
        }
        buf_free(&tail);
    }
}

static void
one_round(void)
{
    struct slice seed = seeds[chance(sizeof seeds / sizeof *seeds)];
    struct buf bytes = {0};
    struct client c;

    buf_append(&bytes, seed.p, seed.n);
    mutate(&bytes);
    client_open(&c);
    for (size_t off = 0; off < bytes.n && !c.eof;) {
        size_t n = 1 + chance((uint32_t)(bytes.n - off));
        client_send(&c, bytes.p + off, n);
        off += n;
        event_base_loop(edge.base, EVLOOP_NONBLOCK);
        if (edge.held != 0 && chance(2) == 0)
            edge.answered += http_respond(edge.server, edge.held, 200, NULL, (struct slice){0},
                                          SLICE_LIT("ok")) == LC_OK;
    }
    if (chance(2) == 0)
        shutdown(c.fd, SHUT_WR);
    event_base_loop(edge.base, EVLOOP_NONBLOCK);
    client_close(&c);
    buf_free(&bytes);
}

static void
test_mutated_bytes_leave_the_server_whole(void)
{
    struct http_limits limits = {.request_ms = 100,
                                 .keep_alive_ms = 100,
                                 .answer_ms = 100,
                                 .linger_ms = 50,
                                 .body_idle_ms = 100,
                                 .connections = 100000};
    const char *seed = getenv("LC_SEED");
    const char *rounds = getenv("LC_ROUNDS");
    unsigned long n = rounds == NULL ? 3000 : strtoul(rounds, NULL, 10);

    state = seed == NULL ? 1 : strtoull(seed, NULL, 10);
    printf("\n    seed %llu ", (unsigned long long)state);
    fflush(stdout);
    edge_open(&limits);
    for (unsigned long i = 0; i < n; i++)
        one_round();
    AWAIT(http_server_connections(edge.server) == 0);
    assert_serving();
    CU_ASSERT_EQUAL(edge.requests, edge.answered + edge.gone);
    edge_close();
}

UNIT_MAIN("http_mutated", UNIT(test_mutated_bytes_leave_the_server_whole))
