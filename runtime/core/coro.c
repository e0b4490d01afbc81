/* The functions of `coroutine`. See coro.h. This is the other place that calls lua_resume.
 *
 * A wait of a task yields with realm->is_waiting set. When the task waits inside coroutines that the
 * script made, each resume on the way sees the mark and yields in turn, down to the task's thread;
 * when the task is resumed the same way is gone back up. The script's own yields are left alone. */
#include "core/coro.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>

#include "core/compat.h"
#include "core/marks.h"
#include "core/realm.h"
#include "core/scope.h"
#include "core/task_state.h"
#include "core/wait.h"
#include "core/watched.h"

/* lua_closethread inside lua_closethread … uses the C stack without Lua noticing. As many as Lua allows
 * C calls. */
enum { CLOSE_DEPTH = 200 };

/* What a wait inside must not cross; saved and put back around calls that cannot yield. */
typedef struct barrier {
  lua_State *in;
  const char *why;
} barrier;

static barrier set_barrier(mh_realm *realm, lua_State *in, const char *why) {
  barrier old = {realm->no_wait_in, realm->no_wait_why};
  realm->no_wait_in = in;
  realm->no_wait_why = why;
  return old;
}

static void put_back(mh_realm *realm, barrier old) {
  realm->no_wait_in = old.in;
  realm->no_wait_why = old.why;
}

static lua_State *check_coroutine(lua_State *L, int index) {
  lua_State *co = lua_tothread(L, index);
  luaL_argexpected(L, co != NULL, index, "thread");
  return co;
}

/* Closes a coroutine; its `<close>` handlers cannot wait. */
static int close_coroutine(lua_State *L, lua_State *co, const char *why) {
  mh_realm *realm = mh_realm_of(L);
  if (realm->closing >= CLOSE_DEPTH)
    return luaL_error(L, "%s: C stack overflow (%d nested closes of coroutines)", why, CLOSE_DEPTH);
  realm->closing++;
  barrier old = set_barrier(realm, L, why);
  mh_resumed resumed = {L, realm->resumed};
  realm->resumed = &resumed;
  int status = mh_close_thread(co, L);
  realm->resumed = resumed.outer;
  put_back(realm, old);
  realm->closing--;
  mh_scope_drop_held(L, co);
  return status;
}

/* ---- resume and wrap ---------------------------------------------------------------------- */

/* A yield leaves the C stack by longjmp, and after that the processor mispredicts every return up to
 * Lua: hence the functions here that are inline, and no more calls than needed. */

enum { RELAYED = -2, FAILED = -1 };

/* Resumes `co` with `nargs` values from its own stack. Returns how many values it yielded or
 * returned (they are at the top of its stack), FAILED, or RELAYED when the task waits in it. */
static inline int run(mh_realm *realm, lua_State *L, lua_State *co, int nargs) {
  lua_State *running = realm->running;
  bool is_barrier = realm->no_wait_in == NULL && !(running == L && lua_isyieldable(L));
  if (is_barrier) set_barrier(realm, L, running == L ? NULL : mh_wait_unrelayed);
  mh_resumed resumed = {L, realm->resumed};
  realm->resumed = &resumed;
  realm->running = co;
  if (mh_thread_is(realm, co, MH_THREAD_HOLDS_SCOPE)) mh_scope_suspend(realm, co, false);
  int nresults = 0;
  int status = lua_resume(co, L, nargs, &nresults);
  realm->running = running;
  realm->resumed = resumed.outer;
  if (is_barrier) set_barrier(realm, NULL, NULL);
  if (status == LUA_YIELD && realm->is_waiting) return RELAYED;
  if (mh_thread_is(realm, co, MH_THREAD_HOLDS_SCOPE)) mh_scope_suspend(realm, co, true);
  return status == LUA_OK || status == LUA_YIELD ? nresults : FAILED;
}

/* Moves results to L. FAILED with a message on L when there is no room. A C function has room for a
 * few: its arguments have gone to `co`. */
static inline int take_results(lua_State *L, lua_State *co, int n) {
  if (n == FAILED) {
    lua_xmove(co, L, 1);
    return FAILED;
  }
  if (n >= LUA_MINSTACK && !lua_checkstack(L, n + 1)) {
    lua_pop(co, n);
    lua_pushliteral(L, "too many results to resume");
    return FAILED;
  }
  lua_xmove(co, L, n);
  return n;
}

/* Whether `co` has a function on its stack that runs, or has called what runs. */
static bool has_frames(lua_State *co) {
  lua_Debug ar;
  return lua_getstack(co, 0, &ar) != 0;
}

/* What `co` is for L. A task's thread, and a coroutine that waits for the loop, look as if somebody
 * else had resumed them. */
static const char *status_of(lua_State *L, lua_State *co) {
  const mh_realm *realm = mh_realm_of(L);
  int status = lua_status(co);
  if (L == co) return "running";
  if (co == realm->L) return "normal";
  if (status != LUA_OK && status != LUA_YIELD) return "dead";
  bool has_ended = status == LUA_OK && !has_frames(co);
  if (mh_thread_is(realm, co, MH_THREAD_HELD)) return has_ended ? "dead" : "normal";
  if (status == LUA_YIELD) return "suspended";
  if (!has_ended) return "normal";
  return lua_gettop(co) == 0 ? "dead" : "suspended";
}

/* Whether lua_resume alone can say if `co` can be resumed: it knows nothing of tasks, their scopes
 * and the main thread. Switches are counted in nanoseconds, and nearly all are of this kind. */
static bool is_plain(const mh_realm *realm, lua_State *co) {
  return mh_thread_marks(realm, co) == 0 && co != realm->L;
}

/* Pushes why `co` cannot be resumed, or returns true. */
static bool can_resume(lua_State *L, lua_State *co) {
  const char *status = status_of(L, co);
  if (status[0] != 's') {
    lua_pushfstring(L, "cannot resume %s coroutine", status[0] == 'd' ? "dead" : "non-suspended");
    return false;
  }
  if (mh_scope_is_foreign(L, co)) {
    lua_pushliteral(L, "cannot resume a coroutine inside a scope of another task");
    return false;
  }
  return true;
}

static inline int start(lua_State *L, lua_State *co, int nargs) {
  mh_realm *realm = mh_realm_of(L);
  if (!is_plain(realm, co) && !can_resume(L, co)) return FAILED;
  if (nargs > 0 && !lua_checkstack(co, nargs)) {
    lua_pushliteral(L, "too many arguments to resume");
    return FAILED;
  }
  lua_xmove(L, co, nargs);
  int n = run(realm, L, co, nargs);
  return n == RELAYED ? n : take_results(L, co, n);
}

/* The task went on: back up the way the wait came down. */
static int go_on(lua_State *L, lua_State *co) {
  mh_thread_mark(L, co, MH_THREAD_HELD, false);
  int n = run(mh_realm_of(L), L, co, 0);
  return n == RELAYED ? n : take_results(L, co, n);
}

/* In a state of somebody else there are functions that resume a coroutine without knowing of waits:
 * they get nothing, and the wait goes on. */
static bool was_resumed_by_us(lua_State *L) {
  return mh_realm_of(L)->running == L;
}

static int relay(lua_State *L, lua_State *co, lua_KFunction k) {
  mh_thread_mark(L, co, MH_THREAD_HELD, true);
  return lua_yieldk(L, 0, (lua_KContext)co, k);
}

static int resume_ended(lua_State *L, int n) {
  lua_pushboolean(L, n != FAILED);
  int values = n == FAILED ? 1 : n;
  lua_insert(L, -values - 1);
  return values + 1;
}

static int resume_on(lua_State *L, int status, lua_KContext context) {
  (void)status;
  lua_State *co = (lua_State *)context;
  if (!was_resumed_by_us(L)) return relay(L, co, resume_on);
  int n = go_on(L, co);
  return n == RELAYED ? relay(L, co, resume_on) : resume_ended(L, n);
}

static int f_resume(lua_State *L) {
  lua_State *co = check_coroutine(L, 1);
  int n = start(L, co, lua_gettop(L) - 1);
  return n == RELAYED ? relay(L, co, resume_on) : resume_ended(L, n);
}

/* An error leaves a wrapped coroutine closed, and gets the position of the caller when it is text. */
static int wrap_failed(lua_State *L, lua_State *co) {
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD) {
    status = close_coroutine(L, co, "coroutine.wrap");
    lua_xmove(co, L, 1);  // the error, or that of a `<close>` handler
  }
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int wrap_on(lua_State *L, int status, lua_KContext context) {
  (void)status;
  lua_State *co = (lua_State *)context;
  if (!was_resumed_by_us(L)) return relay(L, co, wrap_on);
  int n = go_on(L, co);
  if (n == RELAYED) return relay(L, co, wrap_on);
  return n == FAILED ? wrap_failed(L, co) : n;
}

static int call_wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int n = start(L, co, lua_gettop(L));
  if (n == RELAYED) return relay(L, co, wrap_on);
  return n == FAILED ? wrap_failed(L, co) : n;
}

/* ---- the others --------------------------------------------------------------------------- */

static int f_create(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  mh_thread_mark(L, co, MH_THREAD_HELD, false);
  if (mh_realm_is_watched(mh_realm_of(L))) mh_watched_push_body(L, 1);
  else lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  return 1;
}

static int f_wrap(lua_State *L) {
  f_create(L);
  lua_pushcclosure(L, call_wrapped, 1);
  return 1;
}

/* Whether L is what the script takes for the main thread. */
static bool is_main(lua_State *L) {
  const mh_realm *realm = mh_realm_of(L);
  return L == realm->L || (realm->current != NULL && L == realm->current->L);
}

/* As Lua says it: without a place. */
static int refuse_yield(lua_State *L) {
  lua_pushliteral(L, "attempt to yield from outside a coroutine");
  return lua_error(L);
}

static int f_yield(lua_State *L) {
  return is_main(L) ? refuse_yield(L) : lua_yield(L, lua_gettop(L));
}

static int f_status(lua_State *L) {
  lua_pushstring(L, status_of(L, check_coroutine(L, 1)));
  return 1;
}

static int f_isyieldable(lua_State *L) {
  lua_State *co = lua_isnone(L, 1) ? L : check_coroutine(L, 1);
  lua_pushboolean(L, lua_isyieldable(co) && !is_main(co));
  return 1;
}

static int f_running(lua_State *L) {
  lua_pushthread(L);
  lua_pushboolean(L, is_main(L));
  return 2;
}

static int f_close(lua_State *L) {
  lua_State *co = check_coroutine(L, 1);
  const char *status = status_of(L, co);
  if (status[0] != 's' && status[0] != 'd')
    return luaL_error(L, "cannot close a %s coroutine", status);
  bool is_closed = close_coroutine(L, co, "coroutine.close") == LUA_OK;
  lua_pushboolean(L, is_closed);
  if (is_closed) return 1;
  lua_xmove(co, L, 1);
  return 2;
}

const luaL_Reg mh_coro_functions[] = {
    {"close", f_close},   {"create", f_create},   {"isyieldable", f_isyieldable},
    {"resume", f_resume}, {"running", f_running}, {"status", f_status},
    {"wrap", f_wrap},     {"yield", f_yield},     {NULL, NULL},
};

void mh_coro_open(lua_State *L) {
  lua_getglobal(L, LUA_COLIBNAME);
  luaL_setfuncs(L, mh_coro_functions, 0);
  lua_pop(L, 1);
}
