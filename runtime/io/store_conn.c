/* One SQLite connection: opening, statements, waiting for other processes, reasons of failures.
 * See store_conn.h. */
#include "io/store_conn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "io/store_file.h"
#include "moonherd.h"

/* The log is copied into the database when it has this many pages (SQLite's own default). */
enum { CHECKPOINT_PAGES = 1000 };
/* Instructions of SQLite's machine between two looks at whether the job was cancelled. */
enum { PROGRESS_STEPS = 20000 };

static const char *const CONTROL_SQL[MH_CONTROL_COUNT] = {
    [MH_CONTROL_BEGIN] = "BEGIN",
    [MH_CONTROL_BEGIN_IMMEDIATE] = "BEGIN IMMEDIATE",
    [MH_CONTROL_COMMIT] = "COMMIT",
    [MH_CONTROL_ROLLBACK] = "ROLLBACK",
    [MH_CONTROL_SAVEPOINT] = "SAVEPOINT list",
    [MH_CONTROL_RELEASE] = "RELEASE list",
    [MH_CONTROL_ROLLBACK_TO] = "ROLLBACK TO list",
};

/* ---- reasons ------------------------------------------------------------------------------- */

int mh_store_fail(mh_store_job *job, const char *reason, const char *format, ...) {
  job->reason = reason;
  job->code = 0;
  mh_buf_fini(&job->results);
  va_list args;
  va_start(args, format);
  mh_buf_vprintf(&job->results, format, args);
  va_end(args);
  return MOONHERD_EIO;
}

/* SQLite reports some full disks as I/O errors: those of the -shm file. */
static bool is_disk_full(const mh_store_conn *conn, int code) {
  if ((code & 0xff) == SQLITE_FULL) return true;
  if ((code & 0xff) != SQLITE_IOERR || conn->db == NULL) return false;
  int e = sqlite3_system_errno(conn->db);
  return e == ENOSPC || e == EDQUOT;
}

static const char *reason_of(const mh_store_conn *conn, int code) {
  if (is_disk_full(conn, code)) return "disk_full";
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return "locked";
    case SQLITE_READONLY:
    case SQLITE_PERM: return "read_only";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return "corrupt";
    case SQLITE_CANTOPEN: return "cannot_open";
    case SQLITE_CONSTRAINT: return "constraint";
    case SQLITE_NOMEM: return "memory";
    case SQLITE_IOERR: return "io";
    case SQLITE_INTERRUPT: return "interrupted";
    default: return "sql";
  }
}

/* What SQLite says, with the file where the file is to blame, and with what the system said. */
int mh_store_fail_sqlite(mh_store_job *job, const mh_store_conn *conn, int code) {
  const char *reason = reason_of(conn, code);
  const char *text = conn->db != NULL ? sqlite3_errmsg(conn->db) : sqlite3_errstr(code);
  int primary = code & 0xff;
  if (primary == SQLITE_AUTH) {
    mh_store_fail(
        job, reason,
        "not allowed: a list cannot begin, end or roll back, nor attach, nor change what holds "
        "for all of the process");
  } else if (primary == SQLITE_CANTOPEN || primary == SQLITE_IOERR) {
    int e = conn->db != NULL ? sqlite3_system_errno(conn->db) : 0;
    mh_store_fail(job, reason, "%s: %s%s%s", conn->path, text, e != 0 ? ": " : "",
                  e != 0 ? uv_strerror(uv_translate_sys_error(e)) : "");
  } else if (primary == SQLITE_CONSTRAINT || strcmp(reason, "sql") == 0) {
    mh_store_fail(job, reason, "%s", text);
  } else {
    mh_store_fail(job, reason, "%s: %s", conn->path, text);
  }
  job->code = code;
  return MOONHERD_EIO;
}

/* ---- callbacks of SQLite ------------------------------------------------------------------- */

static bool is_unwanted(const mh_store_conn *conn) {
  return conn->job != NULL && atomic_load(&conn->job->is_unwanted);
}

static bool all_unwanted(const mh_store_job *first) {
  const mh_store_job *job = first;
  while (job != NULL && atomic_load(&job->is_unwanted)) job = job->next;
  return first != NULL && job == NULL;
}

/* Another process holds the lock. Looks often, because a busy writer lets go for a moment only,
 * between two commits. */
static int on_busy(void *user, int count) {
  mh_store_conn *conn = user;
  uint64_t now = mh_clock_now(&conn->clock);
  if (count == 0) conn->busy_since = now;
  if (now - conn->busy_since >= conn->lock_wait) return 0;
  if (is_unwanted(conn) || all_unwanted(conn->batch)) return 0;
  uv_sleep(count < 4 ? 1 : 2);
  return 1;
}

static int on_progress(void *user) {
  return is_unwanted(user);
}

static bool is_listed(const char *name, const char *const *list) {
  while (*list != NULL && sqlite3_stricmp(name, *list) != 0) list++;
  return *list != NULL;
}

/* What holds for all of the process, and what lets the file's own rows or somebody else's hand end it:
 * a mapped file that becomes shorter is a signal. */
static const char *const PRAGMAS[] = {"temp_store_directory",
                                      "data_store_directory",
                                      "hard_heap_limit",
                                      "soft_heap_limit",
                                      "mmap_size",
                                      "writable_schema",
                                      NULL};

/* Those that take the address of code, even as a parameter, or a library. */
static const char *const FUNCTIONS[] = {"fts3_tokenizer", "load_extension", NULL};

static int on_authorize(void *user, int action, const char *a, const char *b, const char *c,
                        const char *d) {
  (void)c, (void)d;
  const mh_store_conn *conn = user;
  if (conn->is_control) return SQLITE_OK;
  switch (action) {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH: return SQLITE_DENY;
    case SQLITE_PRAGMA: return is_listed(a, PRAGMAS) ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_FUNCTION: return is_listed(b, FUNCTIONS) ? SQLITE_DENY : SQLITE_OK;
    default: return SQLITE_OK;
  }
}

static int on_commit(void *user, sqlite3 *db, const char *name, int pages) {
  (void)db, (void)name;
  mh_store_conn *conn = user;
  conn->wal_pages = pages;
  return SQLITE_OK;
}

/* ---- statements ---------------------------------------------------------------------------- */

int mh_store_conn_control(mh_store_conn *conn, mh_store_control which) {
  sqlite3_stmt **stmt = &conn->controls[which];
  int code = SQLITE_OK;
  conn->is_control = true;
  if (*stmt == NULL)
    code =
        sqlite3_prepare_v3(conn->db, CONTROL_SQL[which], -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
  if (code == SQLITE_OK) {
    sqlite3_step(*stmt);
    code = sqlite3_reset(*stmt);
  }
  conn->is_control = false;
  return code;
}

int mh_store_conn_exec(mh_store_conn *conn, const char *sql) {
  return sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
}

/* Whether something else than space and comments follows the first statement. */
static bool is_followed(mh_store_conn *conn, const char *tail) {
  sqlite3_stmt *second = NULL;
  bool followed = false;
  while (*tail != '\0' && !followed) {
    const char *from = tail;
    followed =
        sqlite3_prepare_v2(conn->db, from, -1, &second, &tail) != SQLITE_OK || second != NULL;
    sqlite3_finalize(second);
    if (tail == from) break;
  }
  return followed;
}

int mh_store_conn_prepare(mh_store_conn *conn, mh_store_job *job,
                          const mh_store_statement *statement, sqlite3_stmt **stmt) {
  *stmt = mh_store_cache_find(&conn->cache, statement->sql, statement->sql_n);
  if (*stmt != NULL) return 0;
  if (memchr(statement->sql, '\0', statement->sql_n) != NULL)
    return mh_store_fail(job, "sql", "the statement holds a zero byte");
  const char *tail;
  int code =
      sqlite3_prepare_v3(conn->db, statement->sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, &tail);
  if (code != SQLITE_OK) return mh_store_fail_sqlite(job, conn, code);
  if (*stmt == NULL) return mh_store_fail(job, "sql", "the statement is empty");
  if (is_followed(conn, tail)) {
    sqlite3_finalize(*stmt);
    *stmt = NULL;
    return mh_store_fail(job, "sql", "more than one statement in one text");
  }
  code = mh_store_cache_add(&conn->cache, statement->sql, statement->sql_n, *stmt);
  if (code == SQLITE_OK) return 0;
  *stmt = NULL;
  return mh_store_fail_sqlite(job, conn, code);
}

/* ---- opening and closing ------------------------------------------------------------------- */

/* Some locks are taken without asking on_busy (the change to WAL): so it is asked here. */
static int retry_exec(mh_store_conn *conn, const char *sql) {
  int code, count = 0;
  do {
    code = mh_store_conn_exec(conn, sql);
  } while ((code & 0xff) == SQLITE_BUSY && on_busy(conn, count++));
  return code;
}

static int set_up(mh_store_conn *conn) {
  sqlite3 *db = conn->db;
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_handler(db, on_busy, conn);
  sqlite3_progress_handler(db, PROGRESS_STEPS, on_progress, conn);
  sqlite3_set_authorizer(db, on_authorize, conn);
  // Whatever the SQL is, it cannot break the file's own structure.
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  if (conn->is_reader) return retry_exec(conn, "PRAGMA query_only=ON");
  int code = retry_exec(conn, "PRAGMA journal_mode=WAL");
  if (code == SQLITE_OK)
    code = retry_exec(conn,
                      "PRAGMA synchronous=FULL;"
                      "PRAGMA foreign_keys=ON;"
                      "PRAGMA journal_size_limit=67108864");
  if (code == SQLITE_OK && conn->is_temporary) code = retry_exec(conn, "PRAGMA synchronous=OFF");
  sqlite3_wal_hook(db, on_commit, conn);  // replaces the checkpoint inside of COMMIT
  return code;
}

static int check_mode(mh_store_conn *conn, mh_store_job *job) {
  if (sqlite3_db_readonly(conn->db, "main") == 1)
    return mh_store_fail(job, "read_only", "%s: the file is read-only", conn->path);
  return 0;
}

static void close_db(mh_store_conn *conn) {
  for (size_t i = 0; i < MH_CONTROL_COUNT; i++) {
    sqlite3_finalize(conn->controls[i]);
    conn->controls[i] = NULL;
  }
  mh_store_cache_fini(&conn->cache);
  sqlite3_close(conn->db);
  conn->db = NULL;
}

static int make_file(const mh_store_conn *conn, mh_store_job *job) {
  mh_buf why;
  mh_buf_init(&why, NULL);
  const char *reason = mh_store_file_make(conn->path, conn->makes_folders, conn->guard, &why);
  const char *text = mh_buf_cstr(&why);
  int e = reason == NULL ? 0 : mh_store_fail(job, reason, "%s", text != NULL ? text : reason);
  mh_buf_fini(&why);
  return e;
}

int mh_store_conn_open(mh_store_conn *conn, mh_store_job *job) {
  if (conn->db != NULL) return 0;
  int e = conn->is_reader ? 0 : make_file(conn, job);
  if (e != 0) return e;
  conn->job = job;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (conn->guard != NULL) flags |= SQLITE_OPEN_NOFOLLOW;
  int code = sqlite3_open_v2(conn->path, &conn->db, flags, NULL);
  if (code == SQLITE_OK) e = check_mode(conn, job);
  if (code == SQLITE_OK && e == 0) code = set_up(conn);
  if (code != SQLITE_OK) e = mh_store_fail_sqlite(job, conn, code);
  conn->job = NULL;
  if (e != 0) close_db(conn);
  return e;
}

void mh_store_conn_init(mh_store_conn *conn, const char *path, bool is_reader, uint64_t lock_wait,
                        const mh_guard *guard) {
  memset(conn, 0, sizeof *conn);
  conn->path = path;
  conn->is_reader = is_reader;
  conn->lock_wait = lock_wait;
  conn->guard = guard;
  mh_clock_init_real(&conn->clock);
  mh_store_cache_init(&conn->cache);
}

void mh_store_conn_fini(mh_store_conn *conn) {
  close_db(conn);  // the last connection of all processes copies the log and removes it
  if (conn->is_temporary) unlink(conn->path);
}

mh_store_conn *mh_store_conn_new(const char *path, uint64_t lock_wait, const mh_guard *guard) {
  mh_store_conn *conn = malloc(sizeof *conn);
  if (conn != NULL) mh_store_conn_init(conn, path, true, lock_wait, guard);
  return conn;
}

void mh_store_conn_free(mh_store_conn *conn) {
  if (conn == NULL) return;
  mh_store_conn_fini(conn);
  free(conn);
}

void mh_store_conn_checkpoint(mh_store_conn *conn) {
  if (conn->db == NULL || conn->wal_pages < CHECKPOINT_PAGES) return;
  if (!sqlite3_get_autocommit(conn->db)) return;  // it would fail inside of a transaction
  conn->wal_pages = 0;
  sqlite3_wal_checkpoint_v2(conn->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}
