/* Marks of threads in a state of somebody else. See marks.h. */
#include "core/marks.h"

#include <lauxlib.h>

/* Its address is a key of the registry: thread -> marks; weak. */
static const char MARKS[] = "moonherd.marks";

/* Where an API function needs room on a stack that is not its own: Lua keeps five slots behind the end
 * of every stack. */

unsigned mh_attached_marks(lua_State *thread) {
  lua_rawgetp(thread, LUA_REGISTRYINDEX, MARKS);
  lua_pushthread(thread);
  lua_rawget(thread, -2);
  unsigned marks = (unsigned)lua_tointeger(thread, -1);
  lua_pop(thread, 2);
  return marks;
}

void mh_attached_mark(lua_State *L, lua_State *thread, unsigned marks) {
  luaL_checkstack(L, 3, "marks");
  lua_rawgetp(L, LUA_REGISTRYINDEX, MARKS);
  lua_pushthread(thread);
  if (thread != L) lua_xmove(thread, L, 1);
  lua_pushinteger(L, marks);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

void mh_attached_open(lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, MARKS);
}
