/* inventory: who gets the last one.
 *
 * Takes PlaceRequest (matcher), CheckRequest (matcher) and StockRequest (intake); decides nothing
 * about stock itself: every level is read and changed by the Redis Functions, atomically. What this
 * core adds is batching (whatever came in one turn of the loop goes out together, up to a few calls
 * in flight), repeating calls whose answer was lost, and ending reservations that never proceed.
 * Pure; see base/step.h.
 *
 * Configuration:
 *   city                 the city's tag
 *   place-calls          order_place calls in flight at once, default 2. Another one than the first
 *                        goes out only when it is full, so that one fsync is for many orders
 *   place-batch          orders a call, default 128 (1..128)
 *   place-queue          orders that may wait, default 8192; more are answered UNAVAILABLE
 *   expire-slack-s       how long after the end of its window a reservation that nobody took up
 *                        lives, default 7200
 *   expire-every-s       how often that is looked for, default 15 */
#ifndef LC_INVENTORY_INVENTORY_H
#define LC_INVENTORY_INVENTORY_H

#include "base/step.h"

extern const struct service inventory_service;

#endif
