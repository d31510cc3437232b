#include "push.h"

#include "base/arena.h"
#include "base/wire.h"

#include <stdlib.h>
#include <time.h>
#include <zmq.h>

static int64_t
unix_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* answer: an Ack with the request's id, which gives the sender its credit back. */
static void
answer(void *socket, zmq_msg_t *from, struct mint *mint, const Lifecircle__V1__Envelope *request)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__Ack ack = LIFECIRCLE__V1__ACK__INIT;
    uint8_t bytes[256];

    envelope_answer(&env, mint, unix_us() / 1000, request);
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_ACK;
    env.ack = &ack;
    if (lifecircle__v1__envelope__get_packed_size(&env) > sizeof bytes)
        return;
    if (zmq_msg_send(from, socket, ZMQ_SNDMORE) >= 0)
        (void)zmq_send(socket, bytes, lifecircle__v1__envelope__pack(&env, bytes), 0);
}

static void
take(struct push_sink *s, const Lifecircle__V1__CourierPositions *all)
{
    int64_t now_us = unix_us();
    int64_t since_ms = atomic_load(&s->since_ms);

    for (size_t i = 0; i < all->n_positions; i++) {
        const Lifecircle__V1__CourierPosition *p = all->positions[i];
        if (p->courier <= s->push->couriers)
            atomic_store(&s->push->newest_ms[p->courier], p->time_ms);
        if (p->time_ms < since_ms)
            continue;
        push_time(&s->took, (now_us - p->time_ms * 1000) * 1000);
        s->positions++;
    }
}

void *
push_sink(void *arg)
{
    struct push_sink *s = arg;
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    struct arena *arena = arena_new(WIRE_ARENA_MAX);
    struct mint mint;
    int wait_ms = 100;

    mint_init(&mint, "router", slice_str(s->push->city), 2);
    if (socket == NULL || arena == NULL ||
        zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms) != 0 ||
        zmq_bind(socket, s->push->router) != 0)
        die(s->push->router);
    while (!atomic_load(&s->push->stop)) {
        const Lifecircle__V1__Envelope *env;
        zmq_msg_t from, frame;
        zmq_msg_init(&from);
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&from, socket, 0) >= 0 && zmq_msg_recv(&frame, socket, 0) >= 0 &&
            wire_decode(arena, slice_of(zmq_msg_data(&frame), zmq_msg_size(&frame)), &env) ==
                LC_OK) {
            if (env->body_case == LIFECIRCLE__V1__ENVELOPE__BODY_COURIER_POSITIONS)
                take(s, env->courier_positions);
            answer(socket, &from, &mint, env);
        }
        zmq_msg_close(&from);
        zmq_msg_close(&frame);
        arena_reset(arena);
    }
    arena_destroy(arena);
    zmq_close(socket);
    zmq_ctx_term(context);
    return NULL;
}
