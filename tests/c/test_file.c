/* Files off the loop thread: results, reasons, cancelling at any moment, full disks. After each test
 * no job is open, no descriptor more than before, and no temporary file is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "io/file.h"
#include "moonherd.h"

typedef struct fixture {
  mh_loop loop;
  mh_file file;
  char folder[32];
  char path[3][64];
  int next_path;
  int descriptors;
} fixture;

static int count_names(const char *folder, const char *part) {
  DIR *dir = opendir(folder);
  int n = 0;
  for (struct dirent *e; (e = readdir(dir)) != NULL;) n += strstr(e->d_name, part) != NULL;
  closedir(dir);
  return n;
}

/* A path below the test's folder; up to three are valid at once. */
static const char *in(fixture *f, const char *name) {
  char *path = f->path[f->next_path++ % 3];
  snprintf(path, sizeof f->path[0], "%s/%s", f->folder, name);
  return path;
}

static int finish(fixture *f) {
  while (f->file.op.is_open) mh_loop_step(&f->loop, 0, -1);
  assert_true(f->file.op.is_done);
  int e = mh_file_error(&f->file);
  assert_int_equal(f->file.op.status, e == 0 ? 0 : MOONHERD_EIO);
  return e;
}

static void drain(fixture *f) {
  while (f->loop.open_jobs > 0) mh_loop_step(&f->loop, 0, 0.05);
}

static int read_file(fixture *f, const char *path) {
  assert_int_equal(mh_file_read(&f->file, path, SIZE_MAX), 0);
  return finish(f);
}

static int write_text(fixture *f, const char *path, const char *text) {
  assert_int_equal(mh_file_write(&f->file, path, text, strlen(text), -1, false), 0);
  return finish(f);
}

static void expect_content(fixture *f, const char *path, const char *expected) {
  size_t n;
  assert_int_equal(read_file(f, path), 0);
  const char *bytes = mh_file_bytes(&f->file, &n);
  assert_int_equal(n, strlen(expected));
  assert_memory_equal(bytes, expected, n);
}

static void expect_reason(int error, const char *reason) {
  assert_true(error < 0);
  assert_string_equal(mh_file_reason(error), reason);
}

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  mh_clock clock;
  mh_clock_init_real(&clock);
  if (f == NULL || mh_loop_init(&f->loop, &clock) != 0) return -1;
  mh_file_init(&f->file, &f->loop);
  snprintf(f->folder, sizeof f->folder, "/tmp/mh_file_XXXXXX");
  if (mkdtemp(f->folder) == NULL) return -1;
  // The pool's threads and what they open for themselves come with the first job.
  if (mh_file_stat(&f->file, f->folder, true) != 0 || finish(f) != 0) return -1;
  f->descriptors = count_names("/proc/self/fd", "");
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  mh_file_fini(&f->file);
  drain(f);
  assert_null(f->loop.ops);
  assert_int_equal(count_names("/proc/self/fd", ""), f->descriptors);
  assert_int_equal(count_names(f->folder, ".tmp"), 0);
  mh_loop_fini(&f->loop);
  char command[64];
  snprintf(command, sizeof command, "rm -rf %s", f->folder);
  int e = system(command);
  free(f);
  return e;
}

/* ---- files -------------------------------------------------------------------------------- */

static void test_round_trip(void **state) {
  fixture *f = *state;
  assert_int_equal(write_text(f, in(f, "a"), "hello"), 0);
  expect_content(f, in(f, "a"), "hello");
  assert_int_equal(write_text(f, in(f, "a"), ""), 0);
  expect_content(f, in(f, "a"), "");
  assert_int_equal(count_names(f->folder, "a"), 1);
}

static void test_large(void **state) {
  fixture *f = *state;
  size_t n = (3u << 20) + 17, found;
  char *bytes = malloc(n);
  for (size_t i = 0; i < n; i++) bytes[i] = (char)(i * 31 / 7);
  assert_int_equal(mh_file_write(&f->file, in(f, "a"), bytes, n, -1, false), 0);
  assert_int_equal(finish(f), 0);
  assert_int_equal(read_file(f, in(f, "a")), 0);
  assert_memory_equal(mh_file_bytes(&f->file, &found), bytes, n);
  assert_int_equal(found, n);
  assert_int_equal(mh_file_read(&f->file, in(f, "a"), n - 1), 0);
  expect_reason(finish(f), "too_large");
  free(bytes);
}

static void test_size_unknown(void **state) {
  fixture *f = *state;
  size_t n;
  assert_int_equal(read_file(f, "/proc/self/status"), 0);
  assert_true(mh_file_bytes(&f->file, &n) != NULL && n > 100);
  assert_int_equal(mh_file_read(&f->file, "/dev/zero", 1000), 0);
  expect_reason(finish(f), "too_large");
}

static void test_mode(void **state) {
  fixture *f = *state;
  struct stat st;
  mode_t mask = umask(022);
  const char *path = in(f, "a");
  assert_int_equal(write_text(f, path, "1"), 0);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0644);
  assert_int_equal(mh_file_write(&f->file, path, "2", 1, 0600, false), 0);
  assert_int_equal(finish(f), 0);
  assert_int_equal(write_text(f, path, "3"), 0);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
  umask(mask);
}

static int write_exclusively(fixture *f, const char *name) {
  assert_int_equal(mh_file_write(&f->file, in(f, name), name, strlen(name), -1, true), 0);
  return finish(f);
}

static void test_exclusive(void **state) {
  fixture *f = *state;
  assert_int_equal(write_exclusively(f, "a"), 0);
  expect_content(f, in(f, "a"), "a");
  expect_reason(write_exclusively(f, "a"), "exists");
  assert_int_equal(symlink("nowhere", in(f, "link")), 0);
  expect_reason(write_exclusively(f, "link"), "exists");
  expect_reason(write_exclusively(f, "."), "exists");
  expect_content(f, in(f, "a"), "a");
}

static void test_links(void **state) {
  fixture *f = *state;
  assert_int_equal(write_text(f, in(f, "a"), "old"), 0);
  assert_int_equal(symlink("a", in(f, "link")), 0);
  assert_int_equal(write_text(f, in(f, "link"), "new"), 0);
  expect_content(f, in(f, "a"), "new");
  assert_int_equal(mh_file_stat(&f->file, in(f, "link"), false), 0);
  assert_int_equal(finish(f), 0);
  assert_string_equal(mh_file_get_info(&f->file)->type, "link");
}

static void test_reasons(void **state) {
  fixture *f = *state;
  assert_int_equal(write_text(f, in(f, "a"), ""), 0);
  expect_reason(read_file(f, in(f, "b")), "not_found");
  expect_reason(read_file(f, f->folder), "is_directory");
  expect_reason(read_file(f, in(f, "a/b")), "not_directory");
  expect_reason(write_text(f, f->folder, ""), "is_directory");
  expect_reason(write_text(f, in(f, "no/such"), ""), "not_found");
  expect_reason(write_text(f, in(f, "a/b"), ""), "not_directory");
  expect_reason(write_text(f, "", ""), "not_found");
  assert_string_equal(mh_file_reason(-EACCES), "permission");
  assert_string_equal(mh_file_reason(-EROFS), "permission");
  assert_string_equal(mh_file_reason(-EDQUOT), "disk_full");
  assert_string_equal(mh_file_reason(-EIO), "io");
}

static void test_permission(void **state) {
  fixture *f = *state;
  uid_t user = geteuid();
  if (user == 0) {  // who may write everywhere
    assert_int_equal(chown(f->folder, 65534, 65534), 0);
    assert_int_equal(seteuid(65534), 0);
  }
  int made = write_text(f, in(f, "a"), "kept");
  int changed = chmod(in(f, "a"), 0444);
  int file = write_text(f, in(f, "a"), "lost");
  int folder = write_text(f, "/usr/a", "");
  if (user == 0) assert_int_equal(seteuid(0), 0);
  assert_int_equal(made, 0);
  assert_int_equal(changed, 0);
  expect_reason(file, "permission");
  expect_reason(folder, "permission");
  expect_content(f, in(f, "a"), "kept");
}

/* ---- full disks --------------------------------------------------------------------------- */

static void test_dev_full(void **state) {
  fixture *f = *state;
  expect_reason(write_text(f, "/dev/full", "text"), "disk_full");
  assert_int_equal(write_text(f, "/dev/null", "text"), 0);
}

static void test_full_disk(void **state) {
  fixture *f = *state;
  if (mount("none", f->folder, "tmpfs", 0, "size=64k") != 0) {
    print_message("skipped: cannot mount a small disk here (%s)\n", strerror(errno));
    skip();
  }
  char *bytes = calloc(1, 100000);
  int first = write_text(f, in(f, "a"), "kept");
  int started = mh_file_write(&f->file, in(f, "a"), bytes, 100000, -1, false);
  int e = finish(f);
  int left = count_names(f->folder, ".tmp");
  char kept[8] = "";
  FILE *file = fopen(in(f, "a"), "r");
  if (file != NULL) {
    size_t n = fread(kept, 1, sizeof kept - 1, file);
    kept[n] = '\0';
    fclose(file);
  }
  free(bytes);
  umount(f->folder);
  assert_int_equal(first, 0);
  assert_int_equal(started, 0);
  expect_reason(e, "disk_full");
  assert_int_equal(left, 0);
  assert_string_equal(kept, "kept");
}

/* The same failure in mid-write where nothing can be mounted. */
static void test_size_limit(void **state) {
  fixture *f = *state;
  struct rlimit old, small = {4096, 4096};
  char *bytes = calloc(1, 100000);
  assert_int_equal(write_text(f, in(f, "a"), "kept"), 0);
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &old);
  small.rlim_max = old.rlim_max;
  setrlimit(RLIMIT_FSIZE, &small);
  int started = mh_file_write(&f->file, in(f, "a"), bytes, 100000, -1, false);
  int e = finish(f);
  setrlimit(RLIMIT_FSIZE, &old);
  free(bytes);
  assert_int_equal(started, 0);
  expect_reason(e, "too_large");
  expect_content(f, in(f, "a"), "kept");
}

/* ---- names and directories ------------------------------------------------------------------ */

static int make(fixture *f, const char *name, bool recursive) {
  assert_int_equal(mh_file_mkdir(&f->file, in(f, name), 0755, recursive), 0);
  return finish(f);
}

static int remove_name(fixture *f, const char *name) {
  assert_int_equal(mh_file_remove(&f->file, in(f, name)), 0);
  return finish(f);
}

static void test_directories(void **state) {
  fixture *f = *state;
  assert_int_equal(make(f, "d", false), 0);
  expect_reason(make(f, "d", false), "exists");
  assert_int_equal(make(f, "d", true), 0);
  expect_reason(make(f, "x/y/z", false), "not_found");
  assert_int_equal(make(f, "x//y/z/", true), 0);
  assert_int_equal(write_text(f, in(f, "d/file"), ""), 0);
  expect_reason(make(f, "d/file", true), "exists");
  expect_reason(make(f, "d/file/below", true), "not_directory");
  expect_reason(remove_name(f, "d"), "not_empty");
  assert_int_equal(remove_name(f, "d/file"), 0);
  assert_int_equal(remove_name(f, "d"), 0);
  expect_reason(remove_name(f, "d"), "not_found");
  assert_int_equal(mh_file_mkdir(&f->file, "/", 0755, true), 0);
  assert_int_equal(finish(f), 0);
}

static void test_list(void **state) {
  fixture *f = *state;
  static const char *const names[] = {"B", "a", "a-x", "b", "d", "gone", "link"};
  assert_int_equal(make(f, "d", false), 0);
  const char *files[] = {"b", "a-x", "B", "a"};
  for (size_t i = 0; i < 4; i++) assert_int_equal(write_text(f, in(f, files[i]), "12"), 0);
  assert_int_equal(symlink("d", in(f, "link")), 0);
  assert_int_equal(symlink("nowhere", in(f, "gone")), 0);
  assert_int_equal(mh_file_list(&f->file, f->folder, true), 0);
  assert_int_equal(finish(f), 0);
  assert_int_equal(mh_file_count(&f->file), 7);
  for (size_t i = 0; i < 7; i++) assert_string_equal(mh_file_name(&f->file, i), names[i]);
  assert_int_equal(mh_file_name_info(&f->file, 0)->size, 2);
  assert_string_equal(mh_file_name_info(&f->file, 0)->type, "file");
  assert_string_equal(mh_file_name_info(&f->file, 5)->type, "link");
  const mh_file_info *d = mh_file_name_info(&f->file, 4), *link = mh_file_name_info(&f->file, 6);
  assert_string_equal(link->type, "directory");
  assert_true(d->node == link->node && d->device == link->device);
  assert_int_equal(mh_file_list(&f->file, in(f, "a"), false), 0);
  expect_reason(finish(f), "not_directory");
}

/* ---- cancelling --------------------------------------------------------------------------- */

static void test_cancel_pipe(void **state) {
  fixture *f = *state;
  assert_int_equal(mkfifo(in(f, "pipe"), 0600), 0);
  for (int i = 0; i < 2; i++) {
    if (i == 0) assert_int_equal(mh_file_read(&f->file, in(f, "pipe"), 100), 0);
    else assert_int_equal(mh_file_write(&f->file, in(f, "pipe"), "x", 1, -1, false), 0);
    for (int step = 0; step < 3; step++) mh_loop_step(&f->loop, 0, 0.005);
    assert_true(f->file.op.is_open);
    mh_op_cancel(&f->file.op);
    assert_null(f->loop.ops);
    assert_int_equal(f->loop.open_jobs, 1);
    drain(f);
  }
}

/* Cancels writes after a delay that grows: before they begin, in the middle, at their end. */
static void test_cancel_write(void **state) {
  fixture *f = *state;
  size_t n = 4u << 20;
  char *bytes = malloc(n);
  struct stat st;
  assert_int_equal(write_text(f, in(f, "a"), "old"), 0);
  for (int i = 0; i < 24; i++) {
    memset(bytes, 'a' + i, n);
    assert_int_equal(mh_file_write(&f->file, in(f, "a"), bytes, n, -1, false), 0);
    memset(bytes, '?', n);  // it has its own copy
    struct timespec delay = {0, i * 200000};
    nanosleep(&delay, NULL);
    mh_op_cancel(&f->file.op);
    drain(f);
    assert_int_equal(stat(in(f, "a"), &st), 0);
    assert_true(st.st_size == 3 || st.st_size == (off_t)n);
    assert_int_equal(count_names(f->folder, ".tmp"), 0);
  }
  free(bytes);
}

static void test_call_again(void **state) {
  fixture *f = *state;
  assert_int_equal(write_text(f, in(f, "a"), "one"), 0);
  assert_int_equal(mkfifo(in(f, "pipe"), 0600), 0);
  assert_int_equal(mh_file_read(&f->file, in(f, "pipe"), 100), 0);
  expect_content(f, in(f, "a"), "one");  // the call before it is given up
}

/* More silent pipes than threads: files are read beside them. */
static void test_silent_pipes(void **state) {
  fixture *f = *state;
  enum { MANY = 12 };
  mh_file pipes[MANY];
  assert_int_equal(write_text(f, in(f, "a"), "one"), 0);
  assert_int_equal(mkfifo(in(f, "pipe"), 0600), 0);
  for (int i = 0; i < MANY; i++) {
    mh_file_init(&pipes[i], &f->loop);
    if (i % 2 == 0) assert_int_equal(mh_file_read(&pipes[i], in(f, "pipe"), 100), 0);
    else assert_int_equal(mh_file_write(&pipes[i], in(f, "nobody"), "x", 1, -1, false), 0);
    if (i == 0) assert_int_equal(mkfifo(in(f, "nobody"), 0600), 0);
  }
  expect_content(f, in(f, "a"), "one");
  for (int i = 0; i < MANY; i++) {
    assert_true(pipes[i].op.is_open);
    mh_file_fini(&pipes[i]);
  }
  drain(f);
}

/* More jobs than threads, all given up: those still in the queue never run. */
static void test_cancel_many(void **state) {
  fixture *f = *state;
  enum { MANY = 64 };
  mh_file *files = calloc(MANY, sizeof *files);
  assert_int_equal(mkfifo(in(f, "pipe"), 0600), 0);
  for (int i = 0; i < MANY; i++) {
    mh_file_init(&files[i], &f->loop);
    assert_int_equal(mh_file_read(&files[i], in(f, "pipe"), 100), 0);
  }
  assert_int_equal(f->loop.open_jobs, MANY);
  for (int i = 0; i < MANY; i++) mh_file_fini(&files[i]);
  free(files);
  drain(f);
}

/* The loop ends while a job that was given up is still under way. */
static void test_loop_ends(void **state) {
  fixture *f = *state;
  mh_loop loop;
  mh_clock clock;
  mh_file file;
  mh_clock_init_real(&clock);
  assert_int_equal(mh_loop_init(&loop, &clock), 0);
  mh_file_init(&file, &loop);
  assert_int_equal(mkfifo(in(f, "pipe"), 0600), 0);
  assert_int_equal(mh_file_read(&file, in(f, "pipe"), 100), 0);
  struct timespec delay = {0, 5000000};
  nanosleep(&delay, NULL);
  mh_file_fini(&file);
  mh_loop_fini(&loop);
  assert_int_equal(loop.open_jobs, 0);
}

/* A virtual clock stands still while a job is under way. */
static void test_virtual_clock(void **state) {
  fixture *f = *state;
  mh_loop loop;
  mh_clock clock;
  mh_file file;
  mh_clock_init_virtual(&clock, 0);
  assert_int_equal(mh_loop_init(&loop, &clock), 0);
  mh_file_init(&file, &loop);
  uint64_t start = mh_loop_now(&loop);
  assert_int_equal(mh_file_stat(&file, f->folder, true), 0);
  while (file.op.is_open) mh_loop_step(&loop, 0, -1);
  assert_int_equal(mh_loop_now(&loop), start);
  mh_file_fini(&file);
  mh_loop_fini(&loop);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_round_trip), TEST(test_large),         TEST(test_size_unknown),
      TEST(test_mode),       TEST(test_links),         TEST(test_exclusive),
      TEST(test_reasons),    TEST(test_permission),    TEST(test_dev_full),
      TEST(test_full_disk),  TEST(test_size_limit),    TEST(test_directories),
      TEST(test_list),       TEST(test_cancel_pipe),   TEST(test_cancel_write),
      TEST(test_call_again), TEST(test_silent_pipes),  TEST(test_cancel_many),
      TEST(test_loop_ends),  TEST(test_virtual_clock),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
