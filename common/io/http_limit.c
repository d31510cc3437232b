#include "io/http_limit.h"

#include "io/http_server.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/random.h>

enum { MOST = 65536, HEADS = 65536, NETS = 32, BURST_S = 10, NONE = 0, LOOK = 64 };

struct net {
    struct ip ip;
    unsigned bits; /* of 128 */
};

struct nets {
    struct net v[NETS];
    size_t n;
};

/* An address: tokens are requests that it may make now, times 1000. */
struct entry {
    struct ip key;
    uint32_t next; /* of the same head; or of the free ones */
    uint32_t open;
    uint64_t tokens;
    uint64_t at_ms;
};

struct http_limit {
    uint32_t connections, per_s, burst;
    struct nets proxies, exempt;
    uint64_t seed;
    uint32_t heads[HEADS];
    struct entry *entries; /* from 1 on; NULL before the first */
    uint32_t room, n, used, hand;
    uint32_t free;
};

/* ---- addresses ---- */

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool
ip_read(struct slice text, struct ip *to)
{
    char copy[48];
    struct in_addr v4;

    if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, '\0', text.n) != NULL)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (inet_pton(AF_INET, copy, &v4) == 1) {
        memcpy(to->b, mapped, sizeof mapped);
        memcpy(to->b + sizeof mapped, &v4, sizeof v4);
        return true;
    }
    return inet_pton(AF_INET6, copy, to->b) == 1;
}

static bool
in_net(const struct ip *ip, const struct net *net)
{
    size_t whole = net->bits / 8;
    unsigned rest = net->bits % 8;

    if (memcmp(ip->b, net->ip.b, whole) != 0)
        return false;
    return rest == 0 || (uint8_t)(ip->b[whole] ^ net->ip.b[whole]) >> (8 - rest) == 0;
}

static bool
in_nets(const struct ip *ip, const struct nets *nets)
{
    for (size_t i = 0; i < nets->n; i++)
        if (in_net(ip, &nets->v[i]))
            return true;
    return false;
}

/* read_net: "10.0.0.0/8", or an address alone. */
static bool
read_net(struct slice text, struct net *to)
{
    size_t slash = 0;

    while (slash < text.n && text.p[slash] != '/')
        slash++;
    if (!ip_read(slice_of(text.p, slash), &to->ip))
        return false;
    bool v4 = memcmp(to->ip.b, mapped, sizeof mapped) == 0 && memchr(text.p, ':', slash) == NULL;
    unsigned most = v4 ? 32 : 128, bits = most;
    if (slash < text.n) {
        bits = 0;
        if (slash + 1 == text.n || text.n - slash > 4)
            return false;
        for (size_t i = slash + 1; i < text.n; i++) {
            if (text.p[i] < '0' || text.p[i] > '9')
                return false;
            bits = bits * 10 + (unsigned)(text.p[i] - '0');
        }
        if (bits > most)
            return false;
    }
    to->bits = v4 ? bits + 96 : bits;
    return true;
}

static bool
read_nets(const char *list, struct nets *to)
{
    to->n = 0;
    while (*list != '\0') {
        size_t n = strcspn(list, ",");
        if (to->n == NETS || !read_net(slice_of(list, n), &to->v[to->n]))
            return false;
        to->n++;
        list += n + (list[n] == ',');
    }
    return true;
}

bool
http_limit_is_proxy(const struct http_limit *l, const struct ip *peer)
{
    return in_nets(peer, &l->proxies);
}

bool
http_limit_client(const struct http_limit *l, struct slice forwarded, struct ip *to, bool *more)
{
    size_t end = forwarded.n;
    bool any = false;

    *more = false;
    for (;;) {
        size_t from = end;
        while (from > 0 && forwarded.p[from - 1] != ',')
            from--;
        struct slice word = slice_of(forwarded.p + from, end - from);
        while (word.n > 0 && (word.p[0] == ' ' || word.p[0] == '\t'))
            word = slice_of(word.p + 1, word.n - 1);
        while (word.n > 0 && (word.p[word.n - 1] == ' ' || word.p[word.n - 1] == '\t'))
            word.n--;
        struct ip ip;
        if (!ip_read(word, &ip))
            return any; /* what is left of it was said by nobody we know */
        *to = ip;
        any = true;
        *more = from == 0 && http_limit_is_proxy(l, &ip);
        if (*more || !http_limit_is_proxy(l, &ip))
            return true;
        end = from - 1;
    }
}

/* ---- what is remembered ---- */

struct http_limit *
http_limit_new(void)
{
    struct http_limit *l = calloc(1, sizeof *l);

    if (l != NULL && getrandom(&l->seed, sizeof l->seed, 0) != (ssize_t)sizeof l->seed) {
        free(l);
        return NULL;
    }
    return l;
}

void
http_limit_destroy(struct http_limit *l)
{
    if (l == NULL)
        return;
    free(l->entries);
    free(l);
}

enum lc_err
http_limit_rules(struct http_limit *l, const struct http_address_rules *rules, const char **why)
{
    struct nets proxies, exempt;

    *why = "expected addresses and networks like 10.0.0.0/8, up to 32 separated by commas";
    if (!read_nets(rules->proxies, &proxies) || !read_nets(rules->exempt, &exempt))
        return LC_EINVAL;
    l->proxies = proxies;
    l->exempt = exempt;
    l->connections = rules->connections;
    l->per_s = rules->per_s;
    l->burst = rules->burst > 0 ? rules->burst : rules->per_s * BURST_S;
    return LC_OK;
}

static struct ip
key_of(const struct ip *ip)
{
    struct ip key = *ip;

    if (memcmp(ip->b, mapped, sizeof mapped) != 0)
        memset(key.b + 8, 0, 8);
    return key;
}

/* head_of: nobody outside knows the seed, so nobody can choose addresses that share one. */
static uint32_t *
head_of(struct http_limit *l, const struct ip *key)
{
    uint64_t half[2];

    memcpy(half, key->b, sizeof half);
    uint64_t h = (half[0] ^ l->seed) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 32 ^ half[1]) * UINT64_C(0xd6e8feb86659fd93);
    h = (h ^ h >> 29 ^ l->seed) * UINT64_C(0x9e3779b97f4a7c15);
    return &l->heads[h >> 48 & (HEADS - 1)];
}

static void
forget(struct http_limit *l, uint32_t at)
{
    struct entry *e = &l->entries[at];
    uint32_t *link = head_of(l, &e->key);

    while (*link != at)
        link = &l->entries[*link].next;
    *link = e->next;
    e->next = l->free;
    l->free = at;
    l->used--;
}

static bool
grow(struct http_limit *l)
{
    uint32_t room = l->room == 0 ? 256 : l->room * 2;
    struct entry *entries = room > MOST + 1 ? NULL : realloc(l->entries, room * sizeof *entries);

    if (entries == NULL)
        return false;
    l->entries = entries;
    l->room = room;
    return true;
}

/* make_room: one without a connection goes, the hand going round. False when all of those looked at
 * have one. */
static bool
make_room(struct http_limit *l)
{
    for (uint32_t i = 0; l->n > 1 && i < LOOK; i++) {
        l->hand = l->hand + 1 < l->n ? l->hand + 1 : 1;
        if (l->entries[l->hand].open == 0) {
            forget(l, l->hand);
            return true;
        }
    }
    return false;
}

/* entry_of: NULL when it is not limited, or when there is no room: then it is let in. */
static struct entry *
entry_of(struct http_limit *l, const struct ip *ip, uint64_t now_ms)
{
    struct ip key = key_of(ip);
    uint32_t *head = head_of(l, &key);

    if ((l->connections == 0 && l->per_s == 0) || in_nets(ip, &l->exempt))
        return NULL;
    for (uint32_t at = *head; at != NONE; at = l->entries[at].next)
        if (memcmp(&l->entries[at].key, &key, sizeof key) == 0)
            return &l->entries[at];
    if (l->n == 0)
        l->n = 1;
    uint32_t at = l->free;
    if (at == NONE && l->n >= l->room && !grow(l) && !make_room(l))
        return NULL;
    at = l->free;
    if (at != NONE)
        l->free = l->entries[at].next;
    else
        at = l->n++;
    l->entries[at] = (struct entry){
        .key = key, .next = *head, .tokens = (uint64_t)l->burst * 1000, .at_ms = now_ms};
    *head = at;
    l->used++;
    return &l->entries[at];
}

bool
http_limit_open(struct http_limit *l, const struct ip *ip, uint64_t now_ms, uint32_t *held)
{
    struct entry *e = entry_of(l, ip, now_ms);

    *held = NONE;
    if (e == NULL)
        return true;
    if (l->connections > 0 && e->open >= l->connections)
        return false;
    e->open++;
    *held = (uint32_t)(e - l->entries);
    return true;
}

void
http_limit_close(struct http_limit *l, uint32_t *held)
{
    if (*held != NONE)
        l->entries[*held].open--;
    *held = NONE;
}

bool
http_limit_take(struct http_limit *l, const struct ip *ip, uint64_t now_ms)
{
    struct entry *e = l->per_s == 0 ? NULL : entry_of(l, ip, now_ms);

    if (e == NULL)
        return true;
    uint64_t most = (uint64_t)l->burst * 1000;
    e->tokens += (now_ms - e->at_ms) * l->per_s;
    e->at_ms = now_ms;
    if (e->tokens > most)
        e->tokens = most;
    if (e->tokens < 1000)
        return false;
    e->tokens -= 1000;
    return true;
}

size_t
http_limit_count(const struct http_limit *l)
{
    return l->used;
}
