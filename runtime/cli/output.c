/* What a person sees: the script's output, the log, errors. See cli.h. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/prompt.h"
#include "cli/text.h"

void cli_say(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("moonherd: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
}

void cli_output_init(cli_output *output, const cli_options *options) {
  memset(output, 0, sizeof *output);
  output->options = options;
  output->watch = -1;
  const char *term = getenv("TERM");
  bool is_dumb = term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
  bool has_terminal = isatty(STDERR_FILENO) && !is_dumb;
  output->has_colour = has_terminal && getenv("NO_COLOR") == NULL;
  output->bars.is_on = has_terminal && !options->logs_json;
  output->stdout_is_terminal = isatty(STDOUT_FILENO);
}

/* What stands at the bottom of a terminal makes room for what is printed, and comes back behind it. */
static void make_room(cli_output *out) {
  cli_bars_hide(&out->bars);
  if (out->prompt != NULL) cli_prompt_hide(out->prompt);
}

static void fill_room(cli_output *out) {
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
  if (is_shown) make_room(out);
  if (stream == MOONHERD_STDERR) write_all(STDERR_FILENO, bytes, n);
  else write_to_stdout(out, bytes, n);
  if (is_shown && n > 0) out->is_at_line_start = bytes[n - 1] == '\n';
  if (is_shown && !out->is_at_line_start && out->prompt != NULL &&
      cli_prompt_is_reading(out->prompt))
    out->is_at_line_start = write_all(STDOUT_FILENO, "\n", 1);
  /* Behind a line that is not at its end they would swallow it. */
  if (is_shown && out->is_at_line_start) fill_room(out);
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
  make_room(out);
  fprintf(stderr, "moonherd: %s", names[level]);
  print_string_member(json, "\"message\":\"");
  fputc('\n', stderr);
  fill_room(out);
}

/* ---- errors ------------------------------------------------------------------------------- */

static void print_colour(const cli_output *out, const char *code) {
  if (out->has_colour) fputs(code, stderr);
}

/* A line of a source that is being shown. */
typedef struct shown_line {
  int number;
  bool is_it; /* where it happened, not beside it */
} shown_line;

static void on_masked_line(void *user, const char *line, size_t n) {
  const shown_line *shown = user;
  char before[24];
  snprintf(before, sizeof before, "%s%5d | ", shown->is_it ? ">" : " ", shown->number);
  cli_print_text(before, line, n);
}

/* Prints a line with its number in front. A secret may stand in it. */
static void print_line(const cli_output *out, const char *line, int number, bool is_it) {
  shown_line shown = {number, is_it};
  moonherd_mask(out->handle, line, strcspn(line, "\r\n"), on_masked_line, &shown);
}

/* Prints line `number` of a text or of an open file between those beside it; the last one when it has
 * ended before: what is missing there is found at the end. */
static void print_lines(const cli_output *out, FILE *file, int number) {
  char *lines[2] = {NULL, NULL}; /* line i and the one before it, at i % 2 */
  size_t rooms[2] = {0, 0};
  int i = 0;
  while (i < number && getline(&lines[(i + 1) % 2], &rooms[(i + 1) % 2], file) >= 0) i++;
  if (i == number && i > 1) print_line(out, lines[(i + 1) % 2], i - 1, false);
  if (i > 0) print_line(out, lines[i % 2], i, true);
  if (i == number && getline(&lines[(i + 1) % 2], &rooms[(i + 1) % 2], file) >= 0)
    print_line(out, lines[(i + 1) % 2], i + 1, false);
  free(lines[0]);
  free(lines[1]);
}

/* The first "FILE:LINE:" of a text, FILE one that a script can be in. */
static bool find_place(const char *text, char *file, size_t size, int *number) {
  for (const char *c = text; (c = strchr(c, ':')) != NULL; c++) {
    char *end;
    long line = strtol(c + 1, &end, 10);
    if (!isdigit((unsigned char)c[1]) || *end != ':') continue;
    const char *start = c;
    while (start > text && start[-1] != '\n' && start[-1] != '\t') start--;
    size_t n = (size_t)(c - start);
    if (n == 0 || n >= size || *start == '[') continue;
    memcpy(file, start, n);
    file[n] = '\0';
    *number = (int)line;
    return true;
  }
  return false;
}

/* Opens a source file; not what opening would wait for, or change: a message may name anything. */
static FILE *open_source(const char *name) {
  struct stat st;
  return stat(name, &st) == 0 && S_ISREG(st.st_mode) ? fopen(name, "r") : NULL;
}

/* Shows where in the script it happened: the line itself and those beside it. Only what Lua has raised begins with a
 * place. Other messages may be a server's, and must not choose a file to be shown. */
static void print_source(const cli_output *out, const moonherd_error *error) {
  const char *message = moonherd_error_message(error), *trace = moonherd_error_trace(error);
  char name[512];
  int number;
  bool is_in_message = strcmp(moonherd_error_kind(error), "script") == 0 &&
                       find_place(message, name, sizeof name, &number);
  if (!is_in_message && !find_place(trace, name, sizeof name, &number)) return;
  bool is_text = out->source != NULL && (strcmp(name, "-e") == 0 || strcmp(name, "stdin") == 0);
  FILE *file =
      is_text ? fmemopen((void *)out->source, strlen(out->source), "r") : open_source(name);
  if (file == NULL) return;
  if (!is_in_message) fprintf(stderr, "  at %s:%d\n", name, number);
  print_lines(out, file, number);
  fclose(file);
}

/* The frames that are the script's own, and who spawned the task. */
static void print_trace(const char *trace) {
  for (const char *line = trace; line != NULL && *line != '\0';) {
    const char *end = strchr(line, '\n');
    size_t n = end != NULL ? (size_t)(end - line) : strlen(line);
    bool is_frame = n > 1 && line[0] == '\t' && line[1] != '[' && line[1] != '(' &&
                    strncmp(line, "\t...", 4) != 0;
    if (is_frame) cli_print_text("  ", line + 1, n - 1);
    line = end != NULL ? end + 1 : NULL;
  }
}

/* Errors after which the exit code is that of a wrong command line. */
static bool is_about_usage(const moonherd_error *error) {
  static const char *const reasons[] = {"command_line",
                                        "target_conflict",
                                        "target_missing",
                                        "no_account",
                                        "insecure_base_url",
                                        "virtual_clock",
                                        NULL};
  for (const char *const *reason = reasons; *reason != NULL; reason++)
    if (strcmp(moonherd_error_reason(error), *reason) == 0) return true;
  return false;
}

void cli_on_error(void *user, const moonherd_error *error) {
  cli_output *out = user;
  if (is_about_usage(error)) out->had_usage_error = true;
  const char *fields = moonherd_error_json(error);
  if (out->error == NULL && fields[0] != '\0') out->error = strdup(fields);
  if (out->options->logs_json) {
    const char *json = moonherd_error_json(error);
    fprintf(stderr, "{\"level\":\"error\",\"error\":%s}\n", json[0] != '\0' ? json : "{}");
    return;
  }
  const char *message = moonherd_error_message(error), *hint = moonherd_error_hint(error);
  const char *request = moonherd_error_request(error);
  make_room(out);
  print_colour(out, "\033[31m");
  cli_print_text("moonherd: ", message, strlen(message));
  print_colour(out, "\033[0m");
  print_source(out, error);
  if (request[0] != '\0') cli_print_text("  request: ", request, strlen(request));
  if (hint[0] != '\0') cli_print_text("  hint: ", hint, strlen(hint));
  print_trace(moonherd_error_trace(error));
  fill_room(out);
}
