/* What is tied to a task. See task_end.h. */
#include "core/task_end.h"

#include "core/task_state.h"

void mh_task_tie(mh_task *task, mh_task_end *end) {
  end->task = task;
  end->prev = NULL;
  end->next = task->ends;
  if (end->next != NULL) end->next->prev = end;
  task->ends = end;
}

void mh_task_untie(mh_task_end *end) {
  if (end->task == NULL) return;
  if (end->prev != NULL) end->prev->next = end->next;
  else end->task->ends = end->next;
  if (end->next != NULL) end->next->prev = end->prev;
  end->next = end->prev = NULL;
  end->task = NULL;
}

void mh_task_call_ends(mh_task *task) {
  while (task->ends != NULL) {
    mh_task_end *end = task->ends;
    mh_task_untie(end);
    end->on_end(end);
  }
}
