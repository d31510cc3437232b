/* The remote travel times against the stand-in (tests/integration/osrm_standin.c), which behaves,
 * and misbehaves, as told. */
#include "await.h"
#include "standin.h"

#include "io/travel_remote_own.h"

#include <math.h>

static struct {
    struct loop *loop;
    struct standin server;
    struct travel_remote *remote;
    char osrm[64], valhalla[64];
    unsigned done, ways;
    enum travel_end end;
    uint64_t tags;
    struct travel_cell cell[40000];
    size_t cells;
    char line[256];
} rig;

static const struct latlng harbour = {392850000, -765920000};

/* A place so many steps of about 100 m north and west of the harbour. */
static struct latlng
place(int north, int west)
{
    return (struct latlng){harbour.lat_e7 + north * 9000, harbour.lng_e7 - west * 11600};
}

static void
on_done(void *ctx, uint64_t tag, enum travel_end end, const struct travel_cell *cell, size_t n)
{
    (void)ctx;
    rig.done++;
    rig.end = end;
    rig.tags += tag;
    rig.cells = n;
    CU_ASSERT_EQUAL(end == TRAVEL_ANSWERED, cell != NULL);
    if (cell != NULL)
        memcpy(rig.cell, cell, n * sizeof *cell);
}

static void
on_way(void *ctx, uint64_t tag, enum travel_end end, const struct travel_way *way)
{
    (void)ctx, (void)tag;
    rig.ways++;
    rig.end = end;
    if (way != NULL) {
        rig.cell[0] = way->cell;
        snprintf(rig.line, sizeof rig.line, "%.*s", (int)way->polyline.n, way->polyline.p);
    }
}

/* Both kinds on one stand-in: bicycle and car are OSRM's, foot is Valhalla's, a van nobody's. */
static void
open_rig(struct travel_remote_options o)
{
    const char *why;

    memset(&rig, 0, sizeof rig);
    rig.loop = loop_new();
    standin_start(&rig.server, 0);
    snprintf(rig.osrm, sizeof rig.osrm, "bicycle+car=http://127.0.0.1:%d/", rig.server.port);
    snprintf(rig.valhalla, sizeof rig.valhalla, "foot=http://127.0.0.1:%d", rig.server.port);
    o.osrm = slice_str(rig.osrm);
    o.valhalla = slice_str(rig.valhalla);
    CU_ASSERT_EQUAL_FATAL(
        travel_remote_new(loop_base(rig.loop), &o, on_done, on_way, NULL, &rig.remote, &why),
        LC_OK);
}

static void
close_rig(void)
{
    travel_remote_destroy(rig.remote);
    standin_kill(&rig.server);
    loop_destroy(rig.loop);
}

static void
send_ask(const struct latlng *from, size_t from_n, const struct latlng *to, size_t to_n,
         enum travel_mode mode, uint32_t deadline_ms)
{
    struct travel_ask a = {from, from_n, to, to_n, mode, 0};
    unsigned before = rig.done;

    CU_ASSERT_EQUAL_FATAL(travel_remote_ask(rig.remote, 1, &a, deadline_ms), LC_OK);
    CU_ASSERT_EQUAL(rig.done, before); /* never from inside */
}

/* Asks and waits for the end. */
static enum travel_end
ask(const struct latlng *from, size_t from_n, const struct latlng *to, size_t to_n,
    enum travel_mode mode, uint32_t deadline_ms)
{
    unsigned before = rig.done;

    send_ask(from, from_n, to, to_n, mode, deadline_ms);
    AWAIT(rig.loop, rig.done > before);
    CU_ASSERT_EQUAL(rig.done, before + 1);
    return rig.end;
}

static enum travel_end
ask_one(enum travel_mode mode, uint32_t deadline_ms)
{
    struct latlng from = place(0, 0), to = place(20, 0);

    return ask(&from, 1, &to, 1, mode, deadline_ms);
}

static const struct travel_remote_counts *
counts_of(enum travel_mode mode)
{
    return travel_remote_counts(rig.remote, mode == TRAVEL_FOOT ? 1 : 0);
}

/* What the stand-in's roads give. */
static bool
right(struct travel_cell c, struct latlng a, struct latlng b, double m_s)
{
    bool crosses = (a.lng_e7 < -766000000) != (b.lng_e7 < -766000000);
    double m = 1.4 * geo_distance_m(a, b) + (crosses ? 1500 : 0);

    return fabs(c.metres - m) <= 2 && c.seconds >= floor(m / m_s) && c.seconds <= m / m_s + 2;
}

static void
check_matrix(const struct latlng *from, size_t from_n, const struct latlng *to, size_t to_n,
             enum travel_mode mode)
{
    size_t wrong = 0;

    CU_ASSERT_EQUAL(ask(from, from_n, to, to_n, mode, 5000), TRAVEL_ANSWERED);
    CU_ASSERT_EQUAL_FATAL(rig.cells, from_n * to_n);
    for (size_t i = 0; i < from_n; i++)
        for (size_t j = 0; j < to_n; j++)
            wrong += !right(rig.cell[i * to_n + j], from[i], to[j], mode == TRAVEL_CAR ? 9 : 3.5);
    CU_ASSERT_EQUAL(wrong, 0);
}

static size_t
fill(struct latlng *p, size_t n, int west)
{
    for (size_t i = 0; i < n; i++)
        p[i] = place((int)(i % 40), west + (int)(i / 40));
    return n;
}

static const enum travel_mode kinds[] = {TRAVEL_BICYCLE, TRAVEL_CAR, TRAVEL_FOOT};

static void
test_ask_gives_the_servers_matrix(void)
{
    struct latlng from[3], to[2];

    open_rig((struct travel_remote_options){0});
    fill(from, 3, 0);
    fill(to, 2, 8); /* over the canal */
    for (size_t k = 0; k < 3; k++) {
        check_matrix(from, 3, to, 2, kinds[k]);
        CU_ASSERT_EQUAL(counts_of(kinds[k])->requests, k == 1 ? 2 : 1);
    }
    standin_fault(&rig.server, "long");
    check_matrix(from, 3, to, 2, TRAVEL_FOOT);
    close_rig();
}

static void
test_ask_takes_null_for_unreachable(void)
{
    struct latlng from[] = {place(0, 0), {396000000, -765920000}}, to = place(3, 3);

    open_rig((struct travel_remote_options){0});
    for (size_t k = 0; k < 3; k++) {
        CU_ASSERT_EQUAL(ask(from, 2, &to, 1, kinds[k], 5000), TRAVEL_ANSWERED);
        CU_ASSERT(rig.cell[0].seconds < 1000 && rig.cell[0].seconds > 0);
        CU_ASSERT_EQUAL(rig.cell[1].seconds, TRAVEL_UNREACHABLE);
        CU_ASSERT_EQUAL(rig.cell[1].metres, TRAVEL_UNREACHABLE);
    }
    close_rig();
}

static void
test_ask_is_never_under_the_bound(void)
{
    struct latlng from = place(0, 0), to = place(30, 30);

    open_rig((struct travel_remote_options){.radius_m = 5000});
    standin_fault(&rig.server, "zero"); /* may be true so near: both ends snap to one street */
    CU_ASSERT_EQUAL(ask(&from, 1, &to, 1, TRAVEL_BICYCLE, 5000), TRAVEL_ANSWERED);
    CU_ASSERT_EQUAL(rig.cell[0].seconds, travel_crow_s(from, to, TRAVEL_BICYCLE));
    close_rig();
}

static void
test_ask_splits_and_merges_large_matrices(void)
{
    static const struct {
        size_t from_n, to_n, requests;
    } rows[] = {{99, 1, 1}, {100, 1, 2}, {1, 250, 3}, {60, 60, 4}, {180, 7, 2}};
    struct latlng from[250], to[250];

    open_rig((struct travel_remote_options){0});
    fill(from, 250, 0);
    fill(to, 250, 5);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 1; k < 3; k++) {
            uint64_t before = counts_of(kinds[k])->requests;
            check_matrix(from, rows[i].from_n, to, rows[i].to_n, kinds[k]);
            CU_ASSERT_EQUAL(counts_of(kinds[k])->requests - before, rows[i].requests);
        }
    close_rig();
}

static void
test_ask_learns_a_servers_table_size(void)
{
    struct latlng from[90], to = place(5, 5);

    open_rig((struct travel_remote_options){0});
    fill(from, 90, 0);
    standin_fault(&rig.server, "small");
    for (size_t k = 1; k < 3; k++) {
        check_matrix(from, 90, &to, 1, kinds[k]);
        size_t table = counts_of(kinds[k])->table;
        CU_ASSERT(table >= 10 && table <= 20);
        uint64_t before = counts_of(kinds[k])->requests;
        check_matrix(from, 90, &to, 1, kinds[k]);
        CU_ASSERT_EQUAL(counts_of(kinds[k])->requests - before, (90 + table - 2) / (table - 1));
        CU_ASSERT_EQUAL(counts_of(kinds[k])->opened, 0);
    }
    close_rig();
}

/* A busy machine may take so much longer, but not until the slow server answers, after 5 s. */
enum { SHORT_MS = 60, GRACE_MS = 4000 };

static void
test_ask_ends_as_it_should_whatever_the_server_does(void)
{
    static const struct {
        const char *fault;
        enum travel_end end;
    } rows[] = {
        {"slow", TRAVEL_LATE},    {"drip", TRAVEL_LATE},     {"cut", TRAVEL_BROKEN},
        {"html", TRAVEL_BROKEN},  {"counts", TRAVEL_LIED},   {"short", TRAVEL_LIED},
        {"nan", TRAVEL_LIED},     {"negative", TRAVEL_LIED}, {"zero", TRAVEL_LIED},
        {"fast", TRAVEL_LIED},    {"text", TRAVEL_LIED},     {"huge", TRAVEL_LIED},
        {"query", TRAVEL_DENIED},
    };
    struct latlng from = place(0, 0), to = place(60, 0);

    open_rig((struct travel_remote_options){.trips = 1000, .radius_m = 200});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 1; k < 3; k++) {
            bool late = rows[i].end == TRAVEL_LATE;
            int64_t begun_ms = loop_mono_ms();
            standin_fault(&rig.server, rows[i].fault);
            uint64_t before = counts_of(kinds[k])->ended[rows[i].end];
            enum travel_end end = ask(&from, 1, &to, 1, kinds[k], late ? SHORT_MS : 5000);
            if (end != rows[i].end)
                printf("\n    %s: %s\n", rows[i].fault, travel_end_name((int)end));
            CU_ASSERT_EQUAL(end, rows[i].end);
            CU_ASSERT_EQUAL(counts_of(kinds[k])->ended[rows[i].end], before + 1);
            CU_ASSERT(!late || loop_mono_ms() - begun_ms < SHORT_MS + GRACE_MS);
        }
    standin_fault(&rig.server, "novalue");
    CU_ASSERT_EQUAL(ask_one(TRAVEL_CAR, 5000), TRAVEL_LIED);
    standin_fault(&rig.server, "none");
    CU_ASSERT_EQUAL(ask_one(TRAVEL_CAR, 5000), TRAVEL_ANSWERED);
    standin_kill(&rig.server);
    CU_ASSERT_EQUAL(ask_one(TRAVEL_CAR, 5000), TRAVEL_BROKEN);
    close_rig();
}

static void
test_ask_tells_at_once_when_nobody_answers_for_the_mode(void)
{
    open_rig((struct travel_remote_options){0});
    CU_ASSERT_EQUAL(ask_one(TRAVEL_VAN, 60000), TRAVEL_NOBODY);
    close_rig();
}

static void
test_ask_does_not_blame_the_server_for_a_place_without_streets(void)
{
    struct latlng from[] = {place(0, 0), {380000000, -765920000}}, to = place(3, 3);

    open_rig((struct travel_remote_options){.trips = 2});
    for (size_t i = 0; i < 12; i++)
        CU_ASSERT_EQUAL(ask(from, 2, &to, 1, kinds[1 + i % 2], 5000), TRAVEL_DENIED);
    CU_ASSERT_EQUAL(counts_of(TRAVEL_CAR)->opened + counts_of(TRAVEL_FOOT)->opened, 0);
    close_rig();
}

static void
test_ask_repeats_on_a_connection_that_was_closed_meanwhile(void)
{
    open_rig((struct travel_remote_options){.connections = 1});
    standin_fault(&rig.server, "stale");
    CU_ASSERT_EQUAL(ask_one(TRAVEL_CAR, 5000), TRAVEL_ANSWERED);
    CU_ASSERT_EQUAL(standin_requests(&rig.server), 1);
    CU_ASSERT_EQUAL(ask_one(TRAVEL_CAR, 5000), TRAVEL_ANSWERED);
    CU_ASSERT_EQUAL(standin_requests(&rig.server), 3); /* one in vain */
    close_rig();
}

static void
test_ask_waits_in_a_bounded_queue(void)
{
    struct latlng from = place(0, 0), to = place(20, 0);

    open_rig((struct travel_remote_options){.connections = 1, .queue = 2, .trips = 2});
    standin_fault(&rig.server, "slow");
    send_ask(&from, 1, &to, 1, TRAVEL_CAR, SHORT_MS + 1500); /* on its way while the others wait */
    for (int i = 1; i < 5; i++)
        send_ask(&from, 1, &to, 1, TRAVEL_CAR, SHORT_MS);
    AWAIT(rig.loop, rig.done == 2); /* the two too many, at once */
    CU_ASSERT_EQUAL(counts_of(TRAVEL_CAR)->ended[TRAVEL_FULL], 2);
    AWAIT(rig.loop, rig.done == 5);
    CU_ASSERT_EQUAL(rig.tags, 5);
    CU_ASSERT_EQUAL(counts_of(TRAVEL_CAR)->asked, 5);
    CU_ASSERT_EQUAL(counts_of(TRAVEL_CAR)->ended[TRAVEL_LATE], 1);
    CU_ASSERT_EQUAL(counts_of(TRAVEL_CAR)->ended[TRAVEL_FULL], 4); /* two in vain */
    CU_ASSERT_EQUAL(counts_of(TRAVEL_CAR)->opened, 0);
    CU_ASSERT_EQUAL(counts_of(TRAVEL_CAR)->requests, 1);
    close_rig();
}

static void
test_ask_ends_in_time_behind_one_with_more_time(void)
{
    struct latlng from = place(0, 0), to = place(20, 0);

    open_rig((struct travel_remote_options){.connections = 1});
    standin_fault(&rig.server, "slow");
    send_ask(&from, 1, &to, 1, TRAVEL_CAR, 4000);
    int64_t begun_ms = loop_mono_ms();
    send_ask(&from, 1, &to, 1, TRAVEL_CAR, SHORT_MS);
    AWAIT(rig.loop, rig.done == 1);
    CU_ASSERT_EQUAL(rig.end, TRAVEL_FULL);
    CU_ASSERT(loop_mono_ms() - begun_ms < SHORT_MS + GRACE_MS);
    close_rig();
}

/* Asks until one is let through to the server; true when it was answered. */
static bool
probed(void)
{
    enum travel_end end = ask_one(TRAVEL_CAR, SHORT_MS);

    return end != TRAVEL_SHUT;
}

static void
test_ask_leaves_a_failing_server_alone_for_a_while(void)
{
    const struct travel_remote_counts *c;

    open_rig((struct travel_remote_options){.trips = 3, .rest_ms = 40, .rest_max_ms = 60});
    c = counts_of(TRAVEL_CAR);
    standin_fault(&rig.server, "html");
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_FALSE(c->open);
        CU_ASSERT_EQUAL(ask_one(TRAVEL_CAR, 5000), TRAVEL_BROKEN);
    }
    CU_ASSERT_TRUE(c->open);
    CU_ASSERT_EQUAL(c->opened, 1);
    CU_ASSERT_EQUAL(ask_one(TRAVEL_CAR, 5000), TRAVEL_SHUT);
    CU_ASSERT_EQUAL(standin_requests(&rig.server), 3);
    CU_ASSERT_EQUAL(ask_one(TRAVEL_FOOT, 5000), TRAVEL_BROKEN); /* another server */

    AWAIT(rig.loop, probed());
    CU_ASSERT_EQUAL(rig.end, TRAVEL_BROKEN);
    CU_ASSERT_EQUAL(c->opened, 2);
    CU_ASSERT_EQUAL(standin_requests(&rig.server), 5);

    standin_fault(&rig.server, "none");
    AWAIT(rig.loop, probed());
    CU_ASSERT_EQUAL(rig.end, TRAVEL_ANSWERED);
    CU_ASSERT_FALSE(c->open);
    CU_ASSERT_EQUAL(ask_one(TRAVEL_CAR, 5000), TRAVEL_ANSWERED);
    close_rig();
}

static void
test_ask_lets_one_question_probe(void)
{
    struct latlng from = place(0, 0), to = place(20, 0);

    open_rig((struct travel_remote_options){.trips = 1, .rest_ms = 1});
    standin_fault(&rig.server, "slow");
    CU_ASSERT_EQUAL(ask_one(TRAVEL_CAR, SHORT_MS), TRAVEL_LATE);
    await_time(rig.loop, 5);
    rig.done = 0;
    for (int i = 0; i < 4; i++)
        send_ask(&from, 1, &to, 1, TRAVEL_CAR, SHORT_MS);
    AWAIT(rig.loop, rig.done == 4);
    CU_ASSERT_EQUAL(counts_of(TRAVEL_CAR)->ended[TRAVEL_SHUT], 3);
    CU_ASSERT_EQUAL(counts_of(TRAVEL_CAR)->ended[TRAVEL_LATE], 2);
    close_rig();
}

static void
test_put_degrees_rounds_to_six_decimals(void)
{
    static const struct {
        int32_t e7;
        const char *text;
    } rows[] = {{0, "0.000000"},
                {-4, "-0.000000"},
                {-5, "-0.000001"},
                {392850004, "39.285000"},
                {-765920006, "-76.592001"},
                {1800000000, "180.000000"},
                {-1800000000, "-180.000000"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b = {0};
        travel_put_degrees(&b, rows[i].e7);
        CU_ASSERT_TRUE(slice_eq_str(buf_slice(&b), rows[i].text));
        buf_free(&b);
    }
}

/* splitmix64 */
static uint64_t
chance(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static enum travel_word
read_as(size_t kind, struct arena *a, struct slice body, const struct travel_grid *g)
{
    const char *detail;
    struct slice line;

    switch (kind) {
    case 0:
        return osrm_table_read(a, 200, body, g, &detail);
    case 1:
        return osrm_route_read(a, 200, body, g, &line, &detail);
    default:
        return valhalla_read(a, 200, body, g, &detail);
    }
}

static void
test_read_believes_nothing_that_cannot_be_true(void)
{
    static const char *const bodies[] = {
        "{\"code\":\"Ok\",\"durations\":[[571.5,0.4],[null,880]],\"distances\":"
        "[[2001.9,1.5],[null,3080.1]]}",
        "{\"code\":\"Ok\",\"routes\":[{\"duration\":571.5,\"distance\":2001.9,"
        "\"geometry\":\"gzwnF~jnrMooB?\"}]}",
        "{\"units\":\"kilometers\",\"sources_to_targets\":{\"durations\":[[571,0],[null,880]],"
        "\"distances\":[[2.002,0.002],[null,3.08]]}}",
        "{\"units\":\"kilometers\",\"sources_to_targets\":[[{\"time\":571,\"distance\":2.002},"
        "{\"time\":0,\"distance\":0.002}],[{\"time\":null,\"distance\":null},{\"time\":880,"
        "\"distance\":3.08}]]}"};
    static const char parts[] = "0123456789.,-eE[]{}\":nul ";
    struct latlng from[] = {place(0, 0), place(40, 0)}, to[] = {place(20, 0), from[0]};
    struct travel_cell out[4];
    struct arena *a = arena_new(1 << 20);
    uint64_t state = 20261122;
    size_t taken = 0, wrong = 0;

    for (size_t i = 0; i < 20000; i++) {
        struct travel_grid g = {from, 2, to, 2, TRAVEL_BICYCLE, 500, out, 2};
        size_t kind = i % 4, n = strlen(bodies[kind]);
        char *text = malloc(n); /* of its own, so that ASan sees a byte too far */
        if (kind == 1)
            g.from_n = g.to_n = 1;
        memcpy(text, bodies[kind], n);
        for (uint64_t changes = i < 4 ? 0 : 1 + chance(&state) % 3; changes > 0; changes--)
            text[chance(&state) % n] = parts[chance(&state) % (sizeof parts - 1)];
        n -= i < 4 || chance(&state) % 4 != 0 ? 0 : chance(&state) % n;
        enum travel_word word = read_as(kind, a, slice_of(text, n), &g);
        CU_ASSERT(i >= 4 || word == WORD_OK);
        for (size_t k = 0; word == WORD_OK && k < g.from_n * g.to_n; k++) {
            struct latlng p = from[k / g.to_n], q = to[k % g.to_n];
            wrong +=
                out[k].seconds < travel_crow_s(p, q, TRAVEL_BICYCLE) ||
                (out[k].seconds == TRAVEL_UNREACHABLE) != (out[k].metres == TRAVEL_UNREACHABLE);
            taken++;
        }
        free(text);
        arena_reset(a);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(taken > 1000);
    arena_destroy(a);
}

static void
test_destroy_drops_what_is_out(void)
{
    struct latlng from[90], to = place(5, 5);

    open_rig((struct travel_remote_options){0});
    fill(from, 90, 0);
    standin_fault(&rig.server, "slow");
    send_ask(from, 90, &to, 1, TRAVEL_CAR, 5000);
    send_ask(from, 90, from, 90, TRAVEL_FOOT, 5000);
    send_ask(from, 90, &to, 1, TRAVEL_VAN, 5000);
    AWAIT(rig.loop, standin_requests(&rig.server) > 0);
    close_rig();
    CU_ASSERT(rig.done <= 1);
}

static enum travel_end
way(struct latlng from, struct latlng to, enum travel_mode mode)
{
    unsigned before = rig.ways;

    CU_ASSERT_EQUAL_FATAL(travel_remote_way(rig.remote, 9, from, to, mode, 5000), LC_OK);
    AWAIT(rig.loop, rig.ways > before);
    return rig.end;
}

static void
test_way_gives_the_line(void)
{
    struct latlng a = place(0, 0), b = place(40, 10);

    open_rig((struct travel_remote_options){0});
    CU_ASSERT_EQUAL(way(a, b, TRAVEL_BICYCLE), TRAVEL_ANSWERED);
    CU_ASSERT_TRUE(right(rig.cell[0], a, b, 3.5));
    CU_ASSERT(strlen(rig.line) > 10);
    CU_ASSERT_EQUAL(way(a, (struct latlng){396000000, -765920000}, TRAVEL_CAR), TRAVEL_DENIED);
    CU_ASSERT_EQUAL(way(a, b, TRAVEL_FOOT), TRAVEL_NOBODY);
    standin_fault(&rig.server, "zero"); /* a line that does not get there */
    CU_ASSERT_EQUAL(way(a, b, TRAVEL_CAR), TRAVEL_LIED);
    close_rig();
}

static void
test_new_says_what_is_wrong_with_a_list(void)
{
    struct loop *l = loop_new();
    struct travel_remote *r = NULL;
    const char *why = NULL;
    struct travel_remote_options o = {.osrm = SLICE_LIT("localhost:5000")};

    CU_ASSERT_EQUAL(travel_remote_new(loop_base(l), &o, on_done, on_way, NULL, &r, &why),
                    LC_EINVAL);
    CU_ASSERT(why != NULL && strstr(why, "expected") != NULL);
    CU_ASSERT_PTR_NULL(r);
    loop_destroy(l);
}

UNIT_MAIN("travel_remote", UNIT(test_ask_gives_the_servers_matrix),
          UNIT(test_ask_takes_null_for_unreachable), UNIT(test_ask_is_never_under_the_bound),
          UNIT(test_ask_splits_and_merges_large_matrices),
          UNIT(test_ask_learns_a_servers_table_size),
          UNIT(test_ask_ends_as_it_should_whatever_the_server_does),
          UNIT(test_ask_tells_at_once_when_nobody_answers_for_the_mode),
          UNIT(test_ask_does_not_blame_the_server_for_a_place_without_streets),
          UNIT(test_ask_repeats_on_a_connection_that_was_closed_meanwhile),
          UNIT(test_ask_waits_in_a_bounded_queue),
          UNIT(test_ask_ends_in_time_behind_one_with_more_time),
          UNIT(test_ask_leaves_a_failing_server_alone_for_a_while),
          UNIT(test_ask_lets_one_question_probe), UNIT(test_put_degrees_rounds_to_six_decimals),
          UNIT(test_read_believes_nothing_that_cannot_be_true),
          UNIT(test_destroy_drops_what_is_out), UNIT(test_way_gives_the_line),
          UNIT(test_new_says_what_is_wrong_with_a_list))
