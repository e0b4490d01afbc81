/* Opening a store: the file, its folders, its version. See store_conn.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "core/place.h"
#include "io/store_conn.h"
#include "moonherd.h"

/* ---- the file ------------------------------------------------------------------------------ */

static int fail_errno(mh_store_job *job, const char *path, const char *what, int e) {
  const char *reason = "cannot_open";
  if (e == EROFS) reason = "read_only";
  if (e == ENOSPC || e == EDQUOT) reason = "disk_full";
  return mh_store_fail(job, reason, "%s: %s%s", path, what, uv_strerror(uv_translate_sys_error(e)));
}

static bool is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Makes the folders above `path`, which is written to meanwhile. Returns 0 or errno. */
static int make_folders(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    int e = mkdir(path, 0700) == 0 ? 0 : errno;
    if (e != 0 && is_folder(path)) e = 0;  // some systems refuse before they look
    *slash = '/';
    if (e != 0) return e == EEXIST ? ENOTDIR : e;
  }
  return 0;
}

/* Not with open and close: closing any descriptor of a file drops all locks that this process holds
 * on it, and another handle may have opened it meanwhile. Returns 0 or errno. */
static int make_node(const char *path, const mh_guard *guard) {
  mh_place place;
  int e = -mh_place_enter(&place, guard, path, MH_PLACE_WRITE);
  if (e == 0 && mknodat(place.folder, place.name, S_IFREG | 0600, 0) != 0) e = errno;
  mh_place_fini(&place);
  return e == EEXIST ? 0 : e == -MH_PLACE_REFUSED ? EACCES : e;
}

int mh_store_make_file(const char *path, const mh_guard *guard, mh_store_job *job) {
  struct stat st;
  if (stat(path, &st) == 0) {
    if (S_ISREG(st.st_mode)) return 0;
    return mh_store_fail(job, "cannot_open", "%s: %s", path,
                         S_ISDIR(st.st_mode) ? "is a folder" : "is not a regular file");
  }
  if (errno != ENOENT) return fail_errno(job, path, "", errno);
  char *copy = strdup(path);
  if (copy == NULL) return mh_store_fail(job, "memory", "not enough memory");
  int e = guard == NULL ? make_folders(copy) : 0;
  free(copy);
  if (e != 0) return fail_errno(job, path, "cannot make its folder: ", e);
  e = make_node(path, guard);
  return e == 0 ? 0 : fail_errno(job, path, "", e);
}

/* ---- the version --------------------------------------------------------------------------- */

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
