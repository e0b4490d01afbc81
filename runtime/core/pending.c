/* What scopes have to tell. See pending.h. */
#include "core/pending.h"

#include <lauxlib.h>

#include "core/error.h"
#include "core/task_state.h"

/* ---- where a thread is -------------------------------------------------------------------- */

bool mh_scope_is_inside(const mh_scope *scope, const mh_scope *around) {
  while (scope != NULL && scope != around) scope = scope->outer;
  return scope != NULL;
}

/* The newest scope that `thread` opened for the task, from `scope` on. */
mh_scope *mh_scope_opened_by(mh_scope *scope, const lua_State *thread) {
  while (scope != NULL && scope->thread != thread) scope = scope->next;
  return scope;
}

mh_scope *mh_scope_innermost(lua_State *L) {
  mh_task *task = mh_task_current(L);
  if (task->scopes == NULL) return &task->root;
  const mh_resumed *resumed = mh_realm_of(L)->resumed;
  for (const lua_State *thread = L;; thread = resumed->by, resumed = resumed->outer) {
    mh_scope *scope = mh_scope_opened_by(task->scopes, thread);
    if (scope != NULL) return scope;
    if (resumed == NULL) return &task->root;
  }
}

static bool has_news(const mh_scope *scope) {
  return scope->state == MH_SCOPE_TELLING || scope->state == MH_SCOPE_OVER || scope->failed != NULL;
}

mh_scope *mh_scope_pending(lua_State *L) {
  mh_task *task = mh_task_current(L);
  if (task->joining != NULL) return NULL;
  if (has_news(&task->root)) return &task->root;
  if (task->scopes == NULL) return NULL;
  mh_scope *outermost = NULL;
  const mh_resumed *resumed = mh_realm_of(L)->resumed;
  for (const lua_State *thread = L;; thread = resumed->by, resumed = resumed->outer) {
    for (mh_scope *s = task->scopes; (s = mh_scope_opened_by(s, thread)) != NULL; s = s->next)
      if (has_news(s)) outermost = s;
    if (resumed == NULL) return outermost;
  }
}

/* ---- telling ------------------------------------------------------------------------------ */

/* Pops the oldest failed child from the list and pushes its error. */
static void push_first_failure(lua_State *L, mh_scope *scope) {
  mh_task *task = scope->failed;
  lua_pushvalue(task->L, -1);
  lua_xmove(task->L, L, 1);
  scope->failed = task->next_failed;
  mh_task_drop_anchor(task);
}

/* Appends the errors of the failed children to the list `also` of the error object at the top. */
void mh_scope_attach_failures(lua_State *L, mh_scope *scope) {
  if (scope->failed == NULL) return;
  mh_error_wrap(L, L);
  luaL_checkstack(L, 4, "error object");
  lua_pushliteral(L, "also");
  if (lua_rawget(L, -2) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushliteral(L, "also");
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
  }
  // stack: error, also
  for (lua_Integer n = (lua_Integer)lua_rawlen(L, -1); scope->failed != NULL;) {
    push_first_failure(L, scope);
    // One error can come from several children: all that waited for the same task.
    if (lua_rawequal(L, -1, -3)) lua_pop(L, 1);
    else lua_rawseti(L, -2, ++n);
  }
  lua_pop(L, 1);
}

void mh_scope_push_failure(lua_State *L, mh_scope *scope) {
  luaL_checkstack(L, 4, "error object");
  push_first_failure(L, scope);
  mh_scope_attach_failures(L, scope);
}

void mh_scope_push_stop(lua_State *L, mh_scope *scope, const char *waited_for) {
  luaL_checkstack(L, 10, "error object");
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

void mh_scope_push_pending(lua_State *L, const char *waited_for) {
  mh_scope *scope = mh_scope_pending(L);
  if (scope == NULL) mh_error_push(L, "cancelled", "cancelled", "cancelled");
  else if (scope->state == MH_SCOPE_TELLING || scope->state == MH_SCOPE_OVER)
    mh_scope_push_stop(L, scope, waited_for);
  else mh_scope_push_failure(L, scope);
}

static bool is_error_of(lua_State *L, int index, const mh_scope *scope) {
  if (scope->error == LUA_NOREF) return false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, scope->error);
  bool is_same = lua_rawequal(L, -1, index) != 0;
  lua_pop(L, 1);
  return is_same;
}

bool mh_scope_owns_error(lua_State *L, int index) {
  index = lua_absindex(L, index);
  const mh_task *task = mh_task_current(L);
  if (task == NULL) return false;
  for (const mh_scope *s = task->scopes; s != NULL; s = s->next)
    if (is_error_of(L, index, s)) return true;
  return is_error_of(L, index, &task->root);
}
