/* Closing a handle whose 500 tasks upload and will not end: it returns behind its grace, and leaves no
 * descriptor. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "moonherd.h"
#include "tests/c/script_host.h"

static script_host host;

static int open_descriptors(void) {
  int n = 0;
  DIR *dir = opendir("/proc/self/fd");
  assert_non_null(dir);
  while (readdir(dir) != NULL) n++;
  closedir(dir);
  return n;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* 500 tasks that upload until they are stopped; what `cleanup` is runs in each. */
static void start_uploads(const char *cleanup) {
  char code[1024];
  snprintf(code, sizeof code,
           "local m = require 'moonherd'\n"
           "local ns = m.connect():ensure_namespace 'production'\n"
           "for i = 1, 500 do m.spawn(function ()\n"
           "  local script = ns:script('worker-' .. i)\n"
           "  local _ <close> = setmetatable({}, { __close = function () %s end })\n"
           "  while true do\n"
           "    script:upload {\n"
           "      script = 'addEventListener(\"fetch\", () => {})',\n"
           "      compatibility_date = '2026-10-01',\n"
           "    }\n"
           "    m.emit('uploaded', i)\n"
           "  end\n"
           "end) end",
           cleanup);
  script_host_start(&host, code);
  while (host.events[0] == '\0') moonherd_step(host.m, 0.01);
}

/* The first handle of a process opens what libuv keeps for all loops. */
static void open_what_stays(void) {
  script_host_open(&host, NULL);
  moonherd_close(host.m);
}

static void closes_within(double grace, const char *cleanup) {
  char dir[] = "/tmp/moonherd-close-XXXXXX", options[128], command[128];
  open_what_stays();
  int before = open_descriptors();
  assert_non_null(mkdtemp(dir));
  snprintf(options, sizeof options, "{\"target\":\"local\",\"state\":\"%s\"}", dir);
  script_host_open(&host, &(moonherd_config){.options = options, .budget = 0.002, .grace = grace});
  start_uploads(cleanup);
  double start = now();
  moonherd_close(host.m);
  // Behind its grace it only frees; the rest is for machines that have other things to do, too.
  assert_true(now() - start < grace + 5);
  assert_int_equal(before, open_descriptors());
  snprintf(command, sizeof command, "rm -rf '%s'", dir);
  assert_int_equal(0, system(command));
}

static void tasks_that_will_not_end_are_closed_by_force(void **state) {
  (void)state;
  closes_within(0.2, "while true do pcall(m.sleep, '1h') end");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tasks_that_will_not_end_are_closed_by_force),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
