/* A Lua state that is closed at once while its lists are queued, run, or are answered: what the
 * threads read must stay until they have finished, and nobody may touch the state afterwards. */
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/realm_life.h"
#include "core/task.h"
#include "store_fixture.h"

int luaopen_moonherd__store(lua_State *L);

#define ENDLESS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT max(?) FROM n"

static void on_error(mh_realm *realm, lua_State *L) {
  (void)realm;
  lua_getfield(L, -1, "message");
  fprintf(stderr, "uncaught: %s\n", lua_tostring(L, -1));
  abort();
}

/* Starts a task of `code`, in which `raw` is the binding and `path` the database of the fixture. */
static void start(fixture *f, mh_realm *realm, const char *code) {
  lua_State *L = realm->L;
  realm->on_error = on_error;
  luaL_requiref(L, "moonherd._store", luaopen_moonherd__store, 0);
  lua_setglobal(L, "raw");
  lua_pushstring(L, f->path);
  lua_setglobal(L, "path");
  if (luaL_loadstring(L, code) != LUA_OK) fail_msg("%s", lua_tostring(L, -1));
  mh_task_spawn(L, 0, true);
  lua_settop(L, 0);
}

static void close_after(fixture *f, const char *code, int steps) {
  mh_realm *realm = mh_realm_new(&f->host, 0, 0);
  start(f, realm, code);
  for (int i = 0; i < steps; i++) mh_loop_step(&f->host.loop, 0, 0.002);
  mh_realm_free(realm);
  assert_null(f->host.loop.ops);
}

/* However far it came: opening, waiting, answered. */
static void close_everywhere(fixture *f, const char *rest) {
  char code[512];
  snprintf(code, sizeof code, "local db = raw.open(path, {}, 1, 5) %s", rest);
  for (int steps = 1; steps < 12; steps++) {
    close_after(f, code, steps);
    mh_loop_step(&f->host.loop, 0, 0);
  }
}

static void test_while_a_read_runs(void **state) {
  close_everywhere(*state, "db:read { { [[" ENDLESS "]], ('x'):rep(1000) } }");
}

static void test_while_a_write_runs(void **state) {
  close_everywhere(*state,
                   "db:write { { 'CREATE TABLE IF NOT EXISTS t(v)' }, "
                   "{ [[INSERT INTO t " ENDLESS "]], ('x'):rep(1000) } }");
}

static void test_while_it_closes(void **state) {
  close_everywhere(*state, "db:write { { 'CREATE TABLE IF NOT EXISTS t(v)' } } db:close()");
}

static void test_while_an_open_is_refused(void **state) {
  for (int steps = 1; steps < 8; steps++)
    close_after(*state, "assert(not raw.open('/', {}, 1, 5))", steps);
}

static void test_while_it_waits_for_a_lock(void **state) {
  fixture *f = *state;
  sqlite3 *db = raw_open(f->path);
  raw_exec(db, "PRAGMA journal_mode=WAL; BEGIN IMMEDIATE");
  close_everywhere(f, "db:write { { 'CREATE TABLE t(v)' } }");
  sqlite3_close(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_set_up, fixture_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(while_a_read_runs),        TEST(while_a_write_runs),        TEST(while_it_closes),
      TEST(while_an_open_is_refused), TEST(while_it_waits_for_a_lock),
  };
  return cmocka_run_group_tests_name("store_realm", tests, NULL, NULL);
}
