/* Makes a guard of the JSON text in moonherd_config.guard, whose members are told there. */
#ifndef MH_GUARD_READ_H
#define MH_GUARD_READ_H

#include "core/guard.h"

/* `target`, `state`: moonherd_config's options, or NULL. Returns NULL, or what is wrong as a static line.
 * *guard is the caller's to free in either case; NULL when `json` is. */
const char *mh_guard_read(mh_guard **guard, const char *json, const char *target,
                          const char *state);

#endif
