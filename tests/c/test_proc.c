/* Child processes when their host goes: nothing is left, neither a process nor a zombie; and under a
 * virtual clock, which stands still for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "moonherd.h"
#include "script_host.h"

static void expect_no_children(void) {
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
  assert_int_equal(errno, ECHILD);
}

/* Steps until the script has printed a line that is a number. */
static pid_t wait_for_pid(script_host *h) {
  for (int i = 0; strchr(h->out, '\n') == NULL; i++) {
    if (i == 1000) fail_msg("it prints nothing");
    moonherd_step(h->m, 0.05);
  }
  return (pid_t)strtol(h->out, NULL, 10);
}

static void expect_gone(pid_t pid) {
  assert_true(pid > 1);
  for (int i = 0; kill(pid, 0) == 0; i++) {
    if (i == 400) fail_msg("process %d lives", (int)pid);
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);  // init reaps it in its own time
  }
}

/* A child and a grandchild, whose number is shown, and both ignore TERM. */
static const char STUBBORN[] =
    "local moonherd = require 'moonherd'\n"
    "moonherd.sh({'sh', '-c', \"trap '' TERM; sleep 100 & echo $!; wait; sleep 100\"},"
    " {stream = true})";

static void closing_leaves_nothing(void **state) {
  (void)state;
  script_host h;
  script_host_open(&h, &(moonherd_config){.grace = 0.05});
  script_host_start(&h, STUBBORN);
  pid_t pid = wait_for_pid(&h);
  moonherd_close(h.m);
  expect_no_children();
  expect_gone(pid);
}

static void cancelling_and_closing_leave_nothing(void **state) {
  (void)state;
  script_host h;
  script_host_open(&h, &(moonherd_config){.grace = 0.05});
  script_host_start(&h, STUBBORN);
  pid_t pid = wait_for_pid(&h);
  moonherd_cancel(h.m, "the window was closed");
  moonherd_step(h.m, 0);
  moonherd_close(h.m);
  expect_no_children();
  expect_gone(pid);
}

static void a_virtual_clock_stands_still_for_a_child(void **state) {
  (void)state;
  script_host h;
  script_host_open(&h, &(moonherd_config){.options = VIRTUAL_CLOCK});
  int code = script_host_run(
      &h,
      "local moonherd = require 'moonherd'\n"
      "local result = moonherd.timeout('1s', moonherd.sh, {'sh', '-c', 'sleep 0.05; echo done'})\n"
      "io.write(result.stdout)\n"
      "local _, err = moonherd.try(moonherd.sh, {'sleep', '100'}, {timeout = '20ms'})\n"
      "print(err.reason)");
  assert_int_equal(code, 0);
  assert_string_equal(h.out, "done\ntimeout\n");
  moonherd_close(h.m);
  expect_no_children();
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(closing_leaves_nothing),
      cmocka_unit_test(cancelling_and_closing_leave_nothing),
      cmocka_unit_test(a_virtual_clock_stands_still_for_a_child),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
