/* Scopes: their life. See scope.h; stop.c stops them, pending.c has what they tell. */
#include "core/scope.h"

#include <lauxlib.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/marks.h"
#include "core/pending.h"
#include "core/stop.h"
#include "core/task_state.h"
#include "core/wait.h"

static const char METATABLE[] = "moonherd.scope";

void mh_scope_init(mh_scope *scope, mh_task *owner) {
  memset(scope, 0, sizeof *scope);
  scope->owner = owner;
  scope->error = LUA_NOREF;
  scope->limit.on_timer = mh_scope_on_limit;
  scope->grace.on_timer = mh_scope_on_grace;
  mh_op_init(&scope->join, &owner->realm->host->loop, "the tasks of a scope", NULL);
}

static void stop_timers(mh_scope *scope) {
  mh_timer_stop(scope->join.loop, &scope->limit);
  mh_timer_stop(scope->join.loop, &scope->grace);
}

void mh_scope_fini(lua_State *L, mh_scope *scope) {
  stop_timers(scope);
  free(scope->reason);
  scope->reason = NULL;
  luaL_unref(L, LUA_REGISTRYINDEX, scope->error);
  scope->error = LUA_NOREF;
  while (scope->failed != NULL) {
    mh_task *task = scope->failed;
    scope->failed = task->next_failed;
    mh_task_drop_anchor(task);
  }
}

/* ---- entering and leaving ----------------------------------------------------------------- */

static void link_scope(mh_scope **list, mh_scope *scope) {
  scope->prev = NULL;
  scope->next = *list;
  if (scope->next != NULL) scope->next->prev = scope;
  *list = scope;
}

static void unlink_scope(mh_scope **list, mh_scope *scope) {
  if (scope->prev != NULL) scope->prev->next = scope->next;
  else *list = scope->next;
  if (scope->next != NULL) scope->next->prev = scope->prev;
}

static void enter(lua_State *L, mh_scope *scope) {
  mh_task *owner = scope->owner;
  scope->outer = mh_scope_innermost(L);
  scope->thread = L;
  link_scope(&owner->scopes, scope);
  if (L != owner->L) mh_thread_mark(L, L, MH_THREAD_HOLDS_SCOPE, true);
}

static void end_joining(mh_task *owner) {
  owner->joining = NULL;
  owner->realm->blocked--;
}

static void leave(mh_scope *scope) {
  mh_task *owner = scope->owner;
  unlink_scope(&owner->scopes, scope);
  link_scope(&owner->realm->ended_scopes, scope);
  if (owner->joining == scope) end_joining(owner);
  scope->outer = NULL;
  scope->owner = NULL;
  stop_timers(scope);
}

/* Frees a scope that has ended. `box`: where it is on the stack. */
static void free_scope(lua_State *L, mh_scope **box) {
  unlink_scope(&mh_realm_of(L)->ended_scopes, *box);
  mh_scope_fini(L, *box);
  free(*box);
  *box = NULL;
}

void mh_scope_free_ended(mh_realm *realm) {
  while (realm->ended_scopes != NULL) {
    mh_scope *scope = realm->ended_scopes;
    realm->ended_scopes = scope->next;
    free(scope);
  }
}

/* Children that still run, and failures that are not reported yet, go to another scope. */
static void hand_over(mh_scope *from, mh_scope *to) {
  while (from->children != NULL) {
    mh_task *child = from->children;
    from->children = child->next_sibling;
    child->parent = to;
    child->prev_sibling = NULL;
    child->next_sibling = to->children;
    if (to->children != NULL) to->children->prev_sibling = child;
    to->children = child;
  }
  while (from->failed != NULL) {
    mh_task *child = from->failed;
    from->failed = child->next_failed;
    mh_scope_fail(to, child);
  }
}

/* Ends what coroutines still hold inside a scope; inner scopes are newer, and come first. */
static void end_inside(lua_State *L, mh_scope *scope) {
  mh_scope *next;
  for (mh_scope *s = scope->owner->scopes; s != NULL; s = next) {
    next = s->next;
    if (s == scope || !mh_scope_is_inside(s, scope)) continue;
    hand_over(s, scope);
    leave(s);
    mh_scope_fini(L, s);
  }
}

void mh_scope_leave_all(mh_task *task) {
  end_inside(task->realm->L, &task->root);
}

/* Ends a scope whose function will not go on. */
static void drop(lua_State *L, mh_scope *scope, const char *why) {
  end_inside(L, scope);
  mh_scope_cancel_children(scope, why);
  hand_over(scope, scope->outer);
  leave(scope);
  mh_scope_fini(L, scope);
}

/* The task that opened a scope in `thread`, or NULL: then the mark of the thread is out of date. */
static mh_task *holder_of(lua_State *L, lua_State *thread) {
  const mh_realm *realm = mh_realm_of(L);
  mh_task *task = realm->current;
  if (!mh_thread_is(realm, thread, MH_THREAD_HOLDS_SCOPE)) return NULL;
  if (task != NULL && mh_scope_opened_by(task->scopes, thread) != NULL) return task;
  for (task = realm->tasks; task != NULL; task = task->next)
    if (mh_scope_opened_by(task->scopes, thread) != NULL) return task;
  mh_thread_mark(L, thread, MH_THREAD_HOLDS_SCOPE, false);
  return NULL;
}

void mh_scope_drop_held(lua_State *L, lua_State *thread) {
  const mh_task *task;
  while ((task = holder_of(L, thread)) != NULL)
    drop(L, mh_scope_opened_by(task->scopes, thread),
         "the coroutine that held its scope was closed");
}

bool mh_scope_is_foreign(lua_State *L, lua_State *thread) {
  const mh_task *task = holder_of(L, thread);
  return task != NULL && task != mh_task_current(L);
}

void mh_scope_suspend(const mh_realm *realm, const lua_State *thread, bool is_suspended) {
  if (realm->current == NULL) return;
  for (mh_scope *s = realm->current->scopes; (s = mh_scope_opened_by(s, thread)) != NULL;
       s = s->next)
    s->is_suspended = is_suspended;
}

/* ---- calling ------------------------------------------------------------------------------ */

/* Its time was up, and nobody has been told. */
static bool is_cut_short(const mh_scope *scope) {
  return scope->is_timeout && scope->error == LUA_NOREF;
}

/* Stack: scope, and the error of its function when it had one. Returns the error to raise. */
static int push_outcome(lua_State *L) {
  mh_scope *scope = lua_touserdata(L, 1);
  if (lua_gettop(L) == 2) mh_scope_attach_failures(L, scope);
  else if (scope->failed != NULL) mh_scope_push_failure(L, scope);
  else if (is_cut_short(scope)) mh_scope_push_stop(L, scope, scope->join.what);
  else mh_scope_push_pending(L, scope->join.what);
  return 1;
}

/* The results or the error of the function are above the scope on the stack. */
static int finish(lua_State *L, mh_scope *scope, bool was_joined) {
  int index = (int)(scope->place >> 1);
  bool has_error = (scope->place & 1) != 0;
  mh_scope **box = lua_touserdata(L, index);
  leave(scope);
  // What stopped its tasks was meant for the owner too, which waited here and nowhere else.
  bool was_stopped = was_joined && (is_cut_short(scope) || mh_scope_pending(L) != NULL);
  if (!has_error && scope->failed == NULL && !was_stopped) {
    free_scope(L, box);
    return lua_gettop(L) - index;
  }
  if (!has_error) lua_settop(L, index);
  lua_pushcfunction(L, push_outcome);
  lua_pushlightuserdata(L, scope);
  if (has_error) lua_pushvalue(L, -3);
  lua_pcall(L, has_error ? 2 : 1, 1, 0);
  free_scope(L, box);
  return lua_error(L);
}

/* mh_op_wait hands its continuation the operation; it is embedded in the scope. */
static int joined(lua_State *L, int status, lua_KContext context) {
  (void)status;
  mh_scope *scope = (mh_scope *)((char *)context - offsetof(mh_scope, join));
  end_joining(scope->owner);
  return finish(L, scope, true);
}

/* The function has ended where nothing can wait: inside table.sort, say, or as the last of a
 * coroutine that another caller resumed there. */
static int leave_without_waiting(lua_State *L, mh_scope **box, bool has_error) {
  drop(L, *box, "its scope has ended where it could not wait");
  free_scope(L, box);
  if (has_error) return lua_error(L);
  mh_task_can_wait(L, "moonherd.scope");
  return 0;
}

static int called(lua_State *L, int status, lua_KContext context) {
  int index = (int)context;
  mh_scope **box = lua_touserdata(L, index), *scope = *box;
  bool has_error = status != LUA_OK && status != LUA_YIELD;
  if (scope == NULL || scope->owner == NULL) {  // with the scope around it, or with its task
    if (scope != NULL) free_scope(L, box);
    return has_error ? lua_error(L) : lua_gettop(L) - index;
  }
  end_inside(L, scope);
  if (has_error) mh_scope_cancel_children(scope, "its scope has failed");
  scope->place = ((lua_KContext)index << 1) | (has_error ? 1 : 0);
  if (scope->children == NULL) return finish(L, scope, false);
  if (!mh_task_may_wait(L)) return leave_without_waiting(L, box, has_error);
  scope->owner->joining = scope;
  scope->owner->realm->blocked++;
  mh_op_start(&scope->join);
  return mh_op_wait(L, &scope->join, joined);
}

/* Pushes a box for a scope. Its user value keeps the thread as long as the scope looks at it. */
static mh_scope **push_box(lua_State *L) {
  mh_scope **box = lua_newuserdatauv(L, sizeof *box, 1);
  *box = NULL;
  lua_pushthread(L);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, METATABLE);
  return box;
}

static void start(lua_State *L, mh_scope *scope, double seconds) {
  mh_scope_init(scope, mh_task_current(L));
  enter(L, scope);
  if (seconds < 0) return;
  mh_loop *loop = mh_loop_of(L);
  scope->seconds = seconds;
  mh_timer_start(loop, &scope->limit, mh_clock_after(mh_loop_now(loop), seconds));
}

int mh_scope_call(lua_State *L, int nargs, double seconds) {
  luaL_checkstack(L, 8, "scope");
  mh_scope **box = push_box(L);
  lua_insert(L, -nargs - 2);
  // stack: …, box, function, arguments
  int index = lua_gettop(L) - nargs - 1;
  *box = malloc(sizeof **box);
  if (*box == NULL) return luaL_error(L, "not enough memory");
  start(L, *box, seconds);
  int status = lua_pcallk(L, nargs, LUA_MULTRET, 0, index, called);
  return called(L, status, index);
}

/* A scope whose coroutine was dropped in the middle of it. Scripts may find this function and call
 * it: then the box is on a stack still. */
static int f_gc(lua_State *L) {
  mh_scope **box = luaL_checkudata(L, 1, METATABLE), *scope = *box;
  if (scope == NULL || (scope->owner != NULL && scope->owner->joining == scope)) return 0;
  if (scope->owner != NULL) drop(L, scope, "the coroutine that held its scope was dropped");
  free_scope(L, box);
  return 0;
}

void mh_scope_open(lua_State *L) {
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, f_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}
