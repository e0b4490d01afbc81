/* The rows of one statement that changes nothing, read page by page, however many there are: all from
 * the moment of the first page. Between two pages they keep a connection of their own, and what is
 * written meanwhile stays in the log. Part of store.h; all functions belong to the loop thread.
 *
 *   mh_store_rows_begin(rows, store);
 *   a job MH_STORE_PAGE with job->rows = rows   // the first one brings the statement
 *   … while rows->has_more: the next job, never two at a time …
 *   mh_store_rows_end(rows);                    // at any time, and twice
 */
#ifndef MH_STORE_ROWS_H
#define MH_STORE_ROWS_H

#include <stdbool.h>

#include "io/store.h"

struct mh_store_conn;
struct sqlite3_stmt;

typedef struct mh_store_rows {
  mh_store *store; /* the rows are one of its users; NULL: they have ended */
  bool has_more;   /* after a page, while none is under way: another one may follow */
  bool is_busy;    /* a job is under way */

  /* Private. */
  bool has_begun, is_left;
  struct mh_store_conn *conn; /* NULL: that of the thread which reads the page */
  struct sqlite3_stmt *stmt;
} mh_store_rows;

void mh_store_rows_begin(mh_store_rows *rows, mh_store *store);

/* When a job is under way they end with it. */
void mh_store_rows_end(mh_store_rows *rows);

/* No thread has the job any more; for store.c. Accepts NULL. */
void mh_store_rows_settle(mh_store_rows *rows);

#endif
