/* moonherd._embedded: the Lua sources that are part of the program, as text. */
#include <lauxlib.h>
#include <lua.h>

#include "core/embedded.h"

/* names() -> a list of all modules, sorted. */
static int f_names(lua_State *L) {
  lua_createtable(L, (int)mh_embedded_count, 0);
  for (size_t i = 0; i < mh_embedded_count; i++) {
    lua_pushstring(L, mh_embedded_modules[i].name);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/* source(name) -> its text, or nil. */
static int f_source(lua_State *L) {
  const struct mh_embedded *module = mh_embedded_find(luaL_checkstring(L, 1));
  if (module == NULL) return 0;
  lua_pushlstring(L, module->bytes, (size_t)(module->end - module->bytes));
  return 1;
}

static const luaL_Reg functions[] = {{"names", f_names}, {"source", f_source}, {NULL, NULL}};

int luaopen_moonherd__embedded(lua_State *L);
int luaopen_moonherd__embedded(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
