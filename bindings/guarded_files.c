/* moonherd._guarded_files: what of Lua's own libraries opens, changes or loads files, and chunks, under
 * a guard. The functions are replaced in place, before any script runs; see also guarded.c. */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "core/guarded.h"
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

/* io.input, io.output: a name becomes the file, which is what the plain ones take too. */
static int set_standard(lua_State *L, const char *who, const char *mode) {
  if (lua_isstring(L, 1)) {
    push_open(L, who, mode);
    lua_replace(L, 1);
  }
  return mh_guard_call_plain(L);
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
  if (lua_isnoneornil(L, 1)) return mh_guard_call_plain(L);
  int n = lua_gettop(L);
  luaL_checkstack(L, n + LUA_MINSTACK, "too many formats");
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
  return mh_guard_call_plain(L);
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

/* ---- opening ------------------------------------------------------------------------------ */

static void set_temporary(lua_State *L, const char *library, const char *name, const char *who) {
  lua_getglobal(L, library);
  lua_pushstring(L, who);
  lua_pushcclosure(L, f_temporary, 1);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

int luaopen_moonherd__guarded_files(lua_State *L);
int luaopen_moonherd__guarded_files(lua_State *L) {
  static const luaL_Reg base[] = {
      {"load", f_load}, {"loadfile", f_loadfile}, {"dofile", f_dofile}, {NULL, NULL}};
  static const luaL_Reg io[] = {
      {"open", f_open}, {"input", f_input}, {"output", f_output}, {"lines", f_lines}, {NULL, NULL}};
  static const luaL_Reg os[] = {{"remove", f_remove}, {"rename", f_rename}, {NULL, NULL}};
  mh_guard_replace(L, LUA_GNAME, base);
  mh_guard_replace(L, LUA_IOLIBNAME, io);
  mh_guard_replace(L, LUA_OSLIBNAME, os);
  set_temporary(L, LUA_IOLIBNAME, "tmpfile", "io.tmpfile");
  set_temporary(L, LUA_OSLIBNAME, "tmpname", "os.tmpname");
  static const luaL_Reg functions[] = {{"can_read", f_can_read}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
