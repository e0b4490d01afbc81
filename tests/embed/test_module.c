/* Programs in C that keep their Lua and let it `require "moonherd"`. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int luaopen_moonherd(lua_State *L);

/* What the program keeps in the extra space of its threads. */
static int app;

static int f_app(lua_State *L) {
  lua_pushboolean(L, *(int **)lua_getextraspace(L) == &app);
  return 1;
}

static lua_State *open_state(void) {
  lua_State *L = luaL_newstate();
  assert_non_null(L);
  luaL_openlibs(L);
  *(int **)lua_getextraspace(L) = &app;
  lua_register(L, "app", f_app);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_moonherd);
  lua_setfield(L, -2, "moonherd");
  lua_pop(L, 1);
  return L;
}

static void run(lua_State *L, const char *code) {
  if (luaL_dostring(L, code) != LUA_OK) fail_msg("%s", luaL_tolstring(L, -1, NULL));
  lua_settop(L, 0);
}

static void the_extra_space_of_threads_stays_the_programs(void **state) {
  (void)state;
  lua_State *L = open_state();
  run(L,
      "local moonherd = require 'moonherd'\n"
      "assert(app())\n"
      "moonherd.run(function ()\n"
      "  assert(app())\n"
      "  coroutine.wrap(function ()\n"
      "    moonherd.scope(function () moonherd.sleep(0) assert(app()) end)\n"
      "  end)()\n"
      "end)");
  assert_ptr_equal(&app, *(int **)lua_getextraspace(L));
  lua_close(L);
}

static void two_states_share_nothing(void **state) {
  (void)state;
  lua_State *first = open_state(), *second = open_state();
  const char *code =
      "moonherd = require 'moonherd'\n"
      "n = 0\n"
      "task = moonherd.spawn(function () while true do n = n + 1 moonherd.sleep(0) end end)\n"
      "moonherd.step '1ms'";
  run(first, code);
  run(second, code);
  run(first, "moonherd.cancel() while moonherd.step() ~= 'done' do end assert(n > 0)");
  run(second, "assert(task:state() == 'running') local m = n moonherd.step '1ms' assert(n > m)");
  lua_close(first);
  run(second, "local m = n moonherd.step '1ms' assert(n > m)");
  lua_close(second);
}

static void a_state_closed_in_the_middle_of_uploads_leaves_nothing(void **state) {
  (void)state;
  char dir[] = "/tmp/moonherd-module-XXXXXX", remove[64];
  assert_non_null(mkdtemp(dir));
  for (int steps = 1; steps < 40; steps += 6) {
    lua_State *L = open_state();
    lua_pushstring(L, dir);
    lua_setglobal(L, "dir");
    lua_pushinteger(L, steps);
    lua_setglobal(L, "steps");
    run(L,
        "local moonherd = require 'moonherd'\n"
        "moonherd.spawn(function ()\n"
        "  local ns = moonherd.connect { target = 'local', state = dir }:ensure_namespace 'n'\n"
        "  for i = 1, 40 do\n"
        "    moonherd.spawn(function ()\n"
        "      local file <close> = setmetatable({}, { __close = function () closed = true end })\n"
        "      ns:script('w' .. i):upload { script = '//' .. ('x'):rep(2048),\n"
        "        compatibility_date = '2026-10-01' }\n"
        "    end)\n"
        "  end\n"
        "end)\n"
        "for _ = 1, steps do moonherd.step('2ms', '2ms') end");
    lua_close(L);
  }
  snprintf(remove, sizeof remove, "rm -rf %s", dir);
  assert_int_equal(0, system(remove));
}

static void collections_at_any_time_do_no_harm(void **state) {
  (void)state;
  lua_State *L = open_state();
  run(L,
      "local moonherd = require 'moonherd'\n"
      "local kept_close = coroutine.close\n"
      "collectgarbage('setpause', 0)\n"
      "for i = 1, 20 do\n"
      "  local co\n"
      "  local task = moonherd.spawn(function ()\n"
      "    co = coroutine.create(function () moonherd.read '/etc/passwd' moonherd.sleep '1ms' "
      "end)\n"
      "    return coroutine.resume(co)\n"
      "  end)\n"
      "  for _ = 1, i % 4 do moonherd.step() end\n"
      "  if co and coroutine.status(co) == 'suspended' then kept_close(co) end\n"
      "  co = nil\n"
      "  collectgarbage()\n"
      "  if i % 3 == 0 then task:cancel() end\n"
      "  while moonherd.step(0, '1ms') ~= 'done' do collectgarbage() end\n"
      "end");
  lua_close(L);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_extra_space_of_threads_stays_the_programs),
      cmocka_unit_test(two_states_share_nothing),
      cmocka_unit_test(a_state_closed_in_the_middle_of_uploads_leaves_nothing),
      cmocka_unit_test(collections_at_any_time_do_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
