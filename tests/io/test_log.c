#include "io/log.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void
test_log_format_writes_one_json_line(void)
{
    static const struct {
        const char *fields;
        const char *json;
    } cases[] = {
        {"", ""},
        {"order=ab-1 n=12", ",\"order\":\"ab-1\",\"n\":12"},
        {"n=-3 zero=0 code=007 long=1234567890123456",
         ",\"n\":-3,\"zero\":0,\"code\":\"007\",\"long\":\"1234567890123456\""},
        {"reason=no such host n=1", ",\"reason\":\"no such host\",\"n\":1"},
        {"reason=says \"no\\yes\" a", ",\"reason\":\"says \\\"no\\\\yes\\\" a\""},
        {"words only", ",\"message\":\"words only\""},
        {"url=http://x/?a=b", ",\"url\":\"http://x/?a=b\""},
        {"empty= n=1", ",\"empty\":\"\",\"n\":1"},
        {"bytes=\xff\n\x01", ",\"bytes\":\"\\u00ff\\u000a\\u0001\""},
        {"level=warn n=1", ",\"n\":1"},
        {"  n=1   m=2  ", ",\"n\":1,\"m\":2"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        char expected[512];
        log_format(&b, 1795366800123, LOG_WARN, "matcher", SLICE_LIT("seen"),
                   slice_str(cases[i].fields), 0);
        buf_char(&b, '\0');
        snprintf(
            expected, sizeof expected,
            "{\"time\":\"2026-11-22T17:00:00.123Z\",\"level\":\"warn\",\"service\":\"matcher\","
            "\"event\":\"seen\"%s}\n",
            cases[i].json);
        if (strcmp(b.p, expected) != 0)
            printf("\n  expected %s  got      %s", expected, b.p);
        CU_ASSERT_STRING_EQUAL(b.p, expected);
        buf_free(&b);
    }
}

/* What was written to stderr between the two calls. */
static int saved = -1;

static void
catch_stderr(void)
{
    char path[] = "/tmp/lc-log-XXXXXX";
    int fd = mkstemp(path);

    CU_ASSERT_FATAL(fd >= 0);
    unlink(path);
    saved = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

static size_t
caught_lines(char *text, size_t room)
{
    size_t lines = 0;
    off_t end = lseek(STDERR_FILENO, 0, SEEK_CUR);
    ssize_t n = pread(STDERR_FILENO, text, room - 1, 0);

    CU_ASSERT(end < (off_t)room);
    text[n > 0 ? n : 0] = '\0';
    for (const char *p = text; *p != '\0'; p++)
        lines += *p == '\n';
    dup2(saved, STDERR_FILENO);
    close(saved);
    return lines;
}

static void
test_log_line_stops_repeating_itself(void)
{
    char text[16384];

    log_open("test", LOG_INFO);
    catch_stderr();
    for (int i = 0; i < 1000; i++)
        log_line(LOG_WARN, "same_again", "n=%d", i);
    log_line(LOG_WARN, "another", "n=%d", 1);
    CU_ASSERT_EQUAL(caught_lines(text, sizeof text), LOG_BURST + 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"event\":\"another\""));
}

static void
test_log_note_obeys_the_level(void)
{
    char text[16384];

    log_open("test", LOG_WARN);
    catch_stderr();
    log_note(SLICE_LIT("quiet"), SLICE_LIT("n=1"));
    log_note(SLICE_LIT("loud"), SLICE_LIT("level=error n=1"));
    log_line(LOG_DEBUG, "quieter", "n=%d", 1);
    CU_ASSERT_EQUAL(caught_lines(text, sizeof text), 1);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "\"level\":\"error\",\"service\":\"test\",\"event\":\"loud\""));
}

/* So many in one second that they cannot all be of different ones. */
static void
test_log_order_obeys_its_own_limit(void)
{
    enum { MOST = 5, LINES = 1000 };
    char text[65536];

    log_open("test", LOG_INFO);
    log_orders(MOST);
    uint64_t before = log_orders_left_out();
    catch_stderr();
    for (int i = 0; i < LINES; i++)
        log_order(SLICE_LIT("order_placed"), SLICE_LIT("order=a trace=b"));
    size_t lines = caught_lines(text, sizeof text);
    CU_ASSERT(lines >= MOST && lines < LINES / 2);
    CU_ASSERT_EQUAL(log_orders_left_out() - before, LINES - lines);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "\"event\":\"order_placed\",\"order\":\"a\",\"trace\":\"b\""));
}

static void
test_log_order_says_how_many_were_left_out(void)
{
    char text[16384];

    log_open("test", LOG_INFO);
    log_orders(1);
    catch_stderr();
    log_order(SLICE_LIT("order_placed"), SLICE_LIT("order=a"));
    log_order(SLICE_LIT("order_placed"), SLICE_LIT("order=b"));
    log_orders(1); /* as if a second had passed */
    log_order(SLICE_LIT("order_placed"), SLICE_LIT("order=c"));
    caught_lines(text, sizeof text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"order\":\"c\",\"suppressed\":"));
}

static void
test_log_order_is_silent_when_told_so(void)
{
    char text[1024];

    log_open("test", LOG_INFO);
    log_orders(0);
    catch_stderr();
    log_order(SLICE_LIT("order_placed"), SLICE_LIT("order=a"));
    log_open("test", LOG_WARN);
    log_orders(100);
    log_order(SLICE_LIT("order_placed"), SLICE_LIT("order=a"));
    CU_ASSERT_EQUAL(caught_lines(text, sizeof text), 0);
}

UNIT_MAIN("log", UNIT(test_log_order_obeys_its_own_limit),
          UNIT(test_log_order_says_how_many_were_left_out),
          UNIT(test_log_order_is_silent_when_told_so), UNIT(test_log_format_writes_one_json_line),
          UNIT(test_log_line_stops_repeating_itself), UNIT(test_log_note_obeys_the_level))
