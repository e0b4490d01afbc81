/* Tasks: Lua coroutines owned by the scheduler. And waiting: how a C function that a script calls
 * waits for an operation.
 *
 *   static int f_read(lua_State *L) {
 *     stream *s = check_stream(L, 1);          // 1. check all arguments
 *     mh_task_can_wait(L, "stream:read");      // 2. refuse before anything is started
 *     mh_op_start(&s->op);                     // 3. start
 *     start_reading(s);
 *     return mh_op_wait(L, &s->op, read_done); // 4. and nothing after it
 *   }
 *   static int read_done(lua_State *L, int status, lua_KContext op) { push results; return n; }
 *
 * The operation must live as long as the wait: embed it in a userdata that stays on the stack of the
 * C function (an argument, or one pushed before the wait). The stack is as it was when the
 * continuation runs. */
#ifndef MH_TASK_H
#define MH_TASK_H

#include <lua.h>
#include <stdbool.h>

#include "core/loop.h"
#include "core/op.h"
#include "core/realm.h"

/* Raises a usage error that names the function in the way (table.sort, string.gsub, a __gc
 * metamethod …) when L cannot wait here. `who` is the public name of the caller. */
void mh_task_can_wait(lua_State *L, const char *who);

/* Waits until `op` is done, then calls k(L, LUA_YIELD, (lua_KContext)op). Returns at once through k
 * when it is done already. When the task is cancelled meanwhile, or a timeout around it expires, op
 * is cancelled and the error raised instead of calling k. */
int mh_op_wait(lua_State *L, mh_op *op, lua_KFunction k);

/* Cancels a task: raises a `cancelled` error at its wait, once, then gives it its grace. Runs no
 * Lua: callbacks may call it. `reason` is copied. */
void mh_task_cancel(mh_task *task, const char *reason);

/* The task that runs now; L must be one of its threads. */
mh_task *mh_task_current(lua_State *L);

/* Called when a task ends; embedded in whatever is tied to it. Runs no Lua. */
typedef struct mh_task_end mh_task_end;
struct mh_task_end {
  mh_task_end *next, *prev;
  mh_task *task; /* NULL when not tied */
  void (*on_end)(mh_task_end *self);
};
void mh_task_tie(mh_task *task, mh_task_end *end);
void mh_task_untie(mh_task_end *end);

#endif
