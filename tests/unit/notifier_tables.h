/* notifier_tables: what the Redis of the notifier's rig answers. Only notifier_rig.h includes this,
 * behind its struct rig. */
#ifndef LC_TESTS_NOTIFIER_TABLES_H
#define LC_TESTS_NOTIFIER_TABLES_H

static inline int
rig_find(const struct rig *r, struct slice key)
{
    char text[UUID_TEXT];

    for (int i = 0; i < RIG_ORDERS; i++) {
        uuid_format(r->order[i], text);
        if (r->record_n[i] > 0 && key.n >= 36 && memcmp(key.p + key.n - 36, text, 36) == 0)
            return i;
    }
    return -1;
}

static inline struct reply
rig_str(const char *p, size_t n)
{
    return (struct reply){.kind = REPLY_STRING, .str = slice_of(p, n)};
}

static inline struct reply
rig_array(const struct reply *items, size_t n)
{
    return (struct reply){.kind = REPLY_ARRAY, .items = items, .n = n};
}

static inline struct reply
rig_xread(struct rig *r, struct slice after, struct arena *a)
{
    uint64_t from = event_number(after);
    struct reply *entries = arena_array(a, RIG_EVENTS, sizeof *entries);
    size_t n = 0;

    for (size_t i = 0; i < r->n_events; i++) {
        const struct rig_event *e = &r->events[i];
        if (e->number <= from)
            continue;
        struct reply *fields = arena_array(a, 2, sizeof *fields);
        struct reply *entry = arena_array(a, 2, sizeof *entry);
        fields[0] = rig_str(&e->field, 1);
        fields[1] = rig_str(e->value, e->n);
        char *id = arena_printf(a, "1-%llu", (unsigned long long)e->number);
        entry[0] = rig_str(id, strlen(id));
        entry[1] = rig_array(fields, 2);
        entries[n++] = rig_array(entry, 2);
    }
    if (n == 0)
        return (struct reply){.kind = REPLY_NIL};
    struct reply *stream = arena_array(a, 2, sizeof *stream);
    struct reply *streams = arena_array(a, 1, sizeof *streams);
    stream[0] = rig_str("events", 6);
    stream[1] = rig_array(entries, n);
    streams[0] = rig_array(stream, 2);
    return rig_array(streams, 1);
}

static inline struct reply
rig_hash(struct rig *r, const struct effect *e, struct arena *a)
{
    bool shifts = memmem(e->argv[1].p, e->argv[1].n, "shifts", 6) != NULL;
    struct reply *items = arena_array(a, e->argc, sizeof *items);

    for (size_t i = 2; i < e->argc; i++) {
        unsigned courier = (unsigned)(e->argv[i].p[0] - '0');
        if (!shifts && courier < 4 && r->route_n[courier] > 0) {
            items[i - 2] = rig_str(r->routes[courier], r->route_n[courier]);
        } else if (shifts && courier < 4 && r->on_shift[courier]) {
            Lifecircle__V1__Shift shift = LIFECIRCLE__V1__SHIFT__INIT;
            char *p = arena_zalloc(a, 64);
            Lifecircle__V1__Point at = LIFECIRCLE__V1__POINT__INIT;
            shift.on = true;
            at.lat_e7 = r->signed_on.lat_e7;
            at.lng_e7 = r->signed_on.lng_e7;
            shift.at = r->signed_on.lat_e7 == 0 ? NULL : &at;
            size_t n = lifecircle__v1__shift__pack(&shift, (uint8_t *)p + 4);
            items[i - 2] = rig_str(p, n + 4);
        }
    }
    return rig_array(items, e->argc - 2);
}

/* one courier's, as ways ask */
static inline struct reply
rig_one(struct rig *r, const struct effect *e, struct arena *a)
{
    unsigned courier = (unsigned)(e->argv[2].p[0] - '0');

    if (slice_eq_str(e->argv[0], "HGET"))
        return rig_hash(r, e, a).items[0];
    return courier < 4 && r->place[courier][0] != '\0' &&
                   slice_eq_str(e->argv[1], "{bal}:geo:couriers")
               ? rig_str(r->place[courier], strlen(r->place[courier]))
               : (struct reply){.kind = REPLY_NIL};
}

static inline struct reply
rig_fcall(struct rig *r, const struct effect *e, struct arena *a)
{
    if (slice_eq_str(e->argv[1], "webhook_enqueue")) {
        if (!slice_eq_str(e->argv[5], *r->cursor == '\0' ? "0-0" : r->cursor))
            return (struct reply){.kind = REPLY_INT, .integer = 0};
        snprintf(r->cursor, sizeof r->cursor, "%.*s", (int)e->argv[6].n, e->argv[6].p);
        for (size_t i = 8; i + 2 < e->argc; i += 3, r->enqueued++) {
            snprintf(r->hook_id[r->enqueued], 32, "%.*s", (int)e->argv[i].n, e->argv[i].p);
            memcpy(r->hook_row[r->enqueued], e->argv[i + 2].p, e->argv[i + 2].n);
            r->hook_row_n[r->enqueued] = e->argv[i + 2].n;
            r->hook_due[r->enqueued] = true;
        }
        return (struct reply){.kind = REPLY_INT, .integer = 1};
    }
    if (slice_eq_str(e->argv[1], "webhook_claim")) {
        struct reply *items = arena_array(a, 16, sizeof *items);
        size_t n = 0;
        for (unsigned i = 0; i < r->enqueued; i++) {
            if (!r->hook_due[i] || r->hook_next[i] > r->now_ms)
                continue;
            r->hook_due[i] = false;
            items[n++] = rig_str(r->hook_id[i], strlen(r->hook_id[i]));
            items[n++] = rig_str(r->hook_row[i], r->hook_row_n[i]);
        }
        return rig_array(items, n);
    }
    if (slice_eq_str(e->argv[1], "webhook_done")) {
        if (e->argc == 10)
            snprintf(r->hook_told, sizeof r->hook_told, "%.*s %.*s %.*s", (int)e->argv[7].n,
                     e->argv[7].p, (int)e->argv[8].n, e->argv[8].p, (int)e->argv[9].n,
                     e->argv[9].p == NULL ? "" : e->argv[9].p);
        for (unsigned i = 0; i < r->enqueued; i++) {
            if (!slice_eq_str(e->argv[5], r->hook_id[i]))
                continue;
            r->hook_next[i] = strtoll(arena_copy(a, e->argv[6].p, e->argv[6].n), NULL, 10);
            r->hook_due[i] = r->hook_next[i] > 0;
        }
    }
    if (slice_eq_str(e->argv[1], "order_step")) {
        struct reply *item = arena_array(a, 1, sizeof *item);
        snprintf(r->stepped, sizeof r->stepped, "%.*s %.*s %.*s", (int)e->argv[7].n, e->argv[7].p,
                 (int)e->argv[8].n, e->argv[8].p, (int)e->argv[9].n, e->argv[9].p);
        snprintf(r->step_words, sizeof r->step_words, "%.*s", (int)e->argv[10].n, e->argv[10].p);
        item[0] = rig_str(&r->step, 1);
        return rig_array(item, 1);
    }
    if (slice_eq_str(e->argv[1], "order_proof"))
        return (struct reply){.kind = REPLY_INT, .integer = r->proof};
    if (slice_eq_str(e->argv[1], "dispatch_rule")) {
        struct reply *item = arena_array(a, 1, sizeof *item);
        snprintf(r->ruled, sizeof r->ruled, "%.*s %.*s %.*s %.*s %.*s", (int)e->argv[7].n,
                 e->argv[7].p, (int)e->argv[8].n, e->argv[8].p, (int)e->argv[9].n, e->argv[9].p,
                 (int)e->argv[10].n, e->argv[10].p, (int)e->argv[11].n, e->argv[11].p);
        item[0] = rig_str(&r->rule, 1);
        return rig_array(item, 1);
    }
    if (slice_eq_str(e->argv[1], "order_confirm")) {
        struct reply *item = arena_array(a, 1, sizeof *item);
        snprintf(r->confirmed, sizeof r->confirmed, "%.*s %.*s %.*s %.*s", (int)e->argv[6].n,
                 e->argv[6].p, (int)e->argv[7].n, e->argv[7].p, (int)e->argv[8].n, e->argv[8].p,
                 (int)e->argv[9].n, e->argv[9].p);
        item[0] = rig_str(&r->confirm, 1);
        return rig_array(item, 1);
    }
    if (slice_eq_str(e->argv[1], "chain_put"))
        r->chain_puts++;
    return (struct reply){.kind = REPLY_INT, .integer = 1};
}

static inline bool
rig_is_value(const struct rig *r, struct slice key)
{
    size_t n = strlen(r->value_of);

    return key.n >= n && memcmp(key.p + key.n - n, r->value_of, n) == 0;
}

static inline struct reply
rig_answer(struct rig *r, const struct effect *e, struct arena *a)
{
    struct slice command = e->argv[0];

    if (r->redis_dead)
        return (struct reply){.kind = REPLY_LOST};
    if (r->no_catalogue && slice_eq_str(command, "HSCAN"))
        return (struct reply){.kind = REPLY_LOST};
    if (r->no_records && (slice_eq_str(command, "MGET") || slice_eq_str(command, "FCALL_RO")))
        return (struct reply){.kind = REPLY_ERROR, .str = SLICE_LIT("BUSY")};
    if (slice_eq_str(command, "HSCAN")) {
        struct reply *items = arena_array(a, 2, sizeof *items);
        items[0] = rig_str("0", 1);
        items[1] = rig_array(items, 0);
        return rig_array(items, 2);
    }
    if (slice_eq_str(command, "INFO")) {
        char *info = arena_alloc(a, 128);
        snprintf(info, 128, "# Replication\r\nrole:master\r\nmaster_replid:%s\r\n",
                 r->primary == NULL ? "one" : r->primary);
        return rig_str(info, strlen(info));
    }
    if (slice_eq_str(command, "XREVRANGE"))
        return rig_array(NULL, 0);
    if (slice_eq_str(command, "XREAD") && memmem(e->argv[4].p, e->argv[4].n, ":events", 7) != NULL)
        return rig_xread(r, e->argv[5], a);
    if (slice_eq_str(command, "LRANGE")) {
        struct reply *items = arena_array(a, 8, sizeof *items);
        for (size_t i = 0; i < r->histories; i++)
            items[i] = rig_str(r->history[i], r->history_n[i]);
        return rig_array(items, r->histories);
    }
    if (r->value_of != NULL && slice_eq_str(command, "GET") && rig_is_value(r, e->argv[1]))
        return rig_str(r->value, r->value_n);
    if (slice_eq_str(command, "GET") && *r->cursor != '\0')
        return rig_str(r->cursor, strlen(r->cursor));
    if (memmem(e->argv[1].p, e->argv[1].n, ":access", 7) != NULL) {
        struct reply one =
            r->access_n == 0 ? (struct reply){.kind = REPLY_NIL} : rig_str(r->access, r->access_n);
        struct reply *items = arena_array(a, e->argc, sizeof *items);
        for (size_t i = 2; i < e->argc; i++)
            items[i - 2] = one;
        return slice_eq_str(command, "HGET") ? one : rig_array(items, e->argc - 2);
    }
    if (slice_eq_str(command, "ZSCORE") ||
        (slice_eq_str(command, "HGET") &&
         (memmem(e->argv[1].p, e->argv[1].n, ":shifts", 7) != NULL ||
          memmem(e->argv[1].p, e->argv[1].n, ":routes", 7) != NULL)))
        return rig_one(r, e, a);
    if (slice_eq_str(command, "GETRANGE"))
        return rig_str((const char *)&r->order_store, 4);
    if (slice_eq_str(command, "HKEYS") || slice_eq_str(command, "ZRANGE"))
        return rig_array(NULL, 0);
    if (slice_eq_str(command, "HMGET"))
        return rig_hash(r, e, a);
    if (slice_eq_str(command, "FCALL"))
        return rig_fcall(r, e, a);
    if (slice_eq_str(command, "FCALL_RO")) { /* order_read */
        struct reply *items = arena_array(a, 2 * e->argc, sizeof *items);
        r->orders_read += (unsigned)e->argc - 5;
        if (r->while_reading != NULL)
            r->while_reading(r);
        for (size_t i = 5; i < e->argc; i++) {
            int at = rig_find(r, e->argv[i]);
            if (at >= 0) {
                items[2 * (i - 5)] = rig_str(r->record[at], r->record_n[at]);
                items[2 * (i - 5) + 1] = rig_str(r->sealed[at], r->sealed_n[at]);
            }
        }
        return rig_array(items, 2 * (e->argc - 5));
    }
    if (slice_eq_str(command, "MGET")) {
        struct reply *items = arena_array(a, e->argc, sizeof *items);
        for (size_t i = 1; i < e->argc; i++) {
            int at = rig_find(r, e->argv[i]);
            if (at >= 0)
                items[i - 1] = rig_str(r->record[at], r->record_n[at]);
            else if (r->value_of != NULL && rig_is_value(r, e->argv[i]))
                items[i - 1] = rig_str(r->value, r->value_n);
        }
        return rig_array(items, e->argc - 1);
    }
    if (slice_eq_str(command, "ZUNION")) {
        struct reply *items = arena_array(a, RIG_ORDERS, sizeof *items);
        size_t n = 0;
        for (int i = 0; i < RIG_ORDERS; i++) {
            if (r->record_n[i] == 0)
                continue;
            char *text = arena_alloc(a, UUID_TEXT);
            uuid_format(r->order[i], text);
            items[n++] = rig_str(text, 36);
        }
        return rig_array(items, n);
    }
    return (struct reply){.kind = REPLY_NIL};
}

#endif
