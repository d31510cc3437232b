/* CURVE: frames are encrypted, and only keys that are listed are let in. ZeroMQ asks for each
 * handshake over inproc (ZAP, rfc.zeromq.org/spec/27); the answer is given here, in the loop. What
 * a key sends after it was taken off the list is thrown away, and who publishes closes all
 * connections then, so that a revoked key hears nothing either. */
#include "io/bus_own.h"
#include "io/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { ZAP_PARTS = 7, KEY_BYTES = 32, AGAIN_MS = 10 };
enum { ZAP_VERSION, ZAP_ID, ZAP_DOMAIN, ZAP_ADDRESS, ZAP_IDENTITY, ZAP_MECHANISM, ZAP_KEY };

#define DOMAIN_PEERS "peers"
#define DOMAIN_CHAINS "chains"

/* ---- lists ---- */

static bool
is_key(struct slice s)
{
    char text[BUS_KEY_TEXT];
    uint8_t key[KEY_BYTES];

    if (s.n != BUS_KEY_TEXT - 1)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return zmq_z85_decode(key, text) != NULL;
}

static struct slice
next_word(struct slice *line)
{
    size_t at = 0, n;

    while (at < line->n && (line->p[at] == ' ' || line->p[at] == '\t' || line->p[at] == '\r'))
        at++;
    for (n = at; n < line->n && line->p[n] != ' ' && line->p[n] != '\t' && line->p[n] != '\r';)
        n++;
    struct slice word = slice_of(line->p + at, n - at);
    *line = slice_of(line->p + n, line->n - n);
    return word;
}

static struct slice
next_line(struct slice *text)
{
    const char *end = memchr(text->p, '\n', text->n);
    size_t n = end == NULL ? text->n : (size_t)(end - text->p);
    struct slice line = slice_of(text->p, n);

    n += end != NULL;
    *text = slice_of(text->p + n, text->n - n);
    return line;
}

/* read_list: lines "NAME PUBLIC-KEY"; empty ones and those that begin with # do not count. */
static enum lc_err
read_list(struct slice text, struct key_list *l, const char **why)
{
    *l = (struct key_list){0};
    while (text.n > 0) {
        struct slice line = next_line(&text);
        struct slice name = next_word(&line), key = next_word(&line);
        if (name.n == 0 || name.p[0] == '#')
            continue;
        if (l->n == BUS_KEYS) {
            *why = "expected at most 1,000 keys";
            return LC_ETOOBIG;
        }
        if (name.n >= BUS_KEY_NAME || !is_key(key) || next_word(&line).n > 0) {
            *why = "expected lines of a name and a public key, as `lcctl keys new` prints them";
            return LC_EINVAL;
        }
        struct listed_key *more = realloc(l->keys, (l->n + 1) * sizeof *more);
        if (more == NULL)
            return LC_ENOMEM;
        l->keys = more;
        struct listed_key *k = &l->keys[l->n++];
        snprintf(k->name, sizeof k->name, "%.*s", (int)name.n, name.p);
        snprintf(k->key, sizeof k->key, "%.*s", (int)key.n, key.p);
    }
    return LC_OK;
}

static const struct listed_key *
find_key(const struct key_list *l, const char *key)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->keys[i].key, key) == 0)
            return &l->keys[i];
    return NULL;
}

const char *
curve_key_of(const struct bus *b, const char *name)
{
    for (size_t i = 0; i < b->curve.peers.n; i++)
        if (strcmp(b->curve.peers.keys[i].name, name) == 0)
            return b->curve.peers.keys[i].key;
    return NULL;
}

/* ---- who may come in ---- */

static const struct key_list *
list_of(const struct bus *b, struct slice domain)
{
    return slice_eq_str(domain, DOMAIN_CHAINS) ? &b->curve.chains : &b->curve.peers;
}

bool
curve_lets_in(const struct bus *b, zmq_msg_t *message)
{
    if (!b->curve.on)
        return true;
    const char *key = zmq_msg_gets(message, "User-Id");
    return key != NULL &&
           find_key(b->curve.chains_listen ? &b->curve.chains : &b->curve.peers, key) != NULL;
}

/* receive_request: all parts of one request; false when there is none. */
static bool
receive_request(void *socket, zmq_msg_t parts[ZAP_PARTS], size_t *n)
{
    bool more = true;

    *n = 0;
    while (more) {
        zmq_msg_t part;
        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&part);
            return *n > 0;
        }
        more = zmq_msg_more(&part) != 0;
        if (*n < ZAP_PARTS) {
            zmq_msg_init(&parts[*n]);
            zmq_msg_move(&parts[(*n)++], &part);
        }
        zmq_msg_close(&part);
    }
    return true;
}

static struct slice
text_of(zmq_msg_t *m)
{
    return slice_of(zmq_msg_data(m), zmq_msg_size(m));
}

/* judge: the key's text when it is listed; "" when not. */
static void
judge(struct bus *b, zmq_msg_t parts[ZAP_PARTS], size_t n, char key[BUS_KEY_TEXT])
{
    key[0] = '\0';
    if (n < ZAP_PARTS || !slice_eq_str(text_of(&parts[ZAP_MECHANISM]), "CURVE") ||
        zmq_msg_size(&parts[ZAP_KEY]) != KEY_BYTES)
        return;
    zmq_z85_encode(key, zmq_msg_data(&parts[ZAP_KEY]), KEY_BYTES);
    if (find_key(list_of(b, text_of(&parts[ZAP_DOMAIN])), key) != NULL)
        return;
    struct slice from = text_of(&parts[ZAP_ADDRESS]);
    if (refused_is_news(&b->curve.refused, key, loop_mono_ms()))
        log_line(LOG_WARN, "key_refused", "key=%s refused=%llu from=%.*s", key,
                 (unsigned long long)b->counts.keys_refused + 1, (int)from.n, from.p);
    key[0] = '\0';
}

/* 300, "for now", and not 400: after that libzmq would never try again, and a peer that is listed a
 * moment late would stay outside until it is started anew. */
static void
answer_zap(struct bus *b, struct slice version, struct slice id, const char *user)
{
    bool yes = user[0] != '\0';
    const struct slice parts[] = {version,
                                  id,
                                  slice_str(yes ? "200" : "300"),
                                  slice_str(yes ? "" : "not listed"),
                                  slice_str(user),
                                  slice_str("")};
    enum { N = sizeof parts / sizeof *parts };

    for (size_t i = 0; i < N; i++)
        zmq_send(b->curve.zap.socket, parts[i].p, parts[i].n,
                 ZMQ_DONTWAIT | (i + 1 < N ? ZMQ_SNDMORE : 0));
    if (!yes)
        b->counts.keys_refused++;
}

static void
on_zap(void *ctx)
{
    struct bus *b = ctx;
    zmq_msg_t parts[ZAP_PARTS];
    char key[BUS_KEY_TEXT];
    size_t n;

    while (receive_request(b->curve.zap.socket, parts, &n)) {
        judge(b, parts, n, key);
        answer_zap(b, n > ZAP_VERSION ? text_of(&parts[ZAP_VERSION]) : slice_str("1.0"),
                   n > ZAP_ID ? text_of(&parts[ZAP_ID]) : slice_str(""), key);
        for (size_t i = 0; i < n; i++)
            zmq_msg_close(&parts[i]);
    }
}

/* ---- sockets ---- */

static bool
set_text(void *socket, int option, const char *text)
{
    return zmq_setsockopt(socket, option, text, strlen(text)) == 0;
}

bool
curve_options(const struct bus *b, void *socket, int type)
{
    const int yes = 1;

    if (!b->curve.on)
        return true;
    if (!set_text(socket, ZMQ_CURVE_SECRETKEY, b->curve.secret_key))
        return false;
    if (type == ZMQ_DEALER || type == ZMQ_SUB)
        return set_text(socket, ZMQ_CURVE_PUBLICKEY, b->curve.public_key);
    const char *domain =
        type == ZMQ_ROUTER && b->curve.chains_listen ? DOMAIN_CHAINS : DOMAIN_PEERS;
    return zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes) == 0 &&
           set_text(socket, ZMQ_ZAP_DOMAIN, domain);
}

bool
curve_expect(const struct bus *b, void *socket, const char *server_key)
{
    return !b->curve.on || set_text(socket, ZMQ_CURVE_SERVERKEY, server_key);
}

static bool
open_zap(struct bus *b)
{
    struct port *p = &b->curve.zap;
    int fd;
    size_t n = sizeof fd;

    p->bus = b;
    p->socket = zmq_socket(b->zmq, ZMQ_REP);
    if (p->socket == NULL || zmq_bind(p->socket, "inproc://zeromq.zap.01") != 0 ||
        zmq_getsockopt(p->socket, ZMQ_FD, &fd, &n) != 0)
        return false;
    p->watch = loop_watch_new(b->loop, fd, on_zap, b);
    if (p->watch == NULL)
        return false;
    loop_watch_want(p->watch, true, false);
    loop_watch_wake(p->watch);
    return true;
}

/* ---- configuration ---- */

/* read_own: "NAME PUBLIC SECRET"; the two must belong together. */
static enum lc_err
read_own(struct bus *b, struct slice text, const char **why)
{
    char public_key[BUS_KEY_TEXT];
    struct slice line = {NULL, 0};

    *why = "expected a line of name, public and secret key, as `lcctl keys new` writes it";
    while (text.n > 0 && (line.n == 0 || line.p[0] == '#'))
        line = next_line(&text);
    (void)next_word(&line);
    struct slice open = next_word(&line), secret = next_word(&line);
    if (!is_key(open) || !is_key(secret))
        return LC_EINVAL;
    snprintf(b->curve.public_key, BUS_KEY_TEXT, "%.*s", (int)open.n, open.p);
    snprintf(b->curve.secret_key, BUS_KEY_TEXT, "%.*s", (int)secret.n, secret.p);
    if (zmq_curve_public(public_key, b->curve.secret_key) != 0 ||
        strcmp(public_key, b->curve.public_key) != 0)
        return LC_EINVAL;
    return LC_OK;
}

enum lc_err
bus_secure(struct bus *b, const struct bus_keys *keys, const char **why)
{
    enum lc_err err = read_own(b, keys->own, why);

    if (err == LC_OK)
        err = read_list(keys->peers, &b->curve.peers, why);
    if (err == LC_OK && keys->chains_listen)
        err = read_list(keys->chains, &b->curve.chains, why);
    if (err != LC_OK)
        return err;
    b->curve.on = true;
    b->curve.chains_listen = keys->chains_listen;
    if (!open_zap(b)) {
        *why = zmq_strerror(errno);
        return LC_EIO;
    }
    return LC_OK;
}

/* any_gone: is a key of `was` not in `is`? */
static bool
any_gone(const struct key_list *was, const struct key_list *is)
{
    for (size_t i = 0; i < was->n; i++)
        if (find_key(is, was->keys[i].key) == NULL)
            return true;
    return false;
}

/* The address is free again when ZeroMQ's thread has closed what listened there. */
static void
on_publish_again(void *ctx)
{
    struct bus *b = ctx;
    const char *why = "";

    if (bus_publish(b, b->curve.publish, &why) == LC_OK) {
        log_line(LOG_INFO, "news_again", "endpoint=%s", b->first_publisher);
        return;
    }
    port_close(&b->publisher, 0);
    b->first_publisher[0] = '\0';
    loop_timer_set(b->curve.again, AGAIN_MS);
}

static void
publish_anew(struct bus *b)
{
    if (b->publisher.socket == NULL || b->curve.publish == NULL)
        return;
    if (b->curve.again == NULL)
        b->curve.again = loop_timer_new(b->loop, on_publish_again, b);
    if (b->curve.again == NULL)
        return;
    port_close(&b->publisher, 0);
    b->first_publisher[0] = '\0';
    loop_timer_set(b->curve.again, 0);
}

enum lc_err
bus_relist(struct bus *b, struct slice peers, struct slice chains, const char **why)
{
    struct key_list p = {0}, c = {0};
    enum lc_err err = LC_OK;

    if (!b->curve.on)
        return LC_OK;
    err = read_list(peers, &p, why);
    if (err == LC_OK && b->curve.chains_listen)
        err = read_list(chains, &c, why);
    if (err != LC_OK) {
        free(p.keys);
        free(c.keys);
        return err;
    }
    bool gone = any_gone(&b->curve.peers, &p);
    free(b->curve.peers.keys);
    free(b->curve.chains.keys);
    b->curve.peers = p;
    b->curve.chains = c;
    if (gone)
        publish_anew(b);
    peers_check_keys(b);
    return LC_OK;
}

void
curve_close(struct bus *b)
{
    port_close(&b->curve.zap, 0);
    loop_timer_free(b->curve.again);
    free(b->curve.peers.keys);
    free(b->curve.chains.keys);
    free(b->curve.publish);
}
