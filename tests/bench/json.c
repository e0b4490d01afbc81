/* JSON: our decode and encode beside lua-cjson alone, on an answer of the API (about 400 bytes) and
 * on a list of 200 of them. CPU time, the best of several rounds, both in one run. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/realm.h"

int luaopen_cjson(lua_State *L);
int luaopen_moonherd__json(lua_State *L);

static const char ANSWER[] =
    "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":{\"id\":\"tenant-0042\","
    "\"etag\":\"13a3240e8fb414561b0366813b0b8f42b3e6cfa0d9e70e99835dae83d0d8a794\","
    "\"handlers\":[\"fetch\",\"scheduled\"],\"created_on\":\"2026-03-01T12:34:56.789012Z\","
    "\"modified_on\":\"2026-03-02T08:00:00.123456Z\",\"usage_model\":\"standard\","
    "\"startup_time_ms\":12,\"has_assets\":false,\"placement_mode\":null,"
    "\"tags\":[\"customer:0042\",\"plan:free\"]}}";

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Microseconds of one call of the function at `function` with the value at `argument`. */
static double time_call(lua_State *L, int function, int argument) {
  size_t calls = 0;
  double start = seconds(), spent;
  do {
    for (int i = 0; i < 16; i++) {
      lua_pushvalue(L, function);
      lua_pushvalue(L, argument);
      lua_call(L, 1, 0);
    }
    calls += 16;
    spent = seconds() - start;
  } while (spent < 0.02);
  return spent / (double)calls * 1e6;
}

/* The best of several rounds, in turn, so that a busy machine is busy for both. */
static void compare(lua_State *L, const char *what, int ours, int rival, int argument) {
  double best[2] = {1e9, 1e9};
  for (int round = 0; round < 24; round++) {
    double spent = time_call(L, round % 2 == 0 ? ours : rival, argument);
    if (spent < best[round % 2]) best[round % 2] = spent;
  }
  printf("json %-24s %9.2f us   cjson alone %9.2f us   ratio %.2f\n", what, best[0], best[1],
         best[0] / best[1]);
}

static void run(lua_State *L, const char *name, const char *text) {
  char what[64];
  int top = lua_gettop(L);
  lua_pushstring(L, text);
  lua_getfield(L, 1, "decode");
  lua_getfield(L, 2, "decode");
  snprintf(what, sizeof what, "decode %s, %zu B", name, strlen(text));
  compare(L, what, top + 2, top + 3, top + 1);
  lua_pushvalue(L, top + 2);
  lua_pushvalue(L, top + 1);
  lua_call(L, 1, 1);
  lua_getfield(L, 1, "encode");
  lua_getfield(L, 2, "encode");
  snprintf(what, sizeof what, "encode %s", name);
  compare(L, what, top + 5, top + 6, top + 4);
  lua_settop(L, top);
}

int main(void) {
  mh_realm realm;
  memset(&realm, 0, sizeof realm);
  lua_State *L = lua_newstate(mh_realm_allocate, &realm);
  if (L == NULL) return 1;
  luaL_openlibs(L);
  luaL_requiref(L, "moonherd._json", luaopen_moonherd__json, 0);
  luaL_requiref(L, "cjson", luaopen_cjson, 0);
  run(L, "one answer", ANSWER);

  luaL_Buffer list;
  luaL_buffinit(L, &list);
  for (int i = 0; i < 200; i++) {
    luaL_addstring(&list, i == 0 ? "[" : ",");
    luaL_addstring(&list, ANSWER);
  }
  luaL_addstring(&list, "]");
  luaL_pushresult(&list);
  run(L, "200 answers", lua_tostring(L, -1));
  lua_close(L);
  return 0;
}
