/* Running tasks: what a new one is made of, and the end of all. */
#ifndef MH_TASK_RUN_H
#define MH_TASK_RUN_H

#include <lua.h>

#include "core/loop.h"
#include "core/realm.h"

/* The callback of mh_task.ready: resumes it, closes it, or lets it end. */
void mh_task_on_run(mh_ready *ready);
/* The bottom of the thread of every task. */
int mh_task_main(lua_State *L);

/* Closes the threads of all tasks, as far as they do not run: their `<close>` handlers run, and cannot
 * wait. */
void mh_task_close_all(mh_realm *realm);

/* Ends the waits of all tasks and forgets them, without running anything: the state is about to be
 * closed. Operations must be alive still. */
void mh_task_abandon_all(mh_realm *realm);

#endif
