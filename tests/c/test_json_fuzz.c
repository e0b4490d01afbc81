/* Mutates valid JSON texts, always the same way, and holds the whole of moonherd._json to this:
 * what it accepts, it encodes; what it has encoded, it reads back as the same; it never raises.
 * A raised error would mean that the scanner lets pass what cjson does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lua.h>

#include "core/realm.h"

int luaopen_moonherd__json(lua_State *L);

enum { ROUNDS = 150000, LONGEST = 512 };

static const char *const SEEDS[] = {
    ("{\"success\":true,\"errors\":[],\"messages\":[],\"result\":{\"id\":\"t\",\"n\":12,\"x\":null}"
     "}"),
    "[0,-0,1.5,-2e3,3.0,9007199254740993,1e308,1e-5,123456789012345678901234567890]",
    "[\"\\u00e9\\ud83d\\ude00\\n\\/\",\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\",\"\",\"\\u0000\"]",
    "{\"a\":{\"b\":[[],[[]],{},[{}]],\"\":[null,true,false]},\"a\":1}",
    " [ 1 , { \"k\" : [ ] } ,\t\"v\"\r\n] ",
    "[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]",
};

/* Pieces that mutations put in. */
static const char *const PIECES[] = {
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"",
    "\\",
    "null",
    "true",
    "-",
    "0",
    "1e400",
    "1e5",
    ".5",
    "\xFF[]",
    "\xFF{",
    "\xC3",
    "[]",
    "{}",
    "\\u",
    "\\ud8",
    "\xED\xA0\x80",
    "1.",
    "\n",
    "\"a\":1",
    "99999999999999999",
    "/",
    "\x01",
    "\x7F",
};

typedef struct mutant {
  char text[LONGEST];
  size_t n;
  uint64_t random;
} mutant;

static size_t pick(mutant *m, size_t below) {
  m->random ^= m->random << 13;
  m->random ^= m->random >> 7;
  m->random ^= m->random << 17;
  return (size_t)(m->random >> 11) % below;
}

static void replace(mutant *m, size_t at, size_t drop, const char *bytes, size_t n) {
  if (drop > m->n - at) drop = m->n - at;
  if (m->n - drop + n > LONGEST) return;
  memmove(m->text + at + n, m->text + at + drop, m->n - at - drop);
  memmove(m->text + at, bytes, n);
  m->n = m->n - drop + n;
}

static void mutate(mutant *m) {
  size_t at = pick(m, m->n + 1), n = pick(m, 8) + 1;
  const char *piece = PIECES[pick(m, sizeof PIECES / sizeof PIECES[0])];
  char copy[8];
  switch (pick(m, 5)) {
    case 0: replace(m, at, 0, piece, strlen(piece)); break;
    case 1: replace(m, at, strlen(piece), piece, strlen(piece)); break;
    case 2: replace(m, at, n, "", 0); break;
    case 3:
      copy[0] = (char)pick(m, 256);
      replace(m, at, 1, copy, 1);
      break;
    default:
      if (n > m->n - at) n = m->n - at;
      memcpy(copy, m->text + at, n);
      replace(m, pick(m, m->n + 1), 0, copy, n);
  }
}

/* Calls a function of the module at 1 with the value at the top and replaces it by the result;
 * false when the result is nil and an error. */
static bool call(lua_State *L, const char *function, const char *text, size_t n) {
  lua_getfield(L, 1, function);
  lua_insert(L, -2);
  if (lua_pcall(L, 1, 2, 0) != LUA_OK)
    fail_msg("%.*s: raised %s", (int)n, text, luaL_tolstring(L, -1, NULL));
  bool is_good = lua_isnil(L, -1);
  if (!is_good) assert_true(lua_isnil(L, -2));
  lua_pop(L, 1);
  return is_good;
}

static bool is_accepted(lua_State *L, const mutant *m) {
  lua_settop(L, 1);
  lua_pushlstring(L, m->text, m->n);
  if (!call(L, "decode", m->text, m->n)) return false;
  assert_true(call(L, "encode", m->text, m->n));
  lua_pushvalue(L, -1);
  assert_true(call(L, "decode", m->text, m->n));
  assert_true(call(L, "encode", m->text, m->n));
  if (!lua_rawequal(L, -1, -2))
    fail_msg("%.*s: %s, then %s", (int)m->n, m->text, lua_tostring(L, -2), lua_tostring(L, -1));
  return true;
}

static void holds_for_mutants(void **state) {
  lua_State *L = *state;
  mutant m = {.random = UINT64_C(0x9E3779B97F4A7C15)};
  unsigned accepted = 0;
  for (int round = 0; round < ROUNDS; round++) {
    const char *seed = SEEDS[pick(&m, sizeof SEEDS / sizeof SEEDS[0])];
    m.n = 0;
    replace(&m, 0, 0, seed, strlen(seed));
    for (size_t changes = pick(&m, 4); changes > 0; changes--) mutate(&m);
    accepted += is_accepted(L, &m);
  }
  assert_in_range(accepted, ROUNDS / 5, ROUNDS);  // else the mutations test little
}

static int set_up(void **state) {
  static mh_realm realm;
  memset(&realm, 0, sizeof realm);
  lua_State *L = lua_newstate(mh_realm_allocate, &realm);
  if (L == NULL) return -1;
  luaL_requiref(L, "moonherd._json", luaopen_moonherd__json, 0);
  *state = L;
  return 0;
}

static int tear_down(void **state) {
  mh_realm *realm = mh_realm_of(*state);
  lua_close(*state);
  mh_pool_fini(&realm->pool);
  return realm->mem.used == 0 ? 0 : -1;
}

/* Decodes and encodes while the n-th request for memory is refused once: Lua collects and asks again,
 * our buffers ask for less. Returns whether there was an n-th. */
static bool survives(lua_State *L, size_t n) {
  static const char TEXT[] = "{\"b\":[1.5,[],\"\\u00e9\"],\"a\":{\"c\":[{}],\"d\":1e30}}";
  static const char SORTED[] = "{\"a\":{\"c\":[{}],\"d\":1e+30},\"b\":[1.5,[],\"\xC3\xA9\"]}";
  mh_mem *mem = &mh_realm_of(L)->mem;
  lua_getfield(L, 1, "encode");
  lua_getfield(L, 1, "decode");
  lua_pushstring(L, TEXT);
  mem->fail_at = n;
  assert_int_equal(lua_pcall(L, 1, 1, 0), LUA_OK);
  assert_int_equal(lua_pcall(L, 1, 1, 0), LUA_OK);
  assert_string_equal(lua_tostring(L, -1), SORTED);
  return mem->fail_at == 0;
}

static void survives_refused_allocations(void **state) {
  (void)state;
  bool was_refused = true;
  for (size_t n = 1; was_refused; n++) {
    void *L = NULL;
    assert_int_equal(set_up(&L), 0);
    was_refused = survives(L, n);
    assert_int_equal(tear_down(&L), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(holds_for_mutants, set_up, tear_down),
      cmocka_unit_test(survives_refused_allocations),
  };
  return cmocka_run_group_tests_name("json_fuzz", tests, NULL, NULL);
}
