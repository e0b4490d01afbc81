/* moonherd._counts: what clients tell of their requests, summed up for the host of the handle. */
#include <lauxlib.h>
#include <lua.h>

#include "core/realm.h"

static mh_counts *counts_of(lua_State *L) {
  return &mh_realm_of(L)->host->counts;
}

/* request(status, attempt, has_failed): one was made. `status` is 0 where there was no answer. */
static int f_request(lua_State *L) {
  mh_counts *counts = counts_of(L);
  lua_Integer class = luaL_checkinteger(L, 1) / 100;
  counts->requests++;
  if (luaL_optinteger(L, 2, 1) > 1) counts->retries++;
  if (lua_toboolean(L, 3)) counts->failed++;
  counts->status[class > 0 && class < MH_STATUS_CLASSES ? class : 0]++;
  return 0;
}

/* budget_wait(seconds): one had to wait so long before it was sent. */
static int f_budget_wait(lua_State *L) {
  mh_counts *counts = counts_of(L);
  counts->budget_waits++;
  counts->budget_seconds += luaL_checknumber(L, 1);
  return 0;
}

static const luaL_Reg functions[] = {
    {"request", f_request}, {"budget_wait", f_budget_wait}, {NULL, NULL}};

int luaopen_moonherd__counts(lua_State *L);
int luaopen_moonherd__counts(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
