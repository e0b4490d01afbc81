/* An operation: one thing that a task waits for (a transfer, a timer, a query). Embedded in its
 * owner, which outlives it. A callback of libuv, libcurl, libmicrohttpd or SQLite fills in the
 * result and calls mh_op_ready; nothing else happens there. Knows nothing of Lua: who waits is an
 * mh_ready.
 *
 *   idle --start--> open --ready--> done --start--> open …
 *                    \--cancel--> idle
 */
#ifndef MH_OP_H
#define MH_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/loop.h"

typedef struct mh_op mh_op;
struct mh_op {
  mh_loop *loop;
  mh_op *next, *prev;           /* in loop->ops while open */
  const char *what;             /* static text for dumps and errors: "sleep", "http request" */
  uint64_t since;               /* when it was opened */
  mh_ready *waiter;             /* queued when the operation is done; NULL: nobody waits yet */
  void (*on_cancel)(mh_op *op); /* the waiter gave up: stop the work. Not called when done.
                                   NULL: there is nothing to stop */
  int status;                   /* 0 or MOONHERD_E…, valid when done */
  bool is_open, is_done;
};

/* `what` must be static. */
void mh_op_init(mh_op *op, mh_loop *loop, const char *what, void (*on_cancel)(mh_op *op));
void mh_op_start(mh_op *op);             /* idle or done -> open */
void mh_op_ready(mh_op *op, int status); /* open -> done, wakes the waiter; nothing when not open */
void mh_op_cancel(mh_op *op);            /* open -> idle, calls on_cancel; nothing when not open */

#endif
