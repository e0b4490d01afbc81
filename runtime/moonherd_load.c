/* Loading: how the text of a script becomes the chunk of a realm, and how the next script takes the
 * place of one that runs. Behind moonherd.h. */
#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/error.h"
#include "core/realm_life.h"
#include "core/where.h"
#include "handle.h"
#include "modules.h"

/* The text of a message at the top becomes an error object without a trace, and is reported. */
static void report_syntax(moonherd *m, lua_State *L) {
  mh_error_wrap(L, L);
  lua_pushliteral(L, "syntax");
  lua_setfield(L, -2, "reason");
  lua_pushnil(L);
  lua_setfield(L, -2, "trace");
  mh_handle_report(m, L);
}

typedef struct load_request {
  moonherd *m;
  const char *path, *name, *source;
  size_t n;
  int chunk; /* the reference; before, the one that it takes the place of */
  int result;
} load_request;

/* A chunk, or a message, is at the top of the stack; with status. */
static int loaded(load_request *r, lua_State *L, int status) {
  if (status == LUA_ERRFILE) return MOONHERD_EIO;
  if (status == LUA_ERRMEM) return MOONHERD_ENOMEM;
  if (status != LUA_OK) {
    if (r->path != NULL) mh_where_expand_name(L, r->path);
    report_syntax(r->m, L);
    return MOONHERD_ESCRIPT;
  }
  luaL_unref(L, LUA_REGISTRYINDEX, r->chunk);
  r->chunk = LUA_NOREF;  // what stays when the next line runs out of memory
  r->chunk = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

/* The folder of the script: where its modules and files are. */
static void set_script_dir(lua_State *L, const char *path) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL) lua_pushliteral(L, ".");
  else lua_pushlstring(L, path, slash == path ? 1 : (size_t)(slash - path));
  // stack: dir
  mh_modules_push_host(L);
  lua_getfield(L, -1, "options");
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "script_dir");
  if (slash == NULL) return;
  lua_getglobal(L, LUA_LOADLIBNAME);
  lua_getfield(L, -1, "path");
  const char *dir = lua_tostring(L, 1);
  lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", dir, dir, lua_tostring(L, -1));
  lua_setfield(L, -3, "path");
}

/* As luaL_loadfile does: skips a byte order mark and a first line that starts with #, of which the
 * line end stays, so that lines keep their numbers. */
static int load_text(lua_State *L, const load_request *r) {
  static const char mark[] = "\xef\xbb\xbf";
  const char *source = r->source, *end = r->source + r->n;
  if (r->n >= 3 && memcmp(source, mark, 3) == 0) source += 3;
  if (source < end && *source == '#') {
    source = memchr(source, '\n', (size_t)(end - source));
    if (source == NULL) source = end;
  }
  return luaL_loadbufferx(L, source, (size_t)(end - source), r->name, "t");
}

static int load_in_realm(lua_State *L) {
  load_request *r = lua_touserdata(L, 1);
  lua_settop(L, 0);
  int status;
  if (r->path != NULL) {
    set_script_dir(L, r->path);
    status = luaL_loadfilex(L, r->path, "t");
  } else {
    status = load_text(L, r);
  }
  r->result = loaded(r, L, status);
  return 0;
}

static int load_into(mh_realm *realm, load_request *r) {
  lua_State *L = realm->L;
  lua_pushcfunction(L, load_in_realm);
  lua_pushlightuserdata(L, r);
  int status = lua_pcall(L, 1, 0, 0);
  lua_settop(L, 0);
  return status == LUA_OK ? r->result : MOONHERD_ENOMEM;
}

/* While a script runs, another is loaded beside it, in a realm of its own. What cannot be compiled
 * leaves what was there. */
static int load_next(load_request *r) {
  moonherd *m = r->m;
  mh_realm *realm = mh_handle_new_realm(m);
  if (realm == NULL) return MOONHERD_ENOMEM;
  r->chunk = LUA_NOREF;
  int e = load_into(realm, r);
  if (e == 0) {
    mh_realm_free(m->next);
    m->next = realm;
    m->next_chunk = r->chunk;
  } else {
    mh_realm_free(realm);
  }
  return e;
}

static int load(load_request *r) {
  moonherd *m = r->m;
  if (mh_handle_is_busy(m)) return MOONHERD_EBUSY;
  if (m->phase == MH_RUNNING) return load_next(r);
  r->chunk = m->chunk;
  int e = load_into(m->script, r);
  m->chunk = r->chunk;
  if (e == 0) m->phase = MH_LOADED;
  return e;
}

static int check_file(const char *path) {
  struct stat st;
  if (stat(path, &st) != 0)
    return errno == ENOENT || errno == ENOTDIR ? MOONHERD_ENOENT : MOONHERD_EIO;
  return S_ISDIR(st.st_mode) ? MOONHERD_EIO : 0;
}

int moonherd_load_file(moonherd *m, const char *path) {
  if (m == NULL || path == NULL) return MOONHERD_EINVAL;
  if (mh_handle_is_busy(m)) return MOONHERD_EBUSY;
  int e = check_file(path);
  if (e != 0) return e;
  return load(&(load_request){.m = m, .path = path});
}

int moonherd_load(moonherd *m, const char *name, const char *source, size_t n) {
  if (m == NULL || name == NULL || source == NULL) return MOONHERD_EINVAL;
  return load(&(load_request){.m = m, .name = name, .source = source, .n = n});
}
