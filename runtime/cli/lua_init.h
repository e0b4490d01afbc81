/* LUA_INIT and LUA_INIT_5_4: what runs before a script. */
#ifndef MH_CLI_LUA_INIT_H
#define MH_CLI_LUA_INIT_H

#include <stdbool.h>

#include "cli/cli.h"

/* Whether there is something to run before what the options name. */
bool cli_init_is_there(const cli_options *o);

/* Starts it in the handle, with the script's arguments. 0, or negative as moonherd_start. */
int cli_init_start(moonherd *m, const cli_options *o);

/* Whether what has been started was run to its end, and has neither failed nor called os.exit. */
bool cli_init_is_done(const moonherd *m);

#endif
