/* One frame at a time, without a connection. */
#include "io/ws_frame.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

/* frame: a client's frame into to[]; returns its length. The mask is what a random one may be. */
static size_t
frame(char *to, unsigned char first, const char *payload, size_t n)
{
    static const unsigned char mask[4] = {0x11, 0x00, 0xfe, 0x80};
    size_t head = ws_frame_head(to, WS_FRAME_TEXT, n);

    to[0] = (char)first;
    to[1] = (char)((unsigned char)to[1] | 0x80);
    memcpy(to + head, mask, 4);
    for (size_t i = 0; i < n; i++)
        to[head + 4 + i] = (char)((unsigned char)payload[i] ^ mask[i % 4]);
    return head + 4 + n;
}

static void
test_ws_frame_read_takes_every_form_of_length(void)
{
    static const size_t lengths[] = {0, 1, 7, 8, 9, 125, 126, 127, 255, 256, 65535, 65536, 70000};
    char *payload = malloc(70000), *bytes = malloc(70000 + 32);

    for (size_t i = 0; i < 70000; i++)
        payload[i] = (char)(i * 131 >> 3);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct ws_frame f;
        uint16_t code;
        size_t n = frame(bytes, 0x82, payload, lengths[i]);
        memcpy(bytes + n, "next", 4);
        CU_ASSERT_EQUAL_FATAL(ws_frame_read(bytes, n + 4, 70000, &f, &code), WS_FRAME_WHOLE);
        CU_ASSERT_EQUAL(f.opcode, WS_FRAME_BINARY);
        CU_ASSERT(f.fin);
        CU_ASSERT_EQUAL(f.whole, n);
        CU_ASSERT(slice_eq(f.payload, slice_of(payload, lengths[i])));
        CU_ASSERT_EQUAL(memcmp(bytes + n, "next", 4), 0);
    }
    free(payload);
    free(bytes);
}

static void
test_ws_frame_read_changes_nothing_until_it_is_whole(void)
{
    static const char payload[300] = "three hundred bytes";
    char bytes[320], before[320];
    size_t n = frame(bytes, 0x01, payload, sizeof payload);
    struct ws_frame f;
    uint16_t code;

    memcpy(before, bytes, n);
    for (size_t part = 0; part < n; part++)
        CU_ASSERT_EQUAL(ws_frame_read(bytes, part, 1000, &f, &code), WS_FRAME_PART);
    CU_ASSERT_EQUAL(memcmp(before, bytes, n), 0);
    CU_ASSERT_EQUAL(ws_frame_read(bytes, n, 1000, &f, &code), WS_FRAME_WHOLE);
    CU_ASSERT_FALSE(f.fin);
    CU_ASSERT(slice_eq(f.payload, slice_of(payload, sizeof payload)));
}

/* As soon as the head shows it: a peer that announces too much is not read to the end. */
static void
test_ws_frame_read_refuses_by_the_head_alone(void)
{
    static const struct {
        const char *what, *bytes;
        size_t n;
        uint16_t code;
    } rows[] = {
        {"reserved bit", "\xc1\x80", 2, 1002},
        {"reserved opcode", "\x83\x80", 2, 1002},
        {"reserved control opcode", "\x8b\x80", 2, 1002},
        {"no mask", "\x81\x02", 2, 1002},
        {"control frame in parts", "\x09\x80", 2, 1002},
        {"long control frame", "\x89\xfe", 2, 1002},
        {"125 in two bytes", "\x81\xfe\x00\x7d", 4, 1002},
        {"65535 in eight bytes", "\x81\xff\0\0\0\0\0\0\xff\xff", 10, 1002},
        {"2^63", "\x81\xff\x80\0\0\0\0\0\0\0", 10, 1002},
        {"one over the limit", "\x81\xfe\x03\xe9", 4, 1009},
        {"far over the limit", "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10, 1009},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char bytes[16] = {0};
        struct ws_frame f;
        uint16_t code;
        memcpy(bytes, rows[i].bytes, rows[i].n);
        if (ws_frame_read(bytes, rows[i].n, 1000, &f, &code) != WS_FRAME_BROKEN ||
            code != rows[i].code) {
            printf("\n    row \"%s\": code %u\n", rows[i].what, (unsigned)code);
            CU_FAIL("expected to be refused");
        }
    }
}

static void
test_ws_close_ok_knows_which_codes_may_be_sent(void)
{
    static const struct {
        unsigned code;
        bool ok;
    } rows[] = {{0, false},    {999, false},  {1000, true}, {1003, true},  {1004, false},
                {1005, false}, {1006, false}, {1007, true}, {1014, true},  {1015, false},
                {2999, false}, {3000, true},  {4999, true}, {5000, false}, {65535, false}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char payload[2] = {(char)(rows[i].code >> 8), (char)rows[i].code};
        uint16_t answer;
        CU_ASSERT_EQUAL(ws_close_ok(slice_of(payload, 2), &answer), rows[i].ok);
        CU_ASSERT_EQUAL(answer, rows[i].ok ? rows[i].code : 1002);
    }
}

static void
test_ws_text_ok_takes_all_of_utf8(void)
{
    CU_ASSERT(ws_text_ok(slice_of(NULL, 0)));
    CU_ASSERT(ws_text_ok(SLICE_LIT("\0\0caf\xc3\xa9\0\xf0\x9f\x9a\xb2\0")));
    CU_ASSERT_FALSE(ws_text_ok(SLICE_LIT("a\0\xc3")));
    CU_ASSERT_FALSE(ws_text_ok(SLICE_LIT("\xc3\0\xa9")));
}

UNIT_MAIN("ws_frame", UNIT(test_ws_frame_read_takes_every_form_of_length),
          UNIT(test_ws_frame_read_changes_nothing_until_it_is_whole),
          UNIT(test_ws_frame_read_refuses_by_the_head_alone),
          UNIT(test_ws_close_ok_knows_which_codes_may_be_sent),
          UNIT(test_ws_text_ok_takes_all_of_utf8))
