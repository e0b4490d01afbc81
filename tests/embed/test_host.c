/* A host in C that includes nothing but moonherd.h: the life of a handle. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "moonherd.h"

typedef struct host {
  moonherd *m;
  char output[4096], log[4096], error[4096], kind[64], reason[64], trace[4096];
  int errors, nested_step;
} host;

static void append(char *text, size_t size, const char *bytes, size_t n) {
  size_t used = strlen(text);
  if (n > size - used - 1) n = size - used - 1;
  memcpy(text + used, bytes, n);
  text[used + n] = '\0';
}

static void on_output(void *user, int stream, const char *bytes, size_t n) {
  host *h = user;
  (void)stream;
  append(h->output, sizeof h->output, bytes, n);
  h->nested_step = moonherd_step(h->m, 0);
  moonherd_close(h->m);  // does nothing in a callback
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
  snprintf(h->kind, sizeof h->kind, "%s", moonherd_error_kind(e));
  snprintf(h->reason, sizeof h->reason, "%s", moonherd_error_reason(e));
  snprintf(h->trace, sizeof h->trace, "%s", moonherd_error_trace(e));
}

static moonherd *open_with(host *h, moonherd_config config) {
  memset(h, 0, sizeof *h);
  config.size = sizeof config;
  config.user = h;
  config.on_output = on_output;
  config.on_log = on_log;
  config.on_error = on_error;
  const char *why = NULL;
  h->m = moonherd_new(&config, &why);
  if (h->m == NULL) fail_msg("%s", why);
  return h->m;
}

static moonherd *open_plain(host *h) {
  return open_with(h, (moonherd_config){0});
}

static void start(moonherd *m, const char *code) {
  assert_int_equal(0, moonherd_load(m, "=test", code, strlen(code)));
  assert_int_equal(0, moonherd_start(m, 0, NULL));
}

static int run(moonherd *m, const char *code) {
  start(m, code);
  assert_int_equal(MOONHERD_DONE, moonherd_run(m));
  return moonherd_exit_code(m);
}

static void a_script_runs_and_its_output_goes_to_the_host(void **state) {
  (void)state;
  host h;
  moonherd *m = open_plain(&h);
  const char *const argv[] = {"name", "one", "two"};
  const char *code = "print(..., arg[0], arg[2]) io.write('w') io.stderr:write('e') return 3";
  assert_int_equal(0, moonherd_load(m, "=test", code, strlen(code)));
  assert_int_equal(0, moonherd_start(m, 3, argv));
  assert_int_equal(MOONHERD_EBUSY, moonherd_start(m, 0, NULL));
  assert_int_equal(MOONHERD_DONE, moonherd_run(m));
  assert_int_equal(3, moonherd_exit_code(m));
  assert_string_equal("one\tname\ttwo\nwe", h.output);
  assert_int_equal(MOONHERD_EBUSY, h.nested_step);
  moonherd_close(m);
}

static void exit_codes(void **state) {
  (void)state;
  host h;
  moonherd *m = open_plain(&h);
  assert_int_equal(0, run(m, "return"));
  assert_int_equal(0, run(m, "return true"));
  assert_int_equal(1, run(m, "return false"));
  assert_int_equal(7, run(m, "os.exit(7)"));
  assert_int_equal(0, h.errors);
  assert_int_equal(1, run(m, "error 'x'"));
  assert_int_equal(1, h.errors);
  assert_string_equal("script", h.kind);
  assert_int_equal(
      5, run(m, "local m = require 'moonherd' m.spawn(function () os.exit(5) end) m.sleep(9)"));
  moonherd_close(m);
}

static void os_exit_lets_cleanup_run(void **state) {
  (void)state;
  host h;
  moonherd *m = open_plain(&h);
  int code = run(m,
                 "local m = require 'moonherd'\n"
                 "local _ <close> = setmetatable({}, {__close = function () m.sleep(0.001) print "
                 "'clean' end})\n"
                 "table.sort({2, 1}, function () os.exit(4) end)");
  assert_int_equal(4, code);
  assert_string_equal("clean\n", h.output);
  moonherd_close(m);
}

static void bad_arguments_have_defined_results(void **state) {
  (void)state;
  const char *why = NULL;
  assert_null(moonherd_new(NULL, &why));
  assert_non_null(why);
  moonherd_config config = {.size = 3};
  assert_null(moonherd_new(&config, &why));
  static const char *const wrong[] = {
      "[1]", "{", "{\"no\":1}", "{\"log\":\"loud\"}", "{\"clock\":1}", "{\"target\":5}", ""};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    config = (moonherd_config){.size = sizeof config, .options = wrong[i]};
    why = NULL;
    assert_null(moonherd_new(&config, &why));
    assert_non_null(why);
  }
  config = (moonherd_config){.size = sizeof config, .budget = -1};
  assert_null(moonherd_new(&config, NULL));
  host h;
  moonherd *m = open_plain(&h);
  assert_int_equal(MOONHERD_EINVAL, moonherd_start(m, 0, NULL));
  assert_int_equal(MOONHERD_EINVAL, moonherd_load(m, NULL, "", 0));
  assert_int_equal(MOONHERD_ENOENT, moonherd_load_file(m, "/no/such/file.lua"));
  assert_int_equal(MOONHERD_EIO, moonherd_load_file(m, "/tmp"));
  assert_int_equal(MOONHERD_DONE, moonherd_step(m, 0));
  assert_int_equal(0, moonherd_cancel(m, NULL));
  assert_int_equal(MOONHERD_ESCRIPT, moonherd_load(m, "=test", "x =", 3));
  assert_string_equal("syntax", h.reason);
  assert_non_null(strstr(h.error, "test:1:"));
  assert_int_equal(MOONHERD_ESCRIPT, moonherd_load(m, "=test", "\x1bLua", 4));
  moonherd_close(m);
  moonherd_close(NULL);
  moonherd_wake(NULL);
}

static void a_first_line_with_a_hash_is_skipped_and_lines_keep_their_numbers(void **state) {
  (void)state;
  host h;
  moonherd *m = open_plain(&h);
  assert_int_equal(1, run(m, "#!/usr/bin/env moonherd\nerror 'here'"));
  assert_string_equal("test:2: here", h.error);
  assert_int_equal(0, run(m, "# only this"));
  moonherd_close(m);
}

static void a_failing_task_is_reported_with_its_ancestors(void **state) {
  (void)state;
  host h;
  moonherd *m = open_plain(&h);
  const char *code =
      "local m = require 'moonherd'\n"
      "m.spawn(function ()\n"
      "  m.spawn(function () m.sleep(0) error 'deep' end)\n"
      "  m.sleep(9)\n"
      "end)";
  assert_int_equal(0, moonherd_load(m, "@city.lua", code, strlen(code)));
  assert_int_equal(0, moonherd_start(m, 0, NULL));
  moonherd_run(m);
  assert_int_equal(1, h.errors);
  assert_string_equal("city.lua:3: deep", h.error);
  assert_non_null(strstr(h.trace, "spawned at city.lua:3"));
  assert_non_null(strstr(h.trace, "spawned at city.lua:2"));
  moonherd_close(m);
}

static void a_program_with_its_own_poll_loop_steps_when_told_to(void **state) {
  (void)state;
  host h;
  moonherd *m = open_plain(&h);
  start(m, "local m = require 'moonherd' for i = 1, 3 do m.sleep(0.002) end print 'done'");
  int r = moonherd_step(m, 0), polls = 0;
  while (r > 0) {
    struct pollfd p = {.fd = moonherd_fd(m), .events = POLLIN};
    assert_true(moonherd_timeout(m) >= 0);
    poll(&p, 1, moonherd_timeout(m));
    r = moonherd_step(m, 0);
    polls++;
  }
  assert_int_equal(MOONHERD_DONE, r);
  assert_string_equal("done\n", h.output);
  assert_true(polls < 20);
  moonherd_close(m);
}

static void a_budget_ends_a_step(void **state) {
  (void)state;
  host h;
  moonherd *m = open_with(&h, (moonherd_config){.budget = 0.001});
  start(m, "local m = require 'moonherd' while not stop do m.sleep(0) end");
  assert_int_equal(MOONHERD_READY, moonherd_step(m, 0));
  assert_int_equal(MOONHERD_READY, moonherd_step(m, 0));
  moonherd_cancel(m, "enough");
  while (moonherd_step(m, 0) > 0) {
  }
  assert_int_equal(1, moonherd_exit_code(m));
  assert_int_equal(0, h.errors);
  moonherd_close(m);
}

static void a_cancel_lets_cleanup_wait_and_a_second_one_ends_it(void **state) {
  (void)state;
  host h;
  moonherd *m = open_plain(&h);
  start(m,
        "local m = require 'moonherd'\n"
        "local ok, e = pcall(m.sleep, '1h') print(ok, e.kind, e.message)\n"
        "m.sleep(0.001) print 'cleaned'\n"
        "print(pcall(m.sleep, '1h'))");
  moonherd_step(m, 0);
  moonherd_cancel(m, "window closed");
  while (moonherd_step(m, 0.01) == MOONHERD_WAITING && strstr(h.output, "cleaned") == NULL) {
  }
  moonherd_cancel(m, NULL);
  assert_int_equal(MOONHERD_DONE, moonherd_run(m));
  assert_string_equal("false\tcancelled\twindow closed\ncleaned\nfalse\twindow closed\n", h.output);
  moonherd_close(m);
}

static void closing_with_waiting_tasks_runs_their_cleanup(void **state) {
  (void)state;
  host h;
  moonherd *m = open_plain(&h);
  start(
      m,
      "local m = require 'moonherd'\n"
      "for i = 1, 100 do m.spawn(m.sleep, '1h') end\n"
      "local _ <close> = setmetatable({}, {__close = function () m.sleep(0.001) print 'bye' end})\n"
      "m.sleep '1h'");
  moonherd_step(m, 0);
  moonherd_close(m);
  assert_string_equal("bye\n", h.output);
}

static void a_script_that_swallows_every_cancel_is_closed_by_force(void **state) {
  (void)state;
  host h;
  moonherd *m = open_with(&h, (moonherd_config){.options = "{\"clock\":{\"virtual\":true}}"});
  start(m, "local m = require 'moonherd' while true do pcall(m.sleep, '1h') end");
  moonherd_step(m, 0);
  moonherd_cancel(m, NULL);
  for (int i = 0; i < 100000 && moonherd_step(m, 0) > 0; i++) {
  }
  assert_int_equal(MOONHERD_DONE, moonherd_step(m, 0));
  assert_non_null(strstr(h.log, "did not end within its grace"));
  moonherd_close(m);
}

static void a_virtual_clock_jumps_and_starts_where_it_is_told(void **state) {
  (void)state;
  host h;
  const char *options = "{\"clock\":{\"virtual\":true,\"start\":1000000000}}";
  moonherd *m = open_with(&h, (moonherd_config){.options = options});
  run(m,
      "local m, c = require 'moonherd', require 'moonherd._clock'\n"
      "m.sleep '10d' print(c.wall(), c.now())");
  assert_string_equal("1000864000.0\t864000.0\n", h.output);
  moonherd_close(m);
}

static void out_of_memory_is_a_result(void **state) {
  (void)state;
  host h;
  moonherd *m = open_with(&h, (moonherd_config){.memory_limit = 4 << 20});
  assert_int_equal(1, run(m, "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end"));
  assert_non_null(strstr(h.error, "not enough memory"));
  assert_int_equal(0, run(m, "print 'alive'"));
  moonherd_close(m);
}

static void tasks_are_limited(void **state) {
  (void)state;
  host h;
  moonherd *m = open_with(&h, (moonherd_config){.max_tasks = 10});
  run(m, "local m = require 'moonherd' for i = 1, 20 do m.spawn(m.sleep, 1) end");
  assert_string_equal("too_many_tasks", h.reason);
  moonherd_close(m);
}

static void stack_overflow_and_errors_of_every_kind_leave_the_host_running(void **state) {
  (void)state;
  host h;
  moonherd *m = open_plain(&h);
  static const char *const codes[] = {
      "local function f() return 1 + f() end f()",
      "error()",
      "error(nil)",
      "error({})",
      "error(setmetatable({}, {__tostring = function () error 'again' end}))",
      "setmetatable({}, {__gc = function () error 'in gc' end}) collectgarbage() error 'x'",
      "local _ <close> = setmetatable({}, {__close = function () error 'close' end}) error 'x'",
      "string.rep('x', 1 << 40)",
      "coroutine.wrap(function () error 'co' end)()",
      "local function f() local _ <close> = setmetatable({}, {__close = f}) error 'deep' end f()",
  };
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    h.errors = 0;
    assert_int_equal(1, run(m, codes[i]));
    assert_int_equal(1, h.errors);
  }
  moonherd_close(m);
}

static void on_text(void *user, const char *text, size_t n) {
  snprintf(user, 64, "%.*s", (int)n, text);
}

static void a_text_of_the_host_is_masked_like_the_log(void **state) {
  (void)state;
  host h;
  char text[64] = "not called";
  moonherd *m = open_plain(&h);
  run(m, "require 'moonherd.log'.hide 'sesame-opens'");
  assert_int_equal(0, moonherd_mask(m, "say sesame-opens!", 17, on_text, text));
  assert_string_equal("say [hidden]!", text);
  assert_int_equal(0, moonherd_mask(m, NULL, 0, on_text, text));
  assert_string_equal("", text);
  assert_int_equal(MOONHERD_EINVAL, moonherd_mask(m, NULL, 1, on_text, text));
  assert_int_equal(MOONHERD_EINVAL, moonherd_mask(m, "", 0, NULL, text));
  assert_int_equal(MOONHERD_EINVAL, moonherd_mask(NULL, "", 0, on_text, text));
  moonherd_close(m);
}

static void requests_are_counted(void **state) {
  (void)state;
  host h;
  moonherd_counts counts = {.size = sizeof counts, .requests = 1};
  moonherd *m = open_plain(&h);
  assert_int_equal(0, moonherd_count(m, &counts));
  assert_int_equal(0, counts.requests);
  run(m,
      "local c = require 'moonherd._counts' c.request(200, 1) c.request(503, 1, true) "
      "c.request(0, 2, true) c.budget_wait(1.5)");
  assert_int_equal(0, moonherd_count(m, &counts));
  assert_int_equal(3, counts.requests);
  assert_int_equal(1, counts.retries);
  assert_int_equal(2, counts.failed);
  assert_int_equal(1, counts.status[0]);
  assert_int_equal(1, counts.status[2]);
  assert_int_equal(1, counts.status[5]);
  assert_int_equal(1, counts.budget_waits);
  assert_true(counts.budget_seconds > 1);
  moonherd_counts older = {.size = offsetof(moonherd_counts, retries), .retries = 77};
  assert_int_equal(0, moonherd_count(m, &older));
  assert_int_equal(3, older.requests);
  assert_int_equal(77, older.retries);
  counts.size = 0;
  assert_int_equal(MOONHERD_EINVAL, moonherd_count(m, &counts));
  assert_int_equal(MOONHERD_EINVAL, moonherd_count(NULL, &older));
  moonherd_close(m);
}

static void *wake_later(void *m) {
  struct timespec t = {.tv_nsec = 2000000};
  nanosleep(&t, NULL);
  moonherd_wake(m);
  return NULL;
}

static void a_wake_from_a_thread_ends_a_waiting_step(void **state) {
  (void)state;
  host h;
  moonherd *m = open_plain(&h);
  start(m, "require 'moonherd'.sleep '1h'");
  moonherd_step(m, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, wake_later, m);
  assert_int_equal(MOONHERD_WAITING, moonherd_step(m, 60));
  pthread_join(thread, NULL);
  moonherd_close(m);
}

static void handles_share_nothing(void **state) {
  (void)state;
  host a, b;
  moonherd *first = open_plain(&a), *second = open_plain(&b);
  start(first, "x = 1 local m = require 'moonherd' for i = 1, 3 do m.sleep(0) print(x) end");
  start(second, "local m = require 'moonherd' for i = 1, 3 do m.sleep(0) print(x) end");
  int r = 1, s = 1;
  while (r > 0 || s > 0) {
    if (r > 0) r = moonherd_step(first, 0);
    if (s > 0) s = moonherd_step(second, 0);
  }
  assert_string_equal("1\n1\n1\n", a.output);
  assert_string_equal("nil\nnil\nnil\n", b.output);
  moonherd_close(first);
  moonherd_close(second);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_script_runs_and_its_output_goes_to_the_host),
      cmocka_unit_test(exit_codes),
      cmocka_unit_test(os_exit_lets_cleanup_run),
      cmocka_unit_test(bad_arguments_have_defined_results),
      cmocka_unit_test(a_first_line_with_a_hash_is_skipped_and_lines_keep_their_numbers),
      cmocka_unit_test(a_failing_task_is_reported_with_its_ancestors),
      cmocka_unit_test(a_program_with_its_own_poll_loop_steps_when_told_to),
      cmocka_unit_test(a_budget_ends_a_step),
      cmocka_unit_test(a_cancel_lets_cleanup_wait_and_a_second_one_ends_it),
      cmocka_unit_test(closing_with_waiting_tasks_runs_their_cleanup),
      cmocka_unit_test(a_script_that_swallows_every_cancel_is_closed_by_force),
      cmocka_unit_test(a_virtual_clock_jumps_and_starts_where_it_is_told),
      cmocka_unit_test(out_of_memory_is_a_result),
      cmocka_unit_test(tasks_are_limited),
      cmocka_unit_test(stack_overflow_and_errors_of_every_kind_leave_the_host_running),
      cmocka_unit_test(a_text_of_the_host_is_masked_like_the_log),
      cmocka_unit_test(requests_are_counted),
      cmocka_unit_test(a_wake_from_a_thread_ends_a_waiting_step),
      cmocka_unit_test(handles_share_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
