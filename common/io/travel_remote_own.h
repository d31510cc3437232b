/* travel_remote_own: what travel_remote's files share; nobody else includes this.
 *
 *   travel_remote.c    questions
 *   travel_parts.c     the requests that they take
 *   travel_server.c    the servers and their breakers
 *   travel_osrm.c      OSRM's requests and answers
 *   travel_valhalla.c  Valhalla's
 *   travel_check.c     numbers in requests, and what may be believed of answers */
#ifndef LC_IO_TRAVEL_REMOTE_OWN_H
#define LC_IO_TRAVEL_REMOTE_OWN_H

#include "io/travel_remote.h"

#include "base/json_value.h"
#include "io/http_client.h"

/* One request's share of a matrix. Borrowed. */
struct travel_grid {
    const struct latlng *from;
    size_t from_n;
    const struct latlng *to;
    size_t to_n;
    enum travel_mode mode;
    uint32_t radius_m;
    struct travel_cell *out; /* out[i * stride + j] */
    size_t stride;
};

struct travel_endpoint {
    struct travel_remote *remote;
    struct travel_server is; /* its slices point into remote->words */
    struct http_client *client;
    struct travel_remote_counts counts;
    unsigned failures; /* in a row */
    bool probing;      /* open, and one question was let through */
    int64_t rest_ms;   /* how long it was left alone last; 0 = it is not */
    int64_t until_us;  /* open: until then */
    struct travel_part *waiting;
    size_t n_waiting;
    size_t in_flight;
    char last_word[64]; /* of the last failure, for the log */
};

/* A question; in the list until it has ended and none of its parts is out. */
struct travel_question {
    struct travel_remote *remote;
    struct travel_endpoint *server; /* NULL: nobody */
    uint64_t tag;
    bool way;
    bool probe;
    bool ended;
    enum travel_end end; /* of one that ends outside its asking */
    int64_t came_us;
    int64_t deadline_us;
    unsigned round;            /* parts of an earlier one do not count */
    struct travel_part *parts; /* waiting or on the way */
    bool sent;                 /* one of them, ever */
    size_t parts_wanted;       /* of this round */
    struct travel_grid grid;   /* the whole; its points and cells are behind the struct */
    struct travel_question *prev, *next;
};

/* One request of a question; in its list until its answer comes. */
struct travel_part {
    struct travel_question *question;
    unsigned round;
    size_t from0, from_n, to0, to_n;
    bool sent;
    struct travel_part *prev, *next;           /* of the question */
    struct travel_part *wait_prev, *wait_next; /* of the server, until it is sent */
};

struct travel_remote {
    struct travel_remote_options options;
    char *words; /* both lists */
    travel_remote_done *on_done;
    travel_remote_way_done *on_way;
    void *ctx;
    struct travel_endpoint server[TRAVEL_SERVERS];
    size_t servers;
    struct travel_question *questions;
    struct event *end_ev;      /* some ended while they were asked */
    struct event *deadline_ev; /* the next deadline has come */
    int64_t next_us;           /* when it is set for; INT64_MAX = it is not */
    struct arena *arena;
};

/* ---- travel_server.c ---- */

int64_t travel_clock_us(void); /* monotonic */

/* travel_server_tell: what became of a question. failed: the server did not do what it is there
 * for. probe: it was the one let through. */
void travel_server_tell(struct travel_endpoint *s, bool probe, bool failed);

/* travel_server_of: who is asked for the mode; NULL: nobody. */
struct travel_endpoint *travel_server_of(struct travel_remote *r, enum travel_mode mode);

/* travel_server_add: false without memory. */
bool travel_server_add(struct travel_remote *r, struct event_base *base,
                       const struct travel_server *is, http_client_answer *on_answer);

/* ---- travel_parts.c ---- */

/* travel_parts_ask: all requests of a new round. What went wrong, or TRAVEL_ANSWERED for nothing
 * yet. */
enum travel_end travel_parts_ask(struct travel_question *q);

/* travel_parts_pump: sends what waits, as far as connections are free. Calls nobody back. */
void travel_parts_pump(struct travel_endpoint *s);

/* travel_parts_forget: those that wait. travel_part_free: one that does not, or no longer. */
void travel_parts_forget(struct travel_question *q);
void travel_part_free(struct travel_part *p);

struct travel_grid travel_part_grid(const struct travel_part *p);

/* travel_question_end_later: in the loop's next turn (travel_remote.c). */
void travel_question_end_later(struct travel_question *q, enum travel_end end);

/* ---- travel_osrm.c, travel_valhalla.c ---- */

/* What an HTTP answer means. */
enum travel_word {
    WORD_OK,
    WORD_NO,      /* about these places: no street near, no way */
    WORD_TOO_BIG, /* fewer at a time */
    WORD_WRONG,   /* asking again is no use: query, profile, path */
    WORD_DOWN,    /* not now: 429, 5xx */
    WORD_LIE
};

/* What was asked by HTTP: bytes for the URL, and for a POST its body. */
void osrm_table_url(struct buf *url, const struct travel_server *s, const struct travel_grid *g);
void osrm_route_url(struct buf *url, const struct travel_server *s, const struct travel_grid *g);
void valhalla_url(struct buf *url, const struct travel_server *s);
void valhalla_body(struct buf *body, const struct travel_server *s, const struct travel_grid *g);

/* Reads an answer into g->out. *detail is the server's own word for an error ("NoSegment"), in the
 * arena or static, for the log; never NULL. polyline: in the body or the arena. */
enum travel_word osrm_table_read(struct arena *a, int status, struct slice body,
                                 const struct travel_grid *g, const char **detail);
enum travel_word osrm_route_read(struct arena *a, int status, struct slice body,
                                 const struct travel_grid *g, struct slice *polyline,
                                 const char **detail);
enum travel_word valhalla_read(struct arena *a, int status, struct slice body,
                               const struct travel_grid *g, const char **detail);

/* ---- travel_check.c ---- */

/* travel_put_degrees: with 6 decimals, as much as either server reads. travel_put_count: a number.
 * printf would be a fifth of the cost of a question. */
void travel_put_degrees(struct buf *b, int32_t e7);
void travel_put_count(struct buf *b, size_t n);

/* travel_json: a JSON object, or NULL. */
const struct json_value *travel_json(struct arena *a, struct slice body);

/* travel_word_of_status: for an answer without a word of the server's own. */
enum travel_word travel_word_of_status(int status, const char **detail);

/* travel_text: a short copy of a JSON string for the log, in the arena; "?" for anything else. */
const char *travel_text(struct arena *a, const struct json_value *v);

/* travel_take: seconds and metres (in units of metres_each) of cell i, j. False when they cannot be
 * true. Both null: unreachable. */
bool travel_take(const struct travel_grid *g, size_t i, size_t j, const struct json_value *seconds,
                 const struct json_value *metres, double metres_each);

/* travel_take_tables: two arrays of from_n arrays of to_n numbers. */
bool travel_take_tables(const struct travel_grid *g, const struct json_value *seconds,
                        const struct json_value *metres, double metres_each);

/* travel_polyline_ok: is it an encoded polyline with 5 decimals of at least one point, from near
 * `from` to near `to`? */
bool travel_polyline_ok(struct slice line, struct latlng from, struct latlng to, double near_m);

#endif
