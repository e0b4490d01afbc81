/* The functions of a watched script. See watched.h. */
#include "core/watched.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>
#include <string.h>

#include "core/error.h"

static int refuse_hook(lua_State *L) {
  return mh_error_raise(L, "usage", "no_hooks",
                        "debug.sethook: the host's own hook watches over this script");
}

/* Lua runs finalizers without hooks: nothing could end them. */
static int set_metatable(lua_State *L) {
  if (lua_istable(L, 2)) {
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 2) != LUA_TNIL)
      mh_error_raise(L, "usage", "no_finalizers",
                     "setmetatable: a __gc cannot be watched over; use __close");
    lua_pop(L, 1);
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* ---- xpcall ------------------------------------------------------------------------------- */

enum { HANDLER = 1, IS_DUE /* upvalues of the message handler that Lua is given */ };

static bool was_raised_by_hook(lua_State *L) {
  lua_Debug ar = {0};
  return lua_getstack(L, 0, &ar) && lua_getinfo(L, "n", &ar) && strcmp(ar.namewhat, "hook") == 0;
}

/* The message handler: the error, or what the script's own makes of it. */
static int handle(lua_State *L) {
  if (was_raised_by_hook(L)) {
    lua_pushboolean(L, true);
    lua_replace(L, lua_upvalueindex(IS_DUE));
    return 1;
  }
  lua_pushvalue(L, lua_upvalueindex(HANDLER));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

/* The error is at the top. */
static int push_failed(lua_State *L) {
  lua_pushboolean(L, false);
  lua_insert(L, -2);
  return 2;
}

static int handled(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return push_failed(L);
}

/* Stack: function, message handler, true, and the results or an error. */
static int ended(lua_State *L, int status, lua_KContext context) {
  (void)context;
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - 2;
  lua_getupvalue(L, 2, IS_DUE);
  bool is_due = lua_toboolean(L, -1);
  lua_pop(L, 1);
  if (!is_due) return push_failed(L);
  lua_getupvalue(L, 2, HANDLER);
  lua_insert(L, -2);
  return handled(L, lua_pcallk(L, 1, 1, 0, 0, handled), 0);
}

static int call_protected(lua_State *L) {
  int n = lua_gettop(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushvalue(L, 2);
  lua_pushboolean(L, false);
  lua_pushcclosure(L, handle, 2);
  lua_replace(L, 2);
  lua_pushboolean(L, true);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);  // function, message handler, true, function, arguments
  return ended(L, lua_pcallk(L, n - 2, LUA_MULTRET, 2, 2, ended), 2);
}

/* ---- coroutines --------------------------------------------------------------------------- */

static int body_ended(lua_State *L, int status, lua_KContext context) {
  (void)context;
  return status == LUA_OK || status == LUA_YIELD ? lua_gettop(L) : lua_error(L);
}

static int body(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  return body_ended(L, lua_pcallk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, 0, body_ended), 0);
}

void mh_watched_push_body(lua_State *L, int index) {
  lua_pushvalue(L, index);
  lua_pushcclosure(L, body, 1);
}

/* ---- in their places ---------------------------------------------------------------------- */

/* Replaces a function of the table at the top that is there; a guard may have taken it away. */
static void replace(lua_State *L, const char *name, lua_CFunction function) {
  if (lua_getfield(L, -1, name) == LUA_TNIL) {
    lua_pop(L, 1);
    return;
  }
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name);
}

void mh_watched_open(lua_State *L) {
  lua_getglobal(L, LUA_DBLIBNAME);
  replace(L, "sethook", refuse_hook);
  replace(L, "setmetatable", set_metatable);
  lua_pushglobaltable(L);
  replace(L, "setmetatable", set_metatable);
  replace(L, "xpcall", call_protected);
  lua_settop(L, 0);
}
