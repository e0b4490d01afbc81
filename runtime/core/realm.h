/* A realm: one Lua state with its tasks, attached to a loop. The script lives in one, the embedded
 * platform in another. */
#ifndef MH_REALM_H
#define MH_REALM_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/host.h"
#include "core/mem.h"

typedef struct mh_task mh_task;
typedef struct mh_realm mh_realm;

struct mh_realm {
  mh_host *host;
  lua_State *L; /* the main state; tasks run in threads of their own */
  mh_mem mem;
  mh_task *current; /* the task that runs now, or NULL */
  mh_task *tasks;   /* all that have not ended */
  unsigned task_count, max_tasks, last_task_id;
  bool is_system; /* the platform's: not counted in limits, not cancelled with the script */
  bool is_ending; /* the state is being closed: nothing can wait any more */

  /* Waiting through coroutines: see coro.c. */
  bool is_waiting;         /* a wait has just yielded: the coroutine functions pass it on */
  lua_State *no_wait_in;   /* the innermost thread that could not pass a wait on, or NULL */
  const char *no_wait_why; /* the function in the way when it is known, else NULL */
  unsigned closing;        /* nesting of coroutine.close */

  FILE *out;       /* the script's stdout, flushed after every step; NULL: nothing is buffered */
  bool has_exited; /* os.exit was called … */
  int exit_code;   /* … with this */

  /* An error that nobody caught, an error object at the top of L. Called from the step loop in a
   * protected call. */
  void (*on_error)(mh_realm *realm, lua_State *L);
  void *user; /* the owner's */
};

/* Makes a state with the standard libraries and the functions of `coroutine` replaced. NULL without
 * memory. `memory_limit` 0: none. */
mh_realm *mh_realm_new(mh_host *host, size_t memory_limit, unsigned max_tasks);
void mh_realm_free(mh_realm *realm); /* ends all tasks at once; cancel and step first to be kind */

/* Cancels every task. */
void mh_realm_cancel(mh_realm *realm, const char *reason);

/* The extra space of every thread holds the realm. The lowest bit of the pointer marks a thread that
 * scripts must not resume: a task's, or a coroutine that waits for the loop. */
static inline mh_realm *mh_realm_of(lua_State *L) {
  return (mh_realm *)(*(uintptr_t *)lua_getextraspace(L) & ~(uintptr_t)1);
}
static inline bool mh_thread_is_held(lua_State *L) {
  return (*(uintptr_t *)lua_getextraspace(L) & 1) != 0;
}
static inline void mh_thread_hold(lua_State *L, bool is_held) {
  uintptr_t *space = (uintptr_t *)lua_getextraspace(L);
  *space = (*space & ~(uintptr_t)1) | (is_held ? 1 : 0);
}
static inline mh_loop *mh_loop_of(lua_State *L) {
  return &mh_realm_of(L)->host->loop;
}

#endif
