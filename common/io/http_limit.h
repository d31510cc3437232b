/* http_limit: what one address has open, and how often it asks. Used by http_server's files only.
 *
 * No I/O; the time comes as an argument, in ms of a clock that does not go back. Addresses are
 * those of IPv4, and networks of 64 bits of IPv6: whoever has one address there has all of them.
 * 65,536 are remembered; beyond that those that have nothing open are forgotten in turn, and when
 * all looked at have, a new one is let in unlimited. */
#ifndef LC_IO_HTTP_LIMIT_H
#define LC_IO_HTTP_LIMIT_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_address_rules;
struct http_limit; /* opaque, owned by whoever called http_limit_new */

/* ip: IPv4 as ::ffff:a.b.c.d. */
struct ip {
    uint8_t b[16];
};

/* ip_read: "203.0.113.7" or "2001:db8::1"; false for anything else, "unix" too. */
bool ip_read(struct slice text, struct ip *to);

/* http_limit_new: without rules nothing is limited. NULL when out of memory. */
struct http_limit *http_limit_new(void);
void http_limit_destroy(struct http_limit *l); /* NULL is allowed */

/* http_limit_rules: from now on; copied. LC_EINVAL: *why says what was expected, and the rules
 * stay.
 */
LC_MUST_CHECK enum lc_err
http_limit_rules(struct http_limit *l, const struct http_address_rules *rules, const char **why);

/* http_limit_is_proxy: X-Forwarded-For of this peer is believed. */
bool http_limit_is_proxy(const struct http_limit *l, const struct ip *peer);

/* http_limit_client: for whom a proxy asks: of X-Forwarded-For, from the right, the first that is
 * no proxy; the leftmost when all are; false when there is none, or something else than addresses
 * before. Several headers are one list: *more says that all of this one were proxies, so that the
 * one before it goes on; `to` then stays when that says nothing. */
bool http_limit_client(const struct http_limit *l, struct slice forwarded, struct ip *to,
                       bool *more);

/* http_limit_open: one more connection, or request under way. *held names the address, 0 when it is
 * not limited; false when it has as many as it may. http_limit_close: one less; sets it to 0. */
bool http_limit_open(struct http_limit *l, const struct ip *ip, uint64_t now_ms, uint32_t *held);
void http_limit_close(struct http_limit *l, uint32_t *held);

/* http_limit_take: one more request; false when it asks too often. */
bool http_limit_take(struct http_limit *l, const struct ip *ip, uint64_t now_ms);

/* http_limit_count: addresses remembered. */
size_t http_limit_count(const struct http_limit *l);

#endif
