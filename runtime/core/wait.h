/* Waiting: how a C function that a script calls waits for an operation.
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
#ifndef MH_WAIT_H
#define MH_WAIT_H

#include <lua.h>
#include <stdbool.h>

#include "core/op.h"
#include "core/realm.h"
#include "core/waitlist.h"

/* Raises a usage error that names the function in the way (table.sort, string.gsub, a __gc
 * metamethod …) when L cannot wait here. `who` is the public name of the caller. */
void mh_task_can_wait(lua_State *L, const char *who);
bool mh_task_may_wait(lua_State *L); /* the same as a question */

/* What stands in the way in a coroutine that was resumed by nothing of ours. */
extern const char mh_wait_unrelayed[];

/* Waits until `op` is done, then calls k(L, LUA_YIELD, (lua_KContext)op). Returns at once through k
 * when it is done already. When the task is cancelled meanwhile, or a timeout around it expires, op
 * is cancelled and the error raised instead of calling k. */
int mh_op_wait(lua_State *L, mh_op *op, lua_KFunction k);

/* Raises the error of a stop that the current task has not been told of yet, without waiting. Returns
 * when there is none. */
void mh_task_raise_pending(lua_State *L);

/* Waits in a list until mh_waitlist_wake, then calls k. */
int mh_waitlist_wait(lua_State *L, mh_waitlist *list, const char *what, lua_KFunction k);
unsigned mh_waitlist_wake(mh_waitlist *list, unsigned count); /* returns how many were woken */

/* Sleeps: calls k after `seconds`. `what` stands in error messages and dumps, and must outlive it. */
int mh_task_sleep(lua_State *L, double seconds, const char *what, lua_KFunction k);

/* ---- for the files of core/ that run and stop tasks ---- */

/* Cancels the wait of a task so that it raises what is pending. Nothing when it does not wait. */
void mh_task_interrupt(mh_task *task);
/* Whether the coroutine that waited was closed by others: nothing of the task can go on there. */
bool mh_task_lost_wait(const mh_task *task);
/* The callbacks of mh_task.park and mh_task.timer. */
void mh_park_on_cancel(mh_op *op);
void mh_park_on_timer(mh_timer *timer);

#endif
