#include "core.h"

static const char *const plain[COUNT_ROUTE_0][2] = {
    [COUNT_PLACED] = {"orders_total{outcome=\"placed\"}",
                      "Orders answered, by what became of them"},
    [COUNT_ACCEPTED] = {"orders_total{outcome=\"created\"}", ""},
    [COUNT_HELD] = {"orders_total{outcome=\"held\"}", ""},
    [COUNT_REJECTED] = {"orders_total{outcome=\"rejected\"}", ""},
    [COUNT_REPEATED] = {"orders_total{outcome=\"repeated\"}", ""},
    [COUNT_CONFLICT] = {"orders_total{outcome=\"conflict\"}", ""},
    [COUNT_PRICE_CHANGED] = {"orders_total{outcome=\"price_changed\"}", ""},
    [COUNT_INVALID] = {"orders_total{outcome=\"invalid\"}", ""},
    [COUNT_UNAVAILABLE] = {"orders_total{outcome=\"unavailable\"}", ""},
    [COUNT_FALLBACK] = {"orders_fallback_total",
                        "Orders that the matcher did not answer in time and intake wrote itself"},
    [COUNT_QUOTES] = {"quotes_total", "Quotes answered"},
    [COUNT_2XX] = {"http_answers_total{class=\"2xx\"}", "HTTP answers"},
    [COUNT_4XX] = {"http_answers_total{class=\"4xx\"}", ""},
    [COUNT_5XX] = {"http_answers_total{class=\"5xx\"}", ""},
    [COUNT_BATCH_LINES] = {"batch_lines_total", "Lines of order batches"},
    [COUNT_FEED_LINES] = {"feed_lines_total", "Lines of stock feeds"},
    [COUNT_FEED_REFUSED] = {"feed_lines_refused_total", "Lines of stock feeds that were refused"},
    [COUNT_STORES_OUTSIDE] = {"stores_outside_zone_total",
                              "Stores taken although they lie outside their own zone"},
    [COUNT_SUBMITS] = {"submit_requests_total", "Requests on the public ZeroMQ socket"},
    [COUNT_ADDRESS_SURE] = {"addresses_asked_total{found=\"house\"}",
                            "Orders and quotes by address alone, by how well it was found"},
    [COUNT_ADDRESS_UNSURE] = {"addresses_asked_total{found=\"street\"}", ""},
    [COUNT_ADDRESS_NONE] = {"addresses_asked_total{found=\"nothing\"}", ""},
    [COUNT_TRACE_TAKEN] = {"traceparents_total{found=\"taken\"}",
                           "Requests with orders, by their W3C trace context; without a good one "
                           "the order's id is the trace"},
    [COUNT_TRACE_NONE] = {"traceparents_total{found=\"none\"}", ""},
    [COUNT_TRACE_REFUSED] = {"traceparents_total{found=\"refused\"}", ""},
    [COUNT_PENDING] = {"orders_pending", "Orders on their way to an answer"},
    [COUNT_STREAMS] = {"streams_open", "Batches and feeds under way"},
    [COUNT_CALLS] = {"redis_calls_pending", "Calls to Redis without an answer yet"},
};

/* The codes of docs/api.md; others count as the last. */
#define CODE(c)                                                                                    \
    {                                                                                              \
        c, "refused_total{code=\"" c "\"}"                                                         \
    }
static const char *const codes[COUNT_CODE_LAST - COUNT_CODE_0 + 1][2] = {
    CODE("malformed_json"),
    CODE("invalid_order"),
    CODE("invalid_stores"),
    CODE("invalid_request"),
    CODE("invalid_feed"),
    CODE("unauthorized"),
    CODE("not_found"),
    CODE("method_not_allowed"),
    CODE("unsupported_media_type"),
    CODE("too_many_requests"),
    CODE("too_many_streams"),
    CODE("unavailable"),
    CODE("overloaded"),
    CODE("stopping"),
    CODE("conflict"),
    CODE("idempotency_key_reused"),
    CODE("price_changed"),
    CODE("rejected"),
    CODE("too_late"),
    CODE("not_allowed"),
    CODE("wrong_code"),
    CODE("body_too_large"),
    CODE("line_too_long"),
    CODE("signature_required"),
    CODE("bad_signature"),
    CODE("other"),
};

void
counts_init(struct intake *in)
{
    enum { CODES = sizeof codes / sizeof *codes };

    for (size_t i = 0; i < COUNT_ROUTE_0; i++)
        in->counts[i] = (struct counter){.name = plain[i][0], .help = plain[i][1]};
    in->counts[COUNT_PENDING].gauge = true;
    in->counts[COUNT_STREAMS].gauge = true;
    in->counts[COUNT_CALLS].gauge = true;
    in->answer =
        (struct histogram){.name = "order_seconds", .help = "From request to answer of an order"};
    for (size_t i = 0; i <= COUNT_ROUTE_LAST - COUNT_ROUTE_0; i++)
        in->counts[COUNT_ROUTE_0 + i] =
            (struct counter){.name = count_route_names[i], .help = "HTTP requests"};
    for (size_t i = 0; i < CODES; i++)
        in->counts[COUNT_CODE_0 + i] =
            (struct counter){.name = codes[i][1], .help = "Refusals by their problem code"};
}

void
count_code(struct intake *in, const char *code)
{
    size_t i = 0;

    while (i < COUNT_CODE_LAST - COUNT_CODE_0 && strcmp(codes[i][0], code) != 0)
        i++;
    in->counts[COUNT_CODE_0 + i].value++;
}

void
count_route(struct intake *in, size_t route)
{
    in->counts[COUNT_ROUTE_0 + route].value++;
}
