/* What becomes binding: entries of plan_commit, gathered over a turn, one call for all. */
#include "router/core.h"

#include <stdlib.h>

struct commit *
commit_new(struct router *r, struct courier *c)
{
    struct commit *m = calloc(1, sizeof *m);

    if (m == NULL) {
        router_rebuild(r, "memory");
        return NULL;
    }
    m->courier = c;
    if (c != NULL)
        c->commit = m;
    *r->commits_end = m;
    r->commits_end = &m->next;
    return m;
}

static void
commit_free(struct commit *m)
{
    route_free(&m->route);
    free(m->steps);
    free(m);
}

static void
unlink_commit(struct router *r, struct commit *m)
{
    struct commit **at = &r->commits;

    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    if (r->commits_end == &m->next)
        r->commits_end = at;
    if (m->courier != NULL)
        m->courier->commit = NULL;
}

void
commit_drop(struct router *r, struct commit *m)
{
    unlink_commit(r, m);
    commit_free(m);
}

void
commits_forget(struct router *r)
{
    while (r->commits != NULL)
        commit_drop(r, r->commits);
}

struct step *
commit_step(struct router *r, struct commit *m, struct uuid order, enum act act,
            Lifecircle__V1__Reason reason)
{
    if (m->n_steps == m->room_steps) {
        size_t room = m->room_steps == 0 ? 4 : m->room_steps * 2;
        struct step *steps = realloc(m->steps, room * sizeof *steps);
        if (steps == NULL) {
            router_rebuild(r, "memory");
            return NULL;
        }
        m->steps = steps;
        m->room_steps = room;
    }
    struct step *s = &m->steps[m->n_steps++];
    *s = (struct step){.order = order, .act = act, .reason = reason};
    return s;
}

bool
commit_route(struct router *r, struct commit *m)
{
    if (m->has_route)
        return true;
    if (!route_copy(&m->route, &m->courier->route)) {
        router_rebuild(r, "memory");
        return false;
    }
    m->has_route = true;
    return true;
}

/* ---- sending ---- */

static const char *const act_names[] = {
    [ACT_ASSIGN] = "assign",
    [ACT_UNASSIGN] = "unassign",
    [ACT_CONFIRM] = "confirm",
    [ACT_ENROUTE_PICKUP] = "enroute_pickup",
    [ACT_ARRIVE_PICKUP] = "arrive_pickup",
    [ACT_PICKUP] = "pickup",
    [ACT_ENROUTE_DROPOFF] = "enroute_dropoff",
    [ACT_ARRIVE_DROPOFF] = "arrive_dropoff",
    [ACT_DELIVER] = "deliver",
    [ACT_RETURNING] = "returning",
    [ACT_RETURNED] = "returned",
    [ACT_ETA] = "eta",
};

const char *
act_name(enum act act)
{
    return act_names[act];
}

static bool
adds(const struct commit *m)
{
    for (size_t i = 0; i < m->n_steps; i++)
        if (m->steps[i].act == ACT_ASSIGN)
            return true;
    return false;
}

struct words {
    struct slice *argv;
    size_t n;
};

static void
put_steps(struct router *r, struct words *w, const struct commit *m)
{
    for (size_t i = 0; i < m->n_steps; i++) {
        const struct step *s = &m->steps[i];
        char id[UUID_TEXT];
        uuid_format(s->order, id);
        w->argv[w->n++] = slice_str(arena_copy(r->arena, id, UUID_TEXT - 1));
        w->argv[w->n++] = slice_str(act_names[s->act]);
        w->argv[w->n++] = text_of(r, s->reason);
        w->argv[w->n++] = s->live_eta_ms > 0 ? text_of(r, s->live_eta_ms) : SLICE_LIT("");
        w->argv[w->n++] = slice_str(s->words);
    }
}

static void
put_entry(struct router *r, struct words *w, struct commit *m)
{
    struct courier *c = m->courier;
    struct slice route = {NULL, 0}, shift = {NULL, 0};

    if (m->has_route) {
        route_estimate(r, c, &m->route);
        route = route_pack(r, c, &m->route);
    }
    if (m->has_shift)
        shift = shift_pack(r, c, &m->shift);
    w->argv[w->n++] = text_of(r, c == NULL ? 0 : c->number);
    w->argv[w->n++] = text_of(r, c == NULL ? 0 : c->route_version);
    w->argv[w->n++] = route;
    w->argv[w->n++] = text_of(r, c == NULL ? 0 : c->shift_version);
    w->argv[w->n++] = shift;
    w->argv[w->n++] = text_of(r, (int64_t)m->n_steps);
    put_steps(r, w, m);
}

static void
send_batch(struct router *r, struct commit *const *list, size_t n)
{
    enum { FRONT = 7, ENTRY = 6, STEP = 5 };
    size_t room = FRONT + ENTRY * n;

    for (size_t i = 0; i < n; i++)
        room += STEP * list[i]->n_steps;
    struct words w = {.argv = arena_array(r->arena, room, sizeof *w.argv)};
    if (w.argv == NULL) {
        router_rebuild(r, "memory");
        return;
    }
    w.argv[w.n++] = SLICE_LIT("FCALL");
    w.argv[w.n++] = SLICE_LIT("plan_commit");
    w.argv[w.n++] = SLICE_LIT("1");
    w.argv[w.n++] = slice_str(key_of(r, ""));
    w.argv[w.n++] = text_of(r, r->now_ms);
    w.argv[w.n++] = text_of(r, (int64_t)r->epoch);
    w.argv[w.n++] = text_of(r, (int64_t)n);
    r->seq = (r->seq + 1) & UINT32_MAX;
    if (r->seq == 0)
        r->seq = 1;
    for (size_t i = 0; i < n; i++) {
        put_entry(r, &w, list[i]);
        list[i]->batch = r->seq;
        list[i]->index = i;
        list[i]->sent_ms = r->now_ms;
    }
    outbox_redis(r->out, router_tag(r, CALL_COMMIT, r->seq), w.argv, w.n);
}

static bool
empty(const struct commit *m)
{
    return !m->has_route && !m->has_shift && m->n_steps == 0;
}

/* Those that take orders away come first: another entry of the call may hand them on. */
void
commits_flush(struct router *r)
{
    struct commit *list[BATCH_ENTRIES];
    size_t n = 0;
    size_t steps = 0;

    for (int pass = 0; pass < 2; pass++) {
        struct commit *next;
        for (struct commit *m = r->commits; m != NULL && !r->rebuild; m = next) {
            next = m->next;
            if (m->batch != 0 || adds(m) != (pass == 1))
                continue;
            if (empty(m)) {
                commit_drop(r, m);
                continue;
            }
            if (n == BATCH_ENTRIES || (n > 0 && steps + m->n_steps > BATCH_STEPS)) {
                send_batch(r, list, n);
                n = steps = 0;
            }
            list[n++] = m;
            steps += m->n_steps;
        }
    }
    if (n > 0 && !r->rebuild)
        send_batch(r, list, n);
}

/* ---- answers ---- */

static void
refused(struct router *r, struct commit *m)
{
    struct courier *c = m->courier;
    bool ok = true;

    r->tally[T_REFUSED]++;
    for (size_t i = 0; i < m->n_steps; i++) {
        if (c == NULL)
            orders_want(r, m->steps[i].order);
        else
            ok = ok && uuids_add(&c->doubt, m->steps[i].order);
    }
    if (!ok)
        router_rebuild(r, "memory");
    if (c != NULL)
        reread_start(r, c);
}

static void
finish(struct router *r, struct commit *m, bool done)
{
    struct courier *c = m->courier;
    bool answers = m->answers;

    if (done)
        commit_apply(r, m);
    else
        refused(r, m);
    commit_drop(r, m);
    if (r->rebuild || c == NULL)
        return;
    if (answers && done)
        report_committed(r, c);
    else if (answers)
        report_refused(r, c);
    reports_go_on(r, c);
}

static struct commit *
find_sent(struct router *r, uint64_t batch, size_t index)
{
    for (struct commit *m = r->commits; m != NULL; m = m->next)
        if (m->batch == batch && m->index == index)
            return m;
    return NULL;
}

void
router_ring(struct router *r)
{
    Lifecircle__V1__Envelope env;
    Lifecircle__V1__News news = LIFECIRCLE__V1__NEWS__INIT;

    envelope_init(&env, &r->mint, r->now_ms, 0);
    news.topic = LIFECIRCLE__V1__NEWS__TOPIC__EVENTS;
    env.body_case = LIFECIRCLE__V1__ENVELOPE__BODY_NEWS;
    env.news = &news;
    outbox_news(r->out, &env);
}

void
commits_answer(struct router *r, uint64_t batch, const struct reply *reply)
{
    if (reply->kind == REPLY_ERROR && reply->str.n >= 6 && memcmp(reply->str.p, "FENCED", 6) == 0) {
        router_fenced(r);
        return;
    }
    if (reply->kind != REPLY_ARRAY) {
        outbox_note(r->out, "plan_commit_failed", "answer=\"%.*s\"",
                    (int)(reply->str.n < 200 ? reply->str.n : 200),
                    reply->str.p == NULL ? "" : reply->str.p);
        router_rebuild(r, "commit_unknown");
        return;
    }
    router_ring(r);
    for (size_t i = 0; i < reply->n && !r->rebuild; i++) {
        struct commit *m = find_sent(r, batch, i);
        if (m != NULL)
            finish(r, m, reply->items[i].integer == 1);
    }
}

void
commits_tick(struct router *r)
{
    for (const struct commit *m = r->commits; m != NULL; m = m->next)
        if (m->batch != 0 && r->now_ms - m->sent_ms > ANSWER_MS) {
            router_rebuild(r, "commit_silent");
            return;
        }
}
