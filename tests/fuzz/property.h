/* A fuzz target whose property is written in Lua: the file tests/fuzz/properties/NAME.lua, run from
 * the top of the tree, returns a function that is called with every input and raises when the
 * property does not hold. The lines of Lua that an input reaches count as coverage, so that the fuzzer
 * finds its way through Lua code as it does through C. tests/spec/fuzz_spec.lua holds the same
 * properties to the corpus.
 *
 * Each target's file is `FUZZ_PROPERTY("NAME")` and nothing else. */
#ifndef FUZZ_PROPERTY_H
#define FUZZ_PROPERTY_H

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "core/realm_life.h"
#include "modules.h"
#include "moonherd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* The state lives as long as the program, and its blocks are nothing that the search for leaks looks
 * into. `make asan` looks for leaks. */
const char *__asan_default_options(void) {
  return "detect_leaks=0";
}

enum { LINES = 1 << 14 };
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t lines[LINES];

static void on_line(lua_State *L, lua_Debug *ar) {
  lua_getinfo(L, "S", ar);
  uint32_t place = (uint32_t)ar->currentline;
  for (const char *c = ar->short_src; *c != '\0'; c++) place = place * 31 + (unsigned char)*c;
  uint8_t *line = &lines[place % LINES];
  if (*line < UINT8_MAX) (*line)++;
}

static void stop(lua_State *L) {
  fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
  abort();
}

static int open_modules(lua_State *L) {
  mh_modules_open(L, lua_touserdata(L, 1));
  return 0;
}

/* A realm with every module of the program, and the property as the global `property`. */
static lua_State *open_property(const char *path) {
  static mh_host host;
  static mh_config config;
  if (mh_config_read(&config, NULL) != NULL || mh_loop_init(&host.loop, &config.clock) != 0)
    abort();
  host.log = mh_log_new(&host.loop.clock, MOONHERD_LOG_ERROR, NULL, NULL);
  mh_realm *realm = host.log != NULL ? mh_realm_new(&host, 0, 0) : NULL;
  if (realm == NULL) abort();
  lua_State *L = realm->L;
  lua_pushcfunction(L, open_modules);
  lua_pushlightuserdata(L, &config);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK || luaL_loadfile(L, path) != LUA_OK) stop(L);
  if (lua_pcall(L, 0, 1, 0) != LUA_OK) stop(L);
  lua_setglobal(L, "property");
  lua_sethook(L, on_line, LUA_MASKLINE, 0);
  return L;
}

static void check_property(const char *path, const uint8_t *data, size_t size) {
  static lua_State *L;
  if (L == NULL) L = open_property(path);
  lua_getglobal(L, "property");
  lua_pushlstring(L, (const char *)data, size);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) stop(L);
  lua_settop(L, 0);
}

#define FUZZ_PROPERTY(name)                                           \
  int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {      \
    check_property("tests/fuzz/properties/" name ".lua", data, size); \
    return 0;                                                         \
  }

#endif
