/* What is sold in the simulated city: names from tables, prices and popularity from the seed. */
#include "city_internal.h"

#include <strings.h>

/* A size in which goods come; percent is of the price of the first. */
struct size {
    const char *label; /* "" = not named */
    uint16_t weight_g;
    uint16_t volume_ml;
    uint16_t percent;
};

static const struct size pack[] = {{"", 300, 800, 100},
                                   {"small", 150, 400, 70},
                                   {"large", 600, 1500, 170},
                                   {"family size", 1000, 2600, 250}};
static const struct size drink[] = {{"20 oz", 620, 650, 100},
                                    {"12 oz", 380, 400, 75},
                                    {"1 l", 1050, 1100, 140},
                                    {"2 l", 2080, 2200, 190},
                                    {"6-pack", 2300, 2700, 360}};
static const struct size cup[] = {
    {"16 oz", 500, 650, 100}, {"12 oz", 380, 500, 85}, {"20 oz", 620, 800, 120}};
static const struct size dish[] = {{"", 450, 1500, 100},
                                   {"large", 650, 2200, 140},
                                   {"with a side", 700, 2400, 150},
                                   {"for two", 900, 3000, 185}};
static const struct size bottle[] = {
    {"single", 370, 370, 100}, {"large bottle", 1300, 900, 400}, {"6-pack", 2300, 2600, 520}};
static const struct size piece[] = {
    {"", 200, 600, 100}, {"twin pack", 400, 1200, 185}, {"big pack", 800, 2400, 340}};

/* A range of goods: every noun in every variant in every size. */
struct range {
    const char *code;
    const char *nouns;    /* separated by | */
    const char *variants; /* separated by |; may begin with an empty one */
    const struct size *size;
    uint8_t sizes;
    uint16_t low_cents; /* of the first size */
    uint16_t high_cents;
    bool age_restricted;
    bool cold;
};

#define SIZES(table) (table), sizeof(table) / sizeof *(table)

/* clang-format off */
enum {
    FRUIT, DAIRY, BREAD, MEAT, FISH, FROZEN, CEREAL, PASTA, CANNED, SNACK, SWEETS, SODA, JUICE,
    WATER, BEER, WINE, HOT, HOUSE, CARE, BABY, PET, TOBACCO, GRILL, SIDE, CUP, BURGER, PIZZA, ROMAN,
    TACO, SUSHI, SEA, DELI, WOK, GREEK, CHICKEN, CAKE, RANGES
};
/* clang-format on */

static const struct range ranges[RANGES] = {
    [FRUIT] = {"FRUIT", "bananas|apples|tomatoes|lettuce|avocados|onions|potatoes|grapes|carrots",
               "|organic|local|washed", SIZES(pack), 149, 499, false, false},
    [DAIRY] = {"DAIRY", "milk|butter|yogurt|cheddar|eggs|cream|cottage cheese|mozzarella",
               "|organic|low-fat|lactose-free", SIZES(pack), 199, 599, false, false},
    [BREAD] = {"BREAD", "bread|bagels|rolls|muffins|tortillas|buns|croissants|rye bread",
               "|wholemeal|seeded|gluten-free", SIZES(pack), 199, 549, false, false},
    [MEAT] = {"MEAT", "ground beef|chicken breast|ham|bacon|turkey|sausages|steak|pork chops",
              "|organic|lean|smoked", SIZES(pack), 449, 1299, false, false},
    [FISH] = {"FISH", "salmon|tuna|shrimp|crab cakes|cod|trout|tilapia|mussels",
              "|wild|marinated|breaded", SIZES(pack), 599, 1599, false, false},
    [FROZEN] = {"FROZEN", "ice cream|pizza|peas|fries|waffles|berries|dumplings|spinach",
                "|organic|value|premium", SIZES(pack), 249, 799, false, true},
    [CEREAL] = {"CEREAL",
                "corn flakes|oatmeal|granola|muesli|rice puffs|bran|oat rings|wheat squares",
                "|honey|chocolate|plain", SIZES(pack), 299, 599, false, false},
    [PASTA] = {"PASTA", "spaghetti|penne|rice|couscous|lasagne|noodles|fusilli|quinoa",
               "|wholemeal|organic|gluten-free", SIZES(pack), 129, 449, false, false},
    [CANNED] = {"CANNED", "beans|tomato soup|corn|tuna chunks|peaches|chili|chickpeas|tomatoes",
                "|organic|low-salt|spicy", SIZES(pack), 99, 349, false, false},
    [SNACK] = {"SNACK",
               "potato chips|pretzels|popcorn|nachos|peanuts|crackers|trail mix|cheese puffs",
               "|salted|spicy|crab-spiced", SIZES(pack), 149, 449, false, false},
    [SWEETS] = {"SWEETS", "chocolate bar|gummies|mints|cookies|caramels|licorice|fudge|wafers",
                "|dark|sugar-free|nut", SIZES(piece), 119, 399, false, false},
    [SODA] = {"SODA", "cola|lemonade|ginger ale|root beer|orange soda|energy drink|tonic|iced tea",
              "|diet|cherry|caffeine-free", SIZES(drink), 149, 299, false, false},
    [JUICE] = {"JUICE", "orange juice|apple juice|grape juice|tomato juice|mango juice|smoothie",
               "|organic|not from concentrate|no pulp", SIZES(drink), 199, 399, false, false},
    [WATER] = {"WATER", "spring water|mineral water|flavored water|coconut water|seltzer",
               "|lime|berry|electrolyte", SIZES(drink), 99, 249, false, false},
    [BEER] = {"BEER", "lager|pale ale|stout|pilsner|wheat beer|cider|porter|amber ale",
              "|local|light|imported", SIZES(bottle), 199, 399, true, false},
    [WINE] = {"WINE", "red wine|white wine|rose|sparkling wine|port|vermouth|sherry|sangria",
              "|house|reserve|organic", SIZES(bottle), 299, 599, true, false},
    [HOT] = {"HOT",
             "ground coffee|coffee beans|black tea|green tea|cocoa|instant coffee|herbal tea",
             "|decaf|organic|strong", SIZES(pack), 349, 999, false, false},
    [HOUSE] = {"HOUSE",
               "paper towels|dish soap|trash bags|batteries|detergent|sponges|foil|candles",
               "|eco|scented|value", SIZES(piece), 249, 999, false, false},
    [CARE] = {"CARE", "toothpaste|shampoo|soap|deodorant|tissues|razors|hand cream|sunscreen",
              "|sensitive|family|travel", SIZES(piece), 199, 799, false, false},
    [BABY] = {"BABY", "diapers|wipes|baby food|formula|bibs|rusks|baby lotion|baby shampoo",
              "|sensitive|organic|value", SIZES(piece), 299, 1499, false, false},
    [PET] = {"PET", "cat food|dog food|cat litter|dog treats|bird seed|cat treats|chew toys|hay",
             "|senior|grain-free|value", SIZES(pack), 199, 1199, false, false},
    [TOBACCO] = {"TOBACCO", "cigarettes|cigarillos|rolling tobacco|cigars|e-liquid|snuff",
                 "|menthol|light|red|blue", SIZES(piece), 699, 1499, true, false},
    [GRILL] = {"GRILL", "hot dog|breakfast sandwich|taquito|pizza slice|egg roll|corn dog|burrito",
               "|spicy|cheesy|double", SIZES(piece), 199, 549, false, false},
    [SIDE] = {"SIDE",
              "fries|coleslaw|onion rings|side salad|corn bread|soup of the day|hush puppies",
              "|spicy|cheesy|garlic", SIZES(piece), 249, 599, false, false},
    [CUP] = {"CUP", "coffee|latte|iced tea|lemonade|cola|ginger ale|hot chocolate|root beer",
             "|decaf|light|large-ice", SIZES(cup), 179, 499, false, false},
    [BURGER] = {"BURGER", "hamburger|cheeseburger|bacon burger|veggie burger|steak|ribs|meatloaf",
                "|double|spicy|smoked", SIZES(dish), 599, 1699, false, false},
    [PIZZA] = {"PIZZA",
               "margherita|pepperoni pizza|veggie pizza|calzone|stromboli|four-cheese pizza",
               "|thin-crust|deep-dish|spicy", SIZES(dish), 799, 1599, false, false},
    [ROMAN] = {"ROMAN", "lasagna|spaghetti bolognese|gnocchi|ravioli|risotto|chicken parmesan",
               "|house|baked|truffle", SIZES(dish), 999, 1999, false, false},
    [TACO] = {"TACO", "tacos|burrito|quesadilla|enchiladas|fajitas|tamales|nachos",
              "chicken|beef|bean|pork", SIZES(dish), 499, 1299, false, false},
    [SUSHI] = {"SUSHI", "roll|nigiri|sashimi|maki|bento|poke bowl|hand roll",
               "salmon|tuna|eel|avocado", SIZES(dish), 699, 1799, false, false},
    [SEA] = {"SEA", "crab cake|steamed shrimp|fish and chips|oysters|mussels|rockfish|chowder",
             "|grilled|crab-spiced|fried", SIZES(dish), 999, 2499, false, false},
    [DELI] = {"DELI", "sub|club sandwich|wrap|panini|reuben|bagel|salad bowl",
              "turkey|ham|tuna|veggie", SIZES(dish), 599, 1199, false, false},
    [WOK] = {"WOK", "fried rice|lo mein|curry|kebab plate|sweet and sour|noodle soup|biryani",
             "chicken|beef|vegetable|shrimp", SIZES(dish), 799, 1499, false, false},
    [GREEK] = {"GREEK", "gyro|souvlaki|moussaka|falafel plate|spanakopita|greek salad|meze",
               "|lamb|chicken|house", SIZES(dish), 699, 1599, false, false},
    [CHICKEN] = {"CHICKEN", "wings|chicken sandwich|tenders|drumsticks|chicken bucket|nuggets",
                 "|spicy|barbecue|honey", SIZES(dish), 499, 1499, false, false},
    [CAKE] = {"CAKE", "muffin|croissant|cookie|brownie|cheesecake|scone|crepe|doughnut",
              "|chocolate|blueberry|cinnamon", SIZES(piece), 199, 599, false, false},
};

/* What a kind of shop sells, and by which words in its cuisine or name it is known. */
struct menu {
    const char *code;
    const char *words; /* separated by |, lower case */
    uint16_t low_n;    /* SKUs of a chain of its own */
    uint16_t high_n;
    int8_t range[22]; /* ended by -1 */
};

enum { MENU_SUPER, MENU_SHOP, MENU_BURGER, MENU_SEA, MENU_ITALIAN, MENU_DELI, MENU_CAFE };
enum { PART_SKUS = 72 }; /* of one menu in a marketplace */

/* clang-format off */
static const struct menu menus[] = {
    [MENU_SUPER] = {"", "", 1200, 1900, {FRUIT, DAIRY, BREAD, SODA, SNACK, MEAT, WATER, FROZEN,
                    PASTA, JUICE, CANNED, SWEETS, HOUSE, CEREAL, HOT, BEER, CARE, FISH, WINE, BABY,
                    PET, -1}},
    [MENU_SHOP] = {"", "", 450, 750, {SODA, GRILL, CUP, SNACK, SWEETS, WATER, DAIRY, BREAD, JUICE,
                   TOBACCO, BEER, FROZEN, HOUSE, CARE, -1}},
    [MENU_BURGER] = {"AM-", "burger|american|regional|grill|steak|bbq|chris", 200, 220,
                     {BURGER, SIDE, CUP, CAKE, -1}},
    [MENU_SEA] = {"SE-", "seafood|mussels|steamer|dockside|captain|boathouse", 200, 220,
                  {SEA, SIDE, CUP, CAKE, -1}},
    [MENU_ITALIAN] = {"IT-", "italian|pasta|italy", 200, 220, {ROMAN, SIDE, CUP, CAKE, -1}},
    [MENU_DELI] = {"DE-", "sandwich|deli|subway|jimmy john|panera", 200, 220,
                   {DELI, SIDE, CUP, CAKE, -1}},
    [MENU_CAFE] = {"CA-", "coffee|cafe|dunkin|starbucks|bagel|bread|ice_cream|crepe|yogi", 200, 220,
                   {CUP, CAKE, DELI, -1}},
    {"PI-", "pizza", 200, 220, {PIZZA, SIDE, CUP, CAKE, -1}},
    {"MX-", "mexican|latin|cuban|taco|tortill|nacho|chipotle", 200, 220, {TACO, SIDE, CUP, CAKE, -1}},
    {"JP-", "sushi|sticky rice", 200, 220, {SUSHI, SIDE, CUP, CAKE, -1}},
    {"WO-", "chinese|rice|indian|persian|kabob|kebab", 200, 220, {WOK, SIDE, CUP, CAKE, -1}},
    {"GR-", "greek|samos|lebanese|olive", 200, 220, {GREEK, SIDE, CUP, CAKE, -1}},
    {"CH-", "chicken|kfc|popeyes|fil-a|wings", 200, 220, {CHICKEN, SIDE, CUP, CAKE, -1}},
};
/* clang-format on */

enum { MENUS = sizeof menus / sizeof *menus };

/* The k-th of the words in a list separated by |; {NULL, 0} past the last. */
static struct slice
word(const char *list, uint32_t k)
{
    const char *end;

    for (; k > 0; k--) {
        list = strchr(list, '|');
        if (list == NULL)
            return (struct slice){NULL, 0};
        list++;
    }
    end = strchrnul(list, '|');
    return slice_of(list, (size_t)(end - list));
}

static uint32_t
words(const char *list)
{
    uint32_t n = 1;

    for (; *list != '\0'; list++)
        n += *list == '|';
    return n;
}

static bool
mentions(const char *text, struct slice w)
{
    if (text == NULL || w.n == 0)
        return false;
    for (; *text != '\0'; text++) {
        if (strncasecmp(text, w.p, w.n) == 0)
            return true;
    }
    return false;
}

/* The last menu that the text mentions: the later ones of the table are the more special. */
static uint32_t
menu_named(const char *text)
{
    for (uint32_t m = MENUS; m-- > 0;) {
        for (uint32_t k = 0; k < words(menus[m].words); k++) {
            if (mentions(text, word(menus[m].words, k)))
                return m;
        }
    }
    return MENUS;
}

uint32_t
goods_menu(const struct shop *shop)
{
    static const uint8_t usual[] = {MENU_BURGER, MENU_SEA, MENU_ITALIAN, MENU_DELI};
    uint32_t m;
    struct rand r;

    if (shop->kind == CITY_SUPERMARKET || shop->kind == CITY_CONVENIENCE)
        return shop->kind == CITY_SUPERMARKET ? MENU_SUPER : MENU_SHOP;
    m = menu_named(shop->cuisine);
    if (m == MENUS)
        m = menu_named(shop->name);
    if (m != MENUS)
        return m;
    if (shop->kind != CITY_RESTAURANT)
        return shop->kind == CITY_CAFE ? MENU_CAFE : MENU_BURGER;
    r = rand_from(0, shop->osm_id, 0);
    return usual[rand_between(&r, 0, sizeof usual - 1)];
}

static uint32_t
combinations(const struct range *g)
{
    return words(g->nouns) * words(g->variants) * g->sizes;
}

/* The i-th SKU of a range: neighbours differ in the noun, so that a short catalogue has them all.
 */
static enum lc_err
make_sku(struct city *c, const struct city_chain *chain, const struct menu *menu,
         const struct range *g, uint32_t i, struct city_sku *out)
{
    uint32_t nouns = words(g->nouns), variants = words(g->variants);
    uint32_t noun = i % nouns, variant = i / nouns % variants;
    const struct size *z = &g->size[(i / nouns / variants) % g->sizes];
    struct slice n = word(g->nouns, noun), v = word(g->variants, variant);
    struct rand r = rand_from(c->params.seed, chain->id, (uint64_t)(g - ranges) << 16 | noun);
    uint32_t cents = rand_between(&r, g->low_cents, g->high_cents);

    cents = cents * (100 + 6 * variant) / 100 * z->percent / 100;
    out->price_cents = cents / 10 * 10 + 9;
    out->weight_g = z->weight_g;
    out->volume_ml = z->volume_ml;
    out->age_restricted = g->age_restricted;
    out->cold = g->cold;
    out->code = arena_printf(c->arena, "%s%s-%03u", menu->code, g->code, i + 1);
    out->name = arena_printf(c->arena, "%.*s%s%.*s%s%s", (int)v.n, v.p, v.n > 0 ? " " : "",
                             (int)n.n, n.p, *z->label != '\0' ? ", " : "", z->label);
    return out->code == NULL || out->name == NULL ? LC_ENOMEM : LC_OK;
}

/* How many SKUs a chain of its own has of a menu. */
static uint32_t
menu_size(const struct city *c, const struct city_chain *chain, const struct menu *menu)
{
    struct rand r = rand_from(c->params.seed, chain->id, 0);

    return chain->marketplace && *menu->code != '\0' ? PART_SKUS
                                                     : rand_between(&r, menu->low_n, menu->high_n);
}

static enum lc_err
make_part(struct city *c, const struct city_chain *chain, struct city_sku *sku, struct part *part)
{
    const struct menu *menu = &menus[part->menu];
    uint32_t rows = 0, made = 0, last[22] = {0}; /* of each range */
    enum lc_err err = LC_OK;

    while (menu->range[rows] >= 0)
        rows++;
    for (uint32_t i = 0; made < part->n && i < part->n; i++) {
        for (uint32_t k = 0; k < rows && made < part->n && err == LC_OK; k++) {
            const struct range *g = &ranges[menu->range[k]];
            uint32_t at = part->first + made;

            if (i >= combinations(g))
                continue;
            err = make_sku(c, chain, menu, g, i, &sku[at]);
            sku[at].instead = i > 0 ? last[k] : at;
            if (i == 1)
                sku[last[k]].instead = at;
            last[k] = at;
            made++;
        }
    }
    part->n = made;
    return err;
}

enum lc_err
goods_make(struct city *c, struct city_chain *chain, const struct shop *shop, uint32_t n,
           struct part **parts, uint32_t *part_n)
{
    struct part *p = arena_array(c->arena, MENUS, sizeof *p);
    struct city_sku *sku;
    bool has[MENUS] = {false};
    uint32_t total = 0, count = 0, limit = c->params.sku_max;
    enum lc_err err = LC_OK;

    if (p == NULL)
        return LC_ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        has[chain->marketplace ? goods_menu(&shop[i]) : goods_menu(&shop[0])] = true;
    for (uint32_t m = 0; m < MENUS; m++)
        count += has[m];
    *part_n = 0;
    for (uint32_t m = 0; m < MENUS; m++) {
        uint32_t size = menu_size(c, chain, &menus[m]);

        if (!has[m])
            continue;
        if (limit > 0 && size > limit / count)
            size = limit / count;
        p[(*part_n)++] = (struct part){m, total, size};
        total += size;
    }
    sku = arena_array(c->arena, total, sizeof *sku);
    if (sku == NULL)
        return LC_ENOMEM;
    for (uint32_t k = 0; k < *part_n && err == LC_OK; k++)
        err = make_part(c, chain, sku, &p[k]);
    chain->sku = sku;
    chain->sku_n = total;
    *parts = p;
    return err;
}
