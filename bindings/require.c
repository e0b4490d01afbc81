/* moonherd._require: `require`, able to wait. A module's main chunk may call functions that wait, and
 * so may a searcher; a task that asks for a module which another one is still loading waits for it.
 * Otherwise as in plain Lua 5.4. Opening the module returns the function. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/task.h"

/* A module that is being loaded. User value: its name. */
typedef struct entry {
  mh_waitlist waiters;
  mh_task_end end; /* of the task that loads it */
  unsigned by;     /* the task's number; 0: outside of tasks */
  bool is_orphan;  /* the task has ended, and dropped the coroutine that was loading */
} entry;

/* A task waits for a module: its number. */
typedef struct question {
  unsigned by;
} question;

static const char ENTRY[] = "moonherd.require.entry";
static const char QUESTION[] = "moonherd.require.question";

/* Its address is a key of the registry. The table: name of a module that is being loaded -> entry,
 * number of a task that waits -> the name that it waits for. */
static const char LOADING[] = "moonherd.loading";

/* The stack of require. MARK: the entry; QUESTION_MARK: while it waits. */
enum { NAME = 1, LOADED, PENDING, MARK, QUESTION_MARK, SEARCHERS = QUESTION_MARK, REASONS };

static unsigned current_id(lua_State *L) {
  const mh_task *task = mh_task_current(L);
  return task != NULL ? mh_task_id(task) : 0;
}

/* ---- marks, which go when require is left, by whatever way ---------------------------------- */

/* Runs no Lua. */
static void on_end(mh_task_end *end) {
  entry *e = (entry *)((char *)end - offsetof(entry, end));
  e->is_orphan = true;
  mh_waitlist_wake(&e->waiters, UINT32_MAX);
}

static int f_close_entry(lua_State *L) {
  entry *e = luaL_checkudata(L, 1, ENTRY);
  lua_settop(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, LOADING);
  lua_getiuservalue(L, 1, 1);
  lua_pushvalue(L, -1);
  lua_rawget(L, 2);
  bool is_current = lua_rawequal(L, 1, -1) != 0;
  lua_pop(L, 1);
  lua_pushnil(L);
  // stack: entry, loading, name, nil
  if (is_current) lua_rawset(L, 2);
  mh_waitlist_wake(&e->waiters, UINT32_MAX);
  mh_task_untie(&e->end);
  return 0;
}

static int f_close_question(lua_State *L) {
  const question *q = luaL_checkudata(L, 1, QUESTION);
  lua_rawgetp(L, LUA_REGISTRYINDEX, LOADING);
  lua_pushnil(L);
  lua_rawseti(L, -2, q->by);
  return 0;
}

/* The entry is marked for closing before anything else can fail: no mark must stay behind. */
static void begin_loading(lua_State *L) {
  entry *e = lua_newuserdatauv(L, sizeof *e, 1);
  *e = (entry){.end.on_end = on_end, .by = current_id(L)};
  lua_pushvalue(L, NAME);
  lua_setiuservalue(L, MARK, 1);
  luaL_setmetatable(L, ENTRY);
  lua_toclose(L, MARK);
  lua_pushvalue(L, NAME);
  lua_pushvalue(L, MARK);
  lua_rawset(L, PENDING);
  if (mh_task_current(L) != NULL) mh_task_tie(mh_task_current(L), &e->end);
}

/* ---- loading ---------------------------------------------------------------------------------- */

static int loaded(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  const char *name = lua_tostring(L, NAME);
  // stack: …, what the searcher said of the loader, what the loader returned
  if (lua_isnil(L, -1)) lua_pop(L, 1);
  else lua_setfield(L, LOADED, name);
  if (lua_getfield(L, LOADED, name) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_pushboolean(L, true);
    lua_pushvalue(L, -1);
    lua_setfield(L, LOADED, name);
  }
  lua_insert(L, -2);
  return 2;
}

/* Stack: …, loader, what the searcher said of it. */
static int load_with(lua_State *L) {
  lua_insert(L, -2);
  lua_pushvalue(L, NAME);
  lua_pushvalue(L, -3);
  lua_callk(L, 2, 1, 0, loaded);
  return loaded(L, LUA_OK, 0);
}

/* Adds why a searcher found nothing, when it says so. Stack: …, why, nothing. */
static void add_reason(lua_State *L) {
  lua_pop(L, 1);
  if (!lua_isstring(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  lua_pushfstring(L, "%s\n\t%s", lua_tostring(L, REASONS), lua_tostring(L, -1));
  lua_replace(L, REASONS);
  lua_pop(L, 1);
}

static int searched(lua_State *L, int status, lua_KContext i);

/* Asks the searchers from the i-th on. */
static int search(lua_State *L, lua_Integer i) {
  if (lua_rawgeti(L, SEARCHERS, i) == LUA_TNIL)
    return luaL_error(L, "module '%s' not found:%s", lua_tostring(L, NAME),
                      lua_tostring(L, REASONS));
  lua_pushvalue(L, NAME);
  lua_callk(L, 1, 2, (lua_KContext)i, searched);
  return searched(L, LUA_OK, (lua_KContext)i);
}

static int searched(lua_State *L, int status, lua_KContext i) {
  (void)status;
  if (lua_isfunction(L, -2)) return load_with(L);
  add_reason(L);
  return search(L, (lua_Integer)i + 1);
}

static int load(lua_State *L) {
  lua_settop(L, PENDING);
  begin_loading(L);
  if (lua_getfield(L, lua_upvalueindex(1), "searchers") != LUA_TTABLE)
    return luaL_error(L, "'package.searchers' must be a table");
  lua_pushliteral(L, "");
  return search(L, 1);
}

/* ---- waiting for another task ----------------------------------------------------------------- */

/* Whether the task that loads `e` waits, directly or through others, for the one that runs. */
static bool is_circular(lua_State *L, const entry *e) {
  unsigned me = current_id(L);
  int top = lua_gettop(L);
  while (e != NULL && e->by != me) {
    lua_rawgeti(L, PENDING, e->by);
    lua_rawget(L, PENDING);
    e = lua_touserdata(L, -1);
    lua_settop(L, top);
  }
  return e != NULL;
}

static int enter(lua_State *L);

static int woken(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  lua_closeslot(L, QUESTION_MARK);  // lua_settop of Lua 5.4.4 must not do it: it may move the stack
  return enter(L);
}

/* Stack: …, entry, which stays there while the task waits. */
static int wait_for(lua_State *L, entry *e) {
  static const char what[] = "a module that another task loads";
  mh_task_can_wait(L, what);
  question *q = lua_newuserdatauv(L, sizeof *q, 0);
  *q = (question){current_id(L)};
  luaL_setmetatable(L, QUESTION);
  lua_toclose(L, QUESTION_MARK);
  lua_pushvalue(L, NAME);
  lua_rawseti(L, PENDING, q->by);
  return mh_waitlist_wait(L, &e->waiters, what, woken);
}

/* At first, and after each wait. */
static int enter(lua_State *L) {
  lua_settop(L, PENDING);
  const char *name = lua_tostring(L, NAME);
  lua_getfield(L, LOADED, name);
  if (lua_toboolean(L, -1)) return 1;
  lua_pop(L, 1);
  lua_pushvalue(L, NAME);
  lua_rawget(L, PENDING);
  entry *e = lua_touserdata(L, -1);
  if (e == NULL || e->is_orphan) return load(L);
  if (is_circular(L, e))
    return luaL_error(
        L, "module '%s' is being loaded: it requires itself, directly or through others", name);
  return wait_for(L, e);
}

///@name require
/// Loads a module, once, as in plain Lua; it waits when the module does at its top level.
///@param name string
///@return any module  what the module returned, or true
///@return any data  what the searcher said of the loader: the path of the file. Only when it was loaded
///@error script error when there is no such module, or its main chunk raises
///@error usage cannot_wait when another task loads it and no wait is possible here
///@example
/// print(require "string" == string) --> true
static int f_require(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_rawgetp(L, LUA_REGISTRYINDEX, LOADING);
  return enter(L);
}

static void make_mark(lua_State *L, const char *name, lua_CFunction close) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, close);
  lua_setfield(L, -2, "__close");
  lua_pop(L, 1);
}

int luaopen_moonherd__require(lua_State *L);
int luaopen_moonherd__require(lua_State *L) {
  make_mark(L, ENTRY, f_close_entry);
  make_mark(L, QUESTION, f_close_question);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, LOADING) != LUA_TTABLE) {
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, LOADING);
  }
  lua_getglobal(L, LUA_LOADLIBNAME);
  lua_pushcclosure(L, f_require, 1);
  return 1;
}
