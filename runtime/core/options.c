/* Options tables. See options.h. */
#include "core/options.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "core/duration.h"
#include "core/error.h"

enum { NAME_MAX_LENGTH = 63, OPTIONS_MAX = 63, SHORTEST = 3 /* letters that mean something */ };

/* ---- the nearest name --------------------------------------------------------------------- */

static size_t least3(size_t a, size_t b, size_t c) {
  size_t least = a < b ? a : b;
  return least < c ? least : c;
}

/* Edit distance; a swap of neighbours counts as one edit. */
static size_t distance(const char *a, const char *b) {
  size_t n = strlen(a), m = strlen(b);
  if (n > NAME_MAX_LENGTH || m > NAME_MAX_LENGTH) return NAME_MAX_LENGTH;
  size_t row[3][NAME_MAX_LENGTH + 1];
  for (size_t j = 0; j <= m; j++) row[0][j] = j;
  for (size_t i = 1; i <= n; i++) {
    size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
    now[0] = i;
    for (size_t j = 1; j <= m; j++) {
      now[j] = least3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
      bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_swap && before[j - 2] + 1 < now[j]) now[j] = before[j - 2] + 1;
    }
  }
  return row[n % 3][m];
}

/* The one name that a shortened one stands for: "int" for "integer". */
static const char *unshortened(const char *name, const char *const *names) {
  const char *found = NULL;
  size_t n = strlen(name);
  if (n < SHORTEST) return NULL;
  for (; *names != NULL; names++) {
    if (strncmp(*names, name, n) != 0) continue;
    if (found != NULL) return NULL;
    found = *names;
  }
  return found;
}

const char *mh_nearest(const char *name, const char *const *names) {
  const char *nearest = unshortened(name, names);
  if (nearest != NULL) return nearest;
  size_t n = strlen(name + strspn(name, "-"));
  size_t best = n <= SHORTEST ? 2 : n / 3 + 2;  // as far as this is another word
  for (; *names != NULL; names++) {
    size_t d = distance(name, *names);
    if (d < best) {
      best = d;
      nearest = *names;
    }
  }
  return nearest;
}

/* ---- durations ---------------------------------------------------------------------------- */

double mh_duration_check(lua_State *L, int index, const char *who, const char *what) {
  double seconds = 0;
  size_t n;
  if (lua_type(L, index) == LUA_TNUMBER) {
    seconds = lua_tonumber(L, index);
    if (seconds >= 0) return seconds;
    mh_error_usage(L, "%s: bad %s (a duration cannot be below zero)", who, what);
  }
  const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &n) : NULL;
  if (text != NULL && mh_duration_parse(text, n, &seconds)) return seconds;
  if (text != NULL)
    mh_error_usage(L,
                   "%s: bad %s (a duration is seconds or text like \"250ms\", \"5s\", \"1h30m\")",
                   who, what);
  mh_error_usage(L, "%s: bad %s (number or duration expected, got %s)", who, what,
                 luaL_typename(L, index));
}

/* ---- tables ------------------------------------------------------------------------------- */

static void bad_type(lua_State *L, const char *who, const mh_option *o, const char *expected) {
  mh_error_usage(L, "%s: bad option '%s' (%s expected, got %s)", who, o->name, expected,
                 luaL_typename(L, -1));
}

static void read_integer(lua_State *L, const char *who, const mh_option *o, lua_Integer *slot) {
  int is_integer;
  lua_Integer value = lua_tointegerx(L, -1, &is_integer);
  if (!is_integer || lua_type(L, -1) != LUA_TNUMBER) bad_type(L, who, o, "integer");
  if (value < o->least)
    mh_error_usage(L, "%s: bad option '%s' (at least %lld expected, got %lld)", who, o->name,
                   (long long)o->least, (long long)value);
  *slot = value;
}

/* The value is at the top. */
static void read_value(lua_State *L, const char *who, const mh_option *o, char *into) {
  void *slot = into + o->offset;
  switch (o->type) {
    case MH_OPTION_BOOLEAN:
      if (!lua_isboolean(L, -1)) bad_type(L, who, o, "boolean");
      *(bool *)slot = lua_toboolean(L, -1) != 0;
      break;
    case MH_OPTION_INTEGER: read_integer(L, who, o, slot); break;
    case MH_OPTION_DURATION: {
      char what[NAME_MAX_LENGTH + 16];
      snprintf(what, sizeof what, "option '%s'", o->name);
      *(double *)slot = mh_duration_check(L, -1, who, what);
      break;
    }
    case MH_OPTION_STRING: {
      if (lua_type(L, -1) != LUA_TSTRING) bad_type(L, who, o, "string");
      mh_text *text = slot;
      text->bytes = lua_tolstring(L, -1, &text->n);
      break;
    }
    case MH_OPTION_VALUE: *(bool *)slot = true; break;
  }
}

static void bad_key(lua_State *L, const char *who, const mh_option *options) {
  if (lua_type(L, -2) != LUA_TSTRING)
    mh_error_usage(L, "%s: bad option (names are strings, got %s)", who, luaL_typename(L, -2));
  const char *name = lua_tostring(L, -2);
  const char *names[OPTIONS_MAX + 1];
  size_t n = 0;
  for (; n < OPTIONS_MAX && options[n].name != NULL; n++) names[n] = options[n].name;
  names[n] = NULL;
  const char *nearest = mh_nearest(name, names);
  if (nearest != NULL)
    mh_error_usage(L, "%s: unknown option '%s' (did you mean '%s'?)", who, name, nearest);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (size_t i = 0; i < n; i++) {
    luaL_addstring(&b, i == 0 ? "" : ", ");
    luaL_addstring(&b, names[i]);
  }
  luaL_pushresult(&b);
  mh_error_usage(L, "%s: unknown option '%s' (options are %s)", who, name, lua_tostring(L, -1));
}

void mh_options_read(lua_State *L, int index, const char *who, const mh_option *options,
                     void *into) {
  if (lua_isnoneornil(L, index)) return;
  if (!lua_istable(L, index))
    mh_error_usage(L, "%s: bad options (table expected, got %s)", who, luaL_typename(L, index));
  index = lua_absindex(L, index);
  luaL_checkstack(L, 8, who);
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
    // stack: key, value
    const mh_option *o = options;
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    while (o->name != NULL && (key == NULL || strcmp(o->name, key) != 0)) o++;
    if (o->name == NULL) bad_key(L, who, options);
    read_value(L, who, o, into);
  }
}
