/* A realm: one Lua state with its tasks, attached to a loop. The script lives in one, the embedded
 * platform in another. */
#ifndef MH_REALM_H
#define MH_REALM_H

#include <lua.h>
#include <stdbool.h>

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
  unsigned task_count, max_tasks, task_ids;
  bool is_system; /* the platform's: not counted, not cancelled with the script */

  bool is_waiting;  /* a wait has just yielded: the coroutine functions pass it on (coro.c) */
  unsigned no_wait; /* > 0: inside a coroutine whose resumer cannot yield */
  unsigned closing; /* nesting of coroutine.close */
  bool is_ending;   /* the state is being closed: nothing can wait any more */

  /* An error that nobody caught: an error object at the top of L. Runs from the step loop. */
  void (*on_error)(mh_realm *realm, lua_State *L);
  void *user;
};

/* Makes a state with the standard libraries and the replaced functions of the core. NULL without
 * memory. `set_up` runs in a protected call and opens everything else. */
mh_realm *mh_realm_new(mh_host *host, size_t memory_limit, unsigned max_tasks, bool is_system);
void mh_realm_free(mh_realm *realm); /* ends all tasks at once; cancel and step first to be kind */

/* The realm of a state or thread. */
static inline mh_realm *mh_realm_of(lua_State *L) {
  return *(mh_realm **)lua_getextraspace(L);
}
static inline mh_loop *mh_loop_of(lua_State *L) {
  return &mh_realm_of(L)->host->loop;
}

/* Cancels every task. */
void mh_realm_cancel(mh_realm *realm, const char *reason);

#endif
