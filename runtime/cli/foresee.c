/* See foresee.h. What is behind a script is the script's: a file it has there must not be written. */
#include "cli/foresee.h"

#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static bool is_flag(const char *word, size_t n, const char *name) {
  return strlen(name) == n && strncmp(word, name, n) == 0;
}

/* Whether the word may be the value of the unknown option before it. */
static bool may_be_value(const char *word) {
  return cli_find(cli_commands, word, strlen(word)) == NULL && access(word, F_OK) != 0;
}

/* Takes the option at argv[i]; returns where the next word stands. */
static int take(cli_foreseen *seen, int argc, char **argv, int i) {
  const char *word = argv[i++];
  size_t n = strcspn(word, "=");
  const cli_entry *flag = cli_find(cli_flags, word, n);
  bool has_value = word[n] == '=';
  const char *value = has_value ? word + n + 1 : i < argc ? argv[i] : NULL;
  if (flag == NULL)
    return i + (!has_value && value != NULL && value[0] != '-' && may_be_value(value));
  if (flag->arguments == NULL) return i;
  if (value != NULL && is_flag(word, n, "--log") && strcmp(value, "json") == 0)
    seen->logs_json = true;
  if (value != NULL && value[0] != '\0' && is_flag(word, n, "--result")) seen->result = value;
  return i + !has_value;
}

cli_foreseen cli_foresee(int argc, char **argv) {
  cli_foreseen seen = {NULL, false};
  bool is_command = false;
  for (int i = 1; i < argc;) {
    const char *word = argv[i];
    if (strcmp(word, "--") == 0 || strcmp(word, "-e") == 0) break;
    if (word[0] == '-' && word[1] != '\0') {
      i = take(&seen, argc, argv, i);
      continue;
    }
    if (!is_command && cli_find(cli_commands, word, strlen(word)) == NULL) break;
    is_command = is_command || strcmp(word, "run") != 0;
    i++;
  }
  return seen;
}
