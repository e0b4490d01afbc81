/* Jobs of a store: lists of statements, and what comes out of them. Part of store.h, which says how
 * they run. */
#ifndef MH_STORE_JOB_H
#define MH_STORE_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/op.h"

typedef struct mh_store mh_store;
typedef struct mh_store_job mh_store_job;

typedef enum mh_store_type {
  MH_STORE_NULL,
  MH_STORE_INTEGER,
  MH_STORE_REAL,
  MH_STORE_TEXT,
  MH_STORE_BLOB
} mh_store_type;

typedef struct mh_store_value {
  mh_store_type type;
  union {
    int64_t integer;
    double real;
    size_t n; /* of bytes */
  };
  const char *bytes; /* text and blob; not NULL even when n is 0 */
} mh_store_value;

enum { MH_STORE_ANY = -1 };

typedef struct mh_store_statement {
  /* Filled in by the caller. */
  const char *sql; /* one statement; ends with a zero byte that sql_n does not count */
  size_t sql_n;
  mh_store_value *params;
  size_t param_count;
  int64_t expect; /* rows changed (returned, when it only reads), or MH_STORE_ANY */
  /* Filled in when the job is done. */
  int64_t changes;
  size_t rows, columns;
  size_t at; /* in job->results: names of the columns, then the cells row by row */
} mh_store_statement;

typedef enum mh_store_verb {
  MH_STORE_OPEN, /* statements are migrations: number i takes user_version from i-1 to i */
  MH_STORE_READ,
  MH_STORE_PAGE, /* the next rows of job->rows: see store_rows.h */
  MH_STORE_WRITE,
  MH_STORE_BEGIN, /* of a transaction, whose number is that of the job */
  MH_STORE_COMMIT,
  MH_STORE_CLOSE
} mh_store_verb;

struct mh_store_job {
  mh_op op; /* status: 0, or MOONHERD_EIO when reason is set */
  mh_store_verb verb;
  mh_store_statement *statements;
  size_t count;
  uint64_t transaction;       /* read, write, commit: the one it belongs to, or 0: none */
  struct mh_store_rows *rows; /* page: those it reads on */
  size_t most_rows;           /* read: of each statement no more are read; 0: all */

  /* What came out, valid when done. */
  size_t missed;      /* write: 1-based statement that missed its expectation, or 0 */
  const char *reason; /* NULL, or why it failed: see mh_store_reason in store_conn.h */
  size_t failed;      /* 1-based statement that failed, or 0 */
  int code;           /* SQLite's extended result code, or 0 */
  mh_buf results;     /* rows, or the message of a failure */

  /* For the owner. Called once after a cancel, when no thread needs the job and its bytes any more;
   * may end and free it. May be NULL. */
  void (*on_abandoned)(mh_store_job *job);
  void *user;
  int ref;
  /* Private. */
  mh_store *store;
  mh_store_job *next, *prev; /* in the queue it waits in */
  size_t bytes;              /* of its parameters: bounds a batch */
  uint64_t number;           /* in the order of submitting */
  enum { MH_JOB_IDLE, MH_JOB_QUEUED, MH_JOB_TAKEN, MH_JOB_DONE } state; /* under store->lock */
  bool is_finished;        /* no thread needs it any more; under store->lock */
  atomic_bool is_unwanted; /* cancelled: the thread may drop it */
};

/* The memory of a job with room for `statements` that have `params` parameters in all. It belongs to
 * the owner; 0 when there is no such size. */
size_t mh_store_job_size(size_t statements, size_t params);

/* The statements are zeroed and expect MH_STORE_ANY: the caller sets the members of each, and hands
 * out the parameters, which lie in one piece at job->statements[0].params. */
void mh_store_job_init(mh_store_job *job, mh_store *store, mh_store_verb verb, size_t statements,
                       size_t params);

/* Allowed at any time, and twice. A job that a thread has is stopped, or waited for: the caller is
 * about to free what the thread reads. Otherwise nothing here waits. */
void mh_store_job_fini(mh_store_job *job);

/* Starts job->op and hands the job to a thread. The bytes of the statements must live until the
 * operation is done or, after a cancel, until on_abandoned. */
void mh_store_submit(mh_store_job *job);

/* The message of a failure. */
const char *mh_store_job_message(mh_store_job *job);

/* Walks the results of one statement: `columns` names (as text), then rows * columns cells. The
 * bytes live as long as the job. */
typedef struct mh_store_cursor {
  const char *at;
} mh_store_cursor;

mh_store_cursor mh_store_results(const mh_store_job *job, size_t statement);
void mh_store_next(mh_store_cursor *cursor, mh_store_value *value);

#endif
