/* moonherd._serve: servers and requests. lua/moonherd/serve.lua documents the methods and raises
 * what they return.
 *
 * A request that is collected, or closed, without an answer gives the client an empty 500. */
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/error.h"
#include "core/guarded.h"
#include "core/options.h"
#include "core/task.h"
#include "core/wait.h"
#include "io/serve.h"
#include "moonherd.h"

int luaopen_moonherd__serve(lua_State *L);

static const char SERVER[] = "moonherd.serve.server";
static const char REQUEST[] = "moonherd.serve.request";

typedef struct request {
  mh_request *r; /* NULL: closed */
  mh_task_end end;
} request;

static mh_server *check_server(lua_State *L, const char *who) {
  mh_server *s = *(mh_server **)luaL_checkudata(L, 1, SERVER);
  if (s == NULL) mh_error_usage(L, "%s: the server is closed", who);
  return s;
}

static request *check_request(lua_State *L, const char *who) {
  request *box = luaL_checkudata(L, 1, REQUEST);
  if (box->r == NULL) mh_error_usage(L, "%s: the request is closed", who);
  return box;
}

/* nil and the error for what became of a client. */
static int fail(lua_State *L, int status) {
  switch (status) {
    case MOONHERD_ECLOSED:
      return mh_error_fail(L, "http", "client_gone", "the client has closed the connection");
    case MOONHERD_ETIMEOUT:
      return mh_error_fail(L, "http", "client_slow", "the client was too slow");
    case MOONHERD_EFULL:
      return mh_error_fail(L, "http", "too_large", "the request is larger than the server allows");
    default: return luaL_error(L, "not enough memory");
  }
}

/* ---- requests: what they are --------------------------------------------------------------- */

/* headers[name] = value, repeated ones joined. The table is at the top. */
static void set_header(lua_State *L, const mh_header *h) {
  lua_pushstring(L, h->name);
  lua_pushvalue(L, -1);
  // stack: headers, name, name
  if (lua_rawget(L, -3) == LUA_TSTRING) {
    lua_pushstring(L, strcmp(h->name, "cookie") == 0 ? "; " : ", ");
    lua_pushstring(L, h->value);
    lua_concat(L, 3);
  } else {
    lua_pop(L, 1);
    lua_pushstring(L, h->value);
  }
  lua_rawset(L, -3);
}

static void push_headers(lua_State *L, const mh_request *r) {
  if (lua_getiuservalue(L, 1, 1) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_createtable(L, 0, 12);
  mh_header h;
  for (const char *at = NULL; (at = mh_request_header(r, at, &h)) != NULL;) set_header(L, &h);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, 1, 1);
}

static void push_too_large(lua_State *L, const mh_request *r) {
  mh_too_large what = mh_request_too_large(r);
  if (what == MH_FITS) lua_pushnil(L);
  else lua_pushstring(L, what == MH_LARGE_HEADERS ? "headers" : "body");
}

/* The methods are the first upvalue. */
static int f_index(lua_State *L) {
  request *box = luaL_checkudata(L, 1, REQUEST);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
  if (lua_type(L, 2) != LUA_TSTRING || box->r == NULL) return 1;
  const char *key = lua_tostring(L, 2);
  int64_t length = mh_request_length(box->r);
  if (strcmp(key, "method") == 0) lua_pushstring(L, mh_request_method(box->r));
  else if (strcmp(key, "target") == 0) lua_pushstring(L, mh_request_target(box->r));
  else if (strcmp(key, "headers") == 0) push_headers(L, box->r);
  else if (strcmp(key, "too_large") == 0) push_too_large(L, box->r);
  else if (strcmp(key, "content_length") == 0 && length >= 0) lua_pushinteger(L, length);
  return 1;
}

static int f_request_tostring(lua_State *L) {
  const request *box = luaL_checkudata(L, 1, REQUEST);
  if (box->r == NULL) lua_pushliteral(L, "request (closed)");
  else lua_pushfstring(L, "request (%s %s)", mh_request_method(box->r), mh_request_target(box->r));
  return 1;
}

/* ---- requests: reading --------------------------------------------------------------------- */

static int read_step(lua_State *L);

static int read_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  (void)op;  // may have been started again by another task: look anew
  return read_step(L);
}

static int read_step(lua_State *L) {
  mh_request *r = check_request(L, "request:read")->r;
  mh_op *op = mh_request_read(r);
  if (op == NULL) mh_error_usage(L, "request:read: another task reads this request");
  if (!op->is_done) return mh_op_wait(L, op, read_done);
  if (op->status != 0) return fail(L, op->status);
  const mh_buf *body = mh_request_body(r);
  size_t max = (size_t)luaL_optinteger(L, 2, LUA_MAXINTEGER);
  size_t n = body->len < max ? body->len : max;
  if (n == 0) return 0;
  lua_pushlstring(L, body->data, n);
  mh_request_consume(r, n);
  return 1;
}

/* read([max]) -> bytes, or nothing at the end. */
static int f_read(lua_State *L) {
  check_request(L, "request:read");
  if (luaL_optinteger(L, 2, 1) < 1)
    mh_error_usage(L, "request:read: bad size (at least 1 expected)");
  lua_settop(L, 2);
  mh_task_can_wait(L, "request:read");
  return read_step(L);
}

/* ---- requests: answering ------------------------------------------------------------------- */

enum { MAX_HEADERS = 100 };

/* Headers while they are collected: their strings are on the stack. */
typedef struct collector {
  const char *who;
  mh_header headers[MAX_HEADERS];
  size_t count;
} collector;

static const char *check_text(lua_State *L, int index, const char *who, const char *what) {
  size_t n;
  const char *text = lua_tolstring(L, index, &n);
  if (text == NULL || strlen(text) != n || strpbrk(text, "\r\n") != NULL)
    mh_error_usage(L, "%s: bad header '%s' (text of one line expected)", who, what);
  return text;
}

/* The value at the top, for a name; it stays there, since a number has become a string. */
static void add_header(lua_State *L, collector *c, const char *name) {
  if (c->count == MAX_HEADERS) mh_error_usage(L, "%s: more than %d headers", c->who, MAX_HEADERS);
  const char *value = check_text(L, -1, c->who, name);
  c->headers[c->count++] = (mh_header){name, value};
}

/* One entry: text, or a list of texts for a header that is sent several times. */
static void add_headers(lua_State *L, collector *c, int key) {
  if (lua_type(L, key) != LUA_TSTRING)
    mh_error_usage(L, "%s: bad header name (string expected, got %s)", c->who,
                   luaL_typename(L, key));
  const char *name = check_text(L, key, c->who, "name");
  if (!lua_istable(L, key + 1)) {
    add_header(L, c, name);
    return;
  }
  lua_Integer count = luaL_len(L, key + 1);
  for (lua_Integer i = 1; i <= count; i++) {
    luaL_checkstack(L, 8, c->who);
    lua_geti(L, key + 1, i);
    add_header(L, c, name);
  }
}

/* Leaves on the stack what the headers point to. */
static void collect_headers(lua_State *L, int index, collector *c) {
  if (lua_isnoneornil(L, index)) return;
  if (!lua_istable(L, index))
    mh_error_usage(L, "%s: bad headers (table expected, got %s)", c->who, luaL_typename(L, index));
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    int key = lua_gettop(L) - 1;
    luaL_checkstack(L, 8, c->who);
    add_headers(L, c, key);
    lua_pushvalue(L, key);
  }
}

static unsigned check_status(lua_State *L, const char *who) {
  lua_Integer status = luaL_checkinteger(L, 2);
  if (status < 200 || status > 599) mh_error_usage(L, "%s: bad status (200 to 599 expected)", who);
  return (unsigned)status;
}

/* What a client is told no longer concerns the task once the answer is out of its hands. */
static int answered(lua_State *L, request *box, const char *who, int status, bool is_last) {
  if (status == MOONHERD_EBUSY) mh_error_usage(L, "%s: it has been answered already", who);
  if (status == MOONHERD_EINVAL) mh_error_usage(L, "%s: bad header name", who);
  if (status != 0) return fail(L, status);
  if (is_last) mh_task_untie(&box->end);
  lua_pushboolean(L, true);
  return 1;
}

typedef struct anchor { /* keeps the strings of a body until it has been sent */
  mh_realm *realm;
  int ref;
} anchor;

static void on_release(void *owner) {
  anchor *a = owner;
  if (!a->realm->is_ending) luaL_unref(a->realm->L, LUA_REGISTRYINDEX, a->ref);
  free(a);
}

/* Keeps the value at the top, which is popped. */
static anchor *new_anchor(lua_State *L) {
  int ref = luaL_ref(L, LUA_REGISTRYINDEX);
  anchor *a = malloc(sizeof *a);
  if (a == NULL) {
    luaL_unref(L, LUA_REGISTRYINDEX, ref);
    luaL_error(L, "not enough memory");
    __builtin_unreachable();
  }
  *a = (anchor){mh_realm_of(L), ref};
  return a;
}

/* Fills the segments of an answer from a string, a list of strings or nothing. They point into Lua's
 * own strings. What is allocated stays on the stack. */
static size_t collect_body(lua_State *L, int index, mh_answer *a, uv_buf_t *one) {
  static const char who[] = "request:respond";
  size_t n = 0, total = 0;
  if (lua_isnoneornil(L, index)) return 0;
  a->segments = one;
  if (lua_type(L, index) == LUA_TSTRING) {
    one->base = (char *)(uintptr_t)lua_tolstring(L, index, &one->len);
    a->segment_count = 1;
    return one->len;
  }
  if (!lua_istable(L, index))
    mh_error_usage(L, "%s: bad body (string or list of strings expected, got %s)", who,
                   luaL_typename(L, index));
  size_t count = lua_rawlen(L, index);
  uv_buf_t *list = lua_newuserdatauv(L, (count + 1) * sizeof *list, 0);
  for (; n < count; n++) {
    if (lua_rawgeti(L, index, (lua_Integer)n + 1) != LUA_TSTRING)
      mh_error_usage(L, "%s: bad body (piece %d is not a string)", who, (int)n + 1);
    list[n].base = (char *)(uintptr_t)lua_tolstring(L, -1, &list[n].len);
    total += list[n].len;
    lua_pop(L, 1);
  }
  a->segments = list;
  a->segment_count = count;
  return total;
}

/* The list itself may be changed by its owner while its strings are being sent. */
static void push_kept(lua_State *L, int index) {
  if (!lua_istable(L, index)) {
    lua_pushvalue(L, index);
    return;
  }
  lua_Integer count = (lua_Integer)lua_rawlen(L, index);
  lua_createtable(L, (int)count, 0);
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, index, i);
    lua_rawseti(L, -2, i);
  }
}

/* respond(status, headers, body) -> true */
static int f_respond(lua_State *L) {
  request *box = check_request(L, "request:respond");
  collector c = {.who = "request:respond"};
  uv_buf_t one;
  mh_answer a = {.status = check_status(L, c.who)};
  lua_settop(L, 4);
  size_t total = collect_body(L, 4, &a, &one);
  collect_headers(L, 3, &c);
  a.headers = c.headers;
  a.header_count = c.count;
  if (total > MH_ANSWER_COPIED) {
    luaL_checkstack(L, 4, c.who);
    push_kept(L, 4);
    a.owner = new_anchor(L);
    a.release = on_release;
  }
  return answered(L, box, c.who, mh_request_answer(box->r, &a), true);
}

/* begin(status, headers [, length]) -> true */
static int f_begin(lua_State *L) {
  request *box = check_request(L, "request:begin");
  collector c = {.who = "request:begin"};
  mh_answer head = {.status = check_status(L, c.who)};
  lua_Integer length = luaL_optinteger(L, 4, -1);
  if (length < -1) mh_error_usage(L, "%s: bad length (at least 0 expected)", c.who);
  lua_settop(L, 4);
  collect_headers(L, 3, &c);
  head.headers = c.headers;
  head.header_count = c.count;
  return answered(L, box, c.who, mh_request_begin(box->r, &head, length), false);
}

static int drain_step(lua_State *L);

static int drain_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  (void)op;
  return drain_step(L);
}

static int drain_step(lua_State *L) {
  mh_op *op = mh_request_drain(check_request(L, "request:write")->r);
  if (op == NULL) mh_error_usage(L, "request:write: another task writes this answer");
  if (!op->is_done) return mh_op_wait(L, op, drain_done);
  if (op->status != 0) return fail(L, op->status);
  lua_pushboolean(L, true);
  return 1;
}

/* write(bytes) -> true, when there is room for more */
static int f_write(lua_State *L) {
  mh_request *r = check_request(L, "request:write")->r;
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  lua_settop(L, 2);
  mh_task_can_wait(L, "request:write");
  int status = mh_request_write(r, bytes, n);
  if (status == MOONHERD_EINVAL)
    mh_error_usage(L, "request:write: no answer has begun, or it is complete");
  return status != 0 ? fail(L, status) : drain_step(L);
}

/* finish() -> true */
static int f_finish(lua_State *L) {
  request *box = check_request(L, "request:finish");
  int status = mh_request_finish(box->r);
  if (status == MOONHERD_EINVAL)
    mh_error_usage(L, "request:finish: no answer has begun, or less than its length was written");
  return answered(L, box, "request:finish", status, true);
}

/* ---- requests: their task and their end ----------------------------------------------------- */

static void on_gone(void *user) {
  request *box = user;
  if (box->end.task != NULL) mh_task_cancel(box->end.task, "the client has gone");
}

static void on_task_end(mh_task_end *end) {
  (void)end;  // it is untied then, and that is all
}

/* tie(): the current task is cancelled when the client goes away before it has its answer. */
static int f_tie(lua_State *L) {
  request *box = check_request(L, "request:tie");
  mh_task *task = mh_task_current(L);
  if (task == NULL) mh_error_usage(L, "request:tie: no task is running");
  mh_task_untie(&box->end);
  box->end.on_end = on_task_end;
  mh_task_tie(task, &box->end);
  mh_request_on_gone(box->r, on_gone, box);
  return 0;
}

/* close([is_reset]): the client of an unanswered request gets an empty 500, or a reset. */
static int f_request_close(lua_State *L) {
  request *box = luaL_checkudata(L, 1, REQUEST);
  mh_task_untie(&box->end);
  if (box->r == NULL) return 0;
  if (lua_toboolean(L, 2)) mh_request_reset(box->r);
  if (mh_request_is_waited_for(box->r)) {
    mh_request_abandon(box->r);  // other tasks are in the middle of a wait for it
    return 0;
  }
  mh_request_drop(box->r);
  box->r = NULL;
  return 0;
}

static int f_request_gc(lua_State *L) {
  request *box = luaL_checkudata(L, 1, REQUEST);
  mh_task_untie(&box->end);
  if (box->r != NULL) mh_request_drop(box->r);
  box->r = NULL;
  return 0;
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
  request *box = lua_touserdata(L, 2);
  box->r = op->status == 0 ? mh_server_take(s) : NULL;
  return box->r != NULL ? 1 : 0;
}

/* accept() -> request, or nothing when the server is closed. */
static int f_accept(lua_State *L) {
  check_server(L, "server:accept");
  lua_settop(L, 1);
  mh_task_can_wait(L, "server:accept");
  request *box = lua_newuserdatauv(L, sizeof *box, 1);
  memset(box, 0, sizeof *box);
  luaL_setmetatable(L, REQUEST);
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
static int f_server_index(lua_State *L) {
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
  if (o->unix_path != NULL)
    return mh_error_fail(L, "io", why, "cannot listen on '%s': %s", o->unix_path, text);
  return mh_error_fail(L, "io", why, "cannot listen on %s port %u: %s",
                       o->host != NULL ? o->host : "127.0.0.1", o->port, text);
}

/* listen(options, who) -> server */
static int f_listen(lua_State *L) {
  listen_options given;
  read_options(L, 1, luaL_checkstring(L, 2), &given);
  mh_guard_check_listen(L, lua_tostring(L, 2), given.unix_path.bytes);
  mh_server_options o = {
      .host = given.host.bytes,
      .port = at_most(given.port, UINT16_MAX + 1),
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

static int f_server_tostring(lua_State *L) {
  mh_server *s = *(mh_server **)luaL_checkudata(L, 1, SERVER);
  if (s == NULL) lua_pushliteral(L, "server (closed)");
  else lua_pushfstring(L, "server (port %d)", (int)mh_server_port(s));
  return 1;
}

static const luaL_Reg functions[] = {{"listen", f_listen}, {NULL, NULL}};
static const luaL_Reg server_methods[] = {
    {"accept", f_accept}, {"close", f_close}, {"abort", f_abort}, {NULL, NULL}};
static const luaL_Reg server_meta[] = {
    {"__gc", f_gc}, {"__close", f_close}, {"__tostring", f_server_tostring}, {NULL, NULL}};
static const luaL_Reg request_methods[] = {
    {"read", f_read},     {"respond", f_respond}, {"begin", f_begin},         {"write", f_write},
    {"finish", f_finish}, {"tie", f_tie},         {"close", f_request_close}, {NULL, NULL}};
static const luaL_Reg request_meta[] = {{"__gc", f_request_gc},
                                        {"__close", f_request_close},
                                        {"__tostring", f_request_tostring},
                                        {NULL, NULL}};

/* Makes a class: its metatable, and in the module at the top an empty table of methods under
 * `class`, which `index` looks things up in. */
static void open_class(lua_State *L, const char *name, const luaL_Reg *meta, lua_CFunction index,
                       const char *class) {
  luaL_newmetatable(L, name);
  luaL_setfuncs(L, meta, 0);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -4, class);
  // stack: module, metatable, methods
  lua_pushcclosure(L, index, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

/* The functions that return nil and an error are in `server` and `request`; lua/moonherd/serve.lua
 * fills `Server` and `Request`, the methods that scripts see. */
int luaopen_moonherd__serve(lua_State *L) {
  luaL_newlib(L, functions);
  luaL_newlib(L, server_methods);
  lua_setfield(L, -2, "server");
  luaL_newlib(L, request_methods);
  lua_setfield(L, -2, "request");
  open_class(L, SERVER, server_meta, f_server_index, "Server");
  open_class(L, REQUEST, request_meta, f_index, "Request");
  return 1;
}
