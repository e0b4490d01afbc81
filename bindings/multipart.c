/* moonherd._multipart: the reader as an object, and the pieces the writer is made of.
 * lua/moonherd/multipart.lua puts them together. */
#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>
#include <string.h>
#include <uv.h>

#include "core/error.h"
#include "core/options.h"
#include "core/realm.h"
#include "io/multipart.h"
#include "io/multipart_write.h"
#include "moonherd.h"

static const char READER[] = "moonherd.multipart.reader";

static mh_slice check_slice(lua_State *L, int index) {
  mh_slice s;
  s.data = luaL_checklstring(L, index, &s.len);
  return s;
}

static mh_multipart *check_reader(lua_State *L, const char *method) {
  mh_multipart *r = luaL_testudata(L, 1, READER);
  if (r == NULL)
    mh_error_usage(L, "reader:%s: no reader before the name; call it with a colon, reader:%s(…)",
                   method, method);
  return r;
}

static mh_slice optional_slice(lua_State *L, int index) {
  return lua_isnoneornil(L, index) ? (mh_slice){NULL, 0} : check_slice(L, index);
}

/* ---- reading ------------------------------------------------------------------------------ */

static int fail(lua_State *L, const mh_multipart_error *error) {
  if (strcmp(error->reason, "no_memory") == 0) return luaL_error(L, "not enough memory");
  bool is_limit = strcmp(error->reason, "too_large") == 0;
  mh_error_fail(L, "http", is_limit ? "too_large" : "bad_multipart", "multipart: %s (at byte %llu)",
                error->detail, (unsigned long long)error->offset);
  lua_pushstring(L, error->reason);
  lua_setfield(L, -2, "detail");
  lua_pushinteger(L, (lua_Integer)error->offset);
  lua_setfield(L, -2, "offset");
  return 2;
}

typedef struct limits {
  lua_Integer max_parts, max_header, max_name, max_total, inline_max, block;
} limits;

static mh_multipart_limits check_limits(lua_State *L, int index) {
  static const mh_option options[] = {
      {"max_parts", MH_OPTION_INTEGER, offsetof(limits, max_parts), 1},
      {"max_header", MH_OPTION_INTEGER, offsetof(limits, max_header), 1},
      {"max_name", MH_OPTION_INTEGER, offsetof(limits, max_name), 1},
      {"max_total", MH_OPTION_INTEGER, offsetof(limits, max_total), 1},
      {"inline_max", MH_OPTION_INTEGER, offsetof(limits, inline_max), 1},
      {"block", MH_OPTION_INTEGER, offsetof(limits, block), 1},
      {NULL, MH_OPTION_VALUE, 0, 0},
  };
  limits given = {0};
  mh_options_read(L, index, "multipart.reader", options, &given);
  return (mh_multipart_limits){(size_t)given.max_parts,  (size_t)given.max_header,
                               (size_t)given.max_name,   (uint64_t)given.max_total,
                               (size_t)given.inline_max, (size_t)given.block};
}

///@name moonherd.multipart.reader
/// Makes a reader for one multipart body: feed it pieces of any size, and pull events until there
/// are none. What it finds does not depend on how the body was cut.
///@param content_type? string  the Content-Type header of the message; without it there is no
/// reader
///@param limits? table  the limits of the body
///@field limits.max_parts? integer  how many parts; default 10000
///@field limits.max_header? integer  bytes of one part's headers; default 16384
///@field limits.max_name? integer  bytes of a name or filename; default 1024
///@field limits.max_total? integer  bytes of the body; default no limit
///@field limits.inline_max? integer  bytes; larger parts come in blocks; default 262144
///@field limits.block? integer  bytes of a block; default 262144
///@return reader? reader  with the methods feed, finish and next; nil and an error of kind `http`,
/// reason `bad_multipart`, when the content type is not multipart or names no boundary
///@error usage usage  for a limit that is unknown or below zero
///@example
/// local reader = moonherd.multipart.reader "multipart/form-data; boundary=b"
/// reader:feed '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\nhello\r\n--b--\r\n'
/// reader:finish()
/// for kind, value in reader.next, reader do
///   print(kind, kind == "part" and value.name or value)
/// end
static int f_reader(lua_State *L) {
  if (!lua_isnoneornil(L, 1) && lua_type(L, 1) != LUA_TSTRING)
    mh_error_usage(L, "multipart.reader: bad content type (string expected, got %s)",
                   luaL_typename(L, 1));
  mh_slice content_type = optional_slice(L, 1);
  mh_multipart_limits given = check_limits(L, 2);
  mh_multipart *r = lua_newuserdatauv(L, sizeof *r, 1);
  int e = mh_multipart_init(r, content_type, &given, &mh_realm_of(L)->mem);
  luaL_setmetatable(L, READER);
  return e == 0 ? 1 : fail(L, &r->error);
}

///@class reader
/// Takes a multipart body in pieces and tells what is in it: what moonherd.multipart.reader returns.

///@name reader:feed
/// Hands the reader the next piece of the body. Pull all events before feeding the next one.
///@param bytes string  the piece; of any length
///@error none
///@example
/// local reader = moonherd.multipart.reader "multipart/form-data; boundary=b"
/// reader:feed "--b"
/// print(reader:next())     --> nil
static int f_feed(lua_State *L) {
  mh_multipart *r = check_reader(L, "feed");
  if (lua_type(L, 2) != LUA_TSTRING)
    mh_error_usage(L, "reader:feed: bad bytes (string expected, got %s)", luaL_typename(L, 2));
  mh_slice bytes = check_slice(L, 2);
  mh_multipart_feed(r, bytes.data, bytes.len);  // a failure is the next event
  lua_settop(L, 2);
  lua_setiuservalue(L, 1, 1);  // the reader parses it where it is
  return 0;
}

///@name reader:finish
/// Says that the body is complete. Pull events until there are none, then it is known whether the
/// last boundary was there.
///@error none
///@example
/// local reader = moonherd.multipart.reader "multipart/form-data; boundary=b"
/// reader:feed "--b\r\n"
/// reader:finish()
/// print(select(2, reader:next()).detail)     --> truncated
static int f_finish(lua_State *L) {
  mh_multipart_finish(check_reader(L, "finish"));
  return 0;
}

static void set_slice(lua_State *L, const char *key, mh_slice s) {
  if (s.data == NULL) return;
  lua_pushlstring(L, s.data, s.len);
  lua_setfield(L, -2, key);
}

/* headers[name] = value, repeated ones joined by commas. The table is at the top. */
static void set_header(lua_State *L, const mh_multipart_header *header) {
  lua_pushlstring(L, header->name.data, header->name.len);
  lua_pushvalue(L, -1);
  // stack: headers, name, name
  if (lua_rawget(L, -3) == LUA_TSTRING) {
    lua_pushliteral(L, ", ");
    lua_pushlstring(L, header->value.data, header->value.len);
    lua_concat(L, 3);
  } else {
    lua_pop(L, 1);
    lua_pushlstring(L, header->value.data, header->value.len);
  }
  lua_rawset(L, -3);
}

static int push_part(lua_State *L, const mh_multipart_part *part) {
  lua_pushliteral(L, "part");
  lua_createtable(L, 0, 4);
  set_slice(L, "name", part->name);
  set_slice(L, "filename", part->filename);
  set_slice(L, "content_type", part->content_type);
  lua_createtable(L, 0, (int)part->header_count);
  for (size_t i = 0; i < part->header_count; i++) set_header(L, &part->headers[i]);
  lua_setfield(L, -2, "headers");
  return 2;
}

static int push_data(lua_State *L, const mh_multipart_event *event) {
  lua_pushliteral(L, "data");
  lua_pushlstring(L, event->data.len > 0 ? event->data.data : "", event->data.len);
  lua_pushboolean(L, event->is_large);
  return 3;
}

///@name reader:next
/// Returns the next event, as several values so that no table is made for it:
/// `"part", {name=, filename=, content_type=, headers={lowercase name = value}}`, then
/// `"data", bytes, false` once for a part of up to `inline_max` bytes, or `"data", bytes, true`
/// for every block of a larger one, then `"end"`.
///@return string? kind  "part", "data" or "end"; nil when there is no event until more is fed
///@return any value  the part, or the bytes; with a nil kind nothing, or an error of kind `http`,
/// reason `bad_multipart` or `too_large`, whose `detail` is a fixed word (missing_boundary, truncated,
/// too_many_parts, header_too_long, bad_header, missing_name, name_too_long, too_large) and whose
/// `offset` counts the bytes in front of it
///@return boolean large  whether the bytes are a block of a part over `inline_max`
///@error none
///@example
/// local reader = moonherd.multipart.reader "multipart/form-data; boundary=b"
/// reader:feed '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n'
/// local kind, part = reader:next()
/// print(kind, part.name)     --> part x
static int f_next(lua_State *L) {
  mh_multipart *r = check_reader(L, "next");
  mh_multipart_event event;
  switch (mh_multipart_next(r, &event)) {
    case MH_MULTIPART_ERROR: return fail(L, &r->error);
    case MH_MULTIPART_PART: return push_part(L, event.part);
    case MH_MULTIPART_DATA: return push_data(L, &event);
    case MH_MULTIPART_END: lua_pushliteral(L, "end"); return 1;
    default: break;
  }
  lua_pushnil(L);
  lua_setiuservalue(L, 1, 1);  // the piece is used up
  lua_pushnil(L);
  return 1;
}

static int f_gc(lua_State *L) {
  mh_multipart_fini(luaL_checkudata(L, 1, READER));
  return 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

static int random_bytes(void *user, void *out, size_t n) {
  (void)user;
  return uv_random(NULL, NULL, out, n, 0, NULL);
}

/* boundary() -> a new random one. */
static int f_boundary(lua_State *L) {
  char boundary[MH_MULTIPART_NEW_BOUNDARY];
  int e = mh_multipart_boundary(boundary, random_bytes, NULL);
  if (e != 0)
    return mh_error_fail(L, "internal", "internal", "no random bytes: %s", uv_strerror(e));
  lua_pushstring(L, boundary);
  return 1;
}

static int f_is_boundary(lua_State *L) {
  lua_pushboolean(L, mh_multipart_is_boundary(check_slice(L, 1)));
  return 1;
}

/* Pushes what was written; frees the buffer. Raises when the result is a failure. */
static int push_written(lua_State *L, mh_buf *written, int e) {
  if (e == 0) lua_pushlstring(L, written->data, written->len);
  mh_buf_fini(written);
  if (e == MOONHERD_EINVAL) lua_pushnil(L);
  else if (e != 0) return luaL_error(L, "not enough memory");
  return 1;
}

/* head(boundary, is_first, name, filename, content_type) -> text, or nil when a name or the type
 * cannot stand in a header. */
static int f_head(lua_State *L) {
  mh_slice boundary = check_slice(L, 1);
  mh_multipart_field field = {check_slice(L, 3), optional_slice(L, 4), optional_slice(L, 5)};
  mh_buf to;
  mh_buf_init(&to, NULL);
  return push_written(L, &to, mh_multipart_write_head(&to, boundary, &field, lua_toboolean(L, 2)));
}

/* tail(boundary, is_empty) -> text behind the last content. */
static int f_tail(lua_State *L) {
  mh_slice boundary = check_slice(L, 1);
  mh_buf to;
  mh_buf_init(&to, NULL);
  return push_written(L, &to, mh_multipart_write_end(&to, boundary, lua_toboolean(L, 2)));
}

/* content_type(boundary) -> the header's value. */
static int f_content_type(lua_State *L) {
  mh_slice boundary = check_slice(L, 1);
  mh_buf to;
  mh_buf_init(&to, NULL);
  return push_written(L, &to, mh_multipart_write_type(&to, boundary));
}

static const luaL_Reg reader_methods[] = {
    {"feed", f_feed}, {"finish", f_finish}, {"next", f_next}, {NULL, NULL}};
static const luaL_Reg functions[] = {
    {"reader", f_reader}, {"boundary", f_boundary}, {"is_boundary", f_is_boundary},
    {"head", f_head},     {"tail", f_tail},         {"content_type", f_content_type},
    {NULL, NULL},
};

int luaopen_moonherd__multipart(lua_State *L);
int luaopen_moonherd__multipart(lua_State *L) {
  luaL_newmetatable(L, READER);
  lua_pushcfunction(L, f_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, reader_methods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  return 1;
}
