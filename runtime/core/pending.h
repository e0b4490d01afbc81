/* Which scopes are around what runs, and the errors they have to raise there: of a stop, and of tasks
 * that failed. See scope.h. Nothing here stops or ends a scope. */
#ifndef MH_PENDING_H
#define MH_PENDING_H

#include <lua.h>
#include <stdbool.h>

#include "core/realm.h"

/* The innermost scope around what L runs now: where a task that it spawns belongs. */
mh_scope *mh_scope_innermost(lua_State *L);
/* Whether `scope` is `around`, or inside it. */
bool mh_scope_is_inside(const mh_scope *scope, const mh_scope *around);
/* The newest scope that `thread` opened, in a list of scopes of one task from `scope` on; or NULL. */
mh_scope *mh_scope_opened_by(mh_scope *scope, const lua_State *thread);

/* Pushes the error of the first child that failed, with those of the others in `also`. */
void mh_scope_push_failure(lua_State *L, mh_scope *scope);
/* Appends them to the list `also` of the error at the top. */
void mh_scope_attach_failures(lua_State *L, mh_scope *scope);
/* Pushes the error of the stop of a scope, which is raised with that. */
void mh_scope_push_stop(lua_State *L, mh_scope *scope, const char *waited_for);

/* The outermost scope around what L runs now that has an error to raise at a wait, or NULL. */
mh_scope *mh_scope_pending(lua_State *L);
/* Pushes that error and marks it as raised. */
void mh_scope_push_pending(lua_State *L, const char *waited_for);

/* Whether the value at `index` is the error of a stop that still reaches the current task: what
 * moonherd.try must let through. */
bool mh_scope_owns_error(lua_State *L, int index);

#endif
