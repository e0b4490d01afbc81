/* The modules of a realm. See modules.h. */
#include "modules.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>
#include <string.h>

#include "core/embedded.h"
#include "core/guarded.h"
#include "moonherd.h"

// One for each C module, a line each: moonherd._clock and so on.
// clang-format off
#define MODULES(X) \
  X(clock) \
  X(embedded) \
  X(error) \
  X(events) \
  X(fs) \
  X(guarded) \
  X(hash) \
  X(http) \
  X(json) \
  X(multipart) \
  X(pack) \
  X(platform) \
  X(proc) \
  X(serve) \
  X(sink) \
  X(std) \
  X(store) \
  X(task) \
  X(tty) \
  X(watch) \
  X(words)
// clang-format on

#define DECLARE(name) int luaopen_moonherd__##name(lua_State *L);
MODULES(DECLARE)
int luaopen_cjson(lua_State *L);
int luaopen_cjson_safe(lua_State *L);

#define ENTRY(name) {"moonherd._" #name, luaopen_moonherd__##name},
static const luaL_Reg preloaded[] = {
    MODULES(ENTRY){"cjson", luaopen_cjson},
    {"cjson.safe", luaopen_cjson_safe},
};

static void preload(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  for (size_t i = 0; i < sizeof preloaded / sizeof preloaded[0]; i++) {
    lua_pushcfunction(L, preloaded[i].func);
    lua_setfield(L, -2, preloaded[i].name);
  }
  lua_pop(L, 1);
}

/* Compiles an embedded module and pushes its chunk. Raises when it has an error. */
static void push_chunk(lua_State *L, const struct mh_embedded *module) {
  const char *chunk_name = lua_pushfstring(L, "=[%s]", module->name);
  size_t n = (size_t)(module->end - module->bytes);
  if (luaL_loadbufferx(L, module->bytes, n, chunk_name, "t") != LUA_OK) lua_error(L);
  lua_remove(L, -2);
}

/* One of package.searchers: what is part of the program. */
static int search_embedded(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const struct mh_embedded *module = mh_embedded_find(name);
  if (module == NULL) {
    lua_pushfstring(L, "no embedded module '%s'", name);
    return 1;
  }
  push_chunk(L, module);
  lua_pushliteral(L, ":embedded:");
  return 2;
}

/* Behind package.preload, before the files: package.path cannot replace a part of the program. */
static void add_searcher(lua_State *L) {
  lua_getglobal(L, LUA_LOADLIBNAME);
  lua_getfield(L, -1, "searchers");
  for (lua_Integer i = luaL_len(L, -1); i >= 2; i--) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushcfunction(L, search_embedded);
  lua_rawseti(L, -2, 2);
  lua_pop(L, 2);
}

static void replace_require(lua_State *L) {
  push_chunk(L, mh_embedded_find("moonherd._require"));
  lua_call(L, 0, 1);
  lua_setglobal(L, "require");
}

/* What scripts have of Lua's own libraries under a guard. */
static void narrow(lua_State *L) {
  luaL_requiref(L, "moonherd._guarded", luaopen_moonherd__guarded, 0);
  push_chunk(L, mh_embedded_find("moonherd._package"));
  lua_call(L, 0, 0);
}

/* package.loaded["moonherd._host"] = {options = …, version = …} */
static void add_host(lua_State *L, const mh_config *config) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_createtable(L, 0, 2);
  mh_config_push(L, config);
  lua_setfield(L, -2, "options");
  lua_pushliteral(L, MOONHERD_VERSION);
  lua_setfield(L, -2, "version");
  lua_setfield(L, -2, "moonherd._host");
  lua_pop(L, 1);
}

/* ---- in a state of somebody else -------------------------------------------------------------- */

static const char ENVIRONMENT[] =
    "moonherd.environment"; /* its address is the key in the registry */

static lua_CFunction find_opener(const char *name) {
  for (size_t i = 0; i < sizeof preloaded / sizeof preloaded[0]; i++)
    if (strcmp(preloaded[i].name, name) == 0) return preloaded[i].func;
  return NULL;
}

/* Pushes what opens a module of moonherd; false: there is none of that name. */
static bool push_loader(lua_State *L, const char *name) {
  if (strncmp(name, "moonherd", 8) != 0) return false;
  lua_CFunction opener = find_opener(name);
  const struct mh_embedded *module = mh_embedded_find(name);
  if (opener != NULL) {
    lua_pushcfunction(L, opener);
  } else if (module != NULL) {
    push_chunk(L, module);
    lua_rawgetp(L, LUA_REGISTRYINDEX, ENVIRONMENT);
    lua_setupvalue(L, -2, 1);
  }
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
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
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

/* A copy: whatever the program does to its globals later does not reach moonherd. */
static void make_environment(lua_State *L) {
  lua_newtable(L);
  lua_pushglobaltable(L);
  for (lua_pushnil(L); lua_next(L, -2) != 0;) {
    // stack: environment, globals, name, value
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -5);
  }
  lua_pop(L, 1);
  lua_pushcfunction(L, mh_modules_require);
  lua_setfield(L, -2, "require");
  lua_rawsetp(L, LUA_REGISTRYINDEX, ENVIRONMENT);
}

/* moonherd.json and the like. What starts with _ is not for scripts, nor are parts of parts. */
static bool is_public(const char *name) {
  static const char prefix[] = "moonherd.";
  if (strncmp(name, prefix, sizeof prefix - 1) != 0) return false;
  name += sizeof prefix - 1;
  return name[0] != '_' && strchr(name, '.') == NULL;
}

static void preload_public(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  for (size_t i = 0; i < mh_embedded_count; i++) {
    if (!is_public(mh_embedded_modules[i].name)) continue;
    lua_pushcfunction(L, mh_modules_require);
    lua_setfield(L, -2, mh_embedded_modules[i].name);
  }
  lua_pop(L, 1);
}

void mh_modules_attach(lua_State *L, const mh_config *config) {
  make_environment(L);
  add_host(L, config);
  preload_public(L);
}

/* ---- in a state of our own -------------------------------------------------------------------- */

void mh_modules_open(lua_State *L, const mh_config *config) {
  preload(L);
  add_searcher(L);
  add_host(L, config);
  luaL_requiref(L, "moonherd._std", luaopen_moonherd__std, 0);
  if (mh_guard_of(L) != NULL) narrow(L);
  replace_require(L);
  lua_settop(L, 0);
}
