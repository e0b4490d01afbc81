/* What tasks and scopes are made of: for the files of core/ that run, stop and end tasks only. */
#ifndef MH_TASK_STATE_H
#define MH_TASK_STATE_H

#include "core/op.h"
#include "core/realm.h"
#include "core/waitlist.h"
#include "core/where.h"

struct mh_task_end;

typedef enum mh_scope_state {
  MH_SCOPE_CALM,
  MH_SCOPE_TELLING,
  MH_SCOPE_GRACE,
  MH_SCOPE_OVER,
} mh_scope_state;

/* In memory of its own: the collector may lose a finalizer when there is no memory to call it, so
 * that nothing in Lua's memory may be on a list. */
struct mh_scope {
  mh_task *owner;        /* NULL: it has ended */
  lua_State *thread;     /* the owner's, or the coroutine that opened it */
  mh_scope *outer;       /* around it; NULL for the root scope */
  mh_scope *next, *prev; /* in owner->scopes, newest first, or, when it has
                         ended, in realm->ended_scopes; not the root scope */
  mh_task *children;     /* those that have not ended */
  mh_op join;            /* ready when the last child has ended */
  mh_timer limit;        /* moonherd.timeout */
  mh_timer grace;
  double seconds;                /* the limit, for the message */
  lua_KContext place;            /* where on the stack it is, while it joins */
  char *reason;                  /* of a cancel; NULL: "cancelled" */
  int error;                     /* registry reference of the error raised for the stop */
  mh_task *failed, *last_failed; /* children that failed and are not reported yet, oldest first */
  mh_scope_state state;
  bool is_timeout;   /* stopped by its limit, not by a cancel */
  bool is_suspended; /* the coroutine that opened it has yielded to the script */
};

typedef enum mh_task_state {
  MH_TASK_READY, /* queued, or about to be */
  MH_TASK_RUNNING,
  MH_TASK_WAITING, /* for `waiting` */
  MH_TASK_JOINING, /* its function has ended, its children have not */
  MH_TASK_DONE,
  MH_TASK_FAILED
} mh_task_state;

#define MH_SPENT_MESSAGE "the script has used up its instructions"

/* A full userdata; its first user value is the thread. Anchored in the registry until it ends. When
 * it has ended the thread's stack holds its results, or its error at the top. */
struct mh_task {
  mh_ready ready; /* first: mh_ready.on_run casts back */
  mh_realm *realm;
  lua_State *L;
  mh_task *next, *prev;                 /* in realm->tasks */
  mh_scope *parent;                     /* the scope it was spawned in; NULL for a root task */
  mh_task *next_sibling, *prev_sibling; /* in parent->children */
  mh_task *next_failed;                 /* in the `failed` list of the scope that keeps it */
  mh_scope root;
  mh_scope *scopes;  /* those it opened further in, newest first */
  mh_scope *joining; /* the one whose tasks it waits for: it cannot be interrupted */

  mh_op *waiting;              /* what it waits for */
  uint64_t began, waits_since; /* for the timeline; 0 without one */
  lua_State *waits_in;         /* the thread that called what waits, its own or a coroutine's … */
  int height;                  /* … and the height of its stack */
  lua_KFunction k;
  mh_op park;     /* for waits that are a timer or a place in a list */
  mh_timer timer; /* wakes park */
  mh_waitlist *list;
  mh_task *next_waiter, *prev_waiter;
  mh_task *awaited; /* the one in whose `joiners` it is */

  mh_waitlist joiners; /* tasks that wait for this one */
  struct mh_task_end *ends;
  int nargs;          /* values on L to resume with */
  unsigned id, depth; /* depth: how many tasks it belongs to */
  mh_task_state state;
  bool was_preempted;        /* since it was last told of a stop */
  bool is_interrupted;       /* its wait was cancelled: raise instead of going on */
  bool is_stuck;             /* … because nothing could have ended it */
  bool must_die;             /* close the thread instead of resuming it */
  bool is_spent;             /* and why: the script has used up its instructions */
  bool has_waiters;          /* when it ended */
  bool has_failed;           /* its function raised; the error is at the top of L */
  bool raised_cancel;        /* … and it was kind `cancelled` */
  bool has_trace;            /* of an error; in the registry, under the address of this field */
  bool is_steady;            /* not stopped with its scope, but when the grace of that is over */
  char place[MH_WHERE_SIZE]; /* where it was spawned: "file:line" */
};

static inline bool mh_task_has_ended(const mh_task *task) {
  return task->state >= MH_TASK_DONE;
}

/* Lets the collector have a task that has ended. */
static inline void mh_task_drop_anchor(mh_task *task) {
  lua_State *L = task->realm->L;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, task);
}

#endif
