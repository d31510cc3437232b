/* carried: what a request carries, and how it is refused: headers, fields of the query, tokens. */
#include "notifier/core.h"

#include "base/problem.h"

#include <strings.h>

void
refuse(const struct event *ev, struct outbox *out, int status, const char *code, const char *detail)
{
    struct buf body = {0};
    const struct problem p = {.status = status, .code = code, .detail = detail};

    problem_write(&body, &p);
    outbox_http(out, ev->ref, status, PROBLEM_MEDIA_TYPE,
                status == 401 ? "WWW-Authenticate: Bearer\r\n" : NULL, buf_slice(&body));
    buf_free(&body);
}

struct slice
query_value(struct slice query, const char *name)
{
    size_t length = strlen(name);
    const char *p = query.p;
    const char *end = query.p + query.n;

    while (query.n > 0 && p < end) {
        const char *stop = memchr(p, '&', (size_t)(end - p));
        if (stop == NULL)
            stop = end;
        if ((size_t)(stop - p) > length && memcmp(p, name, length) == 0 && p[length] == '=')
            return slice_of(p + length + 1, (size_t)(stop - p) - length - 1);
        p = stop + 1;
    }
    return slice_of(NULL, 0);
}

struct slice
header_value(const struct http_event *http, const char *name)
{
    for (size_t i = 0; i < http->n_headers; i++)
        if (http->headers[i].name.n == strlen(name) &&
            strncasecmp(http->headers[i].name.p, name, http->headers[i].name.n) == 0)
            return http->headers[i].value;
    return slice_of(NULL, 0);
}

/* offered_token: browsers can send no header with a WebSocket but the list of subprotocols, which,
 * other than a query, is in nobody's access log. */
static struct slice
offered_token(const struct http_event *http)
{
    static const char prefix[] = "lifecircle.token.";
    struct slice list = header_value(http, "Sec-WebSocket-Protocol");
    const char *at = list.n == 0 ? NULL : memmem(list.p, list.n, prefix, sizeof prefix - 1);
    size_t n = 0;

    if (at == NULL)
        return slice_of(NULL, 0);
    at += sizeof prefix - 1;
    while (at + n < list.p + list.n && at[n] != ',' && at[n] != ' ')
        n++;
    return slice_of(at, n);
}

struct slice
bearer(const struct event *ev)
{
    struct slice value = header_value(ev->http, "Authorization");

    if (value.n > 7 && strncasecmp(value.p, "Bearer ", 7) == 0)
        return slice_of(value.p + 7, value.n - 7);
    value = header_value(ev->http, "X-Api-Key");
    if (value.n == 0)
        value = offered_token(ev->http);
    return value.n > 0 ? value : query_value(ev->http->query, "token");
}

bool
show_out(const struct event *ev, struct outbox *out)
{
    if (offered_token(ev->http).n == 0)
        return false;
    outbox_socket_accept(out, ev->ref, "lifecircle.v1.json");
    outbox_socket_close(out, ev->ref, 4003, "token not accepted");
    return true;
}
