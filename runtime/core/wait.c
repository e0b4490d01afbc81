/* Waiting. See wait.h. */
#include "core/wait.h"

#include <lauxlib.h>
#include <stddef.h>
#include <string.h>

#include "core/deadlock.h"
#include "core/error.h"
#include "core/pending.h"
#include "core/task_state.h"

/* Finds the name of a function in the loaded modules: "table.sort". Pushes it, or returns false. */
static bool push_function_name(lua_State *L, int function) {
  function = lua_absindex(L, function);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
    // stack: loaded, module name, module
    if (lua_type(L, -2) != LUA_TSTRING || !lua_istable(L, -1)) continue;
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
      // stack: loaded, module name, module, key, value
      if (lua_type(L, -2) != LUA_TSTRING || !lua_rawequal(L, -1, function)) continue;
      const char *module = lua_tostring(L, -4), *key = lua_tostring(L, -2);
      if (strcmp(module, LUA_GNAME) == 0) lua_pushstring(L, key);
      else lua_pushfstring(L, "%s.%s", module, key);
      lua_replace(L, -6);
      lua_pop(L, 4);
      return true;
    }
  }
  lua_pop(L, 1);
  return false;
}

/* Functions of C that a wait can cross. In a state of somebody else `require` is Lua's own. */
static bool lets_waits_through(lua_State *L, const char *name) {
  if (strcmp(name, "require") == 0) return !mh_realm_of(L)->is_attached;
  static const char *const names[] = {"pcall", "xpcall", "dofile", "error", NULL};
  for (size_t i = 0; names[i] != NULL; i++)
    if (strcmp(name, names[i]) == 0) return true;
  return strncmp(name, "coroutine.", 10) == 0 || strncmp(name, "moonherd.", 9) == 0;
}

/* Pushes the name of the innermost function on the stack of `thread` that no wait can cross. */
static void push_obstacle(lua_State *L, lua_State *thread) {
  lua_Debug ar;
  for (int level = L == thread ? 1 : 0; lua_getstack(thread, level, &ar); level++) {
    lua_getinfo(thread, "nS", &ar);
    if (strcmp(ar.namewhat, "metamethod") == 0 && strcmp(ar.name, "__gc") == 0) {
      lua_pushliteral(L, "a __gc metamethod");
      return;
    }
    if (strcmp(ar.what, "C") != 0) continue;
    lua_getinfo(thread, "f", &ar);
    if (L != thread) lua_xmove(thread, L, 1);
    // stack: …, function
    if (push_function_name(L, -1) && !lets_waits_through(L, lua_tostring(L, -1))) {
      lua_remove(L, -2);
      return;
    }
    lua_settop(L, lua_type(L, -1) == LUA_TSTRING ? -3 : -2);
  }
  lua_pushliteral(L, "a function written in C");
}

const char mh_wait_unrelayed[] =
    "a coroutine that was not resumed by moonherd; inside a task look `coroutine.wrap` and "
    "`coroutine.resume` up anew";

bool mh_task_may_wait(lua_State *L) {
  const mh_realm *realm = mh_realm_of(L);
  return realm->current != NULL && !realm->is_ending && realm->no_wait_in == NULL &&
         realm->running == L && lua_isyieldable(L);
}

void mh_task_can_wait(lua_State *L, const char *who) {
  if (mh_task_may_wait(L)) return;
  const mh_realm *realm = mh_realm_of(L);
  if (realm->is_ending)
    mh_error_raise(L, "usage", "cannot_wait", "%s: cannot wait: its Lua state is being closed",
                   who);
  if (realm->current == NULL)
    mh_error_raise(L, "usage", "cannot_wait", "%s: cannot wait: no task is running%s", who,
                   realm->is_attached ? "; moonherd.run(f) runs f as one" : "");
  luaL_checkstack(L, 12, who);
  if (realm->no_wait_in == NULL && realm->running != L) lua_pushstring(L, mh_wait_unrelayed);
  else if (realm->no_wait_why != NULL) lua_pushstring(L, realm->no_wait_why);
  else push_obstacle(L, lua_isyieldable(L) ? realm->no_wait_in : L);
  mh_error_raise(L, "usage", "cannot_wait", "%s: cannot wait inside %s", who, lua_tostring(L, -1));
}

/* ---- threads that others resume or close --------------------------------------------------- */

/* In a state of somebody else scripts may hold functions that resume or close a coroutine without
 * knowing that it waits. */

static int after_wait(lua_State *L, int status, lua_KContext context);

/* Who resumed the thread gets nothing, and the wait goes on. */
static int stay(lua_State *L, lua_KContext context) {
  for (const mh_task *t = mh_realm_of(L)->tasks; t != NULL; t = t->next)
    if (t->waiting != NULL && t->waits_in == L) lua_settop(L, t->height);
  return lua_yieldk(L, 0, context, after_wait);
}

/* Stack: task, values. They stay alive as long as the task does, or waits anew. */
static int keep_frame(lua_State *L) {
  int n = lua_gettop(L) - 1;
  lua_createtable(L, n, 0);
  lua_insert(L, 2);
  // stack: task, table, values
  for (int i = n; i >= 1; i--) lua_rawseti(L, 2, i);
  lua_rawgetp(L, LUA_REGISTRYINDEX, lua_touserdata(L, 1));
  lua_insert(L, 2);
  lua_setiuservalue(L, 2, 2);
  return 0;
}

/* Keeps the waiting thread and what is on the stack of its function, and with it the operation, should
 * the thread be closed. Returns false, and an error at the top, without memory. */
static bool keep(lua_State *L, mh_task *task) {
  int n = lua_gettop(L);
  task->waits_in = L;
  task->height = n;
  if (!task->realm->is_attached) return true;
  if (!lua_checkstack(L, n + 4)) {
    lua_pushliteral(L, "not enough memory");
    return false;
  }
  lua_pushcfunction(L, keep_frame);
  lua_pushlightuserdata(L, task);
  for (int i = 1; i <= n; i++) lua_pushvalue(L, i);
  lua_pushthread(L);
  return lua_pcall(L, n + 2, 0, 0) == LUA_OK;
}

bool mh_task_lost_wait(const mh_task *task) {
  return task->realm->is_attached && task->waiting != NULL &&
         lua_status(task->waits_in) != LUA_YIELD;
}

/* ---- waiting ---------------------------------------------------------------------------------- */

/* Runs when the task is resumed after a wait, on the thread that waited. */
static int after_wait(lua_State *L, int status, lua_KContext context) {
  if (mh_realm_of(L)->running != L) return stay(L, context);
  mh_task *task = mh_task_current(L);
  const mh_op *op = task->waiting;
  task->waiting = NULL;
  if (task->is_interrupted) {
    bool is_stuck = task->is_stuck && mh_scope_pending(L) == NULL;
    task->is_interrupted = task->is_stuck = false;
    luaL_checkstack(L, 10, "error object");
    if (is_stuck) mh_deadlock_push(L, op->what);
    else mh_scope_push_pending(L, op->what);
    return lua_error(L);
  }
  return task->k(L, status, context);
}

void mh_task_raise_pending(lua_State *L) {
  if (mh_task_current(L) == NULL || mh_scope_pending(L) == NULL) return;
  luaL_checkstack(L, 10, "error object");
  mh_scope_push_pending(L, "nothing");
  lua_error(L);
}

/* The wait will raise instead of waiting; it yields first, so that a loop that swallows errors cannot
 * hold a step. When the grace is over the turns are a millisecond apart: such a loop must not keep
 * the processor busy, nor a virtual clock from going on. */
static mh_op *refuse_wait(mh_task *task, mh_op *op, const mh_scope *pending) {
  mh_loop *loop = op->loop;
  mh_op_cancel(op);
  task->is_interrupted = true;
  if (pending->state != MH_SCOPE_OVER) {
    mh_loop_enqueue(loop, &task->ready);
    return op;
  }
  task->park.what = op->what;
  mh_op_start(&task->park);
  task->park.waiter = &task->ready;
  mh_timer_start(loop, &task->timer, mh_loop_now(loop) + MH_MILLISECOND);
  return &task->park;
}

int mh_op_wait(lua_State *L, mh_op *op, lua_KFunction k) {
  if (op->is_done) return k(L, LUA_OK, (lua_KContext)op);
  mh_realm *realm = mh_realm_of(L);
  mh_task *task = realm->current;
  if (!mh_task_may_wait(L)) {
    mh_op_cancel(op);
    mh_task_can_wait(L, op->what);
    __builtin_unreachable();
  }
  const mh_scope *pending = mh_scope_pending(L);
  if (!keep(L, task)) {
    mh_op_cancel(op);
    return lua_error(L);
  }
  task->k = k;
  if (pending != NULL) {
    task->waiting = refuse_wait(task, op, pending);
  } else {
    task->waiting = op;
    op->waiter = &task->ready;
  }
  realm->is_waiting = true;
  return lua_yieldk(L, 0, (lua_KContext)op, after_wait);
}

void mh_task_interrupt(mh_task *task) {
  if (task->state != MH_TASK_WAITING || task->is_interrupted) return;
  if (!task->waiting->is_open) return;
  mh_op_cancel(task->waiting);
  task->is_interrupted = true;
  mh_loop_enqueue(&task->realm->host->loop, &task->ready);
}

/* ---- parking: timers and lists ------------------------------------------------------------ */

static void leave_list(mh_task *task) {
  mh_waitlist *list = task->list;
  if (list == NULL) return;
  task->realm->blocked--;
  if (task->prev_waiter != NULL) task->prev_waiter->next_waiter = task->next_waiter;
  else list->head = task->next_waiter;
  if (task->next_waiter != NULL) task->next_waiter->prev_waiter = task->prev_waiter;
  else list->tail = task->prev_waiter;
  task->list = NULL;
  task->awaited = NULL;
  task->next_waiter = task->prev_waiter = NULL;
}

static mh_task *of_park(mh_op *op) {
  return (mh_task *)((char *)op - offsetof(mh_task, park));
}

void mh_park_on_cancel(mh_op *op) {
  mh_task *task = of_park(op);
  leave_list(task);
  mh_timer_stop(op->loop, &task->timer);
}

void mh_park_on_timer(mh_timer *timer) {
  mh_task *task = (mh_task *)((char *)timer - offsetof(mh_task, timer));
  mh_op_ready(&task->park, 0);
}

int mh_task_sleep(lua_State *L, double seconds, const char *what, lua_KFunction k) {
  mh_task *task = mh_task_current(L);
  mh_loop *loop = mh_loop_of(L);
  task->park.what = what;
  mh_op_start(&task->park);
  mh_timer_start(loop, &task->timer, mh_clock_after(mh_loop_now(loop), seconds));
  return mh_op_wait(L, &task->park, k);
}

int mh_waitlist_wait(lua_State *L, mh_waitlist *list, const char *what, lua_KFunction k) {
  mh_task *task = mh_task_current(L);
  task->park.what = what;
  mh_op_start(&task->park);
  task->list = list;
  task->realm->blocked++;
  task->prev_waiter = list->tail;
  if (list->tail != NULL) list->tail->next_waiter = task;
  else list->head = task;
  list->tail = task;
  return mh_op_wait(L, &task->park, k);
}

unsigned mh_waitlist_wake(mh_waitlist *list, unsigned count) {
  unsigned woken = 0;
  for (; woken < count && list->head != NULL; woken++) {
    mh_task *task = list->head;
    leave_list(task);
    mh_op_ready(&task->park, 0);
  }
  return woken;
}
