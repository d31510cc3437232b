/* SIGHUP: what can change without a restart is read again from the same flags, environment and
 * files. */
#include "io/service_own.h"

#include <stdio.h>
#include <stdlib.h>

/* The file is another one under the old name more often than not. */
static enum lc_err
reload_roads(struct shell *s, const struct options *fresh)
{
    struct shell_map *m;
    char why[ROADS_ERROR_MAX];
    enum lc_err err = shell_map_open(s, fresh, &m, why);

    if (err == LC_OK && (m != NULL || s->map != NULL)) {
        err = shell_map_use(s, m);
        snprintf(why, sizeof why, "%s", lc_strerror(err));
    }
    if (err != LC_OK)
        log_line(LOG_ERROR, "roads_refused", "reason=%s effect=%s", why,
                 s->map == NULL ? "travel_times_stay_estimates" : "the_map_before_stays");
    return err;
}

/* Who may come in by CURVE; a daemon's own key needs a restart. */
static enum lc_err
relist(struct shell *s, struct options *fresh)
{
    const char *why = "";
    const char *chains = shell_takes_chains(s) ? options_get(fresh, "chains-allow") : "";
    enum lc_err err =
        bus_relist(s->bus, slice_str(options_get(fresh, "bus-allow")), slice_str(chains), &why);

    if (err != LC_OK)
        snprintf(fresh->why, sizeof fresh->why, "bus-allow, chains-allow: %s", why);
    return err == LC_ETOOBIG ? LC_EINVAL : err;
}

void
shell_reload(struct shell *s)
{
    struct options fresh = {.n = s->options.n, .live = s->options.live};
    enum log_level level = LOG_INFO;

    memcpy(fresh.table, s->options.table, sizeof fresh.table);
    enum lc_err err = options_read(&fresh, s->argc, s->argv, getenv);
    if (err == LC_OK &&
        log_level_of(slice_str(options_get(&fresh, "log-level")), &level) != LC_OK) {
        snprintf(fresh.why, sizeof fresh.why, "log-level: expected debug, info, warn or error");
        err = LC_EINVAL;
    }
    if (err == LC_OK) {
        const struct redis_login login = {slice_str(options_get(&fresh, "redis-user")),
                                          slice_str(options_get(&fresh, "redis-password"))};
        err = redis_relogin(s->redis, &login);
        snprintf(fresh.why, sizeof fresh.why, "redis-user, redis-password: too long");
    }
    if (err == LC_OK) {
        const char *why = "";
        err = shell_limit_addresses(s, &fresh, &why);
        snprintf(fresh.why, sizeof fresh.why, "address-*, trusted-proxies: %s", why);
    }
    if (err == LC_OK)
        err = relist(s, &fresh);
    bool roads = err == LC_OK && reload_roads(s, &fresh) == LC_OK;
    bool addresses = err == LC_OK && shell_addresses_reload(s, &fresh) == LC_OK;
    s->reloads[!roads || !addresses]++;
    if (err != LC_OK) {
        log_line(LOG_ERROR, "reload_refused", "reason=%s",
                 err == LC_EINVAL ? fresh.why : lc_strerror(err));
    } else {
        log_open(s->service->name, level);
        log_orders(options_int(&fresh, "order-lines"));
        log_line(LOG_INFO, "reloaded", "log_level=%s", options_get(&fresh, "log-level"));
    }
    options_free(&fresh);
    shell_flush(s);
}
