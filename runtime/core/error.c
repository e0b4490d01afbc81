/* Error objects. See error.h. */
#include "core/error.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char METATABLE[] = "moonherd.error";

/* One line: "message (code 10007, status 404)". The hint is not part of it: reports print it. */
static int f_tostring(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  bool has_code = lua_getfield(L, 1, "code") != LUA_TNIL;
  bool has_status = lua_getfield(L, 1, "status") != LUA_TNIL;
  const char *code = has_code ? luaL_tolstring(L, 2, NULL) : "";
  const char *status = has_status ? luaL_tolstring(L, 3, NULL) : "";
  if (lua_getfield(L, 1, "message") == LUA_TNIL) lua_getfield(L, 1, "reason");
  const char *message = luaL_tolstring(L, -1, NULL);
  if (has_code && has_status) lua_pushfstring(L, "%s (code %s, status %s)", message, code, status);
  else if (has_code) lua_pushfstring(L, "%s (code %s)", message, code);
  else if (has_status) lua_pushfstring(L, "%s (status %s)", message, status);
  else lua_pushstring(L, message);
  return 1;
}

void mh_error_set(lua_State *L) {
  if (luaL_newmetatable(L, METATABLE)) {
    lua_pushcfunction(L, f_tostring);
    lua_setfield(L, -2, "__tostring");
  }
  lua_setmetatable(L, -2);
}

static void push(lua_State *L, const char *kind, const char *reason, const char *message) {
  lua_createtable(L, 0, 4);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, reason);
  lua_setfield(L, -2, "reason");
  lua_pushstring(L, message);
  lua_setfield(L, -2, "message");
  mh_error_set(L);
}

static void push_args(lua_State *L, const char *kind, const char *reason, const char *format,
                      va_list args) {
  char message[512];
  vsnprintf(message, sizeof message, format, args);
  push(L, kind, reason, message);
}

void mh_error_push(lua_State *L, const char *kind, const char *reason, const char *format, ...) {
  va_list args;
  va_start(args, format);
  push_args(L, kind, reason, format, args);
  va_end(args);
}

int mh_error_raise(lua_State *L, const char *kind, const char *reason, const char *format, ...) {
  va_list args;
  va_start(args, format);
  push_args(L, kind, reason, format, args);
  va_end(args);
  lua_error(L);
  __builtin_unreachable();
}

int mh_error_fail(lua_State *L, const char *kind, const char *reason, const char *format, ...) {
  lua_pushnil(L);
  va_list args;
  va_start(args, format);
  push_args(L, kind, reason, format, args);
  va_end(args);
  return 2;
}

int mh_error_usage(lua_State *L, const char *format, ...) {
  va_list args;
  va_start(args, format);
  push_args(L, "usage", "usage", format, args);
  va_end(args);
  lua_error(L);
  __builtin_unreachable();
}

bool mh_error_is(lua_State *L, int index) {
  if (!lua_istable(L, index) || !lua_getmetatable(L, index)) return false;
  luaL_getmetatable(L, METATABLE);
  bool is_same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return is_same;
}

bool mh_error_has_kind(lua_State *L, int index, const char *kind) {
  if (!mh_error_is(L, index)) return false;
  lua_getfield(L, index, "kind");
  const char *found = lua_tostring(L, -1);
  bool is_same = found != NULL && strcmp(found, kind) == 0;
  lua_pop(L, 1);
  return is_same;
}

/* Makes an error object of any other value at the top. What was raised stays in `cause`, unless it
 * is a string: then it is the message. */
static void convert(lua_State *L) {
  const char *message = luaL_tolstring(L, -1, NULL);
  bool is_string = lua_type(L, -2) == LUA_TSTRING;
  // stack: value, message
  push(L, "script", "error", message);
  if (!is_string) {
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "cause");
  }
  lua_replace(L, -3);
  lua_pop(L, 1);
}

void mh_error_wrap(lua_State *L, lua_State *thread) {
  luaL_checkstack(L, 6, "error object");
  if (!mh_error_is(L, -1)) convert(L);
  if (lua_getfield(L, -1, "trace") == LUA_TNIL) {
    luaL_traceback(L, thread, NULL, L == thread ? 1 : 0);
    lua_setfield(L, -3, "trace");
  }
  lua_pop(L, 1);
}
