/* A process that runs out of memory, at any moment: whichever request is refused, of ours, of Lua's or
 * of SQLite's, nothing crashes, leaks or hangs, and the handle can be used on.
 *
 * The linker hands malloc and its kin of what is linked in to this file (--wrap, in the Makefile).
 * `test_no_memory full` refuses every request; without arguments a sample of them.
 * `test_no_memory full PART` runs one part of the script, then ASKER, AT and 0 or 1 a single
 * run of it, as a failure names it. */
#include <dirent.h>
#include <dlfcn.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "moonherd.h"

static const char SCRIPT[] = "tests/embed/no_memory.lua";

enum {
  SAMPLES = 20,
  LONGEST_SLEEP = 10, /* seconds without anything happening: a hang */
};

static bool is_full, is_hanging;
static const char *part; /* of the script; NULL: all */

/* ---- refusing ----------------------------------------------------------------------------- */

/* Who asks. */
typedef enum asker { OURS, SQLITE, ASKERS } asker;

static asker refused;          /* whose requests are counted */
static atomic_long countdown;  /* the next request but so many is refused; below 0: it was */
static atomic_bool is_lasting; /* whether those behind it are refused too */

/* lua-cjson ends the process when it is refused memory: nobody can do anything about that here. */
static bool is_of_cjson(const void *caller) {
  Dl_info info;
  if (caller == NULL || dladdr(caller, &info) == 0 || info.dli_sname == NULL) return false;
  return strncmp(info.dli_sname, "strbuf_", 7) == 0;
}

static bool must_fail(asker from, const void *caller) {
  if (from != refused || atomic_load(&countdown) < 0) return false;
  if (atomic_fetch_sub(&countdown, 1) != 0) return false;
  bool is_spared = is_of_cjson(caller);
  if (is_spared || is_lasting) atomic_store(&countdown, 0);
  return !is_spared;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t n);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t n);
char *__wrap_strdup(const char *text);

/* What lua-cjson has taken is lost where its module cannot be opened. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:strbuf_new\n";
}

void *__wrap_malloc(size_t n) {
  return must_fail(OURS, __builtin_return_address(0)) ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t count, size_t size) {
  return must_fail(OURS, __builtin_return_address(0)) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t n) {
  return n > 0 && must_fail(OURS, __builtin_return_address(0)) ? NULL : __real_realloc(ptr, n);
}

char *__wrap_strdup(const char *text) {
  return must_fail(OURS, __builtin_return_address(0)) ? NULL : __real_strdup(text);
}

static sqlite3_mem_methods of_sqlite;

static void *sqlite_malloc(int n) {
  return must_fail(SQLITE, NULL) ? NULL : of_sqlite.xMalloc(n);
}

static void *sqlite_realloc(void *ptr, int n) {
  return must_fail(SQLITE, NULL) ? NULL : of_sqlite.xRealloc(ptr, n);
}

static void take_over(void) {
  assert_int_equal(SQLITE_OK, sqlite3_config(SQLITE_CONFIG_GETMALLOC, &of_sqlite));
  sqlite3_mem_methods ours = of_sqlite;
  ours.xMalloc = sqlite_malloc;
  ours.xRealloc = sqlite_realloc;
  assert_int_equal(SQLITE_OK, sqlite3_config(SQLITE_CONFIG_MALLOC, &ours));
}

/* ---- a run -------------------------------------------------------------------------------- */

typedef struct run {
  char dir[64];
  moonherd *m;
  long moment;
  int errors;
  char error[512];
} run;

static void on_error(void *user, const moonherd_error *error) {
  run *r = user;
  r->errors++;
  snprintf(r->error, sizeof r->error, "%s\n%s", moonherd_error_message(error),
           moonherd_error_trace(error));
}

static void on_log(void *user, int level, const char *json, size_t n) {
  (void)user, (void)level, (void)n;
  if (is_hanging) fprintf(stderr, "%s\n", json);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *place) {
  (void)st, (void)type, (void)place;
  return remove(path);
}

static int descriptors(void) {
  DIR *dir = opendir("/proc/self/fd");
  int n = 0;
  while (readdir(dir) != NULL) n++;
  closedir(dir);
  return n;
}

static void fail_hanging(run *r) {
  is_hanging = true;
  atomic_store(&countdown, -1);
  moonherd_dump(r->m);
  fail_msg("it hangs, refused %d at %ld", refused, r->moment);
}

static void finish(run *r) {
  int e;
  do {
    time_t start = time(NULL);
    e = moonherd_step(r->m, LONGEST_SLEEP);
    if (time(NULL) - start >= LONGEST_SLEEP) fail_hanging(r);
  } while (e > 0);
  assert_true(e == MOONHERD_DONE || e == MOONHERD_ENOMEM);
}

static moonherd *open_handle(run *r) {
  moonherd_config config = {.size = sizeof config,
                            .user = r,
                            .on_error = on_error,
                            .on_log = on_log,
                            .options = "{\"log\":\"debug\",\"target\":\"local\"}",
                            .guard =
                                "{\"network\":\"any\",\"processes\":true,"
                                "\"files\":{\"read\":[\"/\"],\"write\":[\"/\"]}}"};
  const char *why = NULL;
  moonherd *m = moonherd_new(&config, &why);
  assert_true(m != NULL || why != NULL);
  return m;
}

static void run_script(run *r) {
  const char *const argv[] = {SCRIPT, r->dir, part};
  int e = moonherd_load_file(r->m, SCRIPT);
  if (e == 0) e = moonherd_start(r->m, part != NULL ? 3 : 2, argv);
  if (e == 0) finish(r);
  else assert_true(e == MOONHERD_ENOMEM || e == MOONHERD_EIO);
}

/* With memory again, the handle runs the next script. */
static void run_again(run *r) {
  static const char again[] = "require 'moonherd'.sleep(0) return 7";
  assert_int_equal(0, moonherd_load(r->m, "=again", again, sizeof again - 1));
  assert_int_equal(0, moonherd_start(r->m, 0, NULL));
  finish(r);
  assert_int_equal(7, moonherd_exit_code(r->m));
}

/* Refuses the request `at` (from 0), and all behind it if it is lasting. Returns how many there were. */
static long run_refusing(asker from, long at, bool lasts) {
  run r = {.dir = "/tmp/moonherd-memory-XXXXXX", .moment = at};
  assert_non_null(mkdtemp(r.dir));
  alarm(6 * LONGEST_SLEEP);
  refused = from;
  atomic_store(&is_lasting, lasts);
  atomic_store(&countdown, at);
  r.m = open_handle(&r);
  if (r.m != NULL) run_script(&r);
  long left = atomic_exchange(&countdown, -1);
  if (at == LONG_MAX && r.errors > 0) fail_msg("%s", r.error);
  if (r.m != NULL) run_again(&r);
  moonherd_close(r.m);
  nftw(r.dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
  return at - left;
}

static void sweep(asker from, bool lasts) {
  run_refusing(from, LONG_MAX, false);  // what a process sets up once
  int before = descriptors();
  long count = run_refusing(from, LONG_MAX, false);
  assert_true(count > 0);
  long step = is_full || count < SAMPLES ? 1 : count / SAMPLES;
  for (long at = 0; at < count; at += step) {
    run_refusing(from, at, lasts);
    if (descriptors() != before) fail_msg("descriptors are left, refused %d at %ld", from, at);
  }
}

static void one_of_ours(void **state) {
  (void)state;
  sweep(OURS, false);
}

static void all_of_ours_from_one_on(void **state) {
  (void)state;
  sweep(OURS, true);
}

static void one_of_sqlite(void **state) {
  (void)state;
  sweep(SQLITE, false);
}

static void all_of_sqlite_from_one_on(void **state) {
  (void)state;
  sweep(SQLITE, true);
}

int main(int argc, char **argv) {
  is_full = argc > 1 && strcmp(argv[1], "full") == 0;
  part = argc > 2 ? argv[2] : NULL;
  signal(SIGPIPE, SIG_IGN);
  take_over();
  if (argc > 5) {
    run_refusing((asker)atoi(argv[3]), atol(argv[4]), atoi(argv[5]) != 0);
    return 0;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_of_ours),
      cmocka_unit_test(all_of_ours_from_one_on),
      cmocka_unit_test(one_of_sqlite),
      cmocka_unit_test(all_of_sqlite_from_one_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
