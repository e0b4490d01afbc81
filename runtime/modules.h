/* Opens a realm: every module of moonherd becomes available to `require`; under a guard, the public
 * ones alone. */
#ifndef MH_MODULES_H
#define MH_MODULES_H

#include <lua.h>

#include "config.h"

/* Call in a protected call, on a fresh realm's main state. */
void mh_modules_open(lua_State *L, const mh_config *config);

/* The same for the realm in a state of somebody else, which is left as it is: modules of moonherd see
 * a copy of its globals and a `require` of their own, scripts find them by package.preload. */
void mh_modules_attach(lua_State *L, const mh_config *config);

/* `require` as modules of moonherd see it, in any realm. */
void mh_modules_push_require(lua_State *L);

/* The module moonherd._host: what this handle's modules know of it. */
void mh_modules_push_host(lua_State *L);

#endif
