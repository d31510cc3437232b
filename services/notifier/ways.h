/* ways: the way along streets through the next stops of a courier's route, for the courier's app
 * and for operators' pages. A question names no places but the asker's own: who may see the route
 * may see the way. It is made beside the loop (service.work), legs between stops are remembered.
 * Without a map, or where the map knows no way, a leg is a straight line that says so.
 *
 * Inside the notifier only. */
#ifndef LC_NOTIFIER_WAYS_H
#define LC_NOTIFIER_WAYS_H

#include "notifier/core.h"

#include "base/json_out.h"

/* ways_ask: a courier's own, from `at` (NULL: from the position that is known); or any courier's,
 * for an operator. The answer is a message on the connection. False: WAYS_AT_ONCE are being made,
 * this connection waits for one already, or there is no memory: nothing will come. */
bool ways_ask(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
              uint32_t courier, bool for_operator, const struct latlng *at);

/* what ways_ask asked for: Redis' answers, the work's */
void ways_reply(struct notifier *n, const struct event *ev, struct outbox *out);
void ways_done(struct notifier *n, const struct event *ev, struct outbox *out);

/* ways_map: another map, or none: what is remembered is forgotten. */
void ways_map(struct notifier *n, const struct travel *travel);

/* ways_tick: gives up what was lost. */
void ways_tick(struct notifier *n, const struct event *ev, struct outbox *out);
void ways_close(struct notifier *n);

/* ways_write: the members of a way as JSON, the same for couriers and operators. */
void ways_write(struct json_out *w, const Lifecircle__V1__CourierWay *way);

/* ---- ways_work.c: legs as bytes ---- */

/* ways_job_begin, ways_job_leg: a job for ways_work. */
void ways_job_begin(struct buf *job, enum travel_mode mode, int64_t depart_ms);
void ways_job_leg(struct buf *job, struct latlng from, struct latlng to);

/* ways_work: service.work: each leg of the job, found, as a blob in their order. Pure. LC_EINVAL:
 * not a job; LC_ENOMEM. */
enum lc_err ways_work(const struct travel *travel, struct slice job, struct buf *out);

/* ways_leg_read: a found leg into *leg, which is initialised; its texts are copied into the arena.
 * False: the bytes are none, or there is no memory. */
bool ways_leg_read(struct slice found, struct arena *a, Lifecircle__V1__CourierWay__Leg *leg);

#endif
