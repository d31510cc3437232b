#include "lcctl/commands.h"

const struct command commands[] = {
    {"chain", cmd_chain, true,
     "chain add ID --name NAME [--currency USD] [--price-policy refuse|take] [--promise SECONDS] "
     "[--rate N]\n"
     "chain list\n"
     "chain sign CHAIN\n"
     "chain set CHAIN [--signatures required|optional|off] [--rate N]",
     "add a chain and print its first API key; list chains and keys; make a secret for signed "
     "requests (the one before it goes on counting); say whether they must be signed, and how many "
     "requests a second each of the chain's keys may send (1 to 1000000)"},
    {"key", cmd_key, true,
     "key new CHAIN\n"
     "key revoke CHAIN KEY_ID",
     "make another API key for a chain; revoke one"},
    {"courier", cmd_courier, true,
     "courier add ID --name NAME [--no-age-checks]\n"
     "courier list\n"
     "courier token ID\n"
     "courier revoke ID",
     "register a courier and print the token; list; make another token, beside which the one "
     "before it goes on counting; revoke both, which ends the shift at once"},
    {"couriers", cmd_couriers, true, "couriers",
     "who is on shift now, or has left it with orders in hand: since when, with how many orders "
     "accepted and offered, what is next and when, where they were last, and whether their "
     "route is frozen"},
    {"operator", cmd_operator, true,
     "operator add NAME\n"
     "operator list\n"
     "operator revoke ID",
     "let somebody see the whole city at /ops and print the token; list; revoke"},
    {"store", cmd_store, true,
     "store add CHAIN/STORE_ID\n"
     "store list\n"
     "store revoke ID",
     "let a store's screen in at /store and print the token; list; revoke"},
    {"order", cmd_order, true, "order ORDER", "an order's state and its history"},
    {"trace", cmd_trace, false, "trace ORDER|TRACE_ID [FILE...]",
     "what happened to an order, when, and how long it took: its history in Redis, and what the "
     "daemons' logs (FILE -: from stdin) say of it or of a whole trace"},
    {"forget", cmd_forget, true,
     "forget ORDER... [--recordings DIR] [--backup-keys FILE]\n"
     "forget --older DAYS",
     "destroy the personal data of orders that have ended; of all that ended so many days ago"},
    {"explain", cmd_explain, true, "explain ORDER",
     "why this store and not the others, candidate by candidate"},
    {"pin", cmd_pin, true,
     "pin ORDER COURIER [--why WORDS] [--who NAME]\n"
     "pin --lift ORDER",
     "this courier alone gets the order. COURIER, here and below: a number or a short name"},
    {"ban", cmd_ban, true,
     "ban ORDER COURIER [--why WORDS] [--who NAME]\n"
     "ban --lift ORDER COURIER",
     "this courier never gets the order"},
    {"hold", cmd_hold, true,
     "hold ORDER [--why WORDS] [--who NAME]\n"
     "hold --lift ORDER",
     "nobody gets the order until that is lifted"},
    {"freeze", cmd_freeze, true,
     "freeze COURIER [--why WORDS] [--who NAME]\n"
     "freeze --lift COURIER",
     "this courier gets nothing new, and keeps what was offered or accepted"},
    {"confirm", cmd_confirm, true, "confirm ORDER LAT,LNG [--who NAME]",
     "where an order goes that is held because only its street is known; it is matched then"},
    {"settle", cmd_settle, true, "settle ORDER delivered|returned [--why WORDS] [--who NAME]",
     "what became of goods that a courier carried who cannot say so any more: at the customer's, "
     "or on the store's shelf again"},
    {"rulings", cmd_rulings, true, "rulings",
     "pins, bans, holds and frozen routes that hold now, and who decided what of late"},
    {"audit", cmd_audit, true, "audit", "prove that the ledger adds up to every stock level"},
    {"queue", cmd_queue, true, "queue", "what is due, how much, and how old the oldest row is"},
    {"top", cmd_top, false, "top [--daemons HOST:PORT,...] [--every SECONDS] [--once]",
     "rates, latencies, queues, couriers and daemons, live; ^C ends it. --once: one picture; with "
     "--json one object a line. --daemons: their admin ports, all addresses of a name; default "
     "$LIFECIRCLE_DAEMONS or those of this machine"},
    {"lease", cmd_lease, true,
     "lease [--all]\n"
     "lease release",
     "which router owns the city, since when, with which epoch; --all: of every city in this "
     "Redis. release: hands it to a router that stands by"},
    {"drain", cmd_drain, false, "drain HOST:PORT [--wait SECONDS]",
     "tell the daemon with this admin port to finish what it has begun and leave, and wait until "
     "it has; it listens to its own machine (or container) alone"},
    {"robots", cmd_robots, true,
     "robots [--count 5] [--notifier HOST:PORT] [--city-secret-file FILE] "
     "[--vehicle foot|bicycle|e-bike|scooter|car|van] [--speed N] [--patience SECONDS] "
     "[--decline PERCENT] [--absent PERCENT] [--prefix robot] [--roads FILE]",
     "couriers that nobody is, for trying an integration: they take orders, ride and deliver, N "
     "times as fast as people; along the streets of a compiled map, else straight on"},
    {"replay", cmd_replay, false, "replay DIR [--roads FILE]... [--addresses FILE]... [--plain TO]",
     "run recorded steps again and compare every outgoing byte; on the maps they were made with. "
     "Of the first step that differs it shows the first effect that does, as recorded and as it is "
     "now: orders are in plain text there. --plain: unseal them into TO instead"},
    {"roads", cmd_roads, false,
     "roads build FILE.osm.pbf -o FILE.roads [--modes car,bicycle,...]\n"
     "roads info FILE.roads\n"
     "roads ask FILE.roads [--mode foot|bicycle|ebike|scooter|car|van] LAT,LNG LAT,LNG\n"
     "roads area FILE.roads [--mode foot|bicycle|ebike|scooter|car|van] [--minutes 15] "
     "[--widen 60] LAT,LNG\n"
     "roads zones FILE.roads [--mode foot|bicycle|ebike|scooter|car|van] [--minutes 20] "
     "[--widen 60] [--replace] STORES.geojson",
     "compile a map; look at one; time, streets and polyline of a trip; what is reached, as "
     "GeoJSON; delivery zones for stores that have none (--replace: for all), ready for PUT "
     "/v1/stores"},
    {"speeds", cmd_speeds, true,
     "speeds [--mode foot|bicycle|ebike|scooter|car|van]\n"
     "speeds reset [--mode foot|bicycle|ebike|scooter|car|van]",
     "what routers have learnt of couriers' rides: percent of the map's travel times, by mode and "
     "hour of the week in the city's time zone; forget it"},
    {"addresses", cmd_addresses, false,
     "addresses build FILE.osm.pbf -o FILE.addresses\n"
     "addresses info FILE.addresses\n"
     "addresses ask FILE.addresses TEXT",
     "compile an index of addresses; look at one; where TEXT is, and how well that is known"},
    {"library", cmd_library, true,
     "library load\n"
     "library show",
     "load the Redis Functions of this version; say which are there"},
    {"archive", cmd_archive, true,
     "archive DIR [--days 7] [--personal-days N] [--ledger 200000] [--every SECONDS]",
     "move orders that ended so many days ago (0.5: twelve hours) into DIR/orders-<day>.ndjson; "
     "personal data go after N days, if that is sooner; of the ledger all but the newest entries "
     "go into DIR/ledger-<day>.ndjson, and what they came to stays"},
    {"backup", cmd_backup, true,
     "backup FILE [--keys FILE]\n"
     "backup keys FILE",
     "everything in Redis as of one moment, while it works; FILE -: to stdout. The keys of "
     "personal data go into a file of their own, FILE.keys; those alone, behind a backup to "
     "stdout"},
    {"restore", cmd_restore, false, "restore FILE DIR [--keys FILE]",
     "lay a backup into the empty data directory of a Redis that is to be started"},
    {"ready", cmd_ready, false, "ready HOST:PORT [PATH]",
     "does a daemon's admin port say that it is ready (PATH: /readyz)?"},
    {"secret", cmd_secret, false, "secret", "print a new city secret (64 hex digits)"},
    {"keys", cmd_keys, false,
     "keys new NAME FILE\n"
     "keys show FILE",
     "make a key for encrypted links into FILE (-: to stdout), and print the line for lists of who "
     "may connect; print that of a file again"},
    {"ports", cmd_ports, false, "ports N", "print N free TCP ports of this host"},
    {"completion", cmd_completion, false,
     "completion bash\n"
     "completion zsh",
     "print what makes the shell complete lcctl's words: . <(lcctl completion bash); for zsh into "
     "a file _lcctl of $fpath"},
    {"man", cmd_man, false, "man", "print the manual page: lcctl man | man -l -"},
    {"help", cmd_help, false, "help [COMMAND]", "this text, or that of one command"},
};
const size_t commands_n = sizeof commands / sizeof *commands;

const struct global_option global_options[] = {
    {"redis", "unix:PATH|HOST:PORT", "Redis; default $LIFECIRCLE_REDIS or 127.0.0.1:6379"},
    {"city", "TAG", "the city; default $LIFECIRCLE_CITY or bal"},
    {"json", NULL, "print what is found as JSON, one value or one a line"},
    {"redis-user", "NAME", "for AUTH; default $LIFECIRCLE_REDIS_USER"},
    {"redis-password-file", "FILE",
     "default $LIFECIRCLE_REDIS_PASSWORD_FILE; or $LIFECIRCLE_REDIS_PASSWORD"},
    {"redis-sentinel", "HOST:PORT,...",
     "Sentinels say where the primary is, and --redis does not count; default "
     "$LIFECIRCLE_REDIS_SENTINEL"},
    {"redis-master", "NAME",
     "what Sentinels call it; default $LIFECIRCLE_REDIS_MASTER or lifecircle"},
    {"redis-cluster", "HOST:PORT,...",
     "nodes of a Redis Cluster, which say where the city is, and --redis does not count; default "
     "$LIFECIRCLE_REDIS_CLUSTER"},
    {"redis-sentinel-user", "NAME", "for Sentinels' AUTH; default $LIFECIRCLE_REDIS_SENTINEL_USER"},
    {"redis-sentinel-password-file", "FILE",
     "default $LIFECIRCLE_REDIS_SENTINEL_PASSWORD_FILE; or $LIFECIRCLE_REDIS_SENTINEL_PASSWORD"},
    {"redis-wait-replicas", "N",
     "what is written counts when so many replicas have it; else it is said, and the exit status "
     "is 3"},
    {"redis-wait-ms", "M", "how long to wait for them"},
    {"help", NULL, "help, of all commands or of one"},
};
const size_t global_options_n = sizeof global_options / sizeof *global_options;

const struct command *
command_find(const char *name)
{
    for (size_t i = 0; name != NULL && i < commands_n; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

struct slice
forms_next(const char **p)
{
    size_t n = strcspn(*p, "\n");
    struct slice form = slice_of(*p, n);

    *p += n + ((*p)[n] == '\n');
    return form;
}

struct slice
words_next(struct slice *form)
{
    size_t n = 0;

    while (n < form->n && form->p[n] != ' ')
        n++;
    struct slice word = slice_of(form->p, n);
    n += n < form->n;
    *form = slice_of(form->p + n, form->n - n);
    return word;
}

struct slice
word_bare(struct slice word)
{
    if (word.n > 0 && word.p[0] == '[')
        word = slice_of(word.p + 1, word.n - 1);
    if (word.n > 0 && word.p[word.n - 1] == ']')
        word.n--;
    return word;
}

bool
word_is_option(struct slice bare)
{
    return bare.n > 1 && bare.p[0] == '-';
}

bool
word_is_verb(struct slice word)
{
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] < 'a' || word.p[i] > 'z')
            return false;
    return word.n > 0;
}
