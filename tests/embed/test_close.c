/* A handle is closed while 500 requests are in flight: it returns within its grace and leaves nothing
 * behind, no descriptor, thread, socket or, under AddressSanitizer, memory. */
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

enum { REQUESTS = 500, GRACE = 5 };

/* A server that never answers: the requests stay in flight however long the test takes. */
static const char SERVER[] =
    "local moonherd = require 'moonherd'\n"
    "local count = 0\n"
    "local server <close> = require 'moonherd.serve'.listen { port = 0 }\n"
    "moonherd.spawn(function ()\n"
    "  for request in function () return server:accept() end do\n"
    "    moonherd.spawn(function () local _ <close> = request moonherd.sleep '1h' end)\n"
    "  end\n"
    "end)\n"
    "local url = ('http://127.0.0.1:%d/'):format(server.port)\n"
    "for i = 1, 500 do\n"
    "  moonherd.spawn(function ()\n"
    "    io.write '.'\n"
    "    moonherd.http.request { method = 'POST', url = url, body = ('x'):rep(2048) }\n"
    "  end)\n"
    "end\n"
    "moonherd.sleep '1h'\n";

/* Uploads to the embedded platform. */
static const char UPLOADS[] =
    "local moonherd = require 'moonherd'\n"
    "local ns = moonherd.connect { target = 'local', state = arg[1] }:ensure_namespace 'n'\n"
    "for i = 1, 500 do\n"
    "  moonherd.spawn(function ()\n"
    "    io.write '.'\n"
    "    ns:script('w' .. i):upload { script = '//' .. ('x'):rep(2048),\n"
    "      compatibility_date = '2026-10-01' }\n"
    "  end)\n"
    "end\n"
    "moonherd.sleep '1h'\n";

typedef struct host {
  size_t begun; /* requests */
  int errors;
} host;

static void on_output(void *user, int stream, const char *bytes, size_t n) {
  host *h = user;
  (void)stream, (void)bytes;
  h->begun += n;
}

static void on_error(void *user, const moonherd_error *error) {
  host *h = user;
  fprintf(stderr, "%s\n", moonherd_error_message(error));
  h->errors++;
}

static int entries_of(const char *path) {
  DIR *dir = opendir(path);
  int n = 0;
  while (readdir(dir) != NULL) n++;
  closedir(dir);
  return n;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Runs a script until all its requests have begun, and some steps more; then closes the handle. */
static void close_in_flight(const char *code, const char *state_dir) {
  host h = {0};
  moonherd_config config = {
      .size = sizeof config, .user = &h, .grace = GRACE, .max_transfers = 600};
  config.on_output = on_output;
  config.on_error = on_error;
  config.options = "{\"log\": \"error\"}";
  const char *const argv[] = {"test", state_dir};
  moonherd *m = moonherd_new(&config, NULL);
  assert_non_null(m);
  assert_int_equal(0, moonherd_load(m, "=test", code, strlen(code)));
  assert_int_equal(0, moonherd_start(m, 2, argv));
  while (h.begun < REQUESTS) assert_true(moonherd_step(m, 0.1) > 0);
  for (int i = 0; i < 3; i++) moonherd_step(m, 0);
  double start = seconds();
  moonherd_close(m);
  assert_true(seconds() - start < GRACE + 2);
  assert_int_equal(0, h.errors);
}

static void closing_with_requests_in_flight_leaves_nothing(void **state) {
  (void)state;
  char dir[] = "/tmp/moonherd-close-XXXXXX", remove[64];
  assert_non_null(mkdtemp(dir));
  close_in_flight("for i = 1, 500 do io.write '.' end require 'moonherd'.sleep(99)", dir);
  // By now the process has what all handles share: libuv's threads, libcurl's set-up.
  close_in_flight(SERVER, dir);
  int descriptors = entries_of("/proc/self/fd"), threads = entries_of("/proc/self/task");
  close_in_flight(SERVER, dir);
  close_in_flight(UPLOADS, dir);
  close_in_flight(UPLOADS, dir);
  assert_int_equal(descriptors, entries_of("/proc/self/fd"));
  assert_in_range(entries_of("/proc/self/task"), 1, threads + 4);  // libuv's four, once
  snprintf(remove, sizeof remove, "rm -rf %s", dir);
  assert_int_equal(0, system(remove));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(closing_with_requests_in_flight_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
