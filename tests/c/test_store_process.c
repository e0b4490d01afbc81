/* The store and other processes: locks, races, permissions, full file systems, sudden death. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "moonherd.h"
#include "store_fixture.h"

/* A child that runs `body` with a loop of its own. This process has no thread at such a moment. A
 * failed assertion aborts the child. */
static int spawn(const fixture *f, void (*body)(fixture *child, int pipe), int pipe) {
  int pid = fork();
  assert_true(pid >= 0);
  if (pid > 0) return pid;
  setenv("CMOCKA_TEST_ABORT", "1", 1);
  fixture child;
  fixture_init(&child, f->folder);
  body(&child, pipe);
  fixture_end(&child);
  _exit(0);
}

/* ---- locks --------------------------------------------------------------------------------- */

/* Holds the lock, says so with a byte, and ends when a byte comes back. */
static void hold_until_told(fixture *f, int socket) {
  char byte = 0;
  sqlite3 *db = raw_open(f->path);
  raw_exec(db, "PRAGMA journal_mode=WAL; BEGIN IMMEDIATE");
  assert_int_equal(write(socket, &byte, 1), 1);
  assert_int_equal(read(socket, &byte, 1), 1);
  sqlite3_close(db);
}

static int hold_lock(const fixture *f, int *release) {
  int ends[2];
  char byte;
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  int pid = spawn(f, hold_until_told, ends[1]);
  close(ends[1]);
  assert_int_equal(read(ends[0], &byte, 1), 1);
  *release = ends[0];
  return pid;
}

static void release_lock(int release) {
  char byte = 0;
  assert_int_equal(write(release, &byte, 1), 1);
  close(release);
}

static void test_locked_by_another_process(void **state) {
  fixture *f = *state;
  f->options.lock_wait = 50 * MH_MILLISECOND;
  int release, pid = hold_lock(f, &release);
  static const char *const migrations[] = {"CREATE TABLE t(k INTEGER PRIMARY KEY, v)", NULL};
  assert_refused(f, f->path, migrations, "locked");
  mh_store *store = acquire(f, f->path);
  assert_done(try_open(f, store, NULL));
  mh_store_job *first = LIST(store, MH_STORE_WRITE, "CREATE TABLE t(k)");
  mh_store_job *second = LIST(store, MH_STORE_WRITE, "CREATE TABLE u(k)");
  mh_store_submit(first);
  mh_store_submit(second);
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM sqlite_schema"), 0);
  await(f, second);
  assert_failed(first, "locked", 0);
  assert_failed(second, "locked", 0);
  release_lock(release);
  assert_child_well(pid);
  write_done(f, store, "CREATE TABLE t(k)");
}

static void test_waits_for_the_lock(void **state) {
  fixture *f = *state;
  int release, pid = hold_lock(f, &release);
  mh_store *store = acquire(f, f->path);
  assert_done(try_open(f, store, NULL));
  mh_store_job *job = LIST(store, MH_STORE_WRITE, "CREATE TABLE t(k)");
  mh_store_submit(job);
  usleep(30000);  // real time: most likely the thread waits for the lock now
  release_lock(release);
  await(f, job);
  assert_done(job);
  assert_child_well(pid);
}

/* ---- races --------------------------------------------------------------------------------- */

static void migrate(fixture *f, int pipe) {
  static const char *const migrations[] = {
      "CREATE TABLE log(x); INSERT INTO log VALUES (1)",
      "CREATE TABLE t(k INTEGER PRIMARY KEY, v); INSERT INTO log VALUES (2)",
      "INSERT INTO log VALUES (3)",
      NULL,
  };
  char byte;
  assert_int_equal(read(pipe, &byte, 1), 1);  // all of them go at the same moment
  mh_store *store = acquire(f, f->path);
  assert_done(try_open(f, store, migrations));
  for (int i = 0; i < 20; i++) write_done(f, store, "INSERT INTO t(v) VALUES (1)");
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM log"), 3);
}

static void test_processes_migrate_at_once(void **state) {
  fixture *f = *state;
  enum { PROCESSES = 4 };
  for (int round = 0; round < 3; round++) {
    int gate[2], pids[PROCESSES];
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < PROCESSES; i++) pids[i] = spawn(f, migrate, gate[0]);
    assert_int_equal(write(gate[1], "go!!", PROCESSES), PROCESSES);
    for (int i = 0; i < PROCESSES; i++) assert_child_well(pids[i]);
    close(gate[0]);
    close(gate[1]);
    sqlite3 *db = raw_open(f->path);
    assert_int_equal(raw_integer(db, "SELECT count(*) FROM t"), PROCESSES * 20);
    assert_int_equal(raw_integer(db, "PRAGMA user_version"), 3);
    sqlite3_close(db);
    assert_int_equal(unlink(f->path), 0);
  }
}

/* ---- permissions --------------------------------------------------------------------------- */

static void refuse_as_nobody(fixture *f, int pipe) {
  (void)pipe;
  if (geteuid() == 0) assert_int_equal(seteuid(65534), 0);  // root may do everything
  char path[128];
  snprintf(path, sizeof path, "%s/readable.db", f->folder);
  assert_refused(f, path, NULL, "read_only");
  snprintf(path, sizeof path, "%s/hidden.db", f->folder);
  assert_refused(f, path, NULL, "cannot_open");
  snprintf(path, sizeof path, "%s/closed/new.db", f->folder);
  assert_refused(f, path, NULL, "cannot_open");
  snprintf(path, sizeof path, "%s/closed/folder/new.db", f->folder);
  assert_refused(f, path, NULL, "cannot_open");
}

static void make_database(const fixture *f, const char *name, mode_t mode) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", f->folder, name);
  sqlite3 *db = raw_open(path);
  raw_exec(db, "CREATE TABLE t(k)");
  sqlite3_close(db);
  assert_int_equal(chmod(path, mode), 0);
}

static void test_permissions(void **state) {
  fixture *f = *state;
  char closed[96];
  snprintf(closed, sizeof closed, "%s/closed", f->folder);
  assert_int_equal(mkdir(closed, 0555), 0);
  assert_int_equal(chmod(f->folder, 0755), 0);
  make_database(f, "readable.db", 0444);
  make_database(f, "hidden.db", 0);
  assert_child_well(spawn(f, refuse_as_nobody, -1));
}

/* ---- a full file system -------------------------------------------------------------------- */

enum { NO_MOUNT = 77 };

/* In a mount space of its own, which ends with the process. */
static void fill_disk(fixture *f, int pipe) {
  (void)pipe;
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("tmpfs", f->folder, "tmpfs", 0, "size=512k") != 0)
    _exit(NO_MOUNT);
  mh_store *store = open_store(f);
  int written = 0;
  for (;; written++) {
    mh_store_job *big = LIST(store, MH_STORE_WRITE, "INSERT INTO t(v) VALUES ('half')",
                             "INSERT INTO t(v) VALUES (zeroblob(30000))");
    run(f, big);
    if (big->reason != NULL) {
      assert_string_equal(big->reason, "disk_full");
      free_job(big);
      break;
    }
    assert_done(big);
  }
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM t"), 2 * written);
  char path[128];
  snprintf(path, sizeof path, "%s/other/new.db", f->folder);
  f->options.makes_folders = true;
  mh_store *other = acquire(f, path);
  static const char *const migrations[] = {"CREATE TABLE t(k)", NULL};
  mh_store_job *job = try_open(f, other, migrations);
  if (job->reason != NULL) assert_string_equal(job->reason, "disk_full");
  free_job(job);
}

static void test_full_file_system(void **state) {
  int status, pid = spawn(*state, fill_disk, -1);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  if (WEXITSTATUS(status) == NO_MOUNT) skip();
  assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- sudden death -------------------------------------------------------------------------- */

enum { AT_ONCE = 32 };

/* Writes without end, AT_ONCE lists at a time, and tells every number that was acknowledged. */
static void write_until_killed(fixture *f, int pipe) {
  mh_store *store = open_store(f);
  mh_store_job *jobs[AT_ONCE];
  int32_t number = (int32_t)read_integer(f, store, "SELECT count(*) FROM t");
  for (;;) {
    char texts[AT_ONCE][80];
    for (int i = 0; i < AT_ONCE; i++) {
      snprintf(texts[i], sizeof texts[i], "INSERT INTO t VALUES (%d, hex(randomblob(200)))",
               number + i);
      jobs[i] = LIST(store, MH_STORE_WRITE, texts[i]);
      mh_store_submit(jobs[i]);
    }
    for (int i = 0; i < AT_ONCE; i++, number++) {
      await(f, jobs[i]);
      assert_done(jobs[i]);
      assert_int_equal(write(pipe, &number, sizeof number), sizeof number);
    }
  }
}

static void test_acknowledged_writes_survive_a_kill(void **state) {
  fixture *f = *state;
  int32_t acknowledged = -1;
  for (int round = 0; round < 5; round++) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int pid = spawn(f, write_until_killed, ends[1]);
    close(ends[1]);
    int32_t number, count = 0;
    while (count++ < 100 + round * 37 && read(ends[0], &number, sizeof number) == sizeof number)
      acknowledged = number;
    kill(pid, SIGKILL);
    int status;
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status));
    while (read(ends[0], &number, sizeof number) == sizeof number) acknowledged = number;
    close(ends[0]);
    sqlite3 *db = raw_open(f->path);
    char question[80];
    snprintf(question, sizeof question, "SELECT count(*) FROM t WHERE k <= %d", acknowledged);
    assert_int_equal(raw_integer(db, question), acknowledged + 1);
    assert_int_equal(raw_integer(db, "SELECT count(*) = max(k) + 1 FROM t"), 1);
    assert_int_equal(raw_integer(db,
                                 "SELECT count(*) FROM pragma_integrity_check "
                                 "WHERE integrity_check <> 'ok'"),
                     0);
    sqlite3_close(db);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_set_up, fixture_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(locked_by_another_process), TEST(waits_for_the_lock),
      TEST(processes_migrate_at_once), TEST(permissions),
      TEST(full_file_system),          TEST(acknowledged_writes_survive_a_kill),
  };
  return cmocka_run_group_tests_name("store_process", tests, NULL, NULL);
}
