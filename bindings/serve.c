/* moonherd._serve: servers, which hand out the requests of serve_request.c. lua/moonherd/serve.lua
 * documents the methods and raises what they return. */
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "bindings/serve_request.h"
#include "core/error.h"
#include "core/guarded.h"
#include "core/options.h"
#include "core/task.h"
#include "core/wait.h"
#include "io/serve.h"
#include "moonherd.h"

int luaopen_moonherd__serve(lua_State *L);

static const char SERVER[] = "moonherd.serve.server";

static mh_server *check_server(lua_State *L, const char *who) {
  mh_server *s = *(mh_server **)luaL_checkudata(L, 1, SERVER);
  if (s == NULL) mh_error_usage(L, "%s: the server is closed", who);
  return s;
}

/* ---- servers -------------------------------------------------------------------------------- */

static int accept_step(lua_State *L);

static int accept_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  (void)op;  // the request may have gone again, or another task been quicker: look anew
  return accept_step(L);
}

/* The request that is to be filled is at index 2. */
static int accept_step(lua_State *L) {
  mh_server *s = check_server(L, "server:accept");
  mh_op *op = mh_server_accept(s);
  if (op == NULL) mh_error_usage(L, "server:accept: another task waits for a request");
  if (!op->is_done) return mh_op_wait(L, op, accept_done);
  mh_request *r = op->status == 0 ? mh_server_take(s) : NULL;
  mh_serve_set_request(L, 2, r);
  return r != NULL ? 1 : 0;
}

/* accept() -> request, or nothing when the server is closed. */
static int f_accept(lua_State *L) {
  check_server(L, "server:accept");
  lua_settop(L, 1);
  mh_task_can_wait(L, "server:accept");
  mh_serve_push_request(L);
  return accept_step(L);
}

static int close_done(lua_State *L, int status, lua_KContext op) {
  (void)L;
  (void)status;
  (void)op;
  return 0;
}

/* close(): accepts no more, and waits until the last request has been answered. */
static int f_close(lua_State *L) {
  mh_server *s = *(mh_server **)luaL_checkudata(L, 1, SERVER);
  if (s == NULL) return 0;
  lua_settop(L, 1);
  mh_task_can_wait(L, "server:close");
  mh_op *op = mh_server_stop(s);
  return op == NULL ? 0 : mh_op_wait(L, op, close_done);
}

/* abort(): closes at once, also when tasks wait. */
static int f_abort(lua_State *L) {
  mh_server *s = *(mh_server **)luaL_checkudata(L, 1, SERVER);
  if (s != NULL) mh_server_abort(s);
  return 0;
}

static int f_gc(lua_State *L) {
  mh_server **box = luaL_checkudata(L, 1, SERVER);
  mh_server_free(*box);
  *box = NULL;
  return 0;
}

/* The methods are the first upvalue. */
static int f_index(lua_State *L) {
  const mh_server *s = *(mh_server **)luaL_checkudata(L, 1, SERVER);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL || s == NULL) return 1;
  if (lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "port") == 0)
    lua_pushinteger(L, mh_server_port(s));
  return 1;
}

/* ---- listening ------------------------------------------------------------------------------ */

typedef struct listen_options {
  mh_text host, unix_path;
  lua_Integer port, header_limit, body_limit, max_connections, min_rate;
  double header_timeout, idle_timeout, stall_timeout;
} listen_options;

static void read_options(lua_State *L, int index, const char *who, listen_options *o) {
  static const mh_option options[] = {
      {"host", MH_OPTION_STRING, offsetof(listen_options, host), 0},
      {"port", MH_OPTION_INTEGER, offsetof(listen_options, port), 0},
      {"unix", MH_OPTION_STRING, offsetof(listen_options, unix_path), 0},
      {"header_limit", MH_OPTION_INTEGER, offsetof(listen_options, header_limit), 1024},
      {"body_limit", MH_OPTION_INTEGER, offsetof(listen_options, body_limit), 0},
      {"max_connections", MH_OPTION_INTEGER, offsetof(listen_options, max_connections), 1},
      {"min_rate", MH_OPTION_INTEGER, offsetof(listen_options, min_rate), 0},
      {"header_timeout", MH_OPTION_DURATION, offsetof(listen_options, header_timeout), 0},
      {"idle_timeout", MH_OPTION_DURATION, offsetof(listen_options, idle_timeout), 0},
      {"stall_timeout", MH_OPTION_DURATION, offsetof(listen_options, stall_timeout), 0},
      {NULL, MH_OPTION_VALUE, 0, 0},
  };
  const mh_server_options *d = &mh_server_defaults;
  *o = (listen_options){.header_limit = (lua_Integer)d->header_limit,
                        .body_limit = (lua_Integer)d->body_limit,
                        .max_connections = d->max_connections,
                        .min_rate = d->min_rate,
                        .header_timeout = d->header_timeout,
                        .idle_timeout = d->idle_timeout,
                        .stall_timeout = d->stall_timeout};
  mh_options_read(L, index, who, options, o);
}

static unsigned at_most(lua_Integer n, unsigned most) {
  return n > most ? most : (unsigned)n;
}

static int fail_to_listen(lua_State *L, const mh_server_options *o, const char *why, int error) {
  const char *text = error != 0 ? uv_strerror(-error) : why;
  if (error == EINVAL) text = "an IPv4 or IPv6 address, or localhost, is expected";
  if (o->unix_path != NULL)
    return mh_error_fail(L, "io", why, "cannot listen on '%s': %s", o->unix_path, text);
  return mh_error_fail(L, "io", why, "cannot listen on %s port %u: %s",
                       o->host != NULL ? o->host : "127.0.0.1", o->port, text);
}

/* listen(options, who) -> server */
static int f_listen(lua_State *L) {
  listen_options given;
  read_options(L, 1, luaL_checkstring(L, 2), &given);
  if (given.port > UINT16_MAX)
    mh_error_usage(L, "%s: bad option 'port' (0 to 65535 expected, got %lld)", lua_tostring(L, 2),
                   (long long)given.port);
  mh_guard_check_listen(L, lua_tostring(L, 2), given.unix_path.bytes);
  mh_server_options o = {
      .host = given.host.bytes,
      .port = (unsigned)given.port,
      .unix_path = given.unix_path.bytes,
      .header_limit = (size_t)at_most(given.header_limit, 64 * 1024 * 1024),
      .body_limit = (size_t)given.body_limit,
      .max_connections = at_most(given.max_connections, 1000000),
      .header_timeout = given.header_timeout,
      .idle_timeout = given.idle_timeout,
      .stall_timeout = given.stall_timeout,
      .min_rate = at_most(given.min_rate, UINT32_MAX),
      .mem = &mh_realm_of(L)->mem,
  };
  mh_server **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, SERVER);
  const char *why;
  errno = 0;
  int e = mh_server_open(mh_loop_of(L), &o, box, &why);
  if (e == MOONHERD_ENOMEM) return luaL_error(L, "not enough memory");
  return e == 0 ? 1 : fail_to_listen(L, &o, why, errno);
}

static int f_tostring(lua_State *L) {
  mh_server *s = *(mh_server **)luaL_checkudata(L, 1, SERVER);
  if (s == NULL) lua_pushliteral(L, "server (closed)");
  else lua_pushfstring(L, "server (port %d)", (int)mh_server_port(s));
  return 1;
}

static const luaL_Reg functions[] = {{"listen", f_listen}, {NULL, NULL}};
static const luaL_Reg server_methods[] = {
    {"accept", f_accept}, {"close", f_close}, {"abort", f_abort}, {NULL, NULL}};
static const luaL_Reg server_meta[] = {
    {"__gc", f_gc}, {"__close", f_close}, {"__tostring", f_tostring}, {NULL, NULL}};
/* The functions that return nil and an error are in `server` and `request`; lua/moonherd/serve.lua
 * fills `Server` and `Request`, the methods that scripts see. */
int luaopen_moonherd__serve(lua_State *L) {
  luaL_newlib(L, functions);
  luaL_newlib(L, server_methods);
  lua_setfield(L, -2, "server");
  mh_serve_open_class(L, SERVER, server_meta, f_index, "Server");
  mh_serve_open_requests(L);
  return 1;
}
