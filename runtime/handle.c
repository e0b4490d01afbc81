/* Makes a handle and frees it: its config, its realms, and what it hands to them. See handle.h. */
#include "handle.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "core/guard.h"
#include "core/platform.h"
#include "core/preempt.h"
#include "core/realm_life.h"
#include "core/trace.h"
#include "guard_read.h"
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

static void on_event(void *user, const char *name, const char *json, size_t n) {
  moonherd *m = user;
  if (m->config.on_event == NULL) return;
  m->in_callback++;
  m->config.on_event(m->config.user, name, json, n);
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
  mh_host_modules_preload(L, &m->modules);
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

/* Everything that can fail in a fresh handle; what it made is freed by mh_handle_free. */
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
  m->host.on_event = on_event;
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

void mh_handle_free(moonherd *m) {
  mh_realm_free(m->next);
  mh_realm_free(m->script);
  mh_platforms_free(&m->platforms);
  while (m->host.closers != NULL) {
    mh_closer *closer = m->host.closers;
    m->host.closers = closer->next;
    closer->on_close(closer);
  }
  if (m->host.user != NULL) mh_loop_fini(&m->host.loop);
  mh_host_modules_free(&m->modules);
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
  if (m != NULL) mh_handle_free(m);
  return NULL;
}

mh_realm *mh_handle_script(moonherd *m) {
  return m->script;
}

bool mh_handle_is_busy(const moonherd *m) {
  return m->in_callback > 0 || m->host.loop.is_stepping;
}
