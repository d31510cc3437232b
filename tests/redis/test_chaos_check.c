/* lc-chaos-check, which decides whether `tests/run chaos` passed: what it says of books in which
 * nothing is wrong, and of faults that are planted in them. */
#include "step_rig.h"

#include "order.pb-c.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 16384 };

#define TAKEN "{\"said\":\"taken\",\"external\":\"e1\",\"order\":\"ID\",\"first\":1}\n"
#define DONE_BY(who, what)                                                                         \
    "{\"said\":\"answered\",\"courier\":\"" who "\",\"action\":\"" what                            \
    "\",\"order\":\"ID\",\"outcome\":\"done\"}\n"
#define SEEN(state)                                                                                \
    "{\"said\":\"seen\",\"external\":\"e1\",\"order\":\"ID\",\"state\":\"" state "\"}\n"
#define SENT(n) "{\"said\":\"refused\",\"external\":\"" n "\",\"first\":1}\n"
#define PICKED DONE_BY("ada", "picked_up")
#define BROUGHT DONE_BY("ada", "delivered")
#define ALL_WELL TAKEN PICKED BROUGHT SEEN("delivered")

/* the first entry of the ledger, from one end, that is of the order */
#define ENTRY(from)                                                                                \
    "local entry for _, e in ipairs(redis.call(" from ")) do "                                     \
    "if not entry and string.find(table.concat(e[2]), id, 1, true) then entry = e end end "

struct plant {
    const char *what;
    unsigned state;     /* of the order in Redis */
    const char *log;    /* ID stands for the order's */
    const char *script; /* Lua that breaks what is kept; `id` is the order's. NULL = nothing */
    const char *says;   /* NULL = nothing is wrong */
};

static const struct plant plants[] = {
    {"delivered", S(DELIVERED), ALL_WELL, NULL, NULL},
    {"cancelled", S(CANCELLED), TAKEN SEEN("cancelled"), NULL, NULL},
    {"returned", S(RETURNED), TAKEN PICKED SEEN("returned"), NULL, NULL},
    {"rejected at once", S(REJECTED), TAKEN SEEN("rejected"), NULL, NULL},
    {"lost", S(DELIVERED), ALL_WELL, "redis.call('DEL', '{t}:order:' .. id)", "LOST"},
    {"a record that is none", S(DELIVERED), ALL_WELL, "redis.call('SET', '{t}:order:' .. id, 'x')",
     "cannot be read"},
    {"two records", S(DELIVERED), ALL_WELL,
     "redis.call('COPY', '{t}:order:' .. id, '{t}:order:00000000-0000-8000-8000-0000000000ff')",
     "is there"},
    {"two ids", S(DELIVERED),
     ALL_WELL "{\"said\":\"taken\",\"external\":\"e1\",\"order\":\"other\",\"first\":1}\n", NULL,
     "was taken as"},
    {"never sent", S(DELIVERED), "{\"said\":\"taken\",\"external\":\"e2\",\"order\":\"o\"}\n", NULL,
     "nobody sent it"},
    {"never told", S(DELIVERED), SENT("e1"), NULL, "was never told"},
    {"stuck", S(ARRIVED_AT_DROPOFF), TAKEN PICKED SEEN("arrived_at_dropoff"), NULL, "is still"},
    {"ended late", S(DELIVERED), ALL_WELL,
     "local k = '{t}:order:' .. id "
     "local late = struct.pack('<i8', ARGV[2] + 3600000 + 61000) "
     "for at = 96, 216, 8 do local v = redis.call('GETRANGE', k, at, at + 7) "
     "if struct.unpack('<i8', v) == ARGV[2] + 10 then redis.call('SETRANGE', k, at, late) end end",
     "after the last fault"},
    {"ended twice", S(DELIVERED), ALL_WELL,
     "local k = '{t}:history:' .. id redis.call('RPUSH', k, redis.call('LINDEX', k, -1))",
     "came to an end 2 times"},
    {"no history", S(DELIVERED), ALL_WELL, "redis.call('DEL', '{t}:history:' .. id)",
     "came to an end 0 times"},
    {"a history that is none", S(DELIVERED), ALL_WELL,
     "redis.call('LSET', '{t}:history:' .. id, 0, 'x')", "history cannot be read"},
    {"delivered by nobody", S(CANCELLED), TAKEN BROUGHT SEEN("cancelled"), NULL,
     "was told delivered"},
    {"brought back by nobody", S(DELIVERED), ALL_WELL DONE_BY("ada", "brought_back"), NULL,
     "was brought back"},
    {"picked up by nobody", S(CANCELLED), TAKEN PICKED SEEN("cancelled"), NULL,
     "never entered that state"},
    {"delivered by two", S(DELIVERED), ALL_WELL DONE_BY("bob", "delivered"), NULL,
     "was delivered by"},
    {"picked up by two", S(DELIVERED), ALL_WELL DONE_BY("bob", "picked_up"), NULL,
     "was picked up by"},
    {"another end for the chain", S(DELIVERED), TAKEN SEEN("cancelled"), NULL, "the chain saw"},
    {"no end for the chain", S(DELIVERED), TAKEN PICKED BROUGHT, NULL, "the chain saw nothing"},
    {"never answered", S(DELIVERED),
     ALL_WELL "{\"said\":\"failed\",\"external\":\"e2\",\"first\":1}\n", NULL, "never answered"},
    {"hardly any taken", S(DELIVERED), ALL_WELL SENT("e2") SENT("e3") SENT("e4"), NULL,
     "only 1 of 4"},
    {"nothing said", S(DELIVERED), "", "redis.call('FLUSHALL')", ""},
    {"reserved twice", S(DELIVERED), ALL_WELL,
     ENTRY("'XRANGE', '{t}:ledger', '-', '+'") "redis.call('XADD', '{t}:ledger', '*', "
                                               "unpack(entry[2]))",
     "were reserved"},
    {"never reserved", S(DELIVERED), ALL_WELL,
     ENTRY("'XRANGE', '{t}:ledger', '-', '+'") "redis.call('XDEL', '{t}:ledger', entry[1])",
     "were reserved"},
    {"never left the store", S(DELIVERED), ALL_WELL,
     ENTRY("'XREVRANGE', '{t}:ledger', '+', '-'") "redis.call('XDEL', '{t}:ledger', entry[1])",
     "left the store"},
    {"not given back", S(CANCELLED), TAKEN SEEN("cancelled"),
     ENTRY("'XREVRANGE', '{t}:ledger', '+', '-'") "redis.call('XDEL', '{t}:ledger', entry[1])",
     "were reserved"},
    {"other goods", S(DELIVERED), ALL_WELL,
     "redis.call('SETRANGE', '{t}:order:' .. id, 224, struct.pack('<I4', 5))", "were reserved"},
};

/* keep: order 1, which the chain calls e1, in that state. */
static void
keep(unsigned state)
{
    Lifecircle__V1__Order order = LIFECIRCLE__V1__ORDER__INIT;
    uint8_t bytes[64];

    order.external_order_id = (char *)"e1";
    bring_order(state, slice_of((const char *)bytes, lifecircle__v1__order__pack(&order, bytes)));
    CU_ASSERT_EQUAL(state_now(), state);
}

static void
write_file(const char *path, const char *words)
{
    const char *id = ask_id(1);
    FILE *f = fopen(path, "w");

    if (f == NULL) {
        CU_FAIL_FATAL("no log");
        return;
    }
    for (const char *at; (at = strstr(words, "ID")) != NULL; words = at + 2)
        fprintf(f, "%.*s%s", (int)(at - words), words, id);
    fputs(words, f);
    fclose(f);
}

static void
plant(const char *script)
{
    char lua[1024];

    snprintf(lua, sizeof lua, "local id = ARGV[1] %s return 1", script);
    redisReply *r = kit_do(k, "EVAL %s 0 %s %lld", lua, ask_id(1), (long long)NOW);
    if (r->type == REDIS_REPLY_ERROR)
        fprintf(stderr, "%s\n", r->str);
    CU_ASSERT_EQUAL(r->type, REDIS_REPLY_INTEGER);
    freeReplyObject(r);
}

/* judge: after one fault, at NOW. The exit status; what was said is in words. */
static int
judge(const char *log, char *words, size_t room)
{
    char said[128], faults[128], line[160], command[640];

    snprintf(said, sizeof said, "%s/said", k->dir);
    snprintf(faults, sizeof faults, "%s/faults", k->dir);
    snprintf(line, sizeof line, "{\"at\":%lld,\"until\":%lld,\"fault\":\"kill\",\"who\":\"x\"}\n",
             (long long)NOW, (long long)NOW);
    write_file(said, log);
    write_file(faults, line);
    snprintf(command, sizeof command, "%s unix:%s/socket t %s %s 2>&1", LC_CHAOS_CHECK, k->dir,
             said, faults);
    FILE *f = popen(command, "r");
    size_t n = f == NULL ? 0 : fread(words, 1, room - 1, f);
    words[n] = '\0';
    int status = f == NULL ? -1 : pclose(f);
    unlink(said);
    unlink(faults);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_what_is_planted_is_found(void)
{
    static char words[WORDS_MAX];

    for (size_t i = 0; i < sizeof plants / sizeof *plants; i++) {
        const struct plant *p = &plants[i];
        keep(p->state);
        if (p->script != NULL)
            plant(p->script);
        int status = judge(p->log, words, sizeof words);
        bool fine = p->says == NULL ? status == 0 : status == 1 && strstr(words, p->says) != NULL;
        if (!fine)
            fprintf(stderr, "%s: exit status %d\n%s", p->what, status, words);
        CU_ASSERT(fine);
    }
}

int
main(void)
{
    static const struct unit_test tests[] = {
        UNIT(test_what_is_planted_is_found),
    };

    kit_start(k, false);
    int status = unit_main("chaos_check", tests, sizeof tests / sizeof *tests);
    kit_stop(k);
    return status;
}
