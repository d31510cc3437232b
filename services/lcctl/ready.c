/* lcctl ready: one question to a daemon's admin port, for health checks of containers that have no
 * other HTTP client. */
#include "lcctl/http.h"
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include <stdio.h>

int
cmd_ready(struct ctl *c, struct args *a)
{
    const char *address = args_next(a);
    const char *path = args_next(a);
    char at[HTTP_ADDRESS];
    struct buf answer = {0};
    struct buf b = {0};
    struct json_out w = json_out_to(&b);

    if (address == NULL || !args_done(a))
        return EXIT_USAGE;
    int status = http_ask_any(address, "GET", path == NULL ? "/readyz" : path, &answer, at);
    if (status < 0)
        return EXIT_USAGE;
    if (status < 100) {
        fprintf(stderr, "lcctl: %s: no answer\n", address);
        buf_free(&answer);
        return EXIT_FAILED;
    }
    if (c->json) {
        json_out_object(&w, NULL);
        json_out_bool(&w, "ready", status == 200);
        json_out_int(&w, "status", status);
        json_out_cstr(&w, "said", answer.p);
        json_out_end(&w);
        if (show_json(&b) != EXIT_SUCCESS) {
            buf_free(&answer);
            return EXIT_FAILED;
        }
    } else {
        fputs(answer.p, stdout);
    }
    buf_free(&answer);
    return status == 200 ? EXIT_SUCCESS : EXIT_NOT_SO;
}
