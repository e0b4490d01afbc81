/* Lines from the terminal. See tty.h. */
#include "io/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <uv.h>

enum { PIECE = 4096 }; /* the longest line a terminal gives */

struct mh_tty {
  mh_op op;
  uv_poll_t poll; /* on a description of our own */
  int fd;
  struct termios saved;
  mh_buf line;
  bool is_hidden, is_polling, has_ended, is_freed;
};

bool mh_tty_has_person(void) {
  return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool mh_tty_takes_colour(void) {
  const char *term = getenv("TERM");
  bool is_plain = term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
  return !is_plain && getenv("NO_COLOR") == NULL && isatty(STDOUT_FILENO);
}

static void show_again(mh_tty *tty) {
  if (!tty->is_hidden) return;
  tty->is_hidden = false;
  tcsetattr(tty->fd, TCSADRAIN, &tty->saved);
}

static void on_closed(uv_handle_t *handle) {
  mh_tty *tty = handle->data;
  close(tty->fd);
  tty->op.loop->open_handles--;
  tty->is_polling = false;
  if (tty->is_freed) free(tty);
}

static void finish(mh_tty *tty) {
  show_again(tty);
  if (uv_is_closing((uv_handle_t *)&tty->poll)) return;
  tty->op.loop->open_jobs--;
  uv_close((uv_handle_t *)&tty->poll, on_closed);
}

static void on_cancel(mh_op *op) {
  finish((mh_tty *)op);  // op is the first member
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  mh_tty *tty = poll->data;
  (void)events;
  mh_loop_event(tty->op.loop);
  char piece[PIECE];
  ssize_t n = status == 0 ? read(tty->fd, piece, sizeof piece) : 0;
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  bool is_whole = n > 0 && piece[n - 1] == '\n';
  tty->has_ended = n <= 0;
  if (n > 0 && mh_buf_append(&tty->line, piece, (size_t)(n - is_whole)) != 0) tty->has_ended = true;
  explicit_bzero(piece, sizeof piece);
  if (!is_whole && !tty->has_ended) return;
  finish(tty);
  mh_op_ready(&tty->op, 0);
}

static int open_terminal(mh_tty *tty) {
  int flags = O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  tty->fd = open("/proc/self/fd/0", flags);
  if (tty->fd < 0) tty->fd = open("/dev/tty", flags);
  if (tty->fd < 0) return -errno;
  return tcgetattr(tty->fd, &tty->saved) == 0 ? 0 : -errno;
}

static void hide(mh_tty *tty) {
  struct termios hidden = tty->saved;
  hidden.c_lflag &= ~(tcflag_t)ECHO;
  hidden.c_lflag |= ECHONL;  // the end of the line is no secret
  tty->is_hidden = tcsetattr(tty->fd, TCSADRAIN, &hidden) == 0;
}

int mh_tty_read_line(mh_loop *loop, bool is_hidden, mh_tty **result) {
  mh_tty *tty = *result = calloc(1, sizeof *tty);
  if (tty == NULL) return UV_ENOMEM;
  mh_op_init(&tty->op, loop, "an answer", on_cancel);
  mh_buf_init(&tty->line, NULL);
  int e = open_terminal(tty);
  if (e == 0) e = uv_poll_init(&loop->uv, &tty->poll, tty->fd);
  if (e != 0) {
    if (tty->fd >= 0) close(tty->fd);
    return e;
  }
  tty->poll.data = tty;
  tty->is_polling = true;
  loop->open_handles++;
  loop->open_jobs++;  // a virtual clock stands still for people
  if (is_hidden) hide(tty);
  mh_op_start(&tty->op);
  uv_poll_start(&tty->poll, UV_READABLE, on_readable);
  return 0;
}

mh_op *mh_tty_op(mh_tty *tty) {
  return &tty->op;
}

mh_buf *mh_tty_line(mh_tty *tty) {
  return tty->has_ended && tty->line.len == 0 ? NULL : &tty->line;
}

void mh_tty_free(mh_tty *tty) {
  if (tty == NULL) return;
  mh_op_cancel(&tty->op);
  if (tty->line.len > 0) explicit_bzero(tty->line.data, tty->line.len);
  mh_buf_fini(&tty->line);
  tty->is_freed = true;
  if (!tty->is_polling) free(tty);
}
