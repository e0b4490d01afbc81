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
#include "core/pool.h"

typedef struct mh_task mh_task;
typedef struct mh_realm mh_realm;

/* A resume of a coroutine under way, from the inside out; on the C stack of coro.c. */
typedef struct mh_resumed mh_resumed;
struct mh_resumed {
  const lua_State *by;
  const mh_resumed *outer; /* NULL: `by` is the thread of the task */
};

struct mh_realm {
  mh_host *host;
  lua_State *L; /* the main state; tasks run in threads of their own */
  mh_mem mem;
  mh_pool pool;     /* where L's small blocks come from */
  mh_task *current; /* the task that runs now, or NULL */
  mh_task *tasks;   /* all that have not ended */
  mh_task *main;    /* runs the script's main chunk; NULL when it has ended, or there is none */
  unsigned task_count, max_tasks, last_task_id;
  struct mh_scope *ended_scopes; /* whose place on the stack of a coroutine is there still */
  bool is_system; /* the platform's: not counted in limits, not cancelled with the script */
  bool is_ending; /* the state is being closed: nothing can wait any more */

  /* Waiting through coroutines: see coro.c. */
  bool is_waiting;           /* a wait has just yielded: the coroutine functions pass it on */
  lua_State *no_wait_in;     /* the innermost thread that could not pass a wait on, or NULL */
  const char *no_wait_why;   /* the function in the way when it is known, else NULL */
  unsigned closing;          /* nesting of coroutine.close */
  const mh_resumed *resumed; /* how the running coroutine came to run; NULL: the task itself runs */

  FILE *out;       /* the script's stdout, flushed after every step; NULL: nothing is buffered */
  bool has_exited; /* os.exit was called … */
  int exit_code;   /* … with this */

  /* An error that nobody caught, an error object (or, without memory, text) at the top of L. Called
   * from the step loop. Raises nothing. */
  void (*on_error)(mh_realm *realm, lua_State *L);
  void *user; /* the owner's */
};

/* Makes a state with the standard libraries and the functions of `coroutine` replaced. NULL without
 * memory. `memory_limit` 0: none. */
mh_realm *mh_realm_new(mh_host *host, size_t memory_limit, unsigned max_tasks);
void mh_realm_free(mh_realm *realm); /* ends all tasks at once; cancel and step first to be kind */

/* Cancels every task. */
void mh_realm_cancel(mh_realm *realm, const char *reason);

/* The extra space of every thread holds the realm; the lowest bits of the pointer are marks. */
enum {
  MH_THREAD_HELD = 1,        /* scripts must not resume it: a task's, or it waits for the loop */
  MH_THREAD_HOLDS_SCOPE = 2, /* a coroutine that has opened a scope */
  MH_THREAD_MARKS = 3
};
static inline mh_realm *mh_realm_of(lua_State *L) {
  return (mh_realm *)(*(uintptr_t *)lua_getextraspace(L) & ~(uintptr_t)MH_THREAD_MARKS);
}
static inline bool mh_thread_is(lua_State *L, unsigned mark) {
  return (*(uintptr_t *)lua_getextraspace(L) & mark) != 0;
}
static inline void mh_thread_mark(lua_State *L, unsigned mark, bool is_set) {
  uintptr_t *space = (uintptr_t *)lua_getextraspace(L);
  *space = (*space & ~(uintptr_t)mark) | (is_set ? mark : 0);
}
static inline mh_loop *mh_loop_of(lua_State *L) {
  return &mh_realm_of(L)->host->loop;
}

#endif
