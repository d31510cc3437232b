/* bus_rig: nodes that send each other frames over free endpoints, and count what came. */
#ifndef LC_TESTS_IO_BUS_RIG_H
#define LC_TESTS_IO_BUS_RIG_H

#include "await.h"

#include "base/wire.h"
#include "io/bus.h"
#include "io/resolve.h"

#include <stdio.h>
#include <unistd.h>
#include <zmq.h>

/* node: a bus and what it heard. Work is answered with the same frame, unless `mute`. */
struct node {
    struct bus *bus;
    bool mute;
    size_t work;    /* frames with a link */
    size_t answers; /* frames without */
    uint64_t link;  /* of the last */
    size_t bytes;   /* of the last */
    char last[64];
};

static struct loop *loop;
static struct resolver *resolver;

static inline void
on_frame(void *ctx, uint64_t link, struct slice bytes)
{
    struct node *n = ctx;

    n->bytes = bytes.n;
    memset(n->last, 0, sizeof n->last);
    if (bytes.n < sizeof n->last)
        memcpy(n->last, bytes.p, bytes.n);
    if (link == 0) {
        n->answers++;
        return;
    }
    n->work++;
    n->link = link;
    if (!n->mute) {
        CU_ASSERT_EQUAL(bus_answer(n->bus, link, bytes), LC_OK);
        bus_turn_end(n->bus);
    }
}

static inline void
open_node(struct node *n)
{
    *n = (struct node){0};
    n->bus = bus_new(loop, resolver, false, on_frame, n);
    CU_ASSERT_PTR_NOT_NULL_FATAL(n->bus);
}

static inline void
close_node(struct node *n)
{
    bus_destroy(n->bus, 0);
    n->bus = NULL;
}

static inline void
open_server(struct node *n)
{
    const char *why = "";

    open_node(n);
    CU_ASSERT_EQUAL_FATAL(bus_listen(n->bus, "tcp://127.0.0.1:*", &why), LC_OK);
}

/* The endpoint with a numeric v4 address, whatever form ZeroMQ shows it in. */
static inline const char *
address_of(const char *endpoint)
{
    static char text[4][64];
    static unsigned turn;
    char *to = text[turn++ % 4];

    snprintf(to, sizeof text[0], "tcp://127.0.0.1%s", strrchr(endpoint, ':'));
    return to;
}

static inline void
connect_to(struct node *client, const struct node *server)
{
    const char *why = "";

    CU_ASSERT_EQUAL_FATAL(
        bus_peers(client->bus, ROLE_MATCHER, address_of(bus_listening(server->bus)), &why), LC_OK);
}

static inline void
begin(void)
{
    log_open("test", LOG_ERROR);
    loop = loop_new();
    resolver = resolver_new(loop);
    CU_ASSERT_PTR_NOT_NULL_FATAL(resolver);
}

static inline void
finish(void)
{
    resolver_destroy(resolver);
    loop_destroy(loop);
}

/* A frame with an envelope's id and a word behind it. */
static inline struct slice
frame(uint64_t id, const char *word)
{
    static char bytes[128];

    memset(bytes, 0, sizeof bytes);
    bytes[0] = 0x0a;
    bytes[1] = 16;
    memcpy(bytes + 2, &id, sizeof id);
    memcpy(bytes + 18, word, strlen(word));
    return slice_of(bytes, 18 + strlen(word));
}

static inline enum lc_err
send_frame(struct node *n, uint64_t id, int64_t wait_ms)
{
    int64_t now_ms = loop_now_ms(loop);
    enum lc_err err = bus_send(n->bus, ROLE_MATCHER, frame(id, "work"), now_ms + wait_ms, now_ms);

    bus_turn_end(n->bus);
    return err;
}

/* Until ZeroMQ has connected a frame has nowhere to go. */
static inline void
send_first(struct node *n, uint64_t id)
{
    AWAIT(loop, send_frame(n, id, 5000) == LC_OK);
}

#endif
