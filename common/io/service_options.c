#include "io/service_own.h"

#include <assert.h>

static void
add(struct shell *s, struct option option)
{
    size_t n = s->options.n;

    assert(n < COMMON_OPTIONS);
    s->common[n] = option;
    options_add(&s->options, &s->common[n], 1);
}

static void
add_text(struct shell *s, unsigned use, const char *name, const char *fallback, const char *meaning)
{
    if (use != 0 && (s->ports->uses & use) == 0)
        return;
    add(s, (struct option){name, OPTION_TEXT, fallback == NULL ? "" : fallback, meaning, false});
}

/* add_addresses: the same figures as the edge's. */
static void
add_addresses(struct shell *s)
{
    add(s, (struct option){"address-requests", OPTION_NUMBER, "2000",
                           "HTTP requests a second from one address (of IPv6: one /64); ten times "
                           "as many at once after a quiet time; 0: any number; SIGHUP reads it "
                           "again, and the next three",
                           false});
    add(s, (struct option){"address-connections", OPTION_NUMBER, "2000",
                           "what one address may have open; 0: any number", false});
    add_text(s, 0, "address-exempt", "127.0.0.0/8,::1",
             "addresses and networks that are not limited, separated by commas");
    add_text(s, 0, "trusted-proxies", "",
             "addresses and networks of proxies: the X-Forwarded-For of these, and of nobody else, "
             "says who asks");
}

static void
add_links(struct shell *s)
{
    const struct service_ports *p = s->ports;

    add_text(s, SERVICE_LISTENS, "listen", p->listen,
             "where work comes in: tcp://address:port or ipc://path, several separated by commas");
    add_text(s, SERVICE_PUBLISHES, "news", p->news, "where news go out: as listen");
    add_text(s, SERVICE_FOLLOWS, "follow", p->follow,
             "whose news to follow: tcp://name:port or ipc://path, several separated by commas; "
             "all addresses of a name are used");
    add_text(s, SERVICE_MATCHERS, "matcher", p->matcher, "the matchers: as follow");
    add_text(s, SERVICE_INVENTORIES, "inventory", p->inventory, "the inventories: as follow");
    add_text(s, SERVICE_ROUTERS, "router", p->router, "the routers: as follow");
    add(s, (struct option){"allow-plain-tcp", OPTION_SWITCH, "no",
                           "listen beyond the loopback though frames are not encrypted: only on a "
                           "private network",
                           false});
    add(s, (struct option){"bus-key", OPTION_FILE, "",
                           "file of this daemon's key (lcctl keys new): frames are encrypted, and "
                           "only listed keys come in",
                           false});
    add(s, (struct option){"bus-allow", OPTION_FILE, "",
                           "file of the public keys of the city's daemons, a line of name and key "
                           "each; SIGHUP reads it again",
                           false});
    if (shell_takes_chains(s))
        add(s, (struct option){"chains-allow", OPTION_FILE, "",
                               "with bus-key: file of the public keys of chains that may connect "
                               "to listen; SIGHUP reads it again",
                               false});
    add_text(s, SERVICE_HTTP, "http", p->http,
             "HTTP: host:port or unix:/path, several separated by commas; TLS is the proxy's");
    if (p->uses & SERVICE_HTTP)
        add(s, (struct option){"connections", OPTION_NUMBER, "0",
                               "HTTP connections at once, at most 1048576; 0: as many as the limit "
                               "of open files leaves room for, less 256",
                               false});
    if (p->uses & SERVICE_HTTP)
        add_addresses(s);
    add(s,
        (struct option){"leave-s", OPTION_NUMBER, "0",
                        "seconds after SIGTERM in which all goes on while /readyz says that this "
                        "daemon stops: as long as a proxy in front needs to send nobody new "
                        "here; a second SIGTERM ends them",
                        false});
    add_text(s, 0, "admin", p->admin,
             "HTTP for /healthz, /readyz and /metrics; empty: on the http port");
    if (p->uses & SERVICE_CALLS)
        add(s, (struct option){"webhooks-private", OPTION_SWITCH, "no",
                               "webhooks may go to loopback and private addresses", false});
}

static void
add_travel(struct shell *s)
{
    if ((s->ports->uses & SERVICE_TRAVEL) == 0)
        return;
    add_text(s, SERVICE_TRAVEL, "travel-osrm", "",
             "OSRM servers to ask for travel times: URL, mode=URL or mode+mode=URL, several "
             "separated by commas; #name behind a URL is the profile in its path (else foot, bike "
             "or car). One osrm-routed knows one profile, whatever the path says: name its modes");
    add_text(s, SERVICE_TRAVEL, "travel-valhalla", "",
             "Valhalla servers, as travel-osrm, for the modes that none of those has; #name is the "
             "costing");
    add(s, (struct option){"travel-wait-ms", OPTION_NUMBER, "80",
                           "so long an order waits for them, and at most a third of its time; then "
                           "the times of this process count",
                           false});
    add(s, (struct option){"travel-table", OPTION_NUMBER, "100",
                           "places in one request, at most 100; less for a server that says 'too "
                           "big'",
                           false});
    add(s, (struct option){"travel-radius-m", OPTION_NUMBER, "1000",
                           "no street is sought further from a place", false});
    add(s,
        (struct option){"travel-connections", OPTION_NUMBER, "4", "to each server at once", false});
}

static void
add_redis(struct shell *s)
{
    add_text(s, 0, "redis-sentinel", "",
             "Sentinels that know where Redis' primary is: host:port, several separated by commas; "
             "--redis does not count then");
    add_text(s, 0, "redis-master", "lifecircle", "what they call it");
    add_text(s, 0, "redis-cluster", "",
             "nodes of a Redis Cluster, which say where the city is: host:port, several separated "
             "by commas; --redis does not count then");
    add_text(s, 0, "redis-sentinel-user", "", "for AUTH with them; empty: the default user");
    add(s,
        (struct option){"redis-sentinel-password", OPTION_SECRET, "", "for AUTH with them", false});
    add(s, (struct option){"redis-wait-replicas", OPTION_NUMBER, "0",
                           "so many replicas must have what is acknowledged", false});
    add(s, (struct option){"redis-wait-ms", OPTION_NUMBER, "500",
                           "so long they are waited for (1 to 4000); then it is not acknowledged",
                           false});
    add(s,
        (struct option){"redis-wait-degraded", OPTION_SWITCH, "no",
                        "acknowledge with the primary alone when too few replicas answer", false});
}

static void
add_roads(struct shell *s)
{
    add_text(s, SERVICE_ROADS, "roads", "",
             "a map made by `lcctl roads build`, for travel times along streets; empty: estimates");
    add_text(s, SERVICE_ADDRESSES, "addresses", "",
             "an index made by `lcctl addresses build`: orders may come with an address alone");
}

bool
shell_takes_chains(const struct shell *s)
{
    unsigned both = SERVICE_LISTENS | SERVICE_HTTP;

    return (s->ports->uses & both) == both;
}

void
shell_options(struct shell *s)
{
    static const char *const live[] = {"log-level",
                                       "order-lines",
                                       "address-requests",
                                       "address-connections",
                                       "address-exempt",
                                       "trusted-proxies",
                                       "roads",
                                       "addresses",
                                       NULL};

    s->options.live = live;
    add(s, (struct option){"config", OPTION_TEXT, "", "file of lines name = value", false});
    add(s,
        (struct option){"live", OPTION_TEXT, "",
                        "as config, for log-level, order-lines, address-…, trusted-proxies, roads "
                        "and addresses: stronger than flags and environment, so that SIGHUP "
                        "changes them; the file need not be there",
                        false});
    add(s, (struct option){"city", OPTION_TEXT, "", "the city's tag, [a-z0-9-]{1,31}", true});
    if (s->ports->uses & SERVICE_SECRET)
        add(s, (struct option){"city-secret", OPTION_SECRET, "",
                               "64 hex digits: all tokens and links are made from it", true});
    add(s, (struct option){"timezone", OPTION_TEXT, "UTC",
                           "the city's time zone, as in /usr/share/zoneinfo", false});
    add(s,
        (struct option){"redis", OPTION_TEXT, "127.0.0.1:6379", "unix:/path or host:port", false});
    add(s,
        (struct option){"redis-user", OPTION_TEXT, "", "for AUTH; empty: the default user", false});
    add(s, (struct option){"redis-password", OPTION_SECRET, "", "for AUTH", false});
    add_redis(s);
    add_links(s);
    add_roads(s);
    add_travel(s);
    add(s, (struct option){"record", OPTION_TEXT, "",
                           "directory to record every step in, for lcctl replay; the files are "
                           "sealed with keys that lie beside them",
                           false});
    add(s, (struct option){"log-level", OPTION_TEXT, "info", "debug, info, warn or error", false});
    add(s, (struct option){"order-lines", OPTION_NUMBER, "500",
                           "so many lines a second at most tell what happens to orders; 0: none",
                           false});
    options_add(&s->options, s->ports->options, s->ports->n_options);
}
