/* moonherd._trace: requests on the timeline of the handle. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "core/realm.h"
#include "core/task.h"
#include "core/trace.h"

/* now() -> the time that a span began, for `request`. */
static int f_now(lua_State *L) {
  const mh_trace *trace = mh_realm_of(L)->host->trace;
  lua_pushinteger(L, trace != NULL ? (lua_Integer)mh_trace_now(trace) : 0);
  return 1;
}

/* A target without its query, as a string at the top. */
static const char *path_of(lua_State *L, int index) {
  const char *target = luaL_checkstring(L, index);
  size_t n = strcspn(target, "?");
  return target[n] == '\0' ? target : lua_pushlstring(L, target, n);
}

static mh_trace_arg text_of(lua_State *L, const char *name, int index) {
  return (mh_trace_arg){.name = name, .text = luaL_checkstring(L, index)};
}

static mh_trace_arg number_of(lua_State *L, const char *name, int index) {
  return (mh_trace_arg){.name = name, .number = luaL_checkinteger(L, index)};
}

/* request(began, name, method, target, status, attempt, ray, reason): what ends now. The last four may be
 * nil: there was no answer, it is no attempt of several, nothing failed. */
static int f_request(lua_State *L) {
  const mh_realm *realm = mh_realm_of(L);
  if (realm->host->trace == NULL || realm->current == NULL) return 0;
  lua_settop(L, 8);
  const mh_span span = {"request",
                        luaL_checkstring(L, 2),
                        realm->trace_process,
                        mh_task_id(realm->current),
                        (uint64_t)luaL_checkinteger(L, 1),
                        mh_trace_now(realm->host->trace)};
  mh_trace_arg args[7] = {text_of(L, "method", 3), {.name = "path", .text = path_of(L, 4)}};
  size_t n = 2;
  if (!lua_isnoneornil(L, 5)) args[n++] = number_of(L, "status", 5);
  if (!lua_isnoneornil(L, 6)) args[n++] = number_of(L, "attempt", 6);
  if (!lua_isnoneornil(L, 7)) args[n++] = text_of(L, "ray", 7);
  if (!lua_isnoneornil(L, 8)) args[n++] = text_of(L, "error", 8);
  mh_trace_span(realm->host->trace, &span, args);
  return 0;
}

static const luaL_Reg functions[] = {{"now", f_now}, {"request", f_request}, {NULL, NULL}};

/* is_on: for the life of the handle. */
int luaopen_moonherd__trace(lua_State *L);
int luaopen_moonherd__trace(lua_State *L) {
  luaL_newlib(L, functions);
  lua_pushboolean(L, mh_realm_of(L)->host->trace != NULL);
  lua_setfield(L, -2, "is_on");
  return 1;
}
