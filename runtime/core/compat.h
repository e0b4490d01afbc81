/* The differences between the releases of Lua 5.4, in one place. */
#ifndef MH_COMPAT_H
#define MH_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

/* Closes a thread's pending to-be-closed variables and leaves the error, if any, on its top. */
static inline int mh_close_thread(lua_State *thread, lua_State *from) {
#if LUA_VERSION_RELEASE_NUM >= 50406
  return lua_closethread(thread, from);
#else
  (void)from;
  return lua_resetthread(thread);
#endif
}

#endif
