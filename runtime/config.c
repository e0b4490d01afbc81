/* The options of a handle. See config.h. */
#include "config.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "moonherd.h"

int luaopen_cjson(lua_State *L);

static const char NO_MEMORY[] = "not enough memory";

/* The setters are called with the value at the top of the stack. They return NULL or what is wrong. */

static const char *set_text(lua_State *L, char **slot) {
  *slot = strdup(lua_tostring(L, -1));
  return *slot != NULL ? NULL : NO_MEMORY;
}

static const char *set_target(lua_State *L, mh_config *config) {
  if (lua_type(L, -1) != LUA_TSTRING) return "options: \"target\" must be a string";
  return set_text(L, &config->target);
}

static const char *set_state(lua_State *L, mh_config *config) {
  if (lua_type(L, -1) != LUA_TSTRING) return "options: \"state\" must be a string";
  return set_text(L, &config->state);
}

static const char *set_account(lua_State *L, mh_config *config) {
  if (lua_type(L, -1) != LUA_TSTRING) return "options: \"account\" must be a string";
  return set_text(L, &config->account);
}

static const char *set_insecure(lua_State *L, mh_config *config) {
  if (!lua_isboolean(L, -1)) return "options: \"insecure_base_url\" must be true or false";
  config->allows_insecure_base_url = lua_toboolean(L, -1) != 0;
  return NULL;
}

static const char *set_progress(lua_State *L, mh_config *config) {
  config->progress = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
  return config->progress > 0 ? NULL : "options: \"progress\" must be a number of seconds above 0";
}

static const char *set_log(lua_State *L, mh_config *config) {
  static const char *const levels[] = {"error", "warn", "info", "debug"};
  for (int i = 0; lua_type(L, -1) == LUA_TSTRING && i <= MOONHERD_LOG_DEBUG; i++) {
    if (strcmp(lua_tostring(L, -1), levels[i]) != 0) continue;
    config->log_level = i;
    return NULL;
  }
  return "options: \"log\" must be \"error\", \"warn\", \"info\" or \"debug\"";
}

static const char *set_clock(lua_State *L, mh_config *config) {
  static const char wrong[] = "options: \"clock\" must be {\"virtual\": true, \"start\": SECONDS}";
  if (!lua_istable(L, -1)) return wrong;
  lua_getfield(L, -1, "virtual");
  lua_getfield(L, -2, "start");
  bool is_virtual = lua_toboolean(L, -2) != 0;
  bool has_start = lua_type(L, -1) == LUA_TNUMBER;
  double start = has_start ? lua_tonumber(L, -1) : 0;
  bool is_good = lua_isboolean(L, -2) && (has_start || lua_isnil(L, -1)) && fabs(start) < 9e9;
  lua_pop(L, 2);
  if (!is_good) return wrong;
  if (is_virtual) mh_clock_init_virtual(&config->clock, (int64_t)(start * (double)MH_SECOND));
  return NULL;
}

static const struct {
  const char *name;
  const char *(*set)(lua_State *L, mh_config *config);
} members[] = {
    {"target", set_target},     {"state", set_state},
    {"account", set_account},   {"insecure_base_url", set_insecure},
    {"log", set_log},           {"clock", set_clock},
    {"progress", set_progress},
};

/* The key is below the value at the top of the stack. */
static const char *set_member(lua_State *L, mh_config *config) {
  for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
    if (lua_type(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -2), members[i].name) == 0)
      return members[i].set(L, config);
  return "options: unknown member (members are target, state, account, insecure_base_url, log, "
         "clock, progress)";
}

typedef struct reading {
  mh_config *config;
  const char *json;
  const char *why;
} reading;

/* Runs in a state of its own: the clock must be known before there is a realm. */
static int read_members(lua_State *L) {
  reading *r = lua_touserdata(L, 1);
  r->why = "options: not a JSON object";
  luaopen_cjson(L);
  lua_getfield(L, -1, "decode");
  lua_pushstring(L, r->json);
  lua_call(L, 1, 1);
  if (!lua_istable(L, -1)) return 0;
  r->why = NULL;
  for (lua_pushnil(L); r->why == NULL && lua_next(L, -2) != 0; lua_pop(L, 1))
    r->why = set_member(L, r->config);
  return 0;
}

const char *mh_config_read(mh_config *config, const char *json) {
  memset(config, 0, sizeof *config);
  config->log_level = MOONHERD_LOG_INFO;
  mh_clock_init_real(&config->clock);
  if (json == NULL) return NULL;
  lua_State *L = luaL_newstate();
  if (L == NULL) return NO_MEMORY;
  reading r = {config, json, NO_MEMORY};
  lua_pushcfunction(L, read_members);
  lua_pushlightuserdata(L, &r);
  lua_pcall(L, 1, 0, 0);
  lua_close(L);
  return r.why;
}

void mh_config_fini(mh_config *config) {
  free(config->target);
  free(config->state);
  free(config->account);
  memset(config, 0, sizeof *config);
}

static void set_field(lua_State *L, const char *name, const char *value) {
  lua_pushstring(L, value);  // nil when NULL
  lua_setfield(L, -2, name);
}

static void set_boolean(lua_State *L, const char *name, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, name);
}

void mh_config_push(lua_State *L, const mh_config *config) {
  lua_createtable(L, 0, 9);
  set_field(L, "target", config->target);
  set_field(L, "state", config->state);
  set_field(L, "account", config->account);
  set_boolean(L, "insecure_base_url", config->allows_insecure_base_url);
  set_boolean(L, "read_only", config->is_read_only);
  set_boolean(L, "dry_run", config->is_dry_run);
  set_boolean(L, "virtual_clock", config->clock.is_virtual);
  if (config->progress > 0) {
    lua_pushnumber(L, config->progress);
    lua_setfield(L, -2, "progress");
  }
}
