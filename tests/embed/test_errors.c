/* What a host learns of errors: every one that nobody caught, whatever it is, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/c/script_host.h"

static void errors_are_reported_whatever_they_are(void **state) {
  (void)state;
  static const struct {
    const char *code, *message, *json;
  } cases[] = {
      {"error 'text'", "script:1: text", "\"message\":\"script:1: text\""},
      {"error('a\\0b\\xff', 0)", "a\\0b\xff", "\"message\":\"a\\u0000b\xef\xbf\xbd\""},
      {"error(('x'):rep(1e6), 0)", "xxxxxxxx", "xxxxxxxx"},
      {"error()", "(error object is a nil value)", "a nil value"},
      {"error(7)", "7", "\"cause\":7"},
      {"error { x = 1 }", "{ x = 1 }", "\"cause\":{\"x\":1}"},
      {"local t = {} t[1] = t error(t)", "{ <cycle> }", "\"cause\":[["},
      {"error(setmetatable({}, { __tostring = function () error 'x' end }))",
       "(error object is a table value)", "\"kind\":\"script\""},
      {"error(setmetatable({}, { __tostring = function () require 'moonherd'.sleep(1) end }))",
       "(error object is a table value)", "\"kind\":\"script\""},
      {"error(setmetatable({}, { __tostring = function () return {} end }))",
       "(error object is a table value)", "\"kind\":\"script\""},
      {"error(setmetatable({}, { __index = error, __name = 'Odd' }))", "Odd: 0x", "\"cause\":{}"},
      {"local e = require 'moonherd.error' local o = e.new { message = 'mine', kind = 'io' }\n"
       "getmetatable(o).__index = function () error 'index' end error(o)",
       "", "\"message\":\"mine\""},
      {"error(require 'moonherd.error'.new { message = {}, code = 7, status = 404 })", "table: 0x",
       "\"code\":7"},
      {"package.loaded['moonherd.error'] = { to_json = error } error 'x'", "script:1: x",
       "\"reason\":\"no_report\""},
      {"require = nil error 'x'", "script:1: x", "\"reason\":\"no_report\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    script_host h;
    script_host_open(&h, NULL);
    assert_int_equal(1, script_host_run(&h, cases[i].code));
    assert_int_equal(1, h.errors);
    if (strncmp(h.message, cases[i].message, strlen(cases[i].message)) != 0)
      fail_msg("%s: %s", cases[i].code, h.message);
    if (strstr(h.json, cases[i].json) == NULL) fail_msg("%s: %s", cases[i].code, h.json);
    moonherd_close(h.m);
  }
}

static void errors_of_memory_and_overflow_are_error_objects(void **state) {
  (void)state;
  static const char *const codes[] = {
      "local function f() return 1 + f() end f()",
      "local function f() return pcall(f) and 1 end f() error 'x'",
      "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end",
      "local m = require 'moonherd' m.spawn(string.rep, 'x', 1 << 40):wait()",
      "local m = require 'moonherd' local s = 'x'\n"
      "print(select(2, pcall(m.spawn(function () while true do s = s .. s end end).wait, m)))\n"
      "m.spawn(function () while true do s = s .. s end end):wait()",
      "local function f() local _ <close> = setmetatable({}, { __close = f }) error 'deep' end f()",
      "xpcall(error, function () error 'handler' end) error 'x'",
      "local co = coroutine.wrap(function () local function f() f() f() end f() end) co()",
  };
  script_host h;
  script_host_open(&h, &(moonherd_config){.memory_limit = 64 << 20});
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    assert_int_equal(1, script_host_run(&h, codes[i]));
    assert_int_equal(1, h.errors);
    if (strcmp(h.kind, "") == 0) fail_msg("%s: %s", codes[i], h.message);
  }
  moonherd_close(h.m);
}

static void an_error_while_os_exit_cleans_up_is_reported(void **state) {
  (void)state;
  script_host h;
  script_host_open(&h, NULL);
  int code = script_host_run(&h,
                             "local _ <close> = setmetatable({}, { __close = function ()\n"
                             "  error 'in cleanup' end })\n"
                             "os.exit(3)");
  assert_int_equal(3, code);
  assert_int_equal(1, h.errors);
  assert_string_equal("script:2: in cleanup", h.message);
  moonherd_close(h.m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(errors_are_reported_whatever_they_are),
      cmocka_unit_test(errors_of_memory_and_overflow_are_error_objects),
      cmocka_unit_test(an_error_while_os_exit_cleans_up_is_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
