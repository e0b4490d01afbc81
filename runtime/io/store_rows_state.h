/* What rows that are read page by page are made of: store_rows.h has what can be done with them. The
 * files of the store read it here, below that. */
#ifndef MH_STORE_ROWS_STATE_H
#define MH_STORE_ROWS_STATE_H

#include <stdbool.h>

#include "io/store_job.h"

struct mh_store_conn;
struct sqlite3_stmt;

typedef struct mh_store_rows mh_store_rows;
struct mh_store_rows {
  mh_store *store; /* the rows are one of its users; NULL: they have ended */
  bool has_more;   /* after a page, while none is under way: another one may follow */
  bool is_busy;    /* a job is under way */

  /* Private. */
  void (*on_settled)(mh_store_rows *rows); /* no thread has the job any more */
  bool has_begun, is_left;
  struct mh_store_conn *conn; /* NULL: that of the thread which reads the page */
  struct sqlite3_stmt *stmt;
};

#endif
