/* core: the matcher's own insides, shared by its files. Pure.
 *
 * A job is one order, quote or nearby query in work. The list it is in is its state:
 *
 *   a cell's `waiting` -> (Redis answers) `ready` -> (end of the turn: judged) `sent` -> gone
 *                                           ^----------- EXHAUSTED --------------'
 *
 * Where a routing server is configured, one that is ready and needs its answer goes to `asking` and
 * comes back to `ready` with it, or without it after policy.travel_wait_ms.
 *
 * Orders that carry the id of one in work hang behind it and start when it is gone. Every job has a
 * deadline; a job that reaches it is answered UNAVAILABLE and forgotten, since its due row, or
 * intake, has the order. */
#ifndef LC_MATCHER_CORE_H
#define LC_MATCHER_CORE_H

#include "base/id.h"
#include "base/map.h"
#include "base/record.h"
#include "base/wire.h"

#include "matcher/cells.h"
#include "matcher/decision.h"
#include "matcher/matcher.h"
#include "matcher/remote.h"
#include "matcher/search.h"

enum job_kind { JOB_ORDER = 1, JOB_QUOTE, JOB_NEARBY, JOB_DUE };

/* One answer's parts, gathered until the end of the turn; in the gather arena. */
struct match_part {
    struct match_part *next;
    Lifecircle__V1__MatchResult *result; /* one of the two */
    Lifecircle__V1__NearbyResult *nearby;
};

/* Where answers go: one per MatchRequest, freed with the last job of it. */
struct match_request {
    uint64_t link;
    int64_t came_ms;
    int64_t deadline_ms; /* as the envelope said */
    uint8_t id[16];
    size_t id_n;
    char traceparent[TRACEPARENT_TEXT];
    unsigned jobs;
    struct match_part *parts, **last_part;
    struct match_request *prev, *next; /* of matcher.answering while it has parts */
};

struct match_job {
    enum job_kind kind;
    uint8_t key[16];               /* orders: the order's id; others: 8 zeros and a tag */
    struct match_request *request; /* NULL: nobody waits */
    struct match_wish wish;
    uint64_t fingerprint;
    struct traceparent trace; /* of an order */
    int64_t came_ms;
    Lifecircle__V1__Shortage shortage;
    int64_t hold_until_ms;
    int64_t deadline_ms;
    uint32_t attempt;    /* 1 = first */
    unsigned round;      /* of candidates: how many EXHAUSTED so far */
    uint32_t limit;      /* nearby */
    bool final;          /* the round in which the order's own shortage policy decides */
    uint8_t sent_id[16]; /* of the envelope whose answer counts */
    struct slice body;   /* packed Order or NearbyQuery; owned */
    uint32_t *tried;     /* stores that earlier rounds have offered; owned */
    size_t n_tried;
    struct match_verdict *offered; /* quotes and nearby: what was asked about; owned */
    size_t n_offered;
    struct match_known *known;  /* what a routing server has answered; owned */
    uint64_t travel_tag;        /* of the question that is out, while in `asking` */
    int64_t travel_until_ms;    /* its deadline */
    bool own_travel;            /* no server any more: by the provider in this process */
    enum travel_end travel_end; /* why */
    struct match_job **list;    /* the head of the list it is in */
    struct match_job *prev, *next;
    struct match_job *behind; /* the same order id again */
    UT_hash_handle hh;
};

enum match_count {
    COUNT_PLACED,
    COUNT_NOT_PLACED,
    COUNT_DUPLICATE,
    COUNT_CONFLICT,
    COUNT_PRICE_DIFFERS,
    COUNT_UNAVAILABLE,
    COUNT_QUOTED,
    COUNT_NOT_QUOTED,
    COUNT_NEARBY,
    COUNT_JUDGED,
    COUNT_CELL_HIT,
    COUNT_CELL_MISS,
    COUNT_GEOSEARCH,
    COUNT_EXHAUSTED,
    COUNT_CLAIMED,
    COUNT_HASTENED,
    COUNT_FOREIGN, /* messages of another city */
    COUNT_LATE,    /* answers that nobody waited for */
    COUNT_TRAVEL_ASKED,
    COUNT_TRAVEL_FALLBACK,
    COUNT_BY_SERVER,
    COUNT_BY_ROADS,
    COUNT_BY_ESTIMATE,
    COUNT_WAIT_BY_ROADS,
    COUNT_WAIT_BY_ESTIMATE,
    COUNT_MALFORMED, /* records and replies that could not be read */
    COUNT_BAD_ZONES,
    COUNT_JOBS,
    COUNT_STORES,
    COUNT_CELLS,
    COUNT_CELL_BYTES,
    COUNT_COURIERS,
    COUNT_PACE, /* by enum travel_mode */
    COUNTS = COUNT_PACE + TRAVEL_MODES
};

/* Tags of Redis calls; a cell's key is below 2^52. */
#define TAG_CELL ((uint64_t)1 << 60)
#define TAG_CATALOGUE ((uint64_t)2 << 60)
enum match_tag { TAG_CLAIM_MATCH = 1, TAG_CLAIM_HELD, TAG_LOAD, TAG_HASTEN, TAG_STORES };

enum {
    MATCH_TICK_MS = 100,
    CLAIM_LIMIT = 256,
    CLAIM_VISIBILITY_MS = 10000,
    DUE_DEADLINE_MS = 8000, /* before the claim runs out */
    HASTEN_EVERY_MS = 500,
    HASTEN_LIMIT = 256,
    LOAD_EVERY_MS = 2000,
    CALL_LOST_MS = 10000, /* a call without an answer for this long is made again */
    LINK_DEADLINE_MS = 1000,
    PLACE_BATCH = 64,
    TRAVEL_GRACE_MS = 10, /* after this the shell has forgotten an answer */
    TOUCHED_MAX = 16,
    MISSED_EVERY_MS = 1000,
    MISSED_LIMIT = 64,
};

struct match_timer {
    int64_t next_ms;  /* not before */
    int64_t asked_ms; /* 0 = no call is out */
};

struct matcher {
    struct match_policy policy;
    struct match_shops shops;
    struct match_supply supply;
    struct match_cells *cells;
    struct catalogue *catalogue;
    const struct travel *travel;    /* along the map's roads, or the estimate */
    const struct travel *estimate;  /* where that has no answer */
    struct travel_faster faster[2]; /* when the policy says so: these are they */
    const struct travel *map;       /* NULL = none */
    struct travel_paced paced;      /* over it */
    uint8_t pace[TRAVEL_MODES];     /* percent of its times, as the router says */
    struct mint mint;
    bool started;
    bool up; /* Redis */
    bool draining;
    char tag[40]; /* "{bal}" */
    char geo_key[64];
    char load_key[64];
    char stores_key[64];
    struct match_job *jobs; /* by key */
    size_t n_jobs;          /* with those behind others */
    struct match_job *ready;
    struct match_job *sent;
    struct match_job *asking;
    struct match_request *answering;
    struct arena *gather; /* parts of answers; emptied at the end of each turn */
    uint64_t next_tag;
    struct match_timer claim[2]; /* match, held */
    struct match_timer load;
    struct match_timer hasten;
    bool hasten_wanted;
    struct match_timer missed;
    bool missed_any; /* a store could not be taken for want of memory: it is read again */
    int64_t wake_ms; /* the wake that was wished for */
    struct latlng touched[TOUCHED_MAX]; /* places of stores that changed in this step */
    size_t n_touched;
    struct counter counts[COUNTS];
    struct histogram took; /* from MatchRequest to its answer */
};

/* What every function below is given. */
struct match_step {
    struct matcher *m;
    const struct event *ev;
    struct outbox *out;
};

static inline struct match_view
match_view_of(struct matcher *m, int64_t now_ms)
{
    return (struct match_view){&m->policy, &m->shops, &m->supply, m->travel, m->estimate, now_ms};
}

static inline void
match_count(struct matcher *m, enum match_count which, uint64_t n)
{
    m->counts[which].value += n;
}

/* ---- remote.c ---- */

/* match_view_job: as match_view_of, with the travel times that the job is decided by: a routing
 * server's, or those of the process. */
struct match_view match_view_job(struct match_step *s, struct match_job *job, int64_t now_ms);

/* match_remote_ask: after a search by that view `waits`. True: the server is asked, and the job
 * waits for it in `asking`. False: it will not be; search again. */
bool match_remote_ask(struct match_step *s, struct match_job *job, const struct match_list *list,
                      const struct match_found *f);

/* match_remote_answered: EVENT_TRAVEL. match_remote_expire: for those whose answer did not come. */
void match_remote_answered(struct match_step *s);
void match_remote_expire(struct match_step *s);

/* match_remote_note: whose travel times decided; counts it. */
void match_remote_note(struct match_step *s, const struct match_job *job, struct match_found *f);

/* ---- jobs.c ---- */

/* match_job_new: in no list yet. body is copied. NULL without memory or over policy.jobs_max. */
struct match_job *match_job_new(struct match_step *s, enum job_kind kind, struct match_request *r,
                                const uint8_t key[16], struct slice body);

/* match_job_start: enters it: behind its elder, into a cell or into ready. LC_ENOMEM: not entered,
 * still the caller's. */
LC_MUST_CHECK enum lc_err match_job_start(struct match_step *s, struct match_job *job);

/* match_job_drop: frees a job that was not entered. match_request_release: one job less that will
 * answer to it. */
void match_job_drop(struct matcher *m, struct match_job *job);
void match_request_release(struct match_request *r);

/* match_job_end: out of its list, forgotten; starts the one behind it. */
void match_job_end(struct match_step *s, struct match_job *job);

/* match_job_move: into another list. */
void match_job_move(struct match_job *job, struct match_job **list);

struct match_job *match_job_find(struct matcher *m, const uint8_t key[16]);

/* match_job_list: the stores to choose from; false when its cell is not fresh: then the job has
 * gone to wait there. */
bool match_job_list(struct match_step *s, struct match_job *job, struct match_list *list);

/* match_cell_answered: Redis' answer to a GEOSEARCH. */
void match_cell_answered(struct match_step *s);

/* match_cells_ask_again: for those whose question was lost. */
void match_cells_ask_again(struct match_step *s);

/* match_answer: a result for whoever asked; copied. Without memory it is dropped: the asker has a
 * deadline. */
void match_answer(struct match_step *s, struct match_job *job,
                  const Lifecircle__V1__MatchResult *result);
void match_answer_nearby(struct match_step *s, struct match_job *job,
                         const Lifecircle__V1__NearbyResult *result);
/* match_job_order: the order in the event's arena; NULL without memory. */
const Lifecircle__V1__Order *match_job_order(struct match_step *s, const struct match_job *job);

/* match_note: for the log: what became of an order; nothing of others. store 0 = none. */
void match_note(const struct match_step *s, const struct match_job *job, uint32_t store,
                const char *outcome);

/* match_fail: answers UNAVAILABLE and ends the job. */
void match_fail(struct match_step *s, struct match_job *job);

/* match_expire: fails the jobs whose deadline has come. */
void match_expire(struct match_step *s);

/* match_flush_answers: one MatchReply for each request that has parts. */
void match_flush_answers(struct match_step *s);

/* match_jobs_free: at close. */
void match_jobs_free(struct matcher *m);

/* ---- take.c, send.c, placed.c, quote.c: what comes, what the ready ones ask of inventory, its
 * answers ---- */

void match_request_taken(struct match_step *s);
void match_flush_ready(struct match_step *s);
void match_placed(struct match_step *s);
void match_checked(struct match_step *s);

/* match_take_over: what a job needs to know of its order. */
void match_take_over(struct match_job *job, const struct match_wish *w,
                     const Lifecircle__V1__Order *o);

/* match_want: how many candidates a round offers. The first rounds (8, 24, 64) begin with the best
 * store each time, so that explanation and shortage policy see all; those behind them offer the
 * next 64. */
size_t match_want(const struct match_job *job);

/* match_choose: the candidates of this round. *more: there are others, so nothing may be decided
 * for want of these. */
void match_choose(struct match_step *s, struct match_job *job, const struct match_list *list,
                  struct match_found *f, bool *more);

/* match_remember_offered: keeps what this round offers, for the answer and for the next round.
 * False without memory. */
bool match_remember_offered(struct match_job *job, const struct match_found *f);

/* match_next_round: what was offered has not the stock. LC_ESTATE: there is no further round;
 * LC_ENOMEM. */
LC_MUST_CHECK enum lc_err match_next_round(struct match_job *job);

/* match_check_item: a quote's or nearby query's question; false when it was answered without one.
 */
bool match_check_item(struct match_step *s, struct match_job *job, const struct match_list *list,
                      Lifecircle__V1__CheckRequest__Item *item);

/* ---- follow.c: the catalogue ---- */

extern const struct catalogue_watch match_watch;

/* match_catalogue_changed: after catalogue_step: tells the neighbourhoods of the stores that it
 * changed. */
void match_catalogue_changed(struct match_step *s);

/* match_missed_ask: reads the stores again that could not be taken. match_missed_read: the answer.
 */
void match_missed_ask(struct match_step *s);
void match_missed_read(struct match_step *s);

/* match_timer_due: is it time, and no call out? Then the call counts as out. */
bool match_timer_due(struct match_step *s, struct match_timer *t, int64_t every_ms);

/* ---- pace.c: which travel times a matcher decides by ---- */

void match_pace_start(struct matcher *m);
void match_pace_roads(struct match_step *s); /* another map, or none */
/* match_pace_take: what the router multiplies the map's times with now. match_pace_expire: nothing
 * any more, once the forecast is old. */
void match_pace_take(struct match_step *s, const Lifecircle__V1__SupplyForecast *f);
void match_pace_expire(struct match_step *s);

/* ---- due.c ---- */

void match_due_timers(struct match_step *s);
void match_due_claimed(struct match_step *s, unsigned queue);
void match_due_hasten(struct match_step *s);

#endif
