/* The lines that people have typed, in a file of their own: $XDG_STATE_HOME/moonherd/history, mode 0600.
 * Several sessions may add to it at once. It is cut at its beginning when it has become too long. */
#ifndef MH_CLI_HISTORY_H
#define MH_CLI_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cli_history {
  char path[4096]; /* "": nothing is kept */
} cli_history;

/* Finds the file and makes its folder. False when that is not possible. */
bool cli_history_find(cli_history *h);

/* Calls `on_line` for every line, oldest first, with its end. */
void cli_history_each(const cli_history *h, void (*on_line)(void *user, const char *line),
                      void *user);

/* Adds a line, without its end. One that is very long is not kept. */
void cli_history_add(const cli_history *h, const char *line, size_t n);

#endif
