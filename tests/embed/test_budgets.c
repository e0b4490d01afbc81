/* Limits that hold: whatever a script does, its host steps on, and the handle can be closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "moonherd.h"

typedef struct host {
  moonherd *m;
  char output[4096], log[4096], error[512], reason[64];
  int errors;
} host;

static void append(char *text, size_t size, const char *bytes, size_t n) {
  size_t used = strlen(text);
  snprintf(text + used, size - used, "%.*s", (int)n, bytes);
}

static void on_output(void *user, int stream, const char *bytes, size_t n) {
  host *h = user;
  (void)stream;
  append(h->output, sizeof h->output, bytes, n);
}

static void on_log(void *user, int level, const char *json, size_t n) {
  host *h = user;
  (void)level;
  append(h->log, sizeof h->log, json, n);
}

static void on_error(void *user, const moonherd_error *e) {
  host *h = user;
  h->errors++;
  snprintf(h->error, sizeof h->error, "%s", moonherd_error_message(e));
  snprintf(h->reason, sizeof h->reason, "%s", moonherd_error_reason(e));
}

static void start(host *h, moonherd_config config, const char *code) {
  memset(h, 0, sizeof *h);
  config.size = sizeof config;
  config.user = h;
  config.on_output = on_output;
  config.on_log = on_log;
  config.on_error = on_error;
  const char *why = NULL;
  h->m = moonherd_new(&config, &why);
  if (h->m == NULL) fail_msg("%s", why);
  if (moonherd_load(h->m, "=script", code, strlen(code)) != 0) fail_msg("%s", h->error);
  assert_int_equal(0, moonherd_start(h->m, 0, NULL));
}

static int run(host *h) {
  while (moonherd_step(h->m, 0.1) > 0) {
  }
  return moonherd_exit_code(h->m);
}

static const moonherd_config PREEMPT = {.budget = 0.002, .grace = 0.05, .flags = MOONHERD_PREEMPT};

/* ---- work in pieces ----------------------------------------------------------------------- */

/* Ten pieces of work, each longer than what a step of two milliseconds may spend on tasks. */
static const char PIECES[] =
    "local task = require 'moonherd._task' "
    "for i = 1, 10 do "
    "  local ends = os.clock() + 0.003 "
    "  while os.clock() < ends do end "
    "  task.give_way 'the next piece' "
    "end";

static int count_steps(host *h) {
  int steps = 1;
  while (moonherd_step(h->m, 0.1) > 0) steps++;
  return steps;
}

static void work_in_pieces_takes_a_step_for_each(void **state) {
  (void)state;
  host h;
  start(&h, (moonherd_config){.budget = 0.002}, PIECES);
  assert_true(count_steps(&h) > 10);
  assert_int_equal(0, moonherd_exit_code(h.m));
  moonherd_close(h.m);
}

static void without_a_budget_it_gives_way_to_nobody(void **state) {
  (void)state;
  host h;
  start(&h, (moonherd_config){0}, PIECES);
  assert_int_equal(1, count_steps(&h));
  moonherd_close(h.m);
}

/* ---- pre-emption -------------------------------------------------------------------------- */

static double cpu(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void it_needs_a_budget_and_a_known_flag(void **state) {
  (void)state;
  moonherd_config config = {.size = sizeof config, .flags = MOONHERD_PREEMPT};
  const char *why = NULL;
  assert_null(moonherd_new(&config, &why));
  assert_string_equal("config: MOONHERD_PREEMPT needs a budget", why);
}

/* Loops that never end, where a task can yield: each step comes back, another task goes on, and a
 * cancel ends them. */
static void endless_loops_let_others_run(void **state) {
  (void)state;
  static const char *const loops[] = {
      "while true do end",
      "local function f() return f() end f()",
      "while true do pcall(function () while true do end end) end",
      "while true do pcall(error, 'x') end",
      "local function f() while true do pcall(f) end end f()",
      "coroutine.wrap(function () while true do end end)()",
      "local function deep(n) if n == 0 then while true do end end\n"
      "  coroutine.wrap(deep)(n - 1) end deep(20)",
      "while true do coroutine.wrap(function () local t = {} end)() end",
      "for _ in function () return 1 end do end",
      "setmetatable({}, {__index = function () while true do end end}).x()",
      "local t = setmetatable({}, {__close = function () while true do end end})\n"
      "do local x <close> = t end",
      "while true do local s = ('x'):rep(100) .. 'y' end",
      "::again:: goto again",
      "while true do require 'moonherd'.try(function () while true do end end) end",
  };
  for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++) {
    host h;
    char code[1024];
    snprintf(code, sizeof code,
             "local m = require 'moonherd'\n"
             "m.spawn(function () for i = 1, 3 do m.sleep(0.001) print(i) end end)\n%s",
             loops[i]);
    start(&h, PREEMPT, code);
    double slowest = 0;
    for (int steps = 0; strstr(h.output, "3") == NULL; steps++) {
      if (steps > 5000) fail_msg("%s: the other task does not run", loops[i]);
      double from = cpu();
      int r = moonherd_step(h.m, 0);
      double took = cpu() - from;
      if (took > slowest) slowest = took;
      if (r <= 0) fail_msg("%s: it has ended: %s", loops[i], h.error);
    }
    if (slowest > 0.5) fail_msg("%s: a step took %g s", loops[i], slowest);  // a budget is 2 ms
    moonherd_cancel(h.m, "enough");
    for (int steps = 0; moonherd_step(h.m, 0) > 0; steps++)
      if (steps > 5000) fail_msg("%s: a cancel does not end it", loops[i]);
    moonherd_close(h.m);
  }
}

/* The same where nothing can yield: an error ends them when the grace is over. */
static void endless_loops_that_cannot_yield_are_ended(void **state) {
  (void)state;
  static const char *const loops[] = {
      "table.sort({1, 2, 3}, function () while true do end end)",
      "('x'):gsub('x', function () while true do end end)",
      "table.sort({1, 2}, function () while true do pcall(function () while true do end end) end "
      "end)",
      "local function f() while true do pcall(f) end end table.sort({1, 2}, f)",
      "tostring(setmetatable({}, {__tostring = function () while true do end end}))",
      "assert(load(function () while true do end end))",
      "table.sort({1, 2}, function () coroutine.wrap(function () while true do end end)() end)",
      "local co = coroutine.create(function ()\n"
      "  local x <close> = setmetatable({}, {__close = function () while true do end end})\n"
      "  coroutine.yield() end) coroutine.resume(co) coroutine.close(co) error 'closed'",
  };
  for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++) {
    host h;
    start(&h, PREEMPT, loops[i]);
    if (run(&h) != 1) fail_msg("%s: it ended well", loops[i]);
    assert_int_equal(1, h.errors);
    if (strstr(h.log, "holds a step over its budget") == NULL) fail_msg("%s: no log", loops[i]);
    moonherd_close(h.m);
  }
}

/* A `<close>` handler that has used up its grace is ended too; a finalizer could not be. */
static void what_runs_at_the_end_is_ended_too(void **state) {
  (void)state;
  host h;
  start(&h, PREEMPT,
        "local m = require 'moonherd' m.spawn(function ()\n"
        "  local x <close> = setmetatable({}, {__close = function () while true do end end})\n"
        "  while true do end end) while true do end");
  moonherd_step(h.m, 0);
  moonherd_close(h.m);  // comes back
  start(&h, PREEMPT,
        "local ok, err = pcall(setmetatable, {}, {__gc = function () while true do end end})\n"
        "assert(not ok and err.reason == 'no_finalizers')\n"
        "ok, err = pcall(debug.setmetatable, {}, {__gc = true})\n"
        "assert(not ok and err.reason == 'no_finalizers')");
  assert_int_equal(0, run(&h));
  moonherd_close(h.m);
}

#define LOOP "function () while true do end end"
#define CLOSES_NEVER "local x <close> = setmetatable({}, {__close = " LOOP "}) while true do end"

/* Lua calls no hook while one raises an error: what would run meanwhile runs when it has been raised. */
static void nothing_runs_unwatched_while_a_loop_is_ended(void **state) {
  (void)state;
  static const char *const scripts[] = {
      "xpcall(" LOOP ", " LOOP ")",
      "while true do xpcall(" LOOP ", " LOOP ") end",
      "xpcall(function () table.sort({2, 1}, " LOOP ") end, " LOOP ")",
      "coroutine.wrap(function () " CLOSES_NEVER " end)()",
      "local co = coroutine.create(function () " CLOSES_NEVER
      " end)\n"
      "pcall(coroutine.resume, co) coroutine.close(co)",
  };
  for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
    host h;
    start(&h, PREEMPT, scripts[i]);
    for (int step = 0; step < 10; step++) moonherd_step(h.m, 0);
    moonherd_close(h.m);  // comes back
  }
}

static void a_watched_script_keeps_xpcall_and_coroutines(void **state) {
  (void)state;
  host h;
  start(&h, PREEMPT,
        "local function at(err) return err .. ' in ' .. debug.getinfo(4, 'n').name end\n"
        "local function fail() error('x', 0) end\n"
        "print(xpcall(function (...) fail() end, at))\n"
        "print(xpcall(function (...) return select('#', ...), ... end, at, 1, nil, 3))\n"
        "print(pcall(xpcall), pcall(xpcall, print, 1))\n"
        "local co = coroutine.create(function (a, b)\n"
        "  local c = coroutine.yield(a + b) error('y' .. c, 0) end)\n"
        "print(coroutine.resume(co, 1, 2)) print(coroutine.resume(co, 'z'))\n"
        "print(coroutine.status(co), coroutine.close(co))\n"
        "print(coroutine.wrap(function (...) return xpcall(coroutine.yield, at, ...) end)(7))");
  assert_int_equal(0, run(&h));
  assert_string_equal(
      "false\tx in fail\n"
      "true\t3\t1\tnil\t3\n"
      "false\tfalse\tbad argument #2 to 'xpcall' (function expected, got number)\n"
      "true\t3\n"
      "false\tyz\n"
      "dead\tfalse\tyz\n"
      "7\n",
      h.output);
  moonherd_close(h.m);
}

/* What is computed in many slices is computed right. */
static void a_preempted_task_goes_on_where_it_was(void **state) {
  (void)state;
  host h;
  moonherd_config config = PREEMPT;
  config.budget = 1e-7;
  start(&h, config,
        "local m = require 'moonherd'\n"
        "local function sum(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end\n"
        "local function gen(n) return coroutine.wrap(function ()\n"
        "  for i = 1, n do coroutine.yield(i) end end) end\n"
        "local function count(n) local c = 0 for i in gen(n) do c = c + i end return c end\n"
        "local list = m.map({1, 2, 3, 4}, function (i) return sum(50000 * i) + count(5000) end)\n"
        "for i = 1, 4 do assert(list[i] == sum(50000 * i) + 12502500) end\n"
        "print(select(2, pcall(debug.sethook)).reason)");
  int code = run(&h);
  if (code != 0) fail_msg("%s", h.error);
  assert_string_equal("no_hooks\n", h.output);
  moonherd_close(h.m);
}

/* ---- instructions ------------------------------------------------------------------------- */

static void a_script_has_its_instructions(void **state) {
  (void)state;
  static const char *const loops[] = {
      "while true do end",
      "while true do pcall(function () while true do end end) end",
      "local function f() while true do pcall(f) end end f()",
      "table.sort({1, 2}, function () while true do end end)",
      "while true do coroutine.wrap(function () for i = 1, 100 do end end)() end",
      "local m = require 'moonherd' while true do m.sleep(0) end",
      "local m = require 'moonherd' m.gather(function () while true do end end, function ()\n"
      "  while true do m.sleep(0) end end)",
      "local x <close> = setmetatable({}, {__close = function () while true do end end})\n"
      "while true do end",
  };
  for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++) {
    host h;
    start(&h, (moonherd_config){.max_instructions = 300000}, loops[i]);
    if (run(&h) != 1) fail_msg("%s: it ended well", loops[i]);
    assert_string_equal("too_many_instructions", h.reason);
    moonherd_close(h.m);
  }
}

static void each_start_has_them_anew(void **state) {
  (void)state;
  host h;
  start(&h, (moonherd_config){.max_instructions = 100000}, "for i = 1, 50000 do end");
  assert_int_equal(0, run(&h));
  for (int i = 0; i < 5; i++) {
    assert_int_equal(0, moonherd_start(h.m, 0, NULL));
    assert_int_equal(0, run(&h));
  }
  moonherd_close(h.m);
}

/* ---- memory ------------------------------------------------------------------------------- */

/* Uploads with 20 KB each, eight at once, under limits from too little to plenty: the script ends in
 * some way, the host goes on. */
static void uploads_under_any_limit_of_memory(void **state) {
  (void)state;
  static const char code[] =
      "local m = require 'moonherd'\n"
      "local ns = m.connect():ensure_namespace 'production'\n"
      "local bytes = 'export default {}//' .. ('x'):rep(20000)\n"
      "m.map({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {concurrency = 8}, function (i)\n"
      "  ns:script('s' .. i):upload {main_module = 'a.mjs', compatibility_date = '2026-01-01',\n"
      "    modules = {['a.mjs'] = bytes .. i}} end)\n"
      "print 'all'";
  int good = 0, bad = 0;
  for (size_t limit = 100000; limit < 6400000; limit = limit * 5 / 4) {
    host h;
    moonherd_config config = {
        .memory_limit = limit,
        .options = "{\"target\":\"local\",\"state\":\"build/test-budgets\",\"log\":\"error\"}"};
    memset(&h, 0, sizeof h);
    config.size = sizeof config;
    config.user = &h;
    config.on_output = on_output;
    config.on_error = on_error;
    h.m = moonherd_new(&config, NULL);
    if (h.m == NULL) continue;  // not enough for the libraries
    int e = moonherd_load(h.m, "=script", code, strlen(code));
    if (e == 0) e = moonherd_start(h.m, 0, NULL);
    assert_true(e == 0 || e == MOONHERD_ENOMEM);
    if (e == 0 && run(&h) == 0) good++;
    else bad++;
    if (e == 0) assert_int_equal(moonherd_exit_code(h.m) != 0, h.errors);
    moonherd_close(h.m);
  }
  assert_true(good > 0);
  assert_true(bad > 0);
}

static void what_is_read_or_received_counts(void **state) {
  (void)state;
  static const char *const codes[] = {
      "local m = require 'moonherd' local ok, err = pcall(m.fs.read, '/dev/zero')\n"
      "assert(not ok and tostring(err):find 'not enough memory', tostring(err))",
      "local m = require 'moonherd'\n"
      "m.spawn(function () m.serve{port = 0, on_listen = function (s) PORT = s.port end,\n"
      "  handler = function (r) r:begin(200) pcall(function ()\n"
      "    while true do r:write(('x'):rep(10000)) end end) end} end)\n"
      "while not PORT do m.sleep(0.001) end\n"
      "local ok, err = pcall(m.http.get, 'http://127.0.0.1:' .. PORT)\n"
      "assert(not ok and err.reason == 'no_memory', tostring(err)) os.exit(0)",
      "local t = {} local ok, err = pcall(function () while true do t[#t + 1] = {} end end)\n"
      "t = nil assert(not ok and err == 'not enough memory', tostring(err))",
      "local ok, err = pcall(string.rep, 'x', 1 << 40)\n"
      "assert(not ok, err)",
      "local m = require 'moonherd' local tasks = {}\n"
      "local ok, err = pcall(function ()\n"
      "  m.scope(function () while true do m.spawn(m.sleep, 3600, ('x'):rep(1e5)) end end) end)\n"
      "assert(not ok)",
  };
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    host h;
    start(&h, (moonherd_config){.memory_limit = 8 << 20}, codes[i]);
    if (run(&h) != 0) fail_msg("%s: %s", codes[i], h.error);
    moonherd_close(h.m);
  }
}

/* Each of the thousands of tasks is cancelled, which takes memory; with none in reserve every one of
 * them cost whole collections of garbage: a minute of them, where a fraction of a second is needed. */
static void tasks_that_fill_the_memory_are_ended_soon(void **state) {
  (void)state;
  static const char *const codes[] = {
      "local m = require 'moonherd' while true do m.spawn(m.sleep, 1000) end",
      "local m = require 'moonherd' local n = 0\n"
      "while true do m.spawn(m.sleep, 1000) n = n + 1 if n % 100 == 0 then m.sleep(0) end end",
  };
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    host h;
    clock_t began = clock();
    start(&h, (moonherd_config){.memory_limit = 8 << 20}, codes[i]);
    assert_int_equal(1, run(&h));
    assert_int_equal(1, h.errors);
    assert_non_null(strstr(h.error, "not enough memory"));
    moonherd_close(h.m);
    assert_true((clock() - began) / CLOCKS_PER_SEC < 15);
  }
}

/* ---- counts ------------------------------------------------------------------------------- */

static void tasks_are_limited(void **state) {
  (void)state;
  host h;
  start(&h, (moonherd_config){.max_tasks = 10},
        "local m = require 'moonherd' local n, err = 0\n"
        "m.scope(function () for i = 1, 20 do\n"
        "  local ok, e = pcall(m.spawn, m.sleep, 0.001) if ok then n = n + 1 else err = e end\n"
        "end end)\n"
        "print(n, err.reason)\n"
        "m.spawn(print, 'again')");
  assert_int_equal(0, run(&h));
  assert_string_equal("9\ttoo_many_tasks\nagain\n", h.output);
  moonherd_close(h.m);
}

/* A server of its own counts how many requests it has at once. */
static void transfers_are_limited(void **state) {
  (void)state;
  host h;
  start(&h, (moonherd_config){.max_transfers = 3},
        "local m, open, most = require 'moonherd', 0, 0\n"
        "m.spawn(function () m.serve{port = 0, on_listen = function (s) PORT = s.port end,\n"
        "  handler = function (r) open = open + 1 most = math.max(most, open)\n"
        "    m.sleep(0.005) open = open - 1 r:respond(200) end} end)\n"
        "while not PORT do m.sleep(0.001) end\n"
        "m.scope(function () for i = 1, 12 do\n"
        "  m.spawn(m.http.get, 'http://127.0.0.1:' .. PORT) end end)\n"
        "print(most) os.exit(0)");
  assert_int_equal(0, run(&h));
  assert_string_equal("3\n", h.output);
  moonherd_close(h.m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(work_in_pieces_takes_a_step_for_each),
      cmocka_unit_test(without_a_budget_it_gives_way_to_nobody),
      cmocka_unit_test(it_needs_a_budget_and_a_known_flag),
      cmocka_unit_test(endless_loops_let_others_run),
      cmocka_unit_test(endless_loops_that_cannot_yield_are_ended),
      cmocka_unit_test(what_runs_at_the_end_is_ended_too),
      cmocka_unit_test(nothing_runs_unwatched_while_a_loop_is_ended),
      cmocka_unit_test(a_watched_script_keeps_xpcall_and_coroutines),
      cmocka_unit_test(a_preempted_task_goes_on_where_it_was),
      cmocka_unit_test(a_script_has_its_instructions),
      cmocka_unit_test(each_start_has_them_anew),
      cmocka_unit_test(uploads_under_any_limit_of_memory),
      cmocka_unit_test(what_is_read_or_received_counts),
      cmocka_unit_test(tasks_that_fill_the_memory_are_ended_soon),
      cmocka_unit_test(tasks_are_limited),
      cmocka_unit_test(transfers_are_limited),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
