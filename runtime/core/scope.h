/* Scopes: where tasks belong. Every task has a root scope; moonherd.scope and moonherd.timeout open
 * further ones inside it. A scope ends only when every task spawned in it has ended. Used by task.c
 * and by the binding of the scheduler.
 *
 * A scope can be stopped: by a cancel, or by its time limit. See stop.c.
 *
 *   calm --stop--> telling --raised--> grace --time over, or stopped again--> over --> killed
 *
 * telling: the error is raised at the next wait. grace: waits work, for cleanup. over: every wait
 * raises. killed: the thread is closed. A failing child does not stop its scope: its error is raised
 * once in the owner, its siblings are cancelled.
 *
 * A coroutine of the script may open a scope and yield inside it. Such a scope counts while its
 * coroutine runs and while the task waits in it; in between it is left alone. */
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

/* In memory of its own: the collector may lose a finalizer when there is no memory to call it, so
 * that nothing in Lua's memory may be on a list. */
struct mh_scope {
  mh_task *owner;        /* NULL: it has ended */
  lua_State *thread;     /* the owner's, or the coroutine that opened it */
  mh_scope *outer;       /* around it; NULL for the root scope */
  mh_scope *next, *prev; /* in owner->scopes, newest first, or, when it has
                         ended, in realm->ended_scopes; not the root scope */
  mh_task *children;     /* those that have not ended */
  mh_op join;            /* ready when the last child has ended */
  mh_timer limit;        /* moonherd.timeout */
  mh_timer grace;
  double seconds;                /* the limit, for the message */
  lua_KContext place;            /* where on the stack it is, while it joins */
  char *reason;                  /* of a cancel; NULL: "cancelled" */
  int error;                     /* registry reference of the error raised for the stop */
  mh_task *failed, *last_failed; /* children that failed and are not reported yet, oldest first */
  mh_scope_state state;
  bool is_timeout;   /* stopped by its limit, not by a cancel */
  bool is_suspended; /* the coroutine that opened it has yielded to the script */
};

void mh_scope_init(mh_scope *scope, mh_task *owner);
void mh_scope_fini(lua_State *L, mh_scope *scope); /* children must have ended; may run twice */

/* The innermost scope around what L runs now: where a task that it spawns belongs. */
mh_scope *mh_scope_innermost(lua_State *L);
/* Whether `scope` is `around`, or inside it. */
bool mh_scope_is_inside(const mh_scope *scope, const mh_scope *around);

/* ---- stopping: stop.c. Nothing here runs Lua. ---- */

/* Stops a scope and everything below it; again: ends the grace. */
void mh_scope_stop(mh_scope *scope, const char *reason, bool is_timeout);
void mh_scope_cancel_children(mh_scope *scope, const char *reason);
/* Callbacks of the timers. */
void mh_scope_on_limit(mh_timer *timer);
void mh_scope_on_grace(mh_timer *timer);

/* A child has failed, and nobody waits for it. The scope keeps it until the error is raised. */
void mh_scope_fail(mh_scope *scope, mh_task *child);

/* ---- telling ---- */

/* Pushes the error of the first child that failed, with those of the others in `also`. */
void mh_scope_push_failure(lua_State *L, mh_scope *scope);

/* The outermost scope around what L runs now that has an error to raise at a wait, or NULL. */
mh_scope *mh_scope_pending(lua_State *L);
/* Pushes that error and marks it as raised. */
void mh_scope_push_pending(lua_State *L, const char *waited_for);

/* Whether the value at `index` is the error of a stop that still reaches the current task: what
 * moonherd.try must let through. */
bool mh_scope_owns_error(lua_State *L, int index);

/* ---- entering and leaving ---- */

/* Hands the children of all scopes inside the root scope to the root scope. */
void mh_scope_leave_all(mh_task *task);
/* The coroutine `thread` has yielded to the script, or goes on. */
void mh_scope_suspend(const mh_realm *realm, const lua_State *thread, bool is_suspended);
/* `thread` is closed: the scopes it opened end, their children are cancelled and go to the scope
 * outside. */
void mh_scope_drop_held(lua_State *L, lua_State *thread);
/* Whether `thread` holds a scope of another task than the current one. */
bool mh_scope_is_foreign(lua_State *L, lua_State *thread);

/* Calls the function below `nargs` arguments at the top of the stack inside a new scope, limited to
 * `seconds` (< 0: no limit), waits for the scope's tasks and returns the function's results, or
 * raises. Everything below the function must be left over: it returns all values above it. */
int mh_scope_call(lua_State *L, int nargs, double seconds);

void mh_scope_open(lua_State *L); /* registers the metatable */
/* Frees what has ended but is held by coroutines still; the state has been closed. */
void mh_scope_free_ended(mh_realm *realm);

#endif
