#include "base/traceparent.h"

enum { VERSION_AT = 0, TRACE_AT = 3, PARENT_AT = 36, FLAGS_AT = 53, LENGTH = 55 };

/* The specification allows small letters alone. */
static int
digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
read_hex(const char *p, uint8_t *to, size_t n)
{
    int wrong = 0;

    for (size_t i = 0; i < n; i++) {
        int high = digit(p[2 * i]), low = digit(p[2 * i + 1]);
        wrong |= high | low;
        to[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
    }
    return wrong >= 0;
}

static char *
write_hex(char *to, const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        *to++ = digits[p[i] >> 4];
        *to++ = digits[p[i] & 15];
    }
    return to;
}

static bool
any(const uint8_t *p, size_t n)
{
    uint8_t all = 0;

    for (size_t i = 0; i < n; i++)
        all |= p[i];
    return all != 0;
}

enum lc_err
traceparent_parse(struct slice text, struct traceparent *out)
{
    struct traceparent t;
    uint8_t version;

    if (text.n < LENGTH || text.p[TRACE_AT - 1] != '-' || text.p[PARENT_AT - 1] != '-' ||
        text.p[FLAGS_AT - 1] != '-' || !read_hex(text.p + VERSION_AT, &version, 1) ||
        version == 0xff)
        return LC_EINVAL;
    if (text.n > LENGTH && (version == 0 || text.p[LENGTH] != '-'))
        return LC_EINVAL;
    if (!read_hex(text.p + TRACE_AT, t.trace, sizeof t.trace) ||
        !read_hex(text.p + PARENT_AT, t.parent, sizeof t.parent) ||
        !read_hex(text.p + FLAGS_AT, &t.flags, 1))
        return LC_EINVAL;
    if (!any(t.trace, sizeof t.trace) || !any(t.parent, sizeof t.parent))
        return LC_EINVAL;
    t.flags &= TRACE_SAMPLED; /* what others mean is not known */
    *out = t;
    return LC_OK;
}

void
traceparent_of_order(struct uuid order, const char *kept, struct traceparent *out)
{
    if (kept != NULL && kept[0] != '\0' && traceparent_parse(slice_str(kept), out) == LC_OK)
        return;
    memcpy(out->trace, order.b, sizeof out->trace);
    memcpy(out->parent, order.b + TRACE_SPAN_AT, sizeof out->parent); /* with the variant: not 0 */
    out->flags = TRACE_SAMPLED;
}

void
traceparent_format(const struct traceparent *t, const uint8_t span[8], char out[TRACEPARENT_TEXT])
{
    char *p = out;

    *p++ = '0';
    *p++ = '0';
    *p++ = '-';
    p = write_hex(p, t->trace, sizeof t->trace);
    *p++ = '-';
    p = write_hex(p, span, sizeof t->parent);
    *p++ = '-';
    p = write_hex(p, &t->flags, 1);
    *p = '\0';
}

void
traceparent_span(struct slice name, uint8_t out[8])
{
    uint64_t v = fingerprint64(name);

    v = v == 0 ? 1 : v;
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (56 - 8 * i));
}

void
trace_id_format(const struct traceparent *t, char out[TRACE_ID_TEXT])
{
    *write_hex(out, t->trace, sizeof t->trace) = '\0';
}
