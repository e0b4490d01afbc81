/* The host's own modules. See host_modules.h. */
#include "host_modules.h"

#include <stdlib.h>
#include <string.h>

#include "moonherd.h"

struct mh_host_module {
  mh_host_module *next;
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
static void preload(lua_State *L, const mh_host_module *module) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushlightuserdata(L, (void *)module->functions);
  lua_pushcclosure(L, open_module, 1);
  lua_setfield(L, -2, module->name);
  lua_pop(L, 1);
}

void mh_host_modules_preload(lua_State *L, const mh_host_modules *modules) {
  for (const mh_host_module *module = modules->first; module != NULL; module = module->next)
    preload(L, module);
}

static int preload_in_realm(lua_State *L) {
  preload(L, lua_touserdata(L, 1));
  return 0;
}

static int preload_protected(mh_realm *realm, mh_host_module *module) {
  if (realm == NULL) return 0;
  lua_State *L = realm->L;
  lua_settop(L, 0);
  lua_pushcfunction(L, preload_in_realm);
  lua_pushlightuserdata(L, module);
  int status = lua_pcall(L, 1, 0, 0);
  lua_settop(L, 0);
  return status == LUA_OK ? 0 : MOONHERD_ENOMEM;
}

static bool is_luas(const char *name) {
  static const char *const names[] = {"_G",    "coroutine", "debug",   "io",
                                      "math",  "os",        "package", "string",
                                      "table", "utf8",      "cjson",   "cjson.safe"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return true;
  return false;
}

bool mh_host_modules_has_room(const mh_host_modules *modules, const char *name) {
  if (name[0] == '\0' || strcmp(name, "moonherd") == 0) return false;
  if (strncmp(name, "moonherd.", 9) == 0 || is_luas(name)) return false;
  for (const mh_host_module *module = modules->first; module != NULL; module = module->next)
    if (strcmp(module->name, name) == 0) return false;
  return true;
}

int mh_host_modules_add(mh_host_modules *modules, const char *name, const luaL_Reg *functions,
                        mh_realm *script, mh_realm *next) {
  size_t n = strlen(name) + 1;
  mh_host_module *module = malloc(sizeof *module + n);
  if (module == NULL) return MOONHERD_ENOMEM;
  module->functions = functions;
  memcpy(module->name, name, n);
  int e = preload_protected(script, module);
  if (e == 0) e = preload_protected(next, module);
  if (e != 0) {
    free(module);
    return e;
  }
  module->next = modules->first;
  modules->first = module;
  return 0;
}

void mh_host_modules_free(mh_host_modules *modules) {
  while (modules->first != NULL) {
    mh_host_module *module = modules->first;
    modules->first = module->next;
    free(module);
  }
}
