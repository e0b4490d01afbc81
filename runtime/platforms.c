/* The embedded platforms. See platforms.h. */
#include "platforms.h"

#include <dirent.h>
#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/realm_life.h"
#include "modules.h"
#include "moonherd.h"

enum { RANDOM_BYTES = 32 };

/* ---- the socket --------------------------------------------------------------------------- */

/* The process that made a socket, by its name, as make_socket_path makes it; 0: it is something else. */
static pid_t owner_of(const char *name) {
  char *end;
  long pid = strtol(name, &end, 10);
  bool is_ours = name[0] >= '1' && name[0] <= '9' && *end == '-' && pid <= INT_MAX;
  return is_ours && strcmp(end + strcspn(end, "."), ".sock") == 0 ? (pid_t)pid : 0;
}

/* Removes sockets of processes that are gone: they were killed before they could do it. */
static void sweep(const char *dir) {
  DIR *entries = opendir(dir);
  if (entries == NULL) return;
  for (struct dirent *e; (e = readdir(entries)) != NULL;) {
    pid_t pid = owner_of(e->d_name);
    if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH) unlinkat(dirfd(entries), e->d_name, 0);
  }
  closedir(entries);
}

/* A folder that only this user can enter; NULL, or the path in `dir`. */
static bool make_socket_dir(char *dir, size_t size) {
  const char *base = getenv("XDG_RUNTIME_DIR");
  if (base == NULL || base[0] != '/') base = getenv("TMPDIR");
  if (base == NULL || base[0] != '/') base = "/tmp";
  int n = snprintf(dir, size, "%s/moonherd-%lu", base, (unsigned long)getuid());
  if (n < 0 || (size_t)n >= size) return false;
  if (mkdir(dir, 0700) != 0 && errno != EEXIST) return false;
  struct stat st;
  return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid() &&
         (st.st_mode & 077) == 0;
}

/* Fills `text` with 2 * n random hex digits and a zero. */
static bool set_random(char *text, size_t n) {
  unsigned char bytes[RANDOM_BYTES];
  if (uv_random(NULL, NULL, bytes, n, 0, NULL) != 0) return false;
  for (size_t i = 0; i < n; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
  return true;
}

/* A path short enough for a unix socket (108 bytes on Linux). */
static char *make_socket_path(void) {
  char dir[80], name[9];
  if (!make_socket_dir(dir, sizeof dir) || !set_random(name, 4)) return NULL;
  sweep(dir);
  mh_buf path;
  mh_buf_init(&path, NULL);
  mh_buf_printf(&path, "%s/%ld-%s.sock", dir, (long)getpid(), name);
  const char *text = mh_buf_cstr(&path);
  char *copy = text != NULL ? strdup(text) : NULL;
  mh_buf_fini(&path);
  return copy;
}

/* ---- starting ----------------------------------------------------------------------------- */

static void fail(mh_platform *p, const char *why) {
  if (p->state == MH_PLATFORM_FAILED) return;
  p->state = MH_PLATFORM_FAILED;
  p->why = strdup(why);
  mh_waitlist_wake(&p->waiters, UINT32_MAX);
}

/* A copy of a field of the error at index 2; NULL when it is not text. */
static char *copy_field(lua_State *L, const char *name) {
  lua_pushstring(L, name);
  char *copy = lua_rawget(L, 2) == LUA_TSTRING ? strdup(lua_tostring(L, -1)) : NULL;
  lua_pop(L, 1);
  return copy;
}

/* Stack: platform, error. Returns whether the error is what the world did: a full disk, a database
 * of a newer program. Then it is the caller's, who waits for the platform to serve. */
static int take_error(lua_State *L) {
  mh_platform *p = lua_touserdata(L, 1);
  bool is_taken = p->state == MH_PLATFORM_STARTING && mh_error_has_kind(L, 2, "io");
  if (is_taken) {
    p->reason = copy_field(L, "reason");
    p->hint = copy_field(L, "hint");
    fail(p, mh_error_text(L));
  }
  lua_pushboolean(L, is_taken);
  return 1;
}

/* Tells the callers why the platform failed, or reports the error that is at the top. */
static void deliver_error(mh_platform *p) {
  lua_State *L = p->realm->L;
  lua_pushcfunction(L, take_error);
  lua_pushlightuserdata(L, p);
  lua_pushvalue(L, -3);
  bool is_taken = lua_pcall(L, 2, 1, 0) == LUA_OK && lua_toboolean(L, -1);
  lua_pop(L, 1);
  if (!is_taken) p->realm->on_error(p->realm, L);
}

/* The platform's main task has ended: before it served that is a failure to start. */
static void on_main_end(mh_task_end *end) {
  mh_platform *p = (mh_platform *)((char *)end - offsetof(mh_platform, main_end));
  lua_State *thread = mh_task_thread(p->main);
  if (mh_task_is_failed(p->main) && !mh_task_raised_cancel(p->main)) {
    lua_pushvalue(thread, -1);
    lua_xmove(thread, p->realm->L, 1);
    deliver_error(p);
    lua_pop(p->realm->L, 1);
  }
  p->main = NULL;
  fail(p, "it has ended; its error says why");
}

static void set_field(lua_State *L, const char *name, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

/* Runs in the platform's new realm: require "moonherd.platform.main"(options) as a task. */
static int start_main(lua_State *L) {
  mh_platform *p = mh_realm_of(L)->user;
  mh_modules_open(L, lua_touserdata(L, 1));
  lua_getglobal(L, "require");
  lua_pushliteral(L, "moonherd.platform.main");
  lua_call(L, 1, 1);
  lua_newtable(L);
  set_field(L, "state", p->state_dir);
  set_field(L, "unix", p->socket);
  set_field(L, "token", p->token);
  p->main = mh_task_spawn(L, 1, true);
  p->main_end.on_end = on_main_end;
  mh_task_tie(p->main, &p->main_end);
  return 0;
}

static void start(mh_platforms *platforms, mh_platform *p) {
  p->realm = mh_realm_new(platforms->host, 0, 0);
  if (p->realm == NULL) {
    fail(p, "not enough memory");
    return;
  }
  p->realm->is_system = true;
  p->realm->user = p;
  p->realm->on_error = platforms->on_error;
  lua_State *L = p->realm->L;
  lua_pushcfunction(L, start_main);
  lua_pushlightuserdata(L, (void *)platforms->config);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    fail(p, mh_error_text(L));
    lua_settop(L, 0);
  }
}

mh_platform *mh_platforms_get(mh_platforms *platforms, const char *state_dir) {
  for (mh_platform *p = platforms->first; p != NULL; p = p->next)
    if (strcmp(p->state_dir, state_dir) == 0) return p;
  mh_platform *p = calloc(1, sizeof *p);
  char *copy = strdup(state_dir);
  if (p == NULL || copy == NULL) {
    free(p);
    free(copy);
    return NULL;
  }
  p->state_dir = copy;
  p->waiters.is_outside = true;
  p->next = platforms->first;
  platforms->first = p;
  if (!set_random(p->token, RANDOM_BYTES)) fail(p, "no random numbers");
  else if ((p->socket = make_socket_path()) == NULL)
    fail(p, "no private folder for its socket; set TMPDIR to a short path that you own");
  else start(platforms, p);
  return p;
}

bool mh_platforms_own(const mh_platforms *platforms, const char *path) {
  for (const mh_platform *p = platforms->first; p != NULL; p = p->next)
    if (p->socket != NULL && strcmp(p->socket, path) == 0) return true;
  return false;
}

/* ---- ending ------------------------------------------------------------------------------- */

void mh_platforms_cancel(mh_platforms *platforms) {
  for (mh_platform *p = platforms->first; p != NULL; p = p->next)
    if (p->realm != NULL) mh_task_cancel_all(p->realm, "the handle is closed");
}

bool mh_platforms_have_ended(const mh_platforms *platforms) {
  for (const mh_platform *p = platforms->first; p != NULL; p = p->next)
    if (p->realm != NULL && p->realm->task_count > 0) return false;
  return true;
}

static void free_platform(mh_platform *p) {
  mh_realm_free(p->realm);
  if (p->socket != NULL) unlink(p->socket);
  free(p->socket);
  free(p->state_dir);
  free(p->why);
  free(p->reason);
  free(p->hint);
  free(p);
}

bool mh_platforms_close(mh_platforms *platforms, const char *state_dir) {
  mh_platform **at = &platforms->first;
  while (*at != NULL && strcmp((*at)->state_dir, state_dir) != 0) at = &(*at)->next;
  mh_platform *p = *at;
  if (p == NULL) return true;
  if (p->realm != NULL && !p->is_closing) mh_task_cancel_all(p->realm, "the platform is closed");
  p->is_closing = true;
  if (p->realm != NULL && p->realm->task_count > 0) return false;
  *at = p->next;
  free_platform(p);
  return true;
}

void mh_platforms_free(mh_platforms *platforms) {
  while (platforms->first != NULL) {
    mh_platform *p = platforms->first;
    platforms->first = p->next;
    free_platform(p);
  }
}
