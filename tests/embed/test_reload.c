/* Reloading: the next script is loaded while one runs, and takes over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "moonherd.h"
#include "tests/c/script_host.h"

static script_host host;

static void open_with(const char *code) {
  script_host_open(&host, NULL);
  script_host_start(&host, code);
  moonherd_step(host.m, 0);
}

static int load(const char *code) {
  return moonherd_load(host.m, "=next", code, strlen(code));
}

static void finish(void) {
  while (moonherd_step(host.m, -1) > 0) {
  }
}

static void the_next_script_takes_over_and_gets_what_was_kept(void **state) {
  (void)state;
  open_with(
      "local m = require 'moonherd'\n"
      "local world = { ticks = 0 }\n"
      "local _ <close> = setmetatable({}, { __close = function ()\n"
      "  m.sleep(0.001) m.keep('world', world) print 'kept'\n"
      "end })\n"
      "m.on('tick', function () world.ticks = world.ticks + 1 end)\n"
      "m.sleep '1h'");
  moonherd_send(host.m, "tick", NULL, 0);
  moonherd_step(host.m, 0);
  assert_int_equal(0, load("local m = require 'moonherd' print(m.kept 'world'.ticks, ...)"));
  assert_int_equal(MOONHERD_WAITING, moonherd_step(host.m, 0));  // it goes on until the reload
  assert_int_equal(0, moonherd_reload(host.m));
  assert_int_equal(MOONHERD_DONE, moonherd_step(host.m, 0));  // loaded, not started
  const char *const argv[] = {"next", "argument"};
  assert_int_equal(0, moonherd_start(host.m, 2, argv));
  finish();
  assert_string_equal("kept\n1\targument\n", host.out);
  assert_int_equal(0, host.errors);
  moonherd_close(host.m);
}

static void a_script_that_does_not_compile_leaves_the_old_one_running(void **state) {
  (void)state;
  open_with("local m = require 'moonherd' m.on('x', function (v) print(v) m.off 'x' end)");
  assert_int_equal(MOONHERD_ESCRIPT, load("this is no Lua"));
  assert_string_equal("syntax", host.reason);
  assert_int_equal(MOONHERD_ENOENT, moonherd_load_file(host.m, "/no/such/file.lua"));
  assert_int_equal(MOONHERD_WAITING, moonherd_step(host.m, 0));
  moonherd_send(host.m, "x", "\"alive\"", 7);
  finish();
  assert_string_equal("alive\n", host.out);
  moonherd_close(host.m);
}

static void of_two_that_are_loaded_the_last_that_compiles_takes_over(void **state) {
  (void)state;
  open_with("require 'moonherd'.sleep '1h'");
  assert_int_equal(0, load("print 'one'"));
  assert_int_equal(0, load("print 'two'"));
  assert_int_equal(MOONHERD_ESCRIPT, load("three three"));
  assert_int_equal(0, moonherd_reload(host.m));
  moonherd_start(host.m, 0, NULL);
  finish();
  assert_string_equal("two\n", host.out);
  moonherd_close(host.m);
}

static void a_reload_without_a_next_script_leaves_an_empty_handle(void **state) {
  (void)state;
  open_with("global = 1 require 'moonherd'.sleep '1h'");
  assert_int_equal(0, moonherd_reload(host.m));
  assert_int_equal(MOONHERD_EINVAL, moonherd_start(host.m, 0, NULL));
  assert_int_equal(0, load("print(global)"));
  assert_int_equal(0, moonherd_start(host.m, 0, NULL));
  finish();
  assert_string_equal("nil\n", host.out);
  assert_int_equal(0, moonherd_reload(host.m));  // nothing runs
  moonherd_close(host.m);
}

static void a_next_script_that_fails_leaves_a_handle_that_can_load_another(void **state) {
  (void)state;
  open_with("require 'moonherd'.sleep '1h'");
  load("error 'at once'");
  moonherd_reload(host.m);
  moonherd_start(host.m, 0, NULL);
  finish();
  assert_int_equal(1, moonherd_exit_code(host.m));
  assert_string_equal("next:1: at once", host.message);
  assert_int_equal(0, script_host_run(&host, "print 'better'"));
  assert_string_equal("better\n", host.out);
  moonherd_close(host.m);
}

static void events_that_nobody_handled_stay_for_the_next_script(void **state) {
  (void)state;
  open_with("local m = require 'moonherd' m.on('slow', function () m.sleep '1h' end)");
  for (int i = 0; i < 3; i++) moonherd_send(host.m, "slow", "1", 1);
  moonherd_send(host.m, "new", "\"one\"", 5);
  moonherd_step(host.m, 0);
  load(
      "local m, n = require 'moonherd', 0\n"
      "m.on('new', function (v) print(v) m.off 'new' end)\n"
      "m.on('slow', function () n = n + 1 print('slow', n) if n == 2 then m.off 'slow' end end)");
  moonherd_reload(host.m);
  moonherd_start(host.m, 0, NULL);
  finish();
  assert_non_null(strstr(host.out, "one\n"));
  assert_non_null(strstr(host.out, "slow\t1\nslow\t2\n"));
  moonherd_close(host.m);
}

/* A handle whose state is in a folder that goes away. */
static void open_with_state(char *dir) {
  static char options[128];
  assert_non_null(mkdtemp(dir));
  snprintf(options, sizeof options, "{\"target\":\"local\",\"state\":\"%s\"}", dir);
  script_host_open(&host, &(moonherd_config){.options = options});
}

static void close_with_state(const char *dir) {
  char command[128];
  moonherd_close(host.m);
  snprintf(command, sizeof command, "rm -rf '%s'", dir);
  assert_int_equal(0, system(command));
}

static void the_platform_stays_and_so_does_its_state(void **state) {
  (void)state;
  static const char code[] =
      "local m = require 'moonherd'\n"
      "local ns = m.connect():ensure_namespace 'production'\n"
      "print(ns:details().namespace_id, require 'moonherd._platform'.socket(arg[1]))";
  char dir[] = "/tmp/moonherd-reload-XXXXXX";
  open_with_state(dir);
  const char *const argv[] = {"script", dir};
  char before[sizeof host.out] = "";
  for (int i = 0; i < 2; i++) {
    load(code);
    assert_int_equal(0, moonherd_start(host.m, 2, argv));
    finish();
    assert_int_equal(0, moonherd_exit_code(host.m));
    if (i == 0) strcpy(before, host.out);
    else assert_string_equal(before, host.out);
    host.out[0] = '\0';
    assert_int_equal(0, moonherd_reload(host.m));
  }
  close_with_state(dir);
}

static void requests_in_flight_end_with_their_script(void **state) {
  (void)state;
  char dir[] = "/tmp/moonherd-reload-XXXXXX";
  open_with_state(dir);
  script_host_start(&host,
                    "local m = require 'moonherd'\n"
                    "local ns = m.connect():ensure_namespace 'production'\n"
                    "for i = 1, 100 do m.spawn(function ()\n"
                    "  ns:script('worker-' .. i):upload {\n"
                    "    script = 'addEventListener(\"fetch\", () => {})',\n"
                    "    compatibility_date = '2026-10-01',\n"
                    "  }\n"
                    "  io.stdout:write '.' io.stdout:flush()\n"
                    "end) end");
  while (strchr(host.out, '.') == NULL) moonherd_step(host.m, 0.01);
  assert_int_equal(0, moonherd_reload(host.m));
  host.errors = 0;
  script_host_run(&host,
                  "local m = require 'moonherd'\n"
                  "local ns = m.connect():namespace 'production'\n"
                  "print(#m.collect(ns:scripts {}) > 0)");
  assert_string_equal("true\n", host.out);
  close_with_state(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_next_script_takes_over_and_gets_what_was_kept),
      cmocka_unit_test(a_script_that_does_not_compile_leaves_the_old_one_running),
      cmocka_unit_test(of_two_that_are_loaded_the_last_that_compiles_takes_over),
      cmocka_unit_test(a_reload_without_a_next_script_leaves_an_empty_handle),
      cmocka_unit_test(a_next_script_that_fails_leaves_a_handle_that_can_load_another),
      cmocka_unit_test(events_that_nobody_handled_stay_for_the_next_script),
      cmocka_unit_test(the_platform_stays_and_so_does_its_state),
      cmocka_unit_test(requests_in_flight_end_with_their_script),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
