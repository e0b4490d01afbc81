/* The request budget over the hours that it paces: the clock is virtual. What is run stands in
 * budget.lua, under the names of the tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/c/script_host.h"

static const char OPTIONS[] = "{\"clock\":{\"virtual\":true,\"start\":1800000000}}";

static script_host host;
static char folder[64];

/* Each test has a file of its own to keep the budget in, and a state directory. */
static int set_up(void **state) {
  (void)state;
  strcpy(folder, "/tmp/moonherd-budget-XXXXXX");
  return mkdtemp(folder) != NULL ? setenv("XDG_STATE_HOME", folder, 1) : -1;
}

static int tear_down(void **state) {
  char command[128];
  (void)state;
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static void run(void **state) {
  char code[256];
  snprintf(code, sizeof code, "require 'tests.c.budget' ('%s', '%s')", (const char *)*state,
           folder);
  script_host_open(&host, &(moonherd_config){.options = OPTIONS});
  script_host_run(&host, code);
  if (host.errors > 0) fail_msg("%s\n%s\n%s", host.message, host.trace, host.log);
  moonherd_close(host.m);
}

#define CASE(name) \
  { #name, run, set_up, tear_down, (void *)#name }

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(it_takes_as_long_as_the_allowance_and_meets_no_429),
      CASE(it_does_so_with_the_numbers_of_the_service),
      CASE(it_does_so_whatever_the_concurrency),
      CASE(clients_of_one_credential_share_it),
      CASE(it_leaves_the_reserve_to_others),
      CASE(it_makes_room_for_others_who_take_more),
      CASE(a_run_that_begins_when_nothing_is_left_waits),
      CASE(a_block_is_waited_out_and_counted_down),
      CASE(who_is_cancelled_while_it_waits_takes_nothing_along),
      CASE(a_limit_around_a_call_ends_its_wait),
      CASE(a_first_request_that_takes_long_does_not_hold_the_others),
      CASE(what_is_left_by_others_is_found_out_before_more_is_asked_for),
      CASE(processes_share_the_file),
      CASE(a_block_that_one_process_meets_stops_the_others),
      CASE(who_dies_takes_only_its_lease_along),
      CASE(accounts_do_not_wait_for_each_other),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
