/* See lua_init.h. Scripts find the globals that it leaves, and the modules. The commands that are
 * moonherd's own have nothing to do with it, but for the REPL. */
#include "cli/lua_init.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A module would not do: a guard keeps those of the command line from scripts. The value says that all
 * has been run: os.exit gives others. */
static const char CHUNK[] =
    "local name = os.getenv 'LUA_INIT_5_4' and 'LUA_INIT_5_4' or 'LUA_INIT'\n"
    "local text = os.getenv(name) or ''\n"
    "local file = text:match '^@(.*)'\n"
    "local chunk, why\n"
    "if file then chunk, why = loadfile(file) else chunk, why = load(text, '=' .. name) end\n"
    "if not chunk then error(why, 0) end\n"
    "chunk()\n"
    "return math.mininteger\n";

bool cli_init_is_there(const cli_options *o) {
  if (o->source == FROM_COMMAND && strcmp(o->script, "repl") != 0) return false;
  return getenv("LUA_INIT_5_4") != NULL || getenv("LUA_INIT") != NULL;
}

int cli_init_start(moonherd *m, const cli_options *o) {
  int e = moonherd_load(m, "=moonherd", CHUNK, sizeof CHUNK - 1);
  return e != 0 ? e : moonherd_start(m, o->arg_count, (const char *const *)o->args);
}

bool cli_init_is_done(const moonherd *m) {
  return moonherd_exit_code(m) == INT_MIN;
}
