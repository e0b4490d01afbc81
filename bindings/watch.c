/* moonherd._watch: folders that are watched for changes. lua/moonherd/_fs_watch.lua makes fs.watch. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>
#include <uv.h>

#include "core/error.h"
#include "core/guarded.h"
#include "core/place.h"
#include "core/wait.h"
#include "io/file.h"
#include "io/watch.h"

static const char WATCH[] = "moonherd.watch";

static mh_watch *check_watch(lua_State *L) {
  mh_watch **watch = luaL_checkudata(L, 1, WATCH);
  return *watch;
}

/* new() -> watch */
static int f_new(lua_State *L) {
  mh_watch **watch = lua_newuserdatauv(L, sizeof(mh_watch *), 0);
  *watch = NULL;
  luaL_setmetatable(L, WATCH);
  *watch = mh_watch_new(mh_loop_of(L));
  return *watch != NULL ? 1 : luaL_error(L, "not enough memory");
}

/* watch:add(folder) -> true, or nil and an error */
static int f_add(lua_State *L) {
  mh_watch *watch = check_watch(L);
  const char *path = luaL_checkstring(L, 2);
  mh_guarded(L, "fs.watch", "watch this folder", mh_place_check(mh_guard_of(L), path, false));
  int e = mh_watch_add(watch, path);
  if (e == UV_ENOSPC)
    return mh_error_fail(L, "io", "no_resources",
                         "cannot watch '%s': too many are watched (fs.inotify.max_user_watches)",
                         path);
  if (e != 0)
    return mh_error_fail(L, "io", mh_file_reason(e), "cannot watch '%s': %s", path, uv_strerror(e));
  lua_pushboolean(L, true);
  return 1;
}

/* watch:remove(folder) */
static int f_remove(lua_State *L) {
  mh_watch_remove(check_watch(L), luaL_checkstring(L, 2));
  return 0;
}

/* Pushes the text at *at, and moves behind it. */
static void push_next(lua_State *L, const char **at) {
  size_t n = strlen(*at);
  lua_pushlstring(L, *at, n);
  *at += n + 1;
}

static int wait_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  (void)op;
  mh_buf *changes = mh_watch_changes(check_watch(L));
  lua_newtable(L);
  const char *at = changes->data, *end = at + changes->len;
  for (lua_Integer i = 1; at < end; i++) {
    push_next(L, &at);
    lua_rawseti(L, -2, i);
  }
  mh_buf_clear(changes);
  return 1;
}

/* watch:wait() -> list of folder, name, folder, name, … */
static int f_wait(lua_State *L) {
  mh_watch *watch = check_watch(L);
  mh_task_can_wait(L, "fs.watch");
  mh_watch_wait(watch);
  return mh_op_wait(L, mh_watch_op(watch), wait_done);
}

/* watch:has_changes() */
static int f_has_changes(lua_State *L) {
  lua_pushboolean(L, mh_watch_changes(check_watch(L))->len > 0);
  return 1;
}

/* watch:close() */
static int f_close(lua_State *L) {
  mh_watch_close(check_watch(L));
  return 0;
}

/* watch:is_open() -> whether it watches anything */
static int f_is_open(lua_State *L) {
  lua_pushboolean(L, mh_watch_is_open(check_watch(L)));
  return 1;
}

static int f_gc(lua_State *L) {
  mh_watch **watch = luaL_checkudata(L, 1, WATCH);
  mh_watch_free(*watch);
  *watch = NULL;
  return 0;
}

static const luaL_Reg methods[] = {
    {"add", f_add},         {"remove", f_remove}, {"wait", f_wait}, {"has_changes", f_has_changes},
    {"is_open", f_is_open}, {"close", f_close},   {NULL, NULL},
};

static const luaL_Reg functions[] = {{"new", f_new}, {NULL, NULL}};

int luaopen_moonherd__watch(lua_State *L);
int luaopen_moonherd__watch(lua_State *L) {
  luaL_newmetatable(L, WATCH);
  lua_pushcfunction(L, f_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  return 1;
}
