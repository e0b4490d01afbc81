/* moonherd for hosts that know Lua: modules of their own for scripts, with functions in C that may
 * wait. Simple hosts exchange events instead. Link Lua 5.4 beside moonherd.
 *
 * A function that waits hands its work to the host, on a thread or wherever it is done, and is ended
 * by moonherd_ready; other tasks of the script run meanwhile:
 *
 *   typedef struct load { char path[256]; image *image; } load;         // the job
 *
 *   static const moonherd_work loading = {"an image", sizeof(load), loaded, stop, forget};
 *
 *   static int f_load(lua_State *L) {
 *     const char *path = luaL_checkstring(L, 1);     // 1. check all arguments
 *     load *job = moonherd_begin(L, &loading);       // 2. from here on raise no error
 *     snprintf(job->path, sizeof job->path, "%s", path);
 *     if (!queue_load(job))                          // 3. hand it over …
 *       moonherd_ready(job, MOONHERD_EIO);           //    … or end it yourself
 *     return moonherd_wait(L, job);                  // 4. nothing after it
 *   }
 *   static int loaded(lua_State *L, void *job, int status) { … push the results, or luaL_error … }
 *
 *   static const luaL_Reg game[] = {{"load", f_load}, {NULL, NULL}};
 *   moonherd_register(m, "game", game);              // local game = require "game"
 *
 * Such functions run inside moonherd_step: calls on the handle that are refused in callbacks are
 * refused in them. C++: they are called from C, no exception may leave them. */
#ifndef MOONHERD_LUA_H
#define MOONHERD_LUA_H

#include "moonherd.h"

#ifdef __cplusplus
extern "C" {
#endif

#include <lauxlib.h>
#include <lua.h>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* Makes a module of functions that scripts `require` by its name, in this script and all that are
 * loaded later. `functions` ends with {NULL, NULL} and is not copied: it must outlive the handle.
 * EINVAL: the name is empty, taken, one of Lua's, "moonherd" or starts with "moonherd."; EBUSY from
 * inside a callback or a function of a script; ENOMEM. */
int moonherd_register(moonherd *m, const char *name, const luaL_Reg *functions);

/* config.user of the handle whose script runs in L. */
void *moonherd_user(lua_State *L);

/* The main thread of the script's state, for use between steps until the next moonherd_reload or
 * moonherd_close: to set a global, say. NULL from inside a callback or a function of a script. What
 * may raise must be inside lua_pcall, an error outside of it ends the process. Nothing can wait in it.
 * The next step clears its stack. */
lua_State *moonherd_state(moonherd *m);

/* A kind of work that functions wait for. Not copied: make it static. */
typedef struct moonherd_work {
  const char *what; /* what a task waits for, in errors and dumps: "an image" */
  size_t size;      /* bytes of a job, the host's data */

  /* Ends the function, in a step: pushes the results and returns how many, or raises an error.
   * `status` is what moonherd_ready was given. The arguments of the function are still at 1, 2, … */
  int (*on_done)(lua_State *L, void *job, int status);

  /* Nobody waits for it any more: its task was cancelled or timed out, or the script ends. May tell
   * the host to stop. moonherd_ready must be called all the same; then on_done is not. On the
   * handle's thread; no Lua, no call on the handle. May be NULL. */
  void (*on_cancel)(void *job);

  /* Both sides have let go of the job: frees what it points to, not the job itself. On the handle's
   * thread, or, once the handle is closed, on the one that calls moonherd_ready. May be NULL. */
  void (*on_free)(void *job);
} moonherd_work;

/* Makes a job of `size` zero bytes. It lives until moonherd_ready has been called and its function
 * has ended. Raises a usage error where the script cannot wait (inside table.sort, say), and without
 * memory: nothing has begun then. Pushes one value, which must stay on the stack. */
void *moonherd_begin(lua_State *L, const moonherd_work *work);

/* Waits for the job: `return moonherd_wait(L, job);`. Other tasks run meanwhile. */
int moonherd_wait(lua_State *L, void *job);

/* The host is done with the job, and must not touch it any more: its function ends in a later step,
 * with a status of the host's choice, usually 0 or a MOONHERD_E…. Exactly once for each
 * moonherd_begin, on any thread (in no signal handler), also before moonherd_wait, after on_cancel,
 * and after the handle was closed. */
void moonherd_ready(void *job, int status);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
