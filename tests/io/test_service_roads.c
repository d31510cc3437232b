/* A new map that the core does not take: whatever the core looks at afterwards is still there. */
#include "io/service_own.h"
#include "roads_rig.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A core that goes over to each map, and then says that it failed, as often as it is told to. */
static struct {
    const struct travel *travel;
    int fail;
    bool keeps; /* the last time that it fails it does not go over */
    int told;
} core;

static void *
core_open(void)
{
    return &core;
}

static void
core_close(void *c)
{
    CU_ASSERT_PTR_EQUAL(c, &core);
}

static enum lc_err
core_step(void *c, const struct event *ev, struct outbox *out)
{
    (void)c;
    (void)out;
    if (ev->kind != EVENT_ROADS)
        return LC_OK;
    core.told++;
    if (core.fail == 1 && core.keeps) {
        core.fail = 0;
        return LC_ENOMEM;
    }
    core.travel = ev->travel;
    return core.fail > 0 && core.fail-- > 0 ? LC_ENOMEM : LC_OK;
}

static const struct service service = {
    .name = "roads", .open = core_open, .step = core_step, .close = core_close};
static const struct service_ports ports = {.uses = SERVICE_ROADS};
static const struct option table[] = {{"roads", OPTION_TEXT, "", "the map", false}};

static const struct rig_node nodes[] = {
    {1, {0, 0}, NULL}, {2, {0, 90000}, NULL}, {3, {90000, 90000}, NULL}};
static const int64_t ring[] = {1, 2, 3, 1};
static const struct rig_way way[] = {{1, "highway=residential|name=Ring", ring, 4}};
static const struct rig_map town = {nodes, 3, way, 1, NULL, 0};

static struct shell s;
static char folder[] = "/tmp/lc-service-roads-XXXXXX";

static char *
nothing(const char *name)
{
    (void)name;
    return NULL;
}

static void
begin(void)
{
    struct buf pbf = {0}, map = {0};
    char path[64], why[ROADS_ERROR_MAX];
    char *argv[] = {(char *)"roads", (char *)"--roads", path};

    memset(&core, 0, sizeof core);
    s = (struct shell){.service = &service, .ports = &ports};
    log_open("test", LOG_ERROR + 1);
    snprintf(folder, sizeof folder, "/tmp/lc-service-roads-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/map", folder);
    rig_write(&town, &(struct rig_style){.zlib = true}, &pbf);
    CU_ASSERT_EQUAL_FATAL(roads_build(buf_slice(&pbf), 1U << TRAVEL_FOOT, &map, NULL, why), LC_OK);
    FILE *f = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(map.p, 1, map.n, f), map.n);
    CU_ASSERT_EQUAL(fclose(f), 0);
    buf_free(&pbf);
    buf_free(&map);
    s.loop = loop_new();
    s.stepper = stepper_new(&service);
    options_add(&s.options, table, 1);
    CU_ASSERT_EQUAL_FATAL(options_read(&s.options, 3, argv, nothing), LC_OK);
    CU_ASSERT_EQUAL_FATAL(shell_roads_start(&s), LC_OK);
}

static void
finish(void)
{
    char path[64];

    stepper_destroy(s.stepper);
    shell_map_close(s.map);
    shell_map_close(s.map_unsure);
    loop_destroy(s.loop);
    snprintf(path, sizeof path, "%s/map", folder);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
    options_free(&s.options);
}

static enum lc_err
swap(void)
{
    struct shell_map *m = NULL;
    char why[ROADS_ERROR_MAX];

    CU_ASSERT_EQUAL_FATAL(shell_map_open(&s, &s.options, &m, why), LC_OK);
    return shell_map_use(&s, m);
}

/* The way from one corner to the next, by what the core has. */
static bool
core_finds_its_way(void)
{
    struct travel_cell cell = {0};
    enum travel_quality quality;

    return core.travel != NULL &&
           core.travel->matrix(core.travel, &nodes[0].at, 1, &nodes[1].at, 1, TRAVEL_FOOT, 0, &cell,
                               &quality) == LC_OK &&
           quality == TRAVEL_ROAD && cell.seconds > 0;
}

static void
test_core_that_fails_goes_back_to_the_map_before(void)
{
    begin();
    const struct travel *first = core.travel;
    struct shell_map *map = s.map;
    core.fail = 1;
    CU_ASSERT_EQUAL(swap(), LC_ENOMEM);
    CU_ASSERT_PTR_EQUAL(core.travel, first);
    CU_ASSERT_PTR_EQUAL(s.map, map);
    CU_ASSERT_PTR_NULL(s.map_unsure);
    CU_ASSERT_TRUE(core_finds_its_way());
    finish();
}

static void
test_core_that_fails_twice_keeps_both_maps(void)
{
    begin();
    const struct travel *first = core.travel;
    core.keeps = true;
    for (int i = 0; i < 2; i++) {
        core.fail = 2;
        CU_ASSERT_EQUAL(swap(), LC_ENOMEM);
        CU_ASSERT_PTR_NOT_EQUAL(core.travel, first);
        CU_ASSERT_PTR_NOT_NULL(s.map_unsure);
        CU_ASSERT_TRUE(core_finds_its_way());
    }
    CU_ASSERT_EQUAL(swap(), LC_OK);
    CU_ASSERT_PTR_NOT_EQUAL(core.travel, first);
    CU_ASSERT_PTR_NULL(s.map_unsure);
    CU_ASSERT_TRUE(core_finds_its_way());
    finish();
}

static void
test_core_that_does_not_let_its_map_go_keeps_it(void)
{
    begin();
    core.fail = 2;
    CU_ASSERT_EQUAL(shell_map_use(&s, NULL), LC_ENOMEM);
    CU_ASSERT_EQUAL(core.told, 3);
    CU_ASSERT_PTR_NOT_NULL(s.map);
    CU_ASSERT_TRUE(core_finds_its_way());
    CU_ASSERT_EQUAL(shell_map_use(&s, NULL), LC_OK);
    CU_ASSERT_PTR_NULL(core.travel);
    CU_ASSERT_PTR_NULL(s.map);
    finish();
}

UNIT_MAIN("service_roads", UNIT(test_core_that_fails_goes_back_to_the_map_before),
          UNIT(test_core_that_fails_twice_keeps_both_maps),
          UNIT(test_core_that_does_not_let_its_map_go_keeps_it))
