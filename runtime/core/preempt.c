/* Pre-emption. See preempt.h. */
#include "core/preempt.h"

#include <lauxlib.h>
#include <string.h>

#include "core/dump.h"
#include "core/error.h"
#include "core/pending.h"
#include "core/stop.h"
#include "core/task.h"
#include "core/task_state.h"
#include "core/wait.h"
#include "core/watched.h"
#include "moonherd.h"

enum { COUNT = 1000 /* instructions between two looks */ };

static void on_count(lua_State *L, lua_Debug *ar);

static void look_every(lua_State *L, int count) {
  if (lua_gethookcount(L) != count) lua_sethook(L, on_count, LUA_MASKCOUNT, count);
}

/* From here on every instruction raises: a loop around a pcall ends too. */
static void raise_for_good(lua_State *L, const char *kind, const char *reason,
                           const char *message) {
  look_every(L, 1);
  mh_error_raise(L, kind, reason, "%s", message);
}

/* The task is closed as a whole: to unwind a deep stack of pcalls error by error would take Lua for
 * ever. Where it cannot yield there are only few. */
static void end_task(lua_State *L) {
  mh_realm *realm = mh_realm_of(L);
  if (!mh_task_may_wait(L)) raise_for_good(L, "usage", "too_many_instructions", MH_SPENT_MESSAGE);
  realm->current->is_spent = true;
  mh_task_kill(realm->current);
  realm->is_waiting = realm->is_preempted = true;
  lua_yield(L, 0);
}

/* Whether the function that runs is part of the program. */
static bool is_ours(lua_State *L, lua_Debug *ar) {
  lua_getinfo(L, "S", ar);
  return strncmp(ar->source, "=[", 2) == 0;
}

/* A coroutine that relays the yield takes it for a wait. */
static void preempt(lua_State *L) {
  mh_realm *realm = mh_realm_of(L);
  mh_task *task = realm->current;
  if (task->was_preempted && mh_scope_pending(L) != NULL) {
    task->was_preempted = false;  // the next time it yields first, so that the step goes on
    mh_task_raise_pending(L);
  }
  task->was_preempted = true;
  realm->is_waiting = realm->is_preempted = true;
  lua_yield(L, 0);
}

/* Cancelled while it was pre-empted: it is told when it runs again, late or not. */
static bool must_be_told(lua_State *L) {
  const mh_task *task = mh_realm_of(L)->current;
  return task != NULL && task->was_preempted && mh_scope_pending(L) != NULL;
}

static void tell_overrun(mh_realm *realm) {
  const mh_task *task = realm->current;
  if (realm->told_in_step == realm->host->loop.steps || task == NULL) return;
  realm->told_in_step = realm->host->loop.steps;
  mh_log_message(
      realm->host->log, MOONHERD_LOG_WARN,
      "task %u, spawned at %s, holds a step over its budget: it cannot yield where it is", task->id,
      task->place);
}

/* The step's time for tasks is over. */
static void be_late(lua_State *L, lua_Debug *ar, uint64_t now) {
  mh_realm *realm = mh_realm_of(L);
  const mh_loop *loop = &realm->host->loop;
  if (mh_task_may_wait(L) && !is_ours(L, ar)) {
    look_every(L, COUNT);
    preempt(L);
    return;
  }
  if (now >= loop->step_end) tell_overrun(realm);
  bool is_killed = realm->current == NULL && !realm->is_ending;  // its grace is over
  uint64_t last = is_killed ? loop->step_end : mh_clock_after(loop->step_end, realm->host->grace);
  if (now < last) return;
  raise_for_good(L, "timeout", "too_long", "the script ran for too long where it cannot yield");
}

static void on_count(lua_State *L, lua_Debug *ar) {
  mh_realm *realm = mh_realm_of(L);
  if (realm->max_instructions > 0) {
    realm->instructions += (uint64_t)lua_gethookcount(L);
    if (realm->instructions > realm->max_instructions) {
      end_task(L);
      return;
    }
  }
  const mh_loop *loop = &realm->host->loop;
  if (!realm->is_preempting || loop->resume_end == MH_NEVER) return;
  uint64_t now = uv_hrtime();
  if (now >= loop->resume_end) {
    be_late(L, ar, now);
    return;
  }
  look_every(L, COUNT);
  if (must_be_told(L) && mh_task_may_wait(L) && !is_ours(L, ar)) preempt(L);
}

/* The hook that was there comes back. */
static void unhook(lua_State *L) {
  bool is_watched = mh_realm_is_watched(mh_realm_of(L));
  lua_sethook(L, is_watched ? on_count : NULL, is_watched ? LUA_MASKCOUNT : 0, COUNT);
}

/* What a signal handler asked for. The hook goes first: a request that comes meanwhile sets it again. */
static void on_asked(lua_State *L, lua_Debug *ar) {
  mh_realm *realm = mh_realm_of(L);
  unhook(L);
  if (realm->to_dump == L) {
    realm->to_dump = NULL;
    mh_dump_to_log(realm);
  }
  if (realm->to_interrupt != L) return;
  if (is_ours(L, ar)) {
    lua_sethook(L, on_asked, LUA_MASKCOUNT, 1);
    return;
  }
  realm->to_interrupt = NULL;  // what handles the error is not interrupted again
  mh_error_raise(L, "cancelled", "interrupted", "interrupted");
}

void mh_preempt_interrupt(mh_realm *realm) {
  if (realm->running == NULL) return;
  realm->to_interrupt = realm->running;
  lua_sethook(realm->running, on_asked, LUA_MASKCOUNT, 1);
}

void mh_preempt_dump(mh_realm *realm) {
  if (realm->running == NULL) return;
  realm->to_dump = realm->running;
  lua_sethook(realm->running, on_asked, LUA_MASKCOUNT, 1);
}

void mh_preempt_open(lua_State *L, bool is_preempting, uint64_t max_instructions) {
  mh_realm *realm = mh_realm_of(L);
  realm->is_preempting = is_preempting;
  realm->max_instructions = max_instructions;
  if (!mh_realm_is_watched(realm)) return;
  mh_watched_open(L);
  lua_sethook(realm->L, on_count, LUA_MASKCOUNT, COUNT);
}
