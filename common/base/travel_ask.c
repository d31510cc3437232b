#include "base/travel_ask.h"

#include <ctype.h>

const char *
travel_end_name(int end)
{
    static const char *const names[TRAVEL_ENDS] = {"answered", "late",   "full",   "shut",
                                                   "nobody",   "broken", "denied", "lied"};

    return end >= 0 && end < TRAVEL_ENDS ? names[end] : "?";
}

static void
put_points(struct buf *b, const struct latlng *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_u32(b, (uint32_t)p[i].lat_e7);
        buf_u32(b, (uint32_t)p[i].lng_e7);
    }
}

void
travel_ask_put(struct buf *b, const struct travel_ask *ask)
{
    buf_u8(b, (uint8_t)ask->mode);
    buf_u64(b, (uint64_t)ask->depart_ms);
    buf_u32(b, (uint32_t)ask->from_n);
    buf_u32(b, (uint32_t)ask->to_n);
    put_points(b, ask->from, ask->from_n);
    put_points(b, ask->to, ask->to_n);
}

static bool
get_points(struct cursor *c, struct latlng *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i].lat_e7 = (int32_t)cursor_u32(c);
        p[i].lng_e7 = (int32_t)cursor_u32(c);
        if (!geo_valid(p[i]))
            return false;
    }
    return !c->failed;
}

enum lc_err
travel_ask_get(struct slice bytes, struct arena *a, struct travel_ask *ask)
{
    struct cursor c = {bytes.p, bytes.n, false};
    unsigned mode = cursor_u8(&c);

    *ask =
        (struct travel_ask){.mode = (enum travel_mode)mode, .depart_ms = (int64_t)cursor_u64(&c)};
    ask->from_n = cursor_u32(&c);
    ask->to_n = cursor_u32(&c);
    if (c.failed || mode >= TRAVEL_MODES || ask->from_n == 0 || ask->to_n == 0)
        return LC_EINVAL;
    if (ask->from_n > TRAVEL_ASK_POINTS || ask->to_n > TRAVEL_ASK_POINTS ||
        ask->from_n * ask->to_n > TRAVEL_ASK_CELLS)
        return LC_ETOOBIG;
    struct latlng *from = arena_alloc(a, ask->from_n * sizeof *from);
    struct latlng *to = arena_alloc(a, ask->to_n * sizeof *to);
    if (from == NULL || to == NULL)
        return LC_ENOMEM;
    if (!get_points(&c, from, ask->from_n) || !get_points(&c, to, ask->to_n) || c.n != 0)
        return LC_EINVAL;
    ask->from = from;
    ask->to = to;
    return LC_OK;
}

enum { CELL_BYTES = 8 };

void
travel_cells_put(struct buf *b, const struct travel_cell *cell, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_u32(b, cell[i].seconds);
        buf_u32(b, cell[i].metres);
    }
}

size_t
travel_cells_count(struct slice bytes)
{
    return bytes.n / CELL_BYTES;
}

struct travel_cell
travel_cell_get(struct slice bytes, size_t i)
{
    if (i >= travel_cells_count(bytes))
        return (struct travel_cell){TRAVEL_UNREACHABLE, TRAVEL_UNREACHABLE};
    const char *p = bytes.p + i * CELL_BYTES;
    return (struct travel_cell){bytes_u32(p), bytes_u32(p + 4)};
}

/* ---- servers ---- */

/* Cuts s at the first `at`: what stood before it; s keeps what is behind. All of s without one. */
static struct slice
cut(struct slice *s, char at)
{
    const char *p = s->n == 0 ? NULL : memchr(s->p, at, s->n);
    struct slice head = *s;

    if (p == NULL) {
        *s = slice_of(NULL, 0);
        return head;
    }
    head.n = (size_t)(p - s->p);
    *s = slice_of(p + 1, s->n - head.n - 1);
    return head;
}

static bool
has_prefix(struct slice s, const char *prefix)
{
    size_t n = strlen(prefix);

    return s.n > n && memcmp(s.p, prefix, n) == 0;
}

/* What a URL's path may be made of here; anything else would have to be escaped. */
static bool
plain(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && memchr("-._~:/[]%", s.p[i], 9) == NULL)
            return false;
    return true;
}

static const char *
read_modes(struct slice list, unsigned *modes)
{
    enum travel_mode mode;

    *modes = 0;
    while (list.n > 0) {
        if (travel_mode_parse(cut(&list, '+'), &mode) != LC_OK)
            return "expected foot, bicycle, ebike, scooter, car or van before the '='";
        *modes |= 1U << mode;
    }
    return *modes == 0 ? "expected a mode before the '='" : NULL;
}

static const char *
read_server(struct slice item, bool valhalla, unsigned taken, struct travel_server *s)
{
    const unsigned all = (1U << TRAVEL_MODES) - 1;
    const char *why = NULL;

    *s = (struct travel_server){.modes = all, .valhalla = valhalla};
    if (!has_prefix(item, "http://") && !has_prefix(item, "https://")) {
        if (memchr(item.p, '=', item.n) == NULL)
            return "expected http://host:port or mode=http://host:port";
        why = read_modes(cut(&item, '='), &s->modes);
        if ((s->modes & taken) != 0)
            why = "expected each mode once";
    }
    s->modes &= ~taken;
    s->url = cut(&item, '#');
    s->profile = item;
    while (s->url.n > 0 && s->url.p[s->url.n - 1] == '/')
        s->url.n--;
    if (why == NULL && !has_prefix(s->url, "http://") && !has_prefix(s->url, "https://"))
        why = "expected http:// or https://, then host:port";
    if (why == NULL && (s->url.n > 256 || !plain(s->url)))
        why = "expected a URL of at most 256 letters, digits and -._~:/[]%, without a password";
    if (why == NULL && (s->profile.n > 64 || !plain(s->profile)))
        why = "expected a profile of at most 64 letters, digits and -._~ behind the '#'";
    return why;
}

int
travel_servers_read(struct slice osrm, struct slice valhalla,
                    struct travel_server out[TRAVEL_SERVERS], const char **why)
{
    struct slice lists[] = {osrm, valhalla};
    unsigned taken = 0;
    int n = 0;

    *why = NULL;
    for (int k = 0; k < 2; k++)
        while (lists[k].n > 0) {
            if (n == TRAVEL_SERVERS) {
                *why = "expected at most 12 servers";
                return -1;
            }
            *why = read_server(cut(&lists[k], ','), k == 1, taken, &out[n]);
            if (*why != NULL)
                return -1;
            if (out[n].modes == 0) {
                *why = "expected each mode once";
                return -1;
            }
            taken |= out[n++].modes;
        }
    return n;
}

unsigned
travel_servers_modes(struct slice osrm, struct slice valhalla)
{
    struct travel_server server[TRAVEL_SERVERS];
    const char *why;
    unsigned modes = 0;
    int n = travel_servers_read(osrm, valhalla, server, &why);

    for (int i = 0; i < n; i++)
        modes |= server[i].modes;
    return modes;
}
