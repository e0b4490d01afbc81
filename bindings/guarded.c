/* moonherd._guarded: what of Lua's own libraries starts processes, changes the process, tells its
 * credentials or looks inside of others, under a guard. It is replaced, in place and before any script
 * runs; the rest of the libraries stays. guarded_files.c does the same for files,
 * lua/moonherd/_package.lua for `package`. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/guarded.h"

/* ---- processes and the process ------------------------------------------------------------ */

static int f_popen(lua_State *L) {
  mh_guard_check_process(L, "io.popen", luaL_checkstring(L, 1));
  return mh_guard_call_plain(L);
}

/* Without a command it asks for a shell: there is none. */
static int f_execute(lua_State *L) {
  const char *command = luaL_optstring(L, 1, NULL);
  if (command != NULL) mh_guard_check_process(L, "os.execute", command);
  else if (mh_guard_process(mh_guard_of(L)) != NULL) {
    lua_pushboolean(L, false);
    return 1;
  }
  return mh_guard_call_plain(L);
}

/* The locale is the whole process's. */
static int f_setlocale(lua_State *L) {
  if (!lua_isnoneornil(L, 1))
    mh_guarded(L, "os.setlocale", "change the locale", "it would change for all of the process");
  return mh_guard_call_plain(L);
}

static int f_getenv(lua_State *L) {
  size_t n;
  const char *name = luaL_checklstring(L, 1, &n);
  lua_pushstring(L, mh_guard_hides(mh_guard_of(L), name, n) ? NULL : getenv(name));
  return 1;
}

static int f_loadlib(lua_State *L) {
  mh_guarded(L, "package.loadlib", "load a library",
             "with a guard there are only C modules that "
             "are linked in");
  return 0;
}

/* ---- looking inside ----------------------------------------------------------------------- */

/* What a userdata does is decided in its metatable: whoever may change that can break it. That of
 * strings is everybody's. */
static bool is_closed(lua_State *L) {
  return lua_isuserdata(L, 1) || lua_type(L, 1) == LUA_TSTRING;
}

static int f_getmetatable(lua_State *L) {
  luaL_checkany(L, 1);
  if (is_closed(L)) {
    lua_pushboolean(L, false);
    return 1;
  }
  return mh_guard_call_plain(L);
}

static int f_debug_getmetatable(lua_State *L) {
  luaL_checkany(L, 1);
  if (is_closed(L) || !lua_getmetatable(L, 1)) lua_pushnil(L);
  return 1;
}

/* As in plain Lua, without `func`: it would give functions that only run inside of others. */
static int f_getinfo(lua_State *L) {
  int level = lua_isthread(L, 1) ? 2 : 1;
  bool is_here = level == 1 || lua_tothread(L, 1) == L;
  if (is_here && lua_type(L, level) == LUA_TNUMBER && lua_tonumber(L, level) > 0) {
    lua_pushinteger(L, luaL_checkinteger(L, level) + 1);  // one more: this function
    lua_replace(L, level);
  }
  mh_guard_call_plain(L);
  if (!lua_istable(L, -1)) return 1;
  lua_pushnil(L);
  lua_setfield(L, -2, "func");
  return 1;
}

/* ---- opening ------------------------------------------------------------------------------ */

/* A new table: the functions that are left out are gone from everywhere. */
static void narrow_debug(lua_State *L) {
  static const luaL_Reg kept[] = {{"getinfo", f_getinfo}, {NULL, NULL}};
  lua_getglobal(L, LUA_DBLIBNAME);
  lua_createtable(L, 0, 3);
  lua_getfield(L, -2, "traceback");
  lua_setfield(L, -2, "traceback");
  lua_getfield(L, -2, "getinfo");
  lua_setfield(L, -2, "getinfo");
  mh_guard_replace_all(L, kept);
  lua_pushcfunction(L, f_debug_getmetatable);
  lua_setfield(L, -2, "getmetatable");
  // stack: plain debug, narrow debug
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, LUA_DBLIBNAME);
  lua_pop(L, 1);
  lua_setglobal(L, LUA_DBLIBNAME);
  lua_pop(L, 1);
}

/* Methods of strings are called by moonherd's modules too: they are a copy that scripts cannot change.
 * Names that a script adds to `string` are methods as ever. */
static void keep_string_methods(lua_State *L) {
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_newtable(L);
  lua_getglobal(L, LUA_STRLIBNAME);
  // stack: "", metatable, methods, string
  for (lua_pushnil(L); lua_next(L, -2) != 0;) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -5);
  }
  lua_createtable(L, 0, 1);
  lua_insert(L, -2);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 2);
}

int luaopen_moonherd__guarded(lua_State *L);
int luaopen_moonherd__guarded(lua_State *L) {
  static const luaL_Reg base[] = {{"getmetatable", f_getmetatable}, {NULL, NULL}};
  static const luaL_Reg io[] = {{"popen", f_popen}, {NULL, NULL}};
  static const luaL_Reg os[] = {{"execute", f_execute}, {"setlocale", f_setlocale}, {NULL, NULL}};
  mh_guard_replace(L, LUA_GNAME, base);
  mh_guard_replace(L, LUA_IOLIBNAME, io);
  mh_guard_replace(L, LUA_OSLIBNAME, os);
  narrow_debug(L);
  keep_string_methods(L);
  static const luaL_Reg functions[] = {{"getenv", f_getenv}, {"loadlib", f_loadlib}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
