/* The store beside plain SQLite: the same statements on one connection, one after the other, in a
 * loop on one thread. Wall-clock time, both in one run, on the file system of /var/tmp. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/store.h"

enum { IN_FLIGHT = 64, ROWS = 10000, READS = 100000, WRITES = 3000, BURST = 10000, TRIPS = 20000 };

static const char SELECT[] = "SELECT v FROM t WHERE k = ?";
static const char UPDATE[] = "UPDATE t SET v = v || ? WHERE k = ?";
static const char SCHEMA[] =
    "CREATE TABLE t(k INTEGER PRIMARY KEY, v);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 10000)"
    "INSERT INTO t SELECT i, hex(randomblob(50)) FROM n";

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(int ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "store bench: %s failed\n", what);
  exit(1);
}

/* A list of one statement that submits itself again until the run has had enough. */
typedef struct slot {
  mh_ready ready;
  struct run *run;
  mh_store_job *job;
} slot;

typedef struct run {
  mh_host host;
  mh_store *store;
  const char *sql;
  mh_store_verb verb;
  int started, ended, total;
} run;

static void submit(slot *s) {
  run *r = s->run;
  int params = r->sql == SELECT ? 1 : 2;
  mh_store_job_init(s->job, r->store, r->verb, 1, (size_t)params);
  mh_store_statement *statement = &s->job->statements[0];
  statement->sql = r->sql;
  statement->sql_n = strlen(r->sql);
  statement->param_count = (size_t)params;
  if (params == 2)
    statement->params[0] = (mh_store_value){.type = MH_STORE_TEXT, .n = 1, .bytes = "x"};
  int64_t key = r->started++ * 7919LL % ROWS + 1;
  statement->params[params - 1] = (mh_store_value){.type = MH_STORE_INTEGER, .integer = key};
  mh_store_submit(s->job);
  s->job->op.waiter = &s->ready;
}

static void on_run(mh_ready *ready) {
  slot *s = (slot *)ready;
  check(s->job->reason == NULL, s->run->sql);
  mh_store_job_fini(s->job);
  s->run->ended++;
  if (s->run->started < s->run->total) submit(s);
}

/* Seconds of `total` lists with `in_flight` at a time. */
static double measure(run *r, mh_store_verb verb, const char *sql, int total, int in_flight) {
  slot *slots = calloc((size_t)in_flight, sizeof *slots);
  r->verb = verb;
  r->sql = sql;
  r->total = total;
  r->started = r->ended = 0;
  double start = seconds();
  for (int i = 0; i < in_flight; i++) {
    slots[i].ready.on_run = on_run;
    slots[i].run = r;
    slots[i].job = malloc(mh_store_job_size(1, 2));
    submit(&slots[i]);
  }
  while (r->ended < total) mh_loop_step(&r->host.loop, 0, -1);
  double spent = seconds() - start;
  for (int i = 0; i < in_flight; i++) free(slots[i].job);
  free(slots);
  return spent;
}

static double measure_plain(sqlite3 *db, const char *sql, int total) {
  sqlite3_stmt *stmt;
  check(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) == SQLITE_OK, sql);
  int last = sqlite3_bind_parameter_count(stmt);
  double start = seconds();
  for (int i = 0; i < total; i++) {
    if (last == 2) sqlite3_bind_text(stmt, 1, "x", 1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, last, i * 7919LL % ROWS + 1);
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) free(strdup((const char *)sqlite3_column_text(stmt, 0)));
    check(code == SQLITE_ROW || code == SQLITE_DONE, sql);
    sqlite3_reset(stmt);
  }
  double spent = seconds() - start;
  sqlite3_finalize(stmt);
  return spent;
}

static void compare(const char *what, int count, double ours, double plain) {
  printf("store %-28s %9.0f /s   plain sqlite %9.0f /s   ratio %.2f\n", what, count / ours,
         count / plain, plain / ours);
}

static sqlite3 *make_database(const char *path) {
  sqlite3 *db;
  check(sqlite3_open(path, &db) == SQLITE_OK, "open");
  sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", NULL, NULL, NULL);
  check(sqlite3_exec(db, SCHEMA, NULL, NULL, NULL) == SQLITE_OK, "schema");
  return db;
}

static void open_store(run *r, const char *path) {
  mh_clock clock;
  mh_clock_init_real(&clock);
  memset(r, 0, sizeof *r);
  check(mh_loop_init(&r->host.loop, &clock) == 0, "loop");
  mh_store_options options = {0};
  check(mh_store_acquire(mh_stores_of(&r->host), path, &options, &r->store) == 0, "acquire");
  mh_store_job *job = malloc(mh_store_job_size(0, 0));
  mh_store_job_init(job, r->store, MH_STORE_OPEN, 0, 0);
  mh_store_submit(job);
  while (!job->op.is_done) mh_loop_step(&r->host.loop, 0, -1);
  check(job->reason == NULL, "open");
  mh_store_job_fini(job);
  free(job);
}

int main(void) {
  char folder[] = "/var/tmp/moonherd-bench-XXXXXX", ours[64], plain[64], command[64];
  check(mkdtemp(folder) != NULL, "mkdtemp");
  snprintf(ours, sizeof ours, "%s/ours.db", folder);
  snprintf(plain, sizeof plain, "%s/plain.db", folder);
  sqlite3_close(make_database(ours));
  sqlite3 *db = make_database(plain);
  run r;
  open_store(&r, ours);

  double a = measure(&r, MH_STORE_READ, SELECT, READS, IN_FLIGHT);
  compare("reads, 64 in flight", READS, a, measure_plain(db, SELECT, READS));
  a = measure(&r, MH_STORE_WRITE, UPDATE, WRITES, IN_FLIGHT);
  compare("writes, 64 in flight", WRITES, a, measure_plain(db, UPDATE, WRITES));
  a = measure(&r, MH_STORE_WRITE, UPDATE, BURST, BURST);
  compare("writes, 10,000 at once", BURST, a, measure_plain(db, UPDATE, WRITES) * BURST / WRITES);
  a = measure(&r, MH_STORE_READ, SELECT, TRIPS, 1);
  double b = measure_plain(db, SELECT, TRIPS);
  printf("store %-28s %9.1f us   plain sqlite %9.1f us   one thread round trip %.1f us\n",
         "a read alone", a / TRIPS * 1e6, b / TRIPS * 1e6, (a - b) / TRIPS * 1e6);

  sqlite3_close(db);
  r.host.closers->on_close(r.host.closers);
  mh_loop_fini(&r.host.loop);
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command);
}
