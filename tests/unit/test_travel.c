#include "base/travel.h"
#include "unit.h"

/* Every 20th pair of data/osrm (OSRM v6.0.0, stock profiles, south-east Baltimore; see travel.c).
 * © OpenStreetMap contributors, ODbL 1.0. */
static const struct pair {
    struct latlng from, to;
    uint32_t seconds; /* rounded down */
} car[] =
    {
        {{392637110, -765885200}, {392704560, -765890470}, 189},
        {{392666910, -766061320}, {392783900, -765763880}, 513},
        {{392866480, -766068330}, {393088600, -765730420}, 453},
        {{392830850, -765798610}, {392805690, -765462650}, 375},
        {{392855110, -765828790}, {393061720, -765460970}, 441},
        {{392932970, -765502210}, {392980210, -765279580}, 161},
        {{392862870, -765758150}, {392962070, -765372710}, 302},
        {{392923540, -766065360}, {392789050, -765724810}, 376},
        {{393061890, -765466540}, {392904860, -765439650}, 430},
        {{392856240, -765407780}, {392803730, -765974460}, 449},
        {{392707790, -765323450}, {392999880, -765461690}, 375},
        {{392741930, -765682070}, {392779060, -765437240}, 228},
        {{392739080, -765369570}, {392788450, -765431390}, 171},
        {{392951340, -765945630}, {392793960, -765753650}, 267},
        {{392769310, -765723370}, {392883840, -765501320}, 287},
        {{392895560, -765467720}, {392906460, -765306100}, 250},
        {{392910010, -766057800}, {392828790, -765555170}, 416},
        {{392806890, -765589050}, {392861280, -765799430}, 212},
        {{392876190, -765356580}, {393063230, -765388580}, 374},
        {{392883780, -766069200}, {392659010, -765491930}, 563},
        {{392811560, -765339030}, {392638620, -765374720}, 395},
        {{392926080, -765459200}, {392957400, -765792710}, 351},
        {{392772850, -766098660}, {392650920, -765977910}, 288},
        {{392980170, -765557130}, {392880400, -765295310}, 337},
        {{392868530, -765871080}, {393062560, -766054210}, 329},
        {{392881380, -765550380}, {392781110, -766073310}, 515},
        {{392862410, -765508510}, {392997920, -765997210}, 393},
        {{392807320, -765274060}, {392769910, -765693430}, 398},
        {{392945860, -765777670}, {392740030, -765691810}, 258},
        {{392996260, -765622550}, {392989340, -765991890}, 227},
},
  bicycle[] =
      {
          {{392637110, -765885200}, {392704560, -765890470}, 296},
          {{392930360, -765840630}, {392937450, -765659120}, 457},
          {{392995420, -766015100}, {392803270, -765971610}, 674},
          {{392855110, -765828790}, {393061720, -765460970}, 1252},
          {{393059700, -765474880}, {393082960, -765573680}, 309},
          {{392627640, -765676510}, {392726030, -765685700}, 286},
          {{392920980, -765979710}, {392831910, -766018570}, 364},
          {{392918530, -765971910}, {392874080, -765984380}, 161},
          {{393002230, -765669960}, {392788730, -765365370}, 1184},
          {{392983560, -765948190}, {392877310, -765555530}, 1178},
          {{392912290, -765212430}, {392916840, -765577500}, 1361},
          {{392886810, -766005040}, {392917870, -765509370}, 1332},
          {{392714970, -766009030}, {392657400, -766009560}, 283},
          {{393085810, -766072400}, {392944170, -765997190}, 585},
          {{392634110, -765429570}, {392930080, -765847800}, 1584},
          {{392883780, -766069200}, {392659010, -765491930}, 1814},
          {{392799510, -765367370}, {393054870, -765552820}, 1289},
          {{392824320, -765934860}, {393047740, -766093000}, 956},
          {{392757290, -765705220}, {392867870, -766065080}, 1120},
          {{392789630, -765523630}, {392942250, -765490710}, 686},
          {{392833630, -765727710}, {392880320, -766024940}, 795},
          {{392860900, -765914270}, {392811530, -765970530}, 354},
          {{392963420, -765842720}, {392777740, -765389020}, 1455},
          {{392994260, -765949420}, {392835970, -765515130}, 1401},
          {{392644970, -765428830}, {392974470, -765961180}, 2034},
          {{392883480, -765552610}, {392795800, -765728830}, 617},
          {{392940090, -765841170}, {392679330, -765323690}, 1735},
          {{392724190, -765615120}, {393048820, -765882280}, 1352},
          {{392963880, -765468180}, {392842050, -765384960}, 607},
          {{392839380, -765834660}, {392755470, -765643110}, 555},
},
  foot[] = {
      {{392637110, -765885200}, {392704560, -765890470}, 809},
      {{392925790, -766069430}, {392796500, -765784190}, 2400},
      {{392630280, -765560970}, {392933910, -765494530}, 3090},
      {{392752400, -765647150}, {392913380, -766041910}, 3296},
      {{393064690, -765728040}, {393055620, -765923430}, 1266},
      {{392826540, -765846760}, {392854710, -766023990}, 1341},
      {{392874200, -765439980}, {393054350, -765485880}, 3026},
      {{392995290, -765922790}, {392889400, -765457210}, 3911},
      {{392707790, -765323450}, {392999880, -765461690}, 3763},
      {{393044700, -765631860}, {392937060, -766042770}, 3381},
      {{392838310, -765839090}, {392916320, -765509220}, 2657},
      {{392958370, -765471620}, {392816850, -765373330}, 1848},
      {{392895560, -765467720}, {392906460, -765306100}, 1548},
      {{392632430, -765360770}, {392791870, -765771390}, 3872},
      {{392982250, -765603060}, {392929510, -766046300}, 2975},
      {{393046640, -765578470}, {392794630, -765467640}, 2967},
      {{392901530, -765486930}, {392622410, -765427150}, 2871},
      {{392763310, -765664160}, {392944930, -765660920}, 1543},
      {{392951070, -765629720}, {392894640, -765880830}, 1874},
      {{392819490, -765696820}, {392872140, -765513280}, 1546},
      {{393059880, -766059340}, {392884570, -766031360}, 1690},
      {{392866810, -765503140}, {392678740, -765301330}, 2577},
      {{392823510, -765434070}, {392867840, -765888670}, 3273},
      {{393033060, -765695070}, {392877790, -766079280}, 3424},
      {{392868370, -765348270}, {392977790, -765737200}, 3274},
      {{392684440, -765681290}, {392944610, -765988950}, 4094},
      {{392868440, -765620000}, {392648450, -765593580}, 2886},
      {{393058920, -765948670}, {392822730, -765664090}, 3455},
      {{392642800, -765643760}, {392839290, -765377510}, 3568},
      {{392747480, -765692320}, {393013980, -765275200}, 4548},
};

static const struct {
    enum travel_mode mode;
    const struct pair *pair;
    size_t n;
} sample[] = {
    {TRAVEL_CAR, car, sizeof car / sizeof *car},
    {TRAVEL_BICYCLE, bicycle, sizeof bicycle / sizeof *bicycle},
    {TRAVEL_FOOT, foot, sizeof foot / sizeof *foot},
};

static uint32_t
estimate_s(struct latlng a, struct latlng b, enum travel_mode mode)
{
    const struct travel *t = travel_estimate();
    enum travel_quality quality = TRAVEL_ROAD;
    struct travel_cell cell = {0, 0};

    CU_ASSERT_EQUAL_FATAL(t->matrix(t, &a, 1, &b, 1, mode, 0, &cell, &quality), LC_OK);
    CU_ASSERT_EQUAL(quality, TRAVEL_ESTIMATE);
    return cell.seconds;
}

static void
test_travel_estimate_sits_in_the_middle_of_osrm(void)
{
    for (size_t k = 0; k < 3; k++) {
        size_t under = 0, in_time = 0;
        for (size_t i = 0; i < sample[k].n; i++) {
            const struct pair *p = &sample[k].pair[i];
            uint32_t s = estimate_s(p->from, p->to, sample[k].mode);
            under += s < p->seconds;
            in_time += s + travel_margin_s(sample[k].mode, TRAVEL_ESTIMATE, s) >= p->seconds;
        }
        CU_ASSERT_TRUE(under > sample[k].n * 3 / 10 && under < sample[k].n * 7 / 10);
        CU_ASSERT_TRUE(in_time >= sample[k].n * 7 / 10);
    }
}

static void
test_travel_bounds_never_exceed_the_truth(void)
{
    const struct travel *t = travel_estimate();

    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < sample[k].n; i++) {
            const struct pair *p = &sample[k].pair[i];
            CU_ASSERT_TRUE(travel_crow_s(p->from, p->to, sample[k].mode) <= p->seconds);
            CU_ASSERT_TRUE(t->lower_bound_s(t, p->from, p->to, sample[k].mode) <=
                           estimate_s(p->from, p->to, sample[k].mode));
        }
}

static void
test_travel_crow_s_is_under_the_estimate_in_every_mode(void)
{
    for (unsigned m = 0; m < TRAVEL_MODES; m++)
        for (size_t i = 0; i < sample[0].n; i++) {
            const struct pair *p = &car[i];
            CU_ASSERT_TRUE(travel_crow_s(p->from, p->to, (enum travel_mode)m) <=
                           estimate_s(p->from, p->to, (enum travel_mode)m));
        }
}

static void
test_travel_matrix_is_row_major(void)
{
    const struct travel *t = travel_estimate();
    struct latlng from[2] = {car[0].from, car[1].from}, to[3] = {car[0].to, car[1].to, car[0].from};
    struct travel_cell out[6];
    enum travel_quality quality;

    CU_ASSERT_EQUAL(t->matrix(t, from, 2, to, 3, TRAVEL_VAN, 0, out, &quality), LC_OK);
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 3; j++)
            CU_ASSERT_EQUAL(out[i * 3 + j].seconds, estimate_s(from[i], to[j], TRAVEL_VAN));
    CU_ASSERT_EQUAL(out[2].seconds, 0);
    CU_ASSERT_EQUAL(out[2].metres, 0);
}

static void
test_travel_matrix_refuses_bad_coordinates(void)
{
    const struct travel *t = travel_estimate();
    struct latlng bad = {900000001, 0}, good = {0, 0};
    struct travel_cell out;
    enum travel_quality quality;

    CU_ASSERT_EQUAL(t->matrix(t, &bad, 1, &good, 1, TRAVEL_CAR, 0, &out, &quality), LC_EINVAL);
    CU_ASSERT_EQUAL(t->matrix(t, &good, 1, &bad, 1, TRAVEL_CAR, 0, &out, &quality), LC_EINVAL);
}

static void
test_travel_matrix_spans_the_world(void)
{
    uint32_t s =
        estimate_s((struct latlng){900000000, 0}, (struct latlng){-900000000, 0}, TRAVEL_FOOT);

    CU_ASSERT_TRUE(s > 18000000 && s < 19000000);
}

static void
test_travel_faster_divides_seconds_and_keeps_metres(void)
{
    const struct travel *t = travel_estimate();
    struct travel_faster f;
    struct travel_cell slow, fast;
    enum travel_quality quality;

    travel_faster_init(&f, t, 60);
    for (size_t i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(
            t->matrix(t, &car[i].from, 1, &car[i].to, 1, TRAVEL_FOOT, 0, &slow, &quality), LC_OK);
        CU_ASSERT_EQUAL(f.travel.matrix(&f.travel, &car[i].from, 1, &car[i].to, 1, TRAVEL_FOOT, 0,
                                        &fast, &quality),
                        LC_OK);
        CU_ASSERT_EQUAL(fast.seconds, (slow.seconds + 59) / 60);
        CU_ASSERT_EQUAL(fast.metres, slow.metres);
        CU_ASSERT_TRUE(f.travel.lower_bound_s(&f.travel, car[i].from, car[i].to, TRAVEL_FOOT) <=
                       fast.seconds);
    }
}

static void
test_travel_paced_multiplies_seconds_by_mode(void)
{
    const uint8_t pct[TRAVEL_MODES] = {100, 100, 100, 100, 250, 50};
    static const enum travel_mode mode[] = {TRAVEL_BICYCLE, TRAVEL_CAR, TRAVEL_VAN};
    const struct travel *t = travel_estimate();
    struct travel_paced p;
    struct travel_cell plain, paced;
    enum travel_quality quality;

    travel_paced_init(&p, t, pct);
    for (size_t i = 0; i < 60; i++) {
        enum travel_mode m = mode[i / 20];
        struct latlng from = car[i % 20].from, to = car[i % 20].to;
        CU_ASSERT_EQUAL(t->matrix(t, &from, 1, &to, 1, m, 0, &plain, &quality), LC_OK);
        CU_ASSERT_EQUAL(p.travel.matrix(&p.travel, &from, 1, &to, 1, m, 0, &paced, &quality),
                        LC_OK);
        CU_ASSERT_EQUAL(paced.seconds, (plain.seconds * pct[m] + 50) / 100);
        CU_ASSERT_EQUAL(paced.metres, plain.metres);
        CU_ASSERT_TRUE(p.travel.lower_bound_s(&p.travel, from, to, m) <= paced.seconds);
        CU_ASSERT_TRUE(travel_knows(&p.travel, from, m));
    }
}

static enum lc_err
no_way(const struct travel *t, const struct latlng *from, size_t from_n, const struct latlng *to,
       size_t to_n, enum travel_mode m, int64_t depart_ms, struct travel_cell *out,
       enum travel_quality *quality)
{
    (void)t, (void)from, (void)to, (void)m, (void)depart_ms;
    for (size_t i = 0; i < from_n * to_n; i++)
        out[i] = (struct travel_cell){i == 0 ? TRAVEL_UNREACHABLE : UINT32_MAX - 10, 1};
    *quality = TRAVEL_ROAD;
    return LC_OK;
}

static void
test_travel_paced_keeps_no_way_apart(void)
{
    const uint8_t pct[TRAVEL_MODES] = {250, 250, 250, 250, 250, 250};
    const struct travel t = {.matrix = no_way};
    struct travel_paced p;
    struct travel_cell cell[2];
    enum travel_quality quality;

    travel_paced_init(&p, &t, pct);
    CU_ASSERT_EQUAL(
        p.travel.matrix(&p.travel, &car[0].from, 1, &car[0].to, 2, TRAVEL_CAR, 0, cell, &quality),
        LC_OK);
    CU_ASSERT_EQUAL(cell[0].seconds, TRAVEL_UNREACHABLE);
    CU_ASSERT_EQUAL(cell[1].seconds, TRAVEL_UNREACHABLE - 1);
}

static void
test_travel_margin_s_is_larger_for_an_estimate(void)
{
    for (unsigned m = 0; m < TRAVEL_MODES; m++)
        for (uint32_t s = 0; s < 10000; s += 333)
            CU_ASSERT_TRUE(travel_margin_s((enum travel_mode)m, TRAVEL_ESTIMATE, s) >
                           travel_margin_s((enum travel_mode)m, TRAVEL_ROAD, s));
    CU_ASSERT_EQUAL(travel_margin_s(TRAVEL_CAR, TRAVEL_ROAD, TRAVEL_UNREACHABLE),
                    TRAVEL_UNREACHABLE);
}

static void
test_travel_mode_parse_inverts_name(void)
{
    enum travel_mode mode;

    for (unsigned m = 0; m < TRAVEL_MODES; m++) {
        CU_ASSERT_EQUAL(travel_mode_parse(slice_str(travel_mode_name((enum travel_mode)m)), &mode),
                        LC_OK);
        CU_ASSERT_EQUAL(mode, m);
    }
    CU_ASSERT_EQUAL(travel_mode_parse(SLICE_LIT("Car"), &mode), LC_EINVAL);
    CU_ASSERT_EQUAL(travel_mode_parse(SLICE_LIT(""), &mode), LC_EINVAL);
}

UNIT_MAIN("travel", UNIT(test_travel_estimate_sits_in_the_middle_of_osrm),
          UNIT(test_travel_bounds_never_exceed_the_truth),
          UNIT(test_travel_crow_s_is_under_the_estimate_in_every_mode),
          UNIT(test_travel_matrix_is_row_major), UNIT(test_travel_matrix_refuses_bad_coordinates),
          UNIT(test_travel_matrix_spans_the_world),
          UNIT(test_travel_faster_divides_seconds_and_keeps_metres),
          UNIT(test_travel_paced_multiplies_seconds_by_mode),
          UNIT(test_travel_paced_keeps_no_way_apart),
          UNIT(test_travel_margin_s_is_larger_for_an_estimate),
          UNIT(test_travel_mode_parse_inverts_name))
