/* bus_own: what bus's files share; nobody else includes this.
 *
 *   bus.c           sockets, reading, listening, publishing
 *   bus_endpoint.c  endpoints
 *   bus_links.c     who asked: routing ids to links and back
 *   bus_peers.c     whom to ask: names, connections, turns, credits
 *   bus_curve.c     keys: whose are listed
 *   bus_refused.c   which refusals are logged */
#ifndef LC_IO_BUS_OWN_H
#define LC_IO_BUS_OWN_H

#include "io/bus.h"
#include "io/loop.h"
#include "io/resolve.h"

#include <zmq.h>

enum { ID_BYTES = 16, ENDPOINT_MAX = 320, HOST_MAX = 255, ROUTING_ID_MAX = 255 };
enum { BUS_KEYS = 1000, BUS_KEY_NAME = 64, BUS_KEY_TEXT = 41 /* Z85 of 32 bytes, and NUL */ };

struct listed_key {
    char name[BUS_KEY_NAME];
    char key[BUS_KEY_TEXT];
};

struct key_list {
    struct listed_key *keys;
    size_t n;
};

/* endpoint: one parsed; host is empty for ipc. */
struct endpoint {
    char name[BUS_KEY_NAME]; /* whose key is expected there */
    char whole[ENDPOINT_MAX];
    char host[HOST_MAX + 1];
    char port[8];
};

/* port: one socket and its place in the loop. */
struct port {
    struct bus *bus;
    void *socket; /* NULL = closed */
    struct loop_watch *watch;
    struct peer *peer; /* NULL unless it is a peer's DEALER */
    bool router;
    bool touched; /* sent to in this turn */
};

/* waiting: one frame whose answer has not come. Oldest first in a list over the peer's array. */
struct waiting {
    uint16_t next, before;
    uint8_t id[ID_BYTES];
    int64_t forget_ms; /* monotonic */
};

/* peer: one connection to one address. */
struct peer {
    struct peer *next;
    struct port port;
    struct target *target;
    char key[BUS_KEY_TEXT]; /* expected there; "" = none */
    unsigned absent;        /* resolutions in a row that did not have it */
    unsigned window;        /* how many may wait; falls when answers stay away, 1..BUS_CREDITS */
    unsigned in_use;
    uint16_t free; /* list of unused slots; 0 ends it: slot 0 is the head of the list in use */
    struct waiting slots[BUS_CREDITS + 1];
    char endpoint[ENDPOINT_MAX];
};

/* target: one configured endpoint of peers; role 0 = news. */
struct target {
    struct target *next;
    struct bus *bus;
    unsigned role;
    bool asked; /* an answer of the resolver is under way */
    struct endpoint endpoint;
};

struct links;

/* refused: keys that were logged; the empty ones are free. */
enum { REFUSED_KEYS = 64, REFUSED_AGAIN_MS = 60000 };

struct refused {
    struct refused_key {
        char key[BUS_KEY_TEXT];
        int64_t told_ms; /* monotonic */
    } keys[REFUSED_KEYS];
};

struct curve {
    bool on;
    bool chains_listen; /* the listening socket is for chains */
    char public_key[BUS_KEY_TEXT];
    char secret_key[BUS_KEY_TEXT];
    struct key_list peers, chains;
    struct port zap;
    char *publish; /* owned: the endpoints, for opening them again */
    struct loop_timer *again;
    struct refused refused;
};

struct bus {
    struct loop *loop;
    struct resolver *resolver;
    bool allow_plain_tcp;
    void (*frame)(void *ctx, uint64_t link, struct slice bytes);
    void *ctx;
    void *zmq;
    struct port router, publisher, subscriber;
    struct links *links;
    struct target *targets;
    struct peer *peers[ROLE_ROUTER + 1]; /* in order of turn: the first is next; [0] = news: only
                                            notes of addresses */
    struct loop_timer *forget;           /* runs while frames wait */
    struct loop_timer *resolve;
    size_t waiting;
    struct curve curve;
    struct bus_counts counts;
    char first_router[ENDPOINT_MAX], first_publisher[ENDPOINT_MAX];
};

/* bus.c */
bool port_open(struct bus *b, struct port *p, int type);
void port_close(struct port *p, int linger_ms);
/* frame_id: the 16 bytes of the envelope's field 1, or NULL. */
const char *frame_id(struct slice frame);

/* bus_endpoint.c */
/* each_endpoint: calls one for every endpoint of a comma-separated list, until one fails. */
LC_MUST_CHECK enum lc_err each_endpoint(struct bus *b, const char *list,
                                        enum lc_err (*one)(struct bus *b, const struct endpoint *e,
                                                           unsigned arg, const char **why),
                                        unsigned arg, const char **why);
bool endpoint_is_loopback(const struct endpoint *e);
/* endpoint_is_taken: an ipc endpoint on which somebody listens. */
bool endpoint_is_taken(const struct endpoint *e);

/* bus_links.c */
struct links *links_new(void);
void links_destroy(struct links *l);
/* links_from: the link of this asker; delimiter = it is a REQ socket. 0 without memory. */
uint64_t links_from(struct links *l, struct slice routing_id, bool delimiter, uint64_t *given_way);
/* links_to: false when the link is not known any more. */
bool links_to(struct links *l, uint64_t link, struct slice *routing_id, bool *delimiter);

/* bus_peers.c */
void peers_answered(struct peer *p, struct slice frame);
void peers_close(struct bus *b, int linger_ms);
/* peers_check_keys: connections whose peer has another key now, or none, are made anew. */
void peers_check_keys(struct bus *b);
void peers_each_port(struct bus *b, void (*one)(struct port *p));
enum lc_err peers_add_target(struct bus *b, const struct endpoint *e, unsigned role,
                             const char **why);

/* bus_curve.c; without keys all say yes */
/* curve_options: of a socket that was just made. curve_expect: whose key the next connection of
 * this socket must find. */
bool curve_options(const struct bus *b, void *socket, int type);
bool curve_expect(const struct bus *b, void *socket, const char *server_key);
/* curve_key_of: the first listed under that name, or NULL. */
const char *curve_key_of(const struct bus *b, const char *name);
/* curve_lets_in: is the key that sent this (still) listed? */
bool curve_lets_in(const struct bus *b, zmq_msg_t *message);
void curve_close(struct bus *b);

/* bus_refused.c */
/* refused_is_news: to be logged? Once a minute for each key, and REFUSED_KEYS keys a minute. */
bool refused_is_news(struct refused *r, const char *key, int64_t now_ms);

#endif
