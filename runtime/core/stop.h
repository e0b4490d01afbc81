/* Stopping scopes and telling them of failures. Nothing here runs Lua.
 *
 * A scope can be stopped: by a cancel, or by its time limit.
 *
 *   calm --stop--> telling --raised--> grace --time over, or stopped again--> over --> killed
 *
 * telling: the error is raised at the next wait. grace: waits work, for cleanup. over: every wait
 * raises. killed: the thread is closed. A failing child does not stop its scope: its error is raised
 * once in the owner, its siblings are cancelled. */
#ifndef MH_STOP_H
#define MH_STOP_H

#include <stdbool.h>

#include "core/loop.h"
#include "core/realm.h"

/* Stops a scope and everything below it; again: ends the grace. */
void mh_scope_stop(mh_scope *scope, const char *reason, bool is_timeout);
void mh_scope_cancel_children(mh_scope *scope, const char *reason);
/* Callbacks of the timers. */
void mh_scope_on_limit(mh_timer *timer);
void mh_scope_on_grace(mh_timer *timer);

/* A child has failed, and nobody waits for it. The scope keeps it until the error is raised. */
void mh_scope_fail(mh_scope *scope, mh_task *child);

/* Closes the thread of a task at the next chance, whatever it does. */
void mh_task_kill(mh_task *task);

#endif
