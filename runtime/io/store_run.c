/* Running lists of statements on a connection and packing what they return. See store_conn.h.
 *
 * A result in job->results, for each statement one after the other: the names of the columns as
 * text cells, then the cells of the rows. A cell is one byte of type, then eight bytes of number, or
 * four bytes of length and the bytes themselves, or nothing. */
#include <string.h>

#include "io/store_conn.h"
#include "io/store_rows_state.h"
#include "moonherd.h"

/* Bounds of a page: the first is for rows of a few numbers, which take more room as tables. */
enum { PAGE_ROWS = 1024, PAGE_BYTES = 256 * 1024 };

/* ---- packing ------------------------------------------------------------------------------- */

static int pack_bytes(mh_buf *to, mh_store_type type, const void *bytes, size_t n) {
  uint32_t length = (uint32_t)n;  // SQLite's limit is 10^9
  if (mh_buf_reserve(to, 1 + sizeof length + n) != 0) return SQLITE_NOMEM;
  mh_buf_putc(to, (char)type);
  mh_buf_append(to, &length, sizeof length);
  mh_buf_append(to, bytes, n);
  return SQLITE_OK;
}

static int pack_number(mh_buf *to, mh_store_type type, const void *number) {
  if (mh_buf_reserve(to, 9) != 0) return SQLITE_NOMEM;
  mh_buf_putc(to, (char)type);
  mh_buf_append(to, number, 8);
  return SQLITE_OK;
}

static int pack_text(mh_buf *to, sqlite3_stmt *stmt, int column) {
  const void *text = sqlite3_column_text(stmt, column);
  if (text == NULL) return SQLITE_NOMEM;
  return pack_bytes(to, MH_STORE_TEXT, text, (size_t)sqlite3_column_bytes(stmt, column));
}

static int pack_blob(mh_buf *to, sqlite3_stmt *stmt, int column) {
  const void *blob = sqlite3_column_blob(stmt, column);
  size_t n = (size_t)sqlite3_column_bytes(stmt, column);
  if (blob == NULL && n > 0) return SQLITE_NOMEM;
  return pack_bytes(to, MH_STORE_BLOB, blob, n);
}

static int pack_cell(mh_buf *to, sqlite3_stmt *stmt, int column) {
  switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER: {
      int64_t integer = sqlite3_column_int64(stmt, column);
      return pack_number(to, MH_STORE_INTEGER, &integer);
    }
    case SQLITE_FLOAT: {
      double real = sqlite3_column_double(stmt, column);
      return pack_number(to, MH_STORE_REAL, &real);
    }
    case SQLITE_TEXT: return pack_text(to, stmt, column);
    case SQLITE_BLOB: return pack_blob(to, stmt, column);
    default: return mh_buf_putc(to, MH_STORE_NULL) == 0 ? SQLITE_OK : SQLITE_NOMEM;
  }
}

static int pack_names(mh_buf *to, sqlite3_stmt *stmt, int columns) {
  for (int i = 0; i < columns; i++) {
    const char *name = sqlite3_column_name(stmt, i);
    if (name == NULL) return SQLITE_NOMEM;
    int code = pack_bytes(to, MH_STORE_TEXT, name, strlen(name));
    if (code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

static int pack_row(mh_buf *to, sqlite3_stmt *stmt, int columns) {
  for (int i = 0; i < columns; i++) {
    int code = pack_cell(to, stmt, i);
    if (code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

mh_store_cursor mh_store_results(const mh_store_job *job, size_t statement) {
  return (mh_store_cursor){job->results.data + job->statements[statement].at};
}

void mh_store_next(mh_store_cursor *cursor, mh_store_value *value) {
  value->type = (mh_store_type)*cursor->at++;
  switch (value->type) {
    case MH_STORE_NULL: break;
    case MH_STORE_INTEGER:
    case MH_STORE_REAL:
      memcpy(&value->integer, cursor->at, 8);
      cursor->at += 8;
      break;
    case MH_STORE_TEXT:
    case MH_STORE_BLOB: {
      uint32_t length;
      memcpy(&length, cursor->at, sizeof length);
      value->n = length;
      value->bytes = cursor->at + sizeof length;
      cursor->at = value->bytes + length;
      break;
    }
  }
}

/* ---- one statement ------------------------------------------------------------------------- */

static int bind_one(sqlite3_stmt *stmt, int place, const mh_store_value *value,
                    sqlite3_destructor_type keep) {
  switch (value->type) {
    case MH_STORE_INTEGER: return sqlite3_bind_int64(stmt, place, value->integer);
    case MH_STORE_REAL: return sqlite3_bind_double(stmt, place, value->real);
    case MH_STORE_TEXT:
      return sqlite3_bind_text64(stmt, place, value->bytes, value->n, keep, SQLITE_UTF8);
    case MH_STORE_BLOB: return sqlite3_bind_blob64(stmt, place, value->bytes, value->n, keep);
    default: return sqlite3_bind_null(stmt, place);
  }
}

static int bind_all(mh_store_conn *conn, mh_store_job *job, const mh_store_statement *statement,
                    sqlite3_stmt *stmt) {
  int wanted = sqlite3_bind_parameter_count(stmt);
  if ((size_t)wanted != statement->param_count)
    return mh_store_fail(job, "sql", "the statement takes %d value%s, not %zu", wanted,
                         wanted == 1 ? "" : "s", statement->param_count);
  // A page may not be the last: its statement goes on when the job with its bytes is gone.
  sqlite3_destructor_type keep = job->verb == MH_STORE_PAGE ? SQLITE_TRANSIENT : SQLITE_STATIC;
  for (int i = 0; i < wanted; i++) {
    int code = bind_one(stmt, i + 1, &statement->params[i], keep);
    if (code != SQLITE_OK) return mh_store_fail_sqlite(job, conn, code);
  }
  return 0;
}

static bool has_enough(const mh_store_job *job, const mh_store_statement *statement) {
  if (job->verb == MH_STORE_PAGE)
    return statement->rows >= PAGE_ROWS || job->results.len >= PAGE_BYTES;
  return job->most_rows > 0 && statement->rows >= job->most_rows;
}

/* Steps until there is no row left, or the job has enough of them; `has_more` says which. */
static int step_all(mh_store_conn *conn, mh_store_job *job, mh_store_statement *statement,
                    sqlite3_stmt *stmt, bool *has_more) {
  int64_t before = sqlite3_total_changes64(conn->db);
  int code = sqlite3_step(stmt);
  int columns = sqlite3_column_count(stmt);  // after the step: it may have been compiled again
  statement->columns = (size_t)columns;
  statement->at = job->results.len;
  int packed = pack_names(&job->results, stmt, columns);
  while (code == SQLITE_ROW && packed == SQLITE_OK) {
    packed = pack_row(&job->results, stmt, columns);
    statement->rows++;
    if (has_enough(job, statement)) break;
    code = sqlite3_step(stmt);
  }
  if (packed != SQLITE_OK) return mh_store_fail(job, "memory", "not enough memory for the rows");
  *has_more = code == SQLITE_ROW;
  if (*has_more) return 0;
  if (code != SQLITE_DONE) return mh_store_fail_sqlite(job, conn, code);
  // A statement that is no INSERT, UPDATE or DELETE leaves the number of the one before it.
  if (sqlite3_total_changes64(conn->db) != before) statement->changes = sqlite3_changes64(conn->db);
  return 0;
}

static bool is_met(const mh_store_statement *statement, sqlite3_stmt *stmt) {
  if (statement->expect == MH_STORE_ANY) return true;
  int64_t found = sqlite3_stmt_readonly(stmt) ? (int64_t)statement->rows : statement->changes;
  return found == statement->expect;
}

/* A statement with its values, ready to be stepped. */
static int compile(mh_store_conn *conn, mh_store_job *job, const mh_store_statement *statement,
                   sqlite3_stmt **stmt) {
  int e = mh_store_conn_prepare(conn, job, statement, stmt);
  if (e != 0) return e;
  if (job->verb != MH_STORE_WRITE && !sqlite3_stmt_readonly(*stmt))
    return mh_store_fail(job, "sql", "a read cannot change anything: use write");
  return bind_all(conn, job, statement, *stmt);
}

/* Accepts NULL: it was not compiled. */
static void reset(sqlite3_stmt *stmt) {
  if (stmt == NULL) return;
  sqlite3_reset(stmt);
  sqlite3_clear_bindings(stmt);
}

/* 0, MOONHERD_EIO when it failed, MOONHERD_EFULL when it missed its expectation. */
static int run_statement(mh_store_conn *conn, mh_store_job *job, mh_store_statement *statement) {
  sqlite3_stmt *stmt = NULL;
  bool has_more = false;
  int e = compile(conn, job, statement, &stmt);
  if (e == 0) e = step_all(conn, job, statement, stmt, &has_more);
  reset(stmt);
  if (e == 0 && !is_met(statement, stmt)) e = MOONHERD_EFULL;
  return e;
}

/* ---- lists --------------------------------------------------------------------------------- */

static void forget_results(mh_store_job *job) {
  mh_buf_clear(&job->results);
  job->reason = NULL;
  job->failed = job->missed = 0;
  job->code = 0;
  for (size_t i = 0; i < job->count; i++) {
    mh_store_statement *statement = &job->statements[i];
    statement->changes = 0;
    statement->rows = statement->columns = statement->at = 0;
  }
}

static bool run_list(mh_store_conn *conn, mh_store_job *job) {
  forget_results(job);
  if (atomic_load(&job->is_unwanted)) {
    mh_store_fail(job, "interrupted", "cancelled before it ran");
    return false;
  }
  conn->job = job;
  int e = 0;
  for (size_t i = 0; i < job->count && e == 0; i++) {
    e = run_statement(conn, job, &job->statements[i]);
    if (e == MOONHERD_EFULL) job->missed = i + 1;
    else if (e != 0) job->failed = i + 1;
  }
  conn->job = NULL;
  return e == 0;
}

void mh_store_run_read(mh_store_conn *conn, mh_store_job *job, bool keep_snapshot) {
  if (mh_store_conn_open(conn, job) != 0) return;
  bool needs_snapshot = job->count > 1 || keep_snapshot;  // one statement is one by itself
  if (needs_snapshot && sqlite3_get_autocommit(conn->db)) {
    int code = mh_store_conn_control(conn, MH_CONTROL_BEGIN);
    if (code != SQLITE_OK) {
      mh_store_fail_sqlite(job, conn, code);
      return;
    }
  }
  run_list(conn, job);
}

bool mh_store_has_snapshot(const mh_store_conn *conn) {
  return conn != NULL && conn->db != NULL && !sqlite3_get_autocommit(conn->db);
}

void mh_store_end_snapshot(mh_store_conn *conn) {
  mh_store_conn_control(conn, MH_CONTROL_COMMIT);
}

/* ---- rows, page by page -------------------------------------------------------------------- */

/* The first page: 0 when it is there. What was compiled stays in the cache of the connection. */
static int begin_rows(mh_store_conn *conn, mh_store_job *job) {
  job->rows->has_begun = true;
  int e = mh_store_conn_open(conn, job);
  return e != 0 ? e : compile(conn, job, &job->statements[0], &job->rows->stmt);
}

/* Reads a page; returns whether more may follow. */
static bool read_page(mh_store_conn *conn, mh_store_job *job) {
  bool has_more = false;
  if (atomic_load(&job->is_unwanted)) {
    mh_store_fail(job, "interrupted", "cancelled before it ran");
    return false;
  }
  int e = job->rows->has_begun ? 0 : begin_rows(conn, job);
  conn->job = job;
  if (e == 0) e = step_all(conn, job, &job->statements[0], job->rows->stmt, &has_more);
  if (e != 0) job->failed = 1;
  conn->job = NULL;
  return has_more;
}

/* Most rows fit in the first page, and are read on the connection of the thread. Those that go on
 * keep it, with the snapshot they began on. */
void mh_store_run_page(mh_store_conn **own, mh_store_job *job) {
  mh_store_rows *rows = job->rows;
  mh_store_conn *conn = rows->conn != NULL ? rows->conn : *own;
  rows->has_more = read_page(conn, job);
  if (rows->has_more && rows->conn == NULL) {
    rows->conn = conn;
    *own = NULL;
  } else if (!rows->has_more) {
    reset(rows->stmt);
    rows->stmt = NULL;
    mh_store_conn_free(rows->conn);
    rows->conn = NULL;
  }
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Whether the transaction still stands. What the list did is undone unless all of it went well. */
static bool write_list(mh_store_conn *conn, mh_store_job *job) {
  int code = mh_store_conn_control(conn, MH_CONTROL_SAVEPOINT);
  if (code == SQLITE_OK) {
    bool went_well = run_list(conn, job);
    // SQLite gives up everything on a full disk, an I/O error or lack of memory.
    if (sqlite3_get_autocommit(conn->db)) return false;
    if (!went_well) code = mh_store_conn_control(conn, MH_CONTROL_ROLLBACK_TO);
    if (code == SQLITE_OK) code = mh_store_conn_control(conn, MH_CONTROL_RELEASE);
  }
  if (code == SQLITE_OK) return true;
  mh_store_fail_sqlite(job, conn, code);
  return false;
}

void mh_store_roll_back(mh_store_conn *conn) {
  if (!sqlite3_get_autocommit(conn->db)) mh_store_conn_control(conn, MH_CONTROL_ROLLBACK);
}

static void fail_all(mh_store_conn *conn, mh_store_job *first, int code) {
  for (mh_store_job *job = first; job != NULL; job = job->next)
    mh_store_fail_sqlite(job, conn, code);
}

/* Whether every list has its answer; if not, nothing has been applied. A list that is alone and lost
 * the transaction has its answer too. */
static bool write_together(mh_store_conn *conn, mh_store_job *first) {
  conn->batch = first;
  int code = mh_store_conn_control(conn, MH_CONTROL_BEGIN_IMMEDIATE);
  conn->batch = NULL;
  if (code != SQLITE_OK) {
    fail_all(conn, first, code);
    return true;
  }
  bool stands = true;
  for (mh_store_job *job = first; job != NULL && stands; job = job->next)
    stands = write_list(conn, job);
  if (stands) {
    code = mh_store_conn_control(conn, MH_CONTROL_COMMIT);
    if (code == SQLITE_OK) return true;
    fail_all(conn, first, code);
  }
  mh_store_roll_back(conn);
  return false;
}

void mh_store_run_writes(mh_store_conn *conn, mh_store_job *first) {
  if (write_together(conn, first) || first->next == NULL) return;
  for (mh_store_job *job = first; job != NULL;) {
    mh_store_job *next = job->next;
    job->next = NULL;
    write_together(conn, job);
    job->next = next;
    job = next;
  }
}

/* ---- transactions -------------------------------------------------------------------------- */

static void begin(mh_store_conn *conn, mh_store_job *job) {
  conn->batch = job;
  int code = mh_store_conn_control(conn, MH_CONTROL_BEGIN_IMMEDIATE);
  conn->batch = NULL;
  if (code != SQLITE_OK) mh_store_fail_sqlite(job, conn, code);
}

/* Some failures leave the transaction open: foreign keys that are checked at its end. */
static void commit(mh_store_conn *conn, mh_store_job *job) {
  int code = mh_store_conn_control(conn, MH_CONTROL_COMMIT);
  if (code != SQLITE_OK) mh_store_fail_sqlite(job, conn, code);
  mh_store_roll_back(conn);
}

void mh_store_run_inner(mh_store_conn *conn, mh_store_job *job, bool is_over) {
  if (job->verb == MH_STORE_BEGIN) {
    begin(conn, job);
    return;
  }
  // SQLite may have given it up by itself: see write_list.
  if (is_over || sqlite3_get_autocommit(conn->db))
    mh_store_fail(job, "rolled_back", "the transaction was rolled back");
  else if (job->verb == MH_STORE_COMMIT) commit(conn, job);
  else if (job->verb == MH_STORE_READ) run_list(conn, job);
  else write_list(conn, job);
}
