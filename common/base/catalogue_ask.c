/* The calls with which the catalogue reads Redis. */
#include "base/catalogue_own.h"

#include <stdio.h>

const char *const catalogue_hash_name[KINDS] = {"chains", "stores", "couriers", "skus"};

static void
key_of(const struct catalogue *c, const char *name, char out[KEY_MAX])
{
    snprintf(out, KEY_MAX, "{%s}:%s", c->city, name);
}

static void
ask(struct catalogue *c, const struct event *ev, struct outbox *out, enum load_step step,
    const struct slice *argv, size_t argc)
{
    struct load *l = &c->load;

    l->step = step;
    l->generation = (l->generation + 1) % CATALOGUE_TAGS;
    l->asked_ms = ev->now_ms;
    outbox_redis(out, c->options.tag + l->generation, argv, argc);
}

void
catalogue_ask_primary(struct catalogue *c, const struct event *ev, struct outbox *out)
{
    const struct slice argv[] = {SLICE_LIT("INFO"), SLICE_LIT("replication")};

    ask(c, ev, out, LOAD_PRIMARY, argv, 2);
}

void
catalogue_ask_tip(struct catalogue *c, const struct event *ev, struct outbox *out)
{
    char key[KEY_MAX];

    key_of(c, "catalogue", key);
    struct slice argv[] = {SLICE_LIT("XREVRANGE"), slice_str(key),     SLICE_LIT("+"),
                           SLICE_LIT("-"),         SLICE_LIT("COUNT"), SLICE_LIT("1")};
    ask(c, ev, out, LOAD_TIP, argv, 6);
}

void
catalogue_ask_follow(struct catalogue *c, const struct event *ev, struct outbox *out)
{
    char key[KEY_MAX], from[NUMBER_TEXT], count[NUMBER_TEXT];

    key_of(c, "catalogue", key);
    snprintf(from, sizeof from, "1-%llu", (unsigned long long)c->load.last);
    snprintf(count, sizeof count, "%d", STREAM_PAGE);
    struct slice argv[] = {SLICE_LIT("XREAD"),   SLICE_LIT("COUNT"), slice_str(count),
                           SLICE_LIT("STREAMS"), slice_str(key),     slice_str(from)};
    c->load.again = false;
    c->load.next_ms = ev->now_ms + c->options.poll_ms;
    ask(c, ev, out, LOAD_FOLLOW, argv, 6);
}

void
catalogue_ask_scan(struct catalogue *c, const struct event *ev, struct outbox *out)
{
    struct load *l = &c->load;
    char name[40], key[KEY_MAX], cursor[NUMBER_TEXT], count[NUMBER_TEXT];

    if (l->kind == KIND_SKUS)
        snprintf(name, sizeof name, "skus:%u", l->chain);
    else
        snprintf(name, sizeof name, "%s", catalogue_hash_name[l->kind]);
    key_of(c, name, key);
    snprintf(cursor, sizeof cursor, "%llu", (unsigned long long)l->cursor);
    snprintf(count, sizeof count, "%d", l->kind == KIND_SKUS ? SKU_PAGE : STORE_PAGE);
    struct slice argv[] = {SLICE_LIT("HSCAN"), slice_str(key), slice_str(cursor),
                           SLICE_LIT("COUNT"), slice_str(count)};
    ask(c, ev, out, LOAD_SCAN, argv, 5);
}

void
catalogue_ask_fetch(struct catalogue *c, const struct event *ev, struct outbox *out)
{
    struct load *l = &c->load;
    const struct numbers *changed = &l->changed[l->kind];
    char key[KEY_MAX], text[STORE_PAGE][NUMBER_TEXT];
    struct slice argv[STORE_PAGE + 2];

    key_of(c, catalogue_hash_name[l->kind], key);
    argv[0] = SLICE_LIT("HMGET");
    argv[1] = slice_str(key);
    l->fetched = changed->n < STORE_PAGE ? changed->n : STORE_PAGE;
    for (size_t i = 0; i < l->fetched; i++) {
        snprintf(text[i], NUMBER_TEXT, "%u", changed->list[i]);
        argv[i + 2] = slice_str(text[i]);
    }
    ask(c, ev, out, LOAD_FETCH, argv, l->fetched + 2);
}
