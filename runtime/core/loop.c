/* The event loop. See loop.h. */
#include "core/loop.h"

#include <string.h>

#include "moonherd.h"

/* Resuming stops at this share of the budget: the answers it causes are paid for in the next pass. */
static const double RESUME_SHARE = 0.6;

/* ---- timers ------------------------------------------------------------------------------- */

void mh_timer_start(mh_loop *loop, mh_timer *timer, uint64_t due) {
  mh_timer_stop(loop, timer);
  timer->due = due;
  if (due != MH_NEVER) mh_timers_add(&loop->timers, timer);
}

void mh_timer_stop(mh_loop *loop, mh_timer *timer) {
  if (mh_timer_is_running(timer)) mh_timers_remove(&loop->timers, timer);
}

bool mh_timer_is_running(const mh_timer *timer) {
  return timer->rank != 0;
}

static bool has_due_timer(const mh_loop *loop) {
  return loop->timers.count > 0 && loop->timers.first->due <= mh_loop_now(loop);
}

/* No more than there were: one that starts itself anew, due at once, must not keep the loop here. */
static void fire_due_timers(mh_loop *loop) {
  uint64_t now = mh_loop_now(loop);
  for (size_t n = loop->timers.count; n > 0; n--) {
    mh_timer *timer = loop->timers.first;
    if (timer == NULL || timer->due > now) break;
    mh_timer_stop(loop, timer);
    loop->had_event = true;
    timer->on_timer(timer);
  }
}

/* ---- libuv -------------------------------------------------------------------------------- */

static void on_uv_timer(uv_timer_t *timer) {
  mh_loop *loop = timer->data;
  loop->uv_timer_due = MH_NEVER;  // fire_due_timers runs after every pass
  uv_stop(&loop->uv);  // libuv runs timers before it polls: one that was due must not sleep there
}

/* Arms libuv for the earliest timer, rounded up to its milliseconds. */
static void arm(mh_loop *loop) {
  uint64_t due =
      loop->timers.count > 0 && !loop->clock.is_virtual ? loop->timers.first->due : MH_NEVER;
  if (due == loop->uv_timer_due) return;
  loop->uv_timer_due = due;
  if (due == MH_NEVER) {
    uv_timer_stop(&loop->uv_timer);
    return;
  }
  uv_update_time(&loop->uv);
  uint64_t now = mh_loop_now(loop);
  uint64_t ms = due <= now ? 0 : (due - now + MH_MILLISECOND - 1) / MH_MILLISECOND;
  uv_timer_start(&loop->uv_timer, on_uv_timer, ms, 0);
}

static void on_uv_async(uv_async_t *async) {
  mh_loop *loop = async->data;
  loop->had_event = true;
  uv_mutex_lock(&loop->posted_lock);
  mh_post *post = loop->posted_head;
  loop->posted_head = loop->posted_tail = NULL;
  uv_mutex_unlock(&loop->posted_lock);
  while (post != NULL) {
    mh_post *next = post->next;
    post->next = NULL;
    post->on_post(post);
    post = next;
  }
}

void mh_loop_post(mh_loop *loop, mh_post *post) {
  post->next = NULL;
  uv_mutex_lock(&loop->posted_lock);
  bool was_empty = loop->posted_head == NULL;
  if (was_empty) loop->posted_head = post;
  else loop->posted_tail->next = post;
  loop->posted_tail = post;
  // Sent under the lock: once the loop thread has taken the message it may be the last one, and
  // the loop may close its handle.
  if (was_empty) uv_async_send(&loop->uv_async);
  uv_mutex_unlock(&loop->posted_lock);
}

void mh_loop_wake(mh_loop *loop) {
  uv_async_send(&loop->uv_async);
}

void mh_loop_event(mh_loop *loop) {
  loop->had_event = true;
}

int mh_loop_init(mh_loop *loop, const mh_clock *clock) {
  memset(loop, 0, sizeof *loop);
  loop->clock = *clock;
  loop->uv_timer_due = loop->resume_end = loop->step_end = MH_NEVER;
  if (uv_loop_init(&loop->uv) != 0) return MOONHERD_ENOMEM;
  if (uv_mutex_init(&loop->posted_lock) != 0) {
    uv_loop_close(&loop->uv);
    return MOONHERD_ENOMEM;
  }
  if (uv_async_init(&loop->uv, &loop->uv_async, on_uv_async) != 0) {
    uv_mutex_destroy(&loop->posted_lock);
    uv_loop_close(&loop->uv);
    return MOONHERD_ENOMEM;
  }
  uv_timer_init(&loop->uv, &loop->uv_timer);
  loop->uv.data = loop;
  loop->uv_async.data = loop;
  loop->uv_timer.data = loop;
  return 0;
}

void mh_loop_fini(mh_loop *loop) {
  uv_close((uv_handle_t *)&loop->uv_async, NULL);
  uv_close((uv_handle_t *)&loop->uv_timer, NULL);
  while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0) {
  }
  uv_loop_close(&loop->uv);
  uv_mutex_destroy(&loop->posted_lock);
}

uint64_t mh_loop_now(const mh_loop *loop) {
  return mh_clock_now(&loop->clock);
}

/* ---- ready -------------------------------------------------------------------------------- */

void mh_loop_enqueue(mh_loop *loop, mh_ready *ready) {
  if (ready->is_queued) return;
  ready->is_queued = true;
  ready->next = NULL;
  ready->prev = loop->ready_tail;
  if (loop->ready_tail != NULL) loop->ready_tail->next = ready;
  else loop->ready_head = ready;
  loop->ready_tail = ready;
}

void mh_loop_dequeue(mh_loop *loop, mh_ready *ready) {
  if (!ready->is_queued) return;
  if (ready->prev != NULL) ready->prev->next = ready->next;
  else loop->ready_head = ready->next;
  if (ready->next != NULL) ready->next->prev = ready->prev;
  else loop->ready_tail = ready->prev;
  ready->next = ready->prev = NULL;
  ready->is_queued = false;
}

bool mh_loop_is_late(const mh_loop *loop) {
  return loop->resume_end != MH_NEVER && uv_hrtime() >= loop->resume_end;
}

/* Runs what was ready when it was called; what becomes ready meanwhile waits for the next pass,
 * after the loop has looked at its descriptors. At least one runs, however late it is. */
static void run_ready(mh_loop *loop) {
  mh_ready *last = loop->ready_tail;
  while (loop->ready_head != NULL) {
    mh_ready *ready = loop->ready_head;
    bool is_last = ready == last;
    mh_loop_dequeue(loop, ready);
    ready->on_run(ready);
    if (is_last || mh_loop_is_late(loop)) break;
  }
}

/* ---- the step ----------------------------------------------------------------------------- */

/* A virtual clock jumps to the next timer when nothing else can happen before it. */
static bool jump(mh_loop *loop) {
  if (!loop->clock.is_virtual || loop->had_event || loop->ready_head != NULL) return false;
  if (loop->open_jobs > 0 || loop->timers.count == 0) return false;
  mh_clock_advance(&loop->clock, loop->timers.first->due);
  return true;
}

/* Runs libuv once, waiting `wait` seconds at most (< 0: until something happens). */
static void run_uv(mh_loop *loop, double wait) {
  if (wait == 0) {
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    return;
  }
  uint64_t now = uv_hrtime();
  uint64_t due = wait < 0 ? MH_NEVER : mh_clock_after(now, wait);
  if (due < loop->uv_timer_due) {
    uv_update_time(&loop->uv);
    uint64_t ms = (due - now + MH_MILLISECOND - 1) / MH_MILLISECOND;
    uv_timer_start(&loop->uv_timer, on_uv_timer, ms, 0);
    loop->uv_timer_due = due;
  }
  uv_run(&loop->uv, UV_RUN_ONCE);
}

static void pass(mh_loop *loop, double wait) {
  loop->had_event = false;
  if (loop->clock.is_virtual && loop->timers.count > 0 && loop->open_jobs == 0) wait = 0;
  arm(loop);
  run_uv(loop, wait);
  jump(loop);
  fire_due_timers(loop);
}

int mh_loop_step(mh_loop *loop, double budget, double wait) {
  if (loop->is_stepping) return MOONHERD_EBUSY;
  loop->is_stepping = true;
  loop->steps++;
  uint64_t start = uv_hrtime();
  loop->step_end = budget > 0 ? mh_clock_after(start, budget) : MH_NEVER;
  loop->resume_end = budget > 0 ? mh_clock_after(start, budget * RESUME_SHARE) : MH_NEVER;
  pass(loop, loop->ready_head == NULL ? wait : 0);
  while (loop->ready_head != NULL) {
    run_ready(loop);
    if (mh_loop_is_late(loop)) break;
    pass(loop, 0);
  }
  arm(loop);
  loop->is_stepping = false;
  loop->resume_end = loop->step_end = MH_NEVER;
  return loop->ready_head != NULL || has_due_timer(loop) ? MH_LOOP_READY : MH_LOOP_IDLE;
}

int mh_loop_fd(const mh_loop *loop) {
  return uv_backend_fd(&loop->uv);
}

int mh_loop_timeout(const mh_loop *loop) {
  if (loop->ready_head != NULL) return 0;
  int ms = uv_backend_timeout(&loop->uv);
  if (loop->timers.count == 0) return ms;
  if (loop->clock.is_virtual) return loop->open_jobs > 0 ? ms : 0;
  uint64_t now = mh_loop_now(loop), due = loop->timers.first->due;
  uint64_t left = due <= now ? 0 : (due - now + MH_MILLISECOND - 1) / MH_MILLISECOND;
  if (left > INT32_MAX) left = INT32_MAX;
  return ms < 0 || (int)left < ms ? (int)left : ms;
}
