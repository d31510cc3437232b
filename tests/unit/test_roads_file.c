/* The compiled file: refused when it is not whole, not of this kind or not of this version;
 * replaced whole or not at all. And struct travel over it. */
#include "roads/file.h"
#include "roads_rig.h"
#include "unit.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static char error[ROADS_ERROR_MAX];
static char folder[] = "/tmp/lifecircle-roads.XXXXXX";
static char pbf_path[64], roads_path[64];

static const struct rig_node nodes[] = {
    {1, {0, 0}, NULL}, {2, {0, 90000}, NULL}, {3, {90000, 90000}, NULL}};
static const int64_t ring[] = {1, 2, 3, 1};
static const struct rig_way way[] = {{1, "highway=residential|name=Ring", ring, 4}};
static const struct rig_map town = {nodes, 3, way, 1, NULL, 0};

static void
save(const char *path, struct slice bytes)
{
    FILE *f = fopen(path, "wb");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
    CU_ASSERT_EQUAL(fclose(f), 0);
}

static enum lc_err
try_open(struct slice bytes)
{
    struct roads *r = NULL;

    save(roads_path, bytes);
    enum lc_err err = roads_open(roads_path, &r, error);
    roads_close(r);
    return err;
}

static void
prepare(void)
{
    struct buf file = {0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(pbf_path, sizeof pbf_path, "%s/town.osm.pbf", folder);
    snprintf(roads_path, sizeof roads_path, "%s/town.roads", folder);
    rig_write(&town, &(struct rig_style){.zlib = true}, &file);
    save(pbf_path, buf_slice(&file));
    buf_free(&file);
}

static void
test_roads_open_refuses_what_is_not_whole(void)
{
    struct buf good = {0};

    CU_ASSERT_EQUAL_FATAL(roads_build_file(pbf_path, roads_path, 1U << TRAVEL_FOOT, NULL, error),
                          LC_OK);
    good = rig_file(roads_path);
    CU_ASSERT_EQUAL(try_open(buf_slice(&good)), LC_OK);
    for (size_t n = 1; n < good.n; n += 97)
        CU_ASSERT_EQUAL(try_open(slice_of(good.p, n)), LC_EINVAL);
    CU_ASSERT_EQUAL(try_open(slice_of(good.p, 0)), LC_EIO);
    for (size_t i = 0; i < good.n; i += 31) {
        good.p[i] ^= 0x40;
        CU_ASSERT_EQUAL(try_open(buf_slice(&good)), LC_EINVAL);
        CU_ASSERT_NOT_EQUAL(error[0], '\0');
        good.p[i] ^= 0x40;
    }
    buf_char(&good, 'x');
    CU_ASSERT_EQUAL(try_open(buf_slice(&good)), LC_EINVAL);
    CU_ASSERT_EQUAL(roads_open("/nowhere/at/all", &(struct roads *){NULL}, error), LC_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "No such file"));
    buf_free(&good);
}

/* view_with_checksum: opens the bytes as if they had been written so. */
static enum lc_err
view_with_checksum(struct buf *file)
{
    const size_t from = offsetof(struct file_header, modes);
    struct roads *r = NULL;

    error[0] = '\0';
    ((struct file_header *)file->p)->checksum =
        (uint32_t)crc32(crc32(0, NULL, 0), (const Bytef *)file->p + from, (uInt)(file->n - from));
    enum lc_err err = roads_view(buf_slice(file), &r, error);
    roads_close(r);
    return err;
}

static void
test_roads_view_refuses_what_points_outside(void)
{
    static const unsigned pointing[] = {MODE_SLOT_OF,    MODE_SLOT,           MODE_FIRST_SLOT,
                                        MODE_PARENT,     MODE_UP + ARC_FAN,   MODE_UP + ARC_LONE,
                                        MODE_UP + ARC_W, MODE_DOWN + ARC_LONE};
    static const struct rig_node corner[] = {
        {1, {0, 0}, NULL}, {2, {0, 90000}, NULL}, {3, {90000, 90000}, NULL}, {4, {90000, 0}, NULL}};
    static const int64_t round[] = {1, 2, 3, 4, 1}, across[] = {1, 3}, other[] = {2, 4};
    static const struct rig_way streets[] = {{1, "highway=residential", round, 5},
                                             {2, "highway=residential", across, 2},
                                             {3, "highway=residential", other, 2}};
    static const struct rig_map square = {corner, 4, streets, 3, NULL, 0};
    struct buf pbf = {0}, file = {0};

    rig_write(&square, &(struct rig_style){0}, &pbf);
    CU_ASSERT_EQUAL_FATAL(roads_build(buf_slice(&pbf), 1U << TRAVEL_CAR, &file, NULL, error),
                          LC_OK);
    buf_free(&pbf);
    CU_ASSERT_EQUAL_FATAL(view_with_checksum(&file), LC_OK);
    const struct file_header *h = (const struct file_header *)file.p;
    for (size_t i = 0; i < sizeof pointing / sizeof *pointing; i++) {
        const struct file_span *span = &h->span[mode_section(TRAVEL_CAR, pointing[i])];
        CU_ASSERT_FATAL(span->bytes >= 4);
        uint32_t *word = (uint32_t *)(file.p + span->offset), was = *word;
        *word = 0xfffffff0;
        CU_ASSERT_EQUAL(view_with_checksum(&file), LC_EINVAL);
        CU_ASSERT_STRING_EQUAL(error, "the file's parts do not fit together");
        *word = was;
    }
    /* Any word at all may be wrong: what opens is refused or used, and a sanitizer sees no fault.
     */
    for (size_t at = offsetof(struct file_header, modes); at + 4 <= file.n; at += 4) {
        uint32_t *word = (uint32_t *)(file.p + at), was = *word;
        *word = was + 1;
        enum lc_err err = view_with_checksum(&file);
        CU_ASSERT((err == LC_OK) == (error[0] == '\0'));
        *word = was;
    }
    CU_ASSERT_EQUAL(view_with_checksum(&file), LC_OK);
    buf_free(&file);
}

/* above: is `up` on the way from v to the root? */
static bool
above(const struct roads_mode *m, uint32_t v, uint32_t up)
{
    while (v < up)
        v = m->parent[v];
    return v == up;
}

/* two_rows: rows of one node, one after the other, the second of which can begin so many nodes
 * earlier that the first is a step too short: the nodes between are above theirs, too. */
static bool
two_rows(const struct roads_mode *m, uint32_t *first)
{
    for (uint32_t v = 0; v < m->nodes; v++)
        for (uint32_t r = m->fan[0][v].row; r + 1 < m->fan[0][v + 1].row; r++) {
            uint32_t k = 0, steps = m->row[0][r].n - (ROW_LEAST - 1);
            while (k < steps && above(m, v, m->row[0][r + 1].to - 1 - k))
                k++;
            if (k == steps && steps > 1) {
                *first = r;
                return true;
            }
        }
    return false;
}

static void
test_roads_view_refuses_a_row_that_is_too_short(void)
{
    struct buf pbf = rig_file(LC_CITY_DATA "/baltimore.osm.pbf"), file = {0};
    struct roads *r = NULL;
    uint32_t at = 0;

    CU_ASSERT_EQUAL_FATAL(roads_build(buf_slice(&pbf), 1U << TRAVEL_FOOT, &file, NULL, error),
                          LC_OK);
    buf_free(&pbf);
    CU_ASSERT_EQUAL_FATAL(roads_view(buf_slice(&file), &r, error), LC_OK);
    CU_ASSERT_TRUE_FATAL(two_rows(&r->mode[TRAVEL_FOOT], &at));
    roads_close(r);
    const struct file_header *h = (const struct file_header *)file.p;
    struct row *row =
        (struct row *)(file.p + h->span[mode_section(TRAVEL_FOOT, MODE_UP + ARC_ROW)].offset) + at;
    uint32_t spare = row[0].n - ROW_LEAST;
    row[0].n -= spare;
    row[1].n += spare;
    row[1].to -= spare;
    CU_ASSERT_EQUAL(view_with_checksum(&file), LC_OK); /* the arcs may lead there */
    row[0].n--;
    row[1].n++;
    row[1].to--;
    CU_ASSERT_EQUAL(view_with_checksum(&file), LC_EINVAL);
    CU_ASSERT_STRING_EQUAL(error, "the file's parts do not fit together");
    buf_free(&file);
}

static size_t
files_in_folder(void)
{
    DIR *d = opendir(folder);
    size_t n = 0;

    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* A build that fails leaves the old map as it was, and nothing beside it. */
static void
test_roads_build_file_replaces_whole_or_not_at_all(void)
{
    struct stat before, after;
    char bad[80];

    CU_ASSERT_EQUAL(roads_build_file(pbf_path, roads_path, 1U << TRAVEL_FOOT, NULL, error), LC_OK);
    CU_ASSERT_EQUAL(stat(roads_path, &before), 0);
    snprintf(bad, sizeof bad, "%s/bad.osm.pbf", folder);
    save(bad, SLICE_LIT("no map"));
    CU_ASSERT_EQUAL(roads_build_file(bad, roads_path, 1U << TRAVEL_FOOT, NULL, error), LC_EINVAL);
    CU_ASSERT_EQUAL(unlink(bad), 0);
    CU_ASSERT_EQUAL(roads_build_file(bad, roads_path, 1U << TRAVEL_FOOT, NULL, error), LC_EIO);
    CU_ASSERT_EQUAL(roads_build_file(pbf_path, "/nowhere/at.all", 1U << TRAVEL_FOOT, NULL, error),
                    LC_EIO);
    CU_ASSERT_EQUAL(stat(roads_path, &after), 0);
    CU_ASSERT_EQUAL(before.st_ino, after.st_ino);
    CU_ASSERT_EQUAL(files_in_folder(), 2);
}

/* A map that is open stays whole while another takes its name. */
static void
test_roads_open_keeps_the_old_map_whole(void)
{
    struct roads *old = NULL, *new = NULL;

    CU_ASSERT_EQUAL(roads_build_file(pbf_path, roads_path, 1U << TRAVEL_FOOT, NULL, error), LC_OK);
    CU_ASSERT_EQUAL_FATAL(roads_open(roads_path, &old, error), LC_OK);
    CU_ASSERT_EQUAL(roads_build_file(pbf_path, roads_path, 1U << TRAVEL_CAR, NULL, error), LC_OK);
    CU_ASSERT_EQUAL_FATAL(roads_open(roads_path, &new, error), LC_OK);
    CU_ASSERT_TRUE(roads_has(old, TRAVEL_FOOT) && !roads_has(old, TRAVEL_CAR));
    CU_ASSERT_TRUE(roads_has(new, TRAVEL_CAR) && !roads_has(new, TRAVEL_FOOT));
    CU_ASSERT_NOT_EQUAL(roads_checksum(old), roads_checksum(new));
    CU_ASSERT_STRING_EQUAL(roads_name(old, 0), "Ring");
    roads_close(old);
    roads_close(new);
}

static void
test_roads_travel_answers_as_a_provider(void)
{
    struct roads *r = NULL;
    struct roads_travel t;
    struct travel_cell cell[4];
    enum travel_quality quality = TRAVEL_ESTIMATE;
    const struct latlng from[] = {{0, 0}, {500000, 500000}}; /* the second: 5 km off */
    const struct latlng to[] = {{0, 90000}, {-1797, 90000}}; /* the second: 20 m off the road */

    CU_ASSERT_EQUAL(
        roads_build_file(pbf_path, roads_path, 1U << TRAVEL_FOOT | 1U << TRAVEL_CAR, NULL, error),
        LC_OK);
    CU_ASSERT_EQUAL_FATAL(roads_open(roads_path, &r, error), LC_OK);
    CU_ASSERT_EQUAL_FATAL(roads_travel_init(&t, r, 500), LC_OK);
    CU_ASSERT_EQUAL(t.travel.matrix(&t.travel, from, 1, to, 2, TRAVEL_FOOT, 0, cell, &quality),
                    LC_OK);
    CU_ASSERT_EQUAL(quality, TRAVEL_ROAD);
    CU_ASSERT_EQUAL(cell[0].metres, 1001);
    CU_ASSERT_EQUAL(cell[0].seconds, 721);
    CU_ASSERT_EQUAL(cell[1].metres, 1021);
    CU_ASSERT_EQUAL(cell[1].seconds, 735);
    /* Off the map, or no map of the mode: ask somebody else for all. */
    CU_ASSERT_TRUE(travel_knows(&t.travel, from[0], TRAVEL_FOOT));
    CU_ASSERT_FALSE(travel_knows(&t.travel, from[1], TRAVEL_FOOT));
    CU_ASSERT_FALSE(travel_knows(&t.travel, from[0], TRAVEL_VAN));
    CU_ASSERT_EQUAL(t.travel.matrix(&t.travel, from, 2, to, 2, TRAVEL_FOOT, 0, cell, &quality),
                    LC_EIO);
    CU_ASSERT_EQUAL(t.travel.matrix(&t.travel, to, 2, from, 2, TRAVEL_FOOT, 0, cell, &quality),
                    LC_EIO);
    CU_ASSERT_EQUAL(t.travel.matrix(&t.travel, from, 1, to, 1, TRAVEL_VAN, 0, cell, &quality),
                    LC_EIO);
    CU_ASSERT_EQUAL(roads_travel_counts(&t).asked, 4);
    CU_ASSERT_EQUAL(roads_travel_counts(&t).off_map, 2);
    CU_ASSERT_EQUAL(roads_travel_counts(&t).no_mode, 1);
    roads_travel_free(&t);
    roads_close(r);
}

static void
clean_up(void)
{
    CU_ASSERT_EQUAL(unlink(pbf_path), 0);
    CU_ASSERT_EQUAL(unlink(roads_path), 0);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

UNIT_MAIN("roads_file", UNIT(prepare), UNIT(test_roads_open_refuses_what_is_not_whole),
          UNIT(test_roads_view_refuses_what_points_outside),
          UNIT(test_roads_view_refuses_a_row_that_is_too_short),
          UNIT(test_roads_build_file_replaces_whole_or_not_at_all),
          UNIT(test_roads_open_keeps_the_old_map_whole),
          UNIT(test_roads_travel_answers_as_a_provider), UNIT(clean_up))
