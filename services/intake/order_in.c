/* An order as JSON into the submission that protobuf clients send. Only form is judged here;
 * order_check.c judges the rest, for both. What was wrong here is left such that the other finds no
 * second fault in it. */
#include "core.h"

static const struct json_enum fulfilments[] = {
    {"delivery", LIFECIRCLE__V1__FULFILMENT__DELIVERY},
    {"collection", LIFECIRCLE__V1__FULFILMENT__COLLECTION},
};
static const struct json_enum shortages[] = {
    {"hold", LIFECIRCLE__V1__SHORTAGE__SHORTAGE_HOLD},
    {"reject", LIFECIRCLE__V1__SHORTAGE__SHORTAGE_REJECT},
    {"partial", LIFECIRCLE__V1__SHORTAGE__SHORTAGE_PARTIAL},
    {"substitute", LIFECIRCLE__V1__SHORTAGE__SHORTAGE_SUBSTITUTE},
};
static const struct json_enum rankings[] = {
    {"nearest", LIFECIRCLE__V1__RANKING__NEAREST},
    {"soonest", LIFECIRCLE__V1__RANKING__SOONEST},
};
static const struct json_enum price_policies[] = {
    {"refuse", LIFECIRCLE__V1__PRICE_POLICY__PRICE_REFUSE},
    {"take", LIFECIRCLE__V1__PRICE_POLICY__PRICE_TAKE},
};
#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

/* A string field as protobuf-c keeps it; NULL = wrong, and said so. */
static void
text(struct json_in *json, const struct json_at *at, const char *name, enum json_need need,
     size_t min, size_t max, char **out)
{
    struct slice s;

    if (at->value == NULL) {
        *out = NULL; /* the object around it is wrong or missing, and it was said if that matters */
        return;
    }
    if (json_in_string(json, at, name, need, min, max, &s))
        *out = arena_copy(json->arena, s.p, s.n);
    else if (json_in_has(at, name) || need == JSON_REQUIRED)
        *out = NULL;
}

static void
read_contact(struct json_in *json, const struct json_at *at, Lifecircle__V1__OrderSubmission *s)
{
    static const char *const fields[] = {"name", "phone"};
    struct json_at c;

    if (!json_in_object(json, at, "customer", JSON_OPTIONAL, &c))
        return;
    Lifecircle__V1__Contact *contact = arena_alloc(json->arena, sizeof *contact);
    if (contact == NULL)
        return;
    lifecircle__v1__contact__init(contact);
    text(json, &c, "name", JSON_OPTIONAL, 0, NAME_BYTES_MAX, &contact->name);
    text(json, &c, "phone", JSON_OPTIONAL, 0, PHONE_BYTES_MAX, &contact->phone);
    json_in_only(json, &c, fields, COUNT_OF(fields));
    s->customer = contact;
}

static void
read_dropoff(struct json_in *json, const struct json_at *at, Lifecircle__V1__OrderSubmission *s)
{
    static const char *const fields[] = {"lat", "lng", "address", "instructions"};
    struct json_at d;

    if (!json_in_object(json, at, "dropoff", JSON_REQUIRED, &d))
        return;
    s->by_address =
        !json_in_has(&d, "lat") && !json_in_has(&d, "lng") && json_in_has(&d, "address");
    if (!s->by_address) {
        json_in_number(json, &d, "lat", JSON_REQUIRED, -90, 90, &s->lat);
        json_in_number(json, &d, "lng", JSON_REQUIRED, -180, 180, &s->lng);
    }
    text(json, &d, "address", JSON_OPTIONAL, 0, ADDRESS_BYTES_MAX, &s->address);
    text(json, &d, "instructions", JSON_OPTIONAL, 0, INSTRUCTIONS_BYTES_MAX, &s->instructions);
    json_in_only(json, &d, fields, COUNT_OF(fields));
}

static void
read_substitutes(struct json_in *json, const struct json_at *line, Lifecircle__V1__OrderLine *to)
{
    struct json_at list;
    size_t n;

    if (!json_in_array(json, line, "substitutes", JSON_OPTIONAL, 0, SUBSTITUTES_MAX, &list, &n) ||
        n == 0)
        return;
    to->substitutes = arena_array(json->arena, n, sizeof *to->substitutes);
    if (to->substitutes == NULL)
        return;
    to->n_substitutes = n;
    for (size_t i = 0; i < n; i++) {
        struct json_at item = json_in_item_any(&list, i);
        struct slice sku;
        if (json_in_string(json, &item, NULL, JSON_REQUIRED, 1, SKU_BYTES_MAX, &sku))
            to->substitutes[i] = arena_copy(json->arena, sku.p, sku.n);
    }
}

static void
read_line(struct json_in *json, const struct json_at *line, Lifecircle__V1__OrderLine *to)
{
    static const char *const fields[] = {"sku", "quantity", "unit_price", "substitutes"};
    int64_t quantity = 1;

    lifecircle__v1__order_line__init(to);
    to->unit_price_cents = -1;
    text(json, line, "sku", JSON_REQUIRED, 1, SKU_BYTES_MAX, &to->sku);
    json_in_int(json, line, "quantity", JSON_REQUIRED, 1, QUANTITY_MAX, &quantity);
    to->quantity = (uint32_t)quantity;
    json_in_int(json, line, "unit_price", JSON_OPTIONAL, 0, INT32_MAX, &to->unit_price_cents);
    read_substitutes(json, line, to);
    json_in_only(json, line, fields, COUNT_OF(fields));
}

static void
read_lines(struct json_in *json, const struct json_at *at, Lifecircle__V1__OrderSubmission *s)
{
    struct json_at list;
    size_t n;

    if (!json_in_array(json, at, "lines", JSON_REQUIRED, 1, LINES_MAX, &list, &n))
        return;
    Lifecircle__V1__OrderLine *line = arena_array(json->arena, n, sizeof *line);
    s->lines = arena_array(json->arena, n, sizeof *s->lines);
    if (line == NULL || s->lines == NULL)
        return;
    s->n_lines = n;
    for (size_t i = 0; i < n; i++) {
        struct json_at item = json_in_item(json, &list, i);
        s->lines[i] = &line[i];
        read_line(json, &item, &line[i]);
    }
}

static void
read_window(struct json_in *json, const struct json_at *at, Lifecircle__V1__OrderSubmission *s)
{
    static const char *const fields[] = {"start", "end"};
    struct json_at w;

    if (!json_in_object(json, at, "window", JSON_OPTIONAL, &w))
        return;
    json_in_time(json, &w, "start", JSON_OPTIONAL, &s->window_start_ms);
    json_in_time(json, &w, "end", JSON_OPTIONAL, &s->window_end_ms);
    json_in_only(json, &w, fields, COUNT_OF(fields));
}

static void
read_choices(struct json_in *json, const struct json_at *at, Lifecircle__V1__OrderSubmission *s)
{
    int v;

    if (json_in_enum(json, at, "fulfilment", JSON_OPTIONAL, fulfilments, COUNT_OF(fulfilments), &v))
        s->fulfilment = (Lifecircle__V1__Fulfilment)v;
    if (json_in_enum(json, at, "shortage", JSON_OPTIONAL, shortages, COUNT_OF(shortages), &v))
        s->shortage = (Lifecircle__V1__Shortage)v;
    if (json_in_enum(json, at, "ranking", JSON_OPTIONAL, rankings, COUNT_OF(rankings), &v))
        s->ranking = (Lifecircle__V1__Ranking)v;
    if (json_in_enum(json, at, "price_policy", JSON_OPTIONAL, price_policies,
                     COUNT_OF(price_policies), &v))
        s->price_policy = (Lifecircle__V1__PricePolicy)v;
}

static void
read_switch(struct json_in *json, const struct json_at *at, const char *name,
            protobuf_c_boolean *to)
{
    bool v;

    if (json_in_bool(json, at, name, JSON_OPTIONAL, &v))
        *to = v;
}

static void
read_priority(struct json_in *json, const struct json_at *at, Lifecircle__V1__OrderSubmission *s)
{
    int64_t v;

    if (json_in_int(json, at, "priority", JSON_OPTIONAL, 0, PRIORITY_MAX, &v))
        s->priority = (uint32_t)v;
}

void
order_read(struct json_in *json, const struct json_at *at, bool quote,
           Lifecircle__V1__OrderSubmission *s)
{
    static const char *const fields[] = {
        "external_order_id", "fulfilment",   "dropoff",    "customer", "lines",
        "currency",          "window",       "hold_until", "shortage", "ranking",
        "store_id",          "price_policy", "age_check",  "cold",     "simulated",
        "priority",
    };

    lifecircle__v1__order_submission__init(s);
    if (at->value == NULL)
        return;
    text(json, at, "external_order_id", quote ? JSON_OPTIONAL : JSON_REQUIRED, 1,
         EXTERNAL_ID_BYTES_MAX, &s->external_order_id);
    read_dropoff(json, at, s);
    read_contact(json, at, s);
    read_lines(json, at, s);
    text(json, at, "currency", JSON_REQUIRED, 3, 3, &s->currency);
    read_window(json, at, s);
    json_in_time(json, at, "hold_until", JSON_OPTIONAL, &s->hold_until_ms);
    read_choices(json, at, s);
    text(json, at, "store_id", JSON_OPTIONAL, 1, STORE_ID_BYTES_MAX, &s->store_id);
    read_switch(json, at, "age_check", &s->age_check);
    read_switch(json, at, "cold", &s->cold);
    read_switch(json, at, "simulated", &s->simulated);
    read_priority(json, at, s);
    json_in_only(json, at, fields, COUNT_OF(fields));
}
