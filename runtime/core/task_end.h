/* What is tied to a task: told of its end. */
#ifndef MH_TASK_END_H
#define MH_TASK_END_H

#include "core/realm.h"

/* Called when a task ends; embedded in whatever is tied to it. Runs no Lua. */
typedef struct mh_task_end mh_task_end;
struct mh_task_end {
  mh_task_end *next, *prev;
  mh_task *task; /* NULL when not tied */
  void (*on_end)(mh_task_end *self);
};
void mh_task_tie(mh_task *task, mh_task_end *end);
void mh_task_untie(mh_task_end *end);

void mh_task_call_ends(mh_task *task); /* for task_run.c: it has ended */

#endif
