/* webhooks: the chains' receivers. They check signatures, refuse or stay silent now and then, but
 * never a third time, so that a run does not take days; and they keep what they were told. */
#include "world.h"

#include "base/record.h"

#include <jansson.h>
#include <stdlib.h>

enum { IDS_MAX = 8192, SILENT_MS = 10000 };

/* A webhook seen before: the same id must always carry the same body. */
struct seen_hook {
    uint64_t id;
    uint64_t body;
    unsigned attempts;
};

struct delivery {
    enum node_id from;
    uint32_t life;
    uint64_t tag;
    unsigned chain;
    struct buf headers;
    struct buf body;
};

static void
free_delivery(void *arg)
{
    struct delivery *d = arg;

    buf_free(&d->headers);
    buf_free(&d->body);
    free(d);
}

/* header: the value of a line "name: value\r\n". */
static struct slice
header(const struct delivery *d, const char *name)
{
    struct slice all = buf_slice(&d->headers);
    size_t n = strlen(name);

    while (all.n > n + 2) {
        const char *end = memmem(all.p, all.n, "\r\n", 2);
        if (end == NULL)
            break;
        if (strncasecmp(all.p, name, n) == 0 && all.p[n] == ':') {
            const char *value = all.p + n + 1;
            while (value < end && *value == ' ')
                value++;
            return slice_of(value, (size_t)(end - value));
        }
        all = slice_of(end + 2, all.n - (size_t)(end + 2 - all.p));
    }
    return slice_of(NULL, 0);
}

static void
take_event(struct sim *s, unsigned chain, uint64_t hook, struct slice body)
{
    json_t *j = json_loadb(body.p, body.n, 0, NULL);
    const json_t *data = json_object_get(j, "data");
    const char *id = json_string_value(json_object_get(data, "order_id"));
    const char *status = json_string_value(json_object_get(data, "status"));
    const char *type = json_string_value(json_object_get(j, "type"));
    bool eta_only = type != NULL && strcmp(type, "order.eta_changed") == 0;
    json_int_t version = json_integer_value(json_object_get(data, "sequence"));
    struct sim_order *o = id == NULL ? NULL : chains_order(s, id);
    unsigned state = status == NULL ? 0 : (unsigned)record_state_of(slice_str(status));

    if (id == NULL || state == 0 || version < 1)
        sim_fail(s, "webhook: %.*s", (int)body.n, body.p);
    else if (o == NULL)
        sim_fail(s, "webhook of order %s, which nobody has sent", id);
    else if (o->chain != chain)
        sim_fail(s, "webhook: order %s is chain %u's, and chain %u was told of it", o->external,
                 o->chain, chain);
    else if (!eta_only && version < VERSIONS_MAX && o->told[version] != 0 &&
             o->told_by[version] != hook)
        sim_fail(s, "webhook: order %s: version %d was told under two ids", o->external,
                 (int)version);
    else if (version < VERSIONS_MAX && o->told[version] != 0 && o->told[version] != state)
        sim_fail(s, "webhook: order %s: version %d is %s and %s", id, (int)version,
                 record_state_name(o->told[version]), status);
    if (o != NULL)
        sim_log(s, "webhook: order %s is %s, version %d", o->external, status, (int)version);
    if (o != NULL && !eta_only && version >= 1 && version < VERSIONS_MAX) {
        o->told[version] = (uint8_t)state;
        o->told_by[version] = hook;
    }
    json_decref(j);
}

static struct seen_hook *
seen_before(struct sim *s, struct slice id)
{
    static struct seen_hook list[IDS_MAX]; /* of this run */
    uint64_t of = fingerprint64(id);

    if (s->world->webhooks == 0)
        memset(list, 0, sizeof list);
    for (size_t i = of % IDS_MAX;; i = (i + 1) % IDS_MAX) {
        if (list[i].id == of || list[i].id == 0) {
            list[i].id = of;
            return &list[i];
        }
    }
}

/* receive: the request has come; the answer goes back, or not. */
static void
receive(struct sim *s, void *arg)
{
    struct delivery *d = arg;
    struct slice id = header(d, "webhook-id");
    struct slice at = header(d, "webhook-timestamp");
    struct seen_hook *seen = seen_before(s, id);
    uint64_t body = fingerprint64(buf_slice(&d->body));
    int64_t delay_ms = rng_between(&s->rng, 5, 100);
    int status = 200;

    s->world->webhooks++;
    s->world->webhooks_under_way--;
    if (!webhook_verify(&s->world->chains[d->chain].webhook, id, strtoll(at.p, NULL, 10),
                        buf_slice(&d->body), header(d, "webhook-signature")))
        sim_fail(s, "webhook %.*s: wrong signature", (int)id.n, id.p);
    if (seen->attempts > 0 && seen->body != body)
        sim_fail(s, "webhook %.*s: another body than before", (int)id.n, id.p);
    seen->body = body;
    if (++seen->attempts < 2 && s->now_ms < s->calm_ms && rng_chance(&s->rng, 5)) {
        status = rng_chance(&s->rng, 50) ? 500 : 0;
        delay_ms = status == 0 ? SILENT_MS : delay_ms;
    }
    if (status == 200 || rng_chance(&s->rng, 50)) /* a silent one may have taken it */
        take_event(s, d->chain, seen->id, buf_slice(&d->body));
    node_called(s, d->from, d->life, d->tag, status, delay_ms);
    free_delivery(d);
}

void
webhooks_called(struct sim *s, enum node_id from, const struct effect *e)
{
    struct delivery *d = calloc(1, sizeof *d);

    if (d == NULL)
        abort();
    d->from = from;
    d->life = s->nodes[from].life;
    d->tag = e->ref;
    d->chain = slice_eq_str(e->name, "https://two.example/hooks");
    buf_append(&d->headers, e->extra.p, e->extra.n);
    buf_append(&d->body, e->bytes.p, e->bytes.n);
    s->world->webhooks_under_way++;
    sim_later_owned(s, rng_between(&s->rng, 5, 300), receive, d, free_delivery);
}
