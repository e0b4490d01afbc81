/* moonherd._std: what a script prints goes to the host, and os.exit ends the script instead of the
 * process. Opened once in every realm; the functions keep their documented behaviour. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/task.h"
#include "moonherd.h"

/* ---- streams ------------------------------------------------------------------------------ */

/* io.stdout and io.stderr are real files of Lua's io library on top of these: the C library calls
 * back with what is to be written. */
typedef struct stream {
  mh_host *host;
  int number;   /* MOONHERD_STDOUT or MOONHERD_STDERR */
  FILE *before; /* stdout for stderr, which does not overtake it; NULL for stdout */
} stream;

static ssize_t on_write(void *cookie, const char *bytes, size_t n) {
  const stream *s = cookie;
  if (s->before != NULL) fflush(s->before);
  if (s->host->on_output != NULL) s->host->on_output(s->host->user, s->number, bytes, n);
  return (ssize_t)n;
}

static int on_close(void *cookie) {
  free(cookie);
  return 0;
}

static FILE *open_stream(mh_host *host, int number, FILE *before) {
  stream *s = malloc(sizeof *s);
  if (s == NULL) return NULL;
  *s = (stream){host, number, before};
  cookie_io_functions_t functions = {.write = on_write, .close = on_close};
  FILE *file = fopencookie(s, "w", functions);
  if (file == NULL) free(s);
  return file;
}

/* io.stdout:close() is refused, as in plain Lua. */
static int refuse_close(lua_State *L) {
  luaL_Stream *file = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  file->closef = refuse_close;
  luaL_pushfail(L);
  lua_pushliteral(L, "cannot close standard file");
  return 2;
}

/* The collector ends the FILE through this holder, after the last use of the Lua file. */
static int f_holder_gc(lua_State *L) {
  FILE **file = lua_touserdata(L, 1);
  if (*file != NULL) fclose(*file);
  *file = NULL;
  return 0;
}

/* Pushes the Lua file. That of stderr is made behind that of stdout, and so ends before it. */
static void push_stream(lua_State *L, int number, int buffering) {
  luaL_Stream *file = lua_newuserdatauv(L, sizeof *file, 1);
  file->closef = NULL;
  FILE **holder = lua_newuserdatauv(L, sizeof *holder, 0);
  *holder = NULL;
  if (luaL_newmetatable(L, "moonherd.stream")) {
    lua_pushcfunction(L, f_holder_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  *holder = open_stream(mh_realm_of(L)->host, number, mh_realm_of(L)->out);
  if (*holder == NULL) luaL_error(L, "not enough memory");
  setvbuf(*holder, NULL, buffering, BUFSIZ);
  file->f = *holder;
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, LUA_FILEHANDLE);
  file->closef = refuse_close;
}

///@name print
/// Writes its arguments to the host's output, as in plain Lua.
///@param ... any  what tostring makes of each, with tabs between them
///@error none
///@example
/// print("done", 3) --> done 3
static int f_print(lua_State *L) {
  FILE *out = mh_realm_of(L)->out;
  int n = lua_gettop(L);
  for (int i = 1; i <= n; i++) {
    size_t length;
    const char *text = luaL_tolstring(L, i, &length);
    if (i > 1) fputc('\t', out);
    fwrite(text, 1, length, out);
    lua_pop(L, 1);
  }
  fputc('\n', out);
  return 0;
}

/* ---- warnings ----------------------------------------------------------------------------- */

static const char WARNER[] = "moonherd.warner"; /* its address is the key in the registry */

typedef struct warner {
  mh_host *host;
  bool is_on, is_continued;
} warner;

static void write_warning(const warner *w, const char *text) {
  if (w->host->on_output != NULL)
    w->host->on_output(w->host->user, MOONHERD_STDERR, text, strlen(text));
}

/* As in plain Lua: off until warn "@on"; a message may come in pieces. */
static void on_warning(void *user, const char *message, int is_continued) {
  warner *w = user;
  if (!w->is_continued && !is_continued && message[0] == '@') {
    if (strcmp(message, "@on") == 0) w->is_on = true;
    else if (strcmp(message, "@off") == 0) w->is_on = false;
    return;
  }
  if (w->is_on && !w->is_continued) write_warning(w, "Lua warning: ");
  if (w->is_on) write_warning(w, message);
  if (w->is_on && !is_continued) write_warning(w, "\n");
  w->is_continued = is_continued != 0;
}

static void catch_warnings(lua_State *L) {
  warner *w = lua_newuserdatauv(L, sizeof *w, 0);
  *w = (warner){.host = mh_realm_of(L)->host};
  lua_rawsetp(L, LUA_REGISTRYINDEX, WARNER);
  lua_setwarnf(L, on_warning, w);
}

/* ---- os.exit ------------------------------------------------------------------------------ */

static int never(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  mh_task_raise_pending(L);
  return mh_error_raise(L, "cancelled", "exit", "os.exit");
}

static int exit_code(lua_State *L) {
  if (lua_isnoneornil(L, 1)) return EXIT_SUCCESS;
  if (lua_isboolean(L, 1)) return lua_toboolean(L, 1) ? EXIT_SUCCESS : EXIT_FAILURE;
  return (int)luaL_checkinteger(L, 1);
}

///@name os.exit
/// Ends the script with an exit code, not the process: every task is cancelled and may clean up.
///@param code? integer|boolean  default 0; true is 0, false is 1
///@error none
///@example
/// if arg[1] == nil then os.exit(2) end
static int f_exit(lua_State *L) {
  mh_realm *realm = mh_realm_of(L);
  realm->exit_code = exit_code(L);
  bool is_second = realm->has_exited;
  realm->has_exited = true;
  if (!is_second) mh_task_cancel_all(realm, "os.exit");
  if (is_second || !mh_task_may_wait(L)) return never(L, LUA_OK, 0);
  return mh_task_sleep(L, 0, "sleep", never);  // raises: the task has just been cancelled
}

static const char STDOUT[] = "moonherd.stdout"; /* its address is the key in the registry */

/* The file at the top is what print writes to and what is flushed after every step, even when the
 * script has put others into `io`. */
static void keep_stdout(lua_State *L) {
  mh_realm_of(L)->out = ((luaL_Stream *)lua_touserdata(L, -1))->f;
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, STDOUT);
}

int luaopen_moonherd__std(lua_State *L);
int luaopen_moonherd__std(lua_State *L) {
  catch_warnings(L);
  lua_getglobal(L, LUA_IOLIBNAME);
  push_stream(L, MOONHERD_STDOUT, _IOFBF);
  keep_stdout(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "stdout");
  push_stream(L, MOONHERD_STDERR, _IONBF);
  lua_setfield(L, -3, "stderr");
  // stack: io, stdout
  lua_getfield(L, -2, "output");
  lua_pushvalue(L, -2);
  lua_call(L, 1, 0);
  lua_pushcfunction(L, f_print);
  lua_setglobal(L, "print");
  lua_getglobal(L, LUA_OSLIBNAME);
  lua_pushcfunction(L, f_exit);
  lua_setfield(L, -2, "exit");
  lua_pushboolean(L, true);
  return 1;
}
