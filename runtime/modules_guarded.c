/* The modules of a realm under a guard. Private modules trust their callers, so scripts cannot have
 * them: moonherd's modules are kept in a table of their own, are loaded by a `require` of their own,
 * and see copies of the globals and the libraries. Of a public module scripts get a copy of its table,
 * its face. So no function that a script puts in the place of another is called by moonherd, and
 * handed what is not the script's: a credential, say. */
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "modules_parts.h"

int luaopen_moonherd__guarded(lua_State *L);
int luaopen_moonherd__guarded_files(lua_State *L);

/* Its address is a key of the registry: the table of a public module -> its face. */
static const char FACES[] = "moonherd.faces";

/* ---- faces ------------------------------------------------------------------------------------ */

/* Whether the table at the top is that of a public module. */
static bool is_public_table(lua_State *L) {
  bool is_found = false;
  int table = lua_gettop(L);
  mh_modules_push_loaded(L);
  for (lua_pushnil(L); !is_found && lua_next(L, table + 1) != 0; lua_pop(L, 1)) {
    bool is_open = lua_type(L, -2) == LUA_TSTRING && mh_modules_is_public(lua_tostring(L, -2));
    is_found = is_open && lua_rawequal(L, -1, table);
  }
  lua_settop(L, table);
  return is_found;
}

static void face(lua_State *L);

static void face_of_module(lua_State *L) {
  if (lua_istable(L, -1) && is_public_table(L)) face(L);
}

/* The __index of a face: what its module loads at its first use. Upvalue: the module. */
static int f_part(lua_State *L) {
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  lua_gettable(L, lua_upvalueindex(1));
  face_of_module(L);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -2);
  lua_rawset(L, 1);
  return 1;
}

/* Fills the face at the top from the module below it. */
static void fill(lua_State *L) {
  int module = lua_gettop(L) - 1;
  for (lua_pushnil(L); lua_next(L, module) != 0;) {
    // stack: module, face, name, value
    face_of_module(L);
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, module + 1);
  }
  if (!lua_getmetatable(L, module)) return;
  lua_pop(L, 1);
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, module);
  lua_pushcclosure(L, f_part, 1);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}

/* Puts its face in the place of the module at the top, always the same one. What is no table stays. */
static void face(lua_State *L) {
  if (!lua_istable(L, -1)) return;
  luaL_checkstack(L, 10, NULL);
  lua_rawgetp(L, LUA_REGISTRYINDEX, FACES);
  lua_pushvalue(L, -2);
  // stack: module, faces, module
  if (lua_rawget(L, -2) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -3);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
    lua_replace(L, -2);
    fill(L);
  } else {
    lua_replace(L, -2);
  }
  lua_replace(L, -2);
}

/* ---- finding ---------------------------------------------------------------------------------- */

/* Upvalue: the name. It is called by scripts too, with what they like. */
static int load_public(lua_State *L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  mh_modules_require(L);
  face(L);
  return 1;
}

/* moonherd.test is for a command that has no guard. */
static bool is_open(const char *name) {
  if (strncmp(name, "moonherd", 8) != 0 || name[8] == '\0') return true;
  return mh_modules_is_public(name) && strcmp(name, "moonherd.test") != 0;
}

/* One of package.searchers. */
static int search_public(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  if (!is_open(name) || mh_embedded_find(name) == NULL) return mh_modules_found_none(L, name);
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, load_public, 1);
  lua_pushliteral(L, ":embedded:");
  return 2;
}

/* ---- what moonherd's modules see -------------------------------------------------------------- */

/* The table at the top has copies of the libraries, but for `package`, which is read where scripts
 * set it. What is made later, such as `arg`, is looked for in the globals. */
static void copy_libraries(lua_State *L) {
  static const char *const libraries[] = {LUA_COLIBNAME,   LUA_TABLIBNAME, LUA_IOLIBNAME,
                                          LUA_OSLIBNAME,   LUA_STRLIBNAME, LUA_UTF8LIBNAME,
                                          LUA_MATHLIBNAME, LUA_DBLIBNAME};
  for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
    lua_newtable(L);
    lua_getfield(L, -2, libraries[i]);
    mh_modules_copy_fields(L);
    lua_setfield(L, -2, libraries[i]);
  }
  lua_createtable(L, 0, 1);
  lua_pushglobaltable(L);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}

/* Narrows some of Lua's own libraries. */
static void open_private(lua_State *L, const char *name, lua_CFunction opener) {
  mh_modules_push_loaded(L);
  lua_pushcfunction(L, opener);
  lua_call(L, 0, 1);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

/* Not for moonherd's modules: the client finds its credential by the plain function. */
static void replace_getenv(lua_State *L) {
  lua_getglobal(L, LUA_OSLIBNAME);
  mh_modules_push_loaded(L);
  lua_getfield(L, -1, "moonherd._guarded");
  lua_getfield(L, -1, "getenv");
  lua_setfield(L, -4, "getenv");
  lua_pop(L, 3);
}

void mh_modules_open_guarded(lua_State *L, const mh_config *config) {
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, FACES);
  mh_modules_hide_loaded(L);
  mh_modules_add_host(L, config);
  mh_modules_preload(L, true);
  mh_modules_add_searcher(L, search_public);
  open_private(L, "moonherd._guarded_files", luaopen_moonherd__guarded_files);
  open_private(L, "moonherd._guarded", luaopen_moonherd__guarded);
  mh_modules_make_environment(L);
  copy_libraries(L);
  replace_getenv(L);
  mh_modules_push_chunk(L, mh_embedded_find("moonherd._package"));
  lua_call(L, 0, 0);
}
