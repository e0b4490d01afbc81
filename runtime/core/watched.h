/* What stands in the place of Lua's functions in a script that the hook of preempt.h watches over: with
 * Lua's own it could get away. */
#ifndef MH_WATCHED_H
#define MH_WATCHED_H

#include <lua.h>

/* debug.sethook and metatables with __gc are refused. xpcall calls its handler where the error was
 * raised, one level further down the stack, but for an error that the hook raised: then when that has
 * been caught, because Lua calls no hook inside of one. May raise for memory. */
void mh_watched_open(lua_State *L);

/* Pushes what a coroutine runs in the place of the function at `index`: that, protected. An error of the
 * hook that ended the coroutine itself would leave its thread without hooks, and its `<close>` handlers
 * free to run for ever. So these run when the error is raised, not when the coroutine is closed, and a
 * traceback of a coroutine that has failed is empty. */
void mh_watched_push_body(lua_State *L, int index);

#endif
