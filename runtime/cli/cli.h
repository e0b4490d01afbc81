/* The `moonherd` executable: an ordinary host of moonherd.h. What its files share. */
#ifndef MH_CLI_H
#define MH_CLI_H

#include <stdbool.h>
#include <stddef.h>

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
  const char *target, *state, *account; /* NULL: not given */
  const char *log;                      /* level, or NULL */
  bool logs_json;
  bool allows_insecure_base_url;
  unsigned flags; /* of moonherd_config */
  double timeout; /* seconds; 0: none */
} cli_options;

/* Returns -1 to go on, or an exit code: then everything has been said. */
int cli_parse(int argc, char **argv, cli_options *options);

/* The options for moonherd_config.options; the caller frees it. NULL without memory. */
char *cli_config_json(const cli_options *options);

/* Loads NAME=VALUE lines into the environment. Returns false when that fails: it has been said. */
bool cli_load_env_file(const char *path);

/* ---- output ---- */

typedef struct cli_output {
  const cli_options *options;
  const char *source; /* text of the script when it is not a file, for error messages */
  bool has_colour;
  bool stdout_is_closed, stdout_has_failed;
  bool had_usage_error; /* the script asked for something the command line rules out: exit 2 */
  moonherd *handle;
} cli_output;

void cli_output_init(cli_output *output, const cli_options *options);
void cli_on_output(void *user, int stream, const char *bytes, size_t n);
void cli_on_log(void *user, int level, const char *json, size_t n);
void cli_on_error(void *user, const moonherd_error *error);

/* "moonherd: …" on stderr. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
