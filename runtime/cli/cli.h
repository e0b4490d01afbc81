/* The `moonherd` executable: an ordinary host of moonherd.h. What its files share. */
#ifndef MH_CLI_H
#define MH_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "moonherd.h"

enum {
  EXIT_SCRIPT_FAILED = 1,
  EXIT_USAGE = 2,
  EXIT_TIMED_OUT = 124,
  EXIT_INTERRUPTED = 130,
  EXIT_TERMINATED = 143,
  EXIT_PIPE_CLOSED = 141,
};

typedef enum cli_source { FROM_FILE, FROM_STDIN, FROM_CODE, FROM_COMMAND } cli_source;

/* What the command line says. */
typedef struct cli_options {
  cli_source source;
  const char *script; /* FILE: its path; CODE: the code; COMMAND: its name */
  char **args;        /* arguments of the script or command; args[0] is its name */
  int arg_count;
  const char *target, *state, *account, *log; /* NULL: not given */
  const char *guard, *result, *trace;         /* paths of files, or NULL */
  const char **env_files; /* their paths, from [1] on; the caller of cli_parse frees the list */
  int env_file_count;     /* with [0] */
  bool logs_json, watches;
  bool allows_insecure_base_url;
  unsigned flags; /* of moonherd_config */
  bool has_virtual_clock;
  double clock_start; /* of a virtual clock: seconds since 1970 */
  double timeout;     /* seconds; 0: none */
} cli_options;

/* Returns -1 to go on, or an exit code: then everything has been said. */
int cli_parse(int argc, char **argv, cli_options *options);

/* The options for moonherd_config.options; the caller frees it. NULL without memory. `progress`: seconds
 * between two lines that tell a progress, 0 for the usual. */
char *cli_config_json(const cli_options *options, double progress);

/* Puts what .env files, from args[1] on, say into the environment. False: it has been said why. */
bool cli_load_env_files(const char *const *args, int count);

enum { MOST_BARS = 8 };

/* One progress, as the log told it last. The fraction is below 0 when nobody knows how much there is. */
typedef struct cli_bar {
  char name[64], text[256];
  double fraction;
} cli_bar;

typedef struct cli_bars {
  bool is_on, is_covered; /* stderr is a terminal that can move its cursor; a prompt stands there */
  int count, drawn;       /* how many there are; on how many lines they stand now */
  cli_bar bars[MOST_BARS];
} cli_bars;

/* Takes a line of the log that tells a progress; false when the line is to be printed. */
bool cli_bars_take(cli_bars *bars, const char *json);
void cli_bars_hide(cli_bars *bars);
void cli_bars_show(cli_bars *bars);

/* ---- the words of the command line ---- */

typedef struct cli_entry {
  const char *name, *arguments, *text;
} cli_entry;

/* Each ends with a NULL name. A flag without arguments is a switch. */
extern const cli_entry cli_forms[], cli_commands[], cli_flags[], cli_exit_codes[];

/* NULL when there is none of that name. */
const cli_entry *cli_find(const cli_entry *table, const char *name, size_t n);

/* The name that is nearest to a mistyped one, or stands for a flag of other tools; else NULL. */
const char *cli_nearest(const cli_entry *table, const char *word);

void cli_print_help(FILE *out);

/* All tables, and `columns` of the terminal, as a table of Lua source, for commands written in Lua. */
void cli_write_table(FILE *out);

/* ---- output ---- */

typedef struct cli_output {
  const cli_options *options;
  const char *source; /* text of the script when it is not a file, for error messages */
  bool has_colour;
  bool stdout_is_closed, stdout_has_failed;
  bool had_usage_error; /* the script asked for something the command line rules out: exit 2 */
  bool stdout_is_terminal, has_changed; /* a source, while it ran */
  bool is_at_line_start;                /* the last byte that a terminal was sent ended a line */
  struct cli_prompt *prompt;            /* of the REPL, or NULL */
  struct repl *repl;                    /* likewise */
  cli_bars bars;
  moonherd *handle;
  struct cli_watch *watch; /* NULL: none was asked for */
  struct cli_trace *trace; /* likewise */
  char *error;             /* the first one, as JSON; NULL: there was none */
  moonherd_counts counts;  /* when it had ended */
} cli_output;

void cli_output_init(cli_output *output, const cli_options *options);
void cli_on_output(void *user, int stream, const char *bytes, size_t n);
void cli_on_log(void *user, int level, const char *json, size_t n);
void cli_on_error(void *user, const moonherd_error *error);

/* A text as a JSON string, quotes included. */
void cli_put_json_string(FILE *out, const char *text);
/* "moonherd: …" on stderr: what has gone wrong, and what else is to be known. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
