/* The event loop: one libuv loop, the clock, timers, the queue of what is ready to run, and the
 * way in from other threads. Knows nothing of Lua: what runs is a callback of an mh_ready.
 *
 * Threads: everything here belongs to the thread that steps the loop, except mh_loop_post and
 * mh_loop_wake. */
#ifndef MH_LOOP_H
#define MH_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "core/clock.h"
#include "core/timers.h"

typedef struct mh_loop mh_loop;
struct mh_op;

/* Something that wants to run from the step loop: a task. Embedded in its owner. */
typedef struct mh_ready mh_ready;
struct mh_ready {
  mh_ready *next, *prev;
  void (*on_run)(mh_ready *self);
  bool is_queued;
};

/* A message from a worker thread, or from anywhere to a later moment on the loop thread. */
typedef struct mh_post mh_post;
struct mh_post {
  mh_post *next;
  void (*on_post)(mh_post *self); /* on the loop thread; runs no Lua */
};

struct mh_loop {
  uv_loop_t uv;
  mh_clock clock;

  mh_ready *ready_head, *ready_tail;
  mh_timers timers;
  uv_timer_t uv_timer; /* armed for the earliest timer when the clock is real */
  uint64_t uv_timer_due;

  uv_async_t uv_async;
  uv_mutex_t posted_lock;
  mh_post *posted_head, *posted_tail;

  struct mh_op *ops;     /* open operations, newest first */
  uint64_t steps;        /* steps begun so far */
  uint64_t resume_end;   /* when this step stops to run what is ready; MH_NEVER outside of steps */
  uint64_t step_end;     /* when its budget is spent; likewise */
  unsigned open_jobs;    /* worker jobs under way: the virtual clock stands still for them */
  unsigned open_handles; /* resources that must be closed before the loop: counted for the tests */
  bool had_event;        /* this pass delivered something */
  bool is_stepping;
};

int mh_loop_init(mh_loop *loop, const mh_clock *clock);
void mh_loop_fini(
    mh_loop *loop); /* closes its own handles; others must be closed by their owners */

uint64_t mh_loop_now(const mh_loop *loop);

/* Whether this step has spent what it may on running what is ready. */
bool mh_loop_is_late(const mh_loop *loop);

/* What one step did. */
enum { MH_LOOP_IDLE, MH_LOOP_READY };

/* One step: until `budget` seconds are spent (0: until nothing is ready) run libuv once without
 * waiting, then what is ready, oldest first. The first pass may wait up to `wait` seconds (< 0: for
 * ever) when nothing is ready. Returns MH_LOOP_READY when the budget ended with work left, or
 * MOONHERD_EBUSY when called from inside itself. */
int mh_loop_step(mh_loop *loop, double budget, double wait);

/* For a host that polls: what to poll, and for how long (ms; 0 now, -1 until the descriptor). */
int mh_loop_fd(const mh_loop *loop);
int mh_loop_timeout(const mh_loop *loop);

void mh_loop_enqueue(mh_loop *loop, mh_ready *ready); /* to the tail; nothing when queued already */
void mh_loop_dequeue(mh_loop *loop, mh_ready *ready);

void mh_timer_start(mh_loop *loop, mh_timer *timer, uint64_t due); /* restarts a running one */
void mh_timer_stop(mh_loop *loop, mh_timer *timer);
bool mh_timer_is_running(const mh_timer *timer);

void mh_loop_post(mh_loop *loop, mh_post *post); /* any thread */
void mh_loop_wake(mh_loop *loop);                /* any thread, and signal handlers */

/* Marks the pass as one that delivered an event. Callbacks of libuv handles that complete no
 * operation by themselves call it, so that a virtual clock does not run ahead of real I/O. */
void mh_loop_event(mh_loop *loop);

#endif
