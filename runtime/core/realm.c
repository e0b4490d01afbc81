/* How a realm is found, and what it notes about threads. See realm.h; realm_life.c makes realms.
 *
 * In a state of somebody else both are in the registry: the extra space of threads may be in use. */
#include "core/realm.h"

#include <lauxlib.h>

/* Their addresses are keys of the registry. */
static const char REALM[] = "moonherd.realm"; /* light userdata */
static const char MARKS[] = "moonherd.marks"; /* thread -> marks; weak */

void *mh_realm_allocate(void *user, void *ptr, size_t old_size, size_t size) {
  mh_realm *realm = user;
  if (ptr == NULL) old_size = 0;  // Lua says there what it is for
  if (mh_mem_refuses(&realm->mem, old_size, size)) return NULL;
  void *moved = mh_pool_realloc(&realm->pool, ptr, old_size, size);
  if (moved != NULL || size == 0) mh_mem_count(&realm->mem, old_size, size);
  return moved;
}

/* ---- states of somebody else -------------------------------------------------------------- */

/* Where an API function needs room on a stack that is not its own: Lua keeps five slots behind the end
 * of every stack. */

mh_realm *mh_realm_attached(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, REALM);
  mh_realm *realm = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (realm == NULL) luaL_error(L, "moonherd has ended with its Lua state");
  return realm;
}

void mh_realm_set_attached(lua_State *L, mh_realm *realm) {
  lua_pushlightuserdata(L, realm);
  lua_rawsetp(L, LUA_REGISTRYINDEX, REALM);
}

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
