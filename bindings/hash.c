/* moonherd._hash: hashes, base64, hexadecimal, random bytes, sealing. Strings above INLINE bytes are
 * hashed and converted on a worker thread while the task waits; shorter ones at once. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "core/buf.h"
#include "core/error.h"
#include "core/wait.h"
#include "io/blocks.h"
#include "io/codec.h"
#include "io/crypt.h"
#include "io/hash.h"
#include "moonherd.h"

int luaopen_moonherd__hash(lua_State *L);

static const char WORK[] = "moonherd.hash.work";
static const char HASHER[] = "moonherd.hasher";

enum { INLINE = 64 * 1024, RANDOM_MOST = 1024 * 1024 };

static const char *check_string(lua_State *L, int index, const char *who, size_t *n) {
  if (lua_type(L, index) == LUA_TSTRING) return lua_tolstring(L, index, n);
  mh_error_usage(L, "%s: a string was expected, got %s", who, luaL_typename(L, index));
}

static int fail(lua_State *L, const char *who, int status) {
  const char *why = status == MOONHERD_EIO      ? "no random bytes"
                    : status == MOONHERD_EINVAL ? "too long"
                                                : "not enough memory";
  return mh_error_fail(L, "internal", "crypto", "%s: %s", who, why);
}

static int push_digest(lua_State *L, const unsigned char *digest, bool is_hex) {
  char text[2 * MH_SHA256_SIZE];
  mh_hex_encode(digest, MH_SHA256_SIZE, text);
  if (is_hex) lua_pushlstring(L, text, sizeof text);
  else lua_pushlstring(L, (const char *)digest, MH_SHA256_SIZE);
  return 1;
}

/* ---- on a worker thread ---------------------------------------------------------------------------- */

/* What one waiting call works with; a userdata on its stack. Its user value is the string at index 1,
 * so that the collector takes neither before the worker has been stopped. */
typedef struct work {
  mh_blocks blocks;
  const char *who;
  mh_digest digest; /* hashes */
  mh_buf out;       /* base64: its room was reserved on the loop thread */
  bool is_hex, is_url;
} work;

static int f_free_work(lua_State *L) {
  work *w = lua_touserdata(L, 1);
  mh_blocks_fini(&w->blocks);
  mh_digest_fini(&w->digest);
  mh_buf_fini(&w->out);
  return 0;
}

static work *push_work(lua_State *L, const char *who) {
  mh_task_can_wait(L, who);
  work *w = lua_newuserdatauv(L, sizeof *w, 1);
  memset(w, 0, sizeof *w);
  mh_blocks_init(&w->blocks, mh_loop_of(L), who);
  mh_buf_init(&w->out, &mh_realm_of(L)->mem);
  w->who = who;
  luaL_setmetatable(L, WORK);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  return w;
}

static int run_work(lua_State *L, work *w, size_t n, mh_block_function *on_block, lua_KFunction k) {
  int e = mh_blocks_start(&w->blocks, lua_tostring(L, 1), n, on_block, w);
  if (e != 0) return fail(L, w->who, e);
  return mh_op_wait(L, &w->blocks.op, k);
}

static int on_hash_block(void *state, const void *bytes, size_t n) {
  work *w = state;
  return mh_digest_update(&w->digest, bytes, n);
}

static int hash_done(lua_State *L, int status, lua_KContext op) {
  work *w = (work *)op;
  unsigned char digest[MH_SHA256_SIZE];
  (void)status;
  int e = w->blocks.op.status;
  if (e == 0) e = mh_digest_value(&w->digest, digest);
  return e == 0 ? push_digest(L, digest, w->is_hex) : fail(L, w->who, e);
}

static int on_encode_block(void *state, const void *bytes, size_t n) {
  work *w = state;
  w->out.len += mh_base64_encode(bytes, n, w->is_url, w->out.data + w->out.len);
  return 0;
}

static int on_decode_block(void *state, const void *bytes, size_t n) {
  work *w = state;
  if (!mh_base64_decode(bytes, n, w->is_url, w->out.data + w->out.len)) return MOONHERD_EPROTO;
  w->out.len += mh_base64_size(n);
  return 0;
}

/* A text that is wrong is nil, without an error: it is no failure. */
static int convert_done(lua_State *L, int status, lua_KContext op) {
  work *w = (work *)op;
  (void)status;
  int e = w->blocks.op.status;
  if (e != 0 && e != MOONHERD_EPROTO) return fail(L, w->who, e);
  if (e == 0) lua_pushlstring(L, w->out.data, w->out.len);
  else lua_pushnil(L);
  mh_buf_fini(&w->out);
  return 1;
}

static int wrong_text(lua_State *L) {
  lua_pushnil(L);
  return 1;
}

/* ---- hashes ---------------------------------------------------------------------------------- */

static int sha256(lua_State *L, const char *who, bool is_hex) {
  size_t n;
  const char *bytes = check_string(L, 1, who, &n);
  if (n > INLINE) {
    work *w = push_work(L, who);
    w->is_hex = is_hex;
    int e = mh_digest_init(&w->digest);
    return e == 0 ? run_work(L, w, n, on_hash_block, hash_done) : fail(L, who, e);
  }
  unsigned char digest[MH_SHA256_SIZE];
  int e = mh_sha256(bytes, n, digest);
  return e == 0 ? push_digest(L, digest, is_hex) : fail(L, who, e);
}

static int f_sha256(lua_State *L) {
  return sha256(L, "hash.sha256", true);
}

static int f_sha256_raw(lua_State *L) {
  return sha256(L, "hash.sha256_raw", false);
}

/* hmac_sha256(bytes, key): the bytes come first, as everywhere in this file. */
static int f_hmac_sha256(lua_State *L) {
  static const char WHO[] = "hash.hmac_sha256";
  size_t n, key_n;
  const char *bytes = check_string(L, 1, WHO, &n), *key = check_string(L, 2, WHO, &key_n);
  if (n > INLINE) {
    work *w = push_work(L, WHO);
    int e = mh_digest_init_hmac(&w->digest, key, key_n);
    return e == 0 ? run_work(L, w, n, on_hash_block, hash_done) : fail(L, WHO, e);
  }
  unsigned char digest[MH_SHA256_SIZE];
  int e = mh_hmac_sha256(key, key_n, bytes, n, digest);
  return e == 0 ? push_digest(L, digest, false) : fail(L, WHO, e);
}

/* ---- base64 and hexadecimal ------------------------------------------------------------------ */

static int encode_base64(lua_State *L, const char *who, bool is_url) {
  size_t n;
  const char *bytes = check_string(L, 1, who, &n);
  size_t length = mh_base64_length(n, is_url);
  if (n > INLINE) {
    work *w = push_work(L, who);
    w->is_url = is_url;
    int e = mh_buf_reserve(&w->out, length);
    return e == 0 ? run_work(L, w, n, on_encode_block, convert_done) : fail(L, who, e);
  }
  luaL_Buffer b;
  mh_base64_encode(bytes, n, is_url, luaL_buffinitsize(L, &b, length));
  luaL_pushresultsize(&b, length);
  return 1;
}

static int f_base64(lua_State *L) {
  return encode_base64(L, "hash.base64", false);
}

static int f_base64url(lua_State *L) {
  return encode_base64(L, "hash.base64url", true);
}

static int decode_base64(lua_State *L, const char *who, bool is_url) {
  size_t n;
  const char *text = check_string(L, 1, who, &n);
  n = mh_base64_trim(text, n, is_url);
  if (n == SIZE_MAX) return wrong_text(L);
  size_t size = mh_base64_size(n);
  if (n > INLINE) {
    work *w = push_work(L, who);
    w->is_url = is_url;
    int e = mh_buf_reserve(&w->out, size);
    return e == 0 ? run_work(L, w, n, on_decode_block, convert_done) : fail(L, who, e);
  }
  luaL_Buffer b;
  if (!mh_base64_decode(text, n, is_url, luaL_buffinitsize(L, &b, size))) return wrong_text(L);
  luaL_pushresultsize(&b, size);
  return 1;
}

static int f_unbase64(lua_State *L) {
  return decode_base64(L, "hash.unbase64", false);
}

static int f_unbase64url(lua_State *L) {
  return decode_base64(L, "hash.unbase64url", true);
}

static int f_hex(lua_State *L) {
  size_t n;
  const char *bytes = check_string(L, 1, "hash.hex", &n);
  luaL_Buffer b;
  mh_hex_encode(bytes, n, luaL_buffinitsize(L, &b, 2 * n));
  luaL_pushresultsize(&b, 2 * n);
  return 1;
}

static int f_unhex(lua_State *L) {
  size_t n;
  const char *text = check_string(L, 1, "hash.unhex", &n);
  luaL_Buffer b;
  if (n % 2 != 0 || !mh_hex_decode(text, n / 2, luaL_buffinitsize(L, &b, n / 2)))
    return wrong_text(L);
  luaL_pushresultsize(&b, n / 2);
  return 1;
}

/* ---- random bytes, comparison, sealing ------------------------------------------------------- */

static int f_random(lua_State *L) {
  int is_integer;
  lua_Integer n = lua_tointegerx(L, 1, &is_integer);
  if (!is_integer || n < 0 || n > RANDOM_MOST)
    return mh_error_usage(L, "hash.random: a number of bytes from 0 to %d was expected, got %s",
                          RANDOM_MOST,
                          lua_type(L, 1) == LUA_TNUMBER ? lua_tostring(L, 1) : luaL_typename(L, 1));
  luaL_Buffer b;
  int e = mh_random(luaL_buffinitsize(L, &b, (size_t)n), (size_t)n);
  if (e != 0) return fail(L, "hash.random", e);
  luaL_pushresultsize(&b, (size_t)n);
  return 1;
}

static int f_uuid(lua_State *L) {
  char text[MH_UUID_LENGTH + 1];
  int e = mh_uuid(text);
  if (e != 0) return fail(L, "hash.uuid", e);
  lua_pushstring(L, text);
  return 1;
}

static int f_equal(lua_State *L) {
  size_t a_n, b_n;
  const char *a = check_string(L, 1, "hash.equal", &a_n),
             *b = check_string(L, 2, "hash.equal", &b_n);
  lua_pushboolean(L, mh_equal(a, a_n, b, b_n));
  return 1;
}

/* The key at 1, the text at 2, what it belongs to at 3. */
typedef struct sealing {
  const unsigned char *key;
  const char *text, *with;
  size_t n, with_n;
} sealing;

static sealing check_sealing(lua_State *L, const char *who) {
  sealing s = {.with = ""};
  size_t key_n;
  s.key = (const unsigned char *)check_string(L, 1, who, &key_n);
  if (key_n != MH_SEAL_KEY_SIZE)
    mh_error_usage(L, "%s: a key has 32 bytes, this one %zu", who, key_n);
  s.text = check_string(L, 2, who, &s.n);
  if (!lua_isnoneornil(L, 3)) s.with = check_string(L, 3, who, &s.with_n);
  return s;
}

static int f_seal(lua_State *L) {
  sealing s = check_sealing(L, "hash.seal");
  size_t n = s.n + MH_SEAL_OVERHEAD;
  luaL_Buffer b;
  unsigned char *out = (unsigned char *)luaL_buffinitsize(L, &b, n);
  int e = mh_seal(s.key, s.text, s.n, s.with, s.with_n, out);
  if (e != 0) return fail(L, "hash.seal", e);
  luaL_pushresultsize(&b, n);
  return 1;
}

static int f_open(lua_State *L) {
  sealing s = check_sealing(L, "hash.open");
  if (s.n < MH_SEAL_OVERHEAD) return wrong_text(L);
  size_t n = s.n - MH_SEAL_OVERHEAD;
  luaL_Buffer b;
  unsigned char *out = (unsigned char *)luaL_buffinitsize(L, &b, n);
  int e = mh_seal_open(s.key, s.text, s.n, s.with, s.with_n, out);
  if (e == MOONHERD_EPROTO) return wrong_text(L);
  if (e != 0) return fail(L, "hash.open", e);
  luaL_pushresultsize(&b, n);
  return 1;
}

/* ---- hashing piece by piece ------------------------------------------------------------------ */

typedef struct hasher {
  mh_blocks blocks;
  mh_digest digest;
  bool is_cut; /* an update was stopped in the middle: the hash is of nothing known */
} hasher;

static int f_free_hasher(lua_State *L) {
  hasher *h = lua_touserdata(L, 1);
  mh_blocks_fini(&h->blocks);
  mh_digest_fini(&h->digest);
  return 0;
}

static int f_new(lua_State *L) {
  hasher *h = lua_newuserdatauv(L, sizeof *h, 1);  // user value: what an update reads
  memset(h, 0, sizeof *h);
  mh_blocks_init(&h->blocks, mh_loop_of(L), "hasher:update");
  luaL_setmetatable(L, HASHER);
  int e = mh_digest_init(&h->digest);
  return e == 0 ? 1 : fail(L, "hash.new", e);
}

static hasher *check_hasher(lua_State *L, const char *who) {
  hasher *h = luaL_testudata(L, 1, HASHER);
  if (h == NULL) mh_error_usage(L, "%s: a hasher was expected, got %s", who, luaL_typename(L, 1));
  if (h->blocks.op.is_open) mh_error_usage(L, "%s: another task is in hasher:update", who);
  if (h->is_cut) mh_error_usage(L, "%s: an update of this hash was cancelled", who);
  return h;
}

static int on_update_block(void *state, const void *bytes, size_t n) {
  hasher *h = state;
  return mh_digest_update(&h->digest, bytes, n);
}

static int update_done(lua_State *L, int status, lua_KContext op) {
  hasher *h = (hasher *)op;
  (void)status;
  lua_pushnil(L);
  lua_setiuservalue(L, 1, 1);
  h->is_cut = h->blocks.op.status != 0;
  if (h->is_cut) return fail(L, "hasher:update", h->blocks.op.status);
  lua_settop(L, 1);
  return 1;
}

///@class hasher
/// A SHA-256 that is fed piece by piece: what moonherd.hash.new returns. When an update is cancelled
/// it is of no use any more, and says so.

///@name hasher:update
/// Feeds it.
///@async
///@param bytes string  the next piece, of any length
///@return hasher h  itself
///@error usage usage  while another task feeds it, and after an update that was cancelled
///@example
/// local h = moonherd.hash.new()
/// h:update "a":update "bc"
/// print(h:hex() == moonherd.hash.sha256 "abc")     --> true
static int f_update(lua_State *L) {
  static const char WHO[] = "hasher:update";
  hasher *h = check_hasher(L, WHO);
  size_t n;
  const char *bytes = check_string(L, 2, WHO, &n);
  if (n > INLINE) {
    mh_task_can_wait(L, WHO);
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, 1);
    int e = mh_blocks_start(&h->blocks, bytes, n, on_update_block, h);
    if (e != 0) return fail(L, WHO, e);
    h->is_cut = true;  // until it is done
    return mh_op_wait(L, &h->blocks.op, update_done);
  }
  int e = mh_digest_update(&h->digest, bytes, n);
  if (e != 0) return fail(L, WHO, e);
  lua_settop(L, 1);
  return 1;
}

static int push_value(lua_State *L, const char *who, bool is_hex) {
  const hasher *h = check_hasher(L, who);
  unsigned char digest[MH_SHA256_SIZE];
  int e = mh_digest_value(&h->digest, digest);
  return e == 0 ? push_digest(L, digest, is_hex) : fail(L, who, e);
}

///@name hasher:hex
/// The hash of what was fed so far. More may be fed.
///@return string hex  64 digits, in lower case
///@error usage usage  while another task feeds it, and after an update that was cancelled
///@example
/// print(moonherd.hash.new():hex():sub(1, 8))     --> e3b0c442
static int f_value_hex(lua_State *L) {
  return push_value(L, "hasher:hex", true);
}

///@name hasher:raw
/// The hash of what was fed so far, as bytes. More may be fed.
///@return string digest  32 bytes
///@error usage usage  while another task feeds it, and after an update that was cancelled
///@example
/// print(#moonherd.hash.new():raw())     --> 32
static int f_value_raw(lua_State *L) {
  return push_value(L, "hasher:raw", false);
}

/* ---- the module ------------------------------------------------------------------------------ */

static const luaL_Reg functions[] = {
    {"base64", f_base64},
    {"base64url", f_base64url},
    {"equal", f_equal},
    {"hex", f_hex},
    {"hmac_sha256", f_hmac_sha256},
    {"new", f_new},
    {"open", f_open},
    {"random", f_random},
    {"seal", f_seal},
    {"sha256", f_sha256},
    {"sha256_raw", f_sha256_raw},
    {"unbase64", f_unbase64},
    {"unbase64url", f_unbase64url},
    {"unhex", f_unhex},
    {"uuid", f_uuid},
    {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"hex", f_value_hex},
    {"raw", f_value_raw},
    {"update", f_update},
    {NULL, NULL},
};

static void make_metatable(lua_State *L, const char *name, lua_CFunction free) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, free);
  lua_setfield(L, -2, "__gc");
}

int luaopen_moonherd__hash(lua_State *L) {
  make_metatable(L, WORK, f_free_work);
  make_metatable(L, HASHER, f_free_hasher);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  return 1;
}
