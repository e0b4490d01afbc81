/* Durations as people write them: "90", "250ms", "1.5h", "1h30m", "1h 30min". Options of the command
 * line and of the library are all read here. Knows nothing of Lua. */
#ifndef MH_DURATION_H
#define MH_DURATION_H

#include <stdbool.h>
#include <stddef.h>

/* The seconds of a text; false when it is none. A number without a unit, alone, is seconds; else each
 * number has a unit that is smaller than the one before: w d h m s ms us ns, for m also min, for us
 * also the Greek letter. Between the parts there may be spaces. */
bool mh_duration_parse(const char *text, size_t n, double *seconds);

#endif
