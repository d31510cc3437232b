/* breakages: faults planted on purpose, to show that the checks find them. Each is a change of one place in the functions'
 * source; a place that is not found is an error, so that a rename cannot make a breakage harmless. */
#include "sim.h"

#include <stdlib.h>

void
world_break_library(struct sim *s, struct buf *code)
{
    (void)code;
    sim_fail(s, "--break %s: no such breakage", s->options.broken);
}
