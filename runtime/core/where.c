/* Where Lua code is. See where.h. */
#include "core/where.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

static const char CUT[] = "..."; /* what Lua puts before the rest of a long name */

enum { MOST_LEVELS = 40 }; /* more than a traceback shows at its beginning and its end together */

static bool is_cut(const lua_Debug *ar) {
  return ar->source[0] == '@' && strncmp(ar->short_src, CUT, sizeof CUT - 1) == 0;
}

/* A name as Lua shows it, but for the half of a character that it may begin with. */
static void put_place(char *place, size_t size, const lua_Debug *ar) {
  const char *name = ar->short_src;
  if (is_cut(ar)) {
    name += sizeof CUT - 1;
    while (((unsigned char)*name & 0xC0) == 0x80) name++;
  }
  snprintf(place, size, "%s%s:%d", is_cut(ar) ? CUT : "", name, ar->currentline);
}

bool mh_where(lua_State *L, char *place, size_t size) {
  lua_Debug ar;
  place[0] = '\0';
  for (int level = 0; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    bool is_ours = strncmp(ar.source, "=[", 2) == 0;  // an embedded module
    if (ar.currentline <= 0 || is_ours) continue;
    put_place(place, size, &ar);
    return true;
  }
  return false;
}

/* Levels that the traceback has left out are not looked at either: a stack may be deep. */
void mh_where_expand(lua_State *L, lua_State *thread) {
  lua_Debug ar;
  if (strstr(lua_tostring(L, -1), CUT) == NULL) return;
  luaL_checkstack(L, 4, "traceback");
  for (int level = 0; level < MOST_LEVELS && lua_getstack(thread, level, &ar); level++) {
    lua_getinfo(thread, "S", &ar);
    if (!is_cut(&ar) || strstr(lua_tostring(L, -1), ar.short_src) == NULL) continue;
    luaL_gsub(L, lua_tostring(L, -1), ar.short_src, ar.source + 1);
    lua_remove(L, -2);
  }
}

void mh_where_expand_name(lua_State *L, const char *file) {
  const char *message = lua_tostring(L, -1);
  size_t n = strlen(file), shown = LUA_IDSIZE - sizeof CUT;  // bytes behind the dots
  bool is_its_end = n > shown && strncmp(message, CUT, sizeof CUT - 1) == 0 &&
                    strncmp(message + sizeof CUT - 1, file + n - shown, shown) == 0;
  if (!is_its_end) return;
  lua_pushfstring(L, "%s%s", file, message + sizeof CUT - 1 + shown);
  lua_remove(L, -2);
}
