/* See say.h. A process has one command line, and one standard error: so this is its only state. */
#include "cli/say.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/text.h"

static struct {
  bool is_json;
  char *last;
} speech;

void cli_say_in_json(bool on) {
  speech.is_json = on;
}

const char *cli_last_said(void) {
  return speech.last;
}

void cli_put_line_head(FILE *out, const char *level, const char *message) {
  struct timespec now;
  struct tm utc;
  char text[32];
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  fprintf(out, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"message\":", text, now.tv_nsec / 1000000,
          level);
  cli_put_json_string(out, message);
}

static void say(const char *level, const char *message) {
  if (!speech.is_json) {
    cli_print_text("moonherd: ", message, strlen(message));
    return;
  }
  cli_put_line_head(stderr, level, message);
  fputs("}\n", stderr);
}

/* NULL without memory. */
static char *compose(const char *format, va_list args) {
  char *message = NULL;
  return vasprintf(&message, format, args) >= 0 ? message : NULL;
}

void cli_say(const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *message = compose(format, args);
  va_end(args);
  if (message == NULL) return;
  say("error", message);
  free(speech.last);
  speech.last = message;
}

void cli_note(const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *message = compose(format, args);
  va_end(args);
  if (message == NULL) return;
  say("info", message);
  free(message);
}
