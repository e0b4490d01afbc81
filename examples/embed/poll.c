/* A program with a poll loop of its own: lines from standard input, each a JSON value, go to a script
 * as events; what the script emits is printed.
 *
 *   cc poll.c -o poll $(pkg-config --cflags --libs moonherd) && echo '[1,2,3]' | ./poll poll.lua */
#include <errno.h>
#include <moonherd.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void on_event(void *user, const char *name, const char *json, size_t n) {
  (void)user;
  printf("%s: %.*s\n", name, (int)n, json);
}

static void on_error(void *user, const moonherd_error *error) {
  (void)user;
  printf("error: %s\n", moonherd_error_message(error));
}

/* What has been read and is not a whole line yet. */
typedef struct input {
  char text[4096];
  size_t n;
} input;

static void send_line(moonherd *m, const char *line, size_t n) {
  int e = moonherd_send(m, "line", line, n);
  if (e == MOONHERD_EINVAL) printf("not JSON: %.*s\n", (int)n, line);
  if (e == MOONHERD_EFULL) printf("too many lines wait: %.*s is lost\n", (int)n, line);
}

/* Sends the lines that have arrived. Returns false at the end of the input. */
static bool read_lines(moonherd *m, input *in) {
  ssize_t got = read(STDIN_FILENO, in->text + in->n, sizeof in->text - in->n);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) return false;
  in->n += (size_t)got;
  char *line = in->text, *end;
  while ((end = memchr(line, '\n', in->n)) != NULL) {
    send_line(m, line, (size_t)(end - line));
    in->n -= (size_t)(end + 1 - line);
    line = end + 1;
  }
  memmove(in->text, line, in->n);
  return in->n < sizeof in->text;  // a line that is too long ends it, too
}

int main(int argc, char **argv) {
  moonherd_config config = {.size = sizeof config, .on_event = on_event, .on_error = on_error};
  moonherd *m = moonherd_new(&config, NULL);
  if (m == NULL || argc != 2 || moonherd_load_file(m, argv[1]) != 0) return 1;
  moonherd_start(m, 1, (const char *const *)argv + 1);
  input in = {.n = 0};
  struct pollfd fds[] = {
      {.fd = moonherd_fd(m), .events = POLLIN},
      {.fd = STDIN_FILENO, .events = POLLIN},
  };
  while (moonherd_step(m, 0) > 0) {
    if (poll(fds, 2, moonherd_timeout(m)) < 0 && errno != EINTR) break;
    if (fds[1].revents != 0 && !read_lines(m, &in)) {
      moonherd_send(m, "line", NULL, 0);  // null: there are no more
      fds[1].fd = -1;                     // poll leaves it out
    }
  }
  int code = moonherd_exit_code(m);
  moonherd_close(m);
  return code;
}
