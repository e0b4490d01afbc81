/* moonherd._http: transfers as lua/moonherd/http.lua wants them. `request` does all of the common
 * case in one call; `open` gives an object for bodies that are produced or read piece by piece. */
#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "core/error.h"
#include "core/guarded.h"
#include "core/options.h"
#include "core/place.h"
#include "core/realm.h"
#include "core/wait.h"
#include "io/http.h"
#include "io/http_guard.h"
#include "moonherd.h"

static const char TRANSFER[] = "moonherd.http.transfer";
static const char RESPONSE[] = "moonherd.http.response";

/* The stack of `request` and `open`. */
enum { WHO = 1, METHOD, URL, OPTIONS, BOX };

enum { MAX_SPARE = 64 };

/* ---- transfers as userdata ---------------------------------------------------------------- */

/* Pushes a new one. Its user value keeps the strings of the request's body. */
static mh_transfer *push_new(lua_State *L) {
  mh_realm *realm = mh_realm_of(L);
  mh_http *http = mh_http_of(realm->host);
  if (http == NULL) luaL_error(L, "not enough memory");
  mh_transfer *t = lua_newuserdatauv(L, sizeof *t, 1);
  mh_transfer_init(t, http, &realm->mem);
  luaL_setmetatable(L, TRANSFER);
  return t;
}

/* Used ones wait in a list, the first upvalue: collecting a userdata costs more than its work. */
static mh_transfer *push_spare(lua_State *L) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, lua_upvalueindex(1));
  if (n == 0) return push_new(L);
  lua_rawgeti(L, lua_upvalueindex(1), n);
  lua_pushnil(L);
  lua_rawseti(L, lua_upvalueindex(1), n);
  return lua_touserdata(L, -1);
}

static void put_back(lua_State *L, int index) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, lua_upvalueindex(1));
  if (n >= MAX_SPARE) return;
  mh_transfer_reset(lua_touserdata(L, index));
  lua_pushnil(L);
  lua_setiuservalue(L, index, 1);
  lua_pushvalue(L, index);
  lua_rawseti(L, lua_upvalueindex(1), n + 1);
}

static mh_transfer *check_idle(lua_State *L, const char *who) {
  mh_transfer *t = luaL_checkudata(L, 1, TRANSFER);
  if (t->op.is_open) mh_error_usage(L, "%s: another task waits for this transfer", who);
  return t;
}

/* ---- the request -------------------------------------------------------------------------- */

typedef struct options {
  mh_text method, url, unix_socket, ca_file, cert_file, key_file;
  double connect_timeout, stall_timeout, timeout;
  lua_Integer max_body, content_length; /* -1: not given */
  bool has_headers, has_body, has_json, stream;
} options;

static options read_options(lua_State *L, const char *who, const mh_transfer *t) {
  static const mh_option known[] = {
      {"method", MH_OPTION_STRING, offsetof(options, method), 0},
      {"url", MH_OPTION_STRING, offsetof(options, url), 0},
      {"headers", MH_OPTION_VALUE, offsetof(options, has_headers), 0},
      {"body", MH_OPTION_VALUE, offsetof(options, has_body), 0},
      {"json", MH_OPTION_VALUE, offsetof(options, has_json), 0},
      {"content_length", MH_OPTION_INTEGER, offsetof(options, content_length), 0},
      {"unix_socket", MH_OPTION_STRING, offsetof(options, unix_socket), 0},
      {"timeout", MH_OPTION_DURATION, offsetof(options, timeout), 0},
      {"connect_timeout", MH_OPTION_DURATION, offsetof(options, connect_timeout), 0},
      {"stall_timeout", MH_OPTION_DURATION, offsetof(options, stall_timeout), 0},
      {"max_body", MH_OPTION_INTEGER, offsetof(options, max_body), 0},
      {"ca_file", MH_OPTION_STRING, offsetof(options, ca_file), 0},
      {"cert_file", MH_OPTION_STRING, offsetof(options, cert_file), 0},
      {"key_file", MH_OPTION_STRING, offsetof(options, key_file), 0},
      {"stream", MH_OPTION_BOOLEAN, offsetof(options, stream), 0},
      {NULL, MH_OPTION_VALUE, 0, 0},
  };
  options o = {
      .connect_timeout = t->connect_timeout,
      .stall_timeout = t->stall_timeout,
      .timeout = t->timeout,
      .max_body = -1,
      .content_length = -1,
  };
  mh_options_read(L, OPTIONS, who, known, &o);
  return o;
}

static void check_memory(lua_State *L, int e) {
  if (e == MOONHERD_ENOMEM) luaL_error(L, "not enough memory");
}

static void set_text(lua_State *L, const char *who, mh_transfer *t, mh_text_place place,
                     const char *name, mh_text text) {
  if (text.bytes == NULL) return;
  int e = mh_transfer_set_text(t, place, text.bytes, text.n);
  check_memory(L, e);
  if (e != 0)
    mh_error_usage(L, "%s: bad option '%s' (it is empty or has control characters)", who, name);
}

/* Method and URL stand in the options, or are arguments of their own: http.get(url, options). */
static mh_text choose(lua_State *L, const char *who, int index, const char *name, mh_text option) {
  if (lua_isnil(L, index)) return option;
  if (option.bytes != NULL) mh_error_usage(L, "%s: option '%s' is given already", who, name);
  if (lua_type(L, index) != LUA_TSTRING)
    mh_error_usage(L, "%s: bad %s (string expected, got %s)", who, name, luaL_typename(L, index));
  mh_text text;
  text.bytes = lua_tolstring(L, index, &text.n);
  return text;
}

static void set_texts(lua_State *L, const char *who, mh_transfer *t, const options *o) {
  mh_text method = choose(L, who, METHOD, "method", o->method);
  mh_text url = choose(L, who, URL, "url", o->url);
  if (url.bytes == NULL) mh_error_usage(L, "%s: option 'url' is missing", who);
  if (method.bytes == NULL) method = (mh_text){"GET", 3};
  set_text(L, who, t, MH_TEXT_METHOD, "method", method);
  if (strcmp(mh_transfer_text(t, MH_TEXT_METHOD), "CONNECT") == 0)
    mh_error_usage(L, "%s: bad option 'method' (a tunnel of CONNECT is no request)", who);
  set_text(L, who, t, MH_TEXT_URL, "url", url);
  set_text(L, who, t, MH_TEXT_UNIX_SOCKET, "unix_socket", o->unix_socket);
  set_text(L, who, t, MH_TEXT_CA_FILE, "ca_file", o->ca_file);
  set_text(L, who, t, MH_TEXT_CERT_FILE, "cert_file", o->cert_file);
  set_text(L, who, t, MH_TEXT_KEY_FILE, "key_file", o->key_file);
}

/* stack: …, name, value (at the top); both strings, or the value a number */
static void add_header(lua_State *L, const char *who, mh_transfer *t) {
  if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
    mh_error_usage(L, "%s: bad option 'headers' (names and values are strings, got %s = %s)", who,
                   luaL_typename(L, -2), luaL_typename(L, -1));
  size_t name_n, value_n;
  const char *name = lua_tolstring(L, -2, &name_n), *value = lua_tolstring(L, -1, &value_n);
  int e = mh_transfer_add_header(t, name, name_n, value, value_n);
  check_memory(L, e);
  if (e != 0)
    mh_error_usage(L,
                   "%s: header '%s' cannot be sent (content-length, transfer-encoding and expect "
                   "are set by http itself; control characters are not allowed)",
                   who, name);
}

/* stack: …, name, list of values (at the top) */
static void add_values(lua_State *L, const char *who, mh_transfer *t) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
  if (n == 0) mh_error_usage(L, "%s: header '%s' has no value", who, luaL_tolstring(L, -2, NULL));
  for (lua_Integer i = 1; i <= n; i++) {
    lua_pushvalue(L, -2);
    lua_geti(L, -2, i);
    add_header(L, who, t);
    lua_pop(L, 2);
  }
}

/* {name = value}, {name = {value, …}} or {{name, value}, …} */
static void add_headers(lua_State *L, const char *who, mh_transfer *t) {
  if (lua_getfield(L, OPTIONS, "headers") != LUA_TTABLE)
    mh_error_usage(L, "%s: bad option 'headers' (table expected, got %s)", who,
                   luaL_typename(L, -1));
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
    // stack: …, headers, key, value
    if (lua_istable(L, -1) && lua_type(L, -2) == LUA_TSTRING) {
      add_values(L, who, t);
    } else if (lua_istable(L, -1)) {
      lua_geti(L, -1, 1);
      lua_geti(L, -2, 2);
      add_header(L, who, t);
      lua_pop(L, 2);
    } else {
      add_header(L, who, t);
    }
  }
  lua_pop(L, 1);
}

/* stack: …, table (at the top), which is no list of pieces when it has names only */
static void refuse_names(lua_State *L, const char *who) {
  lua_pushnil(L);
  if (lua_next(L, -2) == 0) return;
  mh_error_usage(L, "%s: bad option 'body' (a table with names goes into the option 'json')", who);
}

/* stack: …, list (at the top). Its strings are kept by a list of our own: the caller may change his
 * while we send. */
static void add_segments(lua_State *L, const char *who, mh_transfer *t) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
  if (n == 0) refuse_names(L, who);
  lua_createtable(L, n < INT32_MAX ? (int)n : 0, 0);
  for (lua_Integer i = 1; i <= n; i++) {
    size_t length;
    if (lua_rawgeti(L, -2, i) != LUA_TSTRING)
      mh_error_usage(L, "%s: bad option 'body' (strings expected, got %s at %d)", who,
                     luaL_typename(L, -1), (int)i);
    const char *bytes = lua_tolstring(L, -1, &length);
    check_memory(L, mh_transfer_add_segment(t, bytes, length));
    lua_rawseti(L, -2, i);
  }
  mh_transfer_have_body(t);
  lua_setiuservalue(L, BOX, 1);
  lua_pop(L, 1);
}

static void add_string(lua_State *L, mh_transfer *t) {
  size_t n;
  const char *bytes = lua_tolstring(L, -1, &n);
  check_memory(L, mh_transfer_add_segment(t, bytes, n));
  lua_setiuservalue(L, BOX, 1);
}

static void add_body(lua_State *L, const char *who, mh_transfer *t, const options *o) {
  switch (lua_getfield(L, OPTIONS, "body")) {
    case LUA_TSTRING: add_string(L, t); break;
    case LUA_TTABLE: add_segments(L, who, t); break;
    case LUA_TFUNCTION:
      mh_transfer_pull_body(t, o->content_length);
      lua_pop(L, 1);
      break;
    default:
      mh_error_usage(L,
                     "%s: bad option 'body' (string, list of strings or function expected, got %s)",
                     who, luaL_typename(L, -1));
  }
  if (o->content_length >= 0 && t->length != o->content_length)
    mh_error_usage(L, "%s: option 'content_length' is %d, but the body has %d bytes", who,
                   (int)o->content_length, (int)t->length);
  if (strcmp(mh_transfer_text(t, MH_TEXT_METHOD), "HEAD") == 0)
    mh_error_usage(L, "%s: bad option 'body' (a HEAD request has none)", who);
}

/* Certificates and keys are files, whoever reads them. */
static void check_guard(lua_State *L, const char *who, const mh_transfer *t) {
  static const mh_text_place files[] = {MH_TEXT_CA_FILE, MH_TEXT_CERT_FILE, MH_TEXT_KEY_FILE};
  const mh_guard *guard = mh_guard_of(L);
  if (guard == NULL) return;
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    const char *path = mh_transfer_text(t, files[i]);
    if (path != NULL) mh_guard_check_file(L, who, "read", path, false);
  }
  const char *socket = mh_transfer_text(t, MH_TEXT_UNIX_SOCKET);
  const char *hint = mh_http_refusal(guard, t);
  if (hint == NULL && socket != NULL && !mh_http_is_platform(t))
    hint = mh_place_check(guard, socket, true);
  mh_guarded(L, who, "send this request", hint);
}

/* Reads the arguments into the transfer that stands in the BOX. */
static void describe(lua_State *L, const char *who, mh_transfer *t) {
  options o = read_options(L, who, t);
  t->connect_timeout = o.connect_timeout;
  t->stall_timeout = o.stall_timeout;
  t->timeout = o.timeout;
  t->is_streamed = o.stream;
  if (o.max_body >= 0) t->max_body = (uint64_t)o.max_body;
  else if (o.stream) t->max_body = UINT64_MAX;  // what is not collected needs no limit
  set_texts(L, who, t, &o);
  if (o.has_headers) add_headers(L, who, t);
  if (o.has_body) add_body(L, who, t, &o);
  else if (mh_transfer_text(t, MH_TEXT_METHOD)[0] == 'P') mh_transfer_have_body(t);
  check_guard(L, who, t);
}

/* ---- the answer --------------------------------------------------------------------------- */

/* Pushes nil and an error object. */
static int fail(lua_State *L, mh_transfer *t) {
  const char *reason = mh_http_reason_name(t->reason);
  bool is_timeout = strncmp(reason, "timeout_", 8) == 0;
  mh_buf title;
  mh_buf_init(&title, NULL);
  mh_transfer_title(t, &title);
  const char *what = mh_buf_cstr(&title), *why = mh_buf_cstr(&t->message);
  lua_pushnil(L);
  mh_error_push(L, is_timeout ? "timeout" : "http", reason, "%s: %s", what != NULL ? what : "http",
                why != NULL ? why : reason);
  mh_buf_fini(&title);
  lua_pushboolean(L, t->was_sent);
  lua_setfield(L, -2, "sent");
  lua_pushboolean(L, mh_transfer_is_retryable(t));
  lua_setfield(L, -2, "retryable");
  return 2;
}

static int push_response(lua_State *L, const mh_transfer *t) {
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, t->status);
  lua_setfield(L, -2, "status");
  lua_pushlstring(L, t->head.data, t->head.len);
  lua_setfield(L, -2, "_head");
  luaL_setmetatable(L, RESPONSE);
  return 1;
}

static int push_whole_response(lua_State *L, const mh_transfer *t) {
  push_response(L, t);
  lua_pushlstring(L, t->body.data, t->body.len);
  lua_setfield(L, -2, "body");
  return 1;
}

/* Most callers never look at the headers: they are taken apart at the first look. */

static void push_lower(lua_State *L, const char *bytes, size_t n) {
  char small[64];
  luaL_Buffer b;
  char *to = n <= sizeof small ? small : luaL_buffinitsize(L, &b, n);
  for (size_t i = 0; i < n; i++)
    to[i] = (char)(bytes[i] >= 'A' && bytes[i] <= 'Z' ? bytes[i] + 32 : bytes[i]);
  if (to == small) lua_pushlstring(L, small, n);
  else luaL_pushresultsize(&b, n);
}

/* stack: headers, name (at the top). Values of headers that come several times are joined. */
static void add_value(lua_State *L, const mh_header *h) {
  lua_pushvalue(L, -1);
  bool is_again = lua_rawget(L, -3) == LUA_TSTRING;
  if (is_again) lua_pushliteral(L, ", ");
  else lua_pop(L, 1);
  lua_pushlstring(L, h->value, h->value_n);
  if (is_again) lua_concat(L, 3);
  // stack: headers, name, value
  lua_rawset(L, -3);
}

static void push_headers(lua_State *L, const char *head, size_t n) {
  mh_header h;
  lua_createtable(L, 0, 8);
  for (size_t at = 0; mh_http_next_header(head, n, &at, &h);) {
    push_lower(L, h.name, h.name_n);
    add_value(L, &h);
  }
}

static void push_header_list(lua_State *L, const char *head, size_t n) {
  mh_header h;
  lua_createtable(L, 8, 0);
  lua_Integer count = 0;
  for (size_t at = 0; mh_http_next_header(head, n, &at, &h);) {
    lua_createtable(L, 2, 0);
    push_lower(L, h.name, h.name_n);
    lua_rawseti(L, -2, 1);
    lua_pushlstring(L, h.value, h.value_n);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, ++count);
  }
}

/* Pushes a field of the response at index 1 that is made of `_head`, and keeps it there. */
static void push_made(lua_State *L, const char *key,
                      void (*make)(lua_State *, const char *, size_t)) {
  size_t n = 0;
  lua_pushstring(L, key);
  lua_pushliteral(L, "_head");
  lua_rawget(L, 1);
  const char *head = lua_tolstring(L, -1, &n);
  make(L, head, n);
  // stack: …, key, head, made
  lua_remove(L, -2);
  lua_pushvalue(L, -1);
  lua_insert(L, -3);
  // stack: …, made, key, made
  lua_rawset(L, 1);
}

static int f_response_index(lua_State *L) {
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(key, "headers") == 0) push_made(L, key, push_headers);
  else if (strcmp(key, "header_list") == 0) push_made(L, key, push_header_list);
  else lua_pushnil(L);
  return 1;
}

/* header(response, name) -> the first of that name, or nil; the others are not taken apart. */
static int f_header(lua_State *L) {
  size_t n = 0, name_n = 0;
  const char *name = luaL_checklstring(L, 2, &name_n);
  lua_getfield(L, 1, "_head");
  const char *head = luaL_checklstring(L, -1, &n);
  mh_header h;
  for (size_t at = 0; mh_http_next_header(head, n, &at, &h);) {
    if (h.name_n != name_n || strncasecmp(h.name, name, name_n) != 0) continue;
    lua_pushlstring(L, h.value, h.value_n);
    return 1;
  }
  return 0;
}

/* Whoever looks at all fields sees plain data. */
static int f_response_pairs(lua_State *L) {
  lua_getfield(L, 1, "headers");
  lua_getfield(L, 1, "header_list");
  lua_pushnil(L);
  lua_setfield(L, 1, "_head");
  lua_pushnil(L);
  lua_setmetatable(L, 1);
  lua_getglobal(L, "next");
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

/* ---- in one call -------------------------------------------------------------------------- */

static int request_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_transfer *t = (mh_transfer *)op;  // its first member
  int n = t->reason == MH_HTTP_OK ? push_whole_response(L, t) : fail(L, t);
  put_back(L, BOX);
  return n;
}

/* request(who, method | nil, url | nil, options) -> response, or nil and what went wrong */
static int f_request(lua_State *L) {
  lua_settop(L, OPTIONS);
  const char *who = luaL_checkstring(L, WHO);
  mh_task_can_wait(L, who);
  mh_transfer *t = push_spare(L);
  describe(L, who, t);
  mh_transfer_start(t);
  mh_transfer_want_for(t, MH_WANT_END);
  return mh_op_wait(L, &t->op, request_done);
}

/* ---- step by step ------------------------------------------------------------------------- */

/* open(who, method | nil, url | nil, options) -> transfer, started */
static int f_open(lua_State *L) {
  lua_settop(L, OPTIONS);
  const char *who = luaL_checkstring(L, WHO);
  mh_task_can_wait(L, who);
  mh_transfer *t = push_new(L);
  describe(L, who, t);
  mh_transfer_start(t);
  return 1;
}

static int send_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  lua_pushboolean(L, ((mh_transfer *)op)->state != MH_TRANSFER_OVER);
  return 1;
}

/* transfer:send(who, bytes) -> whether more is wanted; waits until the bytes are taken */
static int f_send(lua_State *L) {
  const char *who = luaL_checkstring(L, 2);
  mh_transfer *t = check_idle(L, who);
  if (lua_type(L, 3) != LUA_TSTRING)
    mh_error_usage(L, "%s: the body function must return strings or nil, got %s", who,
                   luaL_typename(L, 3));
  size_t n;
  const char *bytes = lua_tolstring(L, 3, &n);
  mh_task_can_wait(L, who);
  if (mh_transfer_send(t, bytes, n) == MOONHERD_EINVAL)
    mh_error_usage(L, "%s: the body function gives more than content_length says", who);
  mh_transfer_want_for(t, MH_WANT_ROOM);
  return mh_op_wait(L, &t->op, send_done);
}

/* transfer:finish(who): the body is complete */
static int f_finish(lua_State *L) {
  const char *who = luaL_checkstring(L, 2);
  if (mh_transfer_send_end(check_idle(L, who)) == MOONHERD_EINVAL)
    mh_error_usage(L, "%s: the body function gives less than content_length says", who);
  return 0;
}

static int head_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_transfer *t = (mh_transfer *)op;
  return t->has_head ? push_response(L, t) : fail(L, t);
}

static int whole_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_transfer *t = (mh_transfer *)op;
  return t->reason == MH_HTTP_OK ? push_whole_response(L, t) : fail(L, t);
}

static int wait_for(lua_State *L, mh_transfer_want want, lua_KFunction k) {
  const char *who = luaL_checkstring(L, 2);
  mh_transfer *t = check_idle(L, who);
  mh_task_can_wait(L, who);
  mh_transfer_want_for(t, want);
  return mh_op_wait(L, &t->op, k);
}

/* transfer:head(who) -> response without body, or nil and what went wrong */
static int f_head(lua_State *L) {
  return wait_for(L, MH_WANT_HEAD, head_done);
}

/* transfer:whole(who) -> response, or nil and what went wrong */
static int f_whole(lua_State *L) {
  return wait_for(L, MH_WANT_END, whole_done);
}

static int read_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_transfer *t = (mh_transfer *)op;
  if (t->body.len == 0) return t->reason == MH_HTTP_OK ? 0 : fail(L, t);
  lua_Integer max = luaL_optinteger(L, 3, 0);
  size_t n = max > 0 && (uint64_t)max < t->body.len ? (size_t)max : t->body.len;
  lua_pushlstring(L, t->body.data, n);
  mh_transfer_took(t, n);
  return 1;
}

/* transfer:read(who [, max]) -> bytes; nothing at the end; or nil and what went wrong */
static int f_read(lua_State *L) {
  if (luaL_optinteger(L, 3, 1) < 1)
    mh_error_usage(L, "%s: at least one byte must be read", luaL_checkstring(L, 2));
  return wait_for(L, MH_WANT_DATA, read_done);
}

static int f_close(lua_State *L) {
  mh_transfer_stop(luaL_checkudata(L, 1, TRANSFER));
  return 0;
}

/* transfer:is_open() -> whether it has yet to be read to its end, or closed. */
static int f_is_open(lua_State *L) {
  lua_pushboolean(L, mh_transfer_is_open(luaL_checkudata(L, 1, TRANSFER)));
  return 1;
}

static int f_gc(lua_State *L) {
  mh_transfer_fini(luaL_checkudata(L, 1, TRANSFER));
  return 0;
}

/* version() -> what libcurl says of itself. */
static int f_version(lua_State *L) {
  lua_pushstring(L, mh_http_version());
  return 1;
}

static const luaL_Reg transfer_methods[] = {
    {"send", f_send}, {"finish", f_finish}, {"head", f_head},       {"whole", f_whole},
    {"read", f_read}, {"close", f_close},   {"is_open", f_is_open}, {NULL, NULL},
};
static const luaL_Reg transfer_meta[] = {{"__gc", f_gc}, {"__close", f_close}, {NULL, NULL}};
static const luaL_Reg response_meta[] = {
    {"__index", f_response_index},
    {"__pairs", f_response_pairs},
    {NULL, NULL},
};
/* gets_credential(url) -> whether the environment's credential may go there. */
static int f_gets_credential(lua_State *L) {
  lua_pushboolean(L, mh_http_gets_credential(mh_guard_of(L), luaL_checkstring(L, 1)));
  return 1;
}

static const luaL_Reg functions[] = {
    {"open", f_open},       {"header", f_header},
    {"version", f_version}, {"gets_credential", f_gets_credential},
    {NULL, NULL},
};

int luaopen_moonherd__http(lua_State *L);
int luaopen_moonherd__http(lua_State *L) {
  luaL_newmetatable(L, TRANSFER);
  luaL_setfuncs(L, transfer_meta, 0);
  luaL_newlib(L, transfer_methods);
  lua_setfield(L, -2, "__index");
  luaL_newmetatable(L, RESPONSE);
  luaL_setfuncs(L, response_meta, 0);
  luaL_newlib(L, functions);
  lua_newtable(L);
  lua_pushcclosure(L, f_request, 1);
  lua_setfield(L, -2, "request");
  return 1;
}
