/* Many files in one job: hashes, the text they are read as, files that change, cancelling. After each
 * test no job is open and no descriptor more than before. */
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
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "io/codec.h"
#include "io/hash.h"
#include "io/pack.h"
#include "moonherd.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static const char PREFIX[] = "salt"; /* its zero byte belongs to it */

typedef struct fixture {
  mh_loop loop;
  mh_pack pack;
  char folder[32], path[64];
  int descriptors;
} fixture;

static int count_descriptors(void) {
  DIR *dir = opendir("/proc/self/fd");
  int n = 0;
  while (readdir(dir) != NULL) n++;
  closedir(dir);
  return n;
}

static const char *in(fixture *f, const char *name) {
  snprintf(f->path, sizeof f->path, "%s/%s", f->folder, name);
  return f->path;
}

static void put(fixture *f, const char *name, const char *bytes, size_t n) {
  FILE *file = fopen(in(f, name), "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, n, file), n);
  fclose(file);
}

static int finish(fixture *f) {
  while (f->pack.op.is_open) mh_loop_step(&f->loop, 0, -1);
  assert_true(f->pack.op.is_done);
  int e = mh_pack_error(&f->pack);
  assert_int_equal(f->pack.op.status, e == 0 ? 0 : MOONHERD_EIO);
  return e;
}

static void drain(fixture *f) {
  while (f->loop.open_jobs > 0) mh_loop_step(&f->loop, 0, 0.05);
}

static void begin(fixture *f) {
  assert_int_equal(mh_pack_begin(&f->pack, PREFIX, sizeof PREFIX), 0);
}

static void add(fixture *f, const char *text, const char *name, const mh_pack_file *expected) {
  mh_pack_file file = {0};
  if (expected != NULL) file = *expected;
  file.text = text, file.text_n = strlen(text);
  file.suffix = ".x", file.suffix_n = 2;
  if (name != NULL) file.path = in(f, name), file.path_n = strlen(f->path);
  assert_int_equal(mh_pack_add(&f->pack, &file), 0);
}

static mh_pack_file hash_of(fixture *f, const char *name) {
  begin(f);
  add(f, "", name, NULL);
  mh_pack_hash(&f->pack, 25 << 20);
  assert_int_equal(finish(f), 0);
  return *mh_pack_get(&f->pack, 0);
}

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  mh_clock clock;
  mh_clock_init_real(&clock);
  if (f == NULL || mh_loop_init(&f->loop, &clock) != 0) return -1;
  mh_pack_init(&f->pack, &f->loop);
  snprintf(f->folder, sizeof f->folder, "/tmp/mh_pack_XXXXXX");
  if (mkdtemp(f->folder) == NULL) return -1;
  // The pool's threads and what they open for themselves come with the first job.
  put(f, "first", "", 0);
  hash_of(f, "first");
  f->descriptors = count_descriptors();
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  mh_pack_fini(&f->pack);
  drain(f);
  assert_null(f->loop.ops);
  assert_int_equal(count_descriptors(), f->descriptors);
  mh_loop_fini(&f->loop);
  char command[64];
  snprintf(command, sizeof command, "rm -rf %s", f->folder);
  int e = system(command);
  free(f);
  return e;
}

/* ---- hashes -------------------------------------------------------------------------------- */

static void expect_hash(fixture *f, const char *bytes, size_t n) {
  mh_digest digest;
  unsigned char expected[MH_SHA256_SIZE];
  assert_int_equal(mh_digest_init(&digest), 0);
  mh_digest_update(&digest, PREFIX, sizeof PREFIX);
  mh_digest_update(&digest, bytes, n);
  mh_digest_update(&digest, ".x", 2);
  assert_int_equal(mh_digest_value(&digest, expected), 0);
  mh_digest_fini(&digest);
  put(f, "a", bytes, n);
  mh_pack_file file = hash_of(f, "a");
  assert_int_equal(file.size, n);
  assert_memory_equal(file.hash, expected, MH_PACK_HASH_SIZE);
}

/* Around the lengths of a block: its end is the end of a file, or is not. */
static void test_hash(void **state) {
  static const size_t SIZES[] = {0, 1, 49151, 49152, 49153, 98304, 200000};
  char *bytes = malloc(200000);
  for (size_t i = 0; i < 200000; i++) bytes[i] = (char)(i * 31 / 7);
  for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) expect_hash(*state, bytes, SIZES[i]);
  free(bytes);
}

/* Files of /proc say that they have no bytes. */
static void test_size_unknown(void **state) {
  fixture *f = *state;
  assert_int_equal(symlink("/proc/self/stat", in(f, "a")), 0);
  assert_true(hash_of(f, "a").size > 0);
}

static int fail_of(fixture *f, const char *name) {
  begin(f);
  add(f, "", "first", NULL);
  add(f, "", name, NULL);
  mh_pack_hash(&f->pack, 4);
  int e = finish(f);
  assert_string_equal(mh_pack_failed_path(&f->pack), in(f, name));
  return e;
}

static void test_failures(void **state) {
  fixture *f = *state;
  put(f, "large", "12345", 5);
  assert_int_equal(mkfifo(in(f, "pipe"), 0600), 0);
  assert_int_equal(mkdir(in(f, "folder"), 0700), 0);
  assert_int_equal(fail_of(f, "none"), -ENOENT);
  assert_int_equal(fail_of(f, "large"), -EFBIG);
  assert_int_equal(fail_of(f, "pipe"), -EINVAL);
  assert_int_equal(fail_of(f, "folder"), -EISDIR);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Reads to the end; returns the error. */
static int read_all(fixture *f, mh_buf *text) {
  for (;;) {
    size_t n;
    mh_pack_read(&f->pack);
    int e = finish(f);
    if (e != 0 || mh_pack_has_ended(&f->pack)) return e;
    const char *piece = mh_pack_piece(&f->pack, &n);
    assert_true(n > 0 && n < 512 * 1024);
    assert_int_equal(mh_buf_append(text, piece, n), 0);
  }
}

static void test_read(void **state) {
  fixture *f = *state;
  mh_buf text, expected;
  size_t n = 1000001;
  char *bytes = calloc(1, n);
  mh_buf_init(&text, NULL);
  mh_buf_init(&expected, NULL);
  put(f, "a", bytes, n);
  put(f, "b", "hi", 2);
  mh_pack_file a = hash_of(f, "a"), b = hash_of(f, "b"), none = hash_of(f, "first");
  begin(f);
  add(f, "<", "a", &a);
  add(f, "|", "b", &b);
  add(f, "|", "first", &none);
  add(f, ">", NULL, NULL);
  assert_int_equal(read_all(f, &text), 0);
  mh_buf_puts(&expected, "<");
  assert_int_equal(mh_buf_reserve(&expected, mh_base64_length(n, false)), 0);
  expected.len += mh_base64_encode(bytes, n, false, expected.data + expected.len);
  mh_buf_puts(&expected, "|aGk=|>");
  assert_int_equal(text.len, expected.len);
  assert_memory_equal(text.data, expected.data, text.len);
  mh_buf_fini(&text);
  mh_buf_fini(&expected);
  free(bytes);
}

static void expect_changed(fixture *f, const char *now) {
  mh_buf text;
  mh_buf_init(&text, NULL);
  put(f, "a", "before", 6);
  mh_pack_file file = hash_of(f, "a");
  put(f, "a", now, strlen(now));
  begin(f);
  add(f, "", "a", &file);
  assert_int_equal(read_all(f, &text), MH_PACK_CHANGED);
  assert_int_equal(text.len, 0);  // nothing of it was given away
  mh_buf_fini(&text);
}

static void test_changed(void **state) {
  expect_changed(*state, "behind");
  expect_changed(*state, "before and after");
  expect_changed(*state, "be");
  expect_changed(*state, "");
}

/* ---- cancelling ---------------------------------------------------------------------------- */

static void test_cancel(void **state) {
  fixture *f = *state;
  size_t n = 10 << 20;
  char *bytes = calloc(1, n);
  put(f, "a", bytes, n);
  free(bytes);
  mh_pack_file file = hash_of(f, "a");
  for (int i = 0; i < 20; i++) {
    begin(f);
    add(f, "", "a", &file);
    if (i % 2 == 0) mh_pack_hash(&f->pack, SIZE_MAX);
    else mh_pack_read(&f->pack);
    for (int step = 0; step < i && f->pack.op.is_open; step++) mh_loop_step(&f->loop, 0, 0.0002);
    mh_pack_fini(&f->pack);
    assert_false(f->pack.op.is_open);
  }
}

/* What is open between two pieces is closed when the reader goes away. */
static void test_give_up(void **state) {
  fixture *f = *state;
  size_t n = 2 << 20;
  char *bytes = calloc(1, n);
  put(f, "a", bytes, n);
  free(bytes);
  mh_pack_file file = hash_of(f, "a");
  begin(f);
  add(f, "", "a", &file);
  mh_pack_read(&f->pack);
  assert_int_equal(finish(f), 0);
  assert_int_equal(count_descriptors(), f->descriptors + 1);
  mh_pack_fini(&f->pack);
  assert_int_equal(count_descriptors(), f->descriptors);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_hash),    TEST(test_size_unknown), TEST(test_failures), TEST(test_read),
      TEST(test_changed), TEST(test_cancel),       TEST(test_give_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
