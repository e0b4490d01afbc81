/* The beginning and the end of realms. See realm_life.h. */
#include "core/realm_life.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>

#include "core/attach.h"
#include "core/coro.h"
#include "core/error.h"
#include "core/scope.h"
#include "core/task.h"
#include "core/task_run.h"

static int set_up(lua_State *L) {
  luaL_openlibs(L);
  mh_error_open(L);
  mh_task_open(L);
  mh_coro_open(L);
  return 0;
}

/* Lua's own pace does most of a cycle within a few kilobytes of new objects: that is within one resume,
 * which a frame would miss. With a budget the steps are the smallest there are, and cycles begin
 * earlier because they last longer. Without one Lua's own stays: a longer pause takes a tenth off the CPU
 * of a small upload, but 64 large ones at once then hold 500 MB where they held 150. */
static void set_collector(lua_State *L, bool has_budget) {
  enum { PAUSE = 150, STEP_MULTIPLIER = 1, STEP_SIZE = 11 /* 2^11 bytes */ };
  if (has_budget) lua_gc(L, LUA_GCINC, PAUSE, STEP_MULTIPLIER, STEP_SIZE);
  else lua_gc(L, LUA_GCINC, 0, 0, 0);
}

mh_realm *mh_realm_new(mh_host *host, size_t memory_limit, unsigned max_tasks) {
  mh_realm *realm = calloc(1, sizeof *realm);
  if (realm == NULL) return NULL;
  realm->host = host;
  realm->max_tasks = max_tasks;
  realm->mem.limit = memory_limit;
  lua_State *L = lua_newstate(mh_realm_allocate, realm);
  if (L == NULL) {
    free(realm);
    return NULL;
  }
  realm->L = L;
  *(unsigned *)lua_getextraspace(L) = 0;  // no marks
  lua_pushcfunction(L, set_up);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
    mh_realm_free(realm);
    return NULL;
  }
  set_collector(L, host->has_budget);
  return realm;
}

void mh_realm_free(mh_realm *realm) {
  if (realm == NULL) return;
  realm->is_ending = true;
  realm->current = NULL;
  if (realm->is_preempting)  // finalizers have the grace, all of them together
    realm->host->loop.resume_end = realm->host->loop.step_end = uv_hrtime();
  mh_task_abandon_all(realm);  // before any finalizer runs: operations are certain to be alive
  realm->mem.limit = 0;        // a finalizer that cannot be called for a lack of memory is lost
  if (realm->is_attached) mh_realm_detach(realm);
  else lua_close(realm->L);
  realm->host->loop.resume_end = realm->host->loop.step_end = MH_NEVER;
  mh_pool_fini(&realm->pool);
  mh_scope_free_ended(realm);
  free(realm);
}
