/* The functions of `coroutine`, replaced: they pass the waits of tasks on, and make a task look like
 * the main thread to the script. */
#ifndef MH_CORO_H
#define MH_CORO_H

#include <lauxlib.h>

extern const luaL_Reg mh_coro_functions[];

void mh_coro_open(lua_State *L); /* fills the table `coroutine` */

#endif
