/* Cancelling, time limits and force, where they meet other events. The clock is virtual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/c/script_host.h"

/* Runs a script that asserts for itself. */
static void passes(const char *code) {
  script_host h;
  script_host_open(&h, &(moonherd_config){.options = VIRTUAL_CLOCK});
  char text[4096] = "local moonherd = require 'moonherd'\n";
  assert_true(strlen(code) < sizeof text - strlen(text));
  strcat(text, code);
  script_host_run(&h, text);
  if (h.errors > 0) fail_msg("%s\n%s", h.message, h.trace);
  assert_string_equal("", h.err);
  moonherd_close(h.m);
}

static void a_time_limit_is_told_when_its_tasks_took_both_graces(void **state) {
  (void)state;
  passes(
      "local ok, err = pcall(moonherd.timeout, 1, function ()\n"
      "  moonherd.spawn(function () while true do pcall(moonherd.sleep, '1h') end end)\n"
      "end)\n"
      "assert(not ok and err.kind == 'timeout')\n"
      "moonherd.sleep(100)\n");
}

static void an_owner_that_goes_on_after_its_time_is_closed(void **state) {
  (void)state;
  passes(
      "local task = moonherd.spawn(moonherd.timeout, 1, function ()\n"
      "  while true do pcall(moonherd.sleep, '1h') end\n"
      "end)\n"
      "local ok, err = pcall(task.wait, task)\n"
      "assert(not ok and err.reason == 'killed')\n"
      "assert(require 'moonherd._clock'.now() < 12)\n");
}

static void force_reaches_children_in_nested_scopes(void **state) {
  (void)state;
  passes(
      "local function stubborn() while true do pcall(moonherd.sleep, '1h') end end\n"
      "local inner, co\n"
      "local task = moonherd.spawn(function ()\n"
      "  moonherd.spawn(stubborn)\n"
      "  co = coroutine.wrap(function ()\n"
      "    moonherd.scope(function () moonherd.spawn(stubborn) coroutine.yield() end)\n"
      "  end)\n"
      "  co()\n"
      "  moonherd.scope(function ()\n"
      "    moonherd.spawn(function ()\n"
      "      moonherd.scope(function () inner = moonherd.spawn(stubborn) stubborn() end)\n"
      "    end)\n"
      "    moonherd.timeout('1h', stubborn)\n"
      "  end)\n"
      "end)\n"
      "moonherd.sleep(0)\n"
      "task:cancel()\n"
      "local ok, err = pcall(task.wait, task)\n"
      "assert(not ok and err.reason == 'killed' and inner:state() == 'failed')\n"
      "assert(require 'moonherd._task'.counts() == 1)\n");
}

static void a_close_handler_that_raises_while_its_task_is_closed(void **state) {
  (void)state;
  passes(
      "local task = moonherd.spawn(function ()\n"
      "  local _ <close> = setmetatable({}, { __close = function () error 'in close' end })\n"
      "  while true do pcall(moonherd.sleep, '1h') end\n"
      "end)\n"
      "moonherd.sleep(0)\n"
      "task:cancel()\n"
      "task:cancel()\n"
      "local ok, err = pcall(task.wait, task)\n"
      "assert(not ok and err.reason == 'killed')\n");
}

static void cleanup_may_spawn_and_is_cancelled_in_turn(void **state) {
  (void)state;
  passes(
      "local late\n"
      "local task = moonherd.spawn(function ()\n"
      "  pcall(moonherd.sleep, '1h')\n"
      "  assert(moonherd.spawn(function () moonherd.sleep(1) return 'cleaned' end):wait()\n"
      "    == 'cleaned')\n"
      "  late = moonherd.spawn(moonherd.sleep, '1h')\n"
      "end)\n"
      "moonherd.sleep(0)\n"
      "task:cancel()\n"
      "task:wait()\n"
      "assert(late:state() == 'failed')\n"
      "assert(require 'moonherd._clock'.now() == 5)\n");
}

static void a_wake_is_not_lost_to_a_waiter_that_is_cancelled(void **state) {
  (void)state;
  passes(
      "local list = require 'moonherd._task'.waitlist()\n"
      "local woken = 0\n"
      "local function wait() list:wait 'a turn' woken = woken + 1 list:wake(1) end\n"
      "local a, b = moonherd.spawn(wait), moonherd.spawn(wait)\n"
      "moonherd.sleep(1)\n"
      "list:wake(1)\n"
      "a:cancel()\n"  // it has its turn already
      "b:wait()\n"
      "assert(woken == 2 and pcall(a.wait, a))\n"
      // Cancelled first: the wake goes to the next.
      "a, b = moonherd.spawn(wait), moonherd.spawn(wait)\n"
      "moonherd.sleep(1)\n"
      "a:cancel()\n"
      "list:wake(1)\n"
      "b:wait()\n"
      "assert(woken == 3 and not pcall(a.wait, a))\n");
}

static void a_cancel_at_the_moment_a_wait_ends(void **state) {
  (void)state;
  passes(
      "local slept, task\n"
      "moonherd.spawn(function () moonherd.sleep(1) task:cancel() end)\n"
      "task = moonherd.spawn(function () slept = pcall(moonherd.sleep, 1) moonherd.sleep(0) end)\n"
      "assert(not pcall(task.wait, task))\n"
      "assert(slept ~= nil)\n"
      // A time limit at the same moment as the end of what it limits: one of both, and nothing later.
      "local ok, err = pcall(moonherd.timeout, 1, moonherd.sleep, 1)\n"
      "assert(ok or err.kind == 'timeout')\n"
      "moonherd.sleep(2)\n"
      // Two time limits at once: the outer one is raised.
      "ok, err = pcall(moonherd.timeout, 1, function ()\n"
      "  local _, inner = pcall(moonherd.timeout, 1, moonherd.sleep, '1h')\n"
      "  error(inner)\n"
      "end)\n"
      "assert(not ok and err.kind == 'timeout')\n"
      "moonherd.sleep(20)\n");
}

static void errors_of_cleanup_are_attached(void **state) {
  (void)state;
  passes(
      "local function failing(message)\n"
      "  return setmetatable({}, { __close = function () moonherd.sleep(0) error(message, 0) end "
      "})\n"
      "end\n"
      "local ok, err = pcall(moonherd.scope, function ()\n"
      "  moonherd.spawn(function () local _ <close> = failing 'first' moonherd.sleep '1h' end)\n"
      "  moonherd.spawn(function () local _ <close> = failing 'second' moonherd.sleep '1h' end)\n"
      "  moonherd.sleep(1)\n"
      "  error('own', 0)\n"  // text: it becomes an error object to have something attached
      "end)\n"
      "assert(not ok and err.message == 'own' and #err.also == 2)\n"
      "local task = moonherd.spawn(function ()\n"
      "  local _ <close> = failing 'on the way out'\n"
      "  moonherd.sleep '1h'\n"
      "end)\n"
      "moonherd.sleep(1)\n"
      "task:cancel()\n"
      "ok, err = pcall(task.wait, task)\n"
      "assert(not ok and err.message == 'on the way out')\n");
}

static void one_error_of_many_waiters_is_not_attached_to_itself(void **state) {
  (void)state;
  passes(
      "local ok, err = pcall(moonherd.scope, function ()\n"
      "  local task = moonherd.spawn(function () moonherd.sleep(1) error 'shared' end)\n"
      "  for _ = 1, 3 do moonherd.spawn(task.wait, task) end\n"
      "end)\n"
      "assert(not ok and #(err.also or {}) == 0)\n");
}

static void tasks_are_refused_where_nobody_would_own_them(void **state) {
  (void)state;
  script_host h;
  script_host_open(&h, &(moonherd_config){.budget = 0.001, .options = VIRTUAL_CLOCK});
  assert_int_equal(0, script_host_run(&h,
                                      "local moonherd = require 'moonherd'\n"
                                      "function spawn_late()\n"
                                      "  local ok, err = pcall(moonherd.spawn, print, 'late')\n"
                                      "  io.stderr:write(tostring(ok), ' ', err.reason)\n"
                                      "end\n"
                                      "kept = setmetatable({}, { __gc = spawn_late })\n"));
  assert_string_equal("", h.err);
  moonherd_close(h.m);
  assert_string_equal("false no_task", h.err);
  assert_string_equal("", h.out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_time_limit_is_told_when_its_tasks_took_both_graces),
      cmocka_unit_test(an_owner_that_goes_on_after_its_time_is_closed),
      cmocka_unit_test(force_reaches_children_in_nested_scopes),
      cmocka_unit_test(a_close_handler_that_raises_while_its_task_is_closed),
      cmocka_unit_test(cleanup_may_spawn_and_is_cancelled_in_turn),
      cmocka_unit_test(a_wake_is_not_lost_to_a_waiter_that_is_cancelled),
      cmocka_unit_test(a_cancel_at_the_moment_a_wait_ends),
      cmocka_unit_test(errors_of_cleanup_are_attached),
      cmocka_unit_test(one_error_of_many_waiters_is_not_attached_to_itself),
      cmocka_unit_test(tasks_are_refused_where_nobody_would_own_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
