/* The result of a run. See result.h. What an error says has its secrets hidden already. */
#include "cli/result.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/say.h"

static const char *outcome_of(int code) {
  switch (code) {
    case 0: return "done";
    case EXIT_USAGE: return "usage";
    case EXIT_TIMED_OUT: return "timed_out";
    case EXIT_INTERRUPTED:
    case EXIT_TERMINATED: return "interrupted";
    case EXIT_PIPE_CLOSED: return "pipe_closed";
    default: return "failed";
  }
}

static int cannot_write(const char *path) {
  return cli_say("--result: cannot write %s: %s", path, strerror(errno)), false;
}

/* A device, a pipe, or one of our own streams: written as it is, nothing can take its place. */
static bool is_stream(const char *path) {
  struct stat st;
  if (strncmp(path, "/dev/", 5) == 0) return true;
  return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

bool cli_result_can_be_written(const char *path) {
  char copy[PATH_MAX];
  struct stat st;
  if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) errno = ENAMETOOLONG;
  else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) errno = EISDIR;
  else if (access(is_stream(path) ? path : dirname(copy), W_OK) == 0) return true;
  return cannot_write(path);
}

/* The time of day that was so many seconds ago, as "2026-02-20T17:26:15Z". */
static void put_time_ago(FILE *file, double seconds) {
  time_t then = time(NULL) - (time_t)seconds;
  struct tm utc;
  char text[32];
  gmtime_r(&then, &utc);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  fprintf(file, "\"%s\"", text);
}

static void put_counts(FILE *file, const moonherd_counts *counts) {
  fprintf(file, ",\"requests\":{\"made\":%llu,\"retries\":%llu,\"failed\":%llu,\"no_answer\":%llu",
          counts->requests, counts->retries, counts->failed, counts->status[0]);
  for (int digit = 1; digit <= 5; digit++)
    fprintf(file, ",\"status_%dxx\":%llu", digit, counts->status[digit]);
  fprintf(file, ",\"budget_waits\":%llu,\"budget_seconds\":%.3f}", counts->budget_waits,
          counts->budget_seconds);
}

/* What the command line has wrong was said, and is no error of a script. */
static void put_error(FILE *file, const cli_output *out, int code) {
  fputs(",\"error\":", file);
  if (out->error != NULL || code != EXIT_USAGE || cli_last_said() == NULL) {
    fputs(out->error != NULL ? out->error : "null", file);
    return;
  }
  fputs("{\"kind\":\"usage\",\"reason\":\"command_line\",\"message\":", file);
  cli_put_json_string(file, cli_last_said());
  fputc('}', file);
}

static void put_result(FILE *file, const cli_output *out, int code, double seconds) {
  const cli_options *o = out->options;
  fprintf(file,
          "{\"outcome\":\"%s\",\"exit_code\":%d,\"seconds\":%.3f,\"began\":", outcome_of(code),
          code, seconds);
  put_time_ago(file, seconds);
  fputs(",\"script\":", file);
  if (o->source == FROM_CODE) fputs("\"-e\"", file);
  else if (o->script != NULL) cli_put_json_string(file, o->script);
  else fputs("null", file);
  put_counts(file, &out->counts);
  put_error(file, out, code);
  fputs("}\n", file);
}

static bool write_stream(const char *path, const cli_output *out, int code, double seconds) {
  int fd = open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
  FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
  if (file == NULL) return cannot_write(path);
  put_result(file, out, code, seconds);
  return fclose(file) == 0 || cannot_write(path);
}

/* Everything reaches the disk before the name does. */
static bool write_whole(FILE *file, const cli_output *out, int code, double seconds) {
  put_result(file, out, code, seconds);
  bool is_written = fflush(file) == 0 && !ferror(file) && fsync(fileno(file)) == 0;
  return fclose(file) == 0 && is_written;
}

/* A new file that takes the place of the old one, if there is one, with its permissions: readers find the
 * old one or the new one, whole. */
static bool replace(const char *path, const cli_output *out, int code, double seconds) {
  char temporary[PATH_MAX];
  struct stat old;
  int n = snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid());
  if (n < 0 || n >= (int)sizeof temporary) return errno = ENAMETOOLONG, cannot_write(path);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
  if (file == NULL) return cannot_write(path);
  if (stat(path, &old) == 0) fchmod(fd, old.st_mode & 0777);
  if (write_whole(file, out, code, seconds) && rename(temporary, path) == 0) return true;
  cannot_write(path);
  unlink(temporary);
  return false;
}

bool cli_write_result(const cli_output *out, int code, double seconds) {
  const char *path = out->options->result;
  if (is_stream(path)) return write_stream(path, out, code, seconds);
  char target[PATH_MAX];  // of a link
  return replace(realpath(path, target) != NULL ? target : path, out, code, seconds);
}
