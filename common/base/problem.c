#include "base/problem.h"

#include "base/json_out.h"

const char *
problem_status_title(int status)
{
    static const struct {
        int status;
        const char *title;
    } table[] = {
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"}, /* RFC 6585, as 429 and 431 */
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].status == status)
            return table[i].title;
    return "Error";
}

void
problem_write(struct buf *out, const struct problem *p)
{
    struct json_out w = json_out_to(out);

    json_out_object(&w, NULL);
    json_out_cstr(&w, "title", p->title != NULL ? p->title : problem_status_title(p->status));
    json_out_int(&w, "status", p->status);
    if (p->detail != NULL)
        json_out_cstr(&w, "detail", p->detail);
    json_out_cstr(&w, "code", p->code);
    if (p->error_n > 0) {
        json_out_array(&w, "errors");
        for (size_t i = 0; i < p->error_n; i++) {
            json_out_object(&w, NULL);
            json_out_cstr(&w, "field", p->errors[i].field);
            json_out_cstr(&w, "error", p->errors[i].error);
            json_out_end(&w);
        }
        json_out_end(&w);
    }
    json_out_end(&w);
}
