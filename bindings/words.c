/* moonherd._words: what people write, read the same way by C and by Lua: the nearest name to a mistyped
 * one, and durations. */
#include <lauxlib.h>
#include <lua.h>

#include "core/duration.h"
#include "core/options.h"

enum { NAMES_MAX = 255 };

/* nearest(name, names) -> the one of the list that is nearest, or nil when none is near. */
static int f_nearest(lua_State *L) {
  const char *names[NAMES_MAX + 1];
  const char *name = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  size_t n = 0;
  for (; n < NAMES_MAX && lua_rawgeti(L, 2, (lua_Integer)n + 1) == LUA_TSTRING; n++) {
    names[n] = lua_tostring(L, -1);  // the list keeps it
    lua_pop(L, 1);
  }
  names[n] = NULL;
  lua_pushstring(L, mh_nearest(name, names));
  return 1;
}

/* seconds(text) -> seconds of a duration such as "250ms", or nil. */
static int f_seconds(lua_State *L) {
  size_t n;
  double seconds;
  const char *text = luaL_checklstring(L, 1, &n);
  if (mh_duration_parse(text, n, &seconds)) lua_pushnumber(L, seconds);
  else lua_pushnil(L);
  return 1;
}

static const luaL_Reg functions[] = {{"nearest", f_nearest}, {"seconds", f_seconds}, {NULL, NULL}};

int luaopen_moonherd__words(lua_State *L);
int luaopen_moonherd__words(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
