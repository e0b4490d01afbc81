/* Tasks: Lua coroutines owned by the scheduler. See wait.h for how C functions wait. */
#ifndef MH_TASK_H
#define MH_TASK_H

#include <lua.h>
#include <stdbool.h>

#include "core/realm.h"
#include "core/task_end.h"
#include "core/wait.h"

/* Makes a task of the function below `nargs` arguments at the top of L and pops them all; pushes the
 * task's userdata. It belongs to the innermost scope of the current task, or to nobody when
 * `is_root`. Raises a usage error when there are too many tasks. */
mh_task *mh_task_spawn(lua_State *L, int nargs, bool is_root);
/* The same, but the task belongs to the realm's main task: it outlives who spawned it. */
mh_task *mh_task_spawn_in_main(lua_State *L, int nargs, const char *who);

/* The task at a stack index; raises a usage error naming `who` when there is none. */
mh_task *mh_task_check(lua_State *L, int index, const char *who);

/* Waits until `task` has ended and returns its results; raises its error. */
int mh_task_join(lua_State *L, mh_task *task, const char *who);

/* The task is not stopped together with the scope it belongs to, but when the grace of that is over:
 * until then it may end what it has begun. */
void mh_task_set_steady(mh_task *task);

/* Cancels a task: raises a `cancelled` error at its wait, once, then gives it its grace. Again: ends
 * the grace. Runs no Lua: callbacks may call it. `reason` is copied; NULL: "cancelled". */
void mh_task_cancel(mh_task *task, const char *reason);

/* The same with every task. */
void mh_task_cancel_all(mh_realm *realm, const char *reason);

/* What became of a task. The results, or the error, are the top values of its thread. */
bool mh_task_is_done(const mh_task *task);     /* it has ended, well or not */
bool mh_task_is_failed(const mh_task *task);   /* it has ended with an error */
bool mh_task_had_waiters(const mh_task *task); /* somebody waited for its end */
bool mh_task_was_cancelled(const mh_task *task);
bool mh_task_raised_cancel(const mh_task *task); /* its error is one of kind `cancelled` */
lua_State *mh_task_thread(const mh_task *task);
unsigned mh_task_id(const mh_task *task);

/* Whether `task` has the number `id`, or was begun by that one, or one it has begun, after the task
 * with the number `after`. Numbers grow. */
bool mh_task_began_in(const mh_task *task, unsigned id, unsigned after);

void mh_task_open(lua_State *L); /* registers the metatables, of scopes too */

#endif
