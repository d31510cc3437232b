/* problem: error answers as application/problem+json (RFC 9457). Pure.
 *
 * {"title":"Unprocessable Content","status":422,"detail":"2 fields are
 * wrong","code":"invalid_order", "errors":[{"field":"lines[2].quantity","error":"expected an
 * integer from 1 to 999, got \"two\""}]} `type` is left out, which RFC 9457 defines as about:blank:
 * `code` is what programs should look at. */
#ifndef LC_BASE_PROBLEM_H
#define LC_BASE_PROBLEM_H

#include "base/bytes.h"

/* One wrong field of an input. */
struct field_error {
    const char *field; /* "lines[2].quantity"; "" for the input as a whole */
    const char *error; /* an English phrase: what was expected, what was got */
};

struct problem {
    int status;         /* HTTP status, 400 to 599 */
    const char *code;   /* stable, lower_snake_case */
    const char *title;  /* NULL: the name of the status */
    const char *detail; /* NULL: left out */
    const struct field_error *errors;
    size_t error_n; /* 0: `errors` is left out */
};

#define PROBLEM_MEDIA_TYPE "application/problem+json"

/* problem_write: appends the JSON object. Bytes that are not UTF-8 are replaced by U+FFFD. */
void problem_write(struct buf *out, const struct problem *p);

/* problem_status_title: the RFC 9110 reason phrase, "Error" for a status it does not know; static.
 */
const char *problem_status_title(int status);

#endif
