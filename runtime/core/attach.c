/* Realms in a state of somebody else. See attach.h.
 *
 * The main thread's stack may be in use: it is left as it was found. */
#include "core/attach.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>

#include "core/coro.h"
#include "core/error.h"
#include "core/marks.h"
#include "core/task.h"
#include "core/task_run.h"

/* Their addresses are keys of the registry. */
static const char COROUTINE[] = "moonherd.coroutine"; /* what is exchanged */
static const char SENTINEL[] = "moonherd.sentinel";   /* the newest one */

/* ---- coroutine ---------------------------------------------------------------------------- */

/* Exchanges a function of the table at index 1 for the one in the table at index 2. The name is at
 * the top, and popped. Functions that one of them does not have stay away. */
static void exchange(lua_State *L) {
  // stack: coroutine, held, …, name
  lua_pushvalue(L, -1);
  lua_rawget(L, 1);
  lua_pushvalue(L, -2);
  lua_rawget(L, 2);
  // stack: …, name, theirs, ours
  if (lua_isfunction(L, -2) && lua_isfunction(L, -1)) {
    lua_pushvalue(L, -3);
    lua_insert(L, -2);
    lua_rawset(L, 1);
    lua_rawset(L, 2);
  } else {
    lua_pop(L, 3);
  }
}

static int swap(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, LUA_COLIBNAME);
  lua_replace(L, 1);
  lua_settop(L, 1);
  if (!lua_istable(L, 1)) return 0;
  lua_rawgetp(L, LUA_REGISTRYINDEX, COROUTINE);
  for (const luaL_Reg *entry = mh_coro_functions; entry->name != NULL; entry++) {
    lua_pushstring(L, entry->name);
    exchange(L);
  }
  return 0;
}

/* Nothing is allocated: all names are there. */
void mh_attached_swap_coroutine(mh_realm *realm) {
  lua_pushcfunction(realm->L, swap);
  lua_call(realm->L, 0, 0);
}

static void make_coroutine(lua_State *L) {
  lua_newtable(L);
  luaL_setfuncs(L, mh_coro_functions, 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, COROUTINE);
}

/* ---- the end of the state ----------------------------------------------------------------- */

/* One that a newer one has replaced does nothing. */
static int on_sentinel_gc(lua_State *L) {
  mh_realm **sentinel = lua_touserdata(L, 1);
  mh_realm *realm = *sentinel;
  if (realm == NULL) return 0;
  realm->is_ending = true;
  mh_task_close_all(realm);
  mh_task_abandon_all(realm);
  return 0;
}

static int make_sentinel(lua_State *L) {
  mh_realm *realm = lua_touserdata(L, 1);
  mh_realm **sentinel = lua_newuserdatauv(L, sizeof(mh_realm *), 0);
  *sentinel = realm;
  luaL_setmetatable(L, SENTINEL);
  lua_rawsetp(L, LUA_REGISTRYINDEX, SENTINEL);
  if (realm->sentinel != NULL) *realm->sentinel = NULL;
  realm->sentinel = sentinel;
  return 0;
}

/* From now on the end of the state ends all tasks first. Without memory the older one remains. */
static void expect_close(mh_realm *realm) {
  lua_State *L = realm->L;
  lua_pushcfunction(L, make_sentinel);
  lua_pushlightuserdata(L, realm);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
}

static void open_sentinels(lua_State *L) {
  luaL_newmetatable(L, SENTINEL);
  lua_pushcfunction(L, on_sentinel_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

/* ---- attaching ---------------------------------------------------------------------------- */

mh_realm *mh_realm_attach(lua_State *L, mh_host *host, unsigned max_tasks) {
  mh_error_open(L);
  mh_task_open(L);
  mh_attached_open(L);
  make_coroutine(L);
  open_sentinels(L);
  mh_realm_set_attached(L, NULL);  // takes the place, so that nothing can fail below
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  lua_State *main_thread = lua_tothread(L, -1);
  lua_pop(L, 1);

  mh_realm *realm = calloc(1, sizeof *realm);
  if (realm == NULL) {
    luaL_error(L, "not enough memory");
    return NULL;  // never
  }
  realm->host = host;
  realm->L = main_thread;
  realm->max_tasks = max_tasks;
  realm->is_attached = true;
  realm->on_resume = expect_close;
  mh_realm_set_attached(L, realm);
  return realm;
}

void mh_realm_detach(mh_realm *realm) {
  if (realm->sentinel != NULL) *realm->sentinel = NULL;
  mh_realm_set_attached(realm->L, NULL);
}
