/* The file of a timeline. See trace.h. Events go to it in whole ones, some at a time: a process that is
 * killed leaves an array that only lacks its end, which the format allows. */
#include "cli/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

enum { ROOM = 64 * 1024 };

struct cli_trace {
  const char *path;
  int fd;
  bool has_events, has_failed;
  size_t used;
  char buffer[ROOM];
};

static void fail(cli_trace *trace) {
  if (!trace->has_failed) cli_say("--trace: cannot write %s: %s", trace->path, strerror(errno));
  trace->has_failed = true;
}

static void write_out(cli_trace *trace, const char *bytes, size_t n) {
  while (n > 0 && !trace->has_failed) {
    ssize_t written = write(trace->fd, bytes, n);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      fail(trace);
      return;
    }
    bytes += written;
    n -= (size_t)written;
  }
}

static void flush(cli_trace *trace) {
  write_out(trace, trace->buffer, trace->used);
  trace->used = 0;
}

static void put(cli_trace *trace, const char *bytes, size_t n) {
  memcpy(trace->buffer + trace->used, bytes, n);
  trace->used += n;
}

cli_trace *cli_trace_open(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  cli_trace *trace = fd >= 0 ? calloc(1, sizeof *trace) : NULL;
  if (trace == NULL) {
    cli_say("--trace: cannot write %s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    return NULL;
  }
  trace->path = path;
  trace->fd = fd;
  return trace;
}

void cli_on_trace(void *user, const char *json, size_t n) {
  static const size_t separator = 2;
  cli_trace *trace = ((cli_output *)user)->trace;
  if (trace->has_failed) return;
  if (trace->used + separator + n > ROOM) flush(trace);
  put(trace, trace->has_events ? ",\n" : "[\n", separator);
  trace->has_events = true;
  if (separator + n <= ROOM) {
    put(trace, json, n);
  } else {
    flush(trace);
    write_out(trace, json, n);
  }
}

bool cli_trace_close(cli_trace *trace) {
  if (trace == NULL) return true;
  flush(trace);
  const char *end = trace->has_events ? "\n]\n" : "[]\n";
  write_out(trace, end, strlen(end));
  if (close(trace->fd) != 0) fail(trace);
  bool is_written = !trace->has_failed;
  free(trace);
  return is_written;
}
