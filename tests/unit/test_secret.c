#include "base/secret.h"
#include "unit.h"

#include <ctype.h>
#include <stdio.h>

static const struct city_secret city = {{1, 2, 3}};
static const struct city_secret other_city = {{1, 2, 4}};

static void
test_uuid_parse_inverts_format(void)
{
    static const char text[] = "0193e2a4-7c1b-7def-8abc-0123456789ab";
    char back[UUID_TEXT];
    struct uuid id;

    CU_ASSERT_EQUAL(uuid_parse(SLICE_LIT(text), &id), LC_OK);
    uuid_format(id, back);
    CU_ASSERT_STRING_EQUAL(back, text);
    CU_ASSERT_EQUAL(uuid_parse(SLICE_LIT("0193E2A4-7C1B-7DEF-8ABC-0123456789AB"), &id), LC_OK);
    uuid_format(id, back);
    CU_ASSERT_STRING_EQUAL(back, text);
}

static void
test_uuid_parse_refuses_other_forms(void)
{
    static const char *const bad[] = {"",
                                      "0193e2a47c1b7def8abc0123456789ab",
                                      "0193e2a4-7c1b-7def-8abc-0123456789a",
                                      "0193e2a4-7c1b-7def-8abc-0123456789abc",
                                      "0193e2a4_7c1b-7def-8abc-0123456789ab",
                                      "0193e2a4-7c1b-7def-8abc-0123456789ag",
                                      "{193e2a4-7c1b-7def-8abc-0123456789a}"};
    struct uuid id;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(uuid_parse(slice_str(bad[i]), &id), LC_EINVAL);
}

static void
test_uuid_order_is_a_function_of_chain_and_name(void)
{
    struct uuid a = uuid_order(7, SLICE_LIT("A-1"));
    char text[UUID_TEXT];

    CU_ASSERT_TRUE(uuid_eq(a, uuid_order(7, SLICE_LIT("A-1"))));
    CU_ASSERT_FALSE(uuid_eq(a, uuid_order(8, SLICE_LIT("A-1"))));
    CU_ASSERT_FALSE(uuid_eq(a, uuid_order(7, SLICE_LIT("A-2"))));
    CU_ASSERT_FALSE(uuid_eq(a, uuid_order(7, SLICE_LIT("A-1\0"))));
    CU_ASSERT_EQUAL(a.b[6] >> 4, 8);
    CU_ASSERT_EQUAL(a.b[8] >> 6, 2);
    /* ids are on disk: they must never change */
    uuid_format(a, text);
    CU_ASSERT_STRING_EQUAL(text, "2b432f28-cc6d-8fd9-8302-3eac63c31dbf");
}

static void
test_fingerprint64_tells_payloads_apart(void)
{
    CU_ASSERT_EQUAL(fingerprint64(SLICE_LIT("{}")), fingerprint64(SLICE_LIT("{}")));
    CU_ASSERT_NOT_EQUAL(fingerprint64(SLICE_LIT("{}")), fingerprint64(SLICE_LIT("{ }")));
    CU_ASSERT_NOT_EQUAL(fingerprint64((struct slice){NULL, 0}), 0);
}

static void
test_secret_token_parse_inverts_format(void)
{
    static const enum secret_kind kinds[] = {SECRET_CHAIN, SECRET_STORE, SECRET_COURIER,
                                             SECRET_OPERATOR};
    static const uint32_t numbers[] = {0, 7, UINT32_MAX};
    uint8_t random[SECRET_RANDOM];
    char text[SECRET_TOKEN_TEXT];

    memset(random, 0xFB, sizeof random); /* base64url of this has '-' and '_' */
    for (size_t i = 0; i < 12; i++) {
        enum secret_kind kind = SECRET_STORE;
        uint32_t number = 1;
        size_t n = secret_token_format(kinds[i / 3], numbers[i % 3], random, text);
        CU_ASSERT_EQUAL(n, strlen(text));
        CU_ASSERT_EQUAL(secret_token_parse(slice_of(text, n), &kind, &number), LC_OK);
        CU_ASSERT_EQUAL(kind, kinds[i / 3]);
        CU_ASSERT_EQUAL(number, numbers[i % 3]);
    }
}

static void
test_secret_token_parse_refuses_other_forms(void)
{
    static const char *const bad[] = {
        "",
        "lc_",
        "lc_chain_7",
        "lc_chain_7_",
        "lc_chain_7_short",
        "lc_king_7_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "lc_chain_07_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "lc_chain_-7_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "lc_chain__AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "lc_chain_4294967296_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "lc_chain_99999999999_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "lc_chain_7_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "lc_chain_7_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "lc_chain_7_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "lc_chain_7_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+",
        "LC_chain_7_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    enum secret_kind kind;
    uint32_t number;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (secret_token_parse(slice_str(bad[i]), &kind, &number) != LC_EINVAL)
            CU_FAIL(bad[i]);
}

static void
test_secret_hash_is_blake2b_256(void)
{
    char text[SECRET_HASH_TEXT];

    /* python3: hashlib.blake2b(b"abc", digest_size=32) */
    secret_hash(SLICE_LIT("abc"), text);
    CU_ASSERT_STRING_EQUAL(text,
                           "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void
test_tracking_verify_accepts_only_its_own(void)
{
    struct uuid order = uuid_order(7, SLICE_LIT("A-1")), back;
    char token[TRACKING_TEXT];

    tracking_token(&city, order, token);
    CU_ASSERT_EQUAL(strlen(token), TRACKING_TEXT - 1);
    CU_ASSERT_EQUAL(tracking_verify(&city, slice_str(token), &back), LC_OK);
    CU_ASSERT_TRUE(uuid_eq(order, back));
    CU_ASSERT_EQUAL(tracking_verify(&other_city, slice_str(token), &back), LC_EDENIED);
    CU_ASSERT_EQUAL(tracking_verify(&city, slice_of(token, 42), &back), LC_EDENIED);
    for (size_t i = 0; i < TRACKING_TEXT - 1; i++) {
        char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        CU_ASSERT_EQUAL(tracking_verify(&city, slice_str(token), &back), LC_EDENIED);
        token[i] = was;
    }
}

static void
test_codes_have_their_form_and_spread(void)
{
    char pin[PIN_TEXT], code[COLLECTION_TEXT], first[PIN_TEXT];
    bool differ = false;

    delivery_pin(&city, uuid_order(1, SLICE_LIT("0")), first);
    for (uint32_t i = 0; i < 500; i++) {
        struct uuid order = uuid_order(i, SLICE_LIT("A"));
        delivery_pin(&city, order, pin);
        collection_code(&city, order, code);
        CU_ASSERT_EQUAL(strspn(pin, "0123456789"), 4);
        CU_ASSERT_EQUAL(strspn(code, "23456789ABCDEFGHJKMNPQRSTUVWXYZ"), 6);
        differ |= strcmp(pin, first) != 0;
    }
    CU_ASSERT_TRUE(differ);
}

static void
test_webhook_sign_matches_the_reference_libraries(void)
{
    /* the vector of the reference libraries of Standard Webhooks */
    static const struct slice id = SLICE_LIT("msg_p5jXN8AQM9LWM0D4loKWxJek");
    static const struct slice body = SLICE_LIT("{\"test\": 2432232314}");
    struct webhook_secret secret;
    char text[WEBHOOK_SIGNATURE_TEXT];

    CU_ASSERT_EQUAL(
        webhook_secret_parse(SLICE_LIT("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &secret), LC_OK);
    webhook_sign(&secret, id, 1614265330, body, text);
    CU_ASSERT_STRING_EQUAL(text, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    CU_ASSERT_TRUE(webhook_verify(&secret, id, 1614265330, body, slice_str(text)));
    CU_ASSERT_TRUE(
        webhook_verify(&secret, id, 1614265330, body,
                       SLICE_LIT("v1a,x v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")));
    CU_ASSERT_FALSE(webhook_verify(&secret, id, 1614265331, body, slice_str(text)));
    CU_ASSERT_FALSE(webhook_verify(&secret, id, 1614265330, body, SLICE_LIT("v1,AAAA")));
    CU_ASSERT_FALSE(webhook_verify(&secret, id, 1614265330, body, SLICE_LIT("")));
}

static void
test_webhook_secret_parse_checks_the_length(void)
{
    struct webhook_secret s;
    char text[WEBHOOK_SECRET_TEXT];

    CU_ASSERT_EQUAL(webhook_secret_parse(SLICE_LIT("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &s),
                    LC_EINVAL);
    CU_ASSERT_EQUAL(webhook_secret_parse(SLICE_LIT("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2Lb"), &s),
                    LC_EINVAL);
    CU_ASSERT_EQUAL(webhook_secret_parse(SLICE_LIT("whsec_"), &s), LC_EINVAL);
    CU_ASSERT_EQUAL(webhook_secret_parse(SLICE_LIT("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw "), &s),
                    LC_EINVAL);
    struct webhook_secret longest = {.n = 64};
    size_t n = webhook_secret_format(&longest, text);
    CU_ASSERT_EQUAL(webhook_secret_parse(slice_of(text, n), &s), LC_OK);
    CU_ASSERT_EQUAL(s.n, 64);
    char too_long[] = "whsec_"
                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                      "AAAAAAAAAAAAAAAA";
    CU_ASSERT_EQUAL(webhook_secret_parse(slice_str(too_long), &s), LC_EINVAL);
}

static void
test_secret_equal_compares_all(void)
{
    CU_ASSERT_TRUE(secret_equal(SLICE_LIT("abc"), SLICE_LIT("abc")));
    CU_ASSERT_FALSE(secret_equal(SLICE_LIT("abc"), SLICE_LIT("abd")));
    CU_ASSERT_FALSE(secret_equal(SLICE_LIT("abc"), SLICE_LIT("ab")));
    CU_ASSERT_TRUE(secret_equal(SLICE_LIT(""), SLICE_LIT("")));
}

static void
test_city_secret_parse_takes_64_hex_digits_alone(void)
{
    static const char digits[] = "00FFaB0123456789abcdefABCDEF00112233445566778899aabbccddeeff0011";
    static const uint8_t first[] = {0x00, 0xff, 0xab, 0x01};
    struct city_secret s;
    char bad[80];

    CU_ASSERT_EQUAL(city_secret_parse(SLICE_LIT(digits), &s), LC_OK);
    CU_ASSERT_EQUAL(memcmp(s.b, first, sizeof first), 0);
    CU_ASSERT_EQUAL(s.b[31], 0x11);
    CU_ASSERT_EQUAL(city_secret_parse(slice_of(digits, 62), &s), LC_EINVAL);
    CU_ASSERT_EQUAL(city_secret_parse((struct slice){NULL, 0}, &s), LC_EINVAL);
    snprintf(bad, sizeof bad, "%s00", digits);
    CU_ASSERT_EQUAL(city_secret_parse(slice_str(bad), &s), LC_EINVAL);
    snprintf(bad, sizeof bad, "%.63sg", digits);
    CU_ASSERT_EQUAL(city_secret_parse(slice_str(bad), &s), LC_EINVAL);
    snprintf(bad, sizeof bad, "0x%.62s", digits);
    CU_ASSERT_EQUAL(city_secret_parse(slice_str(bad), &s), LC_EINVAL);
}

UNIT_MAIN("secret", UNIT(test_city_secret_parse_takes_64_hex_digits_alone),
          UNIT(test_uuid_parse_inverts_format), UNIT(test_uuid_parse_refuses_other_forms),
          UNIT(test_uuid_order_is_a_function_of_chain_and_name),
          UNIT(test_fingerprint64_tells_payloads_apart),
          UNIT(test_secret_token_parse_inverts_format),
          UNIT(test_secret_token_parse_refuses_other_forms), UNIT(test_secret_hash_is_blake2b_256),
          UNIT(test_tracking_verify_accepts_only_its_own),
          UNIT(test_codes_have_their_form_and_spread),
          UNIT(test_webhook_sign_matches_the_reference_libraries),
          UNIT(test_webhook_secret_parse_checks_the_length), UNIT(test_secret_equal_compares_all))
