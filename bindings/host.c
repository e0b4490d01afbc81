/* moonherd._sink, moonherd._clock, moonherd._error: the small modules through which Lua reaches what
 * its handle shares. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "core/error.h"
#include "core/realm.h"
#include "moonherd.h"

static mh_host *host_of(lua_State *L) {
  return mh_realm_of(L)->host;
}

/* ---- moonherd._sink ----------------------------------------------------------------------- */

/* hide(secret[, seconds]): from now on no log, trace or error shows it; after so long it is worth
 * nothing and may be forgotten. Returns it, for use in expressions. */
static int f_hide(lua_State *L) {
  size_t n;
  const char *secret = luaL_checklstring(L, 1, &n);
  mh_log *log = host_of(L)->log;
  int e = lua_isnoneornil(L, 2) ? mh_log_hide(log, secret, n)
                                : mh_log_hide_for(log, secret, n, luaL_checknumber(L, 2));
  if (e != 0) return luaL_error(L, "not enough memory");
  lua_settop(L, 1);
  return 1;
}

/* mask(text) -> the text with every known secret replaced. */
static int f_mask(lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  mh_buf masked;
  mh_buf_init(&masked, NULL);
  int e = mh_buf_append(&masked, text, n);
  if (e == 0) e = mh_log_mask(host_of(L)->log, &masked);
  lua_pushlstring(L, e == 0 ? masked.data : "", e == 0 ? masked.len : 0);
  mh_buf_fini(&masked);
  return 1;
}

/* write(level, message, members): `members` is nil or the members of a JSON object without its
 * braces; lua/moonherd/_log.lua encodes them. */
static int f_write(lua_State *L) {
  static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
  int level = luaL_checkoption(L, 1, NULL, levels);
  size_t n;
  const char *message = luaL_checkstring(L, 2);
  const char *members = luaL_optlstring(L, 3, "", &n);
  if (mh_realm_of(L)->out != NULL) fflush(mh_realm_of(L)->out);  // it does not overtake print
  mh_log_fields(host_of(L)->log, level, members, n, "%s", message);
  return 0;
}

/* level() -> the most talkative level that passes, 0 (error) to 3 (debug). */
static int f_level(lua_State *L) {
  lua_pushinteger(L, mh_log_level(host_of(L)->log));
  return 1;
}

static const luaL_Reg log_functions[] = {
    {"hide", f_hide}, {"mask", f_mask}, {"write", f_write}, {"level", f_level}, {NULL, NULL}};

int luaopen_moonherd__sink(lua_State *L);
int luaopen_moonherd__sink(lua_State *L) {
  luaL_newlib(L, log_functions);
  return 1;
}

/* ---- moonherd._clock ---------------------------------------------------------------------- */

/* now() -> seconds on the handle's monotonic clock. */
static int f_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)mh_loop_now(mh_loop_of(L)) / (lua_Number)MH_SECOND);
  return 1;
}

/* wall() -> seconds since 1970-01-01 UTC, with a fraction of microseconds. */
static int f_wall(lua_State *L) {
  int64_t us = mh_clock_wall(&mh_loop_of(L)->clock) / 1000;
  lua_pushnumber(L, (lua_Number)us / 1e6);
  return 1;
}

/* is_virtual() -> whether waits take no time. */
static int f_is_virtual(lua_State *L) {
  lua_pushboolean(L, mh_loop_of(L)->clock.is_virtual);
  return 1;
}

/* set_virtual(is_virtual): for tests. */
static int f_set_virtual(lua_State *L) {
  mh_clock_set_virtual(&mh_loop_of(L)->clock, lua_toboolean(L, 1) != 0);
  return 0;
}

static const luaL_Reg clock_functions[] = {{"now", f_now},
                                           {"wall", f_wall},
                                           {"is_virtual", f_is_virtual},
                                           {"set_virtual", f_set_virtual},
                                           {NULL, NULL}};

int luaopen_moonherd__clock(lua_State *L);
int luaopen_moonherd__clock(lua_State *L) {
  luaL_newlib(L, clock_functions);
  return 1;
}

/* ---- moonherd._error ---------------------------------------------------------------------- */

/* set(table) -> the table, now an error object. */
static int f_set(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  mh_error_set(L);
  return 1;
}

static int f_is(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, mh_error_is(L, 1));
  return 1;
}

/* wrap(value) -> an error object: the value itself when it is one. */
static int f_wrap(lua_State *L) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  mh_error_wrap(L, L);
  return 1;
}

/* report(error): hands an error that nobody will catch to the host. */
static int f_report(lua_State *L) {
  mh_realm *realm = mh_realm_of(L);
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  mh_error_wrap(L, L);
  if (realm->on_error != NULL) realm->on_error(realm, L);
  return 0;
}

static const luaL_Reg error_functions[] = {
    {"set", f_set}, {"is", f_is}, {"wrap", f_wrap}, {"report", f_report}, {NULL, NULL}};

int luaopen_moonherd__error(lua_State *L);
int luaopen_moonherd__error(lua_State *L) {
  luaL_newlib(L, error_functions);
  return 1;
}
