/* Child processes: one program, its output, and its end. Knows nothing of Lua.
 *
 *   mh_proc_start(loop, &spec, &child);   // 0, or a negative errno: there is no child then
 *   mh_proc_wait(child);                  // opens mh_proc_op(child)
 *   … when that is done: mh_proc_output, mh_proc_is_over, mh_proc_end …
 *   mh_proc_write(child, bytes, n);       // with `feeds`: opens mh_proc_feed_op(child)
 *   mh_proc_free(child);                  // kills what runs still
 *
 * A child leads a process group (and session) of its own: whatever it starts is stopped with it. It
 * has no descriptors but the three standard ones, and the default signal handlers. To that end every
 * descriptor of the process is marked close-on-exec, those that the host opened without it included.
 *
 * Time limits are those of the real world, under a virtual clock too, which stands still meanwhile:
 * a child knows no other time. Starting one waits for the kernel to load the program. */
#ifndef MH_PROC_H
#define MH_PROC_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/op.h"

typedef struct mh_proc mh_proc;

typedef struct mh_proc_spec {
  const char *const *argv; /* ends with NULL; the program is looked up in the child's PATH */
  const char *const *env;  /* NAME=VALUE, ends with NULL; NULL: that of this process */
  const char *cwd;         /* NULL: that of this process */
  const char *input;       /* its standard input; copied */
  size_t input_length;
  int input_fd;      /* what it reads instead, kept open by the caller; -1: none */
  bool feeds;        /* its input comes by mh_proc_write, and ends with mh_proc_end_input */
  size_t max_output; /* bytes of each stream; more stops the child, or makes it wait if `streams` */
  bool streams;      /* the operation is done whenever there is output, not only at the end */
  double timeout;    /* seconds; 0: none. When over, the child is stopped */
  double grace;      /* seconds between TERM and KILL */
} mh_proc_spec;

typedef enum mh_proc_failure {
  MH_PROC_OK,
  MH_PROC_TIMEOUT,  /* the time limit stopped it */
  MH_PROC_TOO_LARGE /* it wrote more than max_output */
} mh_proc_failure;

typedef struct mh_proc_end {
  int code, signal; /* one of them is 0 */
  mh_proc_failure failure;
} mh_proc_end;

/* Everything in `spec` is copied. */
int mh_proc_start(mh_loop *loop, const mh_proc_spec *spec, mh_proc **child);

/* Opens the operation: done when there is output to take (with `streams`), or all is over. Giving it
 * up stops the child. */
void mh_proc_wait(mh_proc *child);
mh_op *mh_proc_op(mh_proc *child);

/* Opens the operation of writing `n` bytes, which are copied: done when the child, or its pipe, has
 * taken them. Status 0, or MOONHERD_ECLOSED: it reads no more. Giving it up ends the input. 0, or
 * UV_ENOMEM. One at a time. */
int mh_proc_write(mh_proc *child, const char *bytes, size_t n);
mh_op *mh_proc_feed_op(mh_proc *child);
void mh_proc_end_input(mh_proc *child);

/* What came since it was last cleared, by the caller; stream 1 or 2. */
mh_buf *mh_proc_output(mh_proc *child, int stream);

/* It has ended, and nobody holds its output open. Then mh_proc_get_end says how. */
bool mh_proc_is_over(const mh_proc *child);
mh_proc_end mh_proc_get_end(const mh_proc *child);

/* TERM for the group and, after the grace, KILL; called again, KILL at once. */
void mh_proc_stop(mh_proc *child);

/* Kills the group when it has not ended; the loop reaps it. Accepts NULL. */
void mh_proc_free(mh_proc *child);

/* The name of a signal without SIG, or NULL for those of real time, which have none. */
const char *mh_proc_signal_name(int signal);

#endif
