/* The store inside one process: lists, results, group commit, failures, cancelling, closing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "moonherd.h"
#include "store_fixture.h"

/* A statement that counts for some tenths of a second, and one that never ends. */
#define SLOW \
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 2000000) \
SELECT count(*) FROM n"
#define ENDLESS \
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n"

/* ---- files --------------------------------------------------------------------------------- */

static mode_t mode_of(const char *path) {
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  return st.st_mode & 07777;
}

static void test_makes_private_files(void **state) {
  fixture *f = *state;
  char folder[96], path[128];
  snprintf(folder, sizeof folder, "%s/a/b", f->folder);
  snprintf(path, sizeof path, "%s/c.db", folder);
  assert_refused(f, path, NULL, "cannot_open");  // not asked to make folders
  f->options.makes_folders = true;
  mh_store *store = acquire(f, path);
  assert_done(try_open(f, store, NULL));
  write_done(f, store, "CREATE TABLE t(k)");
  assert_int_equal(mode_of(path), 0600);
  assert_int_equal(mode_of(folder), 0700);
  char log[140];
  snprintf(log, sizeof log, "%s-wal", path);
  assert_int_equal(mode_of(log), 0600);
  assert_string_equal(mh_store_path(store), path);
}

static void test_sets_the_connection_up(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  mh_store_job *job = run(f, LIST(store, MH_STORE_WRITE, "PRAGMA journal_mode",
                                  "PRAGMA synchronous", "PRAGMA foreign_keys"));
  mh_store_value value;
  mh_store_cursor cursor = mh_store_results(job, 0);
  mh_store_next(&cursor, &value);
  mh_store_next(&cursor, &value);
  assert_memory_equal(value.bytes, "wal", 3);
  cursor = mh_store_results(job, 1);
  mh_store_next(&cursor, &value);
  mh_store_next(&cursor, &value);
  assert_int_equal(value.integer, 2);
  cursor = mh_store_results(job, 2);
  mh_store_next(&cursor, &value);
  mh_store_next(&cursor, &value);
  assert_int_equal(value.integer, 1);
  assert_done(job);
}

static void test_relative_and_odd_names(void **state) {
  fixture *f = *state;
  char here[4096];
  assert_non_null(getcwd(here, sizeof here));
  assert_int_equal(chdir(f->folder), 0);
  mh_store *store = acquire(f, ":memory:");
  assert_done(try_open(f, store, NULL));
  write_done(f, store, "CREATE TABLE t(k)");
  assert_int_equal(chdir(here), 0);
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM t"), 0);  // opened only now
  char path[96];
  snprintf(path, sizeof path, "%s/:memory:", f->folder);
  assert_int_equal(mode_of(path), 0600);
}

static void test_refuses_what_is_no_database(void **state) {
  fixture *f = *state;
  assert_refused(f, f->folder, NULL, "cannot_open");
  assert_refused(f, "/dev/null", NULL, "cannot_open");

  char path[96], back[600];
  snprintf(path, sizeof path, "%s/text", f->folder);
  char text[600];
  memset(text, 'x', sizeof text);
  FILE *file = fopen(path, "w");
  fwrite(text, 1, sizeof text, file);
  fclose(file);
  assert_refused(f, path, NULL, "corrupt");
  file = fopen(path, "r");
  assert_int_equal(fread(back, 1, sizeof back, file), sizeof back);
  fclose(file);
  assert_memory_equal(back, text, sizeof back);

  file = fopen(path, "w");
  fputs("short", file);
  fclose(file);
  assert_refused(f, path, NULL, "corrupt");

  snprintf(path, sizeof path, "%s/text/below", f->folder);
  assert_refused(f, path, NULL, "cannot_open");
}

static void test_damaged_page(void **state) {
  fixture *f = *state;
  sqlite3 *db = raw_open(f->path);
  raw_exec(db,
           "CREATE TABLE t(k INTEGER PRIMARY KEY, v);"
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 500)"
           "INSERT INTO t SELECT i, hex(randomblob(100)) FROM n");
  sqlite3_close(db);
  FILE *file = fopen(f->path, "r+");
  fseek(file, 4096, SEEK_SET);
  for (int i = 0; i < 4096 * 10; i++) fputc(0xee, file);
  fclose(file);
  mh_store *store = acquire(f, f->path);
  assert_done(try_open(f, store, NULL));
  assert_failed(run(f, LIST(store, MH_STORE_READ, "SELECT sum(length(v)) FROM t")), "corrupt", 1);
  assert_failed(run(f, LIST(store, MH_STORE_WRITE, "UPDATE t SET v = 1")), "corrupt", 1);
}

/* ---- versions ------------------------------------------------------------------------------ */

static void test_migrates(void **state) {
  fixture *f = *state;
  static const char *const one[] = {"CREATE TABLE a(x); INSERT INTO a VALUES (1)", NULL};
  static const char *const two[] = {"nonsense that is never run", "CREATE TABLE b(x)", NULL};
  mh_store *store = acquire(f, f->path);
  assert_done(try_open(f, store, one));
  assert_done(try_open(f, store, one));
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM a"), 1);
  assert_done(try_open(f, store, two));
  assert_int_equal(read_integer(f, store, "PRAGMA user_version"), 2);
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM b"), 0);
  assert_refused(f, f->path, one, "newer");
  assert_done(try_open(f, store, NULL));  // without migrations any version will do
}

static void test_failed_migration_leaves_nothing(void **state) {
  fixture *f = *state;
  static const char *const bad[] = {"CREATE TABLE a(x)",
                                    "CREATE TABLE b(x); INSERT INTO c VALUES(1)", NULL};
  static const char *const sly[] = {"CREATE TABLE a(x); COMMIT", NULL};
  static const char *const loose[] = {
      "CREATE TABLE a(x PRIMARY KEY); CREATE TABLE b(x REFERENCES a); INSERT INTO b VALUES(7)",
      NULL};
  mh_store *store = acquire(f, f->path);
  assert_failed(try_open(f, store, bad), "sql", 2);
  assert_failed(try_open(f, store, sly), "sql", 1);
  assert_failed(try_open(f, store, loose), "constraint", 0);
  assert_done(try_open(f, store, NULL));
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM sqlite_schema"), 0);
  assert_int_equal(read_integer(f, store, "PRAGMA user_version"), 0);
}

static void test_migration_may_rebuild_a_table(void **state) {
  fixture *f = *state;
  static const char *const migrations[] = {
      "CREATE TABLE a(x PRIMARY KEY); INSERT INTO a VALUES (1);"
      "CREATE TABLE b(x REFERENCES a ON DELETE CASCADE); INSERT INTO b VALUES (1)",
      "CREATE TABLE new(x PRIMARY KEY, y); INSERT INTO new(x) SELECT x FROM a; DROP TABLE a;"
      "ALTER TABLE new RENAME TO a",
      NULL};
  mh_store *store = acquire(f, f->path);
  assert_done(try_open(f, store, migrations));
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM b"), 1);
  assert_failed(run(f, LIST(store, MH_STORE_WRITE, "INSERT INTO b VALUES (2)")), "constraint", 1);
}

/* ---- values -------------------------------------------------------------------------------- */

static const mh_store_value VALUES[] = {
    {.type = MH_STORE_NULL},
    {.type = MH_STORE_INTEGER, .integer = INT64_MIN},
    {.type = MH_STORE_INTEGER, .integer = INT64_MAX},
    {.type = MH_STORE_REAL, .real = -0.1},
    {.type = MH_STORE_TEXT, .n = 0, .bytes = ""},
    {.type = MH_STORE_TEXT, .n = 7, .bytes = "a\0b\xc3\xa4yz"},
    {.type = MH_STORE_BLOB, .n = 0, .bytes = ""},
    {.type = MH_STORE_BLOB, .n = 4, .bytes = "\0\xff\0\xfe"},
};
enum { VALUE_COUNT = sizeof VALUES / sizeof *VALUES };

static void assert_same(const mh_store_value *a, const mh_store_value *b) {
  assert_int_equal(a->type, b->type);
  if (a->type == MH_STORE_TEXT || a->type == MH_STORE_BLOB) {
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->bytes, b->bytes, a->n);
  } else if (a->type != MH_STORE_NULL) {
    assert_true(a->integer == b->integer);
  }
}

static void test_values_come_back(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  mh_store_job *job = new_job(store, MH_STORE_WRITE, VALUE_COUNT, VALUE_COUNT);
  for (size_t i = 0; i < VALUE_COUNT; i++) {
    mh_store_statement *statement = &job->statements[i];
    statement->sql = "INSERT INTO t(v) VALUES (?)";
    statement->sql_n = strlen(statement->sql);
    statement->params = job->statements[0].params + i;
    statement->params[0] = VALUES[i];
    statement->param_count = 1;
    statement->expect = 1;
  }
  assert_done(run(f, job));
  job = run(f, LIST(store, MH_STORE_READ, "SELECT k AS id, v AS \"the value\" FROM t ORDER BY k",
                    "SELECT * FROM t WHERE k < 0"));
  assert_int_equal(job->statements[0].rows, VALUE_COUNT);
  assert_int_equal(job->statements[1].rows, 0);
  assert_int_equal(job->statements[1].columns, 2);
  mh_store_cursor cursor = mh_store_results(job, 0);
  mh_store_value value;
  mh_store_next(&cursor, &value);
  assert_same(&value, &(mh_store_value){.type = MH_STORE_TEXT, .n = 2, .bytes = "id"});
  mh_store_next(&cursor, &value);
  assert_same(&value, &(mh_store_value){.type = MH_STORE_TEXT, .n = 9, .bytes = "the value"});
  for (size_t i = 0; i < VALUE_COUNT; i++) {
    mh_store_next(&cursor, &value);
    assert_int_equal(value.integer, i + 1);
    mh_store_next(&cursor, &value);
    assert_same(&value, &VALUES[i]);
  }
  assert_done(job);
}

static void test_big_blob(void **state) {
  fixture *f = *state;
  enum { SIZE = 5 << 20 };
  mh_store *store = open_store(f);
  char *bytes = malloc(SIZE);
  for (size_t i = 0; i < SIZE; i++) bytes[i] = (char)(i * 7 + i / 251);
  mh_store_job *job = new_job(store, MH_STORE_WRITE, 1, 2);
  mh_store_statement *statement = &job->statements[0];
  statement->sql = "INSERT INTO t VALUES (?, ?)";
  statement->sql_n = strlen(statement->sql);
  statement->param_count = 2;
  statement->params[0] = (mh_store_value){.type = MH_STORE_INTEGER, .integer = 1};
  statement->params[1] = (mh_store_value){.type = MH_STORE_BLOB, .n = SIZE, .bytes = bytes};
  assert_done(run(f, job));
  job = run(f, LIST(store, MH_STORE_READ, "SELECT v FROM t"));
  mh_store_cursor cursor = mh_store_results(job, 0);
  mh_store_value value;
  mh_store_next(&cursor, &value);
  mh_store_next(&cursor, &value);
  assert_int_equal(value.n, SIZE);
  assert_memory_equal(value.bytes, bytes, SIZE);
  assert_done(job);
  free(bytes);
}

/* ---- lists --------------------------------------------------------------------------------- */

static void test_counts_changes_and_rows(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  mh_store_job *job = run(f, LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (1,1),(2,2),(3,3)",
                                  "CREATE TABLE u(x)", "UPDATE t SET v = 9 WHERE k = 77",
                                  "DELETE FROM t WHERE k > 1 RETURNING k", "SELECT * FROM t"));
  static const int64_t changes[] = {3, 0, 0, 2, 0};
  static const size_t rows[] = {0, 0, 0, 2, 1};
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(job->statements[i].changes, changes[i]);
    assert_int_equal(job->statements[i].rows, rows[i]);
  }
  assert_done(job);
}

static void test_missed_expectation_undoes_one_list(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  mh_store_job *before = LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (1, 'before')");
  mh_store_job *missed =
      LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (2, 'missed')",
           "UPDATE t SET v = 'touched' WHERE k = 1", "UPDATE t SET v = 'x' WHERE k = 99",
           "INSERT INTO t VALUES (3, 'not reached')");
  missed->statements[1].expect = 1;
  missed->statements[2].expect = 1;
  mh_store_job *after = LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (4, 'after')");
  mh_store_submit(before);
  mh_store_submit(missed);
  mh_store_submit(after);
  await(f, after);
  assert_true(missed->op.is_done);
  assert_int_equal(missed->op.status, 0);
  assert_null(missed->reason);
  assert_int_equal(missed->missed, 3);
  free_job(missed);
  assert_done(before);
  assert_done(after);
  assert_int_equal(read_integer(f, store, "SELECT sum(k) FROM t"), 5);
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM t WHERE v = 'touched'"), 0);
}

static void test_expects_rows_of_a_query(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  mh_store_job *job =
      LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (1, 1)", "SELECT * FROM t WHERE k = 1");
  job->statements[1].expect = 1;
  assert_done(run(f, job));
  job = LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (2, 1)", "SELECT * FROM t");
  job->statements[1].expect = 1;
  run(f, job);
  assert_int_equal(job->missed, 2);
  free_job(job);
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM t"), 1);
}

static void test_failure_undoes_one_list(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  mh_store_job *good = LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (1, 1)");
  mh_store_job *bad =
      LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (2, 2)", "INSERT INTO t VALUES (1, 1)");
  mh_store_job *other = LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (3, 3)");
  mh_store_submit(good);
  mh_store_submit(bad);
  mh_store_submit(other);
  await(f, other);
  assert_int_equal(bad->code, SQLITE_CONSTRAINT_PRIMARYKEY);
  assert_string_equal(mh_store_job_message(bad), "UNIQUE constraint failed: t.k");
  assert_failed(bad, "constraint", 2);
  assert_done(good);
  assert_done(other);
  assert_int_equal(read_integer(f, store, "SELECT sum(k) FROM t"), 4);
}

/* SQLite checks deferred constraints at the commit, and a ROLLBACK conflict clause ends the whole
 * transaction: the lists run again one by one. */
static void test_failures_that_end_the_transaction(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  write_done(f, store, "CREATE TABLE c(x REFERENCES t DEFERRABLE INITIALLY DEFERRED)");
  sqlite3 *other = raw_open(f->path);
  raw_exec(other, "BEGIN IMMEDIATE");
  mh_store_job *jobs[] = {
      LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (1, 1)"),
      LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (2, 2)"),
      LIST(store, MH_STORE_WRITE, "INSERT INTO c VALUES (77)"),
      LIST(store, MH_STORE_WRITE, "INSERT OR ROLLBACK INTO t VALUES (2, 3)"),
      LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (4, 4)"),
  };
  for (size_t i = 0; i < 5; i++) mh_store_submit(jobs[i]);
  raw_exec(other, "COMMIT");
  sqlite3_close(other);
  await(f, jobs[4]);
  assert_done(jobs[0]);
  assert_done(jobs[1]);
  assert_failed(jobs[2], "constraint", 0);
  assert_failed(jobs[3], "constraint", 1);
  assert_done(jobs[4]);
  assert_int_equal(read_integer(f, store, "SELECT sum(k) FROM t"), 7);
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM c"), 0);
}

static void test_refuses_bad_statements(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  static const char *const texts[] = {"SELEC 1",
                                      "",
                                      "  -- nothing\n",
                                      "SELECT 1; SELECT 2",
                                      "SELECT ?",
                                      "BEGIN",
                                      "COMMIT",
                                      "SAVEPOINT x",
                                      "ROLLBACK",
                                      "ATTACH ':memory:' AS x",
                                      "PRAGMA Hard_Heap_Limit=1000",
                                      "PRAGMA SOFT_HEAP_LIMIT=1000",
                                      "PRAGMA mmap_size=100000000",
                                      "PRAGMA writable_schema=ON",
                                      "PRAGMA TEMP_STORE_DIRECTORY='/'",
                                      "SELECT * FROM pragma_hard_heap_limit(1000)",
                                      "SELECT FTS3_tokenizer('simple', zeroblob(8))",
                                      "SELECT load_extension('libm.so.6')",
                                      "SELECT * FROM nowhere"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    assert_failed(run(f, LIST(store, MH_STORE_READ, texts[i])), "sql", 1);
    assert_failed(run(f, LIST(store, MH_STORE_WRITE, "INSERT INTO t(v) VALUES (1)", texts[i])),
                  "sql", 2);
  }
  mh_store_job *job = LIST(store, MH_STORE_READ, "SELECT 1");
  job->statements[0].sql = "SELECT 1\0 DROP";
  job->statements[0].sql_n = 14;
  assert_failed(run(f, job), "sql", 1);
  assert_failed(run(f, LIST(store, MH_STORE_READ, "DELETE FROM t")), "sql", 1);
  assert_done(run(f, LIST(store, MH_STORE_READ, "SELECT 1 ; -- and no more\n")));
  assert_done(run(f, new_list(store, MH_STORE_WRITE, (const char *const[]){NULL})));
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM t"), 0);
}

static void test_more_statements_than_the_cache_holds(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 300; i++) {
      char text[64];
      snprintf(text, sizeof text, "INSERT INTO t(v) VALUES (%d)", i);
      mh_store_job *job = LIST(store, MH_STORE_WRITE, text);
      mh_store_submit(job);
      if (i % 50 == 0) write_done(f, store, "INSERT INTO t(v) VALUES (0)");
      await(f, job);
      assert_done(job);
    }
  }
  assert_int_equal(read_integer(f, store, "SELECT sum(v) FROM t"), 2 * 299 * 300 / 2);
}

static void test_schema_may_change_under_cached_statements(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  write_done(f, store, "INSERT INTO t VALUES (1, 'v')");
  mh_store_job *job = run(f, LIST(store, MH_STORE_READ, "SELECT * FROM t"));
  assert_int_equal(job->statements[0].columns, 2);
  assert_done(job);
  write_done(f, store, "ALTER TABLE t ADD COLUMN w DEFAULT 'w'");
  for (int i = 0; i < 4; i++) {
    job = run(f, LIST(store, MH_STORE_READ, "SELECT * FROM t"));
    assert_int_equal(job->statements[0].columns, 3);
    assert_done(job);
  }
}

static int64_t single(const mh_store_job *job, size_t statement) {
  mh_store_cursor cursor = mh_store_results(job, statement);
  mh_store_value value;
  mh_store_next(&cursor, &value);
  mh_store_next(&cursor, &value);
  return value.integer;
}

/* One is taken from a row and added to the other, in every list; no read sees the moment between,
 * although its two statements have other lists in between. */
static void test_read_sees_one_snapshot(void **state) {
  fixture *f = *state;
  enum { ROUNDS = 200 };
  mh_store *store = open_store(f);
  write_done(f, store, "INSERT INTO t VALUES (1, 1000), (2, 0)");
  mh_store_job *writes[ROUNDS], *reads[ROUNDS];
  for (int i = 0; i < ROUNDS; i++) {
    writes[i] = LIST(store, MH_STORE_WRITE, "UPDATE t SET v = v - 1 WHERE k = 1",
                     "UPDATE t SET v = v + 1 WHERE k = 2");
    reads[i] = LIST(store, MH_STORE_READ, "SELECT v FROM t WHERE k = 1",
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 500) "
                    "SELECT count(*) FROM n",
                    "SELECT v FROM t WHERE k = 2");
    mh_store_submit(writes[i]);
    mh_store_submit(reads[i]);
    if (i % 10 == 9) await(f, writes[i]);
  }
  for (int i = 0; i < ROUNDS; i++) {
    await(f, reads[i]);
    await(f, writes[i]);
    assert_int_equal(single(reads[i], 0) + single(reads[i], 2), 1000);
    assert_done(reads[i]);
    assert_done(writes[i]);
  }
  assert_int_equal(read_integer(f, store, "SELECT v FROM t WHERE k = 2"), ROUNDS);
}

static void test_write_does_not_wait_for_a_read(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  mh_store_job *read = LIST(store, MH_STORE_READ, SLOW, SLOW, SLOW);
  mh_store_submit(read);
  write_done(f, store, "INSERT INTO t VALUES (2, 2)");
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM t"), 1);  // the other reader
  assert_false(read->op.is_done);
  assert_done((await(f, read), read));
}

/* ---- group commit -------------------------------------------------------------------------- */

static uint32_t big_endian(const unsigned char *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The commits in a write-ahead log that was never started over: frames that hold the size of the
 * database. */
static int count_commits(const char *database) {
  char path[128];
  snprintf(path, sizeof path, "%s-wal", database);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  unsigned char head[32], frame[24];
  assert_int_equal(fread(head, 1, sizeof head, file), sizeof head);
  int commits = 0;
  while (fread(frame, 1, sizeof frame, file) == sizeof frame &&
         memcmp(frame + 8, head + 16, 8) == 0) {
    if (big_endian(frame + 4) != 0) commits++;
    fseek(file, (long)big_endian(head + 8), SEEK_CUR);
  }
  fclose(file);
  return commits;
}

enum { MANY = 600 };

static void test_many_lists_share_a_commit(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  int before = count_commits(f->path);
  sqlite3 *other = raw_open(f->path);
  raw_exec(other, "BEGIN IMMEDIATE");
  mh_store_job *jobs[MANY];
  for (int i = 0; i < MANY; i++) {
    jobs[i] = LIST(store, MH_STORE_WRITE, "INSERT INTO t(v) VALUES ((SELECT count(*) FROM t))");
    mh_store_submit(jobs[i]);
  }
  raw_exec(other, "ROLLBACK");
  sqlite3_close(other);
  for (int i = 0; i < MANY; i++) {
    await(f, jobs[i]);
    assert_done(jobs[i]);
  }
  int commits = count_commits(f->path) - before;
  assert_in_range(commits, 3, 5);  // what the thread took at first, then 256 at most each time
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM t WHERE v = k - 1"), MANY);
}

static void test_big_lists_do_not_share_a_commit(void **state) {
  fixture *f = *state;
  enum { SIZE = 3 << 20, COUNT = 4 };
  mh_store *store = open_store(f);
  int before = count_commits(f->path);
  char *bytes = calloc(1, SIZE);
  sqlite3 *other = raw_open(f->path);
  raw_exec(other, "BEGIN IMMEDIATE");
  mh_store_job *jobs[COUNT];
  for (int i = 0; i < COUNT; i++) {
    jobs[i] = new_job(store, MH_STORE_WRITE, 1, 1);
    mh_store_statement *statement = &jobs[i]->statements[0];
    statement->sql = "INSERT INTO t(v) VALUES (substr(?, 1, 10))";
    statement->sql_n = strlen(statement->sql);
    statement->param_count = 1;
    statement->params[0] = (mh_store_value){.type = MH_STORE_BLOB, .n = SIZE, .bytes = bytes};
    mh_store_submit(jobs[i]);
  }
  raw_exec(other, "ROLLBACK");
  sqlite3_close(other);
  for (int i = 0; i < COUNT; i++) {
    await(f, jobs[i]);
    assert_done(jobs[i]);
  }
  assert_in_range(count_commits(f->path) - before, 2, 3);
  free(bytes);
}

/* The log is copied and started over: it does not grow with the number of writes. */
static void test_log_does_not_grow_without_end(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  for (int i = 0; i < 40; i++) write_done(f, store, "INSERT INTO t(v) VALUES (zeroblob(400000))");
  char path[128];
  snprintf(path, sizeof path, "%s-wal", f->path);
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_true(st.st_size < 8 << 20);
}

/* ---- a full disk --------------------------------------------------------------------------- */

static void test_full_disk_fails_the_list_that_needs_it(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  write_done(f, store, "INSERT INTO t VALUES (1, 'old')");
  write_done(f, store, "PRAGMA max_page_count=30");
  sqlite3 *other = raw_open(f->path);
  raw_exec(other, "BEGIN IMMEDIATE");
  mh_store_job *jobs[] = {
      LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (2, 'small')"),
      LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (3, 'small')"),
      LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (4, 'half')",
           "INSERT INTO t VALUES (5, zeroblob(1000000))"),
      LIST(store, MH_STORE_WRITE, "UPDATE t SET v = 'new' WHERE k = 1"),
  };
  for (size_t i = 0; i < 4; i++) mh_store_submit(jobs[i]);
  raw_exec(other, "ROLLBACK");
  sqlite3_close(other);
  await(f, jobs[3]);
  assert_done(jobs[0]);
  assert_done(jobs[1]);
  assert_failed(jobs[2], "disk_full", 2);
  assert_done(jobs[3]);
  assert_int_equal(read_integer(f, store, "SELECT sum(k) FROM t"), 6);
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM t WHERE v = 'new'"), 1);
  assert_failed(run(f, LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (5, zeroblob(1000000))")),
                "disk_full", 1);
  write_done(f, store, "PRAGMA max_page_count=3000");
  write_done(f, store, "INSERT INTO t VALUES (5, zeroblob(1000000))");
}

/* ---- cancelling ---------------------------------------------------------------------------- */

static void on_abandoned(mh_store_job *job) {
  *(bool *)job->user = true;
  free_job(job);
}

static bool is_true(void *flag) {
  return *(bool *)flag;
}

static mh_store_job *watch(mh_store_job *job, bool *is_abandoned) {
  *is_abandoned = false;
  job->user = is_abandoned;
  job->on_abandoned = on_abandoned;
  return job;
}

/* Opening is never batched with lists: as long as it waits for the lock, no thread has them. */
static void test_cancel_before_a_thread_has_it(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  sqlite3 *other = raw_open(f->path);
  raw_exec(other, "BEGIN IMMEDIATE");
  mh_store_job *opened = LIST(store, MH_STORE_OPEN, "", "CREATE TABLE later(x)");
  mh_store_submit(opened);
  bool is_abandoned;
  mh_store_job *first =
      watch(LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (1, 1)"), &is_abandoned);
  mh_store_job *second = LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (2, 2)");
  mh_store_job *third = LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (3, 3)");
  mh_store_submit(first);
  mh_store_submit(second);
  mh_store_submit(third);
  mh_op_cancel(&first->op);
  assert_true(is_abandoned);
  free_job(third);  // the same, by its owner
  assert_int_equal(f->host.loop.open_jobs, 2);
  raw_exec(other, "ROLLBACK");
  sqlite3_close(other);
  await(f, second);
  assert_done(opened);
  assert_done(second);
  assert_int_equal(read_integer(f, store, "SELECT sum(k) FROM t"), 2);
}

static void test_cancel_while_it_waits_for_the_lock(void **state) {
  fixture *f = *state;
  enum { COUNT = 3 };
  f->options.lock_wait = 3600 * MH_SECOND;
  mh_store *store = open_store(f);
  sqlite3 *other = raw_open(f->path);
  raw_exec(other, "BEGIN IMMEDIATE");
  bool opened_abandoned, is_abandoned[COUNT];
  mh_store_job *jobs[COUNT];
  mh_store_job *opened =
      watch(LIST(store, MH_STORE_OPEN, "", "CREATE TABLE later(x)"), &opened_abandoned);
  mh_store_submit(opened);
  for (int i = 0; i < COUNT; i++) {
    jobs[i] = watch(LIST(store, MH_STORE_WRITE, "INSERT INTO t(v) VALUES (1)"), &is_abandoned[i]);
    mh_store_submit(jobs[i]);
  }
  usleep(20000);  // real time: most likely the thread waits for the lock now
  mh_op_cancel(&opened->op);
  step_until(f, is_true, &opened_abandoned);
  usleep(20000);  // and now for all three lists
  for (int i = 0; i < COUNT; i++) mh_op_cancel(&jobs[i]->op);
  for (int i = 0; i < COUNT; i++) step_until(f, is_true, &is_abandoned[i]);
  raw_exec(other, "ROLLBACK");
  sqlite3_close(other);
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM t"), 0);
}

static void test_cancel_while_it_runs(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  bool is_abandoned;
  mh_store_job *job = watch(LIST(store, MH_STORE_READ, ENDLESS), &is_abandoned);
  mh_store_submit(job);
  usleep(20000);  // real time: most likely it runs now
  mh_op_cancel(&job->op);
  step_until(f, is_true, &is_abandoned);

  // A write too; and those that shared its transaction are applied all the same.
  mh_store_job *lists[3];
  sqlite3 *other = raw_open(f->path);
  raw_exec(other, "BEGIN IMMEDIATE");
  lists[0] = LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (1, 1)");
  lists[1] =
      watch(LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (2, 2)", "INSERT INTO t(v) " ENDLESS),
            &is_abandoned);
  lists[2] = LIST(store, MH_STORE_WRITE, "INSERT INTO t VALUES (3, 3)");
  for (int i = 0; i < 3; i++) mh_store_submit(lists[i]);
  raw_exec(other, "ROLLBACK");
  sqlite3_close(other);
  usleep(30000);  // real time: as above
  mh_op_cancel(&lists[1]->op);
  await(f, lists[2]);
  await(f, lists[0]);
  step_until(f, is_true, &is_abandoned);
  assert_done(lists[0]);
  assert_done(lists[2]);
  assert_int_equal(read_integer(f, store, "SELECT sum(k) FROM t"), 4);
}

/* The state of its owner is going away: the caller may free the statements right after. */
static void test_free_while_it_runs(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  char *sql = strdup(ENDLESS);
  mh_store_job *job = LIST(store, MH_STORE_READ, sql);
  mh_store_submit(job);
  usleep(20000);  // real time: most likely it runs now
  free_job(job);
  free(sql);
}

static void test_free_when_done_or_never_submitted(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  free_job(LIST(store, MH_STORE_READ, "SELECT 1"));
  mh_store_job *job = run(f, LIST(store, MH_STORE_READ, "SELECT 1"));
  mh_op_cancel(&job->op);
  free_job(job);
}

/* ---- sharing and closing ------------------------------------------------------------------- */

static void test_same_path_is_shared(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  assert_ptr_equal(open_store(f), store);
  assert_int_equal(f->host.loop.open_handles, 1);
  mh_store_job *closed = new_job(store, MH_STORE_CLOSE, 0, 0);
  mh_store_release(store, closed);
  assert_true(closed->op.is_done);  // somebody else uses it
  free_job(closed);
  write_done(f, store, "INSERT INTO t VALUES (1, 1)");
  closed = new_job(store, MH_STORE_CLOSE, 0, 0);
  mh_store_release(store, closed);
  assert_false(closed->op.is_done);
  mh_store *again = open_store(f);  // while the old one is still ending
  assert_int_equal(read_integer(f, again, "SELECT count(*) FROM t"), 1);
  await(f, closed);
  free_job(closed);
  assert_int_equal(f->host.loop.open_handles, 1);
}

static mh_store_job *submit_many(mh_store *store, int n, mh_store_job **jobs) {
  for (int i = 0; i < n; i++) {
    jobs[i] = LIST(store, MH_STORE_WRITE, "INSERT INTO t(v) VALUES (1)");
    mh_store_submit(jobs[i]);
  }
  return jobs[n - 1];
}

static void test_close_finishes_what_is_queued(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  mh_store_job *jobs[MANY];
  submit_many(store, MANY, jobs);
  mh_store_job *closed = new_job(store, MH_STORE_CLOSE, 0, 0);
  mh_store_release(store, closed);
  await(f, closed);
  assert_done(closed);
  for (int i = 0; i < MANY; i++) assert_done(jobs[i]);
  assert_int_equal(f->host.loop.open_handles, 0);
  char log[128];
  snprintf(log, sizeof log, "%s-wal", f->path);
  assert_int_not_equal(access(log, F_OK), 0);  // copied into the database
  sqlite3 *db = raw_open(f->path);
  assert_int_equal(raw_integer(db, "SELECT count(*) FROM t"), MANY);
  sqlite3_close(db);
}

static void test_cancelled_close_goes_on(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  bool is_abandoned;
  mh_store_job *closed = watch(new_job(store, MH_STORE_CLOSE, 0, 0), &is_abandoned);
  mh_store_release(store, closed);
  mh_op_cancel(&closed->op);
  step_until(f, is_true, &is_abandoned);
  assert_int_equal(f->host.loop.open_handles, 0);

  store = open_store(f);
  closed = new_job(store, MH_STORE_CLOSE, 0, 0);
  mh_store_release(store, closed);
  free_job(closed);  // does not wait
}

/* The handle closes while two stores are open and lists are queued; nobody waits for them. */
static void test_host_closes_everything(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  char path[96];
  snprintf(path, sizeof path, "%s/second.db", f->folder);
  mh_store *second = acquire(f, path);
  mh_store_job *opened = new_list(second, MH_STORE_OPEN, (const char *const[]){NULL});
  mh_store_submit(opened);
  mh_store_job *jobs[MANY];
  submit_many(store, MANY, jobs);
  fixture_end(f);
  for (int i = 0; i < MANY; i++) assert_done(jobs[i]);
  assert_done(opened);
  sqlite3 *db = raw_open(f->path);
  assert_int_equal(raw_integer(db, "SELECT count(*) FROM t"), MANY);
  sqlite3_close(db);
  char folder[sizeof f->folder];
  memcpy(folder, f->folder, sizeof folder);
  fixture_init(f, folder);  // for the tear-down
}

/* ---- time ---------------------------------------------------------------------------------- */

static void on_timer(mh_timer *timer) {
  (void)timer;
}

static void test_virtual_clock_stands_still_meanwhile(void **state) {
  fixture *f = *state;
  mh_clock_init_virtual(&f->host.loop.clock, 0);
  mh_timer timer = {.on_timer = on_timer};
  mh_timer_start(&f->host.loop, &timer, MH_SECOND);
  mh_store *store = open_store(f);
  read_integer(f, store, SLOW);
  assert_int_equal(mh_loop_now(&f->host.loop), 0);
  mh_timer_stop(&f->host.loop, &timer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_set_up, fixture_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(makes_private_files),
      TEST(sets_the_connection_up),
      TEST(relative_and_odd_names),
      TEST(refuses_what_is_no_database),
      TEST(damaged_page),
      TEST(migrates),
      TEST(failed_migration_leaves_nothing),
      TEST(migration_may_rebuild_a_table),
      TEST(values_come_back),
      TEST(big_blob),
      TEST(counts_changes_and_rows),
      TEST(missed_expectation_undoes_one_list),
      TEST(expects_rows_of_a_query),
      TEST(failure_undoes_one_list),
      TEST(failures_that_end_the_transaction),
      TEST(refuses_bad_statements),
      TEST(more_statements_than_the_cache_holds),
      TEST(schema_may_change_under_cached_statements),
      TEST(read_sees_one_snapshot),
      TEST(write_does_not_wait_for_a_read),
      TEST(many_lists_share_a_commit),
      TEST(big_lists_do_not_share_a_commit),
      TEST(log_does_not_grow_without_end),
      TEST(full_disk_fails_the_list_that_needs_it),
      TEST(cancel_before_a_thread_has_it),
      TEST(cancel_while_it_waits_for_the_lock),
      TEST(cancel_while_it_runs),
      TEST(free_while_it_runs),
      TEST(free_when_done_or_never_submitted),
      TEST(same_path_is_shared),
      TEST(close_finishes_what_is_queued),
      TEST(cancelled_close_goes_on),
      TEST(host_closes_everything),
      TEST(virtual_clock_stands_still_meanwhile),
  };
  return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
