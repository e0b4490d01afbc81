/* moonherd._tty: lines that a person types. lua/moonherd/prompt.lua asks for them. */
#include <lauxlib.h>
#include <lua.h>
#include <uv.h>

#include "core/error.h"
#include "core/wait.h"
#include "io/tty.h"

static const char LINE[] = "moonherd.line";

/* has_person() -> whether there is a terminal to ask on */
static int f_has_person(lua_State *L) {
  lua_pushboolean(L, mh_tty_has_person());
  return 1;
}

/* takes_colour() -> whether what is printed may have colours */
static int f_takes_colour(lua_State *L) {
  lua_pushboolean(L, mh_tty_takes_colour());
  return 1;
}

static int read_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  (void)op;
  mh_tty **tty = luaL_checkudata(L, -1, LINE);
  const mh_buf *line = mh_tty_line(*tty);
  if (line == NULL) lua_pushnil(L);
  else lua_pushlstring(L, line->len > 0 ? line->data : "", line->len);
  mh_tty_free(*tty);
  *tty = NULL;
  return 1;
}

/* read_line(who, is_hidden) -> text, nil at the end of the input, or nil and an error */
static int f_read_line(lua_State *L) {
  const char *who = luaL_checkstring(L, 1);
  bool is_hidden = lua_toboolean(L, 2);
  mh_task_can_wait(L, who);
  mh_tty **tty = lua_newuserdatauv(L, sizeof(mh_tty *), 0);
  *tty = NULL;
  luaL_setmetatable(L, LINE);
  int e = mh_tty_read_line(mh_loop_of(L), is_hidden, tty);
  if (e != 0)
    return mh_error_fail(L, "io", "io", "%s: cannot read from the terminal: %s", who,
                         uv_strerror(e));
  return mh_op_wait(L, mh_tty_op(*tty), read_done);
}

static int f_gc(lua_State *L) {
  mh_tty **tty = luaL_checkudata(L, 1, LINE);
  mh_tty_free(*tty);
  *tty = NULL;
  return 0;
}

static const luaL_Reg functions[] = {
    {"has_person", f_has_person},
    {"takes_colour", f_takes_colour},
    {"read_line", f_read_line},
    {NULL, NULL},
};

int luaopen_moonherd__tty(lua_State *L);
int luaopen_moonherd__tty(lua_State *L) {
  luaL_newmetatable(L, LINE);
  lua_pushcfunction(L, f_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, functions);
  return 1;
}
