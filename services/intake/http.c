/* Answers, headers and queries. */
#include "core.h"

#include <stdio.h>
#include <strings.h>

#define JSON_TYPE "application/json"

static void
count_status(struct intake *in, int status)
{
    count_up(in, status < 400 ? COUNT_2XX : status < 500 ? COUNT_4XX : COUNT_5XX);
}

void
answer_json(struct intake *in, struct outbox *out, uint64_t conn, int status, struct slice body)
{
    count_status(in, status);
    outbox_http(out, conn, status, JSON_TYPE, NULL, body);
}

static void
send_problem(struct intake *in, struct outbox *out, uint64_t conn, const struct problem *p,
             const char *extra)
{
    struct buf b = {0};

    count_status(in, p->status);
    count_code(in, p->code);
    problem_write(&b, p);
    outbox_http(out, conn, p->status, PROBLEM_MEDIA_TYPE, extra, buf_slice(&b));
    buf_free(&b);
}

void
answer_problem(struct intake *in, struct outbox *out, uint64_t conn, const struct problem *p)
{
    const char *extra = NULL;

    if (p->status == 503)
        extra = "Retry-After: 1\r\n";
    if (p->status == 401)
        extra = "WWW-Authenticate: Bearer\r\n";
    send_problem(in, out, conn, p, extra);
}

void
answer_error(struct intake *in, struct outbox *out, uint64_t conn, int status, const char *code,
             const char *detail)
{
    answer_problem(in, out, conn,
                   &(struct problem){.status = status, .code = code, .detail = detail});
}

void
answer_limited(struct intake *in, struct outbox *out, uint64_t conn, const char *code,
               int64_t retry_s)
{
    char extra[48];

    snprintf(extra, sizeof extra, "Retry-After: %lld\r\n", (long long)retry_s);
    send_problem(in, out, conn,
                 &(struct problem){.status = 429,
                                   .code = code,
                                   .detail = "more than this key is allowed; try again later"},
                 extra);
}

void
answer_not_allowed(struct intake *in, struct outbox *out, uint64_t conn, const char *allow)
{
    char extra[96];

    snprintf(extra, sizeof extra, "Allow: %s\r\n", allow);
    send_problem(in, out, conn,
                 &(struct problem){.status = 405,
                                   .code = "method_not_allowed",
                                   .detail = "this path knows other methods: see Allow"},
                 extra);
}

void
answer_faults(struct intake *in, struct outbox *out, uint64_t conn, const char *code,
              const struct field_error *list, size_t n)
{
    char detail[48];

    snprintf(detail, sizeof detail, n == 1 ? "1 field is wrong" : "%zu fields are wrong", n);
    answer_problem(
        in, out, conn,
        &(struct problem){
            .status = 422, .code = code, .detail = detail, .errors = list, .error_n = n});
}

void
answer_unavailable(struct intake *in, struct outbox *out, uint64_t conn)
{
    answer_error(in, out, conn, 503, "unavailable",
                 "the answer is not known now; repeat the same request");
}

void
answer_json_errors(struct intake *in, struct outbox *out, uint64_t conn, enum lc_err parse,
                   const struct json_in *json, const char *code)
{
    if (parse == LC_ENOMEM) {
        answer_unavailable(in, out, conn);
        return;
    }
    if (parse == LC_OK) {
        answer_faults(in, out, conn, code, json->error, json->error_n);
        return;
    }
    answer_problem(
        in, out, conn,
        &(struct problem){.status = parse == LC_ETOOBIG ? 413 : 400,
                          .code = parse == LC_ETOOBIG ? "body_too_large" : "malformed_json",
                          .detail = "the body is not one JSON document",
                          .errors = json->error,
                          .error_n = json->error_n});
}

struct slice
header(const struct http_event *http, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < http->n_headers; i++)
        if (http->headers[i].name.n == n && strncasecmp(http->headers[i].name.p, name, n) == 0)
            return http->headers[i].value;
    return (struct slice){NULL, 0};
}

/* RFC 9110: type/subtype and parameters behind ';'; a charset, if any, must be UTF-8. */
bool
media_type_is(const struct event *ev, const char *type)
{
    struct slice v = header(ev->http, "content-type");
    size_t n = strlen(type);

    if (v.p == NULL || v.n < n || strncasecmp(v.p, type, n) != 0)
        return false;
    v = slice_of(v.p + n, v.n - n);
    while (v.n > 0 && (*v.p == ' ' || *v.p == '\t'))
        v = slice_of(v.p + 1, v.n - 1);
    if (v.n == 0)
        return true;
    if (*v.p != ';')
        return false;
    for (size_t i = 0; i + 8 <= v.n; i++)
        if (strncasecmp(v.p + i, "charset=", 8) == 0) {
            struct slice set = slice_of(v.p + i + 8, v.n - i - 8);
            if (set.n > 0 && *set.p == '"')
                set = slice_of(set.p + 1, set.n - 1);
            return set.n >= 5 && strncasecmp(set.p, "utf-8", 5) == 0;
        }
    return true;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Also refuses what decodes to NUL: no name or id of ours has one. */
bool
percent_decode(struct arena *a, struct slice in, bool plus, struct slice *out)
{
    char *p = arena_alloc(a, in.n + 1);
    size_t n = 0;

    if (p == NULL)
        return false;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '%') {
            int high = i + 2 < in.n ? hex_digit(in.p[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_digit(in.p[i + 2]);
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        p[n++] = c;
    }
    p[n] = '\0';
    *out = slice_of(p, n);
    return true;
}

bool
query_next(struct arena *a, struct slice *query, struct slice *name, struct slice *value, bool *bad)
{
    while (query->n > 0 && *query->p == '&')
        *query = slice_of(query->p + 1, query->n - 1);
    if (query->n == 0)
        return false;

    const char *end = memchr(query->p, '&', query->n);
    struct slice pair = slice_of(query->p, end == NULL ? query->n : (size_t)(end - query->p));
    *query = slice_of(query->p + pair.n, query->n - pair.n);
    const char *eq = memchr(pair.p, '=', pair.n);
    size_t name_n = eq == NULL ? pair.n : (size_t)(eq - pair.p);
    struct slice rest =
        eq == NULL ? (struct slice){NULL, 0} : slice_of(eq + 1, pair.n - name_n - 1);
    if (!percent_decode(a, slice_of(pair.p, name_n), true, name) ||
        !percent_decode(a, rest, true, value)) {
        *bad = true;
        return false;
    }
    return true;
}
