/* Scopes: where tasks belong. Every task has a root scope; moonherd.scope and moonherd.timeout open
 * further ones inside it. A scope ends only when every task spawned in it has ended. Used by task.c
 * and by the binding of the scheduler.
 *
 * A scope can be stopped: by a cancel, or by its time limit.
 *
 *   calm --stop--> telling --raised--> grace --time over, or stopped again--> over --> killed
 *
 * telling: the error is raised at the next wait. grace: waits work, for cleanup. over: every wait
 * raises. killed: the thread is closed. A failing child does not stop its scope: its error is raised
 * once in the owner, its siblings are cancelled. */
#ifndef MH_SCOPE_H
#define MH_SCOPE_H

#include <lua.h>
#include <stdbool.h>

#include "core/op.h"
#include "core/realm.h"

typedef enum mh_scope_state {
  MH_SCOPE_CALM,
  MH_SCOPE_TELLING,
  MH_SCOPE_GRACE,
  MH_SCOPE_OVER,
} mh_scope_state;

typedef struct mh_scope mh_scope;
struct mh_scope {
  mh_task *owner;
  mh_scope *outer, *inner; /* within the owner; outer is NULL for the root scope */
  mh_task *children;       /* those that have not ended */
  mh_op join;              /* ready when the last child has ended */
  mh_timer limit;          /* moonherd.timeout */
  mh_timer grace;
  double seconds;     /* the limit, for the message */
  lua_KContext place; /* where on the stack it is, while it joins */
  char *reason;       /* of a cancel; NULL: "cancelled" */
  int error;          /* registry reference of the error raised for the stop */
  mh_task *failed;    /* children that failed and are not reported yet, oldest first */
  mh_scope_state state;
  bool is_timeout; /* stopped by its limit, not by a cancel */
  bool is_joining; /* the owner waits for the children: not interrupted */
};

void mh_scope_init(mh_scope *scope, mh_task *owner);
void mh_scope_fini(lua_State *L, mh_scope *scope); /* children must have ended; may run twice */

/* Stops a scope and everything below it; again: ends the grace. Runs no Lua. */
void mh_scope_stop(mh_scope *scope, const char *reason, bool is_timeout);
void mh_scope_cancel_children(mh_scope *scope, const char *reason);

/* A child has failed, and nobody waits for it. The scope keeps it until the error is raised. */
void mh_scope_fail(mh_scope *scope, mh_task *child);
/* Pushes the error of the first child that failed, with those of the others in `also`. */
void mh_scope_push_failure(lua_State *L, mh_scope *scope);

/* The scope of a task that has an error to raise at a wait, the outermost first; or NULL. */
mh_scope *mh_scope_pending(mh_task *task);
/* Pushes that error and marks it as raised. */
void mh_scope_push_pending(lua_State *L, mh_task *task, const char *waited_for);

/* Hands the children of all scopes inside the root scope to the root scope. */
void mh_scope_leave_all(mh_task *task);

/* Whether the value at `index` is the error of a stop that still reaches the current task: what
 * moonherd.try must let through. */
bool mh_scope_owns_error(lua_State *L, int index);

/* Calls the function below `nargs` arguments at the top of the stack inside a new scope, limited to
 * `seconds` (< 0: no limit), waits for the scope's tasks and returns the function's results, or
 * raises. Everything below the function must be left over: it returns all values above it. */
int mh_scope_call(lua_State *L, int nargs, double seconds);

void mh_scope_open(lua_State *L); /* registers the metatable */

#endif
