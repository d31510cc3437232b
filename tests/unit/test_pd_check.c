#include "pd_world.h"
#include "unit.h"

static struct pd_world world;
static struct pd_options options;
static struct pd_step steps[4];

static void
set_steps(size_t v, size_t n, size_t fixed)
{
    world.vehicles[v].steps = steps;
    world.vehicles[v].n_steps = n;
    world.vehicles[v].n_fixed = fixed;
}

static void
no_nodes(void)
{
    world.p.n_nodes = 0;
}
static void
no_matrix(void)
{
    world.p.n_matrices = 0;
}
static void
no_vehicles(void)
{
    world.p.n_vehicles = 0;
}
static void
many_threads(void)
{
    options.threads = PD_THREADS + 1;
}
static void
negative_time(void)
{
    world.arcs[2][7] = -1;
}
static void
dear_arc(void)
{
    world.arcs[1][7] = INT32_MAX;
}
static void
pickup_off_the_map(void)
{
    world.requests[2].pickup.node = world.p.n_nodes;
}
static void
dropoff_off_the_map(void)
{
    world.requests[2].dropoff.node = PD_NOWHERE;
}
static void
closes_before_it_opens(void)
{
    world.requests[3].dropoff.close = world.requests[3].dropoff.open - 1;
}
static void
long_service(void)
{
    world.requests[3].pickup.service = PD_FIXED_MAX + 1;
}
static void
heavy(void)
{
    world.requests[1].load[2] = PD_LOAD_MAX + 1;
}
static void
strange_vehicle(void)
{
    world.requests[1].vehicle = (int32_t)world.p.n_vehicles;
}
static void
carried_by_nobody(void)
{
    world.requests[1].pickup.node = PD_NOWHERE;
    world.requests[1].vehicle = PD_ANY;
}
static void
negative_price(void)
{
    world.requests[0].unserved = -1;
}
static void
steep_lateness(void)
{
    world.requests[0].late = PD_PRICE_MAX + 1;
}
static void
strange_start(void)
{
    world.vehicles[1].start = -1;
}
static void
shift_ends_first(void)
{
    world.vehicles[1].shift_end = world.vehicles[1].shift_start - 1;
}
static void
strange_matrix(void)
{
    world.vehicles[0].matrix = 2;
}
static void
more_fixed_than_steps(void)
{
    set_steps(0, 0, 1);
}
static void
step_twice(void)
{
    steps[0] = steps[1] = (struct pd_step){2, false};
    set_steps(0, 2, 2);
}
static void
dropoff_first(void)
{
    steps[0] = (struct pd_step){2, true};
    set_steps(0, 1, 1);
}
static void
never_delivered(void)
{
    steps[0] = (struct pd_step){2, false};
    set_steps(0, 1, 0);
}
static void
delivered_by_another(void)
{
    steps[0] = (struct pd_step){2, false};
    set_steps(0, 1, 1);
    steps[1] = (struct pd_step){2, true};
    set_steps(1, 1, 1);
    world.vehicles[1].steps = steps + 1;
}
static void
step_of_nobody(void)
{
    steps[0] = (struct pd_step){99, false};
    set_steps(0, 1, 1);
}
static void
too_much_aboard(void)
{
    for (int32_t r = 0; r < 2; r++) {
        world.requests[r].pickup.node = PD_NOWHERE;
        world.requests[r].vehicle = 1;
        world.requests[r].load[0] = PD_LOAD_MAX;
    }
}
static void
ban_of_nobody(void)
{
    world.bans[3].request = -1;
}
static void
ban_of_no_vehicle(void)
{
    world.bans[3].vehicle = 99;
}

static void
test_pd_solver_new_names_the_bad_field(void)
{
    static const struct {
        void (*spoil)(void);
        const char *field;
    } cases[] = {
        {no_nodes, "n_nodes"},
        {no_matrix, "n_matrices"},
        {no_vehicles, "n_vehicles"},
        {many_threads, "threads"},
        {negative_time, "matrices[1].time"},
        {dear_arc, "matrices[0].cost"},
        {pickup_off_the_map, "requests[2].pickup.node"},
        {dropoff_off_the_map, "requests[2].dropoff.node"},
        {closes_before_it_opens, "requests[3].dropoff.close"},
        {long_service, "requests[3].pickup.service"},
        {heavy, "requests[1].load"},
        {strange_vehicle, "requests[1].vehicle"},
        {carried_by_nobody, "requests[1].vehicle"},
        {negative_price, "requests[0].unserved"},
        {steep_lateness, "requests[0].late"},
        {strange_start, "vehicles[1].start"},
        {shift_ends_first, "vehicles[1].shift_end"},
        {strange_matrix, "vehicles[0].matrix"},
        {more_fixed_than_steps, "vehicles[0].n_fixed"},
        {step_twice, "vehicles[0].steps"},
        {dropoff_first, "vehicles[0].steps"},
        {never_delivered, "vehicles[0].steps"},
        {delivered_by_another, "vehicles[1].steps"},
        {step_of_nobody, "vehicles[0].steps"},
        {too_much_aboard, "vehicles[1].steps"},
        {ban_of_nobody, "bans[3].request"},
        {ban_of_no_vehicle, "bans[3].vehicle"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pd_solver *s = NULL;
        struct pd_error e = {"", ""};
        options = (struct pd_options){1, 10, false, 0};
        world_random(&world, 1, 5, 2, false);
        for (size_t r = 0; r < 5; r++)
            world.requests[r].vehicle = PD_ANY;
        cases[i].spoil();
        enum lc_err err = pd_solver_new(&world.p, &options, &s, &e);
        if (err != LC_EINVAL || strcmp(e.field, cases[i].field) != 0)
            printf("%s: got %s\n", cases[i].field, e.field);
        CU_ASSERT_EQUAL(err, LC_EINVAL);
        CU_ASSERT_STRING_EQUAL(e.field, cases[i].field);
        CU_ASSERT_NOT_EQUAL(e.expected[0], '\0');
        CU_ASSERT_PTR_NULL(s);
    }
}

static void
test_pd_solver_new_needs_no_error(void)
{
    struct pd_solver *s = NULL;

    options = (struct pd_options){1, 10, false, 0};
    world_random(&world, 1, 5, 2, false);
    no_nodes();
    CU_ASSERT_EQUAL(pd_solver_new(&world.p, &options, &s, NULL), LC_EINVAL);
}

UNIT_MAIN("pd_check", UNIT(test_pd_solver_new_names_the_bad_field),
          UNIT(test_pd_solver_new_needs_no_error))
