/* moonherd._guarded: Lua's own libraries under a guard. What starts a process, opens a file or could
 * break the rules from the inside is replaced, in place and before any script runs; the rest of the
 * libraries stays. lua/moonherd/_guarded.lua adds what `package` needs. Opened only with a guard.
 *
 * Some replacements call the plain function, which they hold as an upvalue: with `debug` narrowed no
 * script can get at it. */
#include "core/guarded.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "core/error.h"
#include "core/place.h"

/* ---- files -------------------------------------------------------------------------------- */

static int on_close(lua_State *L) {
  luaL_Stream *file = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  return luaL_fileresult(L, fclose(file->f) == 0, NULL);
}

/* What fopen's modes are for open; -1: it is none. */
static int flags_of(const char *mode) {
  static const struct {
    char letter;
    int plain, plus;
  } modes[] = {{'r', O_RDONLY, O_RDWR},
               {'w', O_WRONLY | O_CREAT | O_TRUNC, O_RDWR | O_CREAT | O_TRUNC},
               {'a', O_WRONLY | O_CREAT | O_APPEND, O_RDWR | O_CREAT | O_APPEND}};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    if (mode[0] != modes[i].letter) continue;
    bool has_plus = mode[1] == '+';
    const char *rest = mode + 1 + has_plus;
    if (strspn(rest, "b") != strlen(rest) || strlen(rest) > 1) return -1;
    return has_plus ? modes[i].plus : modes[i].plain;
  }
  return -1;
}

/* Opens `path` as a FILE; NULL with errno, or *hint when it is refused. Raises nothing. */
static FILE *open_file(const mh_guard *guard, const char *path, const char *mode,
                       const char **hint) {
  mh_place place;
  int flags = flags_of(mode);
  bool is_write = (flags & O_ACCMODE) != O_RDONLY;
  int e = mh_place_enter(&place, guard, path, is_write ? MH_PLACE_WRITE : 0);
  *hint = e == MH_PLACE_REFUSED ? place.hint : NULL;
  int fd = *hint != NULL ? -EACCES : e;
  if (e == 0) fd = mh_place_open(&place, flags, 0666);
  mh_place_fini(&place);
  FILE *file = fd >= 0 ? fdopen(fd, mode) : NULL;
  if (fd >= 0 && file == NULL) close(fd);
  if (fd < 0) errno = -fd;
  return file;
}

/* Pushes a Lua file that is open, or returns false with errno. */
static bool push_file(lua_State *L, const char *who, const char *path, const char *mode) {
  luaL_Stream *file = lua_newuserdatauv(L, sizeof *file, 0);
  file->closef = NULL;  // closed, should anything be raised
  luaL_setmetatable(L, LUA_FILEHANDLE);
  const char *hint;
  file->f = open_file(mh_guard_of(L), path, mode, &hint);
  if (hint != NULL) mh_guarded(L, who, lua_pushfstring(L, "open '%s'", path), hint);
  if (file->f != NULL) file->closef = on_close;
  return file->f != NULL;
}

static const char *check_path(lua_State *L, int index) {
  size_t n;
  const char *path = luaL_checklstring(L, index, &n);
  luaL_argcheck(L, strlen(path) == n, index, "path has a zero byte");
  return path;
}

static int f_open(lua_State *L) {
  const char *path = check_path(L, 1), *mode = luaL_optstring(L, 2, "r");
  luaL_argcheck(L, flags_of(mode) >= 0, 2, "invalid mode");
  return push_file(L, "io.open", path, mode) ? 1 : luaL_fileresult(L, 0, path);
}

static void push_open(lua_State *L, const char *who, const char *mode) {
  const char *path = check_path(L, 1);
  if (push_file(L, who, path, mode)) return;
  luaL_error(L, "cannot open file '%s' (%s)", path, uv_strerror(-errno));
}

/* The plain function in the first upvalue, with all arguments. */
static int call_plain(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* io.input, io.output: a name becomes the file, which is what the plain ones take too. */
static int set_standard(lua_State *L, const char *who, const char *mode) {
  if (lua_isstring(L, 1)) {
    push_open(L, who, mode);
    lua_replace(L, 1);
  }
  return call_plain(L);
}

static int f_input(lua_State *L) {
  return set_standard(L, "io.input", "r");
}

static int f_output(lua_State *L) {
  return set_standard(L, "io.output", "w");
}

/* Upvalues: the iterator of file:lines, the file. As that of io.lines it closes the file at its end. */
static int next_line(lua_State *L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_call(L, 0, LUA_MULTRET);
  if (lua_toboolean(L, 1)) return lua_gettop(L);
  lua_getfield(L, lua_upvalueindex(2), "close");
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_call(L, 1, 0);
  return lua_gettop(L);
}

static int f_lines(lua_State *L) {
  if (lua_isnoneornil(L, 1)) return call_plain(L);
  int n = lua_gettop(L);
  push_open(L, "io.lines", "r");
  lua_getfield(L, -1, "lines");
  lua_pushvalue(L, -2);
  for (int i = 2; i <= n; i++) lua_pushvalue(L, i);
  lua_call(L, n, 1);
  // stack: arguments, file, iterator
  lua_pushvalue(L, -2);
  lua_pushcclosure(L, next_line, 2);
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushvalue(L, n + 1);
  return 4;
}

static int f_temporary(lua_State *L) {
  mh_guarded(L, lua_tostring(L, lua_upvalueindex(1)), "make a temporary file",
             "with a guard files are made by name, in its folders");
  return 0;
}

static int f_remove(lua_State *L) {
  const char *path = check_path(L, 1);
  mh_place place;
  int e = mh_place_enter(&place, mh_guard_of(L), path, MH_PLACE_WRITE | MH_PLACE_OWN_LINK);
  const char *hint = e == MH_PLACE_REFUSED ? place.hint : NULL;
  if (e == 0 && unlinkat(place.folder, place.name, 0) != 0) e = -errno;
  if (e == -EISDIR) e = unlinkat(place.folder, place.name, AT_REMOVEDIR) == 0 ? 0 : -errno;
  mh_place_fini(&place);
  if (hint != NULL) mh_guarded(L, "os.remove", lua_pushfstring(L, "remove '%s'", path), hint);
  errno = -e;
  return luaL_fileresult(L, e == 0, path);
}

static int f_rename(lua_State *L) {
  static const unsigned how = MH_PLACE_WRITE | MH_PLACE_OWN_LINK;
  const char *from = check_path(L, 1), *to = check_path(L, 2);
  const mh_guard *guard = mh_guard_of(L);
  mh_place a, b;
  int e = mh_place_enter(&a, guard, from, how);
  const char *hint = e == MH_PLACE_REFUSED ? a.hint : NULL;
  int e_to = mh_place_enter(&b, guard, to, how);
  if (e_to == MH_PLACE_REFUSED && hint == NULL) hint = b.hint;
  if (e == 0) e = e_to;
  if (e == 0 && renameat(a.folder, a.name, b.folder, b.name) != 0) e = -errno;
  mh_place_fini(&a);
  mh_place_fini(&b);
  if (hint != NULL)
    mh_guarded(L, "os.rename", lua_pushfstring(L, "rename '%s' to '%s'", from, to), hint);
  errno = -e;
  return luaL_fileresult(L, e == 0, NULL);
}

/* ---- processes and the process ------------------------------------------------------------ */

static int f_popen(lua_State *L) {
  mh_guard_check_process(L, "io.popen", luaL_checkstring(L, 1));
  return call_plain(L);
}

/* Without a command it asks for a shell: there is none. */
static int f_execute(lua_State *L) {
  const char *command = luaL_optstring(L, 1, NULL);
  if (command != NULL) mh_guard_check_process(L, "os.execute", command);
  else if (mh_guard_process(mh_guard_of(L)) != NULL) {
    lua_pushboolean(L, false);
    return 1;
  }
  return call_plain(L);
}

/* The locale is the whole process's. */
static int f_setlocale(lua_State *L) {
  if (!lua_isnoneornil(L, 1))
    mh_guarded(L, "os.setlocale", "change the locale", "it would change for all of the process");
  return call_plain(L);
}

/* ---- chunks ------------------------------------------------------------------------------- */

/* Whether a mode of `load` allows text; else pushes nil and why. */
static bool allows_text(lua_State *L, int index) {
  const char *mode = luaL_optstring(L, index, "t");
  if (strchr(mode, 't') != NULL) return true;
  luaL_pushfail(L);
  lua_pushfstring(L, "attempt to load a binary chunk (the guard allows text, mode is '%s')", mode);
  return false;
}

static int f_load(lua_State *L) {
  if (!allows_text(L, 3)) return 2;
  if (lua_gettop(L) < 3) lua_settop(L, 3);
  lua_pushliteral(L, "t");
  lua_replace(L, 3);
  return call_plain(L);
}

/* Pushes the text of the file at the top, without a mark of its encoding and a first line with #. */
static void push_text(lua_State *L) {
  FILE *file = ((luaL_Stream *)lua_touserdata(L, -1))->f;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  size_t n;
  do {
    n = fread(luaL_prepbuffer(&b), 1, LUAL_BUFFERSIZE, file);
    luaL_addsize(&b, n);
  } while (n > 0);
  luaL_pushresult(&b);
}

static const char *skip_first(const char *text, size_t *n) {
  const char *end = text + *n;
  if (*n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3;
  if (text < end && *text == '#') {
    const char *line_end = memchr(text, '\n', (size_t)(end - text));
    text =
        line_end != NULL ? line_end : end;  // the end of the line stays: lines keep their numbers
  }
  *n = (size_t)(end - text);
  return text;
}

/* Compiles a file: pushes the function and returns true, or a message. */
static bool push_chunk(lua_State *L, const char *who, const char *path) {
  if (!push_file(L, who, path, "r")) {
    lua_pushfstring(L, "cannot open %s (%s)", path, uv_strerror(-errno));
    return false;
  }
  push_text(L);
  bool has_failed = ferror(((luaL_Stream *)lua_touserdata(L, -2))->f) != 0;
  if (has_failed) {
    lua_pushfstring(L, "cannot read %s", path);
    return false;
  }
  size_t n;
  const char *text = lua_tolstring(L, -1, &n);
  text = skip_first(text, &n);
  return luaL_loadbufferx(L, text, n, lua_pushfstring(L, "@%s", path), "t") == LUA_OK;
}

static int f_loadfile(lua_State *L) {
  const char *path = check_path(L, 1);
  bool has_env = !lua_isnone(L, 3);
  if (!allows_text(L, 2)) return 2;
  if (!push_chunk(L, "loadfile", path)) {
    luaL_pushfail(L);
    lua_insert(L, -2);
    return 2;
  }
  if (!has_env) return 1;
  lua_pushvalue(L, 3);
  if (lua_setupvalue(L, -2, 1) == NULL) lua_pop(L, 1);
  return 1;
}

static int did_file(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return lua_gettop(L) - 1;
}

static int f_dofile(lua_State *L) {
  const char *path = check_path(L, 1);
  lua_settop(L, 1);
  if (!push_chunk(L, "dofile", path)) return lua_error(L);
  lua_insert(L, 2);
  lua_settop(L, 2);
  lua_callk(L, 0, LUA_MULTRET, 0, did_file);
  return did_file(L, LUA_OK, 0);
}

/* can_read(path) -> true; or false and what is the matter, for messages. */
static int f_can_read(lua_State *L) {
  const char *path = check_path(L, 1), *hint;
  FILE *file = open_file(mh_guard_of(L), path, "r", &hint);
  lua_pushboolean(L, file != NULL);
  if (file != NULL) fclose(file);
  lua_pushfstring(L, hint != NULL ? "the guard refuses to read '%s'" : "no file '%s'", path);
  return 2;
}

static int f_loadlib(lua_State *L) {
  mh_guarded(L, "package.loadlib", "load a library",
             "with a guard there are only C modules that "
             "are linked in");
  return 0;
}

/* ---- looking inside ----------------------------------------------------------------------- */

/* What a userdata does is decided in its metatable: whoever may change that can break it. */
static int f_getmetatable(lua_State *L) {
  luaL_checkany(L, 1);
  if (lua_isuserdata(L, 1)) {
    lua_pushboolean(L, false);
    return 1;
  }
  return call_plain(L);
}

static int f_debug_getmetatable(lua_State *L) {
  luaL_checkany(L, 1);
  if (lua_isuserdata(L, 1) || !lua_getmetatable(L, 1)) lua_pushnil(L);
  return 1;
}

/* As in plain Lua, without `func`: it would give functions that only run inside of others. */
static int f_getinfo(lua_State *L) {
  int level = lua_isthread(L, 1) ? 2 : 1;
  bool is_here = level == 1 || lua_tothread(L, 1) == L;
  if (is_here && lua_type(L, level) == LUA_TNUMBER && lua_tonumber(L, level) > 0) {
    lua_pushinteger(L, luaL_checkinteger(L, level) + 1);  // one more: this function
    lua_replace(L, level);
  }
  call_plain(L);
  if (!lua_istable(L, -1)) return 1;
  lua_pushnil(L);
  lua_setfield(L, -2, "func");
  return 1;
}

/* ---- opening ------------------------------------------------------------------------------ */

typedef struct replacement {
  const char *name;
  lua_CFunction function;
} replacement;

/* Replaces functions of the table at the top; each gets the plain one as its upvalue. */
static void replace_all(lua_State *L, const replacement *list) {
  for (; list->name != NULL; list++) {
    lua_getfield(L, -1, list->name);
    lua_pushcclosure(L, list->function, 1);
    lua_setfield(L, -2, list->name);
  }
}

static void replace_in(lua_State *L, const char *library, const replacement *list) {
  lua_getglobal(L, library);
  replace_all(L, list);
  lua_pop(L, 1);
}

static void set_temporary(lua_State *L, const char *library, const char *name, const char *who) {
  lua_getglobal(L, library);
  lua_pushstring(L, who);
  lua_pushcclosure(L, f_temporary, 1);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

/* A new table: the functions that are left out are gone from everywhere. */
static void narrow_debug(lua_State *L) {
  static const replacement kept[] = {{"getinfo", f_getinfo}, {NULL, NULL}};
  lua_getglobal(L, LUA_DBLIBNAME);
  lua_createtable(L, 0, 3);
  lua_getfield(L, -2, "traceback");
  lua_setfield(L, -2, "traceback");
  lua_getfield(L, -2, "getinfo");
  lua_setfield(L, -2, "getinfo");
  replace_all(L, kept);
  lua_pushcfunction(L, f_debug_getmetatable);
  lua_setfield(L, -2, "getmetatable");
  // stack: plain debug, narrow debug
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, LUA_DBLIBNAME);
  lua_pop(L, 1);
  lua_setglobal(L, LUA_DBLIBNAME);
  lua_pop(L, 1);
}

int luaopen_moonherd__guarded(lua_State *L);
int luaopen_moonherd__guarded(lua_State *L) {
  static const replacement base[] = {{"load", f_load},
                                     {"loadfile", f_loadfile},
                                     {"dofile", f_dofile},
                                     {"getmetatable", f_getmetatable},
                                     {NULL, NULL}};
  static const replacement io[] = {{"open", f_open},   {"input", f_input}, {"output", f_output},
                                   {"lines", f_lines}, {"popen", f_popen}, {NULL, NULL}};
  static const replacement os[] = {{"remove", f_remove},
                                   {"rename", f_rename},
                                   {"execute", f_execute},
                                   {"setlocale", f_setlocale},
                                   {NULL, NULL}};
  replace_in(L, LUA_GNAME, base);
  replace_in(L, LUA_IOLIBNAME, io);
  replace_in(L, LUA_OSLIBNAME, os);
  set_temporary(L, LUA_IOLIBNAME, "tmpfile", "io.tmpfile");
  set_temporary(L, LUA_OSLIBNAME, "tmpname", "os.tmpname");
  narrow_debug(L);
  static const luaL_Reg functions[] = {
      {"can_read", f_can_read}, {"loadlib", f_loadlib}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
