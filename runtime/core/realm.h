/* A realm: one Lua state with its tasks, attached to a loop. The script lives in one, the embedded
 * platform in another. The state is the realm's own, or the one of a program that keeps its Lua and
 * has asked for moonherd: see attach.h. */
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
typedef struct mh_scope mh_scope;
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
  unsigned blocked, told_stuck; /* tasks that wait for others, how often that were all: stuck.c */
  mh_scope *ended_scopes;       /* whose place on the stack of a coroutine is there still */
  unsigned trace_process;       /* of the timeline; 0: it has none yet */
  bool is_system;   /* the platform's: not counted in limits, not cancelled with the script */
  bool is_ending;   /* the state is being closed: nothing can wait any more */
  bool is_attached; /* the state is somebody else's: see attach.c */
  struct mh_realm **sentinel; /* what tells of its end, when it is */

  /* Waiting through coroutines: see coro.c. */
  bool is_waiting;           /* a wait has just yielded: the coroutine functions pass it on */
  lua_State *no_wait_in;     /* the innermost thread that could not pass a wait on, or NULL */
  const char *no_wait_why;   /* the function in the way when it is known, else NULL */
  unsigned closing;          /* nesting of coroutine.close */
  const mh_resumed *resumed; /* how the running coroutine came to run; NULL: the task itself runs */
  lua_State *running;        /* the thread that was resumed last, by us: others cannot wait */

  /* Pre-emption: see preempt.c. */
  bool is_preempting;
  bool is_preempted;         /* the wait under way is none: the task is ready again */
  uint64_t max_instructions; /* 0: none */
  uint64_t instructions;     /* run since the script was started, in thousands a thread */
  uint64_t told_in_step;     /* the last step whose overrun is in the log */
  lua_State *volatile to_interrupt, *volatile to_dump; /* set by signal handlers: these threads */

  FILE *out;       /* the script's stdout, flushed after every step; NULL: nothing is buffered */
  bool has_exited; /* os.exit was called … */
  int exit_code;   /* … with this */

  void (*on_resume)(mh_realm *realm); /* a task is about to go on; NULL: nothing is to be done */

  /* An error that nobody caught, an error object (or, without memory, text) at the top of L. Called
   * from the step loop. Raises nothing. */
  void (*on_error)(mh_realm *realm, lua_State *L);
  void *user; /* the owner's */
};

/* Whether the hook of preempt.h looks after what runs. */
static inline bool mh_realm_is_watched(const mh_realm *realm) {
  return realm->is_preempting || realm->max_instructions > 0;
}

/* The allocator of realms that own their state: by it they are told from others. */
void *mh_realm_allocate(void *realm, void *ptr, size_t old_size, size_t size);

/* In a state of somebody else: the realm that was set, or an error is raised. NULL: none any more. */
mh_realm *mh_realm_attached(lua_State *L);
void mh_realm_set_attached(lua_State *L, mh_realm *realm);

static inline mh_realm *mh_realm_of(lua_State *L) {
  void *realm;
  return lua_getallocf(L, &realm) == mh_realm_allocate ? realm : mh_realm_attached(L);
}

/* The task that runs now, or NULL. */
static inline mh_task *mh_task_current(lua_State *L) {
  return mh_realm_of(L)->current;
}

static inline mh_loop *mh_loop_of(lua_State *L) {
  return &mh_realm_of(L)->host->loop;
}

#endif
