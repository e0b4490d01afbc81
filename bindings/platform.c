/* moonherd._platform: from the script's realm the way to the embedded platform, from the platform's
 * own realm the way to say that it serves. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "core/error.h"
#include "core/guarded.h"
#include "core/platform.h"
#include "core/task.h"

static int push_failure(lua_State *L, const mh_platform *p) {
  mh_error_fail(L, "io", p->reason != NULL ? p->reason : "platform_failed",
                "the embedded platform on %s: %s", p->state_dir,
                p->why != NULL ? p->why : "could not be started");
  lua_pushstring(L, p->hint);
  lua_setfield(L, -2, "hint");
  return 2;
}

static int push_result(lua_State *L, const mh_platform *p) {
  if (p->state == MH_PLATFORM_FAILED) return push_failure(L, p);
  lua_pushstring(L, p->socket);
  lua_pushstring(L, p->token);
  return 2;
}

/* The state directory is at index 1. */
static int started(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  mh_host *host = mh_realm_of(L)->host;
  return push_result(L, host->open_platform(host, lua_tostring(L, 1)));
}

/* The folder of the handle's options, and the temporary one, are the host's choice. */
static bool is_own_state(mh_host *host, const char *path) {
  if (host->guard == NULL || strcmp(path, host->guard->state) == 0) return true;
  const char *scratch = host->scratch_dir(host);
  return scratch != NULL && strcmp(path, scratch) == 0;
}

/* socket(state_dir) -> path of the unix socket, token; or nil, error. Starts the platform when it
 * does not run yet, and waits until it serves. */
static int f_socket(lua_State *L) {
  const char *state_dir = luaL_checkstring(L, 1);
  mh_task_can_wait(L, "moonherd.connect");
  lua_settop(L, 1);
  mh_host *host = mh_realm_of(L)->host;
  if (!is_own_state(host, state_dir))
    mh_guard_check_file(L, "moonherd.connect", "keep the platform's state in", state_dir, true);
  mh_platform *p = host->open_platform(host, state_dir);
  if (p == NULL) return luaL_error(L, "not enough memory");
  if (p->state != MH_PLATFORM_STARTING) return push_result(L, p);
  return mh_waitlist_wait(L, &p->waiters, "the embedded platform", started);
}

/* close(state_dir) -> whether it has ended: then the next call of `socket` starts a new one. Call it
 * until then. */
static int f_close(lua_State *L) {
  mh_host *host = mh_realm_of(L)->host;
  if (mh_realm_of(L)->is_system) return luaL_error(L, "a platform cannot close one");
  lua_pushboolean(L, host->close_platform(host, luaL_checkstring(L, 1)));
  return 1;
}

/* serving(): the platform's realm listens on its socket. */
static int f_serving(lua_State *L) {
  mh_platform *p = mh_realm_of(L)->user;
  if (!mh_realm_of(L)->is_system) return luaL_error(L, "not a platform's realm");
  p->state = MH_PLATFORM_SERVING;
  mh_waitlist_wake(&p->waiters, UINT32_MAX);
  return 0;
}

/* scratch_dir() -> path of a temporary folder that goes away with the handle; or nil, error. */
static int f_scratch_dir(lua_State *L) {
  mh_host *host = mh_realm_of(L)->host;
  const char *path = host->scratch_dir(host);
  if (path == NULL) {
    mh_error_fail(L, "io", "scratch_failed", "no temporary folder can be made; set TMPDIR to one");
    return 2;
  }
  lua_pushstring(L, path);
  return 1;
}

static const luaL_Reg functions[] = {{"socket", f_socket},
                                     {"close", f_close},
                                     {"serving", f_serving},
                                     {"scratch_dir", f_scratch_dir},
                                     {NULL, NULL}};

int luaopen_moonherd__platform(lua_State *L);
int luaopen_moonherd__platform(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
