/* The prompt of the REPL, on a terminal. Nothing here waits: poll standard input, then feed a key. */
#ifndef MH_CLI_PROMPT_H
#define MH_CLI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cli_prompt cli_prompt;

cli_prompt *cli_prompt_new(void); /* NULL without memory or a terminal that is known */
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

/* Takes a key that is there. One that is half of a sequence waits for the rest. */
cli_key cli_prompt_key(cli_prompt *p, const char **line);

const char *cli_prompt_before_cursor(const cli_prompt *p, size_t *n);
void cli_prompt_insert(cli_prompt *p, const char *text); /* at the cursor */

/* What is printed stands above the prompt: hide it, print whole lines, show it. */
void cli_prompt_hide(cli_prompt *p);
void cli_prompt_show(cli_prompt *p);

int cli_columns(void); /* of the terminal */

#endif
