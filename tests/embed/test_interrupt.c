/* moonherd_interrupt ends Lua code that does not wait, moonherd_dump_running tells where it is. Called
 * from a callback, which comes at a moment that is known; a signal handler may come at any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "moonherd.h"

typedef struct looper {
  moonherd *m;
  char out[256], kind[64], reason[64];
} looper;

static void on_output(void *user, int stream, const char *bytes, size_t n) {
  looper *l = user;
  if (stream == MOONHERD_STDERR) moonherd_interrupt(l->m);
  else snprintf(l->out, sizeof l->out, "%.*s", (int)n, bytes);
}

static void on_error(void *user, const moonherd_error *error) {
  looper *l = user;
  snprintf(l->kind, sizeof l->kind, "%s", moonherd_error_kind(error));
  snprintf(l->reason, sizeof l->reason, "%s", moonherd_error_reason(error));
}

/* Writing to stderr interrupts. Returns the exit code. */
static int run(looper *l, const char *code, unsigned flags) {
  memset(l, 0, sizeof *l);
  l->m = moonherd_new(&(moonherd_config){.size = sizeof(moonherd_config),
                                         .user = l,
                                         .on_output = on_output,
                                         .on_error = on_error,
                                         .budget = flags != 0 ? 0.01 : 0,
                                         .flags = flags},
                      NULL);
  assert_non_null(l->m);
  assert_int_equal(0, moonherd_load(l->m, "=script", code, strlen(code)));
  assert_int_equal(0, moonherd_start(l->m, 0, NULL));
  moonherd_interrupt(l->m);  // nothing runs: nothing happens
  assert_int_equal(MOONHERD_DONE, moonherd_run(l->m));
  int exit_code = moonherd_exit_code(l->m);
  moonherd_close(l->m);
  return exit_code;
}

static void a_loop_without_waits_ends(void **state) {
  (void)state;
  looper l;
  assert_int_equal(1, run(&l, "io.stderr:write 'x' while true do end", 0));
  assert_string_equal("cancelled", l.kind);
  assert_string_equal("interrupted", l.reason);
  assert_int_equal(1, run(&l, "io.stderr:write 'x' while true do end", MOONHERD_PREEMPT));
  assert_string_equal("interrupted", l.reason);
}

static void so_does_one_in_a_coroutine(void **state) {
  (void)state;
  looper l;
  assert_int_equal(
      1, run(&l, "coroutine.wrap(function () io.stderr:write 'x' while true do end end)()", 0));
  assert_string_equal("interrupted", l.reason);
}

static void it_is_raised_once_and_can_be_caught(void **state) {
  (void)state;
  looper l;
  assert_int_equal(0, run(&l,
                          "local ok, err = pcall(function ()\n"
                          "  io.stderr:write 'x' while true do end\n"
                          "end)\n"
                          "for i = 1, 1000000 do end\n"
                          "print(ok, err.reason)",
                          0));
  assert_string_equal("false\tinterrupted\n", l.out);
}

static void on_log(void *user, int level, const char *json, size_t n) {
  (void)level;
  looper *l = user;
  if (strstr(json, "running") != NULL) snprintf(l->out, sizeof l->out, "%.*s", (int)n, json);
}

static void on_output_dump(void *user, int stream, const char *bytes, size_t n) {
  (void)stream, (void)bytes, (void)n;
  looper *l = user;
  moonherd_dump_running(l->m);
}

static void on_output_both(void *user, int stream, const char *bytes, size_t n) {
  looper *l = user;
  moonherd_interrupt(l->m);
  on_output_dump(user, stream, bytes, n);
}

/* Two handlers of signals, one behind the other. */
static void neither_request_takes_the_place_of_the_other(void **state) {
  (void)state;
  static const char code[] = "io.stderr:write 'x'\nwhile true do end";
  looper l = {0};
  l.m = moonherd_new(&(moonherd_config){.size = sizeof(moonherd_config),
                                        .user = &l,
                                        .on_output = on_output_both,
                                        .on_error = on_error,
                                        .on_log = on_log},
                     NULL);
  assert_non_null(l.m);
  assert_int_equal(0, moonherd_load(l.m, "=script", code, strlen(code)));
  assert_int_equal(0, moonherd_start(l.m, 0, NULL));
  assert_int_equal(MOONHERD_DONE, moonherd_run(l.m));
  assert_string_equal("interrupted", l.reason);
  assert_non_null(strstr(l.out, "\"state\":\"running\""));
  moonherd_close(l.m);
}

static void a_dump_tells_where_it_runs(void **state) {
  (void)state;
  static const char code[] =
      "coroutine.wrap(function ()\n"
      "  io.stderr:write 'x'\n"
      "  for i = 1, 100 do end\n"
      "end)()";
  looper l = {0};
  l.m = moonherd_new(&(moonherd_config){.size = sizeof(moonherd_config),
                                        .user = &l,
                                        .on_output = on_output_dump,
                                        .on_log = on_log},
                     NULL);
  assert_non_null(l.m);
  assert_int_equal(0, moonherd_load(l.m, "=script", code, strlen(code)));
  assert_int_equal(0, moonherd_start(l.m, 0, NULL));
  moonherd_dump_running(l.m);  // nothing runs: nothing happens
  assert_int_equal(MOONHERD_DONE, moonherd_run(l.m));
  assert_int_equal(0, moonherd_exit_code(l.m));
  assert_non_null(strstr(l.out, "\"at\":\"script:3\""));
  moonherd_close(l.m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_loop_without_waits_ends),
      cmocka_unit_test(so_does_one_in_a_coroutine),
      cmocka_unit_test(it_is_raised_once_and_can_be_caught),
      cmocka_unit_test(a_dump_tells_where_it_runs),
      cmocka_unit_test(neither_request_takes_the_place_of_the_other),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
