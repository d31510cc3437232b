/* What the router has learnt of couriers' rides: shown as it was written last, and forgotten. */
#include "base/speeds.h"
#include "base/timestamp.h"
#include "lcctl/lcctl.h"
#include "lcctl/show.h"

#include <stdio.h>
#include <stdlib.h>

static bool
read_mode(const char *word, int *mode)
{
    enum travel_mode m;

    *mode = -1;
    if (word == NULL)
        return true;
    if (travel_mode_parse(slice_str(word), &m) != LC_OK) {
        fprintf(stderr,
                "lcctl: --mode: expected foot, bicycle, ebike, scooter, car or van, got %s\n",
                word);
        return false;
    }
    *mode = (int)m;
    return true;
}

static void
say_how(const struct ctl *c, const struct speeds_made *made)
{
    char time[TIMESTAMP_TEXT];

    if (c->json)
        return;
    timestamp_format(made->time_ms, time);
    printf("as of %s; %s. An hour counts from %u rides of %d couriers on, those of hours like it "
           "half.\n",
           time,
           made->applied ? "travel times of the map are multiplied where it says so"
                         : "only watched: travel times are the map's (--learn-speeds watch)",
           made->least, SPEEDS_COURIERS);
}

static int
show_profile(struct ctl *c, const struct speeds_profile *p, const struct speeds_made *made,
             int only)
{
    static const char *const day[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    struct show *s =
        show_table(c, "mode day hour rides couriers percent enough in_use", "..rrrr..");

    for (unsigned m = 0; m < TRAVEL_MODES; m++)
        for (unsigned h = 0; h < SPEEDS_HOURS; h++) {
            const struct speeds_known *k = &p->hour[m][h];
            if ((only >= 0 && m != (unsigned)only) || (k->rides == 0 && !k->enough))
                continue;
            show_text(s, travel_mode_name((enum travel_mode)m));
            show_text(s, day[h / 24]);
            show_number(s, h % 24);
            show_number(s, k->rides);
            show_number(s, k->couriers);
            show_number(s, k->pct);
            show_flag(s, k->enough, "enough");
            show_flag(s, k->enough && made->applied, "in use");
        }
    return show_end(s);
}

static int
show_speeds(struct ctl *c, int only)
{
    static struct speeds_profile p; /* 8 KB; one a run */
    struct speeds_made made = {false, 0, 0};
    redisReply *r = ctl_read(c, "HGET", "speeds", "profile", NULL);

    if (r == NULL)
        return EXIT_FAILED;
    bool some = r->type == REDIS_REPLY_STRING;
    bool readable = some && speeds_profile_get(slice_of(r->str, r->len), &p, &made) == LC_OK;
    freeReplyObject(r);
    if (some && !readable) {
        fputs("lcctl: what was learnt is written in a way that this version does not read\n",
              stderr);
        return EXIT_FAILED;
    }
    if (some)
        say_how(c, &made);
    else if (!c->json)
        puts("nothing was learnt: routers have --learn-speeds off, or have just begun");
    return show_profile(c, &p, &made, only);
}

static int
reset(struct ctl *c, int mode)
{
    struct slice args[] = {ctl_number(c, c->now_ms), ctl_number(c, mode)};
    redisReply *r = ctl_call(c, "speeds_reset", sizeof args / sizeof *args, args);

    if (r == NULL)
        return EXIT_FAILED;
    long long n = r->integer;
    freeReplyObject(r);
    if (c->json) {
        struct buf b = {0};
        struct json_out w = json_out_to(&b);
        json_out_object(&w, NULL);
        json_out_int(&w, "forgotten", n);
        json_out_end(&w);
        return show_json(&b);
    }
    printf("%lld hours forgotten\n", n);
    return EXIT_SUCCESS;
}

int
cmd_speeds(struct ctl *c, struct args *a)
{
    const char *mode = args_option(a, "mode", NULL), *verb = args_next(a);
    int only;

    if (!args_done(a) || (verb != NULL && strcmp(verb, "reset") != 0) || !read_mode(mode, &only))
        return EXIT_USAGE;
    return verb == NULL ? show_speeds(c, only) : reset(c, only);
}
