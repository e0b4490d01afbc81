/* Bad input: what a host may do wrong has a defined result, and whatever a script does wrong leaves
 * the host running and the handle fit for the next script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "moonherd.h"
#include "tests/c/script_host.h"

static script_host host;

/* ---- arguments ---------------------------------------------------------------------------- */

static void no_handle_is_an_answer_not_a_crash(void **state) {
  (void)state;
  assert_int_equal(MOONHERD_EINVAL, moonherd_load_file(NULL, "x.lua"));
  assert_int_equal(MOONHERD_EINVAL, moonherd_load(NULL, "=x", "", 0));
  assert_int_equal(MOONHERD_EINVAL, moonherd_start(NULL, 0, NULL));
  assert_int_equal(MOONHERD_EINVAL, moonherd_step(NULL, 0));
  assert_int_equal(MOONHERD_EINVAL, moonherd_run(NULL));
  assert_int_equal(MOONHERD_EINVAL, moonherd_send(NULL, "x", NULL, 0));
  assert_int_equal(MOONHERD_EINVAL, moonherd_cancel(NULL, NULL));
  assert_int_equal(MOONHERD_EINVAL, moonherd_dump(NULL));
  assert_int_equal(MOONHERD_EINVAL, moonherd_reload(NULL));
  assert_int_equal(-1, moonherd_fd(NULL));
  assert_int_equal(-1, moonherd_timeout(NULL));
  assert_int_equal(1, moonherd_exit_code(NULL));
  assert_string_equal("", moonherd_error_message(NULL));
  assert_int_equal(MOONHERD_EINVAL, moonherd_mask(NULL, "x", 1, NULL, NULL));
  moonherd_interrupt(NULL);
  moonherd_wake(NULL);
  moonherd_close(NULL);
}

static void calls_in_a_wrong_order_change_nothing(void **state) {
  (void)state;
  script_host_open(&host, NULL);
  assert_int_equal(MOONHERD_DONE, moonherd_step(host.m, 0));
  assert_int_equal(MOONHERD_DONE, moonherd_run(host.m));
  assert_int_equal(MOONHERD_EINVAL, moonherd_start(host.m, 0, NULL));
  assert_int_equal(0, moonherd_cancel(host.m, "nothing runs"));
  assert_int_equal(0, moonherd_dump(host.m));
  assert_int_equal(0, moonherd_reload(host.m));
  assert_int_equal(-1, moonherd_timeout(host.m));
  script_host_start(&host, "require 'moonherd'.sleep(0.001) print 'done'");
  assert_int_equal(MOONHERD_EBUSY, moonherd_start(host.m, 0, NULL));
  assert_int_equal(MOONHERD_EINVAL, moonherd_start(host.m, -1, NULL));
  assert_int_equal(MOONHERD_EINVAL, moonherd_start(host.m, 2, (const char *const[]){"x", NULL}));
  assert_int_equal(MOONHERD_EINVAL, moonherd_start(host.m, 1, NULL));
  assert_int_equal(MOONHERD_DONE, moonherd_run(host.m));
  assert_string_equal("done\n", host.out);
  moonherd_close(host.m);
}

static void a_script_that_is_none_is_refused(void **state) {
  (void)state;
  script_host_open(&host, NULL);
  assert_int_equal(MOONHERD_EIO, moonherd_load_file(host.m, "/tmp"));
  assert_int_equal(MOONHERD_ENOENT, moonherd_load_file(host.m, "/tmp/no/such.lua"));
  assert_int_equal(MOONHERD_ENOENT, moonherd_load_file(host.m, ""));
  assert_int_equal(MOONHERD_ESCRIPT, moonherd_load(host.m, "=x", "\x1bLuaT\0", 6));
  assert_non_null(strstr(host.message, "attempt to load a binary chunk"));
  assert_int_equal(MOONHERD_ESCRIPT, moonherd_load(host.m, "=x", "\0", 1));
  char path[] = "/tmp/moonherd-misuse-XXXXXX";
  int fd = mkstemp(path);
  assert_int_equal(6, write(fd, "\x1bLuaT\0", 6));
  assert_int_equal(MOONHERD_ESCRIPT, moonherd_load_file(host.m, path));
  assert_int_equal(0, ftruncate(fd, 0));
  assert_int_equal(MOONHERD_EINVAL, moonherd_start(host.m, 0, NULL));
  assert_int_equal(0, moonherd_load_file(host.m, path));  // an empty one is a script
  close(fd);
  unlink(path);
  moonherd_close(host.m);
}

/* ---- configs ------------------------------------------------------------------------------ */

/* As a host would have it whose header has one more member. */
typedef struct newer_config {
  moonherd_config config;
  int more;
} newer_config;

static void a_config_of_another_version_is_taken_as_far_as_it_is_known(void **state) {
  (void)state;
  const char *why = NULL;
  moonherd_config older = {.size = offsetof(moonherd_config, options), .options = "no JSON"};
  moonherd *m = moonherd_new(&older, &why);
  assert_non_null(m);  // what is behind its size was not read
  moonherd_close(m);
  newer_config newer = {.config = {.size = sizeof newer}};
  m = moonherd_new(&newer.config, &why);
  assert_non_null(m);
  moonherd_close(m);
  newer.more = 1;
  assert_null(moonherd_new(&newer.config, &why));
  assert_string_equal("config: a member is set that this version does not have", why);
}

static void a_config_that_is_wrong_says_why(void **state) {
  (void)state;
  static const struct {
    moonherd_config config;
    const char *why;
  } cases[] = {
      {{.size = 0}, "config.size is not set"},
      {{.size = SIZE_MAX}, "config.size is not set"},
      {{.size = sizeof(moonherd_config), .budget = -1},
       "config: budget and grace cannot be below zero"},
      {{.size = sizeof(moonherd_config), .grace = -1},
       "config: budget and grace cannot be below zero"},
      {{.size = sizeof(moonherd_config), .flags = 1u << 31}, "config: unknown flag"},
      {{.size = sizeof(moonherd_config), .options = "[]"}, NULL},
      {{.size = sizeof(moonherd_config), .options = "{\"state\":1}"},
       "options: \"state\" must be a string"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const char *why = NULL;
    moonherd *m = moonherd_new(&cases[i].config, &why);
    if (cases[i].why == NULL) {
      moonherd_close(m);
      continue;
    }
    assert_null(m);
    assert_string_equal(cases[i].why, why);
  }
  assert_null(moonherd_new(NULL, NULL));
}

/* ---- callbacks that call back ------------------------------------------------------------- */

static struct {
  moonherd *m;
  unsigned output, log, error, event; /* how often each was called */
} back;

/* What is allowed works, what is not is refused; nothing of it changes what the script does. */
static void call_back(void) {
  assert_int_equal(MOONHERD_EBUSY, moonherd_step(back.m, 0));
  assert_int_equal(MOONHERD_EBUSY, moonherd_run(back.m));
  assert_int_equal(MOONHERD_EBUSY, moonherd_load(back.m, "=x", "", 0));
  assert_int_equal(MOONHERD_EBUSY, moonherd_load_file(back.m, "/no/such/file.lua"));
  assert_int_equal(MOONHERD_EBUSY, moonherd_start(back.m, 0, NULL));
  assert_int_equal(MOONHERD_EBUSY, moonherd_reload(back.m));
  moonherd_close(back.m);
  moonherd_wake(back.m);
  assert_true(moonherd_fd(back.m) >= 0);
  moonherd_timeout(back.m);
  moonherd_exit_code(back.m);
}

static void output_calls_back(void *user, int stream, const char *bytes, size_t n) {
  (void)user, (void)stream, (void)bytes, (void)n;
  if (back.output++ == 0) assert_int_equal(0, moonherd_dump(back.m));
  call_back();
}

static void log_calls_back(void *user, int level, const char *json, size_t n) {
  (void)user, (void)level, (void)json, (void)n;
  if (back.log++ == 0) moonherd_dump(back.m);  // which comes here again
  call_back();
}

static void error_calls_back(void *user, const moonherd_error *error) {
  (void)user, (void)error;
  back.error++;
  call_back();
  assert_int_equal(0, moonherd_send(back.m, "end", NULL, 0));
}

static void event_calls_back(void *user, const char *name, const char *json, size_t n) {
  (void)user;
  back.event++;
  assert_int_equal(0, moonherd_send(back.m, name, json, n));
  if (strcmp(name, "end") == 0) moonherd_cancel(back.m, "the host has seen enough");
  call_back();
}

static void a_callback_may_send_and_dump_and_cancel_but_not_step(void **state) {
  (void)state;
  moonherd_config config = {
      .size = sizeof config,
      .on_output = output_calls_back,
      .on_log = log_calls_back,
      .on_error = error_calls_back,
      .on_event = event_calls_back,
  };
  static const char code[] =
      "local m = require 'moonherd'\n"
      "m.on('ping', function (v)\n"
      "  if v < 3 then m.emit('ping', v + 1) else print 'x' io.stdout:flush() error 'y' end\n"
      "end)\n"
      "m.on('end', function () m.emit 'end' end)\n"
      "m.emit('ping', 0) m.log.info 'z' m.sleep '1h'";
  memset(&back, 0, sizeof back);
  back.m = moonherd_new(&config, NULL);
  assert_int_equal(0, moonherd_load(back.m, "=script", code, sizeof code - 1));
  assert_int_equal(0, moonherd_start(back.m, 0, NULL));
  assert_int_equal(MOONHERD_DONE, moonherd_run(back.m));
  assert_int_equal(5, back.event);
  assert_int_equal(1, back.error);
  assert_true(back.output > 0 && back.log > 1);
  moonherd_close(back.m);
}

/* ---- scripts that fail -------------------------------------------------------------------- */

static const char NO_MEMORY[] = "not enough memory";

/* Each in a handle of its own. `errors`: how many are reported. */
static const struct {
  const char *code, *message;
  int errors;
} failures[] = {
    {"error 'plain'", "script:1: plain", 1},
    {"error()", "nil", 1},
    {"error(setmetatable({}, {__tostring = function () error 'again' end}))", NULL, 1},
    {"local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end", NO_MEMORY, 1},
    {"return ('x'):rep(1 << 40)", NULL, 1},
    {"local function f() return 1 + f() end f()", "stack overflow", 1},
    {"local f f = setmetatable({}, {__index = function (t, k) return t[k] end}) return f.x",
     "stack overflow", 1},
    {"local s = ('('):rep(300) load(s)() ", NULL, 1},
    {"local function f() return assert(pcall(f)) and error 'deep' end f()", "script:1", 1},
    {"local function f() return ('x'):gsub('x', f) end f()", "stack overflow", 1},
    {"local function f() table.sort({1, 2}, f) end f()", "stack overflow", 1},
    {"local function f() return tostring(setmetatable({}, {__tostring = f})) end f()",
     "stack overflow", 1},
    {"local function f() return select(2, load(f)) end error(f())", NULL, 1},
    {"local function f() return coroutine.wrap(f)() end f()", "stack overflow", 1},
    {"local n = 0 package.searchers[1] = function ()\n"
     "  return function () n = n + 1 return require('m' .. n) end end require 'm'",
     "stack overflow", 1},
    {"local function f(n) local _ <close> = setmetatable({}, {__close = function () f() end}) end\n"
     "f()",
     "stack overflow", 1},
    {"return ('x'):rep(300000):find(('x?'):rep(300000))", "pattern too complex", 1},
    {"return ('a'):match(('('):rep(40))", "too many captures", 1},
    {"local co for i = 1, 1000 do local inner = co co = coroutine.create(function ()\n"
     "  local _ <close> = setmetatable({}, {__close = function ()\n"
     "    if inner then assert(coroutine.close(inner)) end end})\n"
     "  coroutine.yield() end) coroutine.resume(co) end\n"
     "assert(coroutine.close(co))",
     NULL, 1},
    {"error(('x'):rep(5000000))", "xxx", 1},
    {"error({message = ('x'):rep(5000000)})", NULL, 1},
    {"local t = {} t.t = t t[t] = t error(t)", NULL, 1},
    {"local t = {} t.cause = t t.message = t error(t)", NULL, 1},
    {"local e = select(2, pcall(require 'moonherd'.fs.read, '/none')) e.cause = e error(e)", NULL,
     1},
    {"local t = {} for i = 1, 100000 do t = {cause = t} end error(t)", NULL, 1},
    {"error(setmetatable({}, {__tostring = function () return {} end}))", NULL, 1},
    {"local function f() error(setmetatable({}, {__tostring = f})) end f()", NULL, 1},
    {"error(setmetatable({}, {__index = error, __name = {}, __pairs = error, __len = error}))",
     NULL, 1},
    {"error(setmetatable({}, {__gc = function () error 'in gc' end})) collectgarbage()", NULL, 1},
    {"error(coroutine.create(print))", NULL, 1},
    {"xpcall(error, function (e) error(e) end, 'x') error 'again'", "again", 1},
    {"local function f() xpcall(error, f) end f() error 'end'", NULL, 1},
    {"setmetatable({}, {__gc = function () error 'in gc' end}) collectgarbage()", NULL, 0},
    {"for i = 1, 99 do setmetatable({}, {__gc = function () error 'in gc' end}) end", NULL, 0},
    {"global = setmetatable({}, {__gc = function () error 'at the end' end})", NULL, 0},
    {"local _ <close> = setmetatable({}, {__close = function () error 'closing' end})",
     "script:1: closing", 1},
    {"local m = require 'moonherd' m.on('x', function () m.off 'x' error 'handler' end)",
     "script:1: handler", 1},
    {"local m = require 'moonherd' m.on('x', function () m.off 'x' local t = {}\n"
     "for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end end)",
     NO_MEMORY, 1},
    {"local m = require 'moonherd'\n"
     "m.on('x', function () m.off 'x' local function f() return 1 + f() end f() end)",
     "stack overflow", 1},
    {"local m = require 'moonherd' m.spawn(function () m.sleep(0) error 'a task' end) m.sleep '1h'",
     "script:1: a task", 1},
    {"coroutine.wrap(function () error 'in a coroutine' end)()", "script:1: in a coroutine", 1},
    {"debug.sethook(function () error 'in a hook' end, '', 1) local x = 1", "in a hook", 1},
    {"os.exit(3)", NULL, 0},
    {"for k in pairs(_G) do _G[k] = nil end error 'nothing is left'", NULL, 1},
    {"debug.setmetatable('', nil) debug.setmetatable(0, {__add = error}) error 'odd types'",
     "script:1: odd types", 1},
};

/* A stack that overflows needs more than those that shall run out of memory have. */
static size_t limit_of(size_t i) {
  return failures[i].message == NO_MEMORY ? 8 << 20 : 0;
}

static void whatever_a_script_does_wrong_the_host_goes_on(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
    script_host_open(&host, &(moonherd_config){.memory_limit = limit_of(i)});
    script_host_start(&host, failures[i].code);
    assert_int_equal(0, moonherd_send(host.m, "x", NULL, 0));
    for (int steps = 0; moonherd_step(host.m, -1) > 0; steps++) assert_true(steps < 100000);
    if (host.errors != failures[i].errors)
      fail_msg("%s: %d errors, %s", failures[i].code, host.errors, host.message);
    if (failures[i].message != NULL && strstr(host.message, failures[i].message) == NULL)
      fail_msg("%s: %s", failures[i].code, host.message);
    assert_int_equal(0, moonherd_reload(host.m));
    assert_int_equal(0, script_host_run(&host, "print 'alive'"));
    assert_string_equal("alive\n", host.out);
    moonherd_close(host.m);
  }
}

static void a_handle_closes_right_after_a_failure(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
    script_host_open(&host, &(moonherd_config){.memory_limit = limit_of(i), .grace = 0.05});
    script_host_start(&host, failures[i].code);
    moonherd_step(host.m, 0);
    moonherd_close(host.m);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_handle_is_an_answer_not_a_crash),
      cmocka_unit_test(calls_in_a_wrong_order_change_nothing),
      cmocka_unit_test(a_script_that_is_none_is_refused),
      cmocka_unit_test(a_config_of_another_version_is_taken_as_far_as_it_is_known),
      cmocka_unit_test(a_config_that_is_wrong_says_why),
      cmocka_unit_test(a_callback_may_send_and_dump_and_cancel_but_not_step),
      cmocka_unit_test(whatever_a_script_does_wrong_the_host_goes_on),
      cmocka_unit_test(a_handle_closes_right_after_a_failure),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
