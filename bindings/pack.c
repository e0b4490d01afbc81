/* moonherd._pack: many files in one job off the loop thread. lua/moonherd/cloudflare/assets.lua and
 * asset_files.lua raise what these return. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>
#include <uv.h>

#include "core/error.h"
#include "core/guarded.h"
#include "core/wait.h"
#include "io/codec.h"
#include "io/file.h"
#include "io/pack.h"

static const char PACK[] = "moonherd.pack";

enum {
  HASHED_FIELDS = 2, /* of one file in the list of hash: path, suffix */
  READ_FIELDS = 5,   /* of one file in the list of new: text, path, suffix, hash, size */
  HEX = 2 * MH_PACK_HASH_SIZE
};

/* Refuses where nothing can wait, and pushes what the call needs. */
static mh_pack *push_pack(lua_State *L, const char *who, int prefix) {
  size_t n;
  const char *bytes = luaL_checklstring(L, prefix, &n);
  mh_task_can_wait(L, who);
  mh_pack *pack = lua_newuserdatauv(L, sizeof *pack, 0);
  mh_pack_init(pack, mh_loop_of(L));
  pack->guard = mh_guard_of(L);
  luaL_setmetatable(L, PACK);
  if (mh_pack_begin(pack, bytes, n) != 0) luaL_error(L, "not enough memory");
  return pack;
}

/* The string at list[i], which stays valid as long as the list holds it; "" when it is false. */
static const char *field(lua_State *L, int list, lua_Integer i, size_t *n) {
  const char *text = NULL;
  *n = 0;
  if (lua_rawgeti(L, list, i) == LUA_TSTRING) text = lua_tolstring(L, -1, n);
  lua_pop(L, 1);
  return text;
}

static void add(lua_State *L, mh_pack *pack, const mh_pack_file *file) {
  if (file->path != NULL && strlen(file->path) != file->path_n)
    luaL_error(L, "a path has a zero byte");
  if (mh_pack_add(pack, file) != 0) luaL_error(L, "not enough memory");
}

static int fail(lua_State *L, const mh_pack *pack) {
  int e = mh_pack_error(pack);
  const char *path = mh_pack_failed_path(pack);
  if (e == MH_PACK_CHANGED)
    mh_error_fail(L, "io", "file_changed", "'%s' is another file than it was a moment ago", path);
  else mh_error_fail(L, "io", mh_file_reason(e), "cannot read '%s': %s", path, uv_strerror(e));
  lua_pushstring(L, path);
  lua_setfield(L, -2, "path");
  return 2;
}

/* ---- hashes ---------------------------------------------------------------------------------- */

static int hash_done(lua_State *L, int status, lua_KContext op) {
  mh_pack *pack = (mh_pack *)op;
  (void)status;
  if (mh_pack_error(pack) != 0) return fail(L, pack);
  lua_Integer count = (lua_Integer)lua_rawlen(L, 3) / HASHED_FIELDS;
  lua_createtable(L, (int)(2 * count), 0);
  for (lua_Integer i = 0; i < count; i++) {
    const mh_pack_file *file = mh_pack_get(pack, (size_t)i);
    char hex[HEX];
    mh_hex_encode(file->hash, sizeof file->hash, hex);
    lua_pushlstring(L, hex, sizeof hex);
    lua_rawseti(L, -2, 2 * i + 1);
    lua_pushinteger(L, (lua_Integer)file->size);
    lua_rawseti(L, -2, 2 * i + 2);
  }
  mh_pack_fini(pack);  // now, not when the collector comes by
  return 1;
}

/* hash(prefix, max, {path, suffix, …}) -> {hash, size, …} */
static int f_hash(lua_State *L) {
  lua_Integer max = luaL_checkinteger(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  mh_pack *pack = push_pack(L, "moonherd._pack.hash", 1);
  lua_Integer count = (lua_Integer)lua_rawlen(L, 3);
  for (lua_Integer i = 1; i <= count; i += HASHED_FIELDS) {
    mh_pack_file file = {0};
    file.path = field(L, 3, i, &file.path_n);
    file.suffix = field(L, 3, i + 1, &file.suffix_n);
    if (file.path == NULL) return luaL_error(L, "a path is missing");
    add(L, pack, &file);
  }
  mh_pack_hash(pack, (uint64_t)max);
  return mh_op_wait(L, &pack->op, hash_done);
}

/* ---- reading again --------------------------------------------------------------------------- */

/* Sets what is expected of the file whose fields begin at list[i]. */
static void expect(lua_State *L, int list, lua_Integer i, mh_pack_file *file) {
  size_t n;
  const char *hex = field(L, list, i + 3, &n);
  if (hex == NULL || n != HEX || !mh_hex_decode(hex, MH_PACK_HASH_SIZE, file->hash))
    luaL_error(L, "a hash is missing");
  lua_rawgeti(L, list, i + 4);
  file->size = (uint64_t)luaL_checkinteger(L, -1);
  lua_pop(L, 1);
}

/* new(prefix, {text, path | false, suffix, hash, size, …}) -> pack */
static int f_new(lua_State *L) {
  luaL_checktype(L, 2, LUA_TTABLE);
  mh_pack *pack = push_pack(L, "moonherd._pack.new", 1);
  lua_Integer count = (lua_Integer)lua_rawlen(L, 2);
  for (lua_Integer i = 1; i <= count; i += READ_FIELDS) {
    mh_pack_file file = {0};
    file.text = field(L, 2, i, &file.text_n);
    file.path = field(L, 2, i + 1, &file.path_n);
    file.suffix = field(L, 2, i + 2, &file.suffix_n);
    if (file.path != NULL) expect(L, 2, i, &file);
    add(L, pack, &file);
  }
  return 1;
}

static int read_done(lua_State *L, int status, lua_KContext op) {
  mh_pack *pack = (mh_pack *)op;
  (void)status;
  if (mh_pack_error(pack) != 0) return fail(L, pack);
  if (mh_pack_has_ended(pack)) {
    mh_pack_fini(pack);
    lua_pushnil(L);
    return 1;
  }
  size_t n;
  const char *bytes = mh_pack_piece(pack, &n);
  lua_pushlstring(L, bytes, n);
  return 1;
}

/* pack:read() -> the next piece of the text, nil at the end; nil and an error when it fails */
static int f_read(lua_State *L) {
  static const char WHO[] = "moonherd._pack:read";
  mh_pack *pack = luaL_checkudata(L, 1, PACK);
  mh_task_can_wait(L, WHO);
  if (pack->job == NULL || pack->op.is_open || mh_pack_error(pack) != 0)
    return mh_error_usage(L, "%s: it is over, or another task reads it", WHO);
  mh_pack_read(pack);
  return mh_op_wait(L, &pack->op, read_done);
}

/* ---- the module ------------------------------------------------------------------------------ */

static int f_gc(lua_State *L) {
  mh_pack_fini(luaL_checkudata(L, 1, PACK));
  return 0;
}

static const luaL_Reg functions[] = {{"hash", f_hash}, {"new", f_new}, {NULL, NULL}};
static const luaL_Reg methods[] = {{"read", f_read}, {NULL, NULL}};

int luaopen_moonherd__pack(lua_State *L);
int luaopen_moonherd__pack(lua_State *L) {
  luaL_newmetatable(L, PACK);
  lua_pushcfunction(L, f_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  return 1;
}
