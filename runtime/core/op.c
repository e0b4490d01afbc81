/* Operations. See op.h. */
#include "core/op.h"

#include <string.h>

void mh_op_init(mh_op *op, mh_loop *loop, const char *what, void (*on_cancel)(mh_op *op)) {
  memset(op, 0, sizeof *op);
  op->loop = loop;
  op->what = what;
  op->on_cancel = on_cancel;
}

void mh_op_start(mh_op *op) {
  if (op->is_open) return;
  op->is_open = true;
  op->is_done = false;
  op->status = 0;
  op->waiter = NULL;
  op->since = mh_loop_now(op->loop);
  op->prev = NULL;
  op->next = op->loop->ops;
  if (op->next != NULL) op->next->prev = op;
  op->loop->ops = op;
}

static void leave(mh_op *op) {
  if (op->prev != NULL) op->prev->next = op->next;
  else op->loop->ops = op->next;
  if (op->next != NULL) op->next->prev = op->prev;
  op->next = op->prev = NULL;
  op->is_open = false;
}

void mh_op_ready(mh_op *op, int status) {
  if (!op->is_open) return;
  leave(op);
  op->is_done = true;
  op->status = status;
  op->loop->had_event = true;
  mh_ready *waiter = op->waiter;
  op->waiter = NULL;
  if (waiter != NULL) mh_loop_enqueue(op->loop, waiter);
}

void mh_op_cancel(mh_op *op) {
  if (!op->is_open) return;
  leave(op);
  op->waiter = NULL;
  if (op->on_cancel != NULL) op->on_cancel(op);
}
