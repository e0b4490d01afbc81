/* moonherd._events: the script's end of the events of a host. lua/moonherd/events.lua makes the
 * public functions of it. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#include "core/dump.h"
#include "core/error.h"
#include "core/events.h"
#include "core/task.h"
#include "moonherd.h"

static mh_events *events_of(lua_State *L) {
  return mh_realm_of(L)->host->events;
}

/* The name of an event at index 1. */
static const char *check_name(lua_State *L, const char *who) {
  size_t n = 0;
  const char *name = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &n) : NULL;
  if (name == NULL)
    mh_error_usage(L, "%s: bad name (string expected, got %s)", who, luaL_typename(L, 1));
  if (n == 0 || n > MOONHERD_EVENT_NAME || strlen(name) != n)
    mh_error_usage(L, "%s: bad name (1 to %d bytes expected, and no zero)", who,
                   MOONHERD_EVENT_NAME);
  return name;
}

static mh_channel *check_channel(lua_State *L) {
  mh_channel *channel = mh_events_channel(events_of(L), check_name(L, "moonherd.on"));
  if (channel == NULL) luaL_error(L, "not enough memory");
  return channel;
}

/* take(name) -> the JSON of the oldest event, or nil when none waits. */
static int f_take(lua_State *L) {
  mh_channel *channel = check_channel(L);
  if (channel->head == NULL) return 0;
  lua_pushlstring(L, channel->head->json, channel->head->n);  // may raise: the event is still there
  mh_events_drop_first(events_of(L), channel);
  return 1;
}

static int waited(lua_State *L, int status, lua_KContext context) {
  (void)L, (void)status, (void)context;
  return 0;
}

/* wait(name): until an event comes, or wake(name) is called. */
static int f_wait(lua_State *L) {
  mh_channel *channel = check_channel(L);
  mh_task_can_wait(L, "moonherd.on");
  lua_settop(L, 1);
  // Stays on the stack, so the wait may point to it.
  const char *what = lua_pushfstring(L, "an event '%s'", channel->name);
  return mh_waitlist_wait(L, &channel->waiters, what, waited);
}

/* wake(name [, who]) */
static int f_wake(lua_State *L) {
  check_name(L, luaL_optstring(L, 2, "moonherd.on"));
  mh_waitlist_wake(&check_channel(L)->waiters, UINT32_MAX);
  return 0;
}

/* The JSON text at index 2, no longer than an event may be. */
static const char *check_text(lua_State *L, const char *who, size_t *n) {
  const char *text = luaL_checklstring(L, 2, n);
  if (*n > MOONHERD_EVENT_SIZE)
    mh_error_raise(L, "usage", "too_large",
                   "%s: the value is too large: %d bytes of JSON, %d allowed", who, (int)*n,
                   MOONHERD_EVENT_SIZE);
  return text;
}

/* emit(name, json) */
static int f_emit(lua_State *L) {
  const char *name = check_name(L, "moonherd.emit");
  size_t n;
  const char *text = check_text(L, "moonherd.emit", &n);
  const mh_host *host = mh_realm_of(L)->host;
  host->on_event(host->user, name, text, n);
  return 0;
}

/* keep(name, json | nil) */
static int f_keep(lua_State *L) {
  const char *name = check_name(L, "moonherd.keep");
  mh_event *value = NULL;
  size_t n;
  if (!lua_isnil(L, 2)) {
    const char *text = check_text(L, "moonherd.keep", &n);
    value = mh_event_new(text, n);
    if (value == NULL) return luaL_error(L, "not enough memory");
  }
  int e = mh_events_keep(events_of(L), name, value);
  if (e == 0) return 0;
  free(value);
  if (e != MOONHERD_EFULL) return luaL_error(L, "not enough memory");
  return mh_error_raise(L, "usage", "too_large",
                        "moonherd.keep: events that wait and values kept are over %d bytes",
                        MOONHERD_EVENT_ROOM);
}

/* kept(name) -> json, or nil */
static int f_kept(lua_State *L) {
  const mh_event *value = mh_events_kept(events_of(L), check_name(L, "moonherd.kept"));
  if (value == NULL) return 0;
  lua_pushlstring(L, value->json, value->n);
  return 1;
}

/* spawn(f, ...) -> task: it belongs to the script's main task, wherever it is called. */
static int f_spawn(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  mh_task_spawn_in_main(L, lua_gettop(L) - 1, "moonherd.on");
  return 1;
}

///@name moonherd.dump
/// Writes every task of the script to the host's log, whatever its level: a line for each, with what
/// it waits for and for how long, where it is and where it was spawned. SIGQUIT (Ctrl-\) makes the
/// command line do the same.
///@error none
///@example
/// moonherd.dump()
static int f_dump(lua_State *L) {
  if (mh_dump_to_log(mh_realm_of(L)) != 0) return luaL_error(L, "not enough memory");
  return 0;
}

static const luaL_Reg functions[] = {
    {"take", f_take}, {"wait", f_wait}, {"wake", f_wake},   {"emit", f_emit}, {"keep", f_keep},
    {"kept", f_kept}, {"dump", f_dump}, {"spawn", f_spawn}, {NULL, NULL},
};

int luaopen_moonherd__events(lua_State *L);
int luaopen_moonherd__events(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
