/* --trace FILE: the timeline of a run, an array of events that Perfetto opens. */
#ifndef MH_CLI_TRACE_H
#define MH_CLI_TRACE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cli_trace cli_trace;

/* Opens the file; what was in it is lost. NULL when that fails: it has been said. */
cli_trace *cli_trace_open(const char *path);

/* moonherd_config.on_trace; `user` is the cli_output. */
void cli_on_trace(void *user, const char *json, size_t n);

/* Ends the array and closes the file. Returns false when something of it could not be written: that has
 * been said. NULL is allowed. */
bool cli_trace_close(cli_trace *trace);

#endif
