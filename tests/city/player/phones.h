/* phones: what the files of the couriers' phones share: phones.c decides, words.c speaks. */
#ifndef LC_PLAYER_PHONES_H
#define LC_PLAYER_PHONES_H

#include "line.h"
#include "play.h"

enum { STOPS_MAX = 32 };
enum stop_kind { STOP_PICKUP, STOP_DROPOFF, STOP_RETURN }; /* as Stop.Kind */

struct stop {
    enum stop_kind kind;
    char order_id[UUID_TEXT];
    bool accepted;
    struct latlng at;
    int64_t ready_ms;
};

/* mark: how far it is with a stop; the route says it later. */
struct mark {
    enum stop_kind kind;
    char order_id[UUID_TEXT];
    enum { STEP_NEW, STEP_ENROUTE, STEP_ARRIVED, STEP_DONE } step;
    int64_t leave_ms; /* 0 = not decided */
    bool absent;      /* nobody opens */
    int64_t stuck_ms; /* not before */
    unsigned stuck_n;
};

/* action: the one that waits for its answer; the next comes after it. */
struct action {
    const char *type; /* as in docs/couriers.md */
    bool open;
    char id[24];
    uint32_t version;
    char order_id[UUID_TEXT];
    enum stop_kind kind;
    int64_t sent_ms;
};

struct phone {
    struct play *play;
    uint32_t index;
    const struct city_courier *who;
    char token[64];
    bool protobuf;

    struct line *line; /* owned; NULL = none */
    bool open;
    bool welcome;
    int64_t line_ms; /* not connected again before */
    int64_t cut_ms;  /* 0 = no tunnel today */

    bool on_shift;
    bool signed_off;
    uint32_t version;
    struct stop stop[STOPS_MAX];
    size_t stop_n;
    struct mark mark[STOPS_MAX];
    size_t mark_n;

    enum { OFFER_ACCEPT, OFFER_DECLINE, OFFER_IGNORE, OFFER_ANSWERED } offer;
    bool asked_all;         /* said hello as if it had seen no route */
    uint32_t offer_version; /* what was decided about */
    int64_t offer_ms;       /* when it answers */

    struct action action;
    unsigned actions;
    char pin[8];

    bool riding;
    struct latlng at; /* or where the ride began */
    struct latlng to;
    struct course course; /* from there to here; owned */
    int64_t ride_from_ms;
    int64_t ride_to_ms;
    int64_t position_ms; /* the next is due */
};

/* ---- words.c ---- */

void phone_send_hello(struct phone *f, uint32_t last_version);
void phone_send_action(struct phone *f);
void phone_send_position(struct phone *f, struct latlng at, int64_t now_ms);
/* phone_heard: a message from the notifier: calls what is below. */
void phone_heard(struct phone *f, bool text, struct slice bytes);

/* ---- phones.c ---- */

void phone_answered(struct phone *f, const char *id, const char *outcome);
void phone_routed(struct phone *f); /* version and stops are new */

#endif
