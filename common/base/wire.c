#include "base/wire.h"
#include "base/utf8.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { DEPTH_MAX = 16, VARINT_MAX = 10, TAG_MAX = 5 /* bytes of a tag or a length */ };

static const double degree_e7 = 1e7;

/* The frame is checked before it is unpacked: protobuf-c loses the length of strings, so a NUL
 * inside one could not be seen afterwards. The check is at least as strict as protobuf-c: when
 * unpacking fails after it, memory ran out. */
static bool
long_varint(struct cursor *c, size_t most, uint64_t *out)
{
    uint64_t v = 0;

    for (size_t i = 0; i < most && i < c->n; i++) {
        uint8_t byte = (uint8_t)c->p[i];
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            c->p += i + 1;
            c->n -= i + 1;
            *out = v;
            return true;
        }
    }
    return false;
}

/* Tags, lengths and most numbers are one byte. */
static inline bool
varint(struct cursor *c, size_t most, uint64_t *out)
{
    if (c->n == 0 || (uint8_t)*c->p >= 0x80)
        return long_varint(c, most, out);
    *out = (uint8_t)*c->p;
    c->p++;
    c->n--;
    return true;
}

static bool
enum_ok(const ProtobufCFieldDescriptor *f, uint64_t v)
{
    return protobuf_c_enum_descriptor_get_value(f->descriptor, (int)(int32_t)(uint32_t)v) != NULL;
}

static bool
double_ok(const char *p)
{
    uint64_t bits = bytes_u64(p);
    double d;

    memcpy(&d, &bits, sizeof d);
    return isfinite(d);
}

static bool
float_ok(const char *p)
{
    uint32_t bits = bytes_u32(p);
    float f;

    memcpy(&f, &bits, sizeof f);
    return isfinite(f);
}

static bool
point_ok(const ProtobufCFieldDescriptor *f, const char *p)
{
    int32_t e7 = (int32_t)bytes_u32(p);
    int32_t limit = (int32_t)((f->id == 1 ? 90 : 180) * degree_e7);

    return e7 >= -limit && e7 <= limit;
}

/* The wire type that protobuf-c wants for one value of this field. */
static inline unsigned
wire_of(const ProtobufCFieldDescriptor *f)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        return PROTOBUF_C_WIRE_TYPE_VARINT;
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return PROTOBUF_C_WIRE_TYPE_32BIT;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return PROTOBUF_C_WIRE_TYPE_64BIT;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    }
    return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
}

static bool
packed_ok(const ProtobufCFieldDescriptor *f, struct slice s)
{
    struct cursor c = {s.p, s.n, false};
    uint64_t v;

    switch (wire_of(f)) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        while (c.n > 0)
            if (!varint(&c, VARINT_MAX, &v) || (f->type == PROTOBUF_C_TYPE_ENUM && !enum_ok(f, v)))
                return false;
        return true;
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        for (; c.n >= 8; cursor_take(&c, 8))
            if (f->type == PROTOBUF_C_TYPE_DOUBLE && !double_ok(c.p))
                return false;
        return c.n == 0;
    default:
        for (; c.n >= 4; cursor_take(&c, 4))
            if (f->type == PROTOBUF_C_TYPE_FLOAT && !float_ok(c.p))
                return false;
        return c.n == 0;
    }
}

static bool message_ok(const ProtobufCMessageDescriptor *type, struct slice bytes, int depth);

static bool
blob_ok(const ProtobufCFieldDescriptor *f, struct slice s, int depth)
{
    if (f->type == PROTOBUF_C_TYPE_STRING)
        return utf8_valid(s);
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return message_ok(f->descriptor, s, depth + 1);
    if (f->type == PROTOBUF_C_TYPE_BYTES)
        return true;
    return f->label == PROTOBUF_C_LABEL_REPEATED && packed_ok(f, s);
}

/* One value; f is NULL for a field this version does not know. */
static inline bool
value_ok(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *f, unsigned wire,
         struct cursor *c, int depth)
{
    uint64_t v;
    struct slice s;

    if (f != NULL && wire != wire_of(f) && wire != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
        return false;
    switch (wire) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return varint(c, VARINT_MAX, &v) &&
               (f == NULL || f->type != PROTOBUF_C_TYPE_ENUM || enum_ok(f, v));
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        s = cursor_take(c, 8);
        return s.n == 8 && (f == NULL || f->type != PROTOBUF_C_TYPE_DOUBLE || double_ok(s.p));
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        if (!varint(c, TAG_MAX, &v) || v > c->n)
            return false;
        s = cursor_take(c, (size_t)v);
        return f == NULL || blob_ok(f, s, depth);
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        s = cursor_take(c, 4);
        if (s.n != 4 || f == NULL)
            return s.n == 4;
        if (type == &lifecircle__v1__point__descriptor)
            return point_ok(f, s.p);
        return f->type != PROTOBUF_C_TYPE_FLOAT || float_ok(s.p);
    default: /* groups, and what is not defined */
        return false;
    }
}

static bool
message_ok(const ProtobufCMessageDescriptor *type, struct slice bytes, int depth)
{
    struct cursor c = {bytes.p, bytes.n, false};
    const ProtobufCFieldDescriptor *f = NULL;

    if (depth > DEPTH_MAX) /* our types are not recursive; this stays true when one becomes it */
        return false;
    while (c.n > 0) {
        uint64_t tag;
        if (!varint(&c, TAG_MAX, &tag) || tag > UINT32_MAX || tag >> 3 == 0)
            return false;
        /* repeated fields and rising numbers are the rule: look at the last field and the next one
         * first */
        uint32_t id = (uint32_t)(tag >> 3);
        if (f == NULL || f->id != id) {
            const ProtobufCFieldDescriptor *next = f == NULL ? type->fields : f + 1;
            f = next < type->fields + type->n_fields && next->id == id
                    ? next
                    : protobuf_c_message_descriptor_get_field(type, id);
        }
        if (!value_ok(type, f, (unsigned)(tag & 7), &c, depth))
            return false;
    }
    return true;
}

enum lc_err
wire_check(const ProtobufCMessageDescriptor *type, struct slice bytes)
{
    return message_ok(type, bytes, 0) ? LC_OK : LC_EINVAL;
}

enum lc_err
wire_decode(struct arena *a, struct slice frame, const Lifecircle__V1__Envelope **out)
{
    enum lc_err err;

    *out = NULL;
    if (frame.n > WIRE_FRAME_MAX)
        return LC_ETOOBIG;
    if (frame.n == 0)
        return LC_EINVAL;
    err = wire_check(&lifecircle__v1__envelope__descriptor, frame);
    if (err != LC_OK)
        return err;

    const Lifecircle__V1__Envelope *env =
        lifecircle__v1__envelope__unpack(arena_protobuf(a), frame.n, (const uint8_t *)frame.p);
    if (env == NULL)
        return LC_ENOMEM;
    if (env->body_case == LIFECIRCLE__V1__ENVELOPE__BODY__NOT_SET)
        return LC_EINVAL;
    *out = env;
    return LC_OK;
}

const void *
wire_unpack(const ProtobufCMessageDescriptor *type, struct arena *a, struct slice bytes)
{
    static const uint8_t none;

    if (bytes.n > WIRE_FRAME_MAX || wire_check(type, bytes) != LC_OK)
        return NULL;
    return protobuf_c_message_unpack(type, arena_protobuf(a), bytes.n,
                                     bytes.n > 0 ? (const uint8_t *)bytes.p : &none);
}

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t
next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

void
mint_init(struct mint *m, const char *source, struct slice city, uint64_t seed)
{
    size_t n = city.n < sizeof m->city ? city.n : sizeof m->city - 1;

    *m = (struct mint){.source = source, .state = seed};
    if (n > 0)
        memcpy(m->city, city.p, n);
}

/* RFC 9562, 5.7: 48 bits of Unix ms, then chance around version and variant. */
static void
next_id(struct mint *m, int64_t now_ms)
{
    uint64_t a = next_random(&m->state);
    uint64_t b = next_random(&m->state);

    if (now_ms > m->last_ms)
        m->last_ms = now_ms;
    for (size_t i = 0; i < 6; i++)
        m->id[i] = (uint8_t)((uint64_t)m->last_ms >> (40 - 8 * i));
    m->id[6] = (uint8_t)(0x70 | (a & 0x0f));
    m->id[7] = (uint8_t)(a >> 8);
    for (size_t i = 8; i < 16; i++)
        m->id[i] = (uint8_t)(b >> (8 * (i - 8)));
    m->id[8] = (uint8_t)(0x80 | (m->id[8] & 0x3f));
}

static void
fill(Lifecircle__V1__Envelope *env, struct mint *m, int64_t now_ms, int64_t deadline_ms)
{
    lifecircle__v1__envelope__init(env);
    env->source = (char *)m->source; /* protobuf-c never writes to it */
    env->city = m->city;
    env->time_ms = now_ms;
    env->deadline_ms = deadline_ms;
}

void
envelope_init(Lifecircle__V1__Envelope *env, struct mint *m, int64_t now_ms, int64_t deadline_ms)
{
    fill(env, m, now_ms, deadline_ms);
    next_id(m, now_ms);
    env->id = (ProtobufCBinaryData){sizeof m->id, m->id};
}

void
envelope_answer(Lifecircle__V1__Envelope *env, struct mint *m, int64_t now_ms,
                const Lifecircle__V1__Envelope *request)
{
    fill(env, m, now_ms, request->deadline_ms);
    env->id = request->id;
    env->traceparent = request->traceparent;
}

void
envelope_trace(Lifecircle__V1__Envelope *env, struct mint *m, const struct traceparent *t)
{
    if (env->id.len != sizeof m->id)
        return;
    traceparent_format(t, env->id.data + TRACE_SPAN_AT, m->traceparent);
    env->traceparent = m->traceparent;
}
