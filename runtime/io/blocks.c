/* Work off the loop thread, block by block. See blocks.h. */
#include "io/blocks.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

#include "moonherd.h"

/* Lives until libuv gives it back, which may be after its owner has gone. */
struct mh_blocks_job {
  uv_work_t work;
  mh_loop *loop;
  mh_blocks *owner; /* NULL: it was stopped */
  const char *bytes;
  size_t n;
  mh_block_function *on_block;
  void *state;
  int status;
  atomic_bool is_stopped;
  uv_sem_t has_let_go; /* posted when the worker no longer touches bytes and state */
};

static void on_work(uv_work_t *work) {
  struct mh_blocks_job *job = work->data;
  while (job->n > 0 && job->status == 0 && !atomic_load(&job->is_stopped)) {
    size_t n = job->n < MH_BLOCK_SIZE ? job->n : MH_BLOCK_SIZE;
    job->status = job->on_block(job->state, job->bytes, n);
    job->bytes += n;
    job->n -= n;
  }
  uv_sem_post(&job->has_let_go);
}

static void on_worked(uv_work_t *work, int status) {
  struct mh_blocks_job *job = work->data;
  job->loop->open_jobs--;
  mh_loop_event(job->loop);
  if (job->owner != NULL) {
    job->owner->job = NULL;
    mh_op_ready(&job->owner->op, status == 0 ? job->status : MOONHERD_ECANCELLED);
  }
  uv_sem_destroy(&job->has_let_go);
  free(job);
}

static void on_cancel(mh_op *op) {
  mh_blocks *b = (mh_blocks *)op;
  struct mh_blocks_job *job = b->job;
  if (uv_cancel((uv_req_t *)&job->work) != 0) {  // it runs, or has run
    atomic_store(&job->is_stopped, true);
    uv_sem_wait(&job->has_let_go);
  }
  job->owner = NULL;
  b->job = NULL;
}

void mh_blocks_init(mh_blocks *b, mh_loop *loop, const char *what) {
  mh_op_init(&b->op, loop, what, on_cancel);
  b->job = NULL;
}

int mh_blocks_start(mh_blocks *b, const void *bytes, size_t n, mh_block_function *on_block,
                    void *state) {
  struct mh_blocks_job *job = calloc(1, sizeof *job);
  if (job == NULL) return MOONHERD_ENOMEM;
  job->work.data = job;
  job->loop = b->op.loop;
  job->owner = b;
  job->bytes = bytes;
  job->n = n;
  job->on_block = on_block;
  job->state = state;
  if (uv_sem_init(&job->has_let_go, 0) != 0) {
    free(job);
    return MOONHERD_ENOMEM;
  }
  if (uv_queue_work(&job->loop->uv, &job->work, on_work, on_worked) != 0) {
    uv_sem_destroy(&job->has_let_go);
    free(job);
    return MOONHERD_ENOMEM;
  }
  job->loop->open_jobs++;
  b->job = job;
  mh_op_start(&b->op);
  return 0;
}

void mh_blocks_fini(mh_blocks *b) {
  mh_op_cancel(&b->op);
}
