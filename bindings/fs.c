/* moonherd._fs: files and directories, each call one job off the loop thread. lua/moonherd/fs.lua
 * checks options and raises what these return. */
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <stdint.h>
#include <string.h>
#include <uv.h>

#include "core/error.h"
#include "core/guarded.h"
#include "core/wait.h"
#include "io/file.h"

static const char REQUEST[] = "moonherd.fs.request";

/* Owns one call while it waits. */
typedef struct request {
  mh_file file;     // first: the continuation is given its operation
  const char *who;  /* the public function */
  const char *verb; /* for messages: "cannot <verb> 'path'" */
  bool is_cut;      /* less is read than was asked for: there is no memory for more */
} request;

static const char *check_path(lua_State *L, const char *who) {
  if (lua_type(L, 1) != LUA_TSTRING)
    mh_error_usage(L, "%s: bad path (string expected, got %s)", who, luaL_typename(L, 1));
  size_t n;
  const char *path = lua_tolstring(L, 1, &n);
  if (strlen(path) != n) mh_error_usage(L, "%s: bad path (it has a zero byte)", who);
  return path;
}

/* Refuses where nothing can wait, and pushes what the call needs. The path stays at index 1. */
static request *push_request(lua_State *L, const char *who, const char *verb) {
  mh_task_can_wait(L, who);
  request *r = lua_newuserdatauv(L, sizeof *r, 0);
  mh_file_init(&r->file, mh_loop_of(L));
  r->file.guard = mh_guard_of(L);
  r->who = who;
  r->verb = verb;
  r->is_cut = false;
  luaL_setmetatable(L, REQUEST);
  return r;
}

static int wait_for(lua_State *L, request *r, int started, lua_KFunction done) {
  if (started != 0) return luaL_error(L, "not enough memory");
  return mh_op_wait(L, &r->file.op, done);
}

/* Why it failed, for an error that libuv knows: for others it makes a text that nobody frees. */
static const char *why_of(lua_State *L, int e) {
  if (e == UV_EFBIG && lua_isinteger(L, 2))
    return lua_pushfstring(L, "it has more than %I bytes", lua_tointeger(L, 2));
  return uv_strerror(e);
}

/* Whether the call failed; then nil and the error have been pushed. */
static bool has_failed(lua_State *L, const request *r) {
  int e = mh_file_error(&r->file);
  if (e == 0) return false;
  const char *path = lua_tostring(L, 1), *hint = mh_file_refusal(&r->file);
  if (hint != NULL) mh_guarded_fail(L, r->who, lua_pushfstring(L, "%s '%s'", r->verb, path), hint);
  else mh_error_fail(L, "io", mh_file_reason(e), "cannot %s '%s': %s", r->verb, path, why_of(L, e));
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "path");
  return true;
}

/* ---- reading and writing -------------------------------------------------------------------- */

static int read_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  request *r = (request *)op;
  bool is_over_memory = r->is_cut && mh_file_error(&r->file) == UV_EFBIG;
  if (is_over_memory) return luaL_error(L, "not enough memory");
  if (has_failed(L, r)) return 2;
  size_t n;
  const char *bytes = mh_file_bytes(&r->file, &n);
  lua_pushlstring(L, bytes, n);
  mh_file_fini(&r->file);  // now, not when the collector comes by: it may be large
  return 1;
}

/* read(path, max) -> bytes */
static int f_read(lua_State *L) {
  const char *path = check_path(L, "fs.read");
  size_t max = (size_t)luaL_checkinteger(L, 2), left = mh_mem_left(&mh_realm_of(L)->mem);
  request *r = push_request(L, "fs.read", "read");
  r->is_cut = left < max;
  return wait_for(L, r, mh_file_read(&r->file, path, r->is_cut ? left : max), read_done);
}

static int nothing_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  request *r = (request *)op;
  if (has_failed(L, r)) return 2;
  mh_file_fini(&r->file);
  lua_pushboolean(L, true);
  return 1;
}

/* write(path, bytes, mode | nil, exclusive) -> true */
static int f_write(lua_State *L) {
  const char *path = check_path(L, "fs.write");
  if (lua_type(L, 2) != LUA_TSTRING)
    mh_error_usage(L, "fs.write: bad bytes (string expected, got %s)", luaL_typename(L, 2));
  size_t n;
  const char *bytes = lua_tolstring(L, 2, &n);
  int mode = (int)luaL_optinteger(L, 3, -1);
  bool exclusive = lua_toboolean(L, 4);
  request *r = push_request(L, "fs.write", "write");
  return wait_for(L, r, mh_file_write(&r->file, path, bytes, n, mode, exclusive), nothing_done);
}

/* ---- names -------------------------------------------------------------------------------- */

static void set_info(lua_State *L, const mh_file_info *info) {
  lua_pushstring(L, info->type);
  lua_setfield(L, -2, "type");
  lua_pushinteger(L, (lua_Integer)info->size);
  lua_setfield(L, -2, "size");
}

static int stat_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  request *r = (request *)op;
  if (has_failed(L, r)) return 2;
  const mh_file_info *info = mh_file_get_info(&r->file);
  lua_createtable(L, 0, 4);
  set_info(L, info);
  lua_pushinteger(L, info->mode);
  lua_setfield(L, -2, "mode");
  lua_pushnumber(L, (lua_Number)info->modified / 1e9);
  lua_setfield(L, -2, "mtime");
  return 1;
}

/* stat(path, follow [, who]) -> {type=, size=, mode=, mtime=} */
static int f_stat(lua_State *L) {
  const char *who = luaL_optstring(L, 3, "fs.stat");
  const char *path = check_path(L, who);
  bool follow = lua_toboolean(L, 2);
  request *r = push_request(L, who, "look at");
  return wait_for(L, r, mh_file_stat(&r->file, path, follow), stat_done);
}

/* realpath(path) -> path */
static int f_realpath(lua_State *L) {
  const char *path = check_path(L, "fs.realpath");
  request *r = push_request(L, "fs.realpath", "find");
  return wait_for(L, r, mh_file_realpath(&r->file, path), read_done);
}

/* mkdir(path, mode, recursive) -> true */
static int f_mkdir(lua_State *L) {
  const char *path = check_path(L, "fs.mkdir");
  lua_Integer mode = luaL_checkinteger(L, 2);
  bool recursive = lua_toboolean(L, 3);
  request *r = push_request(L, "fs.mkdir", "make directory");
  return wait_for(L, r, mh_file_mkdir(&r->file, path, (unsigned)mode, recursive), nothing_done);
}

/* remove(path) -> true */
static int f_remove(lua_State *L) {
  const char *path = check_path(L, "fs.remove");
  request *r = push_request(L, "fs.remove", "remove");
  return wait_for(L, r, mh_file_remove(&r->file, path), nothing_done);
}

/* ---- directories -------------------------------------------------------------------------- */

static int list_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  request *r = (request *)op;
  if (has_failed(L, r)) return 2;
  size_t n = mh_file_count(&r->file);
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    lua_pushstring(L, mh_file_name(&r->file, i));
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  mh_file_fini(&r->file);
  return 1;
}

/* list(path) -> names */
static int f_list(lua_State *L) {
  const char *path = check_path(L, "fs.list");
  request *r = push_request(L, "fs.list", "list");
  return wait_for(L, r, mh_file_list(&r->file, path, false), list_done);
}

/* What tells whether two paths lead to the same directory. */
static void push_id(lua_State *L, const mh_file_info *info) {
  lua_pushfstring(L, "%I:%I", (lua_Integer)info->device, (lua_Integer)info->node);
}

static void push_entry(lua_State *L, const char *name, const mh_file_info *info) {
  lua_createtable(L, 0, 6);  // one more for what the walk adds
  lua_pushstring(L, name);
  lua_setfield(L, -2, "name");
  set_info(L, info);
  if (info->is_link) {
    lua_pushboolean(L, true);
    lua_setfield(L, -2, "is_link");
  }
  lua_pushinteger(L, info->changed);
  lua_setfield(L, -2, "changed");
  if (strcmp(info->type, "directory") != 0) return;
  push_id(L, info);
  lua_setfield(L, -2, "id");
}

static int entries_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  request *r = (request *)op;
  if (has_failed(L, r)) return 2;
  size_t n = mh_file_count(&r->file);
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    push_entry(L, mh_file_name(&r->file, i), mh_file_name_info(&r->file, i));
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  push_id(L, mh_file_get_info(&r->file));
  mh_file_fini(&r->file);
  return 2;
}

/* entries(path) -> list of {name=, type=, size=, changed=, id=, is_link=}, id: ids are those of
 * directories */
static int f_entries(lua_State *L) {
  const char *path = check_path(L, "fs.walk");
  request *r = push_request(L, "fs.walk", "list");
  return wait_for(L, r, mh_file_list(&r->file, path, true), entries_done);
}

/* cwd() -> the folder this process is in */
static int f_cwd(lua_State *L) {
  char path[PATH_MAX];
  size_t n = sizeof path;
  int e = uv_cwd(path, &n);
  if (e != 0) return luaL_error(L, "cannot find the current folder: %s", uv_strerror(e));
  lua_pushlstring(L, path, n);
  return 1;
}

static int f_gc(lua_State *L) {
  request *r = luaL_checkudata(L, 1, REQUEST);
  mh_file_fini(&r->file);
  return 0;
}

static const luaL_Reg functions[] = {
    {"read", f_read},     {"write", f_write}, {"stat", f_stat},       {"mkdir", f_mkdir},
    {"remove", f_remove}, {"list", f_list},   {"entries", f_entries}, {"realpath", f_realpath},
    {"cwd", f_cwd},       {NULL, NULL},
};

int luaopen_moonherd__fs(lua_State *L);
int luaopen_moonherd__fs(lua_State *L) {
  luaL_newmetatable(L, REQUEST);
  lua_pushcfunction(L, f_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, functions);
  return 1;
}
