/* mdrp_day: one day of Grubhub's meal delivery routing problem as its files tell it. Places are
 * numbered: restaurants, then where couriers start, then customers. Minutes and metres. */
#ifndef LC_BENCH_MDRP_DAY_H
#define LC_BENCH_MDRP_DAY_H

#include <stddef.h>
#include <stdint.h>

enum { NAME_ROOM = 24 };

struct mdrp_place {
    char name[NAME_ROOM];
    double x, y;
};

struct mdrp_order {
    uint32_t place, restaurant;
    int placed, ready;
};

struct mdrp_courier {
    uint32_t place;
    int on, off;
};

struct mdrp_day {
    struct mdrp_place *places;
    struct mdrp_order *orders;
    struct mdrp_courier *couriers;
    uint16_t *minutes; /* [place][restaurant], + 1; 0 = not asked yet */
    size_t n_restaurants, n_couriers, n_orders;
    double metres_per_minute;
    int pickup_service, dropoff_service, target;
    double pay_per_order, pay_per_hour;
};

/* mdrp_read: 0, or 1 with a message on stderr. mdrp_free gives back what mdrp_read allocated. */
int mdrp_read(struct mdrp_day *d, const char *dir);
void mdrp_free(struct mdrp_day *d);

/* mdrp_minutes: whole minutes from place to place. */
int mdrp_minutes(const struct mdrp_day *d, uint32_t from, uint32_t to);

#endif
