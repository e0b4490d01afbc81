/* Hosts that know Lua: modules of their own, functions that wait for a thread of the host. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "moonherd.h"
#include "moonherd_lua.h"
#include "tests/c/script_host.h"

static script_host host;

static void open_plain(void) {
  script_host_open(&host, NULL);
}

static void settle(void) {
  while (moonherd_step(host.m, 0) == MOONHERD_READY) {
  }
}

/* ---- functions that wait ------------------------------------------------------------------ */

typedef struct doubling {
  int n;
} doubling;

/* What happened to the jobs of a test. */
static struct {
  doubling *left; /* the job that nobody has done yet */
  int done, cancelled, freed;
} seen;

static int doubled(lua_State *L, void *job, int status) {
  const doubling *d = job;
  seen.done++;
  if (status != 0) return luaL_error(L, "it failed with %d", status);
  lua_pushinteger(L, 2 * d->n);
  lua_pushvalue(L, 1);
  return 2;
}

static void on_cancel(void *job) {
  (void)job;
  seen.cancelled++;
}

static void on_free(void *job) {
  (void)job;
  seen.freed++;
}

static const moonherd_work doublings = {"a doubling", sizeof(doubling), doubled, on_cancel,
                                        on_free};

static doubling *begin(lua_State *L) {
  int n = (int)luaL_checkinteger(L, 1);
  doubling *d = moonherd_begin(L, &doublings);
  d->n = n;
  return d;
}

static void *on_thread(void *job) {
  moonherd_ready(job, 0);
  return NULL;
}

/* double(n) -> 2 * n, n: a thread does it. */
static int f_double(lua_State *L) {
  doubling *d = begin(L);
  pthread_t thread;
  if (pthread_create(&thread, NULL, on_thread, d) != 0) moonherd_ready(d, MOONHERD_ENOMEM);
  else pthread_detach(thread);
  return moonherd_wait(L, d);
}

/* now(n, status): it is done before it is waited for. */
static int f_now(lua_State *L) {
  int status = (int)luaL_checkinteger(L, 2);
  doubling *d = begin(L);
  moonherd_ready(d, status);
  return moonherd_wait(L, d);
}

/* later(n): the test does it. */
static int f_later(lua_State *L) {
  doubling *d = begin(L);
  seen.left = d;
  return moonherd_wait(L, d);
}

static int f_broken(lua_State *L) {
  seen.left = begin(L);
  return luaL_error(L, "raised where it must not be");
}

/* What a call that is refused in callbacks answers in a function. */
static int f_step(lua_State *L) {
  script_host *h = moonherd_user(L);
  lua_pushinteger(L, moonherd_step(h->m, 0));
  lua_pushinteger(L, moonherd_load(h->m, "=x", "", 0));
  lua_pushinteger(L, moonherd_register(h->m, "other", (luaL_Reg[]){{NULL, NULL}}));
  lua_pushboolean(L, moonherd_state(h->m) == NULL);
  moonherd_close(h->m);
  return 4;
}

static const luaL_Reg functions[] = {
    {"double", f_double}, {"now", f_now},   {"later", f_later},
    {"broken", f_broken}, {"step", f_step}, {NULL, NULL},
};

static void open_with_module(void) {
  open_plain();
  memset(&seen, 0, sizeof seen);
  assert_int_equal(0, moonherd_register(host.m, "game", functions));
}

static void a_function_waits_for_a_thread_while_others_run(void **state) {
  (void)state;
  open_with_module();
  int code = script_host_run(&host,
                             "local m, game = require 'moonherd', require 'game'\n"
                             "local sum = 0\n"
                             "m.scope(function ()\n"
                             "  for i = 1, 50 do m.spawn(function ()\n"
                             "    local twice, n = game.double(i) sum = sum + twice - n\n"
                             "  end) end\n"
                             "end)\n"
                             "print(sum)");
  assert_int_equal(0, code);
  assert_string_equal("1275\n", host.out);
  assert_int_equal(50, seen.done);
  assert_int_equal(50, seen.freed);
  assert_int_equal(0, seen.cancelled);
  moonherd_close(host.m);
}

static void work_may_be_done_before_it_is_waited_for_or_fail(void **state) {
  (void)state;
  open_with_module();
  script_host_run(&host,
                  "local game = require 'game' print(game.now(4, 0))\n"
                  "print(pcall(game.now, 4, -5))\n"
                  "print(pcall(game.now, 'x', 0))");
  assert_string_equal(
      "8\t4\nfalse\tit failed with -5\n"
      "false\tbad argument #1 to 'game.now' (number expected, got string)\n",
      host.out);
  moonherd_close(host.m);
  assert_int_equal(2, seen.freed);
}

static void a_wait_that_is_given_up_tells_the_host_which_ends_it_all_the_same(void **state) {
  (void)state;
  open_with_module();
  script_host_run(&host,
                  "local m, game = require 'moonherd', require 'game'\n"
                  "print(pcall(m.timeout, '1ms', game.later, 1))");
  assert_non_null(strstr(host.out, "timed out after 0.001 s while waiting for a doubling"));
  assert_int_equal(1, seen.cancelled);
  assert_int_equal(0, seen.freed);
  moonherd_ready(seen.left, 0);
  script_host_run(&host, "collectgarbage() collectgarbage()");
  moonherd_close(host.m);
  assert_int_equal(0, seen.done);
  assert_int_equal(1, seen.freed);
}

static void work_may_end_after_the_handle_is_closed(void **state) {
  (void)state;
  open_with_module();
  script_host_start(&host, "require 'game'.later(1)");
  settle();
  moonherd_cancel(host.m, NULL);
  moonherd_close(host.m);
  assert_int_equal(1, seen.cancelled);
  assert_int_equal(0, seen.freed);
  moonherd_ready(seen.left, 0);
  assert_int_equal(1, seen.freed);
  assert_int_equal(0, seen.done);
}

static void work_that_ends_just_before_the_handle_is_closed_is_freed(void **state) {
  (void)state;
  open_with_module();
  script_host_start(&host, "local m = require 'moonherd' m.on('x', print) require 'game'.later(1)");
  settle();
  moonherd_cancel(host.m, NULL);
  while (moonherd_step(host.m, 0) > 0) {
  }
  moonherd_ready(seen.left, 0);
  moonherd_close(host.m);
  assert_int_equal(1, seen.freed);
}

static void an_error_between_begin_and_wait_is_a_wait_given_up(void **state) {
  (void)state;
  open_with_module();
  assert_int_equal(1, script_host_run(&host, "require 'game'.broken(1)"));
  assert_string_equal("script:1: raised where it must not be", host.message);
  script_host_run(&host, "collectgarbage() collectgarbage()");
  assert_int_equal(1, seen.cancelled);
  moonherd_ready(seen.left, 0);
  moonherd_close(host.m);
  assert_int_equal(1, seen.freed);
}

static void nothing_begins_where_a_script_cannot_wait(void **state) {
  (void)state;
  open_with_module();
  script_host_run(&host, "table.sort({ 1, 2 }, function () require 'game'.double(1) end)");
  assert_string_equal("double: cannot wait inside table.sort", host.message);
  assert_int_equal(0, seen.cancelled + seen.freed);
  moonherd_close(host.m);
}

static void a_virtual_clock_stands_still_while_the_host_works(void **state) {
  (void)state;
  script_host_open(&host, &(moonherd_config){.options = VIRTUAL_CLOCK});
  moonherd_register(host.m, "game", functions);
  script_host_run(&host, "print(require 'moonherd'.timeout('1h', require 'game'.double, 21))");
  assert_string_equal("42\t21\n", host.out);
  moonherd_close(host.m);
}

static void a_dump_names_the_work(void **state) {
  (void)state;
  open_with_module();
  script_host_start(&host, "require 'game'.later(1)");
  settle();
  moonherd_dump(host.m);
  assert_non_null(strstr(host.log, "for a doubling, at script:1"));
  moonherd_ready(seen.left, 0);
  moonherd_close(host.m);
}

/* ---- modules and the state ---------------------------------------------------------------- */

static void a_module_is_there_for_every_script(void **state) {
  (void)state;
  open_plain();
  script_host_start(&host, "require 'moonherd'.sleep '1h'");
  settle();
  assert_int_equal(0, moonherd_load(host.m, "=next", "print(require 'game'.now(1, 0))", 31));
  assert_int_equal(0, moonherd_register(host.m, "game", functions));
  assert_int_equal(0, moonherd_reload(host.m));
  assert_int_equal(0, moonherd_start(host.m, 0, NULL));
  while (moonherd_step(host.m, -1) > 0) {
  }
  assert_string_equal("2\t1\n", host.out);
  assert_int_equal(0, moonherd_reload(host.m));
  script_host_run(&host, "print(require 'game'.now(2, 0))");
  assert_string_equal("4\t2\n", host.out);
  moonherd_close(host.m);
}

static void names_that_are_taken_are_refused(void **state) {
  (void)state;
  static const char *const names[] = {"", "moonherd", "moonherd.http", "string", "game"};
  open_with_module();
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    assert_int_equal(MOONHERD_EINVAL, moonherd_register(host.m, names[i], functions));
  assert_int_equal(MOONHERD_EINVAL, moonherd_register(host.m, NULL, functions));
  assert_int_equal(MOONHERD_EINVAL, moonherd_register(host.m, "x", NULL));
  assert_int_equal(MOONHERD_EINVAL, moonherd_register(NULL, "x", functions));
  moonherd_close(host.m);
}

static void what_is_refused_in_callbacks_is_refused_in_functions(void **state) {
  (void)state;
  open_with_module();
  script_host_run(&host, "print(require 'game'.step())");
  assert_string_equal("-3\t-3\t-3\ttrue\n", host.out);
  moonherd_close(host.m);
}

static void the_state_is_the_hosts_between_steps(void **state) {
  (void)state;
  open_plain();
  lua_State *L = moonherd_state(host.m);
  lua_pushinteger(L, 7);
  lua_setglobal(L, "lives");
  lua_pushliteral(L, "left behind");
  script_host_run(&host, "print(lives) lives = lives - 1");
  assert_string_equal("7\n", host.out);
  lua_getglobal(L, "lives");
  assert_int_equal(6, lua_tointeger(L, -1));
  assert_null(moonherd_state(NULL));
  moonherd_close(host.m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_function_waits_for_a_thread_while_others_run),
      cmocka_unit_test(work_may_be_done_before_it_is_waited_for_or_fail),
      cmocka_unit_test(a_wait_that_is_given_up_tells_the_host_which_ends_it_all_the_same),
      cmocka_unit_test(work_may_end_after_the_handle_is_closed),
      cmocka_unit_test(work_that_ends_just_before_the_handle_is_closed_is_freed),
      cmocka_unit_test(an_error_between_begin_and_wait_is_a_wait_given_up),
      cmocka_unit_test(nothing_begins_where_a_script_cannot_wait),
      cmocka_unit_test(a_virtual_clock_stands_still_while_the_host_works),
      cmocka_unit_test(a_dump_names_the_work),
      cmocka_unit_test(a_module_is_there_for_every_script),
      cmocka_unit_test(names_that_are_taken_are_refused),
      cmocka_unit_test(what_is_refused_in_callbacks_is_refused_in_functions),
      cmocka_unit_test(the_state_is_the_hosts_between_steps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
