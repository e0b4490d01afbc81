/* moonherd._proc: child processes. lua/moonherd/sh.lua checks options, and raises what goes wrong. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "core/error.h"
#include "core/guarded.h"
#include "core/wait.h"
#include "io/proc.h"

static const char CHILD[] = "moonherd.child";

/* ---- starting ----------------------------------------------------------------------------- */

/* The list of strings at `index` as C has it: in a userdata that it pushes. The list keeps the bytes.
 * NULL, and nil pushed, when there is no list. */
static const char *const *push_strings(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) {
    lua_pushnil(L);
    return NULL;
  }
  luaL_checktype(L, index, LUA_TTABLE);
  size_t n = lua_rawlen(L, index);
  const char **strings = lua_newuserdatauv(L, (n + 1) * sizeof *strings, 0);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, index, (lua_Integer)i + 1);
    strings[i] = luaL_checkstring(L, -1);
    lua_pop(L, 1);
  }
  strings[n] = NULL;
  return strings;
}

static const char *reason_of(int e) {
  switch (e) {
    case UV_ENOENT: return "not_found";
    case UV_EACCES:
    case UV_EPERM: return "permission";
    case UV_E2BIG: return "too_long";
    case UV_EAGAIN:
    case UV_EMFILE:
    case UV_ENFILE:
    case UV_ENOMEM: return "no_resources";
    default: return "not_started";
  }
}

/* What is given as standard input, the value at the top: text, a file of Lua, or nothing. What a file
 * has read ahead is given back, where that can be. */
static void read_input(lua_State *L, mh_proc_spec *spec) {
  spec->input_fd = -1;
  luaL_Stream *file = luaL_testudata(L, -1, LUA_FILEHANDLE);
  if (file == NULL) {
    spec->input = luaL_optlstring(L, -1, "", &spec->input_length);
    return;
  }
  fflush(file->f);
  spec->input_fd = fileno(file->f);
}

/* start(argv, env | nil, {cwd=, stdin=, feeds=, max_output=, streams=, timeout=, grace=}) -> child, or
 * nil and an error without the name of the program. */
static int f_start(lua_State *L) {
  lua_settop(L, 3);
  mh_proc_spec spec = {0};
  spec.argv = push_strings(L, 1);
  spec.env = push_strings(L, 2);
  lua_getfield(L, 3, "cwd");
  spec.cwd = luaL_optstring(L, -1, NULL);
  lua_getfield(L, 3, "stdin");
  read_input(L, &spec);
  lua_getfield(L, 3, "feeds");
  spec.feeds = lua_toboolean(L, -1);
  lua_getfield(L, 3, "max_output");
  spec.max_output = (size_t)luaL_checkinteger(L, -1);
  lua_getfield(L, 3, "streams");
  spec.streams = lua_toboolean(L, -1);
  lua_getfield(L, 3, "timeout");
  spec.timeout = luaL_optnumber(L, -1, 0);
  lua_getfield(L, 3, "grace");
  spec.grace = luaL_checknumber(L, -1);
  mh_task_can_wait(L, "moonherd.sh");
  mh_guard_check_process(L, "moonherd.sh", spec.argv[0]);
  mh_proc **child = lua_newuserdatauv(L, sizeof(mh_proc *), 0);
  *child = NULL;
  luaL_setmetatable(L, CHILD);
  int e = mh_proc_start(mh_loop_of(L), &spec, child);
  if (e != 0) return mh_error_fail(L, "process", reason_of(e), "%s", uv_strerror(e));
  return 1;
}

/* ---- a child ------------------------------------------------------------------------------- */

static mh_proc *check_child(lua_State *L) {
  mh_proc **child = luaL_checkudata(L, 1, CHILD);
  if (*child == NULL) luaL_error(L, "closed child process");
  return *child;
}

static void take_output(lua_State *L, mh_proc *child, int stream, const char *name) {
  mh_buf *bytes = mh_proc_output(child, stream);
  lua_pushlstring(L, bytes->len > 0 ? bytes->data : "", bytes->len);
  lua_setfield(L, -2, name);
  mh_buf_clear(bytes);
}

static void set_end(lua_State *L, const mh_proc *child) {
  static const char *const failures[] = {NULL, "timeout", "too_large"};
  mh_proc_end end = mh_proc_get_end(child);
  const char *name = mh_proc_signal_name(end.signal);
  if (end.signal == 0) lua_pushinteger(L, end.code);
  else if (name != NULL) lua_pushstring(L, name);
  else lua_pushfstring(L, "RTMIN+%d", end.signal - SIGRTMIN);
  lua_setfield(L, -2, end.signal == 0 ? "code" : "signal");
  lua_pushstring(L, failures[end.failure]);
  lua_setfield(L, -2, "failure");
  lua_pushboolean(L, true);
  lua_setfield(L, -2, "is_over");
}

static int wait_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  (void)op;
  mh_proc *child = check_child(L);
  lua_createtable(L, 0, 5);
  take_output(L, child, 1, "stdout");
  take_output(L, child, 2, "stderr");
  if (mh_proc_is_over(child)) set_end(L, child);
  return 1;
}

/* child:wait() -> {stdout=, stderr=} of what came since the last time and, when it is over, is_over,
 * code or signal, and failure. */
static int f_wait(lua_State *L) {
  mh_proc *child = check_child(L);
  mh_task_can_wait(L, "moonherd.sh");
  mh_proc_wait(child);
  return mh_op_wait(L, mh_proc_op(child), wait_done);
}

static int write_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  lua_pushboolean(L, ((mh_op *)op)->status == 0);
  return 1;
}

/* child:write(bytes) -> whether it reads on */
static int f_write(lua_State *L) {
  mh_proc *child = check_child(L);
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  mh_task_can_wait(L, "moonherd.sh");
  if (mh_proc_write(child, bytes, n) != 0) return luaL_error(L, "not enough memory");
  return mh_op_wait(L, mh_proc_feed_op(child), write_done);
}

/* child:end_input() */
static int f_end_input(lua_State *L) {
  mh_proc_end_input(check_child(L));
  return 0;
}

/* child:is_over() */
static int f_is_over(lua_State *L) {
  mh_proc **child = luaL_checkudata(L, 1, CHILD);
  lua_pushboolean(L, *child == NULL || mh_proc_is_over(*child));
  return 1;
}

/* child:stop(): TERM, then KILL; called again KILL at once. */
static int f_stop(lua_State *L) {
  mh_proc_stop(check_child(L));
  return 0;
}

/* child:close(): kills what runs still. */
static int f_close(lua_State *L) {
  mh_proc **child = luaL_checkudata(L, 1, CHILD);
  mh_proc_free(*child);
  *child = NULL;
  return 0;
}

/* environ() -> the environment of this process, a table; without what a guard hides. */
static int f_environ(lua_State *L) {
  const mh_guard *guard = mh_guard_of(L);
  lua_newtable(L);
  for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
    const char *equals = strchr(*entry, '=');
    if (equals == NULL) continue;
    if (mh_guard_hides(guard, *entry, (size_t)(equals - *entry))) continue;
    lua_pushlstring(L, *entry, (size_t)(equals - *entry));
    lua_pushstring(L, equals + 1);
    lua_rawset(L, -3);
  }
  return 1;
}

static const luaL_Reg methods[] = {
    {"wait", f_wait},       {"write", f_write}, {"end_input", f_end_input},
    {"is_over", f_is_over}, {"stop", f_stop},   {"close", f_close},
    {NULL, NULL},
};

/* variable(name) -> its value in that environment, or nil */
static int f_variable(lua_State *L) {
  size_t n;
  const char *name = luaL_checklstring(L, 1, &n);
  lua_pushstring(L, mh_guard_hides(mh_guard_of(L), name, n) ? NULL : getenv(name));
  return 1;
}

static const luaL_Reg functions[] = {
    {"start", f_start}, {"environ", f_environ}, {"variable", f_variable}, {NULL, NULL}};

int luaopen_moonherd__proc(lua_State *L);
int luaopen_moonherd__proc(lua_State *L) {
  luaL_newmetatable(L, CHILD);
  lua_pushcfunction(L, f_close);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  return 1;
}
