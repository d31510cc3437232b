/* What is made of rides: kept in Redis, and laid over the map's travel times.
 *
 * The owner of the lease alone learns and writes: hash `speeds`, the hours that changed, every
 * learn-every-s; so many seconds' rides are lost when it dies. Whoever takes over reads it. A reset
 * (lcctl speeds reset) raises the hash's generation, and what was known before is not written any
 * more: it is read again. */
#include "router/core.h"

#include <stdio.h>

enum { STEADY_PCT = 3, MS_AN_HOUR = 3600000, MS_A_MINUTE = 60000 };

static void
no_pace(struct router *r)
{
    for (size_t m = 0; m < TRAVEL_MODES; m++)
        r->pace[m] = 100;
}

enum lc_err
learn_start(struct router *r, const struct config *cfg)
{
    static const struct {
        const char *word;
        enum learn learn;
    } row[] = {{"", LEARN_OFF}, {"off", LEARN_OFF}, {"watch", LEARN_WATCH}, {"on", LEARN_ON}};
    struct slice tzif = config_get(cfg, "tzif"), word = config_get(cfg, "learn-speeds");
    size_t i = 0;

    no_pace(r);
    r->set.learn_least = (uint32_t)config_int(cfg, "learn-least", 30);
    r->set.learn_every_ms = 1000 * config_int(cfg, "learn-every-s", 300);
    if (r->set.learn_least < 1 || r->set.learn_least > UINT16_MAX)
        r->set.learn_least = 30;
    if (r->set.learn_every_ms < 1000)
        r->set.learn_every_ms = 1000;
    if (tzif.n > 0 && timezone_new(tzif, &r->tz) != LC_OK)
        outbox_note(r->out, "config_refused", "name=tzif expected=TZif used=UTC");
    while (i < sizeof row / sizeof *row && !slice_eq_str(word, row[i].word))
        i++;
    if (i == sizeof row / sizeof *row)
        return outbox_refuse(r->out, "learn-speeds", "off,watch,on");
    r->set.learn = row[i].learn;
    speeds_profile_make(&r->profile, &r->speeds, r->set.learn_least);
    return LC_OK;
}

/* ---- over the map ---- */

/* All that is planned is planned by it from here on. */
static void
use(struct router *r)
{
    if (r->map != NULL) {
        travel_paced_init(&r->paced, r->map, r->pace);
        travel_faster_init(&r->travel, &r->paced.travel, r->set.speedup);
    }
    plan_travel(r->plan, r->map == NULL ? &r->estimate.travel : &r->travel.travel,
                &r->estimate.travel);
    r->look = true;
}

void
learn_map(struct router *r, const struct travel *map)
{
    r->map = map;
    use(r);
}

/* This hour's percentages; small changes of one that is in use wait for the next hour, as every leg
 * of every route is asked for again. */
static void
set_pace(struct router *r, bool another_hour)
{
    unsigned hour = speeds_hour(r->tz, r->now_ms);
    bool changed = false;

    for (size_t m = 0; m < TRAVEL_MODES; m++) {
        unsigned pct =
            r->set.learn == LEARN_ON ? speeds_pct(&r->profile, (enum travel_mode)m, hour) : 100;
        unsigned by = pct > r->pace[m] ? pct - r->pace[m] : r->pace[m] - pct;
        if (by == 0 || (!another_hour && by < STEADY_PCT && pct != 100))
            continue;
        r->pace[m] = (uint8_t)pct;
        changed = true;
    }
    if (changed && r->map != NULL)
        use(r);
}

void
learn_pace(struct router *r)
{
    if (r->set.learn == LEARN_OFF || r->now_ms < r->pace_until_ms)
        return;
    struct local_time t = timezone_local(r->tz, r->now_ms);
    int64_t minute_ms = r->now_ms - r->now_ms % MS_A_MINUTE;

    r->pace_until_ms = minute_ms + (int64_t)(60 - t.minute % 60) * MS_A_MINUTE;
    set_pace(r, true);
}

static void
make(struct router *r, bool another_hour)
{
    speeds_age(&r->speeds, speeds_week(r->tz, r->now_ms));
    speeds_profile_make(&r->profile, &r->speeds, r->set.learn_least);
    set_pace(r, another_hour);
}

/* ---- in Redis ---- */

static void
take_generation(struct router *r, struct slice value)
{
    for (size_t i = 0; i < value.n && value.p[i] >= '0' && value.p[i] <= '9'; i++)
        r->speeds_generation = r->speeds_generation * 10 + (uint64_t)(value.p[i] - '0');
}

static void
take_field(struct router *r, struct slice field, struct slice value)
{
    char text[8] = "";
    unsigned mode, hour;

    if (field.n == 0 || field.n >= sizeof text)
        return; /* the profile, or the generation */
    memcpy(text, field.p, field.n);
    if (sscanf(text, "%1u:%3u", &mode, &hour) != 2 || mode >= TRAVEL_MODES || hour >= SPEEDS_HOURS)
        return;
    struct speeds_cell *c = &r->speeds.cell[mode][hour];
    if (!c->changed && speeds_cell_get(value, c) != LC_OK)
        outbox_note(r->out, "router_broken_record", "hash=speeds field=%s", text);
}

/* What we have not written yet is newer, as long as nobody else may have written. */
static void
keep_changed(struct router *r, const struct reply *reply)
{
    uint64_t before = r->speeds_generation;
    bool ours = r->speeds_epoch == r->epoch;

    r->speeds_generation = 0;
    r->speeds_epoch = r->epoch;
    for (size_t i = 0; i + 1 < reply->n; i += 2)
        if (slice_eq_str(reply->items[i].str, "generation"))
            take_generation(r, reply->items[i + 1].str);
    ours = ours && before == r->speeds_generation;
    for (size_t m = 0; m < TRAVEL_MODES; m++)
        for (size_t h = 0; h < SPEEDS_HOURS; h++)
            if (!ours || !r->speeds.cell[m][h].changed)
                r->speeds.cell[m][h] = (struct speeds_cell){.week = 0};
}

void
learn_load(struct router *r, const struct reply *reply)
{
    keep_changed(r, reply);
    for (size_t i = 0; i + 1 < reply->n; i += 2)
        take_field(r, reply->items[i].str, reply->items[i + 1].str);
    r->learn_ms = r->now_ms + r->set.learn_every_ms;
    r->learn_told = false;
    make(r, true);
}

void
learn_again(struct router *r)
{
    struct slice argv[] = {SLICE_LIT("HGETALL"), slice_str(key_of(r, "speeds"))};

    if (r->set.learn != LEARN_OFF)
        outbox_redis(r->out, router_tag(r, CALL_LEARNT, 0), argv, 2);
}

/* Everything that changed, and what comes of it, for people. */
static void
write_all(struct router *r, struct slice *argv, struct slice *field, struct buf *bytes)
{
    enum { FRONT = 8 };
    const struct speeds_made made = {r->set.learn == LEARN_ON, (uint16_t)r->set.learn_least,
                                     r->now_ms};
    size_t ends[TRAVEL_MODES * SPEEDS_HOURS + 1], n = 0, at = 0;

    for (size_t m = 0; m < TRAVEL_MODES; m++)
        for (size_t h = 0; h < SPEEDS_HOURS; h++)
            if (r->speeds.cell[m][h].changed) {
                speeds_cell_put(bytes, &r->speeds.cell[m][h]);
                field[n] = slice_str(arena_printf(r->arena, "%zu:%zu", m, h));
                ends[n++] = bytes->n;
            }
    speeds_profile_put(bytes, &r->profile, &made);
    field[n] = SLICE_LIT("profile");
    ends[n++] = bytes->n;
    if (bytes->failed)
        return; /* the next time */
    argv[0] = SLICE_LIT("FCALL");
    argv[1] = SLICE_LIT("speeds_put");
    argv[2] = SLICE_LIT("1");
    argv[3] = slice_str(key_of(r, ""));
    argv[4] = text_of(r, r->now_ms);
    argv[5] = text_of(r, (int64_t)r->epoch);
    argv[6] = text_of(r, (int64_t)r->speeds_generation);
    argv[7] = text_of(r, (int64_t)n);
    for (size_t i = 0; i < n; at = ends[i++]) {
        argv[FRONT + 2 * i] = field[i];
        argv[FRONT + 2 * i + 1] = slice_of(bytes->p + at, ends[i] - at);
    }
    outbox_redis(r->out, router_tag(r, CALL_LEARN, 0), argv, FRONT + 2 * n);
    for (size_t m = 0; m < TRAVEL_MODES; m++)
        for (size_t h = 0; h < SPEEDS_HOURS; h++)
            r->speeds.cell[m][h].changed = false;
    r->learn_told = true;
}

static void
write(struct router *r)
{
    enum { MOST = TRAVEL_MODES * SPEEDS_HOURS + 1, FRONT = 8 };
    struct slice *argv = arena_array(r->arena, FRONT + 2 * MOST, sizeof *argv);
    struct slice *field = arena_array(r->arena, MOST, sizeof *field);
    struct buf bytes = {0};

    if (argv != NULL && field != NULL)
        write_all(r, argv, field, &bytes);
    buf_free(&bytes);
}

static bool
changed(const struct router *r)
{
    for (size_t m = 0; m < TRAVEL_MODES; m++)
        for (size_t h = 0; h < SPEEDS_HOURS; h++)
            if (r->speeds.cell[m][h].changed)
                return true;
    return false;
}

/* Whatever of it was not written is, the next time. */
static void
doubt_all(struct router *r)
{
    for (size_t m = 0; m < TRAVEL_MODES; m++)
        for (size_t h = 0; h < SPEEDS_HOURS; h++)
            r->speeds.cell[m][h].changed = r->speeds.cell[m][h].couriers != 0;
    r->learn_told = false;
}

void
learn_written(struct router *r, const struct reply *reply)
{
    bool fenced =
        reply->kind == REPLY_ERROR && reply->str.n >= 6 && memcmp(reply->str.p, "FENCED", 6) == 0;

    if (fenced) {
        router_fenced(r);
    } else if (reply->kind == REPLY_INT && reply->integer == 0) {
        learn_again(r); /* somebody has reset it */
    } else if (reply->kind != REPLY_INT) {
        outbox_note(r->out, "speeds_not_written", "answer=\"%.*s\"",
                    (int)(reply->str.n < 200 ? reply->str.n : 200),
                    reply->str.p == NULL ? "" : reply->str.p);
        doubt_all(r);
    }
}

void
learn_tick(struct router *r)
{
    if (r->set.learn == LEARN_OFF || r->now_ms < r->learn_ms)
        return;
    r->learn_ms = r->now_ms + r->set.learn_every_ms;
    if (r->learn_told && !changed(r))
        return;
    make(r, false);
    write(r);
}

void
learn_stop(struct router *r)
{
    if (r->set.learn != LEARN_OFF && router_acts(r) && changed(r))
        write(r);
}
