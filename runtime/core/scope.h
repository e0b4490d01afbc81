/* Scopes: where tasks belong. Every task has a root scope; moonherd.scope and moonherd.timeout open
 * further ones inside it. A scope ends only when every task spawned in it has ended. Used by
 * the tasks and by the binding of the scheduler. stop.h is how they are stopped, pending.h what they
 * tell.
 *
 * A coroutine of the script may open a scope and yield inside it. Such a scope counts while its
 * coroutine runs and while the task waits in it; in between it is left alone. */
#ifndef MH_SCOPE_H
#define MH_SCOPE_H

#include <lua.h>
#include <stdbool.h>

#include "core/realm.h"

void mh_scope_init(mh_scope *scope, mh_task *owner);
void mh_scope_fini(lua_State *L, mh_scope *scope); /* children must have ended; may run twice */

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
