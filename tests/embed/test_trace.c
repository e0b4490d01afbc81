/* The timeline of a handle: moonherd_config.on_trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "moonherd.h"

typedef struct timeline {
  moonherd *m;
  int events, busy;
  char last[1024], all[16384];
} timeline;

static void on_trace(void *user, const char *json, size_t n) {
  timeline *t = user;
  assert_int_equal(strlen(json), n);
  t->events++;
  snprintf(t->last, sizeof t->last, "%s", json);
  size_t used = strlen(t->all);
  snprintf(t->all + used, sizeof t->all - used, "%s\n", json);
  if (t->m != NULL && moonherd_step(t->m, 0) == MOONHERD_EBUSY) t->busy++;
}

static int run(timeline *t, const char *code, size_t size) {
  const moonherd_config config = {.size = size,
                                  .user = t,
                                  .options = "{\"clock\":{\"virtual\":true,\"start\":1000000}}",
                                  .on_trace = on_trace};
  memset(t, 0, sizeof *t);
  moonherd *m = t->m = moonherd_new(&config, NULL);
  assert_non_null(m);
  assert_int_equal(0, moonherd_load(m, "@script.lua", code, strlen(code)));
  assert_int_equal(0, moonherd_start(m, 0, NULL));
  assert_int_equal(MOONHERD_DONE, moonherd_run(m));
  int code_of_exit = moonherd_exit_code(m);
  t->m = NULL;
  moonherd_close(m);
  return code_of_exit;
}

static void a_task_and_its_wait_are_spans_on_the_clock_of_the_handle(void **state) {
  (void)state;
  timeline t;
  assert_int_equal(0, run(&t,
                          "local m = require 'moonherd'\n"
                          "m.sleep(1)\n"
                          "m.spawn(function () m.sleep(2.5) end):wait()",
                          sizeof(moonherd_config)));
  assert_non_null(strstr(t.all,
                         "{\"name\":\"sleep\",\"cat\":\"wait\",\"ph\":\"X\",\"ts\":1000000.000,"
                         "\"dur\":2500000.000,\"pid\":1,\"tid\":2}\n"));
  assert_non_null(strstr(t.all,
                         "{\"name\":\"task\",\"cat\":\"task\",\"ph\":\"X\",\"ts\":1000000.000,"
                         "\"dur\":2500000.000,\"pid\":1,\"tid\":2,\"args\":{\"spawned_at\":"
                         "\"script.lua:3\",\"outcome\":\"done\",\"parent\":1}}\n"));
  assert_string_equal(
      "{\"name\":\"task\",\"cat\":\"task\",\"ph\":\"X\",\"ts\":0.000,\"dur\":3500000.000,"
      "\"pid\":1,\"tid\":1,\"args\":{\"spawned_at\":\"the host\",\"outcome\":\"done\"}}",
      t.last);
  assert_int_equal(t.events, t.busy);
}

static void tasks_that_are_closed_end_in_it_too(void **state) {
  (void)state;
  timeline t;
  assert_int_equal(1, run(&t,
                          "local m = require 'moonherd'\n"
                          "m.spawn(function () m.sleep(60) end)\n"
                          "m.sleep(1) error 'no'",
                          sizeof(moonherd_config)));
  assert_non_null(strstr(t.all,
                         "\"dur\":1000000.000,\"pid\":1,\"tid\":2,\"args\":{\"spawned_at\":"
                         "\"script.lua:2\",\"outcome\":\"cancelled\""));
  assert_non_null(strstr(t.last, "\"outcome\":\"failed\""));
}

static void a_host_of_an_older_header_gets_none(void **state) {
  (void)state;
  timeline t;
  assert_int_equal(0, run(&t, "return 0", offsetof(moonherd_config, on_trace)));
  assert_int_equal(0, t.events);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_task_and_its_wait_are_spans_on_the_clock_of_the_handle),
      cmocka_unit_test(tasks_that_are_closed_end_in_it_too),
      cmocka_unit_test(a_host_of_an_older_header_gets_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
