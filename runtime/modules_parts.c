/* What modules.c and modules_guarded.c are made of. See modules_parts.h. */
#include "modules_parts.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "core/realm.h"
#include "moonherd.h"

// One for each C module, a line each: moonherd._clock and so on.
// clang-format off
#define MODULES(X) \
  X(clock) \
  X(counts) \
  X(embedded) \
  X(error) \
  X(events) \
  X(fs) \
  X(guarded) \
  X(guarded_files) \
  X(hash) \
  X(http) \
  X(json) \
  X(multipart) \
  X(pack) \
  X(platform) \
  X(proc) \
  X(require) \
  X(serve) \
  X(sink) \
  X(std) \
  X(store) \
  X(task) \
  X(trace) \
  X(tty) \
  X(watch) \
  X(words)
// clang-format on

#define DECLARE(name) int luaopen_moonherd__##name(lua_State *L);
MODULES(DECLARE)
int luaopen_cjson(lua_State *L);
int luaopen_cjson_safe(lua_State *L);

#define ENTRY(name) {"moonherd._" #name, luaopen_moonherd__##name},
static const luaL_Reg linked[] = {
    {"cjson", luaopen_cjson},
    {"cjson.safe", luaopen_cjson_safe},
    MODULES(ENTRY){NULL, NULL},
};
enum { FOREIGN = 2 /* the first of them: made by others, and for scripts under a guard too */ };

/* Their addresses are keys of the registry. Neither is there when modules of moonherd and scripts see
 * the same globals and the same package.loaded. */
static const char ENVIRONMENT[] = "moonherd.environment"; /* what its modules have for globals */
static const char LOADED[] = "moonherd.loaded";           /* its modules, out of scripts' reach */

void mh_modules_preload(lua_State *L, bool foreign_alone) {
  size_t count = foreign_alone ? FOREIGN : sizeof linked / sizeof *linked - 1;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  for (size_t i = 0; i < count; i++) {
    lua_pushcfunction(L, linked[i].func);
    lua_setfield(L, -2, linked[i].name);
  }
  lua_pop(L, 1);
}

void mh_modules_hide_loaded(lua_State *L) {
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, LOADED);
}

void mh_modules_push_loaded(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, LOADED) == LUA_TTABLE) return;
  lua_pop(L, 1);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}

void mh_modules_push_chunk(lua_State *L, const struct mh_embedded *module) {
  const char *chunk_name = lua_pushfstring(L, "=[%s]", module->name);
  size_t n = (size_t)(module->end - module->bytes);
  if (luaL_loadbufferx(L, module->bytes, n, chunk_name, "t") != LUA_OK) lua_error(L);
  lua_remove(L, -2);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, ENVIRONMENT) != LUA_TTABLE) lua_pop(L, 1);
  else lua_setupvalue(L, -2, 1);
}

int mh_modules_found_none(lua_State *L, const char *name) {
  if (strncmp(name, "moonherd", 8) != 0) return 0;
  lua_pushfstring(L, "no embedded module '%s'", name);
  return 1;
}

void mh_modules_add_searcher(lua_State *L, lua_CFunction searcher) {
  lua_getglobal(L, LUA_LOADLIBNAME);
  lua_getfield(L, -1, "searchers");
  for (lua_Integer i = luaL_len(L, -1); i >= 2; i--) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushcfunction(L, searcher);
  lua_rawseti(L, -2, 2);
  lua_pop(L, 2);
}

void mh_modules_add_host(lua_State *L, const mh_config *config) {
  mh_modules_push_loaded(L);
  lua_createtable(L, 0, 2);
  mh_config_push(L, config);
  lua_setfield(L, -2, "options");
  lua_pushliteral(L, MOONHERD_VERSION);
  lua_setfield(L, -2, "version");
  lua_setfield(L, -2, "moonherd._host");
  lua_pop(L, 1);
}

/* ---- behind a `require` of their own -------------------------------------------------------- */

static lua_CFunction find_opener(const char *name) {
  for (const luaL_Reg *entry = linked; entry->name != NULL; entry++)
    if (strcmp(entry->name, name) == 0) return entry->func;
  return NULL;
}

/* Pushes what opens a module of moonherd; false: there is none of that name. In a state of somebody
 * else cjson and the like are its own. */
static bool push_loader(lua_State *L, const char *name) {
  if (mh_realm_of(L)->is_attached && strncmp(name, "moonherd", 8) != 0) return false;
  lua_CFunction opener = find_opener(name);
  const struct mh_embedded *module = mh_embedded_find(name);
  if (opener != NULL) lua_pushcfunction(L, opener);
  else if (module != NULL) mh_modules_push_chunk(L, module);
  return opener != NULL || module != NULL;
}

/* What the state's own `require` finds is left to it. */
static int require_other(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

int mh_modules_require(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  lua_settop(L, 1);
  mh_modules_push_loaded(L);
  // stack: name, loaded
  if (lua_getfield(L, 2, name) != LUA_TNIL) return 1;
  lua_pop(L, 1);
  if (!push_loader(L, name)) return require_other(L);
  lua_pushvalue(L, 1);
  lua_pushliteral(L, ":embedded:");
  lua_call(L, 2, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, 2, name);
  return 1;
}

void mh_modules_copy_fields(lua_State *L) {
  for (lua_pushnil(L); lua_next(L, -2) != 0;) {
    // stack: to, from, name, value
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -5);
  }
  lua_pop(L, 1);
}

void mh_modules_make_environment(lua_State *L) {
  lua_newtable(L);
  lua_pushglobaltable(L);
  mh_modules_copy_fields(L);
  lua_pushcfunction(L, mh_modules_require);
  lua_setfield(L, -2, "require");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, ENVIRONMENT);
}

static bool has_parts(const char *name) {
  size_t n = strlen(name);
  for (size_t i = 0; i < mh_embedded_count; i++) {
    const char *other = mh_embedded_modules[i].name;
    if (strncmp(other, name, n) == 0 && other[n] == '.') return true;
  }
  return false;
}

bool mh_modules_is_public(const char *name) {
  static const char prefix[] = "moonherd.";
  size_t n = sizeof prefix - 1;
  if (strncmp(name, prefix, n) != 0 || name[n] == '_') return false;
  return strchr(name + n, '.') == NULL && !has_parts(name);
}

bool mh_modules_are_hidden(lua_State *L) {
  bool are_hidden = lua_rawgetp(L, LUA_REGISTRYINDEX, ENVIRONMENT) == LUA_TTABLE;
  lua_pop(L, 1);
  return are_hidden;
}
