/* Opens a realm: every module of moonherd becomes available to `require`. */
#ifndef MH_MODULES_H
#define MH_MODULES_H

#include <lua.h>

#include "config.h"

/* Call in a protected call, on a fresh realm's main state. */
void mh_modules_open(lua_State *L, const mh_config *config);

#endif
