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

#include "io/store.h"
#include "io/store_rows_state.h"

void mh_store_rows_begin(mh_store_rows *rows, mh_store *store);

/* When a job is under way they end with it. */
void mh_store_rows_end(mh_store_rows *rows);

#endif
