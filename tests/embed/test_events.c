/* Events between a host and its script, what scripts keep, and the dump of tasks. */
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

static void start(const char *code) {
  script_host_open(&host, NULL);
  script_host_start(&host, code);
}

static int send(const char *name, const char *json) {
  return moonherd_send(host.m, name, json, json != NULL ? strlen(json) : 0);
}

/* Steps until everything waits. */
static void settle(void) {
  while (moonherd_step(host.m, 0) == MOONHERD_READY) {
  }
}

static void finish(void) {
  while (moonherd_step(host.m, -1) > 0) {
  }
  moonherd_close(host.m);
}

/* ---- both ways ---------------------------------------------------------------------------- */

static void an_event_reaches_its_handler_and_the_answer_the_host(void **state) {
  (void)state;
  start(
      "local m = require 'moonherd'\n"
      "m.on('add', function (v) m.emit('sum', { total = v.a + v.b }) end)\n"
      "m.on('quit', function (v) print(v == m.null) m.off 'add' m.off 'quit' end)");
  settle();
  assert_int_equal(0, send("add", "{\"a\":1,\"b\":2}"));
  settle();
  assert_string_equal("sum {\"total\":3}\n", host.events);
  assert_int_equal(0, send("quit", NULL));
  finish();
  assert_string_equal("true\n", host.out);
  assert_int_equal(0, host.errors);
}

static void values_of_every_kind_cross_without_loss(void **state) {
  (void)state;
  static const char *const values[] = {
      "null",
      "true",
      "-7",
      "9007199254740993",
      "0.1",
      "\"\"",
      "\"\xc3\xa4\\n\\u0000\"",
      "[]",
      "{}",
      "[[],{},[null]]",
      "{\"a\":[1,2.5,\"x\"],\"b\":{}}",
  };
  start("local m = require 'moonherd' m.on('echo', function (v) m.emit('echo', v) end)");
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    host.events[0] = '\0';
    assert_int_equal(0, send("echo", values[i]));
    settle();
    assert_memory_equal("echo ", host.events, 5);
    host.events[strlen(host.events) - 1] = '\0';
    assert_string_equal(values[i], host.events + 5);
  }
  moonherd_close(host.m);
}

static void a_waiting_step_needs_no_wake_for_an_event(void **state) {
  (void)state;
  start("local m = require 'moonherd' m.on('x', function () m.off 'x' end)");
  settle();
  assert_int_equal(-1, moonherd_timeout(host.m));
  send("x", NULL);
  assert_int_equal(0, moonherd_timeout(host.m));
  finish();
}

/* ---- handlers ----------------------------------------------------------------------------- */

static void a_handler_keeps_the_script_alive_wherever_it_was_made(void **state) {
  (void)state;
  start(
      "local m = require 'moonherd'\n"
      "m.scope(function () m.spawn(function () m.on('x', print) end) end)\n"
      "print 'the scope has ended'");
  settle();
  assert_string_equal("the scope has ended\n", host.out);
  assert_int_equal(MOONHERD_WAITING, moonherd_step(host.m, 0));
  moonherd_cancel(host.m, NULL);
  finish();
  assert_int_equal(0, host.errors);
}

static void events_of_one_name_are_handled_in_order(void **state) {
  (void)state;
  start(
      "local m = require 'moonherd'\n"
      "m.on('x', function (v) if v == 1 then m.sleep(0.005) end m.emit('done', v) end)\n"
      "m.on('y', function (v) m.emit('beside', v) end)");
  for (const char *v =
           "1\0"
           "2\0"
           "3\0";
       *v != '\0'; v += 2)
    send("x", v);
  send("y", "4");
  while (strstr(host.events, "done 3") == NULL) moonherd_step(host.m, -1);
  assert_string_equal("beside 4\ndone 1\ndone 2\ndone 3\n", host.events);
  moonherd_close(host.m);
}

static void concurrent_events_overtake_each_other(void **state) {
  (void)state;
  start(
      "local m = require 'moonherd'\n"
      "local function f(v) m.sleep(v / 1000) m.emit('done', v) end\n"
      "m.on('x', f, { concurrent = true }) m.on('two', f, { concurrent = 2 })");
  send("x", "9");
  send("x", "5");
  send("x", "1");
  while (strstr(host.events, "done 9") == NULL) moonherd_step(host.m, -1);
  assert_string_equal("done 1\ndone 5\ndone 9\n", host.events);
  host.events[0] = '\0';
  send("two", "9");
  send("two", "5");
  send("two", "0");
  while (strstr(host.events, "done 9") == NULL) moonherd_step(host.m, -1);
  assert_string_equal("done 5\ndone 0\ndone 9\n", host.events);
  moonherd_close(host.m);
}

static void an_error_in_a_handler_is_reported_and_ends_nothing_else(void **state) {
  (void)state;
  start(
      "local m = require 'moonherd'\n"
      "m.on('x', function (v)\n"
      "  m.spawn(m.sleep, '1h')\n"
      "  if v == 1 then error 'bad event' end\n"
      "  m.emit('fine', v) m.off 'x' error { 'last' }\n"
      "end)\n"
      "m.on('y', function () m.spawn(function () error 'in a task of it' end) m.sleep '1h' end)");
  send("x", "1");
  settle();
  assert_int_equal(1, host.errors);
  assert_string_equal("script:4: bad event", host.message);
  assert_non_null(strstr(host.trace, "script:4: in"));
  send("y", NULL);
  settle();
  assert_int_equal(2, host.errors);
  assert_string_equal("script:7: in a task of it", host.message);
  send("x", "2");
  settle();
  assert_string_equal("fine 2\n", host.events);
  assert_int_equal(3, host.errors);
  moonherd_cancel(host.m, NULL);
  finish();
  assert_int_equal(3, host.errors);
}

static void off_lets_an_event_end_and_the_next_handler_gets_the_rest(void **state) {
  (void)state;
  start(
      "local m = require 'moonherd'\n"
      "m.on('x', function (v)\n"
      "  print(m.off 'x', m.off 'x', m.off 'never')\n"
      "  m.sleep(0.002) print('first', v)\n"
      "  m.on('x', function (w) print('second', w) if w == 3 then m.off 'x' end end)\n"
      "end)");
  send("x", "1");
  send("x", "2");
  send("x", "3");
  finish();
  assert_string_equal("true\tfalse\tfalse\nfirst\t1\nsecond\t2\nsecond\t3\n", host.out);
}

static void a_second_handler_takes_the_place_of_the_first(void **state) {
  (void)state;
  start(
      "local m = require 'moonherd'\n"
      "m.on('x', function (v) print('first', v) end)\n"
      "m.on('x', function (v) print('second', v) m.off 'x' end)");
  send("x", "1");
  finish();
  assert_string_equal("second\t1\n", host.out);
}

static void bad_calls_of_scripts_name_what_is_wrong(void **state) {
  (void)state;
  static const struct {
    const char *code, *message;
  } cases[] = {
      {"m.on()", "moonherd.on: bad handler (function expected, got nil)"},
      {"m.on('x', 5)", "moonherd.on: bad handler (function expected, got number)"},
      {"m.on(5, print)", "moonherd.on: bad name (string expected, got number)"},
      {"m.on('', print)", "moonherd.on: bad name (1 to 255 bytes expected, and no zero)"},
      {"m.on(('x'):rep(256), print)",
       "moonherd.on: bad name (1 to 255 bytes expected, and no zero)"},
      {"m.on('a\\0b', print)", "moonherd.on: bad name (1 to 255 bytes expected, and no zero)"},
      {"m.on('x', print, { concurent = true })",
       "moonherd.on: unknown option 'concurent' (did you mean 'concurrent'?)"},
      {"m.on('x', print, { concurrent = 0 })",
       "moonherd.on: bad option 'concurrent' (at least 1 expected, got 0)"},
      {"m.emit('x', print)", "moonherd.emit: a function is not a JSON value"},
      {"m.emit('x', '\\xff')", "moonherd.emit: invalid UTF-8 at byte 1"},
      {"m.emit()", "moonherd.emit: bad name (string expected, got nil)"},
      {"m.emit('x', ('x'):rep(1 << 20))",
       "moonherd.emit: the value is too large: 1048578 bytes of JSON, "
       "1048576 allowed"},
      {"m.keep('x', print)", "moonherd.keep: a function is not a JSON value"},
      {"m.keep('x', ('x'):rep(1 << 20))",
       "moonherd.keep: the value is too large: 1048578 bytes of JSON, "
       "1048576 allowed"},
      {"m.kept {}", "moonherd.kept: bad name (string expected, got table)"},
  };
  script_host_open(&host, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char code[256];
    snprintf(code, sizeof code, "local m = require 'moonherd' %s", cases[i].code);
    assert_int_equal(1, script_host_run(&host, code));
    assert_string_equal(cases[i].message, host.message);
    assert_string_equal("usage", host.kind);
  }
  moonherd_close(host.m);
}

/* ---- what the host may send --------------------------------------------------------------- */

static void what_is_no_event_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *name, *json;
    int result;
  } cases[] = {
      {NULL, "1", MOONHERD_EINVAL},
      {"", "1", MOONHERD_EINVAL},
      {"\xff", "1", MOONHERD_EINVAL},
      {"\xc3", "1", MOONHERD_EINVAL},
      {"x", "", MOONHERD_EINVAL},
      {"x", "{", MOONHERD_EINVAL},
      {"x", "1 2", MOONHERD_EINVAL},
      {"x", "\"\xff\"", MOONHERD_EINVAL},
      {"x", "'a'", MOONHERD_EINVAL},
      {"x", "NaN", MOONHERD_EINVAL},
      {"x", "\"\n\"", MOONHERD_EINVAL},
      {"x", "1e999", MOONHERD_EINVAL},
      {"x", " [1] ", 0},
      {"x", NULL, 0},
      {"\xc3\xa4 \xe2\x82\xac", "1", 0},
  };
  start("local m = require 'moonherd' m.on('x', m.emit)");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_int_equal(cases[i].result, send(cases[i].name, cases[i].json));
  char name[257];
  memset(name, 'n', sizeof name);
  name[256] = '\0';
  assert_int_equal(MOONHERD_EINVAL, send(name, "1"));
  name[255] = '\0';
  assert_int_equal(0, send(name, "1"));
  assert_int_equal(MOONHERD_EINVAL, moonherd_send(host.m, "x", NULL, 1));
  assert_int_equal(MOONHERD_EINVAL, moonherd_send(NULL, "x", "1", 1));
  moonherd_close(host.m);
}

static void a_value_over_the_limit_is_refused_and_one_at_the_limit_arrives(void **state) {
  (void)state;
  size_t n = 10 << 20;
  char *json = malloc(n);
  assert_non_null(json);
  memset(json, 'x', n);
  json[0] = json[n - 1] = '"';
  start("local m = require 'moonherd' m.on('x', function (v) m.emit('length', #v) end)");
  assert_int_equal(MOONHERD_EINVAL, moonherd_send(host.m, "x", json, n));
  assert_int_equal(MOONHERD_EINVAL, moonherd_send(host.m, "x", json, MOONHERD_EVENT_SIZE + 1));
  json[MOONHERD_EVENT_SIZE - 1] = '"';
  assert_int_equal(0, moonherd_send(host.m, "x", json, MOONHERD_EVENT_SIZE));
  settle();
  assert_string_equal("length 1048574\n", host.events);
  moonherd_close(host.m);
  free(json);
}

static void a_full_queue_says_so_and_takes_events_again_when_it_has_room(void **state) {
  (void)state;
  script_host_open(&host, NULL);
  for (int i = 0; i < MOONHERD_EVENTS_WAITING; i++) assert_int_equal(0, send("x", "1"));
  assert_int_equal(MOONHERD_EFULL, send("x", "1"));
  assert_int_equal(0, send("another", "1"));
  script_host_start(&host,
                    "local m, n = require 'moonherd', 0\n"
                    "m.on('x', function () n = n + 1 if n % 1024 == 0 then print(n) end end)");
  settle();
  assert_string_equal("1024\n", host.out);
  assert_int_equal(0, send("x", "1"));
  moonherd_close(host.m);
}

static void all_that_waits_has_a_limit_in_bytes(void **state) {
  (void)state;
  char *json = malloc(MOONHERD_EVENT_SIZE);
  assert_non_null(json);
  memset(json, ' ', MOONHERD_EVENT_SIZE);
  json[0] = '1';
  script_host_open(&host, NULL);
  int e = 0, sent = 0;
  for (; e == 0; sent += e == 0) e = moonherd_send(host.m, "x", json, MOONHERD_EVENT_SIZE);
  assert_int_equal(MOONHERD_EFULL, e);
  assert_int_equal(MOONHERD_EVENT_ROOM / MOONHERD_EVENT_SIZE - 1, sent);
  moonherd_close(host.m);
  free(json);
}

/* ---- keeping ------------------------------------------------------------------------------ */

static void what_a_script_keeps_the_next_one_finds(void **state) {
  (void)state;
  script_host_open(&host, NULL);
  assert_int_equal(0, script_host_run(&host,
                                      "local m = require 'moonherd' local v = { n = 1 }\n"
                                      "print(m.kept 'a') m.keep('a', v) v.n = 2\n"
                                      "m.keep('b', 1) m.keep('b', nil) m.keep('c', false)\n"
                                      "m.keep('d', m.null) old = true"));
  assert_string_equal("nil\n", host.out);
  assert_int_equal(0, moonherd_reload(host.m));
  script_host_run(&host,
                  "local m = require 'moonherd'\n"
                  "print(m.kept 'a'.n, m.kept 'b', m.kept 'c', m.kept 'd' == m.null, old)");
  assert_string_equal("1\tnil\tfalse\ttrue\tnil\n", host.out);
  moonherd_close(host.m);
}

/* ---- dumps -------------------------------------------------------------------------------- */

static void a_dump_says_what_every_task_waits_for_and_where(void **state) {
  (void)state;
  script_host_open(&host, &(moonherd_config){.options = "{\"log\":\"error\"}"});
  script_host_start(&host,
                    "local m = require 'moonherd'\n"
                    "m.spawn(function ()\n"
                    "  m.sleep '1h'\n"
                    "end)\n"
                    "m.on('x', print)");
  settle();
  assert_int_equal(0, moonherd_dump(host.m));
  assert_non_null(strstr(host.log, "\"message\":\"task 1 joining"));
  assert_non_null(strstr(host.log, "for sleep, at script:3, spawned at script:2 by task 1\""));
  assert_non_null(
      strstr(host.log, "\"task\":2,\"state\":\"waiting\",\"waits_for\":\"sleep\",\"seconds\":0."));
  assert_non_null(
      strstr(host.log, "\"at\":\"script:3\",\"spawned_at\":\"script:2\",\"parent\":1}"));
  assert_non_null(strstr(host.log, "for an event 'x'"));
  assert_non_null(strstr(host.log, "\"message\":\"3 tasks are alive, 2 operations are open\""));
  moonherd_close(host.m);
}

static void a_script_dumps_itself_and_no_secret_shows(void **state) {
  (void)state;
  script_host_open(&host, NULL);
  script_host_run(&host,
                  "local m = require 'moonherd' m.log.hide 'sesame-opens'\n"
                  "m.on('sesame-opens', print) m.sleep(0) m.dump() os.exit(0)");
  assert_non_null(strstr(host.log, "task 1 running, at script:2, spawned at the host\""));
  assert_non_null(strstr(host.log, "an event '[hidden]'"));
  assert_null(strstr(host.log, "sesame"));
  moonherd_close(host.m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_event_reaches_its_handler_and_the_answer_the_host),
      cmocka_unit_test(values_of_every_kind_cross_without_loss),
      cmocka_unit_test(a_waiting_step_needs_no_wake_for_an_event),
      cmocka_unit_test(a_handler_keeps_the_script_alive_wherever_it_was_made),
      cmocka_unit_test(events_of_one_name_are_handled_in_order),
      cmocka_unit_test(concurrent_events_overtake_each_other),
      cmocka_unit_test(an_error_in_a_handler_is_reported_and_ends_nothing_else),
      cmocka_unit_test(off_lets_an_event_end_and_the_next_handler_gets_the_rest),
      cmocka_unit_test(a_second_handler_takes_the_place_of_the_first),
      cmocka_unit_test(bad_calls_of_scripts_name_what_is_wrong),
      cmocka_unit_test(what_is_no_event_is_refused),
      cmocka_unit_test(a_value_over_the_limit_is_refused_and_one_at_the_limit_arrives),
      cmocka_unit_test(a_full_queue_says_so_and_takes_events_again_when_it_has_room),
      cmocka_unit_test(all_that_waits_has_a_limit_in_bytes),
      cmocka_unit_test(what_a_script_keeps_the_next_one_finds),
      cmocka_unit_test(a_dump_says_what_every_task_waits_for_and_where),
      cmocka_unit_test(a_script_dumps_itself_and_no_secret_shows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
