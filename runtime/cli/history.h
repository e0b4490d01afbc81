/* What people have typed, entries of one line or several, in a file of their own:
 * $XDG_STATE_HOME/moonherd/history, mode 0600. Several sessions may add to it at once. It is cut at its
 * beginning when it has become too long. */
#ifndef MH_CLI_HISTORY_H
#define MH_CLI_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cli_history {
  char path[4096]; /* "": nothing is kept */
} cli_history;

/* Finds the file and makes its folder. False when that is not possible. */
bool cli_history_find(cli_history *h);

/* Calls `on_entry` for every entry, oldest first, with the end of its last line. */
void cli_history_each(const cli_history *h, void (*on_entry)(void *user, const char *entry),
                      void *user);

/* Adds an entry, without the end of its last line. One that is very long is not kept. */
void cli_history_add(const cli_history *h, const char *entry, size_t n);

#endif
