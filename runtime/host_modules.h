/* Modules that the host registers for its scripts: tables of C functions by name. */
#ifndef MH_HOST_MODULES_H
#define MH_HOST_MODULES_H

#include <lauxlib.h>
#include <stdbool.h>

#include "core/realm.h"

typedef struct mh_host_module mh_host_module;
typedef struct mh_host_modules {
  mh_host_module *first; /* the newest */
} mh_host_modules;

/* Whether a module may have that name: it is not empty, not one of moonherd's or of Lua's, and not
 * taken. */
bool mh_host_modules_has_room(const mh_host_modules *modules, const char *name);

/* Adds one, and puts it where the scripts of these realms, which may be NULL, find it. `functions` must
 * live as long as the handle. 0 or MOONHERD_ENOMEM: then nothing has changed. */
int mh_host_modules_add(mh_host_modules *modules, const char *name, const luaL_Reg *functions,
                        mh_realm *script, mh_realm *next);

/* Puts all of them where scripts find them, in the state of a realm; raises without memory. */
void mh_host_modules_preload(lua_State *L, const mh_host_modules *modules);

void mh_host_modules_free(mh_host_modules *modules);

#endif
