/* notifier: who hears what, exactly once in effect. The core of lc-notifier.
 *
 * Couriers' phones and stores' screens hold WebSockets, customers follow their order by Server-Sent
 * Events, chains get webhooks. It follows the stream {city}:events, which is the truth; News is
 * only a doorbell. docs/couriers.md and docs/webhooks.md say what goes over the wire. */
#ifndef LC_NOTIFIER_NOTIFIER_H
#define LC_NOTIFIER_NOTIFIER_H

#include "base/step.h"

extern const struct service notifier_service;

#endif
