#include "io/bus_own.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* take_name: "NAME@" in front of an endpoint. */
static bool
take_name(struct slice *s, struct endpoint *e)
{
    const char *at = memchr(s->p, '@', s->n);
    const char *colon = memchr(s->p, ':', s->n);
    size_t n = at == NULL ? 0 : (size_t)(at - s->p);

    if (at == NULL || (colon != NULL && colon < at)) /* ipc://@abstract */
        return true;
    if (n == 0 || n >= sizeof e->name)
        return false;
    memcpy(e->name, s->p, n);
    *s = slice_of(at + 1, s->n - n - 1);
    return true;
}

/* name_file: "inventory" of "ipc:///run/inventory.news". */
static void
name_file(struct endpoint *e)
{
    const char *slash = strrchr(e->whole, '/');
    size_t n = strcspn(slash + 1, ".");

    if (e->name[0] == '\0' && n < sizeof e->name)
        memcpy(e->name, slash + 1, n);
}

static bool
parse_endpoint(struct slice s, struct endpoint *e)
{
    *e = (struct endpoint){0};
    if (!take_name(&s, e) || s.n >= sizeof e->whole)
        return false;
    memcpy(e->whole, s.p, s.n);
    if (strncmp(e->whole, "ipc://", 6) == 0) {
        name_file(e);
        return s.n > 6;
    }
    if (strncmp(e->whole, "tcp://", 6) != 0)
        return false;

    const char *host = e->whole + 6;
    const char *colon = strrchr(host, ':');
    if (colon == NULL || colon == host || colon[1] == '\0')
        return false;
    size_t digits = strspn(colon + 1, "0123456789");
    size_t port_n = strlen(colon + 1);
    bool any = strcmp(colon + 1, "*") == 0;
    if (!any && (digits != port_n || port_n > 5 || atoi(colon + 1) < 1 || atoi(colon + 1) > 65535))
        return false;
    memcpy(e->port, colon + 1, port_n);

    bool brackets = host[0] == '[' && colon[-1] == ']';
    size_t from = brackets ? 1 : 0;
    size_t host_n = (size_t)(colon - host) - 2 * from;
    if (host_n == 0 || host_n > HOST_MAX)
        return false;
    memcpy(e->host, host + from, host_n);
    if (e->name[0] == '\0' && host_n < sizeof e->name)
        memcpy(e->name, e->host, host_n);
    return true;
}

enum lc_err
each_endpoint(struct bus *b, const char *list,
              enum lc_err (*one)(struct bus *b, const struct endpoint *e, unsigned arg,
                                 const char **why),
              unsigned arg, const char **why)
{
    struct endpoint e;

    while (*list != '\0') {
        size_t n = strcspn(list, ",");
        size_t trimmed = n;
        while (trimmed > 0 && list[trimmed - 1] == ' ')
            trimmed--;
        if (!parse_endpoint(slice_of(list, trimmed), &e)) {
            *why = "expected tcp://name:port or ipc://path, several separated by commas";
            return LC_EINVAL;
        }
        enum lc_err err = one(b, &e, arg, why);
        if (err != LC_OK)
            return err;
        list += n + (list[n] == ',');
        while (*list == ' ')
            list++;
    }
    return LC_OK;
}

bool
endpoint_is_loopback(const struct endpoint *e)
{
    const char *host = e->host;

    return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
           strcmp(host, "::1") == 0 || strcmp(host, "lo") == 0;
}

/* ZeroMQ takes over a socket file that another process still listens on: ask first. */
bool
endpoint_is_taken(const struct endpoint *e)
{
    const char *path = e->whole + strlen("ipc://");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd;
    bool yes;

    if (strlen(path) >= sizeof to.sun_path || path[0] == '@')
        return false;
    memcpy(to.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    yes = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    if (fd >= 0)
        close(fd);
    return yes;
}
