/* moonherd._json: lua-cjson, linked in, between two passes of our own. On the way in the scanner
 * checks the text and marks what cjson would lose, cjson decodes it, and one walk restores the marks
 * (io/json_scan.h says what they look like). On the way out a walk checks the value and marks a copy,
 * cjson encodes that, and the marks are taken out of the text. Nothing here waits. */
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/error.h"
#include "core/options.h"
#include "core/realm.h"
#include "io/json_number.h"
#include "io/json_print.h"
#include "io/json_scan.h"
#include "moonherd.h"

int luaopen_cjson(lua_State *L);  // Debian's package has no header
int luaopen_moonherd__json(lua_State *L);

/* Upvalues that all functions share. */
enum { UP_SCRATCH = 1, UP_LIST, UP_DECODE, UP_ENCODE, UP_KEEP_BUFFER, UPVALUES = UP_KEEP_BUFFER };

/* Buffers that live as long as the state, so that a raised error cannot lose them. */
typedef struct scratch {
  mh_buf text;  /* of the call under way */
  mh_buf names; /* of one object being encoded: members */
} scratch;

static const char MIXED[] = "names and places in one table";
static const char BAD_KEY[] = "keys must be names, or places from 1 to n";

static const size_t KEEP = 256 * 1024; /* scratch memory above this is given back */

static scratch *scratch_of(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(UP_SCRATCH));
}

static void put_away(mh_buf *b) {
  if (b->cap > KEEP) mh_buf_fini(b);
  else mh_buf_clear(b);
}

static int f_free_scratch(lua_State *L) {
  scratch *s = lua_touserdata(L, 1);
  mh_buf_fini(&s->text);
  mh_buf_fini(&s->names);
  return 0;
}

static int no_memory(lua_State *L) {
  return luaL_error(L, "not enough memory");
}

static bool is_null(lua_State *L, int index) {
  return lua_islightuserdata(L, index) && lua_touserdata(L, index) == NULL;
}

/* ---- lists -------------------------------------------------------------------------------------- */

/* Whether the table at `index` carries the metatable that marks lists. */
static bool is_list(lua_State *L, int index) {
  if (!lua_getmetatable(L, index)) return false;
  bool is_same = lua_rawequal(L, -1, lua_upvalueindex(UP_LIST));
  lua_pop(L, 1);
  return is_same;
}

static void make_list(lua_State *L, int index) {
  lua_pushvalue(L, lua_upvalueindex(UP_LIST));
  lua_setmetatable(L, index);
}

static int f_array(lua_State *L) {
  lua_settop(L, 1);
  if (lua_isnil(L, 1)) {
    lua_newtable(L);
    lua_replace(L, 1);
  }
  if (!lua_istable(L, 1))
    return mh_error_usage(L, "json.array: a table was expected, got %s", luaL_typename(L, 1));
  if (lua_getmetatable(L, 1) && !lua_rawequal(L, -1, lua_upvalueindex(UP_LIST)))
    return mh_error_usage(L, "json.array: the table has a metatable of its own");
  make_list(L, 1);
  lua_settop(L, 1);
  return 1;
}

static int f_is_array(lua_State *L) {
  bool is_array = lua_istable(L, 1) && (is_list(L, 1) || lua_rawgeti(L, 1, 1) != LUA_TNIL);
  lua_pushboolean(L, is_array);
  return 1;
}

/* ---- decoding ----------------------------------------------------------------------------------- */

typedef struct restorer {
  lua_State *L;
  bool has_marks, drops_nulls;
} restorer;

/* Replaces the marked string at the top. */
static void restore_mark(lua_State *L, const char *text, size_t n) {
  mh_json_number number;
  if (text[0] == '[') {
    lua_newtable(L);
    make_list(L, lua_gettop(L));
  } else {
    mh_json_number_read(text, n, &number);
    if (number.is_integer) lua_pushinteger(L, number.integer);
    else lua_pushnumber(L, number.real);
  }
  lua_replace(L, -2);
}

static void restore_table(restorer *r);

/* Restores the value at the top; true when another stands in its place now. */
static bool restore(restorer *r) {
  lua_State *L = r->L;
  switch (lua_type(L, -1)) {
    case LUA_TNUMBER: {  // not marked: an integer of few digits
      lua_Integer integer = (lua_Integer)lua_tonumber(L, -1);
      lua_pop(L, 1);
      lua_pushinteger(L, integer);
      return true;
    }
    case LUA_TSTRING: {
      if (!r->has_marks) return false;
      size_t n;
      const char *s = lua_tolstring(L, -1, &n);
      if ((unsigned char)s[0] != MH_JSON_MARK) return false;
      restore_mark(L, s + 1, n - 1);
      return true;
    }
    case LUA_TTABLE: restore_table(r); return false;
    default: return false;
  }
}

static void restore_list(restorer *r, int list) {
  lua_State *L = r->L;
  lua_Integer n = (lua_Integer)lua_rawlen(L, list);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, list, i);
    if (restore(r)) lua_rawseti(L, list, i);
    else lua_pop(L, 1);
  }
  make_list(L, list);
}

/* stack: …, name, value. Assigns to fields that exist, which a traversal allows. */
static void restore_member(restorer *r, int object) {
  lua_State *L = r->L;
  if (r->drops_nulls && is_null(L, -1)) lua_pushnil(L);
  else if (!restore(r)) return;
  lua_pushvalue(L, object + 1);
  lua_insert(L, -2);
  lua_rawset(L, object);
}

/* What cjson returns as a table with anything but names was a list. */
static void restore_table(restorer *r) {
  lua_State *L = r->L;
  int table = lua_gettop(L);
  luaL_checkstack(L, 6, "JSON value");
  lua_pushnil(L);
  while (lua_next(L, table)) {
    if (lua_type(L, -2) == LUA_TNUMBER) {
      lua_settop(L, table);
      restore_list(r, table);
      break;
    }
    restore_member(r, table);
    lua_settop(L, table + 1);
  }
  lua_settop(L, table);
}

static int fail_decode(lua_State *L, const mh_json_scan *scan) {
  mh_error_fail(L, "usage", "bad_json", "json.decode: line %zu, column %zu: %s", scan->line,
                scan->column, scan->why);
  lua_pushinteger(L, (lua_Integer)scan->line);
  lua_setfield(L, -2, "line");
  lua_pushinteger(L, (lua_Integer)scan->column);
  lua_setfield(L, -2, "column");
  return 2;
}

static bool reads_nulls(lua_State *L, int options) {
  static const mh_option list[] = {{"nulls", MH_OPTION_BOOLEAN, 0, 0}, {NULL, 0, 0, 0}};
  bool nulls = true;
  mh_options_read(L, options, "json.decode", list, &nulls);
  return nulls;
}

/* decode(text, {nulls = true}) -> value | nil, error */
static int f_decode(lua_State *L) {
  if (lua_type(L, 1) != LUA_TSTRING)
    return mh_error_usage(L, "json.decode: a string was expected, got %s", luaL_typename(L, 1));
  size_t n;
  const char *text = lua_tolstring(L, 1, &n);
  restorer r = {.L = L, .drops_nulls = !reads_nulls(L, 2)};
  mh_buf *marked = &scratch_of(L)->text;
  mh_buf_clear(marked);
  mh_json_scan scan;
  int e = mh_json_scan_text(text, n, marked, &scan);
  if (e == MOONHERD_ENOMEM) return no_memory(L);
  if (e != 0) return fail_decode(L, &scan);
  lua_pushvalue(L, lua_upvalueindex(UP_DECODE));
  if (scan.has_marks) lua_pushlstring(L, marked->data, marked->len);
  else lua_pushvalue(L, 1);
  put_away(marked);
  lua_call(L, 1, 1);
  r.has_marks = scan.has_marks;
  if (scan.has_marks || scan.has_numbers || scan.has_lists || (r.drops_nulls && scan.has_nulls))
    restore(&r);
  return 1;
}

/* ---- encoding ----------------------------------------------------------------------------------- */

/* The way from the outermost value to the one being encoded. */
typedef struct step {
  const struct step *up;
  const char *name; /* NULL: a place in a list */
  lua_Integer place;
} step;

typedef struct marker {
  lua_State *L;
  const char *who;      /* what the script called */
  mh_buf *text, *names; /* scratch */
  size_t size;          /* cjson will write no more than this */
  unsigned depth;
} marker;

/* What the keys of a table are. */
typedef struct shape {
  lua_Integer names, places, last; /* how many of either; the largest place */
  bool has_others;
} shape;

/* A name of an object, while its names are being sorted. */
typedef struct member {
  const char *name;
  size_t n;
  lua_Integer slot; /* where the marked copy holds it meanwhile */
} member;

static bool is_identifier(const char *s) {
  static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  return *s != '\0' && !(*s >= '0' && *s <= '9') && s[strspn(s, LETTERS)] == '\0';
}

static void write_path(mh_buf *out, const step *at) {
  if (at == NULL) return;
  write_path(out, at->up);
  if (at->name == NULL) mh_buf_printf(out, "[%lld]", (long long)at->place);
  else if (is_identifier(at->name)) mh_buf_printf(out, "%s%s", at->up ? "." : "", at->name);
  else mh_buf_printf(out, "[\"%s\"]", at->name);
}

/* Pushes an error that says where; returns false. */
static bool refuse(marker *m, const step *at, const char *why) {
  lua_State *L = m->L;
  mh_buf_clear(m->text);
  write_path(m->text, at);
  const char *path = lua_pushlstring(L, m->text->data, m->text->len);
  mh_error_push(L, "usage", "bad_value", "%s: %s%s%s", m->who, path, at ? ": " : "", why);
  lua_insert(L, -2);
  lua_setfield(L, -2, "path");
  return false;
}

static bool refuse_value(marker *m, const step *at) {
  char why[64];
  snprintf(why, sizeof why, "a %s is not a JSON value", luaL_typename(m->L, -1));
  return refuse(m, at, why);
}

/* Counts what cjson will write for one value. */
static bool count(marker *m, const step *at, size_t bytes) {
  m->size += bytes < MH_JSON_LARGEST ? bytes : MH_JSON_LARGEST;
  return m->size <= MH_JSON_LARGEST || refuse(m, at, "the value is too large");
}

static void replace_by_mark(lua_State *L, const char *shown, size_t n) {
  char text[MH_JSON_NUMBER_ROOM + 1] = {(char)MH_JSON_MARK};
  memcpy(text + 1, shown, n);
  lua_pushlstring(L, text, n + 1);
  lua_replace(L, -2);
}

static void mark_integer(lua_State *L, lua_Integer integer) {
  static const lua_Integer LIMIT = 100000000000000;  // more than MH_JSON_PLAIN_DIGITS digits
  if (integer > -LIMIT && integer < LIMIT) return;
  char text[MH_JSON_NUMBER_ROOM];
  int n = snprintf(text, sizeof text, LUA_INTEGER_FMT, integer);
  replace_by_mark(L, text, (size_t)n);
}

static bool mark_number(marker *m, const step *at) {
  lua_State *L = m->L;
  if (lua_isinteger(L, -1)) {
    mark_integer(L, lua_tointeger(L, -1));
    return count(m, at, MH_JSON_NUMBER_ROOM);
  }
  double real = lua_tonumber(L, -1);
  if (isnan(real)) return refuse(m, at, "JSON has no NaN");
  if (isinf(real)) return refuse(m, at, "JSON has no infinity");
  char text[MH_JSON_NUMBER_ROOM];
  size_t n = mh_json_number_write(real, text);
  replace_by_mark(L, text, n);
  return count(m, at, MH_JSON_NUMBER_ROOM);
}

static bool mark_string(marker *m, const step *at) {
  size_t n;
  const char *s = lua_tolstring(m->L, -1, &n);
  size_t good = mh_json_utf8(s, n);
  if (good == n) return count(m, at, 6 * n + 3);
  char why[64];
  snprintf(why, sizeof why, "invalid UTF-8 at byte %zu", good + 1);
  return refuse(m, at, why);
}

static bool mark_value(marker *m, const step *at);

static shape measure(lua_State *L, int table) {
  shape s = {0, 0, 0, false};
  lua_pushnil(L);
  for (; lua_next(L, table); lua_pop(L, 1)) {
    if (lua_type(L, -2) == LUA_TSTRING) {
      s.names++;
      continue;
    }
    lua_Integer place = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
    s.places++;
    if (place < 1) s.has_others = true;
    if (place > s.last) s.last = place;
  }
  return s;
}

static bool refuse_hole(marker *m, const step *at, int list) {
  lua_Integer hole = 1;
  for (; lua_rawgeti(m->L, list, hole) != LUA_TNIL; hole++) lua_pop(m->L, 1);
  char why[64];
  snprintf(why, sizeof why, "a list with a hole at [" LUA_INTEGER_FMT "]", hole);
  return refuse(m, at, why);
}

static int room_for(lua_Integer n) {
  return n < INT_MAX ? (int)n : INT_MAX;
}

/* Replaces the list at the top by a marked copy. */
static bool mark_list(marker *m, const step *at, lua_Integer n) {
  lua_State *L = m->L;
  int list = lua_gettop(L), copy = list + 1;
  lua_createtable(L, room_for(n), 0);
  for (lua_Integer i = 1; i <= n; i++) {
    step here = {.up = at, .place = i};
    lua_rawgeti(L, list, i);
    if (!mark_value(m, &here)) return false;
    lua_rawseti(L, copy, i);
  }
  lua_replace(L, list);
  return true;
}

static int compare_members(const void *a, const void *b) {
  const member *x = a, *y = b;
  int order = memcmp(x->name, y->name, x->n < y->n ? x->n : y->n);
  return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

/* Puts the names of an object into the slots 2, 4, 6 … of its copy, sorted; before that each stands
 * in one of the slots 3, 5, 7 … Nothing here lets Lua collect garbage, whose finalizers might change
 * the object or encode something themselves: so the names stay alive and the scratch ours. */
static bool put_names(marker *m, const step *at, int object, int copy) {
  lua_State *L = m->L;
  mh_buf_clear(m->names);
  lua_Integer slot = 3;
  lua_pushnil(L);
  for (; lua_next(L, object); slot += 2) {
    if (lua_type(L, -2) != LUA_TSTRING) return refuse(m, at, BAD_KEY);
    member one = {.slot = slot};
    one.name = lua_tolstring(L, -2, &one.n);
    if (mh_json_utf8(one.name, one.n) != one.n) return refuse(m, at, "a name with invalid UTF-8");
    if (!count(m, at, 6 * one.n + 3)) return false;
    if (mh_buf_append(m->names, &one, sizeof one) != 0) no_memory(L);
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_rawseti(L, copy, slot);
  }
  const member *members = (const member *)(const void *)m->names->data;
  size_t n = m->names->len / sizeof *members;
  qsort(m->names->data, n, sizeof *members, compare_members);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, copy, members[i].slot);
    lua_rawseti(L, copy, 2 * (lua_Integer)i + 2);
  }
  return true;
}

/* Replaces the object at the top by a list that names it as such: io/json_scan.h. */
static bool mark_object(marker *m, const step *at, lua_Integer n) {
  static const char MARK[] = {(char)MH_JSON_MARK, '{'};
  lua_State *L = m->L;
  int object = lua_gettop(L), copy = object + 1;
  lua_createtable(L, room_for(2 * n + 1), 0);
  lua_pushlstring(L, MARK, sizeof MARK);
  lua_rawseti(L, copy, 1);
  if (!put_names(m, at, object, copy)) return false;
  for (lua_Integer slot = 2; lua_rawgeti(L, copy, slot) == LUA_TSTRING; slot += 2) {
    step here = {.up = at, .name = lua_tostring(L, -1)};
    lua_rawget(L, object);
    if (!mark_value(m, &here)) return false;
    lua_rawseti(L, copy, slot + 1);
  }
  lua_pop(L, 1);
  lua_replace(L, object);
  return true;
}

/* A path of all levels would help nobody: names the outermost. */
static bool refuse_depth(marker *m, const step *at) {
  for (int level = MH_JSON_DEPTH; level > 4; level--) at = at->up;
  return refuse(m, at, "more than 128 levels deep: does a table contain itself?");
}

/* One of moonherd.secret is a table without members: as {} it would be lost without a word. */
static bool is_secret(lua_State *L, int index) {
  if (luaL_getmetafield(L, index, "__name") == LUA_TNIL) return false;
  const char *name = lua_tostring(L, -1);
  bool is_same = name != NULL && strcmp(name, "moonherd.secret") == 0;
  lua_pop(L, 1);
  return is_same;
}

static bool mark_table(marker *m, const step *at) {
  lua_State *L = m->L;
  if (m->depth >= MH_JSON_DEPTH) return refuse_depth(m, at);
  luaL_checkstack(L, 8, "JSON value");
  int table = lua_gettop(L);
  bool is_marked = is_list(L, table), is_good = true;
  if (is_secret(L, table))
    return refuse(m, at, "a secret is not written: its :reveal() gives text");
  shape s = measure(L, table);
  if (s.has_others) return refuse(m, at, BAD_KEY);
  if (s.names > 0 && (s.places > 0 || is_marked)) return refuse(m, at, MIXED);
  if (s.places != s.last) return refuse_hole(m, at, table);
  m->depth++;
  if (s.names > 0) is_good = mark_object(m, at, s.names);
  else if (s.places > 0) is_good = mark_list(m, at, s.places);
  else if (is_marked) replace_by_mark(L, "[]", 2);
  m->depth--;
  return is_good && count(m, at, 8);
}

/* Replaces the value at the top by what cjson is to encode. False when it cannot be encoded: then an
 * error object is at the top. */
static bool mark_value(marker *m, const step *at) {
  switch (lua_type(m->L, -1)) {
    case LUA_TBOOLEAN: return count(m, at, 8);
    case LUA_TNUMBER: return mark_number(m, at);
    case LUA_TSTRING: return mark_string(m, at);
    case LUA_TTABLE: return mark_table(m, at);
    case LUA_TLIGHTUSERDATA:
      if (is_null(m->L, -1)) return count(m, at, 8);
      return refuse_value(m, at);
    case LUA_TNIL: return refuse(m, at, "nil is not a value: json.null is");
    default: return refuse_value(m, at);
  }
}

/* cjson keeps its buffer; after a large text it is told to let go of it. */
static void shrink(lua_State *L) {
  for (int keep = 0; keep <= 1; keep++) {
    lua_pushvalue(L, lua_upvalueindex(UP_KEEP_BUFFER));
    lua_pushboolean(L, keep);
    lua_call(L, 1, 0);
  }
}

/* Leaves the text of argument 1 in the returned buffer; NULL when it cannot be encoded: then an error
 * object is at the top, which names `who`. */
static mh_buf *encode(lua_State *L, const char *who) {
  scratch *s = scratch_of(L);
  marker m = {.L = L, .who = who, .text = &s->text, .names = &s->names};
  lua_settop(L, 2);  // `who` stays where it cannot be collected
  lua_pushvalue(L, lua_upvalueindex(UP_ENCODE));
  lua_pushvalue(L, 1);
  bool is_good = mark_value(&m, NULL);
  put_away(&s->names);
  if (!is_good) return NULL;
  lua_call(L, 1, 1);
  size_t n;
  const char *text = lua_tolstring(L, -1, &n);
  if (n > KEEP) shrink(L);
  mh_buf_clear(&s->text);
  if (mh_buf_reserve(&s->text, n) != 0) no_memory(L);
  s->text.len = mh_json_unmark(text, n, s->text.data);
  return &s->text;
}

static int fail_encode(lua_State *L) {
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

/* encode(value, who) -> text | nil, error */
static int f_encode(lua_State *L) {
  mh_buf *text = encode(L, luaL_optstring(L, 2, "json.encode"));
  if (text == NULL) return fail_encode(L);
  lua_pushlstring(L, text->data, text->len);
  put_away(text);
  return 1;
}

/* pretty(value) -> text | nil, error */
static int f_pretty(lua_State *L) {
  mh_buf *text = encode(L, "json.pretty");
  if (text == NULL) return fail_encode(L);
  size_t n = text->len;
  lua_pushlstring(L, text->data, n);
  mh_buf_clear(text);
  if (mh_json_indent(lua_tostring(L, -1), n, text) != 0) no_memory(L);
  lua_pushlstring(L, text->data, text->len);
  put_away(text);
  return 1;
}

static const luaL_Reg functions[] = {
    {"array", f_array},       {"decode", f_decode}, {"encode", f_encode},
    {"is_array", f_is_array}, {"pretty", f_pretty}, {NULL, NULL},
};

static void push_scratch(lua_State *L) {
  scratch *s = lua_newuserdatauv(L, sizeof *s, 0);
  mh_mem *mem = &mh_realm_of(L)->mem;
  mh_buf_init(&s->text, mem);
  mh_buf_init(&s->names, mem);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, f_free_scratch);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
}

static void configure(lua_State *L, int cjson, const char *option, int value) {
  lua_getfield(L, cjson, option);
  lua_pushinteger(L, value);
  lua_call(L, 1, 0);
}

int luaopen_moonherd__json(lua_State *L) {
  luaL_newlibtable(L, functions);
  int module = lua_gettop(L), cjson = module + 1;
  lua_pushcfunction(L, luaopen_cjson);
  lua_call(L, 0, 1);  // every call makes a copy with a configuration of its own
  configure(L, cjson, "decode_max_depth", MH_JSON_DEPTH);
  configure(L, cjson, "encode_max_depth", MH_JSON_DEPTH);
  configure(L, cjson, "encode_number_precision", MH_JSON_PLAIN_DIGITS);
  lua_getfield(L, cjson, "null");
  lua_setfield(L, module, "null");

  push_scratch(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "moonherd.json.array");
  lua_setfield(L, -2, "__name");
  lua_getfield(L, cjson, "decode");
  lua_getfield(L, cjson, "encode");
  lua_getfield(L, cjson, "encode_keep_buffer");
  // stack: module, cjson, scratch, list metatable, decode, encode, encode_keep_buffer
  lua_remove(L, cjson);
  luaL_setfuncs(L, functions, UPVALUES);
  return 1;
}
