/* Reads the four files of an instance. */
#include "mdrp_day.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
complain(const char *path, size_t line, const char *expected)
{
    fprintf(stderr, "mdrp: %s, line %zu: expected %s\n", path, line, expected);
    return 1;
}

static size_t
count_lines(FILE *f)
{
    char line[512];
    size_t n = 0;

    while (fgets(line, sizeof line, f) != NULL)
        n++;
    rewind(f);
    return n;
}

/* Rows behind the header, each handed to `row`. */
static int
each_row(const char *dir, const char *name, struct mdrp_day *d,
         int (*row)(struct mdrp_day *d, const char *line, size_t i), const char *expected)
{
    char path[1024], line[512];
    int bad = 0;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        perror(path);
        return 1;
    }
    for (size_t i = 0; !bad && fgets(line, sizeof line, f) != NULL; i++)
        if (i > 0 && line[strspn(line, " \t\r\n")] != '\0' && row(d, line, i - 1) != 0)
            bad = complain(path, i + 1, expected);
    fclose(f);
    return bad;
}

static size_t
rows_of(const char *dir, const char *name)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return 0;
    size_t n = count_lines(f);
    fclose(f);
    return n == 0 ? 0 : n - 1;
}

static int
restaurant_row(struct mdrp_day *d, const char *line, size_t i)
{
    struct mdrp_place *p = &d->places[i];

    return sscanf(line, "%23s %lf %lf", p->name, &p->x, &p->y) != 3;
}

static int
courier_row(struct mdrp_day *d, const char *line, size_t i)
{
    struct mdrp_courier *c = &d->couriers[i];
    struct mdrp_place *p = &d->places[c->place = (uint32_t)(d->n_restaurants + i)];

    return sscanf(line, "%23s %lf %lf %d %d", p->name, &p->x, &p->y, &c->on, &c->off) != 5;
}

static int
order_row(struct mdrp_day *d, const char *line, size_t i)
{
    struct mdrp_order *o = &d->orders[i];
    struct mdrp_place *p = &d->places[o->place = (uint32_t)(d->n_restaurants + d->n_couriers + i)];
    char from[NAME_ROOM];

    if (sscanf(line, "%23s %lf %lf %d %23s %d", p->name, &p->x, &p->y, &o->placed, from,
               &o->ready) != 6)
        return 1;
    for (o->restaurant = 0; o->restaurant < d->n_restaurants; o->restaurant++)
        if (strcmp(d->places[o->restaurant].name, from) == 0)
            return 0;
    return 1;
}

static int
parameter_row(struct mdrp_day *d, const char *line, size_t i)
{
    int most;

    return i == 0 && (sscanf(line, "%lf %d %d %d %d %lf %lf", &d->metres_per_minute,
                             &d->pickup_service, &d->dropoff_service, &d->target, &most,
                             &d->pay_per_order, &d->pay_per_hour) != 7 ||
                      d->metres_per_minute <= 0);
}

int
mdrp_read(struct mdrp_day *d, const char *dir)
{
    *d = (struct mdrp_day){.n_restaurants = rows_of(dir, "restaurants.txt"),
                           .n_couriers = rows_of(dir, "couriers.txt"),
                           .n_orders = rows_of(dir, "orders.txt")};
    d->places = calloc(d->n_restaurants + d->n_couriers + d->n_orders + 1, sizeof *d->places);
    d->orders = calloc(d->n_orders + 1, sizeof *d->orders);
    d->couriers = calloc(d->n_couriers + 1, sizeof *d->couriers);
    d->minutes =
        calloc((d->n_restaurants + d->n_couriers + d->n_orders + 1) * (d->n_restaurants + 1),
               sizeof *d->minutes);
    if (d->minutes == NULL || d->places == NULL || d->orders == NULL || d->couriers == NULL) {
        fprintf(stderr, "mdrp: out of memory\n");
        mdrp_free(d);
        return 1;
    }
    if (each_row(dir, "restaurants.txt", d, restaurant_row, "restaurant x y") != 0 ||
        each_row(dir, "couriers.txt", d, courier_row, "courier x y on_time off_time") != 0 ||
        each_row(dir, "orders.txt", d, order_row,
                 "order x y placement_time known-restaurant ready_time") != 0 ||
        each_row(dir, "instance_parameters.txt", d, parameter_row, "seven numbers") != 0) {
        mdrp_free(d);
        return 1;
    }
    return 0;
}

void
mdrp_free(struct mdrp_day *d)
{
    free(d->places);
    free(d->orders);
    free(d->couriers);
    free(d->minutes);
    *d = (struct mdrp_day){.n_orders = 0};
}

static int
minutes_of(const struct mdrp_day *d, uint32_t from, uint32_t to)
{
    double x = d->places[from].x - d->places[to].x, y = d->places[from].y - d->places[to].y;

    return (int)ceil(sqrt(x * x + y * y) / d->metres_per_minute);
}

int
mdrp_minutes(const struct mdrp_day *d, uint32_t from, uint32_t to)
{
    uint32_t shop = from < to ? from : to, other = from < to ? to : from;

    if (shop >= d->n_restaurants)
        return minutes_of(d, from, to);
    uint16_t *known = &d->minutes[other * d->n_restaurants + shop];
    if (*known == 0)
        *known = (uint16_t)(minutes_of(d, from, to) + 1);
    return *known - 1;
}
