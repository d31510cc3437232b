/* Before lunch: chains and couriers are registered, shops and shelves are told to intake. */
#include "play.h"

#include <event2/event.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LAST_MAX = 256 };

/* ---- lcctl ---- */

static int
wait_for(pid_t child)
{
    int status;

    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return 255;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

int
run_lcctl(const struct play *p, const char *const *words, char *last, size_t cap, FILE *all)
{
    const char *argv[16] = {p->wish.lcctl, "--redis", p->wish.redis, "--city", p->wish.city};
    size_t n = 5;
    int ends[2];
    char text[LAST_MAX];

    while (*words != NULL && n < 15)
        argv[n++] = *words++;
    last[0] = '\0';
    if (pipe(ends) != 0)
        return 255;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    close(ends[1]);
    FILE *out = child < 0 ? NULL : fdopen(ends[0], "r");
    if (out == NULL) {
        close(ends[0]);
        return 255;
    }
    while (fgets(text, sizeof text, out) != NULL) {
        if (all != NULL)
            fputs(text, all);
        text[strcspn(text, "\n")] = '\0';
        if (text[0] != '\0')
            snprintf(last, cap, "%s", text);
    }
    fclose(out);
    return wait_for(child);
}

static void
register_chain(struct play *p, uint32_t i)
{
    const struct city_chain *of = p->chain[i].of;
    char promise[24], last[LAST_MAX];

    snprintf(promise, sizeof promise, "%lld", (long long)real_ms(p, 3600000) / 1000);
    const char *words[] = {"chain",     "add",   of->id,   "--name", of->name,
                           "--promise", promise, "--rate", "5000",   NULL};
    if (run_lcctl(p, words, last, sizeof last, NULL) != 0 || strncmp(last, "lc_chain_", 9) != 0)
        give_up("lcctl could not register chain %s", of->id);
    snprintf(p->chain[i].key, sizeof p->chain[i].key, "%.63s", last);
    snprintf(p->chain[i].number, sizeof p->chain[i].number, "%.*s", (int)strcspn(last + 9, "_"),
             last + 9);
}

static void
register_courier(const struct play *p, uint32_t i, char token[64])
{
    const struct city_courier *of = &p->couriers[i];
    char last[LAST_MAX];
    const char *words[] = {"courier", "add",    of->id,
                           "--name",  of->name, of->adult_trained ? NULL : "--no-age-checks",
                           NULL};

    if (run_lcctl(p, words, last, sizeof last, NULL) != 0 || strncmp(last, "lc_courier_", 11) != 0)
        give_up("lcctl could not register courier %s", of->id);
    snprintf(token, 64, "%.63s", last);
}

/* ---- shops and shelves ---- */

struct sending {
    struct play *play;
    const char *what;
    uint32_t left;
};

/* parcel: one request; the chain's next one waits for its answer. */
struct parcel {
    struct sending *of;
    struct parcel *next; /* owned */
    char method[8];
    char path[96];
    const char *token;
    const char *type;
    struct buf body;
    unsigned tries;
};

static void parcel_send(struct parcel *s);

static void
parcel_again(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    parcel_send(ctx);
}

static void
parcel_done(void *ctx, uint64_t tag, int status, struct slice body, int64_t took_us)
{
    struct parcel *s = ctx;

    (void)tag;
    (void)took_us;
    bool again = status == 0 || status == 401 || status == 429 || status >= 500;
    if (status == 200 && strncmp(s->path, "/v1/stock", 9) == 0) {
        const struct json_value *v = json_of(s->of->play, body);
        again = int_at(v, "refused", 1) != 0; /* another copy may not know the stores yet */
    }
    if (again && ++s->tries < 20) {
        const struct timeval soon = {0, 200000};
        if (event_base_once(s->of->play->base, -1, EV_TIMEOUT, parcel_again, s, &soon) != 0)
            give_up("out of memory");
        return;
    }
    if (again || status != 200)
        give_up("%s %s: %d %.*s", s->method, s->path, status, (int)(body.n < 600 ? body.n : 600),
                body.n == 0 ? "" : body.p);
    if (s->next != NULL)
        parcel_send(s->next);
    s->of->left--;
    buf_free(&s->body);
    free(s);
}

static void
parcel_send(struct parcel *s)
{
    const struct caller_request r = {.method = s->method,
                                     .path = s->path,
                                     .token = s->token,
                                     .type = s->type,
                                     .body = buf_slice(&s->body),
                                     .deadline_s = 60,
                                     .done = parcel_done,
                                     .ctx = s};

    if (s->body.failed)
        give_up("out of memory");
    caller_send(s->of->play->to_intake, &r);
}

static struct parcel *
parcel_new(struct sending *of, const char *method, const char *path, const struct chain *c,
           const char *type)
{
    struct parcel *s = needed(calloc(1, sizeof *s));

    s->of = of;
    snprintf(s->method, sizeof s->method, "%s", method);
    snprintf(s->path, sizeof s->path, "%s", path);
    s->token = c->key;
    s->type = type;
    of->left++;
    return s;
}

static void
wait_until_sent(struct sending *s)
{
    while (s->left > 0)
        if (event_base_loop(s->play->base, EVLOOP_ONCE) != 0)
            give_up("%s: nothing left to wait for", s->what);
}

/* The shops as they are, only quicker: what they need to prepare passes at the play's speed. */
static void
send_stores(struct play *p)
{
    struct sending all = {.play = p, .what = "stores"};

    for (uint32_t i = 0; i < p->chain_n; i++) {
        const struct city_chain *c = p->chain[i].of;
        struct parcel *s =
            parcel_new(&all, "PUT", "/v1/stores", &p->chain[i], "application/geo+json");
        buf_str(&s->body, "{\"type\":\"FeatureCollection\",\"features\":[");
        for (uint32_t k = 0; k < c->store_n; k++) {
            struct city_store quick = p->stores[c->store_first + k];
            quick.prep_s = (quick.prep_s + p->wish.speed - 1) / p->wish.speed;
            quick.prep_per_item_s /= p->wish.speed;
            if (k > 0)
                buf_char(&s->body, ',');
            city_store_feature_json(p->city, &quick, &s->body);
        }
        buf_str(&s->body, "]}");
        parcel_send(s);
    }
    wait_until_sent(&all);
}

/* Every other chain speaks CSV, a request a store; the others NDJSON, all stores in one stream. */
static void
send_stock(struct play *p)
{
    struct sending all = {.play = p, .what = "stock"};

    for (uint32_t i = 0; i < p->chain_n; i++) {
        const struct city_chain *c = p->chain[i].of;
        bool csv = i % 2 == 1;
        struct parcel *first = NULL, *s = NULL;
        for (uint32_t k = 0; k < c->store_n; k++) {
            const struct city_store *store = &p->stores[c->store_first + k];
            if (s == NULL || csv) {
                struct parcel *one =
                    parcel_new(&all, "POST", "/v1/stock?mode=snapshot", &p->chain[i],
                               csv ? "text/csv" : "application/x-ndjson");
                *(s == NULL ? &first : &s->next) = one;
                s = one;
            }
            if (csv)
                city_stock_csv(p->city, store, &s->body);
            else
                city_stock_ndjson(p->city, store, &s->body);
        }
        if (first != NULL)
            parcel_send(first);
    }
    wait_until_sent(&all);
}

void
set_up(struct play *p)
{
    char(*tokens)[64] = needed(arena_array(p->arena, p->courier_n, sizeof *tokens));
    uint64_t skus = 0;

    for (uint32_t i = 0; i < p->store_n; i++)
        skus += p->stores[i].sku_n;
    fprintf(stderr, "registering %u chains and %u couriers\n", p->chain_n, p->courier_n);
    for (uint32_t i = 0; i < p->chain_n; i++)
        register_chain(p, i);
    for (uint32_t i = 0; i < p->courier_n; i++)
        register_courier(p, i, tokens[i]);
    fprintf(stderr, "sending %u stores and %llu lines of stock\n", p->store_n,
            (unsigned long long)skus);
    send_stores(p);
    send_stock(p);
    phones_start(p, tokens);
}
