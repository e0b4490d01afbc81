/* Scopes. See scope.h. */
#include "core/scope.h"

#include <lauxlib.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/task_state.h"

static const char METATABLE[] = "moonherd.scope";

static mh_loop *loop_of(const mh_scope *scope) {
  return &scope->owner->realm->host->loop;
}

static void on_limit(mh_timer *timer) {
  mh_scope *scope = (mh_scope *)((char *)timer - offsetof(mh_scope, limit));
  if (scope->state == MH_SCOPE_CALM) mh_scope_stop(scope, NULL, true);
}

static void on_grace(mh_timer *timer) {
  mh_scope *scope = (mh_scope *)((char *)timer - offsetof(mh_scope, grace));
  if (scope->state == MH_SCOPE_OVER) mh_task_kill(scope->owner);
  else mh_scope_stop(scope, NULL, scope->is_timeout);
}

void mh_scope_init(mh_scope *scope, mh_task *owner) {
  memset(scope, 0, sizeof *scope);
  scope->owner = owner;
  scope->error = LUA_NOREF;
  scope->limit.on_timer = on_limit;
  scope->grace.on_timer = on_grace;
  mh_op_init(&scope->join, &owner->realm->host->loop, "the tasks of a scope", NULL);
}

void mh_scope_fini(lua_State *L, mh_scope *scope) {
  if (scope->owner == NULL) return;
  mh_timer_stop(loop_of(scope), &scope->limit);
  mh_timer_stop(loop_of(scope), &scope->grace);
  mh_op_cancel(&scope->join);
  free(scope->reason);
  scope->reason = NULL;
  luaL_unref(L, LUA_REGISTRYINDEX, scope->error);
  scope->error = LUA_NOREF;
  while (scope->failed != NULL) {
    mh_task *task = scope->failed;
    scope->failed = task->next_failed;
    mh_task_delivered(task);
  }
}

/* ---- stopping ----------------------------------------------------------------------------- */

/* Cancels the children of a scope and of all scopes inside it. `only_calm`: a child that was asked to
 * stop before keeps its grace. */
static void cancel_below(mh_scope *scope, const char *reason, bool only_calm) {
  for (mh_scope *s = scope->owner->scope;; s = s->outer) {
    for (mh_task *child = s->children; child != NULL; child = child->next_sibling)
      if (!only_calm || child->root.state == MH_SCOPE_CALM)
        mh_scope_stop(&child->root, reason, false);
    if (s == scope) break;
  }
}

void mh_scope_cancel_children(mh_scope *scope, const char *reason) {
  cancel_below(scope, reason, true);
}

/* Wakes the owner, unless it waits for children: those are being stopped themselves. */
static void tell_owner(mh_scope *scope) {
  if (!scope->owner->scope->is_joining) mh_task_interrupt(scope->owner);
}

void mh_scope_stop(mh_scope *scope, const char *reason, bool is_timeout) {
  bool is_first = scope->state == MH_SCOPE_CALM;
  if (scope->state == MH_SCOPE_OVER) return;
  if (is_first) {
    scope->is_timeout = is_timeout;
    scope->reason = reason != NULL ? strdup(reason) : NULL;  // without memory: the default text
  }
  scope->state = is_first ? MH_SCOPE_TELLING : MH_SCOPE_OVER;
  mh_loop *loop = loop_of(scope);
  uint64_t end = mh_clock_after(mh_loop_now(loop), scope->owner->realm->host->grace);
  mh_timer_start(loop, &scope->grace, end);
  cancel_below(scope, is_timeout ? "the time limit of its scope is over" : reason, is_first);
  tell_owner(scope);
}

/* ---- failing ------------------------------------------------------------------------------ */

void mh_scope_fail(mh_scope *scope, mh_task *child) {
  mh_task **at = &scope->failed;
  while (*at != NULL) at = &(*at)->next_failed;
  child->next_failed = NULL;
  *at = child;
  cancel_below(scope, "another task of its scope has failed", true);
  tell_owner(scope);
}

/* Appends the errors of the failed children to the list `also` of the error object at the top. */
static void attach_failures(lua_State *L, mh_scope *scope) {
  if (scope->failed == NULL || !mh_error_is(L, -1)) return;
  luaL_checkstack(L, 4, "error object");
  if (lua_getfield(L, -1, "also") != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "also");
  }
  while (scope->failed != NULL) {
    mh_task *task = scope->failed;
    lua_pushvalue(task->L, -1);
    lua_xmove(task->L, L, 1);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    scope->failed = task->next_failed;
    mh_task_delivered(task);
  }
  lua_pop(L, 1);
}

void mh_scope_push_failure(lua_State *L, mh_scope *scope) {
  luaL_checkstack(L, 4, "error object");
  mh_task *first = scope->failed;
  lua_pushvalue(first->L, -1);
  lua_xmove(first->L, L, 1);
  scope->failed = first->next_failed;
  mh_task_delivered(first);
  attach_failures(L, scope);
}

/* ---- telling ------------------------------------------------------------------------------ */

static bool has_news(const mh_scope *scope) {
  return scope->state == MH_SCOPE_TELLING || scope->state == MH_SCOPE_OVER || scope->failed != NULL;
}

mh_scope *mh_scope_pending(mh_task *task) {
  if (task->scope->is_joining) return NULL;
  mh_scope *outermost = NULL;
  for (mh_scope *s = task->scope; s != NULL; s = s->outer)
    if (has_news(s)) outermost = s;
  return outermost;
}

static void push_stop(lua_State *L, mh_scope *scope, const char *waited_for) {
  if (scope->state == MH_SCOPE_TELLING) scope->state = MH_SCOPE_GRACE;
  if (scope->error != LUA_NOREF) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, scope->error);
    return;
  }
  if (scope->is_timeout)
    mh_error_push(L, "timeout", "timeout", "timed out after %.14g s while waiting for %s",
                  scope->seconds, waited_for);
  else
    mh_error_push(L, "cancelled", "cancelled", "%s",
                  scope->reason != NULL ? scope->reason : "cancelled");
  lua_pushvalue(L, -1);
  scope->error = luaL_ref(L, LUA_REGISTRYINDEX);
}

void mh_scope_push_pending(lua_State *L, mh_task *task, const char *waited_for) {
  mh_scope *scope = mh_scope_pending(task);
  if (scope == NULL) mh_error_push(L, "cancelled", "cancelled", "cancelled");
  else if (scope->state == MH_SCOPE_TELLING || scope->state == MH_SCOPE_OVER)
    push_stop(L, scope, waited_for);
  else mh_scope_push_failure(L, scope);
}

bool mh_scope_owns_error(lua_State *L, int index) {
  index = lua_absindex(L, index);
  const mh_task *task = mh_task_current(L);
  for (const mh_scope *s = task != NULL ? task->scope : NULL; s != NULL; s = s->outer) {
    if (s->error == LUA_NOREF) continue;
    lua_rawgeti(L, LUA_REGISTRYINDEX, s->error);
    bool is_same = lua_rawequal(L, -1, index);
    lua_pop(L, 1);
    if (is_same) return true;
  }
  return false;
}

/* ---- entering and leaving ----------------------------------------------------------------- */

static void enter(mh_scope *scope) {
  mh_task *owner = scope->owner;
  scope->outer = owner->scope;
  owner->scope->inner = scope;
  owner->scope = scope;
}

/* Scopes end in any order when coroutines of the script hold them. Children that still run move to
 * the scope outside. */
static void leave(mh_scope *scope) {
  mh_task *owner = scope->owner;
  mh_scope *outer = scope->outer;
  while (scope->children != NULL) {
    mh_task *child = scope->children;
    scope->children = child->next_sibling;
    child->parent = outer;
    child->prev_sibling = NULL;
    child->next_sibling = outer->children;
    if (outer->children != NULL) outer->children->prev_sibling = child;
    outer->children = child;
  }
  if (scope->inner != NULL) scope->inner->outer = outer;
  else owner->scope = outer;
  outer->inner = scope->inner;
  scope->outer = scope->inner = NULL;
}

static void end(lua_State *L, mh_scope *scope) {
  if (scope->owner == NULL) return;
  leave(scope);
  mh_scope_fini(L, scope);
  scope->owner = NULL;
}

void mh_scope_leave_all(mh_task *task) {
  while (task->scope->outer != NULL) end(task->realm->L, task->scope);
}

/* The scope is at index `context`, the results or the error of its function are above it. */
static int joined(lua_State *L, int status, lua_KContext context) {
  (void)status;
  int index = (int)(context >> 1);
  bool has_error = (context & 1) != 0;
  mh_scope *scope = lua_touserdata(L, index);
  bool was_cut_short = scope->is_joining && scope->state == MH_SCOPE_TELLING && scope->is_timeout;
  scope->is_joining = false;
  if (has_error) {
    attach_failures(L, scope);
  } else if (scope->failed != NULL) {
    mh_scope_push_failure(L, scope);
    has_error = true;
  } else if (was_cut_short) {
    push_stop(L, scope, scope->join.what);
    has_error = true;
  }
  end(L, scope);
  return has_error ? lua_error(L) : lua_gettop(L) - index;
}

/* mh_op_wait hands its continuation the operation; the operation leads to the scope, and the scope
 * to its place on the stack. */
static int join_waited(lua_State *L, int status, lua_KContext context) {
  mh_scope *scope = (mh_scope *)((char *)context - offsetof(mh_scope, join));
  return joined(L, status, scope->place);
}

static int called(lua_State *L, int status, lua_KContext context) {
  int index = (int)context;
  mh_scope *scope = lua_touserdata(L, index);
  bool has_error = status != LUA_OK && status != LUA_YIELD;
  if (has_error) mh_scope_cancel_children(scope, "its scope has failed");
  scope->place = ((lua_KContext)index << 1) | (has_error ? 1 : 0);
  if (scope->children == NULL) return joined(L, LUA_OK, scope->place);
  scope->is_joining = true;
  mh_op_start(&scope->join);
  return mh_op_wait(L, &scope->join, join_waited);
}

int mh_scope_call(lua_State *L, int nargs, double seconds) {
  luaL_checkstack(L, 8, "scope");
  mh_scope *scope = lua_newuserdatauv(L, sizeof *scope, 0);
  mh_scope_init(scope, mh_task_current(L));
  luaL_setmetatable(L, METATABLE);
  lua_insert(L, -nargs - 2);
  // stack: …, scope, function, arguments
  int index = lua_gettop(L) - nargs - 1;
  enter(scope);
  if (seconds >= 0) {
    mh_loop *loop = loop_of(scope);
    scope->seconds = seconds;
    mh_timer_start(loop, &scope->limit, mh_clock_after(mh_loop_now(loop), seconds));
  }
  int status = lua_pcallk(L, nargs, LUA_MULTRET, 0, index, called);
  return called(L, status, index);
}

/* A scope whose coroutine was dropped in the middle of it. */
static int f_gc(lua_State *L) {
  mh_scope *scope = lua_touserdata(L, 1);
  if (scope->owner == NULL || scope->outer == NULL) return 0;
  mh_scope_cancel_children(scope, "the coroutine that held its scope was dropped");
  end(L, scope);
  return 0;
}

void mh_scope_open(lua_State *L) {
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, f_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}
