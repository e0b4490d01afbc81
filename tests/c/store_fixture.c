/* See store_fixture.h. */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "moonherd.h"

void fixture_init(fixture *f, const char *folder) {
  mh_clock clock;
  mh_clock_init_real(&clock);
  memset(f, 0, sizeof *f);
  assert_int_equal(mh_loop_init(&f->host.loop, &clock), 0);
  snprintf(f->folder, sizeof f->folder, "%s", folder);
  snprintf(f->path, sizeof f->path, "%s/test.db", folder);
}

void fixture_end(fixture *f) {
  while (f->host.closers != NULL) {
    mh_closer *closer = f->host.closers;
    f->host.closers = closer->next;
    closer->on_close(closer);
  }
  assert_null(f->host.loop.ops);
  assert_int_equal(f->host.loop.open_jobs, 0);
  assert_int_equal(f->host.loop.open_handles, 0);
  mh_loop_fini(&f->host.loop);
}

int fixture_set_up(void **state) {
  char folder[] = "/tmp/moonherd-store-XXXXXX";
  fixture *f = malloc(sizeof *f);
  *state = f;
  if (f == NULL || mkdtemp(folder) == NULL) return -1;
  fixture_init(f, folder);
  return 0;
}

int fixture_tear_down(void **state) {
  fixture *f = *state;
  fixture_end(f);
  char command[96];
  snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
  int failed = system(command);
  free(f);
  return failed;
}

mh_store *acquire(fixture *f, const char *path) {
  mh_store *store = NULL;
  assert_int_equal(mh_store_acquire(mh_stores_of(&f->host), path, &f->options, &store), 0);
  return store;
}

mh_store_job *new_job(mh_store *store, mh_store_verb verb, size_t statements, size_t params) {
  mh_store_job *job = malloc(mh_store_job_size(statements, params));
  assert_non_null(job);
  mh_store_job_init(job, store, verb, statements, params);
  return job;
}

void free_job(mh_store_job *job) {
  mh_store_job_fini(job);
  free(job);
}

mh_store_job *new_list(mh_store *store, mh_store_verb verb, const char *const *texts) {
  size_t n = 0;
  while (texts[n] != NULL) n++;
  mh_store_job *job = new_job(store, verb, n, 0);
  for (size_t i = 0; i < n; i++) {
    job->statements[i].sql = texts[i];
    job->statements[i].sql_n = strlen(texts[i]);
  }
  return job;
}

mh_store_job *try_open(fixture *f, mh_store *store, const char *const *migrations) {
  static const char *const none[] = {NULL};
  return run(f, new_list(store, MH_STORE_OPEN, migrations != NULL ? migrations : none));
}

mh_store *open_store(fixture *f) {
  static const char *const migrations[] = {"CREATE TABLE t(k INTEGER PRIMARY KEY, v)", NULL};
  mh_store *store = acquire(f, f->path);
  assert_done(try_open(f, store, migrations));
  return store;
}

void assert_refused(fixture *f, const char *path, const char *const *migrations,
                    const char *reason) {
  mh_store *store = acquire(f, path);
  mh_store_job *job = try_open(f, store, migrations);
  assert_int_equal(job->op.status, MOONHERD_EIO);
  assert_string_equal(job->reason, reason);
  assert_non_null(strstr(mh_store_job_message(job), path));
  free_job(job);
  mh_store_job *closed = new_job(store, MH_STORE_CLOSE, 0, 0);
  mh_store_release(store, closed);
  await(f, closed);
  free_job(closed);
}

void await(fixture *f, const mh_store_job *job) {
  while (!job->op.is_done) mh_loop_step(&f->host.loop, 0, -1);
}

void step_until(fixture *f, bool (*is_true)(void *what), void *what) {
  while (!is_true(what)) mh_loop_step(&f->host.loop, 0, 0.001);
}

mh_store_job *run(fixture *f, mh_store_job *job) {
  mh_store_submit(job);
  await(f, job);
  return job;
}

void assert_done(mh_store_job *job) {
  assert_true(job->op.is_done);
  if (job->reason != NULL) fail_msg("%s: %s", job->reason, mh_store_job_message(job));
  assert_int_equal(job->op.status, 0);
  assert_int_equal(job->missed, 0);
  free_job(job);
}

void assert_failed(mh_store_job *job, const char *reason, size_t statement) {
  assert_true(job->op.is_done);
  assert_int_equal(job->op.status, MOONHERD_EIO);
  assert_non_null(job->reason);
  if (strcmp(job->reason, reason) != 0)
    fail_msg("%s instead of %s: %s", job->reason, reason, mh_store_job_message(job));
  assert_int_equal(job->failed, statement);
  assert_true(strlen(mh_store_job_message(job)) > 0);
  free_job(job);
}

void write_done(fixture *f, mh_store *store, const char *sql) {
  assert_done(run(f, LIST(store, MH_STORE_WRITE, sql)));
}

int64_t read_integer(fixture *f, mh_store *store, const char *sql) {
  mh_store_job *job = run(f, LIST(store, MH_STORE_READ, sql));
  if (job->reason != NULL) fail_msg("%s: %s", job->reason, mh_store_job_message(job));
  assert_int_equal(job->statements[0].columns, 1);
  assert_true(job->statements[0].rows >= 1);
  mh_store_cursor cursor = mh_store_results(job, 0);
  mh_store_value value;
  mh_store_next(&cursor, &value);  // the name
  mh_store_next(&cursor, &value);
  assert_int_equal(value.type, MH_STORE_INTEGER);
  free_job(job);
  return value.integer;
}

sqlite3 *raw_open(const char *path) {
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 10000);
  return db;
}

void raw_exec(sqlite3 *db, const char *sql) {
  if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
    fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

int64_t raw_integer(sqlite3 *db, const char *sql) {
  sqlite3_stmt *stmt = NULL;
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  int64_t value = sqlite3_column_int64(stmt, 0);
  sqlite3_finalize(stmt);
  return value;
}

void assert_child_well(int pid) {
  int status = -1;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}
