/* Reading a guard. See guard_read.h. */
#include "guard_read.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/options.h"
#include "io/http_guard.h"

int luaopen_cjson(lua_State *L);

static const char NO_MEMORY[] = "not enough memory";

/* The setters are called with the value at the top of the stack, as in config.c. */

static bool add(mh_strings *strings, char *item) {
  if (item == NULL) return false;
  char **items = realloc(strings->items, (strings->count + 1) * sizeof *items);
  if (items == NULL) {
    free(item);
    return false;
  }
  strings->items = items;
  items[strings->count++] = item;
  return true;
}

/* A list of strings that are not empty; `copy` makes of each what is kept, NULL: `wrong`. */
static const char *set_list(lua_State *L, mh_strings *strings, char *(*copy)(const char *),
                            const char *wrong) {
  if (!lua_istable(L, -1)) return wrong;
  size_t count = 0, n = (size_t)lua_rawlen(L, -1);
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) count++;
  if (count != n) return wrong;  // an object
  for (size_t i = 1; i <= n; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i);
    size_t length = 0;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
    if (text == NULL || length == 0 || strlen(text) != length) return wrong;
    if (!add(strings, copy(text))) return wrong;
    lua_pop(L, 1);
  }
  return NULL;
}

static char *copy_text(const char *text) {
  return strdup(text);
}

static char *copy_real_path(const char *text) {
  return realpath(text, NULL);
}

static const char *set_accounts(lua_State *L, mh_guard *guard) {
  guard->has_accounts = true;
  return set_list(L, &guard->accounts, copy_text, "guard: \"accounts\" must be a list of strings");
}

static const char *set_namespaces(lua_State *L, mh_guard *guard) {
  guard->has_namespaces = true;
  return set_list(
      L, &guard->namespaces, copy_text,
      "guard: \"namespaces\" must be a list of names, in which * stands for any letters");
}

static const char *set_read_only(lua_State *L, mh_guard *guard) {
  guard->is_read_only = lua_toboolean(L, -1) != 0;
  return lua_isboolean(L, -1) ? NULL : "guard: \"read_only\" must be true or false";
}

static const char *set_processes(lua_State *L, mh_guard *guard) {
  guard->allows_processes = lua_toboolean(L, -1) != 0;
  return lua_isboolean(L, -1) ? NULL : "guard: \"processes\" must be true or false";
}

static const char *set_network(lua_State *L, mh_guard *guard) {
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  guard->allows_network = strcmp(text, "any") == 0;
  if (guard->allows_network || strcmp(text, "api") == 0) return NULL;
  return "guard: \"network\" must be \"api\" or \"any\"";
}

static const char *set_read(lua_State *L, mh_guard *guard) {
  return set_list(L, &guard->read, copy_real_path,
                  "guard: \"files\": \"read\" must be a list of folders that are there");
}

static const char *set_write(lua_State *L, mh_guard *guard) {
  return set_list(L, &guard->write, copy_real_path,
                  "guard: \"files\": \"write\" must be a list of folders that are there");
}

/* ---- objects ------------------------------------------------------------------------------ */

typedef struct member {
  const char *name;
  const char *(*set)(lua_State *L, mh_guard *guard);
  const char *meant; /* for a member with nearly this name */
} member;

static const char *const *names_of(const member *members, const char **names) {
  size_t n = 0;
  for (; members[n].name != NULL; n++) names[n] = members[n].name;
  names[n] = NULL;
  return names;
}

/* The last row has no name; its `meant` lists the others. */
static const char *unknown(const member *members, const char *name) {
  const char *names[8];
  const char *nearest = mh_nearest(name, names_of(members, names));
  while (members->name != NULL && members->name != nearest) members++;
  return members->meant;
}

/* The object is at the top. */
static const char *set_members(lua_State *L, mh_guard *guard, const member *members,
                               const char *wrong) {
  if (!lua_istable(L, -1)) return wrong;
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) return wrong;
    const char *name = lua_tostring(L, -2);
    const member *m = members;
    while (m->name != NULL && strcmp(m->name, name) != 0) m++;
    const char *why = m->name != NULL ? m->set(L, guard) : unknown(members, name);
    if (why != NULL) return why;
  }
  return NULL;
}

#define MEANT(name) "guard: unknown member (did you mean \"" name "\"?)"

static const char *set_files(lua_State *L, mh_guard *guard) {
  static const member members[] = {
      {"read", set_read, MEANT("read")},
      {"write", set_write, MEANT("write")},
      {NULL, NULL, "guard: unknown member of \"files\" (members are read, write)"},
  };
  return set_members(L, guard, members, "guard: \"files\" must be an object of read and write");
}

static const member MEMBERS[] = {
    {"accounts", set_accounts, MEANT("accounts")},
    {"namespaces", set_namespaces, MEANT("namespaces")},
    {"read_only", set_read_only, MEANT("read_only")},
    {"processes", set_processes, MEANT("processes")},
    {"files", set_files, MEANT("files")},
    {"network", set_network, MEANT("network")},
    {NULL, NULL,
     "guard: unknown member (members are accounts, namespaces, read_only, processes, files, "
     "network)"},
};

typedef struct reading {
  mh_guard *guard;
  const char *json;
  const char *why;
} reading;

static int read_guard(lua_State *L) {
  static const char no_object[] = "guard: not a JSON object";
  reading *r = lua_touserdata(L, 1);
  r->why = no_object;
  luaopen_cjson(L);
  lua_getfield(L, -1, "decode");
  lua_pushstring(L, r->json);
  lua_call(L, 1, 1);
  r->why = NO_MEMORY;
  r->why = set_members(L, r->guard, MEMBERS, no_object);
  return 0;
}

/* Where the API is. For "local" there is none: the embedded platform is known by its socket. */
static const char *set_api(mh_guard *guard, const char *target) {
  static const char cloudflare[] = "https://api.cloudflare.com/client/v4";
  if (target != NULL && strcmp(target, "local") == 0) return NULL;
  bool is_url = target != NULL && strcmp(target, "cloudflare") != 0;
  if (mh_api_place_set(&guard->api, is_url ? target : cloudflare) == 0) return NULL;
  return "guard: the target is no URL";
}

const char *mh_guard_read(mh_guard **guard, const char *json, const char *target,
                          const char *state) {
  *guard = NULL;
  if (json == NULL) return NULL;
  *guard = calloc(1, sizeof **guard);
  if (*guard != NULL) (*guard)->state = strdup(state != NULL ? state : ".moonherd");
  lua_State *L = *guard != NULL && (*guard)->state != NULL ? luaL_newstate() : NULL;
  if (L == NULL) return NO_MEMORY;
  reading r = {*guard, json, NO_MEMORY};
  lua_pushcfunction(L, read_guard);
  lua_pushlightuserdata(L, &r);
  lua_pcall(L, 1, 0, 0);
  lua_close(L);
  return r.why != NULL ? r.why : set_api(*guard, target);
}
