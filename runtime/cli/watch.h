/* --watch: sees when a source in a folder, or anywhere below, changes. */
#ifndef MH_CLI_WATCH_H
#define MH_CLI_WATCH_H

#include <stdbool.h>

typedef struct cli_watch cli_watch;

/* Watches nothing yet. NULL when that fails: it has been said. */
cli_watch *cli_watch_open(void);
void cli_watch_close(cli_watch *watch); /* NULL is allowed */

/* Watches a folder, or the one a file is in, and all below it, also what is made there later; but no
 * hidden folders, and no node_modules. What is not there is left out. */
void cli_watch_add(cli_watch *watch, const char *path);

/* A descriptor to poll for reading: when it is ready, ask whether a source has changed. */
int cli_watch_fd(const cli_watch *watch);

/* The source that has changed since the last call, NULL when none has; waits until an editor is done with
 * saving. While a script runs, one that is written again as it was does not count: the script may be what
 * wrote it. The path is valid until the next call. */
const char *cli_watch_changed(cli_watch *watch, bool is_running);

#endif
