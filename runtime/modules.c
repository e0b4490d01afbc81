/* The modules of a realm. See modules.h. */
#include "modules.h"

#include <lauxlib.h>

#include "core/embedded.h"
#include "core/guarded.h"
#include "modules_parts.h"

int luaopen_moonherd__require(lua_State *L);
int luaopen_moonherd__std(lua_State *L);

/* One of package.searchers: what is part of the program. */
static int search_embedded(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const struct mh_embedded *module = mh_embedded_find(name);
  if (module == NULL) return mh_modules_found_none(L, name);
  mh_modules_push_chunk(L, module);
  lua_pushliteral(L, ":embedded:");
  return 2;
}

static void replace_require(lua_State *L) {
  lua_pushcfunction(L, luaopen_moonherd__require);
  lua_call(L, 0, 1);
  lua_setglobal(L, "require");
}

/* ---- in a state of somebody else -------------------------------------------------------------- */

static void preload_public(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  for (size_t i = 0; i < mh_embedded_count; i++) {
    if (!mh_modules_is_public(mh_embedded_modules[i].name)) continue;
    lua_pushcfunction(L, mh_modules_require);
    lua_setfield(L, -2, mh_embedded_modules[i].name);
  }
  lua_pop(L, 1);
}

void mh_modules_attach(lua_State *L, const mh_config *config) {
  mh_modules_make_environment(L);
  lua_pop(L, 1);
  mh_modules_add_host(L, config);
  preload_public(L);
}

/* ---- in a state of our own -------------------------------------------------------------------- */

static void open_plain(lua_State *L, const mh_config *config) {
  mh_modules_preload(L, false);
  mh_modules_add_searcher(L, search_embedded);
  mh_modules_add_host(L, config);
}

void mh_modules_open(lua_State *L, const mh_config *config) {
  lua_pushcfunction(L, luaopen_moonherd__std);
  lua_call(L, 0, 0);
  if (mh_guard_of(L) != NULL) mh_modules_open_guarded(L, config);
  else open_plain(L, config);
  replace_require(L);
  lua_settop(L, 0);
}

void mh_modules_push_require(lua_State *L) {
  if (mh_modules_are_hidden(L)) lua_pushcfunction(L, mh_modules_require);
  else lua_getglobal(L, "require");
}

void mh_modules_push_host(lua_State *L) {
  mh_modules_push_loaded(L);
  lua_getfield(L, -1, "moonherd._host");
  lua_remove(L, -2);
}
