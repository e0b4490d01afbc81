/* moonherd._task: tasks, scopes and what they wait for each other with. lua/moonherd/async.lua makes
 * the public functions of it. */
#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>
#include <stdint.h>

#include "core/dump.h"
#include "core/error.h"
#include "core/options.h"
#include "core/pending.h"
#include "core/scope.h"
#include "core/task.h"

static const char WAITLIST[] = "moonherd.waitlist";

static void check_function(lua_State *L, int index, const char *who) {
  if (lua_isfunction(L, index)) return;
  if (luaL_getmetafield(L, index, "__call") == LUA_TNIL)
    mh_error_usage(L, "%s: bad argument (function expected, got %s)", who, luaL_typename(L, index));
  lua_pop(L, 1);
}

///@name moonherd.spawn
/// Starts a task that runs `f(...)` beside the current one. It belongs to the innermost scope: the
/// scope, or the task, that spawned it ends only after it. An error in it that nobody waits for
/// cancels its siblings and is raised in the task that spawned it, at its next wait.
///@param f function  what the task runs; its results are what `task:wait` returns
///@param ... any  its arguments
///@return task task
///@error usage too_many_tasks  when the host's limit on tasks is reached
///@example
/// local task = moonherd.spawn(function (name) return "hello " .. name end, "world")
/// print(task:wait())
static int f_spawn(lua_State *L) {
  check_function(L, 1, "moonherd.spawn");
  mh_task_spawn(L, lua_gettop(L) - 1, false);
  return 1;
}

/* spawn_steady(f, ...) -> task: as spawn, but see mh_task_set_steady. */
static int f_spawn_steady(lua_State *L) {
  check_function(L, 1, "moonherd.spawn");
  mh_task_set_steady(mh_task_spawn(L, lua_gettop(L) - 1, false));
  return 1;
}

///@class task
/// Something that runs beside the rest: what moonherd.spawn returns. It belongs to the scope or the task
/// that spawned it, which does not end before it.

///@name task:wait
/// Waits until the task has ended and returns what its function returned; raises its error. Any
/// number of tasks may wait for one, also after it has ended.
///@async
///@return any ...  the results of its function
///@error usage deadlock  when a task waits for itself or for a task it belongs to
///@example
/// local a = moonherd.spawn(function () return 1, 2 end)
/// print(a:wait())
static int f_wait(lua_State *L) {
  return mh_task_join(L, mh_task_check(L, 1, "task:wait"), "task:wait");
}

///@name task:cancel
/// Asks the task to stop: raises an error of kind `cancelled` where it waits, once. Then it has five
/// seconds for cleanup, in which waits work; a second cancel ends that time. Returns at once; nothing
/// happens when it has ended.
///@param reason? string  the message of the error; default "cancelled"
///@error usage usage  when the reason is no text
///@example
/// local task = moonherd.spawn(moonherd.sleep, "1h")
/// task:cancel "no longer needed"
static int f_cancel(lua_State *L) {
  mh_task *task = mh_task_check(L, 1, "task:cancel");
  if (!lua_isnoneornil(L, 2) && !lua_isstring(L, 2))
    mh_error_usage(L, "task:cancel: bad reason (string expected, got %s)", luaL_typename(L, 2));
  mh_task_cancel(task, lua_tostring(L, 2));
  return 0;
}

///@name task:state
/// Tells how far the task is.
///@return string state  "running", which it is also while it waits or cleans up, "done" or "failed"
///@error none
///@example
/// local task = moonherd.spawn(moonherd.sleep, "1ms")
/// print(task:state())     --> running
/// task:wait()
/// print(task:state())     --> done
static int f_state(lua_State *L) {
  const mh_task *task = mh_task_check(L, 1, "task:state");
  lua_pushstring(L, !mh_task_is_done(task)    ? "running"
                    : mh_task_is_failed(task) ? "failed"
                                              : "done");
  return 1;
}

///@name moonherd.scope
/// Runs `f(...)` and waits for every task spawned in it, whatever happens: no task outlives the
/// scope. When one fails the others are cancelled and the error is raised.
///@async
///@param f function  what to run, in the current task
///@param ... any  its arguments
///@return any ...  its results
///@error of f  once all tasks of the scope have ended
///@error of f  in a task that nobody waits for: of the first that fails
///@example
/// moonherd.scope(function ()
///   moonherd.spawn(print, "one")
///   moonherd.spawn(print, "two")
/// end)
static int f_scope(lua_State *L) {
  check_function(L, 1, "moonherd.scope");
  mh_task_can_wait(L, "moonherd.scope");
  return mh_scope_call(L, lua_gettop(L) - 1, -1);
}

///@name moonherd.timeout
/// Runs `f(...)` in a scope that may take no longer than `t`. When it does, an error of kind
/// `timeout` is raised where it waits, and the tasks of the scope are cancelled.
///@async
///@param t duration  how long it may take
///@param f function  what to run, in the current task
///@param ... any  its arguments
///@return any ...  its results
///@error timeout timeout  when the time is over; the message says what was waited for
///@example
/// local ok, err = pcall(moonherd.timeout, "10ms", moonherd.sleep, "1h")
/// print(err.kind)
static int f_timeout(lua_State *L) {
  double seconds = mh_duration_check(L, 1, "moonherd.timeout", "time");
  check_function(L, 2, "moonherd.timeout");
  mh_task_can_wait(L, "moonherd.timeout");
  return mh_scope_call(L, lua_gettop(L) - 2, seconds);
}

static int slept(lua_State *L, int status, lua_KContext context) {
  (void)L, (void)status, (void)context;
  return 0;
}

///@name moonherd.sleep
/// Waits; other tasks run meanwhile. `moonherd.sleep(0)` lets the others have a turn.
///@async
///@param t duration  how long
///@error usage usage  when `t` is no duration
///@error cancelled cancelled  when the task is cancelled meanwhile
///@example
/// moonherd.sleep "10ms"
static int f_sleep(lua_State *L) {
  double seconds = mh_duration_check(L, 1, "moonherd.sleep", "time");
  mh_task_can_wait(L, "moonherd.sleep");
  return mh_task_sleep(L, seconds, "sleep", slept);
}

/* pause(seconds, what): sleeps; `what` stands in error messages and dumps. */
static int f_pause(lua_State *L) {
  double seconds = luaL_checknumber(L, 1);
  luaL_argcheck(L, seconds >= 0, 1, "below zero");
  const char *what = luaL_checkstring(L, 2);  // stays on the stack, so the wait may point to it
  mh_task_can_wait(L, what);
  return mh_task_sleep(L, seconds, what, slept);
}

/* give_way(what): lets the step end when its time for tasks is over; else it goes on at once. For work
 * between two waits that would hold a frame if it were done in one go. */
static int f_give_way(lua_State *L) {
  const char *what = luaL_checkstring(L, 1);
  if (!mh_loop_is_late(mh_loop_of(L))) return 0;
  mh_task_can_wait(L, what);
  return mh_task_sleep(L, 0, what, slept);
}

/* Whether an error must pass through moonherd.try: the task, or a scope around it, is told to stop. */
static int f_must_pass(lua_State *L) {
  lua_pushboolean(L, mh_scope_owns_error(L, 1));
  return 1;
}

/* dump() -> text: a line for each task. */
static int f_dump(lua_State *L) {
  mh_realm *realm = mh_realm_of(L);
  mh_buf out;
  mh_buf_init(&out, NULL);
  int e = mh_dump(realm, &out);
  if (e == 0) e = mh_log_mask(realm->host->log, &out);
  lua_pushlstring(L, e == 0 ? out.data : "", e == 0 ? out.len : 0);
  mh_buf_fini(&out);
  return 1;
}

/* id() -> the number of the task that runs now, 0 outside of tasks; and that of the newest task. */
static int f_id(lua_State *L) {
  const mh_task *task = mh_task_current(L);
  lua_pushinteger(L, task != NULL ? mh_task_id(task) : 0);
  lua_pushinteger(L, mh_realm_of(L)->last_task_id);
  return 2;
}

/* began_in(id, after): see mh_task_began_in; of the task that runs now. */
static int f_began_in(lua_State *L) {
  const mh_task *task = mh_task_current(L);
  unsigned id = (unsigned)luaL_checkinteger(L, 1), after = (unsigned)luaL_checkinteger(L, 2);
  lua_pushboolean(L, task != NULL && mh_task_began_in(task, id, after));
  return 1;
}

/* How many tasks, operations and handles are open: the tests compare before and after. */
static int f_counts(lua_State *L) {
  const mh_realm *realm = mh_realm_of(L);
  lua_Integer ops = 0;
  for (const mh_op *op = realm->host->loop.ops; op != NULL; op = op->next) ops++;
  lua_pushinteger(L, realm->task_count);
  lua_pushinteger(L, ops);
  lua_pushinteger(L, realm->host->loop.open_handles);
  return 3;
}

/* ---- wait lists --------------------------------------------------------------------------- */

/* In Lua's memory: while it is tied to a task it is anchored in the registry, under the address of
 * `end`. */
typedef struct waitlist {
  mh_waitlist list;
  mh_task_end end;
  mh_realm *realm;
  bool is_orphan; /* the task it was tied to has ended */
} waitlist;

static waitlist *check_waitlist(lua_State *L) {
  return luaL_checkudata(L, 1, WAITLIST);
}

static void drop_anchor(lua_State *L, waitlist *w) {
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &w->end);
}

static void on_end(mh_task_end *end) {
  waitlist *w = (waitlist *)((char *)end - offsetof(waitlist, end));
  w->is_orphan = true;
  mh_waitlist_wake(&w->list, UINT32_MAX);
  drop_anchor(w->realm->L, w);
}

/* waitlist(is_tied): one that is tied to the current task wakes everybody when that has ended. */
static int f_waitlist(lua_State *L) {
  waitlist *w = lua_newuserdatauv(L, sizeof *w, 0);
  *w = (waitlist){.end.on_end = on_end, .realm = mh_realm_of(L)};
  luaL_setmetatable(L, WAITLIST);
  mh_task *task = mh_task_current(L);
  if (!lua_toboolean(L, 1) || task == NULL) return 1;
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &w->end);
  mh_task_tie(task, &w->end);
  return 1;
}

/* list:untie(): its task is done with it. */
static int f_waitlist_untie(lua_State *L) {
  waitlist *w = check_waitlist(L);
  if (w->end.task == NULL) return 0;
  mh_task_untie(&w->end);
  drop_anchor(L, w);
  return 0;
}

/* list:wait(what): `what` stands in error messages and dumps. */
static int f_waitlist_wait(lua_State *L) {
  waitlist *w = check_waitlist(L);
  const char *what = luaL_checkstring(L, 2);  // stays on the stack, so the wait may point to it
  mh_task_can_wait(L, what);
  return mh_waitlist_wait(L, &w->list, what, slept);
}

/* list:wake(count) -> how many were woken; default all. */
static int f_waitlist_wake(lua_State *L) {
  waitlist *w = check_waitlist(L);
  lua_Integer count = luaL_optinteger(L, 2, UINT32_MAX);
  luaL_argcheck(L, count >= 0 && count <= UINT32_MAX, 2, "not a count");
  lua_pushinteger(L, mh_waitlist_wake(&w->list, (unsigned)count));
  return 1;
}

/* list:is_orphan() -> whether the task it was tied to has ended. */
static int f_waitlist_is_orphan(lua_State *L) {
  lua_pushboolean(L, check_waitlist(L)->is_orphan);
  return 1;
}

static const luaL_Reg waitlist_methods[] = {{"wait", f_waitlist_wait},
                                            {"wake", f_waitlist_wake},
                                            {"is_orphan", f_waitlist_is_orphan},
                                            {"untie", f_waitlist_untie},
                                            {NULL, NULL}};
static const luaL_Reg task_methods[] = {
    {"wait", f_wait}, {"cancel", f_cancel}, {"state", f_state}, {NULL, NULL}};
static const luaL_Reg functions[] = {
    {"spawn", f_spawn},
    {"scope", f_scope},
    {"timeout", f_timeout},
    {"sleep", f_sleep},
    {"must_pass", f_must_pass},
    {"waitlist", f_waitlist},
    {"dump", f_dump},
    {"counts", f_counts},
    {"id", f_id},
    {"pause", f_pause},
    {"give_way", f_give_way},
    {"spawn_steady", f_spawn_steady},
    {"began_in", f_began_in},
    {NULL, NULL},
};

int luaopen_moonherd__task(lua_State *L);
int luaopen_moonherd__task(lua_State *L) {
  luaL_newmetatable(L, WAITLIST);
  luaL_newlib(L, waitlist_methods);
  lua_setfield(L, -2, "__index");
  luaL_getmetatable(L, "moonherd.task");
  lua_getfield(L, -1, "__index");
  luaL_setfuncs(L, task_methods, 0);
  luaL_newlib(L, functions);
  return 1;
}
