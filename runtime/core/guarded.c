/* The guard and Lua. See guarded.h. */
#include "core/guarded.h"

#include "core/error.h"
#include "core/place.h"
#include "core/realm.h"

const mh_guard *mh_guard_of(lua_State *L) {
  const mh_realm *realm = mh_realm_of(L);
  return realm->is_system ? NULL : realm->host->guard;
}

static void push(lua_State *L, const char *who, const char *what, const char *hint) {
  mh_error_push(L, "usage", "guarded", "%s: the guard of this program refuses to %s", who, what);
  lua_pushstring(L, hint);
  lua_setfield(L, -2, "hint");
}

int mh_guarded_fail(lua_State *L, const char *who, const char *what, const char *hint) {
  lua_pushnil(L);
  push(L, who, what, hint);
  return 2;
}

void mh_guarded(lua_State *L, const char *who, const char *what, const char *hint) {
  if (hint == NULL) return;
  push(L, who, what, hint);
  lua_error(L);
}

void mh_guard_check_process(lua_State *L, const char *who, const char *program) {
  const char *hint = mh_guard_process(mh_guard_of(L));
  if (hint == NULL) return;
  mh_guarded(L, who, lua_pushfstring(L, "start '%s'", program), hint);
}

void mh_guard_check_file(lua_State *L, const char *who, const char *what, const char *path,
                         bool is_write) {
  const char *hint = mh_place_check(mh_guard_of(L), path, is_write);
  if (hint != NULL) mh_guarded(L, who, lua_pushfstring(L, "%s '%s'", what, path), hint);
}

void mh_guard_check_listen(lua_State *L, const char *who, const char *unix_path) {
  mh_guarded(L, who, "listen", mh_guard_listen(mh_guard_of(L)));
  if (unix_path != NULL) mh_guard_check_file(L, who, "make the socket", unix_path, true);
}

void mh_guard_replace_all(lua_State *L, const luaL_Reg *list) {
  for (; list->name != NULL; list++) {
    lua_getfield(L, -1, list->name);
    lua_pushcclosure(L, list->func, 1);
    lua_setfield(L, -2, list->name);
  }
}

void mh_guard_replace(lua_State *L, const char *library, const luaL_Reg *list) {
  lua_getglobal(L, library);
  mh_guard_replace_all(L, list);
  lua_pop(L, 1);
}

int mh_guard_call_plain(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}
