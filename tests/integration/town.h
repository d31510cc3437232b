/* town: redis-server, the five daemons and lcctl in a scratch folder, for tests that go through the
 * front doors. Ports are free ones, sockets are in the folder, so runs can overlap. A daemon that
 * died can be started again on the same doors.
 *
 * What goes wrong here fails the running CUnit test. */
#ifndef LC_TESTS_TOWN_H
#define LC_TESTS_TOWN_H

#include "base/bytes.h"
#include "base/id.h"

#include <CUnit/CUnit.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum town_daemon {
    TOWN_REDIS,
    TOWN_INTAKE,
    TOWN_MATCHER,
    TOWN_INVENTORY,
    TOWN_ROUTER,
    TOWN_NOTIFIER,
    TOWN_N
};

struct town {
    char dir[64];
    char secret[65];
    pid_t pid[TOWN_N];
    int intake; /* HTTP ports */
    int notifier;
    int admin[TOWN_N];
    int held[2 + TOWN_N]; /* sockets that keep those ports */
    unsigned how;         /* enum town_how */
    char key[80];         /* of the chain "corner" */
};

/* record into dir/record; wait long for a placed answer, so that 201 does not depend on how busy
 * the machine is; the matcher hears of no couriers, and takes it that there are some; links have
 * keys: those of the daemons are listed in dir/allow, and dir/chains lists "shop", whose key is in
 * dir/shop.key; webhooks may go to this machine, unencrypted; all read dir/live, which is not there
 * at first, for what may change at SIGHUP */
enum town_how {
    TOWN_RECORDS = 1,
    TOWN_PATIENT = 2,
    TOWN_UNFORESEEN = 4,
    TOWN_KEYS = 8,
    TOWN_HOOKS = 16,
    TOWN_LIVE = 32
};

/* town_open: all up and ready, with a chain "corner". town_close: all ended, the folder gone. */
void town_open(struct town *t, unsigned how);
void town_close(struct town *t);

/* town_start, town_kill (SIGKILL and reaped), town_stop (SIGTERM; its exit status), town_alive. */
void town_start(struct town *t, enum town_daemon d);
void town_kill(struct town *t, enum town_daemon d);
int town_stop(struct town *t, enum town_daemon d);
bool town_alive(struct town *t, enum town_daemon d);

/* town_ready: waits until every daemon answers /readyz with 200. */
void town_ready(struct town *t);

/* town_lcctl: runs lcctl with these words; its exit status, what it printed in out (cut at size).
 */
int town_lcctl(struct town *t, char *out, size_t size, const char *words);

/* town_says: lcctl with these words succeeds and prints `expected`; prints what it said instead. */
bool town_says(struct town *t, const char *words, const char *expected);

/* ---- shops and orders (town_trade.c) ---- */

struct town_answer {
    int status; /* 0 = the connection ended without an answer */
    char head[4096];
    char *body; /* owned; with a NUL */
    size_t n;
};

/* town_shop: a store of the chain at a place, open always, with a zone of about 3 km around,
 * prep_s, and this stock as CSV lines "SKU,quantity,price\n". Waits until intake has taken both. */
void town_shop(struct town *t, const char *store_id, double lat, double lng, int prep_s,
               const char *stock);

/* town_order: POST /v1/orders with this JSON; the answer. */
struct town_answer town_order(struct town *t, const char *json);
/* town_state: the order's status by GET. */
void town_state(struct town *t, const char *order_id, char out[32]);
/* town_deliver: one TEA to this place, which must find a store at once (201); the answer, to be
 * given back with json_decref. */
json_t *town_deliver(struct town *t, const char *external_id, double lat, double lng);
/* town_collect: one TEA for collection, asked for once; the status. When it is acknowledged (201,
 * 202) the order's id is in id, which has to be empty or the same before. 503 has to say when to
 * come again. */
int town_collect(struct town *t, const char *external_id, char id[UUID_TEXT]);
/* town_all_placed: are the n orders all placed? For town_wait; ctx is a struct town_placed. */
struct town_placed {
    struct town *town;
    char (*ids)[UUID_TEXT];
    int n;
};
bool town_all_placed(void *ctx);

/* ---- HTTP by hand (town_http.c) ---- */

/* town_http: one request on a connection of its own. headers: lines ending in CRLF, may be NULL.
 * The chain's key is sent unless headers name Authorization. Free the answer. */
struct town_answer town_http(struct town *t, int port, const char *method, const char *target,
                             const char *headers, struct slice body);
/* town_raw: these bytes as they are, the answer's head and body as far as they come. */
struct town_answer town_raw(int port, struct slice bytes);
void town_answer_free(struct town_answer *a);
/* town_json: the answer's body as JSON; fails the test when it is not. */
json_t *town_json(const struct town_answer *a);
/* town_text: a string in JSON by a path of keys "store.id"; "" when absent. */
const char *town_text(const json_t *j, const char *path);
/* town_metric: what the daemon's /metrics says behind "lifecircle_<name> "; -1 = nothing. */
long town_metric(struct town *t, enum town_daemon d, const char *name);

/* town_now_ms, town_wait: asks `met` until it says true, TOWN_PATIENCE_MS at most; fails the test
 * otherwise. */
enum { TOWN_PATIENCE_MS = 20000 };
int64_t town_now_ms(void);
bool town_wait(bool (*met)(void *ctx), void *ctx);

/* ---- WebSocket by hand (town_socket.c) ---- */

struct town_socket {
    int fd;
    struct buf in;
    char *text; /* last message */
};

/* town_socket_open: false when the upgrade was refused. subprotocol may be NULL. */
bool town_socket_open(struct town_socket *s, int port, const char *target, const char *subprotocol);
void town_socket_send(struct town_socket *s, const char *text);
/* town_socket_frame: a frame of any opcode, masked or not, as the test wants it. */
void town_socket_frame(struct town_socket *s, unsigned first, bool masked, struct slice payload);
/* town_socket_hear: the next message of this type (NULL = any), others are skipped; NULL after
 * timeout_ms or when it was closed. */
json_t *town_socket_hear(struct town_socket *s, const char *type, int timeout_ms);
/* town_socket_closed: waits for the close frame; its code, 0 = just gone, -1 = still open after
 * timeout_ms. */
int town_socket_closed(struct town_socket *s, int timeout_ms);
void town_socket_close(struct town_socket *s);

/* town_courier_token: registers a courier; the target to open, once the notifier has heard of the
 * token. town_courier: and signs on, with a bicycle, near 39.285, -76.592; the matcher knows. */
void town_courier_token(struct town *t, const char *name, char target[160]);
void town_courier(struct town *t, struct town_socket *s, const char *name);

/* town_act: an action on an order; what the phone must hear of it. town_accept: waits for an offer
 * and takes it; the route as it was shown, to be given back with json_decref. */
void town_act(struct town_socket *s, const char *type, const char *id, const char *order,
              const char *more, const char *outcome);
json_t *town_accept(struct town_socket *s);
/* town_pin: what the customer of this order says at the door. */
void town_pin(const struct town *t, const char *order_id, char out[5]);

#endif
