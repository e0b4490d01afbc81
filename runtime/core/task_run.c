/* Running tasks, to their end. See task_run.h. This is one of the two places that call lua_resume. */
#include "core/task_run.h"

#include <lauxlib.h>

#include "core/compat.h"
#include "core/error.h"
#include "core/pending.h"
#include "core/scope.h"
#include "core/stop.h"
#include "core/task_end.h"
#include "core/task_state.h"
#include "core/trace.h"
#include "core/wait.h"
#include "moonherd.h"

/* ---- the timeline ------------------------------------------------------------------------- */

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
  if (task->root.state != MH_SCOPE_CALM && task->raised_cancel) return false;
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
int mh_task_main(lua_State *L) {
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

/* It has yielded to wait, or because it was pre-empted. */
static void begin_wait(mh_task *task) {
  mh_realm *realm = task->realm;
  realm->is_waiting = false;
  task->state = realm->is_preempted ? MH_TASK_READY : MH_TASK_WAITING;
  if (realm->host->trace != NULL) task->waits_since = mh_trace_now(realm->host->trace);
  if (realm->is_preempted) mh_loop_enqueue(&realm->host->loop, &task->ready);
  realm->is_preempted = false;
}

/* A C module yielded by itself: there is nobody to take its values. */
static void refuse_yield(mh_task *task) {
  mh_close_thread(task->L, NULL);
  lua_settop(task->L, 0);
  lua_pushliteral(task->L, "attempt to yield from outside a coroutine");
  wrap_error(task);
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
    begin_wait(task);
    return;
  }
  // An error of memory, or in a message handler, comes as text.
  if (status == LUA_YIELD) refuse_yield(task);
  else if (status != LUA_OK || task->has_failed) wrap_error(task);
  function_ended(task);
}

void mh_task_on_run(mh_ready *ready) {
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

void mh_task_abandon_all(mh_realm *realm) {
  while (realm->tasks != NULL) abandon(realm->tasks);
}
