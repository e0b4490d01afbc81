/* Four handles on four threads, each deploying to a platform of its own, while a fifth thread wakes
 * them all the time. `make tsan` runs it under ThreadSanitizer. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "moonherd.h"

enum { HANDLES = 4 };

static const char SCRIPT[] =
    "local moonherd = require 'moonherd'\n"
    "local ns = moonherd.connect { target = 'local', state = arg[1] }:ensure_namespace 'n'\n"
    "local names = {}\n"
    "for i = 1, 12 do names[i] = 'w' .. i end\n"
    "moonherd.map(names, function (name)\n"
    "  ns:script(name):upload { script = \"addEventListener('fetch', () => {})\",\n"
    "    compatibility_date = '2026-10-01' }\n"
    "end)\n"
    "local n = 0\n"
    "for _ in ns:scripts {} do n = n + 1 end\n"
    "return n\n";

typedef struct worker {
  moonherd *m;
  char state[64];
  int code;
  char error[512];
} worker;

static void on_error(void *user, const moonherd_error *error) {
  worker *w = user;
  snprintf(w->error, sizeof w->error, "%s", moonherd_error_message(error));
}

static void *work(void *user) {
  worker *w = user;
  const char *const argv[] = {"test", w->state};
  moonherd_load(w->m, "=test", SCRIPT, strlen(SCRIPT));
  moonherd_start(w->m, 2, argv);
  while (moonherd_step(w->m, 1) > 0) {
  }
  w->code = moonherd_exit_code(w->m);
  return NULL;
}

typedef struct waker {
  worker *workers;
  atomic_bool is_over;
} waker;

static void *wake_all(void *user) {
  waker *w = user;
  while (!atomic_load(&w->is_over)) {
    for (int i = 0; i < HANDLES; i++) moonherd_wake(w->workers[i].m);
    usleep(100);  // or nothing else would run on a small machine
  }
  return NULL;
}

/* Made here and run on a thread: a handle belongs to the thread that makes the calls. */
static void open_worker(worker *w, const char *root, int number) {
  snprintf(w->state, sizeof w->state, "%s/%d", root, number);
  moonherd_config config = {.size = sizeof config, .user = w, .on_error = on_error};
  w->m = moonherd_new(&config, NULL);
  assert_non_null(w->m);
}

static void handles_on_threads_of_their_own_deploy_beside_each_other(void **state) {
  (void)state;
  char root[] = "/tmp/moonherd-threads-XXXXXX", remove[64];
  assert_non_null(mkdtemp(root));
  worker workers[HANDLES] = {0};
  waker waking = {.workers = workers};
  pthread_t threads[HANDLES], fifth;
  for (int i = 0; i < HANDLES; i++) open_worker(&workers[i], root, i);
  pthread_create(&fifth, NULL, wake_all, &waking);
  for (int i = 0; i < HANDLES; i++) pthread_create(&threads[i], NULL, work, &workers[i]);
  for (int i = 0; i < HANDLES; i++) pthread_join(threads[i], NULL);
  atomic_store(&waking.is_over, true);
  pthread_join(fifth, NULL);
  for (int i = 0; i < HANDLES; i++) moonherd_close(workers[i].m);
  snprintf(remove, sizeof remove, "rm -rf %s", root);
  assert_int_equal(0, system(remove));
  for (int i = 0; i < HANDLES; i++) {
    assert_string_equal("", workers[i].error);
    assert_int_equal(12, workers[i].code);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(handles_on_threads_of_their_own_deploy_beside_each_other),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
