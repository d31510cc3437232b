/* What people decide over the plan's head: pin, ban, hold, freeze; and what holds now. The router
 * hears of it from the stream within a second. */
#include "base/id.h"
#include "base/timestamp.h"
#include "base/wire.h"
#include "lcctl/orders.h"

#include "dispatch.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

enum { OUTCOMES = 7 };

/* courier_number: by number or by short name; 0 after saying that there is none. */
static uint32_t
courier_number(struct ctl *c, const char *word)
{
    redisReply *found = ctl_read(c, "HGET", "courierids", word, NULL);
    const char *text = found != NULL && found->type == REDIS_REPLY_STRING ? found->str : word;
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || v > UINT32_MAX)
        v = 0;
    if (v == 0)
        fprintf(
            stderr,
            "lcctl: COURIER: expected a number or a short name (lcctl courier list), and nobody "
            "is called %s\n",
            word);
    if (found != NULL)
        freeReplyObject(found);
    return (uint32_t)v;
}

struct wish {
    const char *kind;
    const char *order; /* "" = none */
    uint32_t courier;  /* 0 = none */
};

static int
say(struct ctl *c, const struct wish *w, const char *who, const char *words)
{
    static const char *const told[OUTCOMES] = {
        "?",
        "done",
        "was so already",
        "not now: the goods are with a courier, the order has ended, or is collected at the store",
        "no such order",
        "no such courier",
        "it contradicts another ruling: lift that first (lcctl explain ORDER shows it)"};
    uint64_t random[2];

    ctl_random(random, sizeof random);
    struct slice args[] = {
        ctl_number(c, c->now_ms),
        SLICE_LIT("1"),
        slice_str(arena_printf(c->arena, "lcctl-%016llx%016llx", (unsigned long long)random[0],
                               (unsigned long long)random[1])),
        slice_str(w->kind),
        slice_str(w->order),
        ctl_number(c, w->courier),
        slice_str(who),
        slice_str(words)};
    int outcome = ctl_outcome(c, "dispatch_rule", sizeof args / sizeof *args, args);
    if (outcome < 0)
        return EXIT_FAILED;
    outcome = outcome < OUTCOMES ? outcome : 0;
    if (c->json) {
        static const char *const names[OUTCOMES] = {"unknown",  "done",       "already", "not_now",
                                                    "no_order", "no_courier", "conflict"};
        struct buf b = {0};
        struct json_out out = json_out_to(&b);
        json_out_object(&out, NULL);
        json_out_cstr(&out, "ruling", w->kind);
        json_out_cstr(&out, "outcome", names[outcome]);
        json_out_end(&out);
        if (show_json(&b) != EXIT_SUCCESS)
            return EXIT_FAILED;
    } else {
        fprintf(outcome == 1 || outcome == 2 ? stdout : stderr, "%s\n", told[outcome]);
    }
    return outcome == 1 || outcome == 2 ? EXIT_SUCCESS : EXIT_NOT_SO;
}

static int
rule(struct ctl *c, struct args *a, const char *set, const char *lift, bool of_order,
     bool of_courier)
{
    const char *who = args_option(a, "who", getenv("USER") == NULL ? "lcctl" : getenv("USER"));
    const char *words = args_option(a, "why", "");
    bool lifts = args_flag(a, "lift");
    struct wish w = {.kind = lifts ? lift : set, .order = ""};

    of_courier = of_courier && strcmp(w.kind, "unpin") != 0;
    if (of_order) {
        const char *word = args_next(a);
        if (word == NULL)
            return EXIT_USAGE;
        w.order = ctl_order(c, word);
        if (w.order == NULL)
            return EXIT_NOT_SO;
    }
    if (of_courier) {
        const char *word = args_next(a);
        if (word == NULL)
            return EXIT_USAGE;
        w.courier = courier_number(c, word);
        if (w.courier == 0)
            return EXIT_NOT_SO;
    }
    return args_done(a) ? say(c, &w, who, words) : EXIT_USAGE;
}

int
cmd_pin(struct ctl *c, struct args *a)
{
    return rule(c, a, "pin", "unpin", true, true);
}

int
cmd_ban(struct ctl *c, struct args *a)
{
    return rule(c, a, "ban", "unban", true, true);
}

int
cmd_hold(struct ctl *c, struct args *a)
{
    return rule(c, a, "hold", "release", true, false);
}

int
cmd_freeze(struct ctl *c, struct args *a)
{
    return rule(c, a, "freeze", "unfreeze", false, true);
}

/* ---- what holds ---- */

static int
print_log(struct ctl *c)
{
    redisReply *log = ctl_read(c, "XREVRANGE", "rulings:log", "+", "-", "COUNT", "20", NULL);

    if (log == NULL)
        return EXIT_FAILED;
    for (size_t i = 0; i < log->elements; i++) {
        const redisReply *f = log->element[i]->element[1];
        char time[TIMESTAMP_TEXT] = "";
        printf("%s", i == 0 ? "the last of them, newest first\n" : "");
        for (size_t k = 0; k + 1 < f->elements; k += 2) {
            const char *name = f->element[k]->str, *value = f->element[k + 1]->str;
            if (strcmp(name, "time") == 0) {
                timestamp_format(strtoll(value, NULL, 10), time);
                printf("  %s", time);
            } else if (strcmp(name, "courier") == 0 && strcmp(value, "0") != 0) {
                printf(" courier %s", name_courier(c, (uint32_t)strtoul(value, NULL, 10)));
            } else if (strcmp(name, "who") == 0) {
                putchar(' ');
                print_words(slice_str(value));
                putchar(':');
            } else if (strcmp(name, "action") != 0 && strcmp(name, "courier") != 0 &&
                       *value != '\0') {
                putchar(' ');
                print_words(slice_str(value));
            }
        }
        putchar('\n');
    }
    freeReplyObject(log);
    return EXIT_SUCCESS;
}

/* json_rulings: one object: orders, frozen couriers, and the log, newest first. */
static int
json_rulings(struct ctl *c, const redisReply *orders, const redisReply *frozen)
{
    redisReply *log = ctl_read(c, "XREVRANGE", "rulings:log", "+", "-", "COUNT", "20", NULL);
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (log == NULL)
        return EXIT_FAILED;
    json_out_object(&w, NULL);
    json_out_array(&w, "orders");
    for (size_t i = 0; i + 1 < orders->elements; i += 2) {
        struct slice p = slice_of(orders->element[i + 1]->str, orders->element[i + 1]->len);
        if (p.n < RULING_HEAD)
            continue;
        json_out_object(&w, NULL);
        json_out_cstr(&w, "order", orders->element[i]->str);
        dispatch_json_ruling(c, &w, p);
        json_out_end(&w);
    }
    json_out_end(&w);
    json_out_array(&w, "frozen");
    for (size_t i = 0; i + 1 < frozen->elements; i += 2)
        json_out_cstr(&w, NULL,
                      name_courier(c, (uint32_t)strtoul(frozen->element[i]->str, NULL, 10)));
    json_out_end(&w);
    json_out_array(&w, "log");
    for (size_t i = 0; i < log->elements; i++) {
        const redisReply *f = log->element[i]->element[1];
        json_out_object(&w, NULL);
        for (size_t k = 0; k + 1 < f->elements; k += 2) {
            const char *name = f->element[k]->str, *value = f->element[k + 1]->str;
            uint32_t courier = (uint32_t)strtoul(value, NULL, 10);
            if (strcmp(name, "time") == 0)
                json_out_time(&w, name, strtoll(value, NULL, 10));
            else if (strcmp(name, "courier") == 0)
                json_out_cstr(&w, name, courier == 0 ? NULL : name_courier(c, courier));
            else
                json_out_cstr(&w, name, value);
        }
        json_out_end(&w);
    }
    json_out_end(&w);
    json_out_end(&w);
    freeReplyObject(log);
    return show_json(&b);
}

int
cmd_rulings(struct ctl *c, struct args *a)
{
    if (!args_done(a))
        return EXIT_USAGE;
    redisReply *orders = ctl_read(c, "HGETALL", "rulings", NULL);
    redisReply *frozen = ctl_read(c, "HGETALL", "frozen", NULL);
    int status = orders == NULL || frozen == NULL ? EXIT_FAILED : EXIT_SUCCESS;

    if (status == EXIT_SUCCESS && c->json) {
        status = json_rulings(c, orders, frozen);
        freeReplyObject(orders);
        freeReplyObject(frozen);
        return status;
    }
    if (status == EXIT_SUCCESS && orders->elements == 0 && frozen->elements == 0)
        puts("nothing is ruled: the plan decides about every order and courier");
    for (size_t i = 0; status == EXIT_SUCCESS && i + 1 < orders->elements; i += 2) {
        printf("order %s: ", orders->element[i]->str);
        dispatch_print_ruling(c,
                              slice_of(orders->element[i + 1]->str, orders->element[i + 1]->len));
        putchar('\n');
    }
    for (size_t i = 0; status == EXIT_SUCCESS && i + 1 < frozen->elements; i += 2)
        printf("courier %s: frozen by %s\n",
               name_courier(c, (uint32_t)strtoul(frozen->element[i]->str, NULL, 10)),
               frozen->element[i + 1]->len > 8 ? frozen->element[i + 1]->str + 8 : "?");
    if (orders != NULL)
        freeReplyObject(orders);
    if (frozen != NULL)
        freeReplyObject(frozen);
    return status == EXIT_SUCCESS ? print_log(c) : status;
}
