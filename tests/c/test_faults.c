/* A script under faults: memory refused, cancelled, closed, collected at any moment. Whatever it is,
 * nothing crashes, leaks or hangs, and every task ends.
 *
 * `test_faults full` tries every moment; without arguments it takes a sample. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <lua.h>

#include "core/dump.h"
#include "core/task.h"
#include "handle.h"
#include "moonherd.h"

static const char SCRIPT[] = "tests/c/everything.lua";

enum {
  SAMPLES = 25,
  MOST_STEPS = 2000000, /* more is a hang: the clock is virtual */
};

static bool is_full;

typedef struct fixture {
  moonherd *m;
  mh_realm *realm;
  size_t moment; /* when it is disturbed */
  int steps, errors;
  bool has_started, was_cancelled;
  char error[256];
} fixture;

static void on_error(void *user, const moonherd_error *error) {
  fixture *f = user;
  f->errors++;
  snprintf(f->error, sizeof f->error, "%s", moonherd_error_message(error));
}

static void on_log(void *user, int level, const char *json, size_t n) {
  (void)user, (void)level, (void)json, (void)n;
}

/* With so small a budget a step resumes one task. */
static moonherd_config config_for(fixture *f) {
  memset(f, 0, sizeof *f);
  return (moonherd_config){
      .size = sizeof(moonherd_config),
      .user = f,
      .on_error = on_error,
      .on_log = on_log,
      .budget = 1e-9,
      .options = "{\"clock\":{\"virtual\":true}}",
  };
}

static void open_handle(fixture *f) {
  moonherd_config config = config_for(f);
  f->m = moonherd_new(&config, NULL);
  assert_non_null(f->m);
  f->realm = mh_handle_script(f->m);
}

static void fail_hanging(fixture *f) {
  mh_buf tasks;
  mh_buf_init(&tasks, NULL);
  mh_dump(f->realm, &tasks);
  fail_msg("it hangs, disturbed at %zu:\n%s", f->moment, mh_buf_cstr(&tasks));
}

static bool step(fixture *f) {
  if (++f->steps > MOST_STEPS) fail_hanging(f);
  return moonherd_step(f->m, 0) > 0;
}

static bool start(fixture *f) {
  int e = moonherd_load_file(f->m, SCRIPT);
  if (e == 0) e = moonherd_start(f->m, 0, NULL);
  assert_true(e == 0 || e == MOONHERD_ENOMEM);
  f->has_started = e == 0;
  return f->has_started;
}

static void finish(fixture *f) {
  while (step(f)) {
  }
}

/* What went wrong has been reported. Nothing is left of the script, and another one can run. */
static void check_rest(fixture *f) {
  static const char again[] = "require 'moonherd'.spawn(print) return 7";
  f->realm->mem.fail_at = 0;
  assert_true(f->was_cancelled || f->errors == (f->has_started && moonherd_exit_code(f->m) != 0));
  assert_int_equal(0, f->realm->task_count);
  assert_null(f->realm->host->loop.ops);
  assert_null(f->realm->host->loop.ready_head);
  assert_int_equal(0, f->realm->host->loop.timers.count);
  assert_int_equal(0, lua_gettop(f->realm->L));
  assert_int_equal(0, moonherd_load(f->m, "=again", again, sizeof again - 1));
  assert_int_equal(0, moonherd_start(f->m, 0, NULL));
  finish(f);
  assert_int_equal(7, moonherd_exit_code(f->m));
}

static void close_handle(fixture *f) {
  moonherd_close(f->m);
}

/* The moments to try of `count`. */
static size_t next_moment(size_t n, size_t count) {
  return is_full || count < SAMPLES ? n + 1 : n + count / SAMPLES;
}

/* ---- memory ------------------------------------------------------------------------------- */

static void run_refusing(size_t fail_at, size_t fail_run, size_t fail_again, size_t *left) {
  fixture f;
  open_handle(&f);
  f.moment = fail_at;
  mh_mem *mem = &f.realm->mem;
  mem->fail_run = fail_run;
  mem->fail_again = fail_again;
  mem->fail_at = fail_at;
  if (start(&f)) finish(&f);
  if (left != NULL) *left = mem->fail_at;
  check_rest(&f);
  close_handle(&f);
}

static size_t count_requests(void) {
  size_t left;
  run_refusing(SIZE_MAX, 0, 0, &left);
  return SIZE_MAX - left;
}

static void sweep(size_t fail_run) {
  size_t count = count_requests();
  for (size_t n = 1; n <= count; n = next_moment(n, count)) run_refusing(n, fail_run, 0, NULL);
}

static void one_request_is_refused(void **state) {
  (void)state;
  sweep(0);
}

static void one_request_and_its_retry_are_refused(void **state) {
  (void)state;
  sweep(1);
}

static void all_requests_from_one_on_are_refused(void **state) {
  (void)state;
  sweep(SIZE_MAX);
}

/* Lua collects everything and tries again. */
static void every_request_is_refused_once(void **state) {
  (void)state;
  run_refusing(1, 0, is_full ? 2 : 50, NULL);
}

static void closed_without_memory(void **state) {
  (void)state;
  for (int at = 0; at < 200; at += is_full ? 1 : 20) {
    fixture f;
    open_handle(&f);
    assert_true(start(&f));
    for (int i = 0; i < at; i++) step(&f);
    f.realm->mem.fail_run = SIZE_MAX;
    f.realm->mem.fail_at = 1;
    close_handle(&f);
  }
}

static void a_limit_too_small_is_a_reason(void **state) {
  (void)state;
  fixture f;
  for (size_t limit = 1; limit < 600000; limit += is_full ? 500 : 20000) {
    moonherd_config config = config_for(&f);
    config.memory_limit = limit;
    const char *why = NULL;
    f.m = moonherd_new(&config, &why);
    assert_true(f.m != NULL || why != NULL);
    if (f.m != NULL && start(&f)) finish(&f);
    moonherd_close(f.m);
  }
}

/* ---- cancelling --------------------------------------------------------------------------- */

static int count_steps(void) {
  fixture f;
  open_handle(&f);
  assert_true(start(&f));
  finish(&f);
  if (f.errors > 0) fail_msg("%s", f.error);
  assert_int_equal(0, moonherd_exit_code(f.m));
  int steps = f.steps;
  check_rest(&f);
  close_handle(&f);
  return steps;
}

static void run_cancelled(int at, int again) {
  fixture f;
  open_handle(&f);
  f.moment = (size_t)at;
  assert_true(start(&f));
  while (f.steps < at) step(&f);
  f.was_cancelled = true;
  moonherd_cancel(f.m, "on purpose");
  for (int i = 0; i < again; i++) step(&f);
  if (again >= 0) moonherd_cancel(f.m, NULL);
  finish(&f);
  check_rest(&f);
  close_handle(&f);
}

static void cancelled_at_any_wait(void **state) {
  (void)state;
  size_t count = (size_t)count_steps();
  for (size_t n = 0; n <= count; n = next_moment(n, count)) {
    run_cancelled((int)n, -1);
    run_cancelled((int)n, 0);
    run_cancelled((int)n, (int)(n % 17));
  }
}

/* Runs the script as a task of another script, again and again; `disturb(start, n)` returns when it
 * has ended. */
static void run_below(const char *disturb) {
  static const char code[] =
      "local moonherd, task = require 'moonherd', require 'moonherd._task'\n"
      "local script, disturb, most, step = loadfile '%s', %s, %d, %d\n"
      "moonherd.spawn(script):wait()\n"
      "local before = table.concat({ task.counts() }, ' ')\n"
      "for n = 0, most, step do\n"
      "  disturb(script, n * 1e-4)\n"
      "  local after = table.concat({ task.counts() }, ' ')\n"
      "  if after ~= before then error(('disturbed at %%d: %%s was %%s'):format(n, after, before)) "
      "end\n"
      "end\n";
  fixture f;
  open_handle(&f);
  char text[2048];
  int n = snprintf(text, sizeof text, code, SCRIPT, disturb, 800, is_full ? 1 : 37);
  assert_int_equal(0, moonherd_load(f.m, "=below", text, (size_t)n));
  assert_int_equal(0, moonherd_start(f.m, 0, NULL));
  f.has_started = true;
  finish(&f);
  if (f.errors > 0) fail_msg("%s", f.error);
  check_rest(&f);
  close_handle(&f);
}

static void cancelled_as_a_task(void **state) {
  (void)state;
  run_below(
      "function (script, time)\n"
      "  pcall(moonherd.scope, function ()\n"  // the script fails, in some of its tasks
      "    local task = moonherd.spawn(script)\n"
      "    moonherd.sleep(time)\n"
      "    task:cancel()\n"
      "    local again = time * 1e4 // 1 % 3\n"
      "    if again > 1 then moonherd.sleep(0.0003) end\n"
      "    if again > 0 then task:cancel() end\n"
      "  end)\n"
      "end");
}

static void limited_in_time(void **state) {
  (void)state;
  run_below(
      "function (script, time)\n"
      "  pcall(moonherd.timeout, time, script)\n"
      "end");
}

static void limited_in_a_coroutine_that_is_dropped(void **state) {
  (void)state;
  run_below(
      "function (script, time)\n"
      "  local co = coroutine.create(function ()\n"
      "    pcall(moonherd.timeout, time, function () script() coroutine.yield() end)\n"
      "    moonherd.scope(function () moonherd.spawn(script) coroutine.yield() end)\n"
      "  end)\n"
      "  coroutine.resume(co)\n"
      "  coroutine.resume(co)\n"
      "  co = nil\n"
      "  collectgarbage() collectgarbage()\n"
      "  while task.counts() > 1 do moonherd.sleep(0.001) end\n"
      "end");
}

static void closed_at_any_wait(void **state) {
  (void)state;
  size_t count = (size_t)count_steps();
  for (size_t n = 0; n <= count; n = next_moment(n, count)) {
    fixture f;
    open_handle(&f);
    assert_true(start(&f));
    for (size_t i = 0; i < n; i++) step(&f);
    close_handle(&f);
  }
}

/* ---- collecting --------------------------------------------------------------------------- */

static void collected_at_every_resume(void **state) {
  (void)state;
  for (int is_generational = 0; is_generational < 2; is_generational++) {
    fixture f;
    open_handle(&f);
    if (is_generational) lua_gc(f.realm->L, LUA_GCGEN, 0, 0);
    assert_true(start(&f));
    while (step(&f)) lua_gc(f.realm->L, LUA_GCCOLLECT);
    assert_int_equal(0, f.errors);
    check_rest(&f);
    close_handle(&f);
  }
}

int main(int argc, char **argv) {
  is_full = argc > 1 && strcmp(argv[1], "full") == 0;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(collected_at_every_resume),
      cmocka_unit_test(cancelled_at_any_wait),
      cmocka_unit_test(cancelled_as_a_task),
      cmocka_unit_test(limited_in_time),
      cmocka_unit_test(limited_in_a_coroutine_that_is_dropped),
      cmocka_unit_test(closed_at_any_wait),
      cmocka_unit_test(one_request_is_refused),
      cmocka_unit_test(one_request_and_its_retry_are_refused),
      cmocka_unit_test(all_requests_from_one_on_are_refused),
      cmocka_unit_test(every_request_is_refused_once),
      cmocka_unit_test(closed_without_memory),
      cmocka_unit_test(a_limit_too_small_is_a_reason),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
