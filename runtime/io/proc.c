/* Child processes. See proc.h.
 *
 * A child is over when its process has ended and both outputs have been read to their end. Its memory
 * lives until then, and until libuv has closed the handles in it, whoever else has let go of it. */
#include "io/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "moonherd.h"

enum { PIECE = 64 * 1024 }; /* read at once */

typedef struct output {
  mh_proc *child;
  uv_pipe_t pipe;
  mh_buf bytes;
  bool is_open, is_paused;
} output;

struct mh_proc {
  mh_op op;
  mh_op feed; /* of mh_proc_write */
  uv_process_t process;
  uv_timer_t timer; /* the time limit, then the grace */
  uv_pipe_t input;
  uv_write_t write;
  char *to_write;
  output outputs[2];

  int open; /* handles that libuv has not closed yet */
  bool is_input_open, has_exited, is_over, is_freed, streams, feeds;
  int last_signal; /* sent to the group: 0, SIGTERM, SIGKILL */
  size_t max_output;
  double grace;
  mh_proc_end end;
};

/* ---- the life of the handles --------------------------------------------------------------- */

static void destroy(mh_proc *child) {
  free(child->to_write);
  for (int i = 0; i < 2; i++) mh_buf_fini(&child->outputs[i].bytes);
  free(child);
}

static void on_closed(uv_handle_t *handle) {
  mh_proc *child = handle->data;
  child->op.loop->open_handles--;
  if (--child->open == 0 && child->is_freed) destroy(child);
}

static void close_handle(void *handle) {
  uv_close(handle, on_closed);
}

/* A handle that libuv knows from now on. */
static void adopt(mh_proc *child, void *handle) {
  ((uv_handle_t *)handle)->data = child;
  child->open++;
  child->op.loop->open_handles++;
}

static void close_input(mh_proc *child) {
  if (!child->is_input_open) return;
  child->is_input_open = false;
  close_handle(&child->input);
}

static void finish_if_over(mh_proc *child) {
  bool may_go_on = !child->has_exited || child->outputs[0].is_open || child->outputs[1].is_open;
  if (child->is_over || may_go_on) return;
  child->is_over = true;
  close_input(child);
  close_handle(&child->timer);
  child->op.loop->open_jobs--;
  mh_op_ready(&child->op, 0);
}

static void close_output(output *out) {
  if (!out->is_open) return;
  out->is_open = false;
  close_handle(&out->pipe);
}

/* ---- stopping ------------------------------------------------------------------------------ */

/* The group keeps its number until its last process is gone: while an output is open one may live. */
static bool signal_group(mh_proc *child, int signal) {
  child->last_signal = signal;
  return kill(-child->process.pid, signal) == 0 || errno != EPERM;
}

static void leave_process(mh_proc *child) {
  if (child->has_exited) return;
  child->has_exited = true;
  close_handle(&child->process);
}

/* After KILL only a process that has left the group can hold the outputs: nobody waits for that, nor
 * for one that has become another user's. */
static void kill_group(mh_proc *child) {
  if (child->is_over) return;
  if (!signal_group(child, SIGKILL)) leave_process(child);
  if (!child->has_exited) return;
  close_output(&child->outputs[0]);
  close_output(&child->outputs[1]);
  finish_if_over(child);
}

static void on_timer(uv_timer_t *timer) {
  mh_proc *child = timer->data;
  mh_loop_event(child->op.loop);
  if (child->last_signal == 0) child->end.failure = MH_PROC_TIMEOUT;
  mh_proc_stop(child);
}

static void start_timer(mh_proc *child, double seconds) {
  double ms = seconds * 1e3 + 1;  // rounded up
  uv_update_time(&child->op.loop->uv);
  uv_timer_start(&child->timer, on_timer, ms < 1e15 ? (uint64_t)ms : (uint64_t)1e15, 0);
}

void mh_proc_stop(mh_proc *child) {
  if (child->is_over) return;
  if (child->last_signal != 0) {
    kill_group(child);
    return;
  }
  signal_group(child, SIGTERM);
  start_timer(child, child->grace);
}

static void on_cancel(mh_op *op) {
  mh_proc_stop((mh_proc *)op);  // op is the first member
}

static void on_exit_of(uv_process_t *process, int64_t code, int signal) {
  mh_proc *child = process->data;
  mh_loop_event(child->op.loop);
  child->end.code = (int)code;
  child->end.signal = signal;
  leave_process(child);
  if (child->last_signal != 0) kill_group(child);  // what it has started does not outlive it
  else finish_if_over(child);
}

/* ---- pipes --------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  output *out = (output *)((char *)handle - offsetof(output, pipe));
  (void)suggested;
  size_t room = mh_buf_reserve(&out->bytes, PIECE) == 0 ? PIECE : 0;
  *buf = uv_buf_init(room > 0 ? out->bytes.data + out->bytes.len : NULL, (unsigned)room);
}

/* More than is wanted: a reader may come for it, or the child has to stop. */
static void on_full(output *out) {
  mh_proc *child = out->child;
  if (child->streams) {
    out->is_paused = true;
    uv_read_stop((uv_stream_t *)&out->pipe);
    return;
  }
  out->bytes.len = child->max_output;
  close_output(out);
  if (child->last_signal != 0) return;
  child->end.failure = MH_PROC_TOO_LARGE;
  mh_proc_stop(child);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  output *out = (output *)((char *)stream - offsetof(output, pipe));
  mh_proc *child = out->child;
  (void)buf;
  mh_loop_event(child->op.loop);
  if (n < 0) {
    close_output(out);
    finish_if_over(child);
    return;
  }
  out->bytes.len += (size_t)n;
  if (n > 0 && child->streams) mh_op_ready(&child->op, 0);
  if (out->bytes.len > child->max_output) on_full(out);
  finish_if_over(child);
}

static void resume_reading(output *out) {
  if (!out->is_open || !out->is_paused || out->bytes.len > out->child->max_output) return;
  out->is_paused = false;
  uv_read_start((uv_stream_t *)&out->pipe, on_alloc, on_read);
}

/* ---- the input ----------------------------------------------------------------------------- */

/* A child need not read all that it is given. */
static void on_written(uv_write_t *write, int status) {
  mh_proc *child = write->data;
  mh_loop_event(child->op.loop);
  free(child->to_write);
  child->to_write = NULL;
  if (status != 0 || !child->feeds) close_input(child);
  mh_op_ready(&child->feed, status == 0 ? 0 : MOONHERD_ECLOSED);
}

static void start_writing(mh_proc *child, size_t n) {
  uv_buf_t piece = uv_buf_init(child->to_write, (unsigned)n);
  child->write.data = child;
  int e = uv_write(&child->write, (uv_stream_t *)&child->input, &piece, 1, on_written);
  if (e != 0) on_written(&child->write, e);
}

static int copy_input(mh_proc *child, const char *bytes, size_t n) {
  if (n > UINT_MAX) return UV_E2BIG;
  child->to_write = malloc(n);
  if (child->to_write == NULL) return UV_ENOMEM;
  memcpy(child->to_write, bytes, n);
  return 0;
}

int mh_proc_write(mh_proc *child, const char *bytes, size_t n) {
  bool has_work = child->is_input_open && n > 0;
  int e = has_work ? copy_input(child, bytes, n) : 0;
  if (e != 0) return e;
  mh_op_start(&child->feed);
  if (has_work) start_writing(child, n);
  else mh_op_ready(&child->feed, child->is_input_open ? 0 : MOONHERD_ECLOSED);
  return 0;
}

void mh_proc_end_input(mh_proc *child) {
  close_input(child);
}

static void on_cancel_feed(mh_op *op) {
  close_input((mh_proc *)((char *)op - offsetof(mh_proc, feed)));
}

mh_op *mh_proc_feed_op(mh_proc *child) {
  return &child->feed;
}

/* ---- starting ------------------------------------------------------------------------------ */

/* A pipe of which libuv has this process's end; the other one goes to the child. Real pipes, since
 * what libuv makes of itself are sockets, and those do not open as /dev/stdout. */
static int open_pipe(mh_proc *child, uv_pipe_t *pipe, int ours, int *theirs) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return -errno;
  uv_pipe_init(&child->op.loop->uv, pipe, 0);
  adopt(child, pipe);
  int e = uv_pipe_open(pipe, fds[ours]);
  if (e != 0) {
    close(fds[0]);
    close(fds[1]);
    close_handle(pipe);
    return e;
  }
  *theirs = fds[!ours];
  return 0;
}

static int open_input(mh_proc *child, const mh_proc_spec *spec, int *theirs) {
  if (spec->input_length == 0 && !spec->feeds) {
    bool is_given = spec->input_fd >= 0;
    *theirs = is_given ? fcntl(spec->input_fd, F_DUPFD_CLOEXEC, 3)
                       : open("/dev/null", O_RDONLY | O_CLOEXEC);
    return *theirs >= 0 ? 0 : -errno;
  }
  int e = spec->feeds ? 0 : copy_input(child, spec->input, spec->input_length);
  if (e == 0) e = open_pipe(child, &child->input, 1, theirs);
  child->is_input_open = e == 0;
  return e;
}

static int open_output(mh_proc *child, int i, int *theirs) {
  output *out = &child->outputs[i];
  int e = open_pipe(child, &out->pipe, 0, theirs);
  out->is_open = e == 0;
  return e;
}

static int spawn(mh_proc *child, const mh_proc_spec *spec, const int fds[3]) {
  uv_stdio_container_t stdio[3];
  for (int i = 0; i < 3; i++) {
    stdio[i].flags = UV_INHERIT_FD;
    stdio[i].data.fd = fds[i];
  }
  uv_process_options_t options = {
      .exit_cb = on_exit_of,
      .file = spec->argv[0],
      .args = (char **)spec->argv,
      .env = (char **)spec->env,
      .cwd = spec->cwd,
      .flags = UV_PROCESS_DETACHED,
      .stdio_count = 3,
      .stdio = stdio,
  };
  close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC);  // kernels before 5.11 cannot
  adopt(child, &child->process);
  int e = uv_spawn(&child->op.loop->uv, &child->process, &options);
  if (e != 0) close_handle(&child->process);
  return e;
}

static void begin(mh_proc *child, const mh_proc_spec *spec) {
  uv_timer_init(&child->op.loop->uv, &child->timer);
  adopt(child, &child->timer);
  child->op.loop->open_jobs++;
  if (spec->timeout > 0) start_timer(child, spec->timeout);
  if (child->to_write != NULL) start_writing(child, spec->input_length);
  for (int i = 0; i < 2; i++)
    uv_read_start((uv_stream_t *)&child->outputs[i].pipe, on_alloc, on_read);
}

/* Lets go of a child that never came to be. */
static void discard(mh_proc *child) {
  close_input(child);
  close_output(&child->outputs[0]);
  close_output(&child->outputs[1]);
  child->is_freed = true;
  if (child->open == 0) destroy(child);
}

int mh_proc_start(mh_loop *loop, const mh_proc_spec *spec, mh_proc **result) {
  mh_proc *child = calloc(1, sizeof *child);
  if (child == NULL) return UV_ENOMEM;
  mh_op_init(&child->op, loop, "child process", on_cancel);
  mh_op_init(&child->feed, loop, "child process to read", on_cancel_feed);
  child->streams = spec->streams;
  child->feeds = spec->feeds;
  child->max_output = spec->max_output;
  child->grace = spec->grace;
  for (int i = 0; i < 2; i++) child->outputs[i].child = child;
  int fds[3] = {-1, -1, -1};
  int e = open_input(child, spec, &fds[0]);
  if (e == 0) e = open_output(child, 0, &fds[1]);
  if (e == 0) e = open_output(child, 1, &fds[2]);
  if (e == 0) e = spawn(child, spec, fds);
  for (int i = 0; i < 3; i++)
    if (fds[i] >= 0) close(fds[i]);
  if (e != 0) {
    discard(child);
    return e;
  }
  begin(child, spec);
  *result = child;
  return 0;
}

void mh_proc_free(mh_proc *child) {
  if (child == NULL) return;
  child->is_freed = true;
  mh_op_cancel(&child->feed);
  mh_op_cancel(&child->op);
  kill_group(child);
  if (child->open == 0) destroy(child);
}

/* ---- waiting, results ---------------------------------------------------------------------- */

void mh_proc_wait(mh_proc *child) {
  mh_op_start(&child->op);
  for (int i = 0; i < 2; i++) resume_reading(&child->outputs[i]);
  bool has_output = child->outputs[0].bytes.len > 0 || child->outputs[1].bytes.len > 0;
  if (child->is_over || (child->streams && has_output)) mh_op_ready(&child->op, 0);
}

bool mh_proc_is_over(const mh_proc *child) {
  return child->is_over;
}

mh_op *mh_proc_op(mh_proc *child) {
  return &child->op;
}

mh_buf *mh_proc_output(mh_proc *child, int stream) {
  return &child->outputs[stream - 1].bytes;
}

mh_proc_end mh_proc_get_end(const mh_proc *child) {
  return child->end;
}

const char *mh_proc_signal_name(int signal) {
  return sigabbrev_np(signal);
}
