#include "base/replay.h"
#include "base/wire.h"
#include "unit/unit.h"

/* A core that does what the event's bytes say. */
struct toy {
    uint64_t taken;
    int64_t last_ms;
    size_t scratch; /* the arena it was given was empty */
};

static void *
toy_open(void)
{
    return calloc(1, sizeof(struct toy));
}

static void
toy_close(void *core)
{
    free(core);
}

static enum lc_err
toy_step(void *core, const struct event *ev, struct outbox *out)
{
    struct toy *t = core;

    t->last_ms = ev->now_ms;
    t->scratch += arena_mark(ev->arena).total;
    if (ev->kind == EVENT_TURN_END)
        return LC_OK;
    t->taken++;
    if (ev->kind == EVENT_MESSAGE) {
        outbox_answer(out, ev->ref, ev->envelope);
        return LC_OK;
    }
    outbox_http(out, ev->ref, 200, "text/plain", NULL, ev->bytes);
    outbox_note(out, "took", "n=%llu entropy=%llu", (unsigned long long)t->taken,
                (unsigned long long)ev->entropy);
    if (slice_eq_str(ev->bytes, "fail"))
        return LC_ESTATE;
    if (slice_eq_str(ev->bytes, "flood")) {
        static const char piece[1 << 20];
        for (int i = 0; i < 70; i++)
            outbox_http_chunk(out, ev->ref, slice_of(piece, sizeof piece));
    }
    return LC_OK;
}

static const struct service toy = {
    .name = "toy", .open = toy_open, .step = toy_step, .close = toy_close};

static enum lc_err
feed(struct stepper *s, const char *bytes, int64_t now_ms)
{
    struct event ev = {.kind = EVENT_HTTP_BODY,
                       .now_ms = now_ms,
                       .entropy = 7,
                       .ref = 3,
                       .bytes = slice_str(bytes)};

    return stepper_feed(s, &ev);
}

static void
start(struct stepper *s, const char *city)
{
    struct config_item item = {SLICE_LIT("city"), slice_str(city)};
    struct config config = {&item, 1};
    struct event ev = {.kind = EVENT_START, .now_ms = 1, .config = &config};

    CU_ASSERT_EQUAL(stepper_feed(s, &ev), LC_OK);
    stepper_flushed(s);
}

static enum lc_err
feed_envelope(struct stepper *s, const char *city)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__Ack ack = LIFECIRCLE__V1__ACK__INIT;
    struct mint m;
    uint8_t frame[256];

    mint_init(&m, "toy", slice_str(city), 1);
    envelope_init(&env, &m, 1000, 0);
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_ACK;
    env.ack = &ack;
    size_t n = lifecircle__v1__envelope__pack(&env, frame);
    struct event ev = {.kind = EVENT_MESSAGE, .now_ms = 1000, .bytes = slice_of((char *)frame, n)};
    return stepper_feed(s, &ev);
}

static void
test_config_int_reads_numbers_and_falls_back(void)
{
    static const struct {
        const char *text;
        int64_t expected;
    } cases[] = {
        {"0", 0},
        {"250", 250},
        {"-3", -3},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"9223372036854775808", 42},
        {"", 42},
        {"-", 42},
        {"12x", 42},
        {" 1", 42},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config_item item = {SLICE_LIT("n"), slice_str(cases[i].text)};
        struct config c = {&item, 1};
        CU_ASSERT_EQUAL(config_int(&c, "n", 42), cases[i].expected);
    }
    CU_ASSERT_EQUAL(config_int(NULL, "n", 42), 42);
}

static void
test_config_get_gives_the_empty_slice_for_what_is_absent(void)
{
    struct config_item items[] = {{SLICE_LIT("a"), SLICE_LIT("1")},
                                  {SLICE_LIT("ab"), SLICE_LIT("2")}};
    struct config c = {items, 2};

    CU_ASSERT_TRUE(slice_eq_str(config_get(&c, "ab"), "2"));
    CU_ASSERT_EQUAL(config_get(&c, "b").n, 0);
    CU_ASSERT_EQUAL(config_get(&c, "abc").n, 0);
}

static void
test_config_get_takes_dash_and_underscore_as_the_same(void)
{
    struct config_item item = {SLICE_LIT("prep-margin_s"), SLICE_LIT("7")};
    struct config c = {&item, 1};

    CU_ASSERT_EQUAL(config_int(&c, "prep_margin-s", 0), 7);
    CU_ASSERT_EQUAL(config_int(&c, "prep margin s", 0), 0);
}

static void
test_stepper_feed_gathers_effects_until_flushed(void)
{
    struct stepper *s = stepper_new(&toy);

    CU_ASSERT_EQUAL(feed(s, "one", 5), LC_OK);
    CU_ASSERT_EQUAL(feed(s, "two", 5), LC_OK);
    CU_ASSERT_EQUAL(outbox_count(stepper_outbox(s)), 4);
    CU_ASSERT_TRUE(slice_eq_str(outbox_at(stepper_outbox(s), 2)->bytes, "two"));
    stepper_flushed(s);
    CU_ASSERT_EQUAL(outbox_count(stepper_outbox(s)), 0);
    stepper_destroy(s);
}

static void
test_stepper_feed_drops_the_effects_of_a_failed_step_but_its_notes(void)
{
    struct stepper *s = stepper_new(&toy);

    CU_ASSERT_EQUAL(feed(s, "one", 5), LC_OK);
    CU_ASSERT_EQUAL(feed(s, "fail", 5), LC_ESTATE);
    CU_ASSERT_EQUAL_FATAL(outbox_count(stepper_outbox(s)), 3);
    CU_ASSERT_TRUE(slice_eq_str(outbox_at(stepper_outbox(s), 0)->bytes, "one"));
    CU_ASSERT_EQUAL(outbox_at(stepper_outbox(s), 2)->kind, EFFECT_NOTE);
    CU_ASSERT_EQUAL(stepper_failed_steps(s), 1);
    stepper_destroy(s);
}

static void
test_stepper_feed_drops_effects_that_do_not_fit(void)
{
    struct stepper *s = stepper_new(&toy);

    CU_ASSERT_EQUAL(feed(s, "one", 5), LC_OK);
    CU_ASSERT_EQUAL(feed(s, "flood", 5), LC_ENOMEM);
    CU_ASSERT_EQUAL(outbox_count(stepper_outbox(s)), 2);
    CU_ASSERT_EQUAL(feed(s, "two", 5), LC_OK);
    CU_ASSERT_EQUAL(outbox_count(stepper_outbox(s)), 4);
    stepper_destroy(s);
}

static void
test_stepper_feed_never_lets_time_go_back(void)
{
    struct stepper *s = stepper_new(&toy);
    const struct toy *t = stepper_core(s);

    CU_ASSERT_EQUAL(feed(s, "one", 50), LC_OK);
    CU_ASSERT_EQUAL(feed(s, "two", 20), LC_OK);
    CU_ASSERT_EQUAL(t->last_ms, 50);
    stepper_destroy(s);
}

static void
test_stepper_feed_empties_the_arena_between_events(void)
{
    struct stepper *s = stepper_new(&toy);
    const struct toy *t = stepper_core(s);

    CU_ASSERT_PTR_NOT_NULL_FATAL(arena_alloc(stepper_arena(s), 1000));
    CU_ASSERT_EQUAL(feed(s, "one", 1), LC_OK);
    CU_ASSERT(t->scratch >= 1000);
    size_t once = t->scratch;
    CU_ASSERT_EQUAL(feed(s, "two", 1), LC_OK);
    CU_ASSERT_EQUAL(t->scratch, once);
    stepper_destroy(s);
}

static void
test_stepper_feed_keeps_bad_frames_from_the_core(void)
{
    struct stepper *s = stepper_new(&toy);
    const struct toy *t = stepper_core(s);
    struct event ev = {.kind = EVENT_MESSAGE, .bytes = SLICE_LIT("\xff\xff")};

    CU_ASSERT_EQUAL(stepper_feed(s, &ev), LC_EINVAL);
    CU_ASSERT_EQUAL(stepper_bad_frames(s), 1);
    CU_ASSERT_EQUAL(stepper_failed_steps(s), 0);
    CU_ASSERT_EQUAL(t->taken, 0);
    stepper_destroy(s);
}

static void
test_stepper_feed_keeps_another_citys_messages_from_the_core(void)
{
    struct stepper *s = stepper_new(&toy);

    start(s, "bal");
    CU_ASSERT_EQUAL(feed_envelope(s, "bal"), LC_OK);
    CU_ASSERT_EQUAL(feed_envelope(s, ""), LC_OK); /* chains need not know it */
    CU_ASSERT_EQUAL(feed_envelope(s, "nyc"), LC_EINVAL);
    CU_ASSERT_EQUAL(stepper_bad_frames(s), 1);
    stepper_destroy(s);
}

static enum lc_err
feed_reply(struct stepper *s, uint64_t link)
{
    static const char match_reply[] = "\x5a\x00"; /* field 11, empty */
    struct event ev = {.kind = EVENT_MESSAGE, .ref = link, .bytes = SLICE_LIT(match_reply)};

    return stepper_feed(s, &ev);
}

static void
test_stepper_feed_takes_answers_only_from_peers_we_asked(void)
{
    struct stepper *s = stepper_new(&toy);
    struct event ask = {.kind = EVENT_MESSAGE, .ref = 5, .bytes = SLICE_LIT("\x52\x00")};

    CU_ASSERT_EQUAL(feed_reply(s, 0), LC_OK);
    CU_ASSERT_EQUAL(feed_reply(s, 5), LC_EINVAL);
    CU_ASSERT_EQUAL(stepper_feed(s, &ask), LC_OK);
    CU_ASSERT_EQUAL(stepper_bad_frames(s), 1);
    stepper_destroy(s);
}

static void
keep_record(void *ctx, struct slice bytes)
{
    buf_append(ctx, bytes.p, bytes.n);
}

/* A run with everything in it: start, messages, a bad frame, a failed step, turns. */
static void
record_run(struct buf *recording)
{
    struct stepper *s = stepper_new(&toy);
    struct event bad = {.kind = EVENT_MESSAGE, .bytes = SLICE_LIT("\xff")};

    replay_head(recording, &toy);
    stepper_record(s, keep_record, recording);
    start(s, "bal");
    CU_ASSERT_EQUAL(feed(s, "one", 10), LC_OK);
    CU_ASSERT_EQUAL(feed_envelope(s, "bal"), LC_OK);
    stepper_flushed(s);
    CU_ASSERT_EQUAL(feed(s, "fail", 11), LC_ESTATE);
    CU_ASSERT_EQUAL(stepper_feed(s, &bad), LC_EINVAL);
    CU_ASSERT_EQUAL(feed(s, "two", 9), LC_OK);
    stepper_flushed(s);
    stepper_destroy(s);
}

struct seen {
    uint64_t step;
    enum event_kind kind;
    char got[512];
};

static void
see(void *ctx, const struct replay_difference *d)
{
    struct seen *seen = ctx;
    struct buf words = {0};

    seen->step = d->step;
    seen->kind = d->event->kind;
    CU_ASSERT_EQUAL(trace_print_effects(&words, d->got), LC_OK);
    if (words.n < sizeof seen->got)
        memcpy(seen->got, words.p, words.n);
    buf_free(&words);
}

static const struct replay_asks no_asks;

static void
test_replay_run_finds_the_same_bytes(void)
{
    struct buf recording = {0};
    struct replay_result result;

    record_run(&recording);
    CU_ASSERT_TRUE(slice_eq_str(replay_service(buf_slice(&recording)), "toy"));
    CU_ASSERT_EQUAL(replay_run(&toy, buf_slice(&recording), &no_asks, &result), LC_OK);
    CU_ASSERT_EQUAL(result.steps, 6);
    CU_ASSERT_FALSE(result.differs);
    CU_ASSERT_FALSE(result.cut);
    buf_free(&recording);
}

static enum lc_err
other_step(void *core, const struct event *ev, struct outbox *out)
{
    enum lc_err err = toy_step(core, ev, out);

    if (slice_eq_str(ev->bytes, "two"))
        outbox_wake(out, 99);
    return err;
}

static void
test_replay_run_names_the_first_step_that_differs(void)
{
    struct service other = toy;
    struct buf recording = {0};
    struct replay_result result;
    struct seen seen = {0};
    const struct replay_asks asks = {.different = see, .ctx = &seen};

    other.step = other_step;
    record_run(&recording);
    CU_ASSERT_EQUAL(replay_run(&other, buf_slice(&recording), &asks, &result), LC_OK);
    CU_ASSERT_TRUE(result.differs);
    CU_ASSERT_EQUAL(seen.step, 6);
    CU_ASSERT_EQUAL(seen.kind, EVENT_HTTP_BODY);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.got, "wake ref=0 status=0 role=0 text=0 at_ms=99"));
    buf_free(&recording);
}

static void
test_replay_run_takes_any_cut_of_a_recording(void)
{
    struct buf recording = {0};
    struct replay_result result;

    record_run(&recording);
    size_t head = 8 + strlen(REPLAY_MAGIC) + strlen("toy") + 4;
    for (size_t n = 0; n < recording.n; n++) {
        enum lc_err err = replay_run(&toy, slice_of(recording.p, n), &no_asks, &result);
        CU_ASSERT_EQUAL(err, n < head ? LC_EINVAL : LC_OK);
        CU_ASSERT_FALSE(result.differs);
    }
    buf_free(&recording);
}

static void
test_replay_run_survives_any_flipped_byte(void)
{
    struct buf recording = {0};
    struct replay_result result;
    unsigned accepted = 0;

    record_run(&recording);
    for (size_t i = 0; i < recording.n; i++) {
        recording.p[i] = (char)(recording.p[i] ^ 0x55);
        enum lc_err err = replay_run(&toy, buf_slice(&recording), &no_asks, &result);
        accepted += err == LC_OK && !result.differs && !result.cut;
        recording.p[i] = (char)(recording.p[i] ^ 0x55);
    }
    CU_ASSERT(accepted <
              recording.n / 4); /* refs and such of events without effects on the answer */
    buf_free(&recording);
}

static void
test_replay_run_refuses_another_services_recording(void)
{
    struct service other = toy;
    struct buf recording = {0};
    struct replay_result result;

    other.name = "other";
    record_run(&recording);
    CU_ASSERT_EQUAL(replay_run(&other, buf_slice(&recording), &no_asks, &result), LC_EINVAL);
    buf_free(&recording);
}

UNIT_MAIN("step", UNIT(test_config_int_reads_numbers_and_falls_back),
          UNIT(test_config_get_gives_the_empty_slice_for_what_is_absent),
          UNIT(test_config_get_takes_dash_and_underscore_as_the_same),
          UNIT(test_stepper_feed_gathers_effects_until_flushed),
          UNIT(test_stepper_feed_drops_the_effects_of_a_failed_step_but_its_notes),
          UNIT(test_stepper_feed_drops_effects_that_do_not_fit),
          UNIT(test_stepper_feed_never_lets_time_go_back),
          UNIT(test_stepper_feed_empties_the_arena_between_events),
          UNIT(test_stepper_feed_keeps_bad_frames_from_the_core),
          UNIT(test_stepper_feed_keeps_another_citys_messages_from_the_core),
          UNIT(test_stepper_feed_takes_answers_only_from_peers_we_asked),
          UNIT(test_replay_run_finds_the_same_bytes),
          UNIT(test_replay_run_names_the_first_step_that_differs),
          UNIT(test_replay_run_takes_any_cut_of_a_recording),
          UNIT(test_replay_run_survives_any_flipped_byte),
          UNIT(test_replay_run_refuses_another_services_recording))
