#include "check_tsppd.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 256 };

struct map {
    int n;
    bool full;
    long way[MOST][MOST];
    int label[MOST]; /* pair, of the node ... */
    bool drop[MOST]; /* ... and which end */
};

static bool
matrix(FILE *f, struct map *m)
{
    for (int i = 0; i < m->n; i++) {
        for (int j = 0; j < (m->full ? m->n : i + 1); j++) {
            if (fscanf(f, "%ld", &m->way[i][j]) != 1)
                return false;
            if (!m->full)
                m->way[j][i] = m->way[i][j];
        }
    }
    return true;
}

static bool
labels(FILE *f, struct map *m)
{
    char label[32];

    for (int i = 0; i < m->n; i++) {
        if (fscanf(f, "%31s %*s %*s", label) != 1 || (label[0] != '+' && label[0] != '-'))
            return false;
        m->label[i] = atoi(label + 1);
        m->drop[i] = label[0] == '-';
    }
    return true;
}

static bool
load(const char *path, struct map *m)
{
    FILE *f = fopen(path, "r");
    char word[256];
    bool weights = false, places = false, ok = f != NULL;

    while (ok && fscanf(f, "%255s", word) == 1) {
        if (strncmp(word, "DIMENSION", 9) == 0) {
            if (strchr(word, ':') == NULL)
                ok = fscanf(f, " :") == 0;
            ok = ok && fscanf(f, "%d", &m->n) == 1 && m->n >= 2 && m->n <= MOST;
        } else if (strcmp(word, "FULL_MATRIX") == 0) {
            m->full = true;
        } else if (strcmp(word, "EDGE_WEIGHT_SECTION") == 0) {
            ok = weights = matrix(f, m);
        } else if (strcmp(word, "NODE_COORD_SECTION") == 0) {
            ok = places = labels(f, m);
        }
    }
    if (f != NULL)
        fclose(f);
    return ok && weights && places;
}

static int
node(const struct map *m, int pair, bool drop)
{
    for (int i = 0; i < m->n; i++)
        if (m->label[i] == pair && m->drop[i] == drop)
            return i;
    return -1;
}

long
check_tsppd(const char *path, const int *tour, int n, char why[160])
{
    static struct map m;
    bool been[MOST] = {false};
    long sum = 0;

    memset(&m, 0, sizeof m);
    why[0] = '\0';
    if (!load(path, &m)) {
        snprintf(why, 160, "the checker cannot read the instance");
        return -1;
    }
    int at = node(&m, 0, false);
    for (int k = 0; k < n; k++) {
        int to = node(&m, abs(tour[k]), tour[k] < 0);
        if (tour[k] == 0 || to < 0 || been[to] ||
            (tour[k] < 0 && !been[node(&m, -tour[k], false)])) {
            snprintf(why, 160, "%+d cannot come here", tour[k]);
            return -1;
        }
        been[to] = true;
        sum += m.way[at][to];
        at = to;
    }
    if (n != m.n - 2) {
        snprintf(why, 160, "%d stops, expected %d", n, m.n - 2);
        return -1;
    }
    return sum + m.way[at][node(&m, 0, true)];
}
