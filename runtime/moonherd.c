/* Assembles core, io and bindings behind moonherd.h. */
#include "moonherd.h"

#include <assert.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/guard.h"
#include "core/platform.h"
#include "core/preempt.h"
#include "core/task.h"
#include "core/trace.h"
#include "guard_read.h"
#include "handle.h"
#include "modules.h"
#include "report.h"
#include "scratch.h"

enum {
  DEFAULT_GRACE = 5,          /* seconds */
  DEFAULT_TASKS = 1000000,    /* alive at once */
  TRANSFERS_WITH_BUDGET = 16, /* open at once */
  TRANSFERS = 64,
  ADMIT_WITH_BUDGET = 4, /* started in one step */
  MOST_CONFIG = 4096,    /* bytes of a config; a size above was never set */
};

static const unsigned ALL_FLAGS = MOONHERD_READ_ONLY | MOONHERD_DRY_RUN | MOONHERD_PREEMPT;

/* ---- callbacks ---------------------------------------------------------------------------- */

static void on_output(void *user, int stream, const char *bytes, size_t n) {
  moonherd *m = user;
  if (m->config.on_output == NULL || n == 0) return;
  m->in_callback++;
  m->config.on_output(m->config.user, stream, bytes, n);
  m->in_callback--;
}

static void on_log(void *user, int level, const char *json, size_t n) {
  moonherd *m = user;
  if (m->config.on_log == NULL) return;
  m->in_callback++;
  m->config.on_log(m->config.user, level, json, n);
  m->in_callback--;
}

static void on_trace(void *user, const char *json, size_t n) {
  moonherd *m = user;
  m->in_callback++;
  m->config.on_trace(m->config.user, json, n);
  m->in_callback--;
}

void mh_handle_report(moonherd *m, lua_State *L) {
  m->in_callback++;
  mh_report(L, m->host.log, m->config.user, m->config.on_error);
  m->in_callback--;
}

static void on_error(mh_realm *realm, lua_State *L) {
  mh_handle_report((moonherd *)realm->host, L);
}

static mh_platform *open_platform(mh_host *host, const char *state) {
  return mh_platforms_get(&((moonherd *)host)->platforms, state);
}

static bool owns_socket(mh_host *host, const char *path) {
  return mh_platforms_own(&((moonherd *)host)->platforms, path);
}

static bool close_platform(mh_host *host, const char *state) {
  return mh_platforms_close(&((moonherd *)host)->platforms, state);
}

static const char *scratch_dir(mh_host *host) {
  moonherd *m = (moonherd *)host;
  if (m->scratch == NULL) m->scratch = mh_scratch_new();
  return m->scratch;
}

/* ---- making ------------------------------------------------------------------------------- */

/* Whether the members behind ours, of a host built against a newer header, are all zero: one that is
 * set asks for something that would not be done. */
static bool has_unknown(const moonherd_config *config) {
  const char *bytes = (const char *)config;
  for (size_t i = sizeof *config; i < config->size; i++)
    if (bytes[i] != 0) return true;
  return false;
}

/* The config may be shorter than ours, from a host built against an older header. */
static const char *copy_config(moonherd *m, const moonherd_config *config) {
  moonherd_config *c = &m->config;
  if (config == NULL) return "no config";
  if (config->size < offsetof(moonherd_config, budget) || config->size > MOST_CONFIG)
    return "config.size is not set";
  if (has_unknown(config)) return "config: a member is set that this version does not have";
  memcpy(c, config, config->size < sizeof *c ? config->size : sizeof *c);
  if (!(c->budget >= 0) || !(c->grace >= 0)) return "config: budget and grace cannot be below zero";
  if ((c->flags & ~ALL_FLAGS) != 0) return "config: unknown flag";
  if ((c->flags & MOONHERD_PREEMPT) != 0 && !(c->budget > 0))
    return "config: MOONHERD_PREEMPT needs a budget";
  return NULL;
}

void mh_handle_set_limits(moonherd *m) {
  const moonherd_config *c = &m->config;
  bool has_budget = c->budget > 0;
  m->host.has_budget = has_budget;
  m->host.grace = c->grace > 0 ? c->grace : DEFAULT_GRACE;
  m->host.max_transfers = c->max_transfers > 0 ? c->max_transfers
                          : has_budget         ? TRANSFERS_WITH_BUDGET
                                               : TRANSFERS;
  m->host.admit_per_step = c->admit_per_step > 0 ? c->admit_per_step
                           : has_budget          ? ADMIT_WITH_BUDGET
                                                 : 0;
}

unsigned mh_handle_max_tasks(const moonherd *m) {
  return m->config.max_tasks > 0 ? m->config.max_tasks : DEFAULT_TASKS;
}

static int open_script(lua_State *L) {
  const moonherd *m = lua_touserdata(L, 1);
  mh_modules_open(L, &m->options);
  mh_handle_preload(L, m);
  mh_preempt_open(L, (m->config.flags & MOONHERD_PREEMPT) != 0, m->config.max_instructions);
  return 0;
}

mh_realm *mh_handle_new_realm(moonherd *m) {
  mh_realm *realm = mh_realm_new(&m->host, m->config.memory_limit, mh_handle_max_tasks(m));
  if (realm == NULL) return NULL;
  realm->user = m;
  realm->on_error = on_error;
  lua_State *L = realm->L;
  lua_pushcfunction(L, open_script);
  lua_pushlightuserdata(L, m);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK) return realm;
  mh_realm_free(realm);
  return NULL;
}

/* Everything that can fail in a fresh handle; what it made is freed by moonherd_close. */
static const char *set_up(moonherd *m, const moonherd_config *config) {
  static const char no_memory[] = "not enough memory";
  m->chunk = m->next_chunk = LUA_NOREF;
  const char *why = copy_config(m, config);
  if (why == NULL) why = mh_config_read(&m->options, m->config.options);
  if (why == NULL)
    why = mh_guard_read(&m->host.guard, m->config.guard, m->options.target, m->options.state);
  if (why != NULL) return why;
  m->options.is_read_only = (m->config.flags & MOONHERD_READ_ONLY) != 0;
  m->options.is_dry_run = (m->config.flags & MOONHERD_DRY_RUN) != 0;
  mh_handle_set_limits(m);
  if (mh_loop_init(&m->host.loop, &m->options.clock) != 0) return no_memory;
  m->host.user = m;
  m->host.on_output = on_output;
  m->host.on_event = mh_handle_on_event;
  m->host.events = &m->events;
  m->host.open_platform = open_platform;
  m->host.owns_socket = owns_socket;
  m->host.close_platform = close_platform;
  m->host.scratch_dir = scratch_dir;
  m->host.log = mh_log_new(&m->host.loop.clock, m->options.log_level, on_log, m);
  m->platforms = (mh_platforms){&m->host, &m->options, NULL, on_error};
  if (m->host.log == NULL) return no_memory;
  if (m->config.on_trace == NULL) return NULL;
  m->host.trace = mh_trace_new(&m->host.loop.clock, m->host.log, on_trace, m);
  return m->host.trace != NULL ? NULL : no_memory;
}

static void free_all(moonherd *m) {
  mh_realm_free(m->next);
  mh_realm_free(m->script);
  mh_platforms_free(&m->platforms);
  while (m->host.closers != NULL) {
    mh_closer *closer = m->host.closers;
    m->host.closers = closer->next;
    closer->on_close(closer);
  }
  mh_gate_close(m->gate);
  if (m->host.user != NULL) mh_loop_fini(&m->host.loop);
  mh_handle_free_modules(m);
  mh_events_fini(&m->events);
  mh_scratch_free(m->scratch);
  mh_trace_free(m->host.trace);
  mh_log_free(m->host.log);
  mh_guard_free(m->host.guard);
  mh_config_fini(&m->options);
  free(m);
}

moonherd *mh_handle_new(const moonherd_config *config, const char **why) {
  moonherd *m = calloc(1, sizeof *m);
  *why = m != NULL ? set_up(m, config) : "not enough memory";
  if (*why == NULL) return m;
  if (m != NULL) free_all(m);
  return NULL;
}

moonherd *moonherd_new(const moonherd_config *config, const char **why) {
  const char *reason;
  moonherd *m = mh_handle_new(config, &reason);
  if (m != NULL) m->script = mh_handle_new_realm(m);
  if (m != NULL && m->script == NULL) {
    reason = "not enough memory";
    free_all(m);
    m = NULL;
  }
  if (why != NULL) *why = reason;
  return m;
}

mh_realm *mh_handle_script(moonherd *m) {
  return m->script;
}

bool mh_handle_is_busy(const moonherd *m) {
  return m->in_callback > 0 || m->host.loop.is_stepping;
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
  on_error(m->script, L);
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
  free_all(m);
}
