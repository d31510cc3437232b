/* lcctl: the operator's command. Each subcommand is a function here; it prints its answer to
 * stdout, what is wrong to stderr, and returns the exit status: 0 done, 1 the thing asked for is
 * not so (not found, audit failed, replay differs), 2 wrong use, 3 Redis or a file failed. */
#ifndef LC_LCCTL_H
#define LC_LCCTL_H

#include "base/arena.h"
#include "base/bytes.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

enum { EXIT_NOT_SO = 1, EXIT_USAGE = 2, EXIT_FAILED = 3 };

/* ctl: one run of lcctl. */
struct ctl {
    redisContext *redis; /* NULL for commands that need none */
    const char *city;
    struct arena *arena; /* for the whole run */
    int64_t now_ms;
    const struct ctl_login *login;
    const char *wait_replicas; /* "0" = none */
    const char *wait_ms;
    bool json;   /* --json: what is found is told to a program */
    bool colour; /* stdout is a terminal that shows them, and nobody has set NO_COLOR */
    bool unsafe; /* something was written that too few replicas have: said, and the exit status */
};

/* ctl_login: where Redis is, and as whom; "" = not given. A file that is named wins over the
 * password. */
struct ctl_login {
    const char *address; /* unix:PATH or HOST:PORT */
    const char
        *sentinels; /* HOST:PORT,...: they say where the primary is, and address does not count */
    const char *primary; /* what they call it */
    const char *nodes;   /* HOST:PORT,... of a Redis Cluster: as sentinels */
    const char *city;    /* of a Cluster the node that has it is meant */
    const char *user;
    const char *password;
    const char *password_file;
    const char *sentinel_user;
    const char *sentinel_password;
    const char *sentinel_password_file;
};

/* ctl_connect: a connection for redisFree, or NULL after saying why not: in a Redis Cluster to the
 * node that has the city. ctl_connect_to: the same login at another address. */
redisContext *ctl_connect(const struct ctl_login *login);
redisContext *ctl_connect_to(const struct ctl_login *login, const char *address);
/* ctl_connect_sentinel: to the first Sentinel that answers; NULL after saying why none does. */
redisContext *ctl_connect_sentinel(const struct ctl_login *login);

/* ---- servers.c: several servers ---- */

/* ctl_server: one of them; `up` as those say that know it. */
struct ctl_server {
    const char *address;
    bool up;
};

/* ctl_find_city: connects to the node of a Cluster that has the city; waits up to 20 s for one.
 * NULL after saying why not. */
redisContext *ctl_find_city(const struct ctl_login *login);

/* ctl_elsewhere: a reply that says that another node is to be asked, or later: takes it, does so,
 * and gives the answer, which may be an error still; NULL after saying why there is none. Any other
 * reply comes back as it is. */
redisReply *ctl_elsewhere(struct ctl *c, redisReply *reply, int argc, const char **words,
                          const size_t *lengths);

/* ctl_settled: false after saying that the city is on its way from one node of a Cluster to
 * another, or has gone: who looks through all keys of a node would see a part. */
bool ctl_settled(struct ctl *c);

/* ctl_primaries: those that must have the functions: all of a Cluster; else the one we are
 * connected to, as NULL. ctl_replicas: all that follow our server, or should, as far as it,
 * Sentinels or the Cluster know. -1 after saying why they cannot be found; the list is in the
 * arena. */
int ctl_primaries(struct ctl *c, struct ctl_server **list);
int ctl_replicas(struct ctl *c, struct ctl_server **list);

/* args: the words behind the subcommand: options are taken out by name, what is left is positional.
 */
struct args {
    char **v;
    int n;
};

/* args_option: the value of --name, taken out of the list; fallback when absent. args_flag: the
 * same without value. args_next: the next positional word, or NULL. args_done: complains about and
 * refuses anything left over. */
const char *args_option(struct args *a, const char *name, const char *fallback);
bool args_flag(struct args *a, const char *name);
const char *args_next(struct args *a);
const char *args_output(struct args *a); /* the file behind -o, taken out; NULL = none */
bool args_done(struct args *a);

/* args_number: the decimal that was given as --option, from low to high, none of which is negative.
 * args_short_name: is it 1 to 32 of a-z, 0-9 and -? Both false after saying what was expected. */
bool args_number(const char *option, const char *text, long low, long high, uint32_t *out);
bool args_short_name(const char *what, const char *text);

/* ctl_redis: one command; the reply (free with freeReplyObject), or NULL after saying what Redis
 * said. */
redisReply *ctl_redis(struct ctl *c, size_t argc, const struct slice *argv);

/* ctl_read: the same for a read of {city}:<key>, for example ctl_read(c, "HGETALL", "chains",
 * NULL). The key is the second word; more words follow until NULL. */
redisReply *ctl_read(struct ctl *c, const char *command, const char *key, ...)
    __attribute__((sentinel));

/* ctl_call: FCALL function 1 city args...; as ctl_redis. Waits for as many replicas as were asked
 * for; too few: says so and sets c->unsafe. */
redisReply *ctl_call(struct ctl *c, const char *function, size_t n, const struct slice *args);
/* ctl_outcome: ctl_call for one order or ruling: the first byte of its answer; 0 = there was none,
 * -1 = ctl_call has said what is wrong. */
int ctl_outcome(struct ctl *c, const char *function, size_t n, const struct slice *args);

/* ctl_number: v as decimal text in the arena. */
struct slice ctl_number(struct ctl *c, int64_t v);

/* ctl_random: n random bytes from the system; ends the program when there are none. */
void ctl_random(void *to, size_t n);

/* each_order: every order's record in Redis, a page of at most ORDERS_A_PAGE at a time, in no
 * order; page_end comes behind each, and the arena is then as it was before. False when Redis or
 * one of the two failed. */
enum { ORDERS_A_PAGE = 100 };
bool each_order(struct ctl *c, bool (*one)(void *ctx, struct slice record),
                bool (*page_end)(void *ctx), void *ctx);

/* rewrite_aof: has Redis, and all replicas, write their append-only files anew, without what was
 * erased, and waits until they have. False after saying where not. */
bool rewrite_aof(struct ctl *c);

/* lines_open: a file that whole lines are appended to, made if need be; -1 with errno. When the
 * last line has no end, because the disk was full then, it gets one: what is appended is not of it.
 */
int lines_open(const char *path);

/* ledger_archive: all but the newest `keep` entries (at least 1) of the ledger go into
 * DIR/ledger-<day>.ndjson. How many; -1 after saying why not all that should. */
long long ledger_archive(struct ctl *c, const char *dir, long keep);

/* ---- backup_keys.c: a backup without the keys of personal data, and back ---- */

/* key_visit: 88 bytes of an RDB that are a wrapped key, or stand for one, to be changed in place.
 */
typedef void key_visit(void *ctx, uint8_t *key);

/* keys_visit: every key of a piece of an RDB; gives how many bytes at the end must come again in
 * front of the next piece, as a key may begin there. */
size_t keys_visit(uint8_t *piece, size_t n, key_visit *visit, void *ctx);

/* key_leave_out: what stands for it has the same length, and nothing of it but a hash. */
void key_leave_out(uint8_t *key);

/* keyring: keys by what stands for them. */
struct keyring;
/* keyring_read: of a file that keys_write has written; NULL after saying why not. */
struct keyring *keyring_read(const char *path);
/* keyring_put_back: in place of what stands for it; false when its key is not there. */
bool keyring_put_back(const struct keyring *k, uint8_t *key);
void keyring_free(struct keyring *k);
/* keys_write: all keys that Redis has, by another connection: a line each, order id (of a photo or
 * signature also which) and key.
 * *n = how many. path "-" = to stdout. An exit status. */
int keys_write(struct ctl *c, const char *path, size_t *n);
/* keys_forget: takes an order out of such a file; *was = was it there? An exit status. */
int keys_forget(struct ctl *c, const char *path, const char *uuid, bool *was);

/* find_chain_number: by short name or number; 0 = none. */
uint32_t find_chain_number(struct ctl *c, struct slice name);

/* ctl_order: an order id as it is, or CHAIN/EXTERNAL_ORDER_ID turned into one. NULL after saying
 * what is wrong. */
const char *ctl_order(struct ctl *c, const char *word);

/* ---- names.c ---- */

/* name_courier, name_chain: the short name of this number, or the number in digits where nobody has
 * it; in the arena. name_store: the chain's id of it, NULL where no store has the number;
 * name_store_path: CHAIN/STORE_ID, for people; the same. print_words: what people wrote, without
 * control characters. print_named: the words of a history, the same, and where a ruling names a
 * courier by number, by name. */
const char *name_courier(struct ctl *c, uint32_t number);
const char *name_chain(struct ctl *c, uint32_t number);
const char *name_store(struct ctl *c, uint32_t number);
const char *name_store_path(struct ctl *c, uint32_t number);
void print_words(struct slice words);
void print_named(struct ctl *c, struct slice words);

int cmd_chain(struct ctl *c, struct args *a);      /* chain add | list | set */
int cmd_key(struct ctl *c, struct args *a);        /* key new | revoke */
int cmd_courier(struct ctl *c, struct args *a);    /* courier add | list | revoke */
int cmd_couriers(struct ctl *c, struct args *a);   /* couriers */
int cmd_operator(struct ctl *c, struct args *a);   /* operator add | list | revoke */
int cmd_store(struct ctl *c, struct args *a);      /* store add | list | revoke */
int cmd_order(struct ctl *c, struct args *a);      /* order ORDER */
int cmd_trace(struct ctl *c, struct args *a);      /* trace ORDER [FILE...] */
int cmd_forget(struct ctl *c, struct args *a);     /* forget ORDER... */
int cmd_explain(struct ctl *c, struct args *a);    /* explain ORDER */
int cmd_pin(struct ctl *c, struct args *a);        /* pin ORDER COURIER */
int cmd_ban(struct ctl *c, struct args *a);        /* ban ORDER COURIER */
int cmd_hold(struct ctl *c, struct args *a);       /* hold ORDER */
int cmd_freeze(struct ctl *c, struct args *a);     /* freeze COURIER */
int cmd_confirm(struct ctl *c, struct args *a);    /* confirm ORDER LAT,LNG */
int cmd_settle(struct ctl *c, struct args *a);     /* settle ORDER delivered|returned */
int cmd_rulings(struct ctl *c, struct args *a);    /* rulings */
int cmd_audit(struct ctl *c, struct args *a);      /* audit */
int cmd_queue(struct ctl *c, struct args *a);      /* queue */
int cmd_top(struct ctl *c, struct args *a);        /* top */
int cmd_lease(struct ctl *c, struct args *a);      /* lease | lease release */
int cmd_drain(struct ctl *c, struct args *a);      /* drain HOST:PORT */
int cmd_robots(struct ctl *c, struct args *a);     /* robots */
int cmd_replay(struct ctl *c, struct args *a);     /* replay DIR [--roads FILE]... */
int cmd_roads(struct ctl *c, struct args *a);      /* roads build | info | ask | area */
int cmd_speeds(struct ctl *c, struct args *a);     /* speeds [reset] */
int cmd_addresses(struct ctl *c, struct args *a);  /* addresses build | info | ask */
int cmd_secret(struct ctl *c, struct args *a);     /* secret */
int cmd_keys(struct ctl *c, struct args *a);       /* keys new | show */
int cmd_ports(struct ctl *c, struct args *a);      /* ports N */
int cmd_library(struct ctl *c, struct args *a);    /* library load | show */
int cmd_archive(struct ctl *c, struct args *a);    /* archive DIR */
int cmd_backup(struct ctl *c, struct args *a);     /* backup FILE */
int cmd_restore(struct ctl *c, struct args *a);    /* restore FILE DIR */
int cmd_ready(struct ctl *c, struct args *a);      /* ready HOST:PORT */
int cmd_help(struct ctl *c, struct args *a);       /* help [COMMAND] */
int cmd_man(struct ctl *c, struct args *a);        /* man */
int cmd_completion(struct ctl *c, struct args *a); /* completion bash | zsh */

#endif
