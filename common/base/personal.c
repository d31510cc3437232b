#include "base/personal.h"

#include "base/wire.h"

#include <assert.h>
#include <sodium.h>

enum {
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    KEY = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    PAD = 32
};

_Static_assert(PERSONAL_MARK_SIZE + NONCE + KEY + TAG == PERSONAL_KEY, "layout of a wrapped key");
_Static_assert((int)TAG == (int)PERSONAL_TAG, "layout of sealed data");

/* "lifecircle key 1" and some more by lot: no text that anybody sends */
const uint8_t personal_mark[PERSONAL_MARK_SIZE] = {0x9c, 0x4c, 0x43, 0xf7, 0x6b, 0x31, 0xd0, 0x05,
                                                   0xbe, 0x88, 0x13, 0xe9, 0x5a, 0xc2, 0x01, 0xaf};

/* ---- chance ---- */

/* fold: what is fresh goes into the pool. */
static void
fold(struct chance *c)
{
    uint8_t out[sizeof c->pool];

    if (c->fresh_n == 0)
        return;
    crypto_generichash(out, sizeof out, c->fresh, c->fresh_n * 8, c->pool, sizeof c->pool);
    memcpy(c->pool, out, sizeof out);
    c->fresh_n = 0;
}

void
chance_stir(struct chance *c, uint64_t entropy)
{
    for (size_t i = 0; i < 8; i++)
        c->fresh[c->fresh_n * 8 + i] = (uint8_t)(entropy >> 8 * i);
    if (++c->fresh_n == CHANCE_FRESH)
        fold(c);
    if (c->stirred < CHANCE_ENOUGH)
        c->stirred++;
}

enum lc_err
chance_draw(struct chance *c, void *out, size_t n)
{
    static const uint8_t once[crypto_stream_chacha20_ietf_NONCEBYTES]; /* each pool is a key once */
    uint8_t stream[sizeof c->pool + CHANCE_DRAW_MAX];

    if (c->stirred < CHANCE_ENOUGH)
        return LC_EAGAIN;
    assert(n <= CHANCE_DRAW_MAX);
    fold(c);
    crypto_stream_chacha20_ietf(stream, sizeof c->pool + n, once, c->pool);
    memcpy(c->pool, stream, sizeof c->pool);
    memcpy(out, stream + sizeof c->pool, n);
    sodium_memzero(stream, sizeof stream);
    return LC_OK;
}

/* ---- keys ---- */

static void
derive(const uint8_t *key, size_t n, const char *purpose, uint8_t out[32])
{
    crypto_generichash(out, 32, (const uint8_t *)purpose, strlen(purpose), key, n);
}

void
personal_master_of(const struct city_secret *secret, struct personal_master *out)
{
    derive(secret->b, sizeof secret->b, "lifecircle/personal/1", out->b);
    derive(out->b, sizeof out->b, "lifecircle/fingerprint/1", out->fingerprint);
}

uint64_t
personal_fingerprint(const struct personal_master *master, struct slice bytes)
{
    uint8_t hash[crypto_generichash_BYTES_MIN];
    uint64_t v = 0;

    crypto_generichash(hash, sizeof hash, (const uint8_t *)bytes.p, bytes.n, master->fingerprint,
                       sizeof master->fingerprint);
    for (size_t i = 0; i < sizeof v; i++)
        v |= (uint64_t)hash[i] << 8 * i;
    return v == 0 ? 1 : v;
}

/* ---- sealing ---- */

static size_t
padded(size_t n)
{
    return (n / PAD + 1) * PAD; /* at least the one byte that ends the data */
}

static bool
is_empty(const Lifecircle__V1__Personal *p)
{
    const Lifecircle__V1__Contact *c = p->customer;

    return p->picture.len == 0 && p->address[0] == '\0' && p->instructions[0] == '\0' &&
           (c == NULL || (c->name[0] == '\0' && c->phone[0] == '\0'));
}

/* ISO 7816-4: 0x80 and zeros behind the data. */
static void
pack_padded(const Lifecircle__V1__Personal *p, uint8_t *to, size_t room)
{
    size_t n = lifecircle__v1__personal__pack(p, to);

    to[n] = 0x80;
    memset(to + n + 1, 0, room - n - 1);
}

enum lc_err
personal_seal(const struct personal_master *master, struct chance *chance, struct uuid order,
              const Lifecircle__V1__Personal *p, struct buf *b)
{
    static const uint8_t once[NONCE]; /* the key is for these data alone */
    uint8_t drawn[KEY + NONCE];
    size_t room = padded(lifecircle__v1__personal__get_packed_size(p));

    if (is_empty(p))
        return LC_OK;
    if (chance_draw(chance, drawn, sizeof drawn) != LC_OK)
        return LC_EAGAIN;
    uint8_t *to = (uint8_t *)buf_reserve(b, PERSONAL_KEY + room + TAG);
    if (to == NULL)
        return LC_ENOMEM;
    memcpy(to, personal_mark, PERSONAL_MARK_SIZE);
    memcpy(to + PERSONAL_MARK_SIZE, drawn + KEY, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(to + PERSONAL_MARK_SIZE + NONCE, NULL, drawn, KEY,
                                               order.b, sizeof order.b, NULL, drawn + KEY,
                                               master->b);
    uint8_t *data = to + PERSONAL_KEY;
    pack_padded(p, data, room);
    crypto_aead_xchacha20poly1305_ietf_encrypt(data, NULL, data, room, order.b, sizeof order.b,
                                               NULL, once, drawn);
    b->n += PERSONAL_KEY + room + TAG;
    sodium_memzero(drawn, sizeof drawn);
    return LC_OK;
}

enum lc_err
personal_open(const struct personal_master *master, struct uuid order, struct slice sealed,
              struct arena *a, const Lifecircle__V1__Personal **out)
{
    static const uint8_t once[NONCE];
    const uint8_t *from = (const uint8_t *)sealed.p;
    uint8_t key[KEY];

    if (sealed.n == 0)
        return LC_ENOTFOUND;
    if (sealed.n <= PERSONAL_KEY + TAG || memcmp(from, personal_mark, PERSONAL_MARK_SIZE) != 0)
        return LC_EDENIED;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            key, NULL, NULL, from + PERSONAL_MARK_SIZE + NONCE, KEY + TAG, order.b, sizeof order.b,
            from + PERSONAL_MARK_SIZE, master->b) != 0)
        return LC_EDENIED;
    size_t room = sealed.n - PERSONAL_KEY - TAG;
    uint8_t *plain = arena_alloc(a, room);
    if (plain == NULL)
        return LC_ENOMEM;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, from + PERSONAL_KEY,
                                                   sealed.n - PERSONAL_KEY, order.b, sizeof order.b,
                                                   once, key) != 0)
        return LC_EDENIED;
    sodium_memzero(key, sizeof key);
    while (room > 0 && plain[room - 1] == 0)
        room--;
    if (room == 0 || plain[room - 1] != 0x80)
        return LC_EDENIED;
    *out = wire_unpack(&lifecircle__v1__personal__descriptor, a,
                       slice_of((const char *)plain, room - 1));
    return *out == NULL ? LC_ENOMEM : LC_OK;
}

/* ---- orders ---- */

void
personal_take(Lifecircle__V1__Order *o, Lifecircle__V1__Personal *p)
{
    lifecircle__v1__personal__init(p);
    p->address = o->address;
    p->instructions = o->instructions;
    p->customer = o->customer;
    o->address = o->instructions = (char *)protobuf_c_empty_string;
    o->customer = NULL;
}

void
personal_give(Lifecircle__V1__Order *o, const Lifecircle__V1__Personal *p)
{
    if (p == NULL)
        return;
    o->address = p->address;
    o->instructions = p->instructions;
    o->customer = p->customer;
}
