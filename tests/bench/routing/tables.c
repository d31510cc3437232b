#include "tables.h"

#include <stdio.h>
#include <string.h>

static FILE *
table(const char *dir, const char *name)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return fopen(path, "r");
}

bool
tables_best(const char *dir, const char *instance, struct reached *out)
{
    FILE *f = table(dir, "best-known.tsv");
    char line[512], name[128];
    bool found = false;

    *out = (struct reached){0};
    while (f != NULL && !found && fgets(line, sizeof line, f) != NULL)
        found = sscanf(line, "%127s %*d %d %lf", name, &out->vehicles, &out->distance) == 3 &&
                strcmp(name, instance) == 0;
    if (f != NULL)
        fclose(f);
    return found;
}

int
tables_compare(const struct reached *a, const struct reached *b)
{
    if (a->unserved != b->unserved)
        return a->unserved < b->unserved ? -1 : 1;
    if (a->vehicles != b->vehicles)
        return a->vehicles < b->vehicles ? -1 : 1;
    if (a->distance < b->distance - 0.00501)
        return -1;
    return a->distance > b->distance + 0.00501;
}

bool
tables_vroom(const char *dir, const char *instance, const char *mode, struct reached *out)
{
    FILE *f = table(dir, "../peers/vroom-lilim.tsv");
    char line[512], name[128], how[16];
    double shortest = 1e9;
    bool found = false;

    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        struct reached r;
        int unserved;
        if (sscanf(line, "%127s %*d %15s %*d %d %lf %d %lf", name, how, &r.vehicles, &r.distance,
                   &unserved, &r.seconds) != 6 ||
            strcmp(name, instance) != 0)
            continue;
        shortest = r.seconds < shortest ? r.seconds : shortest;
        if (strcmp(how, mode) != 0)
            continue;
        r.unserved = unserved / 2;
        *out = r;
        found = true;
    }
    if (found)
        out->seconds = shortest;
    if (f != NULL)
        fclose(f);
    return found;
}

bool
tables_optimum(const char *dir, const char *instance, long *out)
{
    FILE *f = table(dir, "optimal.tsv");
    char line[512], name[128];
    bool found = false;

    while (f != NULL && !found && fgets(line, sizeof line, f) != NULL)
        found = sscanf(line, "%127s %*d %ld", name, out) == 2 && strcmp(name, instance) == 0;
    if (f != NULL)
        fclose(f);
    return found;
}
