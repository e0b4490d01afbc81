/* How a realm is found: by the allocator of its state, or, in one of somebody else, by the registry.
 * See realm.h; realm_life.c makes realms. */
#include "core/realm.h"

#include <lauxlib.h>

/* Its address is a key of the registry; the value is light userdata. */
static const char REALM[] = "moonherd.realm";

void *mh_realm_allocate(void *user, void *ptr, size_t old_size, size_t size) {
  mh_realm *realm = user;
  if (ptr == NULL) old_size = 0;  // Lua says there what it is for
  if (mh_mem_refuses(&realm->mem, old_size, size)) return NULL;
  void *moved = mh_pool_realloc(&realm->pool, ptr, old_size, size);
  if (moved != NULL || size == 0) mh_mem_count(&realm->mem, old_size, size);
  return moved;
}

/* The stack may be another's: Lua keeps five slots behind the end of every one. */
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
