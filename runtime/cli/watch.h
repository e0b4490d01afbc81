/* --watch: sees when a source below a folder changes. */
#ifndef MH_CLI_WATCH_H
#define MH_CLI_WATCH_H

#include <stdbool.h>

/* Watches the folder and all below it, but for hidden ones and node_modules. Returns a descriptor to poll
 * for reading; -1: that failed, and has been said. */
int cli_watch_open(const char *folder);

/* Whether a source has changed since the last call; waits until an editor is done with saving. */
bool cli_watch_has_changed(int fd);

#endif
