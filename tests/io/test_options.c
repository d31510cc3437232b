#include "io/options.h"
#include "unit.h"

#include <stdio.h>
#include <unistd.h>

static const struct option table[] = {
    {"config", OPTION_TEXT, "", "a file", false},
    {"live", OPTION_TEXT, "", "another", false},
    {"city", OPTION_TEXT, "bal", "where", true},
    {"match-ms", OPTION_NUMBER, "250", "how long", false},
    {"plain", OPTION_SWITCH, "no", "whether", false},
    {"key", OPTION_SECRET, "", "a secret", false},
};

static const char *const live[] = {"match-ms", "of-another", NULL};

/* The environment of a test: names and values by turns. */
static const char *environment[8];

static char *
env(const char *name)
{
    for (size_t i = 0; environment[i] != NULL; i += 2)
        if (strcmp(environment[i], name) == 0)
            return (char *)environment[i + 1];
    return NULL;
}

static enum lc_err
read_with(struct options *o, const char *const *args)
{
    char *argv[16] = {"lc-test"};
    int argc = 1;

    *o = (struct options){0};
    options_add(o, table, sizeof table / sizeof *table);
    o->live = live;
    while (args[argc - 1] != NULL) {
        argv[argc] = (char *)args[argc - 1];
        argc++;
    }
    return options_read(o, argc, argv, env);
}

#define READ(o, ...) read_with(o, (const char *const[]){__VA_ARGS__, NULL})

static void
set_environment(const char *name, const char *value)
{
    memset(environment, 0, sizeof environment);
    environment[0] = name;
    environment[1] = value;
}

static void
write_file(char *path, const char *text)
{
    int fd = mkstemp(path);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void
test_options_read_falls_back_to_defaults(void)
{
    struct options o;

    set_environment(NULL, NULL);
    CU_ASSERT_EQUAL(READ(&o, NULL), LC_OK);
    CU_ASSERT_STRING_EQUAL(options_get(&o, "city"), "bal");
    CU_ASSERT_EQUAL(options_int(&o, "match-ms"), 250);
    CU_ASSERT_FALSE(options_on(&o, "plain"));
    options_free(&o);
}

static void
test_options_read_takes_flags_in_both_forms(void)
{
    struct options o;

    set_environment(NULL, NULL);
    CU_ASSERT_EQUAL(READ(&o, "--city", "nyc", "--match-ms=9", "--plain", "--key", "--k=e y"),
                    LC_OK);
    CU_ASSERT_STRING_EQUAL(options_get(&o, "city"), "nyc");
    CU_ASSERT_EQUAL(options_int(&o, "match-ms"), 9);
    CU_ASSERT_TRUE(options_on(&o, "plain"));
    CU_ASSERT_STRING_EQUAL(options_get(&o, "key"), "--k=e y");
    options_free(&o);
    CU_ASSERT_EQUAL(READ(&o, "--plain", "no", "--city="), LC_EINVAL); /* required, and empty */
    options_free(&o);
}

static void
test_options_read_prefers_flags_to_environment_to_file(void)
{
    char path[] = "/tmp/lc-options-XXXXXX";
    struct options o;

    write_file(path, "# the city\n\n  city = from file \r\nmatch-ms=1\nkey = file key\n");
    set_environment("LIFECIRCLE_MATCH_MS", "2");
    CU_ASSERT_EQUAL(READ(&o, "--config", path, "--key", "flag key"), LC_OK);
    CU_ASSERT_STRING_EQUAL(options_get(&o, "city"), "from file");
    CU_ASSERT_EQUAL(options_int(&o, "match-ms"), 2);
    CU_ASSERT_STRING_EQUAL(options_get(&o, "key"), "flag key");
    options_free(&o);
    CU_ASSERT_EQUAL(READ(&o, "--config", path, "--match-ms", "3"), LC_OK);
    CU_ASSERT_EQUAL(options_int(&o, "match-ms"), 3);
    options_free(&o);
    unlink(path);
}

static void
test_options_read_prefers_the_live_file_to_all_others(void)
{
    char path[] = "/tmp/lc-options-XXXXXX";
    struct options o;

    write_file(path, "of-another = 7\nmatch-ms=1\n");
    set_environment("LIFECIRCLE_MATCH_MS", "2");
    CU_ASSERT_EQUAL(READ(&o, "--live", path, "--match-ms", "3"), LC_OK);
    CU_ASSERT_EQUAL(options_int(&o, "match-ms"), 1);
    options_free(&o);
    unlink(path); /* from now on it is not there */
    CU_ASSERT_EQUAL(READ(&o, "--live", path), LC_OK);
    CU_ASSERT_EQUAL(options_int(&o, "match-ms"), 2);
    options_free(&o);
    set_environment("LIFECIRCLE_LIVE", "");
    CU_ASSERT_EQUAL(READ(&o, NULL), LC_OK);
    options_free(&o);
}

static void
test_options_read_refuses_a_live_file_with_anything_else(void)
{
    static const struct {
        const char *text;
        const char *why;
    } files[] = {
        {"city = nyc\n", ", line 1): expected what can change while it runs: match-ms, of-another"},
        {"key-file = /etc/hostname\n", "key-file (from "},
        {"\nmatch-ms = soon\n", ", line 2): expected a whole number"},
    };
    struct options o;

    set_environment(NULL, NULL);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[] = "/tmp/lc-options-XXXXXX";
        write_file(path, files[i].text);
        CU_ASSERT_EQUAL(READ(&o, "--live", path), LC_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(o.why, files[i].why));
        options_free(&o);
        unlink(path);
    }
    CU_ASSERT_EQUAL(READ(&o, "--live", "/"), LC_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(o.why, "live: cannot read /"));
    options_free(&o);
}

static void
test_options_read_takes_secrets_from_files(void)
{
    char path[] = "/tmp/lc-options-XXXXXX";
    char config[] = "/tmp/lc-options-XXXXXX";
    char line[64];
    struct options o;

    write_file(path, "s3cret \n\n");
    set_environment(NULL, NULL);
    CU_ASSERT_EQUAL(READ(&o, "--key-file", path), LC_OK);
    CU_ASSERT_STRING_EQUAL(options_get(&o, "key"), "s3cret");
    options_free(&o);
    set_environment("LIFECIRCLE_KEY_FILE", path);
    CU_ASSERT_EQUAL(READ(&o, NULL), LC_OK);
    CU_ASSERT_STRING_EQUAL(options_get(&o, "key"), "s3cret");
    options_free(&o);
    set_environment(NULL, NULL);
    snprintf(line, sizeof line, "key-file = %s\n", path);
    write_file(config, line);
    CU_ASSERT_EQUAL(READ(&o, "--config", config), LC_OK);
    CU_ASSERT_STRING_EQUAL(options_get(&o, "key"), "s3cret");
    options_free(&o);
    CU_ASSERT_EQUAL(READ(&o, "--city-file", path), LC_EINVAL); /* only secrets have files */
    options_free(&o);
    unlink(path);
    unlink(config);
}

static void
test_options_read_names_parameter_and_source(void)
{
    static const struct {
        const char *text;
        const char *why;
    } files[] = {
        {"city = a\nmatch-ms = soon\n", ", line 2): expected a whole number"},
        {"nonsense = 1\n", "nonsense (from "},
        {"city\n", "line 1: expected name = value"},
        {"match-ms = 1234567890123456\n", "match-ms"},
        {"match-ms =\n", "match-ms"},
        {"plain = true\n", "expected yes or no"},
    };
    struct options o;

    set_environment(NULL, NULL);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[] = "/tmp/lc-options-XXXXXX";
        write_file(path, files[i].text);
        CU_ASSERT_EQUAL(READ(&o, "--config", path), LC_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(o.why, files[i].why));
        options_free(&o);
        unlink(path);
    }
    set_environment("LIFECIRCLE_MATCH_MS", "-1");
    CU_ASSERT_EQUAL(READ(&o, NULL), LC_EINVAL);
    CU_ASSERT_STRING_EQUAL(
        o.why, "match-ms (from LIFECIRCLE_MATCH_MS): expected a whole number, 0 or more");
    options_free(&o);
}

static void
test_options_help_shows_no_secret(void)
{
    struct options o;
    struct buf b = {0};

    set_environment(NULL, NULL);
    CU_ASSERT_EQUAL(READ(&o, "--key", "hidden"), LC_OK);
    options_help(&o, &b);
    buf_char(&b, '\0');
    CU_ASSERT_PTR_NOT_NULL(strstr(b.p, "--key, or --key-file\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(b.p, "how long (default: 250)"));
    CU_ASSERT_PTR_NULL(strstr(b.p, "hidden"));
    buf_free(&b);
    options_free(&o);
}

UNIT_MAIN("options", UNIT(test_options_read_falls_back_to_defaults),
          UNIT(test_options_read_takes_flags_in_both_forms),
          UNIT(test_options_read_prefers_flags_to_environment_to_file),
          UNIT(test_options_read_prefers_the_live_file_to_all_others),
          UNIT(test_options_read_refuses_a_live_file_with_anything_else),
          UNIT(test_options_read_takes_secrets_from_files),
          UNIT(test_options_read_names_parameter_and_source),
          UNIT(test_options_help_shows_no_secret))
