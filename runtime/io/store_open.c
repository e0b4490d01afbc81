/* Opening a store: its connection, and the version of what is in it. See store_conn.h. */
#include "io/store_conn.h"

static int read_version(mh_store_conn *conn, mh_store_job *job, size_t *version) {
  sqlite3_stmt *stmt;
  int code = sqlite3_prepare_v2(conn->db, "PRAGMA user_version", -1, &stmt, NULL);
  if (code == SQLITE_OK) {
    if (sqlite3_step(stmt) == SQLITE_ROW) {
      int64_t found = sqlite3_column_int64(stmt, 0);
      *version = found < 0 ? SIZE_MAX : (size_t)found;
    }
    code = sqlite3_finalize(stmt);
  }
  return code == SQLITE_OK ? 0 : mh_store_fail_sqlite(job, conn, code);
}

static int set_version(mh_store_conn *conn, mh_store_job *job) {
  char *sql = sqlite3_mprintf("PRAGMA user_version=%lld", (long long)job->count);
  int code = sql == NULL ? SQLITE_NOMEM : mh_store_conn_exec(conn, sql);
  sqlite3_free(sql);
  return code == SQLITE_OK ? 0 : mh_store_fail_sqlite(job, conn, code);
}

static int check_foreign_keys(mh_store_conn *conn, mh_store_job *job) {
  sqlite3_stmt *stmt;
  int code = sqlite3_prepare_v2(conn->db, "PRAGMA foreign_key_check", -1, &stmt, NULL);
  if (code != SQLITE_OK) return mh_store_fail_sqlite(job, conn, code);
  int e = 0;
  if (sqlite3_step(stmt) == SQLITE_ROW)
    e = mh_store_fail(job, "constraint", "after migration %zu a row of %s refers to nothing",
                      job->count, (const char *)sqlite3_column_text(stmt, 0));
  code = sqlite3_finalize(stmt);
  return code == SQLITE_OK || e != 0 ? e : mh_store_fail_sqlite(job, conn, code);
}

static int fail_newer(mh_store_conn *conn, mh_store_job *job, size_t version) {
  return mh_store_fail(job, "newer", "%s: version %zu was made by a newer program (this one: %zu)",
                       conn->path, version, job->count);
}

/* Inside of the transaction. The version is read again: another process may have been faster. */
static int migrate_from_here(mh_store_conn *conn, mh_store_job *job) {
  size_t version = 0;
  int e = read_version(conn, job, &version);
  if (e != 0 || version == job->count) return e;
  if (version > job->count) return fail_newer(conn, job, version);
  for (size_t i = version; i < job->count; i++) {
    int code = mh_store_conn_exec(conn, job->statements[i].sql);
    if (code == SQLITE_OK) continue;
    job->failed = i + 1;
    return mh_store_fail_sqlite(job, conn, code);
  }
  e = check_foreign_keys(conn, job);
  return e != 0 ? e : set_version(conn, job);
}

static int migrate_in_transaction(mh_store_conn *conn, mh_store_job *job) {
  int code = mh_store_conn_control(conn, MH_CONTROL_BEGIN_IMMEDIATE);
  if (code != SQLITE_OK) return mh_store_fail_sqlite(job, conn, code);
  int e = migrate_from_here(conn, job);
  if (e == 0) {
    code = mh_store_conn_control(conn, MH_CONTROL_COMMIT);
    if (code != SQLITE_OK) e = mh_store_fail_sqlite(job, conn, code);
  }
  if (!sqlite3_get_autocommit(conn->db)) mh_store_conn_control(conn, MH_CONTROL_ROLLBACK);
  return e;
}

/* Foreign keys are off meanwhile, or a migration that rebuilds a table would delete what refers to
 * it; the result is checked instead. */
static int migrate(mh_store_conn *conn, mh_store_job *job) {
  if (job->count == 0) return 0;
  size_t version = 0;
  int e = read_version(conn, job, &version);
  if (e != 0 || version == job->count) return e;
  if (version > job->count) return fail_newer(conn, job, version);
  mh_store_conn_exec(conn, "PRAGMA foreign_keys=OFF");
  e = migrate_in_transaction(conn, job);
  mh_store_conn_exec(conn, "PRAGMA foreign_keys=ON");
  return e;
}

void mh_store_run_open(mh_store_conn *conn, mh_store_job *job) {
  if (mh_store_conn_open(conn, job) != 0) return;
  conn->job = job;
  migrate(conn, job);
  conn->job = NULL;
}
