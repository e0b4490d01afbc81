/* The error of a task that nothing can wake: which tasks wait for each other, and where. stuck.h finds
 * out. */
#ifndef MH_DEADLOCK_H
#define MH_DEADLOCK_H

#include <lua.h>

/* Pushes the error for the current task, on the thread of it that has waited for `waited_for`. All
 * others must wait still. */
void mh_deadlock_push(lua_State *L, const char *waited_for);

#endif
