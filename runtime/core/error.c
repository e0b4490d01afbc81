/* Error objects. See error.h. */
#include "core/error.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/where.h"

static const char METATABLE[] = "moonherd.error";

/* Pushes a field's text, "" when it is nil; returns whether it is there. */
static bool push_field(lua_State *L, const char *name) {
  bool is_there = lua_getfield(L, 1, name) != LUA_TNIL;
  if (is_there) luaL_tolstring(L, -1, NULL);
  else lua_pushliteral(L, "");
  lua_remove(L, -2);
  return is_there;
}

/* One line: "message (code 10007, status 404)". The hint is not part of it: reports print it. */
static int f_tostring(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  if (!push_field(L, "message")) {
    lua_pop(L, 1);
    push_field(L, "reason");
  }
  bool has_code = push_field(L, "code"), has_status = push_field(L, "status");
  // stack: error, message, code, status
  if (!has_code && !has_status) {
    lua_settop(L, 2);
    return 1;
  }
  lua_pushfstring(L, " (%s%s%s%s%s)", has_code ? "code " : "", lua_tostring(L, 3),
                  has_code && has_status ? ", " : "", has_status ? "status " : "",
                  lua_tostring(L, 4));
  lua_pushvalue(L, 2);
  lua_insert(L, -2);
  lua_concat(L, 2);
  return 1;
}

void mh_error_open(lua_State *L) {
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, f_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pop(L, 1);
}

void mh_error_set(lua_State *L) {
  luaL_setmetatable(L, METATABLE);
}

static void set_text(lua_State *L, const char *name, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

/* Makes an error object of the message at the top. */
static void push(lua_State *L, const char *kind, const char *reason) {
  lua_createtable(L, 0, 4);
  lua_insert(L, -2);
  lua_setfield(L, -2, "message");
  set_text(L, "kind", kind);
  set_text(L, "reason", reason);
  mh_error_set(L);
}

static void push_args(lua_State *L, const char *kind, const char *reason, const char *format,
                      va_list args) {
  char text[512];
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(text, sizeof text, format, args);
  if (n >= 0 && (size_t)n < sizeof text) {
    lua_pushstring(L, text);
  } else {
    char *longer = lua_newuserdatauv(L, (size_t)n + 1, 0);
    vsnprintf(longer, (size_t)n + 1, format, again);
    lua_pushlstring(L, longer, (size_t)n);
    lua_remove(L, -2);
  }
  va_end(again);
  push(L, kind, reason);
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

/* The functions below read fields without metamethods: they run where a script's error must not
 * raise another one. */

bool mh_error_has_kind(lua_State *L, int index, const char *kind) {
  if (!mh_error_is(L, index)) return false;
  index = lua_absindex(L, index);
  lua_pushliteral(L, "kind");
  lua_rawget(L, index);
  const char *found = lua_tostring(L, -1);
  bool is_same = found != NULL && strcmp(found, kind) == 0;
  lua_pop(L, 1);
  return is_same;
}

static int to_text(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}

/* Pushes the text of the value at the top, which may be anything. */
static void push_text(lua_State *L) {
  const char *type = luaL_typename(L, -1);
  lua_pushcfunction(L, to_text);
  lua_pushvalue(L, -2);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) return;
  lua_pop(L, 1);
  lua_pushfstring(L, "(error object is a %s value)", type);
}

static int to_any_text(lua_State *L) {
  push_text(L);
  return 1;
}

const char *mh_error_text(lua_State *L) {
  lua_pushcfunction(L, to_any_text);
  lua_pushvalue(L, -2);
  lua_pcall(L, 1, 1, 0);  // when it fails that is for memory, and leaves a text too
  return lua_tostring(L, -1);
}

/* Makes an error object of any other value at the top. What was raised stays in `cause`, unless it
 * is a string: then it is the message. */
static void convert(lua_State *L) {
  if (lua_isnil(L, -1)) lua_pushliteral(L, "(error object is a nil value)");
  else push_text(L);
  push(L, "script", "error");
  // stack: value, error object
  if (lua_type(L, -2) != LUA_TSTRING) {
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "cause");
  }
  lua_remove(L, -2);
}

bool mh_error_has_trace(lua_State *L, int index) {
  if (!mh_error_is(L, index)) return false;
  index = lua_absindex(L, index);
  lua_pushliteral(L, "trace");
  bool has_trace = lua_rawget(L, index) != LUA_TNIL;
  lua_pop(L, 1);
  return has_trace;
}

void mh_error_wrap_traced(lua_State *L) {
  luaL_checkstack(L, 8, "error object");
  lua_insert(L, -2);
  if (!mh_error_is(L, -1)) convert(L);
  // stack: trace, error object
  lua_pushliteral(L, "trace");
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_remove(L, -2);
}

void mh_error_wrap(lua_State *L, lua_State *thread) {
  if (mh_error_has_trace(L, -1)) return;
  luaL_checkstack(L, 8, "error object");
  luaL_traceback(L, thread, NULL, L == thread ? 1 : 0);
  mh_where_expand(L, thread);
  mh_error_wrap_traced(L);
}
