/* travel_ask: a question for travel times that somebody outside the process has to answer, and what
 * came of it, as bytes between a core and its shell (EFFECT_TRAVEL, EVENT_TRAVEL). So it is
 * recorded and replayed like everything else. Pure.
 *
 * A core never waits for the answer: it parks what needs it, with a deadline of its own, and when
 * that comes, or the answer is none, asks the provider in its own process (base/travel.h) for the
 * whole matrix. One matrix never mixes providers. */
#ifndef LC_BASE_TRAVEL_ASK_H
#define LC_BASE_TRAVEL_ASK_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/travel.h"

/* A question: all pairs of from x to. Borrowed. */
struct travel_ask {
    const struct latlng *from;
    size_t from_n;
    const struct latlng *to;
    size_t to_n;
    enum travel_mode mode;
    int64_t depart_ms;
};

enum { TRAVEL_ASK_POINTS = 1000, TRAVEL_ASK_CELLS = 100000 };

/* How a question ended; `status` of EVENT_TRAVEL. */
enum travel_end {
    TRAVEL_ANSWERED = 0,
    TRAVEL_LATE,   /* no whole answer within the deadline */
    TRAVEL_FULL,   /* not sent: too many wait already, or did until its deadline */
    TRAVEL_SHUT,   /* not sent: the server failed too often, and is left alone for a while */
    TRAVEL_NOBODY, /* not sent: no server for this mode */
    TRAVEL_BROKEN, /* no connection, or it was cut, or what came is not HTTP with a JSON object */
    TRAVEL_DENIED, /* the server says that it cannot: no street near, too big, a query it refuses */
    TRAVEL_LIED,   /* the answer cannot be true: counts, negative or absurd numbers, too long */
    TRAVEL_ENDS
};

/* travel_end_name: "answered", "late", "full", "shut", "nobody", "broken", "denied", "lied";
 * static, "?" for others. */
const char *travel_end_name(int end);

/* travel_ask_put: the question as bytes. travel_ask_get: the reverse; the points go into the arena.
 *   LC_EINVAL  not a question, or a coordinate out of range
 *   LC_ETOOBIG over TRAVEL_ASK_POINTS on a side, or TRAVEL_ASK_CELLS
 *   LC_ENOMEM  over the arena's cap */
void travel_ask_put(struct buf *b, const struct travel_ask *ask);
LC_MUST_CHECK enum lc_err travel_ask_get(struct slice bytes, struct arena *a,
                                         struct travel_ask *ask);

/* travel_cells_put: the answer's n cells as bytes, row by row. travel_cell_get: cell i; both
 * numbers TRAVEL_UNREACHABLE beyond the end. */
void travel_cells_put(struct buf *b, const struct travel_cell *cell, size_t n);
size_t travel_cells_count(struct slice bytes);
struct travel_cell travel_cell_get(struct slice bytes, size_t i);

/* ---- who is asked: the parameters travel-osrm and travel-valhalla ---- */

/* One server: "URL", "mode=URL" or "mode+mode=URL", with "#profile" behind it if its path should
 * name another than the usual. Without a mode: all that no earlier one of the list has. */
struct travel_server {
    unsigned modes; /* bits 1 << enum travel_mode */
    bool valhalla;
    struct slice url;     /* without '#...' and without a '/' at its end */
    struct slice profile; /* OSRM: in the path; Valhalla: the costing. Empty: by mode */
};

enum { TRAVEL_SERVERS = 12 };

/* travel_servers_read: both lists, separated by commas; OSRM's come first. Gives how many, 0 for
 * two empty lists, or -1: *why is a static phrase that says what was expected. */
int travel_servers_read(struct slice osrm, struct slice valhalla,
                        struct travel_server out[TRAVEL_SERVERS], const char **why);

/* travel_servers_modes: the modes that somebody answers for, as bits; 0 when a list is malformed.
 */
unsigned travel_servers_modes(struct slice osrm, struct slice valhalla);

#endif
