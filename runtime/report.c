/* Reports of errors. See report.h. */
#include "report.h"

#include <lauxlib.h>
#include <string.h>

#include "core/buf.h"

enum { KIND, REASON, MESSAGE, HINT, TRACE, JSON, PARTS };

struct moonherd_error {
  mh_buf parts[PARTS];
};

static const char *part(const moonherd_error *error, int which) {
  return error != NULL && error->parts[which].len > 0 ? error->parts[which].data : "";
}

const char *moonherd_error_kind(const moonherd_error *error) {
  return part(error, KIND);
}
const char *moonherd_error_reason(const moonherd_error *error) {
  return part(error, REASON);
}
const char *moonherd_error_message(const moonherd_error *error) {
  return part(error, MESSAGE);
}
const char *moonherd_error_hint(const moonherd_error *error) {
  return part(error, HINT);
}
const char *moonherd_error_trace(const moonherd_error *error) {
  return part(error, TRACE);
}
const char *moonherd_error_json(const moonherd_error *error) {
  return part(error, JSON);
}

/* The value at the top becomes a part of the report, and is popped. */
static void take_part(lua_State *L, mh_buf *part_bytes) {
  size_t n;
  const char *text = lua_isnil(L, -1) ? NULL : luaL_tolstring(L, -1, &n);
  if (text != NULL) {
    mh_buf_clear(part_bytes);
    mh_buf_append(part_bytes, text, n);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static void take_field(lua_State *L, const char *name, mh_buf *part_bytes) {
  if (!lua_istable(L, 1)) lua_pushnil(L);
  else lua_getfield(L, 1, name);
  take_part(L, part_bytes);
}

/* Stack: error object. Fills the report as far as memory allows. */
static int fill(lua_State *L) {
  moonherd_error *report = lua_touserdata(L, 2);
  luaL_checkstack(L, 12, "report");
  lua_pushvalue(L, 1);
  take_part(L, &report->parts[MESSAGE]);
  take_field(L, "kind", &report->parts[KIND]);
  take_field(L, "reason", &report->parts[REASON]);
  take_field(L, "hint", &report->parts[HINT]);
  take_field(L, "trace", &report->parts[TRACE]);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "moonherd.error");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "to_json");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  take_part(L, &report->parts[JSON]);
  return 0;
}

void mh_report(lua_State *L, const mh_log *log, void *user,
               void (*on_error)(void *user, const moonherd_error *error)) {
  if (on_error == NULL) return;
  moonherd_error report;
  for (int i = 0; i < PARTS; i++) mh_buf_init(&report.parts[i], NULL);
  mh_buf_puts(&report.parts[MESSAGE], "not enough memory to report an error");
  lua_pushcfunction(L, fill);
  lua_pushvalue(L, -2);
  lua_pushlightuserdata(L, &report);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) lua_pop(L, 1);
  for (int i = 0; i < PARTS; i++) {
    // What cannot be masked is not shown.
    if (mh_log_mask(log, &report.parts[i]) != 0) mh_buf_clear(&report.parts[i]);
    if (mh_buf_cstr(&report.parts[i]) == NULL) mh_buf_clear(&report.parts[i]);
  }
  on_error(user, &report);
  for (int i = 0; i < PARTS; i++) mh_buf_fini(&report.parts[i]);
}
