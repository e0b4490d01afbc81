/* The life of rows that are read page by page. See store_rows.h; store_run.c reads the pages. */
#include "io/store_rows.h"

#include <string.h>

#include "io/store_conn.h"

static void on_settled(mh_store_rows *rows) {
  rows->is_busy = false;
  if (rows->is_left) mh_store_rows_end(rows);
}

void mh_store_rows_begin(mh_store_rows *rows, mh_store *store) {
  memset(rows, 0, sizeof *rows);
  rows->store = store;
  rows->on_settled = on_settled;
  mh_store_keep(store);
}

/* Closing a connection that has only read touches no disk, so that it may be done here. The writer's
 * is open as long as the store has users: this is never the last one. */
void mh_store_rows_end(mh_store_rows *rows) {
  if (rows->store == NULL) return;
  rows->is_left = rows->is_busy;
  if (rows->is_left) return;
  rows->has_more = false;
  mh_store_conn_free(rows->conn);
  rows->conn = NULL;
  mh_store_release(rows->store, NULL);
  rows->store = NULL;
}
