/* What a script answers a request with, as an mh_answer. See serve_answer.h. */
#include "bindings/serve_answer.h"

#include <lauxlib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/realm.h"

/* ---- headers ------------------------------------------------------------------------------- */

static const char *check_text(lua_State *L, int index, const char *who, const char *what) {
  size_t n;
  const char *text = lua_tolstring(L, index, &n);
  if (text == NULL || strlen(text) != n || strpbrk(text, "\r\n") != NULL)
    mh_error_usage(L, "%s: bad header '%s' (text of one line expected)", who, what);
  return text;
}

/* The value at the top, for a name; it stays there, since a number has become a string. */
static void add_header(lua_State *L, mh_serve_headers *c, const char *name) {
  if (c->count == MH_SERVE_HEADERS)
    mh_error_usage(L, "%s: more than %d headers", c->who, MH_SERVE_HEADERS);
  const char *value = check_text(L, -1, c->who, name);
  c->headers[c->count++] = (mh_header){name, value};
}

/* One entry: text, or a list of texts for a header that is sent several times. */
static void add_headers(lua_State *L, mh_serve_headers *c, int key) {
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

void mh_serve_collect_headers(lua_State *L, int index, mh_serve_headers *c) {
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

/* ---- the body ------------------------------------------------------------------------------ */

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

size_t mh_serve_collect_body(lua_State *L, int index, mh_answer *a, uv_buf_t *one) {
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

void mh_serve_keep_body(lua_State *L, int index, mh_answer *a) {
  push_kept(L, index);
  a->owner = new_anchor(L);
  a->release = on_release;
}
