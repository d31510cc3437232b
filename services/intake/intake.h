/* intake: is this a valid, authentic, new order? The core of lc-intake.
 *
 * Takes orders, stores and stock feeds from chains (HTTP: docs/api.md; protobuf over ZeroMQ:
 * SubmitRequest), sends orders of one loop turn to the matcher together, and answers what became of
 * them. An order the matcher does not answer in time is written as `created` by intake itself
 * (order_accept). Pure: see base/step.h.
 *
 * Configuration: city, city-secret (64 hex digits), match-ms (250),
 * bulk-match-ms (1000: the same for a line of a batch or submission), answer-ms (5000: then 503),
 * pending-max (20000 orders), batch-window (1024 lines in flight of one batch),
 * webhooks-http (no: a webhook's URL must be https). */
#ifndef LC_INTAKE_INTAKE_H
#define LC_INTAKE_INTAKE_H

#include "base/step.h"

extern const struct service intake_service;

#endif
