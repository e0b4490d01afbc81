/* Reports of errors. See report.h. */
#include "report.h"

#include <lauxlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/error.h"
#include "modules.h"

enum { KIND, REASON, MESSAGE, HINT, REQUEST, TRACE, JSON, PARTS };

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
const char *moonherd_error_request(const moonherd_error *error) {
  return part(error, REQUEST);
}
const char *moonherd_error_trace(const moonherd_error *error) {
  return part(error, TRACE);
}
const char *moonherd_error_json(const moonherd_error *error) {
  return part(error, JSON);
}

/* The text at the top becomes a part of the report. Parts are strings of C: zeros are shown. */
static int set_part(mh_buf *part_bytes, const char *text, size_t n) {
  mh_buf_clear(part_bytes);
  const char *zero = memchr(text, '\0', n);
  while (zero != NULL) {
    size_t before = (size_t)(zero - text);
    if (mh_buf_append(part_bytes, text, before) != 0) return MOONHERD_ENOMEM;
    if (mh_buf_puts(part_bytes, "\\0") != 0) return MOONHERD_ENOMEM;
    text += before + 1;
    n -= before + 1;
    zero = memchr(text, '\0', n);
  }
  return mh_buf_append(part_bytes, text, n);
}

static void take_part(lua_State *L, mh_buf *part_bytes) {
  size_t n;
  const char *text = lua_tolstring(L, -1, &n);
  if (text != NULL && set_part(part_bytes, text, n) != 0) mh_buf_clear(part_bytes);
  lua_pop(L, 1);
}

/* Stack: error, name. Returns the field when it is text. */
static int read_field(lua_State *L) {
  lua_pushstring(L, lua_touserdata(L, 2));
  if (lua_rawget(L, 1) != LUA_TSTRING) lua_pushnil(L);
  return 1;
}

/* Stack: error. Calls a function of a module with it and leaves its result. */
static int ask_module(lua_State *L, const char *module, const char *function) {
  mh_modules_push_require(L);
  lua_pushstring(L, module);
  lua_call(L, 1, 1);
  lua_getfield(L, -1, function);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

static int read_json(lua_State *L) {
  return ask_module(L, "moonherd.error", "to_json");
}

static int read_request(lua_State *L) {
  return ask_module(L, "moonherd._advice", "request");
}

/* Before the message and the hint are read. */
static int advise(lua_State *L) {
  return ask_module(L, "moonherd._advice", "advise");
}

/* Each part is read by itself: what cannot be read, for a lack of memory or a metamethod that
 * raises, does not take the others with it. The error is at the top. */
static void take(lua_State *L, lua_CFunction read, const char *name, mh_buf *part_bytes) {
  lua_pushcfunction(L, read);
  lua_pushvalue(L, -2);
  lua_pushlightuserdata(L, (void *)name);
  if (lua_pcall(L, 2, 1, 0) == LUA_OK) take_part(L, part_bytes);
  else lua_pop(L, 1);
}

static void fill(lua_State *L, moonherd_error *report) {
  if (lua_istable(L, -1)) take(L, advise, NULL, &report->parts[HINT]);
  mh_error_text(L);
  take_part(L, &report->parts[MESSAGE]);
  mh_buf_puts(&report->parts[JSON],
              "{\"kind\":\"internal\",\"reason\":\"no_report\","
              "\"message\":\"the error cannot be written as JSON\"}");
  take(L, read_json, NULL, &report->parts[JSON]);
  if (!lua_istable(L, -1)) return;
  take(L, read_field, "kind", &report->parts[KIND]);
  take(L, read_field, "reason", &report->parts[REASON]);
  take(L, read_field, "hint", &report->parts[HINT]);
  take(L, read_request, NULL, &report->parts[REQUEST]);
  take(L, read_field, "trace", &report->parts[TRACE]);
}

void mh_report(lua_State *L, const mh_log *log, void *user,
               void (*on_error)(void *user, const moonherd_error *error)) {
  if (on_error == NULL) return;
  moonherd_error report;
  for (int i = 0; i < PARTS; i++) mh_buf_init(&report.parts[i], NULL);
  fill(L, &report);
  for (int i = 0; i < PARTS; i++) {
    // What cannot be masked is not shown.
    if (mh_log_mask(log, &report.parts[i]) != 0) mh_buf_clear(&report.parts[i]);
    if (mh_buf_cstr(&report.parts[i]) == NULL) mh_buf_clear(&report.parts[i]);
  }
  on_error(user, &report);
  for (int i = 0; i < PARTS; i++) mh_buf_fini(&report.parts[i]);
}
