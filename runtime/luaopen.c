/* moonherd.so: moonherd as a module of a program that keeps its Lua. `require "moonherd"` attaches a
 * realm to that state and adds to what scripts see the four functions that drive it:
 *
 *   moonherd.run(f, ...)          runs f as a task, to its end: returns its results, raises its error
 *   moonherd.spawn(f, ...)        outside of tasks: makes one that belongs to nobody; step runs it
 *   moonherd.step(budget, wait)   one step: "done" nothing is alive, "waiting" all tasks wait,
 *                                 "ready" the budget ended with work left. budget: how long it may
 *                                 take, default no limit; wait: how long it may sleep while nothing
 *                                 is ready, default 0. Raises the error of a task that belonged to
 *                                 nobody and that nobody waited for, one a step.
 *   moonherd.cancel(reason)       cancels every task
 *
 * What waits works inside tasks, also through coroutines that they make. It is refused elsewhere, in
 * modules that a task loads with the state's own `require`, and in coroutines that were resumed by a
 * function kept from outside of tasks. `print`, `os.exit` and all else remain the state's own.
 *
 * When the state is closed, tasks are closed with it: `<close>` handlers run, but cannot wait. To let
 * them, call moonherd.cancel and step until done. Warnings of the log go to `warn`.
 *
 * There is nothing to set up: where requests go, the account and the state folder are given to
 * moonherd.connect, or by the environment; a budget is given to each step. Memory is limited by the
 * allocator of the program's state, cleanup by how long the program steps. Nor is there a guard: it
 * would hold for moonherd alone, not for the `io` and `os` of the program's own state.
 *
 * Links no Lua: the program has one, and must export its functions. */
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/attach.h"
#include "core/error.h"
#include "core/options.h"
#include "core/stuck.h"
#include "core/task.h"
#include "handle.h"
#include "modules.h"

#define EXPORT __attribute__((visibility("default"))) int

/* Their addresses are keys of the registry. */
static const char MODULE[] = "moonherd"; /* the table */
static const char HANDLE[] = "moonherd.handle";
static const char ERRORS[] =
    "moonherd.errors"; /* a list: of tasks that belonged to nobody, and so on */

enum { ROOM = 64 }; /* on the main thread's stack, for a step */

static const double TURN = 0.2; /* seconds: moonherd.run lets hooks of the program run as often */

static moonherd *handle_of(lua_State *L) {
  return mh_realm_of(L)->user;
}

/* ---- errors that nobody takes ------------------------------------------------------------- */

/* Stack: error. */
static int append_error(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, ERRORS);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  return 0;
}

/* Pops an error and keeps it for moonherd.step. Without memory it is lost. */
static void keep_error(lua_State *L) {
  lua_pushcfunction(L, append_error);
  lua_insert(L, -2);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
}

static void raise_kept(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, ERRORS);
  lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
  if (n == 0) {
    lua_pop(L, 1);
    return;
  }
  lua_rawgeti(L, -1, 1);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, -2, i + 1);
    lua_rawseti(L, -3, i);
  }
  lua_error(L);
}

/* Of a realm of moonherd's own, or of a server's handler. Stack: the report. */
static int push_report(lua_State *L) {
  const moonherd_error *e = lua_touserdata(L, 1);
  mh_error_push(L, moonherd_error_kind(e), moonherd_error_reason(e), "%s",
                moonherd_error_message(e));
  lua_pushstring(L, moonherd_error_trace(e));
  lua_setfield(L, -2, "trace");
  lua_remove(L, 1);
  return append_error(L);
}

static void on_error(void *user, const moonherd_error *error) {
  lua_State *L = user;
  lua_pushcfunction(L, push_report);
  lua_pushlightuserdata(L, (void *)error);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
}

static void on_log(void *user, int level, const char *json, size_t n) {
  lua_State *L = user;
  (void)n;
  if (level > MOONHERD_LOG_WARN) return;
  lua_warning(L, "moonherd: ", 1);
  lua_warning(L, json, 0);
}

/* ---- tasks that belong to nobody ---------------------------------------------------------- */

/* A userdata, kept by its address in the registry until the task has ended; that is its user value. */
typedef struct root {
  mh_task_end end;
  mh_task *task;
  lua_State *L;
} root;

static void on_root_end(mh_task_end *end) {
  root *r = (root *)((char *)end - offsetof(root, end));
  lua_State *L = r->L, *thread = mh_task_thread(r->task);
  bool was_asked = mh_task_was_cancelled(r->task) && mh_task_raised_cancel(r->task);
  if (mh_task_is_failed(r->task) && !mh_task_had_waiters(r->task) && !was_asked) {
    lua_pushvalue(thread, -1);
    lua_xmove(thread, L, 1);
    keep_error(L);
  }
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, r);
}

/* Makes a task of the function below `nargs` arguments at the top, and pushes it. */
static void spawn_root(lua_State *L, int nargs) {
  root *r = lua_newuserdatauv(L, sizeof *r, 1);
  *r = (root){.end.on_end = on_root_end, .L = mh_realm_of(L)->L};
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, r);
  lua_insert(L, -nargs - 2);
  r->task = mh_task_spawn(L, nargs, true);
  // stack: …, root, task
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, -3, 1);
  mh_task_tie(r->task, &r->end);
  lua_remove(L, -2);
}

static void check_function(lua_State *L, const char *who) {
  if (lua_isfunction(L, 1)) return;
  if (luaL_getmetafield(L, 1, "__call") == LUA_TNIL)
    mh_error_usage(L, "%s: bad argument (function expected, got %s)", who, luaL_typename(L, 1));
  lua_pop(L, 1);
}

/* Upvalue: moonherd.spawn of tasks. */
static int f_spawn(lua_State *L) {
  if (mh_task_current(L) != NULL) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
  }
  check_function(L, "moonherd.spawn");
  spawn_root(L, lua_gettop(L) - 1);
  return 1;
}

/* ---- steps -------------------------------------------------------------------------------- */

static void check_outside(lua_State *L, const char *who) {
  if (mh_loop_of(L)->is_stepping)
    mh_error_raise(L, "usage", "busy", "%s: called from inside a task", who);
}

/* One step; MOONHERD_DONE, _WAITING or _READY. */
static int step(moonherd *m, double budget, double wait) {
  mh_realm *realm = m->script;
  m->config.budget = budget;
  mh_handle_set_limits(m);
  if (!lua_checkstack(realm->L, ROOM)) return MOONHERD_READY;
  mh_attached_swap_coroutine(realm);
  int r = mh_loop_step(&m->host.loop, budget, wait);
  mh_attached_swap_coroutine(realm);
  if (realm->task_count == 0) return MOONHERD_DONE;
  return r == MH_LOOP_READY ? MOONHERD_READY : MOONHERD_WAITING;
}

static double opt_duration(lua_State *L, int index, const char *what) {
  return lua_isnoneornil(L, index) ? 0 : mh_duration_check(L, index, "moonherd.step", what);
}

static int f_step(lua_State *L) {
  static const char *const found[] = {"done", "waiting", "ready"};
  double budget = opt_duration(L, 1, "budget"), wait = opt_duration(L, 2, "wait");
  check_outside(L, "moonherd.step");
  int r = step(handle_of(L), budget, wait);
  raise_kept(L);
  lua_pushstring(L, found[r]);
  return 1;
}

/* Calls an empty function of Lua: a hook that the program has set, on Ctrl-C say, gets its turn, and
 * may raise an error. Upvalue: the function. */
static void let_hooks_run(lua_State *L, mh_task *task) {
  lua_pushvalue(L, lua_upvalueindex(1));
  if (lua_pcall(L, 0, 0, 0) == LUA_OK) return;
  mh_task_cancel(task, "moonherd.run was interrupted");
  lua_error(L);
}

static int f_run(lua_State *L) {
  check_function(L, "moonherd.run");
  check_outside(L, "moonherd.run");
  mh_task *task = mh_task_spawn(L, lua_gettop(L) - 1, true);
  // stack: task
  while (!mh_task_is_done(task)) {
    step(handle_of(L), 0, TURN);
    mh_stuck_tell(mh_realm_of(L));
    let_hooks_run(L, task);
  }
  return mh_task_join(L, task, "moonherd.run");
}

static int f_cancel(lua_State *L) {
  const char *reason = luaL_optstring(L, 1, NULL);
  mh_task_cancel_all(mh_realm_of(L), reason);
  return 0;
}

/* ---- opening ------------------------------------------------------------------------------ */

/* The last of moonherd's finalizers, as it was the first to be made. */
static int f_handle_gc(lua_State *L) {
  moonherd **box = lua_touserdata(L, 1), *m = *box;
  *box = NULL;
  if (m != NULL) m->host.loop.is_stepping = false;  // a task has closed the state, by os.exit
  moonherd_close(m);
  return 0;
}

static void push_box(lua_State *L) {
  moonherd **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, f_handle_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, HANDLE);
}

static void on_realm_error(mh_realm *realm, lua_State *L) {
  mh_handle_report(realm->user, L);
}

static void attach(lua_State *L) {
  push_box(L);
  moonherd **box = lua_touserdata(L, -1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  moonherd_config config = {
      .size = sizeof config, .user = lua_tothread(L, -1), .on_log = on_log, .on_error = on_error};
  const char *why;
  *box = mh_handle_new(&config, &why);
  moonherd *m = *box;
  if (m == NULL) {
    luaL_error(L, "moonherd: %s", why);
    return;  // never
  }
  m->script = mh_realm_attach(L, &m->host, mh_handle_max_tasks(m));
  m->script->user = m;
  m->script->on_error = on_realm_error;
  mh_modules_attach(L, &m->options);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, ERRORS);
  lua_pop(L, 2);
}

static void load_module(lua_State *L, const char *name) {
  mh_modules_push_require(L);
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
}

/* Adds to the table at the top what drives the realm. */
static void add_functions(lua_State *L) {
  static const luaL_Reg functions[] = {{"step", f_step}, {"cancel", f_cancel}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  lua_getfield(L, -1, "spawn");
  lua_pushcclosure(L, f_spawn, 1);
  lua_setfield(L, -2, "spawn");
  if (luaL_loadstring(L, "return") != LUA_OK) lua_error(L);
  lua_pushcclosure(L, f_run, 1);
  lua_setfield(L, -2, "run");
}

EXPORT luaopen_moonherd(lua_State *L);
EXPORT luaopen_moonherd(lua_State *L) {
  luaL_checkversion(L);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, MODULE) == LUA_TTABLE) return 1;
  attach(L);
  load_module(L, "moonherd");
  add_functions(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, MODULE);
  return 1;
}

/* For those who require a part first: the linker gives it the names of all parts, luaopen_moonherd_json
 * and so on. Called with the name of the module. */
EXPORT luaopen_moonherd_part(lua_State *L);
EXPORT luaopen_moonherd_part(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  luaopen_moonherd(L);
  load_module(L, name);
  return 1;
}
