/* ending: commands that go on by themselves end between two turns, at Ctrl-C or SIGTERM. */
#ifndef LCCTL_ENDING_H
#define LCCTL_ENDING_H

#include <stdbool.h>
#include <stdint.h>

/* ending_begin: from here on the two signals only ask. As the first process of a container nothing
 * else would end it. */
void ending_begin(void);

/* ending_asked: one of them came. */
bool ending_asked(void);

/* ending_wait: for so long, or until one comes, also when it came just before. */
void ending_wait(int64_t ms);

#endif
