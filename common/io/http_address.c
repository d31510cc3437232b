#include "io/http_client.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum address_kind {
    ADDRESS_PUBLIC,
    ADDRESS_LOOPBACK,
    ADDRESS_PRIVATE,
    ADDRESS_RESERVED /* never */
};

#define IP4(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static enum address_kind
judge_v4(uint32_t ip)
{
    static const struct {
        uint32_t net;
        unsigned bits;
        enum address_kind kind;
    } table[] = {
        {IP4(0, 0, 0, 0), 8, ADDRESS_RESERVED},       /* this network: reaches the host itself */
        {IP4(10, 0, 0, 0), 8, ADDRESS_PRIVATE},       /* RFC 1918 */
        {IP4(100, 64, 0, 0), 10, ADDRESS_RESERVED},   /* carriers' NAT, RFC 6598 */
        {IP4(127, 0, 0, 0), 8, ADDRESS_LOOPBACK},     /* RFC 1122 */
        {IP4(169, 254, 0, 0), 16, ADDRESS_RESERVED},  /* link-local; clouds' metadata */
        {IP4(172, 16, 0, 0), 12, ADDRESS_PRIVATE},    /* RFC 1918 */
        {IP4(192, 0, 0, 0), 24, ADDRESS_RESERVED},    /* protocol assignments, RFC 6890 */
        {IP4(192, 0, 2, 0), 24, ADDRESS_RESERVED},    /* documentation, RFC 5737 */
        {IP4(192, 88, 99, 0), 24, ADDRESS_RESERVED},  /* 6to4 relay, RFC 7526 */
        {IP4(192, 168, 0, 0), 16, ADDRESS_PRIVATE},   /* RFC 1918 */
        {IP4(198, 18, 0, 0), 15, ADDRESS_RESERVED},   /* benchmarks, RFC 2544 */
        {IP4(198, 51, 100, 0), 24, ADDRESS_RESERVED}, /* documentation */
        {IP4(203, 0, 113, 0), 24, ADDRESS_RESERVED},  /* documentation */
        {IP4(224, 0, 0, 0), 4, ADDRESS_RESERVED},     /* multicast */
        {IP4(240, 0, 0, 0), 4, ADDRESS_RESERVED},     /* reserved and broadcast */
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if ((ip ^ table[i].net) >> (32 - table[i].bits) == 0)
            return table[i].kind;
    return ADDRESS_PUBLIC;
}

static uint32_t
v4_at(const unsigned char *p)
{
    return IP4(p[0], (uint32_t)p[1], (uint32_t)p[2], (uint32_t)p[3]);
}

static bool
starts(const unsigned char *ip, const char *prefix, size_t n)
{
    return memcmp(ip, prefix, n) == 0;
}

static enum address_kind
judge_v6(const unsigned char *ip)
{
    static const char zero[16];

    if (starts(ip, zero, 15) && ip[15] == 1)
        return ADDRESS_LOOPBACK;
    if (starts(ip, zero, 10) && ip[10] == 0xff && ip[11] == 0xff)
        return judge_v4(v4_at(ip + 12)); /* ::ffff:0:0/96 */
    if (starts(ip, "\x00\x64\xff\x9b\0\0\0\0\0\0\0\0", 12))
        return judge_v4(v4_at(ip + 12)); /* 64:ff9b::/96, NAT64 */
    if (starts(ip, "\x20\x02", 2))
        return judge_v4(v4_at(ip + 2)); /* 2002::/16, 6to4 */
    if ((ip[0] & 0xfe) == 0xfc)
        return ADDRESS_PRIVATE; /* fc00::/7 */
    if ((ip[0] & 0xe0) != 0x20)
        return ADDRESS_RESERVED; /* only 2000::/3 is global unicast */
    if (starts(ip, "\x20\x01\x0d\xb8", 4) ||
        (ip[0] == 0x3f && ip[1] == 0xff && (ip[2] & 0xf0) == 0))
        return ADDRESS_RESERVED; /* documentation */
    if (ip[0] == 0x20 && ip[1] == 0x01 && ip[2] < 2)
        return ADDRESS_RESERVED; /* 2001::/23: Teredo, benchmarks, ORCHID */
    return ADDRESS_PUBLIC;
}

bool
http_address_allowed(const struct sockaddr *sa, bool allow_loopback, bool allow_private)
{
    enum address_kind kind = ADDRESS_RESERVED;

    if (sa->sa_family == AF_INET)
        kind = judge_v4(ntohl(((const struct sockaddr_in *)sa)->sin_addr.s_addr));
    else if (sa->sa_family == AF_INET6)
        kind = judge_v6(((const struct sockaddr_in6 *)sa)->sin6_addr.s6_addr);
    return kind == ADDRESS_PUBLIC || (kind == ADDRESS_LOOPBACK && allow_loopback) ||
           (kind == ADDRESS_PRIVATE && allow_private);
}
