/* The calls of moonherd.h that make a handle, run its script and end it. */
#include "moonherd.h"

#include <assert.h>
#include <lauxlib.h>
#include <limits.h>
#include <string.h>

#include "core/preempt.h"
#include "core/realm_life.h"
#include "core/stuck.h"
#include "core/task.h"
#include "handle.h"

moonherd *moonherd_new(const moonherd_config *config, const char **why) {
  const char *reason;
  moonherd *m = mh_handle_new(config, &reason);
  if (m != NULL) m->script = mh_handle_new_realm(m);
  if (m != NULL && m->script == NULL) {
    reason = "not enough memory";
    mh_handle_free(m);
    m = NULL;
  }
  if (why != NULL) *why = reason;
  return m;
}

/* ---- running ------------------------------------------------------------------------------ */

static void on_root_end(mh_task_end *end) {
  moonherd *m = (moonherd *)((char *)end - offsetof(moonherd, root_end));
  m->has_ended = true;
  m->script->main = NULL;
}

typedef struct start_request {
  moonherd *m;
  int argc;
  const char *const *argv;
} start_request;

static int start_in_realm(lua_State *L) {
  const start_request *r = lua_touserdata(L, 1);
  lua_settop(L, 0);
  luaL_checkstack(L, r->argc + 8, "too many arguments");
  lua_rawgeti(L, LUA_REGISTRYINDEX, r->m->chunk);
  lua_createtable(L, r->argc, 1);
  for (int i = 0; i < r->argc; i++) {
    lua_pushstring(L, r->argv[i]);
    lua_rawseti(L, 2, i);
  }
  lua_setglobal(L, "arg");
  for (int i = 1; i < r->argc; i++) lua_pushstring(L, r->argv[i]);
  lua_pushboolean(L, true);  // takes the place, so that nothing can fail behind the spawn
  lua_rawsetp(L, LUA_REGISTRYINDEX, &r->m->root);
  r->m->root = mh_task_spawn(L, r->argc > 1 ? r->argc - 1 : 0, true);
  // Kept past its end, until its results are read.
  lua_rawsetp(L, LUA_REGISTRYINDEX, &r->m->root);
  mh_task_tie(r->m->root, &r->m->root_end);
  r->m->script->main = r->m->root;
  return 0;
}

int moonherd_start(moonherd *m, int argc, const char *const argv[]) {
  if (m == NULL || argc < 0 || (argc > 0 && argv == NULL)) return MOONHERD_EINVAL;
  for (int i = 0; i < argc; i++)
    if (argv[i] == NULL) return MOONHERD_EINVAL;
  if (mh_handle_is_busy(m) || m->phase == MH_RUNNING) return MOONHERD_EBUSY;
  if (m->chunk == LUA_NOREF) return MOONHERD_EINVAL;
  lua_State *L = m->script->L;
  m->root_end.on_end = on_root_end;
  m->has_ended = m->was_cancelled = m->script->has_exited = false;
  m->exit_code = 0;
  m->script->instructions = 0;
  lua_pushcfunction(L, start_in_realm);
  lua_pushlightuserdata(L, &(start_request){m, argc, argv});
  int status = lua_pcall(L, 1, 0, 0);
  lua_settop(L, 0);
  if (status != LUA_OK) return MOONHERD_ENOMEM;
  m->phase = MH_RUNNING;
  return 0;
}

/* An integer or a boolean that the main chunk returned. */
static int code_of(lua_State *L, int index) {
  if (lua_isboolean(L, index)) return lua_toboolean(L, index) ? 0 : 1;
  if (!lua_isinteger(L, index)) return 0;
  lua_Integer code = lua_tointeger(L, index);
  return code > INT_MAX ? INT_MAX : code < INT_MIN ? INT_MIN : (int)code;
}

/* Hands the error of the root task to the host, unless that asked for it. Allocates nothing: what is
 * left of a script without memory must be reported too. */
static void report_root(moonherd *m) {
  bool was_asked = m->was_cancelled || m->script->has_exited;
  if (was_asked && mh_task_raised_cancel(m->root)) return;
  lua_State *L = m->script->L, *thread = mh_task_thread(m->root);
  lua_pushvalue(thread, -1);
  lua_xmove(thread, L, 1);
  mh_handle_report(m, L);
  lua_pop(L, 1);
}

/* The root task has ended, and with it all others. */
static void finish(moonherd *m) {
  lua_State *L = m->script->L, *thread = mh_task_thread(m->root);
  if (mh_task_is_failed(m->root)) {
    m->exit_code = 1;
    report_root(m);
  } else {
    m->exit_code = lua_gettop(thread) > 0 ? code_of(thread, 1) : 0;
  }
  if (m->script->has_exited) m->exit_code = m->script->exit_code;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &m->root);
  m->root = NULL;
  m->has_ended = false;
  m->phase = MH_ENDED;
}

static void flush(moonherd *m) {
  if (m->script->out != NULL) fflush(m->script->out);
}

/* Collects garbage in what is left of a step's budget. A cycle that has ended is not followed by the
 * next before a quarter of what is in use has come to it: idle steps must cost nothing. */
static void collect(moonherd *m, uint64_t start) {
  if (!(m->config.budget > 0)) return;  // without a budget Lua's own pace is right
  const mh_mem *mem = &m->script->mem;
  if (!m->is_collecting && mem->used < m->collect_at) return;
  uint64_t end = mh_clock_after(start, m->config.budget * 0.9);
  m->is_collecting = true;
  while (m->is_collecting && uv_hrtime() < end)
    m->is_collecting = lua_gc(m->script->L, LUA_GCSTEP, 8) == 0;
  if (!m->is_collecting) m->collect_at = mem->used + mem->used / 4;
}

int moonherd_step(moonherd *m, double wait) {
  if (m == NULL) return MOONHERD_EINVAL;
  if (mh_handle_is_busy(m)) return MOONHERD_EBUSY;
  if (m->phase != MH_RUNNING) return MOONHERD_DONE;
  lua_settop(m->script->L, 0);  // what a host that uses the state may have left there
  uint64_t start = uv_hrtime();
  int r = mh_loop_step(&m->host.loop, m->config.budget, wait);
  assert(lua_gettop(m->script->L) == 0);  // a step leaves nothing behind
  flush(m);
  if (r < 0) return r;
  if (m->has_ended) {
    finish(m);
    flush(m);
    return MOONHERD_DONE;
  }
  if (r == MH_LOOP_READY) return MOONHERD_READY;
  // A host that never waits here looks after other things, too, which may be what the script is for.
  if (wait != 0 && !m->is_open && mh_stuck_tell(m->script)) return MOONHERD_READY;
  collect(m, start);
  return MOONHERD_WAITING;
}

int moonherd_run(moonherd *m) {
  int r;
  do {
    r = moonherd_step(m, -1);
  } while (r == MOONHERD_WAITING || r == MOONHERD_READY);
  return r;
}

int moonherd_fd(const moonherd *m) {
  return m != NULL ? mh_loop_fd(&m->host.loop) : -1;
}

int moonherd_timeout(const moonherd *m) {
  return m != NULL && m->phase == MH_RUNNING ? mh_loop_timeout(&m->host.loop) : -1;
}

int moonherd_cancel(moonherd *m, const char *reason) {
  if (m == NULL) return MOONHERD_EINVAL;
  if (m->phase != MH_RUNNING || m->root == NULL) return 0;
  m->was_cancelled = true;
  mh_task_cancel(m->root, reason);
  return 0;
}

void moonherd_interrupt(moonherd *m) {
  if (m != NULL && m->script != NULL) mh_preempt_interrupt(m->script);
}

void moonherd_wake(moonherd *m) {
  if (m != NULL) mh_loop_wake(&m->host.loop);
}

int moonherd_exit_code(const moonherd *m) {
  return m != NULL ? m->exit_code : 1;
}

int moonherd_count(const moonherd *m, moonherd_counts *counts) {
  if (m == NULL || counts == NULL || counts->size < sizeof counts->size) return MOONHERD_EINVAL;
  const mh_counts *from = &m->host.counts;
  moonherd_counts all = {.size = counts->size,
                         .requests = from->requests,
                         .retries = from->retries,
                         .failed = from->failed,
                         .budget_waits = from->budget_waits,
                         .budget_seconds = from->budget_seconds};
  for (size_t i = 0; i < MH_STATUS_CLASSES; i++) all.status[i] = from->status[i];
  memcpy(counts, &all, counts->size < sizeof all ? counts->size : sizeof all);
  return 0;
}

int moonherd_mask(const moonherd *m, const char *text, size_t n,
                  void (*on_text)(void *user, const char *text, size_t n), void *user) {
  if (m == NULL || on_text == NULL || (text == NULL && n > 0)) return MOONHERD_EINVAL;
  mh_buf masked;
  mh_buf_init(&masked, NULL);
  int e = mh_buf_append(&masked, text, n);
  if (e == 0) e = mh_log_mask(m->host.log, &masked);
  if (e == 0) on_text(user, masked.len > 0 ? masked.data : "", masked.len);
  mh_buf_fini(&masked);
  return e;
}

/* ---- ending ------------------------------------------------------------------------------- */

/* Cancels the script and steps until it has ended, or `end`. */
static void wind_down_script(moonherd *m, const char *why, uint64_t end) {
  moonherd_cancel(m, why);
  while (m->phase == MH_RUNNING && uv_hrtime() < end) moonherd_step(m, 0.1);
}

/* What still runs in a realm is closed with it. */
static void forget_root(moonherd *m) {
  if (m->root != NULL) mh_task_untie(&m->root_end);
  m->root = NULL;
  m->has_ended = false;
}

int moonherd_reload(moonherd *m) {
  if (m == NULL) return MOONHERD_EINVAL;
  if (mh_handle_is_busy(m)) return MOONHERD_EBUSY;
  mh_realm *next = m->next != NULL ? m->next : mh_handle_new_realm(m);
  if (next == NULL) return MOONHERD_ENOMEM;
  wind_down_script(m, "the script is reloaded", mh_clock_after(uv_hrtime(), m->host.grace));
  forget_root(m);
  mh_realm_free(m->script);
  m->script = next;
  m->chunk = m->next_chunk;
  m->is_collecting = false;
  m->collect_at = 0;
  m->phase = m->chunk != LUA_NOREF ? MH_LOADED : MH_EMPTY;
  m->next = NULL;
  m->next_chunk = LUA_NOREF;
  return 0;
}

/* Steps until the script, then the platforms have ended, or the grace is over: what still runs then
 * is closed with its realm. */
static void wind_down(moonherd *m) {
  uint64_t end = mh_clock_after(uv_hrtime(), m->host.grace);
  wind_down_script(m, "the handle is closed", end);
  mh_platforms_cancel(&m->platforms);
  while (!mh_platforms_have_ended(&m->platforms) && uv_hrtime() < end)
    mh_loop_step(&m->host.loop, 0, 0.1);
}

void moonherd_close(moonherd *m) {
  if (m == NULL || mh_handle_is_busy(m)) return;
  wind_down(m);
  forget_root(m);
  mh_handle_free(m);
}
