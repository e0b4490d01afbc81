/* Making tasks, stopping them and waiting for them. See task.h; task_run.c runs them. */
#include "core/task.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/marks.h"
#include "core/pending.h"
#include "core/scope.h"
#include "core/stop.h"
#include "core/task_run.h"
#include "core/task_state.h"
#include "core/trace.h"

static const char METATABLE[] = "moonherd.task";

bool mh_task_is_done(const mh_task *task) {
  return mh_task_has_ended(task);
}

bool mh_task_is_failed(const mh_task *task) {
  return task->state == MH_TASK_FAILED;
}

bool mh_task_had_waiters(const mh_task *task) {
  return task->has_waiters;
}

bool mh_task_was_cancelled(const mh_task *task) {
  return task->root.state != MH_SCOPE_CALM;
}

bool mh_task_raised_cancel(const mh_task *task) {
  return task->raised_cancel;
}

lua_State *mh_task_thread(const mh_task *task) {
  return task->L;
}

unsigned mh_task_id(const mh_task *task) {
  return task->id;
}

void mh_task_cancel(mh_task *task, const char *reason) {
  if (mh_task_has_ended(task)) return;
  mh_scope_stop(&task->root, reason, false);
}

void mh_task_cancel_all(mh_realm *realm, const char *reason) {
  for (mh_task *task = realm->tasks; task != NULL; task = task->next)
    if (task->parent == NULL) mh_task_cancel(task, reason);
}

void mh_task_set_steady(mh_task *task) {
  task->is_steady = true;
}

/* ---- spawning ----------------------------------------------------------------------------- */

static void join_parent(mh_task *task, mh_scope *parent) {
  task->parent = parent;
  task->depth = parent->owner->depth + 1;
  task->next_sibling = parent->children;
  if (task->next_sibling != NULL) task->next_sibling->prev_sibling = task;
  parent->children = task;
}

static void begin_timeline(mh_task *task, mh_realm *realm) {
  mh_trace *trace = realm->host->trace;
  if (trace == NULL) return;
  if (realm->trace_process == 0)
    realm->trace_process =
        mh_trace_process(trace, realm->is_system ? "embedded platform" : "script");
  task->began = mh_trace_now(trace);
}

static void join_realm(mh_task *task, mh_realm *realm) {
  task->id = ++realm->last_task_id;
  begin_timeline(task, realm);
  task->next = realm->tasks;
  if (task->next != NULL) task->next->prev = task;
  realm->tasks = task;
  realm->task_count++;
}

/* Pushes a task that is not part of anything yet. */
static mh_task *new_task(lua_State *L, mh_realm *realm) {
  mh_task *task = lua_newuserdatauv(L, sizeof *task, 2);
  memset(task, 0, sizeof *task);

  task->realm = realm;
  task->ready.on_run = mh_task_on_run;
  task->timer.on_timer = mh_park_on_timer;
  mh_op_init(&task->park, &realm->host->loop, "", mh_park_on_cancel);
  mh_scope_init(&task->root, task);
  luaL_setmetatable(L, METATABLE);
  task->L = lua_newthread(L);
  lua_setiuservalue(L, -2, 1);
  mh_thread_mark(L, task->L, MH_THREAD_HELD, true);
  return task;
}

/* `parent` NULL: it belongs to nobody. */
static mh_task *spawn(lua_State *L, int nargs, mh_scope *parent) {
  mh_realm *realm = mh_realm_of(L);
  if (realm->max_tasks != 0 && realm->task_count >= realm->max_tasks)
    mh_error_raise(L, "usage", "too_many_tasks", "moonherd.spawn: more than %u tasks are alive",
                   realm->max_tasks);
  luaL_checkstack(L, 4, "task");
  mh_task *task = new_task(L, realm);
  if (!lua_checkstack(task->L, nargs + 4)) luaL_error(L, "too many arguments for a task");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, task);
  // stack: function, arguments, task
  lua_insert(L, -nargs - 2);
  lua_pushcfunction(task->L, mh_task_main);
  lua_xmove(L, task->L, nargs + 1);
  task->nargs = nargs + 1;
  if (!mh_where(L, task->place, sizeof task->place))
    snprintf(task->place, sizeof task->place, "the host");
  task->state = MH_TASK_READY;
  join_realm(task, realm);
  if (parent != NULL) join_parent(task, parent);
  mh_loop_enqueue(&realm->host->loop, &task->ready);
  return task;
}

mh_task *mh_task_spawn(lua_State *L, int nargs, bool is_root) {
  const mh_realm *realm = mh_realm_of(L);
  if (realm->is_ending || (!is_root && realm->current == NULL))
    mh_error_raise(L, "usage", "no_task", "moonherd.spawn: no task is running");
  return spawn(L, nargs, is_root ? NULL : mh_scope_innermost(L));
}

mh_task *mh_task_spawn_in_main(lua_State *L, int nargs, const char *who) {
  const mh_realm *realm = mh_realm_of(L);
  if (realm->is_ending || realm->current == NULL || realm->main == NULL)
    mh_error_raise(L, "usage", "no_task", "%s: no task of a script is running", who);
  return spawn(L, nargs, &realm->main->root);
}

/* ---- waiting for a task ------------------------------------------------------------------- */

mh_task *mh_task_check(lua_State *L, int index, const char *who) {
  mh_task *task = luaL_testudata(L, index, METATABLE);
  if (task == NULL)
    mh_error_usage(L, "%s: bad argument (task expected, got %s)", who, luaL_typename(L, index));
  return task;
}

/* The task is at index 1. */
static int joined(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  mh_task *task = mh_task_check(L, 1, "task:wait");
  int n = task->state == MH_TASK_FAILED ? 1 : lua_gettop(task->L);
  luaL_checkstack(L, n, "too many results");
  if (!lua_checkstack(task->L, n)) luaL_error(L, "too many results");
  for (int i = 0; i < n; i++) lua_pushvalue(task->L, -n);
  lua_xmove(task->L, L, n);
  if (task->state != MH_TASK_FAILED) return n;
  return lua_error(L);
}

/* Whether `task` is the other one, or waits for it as its parent. */
static bool belongs_to(const mh_task *task, const mh_task *other) {
  while (task->depth > other->depth) task = task->parent->owner;
  return task == other;
}

bool mh_task_began_in(const mh_task *task, unsigned id, unsigned after) {
  const mh_task *child = NULL;
  while (task->id != id && task->parent != NULL) {
    child = task;
    task = task->parent->owner;
  }
  return task->id == id && (child == NULL || child->id > after);
}

/* Whether the current task would wait for itself: `task` is it, or its parent, or waits for either.
 * Longer chains than this are not followed; they end by a deadline or an interrupt. */
static bool is_circular(const mh_task *current, const mh_task *task) {
  enum { HOPS = 64 };
  for (int i = 0; i < HOPS && task != NULL; i++) {
    if (belongs_to(current, task)) return true;
    task = task->awaited;
  }
  return false;
}

int mh_task_join(lua_State *L, mh_task *task, const char *who) {
  if (mh_task_has_ended(task) && !task->realm->is_ending) return joined(L, LUA_OK, 0);
  mh_task_can_wait(L, who);
  mh_task *current = mh_task_current(L);
  if (is_circular(current, task))
    mh_error_raise(
        L, "usage", "deadlock",
        "%s: a task cannot wait for itself, for its parent, or for one that waits for it", who);
  lua_settop(L, 1);
  current->awaited = task;
  return mh_waitlist_wait(L, &task->joiners, "a task", joined);
}

/* ---- the userdata ------------------------------------------------------------------------- */

static int f_tostring(lua_State *L) {
  const mh_task *task = mh_task_check(L, 1, "task");
  lua_pushfstring(L, "task %d (spawned at %s)", (int)task->id, task->place);
  return 1;
}

void mh_task_open(lua_State *L) {
  mh_scope_open(L);
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, f_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_newtable(L);
  lua_setfield(L, -2, "__index");  // the binding fills in the methods
  lua_pop(L, 1);
}
