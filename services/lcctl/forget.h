/* forget: erasing personal data, for lcctl forget and lcctl archive. */
#ifndef LC_LCCTL_FORGET_H
#define LC_LCCTL_FORGET_H

#include "lcctl/lcctl.h"

/* forget_orders: order_forget of up to 512 orders; outcomes gets what it answers for each (1 done,
 * 2 before, 3 not ended, 4 unknown). How many were done now, -1 after saying why not. */
long long forget_orders(struct ctl *c, const char *const *uuids, size_t n, const char *who,
                        char *outcomes);

/* forget_older: all that ended, and was changed last, before then. How many; -1 as above. */
long long forget_older(struct ctl *c, int64_t before_ms);

#endif
