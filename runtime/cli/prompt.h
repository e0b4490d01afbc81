/* The prompt of the REPL, on a terminal. Nothing here waits, but for keys that belong to one
 * sequence: see keys.h. */
#ifndef MH_CLI_PROMPT_H
#define MH_CLI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/keys.h"

typedef struct cli_prompt cli_prompt;

cli_prompt *cli_prompt_new(cli_keys *keys); /* NULL without memory or a terminal that is known */
void cli_prompt_free(cli_prompt *p);

void cli_prompt_start(cli_prompt *p, const char *text); /* shows it and begins a line */
void cli_prompt_stop(cli_prompt *p);                    /* gives the terminal back */
bool cli_prompt_is_reading(const cli_prompt *p);

typedef enum cli_key {
  CLI_KEY_NONE,
  CLI_KEY_LINE,     /* *line is there until the next call, with its end; reading has stopped */
  CLI_KEY_COMPLETE, /* the name before the cursor is to be completed */
  CLI_KEY_END       /* Ctrl-D on an empty line */
} cli_key;

/* Takes a key. */
cli_key cli_prompt_key(cli_prompt *p, const char **line);

const char *cli_prompt_before_cursor(const cli_prompt *p, size_t *n);
void cli_prompt_go_to_end(cli_prompt *p);
void cli_prompt_insert(cli_prompt *p, const char *text); /* at the cursor */

/* Remembers an entry, of one line or several, for this session. False, and it is not to be kept either,
 * for one that begins with a space: it may hold a secret. */
bool cli_prompt_remember(cli_prompt *p, const char *entry);

/* Keeps an entry in the history, for sessions to come. */
void cli_prompt_keep(const cli_prompt *p, const char *entry, size_t n);

/* What is printed stands above the prompt: hide it, print whole lines, show it. */
void cli_prompt_hide(cli_prompt *p);
void cli_prompt_show(cli_prompt *p);

void cli_prompt_resize(cli_prompt *p); /* the terminal has another width */

/* Gives the terminal back while `stop` runs, unless it is NULL, and takes it again, with the line that is
 * being typed. */
void cli_prompt_pause(cli_prompt *p, void (*stop)(void));

int cli_columns(void); /* of the terminal */

#endif
