/* script:wait_live, whose pauses nobody wants to sit through: the clock is virtual. The API is stood
 * in for by a server in the same script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/c/script_host.h"

/* `answers` are given one after the other, the last one again and again; `script` is asked for. */
static const char PRELUDE[] =
    "local moonherd = require 'moonherd'\n"
    "local now = moonherd.time.now\n"
    "local requests = 0\n"
    "local server <close> = require 'moonherd.serve'.listen {}\n"
    "local function serve(answers)\n"
    "  moonherd.spawn(function ()\n"
    "    for request in server.accept, server do\n"
    "      requests = requests + 1\n"
    "      local answer = answers[math.min(requests, #answers)]\n"
    "      request:respond(answer[1], { ['content-type'] = 'application/json' }, answer[2])\n"
    "    end\n"
    "  end)\n"
    "end\n"
    "local script = moonherd.connect {\n"
    "  base_url = 'http://127.0.0.1:' .. server.port, account_id = 'a', api_token = 't', retry = "
    "false,\n"
    "}:namespace 'prod':script 'shop-7'\n"
    "local GONE = { 404, '{\"success\":false,\"errors\":[{\"code\":10092}]}' }\n"
    "local BUSY = { 503, '' }\n"
    "local FORBIDDEN = { 403, '{\"success\":false,\"errors\":[{\"code\":10000}]}' }\n"
    "local function live(etag)\n"
    "  return { 200, '{\"success\":true,\"result\":{\"script\":{\"etag\":\"' .. etag .. '\"}}}' }\n"
    "end\n";

/* Runs a script that asserts for itself. */
static void passes(const char *code) {
  script_host h;
  script_host_open(&h, &(moonherd_config){.options = VIRTUAL_CLOCK});
  char text[8192];
  assert_true(strlen(PRELUDE) + strlen(code) < sizeof text);
  strcpy(text, PRELUDE);
  strcat(text, code);
  script_host_run(&h, text);
  if (h.errors > 0) fail_msg("%s\n%s", h.message, h.trace);
  moonherd_close(h.m);
}

static void it_takes_what_is_there(void **state) {
  (void)state;
  passes(
      "serve { live 'new' }\n"
      "assert(script:wait_live().script.etag == 'new' and requests == 1 and now() < 0.1)\n"
      "assert(script:wait_live { etag = 'new' }.script.etag == 'new' and requests == 2)\n"
      "server:close()\n");
}

static void it_asks_again_until_the_script_is_there(void **state) {
  (void)state;
  passes(
      "serve { GONE, BUSY, GONE, live 'x' }\n"
      "assert(script:wait_live().script.etag == 'x' and requests == 4)\n"
      "assert(now() >= 0.25 + 0.5 + 1 and now() < 2)\n"
      "server:close()\n");
}

static void it_asks_again_until_the_etag_is_the_right_one(void **state) {
  (void)state;
  passes(
      "serve { live 'old', live 'old', live 'new' }\n"
      "assert(script:wait_live { etag = 'new' }.script.etag == 'new' and requests == 3)\n"
      "server:close()\n");
}

static void it_gives_up_when_the_time_is_over(void **state) {
  (void)state;
  passes(
      "serve { GONE, live 'old' }\n"
      "local ok, err = pcall(script.wait_live, script, { etag = 'new', timeout = '1h' })\n"
      "assert(not ok and err.kind == 'timeout' and err.reason == 'timeout_live')\n"
      "assert(err.message == \"script:wait_live: script prod/shop-7 with etag 'new' was not live "
      "\"\n"
      "  .. \"after 3600 s: etag 'old' was\", err.message)\n"
      "assert(now() >= 3600 and now() < 3601)\n"
      "assert(requests > 900 and requests < 910)\n"
      "server:close()\n");
}

static void it_waits_a_minute_unless_told_otherwise(void **state) {
  (void)state;
  passes(
      "serve { GONE }\n"
      "local ok, err = pcall(script.wait_live, script)\n"
      "assert(not ok and err.message:find 'prod/shop%-7 was not live after 60 s: it was not "
      "there')\n"
      "assert(now() >= 60 and now() < 61)\n"
      "server:close()\n");
}

static void it_raises_what_waiting_does_not_heal(void **state) {
  (void)state;
  passes(
      "serve { GONE, FORBIDDEN }\n"
      "local ok, err = pcall(script.wait_live, script)\n"
      "assert(not ok and err.reason == 'auth' and requests == 2)\n"
      "server:close()\n");
}

static void a_time_limit_around_it_is_told_as_such(void **state) {
  (void)state;
  passes(
      "serve { GONE }\n"
      "local ok, err = pcall(moonherd.timeout, 5, script.wait_live, script)\n"
      "assert(not ok and err.reason == 'timeout' and now() < 6)\n"
      "server:close()\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_takes_what_is_there),
      cmocka_unit_test(it_asks_again_until_the_script_is_there),
      cmocka_unit_test(it_asks_again_until_the_etag_is_the_right_one),
      cmocka_unit_test(it_gives_up_when_the_time_is_over),
      cmocka_unit_test(it_waits_a_minute_unless_told_otherwise),
      cmocka_unit_test(it_raises_what_waiting_does_not_heal),
      cmocka_unit_test(a_time_limit_around_it_is_told_as_such),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
