/* ops: what the files of the operators' map and of the guests share: screens that are let in by a
 * token of {city}:access. Nobody outside the notifier includes this. */
#ifndef LC_NOTIFIER_OPS_H
#define LC_NOTIFIER_OPS_H

#include "notifier/core.h"

#include "base/json_in.h"
#include "base/json_out.h"

/* ops.c: viewers */
void ops_event(struct notifier *n, struct uuid order, struct slice head);
void ops_courier_event(struct notifier *n, uint32_t courier);
void ops_store_event(struct notifier *n, uint32_t store);
void ops_open(struct notifier *n, const struct event *ev, struct outbox *out);
void ops_let_in(struct notifier *n, const struct guest *g, struct outbox *out);
void ops_message(struct notifier *n, struct viewer *v, const struct event *ev, struct outbox *out);
void ops_tick(struct notifier *n, const struct event *ev, struct outbox *out);
void ops_redis_up(struct notifier *n);
void ops_gone(struct notifier *n, struct viewer *v);
struct viewer *viewer_by_conn(struct notifier *n, uint64_t conn);
void ops_close(struct notifier *n);
/* ops_tell: a message to one viewer, or to all that are greeted (conn 0). Frees b. */
void ops_tell(struct notifier *n, struct outbox *out, uint64_t conn, struct buf *b);

/* ops_trouble: `error` on a page. */
void ops_trouble(struct notifier *n, struct outbox *out, uint64_t conn, const char *code,
                 const char *detail);

/* ops_news.c: what changed, read and told to all */
/* ops_place_of: the middle of a cell of Redis' {city}:geo:couriers; false: it is none. */
bool ops_place_of(uint64_t cell, struct latlng *at);
void ops_scan(struct notifier *n, const struct event *ev, struct outbox *out);
void ops_flush(struct notifier *n, const struct event *ev, struct outbox *out);
void ops_news_reply(struct notifier *n, const struct event *ev, struct outbox *out);
bool changed_add(struct changed_number **set, uint32_t number);
void changed_clear(struct changed_number **set);
void ops_write_order(const struct notifier *n, struct json_out *w, const struct record *r,
                     const Lifecircle__V1__Order *order);
void ops_write_stores(struct notifier *n, struct outbox *out, uint64_t conn);

/* ops_detail.c: one order, its history and its decision; finding orders */
void ops_detail(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
                struct uuid order);
void ops_find(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
              struct slice text);
void ops_zone(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
              uint32_t store);
void ops_detail_answer(struct notifier *n, const struct ask *a, const struct event *ev,
                       struct outbox *out);

/* ops_shelves.c: what stores are out of */
void ops_shelves_tick(struct notifier *n, const struct event *ev, struct outbox *out);
void ops_shelves_reply(struct notifier *n, const struct event *ev, struct outbox *out);
void ops_shelf(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
               uint32_t store);
void ops_shelf_answer(struct notifier *n, const struct ask *a, const struct event *ev,
                      struct outbox *out);

/* ops_why.c: why this courier, and why then; the fields of a message that is open */
void ops_write_dispatch(const struct notifier *n, struct json_out *w, const struct event *ev);

/* ops_rule.c: what people decide over the plan's head */
/* ops_rule: one decision by its kind ("pin", "hold", ...), about a->order when a->store is 1 (else
 * the courier alone) and courier a->wanted (0 = none); answered by `done`. */
void ops_rule(struct notifier *n, const struct event *ev, struct outbox *out, const struct ask *a,
              const char *kind, struct slice who, struct slice words);
void ops_ruled(const struct ask *a, const struct event *ev, struct outbox *out);
/* what holds of an order, of a courier: read, and told by ops_detail_answer */
void ops_ask_ruling(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
                    struct uuid order);
void ops_ask_frozen(struct notifier *n, const struct event *ev, struct outbox *out, uint64_t conn,
                    uint32_t courier);
void ops_write_ruling(struct json_out *w, struct slice packed);

/* ops_confirm: where an order goes whose address nobody could find (order_confirm): matched from
 * then on, as after POST /v1/orders/{id}/confirm-address. Answered by `done`. */
void ops_confirm(struct notifier *n, const struct event *ev, struct outbox *out,
                 const struct ask *a, struct slice who, struct latlng at);
void ops_confirmed(const struct ask *a, const struct event *ev, struct outbox *out);

/* ops_stats.c: figures by the minute */
void ops_stats_event(struct ops *o, const struct record *r);
void ops_stats_tell(struct notifier *n, struct outbox *out, uint64_t conn, int64_t now_ms);

/* access.c: guests */
/* access_ask: looks the bearer's token up; access_answer lets in or shows out. */
void access_ask(struct notifier *n, const struct event *ev, struct outbox *out,
                Lifecircle__V1__Access__Kind kind);
void access_answer(struct notifier *n, const struct ask *a, const struct event *ev,
                   struct outbox *out);
void access_tick(struct notifier *n, const struct event *ev, struct outbox *out);
void access_checked(struct notifier *n, const struct event *ev, struct outbox *out);
void access_gone(struct notifier *n, uint64_t conn);
const struct guest *guest_by_conn(struct notifier *n, uint64_t conn);
void access_close(struct notifier *n);

/* shop.c: what a store, or an operator for it, changes */
enum { SHOP_DELAY_MAX_S = 7200 };
/* shop_busy: open, busy with a delay, or paused. shop_sold_out: none of this SKU is on the shelf.
 * The answer is {"type":"done","id":…,"outcome":…} on the connection. */
void shop_busy(struct notifier *n, const struct event *ev, struct outbox *out, const struct ask *a,
               uint32_t store, Lifecircle__V1__BusyMode busy, uint32_t delay_s);
void shop_sold_out(struct notifier *n, const struct event *ev, struct outbox *out,
                   const struct ask *a, uint32_t store, struct slice sku);
void shop_answer(struct notifier *n, const struct ask *a, const struct event *ev,
                 struct outbox *out);
/* said_done: the answer to an action of a screen or viewer. */
void said_done(struct outbox *out, const struct ask *a, const char *outcome);
/* shop_write: a store's own state, the fields of an object that is open. */
void shop_write(struct notifier *n, struct json_out *w, const struct catalogue_store *s);

#endif
