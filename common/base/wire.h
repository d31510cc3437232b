/* wire: one Envelope in and out, with all limits checked once, at decode. Pure. */
#ifndef LC_BASE_WIRE_H
#define LC_BASE_WIRE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/traceparent.h"

#include "envelope.pb-c.h"

enum {
    WIRE_FRAME_MAX = 4 * 1024 * 1024,
    WIRE_ARENA_MAX = 64 * 1024 * 1024, /* what one frame may unpack to */
};

/* wire_decode: an Envelope from a frame, in the arena (cap WIRE_ARENA_MAX). Checks what protobuf-c
 * does not, on the frame itself, as protobuf-c forgets the length of strings: they are UTF-8
 * without NUL, enums are known, doubles finite, points on Earth, body set. Fields this version does
 * not know are passed over.
 *   LC_ETOOBIG  frame over WIRE_FRAME_MAX
 *   LC_EINVAL   not an Envelope, or a check fails
 *   LC_ENOMEM   over the arena's cap */
LC_MUST_CHECK enum lc_err wire_decode(struct arena *a, struct slice frame,
                                      const Lifecircle__V1__Envelope **out);

/* wire_check: the same checks for the packed bytes of any message. LC_EINVAL. */
LC_MUST_CHECK enum lc_err wire_check(const ProtobufCMessageDescriptor *type, struct slice bytes);

/* wire_unpack: any message from bytes that Redis kept, in the arena, checked; NULL when malformed.
 */
const void *wire_unpack(const ProtobufCMessageDescriptor *type, struct arena *a,
                        struct slice bytes);

/* mint: makes envelope ids (UUIDv7) from a seed and the event's time; deterministic. One per core.
 */
struct mint {
    const char *source; /* static: the daemon's name */
    char city[32];
    uint64_t state;
    int64_t last_ms;
    uint8_t id[16];                     /* of the envelope made last */
    char traceparent[TRACEPARENT_TEXT]; /* the same */
};

/* mint_init: city is cut at 31 bytes; seed = the entropy of EVENT_START. */
void mint_init(struct mint *m, const char *source, struct slice city, uint64_t seed);

/* envelope_init: a fresh envelope; the caller sets body_case and the body. Points into m until the
 * next one is made. */
void envelope_init(Lifecircle__V1__Envelope *env, struct mint *m, int64_t now_ms,
                   int64_t deadline_ms);

/* envelope_answer: the same, carrying the id of the request it answers and its trace. */
void envelope_answer(Lifecircle__V1__Envelope *env, struct mint *m, int64_t now_ms,
                     const Lifecircle__V1__Envelope *request);

/* envelope_trace: this message belongs to that trace; its own id is the span. After envelope_init
 * or envelope_answer; the words stay in m until the next one is made. */
void envelope_trace(Lifecircle__V1__Envelope *env, struct mint *m, const struct traceparent *t);

#endif
