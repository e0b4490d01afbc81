/* --env-file: puts what .env files say into the environment, before anything reads that. The files
 * are read by Lua (lua/moonherd/cli/env_file.lua), as moonherd.env.load reads them. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const char CHUNK[] = "require 'moonherd.cli.env_file' (...)";

static void on_output(void *user, int stream, const char *bytes, size_t n) {
  if (stream == MOONHERD_STDOUT) fwrite(bytes, 1, n, user);
}

static void on_error(void *user, const moonherd_error *error) {
  (void)user;
  cli_say("--env-file: %s", moonherd_error_message(error));
}

/* Names and values in turn, each with a zero behind it. */
static bool set_all(const char *at, const char *end) {
  while (at < end) {
    const char *value = at + strlen(at) + 1;
    if (value >= end || setenv(at, value, 1) != 0) return false;
    at = value + strlen(value) + 1;
  }
  return true;
}

/* What the files set goes to `out`. */
static bool read_files(const char *const *args, int count, FILE *out) {
  moonherd_config config = {
      .size = sizeof config, .user = out, .on_output = on_output, .on_error = on_error};
  moonherd *m = moonherd_new(&config, NULL);
  if (m == NULL) return false;
  bool is_good = moonherd_load(m, "=--env-file", CHUNK, sizeof CHUNK - 1) == 0 &&
                 moonherd_start(m, count, args) == 0;
  while (is_good && moonherd_step(m, -1) > 0) continue;
  is_good = is_good && moonherd_exit_code(m) == 0;
  moonherd_close(m);
  return is_good;
}

bool cli_load_env_files(const char *const *args, int count) {
  if (count < 2) return true;
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream(&text, &n);
  bool is_good = out != NULL && read_files(args, count, out);
  is_good = out != NULL && fclose(out) == 0 && is_good && set_all(text, text + n);
  free(text);
  return is_good;
}
