/* What a person sees of an error: the message, its place in the source, the hint, who spawned the
 * task. See cli.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/room.h"
#include "cli/say.h"
#include "cli/text.h"

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

/* A "FILE:LINE:" in a text, FILE one that a script can be in. */
typedef struct found_place {
  char file[512];
  int line;
  const char *end; /* what follows it */
} found_place;

/* The first of them. */
static bool find_place(const char *text, found_place *found) {
  for (const char *c = text; (c = strchr(c, ':')) != NULL; c++) {
    char *end;
    long line = strtol(c + 1, &end, 10);
    if (!isdigit((unsigned char)c[1]) || *end != ':') continue;
    const char *start = c;
    while (start > text && start[-1] != '\n' && start[-1] != '\t') start--;
    size_t n = (size_t)(c - start);
    if (n == 0 || n >= sizeof found->file || *start == '[') continue;
    memcpy(found->file, start, n);
    found->file[n] = '\0';
    found->line = (int)line;
    found->end = end + 1;
    return true;
  }
  return false;
}

/* The innermost: coroutine.wrap puts the place of the call before a message that has one. */
static bool find_innermost(const char *message, found_place *found) {
  if (!find_place(message, found)) return false;
  found_place next;
  while (*found->end == ' ' && find_place(found->end + 1, &next) &&
         strncmp(found->end + 1, next.file, strlen(next.file)) == 0)
    *found = next;
  return true;
}

/* Opens a source file; not what opening would wait for, or change: a message may name anything. */
static FILE *open_source(const char *name) {
  struct stat st;
  return stat(name, &st) == 0 && S_ISREG(st.st_mode) ? fopen(name, "r") : NULL;
}

static const char REPL[] = "repl"; /* what lines of the REPL are called, all of them */

/* Whether an error is certain to be in the entry of the REPL that runs, in one of its lines: it has no
 * trace, as it could not be loaded, or it is not in a function that an earlier one may have made. */
static bool is_in_entry(const cli_output *out, const char *trace) {
  if (out->repl == NULL || out->source == NULL) return false;
  const char *end = strchr(out->source, '\n'), *frame = strstr(trace, "\trepl:");
  bool has_lines = end != NULL && end[1] != '\0';
  if (frame == NULL) return has_lines;
  size_t n = strcspn(frame, "\n");
  return has_lines && memmem(frame, n, "in main chunk", strlen("in main chunk")) != NULL;
}

/* The source at a place, open; NULL when there is none. */
static FILE *open_place(const cli_output *out, const found_place *place, const char *trace) {
  const char *name = place->file;
  bool is_line = out->repl != NULL && strcmp(name, REPL) == 0;
  if (is_line && !is_in_entry(out, trace)) return NULL;
  bool is_text = out->source != NULL && (strcmp(name, "-e") == 0 || strcmp(name, "stdin") == 0);
  if (!is_text && !is_line) return open_source(name);
  return fmemopen((void *)out->source, strlen(out->source), "r");
}

/* Where the innermost task was spawned whose place is known: "…, spawned at FILE:LINE". */
static bool find_spawned(const char *trace, found_place *found) {
  static const char before[] = ", spawned at ";
  const char *at = strstr(trace, before);
  if (at == NULL) return false;
  at += sizeof before - 1;
  const char *end = at + strcspn(at, "\n"), *colon = end;
  while (colon > at && isdigit((unsigned char)colon[-1])) colon--;
  size_t n = (size_t)(colon - at);
  if (colon == end || n < 2 || n > sizeof found->file || colon[-1] != ':') return false;
  memcpy(found->file, at, n - 1);
  found->file[n - 1] = '\0';
  found->line = (int)strtol(colon, NULL, 10);
  return true;
}

static void print_place(const cli_output *out, const char *before, const found_place *place,
                        FILE *file) {
  if (before != NULL) fprintf(stderr, "  %s %s:%d\n", before, place->file, place->line);
  print_lines(out, file, place->line);
  fclose(file);
}

/* Shows where in the script it happened: the line itself and those beside it. Only what Lua has
 * raised begins with a place. Other messages may be a server's, and must not choose a file to be
 * shown. What has no place in the script is shown where its task was spawned. */
static void print_source(const cli_output *out, const moonherd_error *error) {
  found_place place;
  FILE *file = NULL;
  const char *trace = moonherd_error_trace(error);
  if (strcmp(moonherd_error_kind(error), "script") == 0 &&
      find_innermost(moonherd_error_message(error), &place))
    file = open_place(out, &place, trace);
  if (file != NULL) {
    print_place(out, NULL, &place, file);
  } else if (find_place(trace, &place)) {
    if ((file = open_place(out, &place, trace)) != NULL) print_place(out, "at", &place, file);
  } else if (find_spawned(trace, &place)) {
    if ((file = open_place(out, &place, trace)) != NULL)
      print_place(out, "spawned at", &place, file);
  }
}

static const char SKIPPED[] = "\t...\t(skipping "; /* levels of a deep stack */

static const char HOST_TASK[] = ", spawned at the host"; /* it is nowhere in the script */

/* The frames that are the script's own, and the tasks. */
static bool is_shown(const char *line, size_t n) {
  return n > 1 && memmem(line, n, HOST_TASK, sizeof HOST_TASK - 1) == NULL && line[0] == '\t' &&
         line[1] != '[' && line[1] != '(' && strncmp(line, SKIPPED, sizeof SKIPPED - 1) != 0;
}

static void print_repeats(int count) {
  if (count > 0) fprintf(stderr, "  (and %d more of them)\n", count);
}

/* The frames of a function that calls itself are shown once. */
static void print_trace(const char *trace) {
  const char *last = "";
  size_t last_n = 0;
  int repeats = 0;
  for (const char *line = trace; line != NULL && *line != '\0';) {
    const char *end = strchr(line, '\n');
    size_t n = end != NULL ? (size_t)(end - line) : strlen(line);
    if (is_shown(line, n) && n == last_n && strncmp(line, last, n) == 0) {
      repeats++;
    } else if (is_shown(line, n)) {
      print_repeats(repeats);
      cli_print_text("  ", line + 1, n - 1);
      last = line;
      last_n = n;
      repeats = 0;
    }
    line = end != NULL ? end + 1 : NULL;
  }
  print_repeats(repeats);
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

enum { LONGEST_MESSAGE = 8192 };

/* What makes people stop to read must not take the screen away; the JSON has more of it. */
static void print_message(const moonherd_error *error, const char *message) {
  bool is_bare = strcmp(moonherd_error_kind(error), "cancelled") == 0 &&
                 strncmp(message, "cancelled", strlen("cancelled")) != 0;  // the reason alone
  const char *before = is_bare ? "moonherd: cancelled: " : "moonherd: ";
  size_t n = strlen(message), shown = n;
  if (n > LONGEST_MESSAGE) shown = LONGEST_MESSAGE;
  while (shown < n && shown > 0 && (message[shown] & 0xC0) == 0x80) shown--;  // whole characters
  cli_print_text(before, message, shown);
  if (shown < n) fprintf(stderr, "  ... (%zu bytes in all)\n", n);
}

void cli_on_error(void *user, const moonherd_error *error) {
  cli_output *out = user;
  if (is_about_usage(error)) out->had_usage_error = true;
  const char *fields = moonherd_error_json(error);
  if (out->error == NULL && fields[0] != '\0') out->error = strdup(fields);
  if (out->options->logs_json) {
    cli_put_line_head(stderr, "error", moonherd_error_message(error));
    fprintf(stderr, ",\"error\":%s}\n", fields[0] != '\0' ? fields : "{}");
    return;
  }
  const char *message = moonherd_error_message(error), *hint = moonherd_error_hint(error);
  const char *request = moonherd_error_request(error);
  cli_make_room(out);
  print_colour(out, "\033[31m");
  print_message(error, message);
  print_colour(out, "\033[0m");
  print_source(out, error);
  if (request[0] != '\0') cli_print_text("  request: ", request, strlen(request));
  if (hint[0] != '\0') cli_print_text("  hint: ", hint, strlen(hint));
  print_trace(moonherd_error_trace(error));
  cli_fill_room(out);
}
