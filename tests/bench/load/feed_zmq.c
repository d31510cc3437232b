/* feed_zmq: submits orders as protobuf over ZeroMQ: --connections DEALER sockets, --window messages
 * under way on each,
 * --batch orders a message. Other flags: load.c. --address is a ZeroMQ endpoint. */
#include "load.h"

#include "base/arena.h"
#include "base/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zmq.h>

enum { CONNECTIONS_MAX = 64, WINDOW_MAX = 4096, BATCH_MAX = 500, PATIENCE_S = 20, ARENA = 8 << 20 };

struct sock {
    void *zmq;
    uint64_t next;   /* order number: each socket has its own stretch */
    uint64_t slot_n; /* messages sent */
    uint32_t under_way;
    int64_t since_ns[WINDOW_MAX];
};

struct feed {
    struct load load;
    void *context;
    struct sock socks[CONNECTIONS_MAX];
    zmq_pollitem_t items[CONNECTIONS_MAX];
    struct arena *arena;
    struct mint mint;
    bool stopping;
    int64_t stop_ns;
    char code[BATCH_MAX][CITY_LINES][CITY_SKU_CODE];
    char external[BATCH_MAX][40];
    Lifecircle__V1__OrderSubmission order[BATCH_MAX], *orders[BATCH_MAX];
    Lifecircle__V1__OrderLine line[BATCH_MAX][CITY_LINES], *lines[BATCH_MAX][CITY_LINES];
    Lifecircle__V1__Contact customer;
    char packed[1 << 20];
};

static void
write_order(struct feed *f, uint32_t i, uint64_t n)
{
    Lifecircle__V1__OrderSubmission *s = f->orders[i] = &f->order[i];
    struct bench_order o;

    city_order(&f->load.city, n, &o);
    lifecircle__v1__order_submission__init(s);
    snprintf(f->external[i], sizeof f->external[i], "%s%llu", f->load.tag, (unsigned long long)n);
    s->external_order_id = f->external[i];
    s->lat = o.at.lat_e7 / 1e7;
    s->lng = o.at.lng_e7 / 1e7;
    s->address = (char *)(uintptr_t) "2400 Fait Ave, Baltimore";
    s->instructions = (char *)(uintptr_t) "second floor";
    s->customer = &f->customer;
    s->currency = (char *)(uintptr_t) "USD";
    s->simulated = true;
    s->n_lines = CITY_LINES;
    s->lines = f->lines[i];
    for (size_t k = 0; k < CITY_LINES; k++) {
        Lifecircle__V1__OrderLine *l = f->lines[i][k] = &f->line[i][k];
        lifecircle__v1__order_line__init(l);
        city_sku_code(o.line[k].sku, f->code[i][k]);
        l->sku = f->code[i][k];
        l->quantity = o.line[k].quantity;
        l->unit_price_cents = o.line[k].price_cents;
    }
}

static void
send_message(struct feed *f, struct sock *s)
{
    Lifecircle__V1__Envelope env = LIFECIRCLE__V1__ENVELOPE__INIT;
    Lifecircle__V1__SubmitRequest m = LIFECIRCLE__V1__SUBMIT_REQUEST__INIT;
    uint32_t chain = city_order_chain(&f->load.city, s->next);
    uint64_t slot = s->slot_n++ % f->load.window;
    struct timespec t;

    for (uint32_t i = 0; i < f->load.batch; s->next++)
        if (city_order_chain(&f->load.city, s->next) == chain)
            write_order(f, i++, s->next);
    m.api_key = f->load.key[chain];
    m.n_orders = f->load.batch;
    m.orders = f->orders;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t now_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    envelope_init(&env, &f->mint, now_ms, now_ms + 10000);
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_SUBMIT_REQUEST;
    env.submit_request = &m;
    env.traceparent = (char *)(uintptr_t) "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    if (lifecircle__v1__envelope__get_packed_size(&env) > sizeof f->packed)
        die("message too long");
    size_t n = lifecircle__v1__envelope__pack(&env, (uint8_t *)f->packed);
    /* answers come in another order than questions: since_ns holds the eldest of the window, so
     * that a latency is rather too long than too short */
    s->since_ns[slot] = load_now_ns();
    if (zmq_send(s->zmq, f->packed, n, 0) < 0)
        die("zmq_send");
    s->under_way++;
    f->load.sent += f->load.batch;
}

static void
take_answer(struct feed *f, struct sock *s, struct slice frame)
{
    const Lifecircle__V1__Envelope *env;
    uint64_t eldest = (s->slot_n - s->under_way) % f->load.window;
    int64_t now_ns = load_now_ns();

    arena_reset(f->arena);
    if (wire_decode(f->arena, frame, &env) != LC_OK ||
        env->body_case != LIFECIRCLE__V1__ENVELOPE__BODY_SUBMIT_REPLY)
        die("unexpected answer");
    const Lifecircle__V1__SubmitReply *r = env->submit_reply;
    if (r->status != 200 || r->n_results != f->load.batch) {
        fprintf(stderr, "bench_feed_zmq: %u %s\n", r->status, r->code);
        exit(EXIT_FAILURE);
    }
    for (size_t i = 0; i < r->n_results; i++) {
        const Lifecircle__V1__SubmitResult *one = r->results[i];
        if (one->status >= 400 && f->load.refused + f->load.failed == 0)
            fprintf(stderr, "bench_feed_zmq: the first refusal: %u %s %s\n", one->status, one->code,
                    one->detail);
        load_status(&f->load, one->status, one->state == LIFECIRCLE__V1__ORDER_STATE__HELD);
    }
    load_latency(&f->load, now_ns - s->since_ns[eldest]);
    s->under_way--;
    if (!f->stopping)
        load_in_time(&f->load, now_ns);
}

static void
read_all(struct feed *f, struct sock *s)
{
    zmq_msg_t m;

    zmq_msg_init(&m);
    while (zmq_msg_recv(&m, s->zmq, ZMQ_DONTWAIT) >= 0) {
        if (zmq_msg_size(&m) > 0) /* an empty delimiter may come before */
            take_answer(f, s, slice_of(zmq_msg_data(&m), zmq_msg_size(&m)));
        if (!f->stopping && s->under_way < f->load.window)
            send_message(f, s);
    }
    if (errno != EAGAIN)
        die("zmq_recv");
    zmq_msg_close(&m);
}

static void
run(struct feed *f)
{
    int n = (int)f->load.connections;
    uint64_t under_way = 1;

    f->load.begin_ns = f->load.end_ns = load_now_ns();
    f->stop_ns = f->load.begin_ns + (int64_t)(f->load.seconds * 1e9);
    for (int i = 0; i < n; i++)
        while (f->socks[i].under_way < f->load.window)
            send_message(f, &f->socks[i]);
    while (under_way > 0) {
        if (zmq_poll(f->items, n, 50) < 0 && errno != EINTR)
            die("zmq_poll");
        under_way = 0;
        for (int i = 0; i < n; i++) {
            if (f->items[i].revents & ZMQ_POLLIN)
                read_all(f, &f->socks[i]);
            under_way += f->socks[i].under_way;
        }
        int64_t now_ns = load_now_ns();
        f->stopping = now_ns >= f->stop_ns;
        if (now_ns > f->stop_ns + (int64_t)PATIENCE_S * 1000000000)
            break;
    }
}

static void
open_all(struct feed *f)
{
    int linger = 0, hwm = 0;

    f->context = zmq_ctx_new();
    f->arena = arena_new(ARENA);
    if (f->context == NULL || f->arena == NULL)
        die("memory");
    mint_init(&f->mint, "bench", slice_str(f->load.name), f->load.city.seed);
    lifecircle__v1__contact__init(&f->customer);
    f->customer.name = (char *)(uintptr_t) "Ada L.";
    f->customer.phone = (char *)(uintptr_t) "+14105550123";
    for (uint32_t i = 0; i < f->load.connections; i++) {
        struct sock *s = &f->socks[i];
        s->next = f->load.first + ((uint64_t)i << 34);
        s->zmq = zmq_socket(f->context, ZMQ_DEALER);
        if (s->zmq == NULL || zmq_setsockopt(s->zmq, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
            zmq_setsockopt(s->zmq, ZMQ_SNDHWM, &hwm, sizeof hwm) != 0 ||
            zmq_setsockopt(s->zmq, ZMQ_RCVHWM, &hwm, sizeof hwm) != 0 ||
            zmq_connect(s->zmq, f->load.address) != 0)
            die("zmq");
        f->items[i] = (zmq_pollitem_t){s->zmq, 0, ZMQ_POLLIN, 0};
    }
}

int
main(int argc, char **argv)
{
    static struct feed f;

    load_flags(&f.load, argc, argv);
    if (f.load.connections > CONNECTIONS_MAX || f.load.window > WINDOW_MAX ||
        f.load.batch > BATCH_MAX || f.load.address == NULL) {
        fputs("bench_feed_zmq: a number is too large, or no --address\n", stderr);
        return 2;
    }
    open_all(&f);
    run(&f);
    for (uint32_t i = 0; i < f.load.connections; i++)
        zmq_close(f.socks[i].zmq);
    zmq_ctx_term(f.context);
    arena_destroy(f.arena);
    return load_print(&f.load);
}
