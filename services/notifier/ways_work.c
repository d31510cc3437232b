/* Legs as bytes: the job for the thread beside the loop, and what it finds. */
#include "notifier/ways.h"

enum { WAY_LINE_MAX = 16 * 1024, STREETS_MAX = 40, STREET_NAME_MAX = 120 };

void
ways_job_begin(struct buf *job, enum travel_mode mode, int64_t depart_ms)
{
    buf_u8(job, (uint8_t)mode);
    buf_u64(job, (uint64_t)depart_ms);
}

void
ways_job_leg(struct buf *job, struct latlng from, struct latlng to)
{
    buf_u32(job, (uint32_t)from.lat_e7);
    buf_u32(job, (uint32_t)from.lng_e7);
    buf_u32(job, (uint32_t)to.lat_e7);
    buf_u32(job, (uint32_t)to.lng_e7);
}

/* whole: so much of a name that no character is cut. */
static struct slice
whole(const char *name)
{
    size_t n = strlen(name);

    if (n > STREET_NAME_MAX)
        for (n = STREET_NAME_MAX; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80; n--)
            ;
    return slice_of(name, n);
}

static void
put_leg(struct buf *out, const struct travel_course *c, bool straight)
{
    size_t streets = c->streets < STREETS_MAX ? c->streets : STREETS_MAX;

    buf_u8(out, straight);
    buf_u32(out, c->cell.seconds);
    buf_u32(out, c->cell.metres);
    buf_blob(out, buf_slice(&c->line));
    buf_u8(out, (uint8_t)streets);
    for (size_t i = 0; i < streets; i++) {
        buf_u32(out, c->street[i].metres);
        buf_blob(out, whole(c->street[i].name));
    }
}

/* find: along streets; where that cannot be, or the line is longer than a phone should be sent, as
 * the crow flies. */
static enum lc_err
find(const struct travel *travel, enum travel_mode mode, int64_t depart_ms, struct latlng from,
     struct latlng to, struct buf *out)
{
    struct travel_course c = {0};
    bool straight = true;
    enum lc_err err = LC_OK;

    if (travel != NULL && travel->course != NULL)
        straight = travel->course(travel, from, to, mode, depart_ms, &c) != LC_OK ||
                   c.line.n > WAY_LINE_MAX;
    if (straight) {
        travel_course_free(&c);
        err = travel_straight(from, to, mode, &c);
    }
    if (err == LC_OK)
        put_leg(out, &c, straight);
    travel_course_free(&c);
    return err;
}

enum lc_err
ways_work(const struct travel *travel, struct slice job, struct buf *out)
{
    struct cursor c = {.p = job.p, .n = job.n};
    unsigned mode = cursor_u8(&c);
    int64_t depart_ms = (int64_t)cursor_u64(&c);
    enum lc_err err = LC_OK;

    if (c.failed || mode >= TRAVEL_MODES)
        return LC_EINVAL;
    while (err == LC_OK && c.n > 0) {
        struct latlng from, to;
        struct buf leg = {0};
        from.lat_e7 = (int32_t)cursor_u32(&c);
        from.lng_e7 = (int32_t)cursor_u32(&c);
        to.lat_e7 = (int32_t)cursor_u32(&c);
        to.lng_e7 = (int32_t)cursor_u32(&c);
        err =
            c.failed ? LC_EINVAL : find(travel, (enum travel_mode)mode, depart_ms, from, to, &leg);
        if (err == LC_OK && leg.failed)
            err = LC_ENOMEM;
        if (err == LC_OK)
            buf_blob(out, buf_slice(&leg));
        buf_free(&leg);
    }
    return err == LC_OK && out->failed ? LC_ENOMEM : err;
}

static char *
text(struct arena *a, struct slice s)
{
    return arena_copy(a, s.p, s.n);
}

bool
ways_leg_read(struct slice found, struct arena *a, Lifecircle__V1__CourierWay__Leg *leg)
{
    struct cursor c = {.p = found.p, .n = found.n};

    leg->straight = cursor_u8(&c) != 0;
    leg->seconds = cursor_u32(&c);
    leg->metres = cursor_u32(&c);
    leg->line = text(a, cursor_blob(&c));
    size_t n = cursor_u8(&c);
    Lifecircle__V1__CourierWay__Street *street = arena_array(a, n, sizeof *street);
    leg->streets = arena_array(a, n, sizeof(void *));
    if (c.failed || leg->line == NULL || (n > 0 && (street == NULL || leg->streets == NULL)))
        return false;
    for (size_t i = 0; i < n; i++) {
        lifecircle__v1__courier_way__street__init(&street[i]);
        street[i].metres = cursor_u32(&c);
        street[i].name = text(a, cursor_blob(&c));
        if (street[i].name == NULL)
            return false;
        leg->streets[i] = &street[i];
    }
    leg->n_streets = n;
    return !c.failed;
}
