/* Tasks and waiting. See task.h. This is one of the two places that call lua_resume. */
#include "core/task.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "core/compat.h"
#include "core/error.h"
#include "core/pending.h"
#include "core/scope.h"
#include "core/stop.h"
#include "core/task_state.h"
#include "core/trace.h"
#include "moonherd.h"

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

/* ---- the timeline ------------------------------------------------------------------------- */

static unsigned trace_process(mh_realm *realm) {
  if (realm->trace_process == 0)
    realm->trace_process =
        mh_trace_process(realm->host->trace, realm->is_system ? "embedded platform" : "script");
  return realm->trace_process;
}

static void trace_end(const mh_task *task) {
  mh_trace *trace = task->realm->host->trace;
  if (trace == NULL) return;
  const char *outcome = !task->has_failed ? "done" : task->raised_cancel ? "cancelled" : "failed";
  mh_trace_arg args[4] = {{.name = "spawned_at", .text = task->place},
                          {.name = "outcome", .text = outcome, .is_ours = true}};
  if (task->parent != NULL)
    args[2] = (mh_trace_arg){.name = "parent", .number = (long long)task->parent->owner->id};
  const mh_span span = {"task",   "task",      task->realm->trace_process,
                        task->id, task->began, mh_trace_now(trace)};
  mh_trace_span(trace, &span, args);
}

/* It is resumed, or closed, after a wait. */
static void trace_wait(const mh_task *task) {
  mh_trace *trace = task->realm->host->trace;
  if (trace == NULL || task->waiting == NULL) return;
  const mh_span span = {"wait",   task->waiting->what, task->realm->trace_process,
                        task->id, task->waits_since,   mh_trace_now(trace)};
  mh_trace_span(trace, &span, NULL);
}

/* ---- the end of a task -------------------------------------------------------------------- */

static void leave_parent(mh_task *task) {
  mh_scope *parent = task->parent;
  if (parent == NULL) return;
  if (task->prev_sibling != NULL) task->prev_sibling->next_sibling = task->next_sibling;
  else parent->children = task->next_sibling;
  if (task->next_sibling != NULL) task->next_sibling->prev_sibling = task->prev_sibling;
  task->parent = NULL;
}

static void leave_realm(mh_task *task) {
  mh_realm *realm = task->realm;
  if (task->prev != NULL) task->prev->next = task->next;
  else realm->tasks = task->next;
  if (task->next != NULL) task->next->prev = task->prev;
  task->next = task->prev = NULL;
  realm->task_count--;
}

static void drop_trace(mh_task *task) {
  if (!task->has_trace) return;
  lua_State *L = task->realm->L;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &task->has_trace);
  task->has_trace = false;
}

/* An error that no waiter takes goes to the scope the task was spawned in, which keeps the task
 * until it has raised the error. Returns whether it did. */
static bool hand_failure(mh_task *task, mh_scope *parent) {
  if (!task->has_failed || parent == NULL) return false;
  if (mh_task_was_cancelled(task) && task->raised_cancel) return false;
  mh_scope_fail(parent, task);
  return true;
}

static void last_child_ended(mh_scope *parent) {
  mh_task *owner = parent->owner;
  if (parent->outer != NULL) mh_op_ready(&parent->join, 0);
  else if (owner->state == MH_TASK_JOINING)
    mh_loop_enqueue(&owner->realm->host->loop, &owner->ready);
}

/* Nothing of it runs any more, nor of its children. */
static void end(mh_task *task) {
  mh_realm *realm = task->realm;
  mh_scope *parent = task->parent;
  if (task->state == MH_TASK_JOINING) realm->blocked--;
  task->state = task->has_failed ? MH_TASK_FAILED : MH_TASK_DONE;
  trace_end(task);
  drop_trace(task);
  leave_parent(task);
  leave_realm(task);
  task->has_waiters = mh_waitlist_wake(&task->joiners, realm->task_count + 1) > 0;
  bool is_kept = !task->has_waiters && hand_failure(task, parent);
  mh_scope_fini(realm->L, &task->root);
  mh_task_call_ends(task);
  if (parent != NULL && parent->children == NULL) last_child_ended(parent);
  if (!is_kept) mh_task_drop_anchor(task);
}

static int push_failure(lua_State *L) {
  mh_scope_push_failure(L, lua_touserdata(L, 1));
  return 1;
}

/* Children failed and their parent never waited to be told: the failure becomes the parent's own. */
static void take_failure(mh_task *task) {
  if (task->root.failed == NULL || task->has_failed) return;  // mh_scope_fini drops what is left
  lua_State *M = task->realm->L;
  lua_pushcfunction(M, push_failure);
  lua_pushlightuserdata(M, &task->root);
  lua_pcall(M, 1, 1, 0);
  lua_settop(task->L, 0);
  lua_xmove(M, task->L, 1);
  task->has_failed = true;
}

/* The function of the task has ended; its results or its error are at the top of its stack. */
static void function_ended(mh_task *task) {
  mh_scope_leave_all(task);
  if (task->root.children == NULL) {
    take_failure(task);
    end(task);
    return;
  }
  task->state = MH_TASK_JOINING;
  task->realm->blocked++;
  if (task->has_failed)
    mh_scope_cancel_children(&task->root, "the task that spawned it has failed");
}

/* ---- running ------------------------------------------------------------------------------ */

enum { CHAIN_LENGTH = 20 }; /* parents shown in a trace */

/* Pushes where an error was raised, and where the task and its parents were spawned. */
static void push_trace(lua_State *L, const mh_task *task) {
  luaL_checkstack(L, CHAIN_LENGTH + 6, "error object");
  luaL_traceback(L, L, NULL, 1);
  mh_where_expand(L, L);
  int pieces = 1;
  for (; task->parent != NULL; task = task->parent->owner) {
    if (pieces++ == CHAIN_LENGTH) {
      lua_pushliteral(L, "\n\tin more tasks");
      break;
    }
    lua_pushfstring(L, "\n\tin task %d, spawned at %s", (int)task->id, task->place);
  }
  lua_concat(L, pieces);
}

/* The message handler of every task: runs where the error was raised. Text stays text, its trace is
 * put aside: `load` too calls the handler, for errors that it only returns. In a `<close>` handler of
 * a thread that is closed that is in no task. */
static int on_task_error(lua_State *L) {
  mh_task *task = mh_task_current(L);
  if (task == NULL || mh_error_has_trace(L, -1)) return 1;
  push_trace(L, task);
  if (mh_error_is(L, -2)) {
    mh_error_wrap_traced(L);
    return 1;
  }
  lua_rawsetp(L, LUA_REGISTRYINDEX, &task->has_trace);
  task->has_trace = true;
  return 1;
}

/* The error at the top has left the function of the task: the trace put aside last is its own. The
 * handler is not called for errors of memory. */
static void take_error(lua_State *L, mh_task *task, int status) {
  task->has_failed = true;
  if (status == LUA_ERRRUN && task->has_trace && !mh_error_is(L, -1)) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &task->has_trace);
    mh_error_wrap_traced(L);
  }
  task->raised_cancel = mh_error_has_kind(L, -1, "cancelled");
}

static int task_returned(lua_State *L, int status, lua_KContext context) {
  (void)context;
  if (status != LUA_OK && status != LUA_YIELD) {
    take_error(L, mh_task_current(L), status);
    return 1;
  }
  return lua_gettop(L) - 1;  // stack: handler, results
}

/* The bottom of every task: stack: function, arguments. The protected call makes `<close>` handlers
 * run in a thread that is alive, so that they may wait. */
static int task_main(lua_State *L) {
  int nargs = lua_gettop(L) - 1;
  lua_pushcfunction(L, on_task_error);
  lua_insert(L, 1);
  int status = lua_pcallk(L, nargs, LUA_MULTRET, 1, 0, task_returned);
  return task_returned(L, status, 0);
}

static int wrap_raw_error(lua_State *L) {
  // stack: error
  mh_error_wrap(L, L);
  return 1;
}

/* Makes sure that an error object is at the top of the task's stack; a plain string stays when even
 * that needs more memory than there is. */
static void wrap_error(mh_task *task) {
  lua_State *L = task->L;
  task->has_failed = true;
  mh_mem_open_reserve(&task->realm->mem);
  if (mh_error_is(L, -1)) return;
  lua_State *M = task->realm->L;
  lua_pushcfunction(M, wrap_raw_error);
  lua_pushvalue(L, -1);
  lua_xmove(L, M, 1);
  lua_pcall(M, 1, 1, 0);
  lua_xmove(M, L, 1);
}

static int push_killed(lua_State *L) {
  mh_error_push(L, "cancelled", "killed", "the task did not end within its grace and was closed");
  return 1;
}

/* Gives up its wait without telling it. */
static void end_wait(mh_task *task) {
  trace_wait(task);
  if (task->waiting != NULL) mh_op_cancel(task->waiting);
  task->waiting = NULL;
}

static int push_spent(lua_State *L) {
  mh_error_push(L, "usage", "too_many_instructions", MH_SPENT_MESSAGE);
  return 1;
}

/* Closes the thread: whatever it still wanted to do is lost. */
static void close_thread(mh_task *task) {
  mh_realm *realm = task->realm;
  end_wait(task);
  mh_close_thread(task->L, NULL);  // no task is current: nothing can wait in the handlers it runs
  lua_settop(task->L, 0);
  lua_pushcfunction(realm->L, task->is_spent ? push_spent : push_killed);
  lua_pcall(realm->L, 0, 1, 0);
  lua_xmove(realm->L, task->L, 1);
  task->has_failed = true;
  task->raised_cancel = !task->is_spent;
  if (task->is_spent) return;
  mh_log_message(realm->host->log, MOONHERD_LOG_WARN,
                 "task %u, spawned at %s, did not end within its grace and was closed", task->id,
                 task->place);
}

static void resume(mh_task *task) {
  mh_realm *realm = task->realm;
  int nargs = task->nargs, nresults;
  task->nargs = 0;
  task->state = MH_TASK_RUNNING;
  trace_wait(task);
  if (realm->on_resume != NULL) realm->on_resume(realm);
  if (mh_task_lost_wait(task)) {
    task->waiting = NULL;
    task->is_interrupted = false;
  }
  realm->current = task;
  realm->running = task->L;
  int status = lua_resume(task->L, realm->L, nargs, &nresults);
  realm->current = NULL;
  realm->running = NULL;
  if (status == LUA_YIELD && realm->is_waiting) {
    realm->is_waiting = false;
    task->state = realm->is_preempted ? MH_TASK_READY : MH_TASK_WAITING;
    if (realm->host->trace != NULL) task->waits_since = mh_trace_now(realm->host->trace);
    if (realm->is_preempted) mh_loop_enqueue(&realm->host->loop, &task->ready);
    realm->is_preempted = false;
    return;
  }
  if (status == LUA_YIELD) {
    // A C module yielded by itself: there is nobody to take its values.
    mh_close_thread(task->L, NULL);
    lua_settop(task->L, 0);
    lua_pushliteral(task->L, "attempt to yield from outside a coroutine");
    wrap_error(task);
  } else if (status != LUA_OK || task->has_failed) {
    wrap_error(task);  // an error of memory, or in a message handler, comes as text
  }
  function_ended(task);
}

static void on_run(mh_ready *ready) {
  mh_task *task = (mh_task *)ready;
  if (task->state == MH_TASK_JOINING) {
    if (task->root.children != NULL) return;
    take_failure(task);
    end(task);
  } else if (task->must_die) {
    close_thread(task);
    function_ended(task);
  } else {
    resume(task);
  }
}

void mh_task_cancel(mh_task *task, const char *reason) {
  if (mh_task_has_ended(task)) return;
  mh_scope_stop(&task->root, reason, false);
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

static void join_realm(mh_task *task, mh_realm *realm) {
  task->id = ++realm->last_task_id;
  if (realm->host->trace != NULL) {
    trace_process(realm);
    task->began = mh_trace_now(realm->host->trace);
  }
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
  task->ready.on_run = on_run;
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
  lua_pushcfunction(task->L, task_main);
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

/* ---- the end of all ----------------------------------------------------------------------- */

static void abandon(mh_task *task) {
  end_wait(task);
  mh_loop_dequeue(&task->realm->host->loop, &task->ready);
  mh_scope_leave_all(task);
  mh_task_call_ends(task);
  leave_parent(task);
  leave_realm(task);
  mh_scope_fini(task->realm->L, &task->root);
  task->state = MH_TASK_DONE;
}

void mh_task_close_all(mh_realm *realm) {
  for (mh_task *task = realm->tasks; task != NULL; task = task->next) {
    if (task->state == MH_TASK_RUNNING) continue;
    end_wait(task);
    mh_close_thread(task->L, NULL);
  }
}

void mh_task_cancel_all(mh_realm *realm, const char *reason) {
  for (mh_task *task = realm->tasks; task != NULL; task = task->next)
    if (task->parent == NULL) mh_task_cancel(task, reason);
}

void mh_task_abandon_all(mh_realm *realm) {
  while (realm->tasks != NULL) abandon(realm->tasks);
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
