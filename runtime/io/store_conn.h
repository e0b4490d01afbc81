/* Inside of the store: one SQLite connection, used by one thread only, and the running of jobs on
 * it. store.c alone uses this; everybody else uses store.h. */
#ifndef MH_STORE_CONN_H
#define MH_STORE_CONN_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "io/store.h"
#include "io/store_cache.h"

/* Our own statements: the only ones that may begin or end a transaction. */
typedef enum mh_store_control {
  MH_CONTROL_BEGIN,
  MH_CONTROL_BEGIN_IMMEDIATE,
  MH_CONTROL_COMMIT,
  MH_CONTROL_ROLLBACK,
  MH_CONTROL_SAVEPOINT,
  MH_CONTROL_RELEASE,
  MH_CONTROL_ROLLBACK_TO,
  MH_CONTROL_COUNT
} mh_store_control;

typedef struct mh_store_conn {
  sqlite3 *db;      /* NULL: not open */
  const char *path; /* absolute; the store's */
  bool is_reader;
  bool makes_folders; /* of the writer: those above the file, when they are missing */
  bool is_temporary;  /* of the writer: the file goes when the connection is closed */
  const mh_guard *guard;
  mh_clock clock;      /* real, whatever the loop's is: other processes live in real time */
  uint64_t lock_wait;  /* ns to wait for another process */
  uint64_t busy_since; /* when the wait under way began */
  bool is_control;     /* a control statement is being compiled */
  mh_store_job *job;   /* the one that runs now, or NULL */
  mh_store_job *batch; /* those that wait for the lock, linked by next, or NULL */
  int wal_pages;       /* in the log after the last commit */
  sqlite3_stmt *controls[MH_CONTROL_COUNT];
  mh_store_cache cache;
} mh_store_conn;

/* ---- store_conn.c -------------------------------------------------------------------------- */

void mh_store_conn_init(mh_store_conn *conn, const char *path, bool is_reader, uint64_t lock_wait,
                        const mh_guard *guard);
void mh_store_conn_fini(mh_store_conn *conn);

/* One of a reader, in memory of its own; NULL without memory. The second accepts NULL. */
mh_store_conn *mh_store_conn_new(const char *path, uint64_t lock_wait, const mh_guard *guard);
void mh_store_conn_free(mh_store_conn *conn);

/* Opens the connection unless it is open. The writer makes the file when it is missing; a reader
 * comes after the writer. 0, or MOONHERD_EIO and the job says why. */
int mh_store_conn_open(mh_store_conn *conn, mh_store_job *job);

/* A compiled statement from the cache, ready to be bound; NULL when it fails. */
int mh_store_conn_prepare(mh_store_conn *conn, mh_store_job *job,
                          const mh_store_statement *statement, sqlite3_stmt **stmt);

/* These return SQLite's result code. */
int mh_store_conn_control(mh_store_conn *conn, mh_store_control which);
int mh_store_conn_exec(mh_store_conn *conn, const char *sql);

/* Copies the log into the database file when it has grown. Never waits for anybody. */
void mh_store_conn_checkpoint(mh_store_conn *conn);

/* Records why the job failed; both return MOONHERD_EIO. The second takes reason and message from
 * SQLite: disk_full locked read_only corrupt cannot_open constraint memory io interrupted sql. */
int mh_store_fail(mh_store_job *job, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int mh_store_fail_sqlite(mh_store_job *job, const mh_store_conn *conn, int code);

/* ---- store_open.c -------------------------------------------------------------------------- */

/* Runs a job MH_STORE_OPEN: opens the connection, then migrates. */
void mh_store_run_open(mh_store_conn *conn, mh_store_job *job);

/* ---- store_run.c --------------------------------------------------------------------------- */

/* On the snapshot that is open, or on one of its own. A snapshot stays open until it is ended: always
 * when `keep_snapshot` asks for one. */
void mh_store_run_read(mh_store_conn *conn, mh_store_job *job, bool keep_snapshot);
bool mh_store_has_snapshot(const mh_store_conn *conn); /* accepts NULL */
void mh_store_end_snapshot(mh_store_conn *conn);
/* The next page of job->rows. When more follow they keep the connection, and *conn is NULL. */
void mh_store_run_page(mh_store_conn **conn, mh_store_job *job);
/* All jobs of the list `first` (linked by next) in one transaction, or each in one of its own. */
void mh_store_run_writes(mh_store_conn *conn, mh_store_job *first);
/* A job of a transaction, its begin and its commit; `is_over` when the transaction is not the one that
 * is open. After a commit none is open, whether it went well or not. */
void mh_store_run_inner(mh_store_conn *conn, mh_store_job *job, bool is_over);
void mh_store_roll_back(mh_store_conn *conn);

#endif
