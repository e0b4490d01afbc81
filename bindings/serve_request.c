/* The requests of moonherd._serve. See serve_request.h; lua/moonherd/serve.lua documents the methods
 * and raises what they return.
 *
 * A request that is collected, or closed, without an answer gives the client an empty 500. */
#include "bindings/serve_request.h"

#include <string.h>
#include <uv.h>

#include "bindings/serve_answer.h"
#include "core/error.h"
#include "core/task.h"
#include "core/wait.h"
#include "moonherd.h"

static const char REQUEST[] = "moonherd.serve.request";

typedef struct request {
  mh_request *r; /* NULL: closed */
  mh_task_end end;
} request;

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

/* ---- what they are ------------------------------------------------------------------------- */

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

static int f_tostring(lua_State *L) {
  const request *box = luaL_checkudata(L, 1, REQUEST);
  if (box->r == NULL) lua_pushliteral(L, "request (closed)");
  else lua_pushfstring(L, "request (%s %s)", mh_request_method(box->r), mh_request_target(box->r));
  return 1;
}

/* ---- reading ------------------------------------------------------------------------------- */

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

/* ---- answering ----------------------------------------------------------------------------- */

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

/* respond(status, headers, body) -> true. Collecting headers may run Lua, a list of them may have
 * metamethods, and that may change the body or close the request: both are looked at behind it. */
static int f_respond(lua_State *L) {
  mh_serve_headers c = {.who = "request:respond"};
  uv_buf_t one;
  check_request(L, c.who);
  mh_answer a = {.status = check_status(L, c.who)};
  lua_settop(L, 4);
  mh_serve_collect_headers(L, 3, &c);
  luaL_checkstack(L, 4, c.who);
  request *box = check_request(L, c.who);
  size_t total = mh_serve_collect_body(L, 4, &a, &one);
  a.headers = c.headers;
  a.header_count = c.count;
  if (total > MH_ANSWER_COPIED) {
    luaL_checkstack(L, 4, c.who);
    mh_serve_keep_body(L, 4, &a);
  }
  return answered(L, box, c.who, mh_request_answer(box->r, &a), true);
}

/* begin(status, headers [, length]) -> true */
static int f_begin(lua_State *L) {
  mh_serve_headers c = {.who = "request:begin"};
  check_request(L, c.who);
  mh_answer head = {.status = check_status(L, c.who)};
  lua_Integer length = luaL_optinteger(L, 4, -1);
  if (length < -1) mh_error_usage(L, "%s: bad length (at least 0 expected)", c.who);
  lua_settop(L, 4);
  mh_serve_collect_headers(L, 3, &c);
  request *box = check_request(L, c.who);  // they may have closed it
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

/* ---- their task and their end --------------------------------------------------------------- */

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
static int f_close(lua_State *L) {
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

static int f_gc(lua_State *L) {
  request *box = luaL_checkudata(L, 1, REQUEST);
  mh_task_untie(&box->end);
  if (box->r != NULL) mh_request_drop(box->r);
  box->r = NULL;
  return 0;
}

static const luaL_Reg methods[] = {
    {"read", f_read},     {"respond", f_respond}, {"begin", f_begin}, {"write", f_write},
    {"finish", f_finish}, {"tie", f_tie},         {"close", f_close}, {NULL, NULL}};
static const luaL_Reg meta[] = {
    {"__gc", f_gc}, {"__close", f_close}, {"__tostring", f_tostring}, {NULL, NULL}};

/* ---- for servers --------------------------------------------------------------------------- */

void mh_serve_push_request(lua_State *L) {
  request *box = lua_newuserdatauv(L, sizeof *box, 1);
  memset(box, 0, sizeof *box);
  luaL_setmetatable(L, REQUEST);
}

void mh_serve_set_request(lua_State *L, int index, mh_request *r) {
  request *box = lua_touserdata(L, index);
  box->r = r;
}

void mh_serve_open_class(lua_State *L, const char *name, const luaL_Reg *events,
                         lua_CFunction index, const char *class) {
  luaL_newmetatable(L, name);
  luaL_setfuncs(L, events, 0);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -4, class);
  // stack: module, metatable, methods
  lua_pushcclosure(L, index, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

void mh_serve_open_requests(lua_State *L) {
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "request");
  mh_serve_open_class(L, REQUEST, meta, f_index, "Request");
}
