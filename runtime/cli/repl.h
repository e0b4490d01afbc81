/* The REPL, on a handle whose script is lua/moonherd/cli/repl.lua. */
#ifndef MH_CLI_REPL_H
#define MH_CLI_REPL_H

#include "cli/cli.h"

/* Lets people type lines until they leave; returns the exit code. Instead of stepping to the end. */
int cli_repl(moonherd *m, cli_output *out);
void cli_repl_on_event(void *user, const char *name, const char *json, size_t n);

#endif
