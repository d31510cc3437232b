#include "base/primary.h"

#include <string.h>

struct slice
primary_id(const struct reply *info)
{
    static const char name[] = "\nmaster_replid:";
    const char *at = info->kind == REPLY_STRING && info->str.n > 0
                         ? memmem(info->str.p, info->str.n, name, sizeof name - 1)
                         : NULL;
    size_t n = 0;

    if (at == NULL)
        return slice_of("", 0);
    at += sizeof name - 1;
    while (at + n < info->str.p + info->str.n && at[n] != '\r' && at[n] != '\n')
        n++;
    return slice_of(at, n < PRIMARY_MAX ? n : 0);
}

bool
primary_changed(char known[PRIMARY_MAX], struct slice id)
{
    bool changed = !slice_eq_str(id, known);

    memcpy(known, id.p, id.n);
    known[id.n] = '\0';
    return changed;
}
