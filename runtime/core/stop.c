/* Stopping and failing: how a cancel, a time limit or a failed child reaches the tasks of a scope.
 * See stop.h. Runs no Lua: timers and hosts call it.
 *
 * The tree of tasks may be very deep. It is walked with the pointers it has, never by recursion. */
#include "core/stop.h"

#include <stddef.h>
#include <string.h>

#include "core/pending.h"
#include "core/task_state.h"
#include "core/wait.h"

/* ---- the tree ----------------------------------------------------------------------------- */

/* The scopes of a task: those it opened, newest first, then the root scope. */
static mh_scope *first_scope(mh_task *task) {
  return task->scopes != NULL ? task->scopes : &task->root;
}

static mh_scope *next_scope(mh_scope *scope) {
  if (scope->outer == NULL) return NULL;
  return scope->next != NULL ? scope->next : &scope->owner->root;
}

/* A walk below a scope sees only what is inside it; of the tasks further down it sees everything. */
static const mh_scope *border_for(const mh_scope *top, const mh_task *task) {
  return task == top->owner ? top : &task->root;
}

/* The first child in `scope` or in those after it. */
static mh_task *first_child(const mh_scope *top, mh_scope *scope) {
  for (; scope != NULL; scope = next_scope(scope))
    if (scope->children != NULL && mh_scope_is_inside(scope, border_for(top, scope->owner)))
      return scope->children;
  return NULL;
}

static mh_task *first_below(const mh_scope *top, mh_task *task) {
  return first_child(top, first_scope(task));
}

/* The next task with the same owner. */
static mh_task *next_beside(const mh_scope *top, mh_task *task) {
  if (task->next_sibling != NULL) return task->next_sibling;
  return first_child(top, next_scope(task->parent));
}

/* ---- stopping ----------------------------------------------------------------------------- */

/* Wakes the owner, unless it waits for children: those are being stopped themselves. */
static void tell_owner(mh_scope *scope) {
  if (scope->owner->joining == NULL && !scope->is_suspended) mh_task_interrupt(scope->owner);
}

static void start_grace(mh_scope *scope) {
  const mh_host *host = scope->owner->realm->host;
  mh_loop *loop = &scope->owner->realm->host->loop;
  mh_timer_start(loop, &scope->grace, mh_clock_after(mh_loop_now(loop), host->grace));
}

/* One step towards the end; what is below is stopped by the caller. */
static void stop_one(mh_scope *scope, const char *reason, bool is_timeout) {
  bool is_first = scope->state == MH_SCOPE_CALM;
  if (is_first) {
    scope->is_timeout = is_timeout;
    scope->reason = reason != NULL ? strdup(reason) : NULL;  // without memory: the default text
  }
  scope->state = is_first ? MH_SCOPE_TELLING : MH_SCOPE_OVER;
  mh_mem_open_reserve(&scope->owner->realm->mem);
  start_grace(scope);
}

/* `only_calm`: a task that was asked to stop before keeps its grace, and a steady one is not asked. */
static bool stop_task(mh_task *task, const char *reason, bool only_calm) {
  mh_scope_state state = task->root.state;
  if (only_calm && task->is_steady) return false;
  if (state == MH_SCOPE_OVER || (only_calm && state != MH_SCOPE_CALM)) return false;
  stop_one(&task->root, reason, false);
  return true;
}

/* Stops everything below a scope, the deepest first. What was stopped a second time just now, and
 * is `over`, ends the grace of what is below it too. */
static void stop_below(mh_scope *top, const char *reason, bool only_calm) {
  mh_task *task = first_below(top, top->owner);
  while (task != NULL) {
    const mh_task *owner = task->parent->owner;
    bool is_calm_only = owner == top->owner ? only_calm : owner->root.state != MH_SCOPE_OVER;
    bool is_stopped = stop_task(task, reason, is_calm_only);
    mh_task *next = is_stopped ? first_below(top, task) : NULL;
    if (is_stopped && next == NULL) tell_owner(&task->root);
    while (next == NULL && (next = next_beside(top, task)) == NULL) {
      task = task->parent->owner;
      if (task == top->owner) return;
      tell_owner(&task->root);
    }
    task = next;
  }
}

void mh_scope_cancel_children(mh_scope *scope, const char *reason) {
  stop_below(scope, reason, true);
}

void mh_scope_stop(mh_scope *scope, const char *reason, bool is_timeout) {
  bool is_first = scope->state == MH_SCOPE_CALM;
  if (scope->state == MH_SCOPE_OVER) return;
  stop_one(scope, reason, is_timeout);
  stop_below(scope, is_timeout ? "the time limit of its scope is over" : reason, is_first);
  tell_owner(scope);
}

void mh_scope_on_limit(mh_timer *timer) {
  mh_scope *scope = (mh_scope *)((char *)timer - offsetof(mh_scope, limit));
  if (scope->state == MH_SCOPE_CALM) mh_scope_stop(scope, NULL, true);
}

/* ---- killing ------------------------------------------------------------------------------ */

void mh_task_kill(mh_task *task) {
  if (task->state == MH_TASK_JOINING) return;
  task->must_die = true;
  mh_loop_enqueue(&task->realm->host->loop, &task->ready);
}

static void kill_below(mh_scope *top) {
  mh_task *task = first_below(top, top->owner);
  while (task != NULL) {
    mh_task_kill(task);
    mh_task *next = first_below(top, task);
    while (next == NULL && (next = next_beside(top, task)) == NULL) {
      task = task->parent->owner;
      if (task == top->owner) return;
    }
    task = next;
  }
}

/* The second grace is over. An owner that only waits for the children has done nothing wrong: they
 * are closed, and it has another grace from then on. */
static void close_all(mh_scope *scope) {
  mh_task *owner = scope->owner;
  kill_below(scope);
  if (scope->is_suspended) return;
  if (owner->joining != NULL) start_grace(scope);
  else mh_task_kill(owner);
}

void mh_scope_on_grace(mh_timer *timer) {
  mh_scope *scope = (mh_scope *)((char *)timer - offsetof(mh_scope, grace));
  if (scope->state == MH_SCOPE_OVER) close_all(scope);
  else mh_scope_stop(scope, NULL, scope->is_timeout);
}

/* ---- failing ------------------------------------------------------------------------------ */

/* The siblings are cancelled for the first of the failures that are to be raised together. */
void mh_scope_fail(mh_scope *scope, mh_task *child) {
  child->next_failed = NULL;
  if (scope->failed != NULL) {
    scope->last_failed->next_failed = child;
    scope->last_failed = child;
    return;
  }
  scope->failed = scope->last_failed = child;
  stop_below(scope, "another task of its scope has failed", true);
  tell_owner(scope);
}
