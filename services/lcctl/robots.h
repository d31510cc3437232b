/* robots: couriers that nobody is, for a city where chains try their integration. They speak the
 * couriers' WebSocket (docs/couriers.md) as any phone does, and know every customer's PIN by the
 * city's secret. */
#ifndef LC_LCCTL_ROBOTS_H
#define LC_LCCTL_ROBOTS_H

#include "base/geo.h"
#include "base/json_value.h"
#include "base/secret.h"
#include "base/travel.h"
#include "lcctl/lcctl.h"
#include "roads/streets.h"

enum {
    ROBOT_STOPS = 32,
    ROBOT_ID = 48,
    ROBOT_MESSAGE = 1024,   /* to the notifier, at most */
    ROBOT_READ = 64 * 1024, /* from it, at once */
};

/* ---- robot_line.c: one WebSocket to the notifier ---- */

struct robot_line {
    int fd; /* -1 = none */
    bool open;
    struct buf in;
};

/* line_open: connects and asks for the upgrade. False when nobody listens there. */
bool line_open(struct robot_line *l, const char *host, const char *port, const char *token);
void line_close(struct robot_line *l);
/* line_say: one message, as printf. A line that cannot take it is closed. */
void line_say(struct robot_line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* line_read: what has come; calls `on` with each message. A line that ended is closed. */
void line_read(struct robot_line *l, void *ctx, void (*on)(void *ctx, struct slice message));

/* ---- robot.c: one courier ---- */

enum stop_kind { STOP_PICKUP, STOP_DROPOFF, STOP_RETURN };

struct robot_stop {
    enum stop_kind kind;
    char order[UUID_TEXT];
    char external[72];
    struct latlng at;
    int64_t ready_ms;
    bool accepted;
    bool done; /* said and answered; the next route is without it */
};

/* What all robots have in common. */
struct robots {
    struct ctl *ctl;
    struct city_secret secret;
    enum travel_mode mode;
    const char *vehicle;
    uint32_t speed;         /* times as fast as people */
    uint32_t patience_s;    /* so long it waits in a store for what is not ready */
    uint32_t absent;        /* percent of customers who are not there */
    uint32_t decline;       /* percent of offers that are declined */
    uint64_t chance;        /* state of the dice */
    struct streets streets; /* what they ride along; without a map, straight on */
    struct latlng *stores;
    size_t n_stores;
};

struct robot {
    struct robots *all;
    uint32_t index;
    char id[ROBOT_ID];
    char token[SECRET_TOKEN_TEXT];
    struct robot_line line;
    int64_t dial_ms;     /* next attempt to connect */
    int64_t position_ms; /* next position */
    bool greeted;
    bool on_shift;
    uint32_t version;
    bool offered;
    struct robot_stop stop[ROBOT_STOPS];
    size_t n_stops;

    /* the action that waits for its answer; said again every second, by the same id */
    char action[16];
    char body[ROBOT_MESSAGE];
    uint32_t actions;
    int64_t said_ms;
    struct robot_stop about; /* its stop as it was then: the next route may come before the answer,
                                without it; kind and order are what it is known by */
    uint32_t about_version;  /* of the route then */

    /* where it is, and where to */
    struct latlng to;
    struct course way; /* there, from left_ms to there_ms; owned. Empty: it is there */
    int64_t left_ms, there_ms;
    char riding_to[UUID_TEXT + 1]; /* kind and order; "" = nowhere */
    bool arrived;
    int64_t pause_ms; /* does nothing before */
};

/* robot_message: what the notifier said. robot_think: what there is to do now; called a few times a
 * second. robot_lost: the line ended. robot_free: what it owns but for its line. */
void robot_message(struct robot *r, struct slice message, int64_t now_ms);
void robot_think(struct robot *r, int64_t now_ms);
void robot_lost(struct robot *r, int64_t now_ms);
void robot_free(struct robot *r);

/* couriers.c: courier_token: a new token for this courier, who is made if need be. False after
 * saying why not. */
bool courier_token(struct ctl *c, const char *id, const char *name, char token[SECRET_TOKEN_TEXT]);

#endif
