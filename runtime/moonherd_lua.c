/* What hosts that know Lua can reach: their modules and the state. See moonherd_lua.h;
 * moonherd_work.c has the functions that wait. */
#include "moonherd_lua.h"

#include <stdlib.h>
#include <string.h>

#include "handle.h"

struct mh_module {
  mh_module *next;
  const luaL_Reg *functions;
  char name[];
};

static int open_module(lua_State *L) {
  const luaL_Reg *functions = lua_touserdata(L, lua_upvalueindex(1));
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  return 1;
}

/* package.preload[name] = its loader, in the state of a realm; raises without memory. */
static void preload(lua_State *L, const mh_module *module) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushlightuserdata(L, (void *)module->functions);
  lua_pushcclosure(L, open_module, 1);
  lua_setfield(L, -2, module->name);
  lua_pop(L, 1);
}

void mh_handle_preload(lua_State *L, const moonherd *m) {
  for (const mh_module *module = m->modules; module != NULL; module = module->next)
    preload(L, module);
}

void mh_handle_free_modules(moonherd *m) {
  while (m->modules != NULL) {
    mh_module *module = m->modules;
    m->modules = module->next;
    free(module);
  }
}

static int preload_in_realm(lua_State *L) {
  preload(L, lua_touserdata(L, 1));
  return 0;
}

static int preload_protected(mh_realm *realm, mh_module *module) {
  if (realm == NULL) return 0;
  lua_State *L = realm->L;
  lua_settop(L, 0);
  lua_pushcfunction(L, preload_in_realm);
  lua_pushlightuserdata(L, module);
  int status = lua_pcall(L, 1, 0, 0);
  lua_settop(L, 0);
  return status == LUA_OK ? 0 : MOONHERD_ENOMEM;
}

static bool is_free(const moonherd *m, const char *name) {
  if (name[0] == '\0' || strcmp(name, "moonherd") == 0) return false;
  if (strncmp(name, "moonherd.", 9) == 0) return false;
  for (const mh_module *module = m->modules; module != NULL; module = module->next)
    if (strcmp(module->name, name) == 0) return false;
  return true;
}

int moonherd_register(moonherd *m, const char *name, const luaL_Reg *functions) {
  if (m == NULL || name == NULL || functions == NULL || !is_free(m, name)) return MOONHERD_EINVAL;
  if (mh_handle_is_busy(m)) return MOONHERD_EBUSY;
  size_t n = strlen(name) + 1;
  mh_module *module = malloc(sizeof *module + n);
  if (module == NULL) return MOONHERD_ENOMEM;
  module->functions = functions;
  memcpy(module->name, name, n);
  int e = preload_protected(m->script, module);
  if (e == 0) e = preload_protected(m->next, module);
  if (e != 0) {
    free(module);
    return e;
  }
  module->next = m->modules;
  m->modules = module;
  return 0;
}

lua_State *moonherd_state(moonherd *m) {
  return m != NULL && !mh_handle_is_busy(m) ? m->script->L : NULL;
}

void *moonherd_user(lua_State *L) {
  return ((moonherd *)mh_realm_of(L)->host)->config.user;
}
