/* Tasks that nothing can wake. See stuck.h.
 *
 * realm->blocked counts the tasks that wait for others, so that a script that is not stuck is not
 * looked through. */
#include "core/stuck.h"

#include "core/task.h"
#include "core/task_state.h"
#include "core/wait.h"

enum { MOST_TOLD = 100 }; /* errors a realm gets: a script that catches them all must end, too */

static bool has_timer(const mh_scope *scope) {
  return mh_timer_is_running(&scope->limit) || mh_timer_is_running(&scope->grace);
}

static bool is_limited(const mh_task *task) {
  for (const mh_scope *s = task->scopes; s != NULL; s = s->next)
    if (has_timer(s)) return true;
  return has_timer(&task->root);
}

static bool waits_for_tasks(const mh_task *task) {
  if (task->ready.is_queued || is_limited(task)) return false;
  if (task->state == MH_TASK_JOINING || task->joining != NULL) return true;
  return task->list != NULL && !task->list->is_outside;
}

static bool is_stuck(const mh_realm *realm) {
  if (realm->task_count == 0 || realm->blocked < realm->task_count) return false;
  for (const mh_task *task = realm->tasks; task != NULL; task = task->next)
    if (!waits_for_tasks(task)) return false;
  return true;
}

bool mh_stuck_tell(mh_realm *realm) {
  if (!is_stuck(realm)) return false;
  mh_task *oldest = NULL;  // realm->tasks begins with the newest
  for (mh_task *task = realm->tasks; task != NULL; task = task->next)
    if (task->list != NULL) oldest = task;
  if (oldest == NULL) return false;
  if (realm->told_stuck++ < MOST_TOLD) {
    oldest->is_stuck = true;
    mh_task_interrupt(oldest);
  } else mh_task_cancel(oldest, "deadlock: nothing can wake this task");
  return true;
}
