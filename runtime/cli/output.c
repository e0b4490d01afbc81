/* What a person sees: the script's output and the log; errors are in failure.c. See cli.h. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/prompt.h"
#include "cli/room.h"
#include "cli/text.h"

void cli_output_init(cli_output *output, const cli_options *options) {
  memset(output, 0, sizeof *output);
  output->options = options;
  const char *term = getenv("TERM");
  bool is_dumb = term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
  bool has_terminal = isatty(STDERR_FILENO) && !is_dumb;
  output->has_colour = has_terminal && getenv("NO_COLOR") == NULL;
  output->bars.is_on = has_terminal && !options->logs_json;
  output->stdout_is_terminal = isatty(STDOUT_FILENO);
}

void cli_make_room(cli_output *out) {
  cli_bars_hide(&out->bars);
  if (out->prompt != NULL) cli_prompt_hide(out->prompt);
}

void cli_fill_room(cli_output *out) {
  cli_bars_show(&out->bars);
  if (out->prompt != NULL) cli_prompt_show(out->prompt);
}

/* Writes it all, also where somebody has made the descriptor non-blocking. */
static bool write_all(int fd, const char *bytes, size_t n) {
  while (n > 0) {
    ssize_t written = write(fd, bytes, n);
    if (written >= 0) {
      bytes += written;
      n -= (size_t)written;
    } else if (errno == EAGAIN) {
      poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

/* A closed pipe is how `head` and the like end us; anything else is a failure. */
static void stdout_failed(cli_output *out) {
  bool is_closed = errno == EPIPE;
  if (is_closed) out->stdout_is_closed = true;
  else out->stdout_has_failed = true;
  if (!is_closed) cli_say("cannot write to standard output: %s", strerror(errno));
  moonherd_cancel(out->handle, "standard output cannot be written");
}

static void write_to_stdout(cli_output *out, const char *bytes, size_t n) {
  if (out->stdout_is_closed || out->stdout_has_failed) return;
  if (!write_all(STDOUT_FILENO, bytes, n)) stdout_failed(out);
}

void cli_on_output(void *user, int stream, const char *bytes, size_t n) {
  cli_output *out = user;
  bool is_shown = stream == MOONHERD_STDERR || out->stdout_is_terminal;
  if (is_shown) cli_make_room(out);
  if (stream == MOONHERD_STDERR) write_all(STDERR_FILENO, bytes, n);
  else write_to_stdout(out, bytes, n);
  if (is_shown && n > 0) out->is_at_line_start = bytes[n - 1] == '\n';
  if (is_shown && !out->is_at_line_start && out->prompt != NULL &&
      cli_prompt_is_reading(out->prompt))
    out->is_at_line_start = write_all(STDOUT_FILENO, "\n", 1);
  /* Behind a line that is not at its end they would swallow it. */
  if (is_shown && out->is_at_line_start) cli_fill_room(out);
}

/* ---- the log ------------------------------------------------------------------------------ */

/* Prints the JSON string that follows `name` in the line. */
static void print_string_member(const char *json, const char *name) {
  const char *at = strstr(json, name);
  if (at != NULL) cli_write_string(stderr, at + strlen(name), "\n  ");
}

void cli_on_log(void *user, int level, const char *json, size_t n) {
  static const char *const names[] = {"error: ", "warning: ", "", "debug: "};
  cli_output *out = user;
  if (out->options->logs_json) {
    fwrite(json, 1, n, stderr);
    fputc('\n', stderr);
    return;
  }
  if (cli_bars_take(&out->bars, json)) return;
  cli_make_room(out);
  fprintf(stderr, "moonherd: %s", names[level]);
  print_string_member(json, "\"message\":\"");
  fputc('\n', stderr);
  cli_fill_room(out);
}
